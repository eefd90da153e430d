"""The same log in any form a user may have it gives the same audit."""

import gzip
import io
import itertools
import lzma
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from audit.traces import text_of, truth_of

from sim.audit.audit import audit_logs
from sim.errors import LogError
from sim.ledger.result import RunResult

HEADER = re.compile(rb"^(\S+) (\S+) (\d+) (\[\w+\] +)", re.MULTILINE)
COMBINATIONS = [
    set(c) for n in range(6) for c in itertools.combinations(("DATE", "TIME", "MARK", "THREAD", "PRIORITY"), n)
]


@pytest.fixture(scope="module")
def reference() -> RunResult:
    return audit(text_of("noack"))


def audit(*parts: bytes) -> RunResult:
    """As standard input for one part; rotated parts in the test below."""
    import sys

    (text,) = parts
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(text))
    try:
        return audit_logs(["-"], name="log")
    finally:
        sys.stdin = before


def same(found: RunResult, expected: RunResult) -> None:
    """Equal in everything that the form of a log can not change."""
    plain, wanted = found.summary.to_dict(), expected.summary.to_dict()
    for part in ("sessions", "latency", "violations", "leaks", "tasks"):
        assert plain[part] == wanted[part], part
    assert {k: (v["acquired"], v["peak"], v["held"]) for k, v in plain["resources"].items()} == {
        k: (v["acquired"], v["peak"], v["held"]) for k, v in wanted["resources"].items()
    }
    assert found.sessions is not None
    assert expected.sessions is not None
    assert found.sessions.equals(expected.sessions)


def with_headers(text: bytes, headers: set[str]) -> bytes:
    lines = itertools.count(100)

    def rewrite(match: re.Match[bytes]) -> bytes:
        date, time, thread, priority = match.groups()
        mark = b"..\\..\\libs\\some dir\\src\\mrcp_server.c:%03d" % (next(lines) % 1500)
        parts = [("DATE", date), ("TIME", time), ("MARK", mark), ("THREAD", thread)]
        return b"".join(part + b" " for name, part in parts if name in headers) + (
            priority if "PRIORITY" in headers else b""
        )

    return HEADER.sub(rewrite, text)


@pytest.mark.parametrize("headers", COMBINATIONS, ids=lambda h: ",".join(sorted(h)) or "none")
def test_any_combination_of_headers(headers: set[str], reference: RunResult) -> None:
    found = audit(with_headers(text_of("noack"), headers))
    counts, wanted = found.summary.sessions, reference.summary.sessions
    assert (counts.created, counts.released, counts.answered) == (wanted.created, wanted.released, wanted.answered)
    assert found.summary.violations == ()
    assert counts.crashed_at_s is None
    assert not any("began again" in note for note in found.provenance["notes"])
    if "TIME" in headers:
        assert found.summary.latency == reference.summary.latency
        assert found.summary.resources == reference.summary.resources
        if "THREAD" in headers:
            same(found, reference)
        else:
            for task, use in reference.summary.tasks.items():
                assert found.summary.tasks[task].wait == use.wait
    else:
        assert found.summary.latency["invite_to_answer"].n == 0
        assert any("no TIME header" in note for note in found.provenance["notes"])
    shown = ",".join(h for h in ("DATE", "TIME", "PRIORITY", "MARK", "THREAD") if h in headers) or "none"
    assert found.provenance["headers"] == [shown]


def test_thread_ids_of_any_length(reference: RunResult) -> None:
    ids: dict[bytes, bytes] = {}

    def rewrite(match: re.Match[bytes]) -> bytes:
        digits = (5, 6, 8, 9, 15, 16, 19, 20)[len(ids) % 8]
        thread = ids.setdefault(match[3], b"%d" % (10 ** (digits - 1) + len(ids)))
        return b"%s %s %s %s" % (match[1], match[2], thread, match[4])

    same(audit(HEADER.sub(rewrite, text_of("noack"))), reference)


@pytest.mark.parametrize(
    "headers", [{"TIME", "PRIORITY"}, {"DATE", "TIME", "MARK"}, set()], ids=lambda h: ",".join(sorted(h)) or "none"
)
@pytest.mark.parametrize("name", ["recogdrop", "info20"])
def test_leaks_keep_their_causes_under_other_headers(name: str, headers: set[str]) -> None:
    found = audit(with_headers(text_of(name), headers))
    assert found.sessions is not None
    leaked = found.sessions[found.sessions["outcome"] == "leaked"]
    assert sorted(leaked["name"]) == sorted(truth_of(name)["not_destroyed"])
    assert {leak.cause for leak in found.leaks} == {
        "request-never-answered" if name == "recogdrop" else "close-never-answered"
    }


def test_crlf_line_ends(reference: RunResult) -> None:
    same(audit(text_of("noack").replace(b"\n", b"\r\n")), reference)


def test_gzip_and_xz_from_standard_input(reference: RunResult) -> None:
    same(audit(gzip.compress(text_of("noack"))), reference)
    same(audit(lzma.compress(text_of("noack"), preset=0)), reference)


def test_a_damaged_archive_is_said_clearly(tmp_path: Path) -> None:
    whole = gzip.compress(text_of("noack"), 1)
    path = tmp_path / "1.log.gz"
    path.write_bytes(whole[:5000] + b"x" * 5000 + whole[10000:])
    with pytest.raises(LogError, match=r"1\.log\.gz: the compressed file is damaged"):
        audit_logs([path])


@pytest.mark.parametrize("pack", [lambda text: gzip.compress(text, 1), lambda text: lzma.compress(text, preset=0)])
def test_an_archive_that_ends_early_is_read_up_to_there(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    whole = pack(text_of("noack"))
    path = tmp_path / "server.log.gz"
    path.write_bytes(whole[: len(whole) // 2])
    found = audit_logs([path])
    assert 20 < found.summary.sessions.created < 90
    assert found.provenance["not_understood"] <= 1
    assert any("server.log.gz ends early" in note for note in found.provenance["notes"])
    path.write_bytes(whole[:15])
    with pytest.raises(LogError, match=r"server\.log\.gz: the compressed file ends before anything"):
        audit_logs([path])


@pytest.mark.parametrize("end", [b"\r\r\n", b" \n", b"\t \r\n"])
def test_blanks_before_the_line_end_do_not_matter(end: bytes, reference: RunResult) -> None:
    found = audit(text_of("noack").replace(b"\n", end))
    same(found, reference)
    assert found.provenance["not_understood"] == 0


def test_line_ends_of_cr_only_are_read_and_noted(reference: RunResult) -> None:
    found = audit(text_of("noack").replace(b"\n", b"\r"))
    same(found, reference)
    assert any("CR only" in note for note in found.provenance["notes"])


def test_without_any_header_the_servers_own_lines_are_understood() -> None:
    assert audit(with_headers(text_of("leak2"), set())).provenance["not_understood"] == 0
    text = with_headers(text_of("noack"), set()).replace(
        b"MRCP Server Started\n", b"MRCP Server Started\nMy plugin 1\n"
    )
    assert audit(text).provenance["not_understood_first"][0].endswith("My plugin 1'")


@pytest.mark.parametrize("at_lines", [True, False], ids=["at line ends", "anywhere"])
def test_rotated_parts_in_any_order(tmp_path: Path, reference: RunResult, at_lines: bool) -> None:
    text, rng = text_of("noack"), random.Random(3)
    cuts = sorted(rng.sample(range(len(text)), 6))
    if at_lines:
        entries = [match.start() for match in HEADER.finditer(text)]
        cuts = sorted({next(e for e in entries if e >= cut) for cut in cuts})
    parts = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
    paths = []
    for number, part in enumerate(parts):
        path = tmp_path / f"server.log.{number:02d}"
        if number % 3 == 1:
            path = Path(f"{path}.gz")
            part = gzip.compress(part, 1)
        elif number % 3 == 2:
            path = Path(f"{path}.xz")
            part = lzma.compress(part, preset=0)
        path.write_bytes(part)
        paths.append(path)
    rng.shuffle(paths)
    same(audit_logs(paths, name="log"), reference)


def shifted(text: bytes, hours: float, date: bool) -> bytes:
    """All times later by `hours`, the date with them or left out."""
    shift = int(hours * 3600)

    def move(match: re.Match[bytes]) -> bytes:
        day, clock = match[1], match[2]
        hour, minute, second = (int(clock[i : i + 2]) for i in (0, 3, 6))
        total = hour * 3600 + minute * 60 + second + shift
        days, rest = divmod(total, 86400)
        stamp = b"%02d:%02d:%02d%s" % (rest // 3600, rest // 60 % 60, rest % 60, clock[8:])
        return (day[:8] + b"%02d " % (int(day[8:]) + days) if date else b"") + b"%s %s %s" % (stamp, match[3], match[4])

    return HEADER.sub(move, text)


@pytest.mark.parametrize("date", [True, False], ids=["dated", "undated"])
def test_midnight(reference: RunResult, date: bool) -> None:
    text = text_of("noack")
    first = HEADER.search(text)
    assert first is not None
    hour, minute, second = (int(first[2][i : i + 2]) for i in (0, 3, 6))
    hours = 24 - (hour + minute / 60 + (second + 10) / 3600)  # midnight 10 s after the log begins
    moved = shifted(text, hours, date)
    assert b" 00:00:0" in moved if date else b"\n00:00:0" in moved
    same(audit(moved), reference)


def test_undated_rotated_parts_across_midnight(tmp_path: Path, reference: RunResult) -> None:
    text = text_of("noack")
    first = HEADER.search(text)
    assert first is not None
    hour, minute, second = (int(first[2][i : i + 2]) for i in (0, 3, 6))
    moved = shifted(text, 24 - (hour + minute / 60 + (second + 10) / 3600), date=False)
    cut = moved.index(b"\n", len(moved) * 2 // 3) + 1
    while not moved[cut : cut + 3].endswith(b":"):
        cut = moved.index(b"\n", cut) + 1
    (tmp_path / "a.log").write_bytes(moved[cut:])
    (tmp_path / "b.log").write_bytes(moved[:cut])
    same(audit_logs([tmp_path / "a.log", tmp_path / "b.log"], name="log"), reference)


def test_a_clock_set_back_is_noted_and_joined() -> None:
    text = text_of("noack")
    middle = HEADER.search(text, len(text) // 2)
    assert middle is not None
    found = audit(text[: middle.start()] + shifted(text[middle.start() :], -1, date=True))
    assert found.summary.sessions.released == 100
    assert found.summary.latency["pool_lifetime"].max is not None
    assert 31 < found.summary.latency["pool_lifetime"].max < 33
    assert any("clock was set once" in note for note in found.provenance["notes"])


@pytest.mark.parametrize("date", [True, False], ids=["dated", "undated"])
def test_a_few_damaged_times_do_not_move_the_others(reference: RunResult, date: bool) -> None:
    lines = shifted(text_of("noack"), 12, date).splitlines(keepends=True)
    entries = [i for i, line in enumerate(lines) if b"] [0x" in line and b"Process Message" not in line][500:2000:100]
    year = re.compile(rb"^2026") if date else re.compile(rb"^(\d\d)")
    for number, at in enumerate(entries):
        lines[at] = year.sub([b"9999", b"0001", b"2019"][number % 3] if date else b"%02d" % (number % 8), lines[at])
    found = audit(b"".join(lines))
    assert found.summary.horizon_s == pytest.approx(reference.summary.horizon_s)
    assert found.summary.sessions == reference.summary.sessions
    for name in ("invite_to_answer", "pool_lifetime"):
        assert found.summary.latency[name] == reference.summary.latency[name]
    (note,) = [note for note in found.provenance["notes"] if "far from their neighbours" in note]
    assert note.startswith(f"{len(entries)} lines")
    assert not any("clock was set" in note for note in found.provenance["notes"])


def test_a_time_that_is_none_is_not_understood(reference: RunResult) -> None:
    lines = text_of("noack").splitlines(keepends=True)
    at = next(i for i in range(3000, 4000) if b"[DEBUG]" in lines[i] and b"[DEBUG]" in lines[i - 1])
    lines.insert(at, b"2026-11-23 99:10:00:000000 140043628803840 [DEBUG]  from nowhere\n")
    found = audit(b"".join(lines))
    assert found.summary.horizon_s == reference.summary.horizon_s
    assert found.provenance["not_understood"] == 1


def test_years_of_silence_are_joined() -> None:
    text = text_of("noack")
    middle = HEADER.search(text, len(text) // 2)
    assert middle is not None
    later = re.sub(rb"(?m)^2026", b"2031", text[middle.start() :])
    found = audit(text[: middle.start()] + later)
    assert found.summary.horizon_s < 60
    assert found.summary.sessions.released == 100
    assert any("clock was set once" in note for note in found.provenance["notes"])


def test_garbage_is_counted_and_the_first_few_shown(reference: RunResult) -> None:
    lines = text_of("noack").splitlines(keepends=True)
    entries = [i for i in range(1, len(lines)) if b"[DEBUG]" in lines[i - 1]]  # not within an SDP
    for number, at in enumerate(reversed(entries[100:120])):
        lines.insert(at, b"\xff\x00 not a line of the server %d\n" % number)
    found = audit(b"".join(lines))
    assert found.summary.latency == reference.summary.latency
    assert found.provenance["not_understood"] == 20
    assert len(found.provenance["not_understood_first"]) == 5
    assert "not a line of the server" in found.provenance["not_understood_first"][0]


def test_lines_cut_in_half_cost_at_most_their_own_session() -> None:
    rng = random.Random(1)
    lines = text_of("noack").splitlines()
    for at in rng.sample(range(len(lines)), 40):
        lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
    found = audit(b"\n".join(lines) + b"\n")
    assert abs(found.summary.sessions.released - 100) <= 8
    assert abs(found.summary.sessions.created - 100) <= 8
    assert all(use.acquired == use.released + use.held for use in found.summary.resources.values())


def test_a_log_that_stops_in_the_middle_has_live_sessions_not_leaks() -> None:
    text = text_of("noack")
    found = audit(text[: len(text) // 2])
    counts = found.summary.sessions
    assert counts.leaked == 0
    assert counts.live > 0
    assert counts.created == counts.released + counts.live


def test_a_log_that_begins_in_the_middle_keeps_its_books() -> None:
    text = text_of("noack")
    found = audit(text[len(text) // 2 :])
    counts = found.summary.sessions
    before = found.provenance["open_before_the_log"]
    assert before > 0
    assert counts.created + before == counts.released
    assert all(use.held == 0 for use in found.summary.resources.values())
