"""Processors in a trace: which tasks are at work at a time, and where more are than there are processors.

A result's tables tell when the work on a message began and ended, not which processor did it, nor when within that time
it had one. So the first lanes, one for each processor, are work that was begun and not done; what finds them all taken
has a lane beyond, where it takes turns with the others: one of them waits. How long each task waited for a processor in
all is in the summary. Work of other programs is not in the tables.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class LaneWork:
    """The work of one task on one message, in its lane from 0 on; times in nanoseconds."""

    lane: int
    task: str
    session: int
    message: str
    started_ns: int
    finished_ns: int


def work_in_lanes(messages: pd.DataFrame) -> list[LaneWork]:
    """All work in the order of its beginning, each in the lowest lane that is free then."""
    columns = ["started_s", "finished_s", "task", "session", "message"]
    known = messages.loc[messages["finished_s"].notna(), columns].sort_values("started_s", kind="stable")
    found = []
    free: list[int] = []
    busy: list[tuple[int, int]] = []
    for started_s, finished_s, task, session, message in known.itertuples(index=False, name=None):
        started = round(started_s * 1e9)
        finished = max(round(finished_s * 1e9), started + 1)
        while busy and busy[0][0] <= started:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (finished, lane))
        found.append(LaneWork(lane, str(task), int(session), str(message), started, finished))
    return found


def lane_name(lane: int, processors: int) -> str:
    """What a lane is called: at work on a processor, or beyond them."""
    if lane < processors:
        return f"at work, {lane + 1} of {processors} processor{'' if processors == 1 else 's'}"
    return f"more work than processors ({lane + 1 - processors}): takes turns, one waits"
