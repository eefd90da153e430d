"""The largest value of a knob that meets several targets at once, from noisy runs: short trials first, then runs
around the answer until it is known as well as wanted.

The idea of two phases, and of results that say under which condition they hold, is that of MLRsearch (FD.io, IETF
draft-ietf-bmwg-mlrsearch); the second phase is interpolation between points that share their random numbers, with a
jackknife over the replications (Miller, Biometrika 61, 1974), because near the answer every run of either point tells
about the same crossing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sim.study.targets import FAR, Target
from sim.study.uncertainty import student
from sim.theory.intervals import CONFIDENCE

Rows = list[list[float]]
"""For each run the metric of each target."""

Measure = Callable[[Sequence[tuple[float, int]], bool], Rows]
"""Runs pairs of (value, replication); short trials, or whole ones."""

STEP = 2.0
"""Factor between the first trials."""

NEAR = 1.25
"""The short trials stop at a bracket of this factor."""

FIRST, MOST = 8, 192
"""Replications of the points around the answer: at first and at most."""

WIDEST, NARROWEST = 0.10, 0.004
"""Half the distance of the outer points, as logarithms of factors."""

ROUNDS = 24


@dataclass(frozen=True, slots=True)
class Tried:
    """A value that was tried, with the metrics of each run there."""

    value: float
    short: bool
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of a search."""

    value: float | None
    """None: even the least value misses a target."""
    low: float
    high: float
    reached: Literal["inside", "below", "above"]
    """Whether the answer lies inside the range, below its least value, or at least at its greatest."""
    precise: bool
    """Whether the interval is as narrow as wanted."""
    binding: int | None
    """The target that is missed first."""
    tried: tuple[Tried, ...]


@dataclass(slots=True)
class _Search:
    measure: Measure
    targets: Sequence[Target]
    low: float
    high: float
    precision: float
    confidence: float
    whole: bool
    tried: dict[tuple[float, bool], Rows] = field(default_factory=dict)

    # --- trials ------------------------------------------------------------------------------------------------------

    def rows(self, values: Sequence[float], count: int, short: bool = False) -> list[Rows]:
        """At least so many replications at each of these values, those that are missing run together."""
        wanted = [(value, r) for r in range(count) for value in values if r >= len(self.tried.get((value, short), []))]
        if wanted:
            for (value, _), row in zip(wanted, self.measure(wanted, short), strict=True):
                self.tried.setdefault((value, short), []).append(row)
        return [self.tried[value, short][:count] for value in values]

    def worst(self, rows: Rows) -> tuple[float, int]:
        """The margin of the target that is farthest beyond its bound, and which one that is."""
        return worst(self.targets, rows)

    def short_misses(self, value: float) -> bool:
        return self.worst(self.rows([value], 1, short=True)[0])[0] > 0.0

    def at(self, value: float) -> float:
        """The nearest value that may be tried."""
        value = min(max(value, self.low), self.high)
        return float(round(value)) if self.whole else float(f"{value:.7g}")

    # --- first phase -------------------------------------------------------------------------------------------------

    def bracket(self) -> tuple[float, float]:
        """Two values between which short trials see the crossing; both at an end of the range where they see none."""
        held, value = self.low, self.at(max(self.low, min(self.low * STEP, self.high)))
        if self.short_misses(self.low):
            return self.low, self.low
        while not self.short_misses(value):
            held = value
            if value >= self.high:
                return self.high, self.high
            value = self.at(value * STEP)
        while value / held > NEAR and not (self.whole and value - held <= 1.0):
            middle = self.at(math.sqrt(held * value))
            if middle in (held, value):
                break
            held, value = (held, middle) if self.short_misses(middle) else (middle, value)
        return held, value

    # --- second phase ------------------------------------------------------------------------------------------------

    def refine(self, centre: float) -> Found:
        """Runs at and around the centre, which follows the estimate, until the interval is narrow enough."""
        apart, count, best, confirmed = WIDEST, FIRST, None, 0
        for _ in range(ROUNDS):
            points = self.points(centre, apart)
            rows = self.rows(points, count)
            left, right = points[0], points[-1]
            beyond = [self.worst(r)[0] for r in rows]
            if beyond[0] > 0.0:
                if left <= self.low:
                    return self.ended(None, self.low, self.low, "below", rows[0])
                centre = left * math.exp(-2.0 * apart) if beyond[0] >= FAR else left
                continue
            if beyond[-1] <= 0.0:
                if right >= self.high:
                    return self.ended(self.high, self.high, self.high, "above", rows[-1])
                centre = right
                continue
            root, half = self.crossing([math.log(point) for point in points], rows)
            best = root, half, self.ends(root, half, points, rows), rows[-1]
            adjacent = self.whole and right - left <= 1.0
            if adjacent and half < math.log(right / left):
                return self.ended(left, left, left, "inside", rows[-1])
            near = apart <= max(4.0 * half, 2.0 * self.precision, NARROWEST)
            if half <= self.precision and near:
                if count >= min(confirmed or MOST + 1, MOST):
                    break
                confirmed = confirmed or count + max(8, count)
                count = min(MOST, confirmed)  # a narrow interval may be luck: the estimate is taken from more
                continue
            if not near and not adjacent and half < apart / 2.0:
                centre, apart = math.exp(root), max(2.0 * half, self.precision, NARROWEST)
            elif count < MOST:
                count = min(MOST, max(count + 2, min(2 * count, math.ceil(count * (half / self.precision) ** 2))))
            else:
                break
        if best is None:
            return self.ended(centre, self.low, self.high, "inside", None, precise=False)
        root, half, ends, rows_right = best
        value = math.floor(math.exp(root)) if self.whole else math.exp(root)
        return self.ended(value, *ends, "inside", rows_right, precise=half <= self.precision)

    def points(self, centre: float, apart: float) -> list[float]:
        """Where to run: at the centre and on both sides of it; whole numbers on both sides only."""
        left, middle, right = (self.at(centre * math.exp(d)) for d in (-apart, 0.0, apart))
        if left == right:
            step = 1.0 if self.whole else centre * NARROWEST
            left = self.at(centre - step / 2.0)
            right = self.at(left + step)
            return [left, right] if right > left else [self.at(right - step), right]
        return [left, middle, right] if not self.whole and left < middle < right else [left, right]

    def crossing(self, at: list[float], rows: list[Rows]) -> tuple[float, float]:
        """Where the worst target meets its bound (at logarithms of values), with half its interval.

        The same from all replications but one, in turn, tells the spread: replications share their random numbers.
        """
        count = len(rows[0])
        whole = self.between(at, rows)
        without = [self.between(at, [r[:i] + r[i + 1 :] for r in rows]) for i in range(count)]
        pseudo = [count * whole - (count - 1) * w for w in without]
        mean = sum(pseudo) / count
        variance = sum((p - mean) ** 2 for p in pseudo) / (count - 1) / count
        return whole, student(count - 1, self.confidence) * math.sqrt(variance)

    def ends(self, root: float, half: float, points: list[float], rows: list[Rows]) -> tuple[float, float]:
        """The interval. A count of runs goes from none that misses to all of them within a step, as with the first lost
        message: every replication says the same, and all that is known is that the answer lies between two points."""
        low, high = math.exp(root - half), math.exp(root + half)
        found = [self.worst(r) for r in rows]
        missed = next(i for i, (margin, _) in enumerate(found) if margin > 0.0)
        if not self.targets[found[missed][1]].counts_runs:
            return low, high
        return min(low, points[max(0, missed - 1)]), max(high, points[missed])

    def between(self, at: list[float], rows: list[Rows]) -> float:
        """The zero of the parabola through three margins, or of the line through two.

        Margins bend: the chord of a concave one lies below it and would promise too much.
        """
        margins = [self.worst(r)[0] for r in rows]
        left, right = at[0], at[-1]
        rise = (margins[-1] - margins[0]) / (right - left)
        if rise <= 0.0:
            return (left + right) / 2.0
        if len(at) == 3:
            step = (right - left) / 2.0
            bend = (margins[2] + margins[0] - 2.0 * margins[1]) / (2.0 * step * step)
            inner = rise * rise - 4.0 * bend * margins[1]
            if inner > 0.0:
                return at[1] + min(2.0 * step, max(-2.0 * step, -2.0 * margins[1] / (rise + math.sqrt(inner))))
        part = -margins[0] / (margins[-1] - margins[0])
        return left + (right - left) * min(2.0, max(-1.0, part))

    def ended(
        self, value: float | None, low: float, high: float, reached: Literal["inside", "below", "above"],
        rows: Rows | None, precise: bool = True,
    ) -> Found:  # fmt: skip
        """The answer, with everything that was tried."""
        binding = self.worst(rows)[1] if rows else None
        tried = tuple(
            Tried(value, short, tuple(map(tuple, found))) for (value, short), found in sorted(self.tried.items())
        )
        return Found(value, low, high, reached, precise, binding, tried)


def worst(targets: Sequence[Target], rows: Rows) -> tuple[float, int]:
    """The margin of the target that is farthest beyond its bound in these runs, and which one that is."""
    margins = [target.margin([target.of_run(row[i]) for row in rows]) for i, target in enumerate(targets)]
    binding = max(range(len(margins)), key=lambda i: margins[i])
    return margins[binding], binding


def search(
    measure: Measure,
    targets: Sequence[Target],
    low: float,
    high: float,
    *,
    precision: float = 0.02,
    confidence: float = CONFIDENCE,
    whole: bool = False,
) -> Found:
    """The largest value in [low, high] (low > 0) at which every target holds, if they are missed beyond some value.

    `precision` is the half of the interval, as a factor: 0.02 is 2 %. Metrics are means over runs; all values share the
    random numbers of their replications.
    """
    state = _Search(measure, targets, low, high, precision, confidence, whole)
    held, missed = state.bracket()
    return state.refine(state.at(math.sqrt(held * missed)))
