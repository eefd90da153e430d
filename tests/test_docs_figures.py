"""The figures of docs/leaks.md, logs.md and howto.md are what a rerun, or the code that they speak of, gives."""

import csv
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from leaks.test_resident_memory import LEAK_50, MEASURED_KIB
from numpy.typing import NDArray

import sim
from sim.calibration.calibrate import RECEIVE_BUFFER
from sim.leaks.survival import DOUBT, ENOUGH, SPANS
from sim.ledger.summary import FINDING_KINDS, VIOLATION_KINDS
from sim.logs.reading.reader import LONGEST, SHUFFLED
from sim.scenario.server import Memory

ROOT = Path(__file__).parents[1]
TRACES = ROOT / "tests" / "data" / "traces"


def page(name: str) -> str:
    """A page of the documentation on one line."""
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def figures(name: str, pattern: str) -> list[str]:
    found = re.search(pattern, page(name))
    assert found is not None, pattern
    return list(found.groups())


def test_memory_is_reckoned_as_the_scenario_does() -> None:
    base, *each = figures(
        "leaks.md", r"([\d.]+) MiB for the process itself, ([\d.]+) KiB for each \*concurrent\* call .*? ([\d.]+) KiB "
        r"for each SIP transaction .*?, ([\d.]+) KiB for each leaked session",
    )  # fmt: skip
    knobs = Memory()
    assert base == f"{knobs.resident_base / 2**20:.1f}"
    by = knobs.resident_per_call, knobs.resident_per_transaction, knobs.resident_per_leak
    assert each == [f"{size / 1024:g}" for size in by]


def test_calls_and_transactions_of_a_steady_load() -> None:
    said = figures("leaks.md", r"At (\d+) calls/s of (\d+) s each that is (\d+) calls and (\d+) transactions")
    load = {"arrivals.rate": f"{said[0]}/s", "calls.hold": f"{said[1]}s", "duration": "70s",
            "plugins.speechrecog.close.never": 0}  # fmt: skip
    use = sim.run(sim.load_scenario(LEAK_50, overrides=load), seed=1, engine="compiled").summary.memory
    assert [use.calls_peak, use.transactions_peak] == pytest.approx([int(said[2]), int(said[3])], abs=2)


def test_the_resident_memory_of_real_runs_is_as_far_off_as_is_said() -> None:
    """Those that are furthest off are among the published ones."""
    low, high = figures("leaks.md", r"says the peak of its process to −([\d.]+) % … \+([\d.]+) %")
    off = [
        sim.audit_log(TRACES / f"{run}.log.xz", ledger="summary").summary.memory.bytes_peak / (1024 * kib) - 1
        for run, kib in MEASURED_KIB.items()
        if run in ("mixed15", "vanish", "info20")
    ]
    assert [f"{-100 * min(off):.1f}", f"{100 * max(off):.1f}"] == [low, high]


Floats = NDArray[np.float64]


def resident(run: str) -> tuple[Floats, Floats, Floats, float]:
    """Of a real run: times in seconds since its first call, KiB of its process then, when each leaked session was
    asked to end, and when the last call came."""
    audited = sim.audit_log(TRACES / f"{run}.log.xz", ledger="sessions")
    note = next(note for note in audited.provenance["notes"] if "first entry" in note)
    begins = re.search(r"first entry, (.+)\.$", note)
    assert begins is not None
    sessions = audited.sessions
    zero = datetime.fromisoformat(begins[1]).replace(tzinfo=UTC).timestamp() + sessions.arrived_s.min()
    with (TRACES / f"{run}.proc.csv").open(encoding="utf-8") as file:
        rows = [(float(row["time"]) - zero, float(row["rss_kib"])) for row in csv.DictReader(file)]
    times, kib = np.array(rows).T
    leaked = sessions[sessions.outcome == "leaked"]
    ends = leaked.terminate_s.fillna(leaked.deactivate_s).fillna(leaked.arrived_s) - sessions.arrived_s.min()
    return times, kib, ends.to_numpy(), float(np.ptp(sessions.arrived_s))


def test_the_growth_of_memory_in_leak2() -> None:
    """210 and 12 KiB/s were said, of no stretch of time that was."""
    said = figures("leaks.md", r"by (\d+) KiB/s in the first 32 s of calls, and by (\d+) KiB/s from second 33 on")
    times, kib, _, last = resident("leak2")
    parts = [(times >= 0) & (times <= 32), (times >= 33) & (times <= last)]
    assert said == [f"{np.polyfit(times[part], kib[part], 1)[0]:.0f}" for part in parts]


def test_the_memory_that_a_leaked_session_keeps() -> None:
    said = figures(
        "leaks.md", r"from second 33 of the calls to the end of the process, (\d+) sessions leak in `leak2` and (\d+) "
        r"in `recogdrop`, and the slope .*? is (\d+) KiB each in the one and (\d+) in the other",
    )  # fmt: skip
    counts, slopes = [], []
    for run in ("leak2", "recogdrop"):
        times, kib, ends, _ = resident(run)
        late = times >= 33
        leaks = np.searchsorted(np.sort(ends), times[late], side="right")
        counts.append(f"{np.ptp(leaks)}")
        slopes.append(f"{np.polyfit(leaks, kib[late], 1)[0]:.0f}")
    assert said == counts + slopes


def test_what_is_no_evidence_is_so_by_the_numbers_that_are_said() -> None:
    said = figures(
        "leaks.md", r"\(below (\d+) %\).*? before (\d+) calls have ended and the data span (\d+) usual lifetimes"
    )
    assert said == [f"{100 * DOUBT:.0f}", f"{ENOUGH}", f"{SPANS:.0f}"]


@pytest.mark.parametrize("n", [100, 1000])
def test_the_power_of_a_log_without_leaks(n: int) -> None:
    chance, third = figures("leaks.md", r"is exact: \(1 − p\)ⁿ = (\d+) %, about 1 call in n/(\d)\.")
    assert (1 - int(chance) / 100) > 0.5
    assert n * (1 - (int(chance) / 100) ** (1 / n)) == pytest.approx(int(third), rel=0.02)


@pytest.mark.parametrize(("name", "pattern", "value"), [
    ("logs.md", r"Of a line longer than (\d+) MiB", LONGEST / 2**20),
    ("howto.md", r"`calibrate` writes (\d+), which is", RECEIVE_BUFFER),
    ("logs.md", r"more than one entry of (\d+) goes back in time", SHUFFLED),
])  # fmt: skip
def test_a_limit_is_that_of_the_code(name: str, pattern: str, value: float) -> None:
    assert float(figures(name, pattern)[0]) == value


@pytest.mark.parametrize(("name", "kinds"), [("leaks.md", VIOLATION_KINDS), ("logs.md", FINDING_KINDS)])
def test_every_kind_stands_in_its_table(name: str, kinds: tuple[str, ...]) -> None:
    """`lines-unread` and `double-release` were in no list of kinds."""
    listed = set(re.findall(r"`([a-z-]+)`", " ".join(re.findall(r"\| (`[^|]*) \|", page(name)))))
    assert set(kinds) - {"memory-exhausted"} <= listed  # which no log has
