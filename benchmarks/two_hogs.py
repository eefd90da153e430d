"""How Linux shares a processor, and how the model does: `python -m benchmarks.two_hogs` writes reports/sharing.md.

Two threads that never sleep, and a third that the first one wakes after so much of its own running, on one processor:
`two_hogs.c` on the kernel that runs it, and the same through `sim.engine.sharing`. The machine should do nothing else.
"""

from __future__ import annotations

import heapq
import math
import platform
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import description
from benchmarks.report import table
from sim.engine.sharing import ASLEEP, OWING, leave, stretch_over, want
from sim.engine.start.processors import idle_processors, machine_of, sleeping_runners
from sim.scenario import load_scenario

REPORT = Path(__file__).parents[1] / "reports" / "sharing.md"
SOURCE = Path(__file__).with_name("two_hogs.c")
CASES = ((0.3, 0.04), (0.1, 0.04), (1.0, 0.3), (0.05, 0.01))
"""Milliseconds of the first thread's own running between two wake-ups, and of work of the third one each time."""

SECONDS = 5.0
JITTER = 0.02
"""Of the time between two wake-ups: the kernel's is never quite the same either, so that nothing falls into step."""

QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
WAKER, HOG, LIGHT = range(3)
FOR_EVER = 1e9


@dataclass
class Seen:
    """In milliseconds: stretches that the second thread had, and how long the third waited after each wake-up."""

    runs: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def quantiles(self) -> tuple[list[float], list[float]]:
        """Of the stretches, and of the waits."""
        return list(np.quantile(self.runs, QUANTILES)), list(np.quantile(self.waits, QUANTILES))


class Simulated:
    """The three threads as runners of `sim.engine.sharing`, with a calendar of their own."""

    def __init__(self, every_ms: float, work_ms: float, seed: int) -> None:
        shared = {"server": {"processors": {"count": 1, "scheduler": {"switch_cost": 0.0}}}}
        self.machine: Any = machine_of(load_scenario(shared), 3)
        self.processors = idle_processors(self.machine)
        self.runners: Any = sleeping_runners(self.machine)
        self.ledger = type("Ledger", (), {"load_end_s": math.inf})
        self.stretches = self
        self.waits: list[tuple[int, float]] = []
        self.now = 0.0
        self.ends: dict[int, int] = {}
        self.calendar: list[tuple[float, int, int]] = []
        self.number = 0
        self.work_s = work_ms * 1e-3
        rng = np.random.default_rng(seed)
        self.machine.phase_s = float(rng.uniform(0.0, self.machine.tick_s))
        self.pieces: Iterator[float] = (
            every_ms * 1e-3 * float(1.0 + JITTER * draw) for draw in iter(rng.standard_normal, None)
        )

    def begin(self, i: int, delay: float) -> None:
        """The end of a stretch is planned."""
        self.number += 1
        self.ends[i] = self.number
        heapq.heappush(self.calendar, (self.now + delay, self.number, i))

    def cancel(self, i: int) -> None:
        """It does not come."""
        del self.ends[i]

    def run(self, seconds: float) -> Seen:
        """What happens in that time."""
        seen = Seen()
        asked: list[float] = []
        holder, since = -1, 0.0
        want(self, WAKER, next(self.pieces), 0.0, 0)
        want(self, HOG, FOR_EVER, 0.0, 0)
        while self.now < seconds:
            at, number, i = heapq.heappop(self.calendar)
            if self.ends.get(i) != number:
                continue
            del self.ends[i]
            self.now = at
            if stretch_over(self, i, at):
                self._done(i, asked, seen)
            if self.processors[0].holder != holder:
                if holder == HOG:
                    seen.runs.append((at - since) * 1e3)
                holder, since = self.processors[0].holder, at
        return seen

    def _done(self, i: int, asked: list[float], seen: Seen) -> None:
        if i == WAKER:
            asked.append(self.now)
            want(self, WAKER, next(self.pieces), self.now, 0)
            if self.runners[LIGHT].state in (ASLEEP, OWING):
                want(self, LIGHT, self.work_s, self.now, 0)
            return
        seen.waits.append((self.runners[LIGHT].began_s - asked.pop(0)) * 1e3)
        if asked:
            want(self, LIGHT, self.work_s, self.now, 0)
        else:
            leave(self, LIGHT, self.now)


def simulated(every_ms: float, work_ms: float, seconds: float = SECONDS, seed: int = 1) -> Seen:
    """What the model does."""
    return Simulated(every_ms, work_ms, seed).run(seconds)


def measured(program: Path, every_ms: float, work_ms: float) -> Seen:
    """What the kernel of this machine does."""
    done = subprocess.run(
        [program, str(every_ms), str(work_ms), str(SECONDS)], check=True, capture_output=True, text=True
    )
    seen = Seen()
    for line in done.stdout.splitlines():
        what, _, time = line.partition(" ")
        (seen.runs if what == "run" else seen.waits).append(float(time))
    return seen


def main() -> None:
    """Measure, simulate, and write the report."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "two_hogs"
        subprocess.run(["cc", "-O2", "-o", program, SOURCE, "-lpthread"], check=True)
        for every, work in CASES:
            for who, seen in (("kernel", measured(program, every, work)), ("model", simulated(every, work))):
                runs, waits = seen.quantiles()
                print(who, every, work, len(seen.waits), flush=True)
                rows.append(
                    [f"{every:g}", f"{work:g}", who, " / ".join(f"{x:.2f}" for x in runs),
                     " / ".join(f"{x:.2f}" for x in waits)]
                )  # fmt: skip
    names = " / ".join(f"p{q * 100:g}" for q in QUANTILES)
    columns = ("woken every, ms", "work each, ms", "", f"stretches of the hog, ms: {names}", f"waits: {names}")
    text = (
        "# How a processor is shared: the kernel and the model",
        "Two threads that never sleep and a third that the first one wakes after so much of its own running, all on "
        f"one processor, {SECONDS:g} s each, in one run of `python -m benchmarks.two_hogs`. The model is "
        "`sim/engine/sharing.py` with the defaults of `server.processors.scheduler`; nothing is fitted to this.",
        table(columns, rows),
        "\n".join(f"- {line}" for line in (*description(), f"kernel {platform.release().partition('-')[0]}")),
    )
    REPORT.write_text("\n\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
