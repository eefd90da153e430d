"""The compiled engine as a program: chosen when it pays, compiled once, interruptible, exact where SimPy is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim.engine import choose as select
from sim.engine.compiled import cache, normals
from sim.engine.compiled import engine as compiled_engine
from sim.engine.compiled.record import HISTOGRAM_WORDS
from sim.engine.end.collect import Collector
from sim.engine.run import run
from sim.engine.start.setup import setup
from sim.errors import ScenarioError
from sim.ledger.histogram import BUCKETS
from sim.ledger.sink import MemorySink
from sim.scenario import Scenario

BUSY = {"duration": "60s", "drain": "40s", "arrivals": {"rate": "50/s"}, "calls": {"hold": "1s"}}


def small(**knobs: Any) -> Scenario:
    return sim.load_scenario({"duration": "5s", "arrivals": {"rate": "5/s"}, **knobs})


def test_auto_takes_simpy_for_small_or_watched_runs_and_the_compiled_engine_for_large_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache, "is_compiled", lambda: True)
    assert select.choose("auto", select.COMPILED_FROM - 1, observed=False) == "simpy"
    assert select.choose("auto", select.COMPILED_FROM, observed=False) == "compiled"
    assert select.choose("auto", 10 * select.COMPILE_FROM, observed=True) == "simpy"
    assert select.choose("compiled", 1, observed=False) == "compiled"
    assert select.choose("simpy", 10 * select.COMPILE_FROM, observed=False) == "simpy"


def test_auto_does_not_compile_for_a_run_that_simpy_has_done_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, select.KERNEL, raising=False)
    monkeypatch.setattr(cache, "is_compiled", lambda: False)
    assert select.choose("auto", select.COMPILE_FROM - 1, observed=False) == "simpy"
    assert select.choose("auto", select.COMPILE_FROM, observed=False) == "compiled"


def test_observers_and_the_compiled_engine_exclude_each_other() -> None:
    with pytest.raises(ScenarioError, match="simpy"):
        run(small(), engine="compiled", observers=(object(),))  # type: ignore[arg-type]


def test_the_first_run_says_that_it_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    made = setup(small(), record_rows=False)
    collector = Collector(made, "summary", MemorySink())
    monkeypatch.delitem(sys.modules, select.KERNEL, raising=False)
    for is_compiled in (False, True):
        monkeypatch.setattr(cache, "is_compiled", lambda answer=is_compiled: answer)
        select.make_engine("compiled", made, 1, collector, 1.0, 25.0, tell=lambda _, text: told.append(text))
    assert told == [select.COMPILES]


def test_a_second_process_does_not_compile_again() -> None:
    run(small(), engine="compiled")  # compiles, if no test before this one did
    code = (
        "from sim.engine.compiled.kernel import KERNEL\n"
        "print(sum(KERNEL.stats.cache_hits.values()), sum(KERNEL.stats.cache_misses.values()))\n"
    )
    root = str(Path(sim.__file__).resolve().parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0"]


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_damaged_code_is_not_taken_for_compiled(damage: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MRCPSIM_CACHE", str(tmp_path))
    here = cache.folder() / "compiled_1"
    here.mkdir()
    for part in cache.PARTS:
        (here / f"{part}-1.py311.nbi").write_bytes(b"index")
        (here / f"{part}-1.py311.1.nbc").write_bytes(b"machine code")
    assert not cache.is_compiled()  # whoever wrote it was not done
    cache.seal()
    assert cache.is_compiled()
    code = here / f"{cache.PARTS[0]}-1.py311.1.nbc"
    if damage == "gone":
        code.unlink()
    else:
        code.write_bytes(b"machine" if damage == "cut" else b"machine lore")
    assert not cache.is_compiled()


def test_damaged_code_is_compiled_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MRCPSIM_CACHE", str(tmp_path))
    (cache.folder() / "kernel.enter-1.py311.nbi").write_bytes(b"half")
    done = []
    monkeypatch.setattr(cache.subprocess, "run", lambda *args, **options: done.append(args))
    with pytest.raises(AttributeError):  # no result of a process: nothing is sealed
        cache.compile_apart()
    assert len(done) == 1
    assert not list(tmp_path.rglob("*.nbi"))


def test_other_sources_or_versions_have_another_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MRCPSIM_CACHE", str(tmp_path))
    here = cache.folder()
    assert here.parent == tmp_path
    monkeypatch.setattr(cache.numba, "__version__", "0.0")
    assert cache.folder() != here


def test_an_unwritable_cache_folder_is_replaced_by_a_temporary_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    monkeypatch.setenv("MRCPSIM_CACHE", str(occupied))
    assert os.access(cache.folder(), os.W_OK)


@pytest.mark.parametrize("ledger", ["summary", "sessions", "full"])
def test_an_interrupt_keeps_what_was_finished(ledger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_engine, "SLICE", 5000)
    calls = 0

    def stop(fraction: float, text: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt

    result = run(sim.load_scenario(BUSY), engine="compiled", ledger=ledger, progress=stop)
    summary = result.summary
    assert summary.partial
    assert 0.0 < summary.horizon_s < 100.0
    pool = summary.resources["session_pool"]
    assert pool.acquired == pool.released + pool.held > 100


def test_details_differ_in_what_is_kept_and_agree_in_what_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "EXACT_UP_TO", 0)  # counts in histograms, as in large runs
    scenario = sim.load_scenario(BUSY)
    exact = run(scenario, engine="simpy", ledger="summary").summary
    for ledger in ("summary", "sessions"):
        counted = run(scenario, engine="compiled", ledger=ledger).summary
        assert counted.sessions == exact.sessions
        assert counted.resources == exact.resources
        for name, durations in counted.latency.items():
            assert durations.n == exact.latency[name].n
            assert durations.mean == pytest.approx(exact.latency[name].mean, rel=1e-9)
            assert durations.p99 == pytest.approx(exact.latency[name].p99, rel=0.01)
            assert durations.max == exact.latency[name].max
        for name, task in counted.tasks.items():
            assert task.messages == exact.tasks[name].messages == task.wait.n
            assert task.service.p50 == pytest.approx(exact.tasks[name].service.p50, rel=0.01)
            assert task.wait.p95 == pytest.approx(exact.tasks[name].wait.p95, rel=0.01, abs=2e-9)


def test_normal_deviates_are_numpys_bit_by_bit() -> None:
    assert normals.agrees()
    ours, theirs = (np.random.Generator(np.random.PCG64(7)) for _ in range(2))
    stream = normals.LognormalStream(ours, -9.0, 1.2)
    values = np.empty(1024)
    for _ in range(300):  # long enough for the tail beyond the ziggurat's last layer
        stream.fill(values)
        assert np.array_equal(values, np.exp(theirs.standard_normal(1024) * 1.2 + -9.0))


def test_values_of_one_stream_do_not_depend_on_how_they_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = run(small(), engine="compiled", ledger="full").messages
    monkeypatch.setattr(compiled_engine, "agrees", lambda: False)
    slow = run(small(), engine="compiled", ledger="full").messages
    assert fast is not None
    assert fast.equals(slow)


def test_many_slots_many_timers_and_full_buffers_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_engine, "CHUNK", 100)
    monkeypatch.setattr(compiled_engine, "CALLS", 1)
    monkeypatch.setattr(compiled_engine, "SLICE", 37)
    scenario = small(arrivals={"rate": "100/s"}, calls={"hold": "20s"}, server={"sip": {"session_expires": "120s"}})
    chopped = run(scenario, engine="compiled", ledger="full")
    reference = run(scenario, engine="simpy", ledger="full")
    for table in ("messages", "ledger", "sessions"):
        assert getattr(chopped, table).equals(getattr(reference, table)), table


def test_the_kernels_idea_of_buckets_is_that_of_the_rest() -> None:
    assert HISTOGRAM_WORDS == BUCKETS + 2
