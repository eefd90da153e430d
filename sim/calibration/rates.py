"""How often something happens, with its exact binomial interval."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `trials`, the probability and its 95 % interval (Clopper and Pearson 1934)."""

    hits: int
    trials: int
    value: float
    low: float
    high: float

    @property
    def comment(self) -> str:
        """In words."""
        return f"{self.hits} of {self.trials}, 95 % interval [{self.low:.3g}, {self.high:.3g}]"


def rate(hits: int, trials: int) -> Rate:
    """The probability of a hit in one trial; no trials give the interval [0, 1]."""
    from scipy import stats

    trials = int(trials)
    hits = min(int(hits), trials)
    if trials <= 0:
        return Rate(0, 0, 0.0, 0.0, 1.0)
    low = float(stats.beta.ppf(0.025, hits, trials - hits + 1)) if hits else 0.0
    high = float(stats.beta.ppf(0.975, hits + 1, trials - hits)) if hits < trials else 1.0
    return Rate(hits, trials, hits / trials, low, high)
