"""`mrcpsim audit --follow` as a process: it reads a log while it grows, and Ctrl-C ends it with the audit so far."""

import json
import lzma
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

TRACE = Path(__file__).parents[1] / "data" / "traces" / "unknown.log.xz"


def test_a_growing_log_is_followed_until_ctrl_c(tmp_path: Path) -> None:
    text = lzma.decompress(TRACE.read_bytes())
    log = tmp_path / "server.log"
    half = text.index(b"\n", len(text) // 2) + 1
    log.write_bytes(text[:half])
    command = [sys.executable, "-m", "sim.cli.main", "audit", "--follow", str(log), "--json"]
    # a shell that starts a test run in the background lets it, and all it starts, ignore Ctrl-C
    heeds = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)} if os.name == "posix" else {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **heeds) as process:
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


def test_following_standard_input_is_refused_in_one_line() -> None:
    command = [sys.executable, "-m", "sim.cli.main", "audit", "--follow", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "--follow must have one log file" in done.stderr
    assert "Traceback" not in done.stderr
