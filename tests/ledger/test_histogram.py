import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.ledger.histogram import (
    BUCKETS,
    HIGHEST_EXPONENT,
    LOWEST_EXPONENT,
    SUB_BUCKETS,
    bucket_value,
    count,
    quantiles,
)
from sim.ledger.summary import Quantiles

seconds = st.floats(1e-9, 1e6)


def bucket(x: float) -> int:
    """The bucket of `x` seconds by its definition, where the program reads it off the bits."""
    if not x > 0.0:
        return 0
    if x >= 2.0**HIGHEST_EXPONENT:
        return BUCKETS - 1
    mantissa, exponent = math.frexp(x)
    if exponent < LOWEST_EXPONENT:
        return 0
    return 1 + (exponent - LOWEST_EXPONENT) * SUB_BUCKETS + int((mantissa - 0.5) * (2 * SUB_BUCKETS))


@given(seconds)
def test_representative_is_within_one_percent(x: float) -> None:
    assert bucket_value(bucket(x)) == pytest.approx(x, rel=0.01)


@given(seconds, seconds)
def test_buckets_keep_the_order(x: float, y: float) -> None:
    assert bucket(min(x, y)) <= bucket(max(x, y))


@pytest.mark.parametrize("x", [0.0, -1.0, 1e-12, math.nan, -math.inf])
def test_nothing_and_too_little_fall_in_bucket_0(x: float) -> None:
    assert bucket(x) == 0
    assert bucket_value(0) == 0.0


@pytest.mark.parametrize("x", [1.1e6, 1e9, math.inf])
def test_too_much_falls_in_the_last_bucket(x: float) -> None:
    assert bucket(x) == BUCKETS - 1


@given(st.lists(st.floats(0, 2e6), max_size=50))
def test_counting_many_is_counting_each(values: list[float]) -> None:
    expected = np.zeros(BUCKETS, dtype=np.int64)
    for value in values:
        expected[bucket(value)] += 1
    assert (count(values) == expected).all()


@given(st.lists(seconds, min_size=1, max_size=200))
def test_quantiles_are_within_one_percent_of_the_order_statistics(values: list[float]) -> None:
    exact = Quantiles.of(values)
    rough = Quantiles.of_histogram(count(values), len(values), sum(values), max(values))
    assert (rough.n, rough.max) == (exact.n, exact.max)
    for name in ("mean", "p50", "p95", "p99"):
        assert getattr(rough, name) == pytest.approx(getattr(exact, name), rel=0.01)


def test_quantiles_of_nothing_are_nan() -> None:
    assert all(math.isnan(q) for q in quantiles(np.zeros(BUCKETS, dtype=np.int64), (0.5, 0.99)))
