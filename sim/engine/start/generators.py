"""Every named random stream of a run: its generator, and its next values in blocks."""

from __future__ import annotations

import numpy as np

from sim.engine.start.sampling import BLOCK, generator
from sim.engine.start.setup import Setup
from sim.scenario import Scenario
from sim.server.streams import TICK_PHASE


class Streams:
    """Every stream's generator; refills what a world has nearly used up."""

    def __init__(self, setup: Setup, seed: int, replication: int) -> None:
        self._streams = setup.streams
        self._rngs: list[np.random.Generator | None] = [
            generator(seed, s.name, replication) if s.sampler is not None else None for s in setup.streams
        ]

    def random(self, stream: int) -> bool:
        """Whether the stream draws at all; a constant one never needs refilling."""
        return self._rngs[stream] is not None

    def generator(self, stream: int) -> np.random.Generator:
        """A random stream's generator, for whoever draws its values by other means from now on."""
        rng = self._rngs[stream]
        assert rng is not None
        return rng

    def value(self, stream: int) -> float:
        """The value of a constant stream."""
        return self._streams[stream].value

    def block(self, stream: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """The next BLOCK values of a stream."""
        rng, sampler = self._rngs[stream], self._streams[stream].sampler
        assert rng is not None
        assert sampler is not None
        return sampler(rng, BLOCK)


def first_tick_s(scenario: Scenario, streams: Streams) -> float:
    """When the kernel's clock first ticks: as the scenario says, or at a moment that each run draws."""
    clock = scenario.server.processors.scheduler
    return streams.block(TICK_PHASE)[0] * clock.tick if clock.phase is None else clock.phase
