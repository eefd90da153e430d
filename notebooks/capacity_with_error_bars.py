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
# # How many calls per second does it carry, and how sure is that?
#
# A recogniser has 20 channels, a call lasts 3 s on average, and of 100 callers no more than one may find every channel
# taken. How many calls per second may come?

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np

import sim
from sim.report.curves import capacity_curve
from sim.report.style import COLOURS
from sim.study.uncertainty import mean
from sim.theory.loss import offered_at

scenario = sim.load_scenario("scenarios/channel-limit.yaml", overrides={"duration": "5min", "expect": []})


def refused(rate, seed):
    """The share of the calls of one run that found every channel taken."""
    at = sim.load_scenario("scenarios/channel-limit.yaml", overrides={
        "duration": "5min", "expect": [], "arrivals.rate": f"{rate}/s"})  # fmt: skip
    return sim.run(at, seed=seed, ledger="summary", engine="compiled").summary.sessions.blocking


# %% [markdown]
# ## One run is one throw of the dice
#
# Twelve runs of five minutes at the same rate. Each is right about its own calls; none is the answer.

# %%
RATE = 4.0
runs = np.array([refused(RATE, seed) for seed in range(1, 13)])
print("refused at", RATE, "calls/s:", ", ".join(f"{share:.2%}" for share in runs))
all_of_them = mean(runs)
print(f"mean of all: {all_of_them.value:.2%} (95 %: {all_of_them.low:.2%} to {all_of_them.high:.2%})")

# %%
figure, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
axes.plot(100 * runs, np.zeros(len(runs)), "|", markersize=26, color=COLOURS[0], label="one run each")
axes.errorbar(
    100 * all_of_them.value, 0, xerr=100 * (all_of_them.high - all_of_them.value), fmt="o", color=COLOURS[1],
    capsize=5, label="mean with its 95 % interval",
)  # fmt: skip
axes.axvline(1.0, color="#6f6f6f", linestyle="--", linewidth=1, label="target")
axes.set(xlabel=f"calls refused at {RATE} calls/s, %", yticks=[], title="Some runs meet the target, some miss it")
axes.spines[["top", "right", "left"]].set_visible(False)
figure.legend(frameon=False, loc="outside lower left", ncols=3)
plt.show()

# %% [markdown]
# ## The search
#
# `sim.capacity` (on the command line `mrcpsim capacity`) goes on with runs where they tell most, until the answer is as
# narrow as asked, and says what breaks first. Its interval holds the truth as often as it says: `reports/coverage.md`.

# %%
with tempfile.TemporaryDirectory() as cache:
    found = sim.capacity(
        scenario, between=("2/s", "20/s"), targets=["sessions.blocking < 1%"], precision=0.05, workers=1, cache=cache
    )
print(f"{found.found.value:.2f} calls/s, 95 % sure between {found.found.low:.2f} and {found.found.high:.2f}")
print(f"breaks first: {found.breaks_first}; {found.runs} runs, {found.calls:,} calls simulated")

# %%
figure, axes = plt.subplots(figsize=(9, 4.6), layout="constrained")
capacity_curve(found, ax=axes)
plt.show()

# %% [markdown]
# ## What the formula says
#
# For this one question there is a formula, Erlang's of 1917: the load in erlangs at which 20 channels refuse 1 %. A
# call holds its channel a little longer than the caller talks, so the formula is close, not exact; and it knows nothing
# of the media tick, of connections, or of a plugin that is slow to close.

# %%
print(f"Erlang-B: {offered_at(0.01, 20) / 3.0:.2f} calls/s for calls of 3 s")

# %% [markdown]
# What a planner writes down is neither the formula nor one run, but the lower end of the interval:

# %%
print(f"plan for {found.found.low:.1f} calls/s per server")
