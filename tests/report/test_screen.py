"""What a run prints fits a screen: the verdict, what is unusual, the nearest limits; plain where programs read it."""

import io
import re
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from sim.cli.main import plain
from sim.ledger.result import RunResult
from sim.ledger.summary import ResourceUse, SessionCounts, Summary
from sim.report.screen import bar, print_screen


def printed(summary: Summary, width: int = 80, terminal: bool = True, colour: bool = False) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=terminal, color_system="standard" if colour else None
    )
    print_screen(summary, console, "reports/close-never")
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("width", [60, 80, 200])
def test_it_fits_the_screen_and_cuts_nothing_off(result: RunResult, width: int) -> None:
    text = printed(result.summary, width)
    assert max(map(len, text.splitlines())) <= width
    assert len(text.splitlines()) <= (32 if width == 60 else 25)
    assert "…" not in text


def test_it_says_what_is_wrong_why_and_which_limit_was_reached(result: RunResult) -> None:
    text = printed(result.summary)
    assert "3 sessions leaked: nothing can release them." in text
    assert re.search(r"close-never-answered +speechrecog +█+ +3 +leaked", text)
    assert "For example session 41: the plugin took" in text
    assert re.search(r"double-close +1 +lifetime violations", text)
    assert re.search(r"rejected +20 +calls: 404 × 8, 406 × 12", text)
    limits = text.split("Nearest limits\n")[1]
    assert re.match(r"channels of plugin speechrecog +█+ +100 % +42 of 42, 12 refused", limits)
    assert "✗  latency.invite_to_answer.p99 < 10ms  found 12.3 ms" in text
    assert "✓" not in text  # what holds is counted
    assert "1 of 3 expectations holds" in text
    assert "--full" in text


def test_counts_that_should_be_zero_are_printed_and_a_healthy_run_is_called_so() -> None:
    uses = {"rtp_port": ResourceUse(peak=5, limit=10)}
    text = printed(Summary("x", 1, "simpy", 10.0, SessionCounts(arrived=3, created=3, answered=3, released=3), uses))
    assert "Calls   3 arrived, 3 answered, 0 rejected, 3 released, 0 live, 0 leaked" in text
    assert "Nothing unusual." in text
    assert re.search(r"RTP ports +██████ +50.0 %", text)


def test_a_pipe_gets_no_bars_and_no_colour(result: RunResult) -> None:
    text = printed(result.summary, 132, terminal=False)
    assert "█" not in text
    assert "\x1b" not in text
    assert re.search(r"close-never-answered +speechrecog +3 +leaked", text)


def test_no_color_takes_the_colours_away(result: RunResult, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in printed(result.summary, colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", printed(result.summary, colour=True))


@pytest.mark.parametrize(
    ("part", "shown"), [(0.0, "        "), (0.5, "████    "), (0.01, "▏       "), (2.0, "████████")]
)
def test_a_bar_is_as_long_as_its_part(part: float, shown: str) -> None:
    assert bar(part, 8, plain=False) == shown
    assert bar(part, 8, plain=True) == "#" * round(min(part, 1.0) * 8) + " " * (8 - round(min(part, 1.0) * 8))


def test_a_terminal_without_unicode_gets_signs_that_it_has(result: RunResult, monkeypatch: pytest.MonkeyPatch) -> None:
    import codecs

    codecs.register_error("plain", plain)
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="plain")
    monkeypatch.setattr(sys, "stdout", stream)
    console = Console(file=stream, width=80, force_terminal=True, color_system=None)
    print_screen(replace(result.summary, scenario="Zürich"), console)
    stream.flush()
    text = stream.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "Z?rich  seed 1 - simpy" in text
    assert re.search(r"close-never-answered +speechrecog +#+ +3 ", text)
    assert "x  latency.invite_to_answer.p99" in text
    assert max(map(len, text.splitlines())) <= 80
