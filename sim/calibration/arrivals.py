"""Which process the calls of a log came from: Poisson, evenly spaced, a rate that moves, bursts, or none of these."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEWEST: Final = 20
SIGNIFICANT: Final = 0.01
_EVEN_CV: Final = 0.3
KERNEL_CLOCKS: Final = (0.004, 1 / 300)
"""Ticks of Linux kernels that poll's time-outs keep to, in seconds (250 and 300 Hz)."""
_RAYLEIGH: Final = 1e-6
_SEGMENTS: Final = 12
_LEAST_CALLS: Final = 30  # in one piece of a rate profile


@dataclass(frozen=True, slots=True)
class ArrivalsSeen:
    """The process as a scenario has it (`kind` replay: the recorded calls themselves), with the evidence for it."""

    kind: str
    rate: float
    low: float
    high: float
    comment: str
    profile: list[tuple[float, float]] = field(default_factory=list)
    burst: dict[str, Any] = field(default_factory=dict)


def arrivals(times: Array) -> ArrivalsSeen:
    """The process of calls that arrived at `times`, in seconds."""
    times = np.sort(times[np.isfinite(times)])
    n = len(times)
    span = float(times[-1] - times[0]) if n else 0.0
    if n < 2 or span <= 0:
        return ArrivalsSeen("poisson", 1.0, 0.0, math.inf, f"{n} calls: too few to say; rate is a guess")
    rate = (n - 1) / span
    low, high = _rate_interval(n - 1, span)
    gaps = np.diff(times)
    cv = float(gaps.std() / gaps.mean())
    about = f"{n} calls in {span:.1f} s, {rate:.4g}/s [{low:.4g}, {high:.4g}], gaps with cv {cv:.2f}"
    if n < FEWEST:
        return ArrivalsSeen("poisson", rate, low, high, f"{about}: too few to test, taken for Poisson")
    burst = _bursts(times) if cv > 0.5 else {}
    if burst:
        return ArrivalsSeen(
            "burst", rate, low, high, f"{about}: bursts of {burst['size']} calls every {burst['every']:.3g} s",
            burst=burst,
        )  # fmt: skip
    if _even(gaps):
        middle = _even_rate(times)
        wide = 2.0 * float(np.quantile(np.abs(gaps - gaps.mean()), 0.9)) / span * middle
        spread = short_ms(float(np.quantile(np.abs(gaps - np.median(gaps)), 0.95)))
        return ArrivalsSeen(
            "even", middle, middle - wide, middle + wide,
            f"{about}: evenly spaced, not Poisson (95 % of the gaps within {spread} of their median)",
        )  # fmt: skip
    p_gaps, p_counts = _exponential_test(gaps), dispersion_test(times)
    if p_gaps >= SIGNIFICANT and p_counts >= SIGNIFICANT:
        return ArrivalsSeen(
            "poisson", rate, low, high, f"{about}: Poisson (gaps KS p = {p_gaps:.2f}, counts p = {p_counts:.2f})"
        )
    tests = f"not Poisson at one rate (gaps p = {p_gaps:.3f}, counts p = {p_counts:.3f})"
    profile = rate_profile(times)
    if len(profile) > 1:
        within = _rescaled(times, profile)
        p_within = _exponential_test(np.diff(within))
        if p_within >= SIGNIFICANT:
            return ArrivalsSeen(
                "profile", rate, low, high,
                f"{about}: {tests}; Poisson along a rate in {len(profile)} pieces (rescaled gaps p = {p_within:.2f})",
                profile=profile,
            )  # fmt: skip
    return ArrivalsSeen(
        "replay", rate, low, high, f"{about}: {tests}, nor one that moves; the recorded calls are replayed"
    )


def callers_clock(times: Array) -> float | None:
    """The clock at whose ticks calls begin, in seconds: that of a load generator's kernel. None: there is none to see.

    Times that fall on ticks point the same way on the clock's circle, and others do not: the mean of so many unit
    vectors is longer than this by chance once in a million (Rayleigh).
    """
    times = times[np.isfinite(times)]
    if len(times) < FEWEST:
        return None
    longest_by_chance = math.sqrt(-math.log(_RAYLEIGH) / len(times))
    for clock in KERNEL_CLOCKS:
        if float(np.abs(np.exp(2j * np.pi * times / clock).mean())) > longest_by_chance:
            return clock
    return None


def short_ms(value: float) -> str:
    return f"{value * 1e3:.3g} ms"


def _rate_interval(events: int, span: float) -> tuple[float, float]:
    from scipy import stats

    return float(stats.chi2.ppf(0.025, 2 * events)) / 2 / span, float(stats.chi2.ppf(0.975, 2 * events + 2)) / 2 / span


def _even(gaps: Array) -> bool:
    """Whether gaps are (nearly) equal: a clock that is late is made up for, so the middle of them decides."""
    middle = float(np.median(gaps))
    inner = float(np.quantile(gaps, 0.9) - np.quantile(gaps, 0.1))
    return middle > 0 and (inner < _EVEN_CV * middle or _clocked(gaps))


def _clocked(gaps: Array) -> bool:
    """Gaps of an even generator whose sending is jittered: what one is late, the next makes up for.

    The variance of the sum of k gaps then stays what it is for one, where that of independent gaps grows with k.
    """
    k = 40 if len(gaps) >= 400 else 10
    if len(gaps) < 10 * k:
        return False
    sums = gaps[: len(gaps) // k * k].reshape(-1, k).sum(axis=1)
    return float(sums.var()) < 0.1 * k * float(gaps.var()) and float(sums.std()) < 0.1 * float(sums.mean())


def _even_rate(times: Array) -> float:
    """Calls per second by a robust line through the arrivals: the median slope over half of the log."""
    half = len(times) // 2
    return half / float(np.median(times[half:] - times[: len(times) - half]))


def _exponential_test(gaps: Array) -> float:
    """p-value of "the gaps are exponential", by KS with a parametric bootstrap."""
    from sim.calibration.families import EXPONENTIAL
    from sim.calibration.fit import try_family

    rng = np.random.default_rng(1)
    sample = np.maximum(gaps + rng.uniform(-0.5e-6, 0.5e-6, len(gaps)), 1e-9)
    if len(sample) > 2000:
        sample = rng.choice(sample, 2000, replace=False)
    found = try_family(EXPONENTIAL, sample, np.empty(0), rng)
    return found[1] if found is not None else 0.0


def dispersion_test(times: Array) -> float:
    """p-value of "counts in equal windows vary as Poisson ones" (index of dispersion, both sides)."""
    from scipy import stats

    windows = int(np.clip(len(times) // 10, 5, 200))
    counts = np.histogram(times, bins=windows)[0]
    index = float(((counts - counts.mean()) ** 2).sum() / counts.mean())
    upper = float(stats.chi2.sf(index, windows - 1))
    return 2 * min(upper, 1 - upper)


def _bursts(times: Array) -> dict[str, Any]:
    """Bursts of equal size at equal distance, or nothing."""
    gaps = np.diff(times)
    order = np.sort(gaps)
    ratio = order[1:] / np.maximum(order[:-1], 1e-6)
    lower = len(order) // 4
    if lower >= len(ratio):
        return {}
    cut = lower + int(ratio[lower:].argmax())
    if ratio[cut] < 5 or order[cut] > 0.2 * order[-1]:
        return {}
    starts = np.flatnonzero(np.concatenate(([True], gaps > (order[cut] + order[cut + 1]) / 2)))
    sizes = np.diff(np.append(starts, len(times)))
    every = np.diff(times[starts])
    if len(starts) < 4 or float(np.mean(sizes == np.median(sizes))) < 0.9 or float(every.std()) > 0.05 * every.mean():
        return {}
    inside = gaps[gaps <= order[cut]]
    return {"size": int(np.median(sizes)), "every": float(every.mean()), "spacing": float(np.median(inside))}


def rate_profile(times: Array) -> list[tuple[float, float]]:
    """Piecewise constant rate as (from, rate), times from the first call: optimal cut points under a BIC penalty."""
    start, span = float(times[0]), float(times[-1] - times[0])
    bins = int(np.clip(len(times) // 10, 10, 240))
    counts = np.histogram(times - start, bins=bins, range=(0.0, span))[0].astype(np.float64)
    width = span / bins
    total = np.concatenate(([0.0], np.cumsum(counts)))
    least = max(1, math.ceil(_LEAST_CALLS / max(counts.mean(), 1e-9) / 2))

    def gain(i: int, j: Array) -> Array:
        calls, time = total[j] - total[i], (j - i) * width
        return np.where(calls > 0, calls * np.log(np.maximum(calls, 1e-12) / time), 0.0)

    penalty = 1.5 * math.log(len(times))
    best = np.full(bins + 1, -np.inf)
    best[0] = 0.0
    before = np.zeros(bins + 1, dtype=np.int64)
    for end in range(1, bins + 1):
        for begin in range(end - least + 1):
            value = best[begin] + float(gain(begin, np.array(end))) - penalty
            if value > best[end]:
                best[end], before[end] = value, begin
    cuts = [bins]
    while cuts[-1] > 0:
        cuts.append(int(before[cuts[-1]]))
    cuts.reverse()
    return [
        (begin * width, float(total[end] - total[begin]) / ((end - begin) * width)) for begin, end in pairwise(cuts)
    ]


def _rescaled(times: Array, profile: list[tuple[float, float]]) -> Array:
    """Times in units of the cumulated rate: a Poisson process of rate 1 if the profile is right."""
    at = np.array([point[0] for point in profile] + [float(times[-1] - times[0]) + 1e-9])
    rates = np.array([point[1] for point in profile])
    total = np.concatenate(([0.0], np.cumsum(rates * np.diff(at))))
    return np.asarray(np.interp(times - times[0], at, total), dtype=np.float64)
