"""A device or a pipe that is named as an output is written to, never replaced by a file."""

import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.cli.main import build
from sim.files import put_beside, whole


def test_what_is_written_into_a_pipe_arrives_and_the_pipe_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with whole(pipe) as part:
        part.write_text("told", encoding="utf-8")
    assert os.read(reader, 100) == b"told"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "made.txt"

    def break_off() -> None:
        with whole(path) as part:
            part.write_text("half", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert list(tmp_path.iterdir()) == []


def test_the_null_device_outlives_every_command_that_writes_to_it(tmp_path: Path) -> None:
    config = Path(__file__).parents[1] / "data" / "field" / "12-two-engines.xml"
    target = tmp_path / "null"
    target.symlink_to(os.devnull)
    for force in ([], ["--force"]):
        answered = CliRunner().invoke(build(), ["import", str(config), "-o", str(target), "-q", *force])
        assert answered.exit_code == 0, answered.output
    made = tmp_path / "made.yaml"
    made.write_text("x", encoding="utf-8")
    put_beside(target, [made], force=True)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    assert target.is_symlink()
