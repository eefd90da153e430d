"""Runs rows, each in its own process, and compares them round by round."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.flow import HOLD_S, SAMPLE
from benchmarks.rows import Row

AGREEMENT_S = 1e-9  # only the order of floating-point additions differs between the peers
ROOT = Path(__file__).resolve().parent.parent


@dataclass(slots=True)
class Measured:
    """All rounds of one row; `missing` says why there are none."""

    row: Row
    rounds: dict[int, dict[str, Any]] = field(default_factory=dict)
    missing: str | None = None

    def rate(self, number: int, clock: str) -> float:
        """Calls per second of one round, by the wall clock or by the processor's."""
        figures = self.rounds[number]
        return float(figures["calls"] / figures[f"{clock}_s"])

    def rates(self, clock: str) -> list[float]:
        """Calls per second of every round."""
        return [self.rate(number, clock) for number in self.rounds]

    def ratio_to(self, other: "Measured", clock: str) -> float | None:
        """The median over the rounds that both ran of this row's speed divided by the other's."""
        both = self.rounds.keys() & other.rounds.keys()
        if not both:
            return None
        return median(self.rate(number, clock) / other.rate(number, clock) for number in both)


def disagreement(measured: Sequence[Measured]) -> str | None:
    """Which peer has other quantiles than the first peer of the same round; None when all simulate the same calls."""
    first: dict[int, tuple[str, dict[str, Any]]] = {}
    for one in measured:
        if one.row.name.startswith("own-"):
            continue
        for number, figures in one.rounds.items():
            if (
                figures["p50_s"] is None or figures["calls"] < 2 * SAMPLE
            ):  # calls near the end of a run have less company
                continue
            name, other = first.setdefault(number, (one.row.name, figures))
            for key in ("p50_s", "p95_s"):
                if abs(figures[key] - other[key]) > AGREEMENT_S:
                    return (
                        f"{one.row.name} has {key} = {figures[key]} where {name} has {other[key]} (round {number + 1})"
                    )
    return None


def run_row(row: Row, calls: int, seed: int, hold_s: float = HOLD_S, timeout_s: float = 3600.0) -> dict[str, Any]:
    """The figures of one row in a process of its own, or `not_available` or `failed` with the reason."""
    command = [sys.executable, "-m", "benchmarks.row", row.name]
    command += ["--calls", str(calls), "--seed", str(seed), "--hold", repr(hold_s)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {timeout_s:g} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"failed": lines[-1] if lines else f"exit code {done.returncode}"}
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def interleaved(
    rows: Sequence[Row], rounds: int, scale: float, seed: int, progress: Callable[[str], None]
) -> list[Measured]:
    """Every row once per round, each round starting with another row: what disturbs the machine disturbs all alike.

    The seed of a round is the same for all rows. A row that is not available or fails is left out of later rounds.
    """
    measured = [Measured(row) for row in rows]
    for number in range(rounds):
        turn = number % len(measured)
        for one in measured[turn:] + measured[:turn]:
            if one.missing:
                continue
            figures = run_row(one.row, max(30, round(one.row.calls * scale)), seed + number)
            if "not_available" in figures:
                one.missing = f"not available: {figures['not_available']}"
            elif "failed" in figures:
                one.missing = f"failed: {figures['failed']}"
            else:
                one.rounds[number] = figures
            said = one.missing or f"{one.rate(number, 'wall'):,.0f} calls/s"
            progress(f"round {number + 1}/{rounds}  {one.row.name}: {said}")
    return measured
