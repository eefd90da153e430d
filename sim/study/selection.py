"""The best of k variants with a stated probability: KN++, which drops a variant as soon as it can not be the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.errors import ScenarioError
from sim.theory.intervals import CONFIDENCE

Array = np.ndarray[Any, Any]
Sample = Callable[[Sequence[int], int], Sequence[float]]
"""Given the variants still in and a replication, one value of each, all from the same random numbers."""

FIRST = 20
"""Replications before the first variant may be dropped: after 10, variances of skewed metrics are too often taken for
smaller than they are, and the best is chosen in 94 % and not 95 %."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The variant that was chosen and what that took."""

    best: int
    means: tuple[float, ...]
    """Mean of each variant over the replications that it was given."""
    replications: tuple[int, ...]
    dropped_at: tuple[int | None, ...]
    sure: bool
    """False when `most` replications did not separate the last ones: the best mean so far was taken."""

    @property
    def runs(self) -> int:
        """Runs in all."""
        return sum(self.replications)


def select_best(
    sample: Sample,
    variants: int,
    difference: float,
    *,
    confidence: float = CONFIDENCE,
    largest: bool = True,
    first: int = FIRST,
    most: int = 10_000,
) -> Selected:
    """KN++ (Kim and Nelson, ACM TOMACS 11, 2001, 251, and Operations Research 54, 2006, 475).

    With at least this `confidence` the chosen variant is the best, whenever the best is better than the next by
    `difference` (in the metric's own unit). Variances of differences are brought up to date with each replication;
    they take common random numbers into account, and Bonferroni's bound holds whatever their correlation.
    ScenarioError for fewer than two variants or a difference that is not above zero.
    """
    if variants < 2 or not difference > 0.0:
        raise ScenarioError(f"needs two variants and a difference > 0 (got {variants} and {difference})")
    alpha = (1.0 - confidence) / (variants - 1)
    sign = 1.0 if largest else -1.0
    values: list[list[float]] = [[] for _ in range(variants)]
    dropped: list[int | None] = [None] * variants
    alive = list(range(variants))
    r = 0
    while r < most and len(alive) > 1:
        for i, value in zip(alive, sample(alive, r), strict=True):
            values[i].append(sign * float(value))
        r += 1
        if r >= first:
            lost = _beaten(np.array([values[i] for i in alive]), difference, alpha)
            for position in lost:
                dropped[alive[position]] = r
            alive = [i for position, i in enumerate(alive) if position not in lost]
    best = max(alive, key=lambda i: sum(values[i]) / len(values[i]))
    means = tuple(sign * sum(v) / len(v) for v in values)
    return Selected(best, means, tuple(len(v) for v in values), tuple(dropped), len(alive) == 1)


def best_of(
    values: Sequence[Sequence[float]], difference: float, *, confidence: float = CONFIDENCE, largest: bool = True
) -> Selected:
    """The best variant from the runs that there are: for each variant one value of each replication, the same ones of
    all. With fewer than `FIRST` of them, KN++ looks once, at the last: it is seldom sure then, and wrong as rarely."""
    return select_best(
        lambda alive, r: [values[i][r] for i in alive], len(values), difference, confidence=confidence,
        largest=largest, first=min(FIRST, len(values[0])), most=len(values[0]),
    )  # fmt: skip


def _beaten(values: Array, difference: float, alpha: float) -> set[int]:
    """Positions of those that some other beats by more than chance allows."""
    count, r = values.shape
    eta = 0.5 * ((2.0 * alpha) ** (-2.0 / (r - 1)) - 1.0)
    h2 = 2.0 * eta * (r - 1)
    means = values.mean(axis=1)
    spread = values - means[:, None]
    covariance = spread @ spread.T / (r - 1)
    own = np.diag(covariance)
    variance = own[:, None] + own[None, :] - 2.0 * covariance
    margin = np.maximum(0.0, difference / (2.0 * r) * (h2 * variance / difference**2 - r))
    behind = means[:, None] < means[None, :] - margin
    same = (margin == 0.0) & (means[:, None] == means[None, :]) & np.tri(count, k=-1, dtype=bool)
    return {i for i in range(count) if behind[i].any() or same[i].any()}


def replications_of_a_plain_design(variance: float, difference: float, variants: int, confidence: float) -> int:
    """How many replications of each variant a fixed design would need (Bechhofer 1954): what KN++ is measured by."""
    from scipy.stats import norm

    z = float(norm.ppf(1.0 - (1.0 - confidence) / (variants - 1)))
    return math.ceil(2.0 * variance * (z / difference) ** 2)
