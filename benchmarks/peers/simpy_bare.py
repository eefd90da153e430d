"""A bare SimPy loop with as many events as the flow needs, which is the floor of any SimPy program: only timeouts.

As many processes as calls are under way at a time sleep again and again, so the event heap is as deep as in the
flow.
"""

from collections.abc import Generator
from random import Random
from typing import Any

import simpy

from benchmarks.flow import EVENTS_PER_CALL, HOLD_S, RATE_PER_S


def simulate(calls: int, seed: int, hold_s: float = HOLD_S) -> list[float]:
    """No latencies: there is no flow. Runs `calls * EVENTS_PER_CALL` timeouts."""
    env = simpy.Environment()
    sleepers = max(1, round(RATE_PER_S * hold_s))
    rng = Random(seed)

    def sleeper(events: int) -> Generator[Any, Any, None]:
        draw = rng.expovariate
        for _ in range(events):
            yield env.timeout(draw(1.0))

    total = calls * EVENTS_PER_CALL
    for number in range(sleepers):
        env.process(sleeper(total // sleepers + (number < total % sleepers)))
    env.run()
    return []
