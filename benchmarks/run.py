"""One command, one table: `python -m benchmarks [--write]`.

Every row runs in a process of its own; the rows take turns, round after round, and a ratio is the median over the
rounds of the two speeds of one round. `--write` puts the tables into reports/benchmarks.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import cold
from benchmarks.flow import FLOW, HOLD_S, RATE_PER_S, SAMPLE
from benchmarks.machine import description
from benchmarks.measure import disagreement, interleaved
from benchmarks.report import REPORT, flow_table, write_section
from benchmarks.rows import BY_NAME, ROWS


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def flow_section(names: Sequence[str], rounds: int, scale: float, seed: int, clock: str) -> str:
    """Measures the rows and returns their section of the report."""
    machine = description()
    measured = interleaved([row for row in ROWS if row.name in names], rounds, scale, seed, _say)
    different = disagreement(measured)
    if different:
        raise SystemExit(f"the peers do not simulate the same calls: {different}")
    clocks = {"wall": "wall time", "cpu": "processor time, because other programs were running on the machine"}
    lines = [
        "## Calls per second on one core",
        "",
        f"`python -m benchmarks`: {rounds} rounds, every row once per round in a process of its own;",
        f"{clocks[clock]} without imports and compilation.",
        "A ratio is the median over the rounds of the two speeds in one round.",
        "",
        flow_table(measured, clock),
        "",
        f"The flow of the peers: {len(FLOW)} message hops through six tasks (`benchmarks/flow.py`), Poisson",
        f"{RATE_PER_S:g} calls/s, exponential hold of {HOLD_S:g} s. p50 and p95 are INVITE→answer in the last round.",
        f"The peers draw the same numbers for each call, and their quantiles are those of the first {SAMPLE} answers:",
        "they must be equal, or this command fails. The engines of mrcpsim run `scenarios/baseline.yaml` with",
        '`ledger="summary"`: the whole protocol with subrequest counters, pools, timers and conservation checks, with',
        "more messages per call and other service times than the flow; their quantiles are of the whole run.",
        "",
        *(f"- {line}" for line in machine),
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmarks; exit code 1 when a row failed (one that is not available does not count)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--rows",
        nargs="+",
        choices=sorted(BY_NAME),
        default=list(BY_NAME),
        metavar="ROW",
        help="some of: " + ", ".join(BY_NAME),
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each row runs (default %(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the calls of every row")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu on a machine that others use too")
    parser.add_argument("--no-start", action="store_true", help="leave out the start-up times")
    parser.add_argument(
        "--write", nargs="?", type=Path, const=REPORT, metavar="FILE", help="put the tables into a report"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.scale <= 0:
        parser.error("--rounds must be at least 1 and --scale greater than 0")
    sections = {"flow": flow_section(options.rows, options.rounds, options.scale, options.seed, options.clock)}
    if not options.no_start:
        sections["start"] = cold.section(options.rounds, _say)
    for name, text in sections.items():
        print(text, end="\n\n")
        if options.write:
            write_section(name, text, options.write)
    return int(any("| failed: " in text for text in sections.values()))


if __name__ == "__main__":
    sys.exit(main())
