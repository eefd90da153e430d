"""The flow in SimPy without processes and resources: timeouts with plain callbacks, FIFO lists for the tasks."""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import simpy

from benchmarks.flow import ANSWER, HOLD_S, MEDIA, TASK_OF, TASKS, draw_call, until_tick

HOPS = len(TASK_OF)


class Call:
    """Where one call is on its way through the flow."""

    __slots__ = ("arrived", "hold", "hop", "services")

    def __init__(self, arrived: float, services: list[float], hold: float) -> None:
        self.arrived = arrived
        self.services = services
        self.hold = hold
        self.hop = 0


def simulate(calls: int, seed: int, hold_s: float = HOLD_S) -> list[float]:
    """INVITE→answer of every call, all calls run to their end."""
    env = simpy.Environment()
    timeout = simpy.Timeout
    queues: list[deque[Call]] = [deque() for _ in TASKS]
    busy = [False for _ in TASKS]
    rng = Random(seed)
    latencies: list[float] = []
    left = calls

    def after(delay: float, call: Call, then: Callable[[Any], None]) -> None:
        event = timeout(env, delay, call)
        event.callbacks.append(then)

    def enter(call: Call) -> None:
        task = TASK_OF[call.hop]
        if task == MEDIA:
            after(until_tick(env.now), call, ticked)
        else:
            join(task, call)

    def join(task: int, call: Call) -> None:
        if busy[task]:
            queues[task].append(call)
        else:
            busy[task] = True
            after(call.services[call.hop], call, served)

    def ticked(event: Any) -> None:
        join(MEDIA, event.value)

    def served(event: Any) -> None:
        call: Call = event.value
        hop = call.hop
        task = TASK_OF[hop]
        queue = queues[task]
        if queue:
            following = queue.popleft()
            after(following.services[following.hop], following, served)
        else:
            busy[task] = False
        call.hop = hop + 1
        if hop == ANSWER:
            latencies.append(env.now - call.arrived)
            after(call.hold, call, held)
        elif call.hop < HOPS:
            enter(call)

    def held(event: Any) -> None:
        enter(event.value)

    def arrive() -> None:
        nonlocal left
        if left:
            left -= 1
            gap, services, hold = draw_call(rng, hold_s)
            after(gap, Call(env.now + gap, services, hold), arrived)

    def arrived(event: Any) -> None:
        enter(event.value)
        arrive()

    arrive()
    env.run()
    return latencies
