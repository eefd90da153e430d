"""What each thread of a server did, second by second: processor time, waiting for a processor, time slices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.errors import LogError

Array = NDArray[np.float64]

NAME_LENGTH: Final = 15  # of a Linux thread's name
MEDIA_THREAD: Final = "MPF Scheduler"
QUARTER_S: Final = 900.0  # the clocks of a log and of a recording differ by whole quarters of an hour (time zones)
DAY_S: Final = 86400.0
_FARTHEST: Final = 56  # quarters, 14 hours


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread, or one program: cumulated figures at ascending times, in seconds; NaN-free.

    `wait_s` and `slices` are empty where the recording does not have them.
    """

    name: str
    number: int
    time_s: Array
    cpu_s: Array
    wait_s: Array
    slices: Array


@dataclass(frozen=True, slots=True)
class Use:
    """What one thread used in a span of time; waiting and slices are None where they were not recorded."""

    cpu_s: float
    wait_s: float | None
    slices: float | None


@dataclass(frozen=True, slots=True)
class ThreadTimes:
    """A recording of a server's threads beside its log; all times on one clock, seconds since 1970 or of a day."""

    source: str  # the file
    threads: tuple[Thread, ...]
    others: tuple[Thread, ...]  # other programs on the machine
    idle: Thread | None  # processor seconds that the whole machine did not use
    processors: int | None  # of the machine, where the recording says it
    dated: bool  # its clock has dates

    @property
    def span(self) -> tuple[float, float]:
        """First and last time of the recording."""
        every = [thread.time_s for thread in (*self.threads, *self.others)]
        return min(float(time[0]) for time in every), max(float(time[-1]) for time in every)

    def moved_to(self, start_s: float, end_s: float, dated: bool) -> "ThreadTimes":
        """The same with times in seconds since `start_s`, where the log begins; its last entry is at `end_s`.

        LogError when the two do not overlap at any difference of time zones.
        """
        shift = -start_s
        begin, finish = self.span
        if not (dated and self.dated):
            days = np.round((begin - start_s) / DAY_S)
            shift -= float(days) * DAY_S
        shift += _zone(begin + shift, finish + shift, end_s - start_s)
        if min(finish + shift, end_s - start_s) - max(begin + shift, 0.0) <= 0.0:
            raise LogError(
                f"{self.source}: expected a recording made while the log was written (got one of another time: it "
                f"begins {abs(begin - start_s):.0f} s {'after' if begin > start_s else 'before'} the log's first entry)"
            )
        return ThreadTimes(
            self.source, _moved(self.threads, shift), _moved(self.others, shift),
            _moved([self.idle], shift)[0] if self.idle is not None else None, self.processors, self.dated,
        )  # fmt: skip


def _moved(threads: Sequence[Thread], shift: float) -> tuple[Thread, ...]:
    return tuple(Thread(t.name, t.number, t.time_s + shift, t.cpu_s, t.wait_s, t.slices) for t in threads)


def _zone(begin: float, finish: float, length: float) -> float:
    """By how much to move a recording so that it overlaps the log (from 0 to `length`): nothing, if it then does."""

    def overlap(shift: float) -> float:
        return min(finish + shift, length) - max(begin + shift, 0.0)

    if overlap(0.0) >= 0.5 * min(finish - begin, length):
        return 0.0
    shifts = sorted((k * QUARTER_S for k in range(-_FARTHEST, _FARTHEST + 1)), key=abs)
    return max(shifts, key=overlap)


def used(thread: Thread, begin_s: float, end_s: float) -> Use:
    """What a thread used between two times, interpolated between the recording's points."""

    def between(series: Array) -> float | None:
        if not len(series):
            return None
        low, high = np.interp([begin_s, end_s], thread.time_s, series)
        return float(high - low)

    return Use(between(thread.cpu_s) or 0.0, between(thread.wait_s), between(thread.slices))


def windows(thread: Thread, edges: Array) -> Array:
    """Processor seconds of a thread between consecutive times of `edges`."""
    return np.diff(np.interp(edges, thread.time_s, thread.cpu_s))


def named(times: ThreadTimes, task: str) -> Thread | None:
    """The thread of a task by its name in the log, which Linux cuts to 15 characters; the busiest when several."""
    found = [thread for thread in times.threads if thread.name == task[:NAME_LENGTH]]
    return max(found, key=lambda thread: thread.cpu_s[-1] - thread.cpu_s[0], default=None)


def sip_pair(times: ThreadTimes) -> tuple[Thread, Thread] | None:
    """The NUA stack's thread and the SIP agent's: two of one name, the first of which is the busier."""
    by_name: dict[str, list[Thread]] = {}
    for thread in times.threads:
        by_name.setdefault(thread.name, []).append(thread)
    pairs = [
        sorted(found, key=lambda thread: -float(thread.cpu_s[-1] - thread.cpu_s[0]))
        for name, found in by_name.items()
        if len(found) >= 2 and name != MEDIA_THREAD
    ]
    best = max(pairs, key=lambda pair: pair[0].cpu_s[-1] - pair[0].cpu_s[0], default=None)
    return (best[0], best[1]) if best is not None else None
