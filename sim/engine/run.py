"""Run a scenario: choose the engine, collect what it delivers, and make the result."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any

from sim.engine.check import check_size, expected_calls, outcomes_watched, scenario_of, watching
from sim.engine.choose import choose, make_engine
from sim.engine.end.collect import Collector
from sim.engine.end.judging import Judged, ended_with, has_crashed, judged
from sim.engine.end.summing import summary_of
from sim.engine.start.arrivals import told_of_replay
from sim.engine.start.crashes import told_of_crashes
from sim.engine.start.processors import told_of_processors
from sim.engine.start.setup import setup, task_index
from sim.errors import MrcpsimError, RunFailed, ScenarioError, WrongType
from sim.scenario import Scenario, to_yaml
from sim.scenario.without_effect import told_of_no_effect

if TYPE_CHECKING:
    from sim.engine.contract import Observer, Remaining
    from sim.ledger.conditions import Condition
    from sim.ledger.result import RunResult
    from sim.ledger.sink import Sink

ENGINES = ("auto", "simpy", "compiled")
DETAILS = ("summary", "sessions", "full")
FULL_UP_TO = 20_000
"""Without a choice, runs of up to so many expected calls keep every message; larger ones keep sessions only."""

WINDOWS = 1000
"""Intervals of the level grid in one run."""

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
    conditions: Sequence[Condition] = (),
) -> RunResult:
    """Simulate a scenario to its end and return the result; the same seed gives the same result on any machine.

    `scenario` may be the path of its file. `ledger` is the detail kept: `summary`, `sessions` or `full` (default: full
    for small runs, else sessions). `conditions` are those that the result will be judged by beside the scenario's own:
    what they need is kept. `sink` takes the tables as they grow; without one they are kept in memory.
    ScenarioError for an unusable argument (WrongType, which is a TypeError too, for one of another type), RunFailed
    with seed and command when the run breaks off.
    """
    from sim.ledger.identity import IdentifyingSink
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
    if scenario.fleet is not None:
        raise ScenarioError(f"{scenario.name}: has a fleet: use sim.run_fleet, or mrcpsim run")
    check_size(scenario)
    calls = expected_calls(scenario)
    detail = ledger or ("full" if calls <= FULL_UP_TO else "sessions")
    name = choose(engine, calls, bool(observers))
    observers = watching(observers)
    began = time.perf_counter()
    watch = outcomes_watched(scenario, conditions, detail)
    made = setup(scenario, record_rows=detail == "full" or bool(observers))
    memory = MemorySink() if sink is None else None
    target: Any = memory if memory is not None else sink
    collector = Collector(made, detail, IdentifyingSink(target, seed), watch)
    interrupted = False
    window_s = (made.duration_s + scenario.drain) / WINDOWS
    runner = make_engine(name, made, seed, collector, window_s, calls, observers, replication, progress)
    wrecks: list[Judged] = []

    def frozen(since: float, until: float) -> dict[int, float]:
        """Tasks that stand still for good, by number, since when."""
        return {
            task_index(freeze.task, made.plugins): float(freeze.at)
            for freeze in scenario.server.freeze
            if freeze.for_ is None and since <= freeze.at <= until
        }

    def fallen(wreck: Remaining, now: float) -> None:
        since = wrecks[-1].at_s if wrecks else 0.0
        wrecks.append(judged(ended_with(wreck), made.plugins, made.tasks, True, frozen(since, now), now))
        collector.sessions(wrecks[-1].columns, wrecks[-1].verdicts)

    try:
        runner.run((lambda fraction: progress(fraction, "")) if progress is not None else None, fallen)
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
    crashed = has_crashed(runner.server)
    since = wrecks[-1].at_s if wrecks else 0.0
    still = frozen(since, runner.now)
    left = judged(runner.remaining(), made.plugins, made.tasks, crashed, still, runner.now)
    if len(left.columns["call"]):
        collector.sessions(left.columns, left.verdicts)
    collector.close(runner.now)
    ended = [wreck.at_s for wreck in wrecks] + [runner.now] * crashed
    left.lost += [leak for wreck in wrecks for leak in wreck.lost]
    summary = summary_of(scenario, seed, made, collector, runner, left, interrupted)
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
        provenance=provenance(
            runner.name, seed, time.perf_counter() - began, ledger=detail, **_notes(scenario, runner.now, ended)
        ),
        durations=collector.durations,
        **tables,
    )


def _notes(scenario: Scenario, end_s: float, ended: Sequence[float]) -> dict[str, list[str]]:
    """What the reader of the run must know besides, under `notes`; `ended`: when its process did, each time."""
    notes = [
        *told_of_no_effect(scenario), *told_of_replay(scenario), *told_of_crashes(scenario, end_s, ended),
        *told_of_processors(scenario),
    ]  # fmt: skip
    return {"notes": notes} if notes else {}
