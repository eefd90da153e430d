# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Does the model do what a real server did?
#
# A simulator is only worth what it predicts. Here it is fitted to one log of a real UniMRCP 1.8.0 and then asked about
# another one, of a different load, from which it is told nothing but when callers came and how long they stayed.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import sim
from sim.calibration.calibrate import calibrate_logs
from sim.calibration.evidence import watch_logs
from sim.report.validation import draw_quantiles
from sim.validation.validate import validate

FITTED, OTHER = "tests/data/traces/poisson10.log.xz", "tests/data/traces/pools.log.xz"

# %% [markdown]
# ## Fit
#
# 600 calls with random gaps, and nothing asked of the recogniser. Service times, wake-ups and the media tick are read
# from the lines of the log; every value says what it was fitted to.

# %%
fitted = calibrate_logs([FITTED], name="fitted")
print("\n".join(fitted.text.splitlines()[:12]))

# %% [markdown]
# ## Predict
#
# Another day, three times the load, and a RECOGNIZE in every call, so that a BYE meets work in progress. The calls of
# that log are simulated with the fitted scenario, several times, and each latency is held against what was measured.

# %%
folder = tempfile.TemporaryDirectory()  # the scenario, and beside it a CSV file of what no family of distributions fits
path = Path(folder.name) / "fitted.yaml"
fitted.save(path)
scenario = sim.load_scenario(path)


def run(scenario, seed):
    return sim.run(scenario, seed=seed, ledger="full", engine="simpy")


found = validate(scenario, watch_logs([OTHER]), run, runs=4)
print(found.verdict)

# %%
rows = []
for name, compared in found.latency.items():
    for p, q in compared.quantiles.items():
        rows.append(
            {
                "latency": name, "": p, "measured, ms": 1e3 * q.measured, "95 % from": 1e3 * q.low,
                "to": 1e3 * q.high, "predicted, ms": 1e3 * q.predicted, "error": f"{q.error:+.1%}",
            }
        )  # fmt: skip
pd.DataFrame(rows).round(2)

# %% [markdown]
# Quantile against quantile: on the line the model is right, in the grey band within 10 %. The crosses are M/M/1, what
# the usual formula would have said.

# %%
names = [name for name in ("invite_to_answer", "terminate_to_release", "offer_to_media") if name in found.latency]
figure, several = plt.subplots(1, len(names), figsize=(4.2 * len(names), 4.2), layout="constrained")
for axes, name in zip(several, names, strict=True):
    draw_quantiles(axes, name, found.latency[name])
plt.show()

# %% [markdown]
# ## Where it is wrong
#
# The verdict names the quantiles that it judges by: what a caller notices. What it does not judge is in the table too.

# %%
for row in rows:
    if abs(row["predicted, ms"] / row["measured, ms"] - 1) > 0.1:
        print(
            f"{row['latency']} {row['']}: {row['measured, ms']:.2f} ms measured, {row['predicted, ms']:.2f} predicted"
        )

# %% [markdown]
# These are the plugin's own steps, a fraction of a millisecond each, which a caller can not tell from nothing; their
# tails are not predicted. One log is one log: all of them, with what disagrees and the place where the server breaks,
# are in `reports/validation.md`.
