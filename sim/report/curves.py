"""How an answer changes with a knob: response curves with their intervals, and the capacity that was found on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report.capacity import knob_value
from sim.report.style import COLOURS, FAINT, axes_for, legend_below

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.study.capacity import Capacity


def capacity_curve(found: Capacity, metric: str | None = None, ax: Axes | None = None) -> Axes:
    """A target's metric over the knob with its intervals, its bound, and the capacity with its interval; by default of
    the target that is missed first."""
    binding = next((at for at in found.targets if at.binding), found.targets[0])
    target = next((at.target for at in found.targets if at.target.metric == metric), binding.target)
    answer, unit = found.found, found.unit
    finding = f"no value of {found.knob} meets {target.text}"
    if answer.value is not None:
        low, high = knob_value(answer.low, unit), knob_value(answer.high, unit)
        finding = (
            f"{found.knob} up to {knob_value(answer.value, unit)} ({low} to {high}); then {found.breaks_first} breaks"
        )
    axes = axes_for(finding, ax, size=(9.0, 4.2))
    points = sorted((point for point in found.curve if target.metric in point.metrics), key=lambda point: point.value)
    x = np.array([point.value for point in points])
    middle, low_, high_ = (
        np.array([getattr(point.metrics[target.metric], end) for point in points]) for end in ("value", "low", "high")
    )
    if len(points):
        axes.fill_between(x, low_, high_, color=COLOURS[0], alpha=0.25, linewidth=0, label="95 % interval")
        axes.plot(x, middle, color=COLOURS[0], marker="o", markersize=3.5, linewidth=1.5, label=target.metric)
    axes.axhline(target.bound, color=FAINT, linestyle=(0, (4, 2)), linewidth=1.0, label=f"target: {target.text}")
    if answer.value is not None:
        axes.axvspan(answer.low, answer.high, color=COLOURS[1], alpha=0.25, linewidth=0, label="capacity, 95 % sure")
        axes.axvline(answer.value, color=COLOURS[1], linewidth=1.3)
    axes.set(xlabel=f"{found.knob}{', per second' if unit == 'per_s' else ''}", ylabel=target.metric)
    legend_below(axes)
    return axes
