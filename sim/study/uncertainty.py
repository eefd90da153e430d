"""How far the truth can be from an estimate: intervals for means, quantiles, long runs and differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.errors import ScenarioError
from sim.theory.intervals import CONFIDENCE, Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BATCHES = 20
"""Batches of a long run: 10 to 30 are enough, and more gain little (Schmeiser, Operations Research 30, 1982, 556)."""

LEAST_A_BATCH = 64
"""Values of one run in each of 20 batches: with fewer than these 1280 in all nobody can tell how far neighbours hang
together (the least that N-Skart takes: Tafazzoli, Steiger and Wilson, IEEE Trans. Automatic Control 56, 2011, 254)."""

MOST_CORRELATED = 0.5
"""Batches that hang together more than this are hardly longer than the memory of the run: no interval is given."""


def finite(values: ArrayLike) -> NDArray[Any]:
    """The values as floats, without those that are missing."""
    import numpy as np

    found = np.asarray(values, dtype=np.float64).ravel()
    return found[np.isfinite(found)]


def student(freedom: float, confidence: float) -> float:
    """Half of Student's interval in standard errors; from scipy.special, which loads a second sooner than its stats."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1.0 + confidence) / 2.0))


def mean(values: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Mean of independent replications with Student's interval (Law, Simulation Modeling, section 9.4.1).

    Exact for normal values and good for means of many calls. One value alone has an infinite interval.
    """
    found = finite(values)
    if not len(found):
        return Estimate(math.nan, -math.inf, math.inf)
    centre = float(found.mean())
    if len(found) == 1:
        return Estimate(centre, -math.inf, math.inf)
    half = student(len(found) - 1, confidence) * float(found.std(ddof=1)) / math.sqrt(len(found))
    return Estimate(centre, centre - half, centre + half)


def quantile(values: ArrayLike, p: float, confidence: float = CONFIDENCE) -> Estimate:
    """The p-quantile of independent values with the interval between two order statistics (Conover 1999, section 3.2).

    Free of any distribution, and at least as sure as it says. Too few values give an infinite end. Calls of one run are
    not independent: for them take the quantile of each replication, and their `mean`.
    """
    import numpy as np

    found = np.sort(finite(values))
    n = len(found)
    if not n:
        return Estimate(math.nan, -math.inf, math.inf)
    tail = (1.0 - confidence) / 2.0
    low, high = binomial_quantile(tail, n, p) - 1, binomial_quantile(1.0 - tail, n, p)
    return Estimate(
        float(found[min(n - 1, int(n * p))]),
        float(found[low]) if low >= 0 else -math.inf,
        float(found[high]) if high < n else math.inf,
    )


def binomial_quantile(probability: float, n: int, p: float) -> int:
    """The least count that so many of `n` trials with success `p` do not exceed with at least this probability."""
    from scipy.special import bdtr, bdtrik

    found = max(0, math.ceil(float(bdtrik(probability, n, p))))
    return found - 1 if found > 0 and float(bdtr(found - 1, n, p)) >= probability else found


@dataclass(frozen=True, slots=True)
class LongRun:
    """Batch means of one long run: the estimate, and how far neighbouring batches still hang together."""

    estimate: Estimate
    """With infinite ends when the run is too short for an interval."""
    batches: int
    batch_size: int
    correlation: float
    """Lag-1 autocorrelation of the batch means; beyond about 2/√batches they hang together, and the interval is
    stretched for it."""

    @property
    def independent(self) -> bool:
        """Whether the batches can be taken for independent."""
        return abs(self.correlation) <= 2.0 / math.sqrt(self.batches)

    @property
    def long_enough(self) -> bool:
        """Whether there is an interval: not where batches are hardly longer than what the run remembers."""
        return self.correlation <= MOST_CORRELATED


def batch_means(values: ArrayLike, batches: int = BATCHES, confidence: float = CONFIDENCE) -> LongRun:
    """Mean of one long, stationary run from nonoverlapping batches; the first values that fill no batch are left out.

    Student's interval with the two corrections of Skart (Tafazzoli and Wilson, IIE Transactions 43, 2011, 110):
    stretched by √((1 + ρ)/(1 - ρ)) for the lag-1 correlation ρ of the batch means, of which chance hides 1/batches, and
    bent for their skewness by Willink's cubic (Communications in Statistics 34, 2005, 753), so that its two halves
    differ. A test that gives runs back whose batches seem to hang together would make it worse: those whose spread
    is underestimated pass it. ScenarioError for fewer than 64 values a batch.
    """
    found = finite(values)
    size = len(found) // batches if batches > 0 else 0
    if batches < 3 or size < LEAST_A_BATCH:
        raise ScenarioError(
            f"batch means need at least 3 batches of {LEAST_A_BATCH} values of a run (got {len(found)} in {batches}); "
            "make it longer, or do replications"
        )
    means = found[len(found) - size * batches :].reshape(batches, size).mean(axis=1)
    correlation = lag_1(means)
    centre = float(means.mean())
    if correlation > MOST_CORRELATED:
        return LongRun(Estimate(centre, -math.inf, math.inf), batches, size, correlation)
    hidden = max(0.0, correlation + 1.0 / batches)
    error = float(means.std(ddof=1)) * math.sqrt((1.0 + hidden) / (1.0 - hidden) / batches)
    t, bend = student(batches - 1, confidence), skewness(means) / (6.0 * math.sqrt(batches))
    low, high = centre - willink(t, bend) * error, centre - willink(-t, bend) * error
    return LongRun(Estimate(centre, low, high), batches, size, correlation)


def skewness(values: NDArray[Any]) -> float:
    """Sample skewness without bias; 0 for values that do not vary."""
    n, apart, spread = len(values), values - values.mean(), float(values.std(ddof=1))
    return float(n / ((n - 1) * (n - 2)) * ((apart / spread) ** 3).sum()) if spread > 0.0 else 0.0


def willink(t: float, bend: float) -> float:
    """Student's `t` for a mean whose distribution is skewed; `bend` is its skewness over 6√n."""
    if abs(bend) < 1e-3:
        return t
    inner = 1.0 + 6.0 * bend * (t - bend)
    return (math.copysign(abs(inner) ** (1.0 / 3.0), inner) - 1.0) / (2.0 * bend)


def lag_1(values: NDArray[Any]) -> float:
    """Correlation of neighbours; 0 for values that do not vary."""
    apart = values - values.mean()
    total = float(apart @ apart)
    return float(apart[1:] @ apart[:-1]) / total if total > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class Paired:
    """Two variants under the same random numbers: the mean of B - A, and what pairing gained."""

    difference: Estimate
    unpaired: Estimate
    """What independent runs of the same number would have given (Welch)."""
    variance_reduction: float
    """Variance of independent differences over that of paired ones: so many times fewer runs are needed."""
    n: int

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.difference.low > 0.0 or self.difference.high < 0.0


def paired(a: ArrayLike, b: ArrayLike, confidence: float = CONFIDENCE) -> Paired:
    """Difference B - A of replications that share their random numbers, pair by pair (Law, section 10.2.1)."""
    import numpy as np

    one, two = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if one.shape != two.shape:
        raise ScenarioError(f"a paired comparison needs as many values of both (got {len(one)} and {len(two)})")
    both = np.isfinite(one) & np.isfinite(two)
    one, two = one[both], two[both]
    apart = mean(two - one, confidence)
    if len(one) < 2:
        return Paired(apart, apart, math.nan, len(one))
    alone, together = float(one.var(ddof=1) + two.var(ddof=1)), float((two - one).var(ddof=1))
    gain = alone / together if together > 0.0 else math.inf if alone > 0.0 else math.nan
    return Paired(apart, _welch(one, two, confidence), gain, len(one))


def _welch(one: NDArray[Any], two: NDArray[Any], confidence: float) -> Estimate:
    shares = one.var(ddof=1) / len(one), two.var(ddof=1) / len(two)
    total = float(sum(shares))
    centre = float(two.mean() - one.mean())
    if total == 0.0:
        return Estimate(centre, centre, centre)
    half = student(welch_freedom(shares, (len(one), len(two))), confidence) * math.sqrt(total)
    return Estimate(centre, centre - half, centre + half)


def welch_freedom(errors: Sequence[float], counts: Sequence[int]) -> float:
    """Degrees of freedom of a difference, from the squared error of each side and from how many values it was taken
    (Welch 1938, Satterthwaite 1946); where nothing varies, as many as there are values less one a side."""
    weights = float(sum(error**2 / (n - 1) for error, n in zip(errors, counts, strict=True)))
    return float(sum(errors)) ** 2 / weights if weights > 0.0 else float(sum(counts) - len(counts))


def bonferroni(confidence: float, intervals: Sequence[Any] | int) -> float:
    """The confidence that each of so many intervals needs for all of them to hold together at `confidence`."""
    count = intervals if isinstance(intervals, int) else len(intervals)
    return 1.0 - (1.0 - confidence) / max(count, 1)
