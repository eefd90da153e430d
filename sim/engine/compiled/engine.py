"""The compiled engine as Python sees it: it fills the block, runs slices, and hands on what they recorded."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sim.engine.compiled import cache, layout, views
from sim.engine.compiled.calendar import CRASH, FREEZE, FREEZE_FOR_GOOD, SHUTDOWN, THAW
from sim.engine.compiled.kernel import BEGIN, DONE, END, FALL, FINISH, KERNEL, RUN, SCHEDULE
from sim.engine.compiled.normals import LognormalStream, agrees
from sim.engine.compiled.queues import CONSUMER, MEDIA_TICK, POLLER, SOFIA
from sim.engine.compiled.record import HISTOGRAM_WORDS, HISTOGRAMS, LOG_WORDS, PROCESSOR_WAITS, SERVICES, WAITS
from sim.engine.compiled.store import FIRST_CAPACITY
from sim.engine.contract import Fallen, Offence, ProcessorStatistics, Remaining, TaskStatistics, unwatched
from sim.engine.end.collect import Collector
from sim.engine.start.arrivals import arrival_blocks
from sim.engine.start.generators import Streams, first_tick_s
from sim.engine.start.sampling import BLOCK
from sim.engine.start.setup import Setup, new_ledger, task_index
from sim.ledger.histogram import BUCKETS
from sim.ledger.spans import SPANS
from sim.scenario.distributions import Lognormal
from sim.server.media import all_free
from sim.server.records import CRASHED, ServerState
from sim.server.shape import fields
from sim.server.streams import PHASE, STREAMS
from sim.vocabulary.tasks import CONNECTION_AGENT, MEDIA, NUA, SIP_AGENT, SOCKET_LANE

Array = np.ndarray[Any, Any]

SLICE = 200_000
"""Events between two looks at progress and interrupts: about 20 ms."""

CHUNK = 32_768
"""Rows that a buffer holds before they are handed on."""

MARGIN = 256
"""A stream runs low when so many values are left; no single event uses up more than that."""

BLOCKS = 16
"""Blocks of values that a stream's buffer has room for, besides the margin."""

CALL_FIELDS = layout.CALL.names or ()

cache.seal()  # where the code was compiled by this process itself

CALLS = 16 * 1024
"""Calls handed to the kernel at a time, at least while there are as many."""


def fill(target: Any, source: Any, names: tuple[str, ...] | None = None) -> None:
    """Copy a plain record into a NumPy one, field by field."""
    for name in names or target.dtype.names:
        target[name] = getattr(source, name)


def seen(address: int, count: int, dtype: np.dtype[Any]) -> Array:
    """A view of `count` elements at an address."""
    if count == 0:
        return np.empty(0, dtype)
    buffer: Any = (ctypes.c_char * (int(count) * dtype.itemsize)).from_address(int(address))
    found: Array = np.frombuffer(buffer, dtype)
    return found


def aligned(count: int, dtype: np.dtype[Any]) -> Array:
    """Room for `count` records, the first of which begins a cache line."""
    memory = np.empty(count * dtype.itemsize + layout.LINE, np.uint8)
    start = -memory.ctypes.data % layout.LINE
    return memory[start : start + count * dtype.itemsize].view(dtype)


class CompiledEngine:
    """One run of a scenario under Numba. `run()` returns when the horizon is reached or the process has ended."""

    name = "compiled"

    def __init__(
        self,
        setup: Setup,
        seed: int,
        collector: Collector,
        window_s: float,
        replication: int = 0,
        *,
        record_messages: bool,
        record_sessions: bool,
    ) -> None:
        self.setup = setup
        self.collector = collector
        self.now = 0.0
        self.streams = Streams(setup, seed, replication)
        self.block = np.zeros(1, layout.BLOCK)
        self.address = int(self.block.ctypes.data)
        self.e = self.block["e"]
        self.e["chunk"] = CHUNK
        self.e["record_messages"] = record_messages
        self.e["record_sessions"] = record_sessions
        self.ledger = new_ledger(bool(setup.parameters.record_rows), window_s)
        self._fill_records(window_s)
        self._fill_streams()
        phase = setup.scenario.server.media.phase
        if phase is None:
            phase = self.streams.block(PHASE)[0] * setup.scenario.server.media.tick
        self._fill_tasks(float(phase))
        self.block["machine"]["phase_s"] = first_tick_s(setup.scenario, self.streams)
        self.blocks = arrival_blocks(setup.scenario, seed, setup.duration_s, replication)
        self.histograms = np.zeros((HISTOGRAMS, HISTOGRAM_WORDS), np.int64)
        self.e["histograms"] = self.histograms.ctypes.data
        self.log = np.zeros(HISTOGRAMS * LOG_WORDS)
        self.e["log"] = self.log.ctypes.data
        self.sessions = np.empty(0, layout.SESSION)
        self._make_room()
        self.offences: list[Offence] = []
        self.server = setup.server
        self._tasks = [TaskStatistics(0, 0.0, 0)] * len(setup.tasks)
        self._processors = ProcessorStatistics((), 0.0)
        self._remaining = Remaining([], [])

    # --- before -----------------------------------------------------------------------------------------------------

    def _fill_records(self, window_s: float) -> None:
        setup, block, e = self.setup, self.block[0], self.e
        fill(block["server"], setup.server)
        fill(block["p"], setup.parameters)
        fill(block["ledger"], self.ledger)
        fill(block["machine"], setup.machine)
        for target, processor in zip(block["processors"], setup.processors, strict=False):
            fill(target, processor)
        for target, plugin in zip(block["plugins"], setup.plugin_records, strict=False):
            fill(target, plugin)
        for target, step in zip(block["steps"], setup.steps, strict=False):
            fill(target, step)
        for target, fault in zip(block["faults"], setup.faults, strict=True):
            fill(target, fault)
        for target, warmth in zip(block["warmths"], setup.warmths, strict=True):
            fill(target, warmth)
        self.mixes = np.zeros(len(setup.mixes), layout.MIX)
        for target, mix in zip(self.mixes, setup.mixes, strict=True):
            fill(target, mix)
        self.ports = np.array(all_free(setup.parameters.rtp_ports, setup.parameters.port_leaves), np.int8)
        scenario = setup.scenario
        e["mixes"] = self.mixes.ctypes.data
        e["ports"] = self.ports.ctypes.data
        e["window_s"] = window_s
        e["resources"] = len(setup.resources)
        e["duration_s"] = setup.duration_s
        e["drain_s"] = scenario.drain
        e["horizon_s"] = setup.duration_s + scenario.drain
        e["far_s"] = math.inf
        e["calls_limit"] = -1 if scenario.arrivals.calls is None else scenario.arrivals.calls

    def _fill_streams(self) -> None:
        self._records = self.block["streams"][0]
        self._lognormal = self._fast_streams()
        random = [k for k in range(STREAMS) if self.streams.random(k)]
        self._room = MARGIN + BLOCKS * BLOCK
        self.values = np.zeros(STREAMS + len(random) * self._room)
        self._values_at = int(self.values.ctypes.data)
        self._random = np.array(random, dtype=np.int64)
        self._start = STREAMS + self._room * np.arange(len(random))
        every = np.arange(STREAMS)
        self.values[:STREAMS] = [0.0 if self.streams.random(k) else self.streams.value(k) for k in range(STREAMS)]
        self._records["at"] = self._values_at + 8 * every
        self._records["limit"] = self._records["end"] = self._values_at + 8 * (every + 1)
        self._records["step"][self._random] = 8
        self._note(np.arange(len(random)), self._start, [self._top_up(i, 0, 0, 1) for i in range(len(random))])

    def _fast_streams(self) -> dict[int, LognormalStream]:
        """The streams that are lognormal and nothing else, if this machine draws them as NumPy does."""
        if not agrees():
            return {}
        return {
            k: LognormalStream(self.streams.generator(k), stream.dist.log_mu, stream.dist.log_sigma)
            for k, stream in enumerate(self.setup.streams)
            if isinstance(stream.dist, Lognormal) and stream.dist.shift == 0.0
        }

    def _top_up(self, i: int, at: int, left: int, blocks: int) -> int:
        """Move what is left of the i-th random stream to its buffer's front, the next blocks behind it: the new end."""
        k, start, values = int(self._random[i]), int(self._start[i]), self.values
        values[start : start + left] = values[at : at + left]
        end = start + left
        fast = self._lognormal.get(k)
        if fast is not None:
            fast.fill(values[end : end + blocks * BLOCK])
            return end + blocks * BLOCK
        for _ in range(blocks):
            values[end : end + BLOCK] = self.streams.block(k)
            end += BLOCK
        return end

    def _refill(self) -> None:
        """Give every stream that is mostly used up its next blocks."""
        self.block["server"]["needs_draws"] = 0
        at = (self._records["at"][self._random] - self._values_at) // 8
        left = (self._records["end"][self._random] - self._values_at) // 8 - at
        blocks = (self._room - left) // BLOCK
        due = np.nonzero(blocks >= BLOCKS - 2)[0]
        wanted = zip(*(numbers.tolist() for numbers in (due, at[due], left[due], blocks[due])), strict=True)
        self._note(due, self._start[due], [self._top_up(*stream) for stream in wanted])

    def _note(self, streams: Array, start: Array, end: list[int]) -> None:
        """Tell compiled code where the buffers of these random streams begin, end, and run low."""
        k, ends = self._random[streams], np.array(end, dtype=np.int64)
        self._records["at"][k] = self._values_at + 8 * start
        self._records["end"][k] = self._values_at + 8 * ends
        self._records["limit"][k] = self._values_at + 8 * np.maximum(start, ends - MARGIN)

    def _fill_tasks(self, phase_s: float) -> None:
        scenario, tasks, e = self.setup.scenario, self.block["tasks"][0], self.e
        slots = scenario.server.queues.slots
        connection, media = scenario.server.connection.queue, scenario.server.media.queue
        tasks["discipline"] = CONSUMER
        tasks["slots"] = slots
        tasks["blocked_on"] = -1
        tasks["index"] = np.arange(layout.MAX_TASKS)
        for index in (NUA, SIP_AGENT):
            tasks[index]["discipline"] = SOFIA
            tasks[index]["lane"] = SOCKET_LANE
        for index, discipline, queue in (
            (CONNECTION_AGENT, POLLER, connection),
            (MEDIA, MEDIA_TICK, media),
        ):
            tasks[index]["discipline"] = discipline
            tasks[index]["slots"] = queue.slots
            tasks[index]["grows"] = queue.when_full == "grow"
        e["tasks"] = len(self.setup.tasks)
        e["tick_s"] = scenario.server.media.tick
        e["cost_s"] = self.setup.parameters.context_cost_s
        e["tick_cost_s"] = scenario.server.media.cost_per_tick
        e["phase_s"] = phase_s
        e["tick_k"] = -1

    def _more_calls(self) -> None:
        """The next calls that arrive, as many blocks of them as fill a buffer."""
        parts, total = [], 0
        while total < CALLS:
            block = next(self.blocks, None)
            if block is None:
                self.e["arrivals_final"] = 1
                break
            parts.append(block)
            total += len(block)
        calls = np.empty(total, layout.CALL)
        start = 0
        for part in parts:
            end = start + len(part)
            for name in CALL_FIELDS:
                calls[name][start:end] = getattr(part, name)
            start = end
        self.calls = calls
        self.e["calls_given"] = calls.ctypes.data
        self.e["arrivals"] = total
        self.e["arrivals_at"] = 0

    # --- during -----------------------------------------------------------------------------------------------------

    def run(self, progress: Callable[[float], None] | None = None, fallen: Fallen = unwatched) -> None:
        """Run to the horizon. An interrupt is met between two slices: everything up to there is consistent."""
        e, address = self.e, self.address
        try:
            self._more_calls()
            self._schedule_plans()
            KERNEL(address, BEGIN, 0, 0, 0.0)
            while KERNEL(address, RUN, SLICE, 0, 0.0) != DONE or self._falls(fallen):
                if self.block["server"]["needs_draws"][0]:
                    self._refill()
                if e["arrivals_at"][0] == e["arrivals"][0] and not e["arrivals_final"][0]:
                    self._more_calls()
                if e["attention"][0]:
                    self._flush_full()
                    self._make_room()
                if progress is not None:
                    progress(min(1.0, float(e["now_s"][0] / e["horizon_s"][0])))
            self.now = float(e["now_s"][0] if self.block["server"]["stopped"][0] else e["horizon_s"][0])
        finally:
            self.now = max(self.now, float(e["now_s"][0]))
            KERNEL(address, FINISH, 0, 0, self.now)
            self._flush(0)
            self._keep()
            KERNEL(address, END, 0, 0, 0.0)

    def _schedule_plans(self) -> None:
        server = self.setup.scenario.server
        for plan in server.freeze:
            index = task_index(plan.task, self.setup.plugins)
            KERNEL(self.address, SCHEDULE, FREEZE_FOR_GOOD if plan.for_ is None else FREEZE, index, plan.at)
            if plan.for_ is not None:
                KERNEL(self.address, SCHEDULE, THAW, index, plan.at + plan.for_)
        if server.shutdown is not None:
            KERNEL(self.address, SCHEDULE, SHUTDOWN, 0, float(server.shutdown))
        for at in server.crash:
            KERNEL(self.address, SCHEDULE, CRASH, 0, at)

    def _falls(self, fallen: Fallen) -> bool:
        """The process has ended: whether it is started again. What is on its way to it, and in it, is gone."""
        block = self.block[0]
        if block["server"]["stopped"] != CRASHED or block["p"]["restart_s"] <= 0.0:
            return False
        self._flush(0)
        records = self.sessions[: int(self.e["slots"][0])]
        fallen(views.remaining(block, records, self.setup, seen), float(self.e["now_s"][0]))
        views.forget(block, records, seen)
        KERNEL(self.address, FALL, 0, 0, 0.0)
        return True

    def _rows(self, name: str, dtype: np.dtype[Any], least: int) -> dict[str, Array] | None:
        """Take the rows of a buffer, if there are at least so many."""
        vector = self.e[name][0]
        count = int(vector["length"])
        if count == 0 or count < least:
            return None
        rows = seen(vector["address"], count, dtype)
        columns = {field: rows[field].copy() for field in dtype.names or ()}
        self.e[name]["length"] = 0
        return columns

    def _make_room(self) -> None:
        """Room for twice as many sessions, when there is none for the next: NumPy asks for large pages, malloc not."""
        slots = int(self.e["slots"][0])
        if slots < len(self.sessions):
            return
        larger = aligned(max(FIRST_CAPACITY, 2 * slots), layout.SESSION)
        larger[:slots] = self.sessions
        self.sessions = larger
        self.e["slots_capacity"] = len(larger)
        self.e["session_records"] = larger.ctypes.data

    def _flush_full(self) -> None:
        self._flush(CHUNK // 2)

    def _flush(self, least: int) -> None:
        """Hand the collector every buffer with at least so many rows."""
        if messages := self._rows("message_rows", layout.MESSAGE_ROW, least):
            self.collector.messages(messages)
        if waits := self._rows("wait_rows", layout.WAIT_ROW, least):
            self.collector.processor_waits(waits)
        if rows := self._rows("rows", layout.ROW, least):
            self.collector.ledger_rows(rows)
        if sessions := self._rows("session_rows", layout.SESSION_ROW, least):
            self.collector.sessions(sessions)
        if windows := self._rows("window_rows", layout.WINDOW_ROW, least):
            self.collector.windows(windows)

    # --- after ------------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Copy out of the block what the result needs; its memory is given back after this."""
        self._add_histograms()
        block = self.block[0]
        records, self.sessions = self.sessions[: int(self.e["slots"][0])], np.empty(0, layout.SESSION)
        for name, _, length in fields(ServerState):
            value = block["server"][name]
            setattr(self.server, name, value.tolist() if length else value.item())
        for name in layout.LEDGER.names or ():
            setattr(self.ledger, name, block["ledger"][name].tolist())
        offences = self.e["offences"][0]
        self.offences = seen(offences["address"], offences["length"], layout.OFFENCE).tolist()
        working = block["runners"] if self.setup.machine.count else block["tasks"]
        self._tasks = [
            TaskStatistics(int(t["messages"]), float(own["busy_s"]), int(t["queue_peak"]))
            for t, own in zip(block["tasks"][: len(self.setup.tasks)], working, strict=False)
        ]
        others = block["runners"]["busy_s"][len(self.setup.tasks) :].tolist()
        busy = block["processors"]["busy_s"][: self.setup.machine.count].tolist()
        self._processors = ProcessorStatistics(busy, math.fsum(others))
        self._remaining = views.remaining(block, records, self.setup, seen)

    def _add_histograms(self) -> None:
        totals = self.histograms[:, BUCKETS:].copy().view(np.float64)
        tasks = len(self.setup.tasks)
        targets = dict(enumerate(self.collector.latency[name] for name in SPANS))
        targets |= {WAITS + i: self.collector.wait[i] for i in range(tasks)}
        targets |= {SERVICES + i: self.collector.service[i] for i in range(tasks)}
        targets |= {PROCESSOR_WAITS + i: self.collector.processor_wait[i] for i in range(tasks)}
        for i, durations in targets.items():
            counted = int(self.histograms[i, :BUCKETS].sum())
            if counted:
                durations.add_histogram(self.histograms[i, :BUCKETS], counted, *totals[i].tolist())

    def task_statistics(self, index: int) -> TaskStatistics:
        """What a task did."""
        return self._tasks[index]

    def processor_statistics(self) -> ProcessorStatistics:
        """What the processors did."""
        return self._processors

    def remaining(self) -> Remaining:
        """Every session that is still there, and what is pending."""
        return self._remaining
