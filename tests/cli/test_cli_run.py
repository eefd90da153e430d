"""What `run` does around the engine: exit codes, JSON, the result folder. The engine here is a stand-in."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sim.cli.main import build
from sim.errors import RunFailed
from sim.ledger.conditions import evaluate
from sim.ledger.result import RunResult, load_result
from sim.ledger.summary import ResourceUse, SessionCounts, Summary

Run = Callable[..., RunResult]
SCENARIO = "name: trial\nduration: 1s\nexpect:\n  - leaked.session_pool == 0\n"


def mrcpsim(*args: str) -> Result:
    return CliRunner().invoke(build(), list(args))


class StandIn:
    """Plays the engine: writes two level rows, returns a summary with so many leaked sessions."""

    def __init__(self) -> None:
        self.leaked = 0
        self.partial = False
        self.error: BaseException | None = None
        self.calls: list[dict[str, Any]] = []

    def __call__(self, scenario: Any, *, sink: Any, **options: Any) -> RunResult:
        self.calls.append(options)
        sink.write("levels", {"time_s": [0.0, 0.5], "resource": ["session_pool"] * 2, "held": [1, self.leaked]})
        if self.error is not None:
            raise self.error
        summary = Summary(
            scenario.name,
            options["seed"] or scenario.seed,
            "simpy",
            1.0,
            sessions=SessionCounts(arrived=1, leaked=self.leaked),
            resources={"session_pool": ResourceUse(acquired=1, leaked=self.leaked)},
            partial=self.partial,
        )
        return RunResult(replace(summary, expect=evaluate(scenario.expect, summary)), scenario_yaml="name: trial\n")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SCENARIO)
    stand_in = StandIn()
    module = ModuleType("sim.engine.run")
    module.run = stand_in  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sim.engine.run", module)
    return stand_in


def test_a_run_that_meets_its_expectations_is_0_and_leaves_a_result(engine: StandIn) -> None:
    result = mrcpsim("run", "s.yaml")
    assert result.exit_code == 0
    assert "No session leaked." in result.stdout
    found = load_result("reports/trial")
    assert found.summary.seed == 1
    assert found.levels is not None
    assert found.levels["held"].tolist() == [1, 0]
    names = {path.name for path in Path("reports/trial").iterdir()}
    assert names == {
        "summary.json",
        "scenario.yaml",
        "sessions.parquet",
        "levels.parquet",
        "held.png",
        "report.html",
        "latency.png",
    }


def test_a_failed_expectation_is_1_and_still_leaves_the_result(engine: StandIn) -> None:
    engine.leaked = 1
    result = mrcpsim("run", "s.yaml")
    assert result.exit_code == 1
    assert "✗  leaked.session_pool == 0" in result.stdout
    assert load_result("reports/trial").summary.sessions.leaked == 1


@pytest.mark.parametrize(("leaked", "code"), [(0, 0), (1, 1)])
def test_fail_on_fails_when_the_condition_holds(engine: StandIn, leaked: int, code: int) -> None:
    engine.leaked = leaked
    Path("s.yaml").write_text("name: trial\n")
    result = mrcpsim("run", "s.yaml", "--fail-on", "leaked.session_pool > 0", "--json", "--quiet")
    assert result.exit_code == code
    (found,) = json.loads(result.stdout)["expect"]
    assert found == {"condition": "not (leaked.session_pool > 0)", "value": leaked, "ok": code == 0}


def test_json_is_alone_on_standard_output(engine: StandIn) -> None:
    result = mrcpsim("run", "s.yaml", "--json")
    assert json.loads(result.stdout) == json.loads(Path("reports/trial/summary.json").read_text())
    assert "No session leaked." in result.stderr


def test_quiet_prints_nothing(engine: StandIn) -> None:
    result = mrcpsim("run", "s.yaml", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_options_reach_the_engine(engine: StandIn) -> None:
    options = ["--seed", "9", "--engine", "simpy", "--ledger", "full", "--out", "here", "--set", "name=other"]
    assert mrcpsim("run", "s.yaml", *options).exit_code == 0
    (call,) = engine.calls
    assert (call["seed"], call["engine"], call["ledger"]) == (9, "simpy", "full")
    assert load_result("here").summary.scenario == "other"
    assert {path.name for path in Path("here").glob("*.parquet")} == {
        "sessions.parquet", "levels.parquet", "ledger.parquet", "messages.parquet",
    }  # fmt: skip


def test_a_second_run_needs_force(engine: StandIn) -> None:
    assert mrcpsim("run", "s.yaml").exit_code == 0
    second = mrcpsim("run", "s.yaml", "--seed", "2")
    assert second.exit_code == 2
    assert len(engine.calls) == 1  # refused before anything was simulated
    assert mrcpsim("run", "s.yaml", "--seed", "2", "--force").exit_code == 0
    assert load_result("reports/trial").summary.seed == 2


def test_an_interrupted_run_is_130_and_what_was_finished_is_kept_as_partial(engine: StandIn) -> None:
    engine.partial = True
    result = mrcpsim("run", "s.yaml")
    assert result.exit_code == 130
    assert "INTERRUPTED" in result.stdout
    assert load_result("reports/trial").summary.partial


def test_an_interrupt_before_anything_was_finished_leaves_nothing(engine: StandIn) -> None:
    engine.error = KeyboardInterrupt()
    result = mrcpsim("run", "s.yaml")
    assert result.exit_code == 130
    assert result.stderr == "error: interrupted; nothing was written\n"
    assert not list(Path("reports").iterdir())


def test_a_failed_run_is_3_and_names_seed_and_command(engine: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mrcpsim", "run", "s.yaml", "--set", "name=a b"])
    engine.error = RunFailed("trial: the run with seed 1 broke off at 3.0 s")
    result = mrcpsim("run", "s.yaml")
    assert result.exit_code == 3
    assert result.stderr.splitlines() == [
        "error: trial: the run with seed 1 broke off at 3.0 s",
        "       reproduce with: mrcpsim run s.yaml --set 'name=a b'",
    ]
    assert not list(Path("reports").iterdir())


def test_our_own_bug_is_3_and_asks_to_be_reported(engine: StandIn) -> None:
    engine.error = ZeroDivisionError("division by zero")
    result = mrcpsim("run", "s.yaml")
    assert result.exit_code == 3
    assert "error: ZeroDivisionError: division by zero" in result.stderr
    assert "bug in mrcpsim" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_traceback_can_be_asked_for(engine: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MRCPSIM_TRACEBACK", "1")
    engine.error = ZeroDivisionError("division by zero")
    assert isinstance(mrcpsim("run", "s.yaml").exception, ZeroDivisionError)


def test_version_and_schema_and_list() -> None:
    assert mrcpsim("--version").stdout.startswith("mrcpsim ")
    assert json.loads(mrcpsim("schema").stdout)["$defs"]
    assert isinstance(json.loads(mrcpsim("scenarios", "--json").stdout)["scenarios"], list)


def test_check_of_a_good_file_is_0(engine: StandIn) -> None:
    result = mrcpsim("check", "s.yaml")
    assert (result.exit_code, result.stdout) == (0, "s.yaml: a valid scenario, trial\n")


def test_check_finds_a_misspelt_expectation(engine: StandIn) -> None:
    Path("s.yaml").write_text("name: trial\nexpect:\n  - sessions.leakd == 0\n")
    result = mrcpsim("check", "s.yaml", "--json")
    assert result.exit_code == 2
    (problem,) = json.loads(result.stdout)["problems"]
    assert problem.startswith("s.yaml:3: expect: condition 'sessions.leakd == 0': there is no value 'sessions.leakd'")


@pytest.mark.parametrize("args", [["scenarios"], ["schema"], ["check", "baseline"]])
def test_a_reader_that_leaves_is_not_a_failed_condition(args: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "sim.cli.main", *args], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr == b""
