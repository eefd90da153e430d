"""What `sim.run` refuses before it simulates, and what a run does with calls that the server never picks up."""

from pathlib import Path
from typing import Any

import pytest

import sim
from sim.errors import ScenarioError, WrongType


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_no_generator_takes_is_refused(seed: int) -> None:
    with pytest.raises(ScenarioError, match=r"seed must be a whole number from 0 to 2\^63 - 1"):
        sim.run(sim.load_scenario({"duration": "1s"}), seed=seed)


@pytest.mark.parametrize(
    "changes",
    [
        {"arrivals": {"rate": "1e6/s"}, "calls": {"hold": "60s"}, "duration": "1h"},
        {"arrivals": {"kind": "burst", "burst": {"size": 1_000_000, "every": "1ms"}}, "duration": "1m"},
    ],
)
def test_more_calls_at_once_than_fit_are_refused_before_the_run(changes: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError, match="calls at once"):
        sim.run(sim.load_scenario(changes))


def test_calls_that_the_server_never_picks_up_have_arrived_and_were_not_answered() -> None:
    scenario = sim.load_scenario(
        {
            "duration": "10s",
            "arrivals": {"kind": "even", "rate": "2/s"},
            "server": {"freeze": [{"task": "nua", "at": "5s"}]},
        }
    )
    result = sim.run(scenario, engine="simpy")
    assert result.sessions is not None
    assert result.summary.sessions.arrived == len(result.sessions) == 20
    assert (result.sessions["outcome"] == "unanswered").sum() == 20 - result.summary.sessions.created
    assert 0 < result.summary.sessions.created < 20


def test_a_scenario_extends_a_shipped_one_by_name_from_anywhere(tmp_path: Any) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: baseline.yaml\nduration: 1s\n")
    assert sim.load_scenario(mine).arrivals.rate == sim.load_scenario("baseline").arrivals.rate


def test_a_run_takes_the_path_of_a_scenario(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("duration: 1s\ndrain: 1s\n")
    assert sim.run(path).summary.scenario == sim.run(str(path)).summary.scenario == "mine"
    with pytest.raises(ScenarioError, match=r"no-such\.yaml"):
        sim.run("no-such.yaml")
    with pytest.raises(TypeError, match=r"scenario must be a Scenario or the path of its file \(got dict\)"):
        sim.run({"duration": "1s"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("argument", "value"),
    [("seed", "7"), ("seed", 1.5), ("seed", True), ("replication", None), ("progress", 3), ("sink", 3)],
)
def test_an_argument_of_another_type_is_told_before_the_run(argument: str, value: Any) -> None:
    with pytest.raises(WrongType, match=f"^{argument} must "):
        sim.run(sim.load_scenario({"duration": "1s"}), **{argument: value})
