"""`mrcpsim leaks` and `catalogue`: verdict, causes, limits, minimal scenario, exit codes."""

import json
import lzma
import re
import shutil
from pathlib import Path

import pytest
from leaks.fault_runs import run_shipped
from typer.testing import CliRunner

from sim.cli.main import build

NAME = "reported/slow-leak-in-quiet-hours"


def mrcpsim(*arguments):
    return CliRunner().invoke(build(), [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_shipped(NAME).save(tmp_path_factory.mktemp("leaks") / "result")


def test_it_says_verdict_cause_limit_and_why_each_pool_is_alive(folder):
    done = mrcpsim("leaks", folder, "--memory", "1GiB")
    assert done.exit_code == 0
    for text in (
        "Leak: 14 pools can never come back",
        "close-never-answered",
        "Exhausted first: channels of plugin speechrecog, after",
        "memory",
        "waits for CLOSE response from [Demo Recog Engine]",
        "→ [mrcp_engine_channel_close_respond]",
        "… and 9 more; --all explains them too",
    ):
        assert text in done.output, text
    assert mrcpsim("leaks", folder, "--all").output.count("close-never-answered\n") >= 14


def test_json_has_the_diagnoses_and_the_report(folder):
    found = json.loads(mrcpsim("leaks", folder, "--json").stdout)
    assert len(found["leaks"]) == 14
    assert found["report"]["memory"]["verdict"] == "leak"
    assert found["report"]["groups"][0]["count"] == 14
    first = found["report"]["exhausted"][0]
    assert first["hours"]["low"] < first["hours"]["value"] < first["hours"]["high"]


def test_fail_on_gives_exit_code_1_only_when_it_holds(folder):
    assert mrcpsim("leaks", folder, "--fail-on", "leaked.session_pool > 100").exit_code == 0
    failed = mrcpsim("leaks", folder, "--fail-on", "leaked.session_pool > 0")
    assert failed.exit_code == 1
    assert "--fail-on holds: leaked.session_pool > 0" in failed.output


def test_minimal_writes_a_scenario_that_runs_and_is_not_overwritten(folder, tmp_path):
    target = tmp_path / "small.yaml"
    made = mrcpsim("leaks", folder, "--minimal", "-o", target)
    assert made.exit_code == 0
    assert "1 of 1763 calls still show close-never-answered" in made.output
    assert mrcpsim("check", target).exit_code == 0
    again = mrcpsim("leaks", folder, "--minimal", "-o", target)
    assert again.exit_code == 2
    assert "exists already; replace it with --force" in again.output


def test_minimal_of_a_log_and_a_bad_size_are_bad_usage(tmp_path, folder):
    log = tmp_path / "server.log"
    log.write_text("")
    assert "--minimal needs a result folder" in mrcpsim("leaks", log, "--minimal").output
    bad = mrcpsim("leaks", folder, "--memory", "lots")
    assert bad.exit_code == 2
    assert "--memory must be a size, such as 4GiB (got 'lots')" in bad.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--minimal", "--json"], "--minimal only writes a scenario: leave out --json"),
        (["--minimal", "--fail-on", "leaked.session_pool > 0"], "leave out --fail-on"),
        (["--cause", "close-never-answered"], "--cause: only with --minimal"),
        (["-o", "small.yaml"], "-o: only with --minimal"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(folder, options, said):
    done = mrcpsim("leaks", folder, *options)
    assert done.exit_code == 2
    assert said in done.output


def test_a_result_without_its_scenario_can_not_be_made_smaller(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "bare")
    (tmp_path / "bare" / "scenario.yaml").unlink()
    done = mrcpsim("leaks", tmp_path / "bare", "--minimal", "-o", tmp_path / "small.yaml")
    assert done.exit_code == 2
    assert "has no scenario.yaml to make smaller" in done.output


@pytest.mark.parametrize(
    ("place", "value"), [(("leaks", 0, "session"), "x"), (("horizon_s",), None), (("sessions", "created"), [])]
)
def test_an_edited_summary_is_one_clear_line(folder, tmp_path, place, value):
    shutil.copytree(folder, tmp_path / "edited")
    summary = tmp_path / "edited" / "summary.json"
    plain = inner = json.loads(summary.read_text())
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    summary.write_text(json.dumps(plain))
    done = mrcpsim("leaks", tmp_path / "edited")
    assert done.exit_code == 2
    assert "is not the summary of a result" in done.output
    assert f"{place[-1]}: expected" in done.output


def test_of_a_log_it_says_what_is_not_known_and_when_it_began():
    trace = Path(__file__).parents[1] / "data" / "traces" / "info20.log.xz"
    done = mrcpsim("leaks", trace, "--memory", "1GiB")
    assert done.exit_code == 0
    cause = next(line for line in done.stdout.splitlines() if line.startswith("close-never-answered"))
    assert "–" in cause  # bytes of its pools
    assert "0 B" not in cause
    assert "waits for the answer to close (Demo-Recog-1)\n" in done.stdout  # as of a simulated run
    assert "note: Times count from the log's first entry, 2026-11-23 " in done.stderr
    assert "note: INFO level" in done.stderr


def test_of_a_log_without_times_no_rate_is_invented(tmp_path):
    text = lzma.decompress((Path(__file__).parents[1] / "data" / "traces" / "info20.log.xz").read_bytes())
    bare = tmp_path / "bare.log"
    bare.write_bytes(re.sub(rb"(?m)^\S+ \S+ \d+ \[\w+\] +", b"", text))
    done = mrcpsim("leaks", bare)
    assert done.exit_code == 0
    assert "– per hour" in done.stdout
    assert "nan" not in done.stdout
    assert "∞" not in done.stdout
