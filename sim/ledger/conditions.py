"""Conditions on a summary, such as `leaked.session_pool == 0`: parsed by hand, checked before a run, never eval'd.

    path op value         op: < <= > >= == !=      value: a number with its unit, `true`, `false` or `none`
    path in [low, high]   both ends included

A path is a path in summary.json (`latency.invite_to_answer.p99`, `tasks.MRCP Server.utilisation`,
`sessions.rejected.406`), a count (`violations`, `violations.use-after-free`, `leaks.close-never-answered`; `tasks.lost`
is what all tasks lost together: messages that met a full queue, packets that met the socket's full buffer) or short for
a resource's column: `leaked.session_pool` is `resources.session_pool.leaked`; so are `held.`, `peak.`, `refused.`.
Where a path has a percentile it may have any (`latency.invite_to_answer.p99.9`); a latency may be that of the calls
with one outcome (`latency.pool_lifetime[released].p95`); and a value may be a ratio (`sessions.unanswered /
sessions.arrived`).
"""

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Protocol

from sim.errors import ScenarioError
from sim.ledger.spans import LATENCIES
from sim.ledger.summary import (
    LEAK_CAUSES,
    VIOLATION_KINDS,
    Expectation,
    MemoryUse,
    Quantiles,
    ResourceUse,
    SessionCounts,
    Summary,
    TaskUse,
)

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
SHORT = ("leaked", "held", "peak", "refused")

_NUMBER = re.compile(r"\s*([+-]?(?:\d+(?:[_\d]*\d)?(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\s\d]\S*)?\s*\Z")
_OPERATOR = re.compile(r"<=|>=|==|!=|<|>|(?<=\s)in(?=\s*\[)|=")
_WORDS: dict[str, float | None] = {"true": 1.0, "false": 0.0, "none": None, "null": None}


class Samples(Protocol):
    """Durations of which any percentile can be told."""

    n: int

    def at(self, p: float) -> float | None:
        """The order statistic at `p` between 0 and 1, in seconds."""

    def quantiles(self) -> Quantiles:
        """n, mean, p50, p95, p99 and max."""


Find = Callable[[str, str | None], Samples | None]
"""The durations of `latency.<name>` or `tasks.<task>.wait`, of all calls or of those with an outcome; None: none."""


@dataclass(frozen=True, slots=True)
class Operand:
    """One value of a condition: a path of summary.json, or what only the durations themselves can tell."""

    path: str  # as in summary.json; an unusual percentile stands as p50 in it
    column: str = ""  # the percentile, mean, … where the durations are needed
    outcome: str | None = None

    @property
    def durations(self) -> str:
        """Where the durations are: `latency.invite_to_answer`, `tasks.MRCP Server.wait`."""
        return self.path.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Condition:
    """One parsed condition; `evaluate(summary)` says what was found and whether it holds.

    A value that does not exist (a quantile without samples) satisfies nothing but `== none`.
    """

    text: str
    path: str
    op: str
    bound: float | None
    upper: float | None = None
    operands: tuple[Operand, ...] = ()  # the value, and what it is divided by
    unit: str = "number"  # of the value: time, size, fraction, rate, count or number

    def value(self, summary: Summary, find: Find | None = None) -> float | int | None:
        """What `summary` has at the path. ScenarioError when it has no such resource or task, or when the durations
        that a percentile needs were not kept."""
        values = [_value(operand, summary, find, self.text) for operand in self.operands]
        if len(values) == 1:
            return values[0]
        over, under = values
        return over / under if over is not None and under else None

    def holds(self, value: float | int | None) -> bool:
        if self.bound is None:
            return (value is None) == (self.op == "==")
        if value is None:
            return False
        if self.upper is not None:
            return self.bound <= value <= self.upper
        return OPERATORS[self.op](value, self.bound)

    def evaluate(self, summary: Summary, find: Find | None = None) -> Expectation:
        value = self.value(summary, find)
        return Expectation(self.text, value, self.holds(value))


def evaluate(
    conditions: Iterable[str | Condition], summary: Summary, find: Find | None = None
) -> tuple[Expectation, ...]:
    """Each condition against `summary`, in order. ScenarioError when one can not be read."""
    parsed = [parse(item) if isinstance(item, str) else item for item in conditions]
    return tuple(condition.evaluate(summary, find) for condition in parsed)


def parse(text: str, *, resources: Sequence[str] | None = None, tasks: Sequence[str] | None = None) -> Condition:
    """Read one condition. ScenarioError says what is wrong with it; with `resources` and `tasks` (the names that the
    run will have) a misspelt one is found before the run and not after it."""
    return read(text, lambda path: _operands(path, text, resources, tasks))


Resolved = tuple[str, tuple[Operand, ...], str]
"""A path written out in full, the values that it asks for, and its unit."""


def read(text: str, resolve: Callable[[str], Resolved]) -> Condition:
    """Read one condition about other values than a summary's: `resolve` knows the paths, or raises ScenarioError."""
    found = _OPERATOR.search(text)
    if found is None or not text[: found.start()].strip():
        raise _bad(text, "must be 'value < bound', such as 'leaked.session_pool == 0'")
    path, op, rest = text[: found.start()].strip(), found[0], text[found.end() :].strip()
    if op == "=":
        raise _bad(text, "'=' is no comparison, write '=='")
    path, operands, unit = resolve(path)
    if op == "in":
        inner = rest.removeprefix("[").removesuffix("]")
        ends = inner.split(",")
        if not rest.endswith("]") or len(ends) != 2:
            raise _bad(text, f"'in' needs two bounds, such as 'in [10, 20]' (got {rest!r})")
        low, high = (_bound(end, unit, text) for end in ends)
        if low is None or high is None or low > high:
            raise _bad(text, f"the bounds of 'in' must be numbers, the smaller one first (got {rest!r})")
        return Condition(text, path, op, low, high, operands, unit)
    bound = _bound(rest, unit, text)
    if bound is None and op not in ("==", "!="):
        raise _bad(text, f"'none' can only be compared with == or != (got {op!r})")
    return Condition(text, path, op, bound, None, operands, unit)


_PERCENTILE = re.compile(r"(.+)\.p(\d{1,2}(?:\.\d{1,6})?)\Z")
_OUTCOME = re.compile(r"(latency\.\w+)\[([a-z]+)\](\..+)\Z")
OUTCOMES = ("released", "rejected", "cancelled", "crashed", "live", "leaked")


def _operands(path: str, text: str, resources: Sequence[str] | None, tasks: Sequence[str] | None) -> Resolved:
    """The path or ratio as written out in full, its values, and the unit."""
    parts = [part.strip() for part in path.split(" / ")]
    if len(parts) > 2:
        raise _bad(text, "a ratio has two parts, such as 'sessions.unanswered / sessions.arrived'")
    operands, units = [], []
    for part in parts:
        operand = _operand(_full(part), text)
        units.append(_check(operand.path, text, resources, tasks))
        if operand.column and units[-1] not in ("time", "count"):
            raise _bad(text, "only latencies and the times of tasks have percentiles")
        operands.append(operand)
    if len(parts) == 1:
        return _full(parts[0]), tuple(operands), units[0]
    return " / ".join(map(_full, parts)), tuple(operands), "fraction" if units[0] == units[1] else "number"


def _operand(path: str, text: str) -> Operand:
    outcome, column = None, ""
    if match := _OUTCOME.match(path):
        outcome, path = match[2], match[1] + match[3]
        column = match[3][1:]
        if outcome not in OUTCOMES:
            raise _bad(text, f"the outcome must be {', '.join(OUTCOMES[:-1])} or {OUTCOMES[-1]} (got {outcome!r})")
    if (match := _PERCENTILE.match(path)) and f"p{match[2]}" not in _QUANTILES:
        column, path = f"p{match[2]}", f"{match[1]}.p50"
    return Operand(path, column, outcome)


def _value(operand: Operand, summary: Summary, find: Find | None, text: str) -> float | int | None:
    if not operand.column:
        return _lookup(operand.path, summary, text)
    _check(operand.path, text, list(summary.resources), list(summary.tasks))
    found = find(operand.durations, operand.outcome) if find is not None else None
    if found is None:
        raise _bad(text, "the result does not keep the single durations that this needs (--ledger sessions does)")
    if operand.column in _QUANTILES:
        value: float | int | None = getattr(found.quantiles(), operand.column)
        return value
    return found.at(float(operand.column[1:]) / 100.0)


def needed(conditions: Iterable[Condition]) -> set[tuple[str, str]]:
    """The latencies, each with an outcome, whose durations a run must keep for these conditions."""
    return {
        (operand.durations, operand.outcome)
        for condition in conditions
        for operand in condition.operands
        if operand.outcome is not None
    }


def _bad(text: str, why: str) -> ScenarioError:
    return ScenarioError(f"condition '{text.strip()}': {why}")


def _names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


_COLUMNS = {"resources": _names(ResourceUse), "latency": _names(Quantiles), "tasks": _names(TaskUse)}
_COUNTS = {"violations": VIOLATION_KINDS, "leaks": LEAK_CAUSES}
_MEMORY = dict.fromkeys(_names(MemoryUse), "count") | {
    "bytes_peak": "size", "limit": "size", "reached_at_s": "number",
}  # fmt: skip
_WAITS = ("wait", "service", "processor_wait")
_OF_TASK = ("messages", "utilisation", "queue_peak", "queue_limit", "lost")
_LOST = "tasks.lost"
_FRACTIONS = ("blocking", "utilisation")
_QUANTILES = _names(Quantiles)


def _full(path: str) -> str:
    """`leaked.session_pool` → `resources.session_pool.leaked`; other paths as they are."""
    head, _, rest = path.partition(".")
    return f"resources.{rest}.{head}" if head in SHORT and rest else path


def _split(path: str) -> tuple[str, str, str]:
    """`tasks.MRCP Server.wait.p95` → ("tasks", "MRCP Server", "wait.p95"); names may hold dots, columns may not."""
    head, _, rest = path.partition(".")
    if head == "tasks":
        for column in _WAITS:
            name, mark, last = rest.rpartition(f".{column}.")
            if mark:
                return head, name, f"{column}.{last}"
    name, _, last = rest.rpartition(".")
    return head, name, last


def _check(path: str, text: str, resources: Sequence[str] | None, tasks: Sequence[str] | None) -> str:
    """The unit of the value at `path`: time, size, fraction, count or number. ScenarioError when there is none."""
    head, name, last = _split(path)
    if path in ("horizon_s", "sessions.crashed_at_s"):
        return "number"
    if path == "processors.busy":
        return "fraction"
    if path in ("seed", "partial", _LOST):
        return "count"
    if head == "memory" and path.removeprefix("memory.") in _MEMORY:
        return _MEMORY[last]
    if head == "sessions" and path.removeprefix("sessions.") in _names(SessionCounts):
        return "fraction" if path.endswith("blocking") else "count"
    if path.startswith("sessions.rejected.") and re.fullmatch(r"[3-6]\d\d", last):
        return "count"
    if head in _COUNTS and (path == head or path.removeprefix(f"{head}.") in _COUNTS[head]):
        return "count"
    known = {"latency": LATENCIES, "resources": resources, "tasks": tasks}.get(head, ())
    if head in _COLUMNS and name and (known is None or name in known):
        if last in _COLUMNS[head] and last not in _WAITS:
            if last.startswith("bytes"):
                return "size"
            if head == "latency":
                return "count" if last == "n" else "time"
            return "fraction" if last in _FRACTIONS else "number" if last == "mean" else "count"
        if head == "tasks" and last.partition(".")[2] in _QUANTILES:
            return "count" if last.endswith(".n") else "time"
    if head == "resources" and resources is not None and not resources:
        raise _bad(text, f"there is no value '{path}': no resource was ever taken, for nobody called")
    near = get_close_matches(path, _known(resources, tasks, head, name), n=3, cutoff=0.5)
    hint = f"; nearest: {', '.join(near)}" if near else "; see summary.json for the names"
    raise _bad(text, f"there is no value '{path}'{hint}")


def _known(resources: Sequence[str] | None, tasks: Sequence[str] | None, head: str, name: str) -> list[str]:
    """Every path that could have been meant; names of resources or tasks that nobody gave are taken as written."""
    of_resources = resources if resources is not None else [name or "session_pool", "session_pool", "rtp_port"]
    of_tasks = tasks if tasks is not None else [name or "MRCP Server", "MRCP Server"]
    paths = ["horizon_s", "partial", "processors.busy", _LOST, *_COUNTS, "sessions.rejected.404"]
    paths += [f"memory.{column}" for column in _MEMORY]
    paths += [f"sessions.{column}" for column in _names(SessionCounts)]
    paths += [f"{counted}.{kind}" for counted, kinds in _COUNTS.items() for kind in kinds]
    paths += [f"latency.{latency}.{column}" for latency in LATENCIES for column in _QUANTILES]
    paths += [f"resources.{resource}.{column}" for resource in of_resources for column in _names(ResourceUse)]
    paths += [f"tasks.{task}.{column}" for task in of_tasks for column in _OF_TASK]
    paths += [f"tasks.{task}.{what}.{q}" for task in of_tasks for what in _WAITS for q in _QUANTILES]
    return paths


def _bound(text: str, unit: str, whole: str) -> float | None:
    """The number in `text` in the unit of summary.json: seconds, bytes, or a fraction for per cents."""
    word = text.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    match = _NUMBER.match(text)
    if match is None:
        raise _bad(whole, f"must compare with a number, such as 0, 200ms or 1% (got {text.strip()!r})")
    number, suffix = float(match[1].replace("_", "")), match[2]
    if suffix is None:
        if unit == "time" and number != 0:
            raise _bad(whole, f"is about a time, which needs a unit: {text.strip()}ms or {text.strip()}s")
        return number
    from sim.scenario.units import fraction, per_second, seconds, size_in_bytes

    units = {"time": seconds, "number": seconds, "size": size_in_bytes, "fraction": fraction, "rate": per_second}
    value = units[unit](f"{match[1].lstrip('+-').replace('_', '')}{suffix}") if unit in units else None
    if value is None:
        wanted = {
            "time": "s, ms or us", "size": "B, KiB or MiB", "fraction": "% or no unit", "number": "s or no unit",
            "rate": "/s, /min or /h",
        }  # fmt: skip
        raise _bad(whole, f"has the unit {suffix!r} where {wanted.get(unit, 'a number without unit')} is expected")
    return -value if number < 0 else value


def _lookup(path: str, summary: Summary, text: str) -> float | int | None:
    _check(path, text, list(summary.resources), list(summary.tasks))
    head, name, last = _split(path)
    if head in _COUNTS:
        kind = path.partition(".")[2]
        if head == "leaks":
            return sum(group.count for group in summary.leak_groups if kind in ("", group.cause))
        return sum(1 for violation in summary.violations if kind in ("", violation.kind))
    if path == _LOST:
        return sum(task.lost for task in summary.tasks.values())
    if path == "processors.busy":
        busy = summary.processors.busy
        return sum(busy) / len(busy) if busy else None
    if path.startswith("sessions.rejected"):
        return summary.sessions.rejected.get(last, 0) if name else sum(summary.sessions.rejected.values())
    value: Any
    if head in ("sessions", "memory"):
        value = getattr(getattr(summary, head), last)
    elif head in _COLUMNS:
        value = getattr(summary, head)[name]
        for column in last.split("."):
            value = getattr(value, column)
    else:
        value = getattr(summary, head)
    found: float | int | None = int(value) if isinstance(value, bool) else value
    return found
