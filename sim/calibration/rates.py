"""How often something happens, with its exact binomial interval."""

from dataclasses import dataclass

from sim.theory.intervals import share


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
    trials = int(trials)
    hits = min(int(hits), trials)
    if trials <= 0:
        return Rate(0, 0, 0.0, 0.0, 1.0)
    found = share(hits, trials)
    return Rate(hits, trials, found.value, found.low, found.high)
