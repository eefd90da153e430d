"""Processor time of every message: service times without what a thread waited for its processor in between.

A processor that was used for something else has other code and data in its caches, so work takes longer the longer a
task was idle. Measured at 10 to 2000 calls/s: part + (1 - part) · idle / (idle + 1 ms) of the longest.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.calibration.costs import TASKS, idle_before, server_names, sip_spans, work_ends
from sim.calibration.shared import Activity, interrupted, undisturbed

if TYPE_CHECKING:
    from sim.calibration.evidence import Evidence

Array = NDArray[np.float64]
Group = tuple[Array, Array]  # times of work on one kind of message, and how long the task was idle before each

COOLING_S: Final = 1e-3
_PARTS: Final = np.arange(0.1, 1.0001, 0.02)
_FEWEST: Final = 15
_WARM, _COLD = 0.3, 0.6  # of the way from the warmest to the coldest


@dataclass(frozen=True, slots=True)
class Work:
    """Processor times in seconds by (task of the scenario, key of its costs), as they are on a cold task.

    `warm` is what is left of them at once after the task's last work, by task; `spent_s` what all messages of a task of
    the log took together, by its name there, as they were.
    """

    samples: dict[tuple[str, str], Array]
    warm: dict[str, float]
    told_by: dict[str, int]
    spent_s: dict[str, float]
    whole: dict[str, bool]  # whether all that a task of the log works on is in it

    def part(self, task: str, idle_s: Array) -> Array:
        """What is left of a task's times so long after its last work."""
        return left(self.warm.get(task, 1.0), idle_s)


def left(warmest: float, idle_s: Array) -> Array:
    """The part of a service time that is left after so much idleness, see `sim.server.streams.warm_part`."""
    return np.asarray(warmest + (1.0 - warmest) * _cooled(idle_s), dtype=np.float64)


def _cooled(idle_s: Array) -> Array:
    finite = np.where(np.isfinite(idle_s), np.maximum(idle_s, 0.0), 1e6)
    return np.asarray(finite / (finite + COOLING_S), dtype=np.float64)


def work(evidence: "Evidence", seen: Activity, one: bool) -> Work:
    """The processor time of every kind of message; `one` says that the log is one of a single processor."""
    rows = evidence.messages
    began = rows["started"].to_numpy(dtype=np.float64)
    time = (rows["finished"].to_numpy(dtype=np.float64) if one else work_ends(evidence)) - began
    whole = np.isfinite(time) & ~(interrupted(evidence, seen) if one else np.zeros(len(rows), dtype=np.bool_))
    idle, names = idle_before(evidence), server_names(evidence, rows)
    role = rows["role"].to_numpy()
    samples: dict[tuple[str, str], Array] = {}
    warm: dict[str, float] = {}
    told: dict[str, int] = {}
    mean = np.full(len(rows), np.nan)
    for source, keys, task in TASKS:
        groups = {key: np.flatnonzero(whole & (role == source) & (names == key)) for key in keys}
        groups = {key: at[undisturbed(time[at])] for key, at in groups.items() if len(at)}
        warm[task], told[task] = warmest([(time[at], idle[at]) for at in groups.values()])
        for name, at in groups.items():
            cold = time[at] / left(warm[task], idle[at])
            before = samples.get((task, keys[name]))
            samples[task, keys[name]] = cold if before is None else np.concatenate((before, cold))
            alike = (role == source) & (names == name)
            mean[alike] = float(cold.mean()) * left(warm[task], idle[alike])
            mean[at] = time[at]
    for name in np.unique(names[role == "plugin"]):
        alike = (role == "plugin") & (names == name)
        at = np.flatnonzero(alike & whole)
        mean[alike] = float(time[at][undisturbed(time[at])].mean()) if len(at) else np.nan
    warm["sip_agent"], told["sip_agent"] = _sip_agent(evidence, seen, one, samples)
    tasks = rows["task"].to_numpy()
    spent = {str(task): float(np.nansum(mean[tasks == task])) for task in np.unique(tasks)}
    tcp = bool(len(evidence.accepts))  # what the connection agent reads from sockets is not logged as messages
    roles = dict(zip(tasks.tolist(), role.tolist(), strict=True))
    whole_of = {str(t): roles[t] in ("server", "plugin") or (roles[t] == "connection" and not tcp) for t in roles}
    return Work(samples, warm, told, spent, whole_of)


def _sip_agent(
    evidence: "Evidence", seen: Activity, one: bool, samples: dict[tuple[str, str], Array]
) -> tuple[float, int]:
    """Add the SIP agent's samples; its warmth."""
    groups: dict[tuple[str, str], Group] = {}
    for place, spans in sip_spans(evidence).items():
        idle = np.concatenate(
            [spans.begin_s[spans.thread == t] - seen.before(spans.begin_s[spans.thread == t], int(t))
             for t in np.unique(spans.thread)]
        )  # fmt: skip
        order = np.concatenate([np.flatnonzero(spans.thread == t) for t in np.unique(spans.thread)])
        begin, time, thread = spans.begin_s[order], spans.time_s[order], spans.thread[order]
        keep = undisturbed(time)
        if one:
            keep &= seen.others(begin, begin + time, thread) == 0
        groups[place] = (time[keep], idle[keep])
    part, told = warmest(list(groups.values()))
    for place, (time, idle) in groups.items():
        if len(time):
            samples[place] = time / left(part, idle)
    return part, told


def warmest(groups: list[Group]) -> tuple[float, int]:
    """What is left of a time at once after the last work: the part with the least absolute error over all kinds.

    1, told by none, when warm and cold messages were not both seen often enough.
    """
    useful = []
    for time, idle in groups:
        cooled = _cooled(idle)
        if min(int((cooled < _WARM).sum()), int((cooled > _COLD).sum())) >= _FEWEST:
            useful.append((time, cooled))
    if not useful:
        return 1.0, 0

    def error(part: float) -> float:
        total = 0.0
        for time, cooled in useful:
            shape = part + (1.0 - part) * cooled
            total += float(np.abs(time - float(np.median(time / shape)) * shape).sum())
        return total

    errors = [error(float(part)) for part in _PARTS]
    return round(float(_PARTS[int(np.argmin(errors))]), 2), sum(len(time) for time, _ in useful)
