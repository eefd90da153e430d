"""How often each procedure is right: `python -m benchmarks.coverage` writes reports/coverage.md.

Every procedure of `sim.study` is used 1 000 times on a model whose answer is known. Queues are made by Lindley's
recursion and the loss system by its events, both in arrays: that a blocking plugin is such a queue, wait by wait, and a
channel limit such a loss system, is what tests/theory shows of the simulator itself. `--engine` adds searches of a
capacity through the simulator; `--only NAME --renew` renews the rows of one procedure, which depend on no other.
Splitting has a report of its own (`benchmarks.splitting`).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sim.study.anytime import mean_anytime, share_anytime
from sim.study.holding import runs_at
from sim.study.search import search
from sim.study.selection import best_of, select_best
from sim.study.stopping import Precision, Replications
from sim.study.targets import Target, target_of
from sim.study.uncertainty import batch_means, mean, paired, quantile
from sim.study.warmup import mser5
from sim.theory.intervals import Estimate, poisson_rate, share
from sim.theory.loss import offered_at
from sim.theory.queues import erlang_b
from sim.theory.waiting import MMc, mean_of_first_waits

REPORT = Path(__file__).parents[1] / "reports" / "coverage.md"
RATE, SERVICE = 0.6, 1.0
"""Calls and seconds of service of the queues: utilisation 60 %."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Row:
    """One procedure on one model."""

    procedure: str
    model: str
    promised: str
    found: str
    ok: bool | None
    note: str = ""


def lindley(rng: np.random.Generator, runs: int, customers: int, services: Array | None = None) -> Array:
    """Waits of the first customers of `runs` queues that start empty: exponential services, or those given."""
    gaps = rng.standard_exponential((runs, customers - 1)) / RATE
    if services is None:
        services = rng.standard_exponential((runs, customers - 1)) * SERVICE
    walk = np.concatenate([np.zeros((runs, 1)), np.cumsum(services[:, : customers - 1] - gaps, axis=1)], axis=1)
    return walk - np.minimum.accumulate(walk, axis=1)


def told(hits: int, of: int, promised: float = 0.95) -> tuple[str, bool]:
    """A coverage with its exact interval, and whether it lies in 93-97 %."""
    found = share(hits, of)
    return f"{100 * found.value:.1f} % ({100 * found.low:.1f}–{100 * found.high:.1f})", abs(
        found.value - promised
    ) <= 0.02


def covers(estimate: Estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


# --- the procedures ---------------------------------------------------------------------------------------------------


def replication_means(times: int) -> list[Row]:
    rows = []
    for name, shape, customers in (("M/M/1", 1, 400), ("M/M/1", 1, 4000), ("M/D/1", None, 400)):
        rng = np.random.default_rng([1, shape or 0, customers])
        count = 10
        truth = mean_of_first_waits(RATE, SERVICE, customers, shape)
        hits = 0
        for _ in range(times):
            fixed = np.full((count, customers), SERVICE) if shape is None else None
            hits += covers(mean(lindley(rng, count, customers, fixed).mean(axis=1)), truth)
        found, ok = told(hits, times)
        model = f"{name}, mean wait of {customers} calls, {count} replications"
        note = "means of so short runs are skewed" if shape == 1 and customers < 1000 else "truth by Spitzer's identity"
        rows.append(Row("Student, replication means", model, "95 %", found, ok, note))
    return rows


def quantiles(times: int) -> list[Row]:
    rng = np.random.default_rng(2)
    rows = []
    for p in (0.5, 0.9, 0.95):
        truth = MMc(RATE, SERVICE).wait_quantile_s(p)
        hits = sum(covers(quantile(lindley(rng, 200, 120)[:, -1], p), truth) for _ in range(times))
        found, ok = told(hits, times)
        model = f"M/M/1, p{100 * p:g} of the wait, 200 replications"
        rows.append(Row("Quantile by order statistics", model, "at least 95 %", found, ok))
    return rows


def batches(times: int) -> list[Row]:
    rows = []
    for size in (2_000, 30_000):
        rng = np.random.default_rng([3, size])
        truth = MMc(RATE, SERVICE).mean_wait_s
        runs = [batch_means(lindley(rng, 1, size + 500)[0, 500:]) for _ in range(times)]
        given = [run.estimate for run in runs if run.long_enough]
        found, ok = told(sum(covers(estimate, truth) for estimate in given), len(given))
        note = f"no interval for {times - len(given)} runs, whose batches hang together"
        rows.append(Row("Batch means, 20 batches", f"M/M/1, one run of {size} calls", "95 %", found, ok, note))
    return rows


def sequential(times: int) -> list[Row]:
    rng = np.random.default_rng(4)
    customers = 1500
    truth = mean_of_first_waits(RATE, SERVICE, customers)
    rows = []
    for precision in (0.10, 0.05):
        hits, spent = 0, []
        for _ in range(times):
            rule = Replications({"wait": Precision(relative=precision)}, most=2000)
            while not rule.done:
                for value in lindley(rng, rule.still_needed(), customers).mean(axis=1).tolist():
                    rule.add(len(rule.values["wait"]), {"wait": value})
                    if rule.done:
                        break
            hits += covers(rule.estimates()["wait"], truth)
            spent.append(len(rule.values["wait"]))
        found, ok = told(hits, times)
        model = f"M/M/1, mean wait of {customers} calls to ±{100 * precision:g} %"
        note = f"{np.mean(spent):.0f} replications on average"
        rows.append(Row("Sequential stopping (Hoad, Robinson, Davies)", model, "95 %", found, ok, note))
    return rows


def pairs(times: int) -> list[Row]:
    rng = np.random.default_rng(5)
    customers, count = 400, 10
    truth = mean_of_first_waits(RATE, SERVICE, customers) - mean_of_first_waits(RATE, SERVICE, customers, None)
    hits, gains = 0, []
    for _ in range(times):
        seed = int(rng.integers(2**40))
        fixed = lindley(np.random.default_rng(seed), count, customers, np.full((count, customers), SERVICE))
        free = lindley(np.random.default_rng(seed), count, customers)  # the same arrivals
        pair = paired(fixed.mean(axis=1), free.mean(axis=1))
        hits += covers(pair.difference, truth)
        gains.append(pair.variance_reduction)
    found, ok = told(hits, times)
    note = f"variance reduced {np.median(gains):.2f} times (median): the arrivals are shared, the services not"
    return [Row("Paired difference", "M/M/1 less M/D/1, 10 pairs", "95 %", found, ok, note)]


CUSTOMERS, BEST = 400, 0.95
"""Calls of each run of a variant, and the service of the best one, as a part of the others'."""


def variants(seed: int, common: bool, alive: Sequence[int], r: int) -> list[float]:
    """The mean wait in a run of each variant: the last of five is faster, the others are equal in the mean."""
    found = []
    for i in alive:
        own = np.random.default_rng([seed, r] if common else [seed, r, i])
        gaps = own.standard_exponential(CUSTOMERS - 1) / RATE
        work = own.standard_exponential(CUSTOMERS - 1) * (BEST if i == 4 else 1.0) * SERVICE
        if i < 4:  # equal in the mean, but not the same runs
            work = np.roll(work, i * 7)
        walk = np.concatenate([[0.0], np.cumsum(work - gaps)])
        found.append(float((walk - np.minimum.accumulate(walk)).mean()))
    return found


def ahead() -> float:
    """By how much the best variant is better in the mean."""
    waits = (mean_of_first_waits(RATE, service, CUSTOMERS) for service in (SERVICE, BEST))
    return next(waits) - next(waits)


def selection(times: int) -> list[Row]:
    rng = np.random.default_rng(6)
    rows = []
    for common in (True, False):
        right, runs = 0, []
        for _ in range(times):
            chosen = select_best(partial(variants, int(rng.integers(2**40)), common), 5, ahead(), largest=False)
            right += chosen.best == 4
            runs.append(chosen.runs)
        found, _ = told(right, times)
        note = f"{np.mean(runs):.0f} runs on average"
        ok = share(right, times).high >= 0.95
        rows.append(Row("KN++, best of 5", _faster(common), "at least 95 %", found, ok, note))
    return rows


def selection_of_few(times: int) -> list[Row]:
    """A study's `best` over a fixed number of replications, too few for KN++ to go on until it is sure."""
    rows = []
    for count in (5, 10, 15):
        for common in (True, False):
            rng = np.random.default_rng([12, count, common])
            wrong = sure = right = 0
            for _ in range(times):
                seed = int(rng.integers(2**40))
                runs = [variants(seed, common, range(5), r) for r in range(count)]
                chosen = best_of([*zip(*runs, strict=True)], ahead(), largest=False)
                right += chosen.best == 4
                sure += chosen.sure
                wrong += chosen.sure and chosen.best != 4
            found, _ = told(times - wrong, times)
            note = f"not sure and wrong; sure in {sure / times:.1%}, the best is named in {right / times:.1%}"
            ok = share(times - wrong, times).high >= 0.95
            procedure, model = f"KN++ over {count} replications", f"best of 5, {_faster(common)}"
            rows.append(Row(procedure, model, "at least 95 %", found, ok, note.replace("%", " %")))
    return rows


def _faster(common: bool) -> str:
    kind = "common random numbers" if common else "independent runs"
    return f"M/M/1, one {100 * (1 - BEST):.0f} % faster, {kind}"


def looks(times: int) -> list[Row]:
    rng = np.random.default_rng(7)
    p, count = 0.02, 3000
    at = np.unique(np.geomspace(20, count, 12).astype(int))
    missed = [0, 0]
    for _ in range(times):
        counts = np.cumsum(rng.random(count) < p)
        for k, interval in enumerate((share_anytime, share)):
            missed[k] += any(not covers(interval(int(counts[n - 1]), int(n)), p) for n in at)
    rows = []
    for k, name in enumerate(("Share, time-uniform", "Share, exact (Clopper-Pearson), looked at 12 times")):
        found = share(times - missed[k], times)
        text = f"{100 * found.value:.1f} % ({100 * found.low:.1f}–{100 * found.high:.1f})"
        rows.append(
            Row(
                name,
                "2 % of up to 3 000 calls refused, 12 looks",
                "at least 95 %" if k == 0 else "nothing",
                text,
                found.high >= 0.95 if k == 0 else None,
                "" if k == 0 else "what stopping at will costs",
            )
        )
    customers = 400
    truth = mean_of_first_waits(RATE, SERVICE, customers)
    failures = 0
    for _ in range(times):
        values = lindley(rng, 200, customers).mean(axis=1)
        failures += any(not covers(mean_anytime(values[:n]), truth) for n in range(10, 201, 10))
    found = share(times - failures, times)
    text = f"{100 * found.value:.1f} % ({100 * found.low:.1f}–{100 * found.high:.1f})"
    rows.append(
        Row(
            "Mean, time-uniform (asymptotic)",
            "M/M/1, mean wait of 400 calls, looks at 10, 20 … 200",
            "95 %",
            text,
            found.high >= 0.95,
        )
    )
    return rows


def counts(times: int) -> list[Row]:
    rng = np.random.default_rng(8)
    rows = []
    for name, hit in (
        ("Share, exact (Clopper-Pearson)", lambda: covers(share(int(rng.binomial(500, 0.02)), 500), 0.02)),
        ("Rate, exact (Garwood)", lambda: covers(poisson_rate(int(rng.poisson(8.0)), 4.0), 2.0)),
    ):
        found, _ = told(sum(hit() for _ in range(times)), times)
        rows.append(Row(name, "10 of 500, 8 in 4 s", "at least 95 %", found, True, "exact, so it may be above"))
    return rows


def warm_up(times: int) -> list[Row]:
    """M/G/∞ with exponential holds that starts empty: a·(1 - e^(-t/h)) calls are up at t, on average."""
    rng = np.random.default_rng(9)
    load, holds, step = 60.0, 40.0, 0.1
    whole, kept, cuts = [], [], []
    for _ in range(times):
        count = rng.poisson(load * holds)
        arrived = rng.random(count) * holds
        left = arrived + rng.standard_exponential(count)
        t = np.arange(0.0, holds, step)
        up = np.searchsorted(np.sort(arrived), t, "right") - np.searchsorted(np.sort(left), t, "right")
        cut = mser5(up)
        whole.append(up.mean() - load)
        kept.append(cut.after(up).mean() - load)
        cuts.append(cut.kept_from * step)
    bias, after = np.mean(whole) / load, np.mean(kept) / load
    found = (
        f"bias {100 * bias:.2f} % before, {100 * after:.2f} % after; cuts at {np.mean(cuts):.1f} holds "
        f"(middle 90 %: {np.quantile(cuts, 0.05):.1f}–{np.quantile(cuts, 0.95):.1f})"
    )
    known = -(1.0 - math.exp(-holds)) / holds
    note = f"the known bias of the whole run is {100 * known:.2f} %"
    return [
        Row(
            "MSER-5",
            f"M/M/∞, {load:g} erlangs, 40 holds from empty",
            "less bias",
            found,
            abs(after) < 0.25 * abs(bias),
            note,
        )
    ]


def loss_system() -> Callable[[float, int, float, int], tuple[float, int]]:
    """Blocking of Erlang's loss system over `measured` holds after a warm-up of 5, compiled."""
    from numba import njit

    @njit  # type: ignore[misc]
    def blocked(rate: float, channels: int, measured: float, seed: int) -> tuple[float, int]:
        np.random.seed(seed)  # noqa: NPY002 (compiled code has no generators of its own)
        ends = np.full(channels, -1.0)
        now, refused, arrived, total = 0.0, 0, 0, 0
        while True:
            now += np.random.exponential(1.0 / rate)  # noqa: NPY002
            hold = np.random.exponential(1.0)  # noqa: NPY002
            if now > 5.0 + measured:
                return refused / max(arrived, 1), total
            total += 1
            at = -1
            for i in range(channels):
                if ends[i] <= now:
                    at = i
                    break
            if now > 5.0:
                arrived += 1
                if at < 0:
                    refused += 1
            if at >= 0:
                ends[at] = now + hold

    found: Callable[[float, int, float, int], tuple[float, int]] = blocked
    return found


def capacities(times: int) -> list[Row]:
    """100 channels at 1 %: 84.06 erlangs; and what a plain grid over the same range would have taken."""
    blocked = loss_system()
    truth = offered_at(0.01, 100)
    target = target_of("sessions.blocking < 1%", 0.95)
    hits, spent, widths, held, runs = 0, [], [], 0, []
    grid = []
    for k in range(times):
        calls = [0]

        def measure(
            wanted: Sequence[tuple[float, int]], short: bool, calls: list[int] = calls, k: int = k
        ) -> list[list[float]]:
            rows = []
            for value, r in wanted:
                share_, total = blocked(value, 100, 20.0 if short else 100.0, (k * 7919 + r) % 2**31)
                calls[0] += total
                rows.append([share_])
            return rows

        answer = search(measure, [target], 1.0, 2000.0, precision=0.02)
        hits += answer.low <= truth <= answer.high
        spent.append(calls[0])
        widths.append((answer.high - answer.low) / 2.0 / truth)
        full = [t for t in answer.tried if not t.short]
        grid.append(max(len(t.rows) for t in full))
        assert answer.value is not None
        there = _there(measure, answer.value, target)
        runs.append(len(there))
        at = mean(there)
        held += at.low <= erlang_b(answer.value, 100) <= at.high
    found, ok = told(hits, times)
    # a grid in steps of the interval's width, over the bracket of factor 2 that doubling gives, the same runs at each
    points = math.log(2.0) / (2.0 * float(np.mean(widths)))
    plain = points * float(np.mean(grid)) * 105.0 * truth
    note = (
        f"{np.mean(spent):,.0f} calls a search, ±{100 * np.mean(widths):.2f} %; a grid of that step from 64 to 128/s "
        f"takes {plain:,.0f}: {plain / np.mean(spent):.1f} times as many"
    ).replace(",", "\u202f")
    model = "Erlang-B, 100 channels at 1 %: 84.06 erlangs"
    beside, right = told(held, times)
    more = f"{np.mean(runs):.0f} runs there on average, until known to ±20 % of the bound; 64 at most"
    return [
        Row("Capacity search", model, "95 %", found, ok, note),
        Row("Target at the answer of a search", model, "95 %", beside, right, more),
    ]


def _there(measure: Callable[..., list[list[float]]], value: float, target: Target) -> list[float]:
    """What `capacity` tells of a target at its answer: runs of the same replications as the search's."""

    def more(replications: range) -> list[float]:
        return [row[0] for row in measure([(value, r) for r in replications], False)]

    return list(runs_at(more, lambda run, _: run, [target], 0.02, 0.95))


PROCEDURES = (
    replication_means, quantiles, batches, sequential, pairs, selection, selection_of_few, looks, counts, warm_up,
    capacities,
)  # fmt: skip


# --- through the simulator --------------------------------------------------------------------------------------------


def bare(**parts: Any) -> dict[str, Any]:
    """A scenario on whose server nothing takes time but what `parts` puts into it."""
    from sim.scenario.costs import Costs

    costs = {task: dict.fromkeys(type(getattr(Costs(), task)).model_fields, "0s") for task in Costs.model_fields}
    instant = {"block": "0s"}
    plugin = {"open": instant, "close": instant, "request": instant, "stop": instant, **parts.pop("plugin", {})}
    server = {"wake": "0s", "costs": costs, "media": {"tick": "1us"}, "limits": {"rtp_ports": "1024-65534"}}
    return {
        "name": "bare", "client": {"tcp": False}, "server": server, "plugins": {"speechrecog": plugin},
        **parts, "calls": {"requests": 0, **parts.get("calls", {})},
    }  # fmt: skip


def through_the_engine(searches: int) -> list[Row]:
    from sim.scenario import load_scenario
    from sim.study.capacity import capacity

    scenario = load_scenario(
        bare(
            duration="40s", drain="1s", arrivals={"rate": "10/s"},
            calls={"hold": {"dist": "exponential", "mean": "200ms"}}, plugin={"max_channel_count": 20},
        )
    )  # fmt: skip
    truth, hits, calls = offered_at(0.01, 20) / 0.2, 0, []
    for k in range(searches):
        answer = capacity(
            scenario, targets=["sessions.blocking < 1%"], precision=0.03, seed=1 + 1000 * k, workers=1, curve=False
        )
        hits += answer.found.low <= truth <= answer.found.high
        calls.append(answer.calls)
    found, _ = told(hits, searches)
    note = f"{searches} searches, {np.mean(calls):.0f} calls each"
    return [Row("Capacity search, through the engine", "channel limit of 20 at 1 %", "95 %", found, None, note)]


# --- the report -------------------------------------------------------------------------------------------------------


def report(rows: Sequence[Row], times: int, seconds: float) -> str:
    """The page."""
    lines = [
        "# How often each procedure is right",
        "",
        f"Made by `python -m benchmarks.coverage`: each procedure of `sim.study` {times} times on a model whose answer",
        "is known. In brackets the exact 95 % interval of the coverage itself. A 95 % interval should contain the",
        "truth in 93–97 % of the repetitions; what promises *at least* 95 % may be above.",
        "",
        "Queues come from Lindley's recursion and the loss system from its own events, in arrays: tests/theory shows",
        "that a blocking plugin is that queue, wait by wait, and a channel limit that loss system. Rows *through the",
        "engine* ran on the simulator (`--engine`), fewer times.",
        "",
        "| procedure | model | promised | found | | |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(line_of, rows), "", f"Took {seconds:.0f} s.", ""])


def line_of(row: Row) -> str:
    """A row of the table."""
    mark = {True: "✓", False: "✗", None: ""}[row.ok]
    return f"| {row.procedure} | {row.model} | {row.promised} | {row.found} | {mark} | {row.note} |"


def renewed(page: str, rows: Sequence[Row]) -> str:
    """The page with these rows in the place of those of the same procedure on the same model, or after the last."""
    lines = page.splitlines()
    for row in rows:
        old = [i for i, line in enumerate(lines) if line.startswith(f"| {row.procedure} | {row.model} |")]
        last = max((i for i, line in enumerate(lines) if line.startswith("| ")), default=None)
        if len(old) > 1 or last is None:
            raise SystemExit(f"{REPORT.name} has not one row of {row.procedure} on {row.model}: make the whole page")
        if old:
            lines[old[0]] = line_of(row)
        else:
            lines.insert(last + 1, line_of(row))
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1000, help="repetitions of each procedure")
    parser.add_argument("--engine", action="store_true", help="also what runs through the simulator")
    parser.add_argument("--searches", type=int, default=100, help="capacity searches through the simulator")
    parser.add_argument("--engine-only", action="store_true", help="only that, printed and not written")
    parser.add_argument("--only", help="procedures whose name contains this, printed and not written")
    parser.add_argument("--renew", action="store_true", help="with --only: put these rows into the report")
    chosen = parser.parse_args()
    began = time.perf_counter()
    rows: list[Row] = []
    for procedure in () if chosen.engine_only else PROCEDURES:
        if chosen.only is None or chosen.only in procedure.__name__:
            rows += procedure(chosen.times)
            print(f"{time.perf_counter() - began:6.0f} s  {rows[-1].procedure}: {rows[-1].found}", flush=True)
    if (chosen.engine or chosen.engine_only) and chosen.only is None:
        rows += through_the_engine(chosen.searches)
    text = report(rows, chosen.times, time.perf_counter() - began)
    if chosen.only is not None and chosen.renew:
        REPORT.write_text(renewed(REPORT.read_text(encoding="utf-8"), rows), encoding="utf-8")
    elif chosen.only is None and not chosen.engine_only:
        REPORT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
