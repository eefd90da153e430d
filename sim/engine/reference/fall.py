"""The end of the modelled process: what was on its way to it comes to nothing, what callers plan stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from simpy.core import Environment
from simpy.events import Timeout

from sim.engine.reference.tasks import Task
from sim.engine.reference.unpromised import scheduled
from sim.engine.reference.world import PlainWorld
from sim.server.crash import OUTLIVES, process_ends, session_ends
from sim.vocabulary.messages import TIMERS


def fall(env: Environment, world: PlainWorld, tasks: Iterable[Task], deliver_all: Callable[[], None]) -> None:
    """End the process with everything in it; its threads begin anew, and find nothing to do."""
    forget(env, world)
    process_ends(world)
    for session in world.sessions:
        session_ends(world, session, 0, env.now, env.now)
        deliver_all()
    for task in tasks:
        task.begin_again()


def forget(env: Environment, world: PlainWorld) -> None:
    """Take every delayed message and timer off the calendar, but for those that outlive the process."""
    world.outbox.clear()
    for session in world.sessions:
        session.inflight = 0
    for event in scheduled(env):
        value = event.value if isinstance(event, Timeout) else None
        if isinstance(value, tuple) and len(value) == 5:
            kind, slot = value[1:3]
            if kind not in OUTLIVES:
                event.callbacks = []
            elif not TIMERS[kind]:
                world.sessions[slot].inflight += 1
