"""Loss systems: who finds every place taken. Loads in erlangs (calls at once, on average, if none were refused)."""

from __future__ import annotations

import math

from sim.errors import InternalError
from sim.theory.queues import erlang_b


def offered_at(blocking: float, servers: int) -> float:
    """The load in erlangs at which Erlang's loss system refuses just this share of the calls: Erlang-B, inverted."""
    if not 0.0 < blocking < 1.0 or servers < 1:
        raise InternalError(f"needs a blocking between 0 and 1 and a server (got {blocking}, {servers})")
    from scipy.optimize import brentq

    most = servers / (1.0 - blocking) + 1.0  # carried load can not exceed the servers
    return float(brentq(lambda load: erlang_b(load, servers) - blocking, 0.0, most, xtol=1e-10))


def engset(sources: int, servers: int, load_per_idle: float) -> tuple[float, float]:
    """Time and call congestion where `sources` callers share `servers` (Engset 1918; Iversen, Teletraffic, ch. 5).

    `load_per_idle` is each idle caller's call rate times the mean hold. The first is the share of the time at which
    all are busy, the second the share of the calls that meet it: what the other callers leave.
    """
    if servers >= sources:
        return 0.0, 0.0
    return _all_busy(sources, servers, load_per_idle), _all_busy(sources - 1, servers, load_per_idle)


def _all_busy(sources: int, servers: int, load: float) -> float:
    """E(S, n) by the recursion that is stable in floats: E(n) = x / (1 + x) with x = (S - n + 1)/n · a · E(n - 1)."""
    busy = 1.0
    for k in range(1, servers + 1):
        more = (sources - k + 1) / k * load * busy
        busy = more / (1.0 + more)
    return busy


def held_at_most(offered: float, share: float) -> int:
    """How many calls are held at a time, at most, for this share of the time in M/G/∞: a Poisson quantile.

    The number held is Poisson with the offered load as its mean, whatever the hold's distribution (Riordan 1951).
    """
    from scipy.stats import poisson

    return int(poisson.ppf(share, offered))


def ruin(rate: float, service_rate: float, size: int) -> float:
    """Probability that M/M/1, with one customer in it, reaches `size` before it is empty again.

    The gambler's ruin: (1 - r) / (1 - r^K) with r = service rate / rate (Feller I, XIV.2).
    """
    r = service_rate / rate
    if r == 1.0:
        return 1.0 / size
    return math.expm1(math.log(r)) / math.expm1(size * math.log(r))


def mm1k_blocking(load: float, places: int) -> float:
    """Share of the customers that M/M/1/K refuses: (1 - ρ)ρ^K / (1 - ρ^(K+1)) (Kleinrock I, equation 3.43)."""
    if load == 1.0:
        return 1.0 / (places + 1)
    return (1.0 - load) * load**places / (1.0 - load ** (places + 1))
