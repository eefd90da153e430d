"""Sets of durations of any size: order statistics, exact while they are few."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.ledger.histogram import BUCKETS, count, quantiles
from sim.ledger.summary import Quantiles

Array = np.ndarray[Any, Any]


EXACT_SAMPLES = 1_000_000
"""Latencies are exact order statistics up to so many samples, and within 1 % beyond."""


class DurationSet:
    """One set of durations: exact while there are few, a histogram within 1 % beyond."""

    def __init__(self, exact: int = EXACT_SAMPLES) -> None:
        self.exact = exact
        self.parts: list[Array] = []
        self.kept = 0
        self.counts: Array | None = None
        self.n = 0
        self.total = 0.0
        self.maximum = 0.0

    def add(self, values: Array) -> None:
        """More durations, in seconds; not-a-number is left out."""
        values = values[~np.isnan(values)]
        if not len(values):
            return
        self.n += len(values)
        self.total += float(values.sum())
        self.maximum = max(self.maximum, float(values.max()))
        self.parts.append(values)
        self.kept += len(values)
        if self.counts is not None or self.kept > self.exact:
            self.fold()

    def fold(self) -> None:
        """Go over to the histogram."""
        if self.counts is None:
            self.counts = np.zeros(BUCKETS, dtype=np.int64)
        for part in self.parts:
            self.counts += count(part)
        self.parts.clear()

    def add_histogram(self, counts: Array, n_: int, total: float, maximum: float) -> None:
        """Durations that were counted elsewhere."""
        self.fold()
        assert self.counts is not None
        self.counts += counts
        self.n += int(n_)
        self.total += float(total)
        self.maximum = max(self.maximum, float(maximum))

    def at(self, p: float) -> float | None:
        """The order statistic at `p` between 0 and 1, in seconds: index floor(n·p), within 1 % of many."""
        if self.n == 0:
            return None
        if self.counts is None:
            values = np.sort(np.concatenate(self.parts))
            return float(values[min(len(values) - 1, int(len(values) * p))])
        return min(quantiles(self.counts, (p,))[0], self.maximum)

    def quantiles(self) -> Quantiles:
        """n, mean, p50, p95, p99 and max."""
        if self.counts is None:
            return Quantiles.of(np.concatenate(self.parts) if self.parts else np.empty(0))
        return Quantiles.of_histogram(self.counts, self.n, self.total, self.maximum)
