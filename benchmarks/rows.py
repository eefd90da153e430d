"""The rows of the benchmark table: what each one is, how many calls it is given, and how one process runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter, process_time
from typing import Any

from benchmarks import cpp, own
from benchmarks.flow import HOLD_S, quantile

Figures = Mapping[str, Any]  # calls, wall_s, cpu_s, p50_s, p95_s


class NotAvailable(Exception):
    """The row can not be run here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One program; `calls` is what it simulates in about a second or two."""

    name: str
    label: str
    calls: int
    measure: Callable[[int, int, float], Figures]


def _peer(module: str, needs: str = "simpy") -> Callable[[int, int, float], Figures]:
    def measure(calls: int, seed: int, hold_s: float) -> Figures:
        if find_spec(needs) is None:
            raise NotAvailable(f"{needs} is not installed: pip install -e '.[bench]'")
        if needs != "simpy":
            import_module(needs)  # not part of the measured time
        simulate = import_module(f"benchmarks.peers.{module}").simulate
        wall, cpu = perf_counter(), process_time()
        latencies = simulate(calls, seed, hold_s)
        wall, cpu = perf_counter() - wall, process_time() - cpu
        return {
            "calls": calls,
            "wall_s": wall,
            "cpu_s": cpu,
            "p50_s": quantile(latencies, 0.50) if latencies else None,
            "p95_s": quantile(latencies, 0.95) if latencies else None,
        }

    return measure


def _cpp(calls: int, seed: int, hold_s: float) -> Figures:
    try:
        return cpp.run(calls, seed, hold_s)
    except cpp.NoCompiler as missing:
        raise NotAvailable(str(missing)) from None


def _own(engine: str) -> Callable[[int, int, float], Figures]:
    def measure(calls: int, seed: int, hold_s: float) -> Figures:
        missing = own.missing(engine)
        if missing:
            raise NotAvailable(missing)
        return own.run(engine, calls, seed, {} if hold_s == HOLD_S else own.long_holds(hold_s))

    return measure


IDIOMATIC, CPP = "simpy-idiomatic", "cpp"
ROWS = (
    Row("own-compiled", "**mrcpsim, compiled engine** (the whole protocol)", 400_000, _own("compiled")),
    Row("own-simpy", "**mrcpsim, SimPy engine** (the whole protocol)", 10_000, _own("simpy")),
    Row(IDIOMATIC, "SimPy, idiomatic: a process per call, a Resource per task", 8_000, _peer("simpy_idiomatic")),
    Row("simpy-callback", "SimPy, callbacks: timeouts and FIFO lists", 30_000, _peer("simpy_callback")),
    Row("simpy-bare", "SimPy, bare loop: as many timeouts, no flow", 30_000, _peer("simpy_bare")),
    Row("salabim", "salabim: a Component per call, a Resource per task", 1_500, _peer("salabim_peer", "salabim")),
    Row("ciw", "Ciw: a node per task, process-based routing", 1_200, _peer("ciw_peer", "ciw")),
    Row(CPP, "C++: `std::priority_queue`, `std::deque`", 1_000_000, _cpp),
)
BY_NAME = {row.name: row for row in ROWS}
