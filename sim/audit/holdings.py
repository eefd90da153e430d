"""Who holds how much of which resource since when, from a log: the rows, peaks and time averages of the ledger."""

from array import array
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from sim.ledger.sink import Sink
from sim.ledger.summary import ResourceUse
from sim.ledger.tables import NO_SESSION, Coded
from sim.ledger.zero import LevelsFromZero

EVERY_CHANGE = 250_000  # level rows up to here are at every change; beyond, per second
GRID_S = 1.0
_CHUNK = 100_000


class _Use:
    __slots__ = ("acquired", "area", "held", "id", "lasting", "refused", "released", "since")

    def __init__(self, id_: int, since: int) -> None:
        self.id = id_
        self.acquired = self.released = self.held = self.lasting = self.refused = 0
        self.area = 0
        self.since = since

    @property
    def peak(self) -> int:
        """The greatest level: `lasting` is that of all levels before the present one, which may yet be taken back."""
        return max(self.lasting, self.held)


class Holdings:
    """Counts every acquisition and release; `write` hands levels and, when wanted, ledger rows to a sink in chunks."""

    def __init__(
        self, sink: Sink | None, origin: int, ledger: bool, id_of: Callable[[int], str] = lambda session: ""
    ) -> None:
        self._sink = LevelsFromZero(sink) if sink is not None else None
        self._id_of = id_of
        self._ledger = ledger and sink is not None
        self.origin = origin
        self.uses: dict[str, _Use] = {}
        self.limits: dict[str, int] = {}
        self._time, self._id, self._held = array("q"), array("i"), array("q")
        self._grid = False
        self._open: dict[int, int] = {}  # grid: the level of a resource at the end of what was written
        self._rows: list[tuple[int, int, str, int, str, str]] = []

    def add(
        self, resource: str, delta: int, time: int, session: int = NO_SESSION, task: str = "", cause: str = ""
    ) -> None:
        """`delta` of `resource` at `time` (microseconds) by `session`."""
        use = self.uses.get(resource)
        if use is None:
            use = self.uses[resource] = _Use(len(self.uses), time)
        held = use.held
        if held > use.lasting:
            use.lasting = held
        if time > use.since:
            use.area += held * (time - use.since)
            use.since = time
        use.held = held = held + delta
        if delta > 0:
            use.acquired += delta
        else:
            use.released -= delta
        self._time.append(time)
        self._id.append(use.id)
        self._held.append(held)
        if self._ledger:
            self._rows.append((time, session, resource, delta, task, cause))

    def refuse(self, resource: str, time: int) -> None:
        """A request for `resource` that was not met."""
        if resource not in self.uses:
            self.uses[resource] = _Use(len(self.uses), time)
        self.uses[resource].refused += 1

    def take_back(self, resource: str, time: int, session: int) -> None:
        """The last acquisition of `resource`, by `session`, was none: the line after it says that it was refused."""
        use = self.uses[resource]
        level = next((i for i in reversed(range(len(self._id))) if self._id[i] == use.id), -1)
        rows = range(len(self._rows)) if self._ledger else range(0)
        row = next((i for i in reversed(rows) if self._rows[i][1:4] == (session, resource, 1)), -1)
        if level < 0 or (self._ledger and row < 0):  # written already, as a block of the log ended between the lines
            lasting = use.lasting
            self.add(resource, -1, time, session, "", "refused")
            use.lasting = lasting
            return
        use.held -= 1
        use.acquired -= 1
        for column in (self._time, self._id, self._held):
            del column[level]
        if row >= 0:
            del self._rows[row]

    def flush(self) -> bool:
        """Hand over what has piled up, between blocks of the log; whether ledger rows were written."""
        if self._sink is None:
            del self._time[:], self._id[:], self._held[:]
            return False
        written = len(self._rows) >= _CHUNK
        if written:
            self._write_rows()
        if len(self._time) > EVERY_CHANGE or (self._grid and len(self._time) > _CHUNK):
            self._grid = True
            self._write_grid()
        return written

    def close(self, end: int, leaked: Iterable[str]) -> dict[str, ResourceUse]:
        """Write the rest; the use of every resource up to `end`, of which `leaked` (with repeats) are lost."""
        if self._sink is not None:
            self._write_rows()
            if self._grid:
                self._write_grid()
            else:
                self._write_changes()
        lost: dict[str, int] = {}
        for name in leaked:
            lost[name] = lost.get(name, 0) + 1
        span = max(1, end - self.origin)
        result: dict[str, ResourceUse] = {}
        for name, use in self.uses.items():
            area = use.area + use.held * max(0, end - use.since)
            result[name] = ResourceUse(
                acquired=use.acquired, released=use.released, held=use.held, leaked=lost.get(name, 0),
                refused=use.refused, peak=use.peak, mean=area / span, limit=self.limits.get(name),
            )  # fmt: skip
        return result

    def _write_rows(self) -> None:
        if not self._rows or self._sink is None:
            return
        time, session, resource, delta, task, cause = zip(*self._rows, strict=True)
        self._sink.write(
            "ledger",
            {
                "time_s": (np.array(time, dtype=np.int64) - self.origin) / 1e6,
                "session": np.array(session, dtype=np.int64),
                "resource": list(resource),
                "delta": np.array(delta, dtype=np.int64),
                "bytes": np.zeros(len(time), dtype=np.int64),
                "task": list(task),
                "cause": list(cause),
                "session_id": [self._id_of(number) for number in session],
            },
        )
        self._rows = []

    def _take(self) -> tuple[Any, Any, Any]:
        columns = tuple(np.array(column, dtype=np.int64) for column in (self._time, self._id, self._held))
        del self._time[:], self._id[:], self._held[:]
        order = np.argsort(columns[0], kind="stable")  # threads log a little out of order
        return columns[0][order], columns[1][order], columns[2][order]

    def _write_changes(self) -> None:
        time, ids, held = self._take()
        assert self._sink is not None
        columns = {"time_s": (time - self.origin) / 1e6, "resource": Coded(ids, list(self.uses)), "held": held}
        self._sink.write("levels", columns)

    def _write_grid(self) -> None:
        """Every whole interval in which a resource changed, with its least, average and greatest level."""
        time, ids, held = self._take()
        assert self._sink is not None
        step = int(GRID_S * 1e6)
        out: list[tuple[Any, ...]] = []
        for id_ in np.unique(ids).tolist():
            mine = ids == id_
            t, h = time[mine] - self.origin, held[mine]
            before = self._open.get(id_, 0)
            self._open[id_] = int(h[-1])
            cell = t // step
            starts = np.flatnonzero(np.diff(cell, prepend=cell[0] - 1))
            level = np.concatenate(([before], h))[starts]  # at the start of each interval
            length = np.diff(np.append(t, 0))
            stop = np.append(starts[1:], t.size)
            length[stop - 1] = (cell[starts] + 1) * step - t[stop - 1]
            area = np.add.reduceat(h * length, starts) + level * (t[starts] - cell[starts] * step)
            least = np.minimum(np.minimum.reduceat(h, starts), level)
            most = np.maximum(np.maximum.reduceat(h, starts), level)
            out.append((cell[starts] * GRID_S, np.full(starts.size, id_), level, least, area / step, most))
        if not out:
            return
        at, which, level, least, mean, most = (np.concatenate(part) for part in zip(*out, strict=True))
        order = np.argsort(at, kind="stable")
        self._sink.write(
            "levels",
            {
                "time_s": at[order], "resource": Coded(which[order], list(self.uses)), "held": level[order],
                "min": least[order].astype(np.float64), "mean": mean[order], "max": most[order].astype(np.float64),
            },
        )  # fmt: skip
