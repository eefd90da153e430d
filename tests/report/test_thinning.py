"""Pictures of long runs show what the whole tables say, though these are read piece by piece."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.ledger.levels import levels_of
from sim.ledger.result import RunResult, load_result
from sim.ledger.summary import Summary
from sim.report import thinning
from sim.report.thinning import Spread, level_steps, spreads

HORIZON_S = 100.0


@pytest.fixture(scope="module")
def levels() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    at = np.sort(rng.uniform(0.0, 90.0, 6000))
    delta = np.where(np.cumsum(rng.choice([-1, 1], 6000)) >= 0, 1, -1)
    ledger = pd.DataFrame({"time_s": at, "resource": ["session_pool", "rtp_port"] * 3000, "delta": delta})
    return levels_of(ledger, horizon_s=HORIZON_S)


def test_a_level_with_many_changes_is_drawn_on_the_grid_that_the_ledger_would_make(
    levels: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(thinning, "CHANGES_DRAWN", 500)
    result = RunResult(Summary("x", 1, "simpy", HORIZON_S), levels=levels)
    mine = levels[levels["resource"] == "rtp_port"]
    changes = mine.assign(delta=np.diff(mine["held"], prepend=0))
    grid = levels_of(changes, HORIZON_S / thinning.GRID_DRAWN, HORIZON_S)
    result.save(tmp_path / "x")
    for steps in (level_steps(result, "rtp_port"), level_steps(load_result(tmp_path / "x"), "rtp_port")):
        assert steps is not None
        assert len(steps.time) == thinning.GRID_DRAWN
        at = np.searchsorted(steps.time, grid["time_s"] + 1e-9, "right") - 1
        assert np.allclose(steps.level[at], grid["mean"])
        assert steps.low is not None
        assert steps.high is not None
        assert np.array_equal(steps.low[at], grid["min"])
        assert np.array_equal(steps.high[at], grid["max"])


def test_a_level_cut_into_any_pieces_gives_the_same_grid(levels: pd.DataFrame) -> None:
    mine = levels[levels["resource"] == "session_pool"]
    time, held = mine["time_s"].to_numpy(), mine["held"].to_numpy(dtype=np.float64)
    whole, pieces = (thinning._Grid(HORIZON_S, thinning.GRID_DRAWN) for _ in range(2))
    whole.add(time, held)
    for start in range(0, len(time), 7):
        pieces.add(time[start : start + 7], held[start : start + 7])
    one, other = whole.steps(), pieces.steps()
    assert np.allclose(one.level, other.level)
    assert np.array_equal(one.low, other.low)
    assert np.array_equal(one.high, other.high)


def test_a_level_that_never_changed_is_not_drawn(levels: pd.DataFrame) -> None:
    assert level_steps(RunResult(Summary("x", 1, "simpy", HORIZON_S), levels=levels), "sip_home") is None
    assert level_steps(RunResult(Summary("x", 1, "simpy", HORIZON_S)), "session_pool") is None


def test_a_long_table_s_distribution_is_within_one_per_cent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinning, "EXACT", 1000)
    samples = np.random.default_rng(1).lognormal(-3.0, 1.0, 50_000)
    spread = Spread()
    for part in np.array_split(samples, 9):
        spread.add(part)
    x, y = spread.curve()
    assert np.all(np.diff(x) > 0)
    assert y[-1] == 1.0
    for p in (0.1, 0.5, 0.95, 0.999):
        assert x[np.searchsorted(y, p)] == pytest.approx(np.quantile(samples, p), rel=0.02)


def test_distributions_come_from_the_sessions_table() -> None:
    sessions = pd.DataFrame({"arrived_s": [1.0, 2.0, 3.0], "answer_s": [1.5, np.nan, 3.25]})
    found = spreads(RunResult(Summary("x", 1, "simpy", HORIZON_S), sessions=sessions))
    assert found["invite_to_answer"].n == 2
    assert found["bye_to_ok"].n == 0
