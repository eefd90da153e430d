"""How the cost of a call grows with the calls under way: `python -m benchmarks.scaling [--write]`.

The arrival rate stays, the hold grows; so the load on the tasks is the same at every level and only the calls that
hold (and with them the event set and the session table) grow.
"""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.flow import RATE_PER_S
from benchmarks.machine import description
from benchmarks.measure import run_row
from benchmarks.report import REPORT, figure, table, write_section
from benchmarks.rows import BY_NAME

ROWS = ("own-compiled", "own-simpy", "simpy-callback", "cpp")
FIGURE = "figures/benchmarks-scaling.svg"  # beside the report
Costs = dict[str, dict[int, float]]  # row → concurrent calls → seconds per call


def measure(
    levels: Sequence[int], names: Sequence[str], rounds: int, clock: str, scale: float
) -> tuple[Costs, dict[str, str]]:
    """Median seconds per call of each row at each level, and why rows are missing."""
    costs: Costs = {name: {} for name in names}
    missing: dict[str, str] = {}
    for level in levels:
        samples: dict[str, list[float]] = {name: [] for name in names}
        for number in range(rounds):
            for name in names:
                if name in missing:
                    continue
                calls = max(30, round(max(BY_NAME[name].calls, 3 * level) * scale))
                figures = run_row(BY_NAME[name], calls, seed=1 + number, hold_s=level / RATE_PER_S)
                why = figures.get("not_available") or figures.get("failed")
                if why:
                    missing[name] = f"{'not available' if 'not_available' in figures else 'failed'}: {why}"
                    print(f"{name}: {missing[name]}", file=sys.stderr)
                    continue
                samples[name].append(figures[f"{clock}_s"] / figures["calls"])
                print(f"{level} concurrent  {name}: {samples[name][-1] * 1e6:.3g} µs per call", file=sys.stderr)
        for name in names:
            if samples[name]:
                costs[name][level] = median(samples[name])
    return costs, missing


def plot(costs: Costs, path: Path) -> None:
    """Cost per call over concurrent calls, both axes logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "mrcpsim"  # the same figures make the same file
    from matplotlib import pyplot as plt

    fig, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, at in costs.items():
        if at:
            axes.plot(list(at), [value * 1e6 for value in at.values()], marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="concurrent calls", ylabel="µs per call")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, metadata={"Date": None})
    plt.close(fig)


def section(
    levels: Sequence[int], costs: Costs, missing: Mapping[str, str], rounds: int, with_figure: bool, clock: str
) -> str:
    """The scaling section of the report."""
    first, last = levels[0], levels[-1]
    rows = []
    for name, at in costs.items():
        label = BY_NAME[name].label
        if name in missing:
            rows.append([label, missing[name], *["–"] * len(levels)])
            continue
        growth = at[last] / at[first]
        rows.append([label, *(figure(at[level] * 1e6) for level in levels), f"×{growth:.2f}"])
    logarithm = math.log(last) / math.log(first) if first > 1 else math.inf
    lines = [
        "## Cost of a call against concurrent calls",
        "",
        f"`python -m benchmarks.scaling`: µs per call, {clock} time, median of {rounds}; {RATE_PER_S:g} calls/s",
        "throughout, the hold grows.",
        f"Growth in proportion to log n would be ×{logarithm:.2f} from {first:,} to {last:,}; what caches lose",
        "comes on top of that.",
        "",
        table(("row", *(f"{level:,}" for level in levels), "growth"), rows),
    ]
    if with_figure:
        lines += ["", f"![Cost of a call against concurrent calls]({FIGURE})"]
    return "\n".join([*lines, "", *(f"- {line}" for line in description())])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and, with --write, plots."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.partition("\n")[0])
    parser.add_argument("--concurrent", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000])
    parser.add_argument(
        "--rows", nargs="+", choices=sorted(BY_NAME), default=list(ROWS), metavar="ROW", help=", ".join(BY_NAME)
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the calls of every run")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu on a machine that others use too")
    parser.add_argument("--write", nargs="?", type=Path, const=REPORT, metavar="FILE", help="write table and plot")
    options = parser.parse_args(arguments)
    levels = sorted(set(options.concurrent))
    if levels[0] < 1 or options.rounds < 1 or options.scale <= 0:
        parser.error("--concurrent and --rounds must be at least 1, --scale greater than 0")
    costs, missing = measure(levels, options.rows, options.rounds, options.clock, options.scale)
    text = section(levels, costs, missing, options.rounds, options.write is not None, options.clock)
    print(text)
    if options.write:
        plot(costs, options.write.parent / FIGURE)
        write_section("scaling", text, options.write)
    return int(any(why.startswith("failed") for why in missing.values()))


if __name__ == "__main__":
    sys.exit(main())
