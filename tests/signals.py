"""How a test starts a command that it will interrupt."""

import os
import signal
from typing import Any

HEEDS: dict[str, Any] = (
    {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)} if os.name == "posix" else {}
)
"""Arguments of `subprocess.Popen`: a shell that starts a test run in the background lets it, and all that it starts,
ignore Ctrl-C; a command started with these heeds it."""
