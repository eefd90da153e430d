"""Two pictures of a run: pools held against the offered load, and the latency distributions.

Both are drawn from the result's tables; without a sessions table the latencies come from the summary's quantiles.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.ledger.levels import levels_of
from sim.ledger.result import RunResult
from sim.ledger.summary import Quantiles
from sim.report.terminal import LATENCY_LABELS
from sim.report.text import duration, number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

HELD_PNG = "held.png"
LATENCY_PNG = "latency.png"

# a latency is the difference of two columns of the sessions table
SPANS = {
    "invite_to_answer": ("arrived_s", "answer_s"),
    "bye_to_ok": ("bye_s", "bye_ok_s"),
    "terminate_to_release": ("deactivate_s", "released_s"),
    "pool_lifetime": ("created_s", "released_s"),
    "offer_to_media": ("offer_s", "media_s"),
    "media_to_open": ("media_s", "open_s"),
    "close_delay": ("terminate_s", "close_answered_s"),
}
# Okabe and Ito's colours, which people with any colour vision can tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK, FAINT = "#333333", "#999999"
CHANGES_DRAWN, GRID_DRAWN = 4000, 300  # more changes than these are drawn as a band on so many intervals
BINS = 48  # of the offered load over time


def write_pictures(result: RunResult, folder: Path) -> None:
    """Write `held.png` and `latency.png` into `folder`; the bytes depend on the result only."""
    for name, draw in ((HELD_PNG, held_over_time), (LATENCY_PNG, latencies)):
        draw(result).savefig(folder / name, dpi=130, metadata={"Software": None})


def held_over_time(result: RunResult, resource: str = "session_pool") -> "Figure":
    """How many of `resource` were held when, with the offered load λ(t)·E[pool lifetime] and what leaked."""
    figure, axes = _figure(f"{result.summary.scenario}: {resource.replace('_', ' ')}s held")
    levels = result.levels
    rows = None if levels is None else levels[levels["resource"] == resource]
    horizon = result.summary.horizon_s
    top = 1.0
    if rows is not None and len(rows):
        top = max(top, _draw_levels(axes, rows, horizon))
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
    sessions = result.sessions
    for (name, quantiles), colour in zip(result.summary.latency.items(), COLOURS, strict=False):
        if not quantiles.n:
            continue
        samples = None if sessions is None else latency_samples(sessions, name)
        x, y = _distribution(samples, quantiles)
        label = f"{LATENCY_LABELS.get(name, name)}   p50 {duration(quantiles.p50)}, p95 {duration(quantiles.p95)}"
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


def latency_samples(sessions: "pd.DataFrame", name: str) -> "NDArray[np.float64]":
    """The samples of latency `name` in a sessions table, in seconds, unsorted; not reached is left out."""
    start, end = SPANS[name]
    if start not in sessions or end not in sessions:
        return np.zeros(0)
    spans: NDArray[np.float64] = (sessions[end] - sessions[start]).to_numpy(dtype=np.float64)
    return spans[~np.isnan(spans)]


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


def _draw_levels(axes: "Axes", rows: "pd.DataFrame", horizon: float) -> float:
    """Draw the level as steps, on a grid as its mean within its range; the highest level drawn."""
    if len(rows) > CHANGES_DRAWN and rows["mean"].isna().all():
        rows = _thinned(rows, horizon)
    time = np.append(rows["time_s"].to_numpy(), horizon)
    on_grid = bool(rows["mean"].notna().any())
    level = (rows["mean"] if on_grid else rows["held"]).to_numpy(dtype=np.float64)
    level = np.append(level, level[-1])
    highest = float(level.max())
    if on_grid:
        low, high = (np.append(rows[end].to_numpy(), rows[end].iloc[-1]) for end in ("min", "max"))
        axes.fill_between(time, low, high, step="post", color=COLOURS[0], alpha=0.25, linewidth=0)
        highest = float(high.max())
    axes.step(time, level, where="post", color=COLOURS[0], linewidth=1.3, label="held")
    return highest


def _thinned(rows: "pd.DataFrame", horizon: float) -> "pd.DataFrame":
    """The same levels as mean, min and max on a grid that a picture can show."""
    delta = np.diff(rows["held"].to_numpy(), prepend=0)
    return levels_of(rows.assign(delta=delta), max(horizon, float(rows["time_s"].iloc[-1])) / GRID_DRAWN, horizon)


def _draw_offered(axes: "Axes", result: RunResult, horizon: float) -> float:
    """Draw λ(t)·E[pool lifetime] where both are known; its highest value."""
    lifetime, created = result.summary.latency["pool_lifetime"].mean, result.summary.sessions.created
    if lifetime is None or not created or horizon <= 0:
        return 0.0
    sessions = result.sessions
    at = np.zeros(0) if sessions is None else sessions["created_s"].dropna().to_numpy(dtype=np.float64)
    end = float(at.max()) if at.size else horizon
    mean = created / end * lifetime if end > 0 else 0.0
    highest = mean
    if at.size and end > 0:
        # as wide as a pool's mean life, or wide enough for 30 calls: less would only show the noise
        width = min(end, max(end / BINS, lifetime, 30 * end / at.size))
        edges = np.linspace(0, end, max(1, round(end / width)) + 1)
        offered = np.histogram(at, edges)[0] / np.diff(edges) * lifetime
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


def _distribution(samples: "NDArray[np.float64] | None", q: Quantiles) -> tuple[Any, Any]:
    """Sorted samples with their share, thinned to what a picture can show; else the summary's quantiles."""
    if samples is None or not samples.size:
        known = [(q.p50, 0.50), (q.p95, 0.95), (q.p99, 0.99), (q.max, 1.0)]
        points = [(value, share) for value, share in known if value]
        return [value for value, _ in points], [share for _, share in points]
    x = np.sort(samples)
    y = np.arange(1, x.size + 1) / x.size
    keep = np.unique(np.linspace(0, x.size - 1, min(x.size, 4000)).astype(np.int64))
    keep = keep[x[keep] > 0]  # a logarithmic axis has no place for 0
    return x[keep], y[keep]
