"""When leaks will have used a limit up: the time to the first refused call, from headroom, load and leak rate.

The model: calls come at rate λ and hold one unit for an exponential time of mean `busy`/λ; at its end a call gives the
unit back, or, with probability r/λ, leaks it for good. With j units busy and k leaked, the next call is refused when
j + k is the limit. Mean and variance of the time until then follow from one pass over k, downwards; for each k the
equations of neighbouring j are tridiagonal. The server begins empty.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.theory.intervals import CONFIDENCE, Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT_UP_TO = 1500
"""Larger limits are filled so slowly, compared with the noise of the load, that the leaks alone tell the time."""
SHORTEST = 1e-6
"""A call holds its unit at least for this share of the time between calls."""


def first_refusal(limit: int, busy: float, calls: float, leaks: float, already: int = 0) -> tuple[float, float]:
    """Mean and standard deviation of the time to the first refused call.

    `limit` units, of which calls hold `busy` on average; `calls` and `leaks` per unit of time; `already` leaked.
    """
    if calls <= 0.0:
        return math.inf, math.inf
    left = limit - already
    if left > EXACT_UP_TO:
        free = left - busy - 2.0 * math.sqrt(busy)
        return (free / leaks, math.sqrt(free) / leaks) if leaks > 0.0 else (math.inf, math.inf)
    end = calls / max(busy, SHORTEST)  # rate at which one call ends
    share = min(1.0, leaks / calls)
    mean = second = np.zeros(0)
    with np.errstate(over="ignore", invalid="ignore"):
        for free in range(left + 1 if share > 0.0 else 1):
            size = free if share > 0.0 else left
            mean, second = _level(size, calls, end, share, mean, second)
    if not math.isfinite(mean[0]) or not math.isfinite(second[0]):
        return math.inf, math.inf
    return float(mean[0]), math.sqrt(max(0.0, float(second[0] - mean[0] ** 2)))


def _level(
    free: int, calls: float, end: float, share: float, mean: NDArray[Any], second: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """First and second moment with 0 … `free` units busy, from those with one unit more leaked."""
    from scipy.linalg import solve_banded

    busy = np.arange(free + 1.0)
    bands = np.zeros((3, free + 1))
    bands[0, 1:] = -calls
    bands[1] = calls + busy * end
    bands[2, :-1] = -(busy[1:] * end * (1.0 - share))
    right = np.ones(free + 1)
    right[1:] += busy[1:] * end * share * mean[:free] if mean.size else 0.0
    first = solve_banded((1, 1), bands, right)
    right = 2.0 * first
    right[1:] += busy[1:] * end * share * second[:free] if second.size else 0.0
    return first, solve_banded((1, 1), bands, right)


def time_to_refusal(
    limit: int, busy: float, calls: float, leaks: Estimate, already: int = 0, confidence: float = CONFIDENCE
) -> Estimate:
    """The mean time, and an interval that has both the chance of a single run and the uncertainty of the leak rate.

    The ends are quantiles of a gamma distribution with the chain's mean and variance, at the ends of the interval of r.
    """
    from scipy.stats import gamma

    tail = (1.0 - confidence) / 2.0

    def quantile(rate: float, p: float) -> float:
        mean, deviation = first_refusal(limit, busy, calls, rate, already)
        if math.isinf(mean):
            return math.inf
        return float(gamma.ppf(p, (mean / deviation) ** 2, scale=deviation**2 / mean))

    mean, _ = first_refusal(limit, busy, calls, leaks.value, already)
    return Estimate(mean, quantile(leaks.high, tail), quantile(leaks.low, 1.0 - tail))


def time_to_fill(headroom: float, leaks: Estimate, size: float = 1.0) -> Estimate:
    """The time until leaks of `size` each have used `headroom` up, where nothing random competes for it (memory)."""

    def after(rate: float) -> float:
        return headroom / (rate * size) if rate > 0.0 else math.inf

    return Estimate(after(leaks.value), after(leaks.high), after(leaks.low))
