"""Healthy servers whose logs stop anywhere are not suspected; a leak of 2 % is named from the first third on."""

import io
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from sim.audit.audit import audit_log, result_of
from sim.audit.auditor import Auditor
from sim.engine.run import run
from sim.leaks.outlook import LeakReport, leak_report
from sim.ledger.sink import MemorySink
from sim.logs.reading.header import detect
from sim.logs.writing.write import write_log
from sim.report.leaks import print_leaks
from sim.scenario import load_scenario

TRACES = Path(__file__).parent.parent / "data" / "traces"
FIELD = TRACES.parent / "field"


def cuts(name: str, percents: range) -> Iterator[tuple[int, LeakReport]]:
    """The report on the first so many percent of the lines of a trace."""
    lines = lzma.decompress((TRACES / f"{name}.log.xz").read_bytes()).splitlines(keepends=True)
    layout = detect(lines[:500])
    for percent in percents:
        sink = MemorySink()
        auditor = Auditor(sink)
        auditor.begin(layout)
        auditor.feed(b"".join(lines[: len(lines) * percent // 100]))
        summary = auditor.finish(name)
        yield percent, leak_report(result_of(auditor, summary, sink, "sessions", [name]))


@pytest.mark.parametrize("name", ["base20", "poisson10", "pools", "rtpfull", "unknown"])
def test_no_cut_of_a_healthy_trace_gives_suspicion(name: str) -> None:
    reports = dict(cuts(name, range(2, 101, 2)))
    assert {report.memory.verdict for report in reports.values()} <= {"healthy", "high water", "unknown"}
    assert all(not report.groups and not report.exhausted for report in reports.values())
    last = reports[100]
    assert (last.judged, last.calls) == (last.calls, last.calls)
    assert all(report.would_show is None for report in reports.values() if not report.judged)


def test_a_leak_of_2_percent_is_named_from_the_first_third_on() -> None:
    for percent, report in cuts("leak2", range(34, 101, 6)):
        assert report.memory.verdict == "leak", percent
        (group,) = report.groups
        assert (group.cause, group.plugin) == ("close-never-answered", "Demo-Recog-1")
        assert report.leak_probability.low < 0.02 < report.leak_probability.high, percent
        assert report.would_show is None


def test_callers_that_do_not_acknowledge_are_not_suspected_while_a_timer_runs() -> None:
    assert {report.memory.verdict for _, report in cuts("noack", range(90, 100, 2))} == {"healthy"}


def test_the_power_of_the_log_is_said() -> None:
    ((_, report),) = cuts("poisson10", range(30, 31))
    console = Console(file=io.StringIO(), width=140)
    print_leaks(report, [], [], console, 5)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert f"A leak of 1 call in {int(1 / report.would_show)} or more would have shown" in text
    assert f"95% exact, {report.judged} calls seen to end" in text
    assert 40 < 1 / report.would_show < 80


def test_a_server_that_is_still_filling_is_not_suspected() -> None:
    """1 call/s, each held 20 s, read after 60 s: 20 pools held, none older than any that ended."""
    report = leak_report(audit_log(FIELD / "01-healthy-cut.log.xz"))
    assert (report.memory.verdict, report.memory.held, report.memory.overdue) == ("healthy", 20, 0)
    assert "none older than calls get (up to 20.0 s so far)" in report.memory.text
    assert report.memory.slope_per_hour is None  # the data span three holding times
    assert int(1 / report.would_show) == 13  # 40 calls ended


@pytest.mark.parametrize("rate", ["0.5/s", "3/s"])
def test_a_few_calls_that_last_a_hundred_times_as_long_are_not_suspected(rate: str, tmp_path: Path) -> None:
    """Nine of ten calls of 2 s, one of 200 s, read after 60 s: no long one has ended yet."""
    hold = {"dist": "mixture", "parts": [{"weight": 9, "of": "2s"}, {"weight": 1, "of": "200s"}]}
    calls = {"hold": hold, "requests": 0}
    mapping = {"name": "two-kinds", "duration": "60s", "drain": "0s", "arrivals": {"rate": rate}, "calls": calls}
    write_log(run(load_scenario(mapping), seed=2, engine="simpy", ledger="full"), tmp_path / "x.log", level="INFO")
    memory = leak_report(audit_log(tmp_path / "x.log")).memory
    assert (memory.verdict, memory.overdue, memory.slope_per_hour) == ("healthy", 0, None)
    assert memory.held > 0
