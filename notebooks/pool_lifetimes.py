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
# # How long does a session's memory live?
#
# A speech server (UniMRCP) makes one **memory pool** for every call and destroys it when the call is over. Between
# the two lies the pool's **lifetime**. If a pool is never destroyed, it has *leaked*; enough of them and the server
# takes no calls.
#
# You need no knowledge of the server for this notebook. A simulator, `mrcpsim`, plays its calls, once healthy and
# once with a bug: in 2 of 100 calls a plugin never says that it has closed. You get what an operator would have: a
# table of when each pool was created and when it was destroyed. The questions are those of *survival analysis*, the
# statistics of how long things last:
#
# 1. How long do pools live?
# 2. Which of those that still live are merely young, and which will never go?
# 3. How many leak per hour, and how sure is that number?

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

import sim

CALLS_PER_S, HOLD_S, DURATION_S = 5, 20, 1200

scenario = {
    "name": "pool-lifetimes",
    "duration": DURATION_S,
    "drain": "1ms",  # look at the server in the middle of its work: calls are still up when we look
    "arrivals": {"rate": CALLS_PER_S},
    "calls": {"hold": {"dist": "exponential", "mean": HOLD_S}},
    "server": {"sip": {"bye_response": "immediate"}, "limits": {"max_connection_count": None}},
}
bug = {"plugins.speechrecog.close.never": 0.02}

healthy = sim.run(sim.load_scenario(scenario), seed=11, ledger="sessions")
leaking = sim.run(sim.load_scenario(scenario, overrides=bug), seed=11, ledger="sessions")
leaking.sessions[["session", "created_s", "bye_s", "bye_ok_s", "released_s"]].head()

# %% [markdown]
# One row per call; times are seconds since the start. `bye_s` is when the caller hung up, `bye_ok_s` when the
# server confirmed it, `released_s` when the pool was destroyed: `NaN` when that has not happened by the end of the
# observation.
#
# Both runs use the same random numbers: the same callers come at the same times and stay equally long. Only the bug
# differs.
#
# ## Pools that still live are data
#
# A pool without a `released_s` is not a missing value. We know that it lived *at least* until we stopped looking.
# Such a lifetime is called **right-censored**. Leaving these rows out is the classic mistake: it throws away
# precisely the leaked ones.


# %%
def lifetimes(result: sim.RunResult) -> pd.DataFrame:
    """Each pool's lifetime in seconds, and whether its end was seen (otherwise it is censored)."""
    pools = result.sessions.dropna(subset=["created_s"])
    ended = pools["released_s"].notna()
    end = pools["released_s"].fillna(result.summary.horizon_s)
    hung_up = pools["bye_s"].notna()
    return pd.DataFrame({"seconds": end - pools["created_s"], "ended": ended, "hung_up": hung_up})


table = pd.DataFrame(
    {
        name: {
            "pools created": len(data),
            "destroyed": int(data["ended"].sum()),
            "still alive (censored)": int((~data["ended"]).sum()),
            "mean lifetime, censored ones left out": data.loc[data["ended"], "seconds"].mean(),
        }
        for name, data in {"healthy": lifetimes(healthy), "leaking": lifetimes(leaking)}.items()
    }
)
table.round(2)

# %% [markdown]
# By the mean of the pools that ended, the leaking server looks just as healthy. The difference is all in the
# censored rows.
#
# ## The survival curve
#
# The **Kaplan–Meier estimate** $\hat S(t)$ is the share of pools that live longer than $t$, and it uses the
# censored rows for as long as they were under observation. At each time $t_i$ at which $d_i$ pools end while $n_i$
# are still under observation, the curve is multiplied by $1 - d_i/n_i$. Greenwood's formula gives its standard
# error.


# %%
def kaplan_meier(data: pd.DataFrame) -> pd.DataFrame:
    """Survival curve with a 95 % band (log-log form, so that it stays between 0 and 1)."""
    at = data.groupby("seconds")["ended"].agg(["sum", "count"]).sort_index()
    under_observation = len(data) - at["count"].cumsum().shift(fill_value=0)
    step = 1 - at["sum"] / under_observation
    survival = step.cumprod()
    greenwood = (at["sum"] / (under_observation * (under_observation - at["sum"]).clip(lower=1))).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = 1.96 * np.sqrt(greenwood) / np.log(survival)
        low, high = survival ** np.exp(-spread), survival ** np.exp(spread)
    return pd.DataFrame({"survival": survival, "low": low, "high": high}).dropna()


curves = {name: kaplan_meier(lifetimes(result)) for name, result in {"healthy": healthy, "leaking": leaking}.items()}

# the same estimate as SciPy's
censored = lifetimes(leaking)
reference = stats.ecdf(
    stats.CensoredData(
        uncensored=censored.loc[censored["ended"], "seconds"], right=censored.loc[~censored["ended"], "seconds"]
    )
).sf
assert np.allclose(reference.evaluate(curves["leaking"].index), curves["leaking"]["survival"])

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"
figure, (whole, tail) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for axes in (whole, tail):
    for (name, curve), colour in zip(curves.items(), (BLUE, ORANGE), strict=True):
        axes.step(curve.index, curve["survival"], where="post", color=colour, label=name)
        axes.fill_between(curve.index, curve["low"], curve["high"], step="post", color=colour, alpha=0.2, linewidth=0)
    t = np.linspace(0, 500, 400)
    axes.plot(t, np.exp(-t / HOLD_S), color=GREY, linestyle="--", linewidth=1, label="hold time alone: exp(−t / 20 s)")
    axes.set(xlabel="age of a pool, s", xlim=(0, 120 if axes is whole else 500))
    axes.spines[["top", "right"]].set_visible(False)
whole.set(ylabel="share of pools still alive", ylim=(0, 1.02), title="All pools: hardly a difference to be seen")
tail.set(yscale="log", ylim=(1e-3, 1.2), title="Logarithmic: the leak is a floor")
whole.legend(frameon=False)
plt.show()

# %% [markdown]
# On the left, the curves lie nearly on each other and on the distribution of the calls' own durations: a pool lives
# as long as its call.
#
# On the right, with a logarithmic axis, the healthy curve goes on falling, while the leaking one runs into a floor:
# a share of pools that do not die at any age. **The height of that floor is the leak probability.**
#
# ## The leak probability
#
# Beyond ten mean hold times practically no honest call is left. What is alive there has leaked.

# %%
old = 10 * HOLD_S
floor = curves["leaking"].loc[:old].iloc[-1]
top = curves["healthy"].loc[:old].iloc[-1]
print(f"leaking: {floor['survival']:.2%} live longer than {old} s (95 %: {floor['low']:.2%} to {floor['high']:.2%})")
print(f"healthy: {top['survival']:.2%}")

# %% [markdown]
# The bug was put in with a probability of 2 %, and the interval contains it.
#
# ## Still young, or never to go?
#
# Any single censored pool can be judged too. If its caller has hung up (`bye_s` is known) and the server usually
# needs only milliseconds from there to the release, a pool that is still alive minutes later is no matter of
# patience.

# %%
pools = leaking.sessions.dropna(subset=["created_s"])
after_bye = (pools["released_s"] - pools["bye_s"]).dropna()
waiting = (leaking.summary.horizon_s - pools["bye_s"])[pools["released_s"].isna() & pools["bye_s"].notna()]

figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
bins = np.geomspace(1e-3, 2000, 60)
axes.hist(after_bye, bins, color=BLUE, label=f"destroyed so long after the BYE ({len(after_bye):,})")
axes.hist(waiting, bins, color=ORANGE, label=f"still waiting ({len(waiting)})")
axes.set(xscale="log", yscale="log", ylim=(0.8, None), xlabel="seconds since the caller hung up", ylabel="pools")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.show()
still_talking = int((pools["released_s"].isna() & pools["bye_s"].isna()).sum())
print(f"{still_talking} further pools are alive because their callers are still talking")

# %% [markdown]
# The two groups lie orders of magnitude apart. (All callers got their BYE confirmed at once, so *they* noticed
# nothing.)
#
# ## Leaks per hour
#
# Leaks are rare and independent, so their number is Poisson distributed, and a count $k$ has an exact interval. The
# count grows with time, so an estimate becomes sharper the longer one looks.

# %%
stuck = pools.loc[waiting.index[waiting > 1]].sort_values("bye_s")
hours = np.linspace(60, DURATION_S, 80) / 3600
counts = np.searchsorted(stuck["bye_s"], hours * 3600)
low = stats.chi2.ppf(0.025, 2 * counts) / 2
high = stats.chi2.ppf(0.975, 2 * counts + 2) / 2
truth = CALLS_PER_S * 3600 * 0.02

figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
axes.fill_between(hours * 60, np.nan_to_num(low) / hours, high / hours, color=ORANGE, alpha=0.25, label="95 % interval")
axes.plot(hours * 60, counts / hours, color=ORANGE, label="leaks seen so far, per hour")
axes.axhline(truth, color=GREY, linestyle="--", linewidth=1, label=f"put in: {truth:.0f} per hour")
axes.set(xlabel="minutes of observation", ylabel="leaks per hour", ylim=(0, 900))
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, ncols=3)
plt.show()
print(f"after {DURATION_S / 60:.0f} minutes: {counts[-1] / hours[-1]:.0f} per hour ({low[-1] / hours[-1]:.0f} to "
      f"{high[-1] / hours[-1]:.0f})")  # fmt: skip

# %% [markdown]
# ## What the server itself would tell
#
# The statistics found the leaks from outside. The simulator also knows the reason for each, and so does its reader
# of real server logs (`mrcpsim audit server.log`, then the same tables as here).

# %%
print(leaking.leaks[0])

# %% [markdown]
# To look at a recorded server beside the simulated one, set `leaking = sim.audit_log("server.log")` at the end of the
# first cell, and there `HOLD_S`, `CALLS_PER_S` and `DURATION_S` to those of the recording: the table has the same
# columns, and every cell works. `healthy` stays the simulated server to compare with; only the line "put in" is
# then a guess.
