"""Two pictures of a run: pools held against the offered load, and the latency distributions.

Both are drawn from the result's tables; without a sessions table the latencies come from the summary's quantiles.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.ledger.result import RunResult
from sim.ledger.spans import label as latency_label
from sim.ledger.summary import Quantiles
from sim.report.text import duration, number
from sim.report.thinning import Spread, Steps, level_steps, spreads, times_created

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HELD_PNG = "held.png"
LATENCY_PNG = "latency.png"

# Okabe and Ito's colours, which people with any colour vision can tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK, FAINT = "#333333", "#999999"
BINS = 48  # of the offered load over time


def write_pictures(result: RunResult, folder: Path) -> None:
    """Write `held.png` and `latency.png` into `folder`; the bytes depend on the result only."""
    for name, draw in ((HELD_PNG, held_over_time), (LATENCY_PNG, latencies)):
        # little compression: they are small, and it takes a seventh of the time to make them
        draw(result).savefig(folder / name, dpi=130, metadata={"Software": None}, pil_kwargs={"compress_level": 1})


def held_over_time(result: RunResult, resource: str = "session_pool") -> "Figure":
    """How many of `resource` were held when, with the offered load λ(t)·E[pool lifetime] and what leaked."""
    figure, axes = _figure(f"{result.summary.scenario}: {resource.replace('_', ' ')}s held")
    steps = level_steps(result, resource)
    horizon = result.summary.horizon_s
    top = 1.0
    if steps is not None:
        top = max(top, _draw_levels(axes, steps, horizon))
    top = max(top, _draw_offered(axes, result, horizon))
    use = result.summary.resources.get(resource)
    if use is not None and use.leaked:
        _level_line(axes, use.leaked, f"{number(use.leaked)} leaked", COLOURS[1])
    if use is not None and use.limit is not None and use.limit <= 3 * top:
        _level_line(axes, use.limit, f"limit {number(use.limit)}", INK)
        top = max(top, use.limit)
    axes.set(xlim=(0, horizon or 1), ylim=(0, 1.12 * top), xlabel="simulated time, s", ylabel="held")
    if axes.get_legend_handles_labels()[0]:
        figure.legend(frameon=False, loc="outside lower center", ncols=3, fontsize=9)
    return figure


def latencies(result: RunResult) -> "Figure":
    """The distribution function of every latency that has samples, with p50, p95 and p99 marked."""
    figure, axes = _figure(f"{result.summary.scenario}: latency distributions")
    found = spreads(result)
    for (name, quantiles), colour in zip(result.summary.latency.items(), COLOURS, strict=False):
        if not quantiles.n:
            continue
        x, y = _distribution(found.get(name), quantiles)
        label = f"{latency_label(name)}   p50 {duration(quantiles.p50)}, p95 {duration(quantiles.p95)}"
        axes.step(x, y, where="post", color=colour, linewidth=1.6, label=label)
        marks = [value for value in (quantiles.p50, quantiles.p95, quantiles.p99) if value is not None]
        axes.plot(marks, [0.50, 0.95, 0.99][: len(marks)], "o", color=colour, markersize=4)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: duration(value).replace(".00", "").replace(".0", ""))
    axes.set(ylim=(0, 1.02), xlabel="duration (logarithmic)", ylabel="share of sessions at or below")
    for p in (0.50, 0.95):
        axes.axhline(p, color=FAINT, linewidth=0.6, linestyle=(0, (2, 3)), zorder=0)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(frameon=False, loc="outside lower center", ncols=2, fontsize=8.5)
    else:
        axes.text(0.5, 0.5, "no session got this far", transform=axes.transAxes, ha="center", color=FAINT)
    return figure


def _figure(title: str) -> "tuple[Figure, Axes]":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.8), layout="constrained")  # no pyplot: no global state, no display needed
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _draw_levels(axes: "Axes", steps: Steps, horizon: float) -> float:
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


def _draw_offered(axes: "Axes", result: RunResult, horizon: float) -> float:
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


def _level_line(axes: "Axes", level: float, text: str, colour: str) -> None:
    axes.axhline(level, color=colour, linewidth=1.0, linestyle=(0, (4, 2)))
    axes.annotate(text, (1, level), xycoords=("axes fraction", "data"), xytext=(-4, 4), textcoords="offset points",
                  ha="right", color=colour, fontsize=9)  # fmt: skip


def _distribution(spread: Spread | None, q: Quantiles) -> tuple[Any, Any]:
    """Samples with their share, as a picture can show them; else the summary's quantiles."""
    if spread is None or not spread.n:
        known = [(q.p50, 0.50), (q.p95, 0.95), (q.p99, 0.99), (q.max, 1.0)]
        points = [(value, share) for value, share in known if value]
        return [value for value, _ in points], [share for _, share in points]
    return spread.curve()
