"""Following a log that grows gives the same books as reading it when it is whole, and shows them on the way."""

import io
from pathlib import Path

import pytest
from audit.traces import path_of, text_of
from rich.console import Console

from sim.audit.audit import audit_log
from sim.audit.auditor import Auditor
from sim.audit.follow import Follower, follow_log, standing
from sim.errors import LogError


def test_pieces_of_any_size_give_the_whole_audit(tmp_path: Path) -> None:
    path, text = tmp_path / "growing.log", text_of("noack")
    path.write_bytes(b"")
    sizes = iter([0, 1, 100, 70_001, 300_000, 0, len(text)])
    at = 0

    def grow() -> bool:
        nonlocal at
        size = next(sizes)
        with path.open("ab") as file:
            file.write(text[at : at + size])
        at += size
        return at >= len(text)

    console = Console(file=io.StringIO(), width=120)
    result = follow_log(path, console=console, interval_s=0, stop=grow)
    whole = audit_log(path_of("noack"))
    assert result.summary.partial
    assert result.summary.sessions == whole.summary.sessions
    assert result.summary.latency == whole.summary.latency
    assert result.summary.resources == whole.summary.resources


def test_the_table_shows_pools_and_names_the_leaks(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_bytes(text_of("leak2"))
    out = io.StringIO()
    result = follow_log(path, console=Console(file=out, width=160), interval_s=0, stop=lambda: True)
    shown = out.getvalue()
    assert "1000 created, 976 destroyed, 24 open, 24 leaked" in shown
    assert "session_pool" in shown
    assert "waits for the answer to close of Demo-Recog-1" in shown
    assert result.summary.sessions.leaked == 24


def test_a_rotated_log_is_followed_into_its_next_file(tmp_path: Path) -> None:
    text = text_of("noack")
    cut = text.index(b"\n", len(text) // 2) + 1
    path = tmp_path / "server_current.log"
    path.write_bytes(text[:cut])
    auditor = Auditor()
    follower = Follower(path, auditor)
    assert follower.poll() == cut
    path.rename(tmp_path / "server_1.log")
    with (tmp_path / "server_1.log").open("ab") as file:
        file.write(text[cut : cut + 5000])
    path.write_bytes(text[cut + 5000 :])
    assert follower.poll() == len(text) - cut
    follower.close()
    assert auditor.account.destroyed == 100
    standing(auditor)
    assert auditor.finish("followed").latency == audit_log(path_of("noack")).summary.latency


@pytest.mark.parametrize("share", [0.2, 0.5, 0.7], ids=["smaller", "as big", "bigger"])
def test_a_log_that_is_emptied_and_written_anew_is_read_from_its_beginning(tmp_path: Path, share: float) -> None:
    text = text_of("noack")
    cut = text.index(b"\n", int(len(text) * (1 - share))) + 1
    path = tmp_path / "server_current.log"
    path.write_bytes(text[:cut])
    auditor = Auditor()
    follower = Follower(path, auditor)
    follower.poll()
    with path.open("r+b") as file:  # the same file
        file.truncate()
        file.write(text[cut:])
    assert follower.poll() == len(text) - cut
    follower.close()
    assert auditor.account.destroyed == 100
    assert auditor.finish("followed").latency == audit_log(path_of("noack")).summary.latency


def test_a_log_that_is_not_there_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"nowhere\.log: expected a readable log file to follow"):
        follow_log(tmp_path / "nowhere.log")
