"""The flow as SimPy's documentation teaches it: one process per call, one Resource per task."""

from collections.abc import Generator
from random import Random
from typing import Any

import simpy

from benchmarks.flow import ANSWER, FLOW, HOLD_S, MEDIA, TASKS, draw_call, until_tick


def simulate(calls: int, seed: int, hold_s: float = HOLD_S) -> list[float]:
    """INVITE→answer of every call, all calls run to their end."""
    env = simpy.Environment()
    tasks = [simpy.Resource(env, capacity=1) for _ in TASKS]
    rng = Random(seed)
    latencies: list[float] = []

    def call(services: list[float], hold: float) -> Generator[Any, Any, None]:
        arrived = env.now
        for i, hop in enumerate(FLOW):
            if hop.task == MEDIA:
                yield env.timeout(until_tick(env.now))
            with tasks[hop.task].request() as turn:
                yield turn
                yield env.timeout(services[i])
            if i == ANSWER:
                latencies.append(env.now - arrived)
                yield env.timeout(hold)

    def arrivals() -> Generator[Any, Any, None]:
        for _ in range(calls):
            gap, services, hold = draw_call(rng, hold_s)
            yield env.timeout(gap)
            env.process(call(services, hold))

    env.process(arrivals())
    env.run()
    return latencies
