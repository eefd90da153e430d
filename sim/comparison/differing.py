"""What is compared of two results, row by row: shares of the calls, rates, latencies, lifetimes of pools."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.comparison.callbook import SHARES
from sim.comparison.chance import (
    Chance,
    clustered,
    of_counts,
    of_lifetimes,
    of_same_calls,
    of_shares,
    sectioned,
    wider,
)
from sim.ledger.spans import LATENCIES, label
from sim.study.verdict import plain
from sim.theory.intervals import CONFIDENCE, Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.comparison.callbook import CallBook
    from sim.ledger.result import RunResult
    from sim.ledger.summary import Summary

    Array = NDArray[Any]

PERCENTILES: Final = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
LEAST: Final = 10
"""Values that a section must have; for a percentile so many that one lies beyond it."""


PHASE_S: Final = 0.02
"""What the phase of the media tick can do to times of evenly spaced calls: two ticks, as a release waits for two."""
STEPS: Final = 200
"""Steps of time in which leaks are counted, enough for the most sections."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row: a value of the base and of another result. What has no interval and no probability was not tested."""

    other: str
    """The name of the result that is held against the base."""
    name: str
    label: str
    unit: str  # fraction | rate | time | count | number, as in conditions
    base: float | None
    value: float | None
    difference: Estimate | None = None
    p: float | None = None
    p_corrected: float | None = None
    method: str = ""
    less_is_better: bool | None = None  # None: neither is
    where: str = ""  # of a study: the point and the variant

    def tested(self, found: Chance | None) -> Difference:
        """The row with its interval and probability; None: there were too few values."""
        if found is None:
            return replace(self, method="too few values for an interval")
        return replace(self, difference=found.difference, p=found.p, method=found.method)

    @property
    def beyond_chance(self) -> bool:
        """Whether the difference is one that chance does not explain, all rows considered."""
        return self.p_corrected is not None and self.p_corrected < 1.0 - CONFIDENCE

    @property
    def apart(self) -> float | None:
        """The value less that of the base."""
        return self.value - self.base if self.value is not None and self.base is not None else None

    @property
    def ratio(self) -> float | None:
        """How many times the base; None where that says nothing."""
        found = self.value / self.base if self.base and self.value is not None else math.nan
        return found if math.isfinite(found) else None

    @property
    def verdict(self) -> str:
        """worse, better, different, same (as far as chance goes), or untested."""
        if self.p_corrected is None:
            return "untested"
        if not self.beyond_chance:
            return "same"
        if self.less_is_better is None or not self.apart:
            return "different"
        return "better" if (self.apart < 0.0) == self.less_is_better else "worse"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        ends = plain(self.difference) if self.difference is not None else {"low": None, "high": None}
        return {
            "result": self.other, "name": self.name, "where": self.where, "unit": self.unit, "base": self.base,
            "value": self.value, "difference": self.apart, "low": ends["low"], "high": ends["high"],
            "ratio": self.ratio, "p": self.p, "p_corrected": self.p_corrected, "beyond_chance": self.beyond_chance,
            "verdict": self.verdict, "method": self.method, "label": self.label, "less_is_better": self.less_is_better,
        }  # fmt: skip


def differences(
    base: RunResult, base_calls: CallBook | None, result: RunResult, calls: CallBook | None, other: str, paired: bool
) -> list[Difference]:
    """Every row for two results; `paired` where their calls are the same. Without calls there are only counts."""
    if base_calls is None or calls is None:
        return [*_from_summaries(base.summary, result.summary, other)]
    return [
        *_shares(base_calls, calls, other, paired),
        *_rates(base_calls, calls, other, paired),
        *_latencies(base_calls, calls, other, paired),
        *_lifetimes(base_calls, calls, other, paired),
    ]


def _shares(base: CallBook, calls: CallBook, other: str, paired: bool) -> Iterator[Difference]:
    for name, words in SHARES.items():
        a, b = base.flags[name], calls.flags[name]
        if not (a.any() or b.any()) or not len(a) or not len(b):
            yield Difference(other, name, words, "fraction", 0.0, 0.0, method="none in either", less_is_better=True)
            continue
        exact = _same_calls(a, b) if paired and len(a) == len(b) else of_shares(a.sum(), len(a), b.sum(), len(b))
        found = wider(exact, sectioned(a, b, _mean, LEAST, paired)) if clustered(a) or clustered(b) else exact
        yield Difference(other, name, words, "fraction", _mean(a), _mean(b), less_is_better=True).tested(found)


def _same_calls(a: Array, b: Array) -> Chance:
    return of_same_calls(int((a & ~b).sum()), int((b & ~a).sum()), len(a))


def _mean(values: Array) -> float:
    return float(values.mean())


def _rates(base: CallBook, calls: CallBook, other: str, paired: bool) -> Iterator[Difference]:
    spans = [float(np.ptp(side.arrived_s)) if len(side.arrived_s) else 0.0 for side in (base, calls)]
    if not min(spans) > 0.0:
        return
    gaps = [np.diff(side.arrived_s) for side in (base, calls)]
    row = Difference(other, "arrivals.rate", "calls arrived", "rate", 1.0 / _mean(gaps[0]), 1.0 / _mean(gaps[1]))
    yield row.tested(sectioned(gaps[0], gaps[1], lambda gap: 1.0 / _mean(gap), LEAST, paired))
    leaks = [int(side.flags["sessions.leaked"].sum()) for side in (base, calls)]
    both = [count / span for count, span in zip(leaks, spans, strict=True)]
    row = Difference(other, "leaks.rate", "leaks", "rate", both[0], both[1], less_is_better=True)
    if not any(leaks):
        yield replace(row, method="none in either")
    else:
        found = of_counts(leaks[0], spans[0], leaks[1], spans[1])
        if any(clustered(side.flags["sessions.leaked"]) for side in (base, calls)):
            series = [_over_time(side, span) for side, span in zip((base, calls), spans, strict=True)]
            found = wider(found, sectioned(series[0], series[1], _mean, LEAST, paired))
        yield row.tested(found)


def _over_time(calls: CallBook, span_s: float) -> Array:
    """Leaks a second by when their calls arrived, in equal steps of time."""
    leaked = calls.arrived_s[calls.flags["sessions.leaked"][: len(calls.arrived_s)]]
    counts, _ = np.histogram(leaked, STEPS, (calls.arrived_s[0], calls.arrived_s[-1]))
    return np.asarray(counts * (STEPS / span_s))


def _latencies(base: CallBook, calls: CallBook, other: str, paired: bool) -> Iterator[Difference]:
    margin = 0.0 if paired or not _phased(base, calls) else PHASE_S
    for latency in LATENCIES:
        for name, p in PERCENTILES.items():
            values = base.durations[latency], calls.durations[latency]
            yield _percentile(values, latency, (name, p), other, paired, margin)


def _phased(base: CallBook, calls: CallBook) -> bool:
    return base.evenly_spaced or calls.evenly_spaced


def _percentile(
    durations: tuple[Array, Array], latency: str, percentile: tuple[str, float], other: str, paired: bool, margin: float
) -> Difference:
    (a, b), (name, p) = durations, percentile

    def at(values: Array) -> float:
        return float(np.partition(values, i := min(len(values) - 1, int(len(values) * p)))[i])

    path, words = f"latency.{latency}.{name}", f"{label(latency)}, {name}"
    values = [at(found) if len(found) else None for found in (a, b)]
    better = None if latency == "pool_lifetime" else True
    row = Difference(other, path, words, "time", values[0], values[1], less_is_better=better)
    if None in values:
        return replace(row, method="no samples")
    return row.tested(sectioned(a, b, at, max(LEAST, math.ceil(1.0 / (1.0 - p))), paired, margin))


def _lifetimes(base: CallBook, calls: CallBook, other: str, paired: bool) -> Iterator[Difference]:
    from sim.leaks.survival import survival

    found = of_lifetimes(base.lifetimes, calls.lifetimes, LEAST)
    if found is None:
        return
    medians = []
    for lives, ended in (base.lifetimes, calls.lifetimes):
        median = survival(lives[ended], lives[~ended]).median
        medians.append(median if math.isfinite(median) else None)
    words = "lifetime of pools, median of all"
    row = Difference(other, "lifetimes", words, "time", medians[0], medians[1])
    if _phased(base, calls) and not paired:
        yield replace(row, method="evenly spaced calls: one phase")
    else:
        yield replace(row, p=found[0], method=found[1])


def _from_summaries(base: Summary, summary: Summary, other: str) -> Iterator[Difference]:
    """Counts alone, taken for independent, and the percentiles as they are."""
    for name, words in SHARES.items():
        counts = [_count(one, name) for one in (base, summary)]
        calls = [max(1, one.sessions.arrived) for one in (base, summary)]
        if any(counts):
            shares = [count / of for count, of in zip(counts, calls, strict=True)]
            row = Difference(other, name, words, "fraction", shares[0], shares[1], less_is_better=True)
            yield row.tested(of_shares(counts[0], calls[0], counts[1], calls[1]))
    for latency in LATENCIES:
        for name in PERCENTILES:
            values = [getattr(one.latency[latency], name) for one in (base, summary)]
            if None not in values:
                path, words = f"latency.{latency}.{name}", f"{label(latency)}, {name}"
                yield Difference(other, path, words, "time", values[0], values[1], method="no sessions were kept")


def _count(summary: Summary, name: str) -> int:
    s = summary.sessions
    counts = {
        "sessions.leaked": s.leaked, "sessions.blocking": round(s.blocking * s.arrived),
        "sessions.rejected": sum(s.rejected.values()), "sessions.unanswered": s.unanswered,
        "sessions.cancelled": s.cancelled, "violations": len({v.session for v in summary.violations}),
    }  # fmt: skip
    return min(counts[name], max(1, s.arrived))
