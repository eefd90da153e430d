"""How a test starts a command that it will interrupt."""

import os
import signal
from typing import Any


def _heed() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


HEEDS: dict[str, Any] = {"preexec_fn": _heed} if os.name == "posix" else {}
"""Arguments of `subprocess.Popen`: a shell that starts a test run in the background lets it, and all that it starts,
ignore Ctrl-C, and `nohup` the end of a terminal; a command started with these heeds both."""
