"""What is asked of a run, looked at before it begins: the arguments, the size of the load, the conditions."""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from sim.engine.contract import Observer, unwatched
from sim.engine.start.setup import resource_names, task_names
from sim.errors import ScenarioError, WrongType
from sim.ledger.conditions import Condition, needed, parse
from sim.scenario import Scenario, expected, load_scenario

MOST_AT_ONCE = 5_000_000
"""Concurrent calls that fit into memory, at about a kilobyte each."""


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


def check_condition(text: str, scenario: Scenario | None) -> Condition:
    """A condition, read against what a run of this scenario will have; ScenarioError says what is wrong with it."""
    if scenario is None:
        return parse(text)
    return parse(text, resources=resource_names(scenario), tasks=task_names(scenario))


def outcomes_watched(scenario: Scenario, more: Iterable[Condition], detail: str) -> set[tuple[str, str]]:
    """Latencies with an outcome that conditions need. ScenarioError, before anything is simulated, for an `expect` that
    names nothing a result has, or that needs more detail than the run keeps."""
    conditions = [*(check_condition(text, scenario) for text in scenario.expect), *more]
    found = needed(conditions)
    if found and detail == "summary":
        raise ScenarioError("a condition about calls with one outcome needs --ledger sessions (got summary)")
    return found


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
