"""A stage for single tasks: a fake engine that runs the real `sim.engine.reference.tasks` with scripted services."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from simpy.core import Environment
from simpy.events import Timeout

from sim.engine.reference.tasks import Message, Task
from sim.server.streams import STREAMS


class Sessions:
    """Sessions without channels, as many as a message may name."""

    def __getitem__(self, slot: int) -> SimpleNamespace:
        return SimpleNamespace(slot=slot, channels=0)


class Stage:
    """Stands in for the engine: every stream is a constant, and a message does what the script says."""

    def __init__(self, service: float = 0.0, wake: float = 0.0) -> None:
        self.env = Environment()
        self.seen: list[tuple[float, str]] = []
        self.reactions: dict[int, Callable[[], None]] = {}
        self.polls: list[tuple[float, float]] = []
        self.observers: tuple[Any, ...] = ()
        self.pollers: tuple[Any, ...] = ()
        self.starters: tuple[Any, ...] = ()
        self.cost_per_context_s = 0.0
        self.setup = SimpleNamespace(
            scenario=SimpleNamespace(server=SimpleNamespace(media=SimpleNamespace(tick=0.010, cost_per_tick=0.0)))
        )
        self.dropped: list[int] = []
        self.timers: list[float] = []
        self.world = SimpleNamespace(
            draws=[[service] for _ in range(STREAMS)],
            drawn=[0] * STREAMS,
            draw_step=[0] * STREAMS,
            draw_limit=1,
            server=SimpleNamespace(contexts=0, needs_draws=0),
            ledger=SimpleNamespace(load_end_s=float("inf")),
            outbox=[],
            stretches=None,
            machine=SimpleNamespace(count=0),
            sessions=Sessions(),
            p=SimpleNamespace(warm_s=0.0, awake_s=-1.0, cooling_s=0.0, costs_save=0, receive_buffer=0),
        )
        from sim.server.streams import OVERSLEEP, WAKE

        for stream in range(WAKE, WAKE + 16):
            self.world.draws[stream] = [wake]
        self.world.draws[OVERSLEEP] = [0.0]

    def complete(self, task: Task, message: Message, started: float) -> bool:
        self.seen.append((round(self.env.now, 9), f"{message[2]}"))
        reaction = self.reactions.pop(message[2], None)
        if reaction is not None:
            reaction()
        return True

    def settle(self, task: Task, message: Message) -> None:
        raise AssertionError("nothing blocks on this stage")

    def drop(self, task: int, message: Message) -> None:
        self.dropped.append(message[2])

    def polled(self, loop: Task) -> None:
        due = [at - self.env.now for at in self.timers if at >= self.env.now]
        self.polls.append((round(self.env.now, 9), round(min([15.0, *due]), 9)))

    def at(self, time_s: float, what: Callable[[], None]) -> None:
        """Do something at a time."""
        event = Timeout(self.env, time_s)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: what())

    def push(self, task: Task, kind: int, mark: int) -> bool:
        """Put a message into a task's queue now."""
        return task.push((kind, 0, mark, self.env.now))
