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
# You need no knowledge of the server for this notebook. What an operator has is a table: when each pool was created,
# and when it was destroyed, if it was. The questions are those of *survival analysis*, the statistics of how long
# things last:
#
# 1. How long do pools live, and which of those that still live will never go?
# 2. How many leak, and how sure is that?
# 3. Are two versions of a plugin different, or is it chance?
#
# First with a simulated server, where the truth is known: version 1 of a plugin is healthy, version 2 forgets to say
# that it has closed in 2 of 100 calls. Then with logs of a real one.

# %%
import matplotlib.pyplot as plt
import pandas as pd
from scipy import stats

import sim
from sim.report.survivals import hazards, survival_curve, survivals
from sim.theory.intervals import poisson_rate

HOLD_S, DURATION_S = 20, 600

scenario = {
    "name": "pool-lifetimes",
    "duration": DURATION_S,
    "drain": "1ms",  # look at the server in the middle of its work: calls are still up when we look
    "arrivals": {"rate": "5/s"},
    "calls": {"hold": {"dist": "exponential", "mean": HOLD_S}},
    "server": {"sip": {"bye_response": "immediate"}, "limits": {"max_connection_count": None}},
}
bug = {"plugins.speechrecog.close.never": 0.02}


def run(seed, **changes):
    """A simulation of the server with one version of the plugin."""
    return sim.run(sim.load_scenario(scenario, overrides=changes), seed=seed, ledger="sessions", engine="simpy")


version_1, version_2 = run(11), run(12, **bug)
pools = {"version 1": sim.lifetimes(version_1), "version 2": sim.lifetimes(version_2)}
pools["version 2"].head()

# %% [markdown]
# One row per pool. `ended` says whether it was destroyed while we looked; if not, we only know that it lived *at
# least* `lifetime_s`. Such a lifetime is called **right-censored**. It is no missing value: leaving these rows out is
# the classic mistake, for it throws away precisely the leaked ones.

# %%
pd.DataFrame(
    {
        name: {
            "pools": len(table),
            "destroyed": int(table["ended"].sum()),
            "still alive (censored)": int((~table["ended"]).sum()),
            "mean lifetime, censored ones left out": table.loc[table["ended"], "lifetime_s"].mean(),
        }
        for name, table in pools.items()
    }
).round(2)

# %% [markdown]
# By the mean of the pools that ended, version 2 looks just as healthy. The difference is all in the censored rows.
#
# ## The survival curve
#
# The **Kaplan–Meier estimate** is the share of pools that live longer than a time, and it uses the censored rows for
# as long as they were under observation: at each time at which $d$ pools end while $n$ are still watched, the curve is
# multiplied by $1 - d/n$. Greenwood's formula gives its interval.

# %%
figure, (whole, tail) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
survivals(pools, "All pools: hardly a difference", whole)
survivals(pools, "The oldest: version 2 has a floor", tail)
tail.set(yscale="log", ylim=(1e-3, 1.2), xlim=(1, 700))
plt.show()

# %% [markdown]
# On the left the curves lie nearly on each other: a pool lives as long as its call. On the right, with a logarithmic
# axis, version 1 goes on falling while version 2 runs into a floor: a share of pools that do not die at any age.
# **The height of that floor is the leak probability.**

# %%
old = 10 * HOLD_S  # beyond ten mean hold times practically no honest call is left
for name, table in pools.items():
    curve = survival_curve(table)
    at = curve.age_s.searchsorted(old, side="right") - 1
    sure = f"95 %: {curve.low[at]:.2%} to {curve.high[at]:.2%}" if curve.share[at] else "none was left to watch"
    print(f"{name}: {curve.share[at]:.2%} live longer than {old} s ({sure})")

# %% [markdown]
# 2 % was put in. The **hazard** shows the same from the other side: how likely a pool of some age ends in the next
# second. For calls of exponential duration it is the same at any age, 1/20 s; a pool that has leaked has none.

# %%
figure, axes = plt.subplots(figsize=(9, 4.4), layout="constrained")
hazards(pools, "Old pools of version 2 hardly ever end", axes)
axes.axhline(1 / HOLD_S, color="#6f6f6f", linestyle="--", linewidth=1)
plt.show()

# %% [markdown]
# ## Are the versions different, or is it chance?
#
# The **log-rank test** adds up, over all times at which a pool ends, how many of version 2 did and how many would have
# if both versions were alike. It needs no assumption about the distribution and takes censored rows as they are.


# %%
def log_rank(a, b):
    """The probability of lifetimes so different by chance."""
    sides = [
        stats.CensoredData(uncensored=t.loc[t["ended"], "lifetime_s"], right=t.loc[~t["ended"], "lifetime_s"])
        for t in (a, b)
    ]
    return stats.logrank(*sides).pvalue


def told(p):
    return "below 0.0001" if p < 1e-4 else f"{p:.4f}"


print("version 1 against itself with other calls: p =", told(log_rank(pools["version 1"], sim.lifetimes(run(13)))))
print("version 1 against version 2:               p =", told(log_rank(*pools.values())))

# %% [markdown]
# The test looks at the whole curve, and most of it is the callers' own business: how long they talk. Asking the
# sharper question, how long a pool lives *after the caller has hung up*, sees the leak at a glance.


# %%
def after_hanging_up(result):
    """Seconds from the BYE to the end of the pool, in the same form; pools whose caller still talks are not in it."""
    rows = result.sessions.dropna(subset=["bye_s"])
    end = rows["released_s"].fillna(result.summary.horizon_s)
    return pd.DataFrame({"lifetime_s": end - rows["bye_s"], "ended": rows["released_s"].notna()})


after = {"version 1": after_hanging_up(version_1), "version 2": after_hanging_up(version_2)}
print("version 1 against version 2, after the BYE: p =", told(log_rank(*after.values())))
figure, axes = plt.subplots(figsize=(9, 4.4), layout="constrained")
survivals(after, "After the BYE the server needs milliseconds, or for ever", axes)
plt.show()

# %% [markdown]
# ## Leaks per hour
#
# Leaks are rare and independent, so their number is Poisson distributed, and a count has an exact interval (Garwood
# 1936). Pools that are still there a second after the BYE have leaked.

# %%
stuck = after["version 2"]
count = int((~stuck["ended"] & (stuck["lifetime_s"] > 1)).sum())
rate = poisson_rate(count, DURATION_S / 3600)
print(f"{count} leaks in {DURATION_S / 60:.0f} minutes: {rate.value:.0f} per hour ({rate.low:.0f} to {rate.high:.0f})")

# %% [markdown]
# Put in were 5 calls/s × 3600 s × 2 % = 360 per hour.
#
# ## The same with a real server
#
# Two logs of UniMRCP 1.8.0, each with callers who come at random and stay about as long: one with a healthy plugin, and
# one with a plugin that sometimes never answers a request. `sim.audit_log` reads a log into the same tables.

# %%
healthy = sim.audit_log("tests/data/traces/pools.log.xz")
forgets = sim.audit_log("tests/data/traces/recogdrop.log.xz")
real = {"healthy": after_hanging_up(healthy), "forgets": after_hanging_up(forgets)}
print("from creation on: p =", told(log_rank(sim.lifetimes(healthy), sim.lifetimes(forgets))))
print("after the BYE:    p =", told(log_rank(*real.values())))
figure, axes = plt.subplots(figsize=(9, 4.4), layout="constrained")
survivals(real, "A real server: nearly a tenth of the pools outlives its call, and none of them comes back", axes)
plt.show()

# %% [markdown]
# Over the whole lifetime the test does not see it: how long callers talk varies far more than what the plugin does.
# After the BYE there is no doubt.
#
# The statistics found the leaks from outside. The log also tells the reason for each:

# %%
print(next(iter(forgets.leaks), "nothing leaked"))
