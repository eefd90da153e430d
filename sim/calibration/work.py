"""Processor time of every message: service times without what a thread waited for its processor in between.

A processor that was used for something else has other code and data in its caches, so work takes longer the longer ago
its task last ran, and the longer ago it last did the same kind of work: of a cost c,
c · (1 - a · 0.1 ms / (idle + 0.1 ms) - b · 1 ms / (age + 1 ms)), with a and b by least squares. Where a log has too few
messages for both, or the times of a cost follow it better, part + (1 - part) · idle / (idle + 1 ms) of the longest,
with one part for each task.
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
Place = tuple[str, str]  # task of the scenario, key of its costs
Group = tuple[Array, Array]  # times of work on one kind of message, and how long the task was idle before each

COOLING_S: Final = 1e-3
TASK_COOLING_S: Final = 1e-4
_PARTS: Final = np.arange(0.1, 1.0001, 0.02)
_FEWEST: Final = 15
_WARM, _COLD = 0.3, 0.6  # of the way from the warmest to the coldest
_ENOUGH: Final = 200  # times of one cost, for what two times save of it
_VARIED: Final = 0.1  # standard deviation of how far a cost was cooled, from 0 to 1
_MOST_SAVED: Final = 0.95


@dataclass(frozen=True, slots=True)
class Work:
    """Processor times in seconds by (task of the scenario, key of its costs), as they are on a cold task.

    `warm` is what is left of them at once after the task's last work, by task; `spent_s` what all messages of a task of
    the log took together, by its name there, as they were.
    """

    samples: dict[Place, Array]
    warm: dict[str, float]
    told_by: dict[str, int]
    saved: dict[Place, tuple[float, float]]  # right after the task's last work, and after the last of the same kind
    spent_s: dict[str, float]
    whole: dict[str, bool]  # whether all that a task of the log works on is in it

    def part(self, place: Place, idle_s: Array, age_s: Array) -> Array:
        """What is left of a cost so long after its task's last work, and after the last of the same kind."""
        if place in self.saved:
            return kept(self.saved[place], idle_s, age_s)
        return left(self.warm.get(place[0], 1.0), idle_s)


def left(warmest: float, idle_s: Array) -> Array:
    """The part of a service time that is left after so much idleness, see `sim.server.streams.warm_part`."""
    return np.asarray(warmest + (1.0 - warmest) * _cooled(idle_s), dtype=np.float64)


def kept(saved: tuple[float, float], idle_s: Array, age_s: Array) -> Array:
    """The same of a cost of which two times save, see `sim.server.streams.warm_part`."""
    task, kind = saved
    return np.asarray(1.0 - task * (1.0 - _cooled(idle_s, TASK_COOLING_S)) - kind * (1.0 - _cooled(age_s)))


def _cooled(idle_s: Array, cooling_s: float = COOLING_S) -> Array:
    finite = np.where(np.isfinite(idle_s), np.maximum(idle_s, 0.0), 1e6)
    return np.asarray(finite / (finite + cooling_s), dtype=np.float64)


def ages(times: Array) -> Array:
    """How long before each of these times the one before it was, infinite for the first; in any order."""
    order = times.argsort(kind="stable")
    result = np.full(len(times), np.inf)
    result[order[1:]] = np.diff(times[order])
    return result


def savings(time: Array, idle_s: Array, age_s: Array) -> tuple[float, float] | None:
    """What is saved of a cost right after its task's last work, and after the last of the same kind.

    By non-negative least squares over `time`; None where there are too few of them, or too much alike.
    """
    from scipy.optimize import nnls

    if len(time) < _ENOUGH:
        return None
    idle, age = _cooled(idle_s, TASK_COOLING_S), _cooled(age_s)
    if max(float(idle.std()), float(age.std())) < _VARIED:
        return None
    (least, by_task, by_kind), _ = nnls(np.column_stack((np.ones(len(time)), idle, age)), time)
    cold = float(least + by_task + by_kind)
    scale = min(1.0, _MOST_SAVED * cold / max(float(by_task + by_kind), 1e-12))
    return float(by_task) / cold * scale, float(by_kind) / cold * scale


def work(evidence: "Evidence", seen: Activity, one: bool) -> Work:
    """The processor time of every kind of message; `one` says that the log is one of a single processor."""
    rows = evidence.messages
    began = rows["started"].to_numpy(dtype=np.float64)
    time = (rows["finished"].to_numpy(dtype=np.float64) if one else work_ends(evidence)) - began
    whole = np.isfinite(time) & ~(interrupted(evidence, seen) if one else np.zeros(len(rows), dtype=np.bool_))
    idle, names = idle_before(evidence), server_names(evidence, rows)
    role = rows["role"].to_numpy()
    found = Work({}, {}, {}, {}, {}, {})
    mean = np.full(len(rows), np.nan)
    for source, keys, task in TASKS:
        alike = {key: np.flatnonzero((role == source) & (names == key)) for key in keys}
        alike = {key: at[np.isfinite(began[at])] for key, at in alike.items()}
        groups = {key: at[whole[at]] for key, at in alike.items()}
        groups = {key: at[undisturbed(time[at])] for key, at in groups.items() if len(at)}
        found.warm[task], found.told_by[task] = warmest([(time[at], idle[at]) for at in groups.values()])
        for cost in dict.fromkeys(keys[name] for name in groups):
            every = np.concatenate([alike[name] for name in keys if keys[name] == cost])
            age = np.full(len(rows), np.inf)
            age[every] = ages(began[every])
            at = np.concatenate([groups[name] for name in groups if keys[name] == cost])
            cold = _add(found, (task, cost), time[at], idle[at], age[at])
            mean[every] = cold * found.part((task, cost), idle[every], age[every])
            mean[at] = time[at]
    for name in np.unique(names[role == "plugin"]):
        alike = (role == "plugin") & (names == name)
        at = np.flatnonzero(alike & whole)
        mean[alike] = float(time[at][undisturbed(time[at])].mean()) if len(at) else np.nan
    _sip_agent(evidence, seen, one, found)
    tasks = rows["task"].to_numpy()
    found.spent_s.update({str(task): float(np.nansum(mean[tasks == task])) for task in np.unique(tasks)})
    tcp = bool(len(evidence.accepts))  # what the connection agent reads from sockets is not logged as messages
    roles = dict(zip(tasks.tolist(), role.tolist(), strict=True))
    found.whole.update(
        {str(t): roles[t] in ("server", "plugin") or (roles[t] == "connection" and not tcp) for t in roles}
    )
    return found


def _add(found: Work, place: Place, time: Array, idle: Array, age: Array) -> float:
    """Add times of work on one kind of message as they would have been on a cold task; their mean."""
    saved = savings(time, idle, age)
    if saved is not None and _unexplained(time, kept(saved, idle, age)) < _unexplained(
        time, found.part(place, idle, age)
    ):
        found.saved[place] = saved
    cold = time / found.part(place, idle, age)
    found.samples[place] = cold
    return float(cold.mean())


def _unexplained(time: Array, parts: Array) -> float:
    """Sum of squares of what times differ by from so many parts of one cost."""
    return float(np.square(time - time.sum() / parts.sum() * parts).sum())


def _sip_agent(evidence: "Evidence", seen: Activity, one: bool, found: Work) -> None:
    """Add the SIP agent's samples and its warmth."""
    groups: dict[Place, tuple[Array, Array, Array]] = {}
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
        groups[place] = (time[keep], idle[keep], ages(begin)[keep])
    part, told = warmest([(time, idle) for time, idle, _ in groups.values()])
    found.warm["sip_agent"], found.told_by["sip_agent"] = part, told
    for place, (time, idle, age) in groups.items():
        if len(time):
            _add(found, place, time, idle, age)


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
