"""Chance: published intervals, and claims that stay as rare as promised although neighbours hang together."""

import math

import numpy as np
import pytest
from scipy import stats

from sim.comparison.chance import (
    Chance,
    clustered,
    holm,
    of_counts,
    of_lifetimes,
    of_replications,
    of_same_calls,
    of_shares,
    sectioned,
    wider,
)
from sim.theory.intervals import Estimate


def mean(values: np.ndarray) -> float:
    return float(values.mean())


def test_the_interval_of_two_shares_is_newcombes() -> None:
    found = of_shares(48, 80, 56, 70)  # his table II (a): 0.2, from 0.0524 to 0.3339
    assert found.difference.value == pytest.approx(0.2)
    assert (found.difference.low, found.difference.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.p == pytest.approx(stats.fisher_exact([[48, 32], [56, 14]])[1])


def test_the_same_calls_are_compared_call_by_call() -> None:
    found = of_same_calls(0, 6, 1000)
    assert found.p == pytest.approx(2 * 0.5**6)
    assert found.difference.value == pytest.approx(0.006)
    assert of_shares(20, 1000, 26, 1000).p > 0.4  # as of two different sets of calls it would be nothing


def test_counts_are_compared_by_the_time_in_which_they_were_counted() -> None:
    assert of_counts(10, 100.0, 20, 200.0).p == pytest.approx(1.0)
    found = of_counts(10, 100.0, 40, 100.0)
    assert found.p < 1e-4
    assert 0.0 < found.difference.low < 0.3 < found.difference.high


def test_holm_corrects_as_in_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_more_careful_answer_counts() -> None:
    one, two = Chance(Estimate(1.0, 0.5, 1.2), 0.01, "one"), Chance(Estimate(1.0, 0.8, 1.5), 0.2, "two")
    assert wider(one, two) == Chance(Estimate(1.0, 0.5, 1.5), 0.2, "two")
    assert wider(one, None) is one


def correlated(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    """A first-order autoregression."""
    shocks = rng.standard_normal(n) * math.sqrt(1.0 - rho**2)
    values = np.empty(n)
    values[0] = rng.standard_normal()
    for i in range(1, n):
        values[i] = rho * values[i - 1] + shocks[i]
    return values


def test_neighbours_that_hang_together_raise_no_false_alarm() -> None:
    rng, times = np.random.default_rng(3), 200
    careful = naive = 0
    for _ in range(times):
        a, b = correlated(rng, 2000, 0.95), correlated(rng, 2000, 0.95)
        found = sectioned(a, b, mean, 10, paired=False)
        assert found is not None
        careful += found.p < 0.05
        naive += stats.ttest_ind(a, b).pvalue < 0.05
    assert careful / times < 0.10  # 5 % and what 200 repetitions scatter
    assert naive / times > 0.5  # taking them for independent is wrong most of the time


def test_sections_become_fewer_where_they_follow_their_neighbours() -> None:
    rng = np.random.default_rng(4)
    loose, tight = rng.standard_normal(4000), np.cumsum(rng.standard_normal(4000))
    assert sectioned(loose, loose + 1.0, mean, 10, paired=False).method == "20 sections"  # type: ignore[union-attr]
    assert sectioned(tight, tight[::-1], mean, 10, paired=False).method == "10 sections"  # type: ignore[union-attr]


def test_events_in_clusters_are_told_from_independent_ones() -> None:
    rng = np.random.default_rng(8)
    loose = [clustered(rng.random(2000) < 0.02) for _ in range(200)]
    bursts = [clustered(np.repeat(rng.random(100) < 0.02, 20)) for _ in range(200)]
    assert np.mean(loose) < 0.4
    assert np.mean(bursts) > 0.8
    assert not clustered(np.zeros(2000, bool))


def test_pairing_sees_what_is_small_against_the_calls_own_variation() -> None:
    rng = np.random.default_rng(5)
    a = rng.exponential(1.0, 2000)
    b = a + 0.01 + 0.02 * rng.standard_normal(2000)
    together, apart = sectioned(a, b, mean, 10, paired=True), sectioned(a, b, mean, 10, paired=False)
    assert together is not None
    assert apart is not None
    assert together.p < 1e-6 < 0.5 < apart.p
    assert together.difference.value == pytest.approx(0.01, abs=2e-3)


def test_values_that_never_vary_differ_surely_and_do_not_divide_by_nothing() -> None:
    found = sectioned(np.full(1000, 0.5), np.full(1000, 0.75), mean, 10, paired=False)
    assert found is not None
    assert found.p == pytest.approx(2 / math.comb(40, 20))
    assert found.difference == pytest.approx(Estimate(0.25, 0.25, 0.25))
    same = sectioned(np.full(1000, 0.5), np.full(1000, 0.5), mean, 10, paired=False)
    assert same is not None
    assert same.p == 1.0


def test_within_the_margin_nothing_differs() -> None:
    rng = np.random.default_rng(9)
    a = rng.standard_normal(2000)
    for apart, p in ((0.5, 0.5), (2.0, 1e-6)):
        found = sectioned(a, rng.standard_normal(2000) + apart, mean, 10, paired=False, margin=1.0)
        assert found is not None
        assert (found.p > p) is (apart < 1.0)
        assert found.difference.high - found.difference.low > 2.0
    constant = sectioned(np.zeros(1000), np.full(1000, 0.5), mean, 10, paired=False, margin=1.0)
    assert constant is not None
    assert constant.p == 1.0


def test_too_few_values_say_nothing() -> None:
    assert sectioned(np.ones(99), np.ones(1000), mean, 10, paired=False) is None


def test_replications_are_compared_by_welch_and_in_pairs_where_they_share_their_dice() -> None:
    rng = np.random.default_rng(6)
    a, b = rng.standard_normal(12), rng.standard_normal(9) * 2 + 0.5
    welch = of_replications(a, b, paired=False)
    assert welch is not None
    expected = stats.ttest_ind(b, a, equal_var=False)
    assert welch.p == pytest.approx(expected.pvalue)
    ends = expected.confidence_interval(0.95)
    assert (welch.difference.low, welch.difference.high) == pytest.approx((ends.low, ends.high))
    pairs = of_replications(a, a + 1.0 + 0.01 * b.sum() * rng.standard_normal(12), paired=True)
    assert pairs is not None
    assert pairs.p < 1e-6


def test_one_run_is_held_to_what_single_runs_are() -> None:
    many = [1.0, 1.1, 0.9, 1.05, 0.95, 1.02]
    inside, outside = of_replications(many, [1.08], paired=False), of_replications(many, [2.0], paired=False)
    assert inside is not None
    assert outside is not None
    assert inside.p > 0.2
    assert outside.p < 0.001
    assert of_replications([1.0], [2.0], paired=False) is None


def test_lifetimes_that_were_cut_off_are_not_taken_for_short_ones() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.exponential(10.0, 2000), rng.exponential(10.0, 2000)
    seen = np.minimum(b, 8.0)  # the same lifetimes, watched less long
    fair = of_lifetimes((a, np.full(2000, True)), (seen, b <= 8.0), 10)
    blind = of_lifetimes((a, np.full(2000, True)), (seen[b <= 8.0], np.full((b <= 8.0).sum(), True)), 10)
    assert fair is not None
    assert blind is not None
    assert fair[0] > 0.05
    assert blind[0] < 1e-6
    assert of_lifetimes((a, np.full(2000, False)), (b, np.full(2000, False)), 10) is None
