"""Rare events against what is known: `python -m benchmarks.splitting` writes reports/splitting.md.

Multilevel splitting on copied states of the engine, held to closed forms and, where that is possible, to plain runs:
a plugin's queue that overflows (M/M/1/K, the gambler's ruin), and a session that leaks because a full media queue drops
its message (a Poisson number of requests in one tick).
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.coverage import bare
from sim.scenario import Scenario, load_scenario
from sim.study.processes import LocalPool, processors
from sim.study.splitting import Rare, rare_overflow
from sim.study.uncertainty import mean
from sim.theory.intervals import Estimate, poisson_rate
from sim.theory.loss import ruin

REPORT = Path(__file__).parents[1] / "reports" / "splitting.md"
RATE, SERVICE = 500.0, 0.8e-3
"""Calls and seconds of service of the queue: utilisation 40 %."""

TICK_RATE, TICK = 100.0, 0.01
"""Calls a second and seconds of a media tick: one request a tick, on average."""

CHUNK = 5
"""Repetitions that one process does in a row."""


@dataclass(frozen=True)
class Case:
    """One rare event with its known probability."""

    name: str
    scenario: dict[str, Any]
    task: str
    level: int
    effort: int
    repetitions: int
    per_cycle: float
    cycles_per_call: float

    @property
    def per_call(self) -> float:
        return self.per_cycle * self.cycles_per_call


def queue(places: int, effort: int, repetitions: int) -> Case:
    """A plugin that is busy for an exponential time in each open; a busy period of M/M/1 has 1/(1 - ρ) calls."""
    given = bare(
        duration="1h", arrivals={"rate": f"{RATE}/s"}, calls={"hold": "10d"},
        plugin={"open": {"block": {"dist": "exponential", "mean": f"{SERVICE}s"}}},
    )  # fmt: skip
    truth = ruin(RATE, 1.0 / SERVICE, places)
    name = f"M/M/1/K by the blocking plugin, K = {places}"
    return Case(name, given, "speechrecog", places, effort, repetitions, truth, 1.0 - RATE * SERVICE)


def dropping(slots: int, effort: int, repetitions: int) -> Case:
    """An old server, whose media engine drops a message when its queue is full: the session then waits for ever."""
    from scipy.stats import poisson

    given = bare(duration="1h", arrivals={"rate": f"{TICK_RATE}/s"}, calls={"hold": "10d"})
    given["server"]["media"] = {"tick": f"{TICK}s", "queue": {"slots": slots, "when_full": "drop"}}
    each = TICK_RATE * TICK
    some = float(poisson.sf(0, each))
    name = f"a session leaks: media queue of {slots} is full"
    return Case(
        name, given, "media", slots + 1, effort, repetitions, float(poisson.sf(slots, each)) / some, some / each
    )


def part(case: Case, repetitions: int, seed: int) -> Rare:
    """Some repetitions, in whatever process."""
    return rare_overflow(
        load_scenario(case.scenario), task=case.task, level=case.level, effort=case.effort, repetitions=repetitions,
        seed=seed,
    )  # fmt: skip


@dataclass(frozen=True)
class Done:
    """All repetitions of a case, each a probability per call."""

    case: Case
    found: Estimate
    calls: int
    zeros: int

    @property
    def half(self) -> float:
        """Half the interval, as a part of the truth."""
        return (self.found.high - self.found.low) / 2.0 / self.case.per_call

    @property
    def apart(self) -> float:
        """Distance to the truth in standard errors of the mean."""
        from sim.study.uncertainty import student

        error = (self.found.high - self.found.value) / student(self.case.repetitions - 1, 0.95)
        return (self.found.value - self.case.per_call) / error if error > 0.0 else math.inf

    @property
    def for_a_fifth(self) -> tuple[float, float]:
        """Calls for an interval of ±20 %: by splitting, from its own spread, and plainly, 3.84/(p·ε²)."""
        return self.calls * (self.half / 0.2) ** 2, 3.84 / 0.2**2 / self.case.per_call

    def row(self) -> str:
        """A line of the table."""
        case, found = self.case, self.found
        ok = "✓" if found.low <= case.per_call <= found.high else "✗"
        own, plain = self.for_a_fifth
        return (
            f"| {case.name} | {case.per_call:.3g} | {found.value:.3g} ({found.low:.3g}–{found.high:.3g}) | {ok} "
            f"| ±{100.0 * self.half:.0f} % | {self.apart:+.1f} | {case.repetitions} × {case.effort} | {self.calls:,} "
            f"| {own:.1e} | {plain:.1e}: {plain / own:,.0f} times as many |"
        )


def split(pool: ProcessPoolExecutor, case: Case) -> Done:
    """All repetitions of a case on every core."""
    counts = [min(CHUNK, case.repetitions - done) for done in range(0, case.repetitions, CHUNK)]
    futures = [pool.submit(part, case, count, 1000 * k + 1) for k, count in enumerate(counts)]
    parts = [future.result() for future in futures]
    per_call = [e * case.cycles_per_call for one in parts for e in one.estimates]
    return Done(case, mean(per_call), sum(one.calls for one in parts), sum(e == 0.0 for e in per_call))


def plainly(case: Case, runs: int, calls: int) -> tuple[int, int]:
    """Ticks in which a session leaked, and calls, in ordinary runs of the same server."""
    from sim.engine.run import run

    scenario: Scenario = load_scenario(
        case.scenario, {"duration": f"{calls / TICK_RATE}s", "drain": "1s", "arrivals.rate": f"{TICK_RATE}/s"}
    )
    hits = total = 0
    for seed in range(1, runs + 1):
        sessions = run(scenario, seed=seed, engine="compiled", ledger="sessions").sessions
        assert sessions is not None
        lost = sessions[sessions["answer_s"].isna()]
        hits += len({math.ceil(at / TICK) for at in lost["arrived_s"] if at < calls / TICK_RATE - TICK})
        total += len(sessions)
    return hits, total


def report(rows: Sequence[Done], plain: str, seconds: float) -> str:
    """The page."""
    return "\n".join(
        [
            "# Rare events",
            "",
            "Made by `python -m benchmarks.splitting`. Probabilities per call, by `sim.rare_overflow`: multilevel",
            "splitting on copied states of the engine. Each repetition is an estimate of its own; in brackets",
            "Student's 95 % interval over them, then half of it as a part of the truth, and how many standard errors",
            "the mean of the repetitions lies from the truth: without bias that is beyond ±2 once in twenty.",
            "",
            "| event | truth per call | found | | half | apart | repetitions × futures a step | calls "
            "| calls for ±20 % | plain Monte Carlo for ±20 % |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *(done.row() for done in rows),
            "",
            "The truth of the queue is the gambler's ruin (Feller I, XIV.2) times the 1 - ρ busy periods a call; that",
            "of the leak the Poisson tail of the requests in one tick, over their mean.",
            "",
            "Each future of a copied state draws anew what has not come yet: the next call, and the rest of a service",
            "given how long it has lasted. So futures share the past alone. In the tick of a leak that is still much:",
            "how early in it a step was reached decides how likely the next one is.",
            "",
            plain,
            "",
            f"Took {seconds:.0f} s on {processors()} processors, load of the machine {os.getloadavg()[0]:.1f}.",
            "",
        ]
    )


CASES = (queue(13, 100, 100), dropping(7, 200, 100), queue(23, 200, 30), dropping(11, 400, 400), dropping(4, 200, 40))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=int, help="one case by its number, printed and not written")
    parser.add_argument("--plain-runs", type=int, default=50, help="ordinary runs of 20 000 calls")
    chosen = parser.parse_args()
    began = time.perf_counter()
    rows = []
    with LocalPool() as pool:
        for number, case in enumerate(CASES):
            if chosen.only in (None, number):
                rows.append(split(pool, case))
                print(f"{time.perf_counter() - began:6.0f} s  {rows[-1].row()}  zeros {rows[-1].zeros}", flush=True)
    hits, calls = plainly(CASES[-1], chosen.plain_runs, 20_000)
    e = poisson_rate(hits, calls)
    plain = (
        f"Plain runs of the last case: {hits:,} ticks with a leak in {calls:,} calls, {e.value:.3g} a call "
        f"({e.low:.3g}–{e.high:.3g}); the truth is {CASES[-1].per_call:.3g}."
    )
    text = report(rows, plain, time.perf_counter() - began)
    if chosen.only is None:
        REPORT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
