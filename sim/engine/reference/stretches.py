"""Processors under SimPy: the ends of stretches on its calendar, and the pieces of work that end with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simpy.core import Environment
from simpy.events import Event, Timeout

from sim.engine.reference.unpromised import happen
from sim.engine.sharing import leave, stretch_over, want


class Stretches:
    """What runs on the processors until when."""

    def __init__(self, env: Environment, world: Any) -> None:
        self.env = env
        self.world = world
        self.ends: dict[int, Timeout] = {}
        self.done: dict[int, Event] = {}
        self.starting: dict[int, Callable[[float], None]] = {}
        """What to call, with the delay, once it is known when a piece of work begins."""
        self.waits: list[tuple[int, float]] = []  # runner, seconds

    def begin(self, runner: int, delay: float) -> None:
        """A stretch ends `delay` seconds from now."""
        end = self.ends[runner] = Timeout(self.env, delay)
        assert end.callbacks is not None
        end.callbacks.append(lambda _: self._over(runner))
        self._started(runner)

    def _started(self, runner: int) -> None:
        if runner in self.starting:
            self.starting.pop(runner)(self.world.runners[runner].began_s - self.env.now)

    def cancel(self, runner: int) -> None:
        """A stretch is cut short: nothing happens at its end."""
        callbacks = self.ends.pop(runner).callbacks
        assert callbacks is not None
        callbacks.clear()

    def work(self, runner: int, seconds: float, done: Event | None = None, sleeps: bool = False) -> Event:
        """A task needs so much processor time; the event happens when it has had it."""
        self.done[runner] = event = Event(self.env) if done is None else done
        want(self.world, runner, seconds, self.env.now, int(sleeps))
        if not self.world.runners[runner].fresh:  # it ran already
            self._started(runner)
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
