"""Fitting: the right family, the right parameters, censoring, and the sample itself when nothing fits."""

import numpy as np
import pytest

from sim.calibration.fit import empirical, fit, kaplan_meier, short
from sim.calibration.rates import rate


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("family", "sample", "mean"),
    [
        ("exponential", rng().exponential(0.5, 600), 0.5),
        ("lognormal", rng().lognormal(-9.0, 0.8, 600), np.exp(-9.0 + 0.32)),
        ("gamma", rng().gamma(5.0, 2e-4, 800), 1e-3),
        ("weibull", rng().weibull(2.5, 700) * 0.1, 0.0887264),
        ("uniform", rng().uniform(0.1, 0.4, 500), 0.25),
        ("exponential + shift", 0.03 + rng().exponential(0.01, 600), 0.04),
        ("hyperexponential", np.where(rng(1).random(800) < 0.9, 1e-3, 3e-2) * rng(2).exponential(1, 800), 3.9e-3),
    ],
)
def test_a_family_is_recognised_and_its_mean_lies_in_the_interval(family: str, sample: np.ndarray, mean: float) -> None:
    found = fit(sample)
    assert found is not None
    assert found.family == family
    assert found.p_value is not None
    assert found.p_value >= 0.05
    assert found.low <= mean <= found.high
    assert found.low < found.mean < found.high


def test_what_was_still_going_on_when_the_log_ended_counts_as_longer() -> None:
    """Half of the holds are cut off; the mean of the others alone would be less than half of the truth."""
    holds, limits = rng(3).exponential(3.0, 800), rng(4).uniform(0.0, 4.0, 800)
    seen, cut = holds[holds <= limits], limits[holds > limits]
    found = fit(seen, cut)
    assert found is not None
    assert found.family == "exponential"
    assert found.low <= 3.0 <= found.high
    assert seen.mean() < 1.5
    assert "cut off by the log's end" in found.comment


def test_kaplan_meier_of_a_textbook_sample() -> None:
    times, survival = kaplan_meier(np.array([1.0, 3.0, 3.0, 6.0]), np.array([2.0, 4.0]))
    assert times.tolist() == [1.0, 3.0, 6.0]
    assert survival.tolist() == pytest.approx([5 / 6, 5 / 6 * 2 / 4, 0.0])


def test_two_humps_fit_no_family_and_stay_as_they_are() -> None:
    sample = np.concatenate((rng().normal(1.0, 0.05, 900), rng().normal(3.0, 0.05, 700)))
    found = fit(sample)
    assert found is not None
    assert found.family == "empirical"
    assert found.p_value is None
    assert found.comment.startswith("empirical, p < 0.01, n = ")
    assert found.best_p is not None
    assert found.best_p < 0.005
    values = found.dist["values"]
    assert len(values) == 200
    assert np.mean(values) == pytest.approx(sample.mean(), rel=1e-9)
    assert np.quantile(values, 0.9) == pytest.approx(np.quantile(sample, 0.9), rel=0.02)


def test_no_family_is_taken_for_its_tail() -> None:
    sample = np.array([1e-6, 2e-6, 1e-5, 3e-4, 0.2, 40.0, 9e3])
    found = fit(sample)
    assert found is not None
    assert found.mean <= 10 * sample.max()
    assert found.family == "empirical" or found.p_value is not None


def test_a_small_sample_is_kept_whole() -> None:
    assert empirical(np.array([3.0, 1.0]))["values"] == [1.0, 3.0]


def test_equal_values_are_a_constant_and_none_are_nothing() -> None:
    found = fit([0.25] * 40)
    assert found is not None
    assert found.dist == {"dist": "constant", "value": 0.25}
    assert fit([]) is None


def test_a_wrong_family_is_rejected_about_as_seldom_as_the_test_says() -> None:
    """Under the null hypothesis p is uniform: about one sample in twenty is refused its own family."""
    refused = 0
    for seed in range(30):
        found = fit(rng(seed).exponential(1.0, 150), families=("exponential",), seed=seed)
        assert found is not None
        refused += found.family != "exponential"
    assert refused <= 5


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 600, 0.0, 0.006129), (24, 1000, 0.015436, 0.035501), (10, 10, 0.691503, 1.0), (0, 0, 0.0, 1.0)],
)
def test_binomial_intervals_are_exact(hits: int, trials: int, low: float, high: float) -> None:
    found = rate(hits, trials)
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-6)


def test_a_constant_with_jitter_is_one_unless_something_lasted_longer() -> None:
    draw = np.random.default_rng(8)
    seen = 6e-3 + draw.normal(0, 2e-4, 500)
    cut = draw.uniform(1e-3, 5.8e-3, 400)
    found = fit(seen, cut, jitter=0.1)
    assert found is not None
    assert found.family == "constant"
    assert found.mean == pytest.approx(6e-3, rel=0.02)
    assert found.comment.startswith(f"constant {short(found.mean)}, n = 500 and 400 cut off by")
    longer = fit(seen, np.concatenate((cut, np.full(100, 9e-3))), jitter=0.1)
    assert longer is not None
    assert longer.family != "constant"
    wide = fit(draw.exponential(6e-3, 500), cut, jitter=0.1)
    assert wide is not None
    assert wide.family != "constant"
