"""What must hold, as the search for a capacity sees it: how far beyond its bound a metric is, on a scale of factors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.errors import ScenarioError
from sim.ledger.conditions import Condition, parse

FAR = math.log(100.0)
"""Beyond a factor of 100 it no longer matters how far."""


@dataclass(frozen=True, slots=True)
class Target:
    """A condition `metric < bound` (or `>`); one whose bound is 0 holds when it does in enough of the runs."""

    text: str
    metric: str
    path: str
    bound: float
    upper: bool
    allowed: float = 0.05
    """Share of the runs that may miss a bound of 0: 1 - confidence."""

    @property
    def counts_runs(self) -> bool:
        """Whether the share of runs that miss it is looked at, not the mean of the metric."""
        return self.bound == 0.0

    def of_run(self, value: float) -> float:
        """What one run contributes: its metric, or 1 when it misses a bound of 0."""
        if self.counts_runs:
            return float(not math.isfinite(value) or (value > 0.0 if self.upper else value < 0.0))
        return value

    def margin(self, values: Sequence[float]) -> float:
        """Logarithm of the factor by which the mean over runs lies beyond its bound; negative: it holds."""
        known = [v for v in values if math.isfinite(v)]
        if len(known) < len(values) or not known:
            return FAR  # a latency that nobody reached
        mean = sum(known) / len(known)
        bound = self.allowed if self.counts_runs else self.bound
        if mean <= 0.0:
            return -FAR if self.upper else FAR
        found = math.log(mean / bound)
        return max(-FAR, min(FAR, found if self.upper or self.counts_runs else -found))


def target_of(text: str, confidence: float) -> Target:
    """Read a target. ScenarioError for what a largest value can not be searched for."""
    condition: Condition = parse(text)
    if condition.op not in ("<", "<=", ">", ">=", "==") or condition.bound is None:
        raise ScenarioError(f"--target '{text}': must be metric < bound or metric > bound")
    if condition.op == "==" and condition.bound != 0.0:
        raise ScenarioError(f"--target '{text}': == can only be searched for with 0")
    if condition.bound < 0.0:
        raise ScenarioError(f"--target '{text}': the bound must be 0 or more")
    metric = text.split(condition.op, 1)[0].strip()
    upper = condition.op in ("<", "<=", "==")
    if not upper and condition.bound == 0.0:
        raise ScenarioError(f"--target '{text}': > 0 always has the answer 'everything'")
    return Target(text, metric, condition.path, float(condition.bound), upper, 1.0 - confidence)
