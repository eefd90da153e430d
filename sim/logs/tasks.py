"""Every task message of a log from "Signal Message" over "Process Message" to "Wait for Messages", whoever sent it.

Queue wait is Signal → Process, service is Process → Wait on the same thread. The media engine never logs that it
waits; the end of its work on a container is taken to be the answer it signals.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.ledger.summary import Quantiles, TaskUse
from sim.logs.session import Asked, Session
from sim.logs.wording import SERVER_MESSAGES, SERVER_TASK

_SERVER: Final = SERVER_TASK.encode()
ENGINE_ANSWERS: Final = {b"3;2": "open", b"3;3": "close", b"3;4": "request"}


@dataclass(slots=True)
class Sent:
    """A message on its way: signalled, not yet processed."""

    time: int
    thread: int
    session: Session | None
    name: str
    by: str | None  # the plugin's task, when the message was signalled while that task was working on it
    task: str
    kind: bytes  # b"type;subtype"
    pointer: bytes


@dataclass(slots=True)
class Working:
    """The message a task is working on."""

    sent: Sent | None
    started: int
    session: Session | None
    name: str
    task: str
    kind: bytes
    pointer: bytes
    answered: bool = False


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
    role: str = ""  # server, connection, media, plugin
    thread: int = 0

    def flush(self) -> None:
        """Move the samples of a block into the counts, so that memory does not grow with the log."""
        self.wait_counts.add(self.waits)
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
        at = [float(self.values[int(np.searchsorted(upto, min(n - 1, int(n * p)), side="right"))]) / 1e6 for p in (0.5, 0.95, 0.99)]
        mean = float((self.values * self.counts).sum()) / n / 1e6
        return Quantiles(n, mean, at[0], at[1], at[2], float(self.values[-1]) / 1e6)


class TaskBook:
    """Matches the three lines of every message; `working` and `last` say whose session a thread is busy with."""

    def __init__(self, on_message: Callable[[Working, int | None, int], None] | None = None) -> None:
        self.tasks: dict[bytes, Stats] = {}
        self.pending: dict[bytes, Sent] = {}
        self.working: dict[int, Working] = {}
        self.last: dict[int, Session | None] = {}
        self.operation = ""  # what the server task is about to ask a plugin for
        self.unmatched = 0
        self.waited: dict[bytes, int] = {}
        self._on_message = on_message

    def stats(self, task: bytes) -> Stats:
        """The statistics of `task`, by its name in the log."""
        found = self.tasks.get(task)
        if found is None:
            found = self.tasks[task] = Stats(task.decode("utf-8", "replace"), role="server" if task == _SERVER else "")
        return found

    def signal(self, key: bytes, time: int, thread: int) -> None:
        """`key` is the rest of a "Signal Message to [" line: "task] [0xpointer;type;subtype]"."""
        close = key.find(b"]")
        task, kind = key[:close], key[-4:-1]
        stats = self.tasks.get(task) or self.stats(task)
        worker = self.working.get(thread)
        by: str | None = None
        if worker is None:
            session = self.last.get(thread)
        else:
            session = worker.session
        if stats.role == "server":
            name = SERVER_MESSAGES.get(kind, "other")
            if worker is not None:
                sender = self.tasks[worker.task.encode()]
                if kind == b"4;0":
                    sender.role = "media"
                    self._finish(worker, time, thread, sender)
                elif kind[:1] == b"2" and sender.role != "connection":
                    sender.role = "connection"
                elif kind[:1] == b"3":
                    if sender.role == "":
                        sender.role = "plugin"
                    if ENGINE_ANSWERS.get(kind) == worker.name or worker.name == "stop":
                        by = worker.task
                        worker.answered = True
        elif stats.role == "connection" or stats.role == "media":
            name = ""
        else:
            name = self.operation
            if session is not None and name:
                session.asked[name] = Asked(stats.name, time)
        if close > 0 and len(key) > close + 6:
            self.pending[key] = Sent(time, thread, session, name, by, stats.name, kind, key[close + 3 : -5])
            stats.depth += 1
            if stats.depth > stats.peak:
                stats.peak = stats.depth

    def process(self, key: bytes, time: int, thread: int) -> None:
        """`key` is the rest of a "Process Message [" line, the same as when it was signalled."""
        close = key.find(b"]")
        task = key[:close]
        stats = self.tasks.get(task) or self.stats(task)
        stats.messages += 1
        stats.thread = thread
        before = self.working.get(thread)
        if before is not None:  # several messages in one wakeup (connection agent, media engine)
            self._finish(before, time, thread, stats)
        sent = self.pending.pop(key, None)
        if sent is None:
            self.unmatched += 1
            kind = key[-4:-1]
            name = SERVER_MESSAGES.get(kind, "other") if stats.role == "server" else ""
            self.working[thread] = Working(None, time, None, name, stats.name, kind, key[close + 3 : -5])
            return
        stats.depth -= 1
        stats.waits.append(time - sent.time)
        session = sent.session
        if session is not None and sent.name:
            asked = session.asked.get(sent.name)
            if asked is not None and asked.task == stats.name:
                asked.started = time
        self.working[thread] = Working(sent, time, session, sent.name, stats.name, sent.kind, sent.pointer)

    def wait(self, task: bytes, time: int, thread: int) -> None:
        """A "Wait for Messages" of `task`: the end of what it was working on."""
        self.waited[task] = time
        worker = self.working.get(thread)
        if worker is not None:
            stats = self.tasks.get(task) or self.stats(task)
            self._finish(worker, time, thread, stats)

    def _finish(self, worker: Working, time: int, thread: int, stats: Stats) -> None:
        del self.working[thread]
        stats.services.append(time - worker.started)
        session = worker.session
        if session is not None and worker.name:
            asked = session.asked.get(worker.name)
            if asked is not None and asked.task == worker.task:
                asked.finished = time
        if self._on_message is not None:
            self._on_message(worker, time, thread)

    def bind(self, session: Session | None, thread: int) -> None:
        """The line just read on `thread` is about `session`."""
        worker = self.working.get(thread)
        if worker is None:
            self.last[thread] = session
        elif session is not None and (worker.session is not session):
            worker.session = session

    def lost(self, task: bytes, low_bits: int, kind: bytes) -> Sent | None:
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

    def flush(self) -> None:
        """Bound the memory between blocks."""
        for stats in self.tasks.values():
            stats.flush()

    def close(self, time: int) -> None:
        """The log has ended: what is being worked on is handed out unfinished."""
        self.flush()
        if self._on_message is not None:
            for thread, worker in list(self.working.items()):
                self._on_message(worker, None, thread)
            for sent in self.pending.values():
                never = Working(sent, -1, sent.session, sent.name, sent.task, sent.kind, sent.pointer)
                self._on_message(never, None, 0)
