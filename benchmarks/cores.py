"""What a second core brings to a study of 40 runs: `python -m benchmarks.cores`.

The same study is done with one process and with two, each time with an empty cache. On a machine with nothing else to
do the ratio of the wall times counts. Where others use the cores too, the processors' own time is told as well: what
one process takes, over the serial part and the busiest of two workers, is what two free cores would give.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

RUNS = 40
STUDY: dict[str, Any] = {
    "name": "cores", "scenarios": ["baseline"],
    "set": {"duration": "1800s", "drain": "10s", "arrivals.rate": "40/s", "calls.hold.mean": "1s"},
    "replications": RUNS,
    "metrics": ["sessions.blocking", "latency.invite_to_answer.p99"],
}  # fmt: skip


def once(workers: int) -> dict[str, float]:
    """The study in this process, which was just started, with so many workers; seconds of each kind."""
    from sim.engine.compiled import kernel
    from sim.study.study import Progress, study

    assert kernel.KERNEL  # compiled or loaded before the clock starts
    each: dict[int, float] = {}

    def tell(_: Progress) -> None:
        each.update({child.pid: cpu_of(child.pid) for child in multiprocessing.active_children() if child.pid})

    with tempfile.TemporaryDirectory() as folder:
        began, own = time.perf_counter(), time.process_time()
        study(STUDY, out=f"{folder}/out", cache=f"{folder}/cache", workers=workers, progress=tell)
        return {
            "wall": time.perf_counter() - began,
            "serial": time.process_time() - own,
            "busiest": max(each.values(), default=0.0),
        }


def cpu_of(pid: int) -> float:
    """Processor seconds of a process so far; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rounds(count: int) -> list[tuple[dict[str, float], dict[str, float]]]:
    """One process and two in turn, each time in a fresh Python."""
    found = []
    for _ in range(count):
        pair = []
        for workers in (1, 2):
            command = [sys.executable, "-m", "benchmarks.cores", "--workers", str(workers)]
            pair.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        found.append((pair[0], pair[1]))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cores", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, help="one measurement with so many processes, as JSON")
    options = parser.parse_args(arguments)
    if options.workers:
        print(json.dumps(once(options.workers)))
        return 0
    found = rounds(options.rounds)
    walls = [one["wall"] / two["wall"] for one, two in found]
    free = [one["serial"] / (two["serial"] + two["busiest"]) for one, two in found]
    print(f"{RUNS} runs, {options.rounds} rounds, load of the machine {os.getloadavg()[0]:.1f}")
    print(f"wall time, one process over two: {median(walls):.2f} times ({min(walls):.2f} to {max(walls):.2f})")
    print(f"processor time, one process over the longer way of two: {median(free):.2f} times "
          f"({min(free):.2f} to {max(free):.2f})")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
