"""The product-limit estimate and the interval of a quantile are those that scipy.stats gives."""

import warnings

import numpy as np
import pytest
from scipy.stats import CensoredData, binom, ecdf

from sim.study.uncertainty import binomial_quantile
from sim.theory.product_limit import product_limit


@pytest.mark.parametrize(("ended", "watched"), [(200, 80), (1, 5), (30, 0), (0, 4)])
@pytest.mark.parametrize("digits", [2, 9])
def test_the_estimate_and_its_interval_are_scipys(ended: int, watched: int, digits: int) -> None:
    rng = np.random.default_rng(ended)
    lives, ages = (np.round(rng.exponential(3.0, n), digits) for n in (ended, watched))  # rounded, so that some tie
    found = product_limit(lives, ages)
    known = ecdf(CensoredData(uncensored=lives, right=ages)).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        band = known.confidence_interval(method="log-log")
    np.testing.assert_array_equal(found.ages, known.quantiles)
    np.testing.assert_allclose(found.shares, known.probabilities, rtol=1e-12)
    np.testing.assert_allclose(found.low, np.nan_to_num(band.low.probabilities, nan=0.0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.high, np.nan_to_num(band.high.probabilities, nan=1.0), rtol=1e-9, atol=1e-12)


def test_the_quantile_of_a_count_is_scipys() -> None:
    for n in (1, 2, 10, 37, 1000, 100_000):
        for p in (0.5, 0.95, 0.99, 0.01):
            for probability in (0.025, 0.4, 0.975):
                assert binomial_quantile(probability, n, p) == int(binom.ppf(probability, n, p)), (n, p, probability)
