"""What every engine is to the rest: how it is run, what it tells at its end, and who may watch it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from sim.leaks.verdicts import Pending
from sim.ledger.summary import Leak
from sim.server.ledger import Ledger
from sim.server.records import ServerState, Session

Array = np.ndarray[Any, Any]

Offence = tuple[float, int, int, int, int, int, int, float]
"""A violation: when, of which call, what, by which message, in which task, the resource, what came first, and when."""


class TaskStatistics(NamedTuple):
    """Messages served, time busy in seconds before the end of the load, and the longest queue of a task."""

    messages: int
    busy_s: float
    queue_peak: int


class ProcessorStatistics(NamedTuple):
    """Seconds before the end of the load that each processor was busy, and those that other programs had."""

    busy_s: Sequence[float]
    others_s: float


@dataclass(frozen=True, slots=True)
class Calm:
    """Sessions in a call that goes well: live, nothing outstanding, and what ends the call is scheduled.

    They may be many, so nothing here costs more than a look at an array, but for the diagnoses that are listed.
    """

    columns: Mapping[str, Array]  # as `sim.engine.end.judging.session_columns` has them
    slots: Array
    leaks: list[Leak]  # of the earliest calls, as many as are ever listed
    licences: Mapping[str, int]  # of each plugin, held by all of them


@dataclass(frozen=True, slots=True)
class Remaining:
    """What an engine hands over at its end: sessions to look at one by one, what is pending for them, and the rest."""

    sessions: list[Any]
    pending: Iterable[Pending]
    calm: Calm | None = None


def unwatched(*_: Any) -> None:
    """Stands for a hook that nobody has."""


Fallen = Callable[[Remaining, float], None]
"""Takes what a process that has crashed at some time left behind, before it is started again."""


class Engine(Protocol):
    """One run of a scenario. What it delivers on the way goes to the collector that it was made with."""

    @property
    def name(self) -> str:
        """As `--engine` has it."""

    @property
    def now(self) -> float:
        """How far it came, in simulated seconds."""

    @property
    def server(self) -> ServerState:
        """The server's own counters; those of a compiled run are there when it is over."""

    @property
    def ledger(self) -> Ledger:
        """What is held, and was; likewise."""

    @property
    def offences(self) -> Sequence[Offence]:
        """Every violation, in the order of time."""

    def run(self, progress: Callable[[float], None] | None = None, fallen: Fallen = unwatched) -> None:
        """Run to the horizon, or to the end of the process. An interrupt leaves everything consistent.

        Where a crash is no end, for the process is started again, `fallen` is given what it left behind.
        """

    def task_statistics(self, index: int) -> TaskStatistics:
        """What a task did."""

    def processor_statistics(self) -> ProcessorStatistics:
        """What the processors did."""

    def remaining(self) -> Remaining:
        """Every session that is still there, and what is pending."""


class Observer(Protocol):
    """What may watch a run; every hook is optional, and a run without observers pays nothing for them."""

    def message_sent(self, now: float, task: int, kind: int, session: Session) -> None:
        """A message was put into a task's queue."""

    def message_started(self, now: float, task: int, kind: int, session: Session) -> None:
        """A task took a message up."""

    def message_finished(self, now: float, task: int, kind: int, session: Session) -> None:
        """A message's handler has run."""

    def loop_polled(self, now: float, task: int, tout: float) -> None:
        """A sofia loop found nothing to do and waits at most `tout` seconds."""

    def resource_changed(self, now: float, session: int, resource: int, delta: int, size: int) -> None:
        """A resource was acquired (+1) or released (-1), or a pool grew (0)."""
