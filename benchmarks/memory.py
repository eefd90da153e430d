"""Peak memory of a very long run: `python -m benchmarks.memory --calls 10000000 [--write]`.

Runs `mrcpsim run scenarios/baseline.yaml` with a few, many and very many calls, each in a process of its own, and
takes the peak resident set that the operating system recorded for it. The start-up that time per call must not
contain is the wall time of the run with the fewest calls.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks import cold, own
from benchmarks.flow import RATE_PER_S
from benchmarks.machine import description
from benchmarks.measure import ROOT
from benchmarks.report import REPORT, figure, table, write_section

START_CALLS = 200
AIM_MB = 500


@dataclass(frozen=True, slots=True)
class Use:
    """What one process used."""

    calls: int
    wall_s: float
    peak_bytes: int
    result_bytes: int


def run(program: Sequence[str], calls: int, out: Path) -> Use:
    """Runs a program to its end; raises RuntimeError with its last line when it fails.

    The system records for a child at least the size of its parent, so this one must stay small: no NumPy here.
    """
    start = perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)  # the usage of this very child, not of the largest one so far
        wall = perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            said = errors.read().strip().splitlines()
            raise RuntimeError(f"exit code {child.returncode}: {said[-1] if said else 'no output'}")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    return Use(calls, wall, peak, size)


def section(uses: Sequence[Use], engine: str, ledger: str) -> str:
    """The memory section of the report; the first use is the one that stands for the start-up."""
    start = uses[0].wall_s
    per_call = [(use.wall_s - start) / (use.calls - uses[0].calls) for use in uses[1:]]
    speeds = [("start-up", "–"), *((figure(cost * 1e6), f"{cost / per_call[0]:.2f}") for cost in per_call)]
    rows = [
        [f"{use.calls:,}", f"{use.wall_s:.2f}", *speed, f"{use.peak_bytes / 1e6:.0f}", f"{use.result_bytes / 1e6:.1f}"]
        for use, speed in zip(uses, speeds, strict=True)
    ]
    lines = [
        "## Memory of a long run",
        "",
        f"`python -m benchmarks.memory --calls {uses[-1].calls}`: peak resident memory of the whole process of",
        f"`mrcpsim run scenarios/baseline.yaml --engine {engine} --ledger {ledger}`.",
        f"The aim is under {AIM_MB} MB and a time per call within 10 % of the shorter run's.",
        "",
        table(("calls (about)", "wall s", "µs per call", "÷ shorter run", "peak MB", "result MB"), rows),
        "",
        *(f"- {line}" for line in description()),
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when a run failed or took more memory than the aim."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000_000, help="calls of the long run (default %(default)s)")
    parser.add_argument("--short", type=int, default=100_000, help="calls of the run to compare with")
    parser.add_argument("--engine", choices=("auto", "simpy", "compiled"), default="compiled")
    parser.add_argument("--ledger", choices=("summary", "sessions", "full"), default="sessions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--write", nargs="?", type=Path, const=REPORT, metavar="FILE", help="put the table into a report"
    )
    options = parser.parse_args(arguments)
    if not START_CALLS < options.short < options.calls:
        parser.error(f"need {START_CALLS} < --short < --calls (got {options.short} and {options.calls})")
    missing = own.missing("compiled" if options.engine == "auto" else options.engine)
    if missing or cold.command() is None:
        print(f"not available: {missing or 'the command mrcpsim does not exist yet'}")
        return 0
    uses = []
    with tempfile.TemporaryDirectory() as folder:
        for number, calls in enumerate((START_CALLS, START_CALLS, options.short, options.calls)):
            out = Path(folder) / f"result-{number}"
            sized = [f"duration={calls / RATE_PER_S:g}s", f"arrivals.rate={RATE_PER_S:g}/s", "expect=[]"]
            kind = ("--engine", options.engine, "--ledger", options.ledger, "--seed", str(options.seed))
            program = cold.run_command(out, *kind)
            program += [word for setting in sized for word in ("--set", setting)]
            try:
                use = run(program, calls, out)
            except RuntimeError as error:
                print(f"failed with {calls} calls: {error}")
                return 1
            print(f"{calls:,} calls: {use.wall_s:.2f} s, peak {use.peak_bytes / 1e6:.0f} MB", file=sys.stderr)
            if number:  # the first one compiles
                uses.append(use)
    text = section(uses, options.engine, options.ledger)
    print(text)
    if options.write:
        write_section("memory", text, options.write)
    return int(uses[-1].peak_bytes > AIM_MB * 1e6)


if __name__ == "__main__":
    sys.exit(main())
