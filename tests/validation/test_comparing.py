"""Comparing two samples, and the planner's formulas."""

import math
from pathlib import Path

import numpy as np
import pytest
from calibration.simulated import logged

from sim.calibration.evidence import watch_logs
from sim.calibration.rates import rate
from sim.calibration.stalls import Stalls
from sim.scenario import load_scenario
from sim.theory.queues import erlang_b, mm1
from sim.validation.replayed import replayed
from sim.validation.validate import compare, ks_two


def test_quantiles_are_order_statistics_with_an_interval_around_them() -> None:
    sample = np.random.default_rng(1).exponential(1.0, 500)
    found = compare(sample, [sample])
    assert found is not None
    p95 = found.quantiles["p95"]
    assert p95.measured == p95.predicted == np.sort(sample)[475]
    assert p95.low < -math.log(0.05) < p95.high
    assert found.ks == 0.0
    assert found.agrees


def test_a_prediction_off_by_a_quarter_disagrees_unless_the_measurement_is_as_vague() -> None:
    rng = np.random.default_rng(2)
    many, few = rng.normal(10.0, 1.0, 2000), rng.exponential(10.0, 40)
    off, vague = compare(many, [1.25 * many]), compare(few, [1.25 * few])
    assert off is not None
    assert vague is not None
    assert not off.agrees
    assert off.quantiles["p50"].error == pytest.approx(0.25)
    assert vague.quantiles["p50"].agrees


def test_a_measurement_among_single_runs_agrees_and_is_told_apart_from_a_close_prediction() -> None:
    """Where runs of one scenario differ so much, no run can say that the scenario is wrong."""
    rng = np.random.default_rng(3)
    measured = rng.normal(10.0, 0.5, 2000)
    between = compare(measured, [0.7 * measured, 2.0 * measured])
    beside = compare(measured, [1.3 * measured, 2.0 * measured])
    assert between is not None
    assert beside is not None
    assert between.agrees
    assert not between.quantiles["p50"].close
    assert not beside.agrees


def test_too_few_samples_are_not_compared() -> None:
    assert compare(np.ones(5), [np.ones(500)]) is None


def test_the_distance_of_kolmogorov_and_smirnov() -> None:
    assert ks_two(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 1.0
    assert ks_two(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0])) == 0.5


def test_erlang_b_of_the_tables() -> None:
    """Ten erlangs on ten lines lose 21.46 %, on twenty 0.19 %."""
    assert erlang_b(10.0, 10) == pytest.approx(0.2146, abs=1e-4)
    assert erlang_b(10.0, 20) == pytest.approx(0.00187, abs=1e-5)


def test_mm1_is_exponential_and_has_no_answer_beyond_saturation() -> None:
    assert mm1(500.0, 1e-3)["p50"] == pytest.approx(2e-3 * math.log(2))
    assert mm1(1000.0, 1e-3)["p99"] is None


def test_a_replay_has_the_stalls_that_the_log_shows_and_keeps_the_scenarios_where_it_shows_nothing(
    tmp_path: Path,
) -> None:
    mapping = {"name": "quiet", "duration": "5s", "drain": "5s", "arrivals": {"rate": "20/s"}, "calls": {"hold": "1s"}}
    evidence = watch_logs([logged(mapping, tmp_path)])
    stalling = {"wake": 0.1, "tick": 0.2, "service": 0.3, "length": "2ms"}
    scenario = load_scenario({**mapping, "server": {"interference": stalling}})
    shown = Stalls(rate(3, 50), rate(0, 40), rate(0, 0), np.empty(0), None)
    found = replayed(scenario, evidence, None, tmp_path / "calls.csv", shown).server.interference
    assert (found.tick, found.wake, found.service) == (0.06, 0.0, 0.3)
