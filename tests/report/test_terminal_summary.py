import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from sim.ledger.result import RunResult
from sim.ledger.summary import Expectation, ResourceUse, SessionCounts, Summary, Violation
from sim.report.page.of_result import page_of
from sim.report.terminal import found_value, print_summary

GOLDEN = Path(__file__).parent / "golden"


def printed(summary: Summary, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_summary(summary, console, "reports/close-never")
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


@pytest.mark.parametrize("width", [120, 80])
def test_the_summary_looks_as_agreed(result: RunResult, width: int) -> None:
    assert printed(result.summary, width) == (GOLDEN / f"close-never-{width}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 60])
def test_a_narrow_terminal_cuts_nothing_off(result: RunResult, width: int) -> None:
    text = printed(result.summary, width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    assert re.search(r"close-never-answered +3 ", text)
    assert re.search(r"MRCP Server .*%", text)


def test_counts_that_are_zero_are_printed() -> None:
    summary = Summary("x", 1, "simpy", 10.0, resources={"session_pool": ResourceUse()})
    text = printed(summary)
    assert re.search(r"session_pool +0 +0 +0 +0 +0 +– +– +–", text)
    assert "There was no session at all." in text
    assert "Lifetime violations  0" in text
    assert "Leaks  0" in text
    assert len(re.findall(r"^(?:[^ ]+ )+ +0( +–){5}$", text, re.MULTILINE)) == 7  # every latency, without samples


def test_the_first_lines_say_what_is_wrong() -> None:
    counts = SessionCounts(arrived=10, leaked=1, live=2, crashed_at_s=75.0, blocking=0.001)
    first = " ".join(printed(Summary("x", 1, "simpy", 90.0, sessions=counts, partial=True)).split("\n\n")[0].split())
    assert first == (
        "x seed 1 · simpy · 1 min 30 s simulated INTERRUPTED: this is what was finished "
        "The server crashed at 1 min 15 s. "
        "1 session leaked: nothing can release it. 2 sessions still live at the end. "
        "0.100 % of the calls were refused for want of a resource."
    )


def test_many_violations_are_counted_and_only_the_first_spelt_out() -> None:
    violations = [Violation(float(i), i, "use-after-free", "pool of session") for i in range(20)]
    text = printed(Summary("x", 1, "simpy", 10.0, violations=violations))
    assert "Lifetime violations  20  use-after-free × 20" in text
    assert text.count("use-after-free: pool of session") == 5
    assert "… and 15 more in summary.json" in text


def test_the_nearest_limit_is_the_one_used_most() -> None:
    uses = {"a": ResourceUse(peak=9, limit=10), "b": ResourceUse(peak=10, limit=100), "c": ResourceUse(peak=999)}
    assert "nearest limit: a, at its peak 9 of 10\n" in printed(Summary("x", 1, "simpy", 10.0, resources=uses))
    unlimited = Summary("x", 1, "simpy", 10.0, resources={"c": ResourceUse(peak=999)})
    assert "no resource has a limit" in printed(unlimited)


def test_markup_in_a_name_is_only_text(result: RunResult) -> None:
    assert "[bold]x[/bold]" in printed(replace(result.summary, scenario="[bold]x[/bold]"))


@pytest.mark.parametrize(
    ("condition", "value", "told"),
    [
        ("latency.invite_to_answer.p99 < 10ms", 0.0123, "12.3 ms"), ("latency.invite_to_answer.n > 3", 12, "12"),
        ("tasks.MRCP Server.wait.p95 < 1ms", 0.00012, "120 µs"), ("sessions.blocking < 0.01", 0.0194, "1.94 %"),
        ("resources.session_pool.bytes_peak < 1MiB", 4096, "4.00 KiB"), ("sessions.leaked == 0", 3, "3"),
        ("sessions.leaked == 0", None, "no value"), ("of.another.version < 3", 2.5, "2.5"),
    ],
)  # fmt: skip
def test_what_a_condition_found_has_its_unit_on_the_page_too(condition: str, value: float | None, told: str) -> None:
    item = Expectation(condition, value, False)
    assert found_value(item) == told
    summary = Summary("x", 1, "simpy", 10.0, expect=[item])
    page = page_of(RunResult(summary))
    expected = next(section for section in page.sections if section.id == "expected").parts[0].table
    assert expected is not None
    assert expected.rows[0][2].shown == told
