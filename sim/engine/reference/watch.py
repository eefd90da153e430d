"""What observers are told of starts and of resources: each thing at its moment, and none twice or never."""

from __future__ import annotations

from simpy.core import Environment
from simpy.events import Timeout

from sim.engine.contract import Observer, unwatched
from sim.engine.reference.world import PlainWorld


class Watch:
    """Tells the observers of a run; `told` of the rows in the ledger's buffer they have heard of."""

    def __init__(self, env: Environment, world: PlainWorld, observers: tuple[Observer, ...]) -> None:
        self.env = env
        self.world = world
        self.observers = observers
        self.starters = tuple([o for o in observers if o.message_started is not unwatched])
        self.told = 0

    def starts(self, task: int, message: tuple[int, int, int, float], delay: float) -> None:
        """Tell that a task takes up a message `delay` seconds from now, when that moment comes."""
        if delay <= 0.0:
            self._tell_start(task, message)
            return
        event = Timeout(self.env, delay)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self._tell_start(task, message))

    def _tell_start(self, task: int, message: tuple[int, int, int, float]) -> None:
        self.tell_changes()
        for observer in self.starters:
            observer.message_started(self.env.now, task, message[0], self.world.sessions[message[1]])

    def tell_changes(self) -> None:
        """Tell of every change of a resource that they have not heard of, before anything later."""
        if not self.observers:
            return
        told, self.told = self.told, len(self.world.rows)
        for row in self.world.rows[told:]:
            for observer in self.observers:
                observer.resource_changed(row[0], row[1], row[2], row[3], row[4])
