"""How many of each resource are held when: from a ledger's rows to levels, peaks and time-weighted means.

Rows come in chunks and in the order of time; only the level of each resource is kept between chunks.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InternalError
from sim.ledger.sink import Sink
from sim.ledger.tables import Coded

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


class LevelRecorder:
    """Turns acquisitions and releases into rows of `levels`, and knows held, peak and mean of every resource.

    With `grid_s` the rows stand on a regular grid: `held` at the interval's end, `min`, `mean`, `max` within it.
    Without, there is one row per change: the level after the last change at that instant.
    """

    def __init__(self, names: Sequence[str], sink: Sink | None, grid_s: float | None = None) -> None:
        self.names = list(names)
        self.sink = sink
        self.grid_s = grid_s
        self.now_s = 0.0
        size = len(self.names)
        self.held = np.zeros(size, dtype=np.int64)
        self.peak = np.zeros(size, dtype=np.int64)
        self._area = np.zeros(size)
        self._since = np.zeros(size)
        self._grid = _Grid(size, grid_s) if grid_s else None
        self._tail_at = np.zeros(0)  # changes at the last instant: more may follow in the next chunk
        self._tail_code = np.zeros(0, dtype=np.int64)
        self._tail_level = np.zeros(0, dtype=np.int64)

    def add(self, time_s: "ArrayLike", resource: "ArrayLike", delta: "ArrayLike") -> None:
        """Rows in the order of time; `resource` are positions in `names`. InternalError when time goes back."""
        times = np.asarray(time_s, dtype=np.float64)
        codes = np.asarray(resource, dtype=np.int64)
        deltas = np.asarray(delta, dtype=np.int64)
        if times.size == 0:
            return
        if times[0] < self.now_s or (np.diff(times) < 0).any():
            raise InternalError(f"ledger rows go back in time after {self.now_s} s")
        self.now_s = float(times[-1])
        parts = [(self._tail_at, self._tail_code, self._tail_level)]
        for code in np.unique(codes):
            rows = np.flatnonzero(codes == code)
            at, level = times[rows], self.held[code] + np.cumsum(deltas[rows])
            self._account(int(code), at, level)
            parts.append((at, np.full(rows.size, code), level))
        if self._grid is None:
            self._emit(*(np.concatenate([part[i] for part in parts]) for i in range(3)))

    def finish(self, horizon_s: float) -> None:
        """Account for the time up to `horizon_s`; call once, after the last row."""
        end = max(horizon_s, self.now_s)
        self._area += self.held * (end - self._since)
        self._since[:] = end
        self.now_s = end
        self._write(self._tail_at, self._tail_code, self._tail_level)
        if self._grid is not None and self.sink is not None:
            columns = self._grid.rows(end, self.held)
            self.sink.write("levels", {**columns, "resource": Coded(columns["resource"], self.names)})

    def mean(self) -> "NDArray[np.float64]":
        """The time-weighted mean level of each resource so far (0 before any time has passed)."""
        return self._area / self.now_s if self.now_s > 0 else np.zeros(len(self.names))

    def _account(self, code: int, at: "NDArray[np.float64]", level: "NDArray[np.int64]") -> None:
        before = np.concatenate([[self.held[code]], level[:-1]])
        since = np.concatenate([[self._since[code]], at[:-1]])
        self._area[code] += float(np.dot(before, at - since))
        if self._grid is not None:
            self._grid.add(code, since, at, before, level)
        self._since[code] = at[-1]
        self.held[code] = level[-1]
        self.peak[code] = max(self.peak[code], level.max())

    def _emit(self, at: "NDArray[Any]", codes: "NDArray[Any]", level: "NDArray[Any]") -> None:
        """Write the rows by time and resource, one per resource and instant; keep back those of the last instant."""
        order = np.lexsort((codes, at))
        at, codes, level = at[order], codes[order], level[order]
        last = np.append((at[1:] != at[:-1]) | (codes[1:] != codes[:-1]), True)
        at, codes, level = at[last], codes[last], level[last]
        done = at < self.now_s
        self._write(at[done], codes[done], level[done])
        self._tail_at, self._tail_code, self._tail_level = at[~done], codes[~done], level[~done]

    def _write(self, at: "NDArray[Any]", codes: "NDArray[Any]", level: "NDArray[Any]") -> None:
        if self.sink is not None and at.size:
            self.sink.write("levels", {"time_s": at, "resource": Coded(codes, self.names), "held": level})


class _Grid:
    """min, mean and max of each resource in each interval of the grid."""

    def __init__(self, size: int, step: float) -> None:
        self.step = step
        self.size = size
        self._cells: list[dict[int, list[float]]] = [{} for _ in range(size)]  # interval → area, min, max, last
        self._until = np.zeros(size)

    def add(self, code: int, since: "NDArray[Any]", at: "NDArray[Any]", before: "NDArray[Any]", after: Any) -> None:
        cells = self._cells[code]
        for start, end, level, new in zip(since.tolist(), at.tolist(), before.tolist(), after.tolist(), strict=True):
            self._spread(cells, start, end, level)
            cell = cells.setdefault(int(end / self.step), [0.0, new, new, new])
            cell[1], cell[2], cell[3] = min(cell[1], new), max(cell[2], new), new
        self._until[code] = at[-1]

    def _spread(self, cells: dict[int, list[float]], start: float, end: float, level: float) -> None:
        """Add the constant `level` of [start, end) to every interval that it touches."""
        index = int(start / self.step)
        while start < end:
            stop = min(end, (index + 1) * self.step)
            cell = cells.setdefault(index, [0.0, level, level, level])
            cell[0] += level * max(0.0, stop - start)
            cell[1], cell[2], cell[3] = min(cell[1], level), max(cell[2], level), level
            start, index = stop, index + 1

    def rows(self, end: float, held: "NDArray[Any]") -> dict[str, Any]:
        columns: dict[str, list[Any]] = {k: [] for k in ("time_s", "resource", "held", "min", "mean", "max")}
        found: list[tuple[int, int, list[float]]] = []
        for code, cells in enumerate(self._cells):
            self._spread(cells, float(self._until[code]), end, float(held[code]))
            found += [(index, code, cell) for index, cell in cells.items()]
        for index, code, (area, low, high, last) in sorted(found, key=lambda row: row[:2]):
            start = index * self.step
            width = min(end, start + self.step) - start
            if width <= 0:
                continue
            for name, value in zip(columns, (start, code, int(last), low, area / width, high), strict=True):
                columns[name].append(value)
        return {name: np.asarray(values) for name, values in columns.items()}


def levels_of(ledger: "pd.DataFrame", grid_s: float | None = None, horizon_s: float = 0.0) -> "pd.DataFrame":
    """The levels, from 0 on, of a ledger table (columns time_s, resource, delta; in the order of time)."""
    from sim.ledger.sink import MemorySink
    from sim.ledger.zero import LevelsFromZero

    names = sorted(ledger["resource"].dropna().astype(str).unique())
    position = {name: i for i, name in enumerate(names)}
    sink = MemorySink()
    recorder = LevelRecorder(names, LevelsFromZero(sink, names), grid_s)
    codes = [position[name] for name in ledger["resource"].astype(str)]
    recorder.add(ledger["time_s"].to_numpy(), codes, ledger["delta"].to_numpy())
    recorder.finish(horizon_s)
    return sink.frame("levels")
