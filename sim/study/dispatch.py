"""The dispatcher of a fleet: which server each call goes to, from what it knows at that moment."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.scenario.fleet import Down, Fleet


@dataclass(frozen=True, slots=True)
class Outage:
    """When a server is down, and when the dispatcher believes so; times in seconds, the end may be infinite."""

    server: int
    start_s: float
    end_s: float
    known_from_s: float
    known_until_s: float
    kills: bool
    """Whether its calls are lost with it."""


def outages(fleet: Fleet, rng: np.random.Generator | None = None) -> tuple[Outage, ...]:
    """Every outage of a fleet as it is and as it is known.

    The OPTIONS to a server begin at any moment of their interval, for nothing ties them to a failure; without `rng`
    they begin at 0.
    """
    begins = np.zeros(fleet.servers) if rng is None else rng.random(fleet.servers) * fleet.health.interval
    return tuple(_outage(down, fleet, float(begins[down.server - 1])) for down in fleet.down)


def _outage(down: Down, fleet: Fleet, begins: float) -> Outage:
    start, end = down.at, math.inf if down.for_ is None else down.at + down.for_
    if down.how == "drained" or start == 0.0:
        return Outage(down.server - 1, start, end, start, end, down.how == "fails")
    every = fleet.health.interval
    # the OPTIONS at or after the failure goes unanswered; the one at or after the return is answered
    asked = begins + math.ceil((start - begins) / every) * every
    back = begins + math.ceil((end - begins) / every) * every if math.isfinite(end) else math.inf
    return Outage(down.server - 1, start, end, asked + fleet.health.timeout, back, True)


class Dispatcher:
    """Chooses a server for each call, in order of time."""

    def __init__(self, fleet: Fleet, known: Sequence[Outage], rng: np.random.Generator) -> None:
        self.fleet = fleet
        self._known = known
        self._rng = rng
        self._turn = -1
        self._up = [0] * fleet.servers
        self._ends: list[tuple[float, int]] = []

    def believed_up(self, server: int, at: float) -> bool:
        """Whether the dispatcher takes a server for up at this time."""
        return not any(o.server == server and o.known_from_s <= at < o.known_until_s for o in self._known)

    def choose(self, at: float, caller: int, hold_s: float) -> int | None:
        """The server for a new call that will stay for `hold_s`; None when all are believed down."""
        while self._ends and self._ends[0][0] <= at:
            self._up[heapq.heappop(self._ends)[1]] -= 1
        able = [s for s in range(self.fleet.servers) if self.believed_up(s, at)]
        if not able:
            return None
        server = self._pick(able, caller)
        self._up[server] += 1
        heapq.heappush(self._ends, (at + hold_s, server))
        return server

    def _pick(self, able: list[int], caller: int) -> int:
        how = self.fleet.dispatch
        if how == "random":
            return able[int(self._rng.random() * len(able))]
        if how == "least-sessions":
            return min(able, key=lambda s: (self._up[s], s))
        if how == "hash":
            return able[_mixed(caller) % len(able)]
        self._turn = next(s for k in range(1, 65) if (s := (self._turn + k) % self.fleet.servers) in able)
        return self._turn

    def other(self, at: float, tried: Sequence[int]) -> int | None:
        """The next server in turn after the last one that was tried; None when every one was, or is believed down."""
        count = self.fleet.servers
        for k in range(1, count):
            server = (tried[-1] + k) % count
            if server not in tried and self.believed_up(server, at):
                return server
        return None


def _mixed(number: int) -> int:
    """A well mixed number for a caller (the finaliser of SplitMix64)."""
    z = (number + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)
