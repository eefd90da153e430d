"""The summary of a run, from what the engine counted, what was collected on the way, and what was judged at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from sim.engine.contract import Engine
from sim.engine.end.collect import Collector
from sim.engine.end.judging import Judged
from sim.engine.start.setup import Setup
from sim.errors import InternalError
from sim.leaks.races import Race, describe
from sim.ledger.conditions import evaluate
from sim.ledger.identity import session_id
from sim.ledger.resident import exhausted, memory_use
from sim.ledger.summary import (
    OTHER_PROGRAMS,
    MemoryUse,
    ProcessorUse,
    ResourceUse,
    SessionCounts,
    Summary,
    TaskUse,
    Violation,
)
from sim.scenario import Scenario
from sim.server.records import REJECTIONS
from sim.vocabulary.messages import MESSAGE_NAMES
from sim.vocabulary.resources import OWN_RESOURCES
from sim.vocabulary.tasks import CONNECTION_AGENT, MEDIA, NUA, SIP_AGENT


def summary_of(
    scenario: Scenario,
    seed: int,
    made: Setup,
    collector: Collector,
    engine: Engine,
    left: Judged,
    interrupted: bool,
) -> Summary:
    """The summary of a run that is over, its `expect` conditions evaluated."""
    server = engine.server
    rejected = {str(REJECTIONS[i]): int(k) for i, k in enumerate(server.rejected) if k}
    callers, through = int(server.arrived - server.retries), int(server.through)
    told = int(server.answered) + sum(rejected.values()) + int(server.cancelled)
    counts = SessionCounts(
        arrived=int(server.arrived),
        created=int(server.created),
        answered=int(server.answered),
        rejected=rejected,
        cancelled=int(server.cancelled),
        released=int(server.released),
        live=left.live,
        leaked=len(left.leaked()),
        crashed=len(left.ended()),
        crashed_at_s=float(server.crashed_at_s) if server.crashed_at_s >= 0.0 else None,
        blocking=float(server.blocked) / callers if callers else 0.0,
        unanswered=int(server.arrived) - told - left.no_session - left.in_setup,
        refused_without_session=left.no_session,
        in_setup=left.in_setup,
        degraded=int(server.degraded),
        retries=int(server.retries),
        restarts=int(server.restarts),
        callers=callers,
        callers_answered=through,
        callers_not_answered=callers - through - left.trying,
        callers_trying=left.trying,
    )
    tasks = _tasks(made, collector, engine)
    resources = _resources(made, engine, left)
    memory = _memory(scenario, collector, resources["session_pool"].peak, left)
    summary = Summary(
        scenario=scenario.name,
        seed=seed,
        engine=engine.name,
        horizon_s=float(engine.now),
        partial=interrupted,
        sessions=counts,
        resources=resources,
        latency={name: durations.quantiles() for name, durations in collector.latency.items()},
        tasks=tasks,
        processors=_processors(scenario, engine, tasks),
        memory=memory,
        findings=exhausted(memory),
        violations=_violations(made, engine, seed),
        leaks=[replace(leak, session_id=session_id(seed, leak.session)) for leak in left.listed()],
        leak_groups=left.groups(),
        leaks_cut=max(0, len(left.lost) + left.live - len(left.listed())),
    )
    return replace(summary, expect=evaluate(scenario.expect, summary, collector.durations))


def _resources(made: Setup, engine: Engine, left: Judged) -> dict[str, ResourceUse]:
    ledger = engine.ledger
    lost: dict[str, int] = Counter(name for leak in left.leaked() for name in leak.holds)
    found = {}
    load_end = min(float(ledger.load_end_s), engine.now)
    for r, name in enumerate(made.resources):
        if name.startswith("plugin_licence") and made.limits[r] is None:
            continue
        area = float(ledger.area[r])
        since = float(ledger.since_s[r])
        if since < load_end:
            area += float(ledger.held[r]) * (load_end - since)
        if ledger.acquired[r] != ledger.released[r] + ledger.held[r]:
            raise InternalError(f"{name}: acquired {ledger.acquired[r]} is not released + held")
        if name.startswith("plugin_licence"):
            # a plugin that never closed keeps its licence, also when its session is gone
            lost[name] = int(ledger.held[r]) - left.held.get(name, 0)
        has_bytes = r < len(OWN_RESOURCES) and OWN_RESOURCES[r].has_bytes
        found[name] = ResourceUse(
            acquired=int(ledger.acquired[r]),
            released=int(ledger.released[r]),
            held=int(ledger.held[r]),
            leaked=lost.get(name, 0),
            refused=int(ledger.refused[r]),
            peak=int(ledger.peak[r]),
            mean=area / load_end if load_end > 0.0 else 0.0,
            limit=made.limits[r],
            bytes_peak=int(ledger.bytes_peak[r]) if has_bytes else None,
        )
    return found


def _memory(scenario: Scenario, collector: Collector, peak: int, left: Judged) -> MemoryUse:
    leaked = sum(outcome == "leaked" for outcome in left.verdicts[0])
    return memory_use(collector.there, peak, leaked, scenario.server.memory, scenario.server.limits.memory)


def _tasks(made: Setup, collector: Collector, engine: Engine) -> dict[str, TaskUse]:
    found = {}
    load_end = min(float(engine.ledger.load_end_s), engine.now)
    for i, name in enumerate(made.tasks):
        messages, busy, peak = engine.task_statistics(i)
        found[name] = TaskUse(
            messages=int(messages),
            utilisation=float(busy) / load_end if load_end > 0.0 else 0.0,
            queue_peak=int(peak),
            wait=collector.wait[i].quantiles(),
            service=collector.service[i].quantiles(),
            processor_wait=collector.processor_wait[i].quantiles(),
            queue_limit=_queue_limit(made.scenario, i),
            lost=int(engine.server.lost[i]),
        )
    return found


def _queue_limit(scenario: Scenario, task: int) -> int | None:
    """How many messages a task's queue holds; None where it grows. (A socket's buffer holds packets, not messages.)"""
    server = scenario.server
    if task in (MEDIA, CONNECTION_AGENT):
        queue = server.media.queue if task == MEDIA else server.connection.queue
        return queue.slots if queue.when_full == "drop" else None
    return None if task in (NUA, SIP_AGENT) else server.queues.slots


def _processors(scenario: Scenario, engine: Engine, tasks: Mapping[str, TaskUse]) -> ProcessorUse:
    load_end = min(float(engine.ledger.load_end_s), engine.now)
    done = engine.processor_statistics()
    count = scenario.server.processors.count
    by_task = {name: use.utilisation or 0.0 for name, use in tasks.items()}
    if count is None or load_end <= 0.0:
        return ProcessorUse(count, (), by_task)
    by_task[OTHER_PROGRAMS] = done.others_s / load_end
    busy = [seconds / load_end for seconds in done.busy_s]
    return ProcessorUse(count, (*busy, *[0.0] * (count - len(busy))), by_task)


def _violations(made: Setup, engine: Engine, seed: int) -> tuple[Violation, ...]:
    found = []
    for at, call, what, kind, task, resource, first, first_s in engine.offences:
        name = made.tasks[task] if task >= 0 else "caller"
        race = Race(
            violation=what,
            message=MESSAGE_NAMES[kind],
            task=name,
            resource=made.resources[resource],
            first=MESSAGE_NAMES[first] if first >= 0 else None,
            first_s=float(first_s),
        )
        found.append(Violation(float(at), int(call), race.kind, describe(race), session_id(seed, int(call))))
    return tuple(found)
