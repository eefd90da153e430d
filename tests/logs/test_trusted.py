"""What a log must be so that a condition may be held to it: most of its server's lines can be read, each there once."""

import re
from pathlib import Path

import pytest
from audit.traces import text_of
from typer.testing import CliRunner

from sim.cli.main import build

TEXT = text_of("unknown")
LINES = TEXT.splitlines(keepends=True)


def audit(path: Path, text: bytes) -> tuple[int, str]:
    path.write_bytes(text)
    done = CliRunner().invoke(build(), ["audit", str(path), "--fail-on", "sessions.leaked > 0", "--no-progress"])
    return done.exit_code, done.output


def refused(path: Path, text: bytes) -> str:
    code, output = audit(path, text)
    assert code == 2, output
    return output


PUT_TOGETHER = {
    "one behind the other": TEXT + TEXT,
    "with a part of it": b"".join(LINES[: len(LINES) * 3 // 4] + LINES[len(LINES) // 2 :]),
    "side by side, late": b"".join(LINES[:5000] + [line for line in LINES[5000:] for _ in range(2)]),
    "in pieces of a hundred": b"".join(
        line for at in range(0, len(LINES), 100) for _ in range(2) for line in LINES[at : at + 100]
    ),
}


@pytest.mark.parametrize("way", PUT_TOGETHER)
def test_a_log_put_together_from_copies_is_refused_wherever_they_stand(way: str, tmp_path: Path) -> None:
    """One behind the other was read as a crash at 0 s and twice the calls, with exit code 0."""
    output = refused(tmp_path / "server.log", PUT_TOGETHER[way])
    assert re.search(r"server\.log:\d+: expected each entry once|expected each entry once", output)
    assert "two outputs" in " ".join(output.split())


def test_the_line_of_the_first_copy_is_named(tmp_path: Path) -> None:
    output = refused(tmp_path / "server.log", TEXT + TEXT)
    assert f"server.log:{len(LINES) + 1}: " in output


def test_copies_are_found_in_a_log_of_many_more_entries_than_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.logs.reading.seen_before._KEPT", 500)
    assert "expected each entry once" in refused(tmp_path / "server.log", TEXT + TEXT)
    assert audit(tmp_path / "once.log", TEXT)[0] == 0


UNREADABLE = {
    "a prefix that begins late": lambda line, at: line if at < 1000 else b"15 INFO unimrcp " + line,
    "no ids": lambda line, at: re.sub(rb"<[0-9a-f]+", b"<", line),
}


@pytest.mark.parametrize("way", UNREADABLE)
def test_no_condition_passes_where_most_lines_of_the_server_can_not_be_read(way: str, tmp_path: Path) -> None:
    output = refused(tmp_path / "server.log", b"".join(UNREADABLE[way](line, at) for at, line in enumerate(LINES)))
    assert re.search(
        r"Most lines in which the server names a session could not be read: \d+ of \d+", " ".join(output.split())
    )


def test_most_lines_may_be_those_of_another_program(tmp_path: Path) -> None:
    other = b"Nov 23 03:11:21 host other[3]: did its work\n2026-11-23 03:11:21 another program\n"
    assert audit(tmp_path / "server.log", b"".join(line + 3 * other for line in LINES))[0] == 0


def test_a_plugins_own_entries_may_be_most_of_them_where_there_are_sessions(tmp_path: Path) -> None:
    own = re.sub(rb"\] .*\n", b"] Vendor: audio frame 12\n", LINES[500])
    heads = [re.match(rb"\S+ \S+ \d+ ", line) for line in LINES]
    assert own.startswith(b"2026")
    mixed = [
        line + (b"" if head is None else b"".join(head[0] + b"[INFO]   Vendor: frame %d\n" % i for i in range(5)))
        for line, head in zip(LINES, heads, strict=True)
    ]
    assert audit(tmp_path / "server.log", b"".join(mixed))[0] == 0


def test_a_log_without_a_session_whose_entries_are_nobodys_is_no_healthy_one(tmp_path: Path) -> None:
    head = b"2026-11-23 03:11:00:%06d 140172775675776 "
    text = b"".join(LINES[:3]) + b"".join(head % at + b"[INFO]   Sitzung %d begonnen\n" % at for at in range(50))
    assert "none that a server is known to write: 50 of 53" in " ".join(refused(tmp_path / "x.log", text).split())


@pytest.mark.parametrize(
    "prefix",
    [b"unimrcp stdout | ", b"2026-11-23 03:11:21,232 INFO unimrcp ", b"unimrcp: ", b"[2026-11-23 03:11:21,232] p42: "],
)
def test_prefixes_of_supervisors_are_undone(prefix: bytes, tmp_path: Path) -> None:
    code, output = audit(tmp_path / "server.log", b"".join(prefix + line for line in LINES))
    assert code == 0
    assert "Calls   200 arrived, 0 answered, 200 rejected, 200 released" in output
