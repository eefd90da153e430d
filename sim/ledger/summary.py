"""The summary of a run: typed here, and by `to_dict` exactly the `summary.json` that scripts rely on.

Times are seconds, sizes bytes. Every count is present even when it is zero; a latency without samples has
`n = 0` and `None` for the rest.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.ledger.beside import Beside
from sim.ledger.limits import Pressure, ranked
from sim.ledger.numbers import numbers
from sim.ledger.spans import LATENCIES

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

LEAK_CAUSES = (
    "close-never-answered",
    "open-never-answered",
    "request-never-answered",
    "stop-never-answered",
    "message-lost",
    "mpf-queue-dropped",
    "audio-taken-away",
    "licence-never-free",
    "channel-wedged",
    "caller-gone",
    "task-blocked",
    "cause-not-shown",  # of a log that does not show why what a session waits for never came
    "crash",
)

VIOLATION_KINDS = (
    "use-after-free",  # a pool is used, or named in a message still under way, after apr_pool_destroy
    "double-close",  # a close is answered a second time: while the session counts, its counter falls early
    "release-not-held",  # what is not held is released
    "double-release",  # of a log: a pool is destroyed a second time
    "double-answer",  # another answer than a close comes a second time
    "late-answer",  # a plugin answers for a session that is gone
    "released-unclosed",  # a session is destroyed although one of its plugins never answered its close
)

NO_RESOURCE_STATUSES = (406, 480, 488)
"""How the server answers a call for which it has no channel, licence or memory left."""

FINDING_KINDS = (
    "task-stands-still",  # a task answers nobody any more
    "start-failed",  # a part of the server could not be loaded, opened or bound
    "cut-by-server",  # calls that a timer of the server ended
    "never-acknowledged",  # calls that ended 64·T1 after their answer, for want of an ACK
    "lines-unread",  # lines of sessions can not be read, or were taken out
    "mostly-other-lines",  # most lines are none that a server is known to write
    "memory-exhausted",  # of a run: the process would have been killed when its memory reached the limit
)

_CAUSE_PREFIX = re.compile(r"([a-z]+(?:-[a-z]+)*): (?=\S)")


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Order statistics of one set of durations in seconds: the value at index floor(n·p) of the sorted samples."""

    n: int = 0
    mean: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None

    @classmethod
    def of(cls, samples: "ArrayLike") -> "Quantiles":
        """Exact order statistics of `samples` (seconds, any order); NaN means not reached and is left out."""
        values = np.asarray(samples, dtype=np.float64).ravel()
        values = np.sort(values[~np.isnan(values)])
        n = int(values.size)
        if n == 0:
            return cls()
        at = [float(values[min(n - 1, int(n * p))]) for p in (0.50, 0.95, 0.99)]
        return cls(n, float(values.mean()), at[0], at[1], at[2], float(values[-1]))

    @classmethod
    def of_histogram(cls, counts: "ArrayLike", n: int, total: float, maximum: float) -> "Quantiles":
        """The same order statistics from bucket counts (sim.ledger.histogram), each within 1 %; mean and max exact."""
        if n == 0:
            return cls()
        from sim.ledger.histogram import quantiles

        p50, p95, p99 = (min(value, float(maximum)) for value in quantiles(counts, (0.50, 0.95, 0.99)))
        return cls(int(n), float(total) / int(n), p50, p95, p99, float(maximum))


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """What became of the calls, each counted once:
    arrived = answered + rejected + cancelled + unanswered + refused_without_session + in_setup.

    `rejected` counts by status code ("404"); `unanswered` got a session and never a final answer;
    `refused_without_session` neither (their INVITE met a server that was gone, or was lost); `in_setup` may still get
    one. `degraded` of the answered ones are without audio or without a connection. Where callers try again each INVITE
    is counted by itself, `retries` of those that arrived being the same callers' again; `blocking` = calls refused for
    want of a resource, and not tried again, ÷ calls, which are arrived − retries. `crashed` are the sessions that
    ended with the process (cause `crash`), which have not leaked; `restarts` is how often it was started again.

    `callers` = arrived − retries = callers_answered + callers_not_answered + callers_trying: each caller once, however
    often it tried. One that is not answered had none of its INVITEs answered 200, was refused or lost patience or
    reached nobody, and does not try again; one that is trying may still be answered. Of a result that has none of
    these keys but retries, they are not known (None).
    """

    arrived: int = 0
    created: int = 0
    answered: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    cancelled: int = 0
    released: int = 0
    live: int = 0
    leaked: int = 0
    crashed_at_s: float | None = None
    blocking: float = 0.0
    unanswered: int = 0
    refused_without_session: int = 0
    in_setup: int = 0
    degraded: int = 0
    retries: int = 0
    restarts: int = 0
    crashed: int = 0
    callers: int | None = None
    callers_answered: int | None = None
    callers_not_answered: int | None = None
    callers_trying: int | None = None

    def __post_init__(self) -> None:
        """Where nobody tries again, each INVITE is a caller."""
        if self.callers is None:
            object.__setattr__(self, "callers", self.arrived - self.retries)
        if self.retries == 0 and self.callers_answered is None:
            object.__setattr__(self, "callers_answered", self.answered)
            object.__setattr__(self, "callers_not_answered", self.arrived - self.answered - self.in_setup)
            object.__setattr__(self, "callers_trying", self.in_setup)


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """One row of the ledger: `held` at the end of the run, of which `leaked` can not be released by anything."""

    acquired: int = 0
    released: int = 0
    held: int = 0
    leaked: int = 0
    refused: int = 0
    peak: int = 0
    mean: float = 0.0
    limit: int | None = None
    bytes_peak: int | None = None


@dataclass(frozen=True, slots=True)
class TaskUse:
    """One thread of the server; `None` where the source (an INFO log, say) can not tell."""

    messages: int = 0
    utilisation: float | None = 0.0
    queue_peak: int | None = 0
    wait: Quantiles = Quantiles()
    service: Quantiles = Quantiles()
    processor_wait: Quantiles = Quantiles()
    """Each time that it was ready to run until it ran; n = 0 where every task has a processor of its own."""
    queue_limit: int | None = None
    """Messages that its queue holds; None where it grows, or is not known."""
    lost: int = 0
    """Messages that its full queue lost; of the NUA stack the packets that found the socket's buffer full."""


OTHER_PROGRAMS = "other programs"


@dataclass(frozen=True, slots=True)
class ProcessorUse:
    """The machine's processors up to the end of the load: how much of each was busy, and who held how many."""

    count: int | None = None
    """None: every task has one of its own."""
    busy: Sequence[float] = ()
    by_task: Mapping[str, float] = field(default_factory=dict)
    """Processors that each task held on average, and `other programs`."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Resident memory of the process, as `server.memory` reckons it; see `sim.ledger.resident`."""

    calls_peak: int = 0
    """Sessions at a time, not counting the stuck."""
    leaked: int = 0
    """Sessions that can not be released, not counting those that ended with the process."""
    bytes_peak: int | None = None
    limit: int | None = None
    """Bytes at which the process would be killed."""
    reached_at_s: float | None = None
    """When it would have been."""
    transactions_peak: int = 0
    """Answered transactions that SIP keeps at a time, each for seconds after its answer."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A resource was used or released outside its lifetime; `message` names the culprit and the resource."""

    time_s: float
    session: int
    kind: str
    message: str
    session_id: str | None = None  # the server's own


@dataclass(frozen=True, slots=True)
class Leak:
    """Why one session's pool is still there. In JSON the cause stands before the explanation ("cause: text")."""

    session: int
    state: str
    waiting_for: str | None
    plugin: str | None
    since_s: float | None
    holds: Sequence[str]
    explanation: str
    cause: str = ""
    session_id: str | None = None  # the server's own

    @property
    def blamed(self) -> str | None:
        """The plugin that a count of causes names: nobody's where the process ended with a session that was well."""
        return None if self.cause == "crash" else self.plugin

    def __str__(self) -> str:
        since = f" since {self.since_s:.3f} s" if self.since_s is not None else ""
        waiting = f", waits for {self.waiting_for}{since}" if self.waiting_for else since
        by = f" ({self.plugin})" if self.plugin and self.plugin not in waiting else ""
        cause = f" [{self.cause}]" if self.cause else ""
        holds = ", ".join(self.holds) or "nothing"
        return f"session {self.session}: {self.state}{waiting}{by}{cause}; holds {holds}\n  {self.explanation}"

    def to_dict(self) -> dict[str, Any]:
        plain: dict[str, Any] = {f.name: _plain(getattr(self, f.name)) for f in fields(self) if f.name != "cause"}
        if self.cause:
            plain["explanation"] = f"{self.cause}: {self.explanation}"
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Leak":
        match = _CAUSE_PREFIX.match(plain["explanation"])
        cause = match[1] if match else ""
        text = plain["explanation"][match.end() :] if match else plain["explanation"]
        return cls(**{**plain, "holds": tuple(plain["holds"]), "explanation": text, "cause": cause})


@dataclass(frozen=True, slots=True)
class Finding:
    """What a log, or a run, tells of the server as a whole, in one sentence; `kind` is one of FINDING_KINDS."""

    kind: str
    text: str
    task: str | None = None
    since_s: float | None = None
    sessions: int = 0  # how many it concerns


@dataclass(frozen=True, slots=True)
class LeakGroup:
    """All leaked sessions of one cause and plugin, or all that ended with the process: counted over every one, however
    many diagnoses are listed."""

    cause: str
    plugin: str | None
    count: int
    states: Mapping[str, int]
    holds: Mapping[str, int]  # units of each resource that they hold together
    first_s: float | None  # since when the first of them waits
    example: int  # session number of the first


def group(leaks: Iterable[Leak]) -> tuple[LeakGroup, ...]:
    """Leaked sessions (those with a cause) by cause and plugin, the largest group first."""
    members: dict[tuple[str, str], list[Leak]] = {}
    for leak in leaks:
        if leak.cause:
            members.setdefault((leak.cause, leak.blamed or ""), []).append(leak)
    groups = [_group(cause, plugin or None, found) for (cause, plugin), found in members.items()]
    return tuple(sorted(groups, key=lambda one: (-one.count, one.cause, one.plugin or "")))


def _group(cause: str, plugin: str | None, leaks: Sequence[Leak]) -> LeakGroup:
    return LeakGroup(
        cause=cause,
        plugin=plugin,
        count=len(leaks),
        states=dict(Counter(leak.state for leak in leaks).most_common()),
        holds=dict(Counter(name for leak in leaks for name in leak.holds).most_common()),
        first_s=min((leak.since_s for leak in leaks if leak.since_s is not None), default=None),
        example=min(leak.session for leak in leaks),
    )


@dataclass(frozen=True, slots=True)
class Expectation:
    """One `expect` or `--fail-on` condition with what was found; for `--fail-on`, `ok` means it did not hold."""

    condition: str
    value: float | int | None
    ok: bool


_PARTS = (
    "sessions", "resources", "latency", "tasks", "violations", "leaks", "leak_groups", "leaks_cut", "expect",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything a run, a study or an audit tells in one small value; `to_dict` is `summary.json`."""

    scenario: str
    seed: int
    engine: str
    horizon_s: float
    sessions: SessionCounts = field(default_factory=SessionCounts)
    resources: Mapping[str, ResourceUse] = field(default_factory=dict)
    latency: Mapping[str, Quantiles] = field(default_factory=dict)
    tasks: Mapping[str, TaskUse] = field(default_factory=dict)
    violations: Sequence[Violation] = ()
    leaks: Sequence[Leak] = ()  # a list that may be cut; the counts are in `leak_groups`
    leak_groups: Sequence[LeakGroup] = ()
    leaks_cut: int = 0  # diagnoses, of leaked and of live sessions, that are not listed
    expect: Sequence[Expectation] = ()
    partial: bool = False
    findings: Sequence[Finding] = ()
    processors: ProcessorUse = ProcessorUse()
    memory: MemoryUse = MemoryUse()
    theory: Sequence[Beside] = ()

    def __post_init__(self) -> None:
        """Make every named latency present, in the fixed order, so that readers need no `get`."""
        extra = [name for name in self.latency if name not in LATENCIES]
        ordered = {name: self.latency.get(name, Quantiles()) for name in (*LATENCIES, *extra)}
        object.__setattr__(self, "latency", ordered)
        if not self.leak_groups and self.leaks:
            object.__setattr__(self, "leak_groups", group(self.leaks))

    @property
    def before(self) -> int:
        """Sessions that were there before a log began: all that are accounted for, less those that it saw created."""
        counts = self.sessions
        known = counts.released + counts.live + counts.leaked + counts.crashed
        return max(0, known - counts.created) if self.engine == "log" else 0

    @property
    def nobody_called(self) -> bool:
        """Whether there was no call at all, in a log not even one that was there before it: nothing to judge."""
        return not (self.sessions.arrived or self.sessions.created or self.before)

    @property
    def limits(self) -> tuple[Pressure, ...]:
        """Everything that can run out: what was reached first in front, then what is nearest to its limit."""
        parts = ("resources", "tasks", "processors", "memory")
        return ranked([numbers({name: _plain(getattr(self, name)) for name in parts})])

    def to_dict(self) -> dict[str, Any]:
        """Exactly the structure of `summary.json`: plain numbers, strings, lists and dicts, no NaN."""
        return {
            "scenario": self.scenario,
            "seed": int(self.seed),
            "engine": self.engine,
            "horizon_s": _plain(self.horizon_s),
            "partial": bool(self.partial),
            **{
                name: _plain(getattr(self, name))
                for name in (
                    "sessions",
                    "resources",
                    "latency",
                    "tasks",
                    "processors",
                    "memory",
                    "violations",
                    "leaks",
                    "leak_groups",
                    "leaks_cut",
                    "findings",
                    "expect",
                )
            },
            "limits": [limit.to_dict() for limit in self.limits],
            "theory": _plain(self.theory),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Summary":
        """The inverse of `to_dict`. KeyError or TypeError when `plain` is not such a structure."""
        return cls(
            scenario=plain["scenario"],
            seed=plain["seed"],
            engine=plain["engine"],
            horizon_s=plain["horizon_s"],
            partial=plain["partial"],
            sessions=SessionCounts(**_sessions(plain)),
            resources={name: ResourceUse(**use) for name, use in _resources(plain).items()},
            latency={name: Quantiles(**q) for name, q in plain["latency"].items()},
            tasks={name: _task_use(use) for name, use in plain["tasks"].items()},
            processors=ProcessorUse(**plain.get("processors", {})),
            memory=MemoryUse(**plain.get("memory", {})),
            violations=tuple(Violation(**v) for v in plain["violations"]),
            leaks=tuple(Leak.from_dict(leak) for leak in plain["leaks"]),
            leak_groups=tuple(LeakGroup(**found) for found in plain.get("leak_groups", ())),
            leaks_cut=plain.get("leaks_cut", 0),
            findings=tuple(Finding(**found) for found in plain.get("findings", ())),
            expect=tuple(Expectation(**e) for e in plain["expect"]),
            theory=tuple(Beside(**found) for found in plain.get("theory", ())),
        )


def _ended(plain: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Groups that an earlier version counted as leaked although they ended with the process."""
    if "crashed" in plain["sessions"]:
        return []
    return [one for one in plain.get("leak_groups", ()) if one["cause"] == "crash"]


def _sessions(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of sessions; what ended with the process is told from what leaked."""
    ended = sum(one["count"] for one in _ended(plain))
    counts = plain["sessions"]
    return {**counts, "leaked": counts["leaked"] - ended, "crashed": counts.get("crashed", ended)}


def _resources(plain: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The resources, likewise."""
    ended = sum((Counter(one["holds"]) for one in _ended(plain)), Counter[str]())
    return {name: {**use, "leaked": max(0, use["leaked"] - ended[name])} for name, use in plain["resources"].items()}


def _task_use(plain: Mapping[str, Any]) -> TaskUse:
    """A task's row; results of earlier versions know nothing of processors."""
    waits = {name: Quantiles(**plain[name]) for name in ("wait", "service", "processor_wait") if name in plain}
    return TaskUse(**{**plain, **waits})


def _plain(value: Any) -> Any:
    """`value` in the types JSON knows; NaN and infinities become None."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, Leak):
        return value.to_dict()
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value]
