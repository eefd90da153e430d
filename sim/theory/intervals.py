"""Exact intervals for counts: how far a rate or a share can be from what was counted."""

from __future__ import annotations

import math
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the ends of its interval; `high` may be infinite."""

    value: float
    low: float
    high: float


def poisson_rate(count: int, exposure: float, confidence: float = CONFIDENCE) -> Estimate:
    """Events per unit of exposure with the exact interval of Garwood (1936); no events still have an upper end."""
    from scipy.stats import chi2

    tail = (1.0 - confidence) / 2.0
    low = float(chi2.ppf(tail, 2 * count)) / 2.0 if count else 0.0
    high = float(chi2.ppf(1.0 - tail, 2 * count + 2)) / 2.0
    if exposure <= 0.0:
        return Estimate(math.nan, 0.0, math.inf)
    return Estimate(count / exposure, low / exposure, high / exposure)


def share(count: int, of: int, confidence: float = CONFIDENCE) -> Estimate:
    """A probability with the exact interval of Clopper and Pearson (1934)."""
    from scipy.stats import beta

    tail = (1.0 - confidence) / 2.0
    if of == 0:
        return Estimate(math.nan, 0.0, 1.0)
    low = float(beta.ppf(tail, count, of - count + 1)) if count else 0.0
    high = float(beta.ppf(1.0 - tail, count + 1, of - count)) if count < of else 1.0
    return Estimate(count / of, low, high)
