"""The page of a capacity says how much, how sure and what breaks first, and can be made again from capacity.json."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from sim.cli.main import build
from sim.errors import ScenarioError
from sim.ledger.limits import Pressure
from sim.report.capacity import print_capacity
from sim.report.html import capacity_text, text_of
from sim.report.page.of_capacity import capacity_page, verdict
from sim.report.plain import limit_words, pressed
from sim.study.capacity import Capacity
from sim.study.capacity_folder import CAPACITY, load_capacity, write_capacity
from sim.study.search import Found

run = CliRunner().invoke


def test_the_verdict_is_the_value_its_interval_and_what_breaks_first(capacity_found: Capacity) -> None:
    assert verdict(capacity_found) == (
        "The targets hold up to 15 calls per second (90 % sure: between 14.7/s and 15.2/s). Beyond that, what runs out "
        "first: channels of plugin speechrecog, 100 % of 200 taken, 29.2 calls refused in an average run."
    )
    assert capacity_page(capacity_found).mood == "good"


def test_the_page_needs_no_path_of_a_scenario_to_be_understood(capacity_found: Capacity) -> None:
    """Paths stand in the command and the scenario, for who makes it again; names of limits and metrics are words."""
    shown = capacity_text(capacity_found).partition('id="provenance"')[0].partition("<body>")[2]
    for path in ("arrivals.rate", "engine_channel:", "tcp_connection", "rtp_port", "latency.invite_to_answer"):
        assert path not in shown, path
    assert "channels of plugin speechrecog" in shown
    other = verdict(replace(capacity_found, knob="calls.hold.mean", unit="s"))
    assert other.startswith("The targets hold up to calls.hold.mean = 15.0 s (90 % sure: between 14.7 s and 15.2 s).")


@pytest.mark.parametrize(
    ("limit", "words", "how"),
    [
        (Pressure("MRCP Server", "task", 0.5, 1.0), "thread MRCP Server", "50.0 % busy"),
        (Pressure("queue of NUA", "queue", 512.0, 1024.0, 3.0), "queue of NUA",
         "50.0 % of 1 024 places taken, 3 messages lost in an average run"),
        (Pressure("memory", "memory", 2**29, 2**30), "memory", "50.0 % of 1.00 GiB"),
        (Pressure("tcp_connection", "resource", 80.0, 100.0), "MRCP connections", "80.0 % of 100 taken"),
    ],
)  # fmt: skip
def test_each_kind_of_limit_has_words(limit: Pressure, words: str, how: str) -> None:
    assert (limit_words(limit), pressed(limit)) == (words, how)


def test_ends_of_the_range_are_no_answer_in_between(capacity_found: Capacity) -> None:
    below = replace(capacity_found, found=Found(None, 1.0, 1.0, "below", True, 0, ()), curve=())
    assert verdict(below).startswith(
        "A target is missed even at 1 call per second. There, what runs out first: channels of plugin speechrecog, "
    )
    assert capacity_page(below).mood == "bad"
    above = replace(capacity_found, found=Found(30.0, 30.0, 30.0, "above", True, None, ()), curve=(), breaks=())
    assert verdict(above) == "Every target holds up to 30 calls per second, the end of the range."
    page = capacity_page(above)
    assert page.mood == "warn"
    assert page.figures[0].value == "at least 30/s"
    assert all(capacity_text(found) for found in (below, above))


def test_a_target_that_holds_all_over_the_range_is_not_called_missed(capacity_found: Capacity) -> None:
    """Nor does a limit break that is far from reached: the terminal and the page name the nearest of each."""
    far = replace(capacity_found.breaks[1], peak=0.01, refused=0.0)
    found = Found(30.0, 30.0, 30.0, "above", True, 0, ())
    above = replace(capacity_found, found=found, curve=(), breaks=(far,))
    console = Console(width=200, record=True, file=io.StringIO())
    print_capacity(above, console)
    told = console.export_text()
    assert "missed first" not in told
    assert "breaks first" not in told
    assert f"nearest limit: {far.name}" in told
    page = capacity_page(above)
    assert [figure.name for figure in page.figures][1] == "nearest limit"
    text = capacity_text(above)
    assert "missed first" not in text
    assert "nearest to its bound" in text


def test_what_was_found_comes_back_from_its_folder(capacity_found: Capacity, tmp_path: Path) -> None:
    write_capacity(capacity_found, tmp_path)
    again = load_capacity(tmp_path)
    assert again.to_dict() == capacity_found.to_dict()
    assert again.reached_from == {"engine_channel:speechrecog": 15.0}
    assert capacity_text(again) == capacity_text(capacity_found) == text_of(tmp_path)
    assert len(capacity_text(again).encode()) < 200_000


@pytest.mark.parametrize(
    "broken",
    [
        {"reached": "sideways"}, {"value": None}, {"value": "15"}, {"value": True}, {"targets": []}, {"pressure": 3},
        {"targets": [{"target": "no condition", "value": 1, "low": 1, "high": 1, "binding": True}]},
        {"curve": [{"value": 1.0, "n": 4, "reached": []}]}, {"theory": [1]}, {"low": None},
    ],
)  # fmt: skip
def test_a_file_that_is_no_capacity_is_refused(
    capacity_found: Capacity, tmp_path: Path, broken: dict[str, Any]
) -> None:
    write_capacity(capacity_found, tmp_path)
    (tmp_path / CAPACITY).write_text(json.dumps({**capacity_found.to_dict(), **broken}), encoding="utf-8")
    with pytest.raises(ScenarioError, match="must be what `mrcpsim capacity --out` writes"):
        load_capacity(tmp_path)


def test_the_command_writes_a_folder_whose_page_report_makes_again(tmp_path: Path) -> None:
    out = tmp_path / "found"
    asked = [
        "capacity", "baseline", "--set", "duration=4s", "--set", "drain=1s", "--cache", str(tmp_path / "cache"), "-j",
        "1", "--target", "latency.invite_to_answer.p50 < 1us", "--range", "1/s:50/s", "--out", str(out), "--json",
    ]  # fmt: skip
    found = run(build(), asked)
    assert found.exit_code == 1, found.output  # no value in the range meets it; what was found is kept
    assert json.loads(found.stdout) == json.loads((out / CAPACITY).read_text(encoding="utf-8"))
    page = (out / "report.html").read_bytes()
    assert b"A target is missed even at 1 call per second." in page
    (out / "report.html").unlink()
    assert run(build(), ["report", str(out)]).exit_code == 0
    assert (out / "report.html").read_bytes() == page
    refused = run(build(), asked)
    assert refused.exit_code == 2
    assert "replace it with --force" in refused.output
    assert sorted(file.name for file in out.iterdir()) == ["capacity.json", "report.html", "scenario.yaml"]
    made = json.loads(found.stdout)["command"].split()
    assert made[:3] == ["mrcpsim", "capacity", "scenario.yaml"]
