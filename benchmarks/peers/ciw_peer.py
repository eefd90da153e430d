"""The flow in Ciw: one node per task and one for the hold; process-based routing.

Ciw picks at random among individuals that move at the same instant, which would shuffle those that a tick sets
free. So the wait for the tick is part of the service at the media node, where whoever came before the tick finds it
already over.
"""

from collections import deque
from importlib import import_module
from math import inf
from random import Random
from typing import Any

from benchmarks.flow import ANSWER, HOLD_S, MEDIA, TASK_OF, TASKS, draw_call, until_tick

HOLD = len(TASKS) + 1  # Ciw counts nodes from 1: the tasks, then the hold


def route() -> list[int]:
    """The nodes that a call visits, in order."""
    nodes = []
    for hop, task in enumerate(TASK_OF):
        nodes.append(task + 1)
        if hop == ANSWER:
            nodes.append(HOLD)
    return nodes


def simulate(calls: int, seed: int, hold_s: float = HOLD_S) -> list[float]:
    """INVITE→answer of every call, all calls run to their end."""
    ciw: Any = import_module("ciw")
    rng = Random(seed)
    drawn: deque[tuple[list[float], float]] = deque()
    latencies: list[float] = []
    left = calls

    class Arrivals(ciw.dists.Distribution):  # type: ignore[misc]
        def sample(self, t: float | None = None, ind: Any = None) -> float:
            nonlocal left
            if not left:
                return inf
            left -= 1
            gap, services, hold = draw_call(rng, hold_s)
            drawn.append((services, hold))
            return gap

    class Service(ciw.dists.Distribution):  # type: ignore[misc]
        def sample(self, t: float | None = None, ind: Any = None) -> float:
            if not hasattr(ind, "services"):
                ind.services, ind.held = drawn.popleft()
                ind.arrived = ind.arrival_date
                ind.hop = 0
            hop: int = ind.hop
            ind.hop = hop + 1
            service: float = ind.services[hop]
            return service

    class Media(Service):
        def sample(self, t: float | None = None, ind: Any = None) -> float:
            arrived: float = ind.arrival_date
            assert t is not None
            return max(0.0, arrived + until_tick(arrived) - t) + super().sample(t, ind)

    class Hold(ciw.dists.Distribution):  # type: ignore[misc]
        def sample(self, t: float | None = None, ind: Any = None) -> float:
            latencies.append(t - ind.arrived)
            held: float = ind.held
            return held

    nodes = route()
    network = ciw.create_network(
        arrival_distributions=[Arrivals(), *[None] * (HOLD - 1)],
        service_distributions=[*(Media() if task == MEDIA else Service() for task in range(len(TASKS))), Hold()],
        number_of_servers=[*[1] * len(TASKS), inf],
        routing=ciw.routing.ProcessBased(lambda individual, simulation: nodes[1:]),
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(calls, method="Finish")
    return latencies
