"""What stands in two of the given files is counted once; what contradicts itself is refused."""

import gzip
import io
import lzma
import os
import re
from pathlib import Path

import pytest
from audit.serverlog import Log, healthy
from audit.traces import text_of
from logs.test_formats import same

from sim.audit.audit import audit_logs
from sim.audit.messages import LogMessages
from sim.calibration.evidence import watch_logs
from sim.errors import LogError
from sim.ledger.result import RunResult

TEXT = text_of("noack")
THIRDS = [TEXT.index(b"\n", len(TEXT) * part // 3) + 1 for part in (1, 2)]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    path = tmp_path_factory.mktemp("whole") / "whole.log"
    path.write_bytes(TEXT)
    return audit_logs([path], name="log")


def written(folder: Path, **pieces: bytes) -> list[Path]:
    paths = []
    for name, piece in pieces.items():
        path = folder / f"{name}.log"
        path.write_bytes(piece)
        paths.append(path)
    return paths


def notes(result: RunResult) -> str:
    found: list[str] = result.provenance["notes"]
    return "\n".join(found)


def test_one_file_under_two_names_is_read_once(tmp_path: Path, reference: RunResult) -> None:
    (path,) = written(tmp_path, a=TEXT)
    os.link(path, tmp_path / "hard.log")
    (tmp_path / "soft.log").symlink_to(path)
    found = audit_logs([path, path, tmp_path / "hard.log", tmp_path / "soft.log"], name="log")
    same(found, reference)
    assert "a.log is given twice; read once" in notes(found)
    assert re.search(r"soft\.log and .*a\.log are the same file; read once", notes(found))
    assert "began again" not in notes(found)


@pytest.mark.parametrize("undated", [False, True], ids=["dated", "undated"])
@pytest.mark.parametrize("packed", [gzip.compress, lzma.compress, bytes])
def test_the_same_content_in_another_form_is_counted_once(tmp_path: Path, packed: object, undated: bool) -> None:
    text = re.sub(rb"(?m)^\d{4}-\d\d-\d\d ", b"", TEXT) if undated else TEXT
    path, other = written(tmp_path, a=text, b=packed(text))  # type: ignore[operator]
    alone = audit_logs([path], name="log")
    for order in ([path, other], [other, path]):
        found = audit_logs(order, name="log")
        same(found, alone)
        assert "has nothing that is not in" in notes(found)
        assert found.summary.sessions.crashed_at_s is None


@pytest.mark.parametrize(
    "pieces",
    [
        {"first": TEXT[: THIRDS[1]], "last": TEXT[THIRDS[0] :]},
        {"cut": TEXT[: THIRDS[1] - 20], "whole": TEXT},
        {"a": TEXT[: THIRDS[1]], "b": TEXT[THIRDS[0] + 33 :], "c": TEXT, "d": TEXT[THIRDS[1] :]},
        {"a": TEXT.removesuffix(b"\n"), "b": TEXT.removesuffix(b"\n")},
    ],
    ids=["overlap", "older state", "many", "no last line end"],
)
def test_parts_that_overlap_are_counted_once(tmp_path: Path, pieces: dict[str, bytes], reference: RunResult) -> None:
    for paths in (written(tmp_path, **pieces), list(reversed(written(tmp_path, **pieces)))):
        found = audit_logs(paths, name="log")
        same(found, reference)
        assert "counted once" in notes(found)
    assert "began again" not in notes(found)


def test_an_overlap_says_how_many_lines(tmp_path: Path) -> None:
    lines = TEXT.splitlines(keepends=True)
    start = next(i for i in range(300, 400) if lines[i].startswith(b"2026-"))
    found = audit_logs(written(tmp_path, a=b"".join(lines[: start + 50]), b=b"".join(lines[start:])))
    assert "b.log begins with 50 lines that" in notes(found)
    assert found.provenance["lines"] == len(lines)


def test_standard_input_that_repeats_a_file(
    tmp_path: Path, reference: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = written(tmp_path, a=TEXT)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT)))
    found = audit_logs([path, "-"], name="log")
    same(found, reference)
    assert "standard input has nothing that is not in" in notes(found)
    with pytest.raises(LogError, match=r"- \(standard input\) once"):
        audit_logs(["-", "-"])


def test_parts_that_share_an_entry_and_then_differ_are_refused(tmp_path: Path) -> None:
    filtered = b"".join(line for line in TEXT[THIRDS[0] :].splitlines(keepends=True) if b"[NOTICE]" in line)
    with pytest.raises(LogError, match=r"b\.log: has the entry '2026-.*' of .*a\.log, but then other lines"):
        audit_logs(written(tmp_path, a=TEXT, b=filtered + TEXT[-2_000:]))


def test_calibration_and_messages_count_once_too(tmp_path: Path) -> None:
    a, b = written(tmp_path, a=TEXT, b=TEXT[: THIRDS[1]])
    evidence = watch_logs([b, a])
    assert len(evidence.calls) == len(watch_logs([a]).calls) == 100
    assert any("counted once" in note for note in evidence.notes)
    assert sum(1 for _ in LogMessages([a, b])) == sum(1 for _ in LogMessages([a]))


def test_two_servers_are_asked_about(tmp_path: Path) -> None:
    one, other = healthy(Log().begin(), 5), healthy(Log(now=10 * 3600 * 10**6 + 3).begin(), 5)
    one.wait(600).say(140001, "MRCP Server Terminated", "NOTICE")
    found = audit_logs(written(tmp_path, a=one.bytes, b=other.bytes))
    assert re.search(
        r"b\.log begins before .*a\.log ends and has other lines: are these logs of one server\?", notes(found)
    )
    alone = audit_logs(written(tmp_path, a=one.bytes))
    assert "one server" not in notes(alone)


def test_a_line_of_any_length_needs_bounded_memory(tmp_path: Path) -> None:
    import tracemalloc

    long = tmp_path / "long.log"
    with long.open("wb") as stream:
        stream.write(TEXT[: THIRDS[0]])
        for _ in range(120):
            stream.write(b"x" * 1_000_000)
        stream.write(b"\n" + TEXT[THIRDS[0] :])
    tracemalloc.start()
    found = audit_logs([long], ledger="summary")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.provenance["not_understood"] <= 1
    assert found.summary.sessions.released == 100
    assert peak < 400e6  # a scan of a block needs a multiple of it


def test_odd_lines_are_told_with_their_own_file_and_line_escaped_and_cut(tmp_path: Path) -> None:
    lines = TEXT.splitlines(keepends=True)
    at = next(i for i in range(5000, 6000) if b"[DEBUG]" in lines[i - 1] and lines[i].startswith(b"2026-"))
    odd = b"\xff\x1b[31m\x00 caf\xc3\xa9 " + b"z" * 500 + b"\n"
    first, second = lines[:at], [*lines[at : at + 7], odd, *lines[at + 7 :]]
    while b"[DEBUG]" not in second[6]:
        second[6:8] = [second[7], second[6]]
    found = audit_logs(written(tmp_path, a=b"".join(first), b=b"".join(second)))
    (told,) = found.provenance["not_understood_first"]
    name, _, text = told.partition(": ")
    assert name == f"{tmp_path / 'b.log'}:8"
    assert text.startswith(r"'\xff\x1b[31m\x00 café zzz")
    assert text.endswith("z…'")
    assert len(text) <= 83
