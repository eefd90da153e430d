"""How often `mrcpsim compare` claims a difference where there is none: `python -m benchmarks.false_alarms`.

Two seeds of one scenario differ by chance alone, so every claim is a false alarm. With several rows a comparison, what
counts is whether it makes any: that may happen in 5 of 100 comparisons at most. Beside it the power: how often a fault
or a slower plugin, put in on purpose, is found.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.comparison.compare import compare
from sim.theory.intervals import CONFIDENCE, share

BEYOND = 1.0 - CONFIDENCE
REPORT = Path(__file__).resolve().parents[1] / "reports" / "false-alarms.md"
Change = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario, and what is changed for the second of two results; nothing: a difference is a false alarm."""

    name: str
    scenario: str
    settings: Change
    change: Change | None = None
    row: str = ""
    """The row that must be beyond chance where something was changed."""
    same_seed: bool = False
    oftener: int = 1
    """So many times as many comparisons: of a case so near to what is promised that a hundred can not say."""


CASES = (
    Case("a healthy server, 20 calls/s", "baseline", {"duration": "150s"}),
    Case("2 % leaks", "baseline", {"duration": "150s", "plugins.speechrecog.close.never": "2%"}),
    Case("few leaks: 0.1 %", "baseline", {"duration": "150s", "plugins.speechrecog.close.never": "0.1%"}),
    Case("8 % of the calls refused", "channel-limit", {"duration": "400s"}),
    Case("a plugin's task busy for 93 % of the time", "baseline", {
        "duration": "150s", "plugins.speechrecog.open.block": "{dist: exponential, mean: 46ms}"}, oftener=4),
    Case("evenly spaced calls", "baseline", {"duration": "150s", "arrivals.kind": "even"}),
    Case("a short result: 200 calls", "baseline", {"duration": "10s", "plugins.speechrecog.close.never": "2%"}),
    Case("leaks of 1 % put in, 3 000 calls, other seed", "baseline", {"duration": "150s"},
         {"plugins.speechrecog.close.never": "1%"}, "sessions.leaked"),
    Case("leaks of 1 % put in, 3 000 calls, same seed", "baseline", {"duration": "150s"},
         {"plugins.speechrecog.close.never": "1%"}, "sessions.leaked", True),
    Case("open slower by 1 ms, other seed", "baseline", {"duration": "150s"},
         {"plugins.speechrecog.open.delay": "1ms"}, "latency.media_to_open.p50"),
    Case("calls 10 % longer, other seed", "baseline", {"duration": "150s"},
         {"calls.hold": "{dist: exponential, mean: 3.3s}"}, "lifetimes"),
    Case("calls 10 % longer, same seed", "baseline", {"duration": "150s"},
         {"calls.hold": "{dist: exponential, mean: 3.3s}"}, "lifetimes", True),
)  # fmt: skip


def claims(case: Case, number: int) -> list[tuple[str, str, float]]:
    """One comparison: the rows that are claimed to differ with their method and probability."""
    import sim

    first = 2 * number + 1
    base = sim.load_scenario(f"scenarios/{case.scenario}.yaml", overrides=dict(case.settings))
    other = sim.load_scenario(f"scenarios/{case.scenario}.yaml", overrides={**case.settings, **(case.change or {})})
    a, b = (
        sim.run(scenario, seed=seed, ledger="sessions", engine="compiled")
        for scenario, seed in ((base, first), (other, first if case.same_seed else first + 1))
    )
    return [(row.name, row.method, row.p or 0.0) for row in compare(a, b).rows if row.beyond_chance]


def line(case: Case, found: Sequence[list[tuple[str, str, float]]]) -> str:
    """The row of the report for one case."""
    if case.change is None:
        hit = [bool(one) for one in found]
        often = Counter(name for one in found for name, _, _ in one).most_common(3)
        note = ", ".join(f"{name} {count}" for name, count in often)
        promised = f"at most {100 * BEYOND:.0f} %"
    else:
        hit = [any(name == case.row for name, _, _ in one) for one in found]
        note, promised = case.row, "found"
    exact = share(sum(hit), len(hit))
    mark = "" if case.change is not None else "✓" if exact.low <= BEYOND else "✗"
    return (
        f"| {case.name} | {len(found)} | {promised} | {100 * exact.value:.1f} % "
        f"({100 * exact.low:.1f}–{100 * exact.high:.1f}) | {mark} | {note} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100, help="comparisons of each case without a difference")
    parser.add_argument("--power", type=int, default=20, help="comparisons of each case with one")
    parser.add_argument("--only", help="cases whose name contains this, printed and not written")
    parser.add_argument("-j", "--workers", type=int, default=2)
    chosen = parser.parse_args()
    began, lines = time.perf_counter(), []
    with ProcessPoolExecutor(chosen.workers) as pool:
        for case in CASES:
            if chosen.only is None or chosen.only in case.name:
                times = case.oftener * chosen.times if case.change is None else chosen.power
                found = list(pool.map(claims, [case] * times, range(times), chunksize=5))
                lines.append(line(case, found))
                print(f"{time.perf_counter() - began:6.0f} s  {lines[-1]}", flush=True)
    if chosen.only is None:
        REPORT.write_text(report(lines), encoding="utf-8")


def report(lines: Sequence[str]) -> str:
    """The page."""
    return "\n".join(
        [
            "# How often `mrcpsim compare` is wrong",
            "",
            "Made by `python -m benchmarks.false_alarms`: pairs of seeds of one scenario, that differ by chance alone,",
            "so every claim of a difference is a false alarm; a comparison of some 25 rows counts as one where any row",
            "claims. In brackets the exact 95 % interval of the share. Below the same with a difference put in: how",
            "often its row is found. ✓: 5 % is not below the interval; so many comparisons can say no more.",
            "",
            "| case | comparisons | promised | found | | rows |",
            "|---|---|---|---|---|---|",
            *lines,
            "",
        ]
    )


if __name__ == "__main__":
    main()
