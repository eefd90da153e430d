"""Run a scenario: choose the engine, collect what it delivers, and make the result."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from numbers import Integral
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sim.engine.choose import choose, make_engine
from sim.engine.end.collect import Collector
from sim.engine.end.left import Judged, judged
from sim.engine.start.setup import Setup, setup, task_index
from sim.errors import InternalError, MrcpsimError, RunFailed, ScenarioError, WrongType
from sim.leaks.races import Race, describe
from sim.ledger.summary import ResourceUse, SessionCounts, Summary, TaskUse, Violation
from sim.scenario import Scenario, expected, load_scenario, to_yaml
from sim.server.records import REJECTIONS
from sim.vocabulary.messages import MESSAGE_NAMES
from sim.vocabulary.resources import CONNECTION_POOL, SESSION_POOL
from sim.vocabulary.violations import VIOLATION_NAMES

if TYPE_CHECKING:
    from sim.engine.reference.engine import Observer
    from sim.ledger.result import RunResult
    from sim.ledger.sink import Sink

ENGINES = ("auto", "simpy", "compiled")
DETAILS = ("summary", "sessions", "full")
FULL_UP_TO = 20_000
"""Without a choice, runs of up to so many expected calls keep every message; larger ones keep sessions only."""

WINDOWS = 1000
"""Intervals of the level grid in one run."""

MOST_AT_ONCE = 5_000_000
"""Concurrent calls that fit into memory, at about a kilobyte each."""

Progress = Callable[[float, str], None]


def run(
    scenario: Scenario | str | os.PathLike[str],
    *,
    seed: int | None = None,
    engine: str = "auto",
    ledger: str | None = None,
    sink: Sink | None = None,
    progress: Progress | None = None,
    observers: tuple[Observer, ...] = (),
    replication: int = 0,
) -> RunResult:
    """Simulate a scenario to its end and return the result; the same seed gives the same result on any machine.

    `scenario` may be the path of its file. `ledger` is the detail kept: `summary`, `sessions` or `full` (default: full
    for small runs, else sessions). `sink` takes the tables as they grow; without one they are kept in memory.
    ScenarioError for an unusable argument (WrongType, which is a TypeError too, for one of another type), RunFailed
    with seed and command when the run breaks off.
    """
    from sim.ledger.result import RunResult, provenance
    from sim.ledger.sink import MemorySink

    scenario = scenario_of(scenario)
    if engine not in ENGINES:
        raise ScenarioError(f"engine must be one of {', '.join(ENGINES)} (got {engine!r})")
    if ledger is not None and ledger not in DETAILS:
        raise ScenarioError(f"ledger must be one of {', '.join(DETAILS)} (got {ledger!r})")
    seed = scenario.seed if seed is None else seed
    for what, number in (("seed", seed), ("replication", replication)):
        if isinstance(number, bool) or not isinstance(number, Integral):
            raise WrongType(f"{what} must be a whole number (got {number!r})")
        if not 0 <= number < 2**63:
            raise ScenarioError(f"{what} must be a whole number from 0 to 2^63 - 1 (got {number})")
    if progress is not None and not callable(progress):
        raise WrongType(f"progress must be a function of a fraction and a text (got {type(progress).__name__})")
    if sink is not None and not callable(getattr(sink, "write", None)):
        raise WrongType(f"sink must have the methods of sim.ledger.sink.Sink (got {type(sink).__name__})")
    check_size(scenario)
    calls = expected_calls(scenario)
    detail = ledger or ("full" if calls <= FULL_UP_TO else "sessions")
    name = choose(engine, calls, bool(observers))
    observers = watching(observers)
    began = time.perf_counter()
    check_expectations(scenario)
    made = setup(scenario, record_rows=detail == "full" or bool(observers))
    memory = MemorySink() if sink is None else None
    collector = Collector(made, detail, memory if memory is not None else sink)  # type: ignore[arg-type]
    interrupted = False
    window_s = (made.duration_s + scenario.drain) / WINDOWS
    runner = make_engine(name, made, seed, collector, window_s, calls, observers, replication, progress)
    try:
        runner.run((lambda fraction: progress(fraction, "")) if progress is not None else None)
    except KeyboardInterrupt:
        interrupted = True
    except MrcpsimError:
        raise
    except MemoryError as error:
        raise RunFailed(
            f"{scenario.name}: out of memory at {runner.now:.6f} s: too many calls at once for this machine\n"
            f"reproduce: mrcpsim run <scenario> --seed {seed} --engine {runner.name}"
        ) from error
    except Exception as error:
        raise RunFailed(
            f"{scenario.name}: the run broke off at {runner.now:.6f} s: {type(error).__name__}: {error}\n"
            f"reproduce: mrcpsim run <scenario> --seed {seed} --engine {runner.name}"
        ) from error
    crashed = bool(runner.server.stopped) and runner.server.crashed_at_s >= 0.0
    frozen = {
        task_index(freeze.task, made.plugins): float(freeze.at)
        for freeze in scenario.server.freeze
        if freeze.for_ is None and freeze.at <= runner.now
    }
    left = judged(runner.left(), made.plugins, made.tasks, crashed, frozen)
    if len(left.columns["call"]):
        collector.sessions(left.columns, left.verdicts)
    collector.close(runner.now)
    summary = _summary(scenario, seed, made, collector, runner, left, interrupted)
    tables: dict[str, Any] = {}
    if memory is not None:
        for table in ("sessions", "levels", "ledger", "messages"):
            tables[table] = memory.frame(table) if memory.has(table) else None
        if tables["sessions"] is not None:
            tables["sessions"] = tables["sessions"].sort_values("session", ignore_index=True)
        if tables["levels"] is None:
            tables["levels"] = memory.frame("levels")
    return RunResult(
        summary=summary,
        scenario_yaml=partial(to_yaml, scenario),
        provenance=provenance(runner.name, seed, time.perf_counter() - began, ledger=detail),
        **tables,
    )


def scenario_of(given: Any) -> Scenario:
    """A scenario, or the one in the file of that name. WrongType for anything else."""
    if isinstance(given, Scenario):
        return given
    if isinstance(given, str | os.PathLike):
        return load_scenario(given)
    raise WrongType(f"scenario must be a Scenario or the path of its file (got {type(given).__name__})")


def watching(observers: Any) -> tuple[Observer, ...]:
    """The observers, each with every hook. WrongType for what has none, or one that can not be called."""
    if isinstance(observers, str) or not isinstance(observers, Iterable):
        raise WrongType(f"observers must be a tuple of observers (got {type(observers).__name__})")
    if not observers:
        return ()
    from sim.engine.reference.engine import Observer, unwatched

    hooks = [name for name in vars(Observer) if not name.startswith("_")]
    found = []
    for observer in observers:
        have = {name: getattr(observer, name) for name in hooks if hasattr(observer, name)}
        wrong = [name for name, hook in have.items() if not callable(hook)]
        if isinstance(observer, type) or not have or wrong:
            what = f"the class {observer.__name__}" if isinstance(observer, type) else repr(observer)
            why = f"its {wrong[0]} can not be called" if wrong else f"an observer has {', '.join(hooks)}"
            raise WrongType(f"observers must be objects with a method for what they watch: {why} (got {what})")
        missing = {name: unwatched for name in hooks if name not in have}
        found.append(SimpleNamespace(**have, **missing) if missing else observer)
    return tuple(found)


def check_size(scenario: Scenario) -> None:
    """ScenarioError for a load with more calls at once than any machine of its kind could hold."""
    arrivals, hold = scenario.arrivals, expected(scenario.calls.hold)
    if arrivals.kind == "burst":
        assert arrivals.burst is not None
        at_once = arrivals.burst.size * (1.0 + hold / arrivals.burst.every)
    else:
        rate = max((p.rate for p in arrivals.profile), default=0.0) if arrivals.kind == "profile" else arrivals.rate
        at_once = rate * hold
    at_once = min(at_once, expected_calls(scenario))
    if arrivals.kind != "replay" and at_once > MOST_AT_ONCE:
        raise ScenarioError(
            f"{scenario.name}: about {at_once:.3g} calls at once are more than the {MOST_AT_ONCE} that fit; "
            "lower the rate (or the burst) or calls.hold"
        )


def check_expectations(scenario: Scenario) -> None:
    """ScenarioError, before anything is simulated, for an `expect` condition that names nothing a result has."""
    from sim.engine.start.setup import resource_names, task_names
    from sim.ledger.conditions import parse

    for condition in scenario.expect:
        parse(condition, resources=resource_names(scenario), tasks=task_names(scenario))


def expected_calls(scenario: Scenario) -> float:
    """About how many calls a scenario offers."""
    arrivals = scenario.arrivals
    limit = float(arrivals.calls) if arrivals.calls is not None else float("inf")
    if arrivals.kind == "replay":
        from sim.scenario import read_calls

        assert arrivals.file is not None
        return min(limit, float(len(read_calls(arrivals.file))))
    if arrivals.kind == "burst":
        assert arrivals.burst is not None
        return min(limit, arrivals.burst.size * (scenario.duration / arrivals.burst.every + 1.0))
    rate = max(p.rate for p in arrivals.profile) if arrivals.kind == "profile" else arrivals.rate
    return min(limit, rate * scenario.duration)


def _summary(
    scenario: Scenario,
    seed: int,
    made: Setup,
    collector: Collector,
    runner: Any,
    left: Judged,
    interrupted: bool,
) -> Summary:
    from sim.ledger.conditions import evaluate

    server = runner.server
    rejected = {str(REJECTIONS[i]): int(k) for i, k in enumerate(server.rejected) if k}
    counts = SessionCounts(
        arrived=int(server.arrived),
        created=int(server.created),
        answered=int(server.answered),
        rejected=rejected,
        cancelled=int(server.cancelled),
        released=int(server.released),
        live=left.live,
        leaked=len(left.leaked),
        crashed_at_s=float(server.crashed_at_s) if server.crashed_at_s >= 0.0 else None,
        blocking=float(server.blocked) / server.arrived if server.arrived else 0.0,
    )
    summary = Summary(
        scenario=scenario.name,
        seed=seed,
        engine=runner.name,
        horizon_s=float(runner.now),
        partial=interrupted,
        sessions=counts,
        resources=_resources(made, runner, left),
        latency={name: durations.quantiles() for name, durations in collector.latency.items()},
        tasks=_tasks(made, collector, runner),
        violations=_violations(made, runner),
        leaks=left.listed(),
    )
    return replace(summary, expect=evaluate(scenario.expect, summary))


def _resources(made: Setup, runner: Any, left: Judged) -> dict[str, ResourceUse]:
    ledger = runner.world.ledger
    lost: dict[str, int] = Counter(name for leak in left.leaked for name in leak.holds)
    found = {}
    load_end = min(float(ledger.load_end_s), runner.now)
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
        has_bytes = r in (SESSION_POOL, CONNECTION_POOL)
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


def _tasks(made: Setup, collector: Collector, runner: Any) -> dict[str, TaskUse]:
    found = {}
    load_end = min(float(runner.world.ledger.load_end_s), runner.now)
    for i, name in enumerate(made.tasks):
        messages, busy, peak = runner.task_statistics(i)
        found[name] = TaskUse(
            messages=int(messages),
            utilisation=float(busy) / load_end if load_end > 0.0 else 0.0,
            queue_peak=int(peak),
            wait=collector.wait[i].quantiles(),
            service=collector.service[i].quantiles(),
        )
    return found


def _violations(made: Setup, runner: Any) -> tuple[Violation, ...]:
    found = []
    for at, call, what, kind, task, resource, first, first_s in runner.world.offences:
        name = made.tasks[task] if task >= 0 else "caller"
        race = Race(
            what=VIOLATION_NAMES[what],
            message=MESSAGE_NAMES[kind],
            task=name,
            resource=made.resources[resource],
            first=MESSAGE_NAMES[first] if first >= 0 else None,
            first_s=float(first_s),
        )
        found.append(Violation(float(at), int(call), race.what, describe(race)))
    return tuple(found)
