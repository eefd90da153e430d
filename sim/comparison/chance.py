"""How far two results can differ by chance: intervals and probabilities that know that calls hang together.

Calls of one run are not independent: who meets a full server was preceded by one who did. So a run is cut, in the order
in which its calls arrived, into sections; how much these differ tells how far the whole can be off (batch means: Law,
Simulation Modeling, section 9.5.3; of quantiles, with the whole run's at the centre, *sectioning*: Asmussen and Glynn,
Stochastic Simulation, section III.5). Sections that still follow their neighbours are made longer. Events may be too
few for that: they have exact tests, and where they come in clusters the more careful of both answers counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.study.uncertainty import lag_1, student, welch_freedom
from sim.theory.intervals import CONFIDENCE, Estimate, poisson_rate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

SECTIONS = (20, 10)
"""Into how many sections a run is cut: the most that are long enough and do not follow their neighbours. With fewer,
Student's interval rests on their being normal."""
DOUBTFUL = 0.05
"""Clusters are reckoned with where so uneven a spread is less probable than this."""
MOST_CORRELATION = 0.8
"""Neighbouring sections are taken to be no more alike than this when the interval is widened for it."""

Statistic = Callable[["Array"], float]


@dataclass(frozen=True, slots=True)
class Chance:
    """B - A with its interval, and the probability of a difference so great where there is none."""

    difference: Estimate
    p: float
    method: str


def wider(first: Chance, second: Chance | None) -> Chance:
    """The more careful of two answers about one difference."""
    if second is None:
        return first
    one, two = first.difference, second.difference
    ends = Estimate(one.value, min(one.low, two.low), max(one.high, two.high))
    return Chance(ends, max(first.p, second.p), first.method if first.p >= second.p else second.method)


def of_shares(a: int, of_a: int, b: int, of_b: int) -> Chance:
    """Two independent shares: Newcombe's interval (Statistics in Medicine 17, 1998, 873, method 10), Fisher's test."""
    from scipy.stats import fisher_exact

    one, two = _wilson(a, of_a), _wilson(b, of_b)
    p = float(fisher_exact([[a, of_a - a], [b, of_b - b]])[1])
    return Chance(_combined(one, two), p, "exact, calls taken for independent")


def of_same_calls(only_a: int, only_b: int, of: int) -> Chance:
    """Two shares of the same calls, from those that are in one only: McNemar's test, exact; Agresti and Min's interval
    (Statistics in Medicine 24, 2005, 729)."""
    from scipy.stats import binomtest

    p = float(binomtest(only_b, only_a + only_b).pvalue) if only_a + only_b else 1.0
    apart, n = only_b - only_a, of + 2.0
    half = student(math.inf, CONFIDENCE) * math.sqrt(only_a + only_b + 1.0 - apart**2 / n) / n
    centre = apart / n
    return Chance(Estimate(apart / of, centre - half, centre + half), p, "exact, call by call")


def of_counts(a: int, span_a: float, b: int, span_b: float) -> Chance:
    """Two rates of independent events: the exact conditional test (Przyborowski and Wilenski 1940); the interval is put
    together from both exact ones (Zou and Donner, Statistics in Medicine 27, 2008, 1693)."""
    from scipy.stats import binomtest

    p = float(binomtest(b, a + b, span_b / (span_a + span_b)).pvalue) if a + b else 1.0
    return Chance(_combined(poisson_rate(a, span_a), poisson_rate(b, span_b)), p, "exact, events taken for independent")


def _wilson(count: int, of: int) -> Estimate:
    from scipy.stats import binomtest

    found = binomtest(count, of).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(count / of, float(found.low), float(found.high))


def _combined(a: Estimate, b: Estimate) -> Estimate:
    """B - A from the intervals of both, squares of their distances added."""
    apart = b.value - a.value
    low = apart - math.hypot(b.value - b.low, a.high - a.value)
    high = apart + math.hypot(b.high - b.value, a.value - a.low)
    return Estimate(apart, low, high)


def sections_of(n: int, least: int, alike: Callable[[int], float]) -> int | None:
    """How many sections to cut `n` values into, each of at least `least`; None when there are too few values.

    `alike(k)` is the correlation of neighbours among k sections.
    """
    possible = [k for k in SECTIONS if n >= k * least]
    for k in possible:
        if alike(k) <= 2.0 / math.sqrt(k):
            return k
    return possible[-1] if possible else None


def clustered(flags: Array) -> bool:
    """Whether the calls with a flag are spread less evenly over the sections than by chance: by the index of dispersion
    (Fisher, Thornton and Mackenzie 1922), and whether neighbours are alike. To overlook it is worse than to doubt."""
    from scipy.special import chdtrc

    k = SECTIONS[0]
    counts = np.array([part.sum() for part in np.array_split(flags, k)])
    mean, share = float(counts.mean()), float(flags.mean())
    if not 0.0 < share < 1.0:
        return False
    index = float(((counts - mean) ** 2).sum()) / (mean * (1.0 - share))
    return float(chdtrc(k - 1, index)) < DOUBTFUL or lag_1(counts) > 2.0 / math.sqrt(k)


def sectioned(a: Array, b: Array, statistic: Statistic, least: int, paired: bool, margin: float = 0.0) -> Chance | None:
    """Any statistic of two series of values in the order of time; None where one is too short to tell.

    `paired`: both are about the same calls, so that sections are compared one by one. `margin`: whole runs may differ
    by so much for reasons that no section shows; only more than that is a difference.
    """
    whole = statistic(a), statistic(b)
    if paired:
        k = sections_of(min(len(a), len(b)), least, lambda k: lag_1(_apart(a, b, statistic, k)))
        if k is None:
            return None
        return _from_pairs(whole[1] - whole[0], _apart(a, b, statistic, k), margin)
    one, two = (_independent(values, statistic, least) for values in (a, b))
    return None if one is None or two is None else _from_sections(whole, one, two, margin)


def _independent(values: Array, statistic: Statistic, least: int) -> Array | None:
    """The statistic of each section of one series."""
    k = sections_of(len(values), least, lambda k: lag_1(_cut(values, statistic, k)))
    return None if k is None else _cut(values, statistic, k)


def _cut(values: Array, statistic: Statistic, k: int) -> Array:
    edges = np.linspace(0, len(values), k + 1).astype(int)
    return np.array([statistic(values[low:high]) for low, high in pairwise(edges)])


def _apart(a: Array, b: Array, statistic: Statistic, k: int) -> Array:
    return _cut(b, statistic, k) - _cut(a, statistic, k)


def _squared_error(sections: Array, whole: float) -> float:
    """Of the whole, from its sections; more where neighbours are alike (as of a first-order autoregression)."""
    k = len(sections)
    alike = min(MOST_CORRELATION, max(0.0, lag_1(sections)))
    return float(((sections - whole) ** 2).sum()) / (k * (k - 1)) * (1.0 + alike) / (1.0 - alike)


def _from_pairs(apart: float, sections: Array, margin: float) -> Chance:
    k = len(sections)
    error = _squared_error(sections, float(sections.mean()))
    return _student(apart, error, k - 1, 2.0**k, f"{k} sections, paired", margin)


def _from_sections(whole: tuple[float, float], a: Array, b: Array, margin: float) -> Chance:
    errors = _squared_error(a, whole[0]), _squared_error(b, whole[1])
    freedom = welch_freedom(errors, (len(a), len(b)))
    told = f"{len(a)} sections" if len(a) == len(b) else f"{len(a)} and {len(b)} sections"
    return _student(whole[1] - whole[0], sum(errors), freedom, math.comb(len(a) + len(b), len(a)), told, margin)


def _student(
    apart: float, squared: float, freedom: float, arrangements: float, method: str, margin: float = 0.0
) -> Chance:
    """By Student's t. Where no section varies, a difference is one of so many arrangements of the sections."""
    from scipy.special import stdtr

    error, beyond = math.sqrt(squared), max(0.0, abs(apart) - margin)
    if error <= 1e-9 * abs(apart) or error == 0.0:
        p = 1.0 if beyond == 0.0 else min(1.0, 2.0 / arrangements)
        return Chance(Estimate(apart, apart - margin, apart + margin), p, method)
    half = student(freedom, CONFIDENCE) * error + margin
    p = 2.0 * float(stdtr(freedom, -beyond / error))
    return Chance(Estimate(apart, apart - half, apart + half), p, method)


def of_replications(a: Sequence[float], b: Sequence[float], paired: bool) -> Chance | None:
    """Means of independent runs: paired where they share their random numbers, else Welch's test; one run alone is
    held to what a single run of the others would be. None where neither has two."""
    one, two = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    apart = float(two.mean() - one.mean())
    if paired and len(one) == len(two) > 1:
        return _student(apart, _variance(two - one) / len(one), len(one) - 1, 2.0 ** len(one), f"{len(one)} pairs")
    if min(len(one), len(two)) > 1:
        errors = _variance(one) / len(one), _variance(two) / len(two)
        freedom = welch_freedom(errors, (len(one), len(two)))
        arrangements = math.comb(len(one) + len(two), len(one))
        return _student(apart, sum(errors), freedom, arrangements, f"{len(one)} and {len(two)} runs")
    many = one if len(one) > len(two) else two
    if len(many) < 2:
        return None
    squared = _variance(many) * (1.0 + 1.0 / len(many))
    return _student(apart, squared, len(many) - 1, len(many) + 1.0, f"one run among {len(many)}")


def _variance(values: Array) -> float:
    return float(values.var(ddof=1))


def of_lifetimes(a: tuple[Array, Array], b: tuple[Array, Array], least: int) -> tuple[float, str] | None:
    """The probability of lifetimes so different by chance, by the log-rank test (Mantel 1966): of all, and of the
    sections' statistics, which vary by 1 where lifetimes are independent. Each side: lifetimes, and which ended."""
    whole = _log_rank(a, b)
    if whole is None:
        return None
    p = math.erfc(abs(whole) / math.sqrt(2.0))
    k = next((k for k in SECTIONS if min(len(a[0]), len(b[0])) >= k * least), None)
    if k is None:
        return p, "log-rank"
    parts = [_log_rank(one, two) for one, two in zip(_in_sections(a, k), _in_sections(b, k), strict=True)]
    found = np.array([z for z in parts if z is not None])
    if len(found) < SECTIONS[-1]:
        return p, "log-rank"
    mean = float(found.mean())
    alone = _student(mean, _squared_error(found, mean), len(found) - 1, 2.0 ** len(found), "")
    return max(p, alone.p), f"log-rank, {len(found)} sections"


def _in_sections(side: tuple[Array, Array], k: int) -> list[tuple[Array, Array]]:
    edges = np.linspace(0, len(side[0]), k + 1).astype(int)
    return [(side[0][low:high], side[1][low:high]) for low, high in pairwise(edges)]


def _log_rank(a: tuple[Array, Array], b: tuple[Array, Array]) -> float | None:
    """The log-rank statistic, standard normal where both live equally long; None where nothing ended or varies."""
    from scipy.stats import CensoredData, logrank

    if not (a[1].any() or b[1].any()) or not len(a[0]) or not len(b[0]):
        return None
    sides = [CensoredData(uncensored=life[ended], right=life[~ended]) for life, ended in (a, b)]
    with np.errstate(invalid="ignore", divide="ignore"):
        z = float(logrank(*sides).statistic)
    return z if math.isfinite(z) else None


def holm(probabilities: Sequence[float]) -> list[float]:
    """Each probability corrected for having looked at all of them (Holm, Scand. J. Statist. 6, 1979, 65): what is
    below 5 % then is beyond chance, and the chance that any such claim is wrong is 5 % at most."""
    order = sorted(range(len(probabilities)), key=lambda i: probabilities[i])
    corrected, highest = [1.0] * len(probabilities), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * probabilities[i]))
        corrected[i] = highest
    return corrected
