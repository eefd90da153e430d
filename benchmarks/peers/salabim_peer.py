"""The flow in salabim: one Component per call, one Resource per task; monitors are off, which is its faster form."""

from collections.abc import Generator
from importlib import import_module
from random import Random
from typing import Any

from benchmarks.flow import ANSWER, FLOW, HOLD_S, MEDIA, TASKS, draw_call, until_tick


def simulate(calls: int, seed: int, hold_s: float = HOLD_S) -> list[float]:
    """INVITE→answer of every call, all calls run to their end."""
    salabim: Any = import_module("salabim")
    salabim.yieldless(False)
    env = salabim.Environment(trace=False)
    tasks = [salabim.Resource(name, capacity=1, monitor=False) for name in TASKS]
    rng = Random(seed)
    latencies: list[float] = []

    class Call(salabim.Component):  # type: ignore[misc]
        def process(self, services: list[float], hold: float) -> Generator[Any, Any, None]:
            arrived = env.now()
            for i, hop in enumerate(FLOW):
                if hop.task == MEDIA:
                    yield self.hold(until_tick(env.now()))
                task = tasks[hop.task]
                yield self.request(task)
                yield self.hold(services[i])
                self.release(task)
                if i == ANSWER:
                    latencies.append(env.now() - arrived)
                    yield self.hold(hold)

    class Arrivals(salabim.Component):  # type: ignore[misc]
        def process(self) -> Generator[Any, Any, None]:
            for _ in range(calls):
                gap, services, hold = draw_call(rng, hold_s)
                yield self.hold(gap)
                Call(services=services, hold=hold, suppress_trace=True)

    Arrivals()
    env.run()
    return latencies
