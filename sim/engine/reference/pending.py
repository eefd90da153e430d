"""What is under way when a run ends, or its process does: messages in queues and on their way, and live timers."""

from collections.abc import Iterator, Sequence

from simpy.core import Environment
from simpy.events import Timeout

from sim.engine.reference.tasks import Task, dead_tasks
from sim.engine.reference.unpromised import scheduled
from sim.engine.reference.world import OutboxItem, PlainWorld
from sim.leaks.verdicts import Pending
from sim.server.handlers import timer_lives
from sim.server.records import SHUT_DOWN
from sim.vocabulary.messages import TIMERS


def pending(
    env: Environment, world: PlainWorld, tasks: Sequence[Task], outside: Sequence[OutboxItem]
) -> Iterator[Pending]:
    """Every message and live timer there is, and whether the task that would take it can still run.

    `outside` holds delayed answers whose thread waits for a full queue.
    """
    dead = {task.index for task in tasks} if world.server.stopped == SHUT_DOWN else dead_tasks(tasks)
    for task in tasks:
        yield from _at_task(task, dead)
    for target, kind, slot, arg, _ in outside:
        yield Pending(kind, slot, arg, target not in dead)
    for event in scheduled(env):
        delayed = event.value if isinstance(event, Timeout) else None
        if isinstance(delayed, tuple) and len(delayed) == 5:
            target, kind, slot, arg, _ = delayed
            if not TIMERS[kind] or timer_lives(world.sessions[slot], kind, arg):
                yield Pending(kind, slot, arg, target not in dead)


def _at_task(task: Task, dead: set[int]) -> Iterator[Pending]:
    """What waits for `task`, what it serves, and what it could not deliver."""
    for kind, slot, arg, _ in task.waiting():
        yield Pending(kind, slot, arg, task.index not in dead)
    if task.serving is not None:
        kind, slot, arg, _ = task.serving
        yield Pending(kind, slot, arg, task.index not in dead)
    for target, kind, slot, arg, _ in task.unsent:
        yield Pending(kind, slot, arg, task.index not in dead and target not in dead)
