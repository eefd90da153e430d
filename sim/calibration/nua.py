"""What the NUA stack's messages cost, kind by kind. Its thread logs nothing, but each message ends in an event.

Where the SIP agent had nothing left to do, its thread slept until the stack was done with the next message: from its
last line to the first of the next event lies that message's work, and two switches.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.calibration.shared import Activity

if TYPE_CHECKING:
    from sim.calibration.evidence import Evidence

Array = NDArray[np.float64]

FIRST_LINE: Final = {"invite": "invite", "ack": "ready", "bye": "bye", "respond": "completed"}
"""By the key of a cost, the state whose line is the first (of those that are kept) after a message of that kind."""
ALIKE: Final = {"cancel": "bye", "other": "ack"}
"""Kinds that no log tells, and which one each is assumed to cost as much as."""
_AWAKE: Final = 2.5  # switches: an agent that goes on sooner had not slept
_LONGEST_S: Final = 1e-3  # after more than this the stack had slept as well
_FEWEST: Final = 20
_NEAR: Final = 1.5  # work of one kind lies within this factor of its usual time
_MOST_OF: Final = 0.3  # such a part of the gaps must lie there, or they are not of work


@dataclass(frozen=True, slots=True)
class KindCost:
    """Processor time of one kind of message, in seconds, and how many messages told it."""

    median_s: float
    mean_s: float
    told_by: int


def kinds(evidence: "Evidence", seen: Activity, switch_s: float) -> dict[str, KindCost]:
    """The cost of each kind of message, by its key; empty where not every kind of `FIRST_LINE` is told often enough.

    The times are those of a stack that has just worked, so only their relation to each other holds at another load.
    """
    lines = [(at, thread, state) for state, told in evidence.states.items() for thread, at in told]
    if not lines:
        return {}
    lines.sort()
    time, thread = np.array([line[0] for line in lines]), np.array([line[1] for line in lines], dtype=np.int64)
    state = np.array([line[2] for line in lines])
    last = np.full(len(time), -np.inf)
    for own in np.unique(thread):
        last[thread == own] = seen.before(time[thread == own], int(own))
    gap = time - last
    known = np.isfinite(gap)
    known[known] = seen.others(last[known], time[known], thread[known]) == 0
    found = {key: _work(gap[known & (state == line)], switch_s) for key, line in FIRST_LINE.items()}
    told = {key: cost for key, cost in found.items() if cost is not None}
    if len(told) < len(FIRST_LINE):
        return {}
    return told | {key: told[same] for key, same in ALIKE.items()}


def _work(gap: Array, switch_s: float) -> KindCost | None:
    """Of a kind's gaps those in which the stack worked on one message and nothing else: where most of them lie."""
    slept = np.sort(gap[(gap > _AWAKE * switch_s) & (gap < _LONGEST_S)])
    if not len(slept):
        return None
    usual = _mode(slept)
    near = slept[(slept > usual / _NEAR) & (slept < usual * _NEAR)]
    work = near - 2.0 * switch_s
    if len(near) < max(_FEWEST, _MOST_OF * len(slept)):
        return None
    return KindCost(float(np.median(work)), float(work.mean()), len(work))


def _mode(ascending: Array) -> float:
    """The half-sample mode, by ratios: the denser half of the denser half, and so on (Robertson and Cryer 1974)."""
    while len(ascending) > 2:
        half = (len(ascending) + 1) // 2
        first = int(np.argmin(ascending[half - 1 :] / ascending[: len(ascending) - half + 1]))
        ascending = ascending[first : first + half]
    return float(np.sqrt(ascending[0] * ascending[-1]))
