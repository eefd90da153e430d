"""The fault table agrees with the documented one, row for row; an overload shows the measured order of events."""

from collections import Counter
from pathlib import Path

import pytest
from leaks.fault_runs import run_shipped

from sim.report.catalogue import catalogue, cells_of, disagreements
from sim.report.overload import order_of_events
from sim.study.shipped_faults import BELOW_OVERLOAD, OVERLOAD, ROWS, run_rows

REPORT = Path(__file__).resolve().parents[2] / "reports" / "fault-catalogue.md"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.scenario)
def test_the_model_does_what_the_documented_row_says(row):
    assert disagreements(row, cells_of(run_shipped(row.scenario))) == []


def test_a_cell_that_says_something_else_is_a_disagreement():
    row = next(row for row in ROWS if row.scenario == "faults/close-never")
    wrong = ("no final answer", "stuck TERMINATING (3)", "freed", "leaked (3)", "leaked (3)")
    assert disagreements(row, wrong) == ["'BYE 200' expected", "'leaked' expected", "'freed' expected"]


def test_the_report_has_every_row_and_is_the_committed_one():
    results = run_rows()
    text = catalogue(ROWS, results)
    table = [line for line in text.splitlines() if line.startswith("| [")]
    assert len(table) == len(ROWS)
    assert all(line.endswith("| yes |") for line in table)
    committed = [line for line in REPORT.read_text().splitlines() if line.startswith("| [")]
    assert [line.split("|")[1] for line in committed] == [line.split("|")[1] for line in table]
    assert all(line.endswith("| yes |") for line in committed)
    below = results[f"{OVERLOAD} at {BELOW_OVERLOAD:.0%}"].summary
    assert below.sessions.leaked == 0
    assert below.sessions.live == 0
    assert below.sessions.arrived == pytest.approx(0.4 * 8000, abs=1)
    assert below.tasks["MRCP Server"].queue_peak < 512
    assert below.latency["invite_to_answer"].p99 < 0.03


def test_an_overload_goes_as_measured_on_the_real_server():
    result = run_shipped(OVERLOAD)
    events = [event.what for event in order_of_events(result)]
    first = {word: next(i for i, what in enumerate(events) if word in what) for word in (
        "latency has grown", "holds 1024 messages", "a producer blocks", "tick stalls", "message is lost",
    )}  # fmt: skip
    assert first["latency has grown"] < first["holds 1024 messages"] < first["a producer blocks"]
    assert first["a producer blocks"] < first["tick stalls"]
    assert first["a producer blocks"] < first["message is lost"]
    lost = [what.rpartition(": ")[2] for what in events if "message is lost" in what]
    assert sorted(lost) == ["terminating", "without an answer", "without an offer"]
    states = Counter(leak.state for leak in result.leaks)
    terminating = states["ACTIVE"] + states["DEACTIVATING"] + states["TERMINATING"]
    # measured: 28 without an offer, 67 without an answer, 154 terminating
    assert states["NONE"] < states["GENERATING_ANSWER"] + states["INITIALIZING"] < terminating
    assert {leak.cause for leak in result.leaks} == {"message-lost"}
