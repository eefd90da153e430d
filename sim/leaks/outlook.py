"""What all the leaks of a result mean together: by cause, per hour, in bytes, and which limit they exhaust first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sim.leaks.forecast import time_to_fill, time_to_refusal
from sim.leaks.given import memory_limit_of, memory_of, planned_seconds, sip_timers_of, unread_lines
from sim.leaks.highwater import MemoryVerdict, memory_verdict
from sim.leaks.survival import smallest_leak
from sim.ledger.resident import resident_bytes, transactions_at
from sim.ledger.summary import NO_RESOURCE_STATUSES, LeakGroup, Summary
from sim.theory.intervals import CONFIDENCE, Estimate, poisson_rate, share

if TYPE_CHECKING:
    from sim.ledger.result import RunResult

HOUR = 3600.0
STANDSTILL = "task-blocked"
"""The cause that is one event, however many sessions it holds: it has no rate, and no forecast rests on it."""


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
    refused_first_s: float | None  # when this run itself refused the first call for it; None when it did not


@dataclass(frozen=True, slots=True)
class LeakReport:
    """The whole verdict; `to_dict` is the JSON that `mrcpsim leaks --json` prints beside the diagnoses."""

    calls: int
    before: int  # sessions that were there before a log began
    refused: int  # of them, for want of a resource: these can not leak what they did not get
    load_s: float
    exposure_s: float  # time in which this load brings as many calls as were not refused: what leak rates refer to
    load_known: bool  # False: load_s is the whole run, drain included, and rates are too low
    calls_per_hour: Estimate
    judged: int  # sessions whose end was seen: released after they had not been refused, or leaked
    leak_probability: Estimate  # of those
    would_show: float | None  # the share of leaking calls that this would have shown with `confidence`; None: no share
    unread: int  # lines of the log that could not be read: a leak may hide behind them, and no share is told
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
    """Count, rate, bytes and forecast of the leaks of a result; `memory_limit` in bytes, or the scenario's own, adds
    memory to the limits."""
    summary = result.summary
    stuck = [group for group in summary.leak_groups if group.cause != "crash"]
    leaked = [group for group in stuck if group.cause != STANDSTILL]
    count = sum(group.count for group in leaked)
    load_s, load_known = _load_seconds(result)
    created = summary.sessions.created
    refused = min(created, _refused_calls(summary))
    exposure_s = load_s * (created - refused) / created if created else load_s
    hours = exposure_s / HOUR
    judged = max(0, summary.sessions.released - refused) + count
    unread = unread_lines(result)
    return LeakReport(
        calls=created,
        before=summary.before,
        refused=refused,
        load_s=load_s,
        exposure_s=exposure_s,
        load_known=load_known,
        calls_per_hour=poisson_rate(created, load_s / HOUR),
        judged=judged,
        leak_probability=share(count, judged),
        would_show=smallest_leak(judged) if not count and not unread else None,
        unread=unread,
        leaks_per_hour=poisson_rate(count, hours),
        groups=_groups(stuck, hours, result),
        exhausted=_exhausted(result, leaked, load_s, exposure_s, memory_limit),
        memory=memory_verdict(result, load_s),
    )


def _refused_calls(summary: Summary) -> int:
    """Of the calls that got a session, those whose INVITE was refused for want of a resource."""
    counts = summary.sessions
    refused = min(round(counts.blocking * counts.arrived), sum(counts.rejected.values()))
    return max(0, refused - (counts.arrived - counts.created))


def _groups(leaked: Sequence[LeakGroup], hours: float, result: RunResult) -> tuple[CauseGroup, ...]:
    sizes = _pool_bytes(result)
    return tuple(
        CauseGroup(
            cause=found.cause,
            plugin=found.plugin,
            count=found.count,
            per_hour=poisson_rate(found.count, 0.0 if found.cause == STANDSTILL else hours),
            states=found.states,
            holds=found.holds,
            pool_bytes=None if sizes is None else sizes.get((found.cause, found.plugin or ""), 0),
            first_s=found.first_s,
            example=found.example,
        )
        for found in leaked
    )


def _exhausted(
    result: RunResult, leaked: Sequence[LeakGroup], load_s: float, exposure_s: float, memory_limit: float | None
) -> tuple[Exhaustion, ...]:
    """Every limited resource that leaks take units of, soonest exhausted first."""
    found = []
    summary, lifetime = result.summary, _lifetime(result)
    calls = summary.sessions.created / load_s if load_s > 0.0 else 0.0
    counts: Counter[str] = Counter()
    for group in leaked:
        counts.update(group.holds)
    stuck = sum(group.count for group in leaked)
    for resource, use in summary.resources.items():
        count = use.leaked if resource.startswith("plugin_licence") else counts[resource]
        if use.limit is None or count == 0:
            continue
        wanted = use.acquired + use.refused
        busy = wanted / load_s * lifetime if lifetime is not None and load_s > 0.0 else use.mean
        rate = poisson_rate(count, exposure_s)
        limit = use.limit
        hours = _in_hours(time_to_refusal(limit, busy, wanted / load_s if load_s > 0.0 else 0.0, rate))
        first = _refused_first(result, resource) if use.refused else None
        found.append(Exhaustion(resource, limit, busy, count, _per_hour(rate), hours, first))
    memory_limit = memory_limit_of(result) if memory_limit is None else memory_limit
    if memory_limit is not None and leaked:
        rate, memory = poisson_rate(stuck, exposure_s), memory_of(result)
        kept = transactions_at(calls, *sip_timers_of(result))
        busy = float(resident_bytes(calls * (lifetime or 0.0), kept, 0, memory))
        hours = _in_hours(time_to_fill(max(0.0, memory_limit - busy), rate, memory.resident_per_leak))
        reached = summary.memory.reached_at_s
        found.append(Exhaustion("memory", memory_limit, busy, stuck, _per_hour(rate), hours, reached))
    return tuple(sorted(found, key=lambda item: item.hours.value))


def _refused_first(result: RunResult, resource: str) -> float | None:
    """When the first call was refused for `resource`: the first that was rejected after all its units were held."""
    sessions, levels = result.sessions, result.levels
    if sessions is None or not len(sessions):
        return None
    rejected = sessions[(sessions["outcome"].astype(object) == "rejected").to_numpy()]
    rejected = rejected[(rejected["answer_status"].isin(NO_RESOURCE_STATUSES)).to_numpy()]
    answered = rejected["arrived_s"].dropna()
    if levels is not None:
        rows = levels[(levels["resource"].astype(object) == resource).to_numpy()]
        peak = rows["max"].fillna(rows["held"]) if "max" in rows else rows["held"]
        full = rows["time_s"][(peak >= result.summary.resources[resource].limit).to_numpy()]
        if not len(full):
            return None
        answered = answered[answered >= float(full.min())]
    return float(answered.min()) if len(answered) else None


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
    if known is None or known.mean is None:
        return None
    # without sessions, refused calls are in the mean; they lived for next to nothing
    rejected = sum(result.summary.sessions.rejected.values())
    return known.mean * known.n / max(1, known.n - rejected)


def _load_seconds(result: RunResult) -> tuple[float, bool]:
    """How long calls arrived, and whether that is known: up to the last arrival, else the scenario's duration."""
    sessions = result.sessions
    if sessions is not None and len(sessions):
        arrived = sessions["arrived_s"].dropna()
        if len(arrived) > 1:
            # the last of n calls stands n - 1 gaps after the first; the nth gap belongs to the load too
            return float(arrived.max() - arrived.min()) * len(arrived) / (len(arrived) - 1), True
    whole, planned = float(result.summary.horizon_s), planned_seconds(result)
    return (whole, False) if planned is None else (min(whole, planned), True)


def _pool_bytes(result: RunResult) -> dict[tuple[str, str], int] | None:
    """Bytes in the session pools of leaked sessions, by cause and plugin; None where a result does not have them."""
    sessions = result.sessions
    if sessions is None or "cause" not in sessions or result.summary.engine == "log":  # a log does not show sizes
        return None
    stuck = sessions[(sessions["outcome"].astype(object) == "leaked").to_numpy()]
    found: dict[tuple[str, str], int] = {}
    for cause, plugin, size in zip(stuck["cause"], stuck["plugin"], stuck["pool_bytes"], strict=True):
        key = (str(cause), plugin if isinstance(plugin, str) else "")
        found[key] = found.get(key, 0) + int(size)
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
