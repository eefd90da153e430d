"""Everything that can run out, in one order: what was reached before what is near.

Resources, the queues of tasks, the tasks themselves, processors and memory compete. The order is made from the numbers
of summaries by their paths (`sim.ledger.numbers`), of one run or as means over several, so that a terminal, a page, a
search for capacity and `limits` in `summary.json` all name the same limit first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SAME: Final = {"connection_pool": "tcp_connection"}
"""What is limited by the very limit of another resource."""

SATURATED: Final = 0.98
"""A task or the processors are at their limit when they are busy for this part of the time: a gap now and then is the
chance of arrivals, not room."""

KINDS: Final = ("memory", "queue", "resource", "task", "processor")
"""Of limits that were reached alike, what does more harm first: the process is killed, messages are lost or their
senders stand still, calls are refused, calls wait."""

_PATH: Final = re.compile(r"(?:resources\.(.+)\.limit|tasks\.(.+)\.(queue_peak|utilisation))\Z")


@dataclass(frozen=True, slots=True)
class Pressure:
    """One thing that can run out, in a run or on average over several."""

    name: str
    kind: str
    """One of KINDS."""
    peak: float
    """Units held, messages in the queue or bytes at the peak; processors, or the part of a task, busy on average."""
    limit: float
    refused: float = 0.0
    """Calls or connections that it refused, messages that it lost."""

    @property
    def used(self) -> float:
        """The part of the limit that was taken."""
        return self.peak / self.limit

    @property
    def reached(self) -> bool:
        """Whether there was nothing left, at some moment or, of what is an average, nearly all the time."""
        return self.refused > 0.0 or self.used >= (SATURATED if self.kind in ("task", "processor") else 1.0)

    def to_dict(self) -> dict[str, str | float | bool]:
        """As `summary.json` has it."""
        return {
            "name": self.name, "kind": self.kind, "peak": self.peak, "limit": self.limit, "used": self.used,
            "refused": self.refused, "reached": self.reached,
        }  # fmt: skip


def ranked(runs: Sequence[Mapping[str, float]]) -> tuple[Pressure, ...]:
    """Everything that can run out, what broke first in front; means over runs of the same scenario.

    A limit that was reached stands before every one that is only near. Of those reached, memory first (the process is
    gone), then queues that lost messages (sessions wait for ever), then what refused most; of the others, what is
    nearest.
    """
    if not runs:
        return ()
    found = [*_by_name(runs), *_processors(runs), *_memory(runs)]
    return tuple(sorted(found, key=_order))


def _order(limit: Pressure) -> tuple[float | bool | str, ...]:
    kind = KINDS.index(limit.kind)
    if limit.reached:
        lost = limit.kind == "queue" and limit.refused > 0.0
        return False, limit.kind != "memory", not lost, -limit.refused, kind, -limit.used, limit.name
    return True, True, True, -limit.used, kind, 0.0, limit.name


def _mean(runs: Sequence[Mapping[str, float]], path: str) -> float:
    known = [run[path] for run in runs if math.isfinite(run.get(path, math.nan))]
    return sum(known) / len(known) if known else math.nan


def _or_0(runs: Sequence[Mapping[str, float]], path: str) -> float:
    """The mean of a count that results of earlier versions may not have."""
    found = _mean(runs, path)
    return found if math.isfinite(found) else 0.0


def _by_name(runs: Sequence[Mapping[str, float]]) -> list[Pressure]:
    """Resources, queues and tasks that have a limit."""
    found = []
    for match in filter(None, map(_PATH.match, runs[0])):
        resource, task, what = match.groups()
        if what == "utilisation":
            found.append(Pressure(task, "task", _mean(runs, match[0]), 1.0))
        elif what == "queue_peak":
            found.append(_queue(runs, task))
        elif resource not in SAME:
            peak, refused = f"resources.{resource}.peak", f"resources.{resource}.refused"
            found.append(Pressure(resource, "resource", _mean(runs, peak), _mean(runs, match[0]), _or_0(runs, refused)))
    return [one for one in found if one.limit > 0.0 and math.isfinite(one.peak)]


def _queue(runs: Sequence[Mapping[str, float]], task: str) -> Pressure:
    """A task's queue; one whose limit is not a number of messages counts as full when it has lost some."""
    peak, limit = _mean(runs, f"tasks.{task}.queue_peak"), _mean(runs, f"tasks.{task}.queue_limit")
    lost = _or_0(runs, f"tasks.{task}.lost")
    return Pressure(f"queue of {task}", "queue", peak, peak if lost > 0.0 and not limit > 0.0 else limit, lost)


def _processors(runs: Sequence[Mapping[str, float]]) -> list[Pressure]:
    busy, count = _mean(runs, "processors.busy"), _mean(runs, "processors.count")
    return [Pressure("processors", "processor", busy * count, count)] if count > 0.0 and math.isfinite(busy) else []


def _memory(runs: Sequence[Mapping[str, float]]) -> list[Pressure]:
    peak, limit = _mean(runs, "memory.bytes_peak"), _mean(runs, "memory.limit")
    return [Pressure("memory", "memory", peak, limit)] if limit > 0.0 and math.isfinite(peak) else []
