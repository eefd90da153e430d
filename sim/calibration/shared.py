"""Processors that a server's tasks share, as its log shows them: how many, and who had to wait for one while working.

On one processor only one thread writes at a time: between lines of two threads lies a switch, which takes two
microseconds and more. On several, lines of threads that run side by side are closer together than that.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sim.calibration.evidence import Evidence

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

CLOSER_THAN_S: Final = 1.6e-6  # than this are no two lines of different threads of one processor (clock: 1 µs)
ENOUGH_PAIRS: Final = 2000
BY_CHANCE: Final = 1e-4  # part of the pairs that damaged entries may account for
USUAL_TIMES: Final = 3.0  # work that took longer than so many medians
AND_S: Final = 30e-6  # and so much more than one did not have its processor all the time


@dataclass(frozen=True, slots=True)
class Activity:
    """When which thread was seen to run, in order of time: the lines of task messages and SIP events."""

    time: Array
    thread: Counts

    def others(self, begin: Array, end: Array, thread: Counts) -> Counts:
        """How often other threads than `thread` ran between `begin` and `end`, each an array of spans."""
        found = np.asarray(np.searchsorted(self.time, end, "left") - np.searchsorted(self.time, begin, "right"))
        for own in np.unique(thread):
            mine, here = self.time[self.thread == own], thread == own
            found[here] -= np.searchsorted(mine, end[here], "left") - np.searchsorted(mine, begin[here], "right")
        return found

    def before(self, times: Array, thread: int) -> Array:
        """When `thread` was last seen before each of `times`; -inf: never."""
        mine = self.time[self.thread == thread]
        place = np.searchsorted(mine, times, "left") - 1
        return np.where(place >= 0, mine[np.maximum(place, 0)] if len(mine) else -np.inf, -np.inf)


def activity(evidence: "Evidence") -> Activity:
    """The activity of a log's threads."""
    rows = evidence.messages
    times = [rows[column].to_numpy(dtype=np.float64) for column in ("sent", "started", "finished")]
    threads = [rows[column].to_numpy(dtype=np.int64) for column in ("sender", "thread", "thread")]
    for seen in evidence.states.values():
        if seen:
            threads.append(np.array([thread for thread, _ in seen], dtype=np.int64))
            times.append(np.array([at for _, at in seen], dtype=np.float64))
    time, thread = np.concatenate(times), np.concatenate(threads)
    known = np.isfinite(time)
    order = np.argsort(time[known], kind="stable")
    return Activity(time[known][order], thread[known][order])


def one_processor(evidence: "Evidence", seen: Activity) -> bool:
    """Whether the log is one of a server that had a single processor."""
    if not (evidence.debug and evidence.threaded):
        return False
    close = np.diff(seen.time) < CLOSER_THAN_S
    apart = seen.thread[1:] != seen.thread[:-1]
    return int(close.sum()) >= ENOUGH_PAIRS and float(apart[close].mean()) <= BY_CHANCE


def interrupted(evidence: "Evidence", seen: Activity) -> NDArray[np.bool_]:
    """For each message, whether another thread ran while its task worked on it; only for logs of one processor."""
    rows = evidence.messages
    begin, end = rows["started"].to_numpy(dtype=np.float64), rows["finished"].to_numpy(dtype=np.float64)
    known = np.isfinite(begin) & np.isfinite(end)
    result = np.zeros(len(rows), dtype=np.bool_)
    threads = rows["thread"].to_numpy(dtype=np.int64)
    result[known] = seen.others(begin[known], end[known], threads[known]) > 0
    return result


def undisturbed(sample: Array) -> NDArray[np.bool_]:
    """Which of a sample's times of work are short enough to be work alone."""
    if not len(sample):
        return np.zeros(0, dtype=np.bool_)
    usual = float(np.median(sample))
    return np.asarray(sample <= max(USUAL_TIMES * usual, usual + AND_S), dtype=np.bool_)
