"""What a planner without a simulator would say: closed forms of queues, exact under their assumptions."""

from __future__ import annotations

import math
from typing import Final

from sim.errors import InternalError

PROBABILITIES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

WANTED_BLOCKING: Final = 0.001
"""A limit is enough when fewer than one call in a thousand finds it reached."""

MOST_PLACES: Final = 10_000_000
"""More places than this are not looked for."""


def mm1(rate: float, mean_service_s: float) -> dict[str, float | None]:
    """Quantiles of the time in an M/M/1 system: exponential with mean S / (1 - λS); None beyond saturation."""
    load = rate * mean_service_s
    if load >= 1.0:
        return dict.fromkeys(PROBABILITIES)
    mean = mean_service_s / (1.0 - load)
    return {name: -math.log(1.0 - p) * mean for name, p in PROBABILITIES.items()}


def erlang_b(offered: float, servers: int) -> float:
    """Share of calls that Erlang's loss system refuses (Erlang 1917), by the recursion that is stable in floats.

    `offered` is the load in erlangs: calls at once, on average, if none were refused.
    """
    blocking = 1.0
    for k in range(1, servers + 1):
        blocking = _with_one_more(offered, k, blocking)
    return blocking


def needed(offered: float, wanted: float = WANTED_BLOCKING) -> int:
    """The least number of places at which no more than `wanted` of the calls are refused."""
    if not offered >= 0.0:
        raise InternalError(f"the offered load must be at least 0 (got {offered})")
    blocking, places = 1.0, 0
    while blocking > wanted and places < MOST_PLACES:
        places += 1
        blocking = _with_one_more(offered, places, blocking)
    return places


def _with_one_more(offered: float, servers: int, blocking: float) -> float:
    """B(a, n) from B(a, n - 1)."""
    return offered * blocking / (servers + offered * blocking)
