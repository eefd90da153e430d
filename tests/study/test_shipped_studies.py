"""Each shipped study can be read and planned, and the planner's fleet meets what it expects."""

import os
from pathlib import Path

import pytest

import sim
from sim.ledger.conditions import evaluate
from sim.scenario.shipped import STUDIES, find_shipped, shipped_folder, shipped_scenarios, title_of
from sim.study.study import dry_run, study

FILES = sorted((shipped_folder() / STUDIES).glob("*.yaml"))


def test_there_are_at_least_six_and_none_of_them_is_taken_for_a_scenario() -> None:
    assert len(FILES) >= 6
    assert not [item for item in shipped_scenarios() if item.name.startswith(STUDIES)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_study_can_be_planned(file: Path, tmp_path: Path) -> None:
    found = dry_run(file, cache=str(tmp_path))
    assert [cell.error for cell in found.cells if cell.error] == []
    assert title_of(file)
    assert found.estimate_s[1] < 120.0


def test_two_plugin_designs_are_told_apart(tmp_path: Path) -> None:
    """The question of the study, with a shorter load: a task that is busy in close holds up everybody's open."""
    file = shipped_folder() / STUDIES / "plugin-designs.yaml"
    from sim.study.file import load_study

    wanted, _ = load_study(file)
    small = wanted.model_copy(
        update={"scenarios": ("baseline",), "settings": {**wanted.settings, "duration": "15s"}, "replications": 10}
    )
    found = study(small, out=tmp_path / "s", cache=str(tmp_path / "c"), workers=1)
    assert found.chosen[0].best == "asynchronous"
    assert found.chosen[0].sure
    pair = next(p for p in found.compared if p.metric == "latency.invite_to_answer.p95")
    assert pair.found.difference.high < -0.005


@pytest.mark.slow
def test_the_planners_question_is_answered_as_precisely_as_it_should(tmp_path: Path) -> None:
    """Two servers of 200 licences held 25 s: by Erlang-B 14.38/s; every target is known well enough, in a minute."""
    began = sum(os.times()[:4])
    found = sim.capacity(
        "planner", between="6/s:30/s", targets=["sessions.blocking < 1%", "latency.invite_to_answer.p99 < 100ms"],
        curve=False, cache=str(tmp_path), workers=2,
    )  # fmt: skip
    assert found.found.precise
    assert [target.precise for target in found.targets] == [True, True]
    assert found.value == pytest.approx(14.38, rel=0.03)
    assert found.breaks_first == "engine_channel:speechrecog"
    assert sum(os.times()[:4]) - began < 120.0


def test_the_planners_fleet_meets_what_it_expects() -> None:
    path = find_shipped("planner")
    assert path is not None
    scenario = sim.load_scenario(path, {"duration": "60s", "drain": "5s"})
    summary = sim.run_fleet(scenario, seed=1).summary
    assert all(item.ok for item in evaluate(scenario.expect, summary))
    assert summary.sessions.arrived > 600
