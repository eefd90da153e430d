"""A comparison's folder holds all that its page needs: the page made again has the same bytes."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.comparison.compare import SideBySide, compare
from sim.comparison.comparison_folder import COMPARISON, load_comparison, write_comparison
from sim.comparison.fail_on import hold_to
from sim.errors import ScenarioError
from sim.ledger.result import ResultFolder
from sim.report.html import comparison_text, text_of
from sim.scenario import load_scenario
from sim.theory.intervals import Estimate

run = CliRunner().invoke
SHORT = {"name": "short", "duration": "15s", "drain": "15s", "arrivals": {"rate": "10/s"}, "calls": {"hold": "1s"}}
LEAKY = {**SHORT, "name": "leaky", "plugins": {"speechrecog": {"close": {"never": 0.1}}}}


@pytest.fixture(scope="module")
def found() -> SideBySide:
    results = [sim.run(load_scenario(one), seed=2, ledger="sessions", engine="simpy") for one in (SHORT, LEAKY)]
    return compare(*results)


def test_what_was_compared_comes_back_with_the_same_verdicts(found: SideBySide, tmp_path: Path) -> None:
    held = hold_to(["worse > 0"], found)
    write_comparison(found, held, "mrcpsim compare a b", tmp_path)
    again, held_again, command = load_comparison(tmp_path)
    assert again.to_dict() == found.to_dict()
    assert held_again == held
    assert [row.label for row in again.rows] == [row.label for row in found.rows]
    assert again.lives["leaky"].held == found.lives["leaky"].held > 0
    assert comparison_text(again, held_again, command) == text_of(tmp_path)
    page = text_of(tmp_path)
    assert "mrcpsim compare a b" in page
    assert "still held" in page


def test_an_interval_that_is_open_at_an_end_stays_so(found: SideBySide, tmp_path: Path) -> None:
    first, *rest = [row for row in found.rows if row.difference is not None]
    open_ended = replace(first, difference=Estimate(0.0, -0.5, math.inf))
    write_comparison(replace(found, rows=(open_ended, *rest)), (), "", tmp_path)
    again = load_comparison(tmp_path)[0].rows[0].difference
    assert again is not None
    assert (again.low, again.high) == (-0.5, math.inf)


@pytest.mark.parametrize(
    "broken",
    [
        {"results": []}, {"results": "ab"}, {"rows": [{"name": 1}]}, {"lifetimes": 3},
        {"once": [{"name": "x", "values": [1], "limits": []}]},
        {"lifetimes": {"short": {"pools": 1}}}, {"conditions": [4]}, {"command": None, "notes": 7},
    ],
)  # fmt: skip
def test_a_file_that_is_no_comparison_is_refused(found: SideBySide, tmp_path: Path, broken: dict[str, Any]) -> None:
    write_comparison(found, (), "", tmp_path)
    plain = json.loads((tmp_path / COMPARISON).read_text(encoding="utf-8"))
    (tmp_path / COMPARISON).write_text(json.dumps({**plain, **broken}), encoding="utf-8")
    with pytest.raises(ScenarioError, match="must be what `mrcpsim compare --out` writes"):
        load_comparison(tmp_path)


def test_the_command_writes_a_folder_whose_page_report_makes_again(tmp_path: Path) -> None:
    for scenario in (SHORT, LEAKY):
        with ResultFolder(tmp_path / str(scenario["name"])) as folder:
            folder.commit(sim.run(load_scenario(scenario), seed=2, ledger="sessions", engine="simpy"))
    out = tmp_path / "both"
    asked = ["compare", str(tmp_path / "short"), str(tmp_path / "leaky"), "--names", "before,after",
             "--fail-on", "worse > 0", "--out", str(out), "--json"]  # fmt: skip
    made = run(build(), asked)
    assert made.exit_code == 1, made.output  # the leak is worse
    kept = json.loads((out / COMPARISON).read_text(encoding="utf-8"))
    printed = json.loads(made.stdout)
    assert {key: kept[key] for key in printed} == printed
    page = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    assert run(build(), ["report", str(out)]).exit_code == 0
    assert (out / "report.html").read_bytes() == page
    assert b"--names before,after --fail-on" in page
    refused = run(build(), asked)
    assert refused.exit_code == 2
    assert "replace it with --force" in refused.output
