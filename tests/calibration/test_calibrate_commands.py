"""`calibrate` and `validate`: files, JSON, exit codes, and bad input."""

import html
import json
import re
from pathlib import Path

import pytest
from calibration.simulated import logged
from typer.testing import CliRunner, Result

from sim.cli.main import build
from sim.errors import ScenarioError
from sim.ledger.spans import label
from sim.report.validation import part
from sim.scenario import load_scenario, to_mapping
from sim.validation.validate import JUDGED

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
    assert text.count("(KS, bootstrap)") == 1  # how it was fitted is said once, at the top
    assert text.count("itself is used: up to") == 1
    assert re.search(r"# empirical, p (<|=) 0\.\d\d, n = \d+, mean [\d.]+us \[", text)
    assert "95 % interval" in text
    assert made.with_name("made.samples.csv").stat().st_size < 100_000
    again = mrcpsim("calibrate", log, "-o", made)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert mrcpsim("calibrate", log, "-o", made, "--force", "--quiet").exit_code == 0
    assert made.read_text() == text


def test_calibrate_prints_json_with_every_finding(log: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.yaml"
    result = mrcpsim("calibrate", log, "-o", made, "--json")
    found = json.loads(result.stdout)
    assert "arrivals   poisson" in result.stderr
    assert found["files"] == [str(made), str(made.with_name("made.samples.csv"))]
    assert found["sessions"]["created"] > 50
    assert found["level"] == "DEBUG"
    entries = {entry["parameter"]: entry for entry in found["findings"]}
    assert len(entries) == len(found["findings"])
    scenario = to_mapping(load_scenario(made))
    for path, entry in entries.items():
        assert {"mechanism", "value", "family", "p_value", "n", "mean", "interval", "comment"} <= set(entry)
        node = scenario
        for name in path.split("."):  # a path as --set takes it
            node = node[name]
    hold = entries["calls.hold"]
    assert (hold["mechanism"], hold["family"]) == ("caller", "exponential")
    assert hold["interval"][0] < hold["mean"] < hold["interval"][1]
    assert hold["p_value"] >= 0.05
    never = entries["plugins.speechrecog.close.never"]
    assert (never["mechanism"], never["family"], never["mean"]) == ("fault", "bernoulli", 0.0)
    assert never["n"] > 50
    assert entries["server.wakes.server"]["mechanism"] == "wake-up"
    assert entries["server.costs.server.offer"]["mechanism"] == "service time"
    assert entries["plugins.speechrecog.close.block"]["mechanism"] == "service time"
    assert entries["arrivals.kind"]["mean"] == pytest.approx(12.0, rel=0.4)
    alone = mrcpsim("calibrate", log, "-o", made, "--json", "--quiet", "--force")
    assert alone.stderr == ""
    assert json.loads(alone.stdout) == found


@pytest.mark.parametrize("error", [ScenarioError("broken"), KeyboardInterrupt(), OSError(28, "No space left")])
def test_a_calibration_that_fails_leaves_nothing(
    error: BaseException, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("sim.scenario.load_scenario", fail)
    made = tmp_path / "made.yaml"
    result = mrcpsim("calibrate", log, "-o", made)
    assert result.exit_code == (130 if isinstance(error, KeyboardInterrupt) else 2)
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []
    if isinstance(error, ScenarioError):
        assert (
            "makes no valid scenario; nothing was written. Are lines of the log damaged?\n       broken"
            in result.stderr
        )


def test_a_move_that_fails_leaves_nothing_new(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move = Path.replace

    def fail(file: Path, target: Path) -> Path:
        if target.suffix == ".yaml":
            raise OSError(28, "No space left", str(target))
        return move(file, target)

    monkeypatch.setattr(Path, "replace", fail)
    assert mrcpsim("calibrate", log, "-o", tmp_path / "made.yaml").exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_no_file_of_the_user_is_replaced(log: Path, tmp_path: Path) -> None:
    made, samples = tmp_path / "made.yaml", tmp_path / "made.samples.csv"
    samples.write_text("mine")
    result = mrcpsim("calibrate", log, "-o", made)
    assert result.exit_code == 2
    assert f"{samples}: exists already; replace it with --force, or choose another with -o" in result.stderr
    assert (samples.read_text(), made.exists()) == ("mine", False)
    assert mrcpsim("calibrate", log, "-o", tmp_path).stderr.startswith(f"error: {tmp_path}: expected a file (got a fo")


def test_all_commands_say_alike_what_exists_already(log: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    scenario, result = tmp_path / "small.yaml", tmp_path / "result"
    mrcpsim("calibrate", log, "-o", scenario, "--quiet")
    run = ("run", scenario, "--set", "duration=1s", "--ledger", "full", "--quiet", "--out", result)
    assert mrcpsim(*run, "--engine", "simpy").exit_code == 0
    config = tmp_path / "server.xml"
    config.write_text("<unimrcpserver version='1.0'></unimrcpserver>")
    for command, path, option in (
        (run, result, "--out"),
        (("calibrate", log, "-o", there), there, "-o"),
        (("import", config, "-o", there), there, "-o"),
        (("log", result, "-o", there), there, "-o"),
        (("leaks", result, "--minimal", "-o", there), there, "-o"),
        (("audit", log, "--out", result), result, "--out"),
    ):
        told = mrcpsim(*command)
        assert told.exit_code == 2
        assert (
            told.stderr == f"error: {path}: exists already; replace it with --force, or choose another with {option}\n"
        )
    assert there.read_text() == "mine"


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
    page = html.unescape((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    said = re.search(r"The model (predicts|does not predict) this log's calls: [^<]+", page)
    assert said is not None
    assert (said[1] == "predicts") == found["ok"]
    for name in JUDGED:
        for q in ("p50", "p95", "p99"):
            assert (f"{label(name)} {q} " in said[0]) != found["latency"][name][q]["ok"]
    assert "READ FROM THE LOG" not in found["verdict"]
    assert found["read_from_log"]["phase"] == found["read_from_log"]["interference"] == "scenario"
    again = ("validate", made, log, "--engine", "simpy", "--runs", 1, "--out", tmp_path / "out")
    refused = mrcpsim(*again)
    assert refused.exit_code == 2
    assert "out: exists already; replace it with --force" in refused.stderr
    assert mrcpsim(*again, "--force").exit_code in (0, 1)


def test_what_is_read_from_the_compared_log_stands_in_the_verdict(log: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.yaml"
    mrcpsim("calibrate", log, "-o", made, "--quiet")
    args = ("validate", made, log, "--json", "--engine", "simpy", "--runs", 1, "--phase", "log")
    assert "; READ FROM THE LOG: phase;" in json.loads(mrcpsim(*args).stdout)["verdict"]
    both = json.loads(mrcpsim(*args, "--interference", "log").stdout)
    assert "; READ FROM THE LOG: phase and interference;" in both["verdict"]
    assert both["read_from_log"]["phase_s"] is not None


def test_a_scenario_that_is_wrong_about_the_plugin_disagrees(log: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.yaml"
    mrcpsim("calibrate", log, "-o", made, "--quiet")
    slow = ("--set", "plugins.speechrecog.close.delay=200ms")
    result = mrcpsim("validate", made, log, "--engine", "simpy", "--runs", 1, *slow)
    assert result.exit_code == 1
    assert "DISAGREES" in result.output
    verdict = " ".join(result.output[result.output.index("DISAGREES") :].split())
    assert "terminate_to_release p50" in verdict
    assert "not judged: pool_lifetime, offer_to_media, media_to_open, close_delay, queue waits" in verdict
    assert "not in the log, or too few: bye_to_ok" in verdict


def test_what_a_log_at_info_does_not_show_is_not_zero(log: Path, tmp_path: Path) -> None:
    made, info = tmp_path / "made.yaml", tmp_path / "info.log"
    mrcpsim("calibrate", log, "-o", made, "--quiet")
    info.write_bytes(b"".join(x for x in log.read_bytes().splitlines(keepends=True) if b"[DEBUG]" not in x))
    args = ("validate", made, info, "--engine", "simpy", "--runs", 1, "--interference", "log")
    read = json.loads(mrcpsim(*args, "--json").stdout)["read_from_log"]["stalls"]
    assert read["wake"]["log"] is None
    assert read["service"]["log"] is None
    assert read["wake"]["scenario"] is not None
    said = " ".join(mrcpsim(*args).output.split())
    assert re.search(r"wake – \(scenario [\d.]+%\), service – \(scenario [\d.]+%\)\. –: the log does not show", said)
    assert "close_delay" in said[said.index("not in the log, or too few") :]
    assert "note: INFO level" in said
    assert part(None) == "–"
    assert part(0.0) == "0.0%"


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


def test_the_terminal_names_the_value_of_a_constant_the_limits_and_the_callers_that_fail(tmp_path: Path) -> None:
    mapping = SMALL | {
        "name": "limits", "duration": "20s", "client": {"no_ack": 0.1}, "drain": "40s",
        "server": {"sip": {"bye_response": "immediate"}, "limits": {"rtp_ports": "5000-5012"}},
        "plugins": {"speechrecog": {"close": {"delay": "200ms"}, "max_channel_count": 5}},
    }  # fmt: skip
    result = mrcpsim("calibrate", logged(mapping, tmp_path), "-o", tmp_path / "made.yaml")
    assert result.exit_code == 0, result.output
    assert re.search(r"plugin     speechrecog.close.delay: constant 200(\.\d+)?ms, n = \d+", result.output)
    assert "limit      speechrecog.max_channel_count 5: channels were refused" in result.output
    assert re.search(r"limit      rtp_ports 5000-5012: used up \d+ times", result.output)
    assert re.search(r"caller     client.no_ack: no ACK: \d+ of \d+", result.output)


def test_a_file_that_can_not_be_written_is_named_as_it_was_given(log: Path) -> None:
    result = mrcpsim("calibrate", log, "-o", "/proc/made.yaml")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("error: /proc/made.yaml: ")
