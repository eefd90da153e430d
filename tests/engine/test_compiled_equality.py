"""The compiled engine and the reference engine give the same messages, ledger and sessions, row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from strategies import scenarios

import sim
from sim.engine.run import run
from sim.errors import RunFailed
from sim.ledger.result import RunResult
from sim.scenario import Scenario

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
SHIPPED = sorted(path for path in SCENARIOS.rglob("*.yaml") if path.parent.name != "studies")
TABLES = ("messages", "ledger", "sessions")  # the first message that differs is nearest to the cause


def first_difference(name: str, reference: pd.DataFrame | None, compiled: pd.DataFrame | None) -> str | None:
    """The first row in which two tables differ, with what came before it; None when they are identical."""
    if reference is None or compiled is None:
        return None if reference is compiled else f"{name}: one engine has no such table"
    common = min(len(reference), len(compiled))
    differs = np.zeros(common, dtype=bool)
    for column in reference.columns:
        a, b = (table[column].iloc[:common].to_numpy() for table in (reference, compiled))
        differs |= ~((a == b) | (pd.isna(a) & pd.isna(b)))
    if not differs.any() and len(reference) == len(compiled):
        return None
    row = int(np.argmax(differs)) if differs.any() else common
    both = [(c, reference[c].iloc[row], compiled[c].iloc[row]) for c in reference.columns] if row < common else []
    columns = [c for c, a, b in both if not (a == b or (pd.isna(a) and pd.isna(b)))] or ["every column"]
    around = slice(max(0, row - 5), row + 3)
    with pd.option_context("display.width", 250, "display.max_columns", 40, "display.precision", 12):
        return (
            f"{name}: {len(reference)} rows in the reference engine, {len(compiled)} in the compiled one; "
            f"row {row} is the first that differs, in {', '.join(columns)}\n"
            f"{reference.iloc[around]}\n{compiled.iloc[around]}"
        )


@pytest.fixture(autouse=True)
def _no_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results carry their scenario as YAML, which takes longer to write than these runs take."""
    monkeypatch.setattr("sim.engine.run.to_yaml", lambda scenario: "")


def run_both(scenario: Scenario) -> tuple[RunResult | str, RunResult | str]:
    """The results of both engines; of a run that broke off, what broke it."""
    results: list[RunResult | str] = []
    for engine in ("simpy", "compiled"):
        try:
            results.append(run(scenario, engine=engine, ledger="full"))
        except RunFailed as failure:
            results.append(str(failure).split("\n")[0].split(": ", 2)[-1])
    return results[0], results[1]


def assert_same(scenario: Scenario) -> None:
    """Both engines give the same tables and the same summary."""
    reference, compiled = run_both(scenario)
    if isinstance(reference, str) or isinstance(compiled, str):
        assert reference == compiled
        return
    for name in TABLES:
        difference = first_difference(name, getattr(reference, name), getattr(compiled, name))
        assert difference is None, difference
    summaries = [result.summary.to_dict() for result in (reference, compiled)]
    for key in summaries[0]:
        if key != "engine":
            assert repr(summaries[0][key]) == repr(summaries[1][key]), key


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_give_the_same_rows_in_both_engines(path: Path) -> None:
    assert_same(sim.load_scenario(path).model_copy(update={"fleet": None}))  # of a fleet: one server


@pytest.mark.slow
@settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_random_scenarios_give_the_same_rows_in_both_engines(scenario: Scenario) -> None:
    assert_same(scenario.model_copy(update={"expect": ()}))


def test_a_difference_is_shown_with_its_row_and_columns() -> None:
    one = pd.DataFrame({"time_s": [0.0, 1.0, 2.0], "task": ["a", "b", "c"]})
    other = pd.DataFrame({"time_s": [0.0, 1.5, 2.0], "task": ["a", "b", "d"]})
    difference = first_difference("messages", one, other)
    assert difference is not None
    assert "row 1 is the first that differs, in time_s" in difference
    assert first_difference("messages", one, one.copy()) is None
    assert "3 rows in the reference engine, 2" in str(first_difference("messages", one, one.iloc[:2]))
