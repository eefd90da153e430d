"""The tick: period, phase, cost per context and oversleep are told apart."""

from pathlib import Path

import numpy as np
import pytest
from calibration.simulated import logged

from sim.calibration.calibrate import calibrate_logs
from sim.calibration.media import period, phase_for, reweighted, separate
from sim.calibration.stalls import without_stalls


def begun(tick: float, phase: float, late: np.ndarray, seed: int = 1) -> np.ndarray:
    """Ticks that some request found, with this lateness."""
    k = np.sort(np.random.default_rng(seed).choice(20_000, len(late), replace=False))
    return phase + k * tick + late


@pytest.mark.parametrize("tick", [0.010, 0.020, 0.005])
def test_the_period_is_found(tick: float) -> None:
    late = np.random.default_rng(2).exponential(2e-4, 400)
    assert period(begun(tick, 0.0031, late)) == pytest.approx(tick, rel=1e-6)


def test_evenly_spaced_calls_do_not_hide_the_tick() -> None:
    """One call every 50 ms, each followed by a BYE: requests only at every fifth tick or so, the tick is 10 ms."""
    rng = np.random.default_rng(3)
    calls = np.arange(300) * 0.05
    both = np.sort(np.concatenate((calls, calls + 1.0 + 0.01 * rng.integers(0, 4, 300))))
    assert period(0.002 + both + rng.exponential(1e-4, 600)) == pytest.approx(0.010)


def test_times_without_any_tick_have_none() -> None:
    assert period(np.sort(np.random.default_rng(4).uniform(0, 60, 500))) is None


def test_phase_cost_and_oversleep_are_told_apart() -> None:
    rng = np.random.default_rng(5)
    contexts = rng.integers(0, 60, 1500).astype(float)
    late = rng.exponential(1e-4, 1500)
    times = begun(0.010, 0.0042, 3e-6 * contexts + late)
    found = separate(times, 0.010, contexts, np.zeros(1500))
    assert found.phase_s == pytest.approx(0.0042, abs=3e-5)
    assert found.cost_per_context_s == pytest.approx(3e-6, rel=0.25)
    assert np.median(found.overslept) == pytest.approx(np.median(late), abs=3e-5)
    assert phase_for(found, 3e-6, float(np.median(late))) == pytest.approx(0.0042, abs=2e-5)


def test_the_work_of_the_tick_before_is_taken_off() -> None:
    rng = np.random.default_rng(6)
    before = rng.uniform(0, 1e-3, 800)
    times = begun(0.010, 0.007, before + rng.exponential(5e-5, 800))
    found = separate(times, 0.010, np.zeros(800), before)
    assert np.quantile(found.overslept, 0.9) < 2e-4


def test_late_ticks_weigh_less_because_more_requests_find_them() -> None:
    sample = np.array([0.0] * 50 + [0.010] * 50)
    assert (reweighted(sample, 0.010 / (0.010 + sample)) > 0).mean() == pytest.approx(1 / 3, abs=0.02)


def test_the_cost_of_contexts_is_found_from_the_ticks_when_no_answer_waits_for_them(tmp_path: Path) -> None:
    mapping = {
        "name": "heavy", "duration": "40s", "drain": "20s", "arrivals": {"rate": "20/s"},
        "calls": {"hold": {"dist": "exponential", "mean": "2s"}, "requests": 0},
        "server": {"media": {"cost_per_context": "30us", "held_answers": 0}},
    }  # fmt: skip
    found = calibrate_logs([logged(mapping, tmp_path)]).ticks
    assert found is not None
    assert found.cost_per_context_s == pytest.approx(30e-6, rel=0.03)
    assert float(np.median(found.overslept)) < 30e-6
    assert found.answers > 100
    assert found.held < 0.01 * found.answers


def test_the_tail_of_an_exponential_is_no_stall() -> None:
    draw = np.random.default_rng(5)
    # in whole steps of 40 us, so that no family fits and the sample itself stands
    sample = np.round(draw.exponential(200e-6, 3000) / 40e-6) * 40e-6
    found, late = without_stalls(sample)
    assert found is not None
    assert found.family == "empirical"
    assert not len(late)
    stalled = np.concatenate((sample, [4e-3] * 30))
    assert len(without_stalls(stalled)[1]) >= 30
