"""What all the leaks of a result mean together: by cause, per hour, in bytes, and which limit they exhaust first."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sim.ledger.forecast import time_to_fill, time_to_refusal
from sim.ledger.highwater import MemoryVerdict, memory_verdict
from sim.ledger.intervals import CONFIDENCE, Estimate, poisson_rate, share
from sim.ledger.summary import Leak, Summary

if TYPE_CHECKING:
    from sim.ledger.result import RunResult

HOUR = 3600.0
RESIDENT_PER_LEAK = 34 * 1024
"""Resident bytes that a leaked session keeps; measured for the close-never kind: 30 to 38 KiB."""


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """All leaked sessions of one cause and plugin."""

    cause: str
    plugin: str | None
    count: int
    per_hour: Estimate
    states: Mapping[str, int]
    holds: Mapping[str, int]
    pool_bytes: int | None  # of their session pools; None where they were not recorded
    first_s: float | None
    example: int  # session number of the first


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """A limit that leaks use up: when the first call will be refused for it, in hours from the start of the load."""

    resource: str
    limit: float
    busy: float  # held by calls that are not stuck, on average
    leaked: int
    per_hour: Estimate
    hours: Estimate


@dataclass(frozen=True, slots=True)
class LeakReport:
    """The whole verdict; `to_dict` is the JSON that `mrcpsim leaks --json` prints beside the diagnoses."""

    calls: int
    load_s: float
    calls_per_hour: Estimate
    leak_probability: Estimate
    leaks_per_hour: Estimate
    groups: tuple[CauseGroup, ...]
    exhausted: tuple[Exhaustion, ...]  # soonest first
    memory: MemoryVerdict
    confidence: float = CONFIDENCE

    def to_dict(self) -> dict[str, Any]:
        """Plain values; infinite ends are None."""
        plain: dict[str, Any] = _finite(asdict(self))
        return plain


def leak_report(result: RunResult, memory_limit: float | None = None) -> LeakReport:
    """Count, rate, bytes and forecast of the leaks of a result; `memory_limit` in bytes adds memory to the limits."""
    summary = result.summary
    leaked = [leak for leak in summary.leaks if leak.cause and leak.cause != "crash"]
    load_s = _load_seconds(result)
    created = summary.sessions.created
    hours = load_s / HOUR
    per_hour = poisson_rate(len(leaked), hours)
    return LeakReport(
        calls=created,
        load_s=load_s,
        calls_per_hour=poisson_rate(created, hours),
        leak_probability=share(len(leaked), created),
        leaks_per_hour=per_hour,
        groups=_groups(leaked, hours, _pool_bytes(result)),
        exhausted=_exhausted(summary, leaked, load_s, _lifetime(result), memory_limit),
        memory=memory_verdict(result, load_s),
    )


def _groups(leaked: Sequence[Leak], hours: float, sizes: Mapping[int, int] | None) -> tuple[CauseGroup, ...]:
    by_cause: dict[tuple[str, str], list[Leak]] = defaultdict(list)
    for leak in leaked:
        by_cause[leak.cause, leak.plugin or ""].append(leak)
    groups = []
    for (cause, plugin), members in by_cause.items():
        since = [leak.since_s for leak in members if leak.since_s is not None]
        groups.append(
            CauseGroup(
                cause=cause,
                plugin=plugin or None,
                count=len(members),
                per_hour=poisson_rate(len(members), hours),
                states=dict(Counter(leak.state for leak in members).most_common()),
                holds=dict(Counter(name for leak in members for name in leak.holds).most_common()),
                pool_bytes=sum(sizes.get(leak.session, 0) for leak in members) if sizes is not None else None,
                first_s=min(since, default=None),
                example=min(leak.session for leak in members),
            )
        )
    return tuple(sorted(groups, key=lambda group: (-group.count, group.cause, group.plugin or "")))


def _exhausted(
    summary: Summary, leaked: Sequence[Leak], load_s: float, lifetime: float | None, memory_limit: float | None
) -> tuple[Exhaustion, ...]:
    """Every limited resource that leaks take units of, soonest exhausted first."""
    found = []
    calls = summary.sessions.created / load_s if load_s > 0.0 else 0.0
    counts = Counter(name for leak in leaked for name in leak.holds)
    for resource, use in summary.resources.items():
        count = use.leaked if resource.startswith("plugin_licence") else counts[resource]
        if use.limit is None or count == 0:
            continue
        wanted = use.acquired + use.refused
        busy = wanted / load_s * lifetime if lifetime is not None and load_s > 0.0 else use.mean
        rate = poisson_rate(count, load_s)
        limit = use.limit
        hours = time_to_refusal(limit, busy, wanted / load_s if load_s > 0.0 else 0.0, rate)
        found.append(Exhaustion(resource, limit, busy, count, _per_hour(rate), _in_hours(hours)))
    if memory_limit is not None and leaked:
        rate = poisson_rate(len(leaked), load_s)
        busy = calls * (lifetime or 0.0) * 135 * 1024
        hours = time_to_fill(max(0.0, memory_limit - busy), rate, RESIDENT_PER_LEAK)
        found.append(Exhaustion("memory", memory_limit, busy, len(leaked), _per_hour(rate), _in_hours(hours)))
    return tuple(sorted(found, key=lambda item: item.hours.value))


def _per_hour(rate: Estimate) -> Estimate:
    return Estimate(rate.value * HOUR, rate.low * HOUR, rate.high * HOUR)


def _in_hours(seconds: Estimate) -> Estimate:
    return Estimate(seconds.value / HOUR, seconds.low / HOUR, seconds.high / HOUR)


def _lifetime(result: RunResult) -> float | None:
    """How long a call that is answered 200 and released holds its session, on average; refused ones would bias it."""
    sessions = result.sessions
    if sessions is not None and len(sessions):
        life = (sessions["released_s"] - sessions["created_s"])[sessions["answer_status"].fillna(0) == 200].dropna()
        if len(life):
            return float(life.mean())
    known = result.summary.latency.get("pool_lifetime")
    return known.mean if known is not None else None


def _load_seconds(result: RunResult) -> float:
    """How long calls arrived: up to the last arrival where sessions are recorded, else the scenario's duration."""
    sessions = result.sessions
    if sessions is not None and len(sessions):
        arrived = sessions["arrived_s"].dropna()
        if len(arrived) > 1:
            # the last of n calls stands n - 1 gaps after the first; the nth gap belongs to the load too
            return float(arrived.max() - arrived.min()) * len(arrived) / (len(arrived) - 1)
    return float(result.summary.horizon_s)


def _pool_bytes(result: RunResult) -> dict[int, int] | None:
    sessions = result.sessions
    if sessions is None:
        return None
    return dict(zip(sessions["session"].tolist(), sessions["pool_bytes"].tolist(), strict=True))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
