"""How an answer changes with a knob: response curves with their intervals, and the capacity that was found on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.report.plain import knob_at, knob_value, knob_words, limit_words, metric_words
from sim.report.study import interval, shown
from sim.report.style import COLOURS, FAINT, axes_for, legend_below

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.report.responses import Responses
    from sim.study.capacity import Capacity

MOST_LINES = 6
"""Lines that a picture can tell apart."""


def capacity_curve(found: Capacity, metric: str | None = None, ax: Axes | None = None) -> Axes:
    """A target's metric over the knob with its intervals, its bound, and the capacity with its interval; by default of
    the target that is missed first."""
    binding = next((at for at in found.targets if at.binding), found.targets[0])
    target = next((at.target for at in found.targets if at.target.metric == metric), binding.target)
    answer, unit, sure = found.found, found.unit, f"{100 * found.confidence:g} %"
    words, asked = metric_words(target.metric), target.text.removeprefix(target.metric).strip()
    finding = f"no value of {knob_words(found.knob)} meets {target.text}"
    if answer.value is not None:
        low, high = knob_value(answer.low, unit), knob_value(answer.high, unit)
        there = knob_at(found.knob, answer.value, unit)
        finding = f"Up to {there} ({low} to {high})"
        if found.breaks and found.breaks[0].reached:
            finding += f"; then the limit of {limit_words(found.breaks[0])}"
        if target is not binding.target:
            at = next(at.estimate for at in found.targets if at.target is target)
            finding = f"{words}: {interval(at, target.metric)} at {there}"
    axes = axes_for(finding, ax, size=(9.0, 4.2))
    points = sorted((point for point in found.curve if target.metric in point.metrics), key=lambda point: point.value)
    x = np.array([point.value for point in points])
    middle, low_, high_ = (
        np.array([getattr(point.metrics[target.metric], end) for point in points]) for end in ("value", "low", "high")
    )
    if len(points):
        axes.fill_between(x, low_, high_, color=COLOURS[0], alpha=0.25, linewidth=0, label=f"{sure} interval")
        axes.plot(x, middle, color=COLOURS[0], marker="o", markersize=3.5, linewidth=1.5, label=words)
    axes.axhline(
        target.bound,
        color=FAINT,
        linestyle=(0, (4, 2)),
        linewidth=1.0,
        label=f"target: {asked}",
    )
    if answer.value is not None:
        axes.axvspan(answer.low, answer.high, color=COLOURS[1], alpha=0.25, linewidth=0, label=f"capacity, {sure} sure")
        axes.axvline(answer.value, color=COLOURS[1], linewidth=1.3)
    _from_zero(axes, [*middle, target.bound], target.metric)
    axes.yaxis.set_major_formatter(lambda value, _: shown(value, target.metric))
    axes.set(xlabel=_knob_axis(found), ylabel=words)
    legend_below(axes)
    return axes


def _knob_axis(found: Capacity) -> str:
    words = knob_words(found.knob)
    return f"{words}, per second" if found.unit == "per_s" and words == found.knob else words


def response_curve(found: Responses, title: str, ax: Axes | None = None) -> Axes:
    """A metric over the knob of a study, a line for each variant, every point with its interval."""
    axes = axes_for(title, ax, size=(9.0, 4.2))
    for i, (line, colour) in enumerate(zip(found.lines[:MOST_LINES], COLOURS, strict=False)):
        x = np.array(line.x)
        middle, low, high = (
            np.array([getattr(at, end) for at in line.estimates], dtype=float) for end in ("value", "low", "high")
        )
        joined = "none" if found.names else "-"
        axes.errorbar(
            x, middle, yerr=[np.maximum(middle - low, 0.0), np.maximum(high - middle, 0.0)], color=colour, marker="o",
            markersize=4, linewidth=1.5, elinewidth=1.2, capsize=3, linestyle=joined, zorder=3 + i,
            label=line.label or f"{metric_words(found.metric)}, with its interval",
        )  # fmt: skip
    if found.names:
        axes.set_xticks(range(len(found.names)), found.names)
        axes.margins(x=0.1)
    _from_zero(axes, [at.value for line in found.lines for at in line.estimates], found.metric)
    axes.yaxis.set_major_formatter(lambda value, _: shown(value, found.metric))
    axes.set(xlabel=_axis(found.knob), ylabel=metric_words(found.metric))
    legend_below(axes)
    return axes


def _from_zero(axes: Axes, drawn: Sequence[float], metric: str) -> None:
    """No metric is negative: no axis shows where none can be, and one of zeros alone begins there."""
    low, high = axes.get_ylim()
    known = [value for value in drawn if math.isfinite(value)]
    if known and low < 0.0 <= min(known):
        axes.set_ylim(0.0, high if max(known) > 0.0 or metric.endswith(("blocking", "utilisation")) else max(high, 1.0))


def _axis(column: str) -> str:
    for suffix, unit in (("_per_s", "per second"), ("_bytes", "bytes"), ("_s", "s")):
        if column.endswith(suffix):
            return f"{column.removesuffix(suffix)}, {unit}"
    return column
