"""About how much processor time a study takes: starting up, the engine's code, each run's fixed part, and its calls.

The figures are those of one processor of 2024 (AMD EPYC, 2.6 GHz); another machine is as many times faster or slower.
"""

from __future__ import annotations

from sim.engine.choose import EXACT_UP_TO, choose, is_compiled
from sim.scenario import Scenario

START_S = 1.2
"""Python, the library, the table, the statistics and the report page."""

LOAD_S, COMPILE_S = 1.0, 35.0
"""The compiled engine's code, loaded or, the first time, compiled."""

RUN_S = 0.009
"""What each simulated run takes besides its calls: reading the scenario, setting up, summing up, keeping the result."""

CALL_S, EXACT_CALL_S, SIMPY_CALL_S = 2e-6, 8e-6, 0.5e-3
"""A call in the compiled engine, in one that keeps every duration, and in the readable engine."""

FLEET_ROUNDS = 4
"""Each server of a fleet is run about so often until the retries of refused callers have settled."""


def run_s(scenario: Scenario, calls: float, engine: str, warmup_s: float) -> float:
    """Processor seconds of one run of a study that offers so many calls."""
    part = min(1.0, warmup_s / scenario.duration) if scenario.duration > 0.0 else 0.0
    if scenario.fleet is not None:
        servers = scenario.fleet.servers
        return FLEET_ROUNDS * servers * _simulated_s(calls / servers, engine)
    # what came before the end of the warm-up is taken from a run of its own
    return _simulated_s(calls, engine) + (_simulated_s(calls * part, engine) if part > 0.0 else 0.0)


def _simulated_s(calls: float, engine: str) -> float:
    if choose(engine, calls, observed=False) == "simpy":
        return RUN_S + SIMPY_CALL_S * calls
    return RUN_S + (EXACT_CALL_S if calls <= EXACT_UP_TO else CALL_S) * calls


def engine_s(engine: str, calls: float) -> float:
    """Processor seconds until an engine can begin: once, for workers are forked from the process that has it."""
    if choose(engine, calls, observed=False) == "simpy":
        return 0.0
    return LOAD_S if is_compiled() else COMPILE_S
