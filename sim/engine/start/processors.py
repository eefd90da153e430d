"""From a scenario to the processors that a run starts with."""

from __future__ import annotations

import math

from sim.engine.sharing import MAX_OTHERS, MAX_PROCESSORS, Machine, Processor, Runner
from sim.scenario import Scenario, expected
from sim.server.shape import blank


def machine_of(scenario: Scenario, tasks: int) -> Machine:
    """The processors as numbers; `count` is 0 where every task has one of its own."""
    given = scenario.server.processors
    load = expected(given.other_load)
    others = min(MAX_OTHERS, math.ceil(load)) if given.count else 0
    m: Machine = blank(Machine)
    m.count = min(given.count or 0, MAX_PROCESSORS)
    m.tasks = tasks
    m.runners = tasks + others
    m.idle = m.count
    m.slice_s = given.scheduler.slice
    m.tick_s = given.scheduler.tick
    m.switch_s = given.scheduler.switch_cost
    m.preempts = int(given.scheduler.wakeup_preemption)
    m.burst_s = expected(given.other_burst)
    return m


def idle_processors(m: Machine) -> list[Processor]:
    """Processors that nothing runs on."""
    found: list[Processor] = [blank(Processor) for _ in range(m.count)]
    for processor in found:
        processor.holder = -1
    return found


def sleeping_runners(m: Machine) -> list[Runner]:
    """Tasks and other programs, none of which wants a processor yet."""
    return [blank(Runner) for _ in range(m.runners)]


def told_of_processors(scenario: Scenario) -> list[str]:
    """What a run must say of other programs that want more than the machine has."""
    given = scenario.server.processors
    load = expected(given.other_load)
    if given.count is None or load <= given.count:
        return []
    return [
        f"server.processors.other_load ({load:.3g}) is more than all {given.count} of server.processors.count: other "
        "programs never catch up, and the server gets what its turns leave it."
    ]
