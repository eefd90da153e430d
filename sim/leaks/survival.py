"""What the lifetimes seen so far explain: which level of pools arrivals alone would hold, and which pools are too old.

A pool that is still held is a lifetime that was cut off, not a short one: the distribution is that of Kaplan and Meier
(1958), which counts it as long as it was watched. Beyond the longest lifetime that has ended nothing is known of it;
there it is taken for 0 (Efron 1967), so that what is older than all that ended is what arrivals do not explain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.theory.intervals import CONFIDENCE
from sim.theory.product_limit import product_limit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ENOUGH = 20
"""Lifetimes that must have ended before anything is said of those that have not."""
SPANS = 10.0
"""The data must span so many usual lifetimes (medians) before growth or age says anything."""
DOUBT = 0.01
"""Chance that healthy pools are as old as these, below which they are suspicious."""


@dataclass(frozen=True, slots=True)
class Survival:
    """Share of the pools that live longer than each of `ages` (rising), the lifetimes that ended, in seconds."""

    ages: Floats
    shares: Floats

    @property
    def longest(self) -> float:
        """The longest lifetime that has ended; infinite when none has."""
        return float(self.ages[-1]) if self.ages.size else math.inf

    @property
    def median(self) -> float:
        """The age by which half of the pools have ended; infinite when that was not seen yet."""
        below = np.flatnonzero(self.shares <= 0.5)
        return float(self.ages[below[0]]) if below.size else math.inf

    def beyond(self, age: Floats) -> Floats:
        """Share that lives longer than each `age`; 0 from the longest lifetime on."""
        at = np.searchsorted(self.ages, age, side="right")
        shares = np.concatenate([[1.0], self.shares])
        return np.where(age >= self.longest, 0.0, shares[at])


def survival(ended: Floats, ages: Floats) -> Survival:
    """The product-limit estimate from lifetimes that `ended` and the `ages` of pools that are still held."""
    if not ended.size:
        return Survival(ended, ended)
    found = product_limit(ended, ages)
    known = found.ages <= ended.max()
    return Survival(found.ages[known], found.shares[known])


def expected_level(lives: Survival, created: Floats, times: Floats) -> Floats:
    """How many of the pools `created` (rising) arrivals explain at each of `times`."""
    if not math.isfinite(lives.longest):
        return np.searchsorted(created, times, side="right").astype(np.float64)
    first = np.searchsorted(created, times - lives.longest)
    last = np.searchsorted(created, times, side="right")
    slices = zip(times, first, last, strict=True)
    return np.array([lives.beyond(time - created[low:high]).sum() for time, low, high in slices])


@dataclass(frozen=True, slots=True)
class TooOld:
    """Pools that are older than all that ended, and the chance of that where none leaks."""

    count: int
    oldest_s: float
    enough: bool  # whether the data are enough to say anything; the chance is 1 where they are not
    chance: float


def too_old(lives: Survival, ended: int, ages: Floats, span_s: float) -> TooOld:
    """Whether pools still held are older than pools get, from the `ages` of those of unknown fate.

    A lifetime that has reached x ends before a > x with at least the chance 1 - x/a, whatever it is drawn from, if its
    tail is no heavier than Pareto's with α = 1, whose mean is infinite. So the chance that none of the pools that
    outlived the longest x that ended has ended at its own age a is at most the product of all x/a.
    """
    older = ages[ages > lives.longest]
    enough = ended >= ENOUGH and span_s >= SPANS * lives.median
    chance = float(np.exp(np.sum(np.log(lives.longest / older)))) if enough and older.size else 1.0
    return TooOld(int(older.size), float(ages.max(initial=0.0)), enough, chance)


def smallest_leak(ended: int, confidence: float = CONFIDENCE) -> float | None:
    """The share of leaking calls that `ended` sessions, all of them released, would have shown with `confidence`.

    The exact one-sided bound of Clopper and Pearson (1934) for no event: (1 - p)^n = 1 - confidence.
    """
    return 1.0 - math.pow(1.0 - confidence, 1.0 / ended) if ended > 0 else None
