"""Workers of a local pool do not outlive the process that started them."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_the_workers_of_a_killed_study_end_with_it() -> None:
    """They stayed for ever, and held the standard output that a script waits for."""
    killed = (
        "import os, signal, time\n"
        "from sim.study.pool import local_pool\n"
        "if __name__ == '__main__':\n"
        "    pool = local_pool(2)\n"
        "    print(pool.submit(os.getppid).result() == os.getpid(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    made = subprocess.Popen([sys.executable, "-c", killed], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        told, _ = made.communicate(timeout=60)  # until nobody holds its standard output any more
        assert told == "True\n"
        assert made.returncode == -signal.SIGKILL
    finally:
        with suppress(ProcessLookupError):
            os.killpg(made.pid, signal.SIGKILL)
