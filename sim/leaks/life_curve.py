"""Lifetimes of pools as a curve to be drawn and kept: how many live longer than each age, which were cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.theory.product_limit import product_limit

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Array = NDArray[Any]

CUTS = 60
"""Marks of lifetimes that were cut off, at most."""


class Curve(NamedTuple):
    """Share of pools that live longer than each age, with its interval."""

    age_s: Array
    share: Array
    low: Array
    high: Array


class LifeCurve(NamedTuple):
    """What a picture shows of a table of lifetimes."""

    pools: int
    held: int
    """Of these, not ended."""
    curve: Curve
    cut_s: Array
    """Ages at which the watching of pools that are still held ended, thinned."""
    cut_share: Array
    """The curve there."""


def survival_curve(lifetimes: pd.DataFrame) -> Curve:
    """The estimate of Kaplan and Meier from a table of `sim.lifetimes`, with the 95 % interval in log-log form."""
    ages, ended = lifetimes["lifetime_s"].to_numpy(dtype=float), lifetimes["ended"].to_numpy(dtype=bool)
    curve = product_limit(ages[ended], ages[~ended])
    x = np.concatenate([[max(1e-6, float(ages.min()))], curve.ages])
    return Curve(x, *(np.concatenate([[1.0], part]) for part in (curve.shares, curve.low, curve.high)))


def lives_of(lifetimes: pd.DataFrame, most: int | None = None) -> LifeCurve:
    """The curve of a table of `sim.lifetimes` that is not empty, thinned to `most` points."""
    whole = survival_curve(lifetimes)
    x, y = whole.age_s, whole.share
    cut = np.sort(lifetimes.loc[~lifetimes["ended"], "lifetime_s"].to_numpy(dtype=float))
    held = cut.size
    if held:
        cut = cut[np.unique(np.linspace(0, held - 1, min(held, CUTS)).astype(int))]
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), most or len(x))).astype(int))
    curve = Curve(*(part[keep] for part in whole))
    return LifeCurve(len(lifetimes), held, curve, cut, y[np.searchsorted(x, cut, side="right") - 1])
