"""What a picture shows of tables that may be too long to hold: read in batches, thinned on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.ledger.histogram import BUCKETS, bucket_value, count
from sim.ledger.result import RunResult
from sim.ledger.spans import KNOWN, SPANS

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, Any]

CHANGES_DRAWN, GRID_DRAWN = 4000, 300
"""More changes of a level than these are drawn as a band on so many intervals."""

EXACT = 200_000
"""Up to so many samples a distribution is drawn from the samples themselves, beyond within 1 %."""

POINTS = 4000

LEVELS = ("time_s", "held", "min", "mean", "max")


@dataclass(frozen=True, slots=True)
class Steps:
    """A level over time: it holds from `time` on; on a grid its mean, with `low` and `high` in each interval."""

    time: Array
    level: Array
    low: Array | None = None
    high: Array | None = None


def level_steps(result: RunResult, resource: str, most: int | None = None) -> Steps | None:
    """The level of a resource, on a grid when it changes more often than a picture can show; None without any."""
    drawn, cells = (CHANGES_DRAWN, GRID_DRAWN) if most is None else (most, most)
    grid, changes = _Grid(result.summary.horizon_s, cells), 0
    kept: list[tuple[Array, ...]] = []
    for rows in result.batches("levels", LEVELS, resource):
        part = tuple(rows.get(name, np.full(len(rows["time_s"]), np.nan)) for name in LEVELS)
        on_grid = not np.isnan(part[3]).all()
        changes += 0 if on_grid else len(part[0])
        if changes <= drawn:
            kept.append(part)
        if not on_grid:
            grid.add(part[0], part[1])
    if changes > drawn:
        return grid.steps()
    if not any(len(part[0]) for part in kept):
        return None
    time, held, low, mean, high = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    return Steps(time, held) if np.isnan(mean).all() else _with_gaps(Steps(time, mean, low, high), grid.horizon_s)


def _with_gaps(steps: Steps, horizon_s: float) -> Steps:
    """Intervals of the grid in which nothing was held have no row: the level falls to 0 where one is missing."""
    assert steps.low is not None
    assert steps.high is not None
    if len(steps.time) < 2:
        return steps
    step = float(np.diff(steps.time).min())
    ends = steps.time + step
    after = np.append(steps.time[1:], horizon_s)
    gaps = np.flatnonzero(after - ends > 0.01 * step)
    columns = (np.insert(column, gaps + 1, 0.0) for column in (steps.level, steps.low, steps.high))
    return Steps(np.insert(steps.time, gaps + 1, ends[gaps]), *columns)


class _Grid:
    """Mean, least and greatest level in each interval, from changes that come in the order of time."""

    def __init__(self, horizon_s: float, cells: int) -> None:
        self.horizon_s = horizon_s
        self.cells = cells
        self.edges = np.linspace(0.0, horizon_s, cells + 1)
        self.area = np.zeros(cells + 1)  # under the level, from 0 to each edge
        self.low = np.full(cells, np.inf)
        self.high = np.full(cells, -np.inf)
        self.now, self.level, self.total = 0.0, 0.0, 0.0

    def add(self, time: Array, level: Array) -> None:
        """The level after each change."""
        if not len(time):
            return
        at, held = np.append(self.now, time), np.append(self.level, level)
        under = self.total + np.append(0.0, np.cumsum(held[:-1] * np.diff(at)))
        first, last = np.searchsorted(self.edges, (at[0], at[-1]), "right")
        first = 0 if self.now == 0.0 else int(first)
        self._pass(int(first), int(last), at, held, under)
        cell = np.minimum(np.searchsorted(self.edges, time, "right") - 1, self.cells - 1)
        np.minimum.at(self.low, cell, level)
        np.maximum.at(self.high, cell, level)
        self.now, self.level, self.total = float(at[-1]), float(held[-1]), float(under[-1])

    def _pass(self, first: int, last: int, at: Array, held: Array, under: Array) -> None:
        """Note the area, and the level, at the edges from `first` to before `last`."""
        edges = self.edges[first:last]
        self.area[first:last] = np.interp(edges, at, under)
        begun = held[np.searchsorted(at, edges, "right") - 1][: max(0, self.cells - first)]
        cells = slice(first, first + len(begun))
        self.low[cells] = np.minimum(self.low[cells], begun)
        self.high[cells] = np.maximum(self.high[cells], begun)

    def steps(self) -> Steps:
        """The intervals up to the horizon."""
        self.add(np.array([max(self.now, self.horizon_s)]), np.array([self.level]))
        return Steps(self.edges[:-1], np.diff(self.area) / np.diff(self.edges), self.low, self.high)


class Spread:
    """The distribution of one latency."""

    def __init__(self) -> None:
        self.parts: list[Array] = []
        self.n = 0
        self.counts: Array | None = None

    def add(self, values: Array) -> None:
        """More samples."""
        self.n += len(values)
        self.parts.append(values)
        if self.n > EXACT:
            if self.counts is None:
                self.counts = np.zeros(BUCKETS, dtype=np.int64)
            for part in self.parts:
                self.counts += count(part)
            self.parts.clear()

    def curve(self, most: int | None = None) -> tuple[Array, Array]:
        """Durations in ascending order, with the share of samples at or below each."""
        if self.counts is not None:
            found = np.nonzero(self.counts)[0]
            x = np.array([bucket_value(int(i)) for i in found])
            y = np.cumsum(self.counts[found]) / self.n
            return x[x > 0], y[x > 0]  # a logarithmic axis has no place for 0
        x = np.sort(np.concatenate(self.parts)) if self.parts else np.zeros(0)
        y = np.arange(1, x.size + 1) / max(1, x.size)
        keep = np.unique(np.linspace(0, x.size - 1, min(x.size, most or POINTS)).astype(np.int64))
        keep = keep[x[keep] > 0]
        return x[keep], y[keep]


def spreads(result: RunResult) -> dict[str, Spread]:
    """The distribution of each latency, a difference of two columns of the sessions table; none without the table."""
    found = {name: Spread() for name in SPANS}
    columns = tuple(dict.fromkeys(column for span in SPANS.values() for column in (span.start, span.end)))
    for rows in result.batches("sessions", columns):
        for name in SPANS:
            found[name].add(latency_samples(rows, name))
    return found


def latency_samples(sessions: Mapping[str, Any] | pd.DataFrame, name: str) -> Array:
    """The samples of latency `name` in a sessions table, in seconds, unsorted; not reached is left out."""
    if name not in KNOWN:  # of a result that a later version wrote
        return np.zeros(0)
    start, end, _ = KNOWN[name]
    if start not in sessions or end not in sessions:
        return np.zeros(0)
    spans = np.asarray(sessions[end], dtype=np.float64) - np.asarray(sessions[start], dtype=np.float64)
    return spans[~np.isnan(spans)]


def times_created(result: RunResult) -> Iterator[Array]:
    """When sessions were created, in batches."""
    for rows in result.batches("sessions", ("created_s",)):
        created = rows["created_s"]
        yield created[~np.isnan(created)]
