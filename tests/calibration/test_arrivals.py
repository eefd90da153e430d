"""The arrival process: each kind is told from the others."""

import numpy as np
import pytest

from sim.calibration.arrivals import arrivals, dispersion_test


def poisson(rate: float, calls: int, seed: int = 1) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, calls))


def test_poisson_calls_are_poisson_and_the_interval_covers_their_rate() -> None:
    """A 1 % test twice and a 95 % interval, twenty times: about one miss each is expected, five are not."""
    found = [arrivals(poisson(12.0, 500, seed)) for seed in range(20)]
    assert sum(one.kind == "poisson" for one in found) >= 17
    assert sum(one.low < 12.0 < one.high for one in found) >= 16


def test_evenly_spaced_calls_with_a_jittered_clock_are_even() -> None:
    spread = np.random.default_rng(2).normal(0.0, 1e-3, 400)
    found = arrivals(5.0 + np.arange(400) / 20 + spread)
    assert found.kind == "even"
    assert found.rate == pytest.approx(20.0, rel=1e-3)


def test_a_generator_whose_jitter_exceeds_its_spacing_is_still_even() -> None:
    """400/s with 3 ms of jitter: gaps as irregular as a Poisson process', but what is late is made up for."""
    times = np.sort(np.arange(3000) / 400 + np.random.default_rng(3).normal(0.0, 3e-3, 3000))
    found = arrivals(times)
    assert found.kind == "even"
    assert found.rate == pytest.approx(400.0, rel=0.01)


def test_a_rate_that_moves_becomes_a_profile() -> None:
    found = arrivals(np.concatenate((poisson(5.0, 300), 60.0 + poisson(30.0, 1200, 2))))
    assert found.kind == "profile"
    rates = [rate for _, rate in found.profile]
    assert rates[0] == pytest.approx(5.0, rel=0.2)
    assert max(rates) == pytest.approx(30.0, rel=0.15)
    assert any(abs(at - 60.0) < 3.0 for at, _ in found.profile)


def test_bursts_of_equal_size_are_bursts() -> None:
    found = arrivals(np.concatenate([2.0 * k + np.arange(30) * 1e-3 for k in range(15)]))
    assert found.kind == "burst"
    assert found.burst["size"] == 30
    assert found.burst["every"] == pytest.approx(2.0)


def test_what_is_none_of_these_is_replayed() -> None:
    gaps = np.random.default_rng(4).gamma(0.2, 0.5, 1500)
    found = arrivals(np.cumsum(gaps))
    assert found.kind == "replay"
    assert "recorded calls" in found.comment


def test_the_dispersion_test_sees_too_even_and_too_bursty() -> None:
    assert dispersion_test(np.arange(500.0)) < 1e-3
    assert dispersion_test(np.cumsum(np.random.default_rng(1).gamma(0.1, 1.0, 500))) < 1e-3
    assert dispersion_test(poisson(1.0, 500)) > 0.01


def test_one_call_is_not_enough() -> None:
    assert "too few" in arrivals(np.array([3.0])).comment
