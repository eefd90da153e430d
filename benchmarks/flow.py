"""The one table of the 18-hop call flow: every peer simulates these hops with these very draws.

A call passes 18 messages one after the other through six single-server FIFO tasks of the modelled server. A
container for the media engine waits for the next 10 ms tick first. After the answer (`ANSWER`) the caller holds,
then says BYE. `nua_respond` is not a hop: it runs beside the hold and delays nothing. The flow has no subrequest
counters, no pools, no timers and no faults; it is what a simulation of the message path alone costs.

Service means are those that were measured on a real server at 10 calls/s (DEBUG log); NUA and SIP agent, which such
a log does not show, have 40 and 60 µs. All the numbers of a call are drawn when the call is made, in the order of
`draw_call`, from `random.Random(seed)`; so all peers, C++ included, simulate the same calls and must report the
same quantiles.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor
from random import Random

RATE_PER_S = 20.0  # Poisson arrivals, as in scenarios/baseline.yaml
HOLD_S = 3.0  # mean of the exponential hold, ditto
TICK_S = 0.010  # the media engine drains its queue at multiples of this

NUA, SIP_AGENT, SERVER, CONNECTION_AGENT, MEDIA, PLUGIN = range(6)
TASKS = ("NUA", "SIP-Agent-1", "MRCP Server", "MRCPv2-Agent-1", "Media-Engine-1", "Demo Recog Engine")


@dataclass(frozen=True, slots=True)
class Hop:
    """One message on one task; `constant` service takes the mean each time, otherwise service is exponential."""

    task: int
    message: str
    mean_s: float
    constant: bool = False


FLOW = (
    Hop(NUA, "INVITE", 40e-6),
    Hop(SIP_AGENT, "i_invite and i_state", 60e-6),
    Hop(SERVER, "OFFER", 126e-6),
    Hop(CONNECTION_AGENT, "ADD channel", 34e-6),
    Hop(SERVER, "ADD-channel response", 10e-6),
    Hop(MEDIA, "MPF container: ADD", 10e-6, constant=True),
    Hop(SERVER, "MPF response", 68e-6),
    Hop(PLUGIN, "open", 63e-6),
    Hop(SERVER, "OPEN response", 326e-6),
    Hop(NUA, "BYE", 40e-6),
    Hop(SIP_AGENT, "i_bye and i_state", 60e-6),
    Hop(SERVER, "TERMINATE", 133e-6),
    Hop(CONNECTION_AGENT, "REMOVE channel", 34e-6),
    Hop(PLUGIN, "close", 63e-6),
    Hop(MEDIA, "MPF container: SUBTRACT", 10e-6, constant=True),
    Hop(SERVER, "REMOVE-channel response", 11e-6),
    Hop(SERVER, "CLOSE response", 13e-6),
    Hop(SERVER, "MPF response", 68e-6),
)
ANSWER = 8  # the hop whose end is the answer: the hold follows it
TASK_OF = tuple(hop.task for hop in FLOW)
SAMPLE = 500  # quantiles are of this many first answers, which are the same however many calls a peer is given
EVENTS_PER_CALL = len(FLOW) + sum(hop.task == MEDIA for hop in FLOW) + 2  # services, waits for a tick, arrival, hold

_SERVICES = tuple((hop.constant, hop.mean_s if hop.constant else 1.0 / hop.mean_s) for hop in FLOW)


def draw_call(rng: Random, hold_s: float = HOLD_S) -> tuple[float, list[float], float]:
    """The gap before a call, its service time at every hop, its hold: all the randomness of one call, in this order."""
    draw = rng.expovariate
    gap = draw(RATE_PER_S)
    services = [value if constant else draw(value) for constant, value in _SERVICES]
    return gap, services, draw(1.0 / hold_s)


def until_tick(now: float) -> float:
    """The wait from `now` to the next media tick, in (0, TICK_S]."""
    return (floor(now / TICK_S) + 1) * TICK_S - now


def quantile(latencies: Sequence[float], p: float) -> float:
    """The order statistic at index floor(n·p) of the first `SAMPLE` answers, as in the product's summaries."""
    ordered = sorted(latencies[:SAMPLE])
    return ordered[min(len(ordered) - 1, int(len(ordered) * p))]


def table_for_other_languages(calls: int, seed: int, hold_s: float = HOLD_S) -> str:
    """The flow and the run's size as the plain numbers that `cpp/callflow.cpp` reads from its standard input."""
    head: Iterable[object] = (calls, seed, RATE_PER_S, hold_s, TICK_S, ANSWER, MEDIA, SAMPLE, len(TASKS), len(FLOW))
    lines = [" ".join(map(str, head))]
    lines += [f"{hop.task} {int(hop.constant)} {hop.mean_s!r}" for hop in FLOW]
    return "\n".join(lines) + "\n"
