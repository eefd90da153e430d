"""A run of a study is done to its end or not at all: what an interrupt leaves of one is no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.scenario import Scenario

if TYPE_CHECKING:
    from sim.ledger.result import RunResult


def run_whole(scenario: Scenario, **how: Any) -> RunResult:
    """`sim.run`, with the same arguments; KeyboardInterrupt when it was interrupted, where that gives what was
    simulated until then."""
    from sim.engine.run import run

    found = run(scenario, **how)
    if found.summary.partial:
        raise KeyboardInterrupt
    return found
