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
# # Which sessions in this log have leaked, and why?
#
# A colleague says that the speech server grows until it refuses calls, and sends its log. This notebook finds what
# leaks, why, how fast, and when it will be too much. The log is `tests/data/traces/leak2.log.xz`, of a real UniMRCP
# 1.8.0; put in your own.

# %%
import io

import matplotlib.pyplot as plt
from IPython.display import SVG
from rich.console import Console

import sim
from sim.leaks.outlook import leak_report
from sim.report.comparison import print_comparison
from sim.report.plots import held_over_time, pool_survival
from sim.report.sequence import sequence_svg
from sim.report.timeline import story
from sim.report.verdicts import verdict_text

LOG = "tests/data/traces/leak2.log.xz"
result = sim.audit_log(LOG, ledger="full")
print(verdict_text(result.summary)[0])

# %% [markdown]
# ## Is it a leak, or a peak?
#
# Pools that are held come and go with the load. What has leaked stays when the load is gone.

# %%
figure, axes = plt.subplots(figsize=(9, 4.6), layout="constrained")
held_over_time(result, ax=axes)
plt.show()

# %% [markdown]
# Every pool that came back did so soon after its call. Those that did not are all far older: there is nothing between.

# %%
figure, axes = plt.subplots(figsize=(9, 4.6), layout="constrained")
pool_survival(result, ax=axes)
plt.show()

# %% [markdown]
# ## Which, and why?
#
# Each leak names the state in which the session stopped, what it waits for, and what it still holds.

# %%
for group in result.summary.leak_groups:
    print(f"{group.count} sessions: {group.cause}, {group.plugin}; stopped in {', '.join(group.states)}")
    print("they hold", ", ".join(f"{count} {name}" for name, count in group.holds.items()))
leak = next(iter(result.leaks), None)
print("\nfor example" if leak else "nothing leaked", leak or "")

# %% [markdown]
# The same session as a picture, message by message: the answer that never came is the open arrow.

# %%
SVG(sequence_svg(story(result, leak.session), leak)) if leak else None

# %% [markdown]
# The session's own id stands in the server's log; every line with it can be looked up there.

# %%
print(leak.session_id if leak else "nothing leaked")

# %% [markdown]
# ## How fast, and when is it too much?
#
# A count has an exact interval. The forecast is the same rate held against each limit that the log shows.

# %%
report = leak_report(result)
share, hourly = report.leak_probability, report.leaks_per_hour
print(f"{share.value:.1%} of the calls leak (95 %: {share.low:.1%} to {share.high:.1%})")
print(f"{hourly.value:.0f} per hour at this load (95 %: {hourly.low:.0f} to {hourly.high:.0f})")
print(report.memory.text)

# %% [markdown]
# ## Is it new?
#
# An older log of the same server, side by side: what differs, and what of it is beyond chance. Its calls were longer,
# 3 s and not 1 s, so pools lived longer: that is the callers' doing.

# %%
found = sim.compare(sim.audit_log("tests/data/traces/base20.log.xz"), result, names=["before", "now"])
text = io.StringIO()
print_comparison(
    found, Console(file=text, width=110, no_color=True, force_terminal=False, force_jupyter=False, highlight=False)
)
print(text.getvalue())

# %% [markdown]
# Apart from that it is the leak alone. The plugin's `close` is where to look. In the build of that plugin,
# so that it does not come back:
#
#     mrcpsim audit server.log --fail-on 'leaked.session_pool > 0'
