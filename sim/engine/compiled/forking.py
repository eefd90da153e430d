"""A compiled run whose state can be copied and gone on with again and again, each time with new random numbers.

The engine's state is a block of records and some spans that grow; a copy is their bytes. What is drawn is no part of
it: streams simply go on. What was drawn already but has not come yet, the next arrival and the rest of each service, is
drawn again, given what is known by then: an arrival has not come, a service has lasted for so long. So two futures of
one copy have little in common but their past. Holds, delays and wake-ups on their way stay as they are.
"""

# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, types

from sim.engine.compiled import layout
from sim.engine.compiled.engine import CALL_FIELDS, CompiledEngine
from sim.engine.compiled.kernel import ANEW, BEGIN, END, KERNEL, RUN
from sim.engine.compiled.memory import allocate, release
from sim.engine.compiled.stations import SERVICE_END
from sim.engine.end.collect import Collector
from sim.engine.start.sampling import Sampler, generator
from sim.engine.start.setup import Setup
from sim.server.streams import service_stream
from sim.vocabulary.tasks import PLUGIN

Array = np.ndarray[Any, Any]

FOREVER = 1e15
CALLS_AHEAD = 64
SERVICES_AHEAD = 512
"""Values in which a service time is looked for that is longer than a service has lasted; without one it stays."""

_VECTORS: tuple[tuple[str, int], ...] = (
    ("outbox", layout.ITEM.itemsize), ("heap", layout.ITEM.itemsize), ("free", 8),
    ("offences", layout.OFFENCE.itemsize),
)  # fmt: skip
_FORGOTTEN = ("rows", "message_rows", "wait_rows", "session_rows", "window_rows")
"""What a run would hand on: nobody reads it here."""


@njit(types.int64(types.int64))
def _new_memory(size: int) -> int:
    return allocate(size)


@njit(types.void(types.int64))
def _give_back(address: int) -> None:
    release(address)


@dataclass(frozen=True, slots=True)
class State:
    """Everything that decides what a run can do next, but for its random numbers."""

    block: bytes
    sessions: bytes
    ports: bytes
    spans: tuple[bytes, ...]


class ForkableEngine(CompiledEngine):
    """A run without end that stops after every few events, and whose state can be copied and put back.

    Calls must arrive at random, for then the next gap does not depend on the past.
    """

    def __init__(self, setup: Setup, seed: int) -> None:
        arrivals = setup.scenario.arrivals
        assert arrivals.kind == "poisson", "the next gap must not depend on the past"
        collector = Collector(setup, "summary", _Nowhere())
        super().__init__(setup, seed, collector, FOREVER, record_messages=False, record_sessions=False)
        self._gaps = generator(seed, "arrivals of forks")
        self._rate = arrivals.rate
        self._services = generator(seed, "services of forks")
        parameters = setup.parameters
        self._warms = parameters.cooling_s > 0.0 or parameters.warm_s > 0.0
        self._last_s = 0.0
        self.e["horizon_s"] = self.e["duration_s"] = FOREVER
        self.e["window_s"] = FOREVER
        self._more_calls()
        KERNEL(self.address, BEGIN, 0, 0, 0.0)

    def close(self) -> None:
        """Give all memory back."""
        KERNEL(self.address, END, 0, 0, 0.0)

    @property
    def arrived(self) -> int:
        """Calls that have arrived."""
        return int(self.e["calls"][0])

    def _more_calls(self) -> None:
        """The next calls of a Poisson process, after the last one that is known."""
        times = self._last_s + np.cumsum(self._gaps.standard_exponential(CALLS_AHEAD) / self._rate)
        self._give_calls(times)

    def _give_calls(self, times: Array) -> None:
        calls = np.empty(len(times), layout.CALL)
        for name in CALL_FIELDS:
            calls[name] = -1 if name in ("requests", "vanishes", "kind") else math.nan
        calls["time_s"] = times
        self._last_s = float(times[-1])
        self._given = calls
        self.e["calls_given"] = calls.ctypes.data
        self.e["arrivals"] = len(times)
        self.e["arrivals_at"] = 0

    def advance(self, events: int) -> None:
        """At most so many events further."""
        KERNEL(self.address, RUN, events, 0, 0.0)
        e = self.e
        if self.block["server"]["needs_draws"][0]:
            self._refill()
        if e["arrivals_at"][0] == e["arrivals"][0]:
            self._more_calls()
        if e["attention"][0]:
            for name in _FORGOTTEN:
                e[name]["length"] = 0
            self._make_room()

    # --- copies ------------------------------------------------------------------------------------------------------

    def copy(self) -> State:
        """The state as it is."""
        slots = int(self.e["slots"][0])
        spans = tuple(_content(record, size, ring) for record, size, ring in self._spans())
        return State(self.block.tobytes(), self.sessions[:slots].tobytes(), self.ports.tobytes(), spans)

    def put_back(self, state: State) -> None:
        """Go on from a copy, with the random numbers that come next."""
        streams = self.block["streams"].copy()
        rooms = [(int(record["address"]), int(record["capacity"])) for record, _, _ in self._spans()]
        recorded = {name: self.e[name].copy() for name in _FORGOTTEN}
        capacity = int(self.e["slots_capacity"][0])
        held = {name: int(self.e[name][0]) for name in ("session_records", "ports", "mixes", "histograms", "log")}
        self.block.view(np.uint8)[:] = np.frombuffer(state.block, np.uint8)
        self.block["streams"] = streams
        e = self.e
        for name, record in recorded.items():
            e[name] = record
            e[name]["length"] = 0
        e["slots_capacity"] = capacity
        for name, address in held.items():
            e[name] = address
        for (record, size, ring), room, content in zip(self._spans(), rooms, state.spans, strict=True):
            _fill_span(record, size, ring, room, content)
        slots = int(e["slots"][0])
        self._make_room()
        self.sessions[:slots].view(np.uint8)[:] = np.frombuffer(state.sessions, np.uint8)
        self.ports[:] = np.frombuffer(state.ports, np.int8)
        self._last_s = float(e["now_s"][0])
        self._more_calls()
        KERNEL(self.address, ANEW, 0, 0, 0.0)
        self._renew_services()

    def _renew_services(self) -> None:
        """The rest of every service is drawn again, given how long it has lasted.

        Not where processors are shared, for a service stands still there, nor where caches cool: what a service had
        of them is no longer known.
        """
        if self.block["machine"]["count"][0] > 0:
            return
        tasks = self.block["tasks"][0]
        for index in np.flatnonzero(tasks["serving"]):
            task = tasks[index]
            if task["state"] == SERVICE_END and (index >= PLUGIN or not self._warms):
                self._renew_service(int(index), task)

    def _renew_service(self, index: int, task: Any) -> None:
        lasted = float(self.e["now_s"][0] - task["started_s"])
        session: Any = self.sessions[task["slot"] : task["slot"] + 1].view(np.recarray)[0]
        stream = service_stream(session, index, int(task["kind"]), int(task["arg"]))
        sampler = self.setup.streams[stream].sampler
        if sampler is None or lasted < 0.0:
            return  # it always takes the same time, or the thread is not awake yet
        drawn = self._longer(sampler, lasted)
        if drawn is None:
            return
        task["service_s"] = drawn
        near = self.e["near"][0][: int(self.e["near_count"][0])]
        near["time_s"][near["task"] == index] = task["started_s"] + drawn
        near[:] = near[np.lexsort((-near["seq"], -near["time_s"]))]

    def _longer(self, sampler: Sampler, lasted: float) -> float | None:
        """A value that is not below what has passed; None when there is none among so many.

        Whether there is one does not depend on the value that is kept otherwise, so that both are what chance gives.
        """
        for count in (4, SERVICES_AHEAD):
            values = sampler(self._services, count)
            enough = np.flatnonzero(values >= lasted)
            if len(enough):
                return float(values[enough[0]])
        return None

    def _spans(self) -> Iterator[tuple[Any, int, bool]]:
        """Everything that grows and is part of the state: its record, bytes of an element, and whether it is a ring."""
        e = self.block["e"]
        for name, size in _VECTORS:
            yield e[name][0], size, False
        for fifo in e["fifos"][0]:
            yield fifo, layout.ITEM.itemsize, True
        for task in self.block["tasks"][0]:
            for lane in task["lanes"]:
                yield lane, layout.MESSAGE.itemsize, True
            yield task["producers"], 8, True
            yield task["unsent"], layout.ITEM.itemsize, False


class _Nowhere:
    """A sink that keeps nothing."""

    def write(self, table: str, columns: Any) -> None:
        """Forget it."""

    def close(self, ok: bool) -> None:
        """Nothing was opened."""


def _content(record: Any, size: int, ring: bool) -> bytes:
    """The elements of a vector or ring, the first one first."""
    count = int(record["count"] if ring else record["length"])
    if not count:
        return b""
    address, first = int(record["address"]), 0
    if ring:
        first = min(count, int(record["capacity"]) - int(record["head"]))
        start = ctypes.string_at(address + int(record["head"]) * size, first * size)
        return start + ctypes.string_at(address, (count - first) * size)
    return ctypes.string_at(address, count * size)


def _fill_span(record: Any, size: int, ring: bool, room: tuple[int, int], content: bytes) -> None:
    """Put elements into the room that a vector or ring has here, or into a larger one."""
    address, capacity = room
    count = len(content) // size
    if count > capacity:
        if capacity:
            _give_back(address)
        capacity = 1 << max(6, (count - 1).bit_length())
        address = int(_new_memory(capacity * size))
    record["address"], record["capacity"] = address, capacity
    if ring:
        record["head"], record["count"] = 0, count
    else:
        record["length"] = count
    if count:
        ctypes.memmove(address, content, len(content))
