import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sim
from sim.errors import InternalError
from sim.ledger.levels import LevelRecorder, levels_of
from sim.ledger.sink import MemorySink

NAMES = ("session_pool", "rtp_port")
changes = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1), st.sampled_from([1, -1, 2])), max_size=25).map(
    lambda rows: sorted(((t / 4, r, d) for t, r, d in rows), key=lambda row: row[0])
)


def recorded(
    rows: list[tuple[float, int, int]], cut: int, grid_s: float | None = None
) -> tuple[LevelRecorder, pd.DataFrame]:
    sink = MemorySink()
    recorder = LevelRecorder(NAMES, sink, grid_s)
    for part in (rows[:cut], rows[cut:]):
        recorder.add([t for t, _, _ in part], [r for _, r, _ in part], [d for _, _, d in part])
    recorder.finish(4.0)
    return recorder, sink.frame("levels")


def level_at(rows: list[tuple[float, int, int]], resource: int, time: float) -> int:
    return sum(d for t, r, d in rows if r == resource and t <= time)


@given(changes)
def test_each_row_is_the_level_after_the_last_change_of_that_instant(rows: list[tuple[float, int, int]]) -> None:
    recorder, levels = recorded(rows, 0)
    assert len(levels) == len({(t, r) for t, r, _ in rows})
    for time, name, held in levels[["time_s", "resource", "held"]].itertuples(index=False):
        assert held == level_at(rows, NAMES.index(name), time)
    assert recorder.held.tolist() == [level_at(rows, r, math.inf) for r in (0, 1)]


@given(changes)
def test_peak_and_mean_are_those_of_the_step_function(rows: list[tuple[float, int, int]]) -> None:
    recorder, _ = recorded(rows, 0)
    for resource in (0, 1):
        running = np.cumsum([0, *(d for _, r, d in rows if r == resource)])
        assert recorder.peak[resource] == running.max()
        quarters = [level_at(rows, resource, quarter / 4) for quarter in range(16)]
        assert recorder.mean()[resource] == pytest.approx(np.mean(quarters))


@given(changes, st.integers(0, 25), st.sampled_from([None, 0.5, 0.75]))
def test_how_the_rows_were_cut_makes_no_difference(
    rows: list[tuple[float, int, int]], cut: int, grid_s: float | None
) -> None:
    whole, parts = recorded(rows, 0, grid_s), recorded(rows, min(cut, len(rows)), grid_s)
    assert whole[1].astype({"resource": str}).equals(parts[1].astype({"resource": str}))
    assert whole[0].mean() == pytest.approx(parts[0].mean())


@given(changes)
def test_a_grid_row_has_the_mean_within_its_range(rows: list[tuple[float, int, int]]) -> None:
    recorder, levels = recorded(rows, 0, grid_s=0.75)
    slack = 1e-9
    assert (levels["min"] <= levels["mean"] + slack).all()
    assert (levels["mean"] <= levels["max"] + slack).all()
    for resource, name in enumerate(NAMES):
        mine = levels[levels["resource"] == name]
        widths = np.minimum(mine["time_s"] + 0.75, 4.0) - mine["time_s"]
        assert (mine["mean"] * widths).sum() == pytest.approx(4.0 * recorder.mean()[resource])


def test_time_that_goes_back_is_our_bug() -> None:
    recorder = LevelRecorder(NAMES, None)
    recorder.add([2.0], [0], [1])
    with pytest.raises(InternalError, match="back in time"):
        recorder.add([1.0], [0], [1])


def test_levels_of_a_ledger_table() -> None:
    ledger = pd.DataFrame({"time_s": [0.0, 1.0, 2.0], "resource": ["a", "b", "a"], "delta": [1, 1, -1]})
    levels = levels_of(ledger)
    rows = levels[["time_s", "resource", "held"]].values.tolist()
    assert rows == [[0.0, "b", 0], [0.0, "a", 1], [1.0, "b", 1], [2.0, "a", 0]]


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
@pytest.mark.parametrize("ledger", ["full", "sessions"])
def test_the_levels_of_a_run_begin_at_0(engine: str, ledger: str) -> None:
    scenario = sim.load_scenario({"name": "from-0", "duration": "2s", "drain": "4s", "client": {"tcp": False}})
    found = sim.run(scenario, seed=1, engine=engine, ledger=ledger)
    first = found.levels.drop_duplicates("resource").set_index("resource")
    assert (first["time_s"] == 0.0).all()
    assert (first["held"] == 0).all()
    assert set(found.summary.resources) <= set(first.index)  # also those of which nothing was ever held
    assert not found.levels.duplicated(["time_s", "resource"]).any()


def test_the_levels_of_a_log_begin_at_0_with_what_was_there() -> None:
    traces = Path(__file__).parents[1] / "data" / "traces"
    found = sim.audit_log(traces / "leak2.log.xz").levels
    first = found.drop_duplicates("resource")
    assert (first["time_s"] == 0.0).all()
    assert (first["held"] == 0).all()
