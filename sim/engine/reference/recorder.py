"""Buffers of the SimPy engine: rows are kept as tuples and handed to the collector in chunks."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.engine.end.collect import SESSION_COUNTS, SESSION_TIMES, Collector
from sim.engine.reference.world import PlainWorld
from sim.engine.sharing import window_used
from sim.server.ledger import SLIVER
from sim.server.records import Session

CHUNK = 32_768
INTEGERS = {"session", "task", "message", "state", "subrequests", "argument", "resource", "delta", "bytes", "cause"}
MESSAGE_FIELDS = ("session", "task", "message", "sent_s", "started_s", "finished_s", "state", "subrequests", "argument")
PROCESSOR_FIELDS = ("task", "waited_s")
WAIT_FIELDS = ("task", "sent_s", "started_s", "finished_s")
LEDGER_FIELDS = ("time_s", "session", "resource", "delta", "bytes", "task", "cause")
WINDOW_FIELDS = ("time_s", "resource", "held", "min", "mean", "max")


def as_columns(fields: tuple[str, ...], rows: list[Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Rows as columns: float64 for times, int64 for the rest."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(fields)
    return {
        name: np.fromiter(values, np.int64 if name in INTEGERS else np.float64, len(values))
        for name, values in zip(fields, columns, strict=True)
    }


class Recorder:
    """Collects what happens; `flush` hands it on."""

    def __init__(self, collector: Collector, window_s: float, resources: int) -> None:
        self.collector = collector
        self.window_s = window_s
        self.window_began_s = 0.0
        self.resources = resources
        self.full = collector.ledger == "full"
        self.message_rows: list[tuple[Any, ...]] = []  # MESSAGE_FIELDS at full detail, else WAIT_FIELDS
        self.session_rows: list[tuple[Any, ...]] = []
        self.window_rows: list[tuple[Any, ...]] = []
        self._session_fields = SESSION_TIMES + SESSION_COUNTS

    def finished(self, session: Session) -> None:
        """A session's slot is free again."""
        self.session_rows.append(tuple([getattr(session, name) for name in self._session_fields]))

    def window(self, world: PlainWorld, now: float) -> None:
        """One interval of the grid is over."""
        self._window(world, now - self.window_s, now, self.window_s)

    def last_window(self, world: PlainWorld, now: float) -> None:
        """The run has ended within an interval: it is over, too, and shorter than the others."""
        width = now - self.window_began_s
        if width > SLIVER * self.window_s:
            self._window(world, self.window_began_s, now, width)

    def _window(self, world: PlainWorld, start: float, now: float, width: float) -> None:
        ledger = world.ledger
        self.window_began_s = now
        for r in range(self.resources):
            held = ledger.held[r]
            area = ledger.window_area[r] + held * (now - ledger.window_since_s[r])
            row = (start, r, held, ledger.window_min[r], area / width, ledger.window_max[r])
            if ledger.window_max[r] or held:
                self.window_rows.append(row)
            ledger.window_area[r] = 0.0
            ledger.window_since_s[r] = now
            ledger.window_min[r] = ledger.window_max[r] = held
        m = world.machine
        if m.count:
            held, least, most = m.count - m.idle, m.window_min, m.window_max
            self.window_rows.append((start, self.resources, held, least, window_used(world, now) / width, most))

    def full_buffers(self, world: PlainWorld) -> bool:
        """Whether it is time to flush."""
        return len(self.message_rows) > CHUNK or len(world.rows) > CHUNK or len(self.session_rows) > CHUNK

    def flush(self, world: PlainWorld) -> None:
        """Hand everything to the collector."""
        if self.message_rows:
            self.collector.messages(as_columns(MESSAGE_FIELDS if self.full else WAIT_FIELDS, self.message_rows))
            self.message_rows.clear()
        if world.stretches is not None and world.stretches.waits:
            self.collector.processor_waits(as_columns(PROCESSOR_FIELDS, world.stretches.waits))
            world.stretches.waits.clear()
        if world.rows:
            self.collector.ledger_rows(as_columns(LEDGER_FIELDS, world.rows))
            world.rows.clear()
        if self.session_rows:
            columns = list(zip(*self.session_rows, strict=True))
            made: dict[str, Any] = {}
            for name, values in zip(self._session_fields, columns, strict=True):
                made[name] = np.array(values, dtype=np.int64 if name in SESSION_COUNTS else np.float64)
            self.collector.sessions(made)
            self.session_rows.clear()
        if self.window_rows:
            self.collector.windows(as_columns(WINDOW_FIELDS, self.window_rows))
            self.window_rows.clear()
