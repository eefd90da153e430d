"""Pictures of lifetimes: how long pools live in one result or in several, and how likely each moment ends them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.leaks.life_curve import LifeCurve, lives_of
from sim.leaks.life_curve import survival_curve as survival_curve  # for notebooks, beside the pictures
from sim.report.style import COLOURS, axes_for, legend_below
from sim.report.text import duration

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Array = NDArray[Any]

HAZARD_STEPS = 18


def draw_survival(axes: Axes, lives: LifeCurve, label: str, colour: str, cut_colour: str | None = None) -> None:
    """One curve with its interval; pools that are still held are marked where their watching ended."""
    curve = lives.curve
    axes.fill_between(curve.age_s, curve.low, curve.high, step="post", color=colour, alpha=0.2, linewidth=0,
                      label=None if cut_colour is None else "95 % interval")  # fmt: skip
    axes.step(curve.age_s, curve.share, where="post", color=colour, linewidth=1.5, label=label)
    if lives.held:
        told = None if cut_colour is None else "still held: watched until here"
        axes.plot(lives.cut_s, lives.cut_share, "|", color=cut_colour or colour, markersize=9, label=told)


def age_axis(axes: Axes) -> None:
    """Ages on a logarithmic axis, in words."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: duration(value).replace(".00", "").replace(".0", ""))
    axes.set_xlabel("age of a pool (logarithmic)")


def survivals(tables: Mapping[str, pd.DataFrame], title: str, ax: Axes | None = None, most: int | None = 400) -> Axes:
    """The lifetimes of several results, each with its 95 % interval, from tables of `sim.lifetimes`; the title says
    what is to be seen."""
    return survivals_of({name: lives_of(table, most) for name, table in tables.items()}, title, ax)


def survivals_of(lives: Mapping[str, LifeCurve], title: str, ax: Axes | None = None) -> Axes:
    """`survivals` of curves that were made already."""
    axes = axes_for(title, ax)
    for (name, one), colour in zip(lives.items(), COLOURS, strict=False):
        draw_survival(axes, one, f"{name}: {one.pools:,} pools, {one.held:,} still held", colour)
    age_axis(axes)
    axes.set(ylabel="share of pools that live longer", ylim=(0, 1.03))
    legend_below(axes, columns=2)
    return axes


def hazards(tables: Mapping[str, pd.DataFrame], title: str, ax: Axes | None = None) -> Axes:
    """How likely a pool of each age ends within the next second: the pools that ended ÷ the time that pools of that age
    were watched, with the exact 95 % interval of Garwood, in even steps of the logarithm of the age."""
    axes = axes_for(title, ax)
    ages = np.concatenate([table["lifetime_s"].to_numpy(dtype=float) for table in tables.values()])
    edges = np.geomspace(np.quantile(ages, 0.02), ages.max(), HAZARD_STEPS + 1)
    for (name, lifetimes), colour in zip(tables.items(), COLOURS, strict=False):
        middle, found = _hazard(lifetimes, edges)
        value, low, high = found.T
        some = value > 0.0
        axes.vlines(middle, np.maximum(low, 1e-9), high, color=colour, alpha=0.35, linewidth=3)
        axes.plot(middle[some], value[some], "o-", color=colour, markersize=4, linewidth=1, label=name)
    age_axis(axes)
    axes.set(yscale="log", ylabel="chance to end in the next second, per s")
    axes.set_ylim(bottom=max(1e-5, axes.get_ylim()[0]))
    legend_below(axes)
    return axes


def _hazard(lifetimes: pd.DataFrame, edges: Array) -> tuple[Array, Array]:
    """The middle of each step and its rate with both ends of the interval, where any pool was watched."""
    from sim.theory.intervals import poisson_rate

    ages, ended = lifetimes["lifetime_s"].to_numpy(dtype=float), lifetimes["ended"].to_numpy(dtype=bool)
    middles, rates = [], []
    for low, high in pairwise(edges):
        watched = float(np.clip(ages - low, 0.0, high - low).sum())
        if watched > 0.0:
            found = poisson_rate(int((ended & (ages >= low) & (ages < high)).sum()), watched)
            middles.append(np.sqrt(low * high))
            rates.append((found.value, found.low, found.high))
    return np.array(middles), np.array(rates).reshape(-1, 3)
