"""Other processes on the machine, told apart from the server's own work: stalls of a millisecond and more.

The work on a message takes some 10 to 100 µs and a wake-up about as long, on every log and at every load. Now and then
one takes milliseconds, because another process (the load generator, a sampler, the host) has the processor. How often
that happens differs from run to run on the same machine at the same load; it says nothing about the server.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.logs.fit import Fit, fit
from sim.logs.fit_rates import Rate, rate

if TYPE_CHECKING:
    from sim.logs.calibrate_costs import Services
    from sim.logs.calibrate_media import Ticks

Array = NDArray[np.float64]

STALL_S: Final = 0.6e-3
_TIMES_USUAL: Final = 4.0  # and longer than so many medians


@dataclass(frozen=True, slots=True)
class Stalls:
    """How often ticks, wake-ups and work on messages stall, and for how long."""

    tick: Rate
    wake: Rate
    service: Rate
    lengths: Array
    length: Fit | None


def limit(sample: Array) -> float:
    """From where on a value of this sample is a stall."""
    return max(STALL_S, _TIMES_USUAL * float(np.median(sample)))


def undisturbed(sample: Array) -> Array:
    """The sample without its stalls."""
    return sample[sample <= limit(sample)]


def stalls(ticks: "Ticks | None", wakes: Iterable[Array], services: "Services | None") -> Stalls:
    """The stalls in what a log shows of ticks, wake-ups and service times."""
    lengths: list[Array] = []

    def count(samples: Iterable[Array]) -> Rate:
        hits = trials = 0
        for sample in samples:
            late = sample[sample > limit(sample)]
            lengths.append(late - float(np.median(sample)))
            hits += len(late)
            trials += len(sample)
        return rate(hits, trials)

    tick = Rate(0, 0, 0.0, 0.0, 1.0)
    if ticks is not None:
        from sim.logs.calibrate_media import reweighted

        tick = count([reweighted(ticks.overslept, ticks.weights)])
    wake = count(wakes)
    # the answer's service ends in the SIP stack, which takes the processor for itself: no other process
    seen = [] if services is None else [x for key, x in services.samples.items() if key != ("server", "opened")]
    service = count(seen)
    everything = np.concatenate(lengths) if lengths else np.empty(0)
    return Stalls(tick, wake, service, everything, fit(everything) if len(everything) else None)
