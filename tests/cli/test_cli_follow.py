"""`mrcpsim audit --follow` as a process: it reads a log while it grows, and Ctrl-C ends it with the audit so far."""

import json
import lzma
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from signals import HEEDS

TRACE = Path(__file__).parents[1] / "data" / "traces" / "unknown.log.xz"


def test_a_growing_log_is_followed_until_ctrl_c(tmp_path: Path) -> None:
    text = lzma.decompress(TRACE.read_bytes())
    log = tmp_path / "server.log"
    half = text.index(b"\n", len(text) // 2) + 1
    log.write_bytes(text[:half])
    command = [sys.executable, "-m", "sim.cli.main", "audit", "--follow", str(log), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **HEEDS) as process:
        time.sleep(4.0)
        with log.open("ab") as growing:
            growing.write(text[half:])
        time.sleep(3.0)
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, err
    summary = json.loads(out)
    assert summary["partial"] is True
    assert summary["sessions"]["created"] == 200
    assert summary["sessions"]["released"] == 200


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_pipe_is_said_to_be_waited_for_read_when_it_comes_and_left_when_asked(
    tmp_path: Path, how: signal.Signals
) -> None:
    pipe = tmp_path / "server.log"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "sim.cli.main", "audit", "--follow", str(pipe), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **HEEDS) as process:
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
            if how is signal.SIGINT:
                pipe.write_bytes(lzma.decompress(TRACE.read_bytes()))
                time.sleep(2.0)
            process.send_signal(how)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert "a pipe that nothing was written into yet; waiting for the server's lines" in first
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert json.loads(out)["sessions"]["created"] == (200 if how is signal.SIGINT else 0)


def test_following_standard_input_is_refused_in_one_line() -> None:
    command = [sys.executable, "-m", "sim.cli.main", "audit", "--follow", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "--follow must have one log file" in done.stderr
    assert "Traceback" not in done.stderr
