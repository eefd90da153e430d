"""A log-linear histogram whose quantiles are within 1 % of the samples, from 1 ns to a million seconds.

Each octave is cut into 64 equal buckets, so a bucket is at most 1/64 of its lower edge wide and its midpoint at
most 1/128 from any sample in it. The compiled engine reads a bucket off the bits, as `count` does.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SUB_BUCKETS = 64
LOWEST_EXPONENT = -29  # frexp(1e-9)
HIGHEST_EXPONENT = 20  # frexp(1e6); 2^20 s are about 12 days
BUCKETS = 1 + (HIGHEST_EXPONENT - LOWEST_EXPONENT + 1) * SUB_BUCKETS
LOWEST_BITS = (LOWEST_EXPONENT + 1022) * SUB_BUCKETS
"""Exponent and first six bits of the mantissa, as IEEE 754 has them, of the least value beyond bucket 0."""
_MANTISSA_LEFT = 46
"""Bits of a mantissa below those six."""


def bucket_value(i: int) -> float:
    """The midpoint of bucket `i` in seconds; 0.0 for bucket 0."""
    if i <= 0:
        return 0.0
    octave = (i - 1) // SUB_BUCKETS
    sub = (i - 1) % SUB_BUCKETS
    return math.ldexp(0.5 + (sub + 0.5) / (2 * SUB_BUCKETS), LOWEST_EXPONENT + octave)


def count(samples: "ArrayLike") -> "NDArray[np.int64]":
    """Bucket counts of `samples` (seconds); NaN is left out."""
    values = np.asarray(samples, dtype=np.float64).ravel()
    values = np.maximum(values[~np.isnan(values)], 0.0)
    index = (values.view(np.int64) >> _MANTISSA_LEFT) - (LOWEST_BITS - 1)
    return np.bincount(np.clip(index, 0, BUCKETS - 1), minlength=BUCKETS).astype(np.int64)


def quantiles(counts: "ArrayLike", probabilities: Sequence[float]) -> list[float]:
    """The sample at index floor(n·p) of the sorted samples, within 1 %, for each `p`; NaN when there are none."""
    cumulative = np.cumsum(np.asarray(counts, dtype=np.int64))
    n = int(cumulative[-1])
    if n == 0:
        return [math.nan for _ in probabilities]
    ranks = [min(n - 1, int(n * p)) for p in probabilities]
    return [bucket_value(int(np.searchsorted(cumulative, rank, side="right"))) for rank in ranks]
