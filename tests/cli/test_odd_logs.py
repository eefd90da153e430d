"""Odd inputs in place of a log, for each command that reads one: exit code 2, one clear line, nothing half-written."""

import lzma
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from audit.serverlog import Log, healthy
from typer.testing import CliRunner, Result

from sim.cli.main import build
from sim.logs.reading import reader

LOG = healthy(Log().begin(), calls=20).bytes
SCENARIO = "name: good\nduration: 1s\ndrain: 1s\narrivals:\n  rate: 5/s\n"

COMMANDS: dict[str, list[str]] = {
    "audit": ["audit", "LOG", "--out", "made"],
    "calibrate": ["calibrate", "LOG", "-o", "made.yaml"],
    "validate": ["validate", "good.yaml", "LOG", "--out", "made", "--runs", "1"],
    "trace": ["trace", "LOG", "-o", "made.pftrace"],
    "timeline": ["timeline", "LOG", "--svg", "made.svg"],
    "leaks": ["leaks", "LOG"],
    "compare": ["compare", "LOG", "plain.log", "--out", "made"],
    "report": ["report", "LOG"],
}  # fmt: skip

REFUSED: dict[str, tuple[bytes | None, str]] = {
    "a folder": (None, "a folder|folder"),
    "nothing but NULs": (bytes(5000), "no text"),
    "an archive that ends in its head": (lzma.compress(LOG)[:8], "ends before anything can be read of it"),
    "an archive that is damaged": (lzma.compress(LOG)[:200] + bytes(900), "the compressed file is damaged"),
    "UTF-32": (LOG.decode().encode("utf-32"), "expected a line of a UniMRCP server log"),
    "another text after a BOM": (b"\xef\xbb\xbfhello\r\n", "expected a line of a UniMRCP server log"),
}

READ: dict[str, Callable[[bytes], bytes]] = {
    "a BOM": lambda text: b"\xef\xbb\xbf" + text,
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "NULs within": lambda text: text[:5000] + bytes(5000) + text[5000:],
    "an archive that is cut": lambda text: lzma.compress(text)[:-100],
}


def mrcpsim(folder: Path, command: str, log: str) -> Result:
    os.chdir(folder)
    return CliRunner().invoke(build(), [log if arg == "LOG" else arg for arg in COMMANDS[command]])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(SCENARIO)
    (tmp_path / "plain.log").write_bytes(LOG)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("form", REFUSED)
def test_what_is_no_log_is_refused_in_one_line(folder: Path, command: str, form: str) -> None:
    content, expected = REFUSED[form]
    if content is None:
        (folder / "odd").mkdir()
    else:
        (folder / "odd").write_bytes(content)
    before = sorted(folder.rglob("*"))
    done = mrcpsim(folder, command, "odd")
    assert done.exit_code == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: odd")
    assert line.isprintable()
    if command != "report":  # which reads no log at all, and says so
        assert any(words in line for words in expected.split("|")), line
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("command", ["audit", "trace", "timeline", "leaks"])
@pytest.mark.parametrize("form", READ)
def test_a_log_in_an_odd_form_is_read_as_a_plain_one(folder: Path, command: str, form: str) -> None:
    (folder / "odd").write_bytes(READ[form](LOG))
    done = mrcpsim(folder, command, "odd")
    assert done.exit_code == 0, done.output
    assert "Traceback" not in done.output
    assert not list(folder.rglob("*unfinished*"))


@pytest.mark.parametrize("command", ["calibrate", "validate", "trace", "timeline", "leaks"])
@pytest.mark.parametrize("content", [b"", b"\n\r\n \n"])
def test_a_log_with_nothing_in_it_is_said_to_be_empty(folder: Path, command: str, content: bytes) -> None:
    (folder / "odd").write_bytes(content)
    before = sorted(folder.rglob("*"))
    done = mrcpsim(folder, command, "odd")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: odd: expected the log of a server (got a file with nothing in it)\n"
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("command", ["audit", "calibrate", "leaks"])
def test_a_pipe_that_nothing_writes_into_is_not_waited_for_for_ever(
    folder: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "WRITER_S", 0.2)
    os.mkfifo("odd")
    done = mrcpsim(folder, command, "odd")
    assert done.exit_code == 2
    expected = "error: odd: expected a pipe that something writes into (got one without a writer for 0.2 s)"
    assert done.stderr.startswith(expected)


def test_a_pipe_is_read_as_soon_as_something_writes_into_it(folder: Path) -> None:
    os.mkfifo("odd")
    writer = threading.Timer(0.3, lambda: (folder / "odd").write_bytes(LOG))
    writer.start()
    done = mrcpsim(folder, "leaks", "odd")
    writer.join()
    assert done.exit_code == 0, done.output
    assert "0 sessions of 20 leaked" in done.stdout


def test_a_metric_of_a_study_that_is_none_is_told_with_its_line(folder: Path) -> None:
    (folder / "study.yaml").write_text('scenario: good.yaml\nmetrics: ["sessions.leaked", "a * b"]\n')
    done = CliRunner().invoke(build(), ["study", "study.yaml", "--out", "made"])
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: study.yaml:2: metrics must be a value by its path, or a ratio")
    assert "there is no value 'a * b'" in line
    assert ">= 0" not in line
    assert not (folder / "made").exists()
