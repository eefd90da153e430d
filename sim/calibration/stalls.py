"""Other processes on the machine, told apart from the server's own work: stalls of a millisecond and more.

The work on a message takes some 10 to 100 µs and a wake-up about as long, on every log and at every load. Now and then
one takes milliseconds, because another process (the load generator, a sampler, the host) has the processor. How often
that happens differs from run to run on the same machine at the same load; it says nothing about the server. A sample
that one distribution describes as it is, tail and all, has no stalls; nor can they be told from work that takes long.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.calibration.fit import Fit, fit
from sim.calibration.rates import Rate, rate

if TYPE_CHECKING:
    from sim.calibration.costs import Services
    from sim.calibration.media import Ticks

Array = NDArray[np.float64]

STALL_S: Final = 0.6e-3
_BY_CHANCE: Final = 1e-3
_TIMES_USUAL: Final = 4.0  # and longer than so many medians


@dataclass(frozen=True, slots=True)
class Stalls:
    """How often ticks, wake-ups and work on messages stall, and for how long."""

    tick: Rate
    wake: Rate
    service: Rate
    lengths: Array
    length: Fit | None


def without_stalls(sample: Array, work: bool = False) -> tuple[Fit | None, Array]:
    """The distribution of a sample without its stalls, and by how much those exceed its median.

    `work` says that these are times of work, which may well be long, and not of waiting for a processor.
    """
    return _without_stalls(np.ascontiguousarray(sample, dtype=np.float64).tobytes(), work)


@lru_cache(maxsize=256)
def _without_stalls(content: bytes, work: bool) -> tuple[Fit | None, Array]:
    sample = np.frombuffer(content, dtype=np.float64)
    everything = fit(sample)
    if everything is None:
        return None, np.empty(0)
    usual = float(np.median(sample))
    if work and usual > STALL_S / _TIMES_USUAL:
        return everything, np.empty(0)
    limit = max(STALL_S, _TIMES_USUAL * usual)
    stalled = sample > limit
    if not stalled.any():
        return everything, np.empty(0)
    if everything.family != "empirical" and expected_beyond(sample, limit, int(np.count_nonzero(stalled))):
        return everything, np.empty(0)
    if not work and limit == STALL_S and float(sample.max()) < exponential_reach(usual, len(sample)):
        return everything, np.empty(0)
    return fit(sample[~stalled]), sample[stalled] - usual


def exponential_reach(median: float, size: int) -> float:
    """What the largest of so many exponential values of this median exceeds in one of a thousand samples."""
    return median / float(np.log(2)) * float(np.log(size / _BY_CHANCE))


def expected_beyond(sample: Array, limit: float, seen: int) -> bool:
    """Whether the sample's own spread makes so many values beyond the limit likely.

    The spread is that of the lognormal through its median and its upper standard deviation, which stalls hardly move.
    """
    from scipy import stats

    usual, upper = np.quantile(sample, [0.5, 0.84])
    sigma = float(np.log(max(upper, 1e-9) / max(usual, 1e-9)))
    if sigma <= 0:
        return False
    beyond = float(stats.norm.sf(np.log(limit / max(usual, 1e-9)) / sigma))
    return float(stats.poisson.sf(seen - 1, len(sample) * beyond)) > _BY_CHANCE


def stalls(ticks: "Ticks | None", wakes: Iterable[Array], services: "Services | None") -> Stalls:
    """The stalls in what a log shows of ticks, wake-ups and service times."""
    lengths: list[Array] = []

    def count(samples: Iterable[Array], work: bool = False) -> Rate:
        hits = trials = 0
        for sample in samples:
            late = without_stalls(sample, work)[1]
            if not len(late) and (sample > STALL_S).any():
                continue  # its own distribution has these
            lengths.append(late)
            hits += len(late)
            trials += len(sample)
        return rate(hits, trials)

    tick = Rate(0, 0, 0.0, 0.0, 1.0)
    if ticks is not None:
        from sim.calibration.media import reweighted

        tick = count([reweighted(ticks.overslept, ticks.weights)])
    wake = count(wakes)
    # the answer's service ends in the SIP stack, which takes the processor for itself: no other process
    seen = [] if services is None else [x for key, x in services.samples.items() if key != ("server", "opened")]
    service = count(seen, work=True)
    everything = np.concatenate(lengths) if lengths else np.empty(0)
    return Stalls(tick, wake, service, everything, fit(everything) if len(everything) else None)
