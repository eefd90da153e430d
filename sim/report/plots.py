"""The pictures, one function each, on matplotlib: each draws one finding and returns the Axes, for pages and notebooks.

They are drawn from the result's tables; without a sessions table the latencies come from the summary's quantiles.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.leaks.life_curve import lives_of
from sim.ledger.result import RunResult
from sim.ledger.spans import label as latency_label
from sim.ledger.summary import Quantiles
from sim.report.phases import Phase, setup_phases
from sim.report.style import COLOURS, FAINT, INK, axes_for, figure_of, legend_below
from sim.report.survivals import age_axis, draw_survival
from sim.report.text import duration, number, plural, share
from sim.report.thinning import Spread, Steps, level_steps, spreads, times_created

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HELD_PNG = "held.png"
LATENCY_PNG = "latency.png"

BINS = 48  # of the offered load over time
COARSE = 90
"""Points of a curve on a page."""
COARSE_OF_MANY = 50
"""Points of each of several curves on a page."""


def write_pictures(result: RunResult, folder: Path) -> None:
    """Write `held.png` and `latency.png` into `folder`; the bytes depend on the result only."""
    for name, draw in ((HELD_PNG, held_over_time), (LATENCY_PNG, latencies)):
        # little compression: they are small, and it takes a seventh of the time to make them
        figure_of(draw(result)).savefig(
            folder / name, dpi=130, metadata={"Software": None}, pil_kwargs={"compress_level": 1}
        )


def held_over_time(
    result: RunResult, resource: str = "session_pool", ax: Axes | None = None, most: int | None = None
) -> Axes:
    """How many of `resource` were held when, with the offered load λ(t)·E[pool lifetime] and what leaked; at most
    about `most` points of the level."""
    axes = axes_for(_held_title(result, resource), ax)
    steps = level_steps(result, resource, most)
    horizon = result.summary.horizon_s
    top = 1.0
    if steps is not None:
        top = max(top, _draw_levels(axes, steps, horizon))
    if resource == "session_pool":
        top = max(top, _draw_offered(axes, result, horizon))
    use = result.summary.resources.get(resource)
    if use is not None and use.leaked:
        _level_line(axes, use.leaked, f"{number(use.leaked)} leaked", COLOURS[1])
    if use is not None and use.limit is not None and use.limit <= 3 * top:
        _level_line(axes, use.limit, f"limit {number(use.limit)}", INK)
        top = max(top, use.limit)
    what = "time since the log began, s" if result.summary.engine == "log" else "simulated time, s"
    axes.set(xlim=(0, horizon or 1), ylim=(0, 1.12 * top), xlabel=what, ylabel=f"{_words(resource)}s held")
    legend_below(axes)
    return axes


def _words(resource: str) -> str:
    kind, _, plugin = resource.partition(":")
    return f"{plugin} {kind.replace('_', ' ')}".strip()


def _held_title(result: RunResult, resource: str) -> str:
    use = result.summary.resources.get(resource)
    name = f"{result.summary.scenario}: "
    if use is None:
        return name + f"no {_words(resource)} was held"
    if use.leaked:
        return name + f"{number(use.leaked)} of {number(use.acquired)} {_words(resource)}s never came back"
    left = f", {number(use.held)} still held at the end" if use.held else ", and every one came back"
    return name + f"{_words(resource)}s, at most {number(use.peak)} at a time{left}"


def latencies(result: RunResult, ax: Axes | None = None, most: int | None = None) -> Axes:
    """The distribution function of every latency that has samples, with p50, p95 and p99 marked."""
    answer = result.summary.latency.get("invite_to_answer", Quantiles())
    finding = "latency distributions"
    if answer.n:
        finding = f"half of the calls are answered within {duration(answer.p50)}, 95 % within {duration(answer.p95)}"
    axes = axes_for(f"{result.summary.scenario}: {finding}", ax)
    found = spreads(result)
    for (name, quantiles), colour in zip(result.summary.latency.items(), COLOURS, strict=False):
        if not quantiles.n or not quantiles.max:  # nothing that took no time has a place on a logarithmic axis
            continue
        x, y = _distribution(found.get(name), quantiles, most)
        label = f"{latency_label(name)}   p50 {duration(quantiles.p50)}, p95 {duration(quantiles.p95)}"
        axes.step(x, y, where="post", color=colour, linewidth=1.6, label=label)
        marks = [value for value in (quantiles.p50, quantiles.p95, quantiles.p99) if value is not None]
        axes.plot(marks, [0.50, 0.95, 0.99][: len(marks)], "o", color=colour, markersize=4)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: duration(value).replace(".00", "").replace(".0", ""))
    axes.set(ylim=(0, 1.02), xlabel="duration (logarithmic)", ylabel="share of sessions at or below")
    for p in (0.50, 0.95):
        axes.axhline(p, color=FAINT, linewidth=0.6, linestyle=(0, (2, 3)), zorder=0)
    if not axes.get_legend_handles_labels()[0]:
        axes.text(0.5, 0.5, "no session got this far", transform=axes.transAxes, ha="center", color=FAINT)
    legend_below(axes, columns=2, size=8.5)
    return axes


def setup_time(result: RunResult, ax: Axes | None = None, phases: list[Phase] | None = None) -> Axes:
    """Where the time from INVITE to answer goes on average: each phase, work apart from the two kinds of waiting.
    `phases`, where they are known already, are those of the result."""
    phases = setup_phases(result) if phases is None else phases
    longest = max(phases, key=lambda phase: phase.total_s, default=None)
    finding = "no call was answered"
    if longest is not None:
        total = sum(phase.total_s for phase in phases)
        finding = f"of {duration(total)} set-up on average, {longest.name} takes {share(longest.total_s / total)}"
    axes = axes_for(f"{result.summary.scenario}: {finding}", ax, size=(9.0, 2.6 + 0.25 * len(phases)))
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    _phase_bars(axes, phases)
    axes.xaxis.set_major_formatter(lambda value, _: duration(value).replace(".00", "").replace(".0", ""))
    axes.set(xlabel="mean time in the phase", ylabel="")
    legend_below(axes, columns=4)
    return axes


def _phase_bars(axes: Axes, phases: list[Phase]) -> None:
    names = [phase.name for phase in phases]
    places = np.arange(len(phases))[::-1]
    kinds: list[tuple[str, str, list[float | None]]] = [
        ("work", COLOURS[0], [phase.work_s for phase in phases]),
        ("waiting for a processor", COLOURS[1], [phase.processor_s for phase in phases]),
        ("waiting for queue, tick or plugin", COLOURS[4], [phase.waiting_s for phase in phases]),
    ]
    left = np.zeros(len(phases))
    if any(phase.work_s is None for phase in phases):
        kinds = [("time in the phase", COLOURS[5], [phase.total_s for phase in phases])]
    for kind, colour, values in kinds:
        widths = np.array([value or 0.0 for value in values])
        if widths.any():
            axes.barh(places, widths, left=left, color=colour, height=0.6, label=kind)
        left += widths
    axes.set_yticks(places, names)
    for place, phase in zip(places, phases, strict=True):
        axes.annotate(duration(phase.total_s), (phase.total_s, place), xytext=(4, 0), textcoords="offset points",
                      va="center", fontsize=9, color=INK)  # fmt: skip
    axes.margins(x=0.12)


def pool_survival(result: RunResult, ax: Axes | None = None, most: int | None = COARSE) -> Axes:
    """The share of session pools that live longer than a time, by Kaplan and Meier with a 95 % interval; pools that are
    still held are marked where their watching ended, not counted as ended."""
    from sim.ledger.lifetimes import lifetimes

    table = lifetimes(result)
    held = 0 if table is None else int((~table["ended"]).sum())
    finding = f"{plural(held, 'pool')} still held at the end" if held else "every pool came back"
    axes = axes_for(f"{result.summary.scenario}: {finding}", ax)
    axes.set(ylabel="share of pools that live longer", ylim=(0, 1.03))
    if table is None or table.empty:
        axes.text(0.5, 0.5, "no lifetimes were recorded", transform=axes.transAxes, ha="center", color=FAINT)
        return axes
    draw_survival(axes, lives_of(table, most), "pools (Kaplan–Meier)", COLOURS[0], COLOURS[1])
    age_axis(axes)
    legend_below(axes)
    return axes


def task_load(result: RunResult, ax: Axes | None = None) -> Axes:
    """How busy each task of the server is over the load, in processors."""
    uses = [(name, use.utilisation) for name, use in result.summary.tasks.items() if use.utilisation is not None]
    busiest = max(uses, key=lambda one: one[1], default=None)
    finding = (
        "how busy its tasks are is not known" if busiest is None else f"{busiest[0]} is busiest, {share(busiest[1])}"
    )
    axes = axes_for(f"{result.summary.scenario}: {finding}", ax, size=(9.0, 1.6 + 0.32 * max(1, len(uses))))
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    places = np.arange(len(uses))[::-1]
    values = [use for _, use in uses]
    axes.barh(places, values, color=[COLOURS[1] if use >= 0.8 else COLOURS[0] for use in values], height=0.6)
    axes.set_yticks(places, [name for name, _ in uses])
    for place, use in zip(places, values, strict=True):
        axes.annotate(share(use), (use, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9,
                      color=INK)  # fmt: skip
    axes.set(xlim=(0, max(1.0, 1.15 * max(values, default=1.0))), xlabel="busy share of the time under load")
    return axes


def _draw_levels(axes: Axes, steps: Steps, horizon: float) -> float:
    """Draw the level as steps, on a grid as its mean within its range; the highest level drawn."""
    time = np.append(steps.time, horizon)
    level = np.append(steps.level, steps.level[-1])
    highest = float(level.max())
    if steps.low is not None and steps.high is not None:
        low, high = (np.append(bound, bound[-1]) for bound in (steps.low, steps.high))
        axes.fill_between(
            time, low, high, step="post", color=COLOURS[0], alpha=0.25, linewidth=0, label="least to most"
        )
        highest = float(high.max())
    axes.step(time, level, where="post", color=COLOURS[0], linewidth=1.3, label="held")
    return highest


def _draw_offered(axes: Axes, result: RunResult, horizon: float) -> float:
    """Draw λ(t)·E[pool lifetime] where both are known; its highest value."""
    lifetime, created = result.summary.latency["pool_lifetime"].mean, result.summary.sessions.created
    if lifetime is None or not created or horizon <= 0:
        return 0.0
    calls, last = 0, 0.0
    for at in times_created(result):
        calls, last = calls + at.size, max(last, float(at.max(initial=0.0)))
    end = last if calls else horizon
    mean = created / end * lifetime if end > 0 else 0.0
    highest = mean
    if calls and end > 0:
        # as wide as a pool's mean life, or wide enough for 30 calls: less would only show the noise
        width = min(end, max(end / BINS, lifetime, 30 * end / calls))
        edges = np.linspace(0, end, max(1, round(end / width)) + 1)
        created_then = sum(np.histogram(at, edges)[0] for at in times_created(result))
        offered = created_then / np.diff(edges) * lifetime
        label = "offered load λ(t)·E[pool lifetime]"
        axes.stairs(offered, edges, color=COLOURS[4], alpha=0.25, fill=True, label=label, zorder=1)
        highest = max(mean, float(offered.max()))
    label = f"λ·E[pool lifetime] = {number(round(mean, 1))}"
    axes.plot([0, end], [mean, mean], color=FAINT, linewidth=1.2, linestyle="--", label=label)
    return highest


def _level_line(axes: Axes, level: float, text: str, colour: str) -> None:
    axes.axhline(level, color=colour, linewidth=1.0, linestyle=(0, (4, 2)))
    axes.annotate(text, (1, level), xycoords=("axes fraction", "data"), xytext=(-4, 4), textcoords="offset points",
                  ha="right", color=colour, fontsize=9)  # fmt: skip


def _distribution(spread: Spread | None, q: Quantiles, most: int | None = None) -> tuple[Any, Any]:
    """Samples with their share, as a picture can show them; else the summary's quantiles."""
    if spread is None or not spread.n:
        known = [(q.p50, 0.50), (q.p95, 0.95), (q.p99, 0.99), (q.max, 1.0)]
        points = [(value, share) for value, share in known if value]
        return [value for value, _ in points], [share for _, share in points]
    return spread.curve(most)
