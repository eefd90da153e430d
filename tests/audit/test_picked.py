"""Logs from which lines were picked by their words, with names masked, or shuffled: a healthy server stays healthy."""

import random
import re
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest
from audit.serverlog import SIP, Call, Log
from audit.traces import text_of
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.errors import LogError
from sim.ledger.summary import Summary
from sim.logs.reading.wording import recognise

HEAD = re.compile(rb"\d{4}-\d\d-\d\d (\d\d:\d\d:\d\d):\d{6} \d+ \[(\w+)\] *")
Entries = list[tuple[str, bytes]]


@cache
def entries(trace: str, level: str) -> Entries:
    """Each entry with its lines, and the words of the table that it begins with ("" for those that are not in it)."""
    found: Entries = []
    begins = [m.start() for m in re.finditer(rb"(?m)^\d{4}-", text_of(trace))]
    for begin, end in zip(begins, [*begins[1:], len(text_of(trace))], strict=True):
        entry = text_of(trace)[begin:end]
        head = HEAD.match(entry)
        assert head is not None
        if level == "INFO" and head[2] == b"DEBUG":
            continue
        known = recognise(entry[head.end() :].splitlines()[0].rstrip())
        found.append((known[0].text if known is not None else "", entry))
    return found


def audit(text: bytes, tmp_path: Path) -> sim.RunResult:
    path = tmp_path / "server.log"
    path.write_bytes(text)
    return sim.audit_log(path)


def claims(summary: Summary) -> tuple[int, int, int, list[str]]:
    hangs = [found.kind for found in summary.findings if found.kind == "task-stands-still"]
    return summary.sessions.leaked, len(summary.violations), summary.sessions.crashed, hangs


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_no_kind_of_line_that_is_left_out_makes_a_leak(level: str, tmp_path: Path) -> None:
    """Without "Process Message" four tasks of a healthy server stood still."""
    known = entries("base20", level)
    used = {"Process Message [{task}] [{message}]", "Wait for Messages [{task}]"} if level == "DEBUG" else set()
    used |= {text for text, _ in known if re.search(r"Session|Channel|SIP|Offer|Answer|Media", text)}
    for kind in sorted(used):
        summary = audit(b"".join(entry for text, entry in known if text != kind), tmp_path).summary
        assert claims(summary) == (0, 0, 0, []), kind


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_no_pick_of_lines_makes_a_leak(share: float, level: str, tmp_path: Path) -> None:
    """Up to 580 of 600 healthy sessions were said to have leaked, 338 to be used after their end."""
    known = entries("base20", level)
    draw = random.Random(f"{share} {level}")
    kinds = sorted({text for text, _ in known})
    for _ in range(20):
        left = {kind for kind in kinds if draw.random() < share}
        summary = audit(b"".join(entry for text, entry in known if text in left), tmp_path).summary
        assert claims(summary) == (0, 0, 0, []), sorted(left)


BEGINNINGS = ("Create Session", "Add Session", "SIP Call State")


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_no_two_kinds_of_lines_that_are_picked_make_a_leak(beginning: str, tmp_path: Path) -> None:
    """All 100 healthy sessions had leaked in a pick of two kinds, or waited for a server task that hung."""
    known = entries("noack", "DEBUG")
    kinds = sorted({text for text, _ in known})
    for first in (kind for kind in kinds if kind.startswith(beginning)):
        for second in kinds:
            summary = audit(b"".join(entry for text, entry in known if text in (first, second)), tmp_path).summary
            assert claims(summary) == (0, 0, 0, []), (first, second)


def test_no_kind_of_line_that_is_left_out_besides_the_answers_makes_a_caller_that_is_gone(tmp_path: Path) -> None:
    """ "its caller never acknowledged the answer, 17758635 h 20 min before the log ends" was said of healthy calls."""
    known = entries("base20", "DEBUG")[:6000]
    answer = next(text for text, _ in known if text.startswith("Send Answer"))
    for kind in sorted({text for text, _ in known}):
        summary = audit(b"".join(entry for text, entry in known if text not in (answer, kind)), tmp_path).summary
        assert claims(summary) == (0, 0, 0, []), kind


WORDS = {"create or destroy": rb"estroy|reate", "session": rb"ession"}


@pytest.mark.parametrize(("words", "leaked"), [("create or destroy", 0), ("session", 24)])
def test_the_leaks_that_a_pick_shows_are_still_named(words: str, leaked: int, tmp_path: Path) -> None:
    """262 of 600 healthy sessions "waited for their OFFER" in what `grep` had left of their log."""
    for trace, really in (("base20", 0), ("leak2", leaked)):
        picked = [line for line in text_of(trace).splitlines(keepends=True) if re.search(WORDS[words], line)]
        found = audit(b"".join(picked), tmp_path)
        assert found.summary.sessions.leaked == really, trace
        assert any("Lines were taken out of this log" in note for note in found.provenance["notes"])


def test_no_condition_passes_where_no_end_of_a_session_is_left(tmp_path: Path) -> None:
    path = tmp_path / "picked.log"
    words = WORDS["create or destroy"]
    path.write_bytes(b"".join(entry for _, entry in entries("base20", "DEBUG") if re.search(words, entry)))
    done = CliRunner().invoke(build(), ["audit", str(path), "--fail-on", "sessions.leaked > 0", "--no-progress"])
    assert done.exit_code == 2
    assert "none that is left shows how a session ends" in " ".join(done.output.split())


MASKS = {"ids": (rb"\b[0-9a-f]{16}\b", rb"XXXXXXXXXXXXXXXX"), "addresses": (rb"0x[0-9a-f]+", rb"0x***")}


@pytest.mark.parametrize("what", MASKS)
def test_a_log_whose_names_were_made_alike_is_refused(what: str, tmp_path: Path) -> None:
    """53 leaks and 659 violations, or 1198, were told of a healthy server."""
    old, new = MASKS[what]
    with pytest.raises(LogError, match=r"an id and an address of its own for each session .* were they masked"):
        audit(re.sub(old, new, text_of("base20")), tmp_path)


def test_names_that_were_replaced_one_by_one_are_as_good(tmp_path: Path) -> None:
    names: dict[bytes, bytes] = {}
    text = re.sub(
        rb"\b[0-9a-f]{16}\b", lambda found: names.setdefault(found[0], b"call-%d" % len(names)), text_of("leak2")
    )
    assert audit(text, tmp_path).summary.sessions.leaked == 24


def test_a_log_that_was_shuffled_within_each_millisecond_is_refused(tmp_path: Path) -> None:
    """189 leaks and 452 violations were told of a healthy server, which had "crashed at -899 µs"."""
    draw = random.Random(1)
    mixed: list[bytes] = []
    for _, group in groupby((entry for _, entry in entries("base20", "DEBUG")), key=lambda entry: entry[:23]):
        together = list(group)
        draw.shuffle(together)
        mixed += together
    with pytest.raises(LogError, match=r"in order of time \(got \d+ of the first \d+ back in time\)"):
        audit(b"".join(mixed), tmp_path)


def _written_late(known: list[bytes], late_s: float) -> bytes:
    """Each entry up to so much later in the file than its time says, those of one thread in their order."""
    draw, last, mixed = random.Random(1), dict[str, float](), []
    for number, entry in enumerate(known):
        time, thread = entry[:26].decode(), entry[27:42].decode()
        clock = sum(float(part) * unit for part, unit in zip(time[11:].split(":"), (3600, 60, 1, 1e-6), strict=True))
        last[thread] = max(last.get(thread, 0.0), clock + late_s * draw.random())
        mixed.append((last[thread], number, entry))
    return b"".join(entry for *_, entry in sorted(mixed))


@pytest.mark.parametrize("late_s", [100e-6, 1e-3, 50e-3])
def test_entries_that_threads_write_late_are_read_in_order_of_time(late_s: float, tmp_path: Path) -> None:
    """Entries 1 ms late gave 206 violations and a leak of a healthy server."""
    mixed = _written_late([entry for _, entry in entries("poisson10", "DEBUG")], late_s)
    assert mixed != text_of("poisson10")
    assert claims(audit(mixed, tmp_path).summary) == (0, 0, 0, [])
    faulty = _written_late([entry for _, entry in entries("dbl", "DEBUG")], late_s)
    assert len(audit(faulty, tmp_path).summary.violations) == 104


def test_a_clock_that_is_set_back_mixes_no_entries(tmp_path: Path) -> None:
    lines = text_of("base20").splitlines(keepends=True)
    half = len(lines) // 2
    back = b"".join(lines[half:])
    set_back = re.compile(rb"(?m)^(\d{4}-\d\d-\d\d) (\d\d):(\d\d):(\d\d)")

    def earlier(match: re.Match[bytes]) -> bytes:
        seconds = (int(match[2]) * 60 + int(match[3])) * 60 + int(match[4]) - 5
        return b"%s %02d:%02d:%02d" % (match[1], seconds // 3600, seconds // 60 % 60, seconds % 60)

    assert claims(audit(b"".join(lines[:half]) + set_back.sub(earlier, back), tmp_path).summary) == (0, 0, 0, [])


def test_the_wait_for_the_first_call_does_not_hide_a_hole(tmp_path: Path) -> None:
    """A session in its set-up where a sixth of the log was missing had lost a message."""
    lines = text_of("base20").splitlines(keepends=True)
    found = audit(b"".join(lines[: len(lines) // 3] + lines[len(lines) // 2 :]), tmp_path)
    assert found.summary.sessions.leaked == 0


def test_a_log_folded_at_80_columns_has_no_task_that_stands_still_for_nobody(tmp_path: Path) -> None:
    lines = text_of("base20").decode().splitlines()
    folded = "\n".join(line[at : at + 80] for line in lines for at in range(0, max(len(line), 1), 80))
    assert claims(audit(folded.encode(), tmp_path).summary) == (0, 0, 0, [])


def test_a_log_of_mostly_other_lines_says_so_first(tmp_path: Path) -> None:
    lines = text_of("unknown").splitlines(keepends=True)
    (finding,) = audit(b"".join(line + 3 * b"another program at work\n" for line in lines), tmp_path).summary.findings
    assert finding.kind == "mostly-other-lines"
    assert finding.text.startswith("Most lines of this log are none that a server is known to write: ")


def test_calls_of_a_log_without_answers_are_not_left_to_look_unanswered(tmp_path: Path) -> None:
    picked = b"".join(entry for _, entry in entries("base20", "INFO") if b"[NOTICE]" in entry[:80])
    notes = audit(picked, tmp_path).provenance["notes"]
    assert any('No line of this log tells of an answer ("Send Answer"' in note for note in notes)


def test_invites_that_wait_for_a_server_task_that_hangs_are_not_said_to_have_been_answered(tmp_path: Path) -> None:
    log = Log("INFO")
    for _ in range(3):
        Call(log).invite()
        log.wait(20.0)
    log.say(SIP, "x")
    found = audit(log.bytes, tmp_path)
    assert found.summary.findings[0].kind == "task-stands-still"
    assert not any("No line of this log tells" in note for note in found.provenance["notes"])
