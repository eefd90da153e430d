"""Processors under SimPy: the ends of stretches on its calendar, and the pieces of work that end with them."""

from __future__ import annotations

from simpy.core import Environment
from simpy.events import Event, Timeout

from sim.engine.reference.unpromised import happen
from sim.engine.sharing import leave, stretch_over, want
from sim.server.records import World


class Stretches:
    """What runs on the processors until when."""

    def __init__(self, env: Environment, world: World) -> None:
        self.env = env
        self.world = world
        self.ends: dict[int, Timeout] = {}
        self.done: dict[int, Event] = {}
        self.waits: list[tuple[int, float]] = []  # runner, seconds

    def begin(self, runner: int, delay: float) -> None:
        """A stretch ends `delay` seconds from now."""
        end = self.ends[runner] = Timeout(self.env, delay)
        assert end.callbacks is not None
        end.callbacks.append(lambda _: self._over(runner))

    def cancel(self, runner: int) -> None:
        """A stretch is cut short: nothing happens at its end."""
        callbacks = self.ends.pop(runner).callbacks
        assert callbacks is not None
        callbacks.clear()

    def work(self, runner: int, seconds: float, done: Event | None = None, sleeps: bool = False) -> Event:
        """A task needs so much processor time; the event happens when it has had it."""
        self.done[runner] = event = Event(self.env) if done is None else done
        want(self.world, runner, seconds, self.env.now, int(sleeps))
        return event

    def rest(self, runner: int) -> None:
        """A task needs no processor any more."""
        leave(self.world, runner, self.env.now)

    def _over(self, runner: int) -> None:
        del self.ends[runner]
        if not stretch_over(self.world, runner, self.env.now):
            return
        if runner in self.done:
            happen(self.done.pop(runner))
        else:  # another program
            self.rest(runner)
