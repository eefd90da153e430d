"""Leak counts, what they exhaust and when: against exact distributions and against runs that go on until it happens."""

import math
from functools import cache

import numpy as np
import pytest
from scipy import stats

import sim
from sim.leaks.forecast import first_refusal, time_to_refusal
from sim.leaks.outlook import leak_report
from sim.ledger.result import load_result
from sim.theory.intervals import Estimate, poisson_rate, share

LEAKY = {
    "name": "leaky",
    "drain": "60s",
    "arrivals": {"rate": "20/s"},
    "calls": {"hold": {"dist": "exponential", "mean": "3s"}},
    "server": {"sip": {"bye_response": "immediate"}, "limits": {"max_connection_count": None}},
    "plugins": {"speechrecog": {"close": {"never": 0.02}}},
}


@cache
def first_refused_s(seed):
    """When a run with a max_channel_count of 100 refuses its first call; the run goes on until it does."""
    plugin = {"close": {"never": 0.02}, "max_channel_count": 100}
    mapping = LEAKY | {"duration": "150s", "plugins": {"speechrecog": plugin}}
    sessions = sim.run(sim.load_scenario(mapping), seed=seed, ledger="sessions").sessions
    refused = sessions[sessions["answer_status"] == 406]
    assert len(refused), "no call was refused within 150 s"
    return float(refused["arrived_s"].min())


def test_an_hour_of_close_never_leaks_what_the_binomial_says_and_no_rtp_port():
    result = sim.run(sim.load_scenario(LEAKY | {"duration": "1h"}), seed=7, ledger="sessions")
    resources, created = result.summary.resources, result.summary.sessions.created
    low, high = stats.binom.interval(0.99, created, 0.02)
    assert low <= resources["session_pool"].leaked <= high
    assert resources["engine_channel:speechrecog"].leaked == resources["session_pool"].leaked
    assert resources["rtp_port"].leaked == resources["rtp_port"].held == 0
    assert resources["control_channel"].leaked == 0
    report = leak_report(result)
    (group,) = report.groups
    assert (group.cause, group.plugin) == ("close-never-answered", "speechrecog")
    assert group.per_hour.low < 20 * 3600 * 0.02 < group.per_hour.high
    assert report.leak_probability.low < 0.02 < report.leak_probability.high


def test_the_predicted_first_refusal_agrees_with_a_run_that_goes_on_until_it_refuses():
    plugin = {"close": {"never": 0.02}, "max_channel_count": 200}
    pilot = LEAKY | {"duration": "60s", "plugins": {"speechrecog": plugin}}
    report = leak_report(sim.run(sim.load_scenario(pilot), seed=3))
    (limit,) = report.exhausted
    assert limit.resource == "engine_channel:speechrecog"
    predicted = time_to_refusal(100, limit.busy, 20.0, Estimate(*(rate / 3600 for rate in _ends(limit.per_hour))))
    inside = [predicted.low < first_refused_s(seed) < predicted.high for seed in range(12)]
    assert sum(inside) >= 11  # each is inside with at least 95 %


def test_the_model_of_the_first_refusal_is_right_on_average():
    exact, deviation = first_refusal(100, busy=60.4, calls=20.0, leaks=0.4)
    found = [first_refused_s(seed) for seed in range(12)]
    assert np.mean(found) == pytest.approx(exact, abs=3.0 * deviation / math.sqrt(12))
    assert 0.5 * deviation < np.std(found) < 1.6 * deviation


def test_without_load_the_limit_falls_to_leaks_alone():
    # the next call after the hundredth leak is refused: 100 gaps of the leaks, then one of the calls
    mean, deviation = first_refusal(100, busy=0.0, calls=1.0, leaks=0.01)
    assert mean == pytest.approx(100 / 0.01 + 1.0, rel=1e-5)
    assert deviation == pytest.approx(math.sqrt(100 / 0.01**2), rel=1e-3)


@pytest.mark.parametrize(("limit", "busy"), [(1, 0.5), (10, 5.0), (30, 40.0)])
def test_without_leaks_it_is_the_first_passage_of_a_birth_and_death_process(limit, busy):
    # from j to j + 1 busy units takes t(j) = 1/λ + j µ/λ t(j - 1) on average; the call after `limit` of them is refused
    step = total = 0.0
    for j in range(limit + 1):
        step = 1.0 + j / busy * step
        total += step
    assert first_refusal(limit, busy, calls=1.0, leaks=0.0)[0] == pytest.approx(total)
    assert first_refusal(limit, busy, calls=1.0, leaks=1e-12)[0] == pytest.approx(total)


def test_a_limit_that_nobody_reaches_is_never_reached():
    assert first_refusal(4000, busy=3.0, calls=1.0, leaks=0.0) == (math.inf, math.inf)
    assert first_refusal(100, busy=3.0, calls=0.0, leaks=0.0) == (math.inf, math.inf)


def test_the_approximation_for_large_limits_joins_the_exact_chain():
    exact = first_refusal(1500, busy=50.0, calls=20.0, leaks=0.4)
    beyond = first_refusal(1501, busy=50.0, calls=20.0, leaks=0.4)
    assert beyond[0] == pytest.approx(exact[0], rel=0.02)
    assert beyond[1] == pytest.approx(exact[1], rel=0.1)


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.390)])
def test_poisson_intervals_are_those_of_garwood(count, low, high):
    found = poisson_rate(count, 1.0)
    assert found.low == pytest.approx(low, abs=1e-3)
    assert found.high == pytest.approx(high, abs=1e-3)


def test_shares_have_the_interval_of_clopper_and_pearson():
    assert share(0, 100).high == pytest.approx(1 - 0.025 ** (1 / 100))
    assert share(100, 100).low == pytest.approx(0.025 ** (1 / 100))
    exact = stats.binomtest(24, 1000).proportion_ci(0.95, "exact")
    assert (share(24, 1000).low, share(24, 1000).high) == pytest.approx((exact.low, exact.high))


def test_a_run_without_leaks_exhausts_nothing():
    result = sim.run(sim.load_scenario(LEAKY | {"duration": "20s", "plugins": {}}), seed=1)
    report = leak_report(result, memory_limit=2**30)
    assert report.groups == ()
    assert report.exhausted == ()
    assert report.leaks_per_hour.low == 0.0
    assert report.leaks_per_hour.high > 0.0


def test_memory_joins_the_limits_when_its_size_is_known():
    result = sim.run(sim.load_scenario(LEAKY | {"duration": "60s"}), seed=1)
    (memory,) = leak_report(result, memory_limit=2**30).exhausted
    rate = memory.leaked / 60
    assert memory.resource == "memory"
    assert memory.hours.value * 3600 == pytest.approx(2**30 / (rate * 31 * 1024), rel=0.05)
    assert memory.hours.low < memory.hours.value < memory.hours.high


def test_an_outage_inside_the_run_does_not_dilute_the_rate_and_is_told_as_observed():
    plugin = {"close": {"never": 0.02}, "max_channel_count": 100}
    mapping = LEAKY | {"duration": "600s", "plugins": {"speechrecog": plugin}}
    result = sim.run(sim.load_scenario(mapping), seed=3, ledger="sessions")
    report = leak_report(result)
    assert report.refused > report.calls / 2
    assert report.leaks_per_hour.low < 20 * 3600 * 0.02 < report.leaks_per_hour.high
    assert report.leak_probability.low < 0.02 < report.leak_probability.high
    (limit,) = report.exhausted
    assert limit.refused_first_s == first_refused_s(3)
    assert limit.hours.low < limit.refused_first_s / 3600 < limit.hours.high


def test_without_sessions_the_rate_is_over_the_load_and_not_over_the_drain(tmp_path):
    scenario = sim.load_scenario(LEAKY | {"duration": "60s"})
    whole = leak_report(sim.run(scenario, seed=1))
    bare = sim.run(scenario, seed=1, ledger="summary")
    assert leak_report(bare).leaks_per_hour.value == pytest.approx(whole.leaks_per_hour.value, rel=0.02)
    folder = bare.save(tmp_path / "result")
    (folder / "scenario.yaml").unlink()
    lost = leak_report(load_result(folder))
    assert not lost.load_known
    assert lost.leaks_per_hour.value == pytest.approx(whole.leaks_per_hour.value / 2, rel=0.02)


def _ends(estimate):
    return estimate.value, estimate.low, estimate.high
