"""`calibrate` and `validate`: files, JSON, exit codes, and bad input."""

import json
from pathlib import Path

import pytest
from simulated import logged
from typer.testing import CliRunner, Result

from sim.cli import build
from sim.scenario import load_scenario

SMALL = {
    "name": "small", "duration": "10s", "drain": "5s", "arrivals": {"rate": "12/s"},
    "calls": {"hold": {"dist": "exponential", "mean": "500ms"}, "requests": 0},
    "server": {"sip": {"bye_response": "immediate"}},
}  # fmt: skip


def mrcpsim(*args: object) -> Result:
    return CliRunner().invoke(build(), [str(arg) for arg in args])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return logged(SMALL, tmp_path_factory.mktemp("logs"))


def test_a_calibrated_scenario_loads_and_every_value_has_its_reason(log: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.yaml"
    result = mrcpsim("calibrate", log, "-o", made)
    assert result.exit_code == 0, result.output
    scenario = load_scenario(made)
    assert scenario.name == "made"
    assert scenario.server.sip.bye_response == "immediate"
    text = made.read_text()
    assert "(KS, bootstrap)" in text
    assert "95 % interval" in text
    assert made.with_name("made.samples.csv").stat().st_size < 100_000
    again = mrcpsim("calibrate", log, "-o", made)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert mrcpsim("calibrate", log, "-o", made, "--force", "--quiet").exit_code == 0
    assert made.read_text() == text


def test_validate_prints_the_json_that_scripts_rely_on(log: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.yaml"
    mrcpsim("calibrate", log, "-o", made, "--quiet")
    result = mrcpsim("validate", made, log, "--json", "--engine", "simpy", "--runs", 2, "--out", tmp_path / "out")
    found = json.loads(result.stdout)
    assert result.exit_code == (0 if found["ok"] else 1)
    assert {"ok", "latency", "tasks", "verdict", "counts"} <= set(found)
    latency = found["latency"]["invite_to_answer"]
    assert {"measured", "predicted", "low", "high"} <= set(latency["p50"])
    assert 0.0 <= latency["ks"] <= 1.0
    assert latency["p50"]["low"] <= latency["p50"]["measured"] <= latency["p50"]["high"]
    assert "p99" in found["tasks"]["MRCP Server"]["wait"]
    assert (tmp_path / "out" / "qq.png").stat().st_size > 5000


def test_a_scenario_that_is_wrong_about_the_plugin_disagrees(log: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.yaml"
    mrcpsim("calibrate", log, "-o", made, "--quiet")
    slow = ("--set", "plugins.speechrecog.close.delay=200ms")
    result = mrcpsim("validate", made, log, "--engine", "simpy", "--runs", 1, *slow)
    assert result.exit_code == 1
    assert "DISAGREES" in result.output
    assert "terminate_to_release p50" in result.output


def test_bad_input_is_told_in_one_line(log: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("this is no log\n" * 50)
    for args in (
        ("calibrate", text, "-o", tmp_path / "x.yaml"),
        ("calibrate", tmp_path / "missing.log", "-o", tmp_path / "x.yaml"),
        ("calibrate", log, "-o", tmp_path / "no" / "folder.yaml"),
        ("validate", tmp_path / "missing.yaml", log),
    ):
        result = mrcpsim(*args)
        assert result.exit_code == 2, args
        assert result.stderr.startswith("error: ")
        assert "Traceback" not in result.stderr
    assert not (tmp_path / "x.yaml").exists()


def test_a_log_without_calls_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.log"
    empty.write_text("2026-11-23 03:03:57:233512 140050032932736 [NOTICE] UniMRCP Server [1.8.0]\n" * 3)
    result = mrcpsim("calibrate", empty, "-o", tmp_path / "x.yaml")
    assert result.exit_code == 2
    assert "at least one session" in result.stderr
