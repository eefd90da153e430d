"""Every task message of a log from "Signal Message" over "Process Message" to "Wait for Messages", whoever sent it.

Queue wait is Signal → Process, service is Process → Wait on the same thread. The media engine never logs that it
waits; the end of its work on a container is taken to be the answer it signals.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.audit.audited import UNKNOWN, AskedOfPlugin, AuditedSession
from sim.ledger.summary import Quantiles, TaskUse
from sim.logs.reading.shown import word
from sim.vocabulary.messages import ANSWER_ROWS, SERVER_MESSAGES
from sim.vocabulary.tasks import SERVER_TASK

_SERVER: Final = SERVER_TASK.encode()
ENGINE_ANSWERS: Final = {row.log.encode(): operation for operation, row in reversed(ANSWER_ROWS.items())}
_PENDING: Final = 100_000


class TaskMessage:
    """One task message; times are UNKNOWN until they are reached (or for ever, when the log does not show them)."""

    __slots__ = ("by", "finished", "key", "name", "sender", "sent", "session", "started", "stats", "stops", "thread")

    def __init__(
        self, key: bytes, stats: "Stats", sent: int, sender: int, session: AuditedSession | None, name: str
    ) -> None:
        self.key = key  # "task] [0xpointer;type;subtype]"
        self.stats = stats
        self.sent = sent
        self.sender = sender  # thread ids
        self.session = session
        self.name = name
        self.stops = False  # an answer to the STOP of a termination
        self.by = ""  # the plugin's task, when the message was signalled while that task was working on it
        self.started = self.finished = UNKNOWN
        self.thread = 0

    @property
    def task(self) -> str:
        """The task that works on it."""
        return self.stats.name

    @property
    def pointer(self) -> str:
        """Its address."""
        return self.key[self.key.find(b"]") + 3 : -5].decode("ascii", "replace")

    @property
    def kind(self) -> tuple[int, int]:
        """Its type and subtype; (-1, -1) when the line was cut."""
        kind, _, sub = self.key[-4:-1].partition(b";")
        return (int(kind), int(sub)) if kind.isdigit() and sub.isdigit() else (-1, -1)


@dataclass(slots=True)
class Stats:
    """What one task did."""

    name: str
    messages: int = 0
    depth: int = 0
    peak: int = 0
    busy: int = 0
    waits: list[int] = field(default_factory=list)
    services: list[int] = field(default_factory=list)
    wait_counts: "Durations" = field(default_factory=lambda: Durations())
    service_counts: "Durations" = field(default_factory=lambda: Durations())
    longest: int = 0
    longest_wait: int = 0
    upto: int = UNKNOWN  # when the last message that it took from its queue was signalled
    role: str = ""  # server, connection, media, plugin

    def flush(self) -> None:
        """Move the samples of a block into the counts, so that memory does not grow with the log."""
        self.wait_counts.add(self.waits)
        self.longest_wait = max(self.longest_wait, max(self.waits, default=0))
        self.service_counts.add(self.services)
        if self.services:
            self.busy += sum(self.services)
            self.longest = max(self.longest, max(self.services))
        self.waits, self.services = [], []

    def use(self, span_s: float) -> TaskUse:
        """The summary's row for this task over `span_s` seconds."""
        known = self.service_counts.n > 0
        return TaskUse(
            messages=self.messages,
            utilisation=self.busy / 1e6 / span_s if known and span_s > 0 else None,
            queue_peak=self.peak,
            wait=self.wait_counts.quantiles(),
            service=self.service_counts.quantiles(),
        )


class Durations:
    """Exact order statistics of whole microseconds in memory that grows with distinct values only."""

    def __init__(self) -> None:
        self.values: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.counts: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._recent: list[NDArray[np.int64]] = []
        self._pending = 0

    def add(self, samples: list[int]) -> None:
        """More samples, in microseconds."""
        if samples:
            self._recent.append(np.array(samples, dtype=np.int64))
            self._pending += len(samples)
            if self._pending > 200_000:
                self._merge()

    @property
    def n(self) -> int:
        """How many samples there are."""
        return int(self.counts.sum()) + self._pending

    def _merge(self) -> None:
        if not self._recent:
            return
        values, counts = np.unique(np.concatenate(self._recent), return_counts=True)
        everything = np.concatenate((self.values, values))
        self.values, place = np.unique(everything, return_inverse=True)
        total = np.zeros(self.values.size, dtype=np.int64)
        np.add.at(total, place, np.concatenate((self.counts, counts)))
        self.counts, self._recent, self._pending = total, [], 0

    def quantiles(self) -> Quantiles:
        """Mean, maximum and the values at floor(n·p), in seconds."""
        self._merge()
        n = int(self.counts.sum())
        if n == 0:
            return Quantiles()
        upto = np.cumsum(self.counts)
        places = [int(np.searchsorted(upto, min(n - 1, int(n * p)), side="right")) for p in (0.5, 0.95, 0.99)]
        p50, p95, p99 = (float(self.values[place]) / 1e6 for place in places)
        mean = float((self.values * self.counts).sum()) / n / 1e6
        return Quantiles(n, mean, p50, p95, p99, float(self.values[-1]) / 1e6)


class TaskBook:
    """Matches the three lines of every message; `working` and `last` say whose session a thread is busy with."""

    def __init__(self, on_message: Callable[[TaskMessage], None] | None = None) -> None:
        self.tasks: dict[bytes, Stats] = {}
        self.pending: dict[bytes, TaskMessage] = {}
        self.working: dict[int, TaskMessage] = {}
        self.last: dict[int, AuditedSession | None] = {}
        self._plain: dict[bytes, deque[bytes]] = {}  # messages without address, oldest first
        self._numbers = 0
        self.unannounced = 0  # messages that a task took up, and that nobody signalled: the line is missing
        self.operation = ""  # what the server task is about to ask a plugin for
        self._on_message = on_message

    def stats(self, task: bytes) -> Stats:
        """The statistics of `task`, by its name in the log."""
        found = self.tasks.get(task)
        if found is None:
            role = "server" if task == _SERVER else ""
            found = self.tasks[task] = Stats(word(task), role=role)
        return found

    def signal(self, key: bytes, time: int, thread: int) -> None:
        """`key` is the rest of a "Signal Message to [" line: "task] [0xpointer;type;subtype]"."""
        task = key[: key.find(b"]")]
        stats = self.tasks.get(task) or self.stats(task)
        worker = self.working.get(thread)
        session = self.last.get(thread) if worker is None else worker.session
        role = stats.role
        message = TaskMessage(key, stats, time, thread, session, "")
        if role == "server":
            kind = key[-4:-1]
            message.name = SERVER_MESSAGES.get(kind, "other")
            if worker is not None:
                self._from_task(worker, kind, message)
        elif role != "connection" and role != "media":
            message.name = name = self.operation
            if session is not None and name:
                asked = session.asked.get((name, stats.name))
                if asked is None:
                    asked = session.asked[name, stats.name] = AskedOfPlugin(stats.name)
                asked.again(time)
        self.pending[key] = message
        stats.depth = depth = stats.depth + 1
        if depth > stats.peak:
            stats.peak = depth

    def numbered(self, task: bytes, kind: bytes) -> bytes:
        """The key of a message that is signalled without its address (before 1.1): a number of its own."""
        self._numbers += 1
        key = b"%s] [0x%x;%s]" % (task, self._numbers, kind)
        self._plain.setdefault(b"%s;%s" % (task, kind), deque(maxlen=_PENDING)).append(key)
        return key

    def oldest(self, task: bytes, kind: bytes) -> bytes:
        """The key of the message of this kind that was signalled first: a task takes them in order."""
        waiting = self._plain.get(b"%s;%s" % (task, kind))
        return waiting.popleft() if waiting else b"%s] [0x0;%s]" % (task, kind)

    def _from_task(self, worker: TaskMessage, kind: bytes, message: TaskMessage) -> None:
        """A message to the server, signalled by a task while it works on `worker`: what that tells of the task."""
        sender = worker.stats
        if kind == b"4;0":
            sender.role = "media"
            self._finish(self.working.pop(message.sender), message.sent)
        elif kind[:1] == b"2":
            sender.role = "connection"
        elif kind[:1] == b"3":
            sender.role = sender.role or "plugin"
            if ENGINE_ANSWERS.get(kind) == worker.name or worker.name == "stop":
                message.by = sender.name
                asked = worker.session.asked.get((worker.name, sender.name)) if worker.session is not None else None
                if asked is not None:
                    asked.answers += 1

    def process(self, key: bytes, time: int, thread: int) -> None:
        """`key` is the rest of a "Process Message [" line, the same as when it was signalled."""
        working = self.working
        if thread in working:  # several messages in one wakeup (connection agent, media engine)
            self._finish(working.pop(thread), time)
        message = self.pending.pop(key, None)
        if message is None:
            message = self._unannounced(key)
            stats = message.stats
            self.unannounced += stats.upto >= 0
        else:
            stats, sent = message.stats, message.sent
            stats.depth -= 1
            stats.waits.append(time - sent)
            stats.upto = sent
        stats.messages += 1
        message.started = time
        message.thread = thread
        working[thread] = message
        if stats.role != "server" and message.name and message.session is not None:
            asked = message.session.asked.get((message.name, stats.name))
            if asked is not None:
                asked.started = time

    def _unannounced(self, key: bytes) -> TaskMessage:
        """A message whose signal is not in the log."""
        stats = self.stats(key[: key.index(b"]")])
        name = SERVER_MESSAGES.get(key[-4:-1], "other") if stats.role == "server" else ""
        return TaskMessage(key, stats, UNKNOWN, 0, None, name)

    def wait(self, time: int, thread: int) -> None:
        """A "Wait for Messages" of a task: the end of what it was working on."""
        worker = self.working.pop(thread, None)
        if worker is not None:
            self._finish(worker, time)

    def _finish(self, worker: TaskMessage, time: int) -> None:
        worker.finished = time
        stats = worker.stats
        stats.services.append(time - worker.started)
        if stats.role != "server" and worker.name and worker.session is not None:
            asked = worker.session.asked.get((worker.name, stats.name))
            if asked is not None:
                asked.finished = time
        if self._on_message is not None:
            self._on_message(worker)

    def bind(self, session: AuditedSession | None, thread: int) -> None:
        """The line just read on `thread` is about `session`."""
        worker = self.working.get(thread)
        if worker is None:
            self.last[thread] = session
        elif session is not None:
            worker.session = session

    def lost(self, task: bytes, low_bits: int, kind: bytes) -> TaskMessage | None:
        """The pending message that "Failed to Signal" names by the low 32 bits of its address; no longer pending."""
        prefix = task + b"] ["
        for key in reversed(self.pending):
            if key.startswith(prefix) and key[-4:-1] == kind:
                try:
                    if int(key[len(prefix) : -5], 16) & 0xFFFFFFFF != low_bits:
                        continue
                except ValueError:
                    continue
                self.stats(task).depth -= 1
                return self.pending.pop(key)
        return None

    def overdue(self) -> Iterator[TaskMessage]:
        """Signalled and never processed, though their task has not processed any later one either; in that order."""
        return (m for m in self.pending.values() if m.sent > m.stats.upto)

    def flush(self) -> None:
        """Bound the memory between blocks."""
        for stats in self.tasks.values():
            stats.flush()
        if len(self.pending) > _PENDING:  # the log lost the lines that would have matched them
            for key in list(self.pending)[: len(self.pending) - _PENDING]:
                self.pending.pop(key).stats.depth -= 1

    def restart(self) -> None:
        """The process has gone, and every message with it."""
        self.close()
        self.working.clear()
        self.pending.clear()
        self._plain.clear()
        self.last.clear()
        for stats in self.tasks.values():
            stats.depth = 0

    def close(self) -> None:
        """The log has ended: what is being worked on, or was never begun, is handed out unfinished."""
        self.flush()
        if self._on_message is not None:
            for message in [*self.working.values(), *self.pending.values()]:
                self._on_message(message)
