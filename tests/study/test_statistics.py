"""Statistics of many runs against closed forms and by repetition; the full coverage is in reports/coverage.md."""

import math
from typing import Any

import numpy as np
import pytest

from sim.errors import InternalError, ScenarioError
from sim.study.anytime import mean_anytime, rate_anytime, share_anytime
from sim.study.selection import select_best
from sim.study.stopping import LOOK_AHEAD, Precision, Replications
from sim.study.uncertainty import batch_means, bonferroni, mean, paired, quantile, willink
from sim.study.warmup import mser5
from sim.theory.intervals import share


def test_students_interval_by_hand() -> None:
    """1, 2, 3: mean 2, s = 1, t(0.975, 2) = 4.3027 as tables print it."""
    found = mean([1.0, 2.0, 3.0])
    assert found.value == 2.0
    assert found.high - 2.0 == pytest.approx(4.3027 / math.sqrt(3.0), rel=1e-4)
    assert mean([5.0]).high == math.inf
    assert math.isnan(mean([]).value)
    assert mean([1.0, math.nan, 3.0]).value == 2.0  # a run without a sample says nothing about the mean


def test_median_lies_between_the_order_statistics_of_the_table() -> None:
    """For 20 values the 95 % interval of the median runs from the 6th to the 15th (Conover, table A3)."""
    found = quantile(np.arange(1.0, 21.0), 0.5)
    assert (found.low, found.high) == (6.0, 15.0)


def test_a_quantile_that_so_few_values_can_not_bound_has_an_infinite_end() -> None:
    found = quantile(np.arange(20.0), 0.99)
    assert found.high == math.inf
    assert found.low > 10.0


def test_batch_means_know_that_neighbours_hang_together() -> None:
    rng = np.random.default_rng(1)
    walk = np.zeros(20_000)
    for i in range(1, len(walk)):
        walk[i] = 0.95 * walk[i - 1] + rng.normal()
    naive = mean(walk)
    found = batch_means(walk)
    # AR(1): the variance of the mean is (1 + φ)/(1 - φ) = 39 times that of independent values
    assert (found.estimate.high - found.estimate.value) / (naive.high - naive.value) == pytest.approx(39**0.5, rel=0.4)
    assert found.independent


def test_batch_means_refuse_what_is_too_short() -> None:
    with pytest.raises(ScenarioError, match=r"64 values .*got 1279"):
        batch_means([1.0] * 1279)
    constant = batch_means([1.0] * 1280).estimate
    assert (constant.low, constant.value, constant.high) == (1.0, 1.0, 1.0)
    drift = batch_means(np.arange(1280.0))  # one long excursion: every batch is like its neighbour
    assert not drift.long_enough
    assert drift.estimate.high == math.inf
    assert drift.estimate.value == 639.5


def test_batch_means_hold_the_truth_of_a_correlated_skewed_run() -> None:
    """300 runs whose time constant is a fifth of a batch: plain Student misses in 10 %, this in at most 8 %."""
    rng = np.random.default_rng(8)
    plain = corrected = 0
    for _ in range(300):
        run = np.zeros(2500)
        for i, jump in enumerate(rng.standard_exponential(len(run)) ** 2 - 2.0):
            run[i] = 0.95 * run[i - 1] + jump
        found = batch_means(run[500:])
        means = mean(run[500:].reshape(20, 100).mean(axis=1))
        plain += means.low <= 0.0 <= means.high
        corrected += found.estimate.low <= 0.0 <= found.estimate.high
    assert corrected >= 0.92 * 300
    assert corrected > plain


def test_willinks_bend_moves_both_ends_towards_the_long_tail() -> None:
    """By hand: bend 0.1, t 2: (1 + 0.6·1.9)^⅓ = 1.2887, so 1.4434; and -2: (1 - 0.6·2.1)^⅓ = -0.6383, so -8.19."""
    assert willink(2.0, 0.1) == pytest.approx((2.14 ** (1 / 3) - 1) / 0.2)
    assert willink(-2.0, 0.1) == pytest.approx((-(0.26 ** (1 / 3)) - 1) / 0.2)
    assert willink(2.0, 0.0) == 2.0


def test_pairing_takes_the_shared_noise_out() -> None:
    rng = np.random.default_rng(2)
    shared = rng.normal(size=200)
    a, b = shared + 0.1 * rng.normal(size=200), 0.05 + shared + 0.1 * rng.normal(size=200)
    found = paired(a, b)
    assert found.variance_reduction == pytest.approx(2.02 / 0.02, rel=0.3)
    assert found.clear
    assert not found.unpaired.low > 0.0  # independent runs would not have seen it
    with pytest.raises(ScenarioError, match="as many values"):
        paired([1.0], [1.0, 2.0])


def test_bonferroni_shares_the_error_out() -> None:
    assert bonferroni(0.95, 5) == pytest.approx(0.99)


@pytest.mark.parametrize("p", [0.01, 0.3])
def test_a_share_holds_at_every_look_together(p: float) -> None:
    """400 experiments looked at 20 times each. An exact interval fails too often, the time-uniform one does not."""
    rng = np.random.default_rng(3)
    looks = np.unique(np.geomspace(10, 2000, 20).astype(int))
    missed = {"anytime": 0, "exact": 0}
    for _ in range(400):
        counts = np.cumsum(rng.random(2000) < p)
        for name, interval in (("anytime", share_anytime), ("exact", share)):
            found = [interval(int(counts[n - 1]), int(n)) for n in looks]
            missed[name] += any(not e.low <= p <= e.high for e in found)
    assert missed["anytime"] <= 0.05 * 400
    assert missed["exact"] > 0.05 * 400


def test_time_uniform_intervals_shrink_to_the_truth() -> None:
    assert share_anytime(0, 0).high == 1.0
    assert share_anytime(0, 1000).low == 0.0
    assert share_anytime(0, 1000).high < 0.01
    found = rate_anytime(500, 100.0)
    assert 4.0 < found.low < 5.0 < found.high < 6.2
    assert rate_anytime(0, 10.0).low == 0.0
    values = np.random.default_rng(4).normal(3.0, 1.0, 400)
    wide, narrow = mean_anytime(values), mean(values)
    assert wide.low < narrow.low < 3.1
    assert 2.9 < narrow.high < wide.high


def test_mser_5_cuts_an_exponential_transient() -> None:
    rng = np.random.default_rng(5)
    t = np.arange(2000)
    cut = mser5(60.0 * (1.0 - np.exp(-t / 100.0)) + rng.normal(0.0, 2.0, 2000))
    assert cut.reliable
    assert 200 < cut.kept_from < 700  # after 3 to 5 time constants 5 to 0.7 % are missing
    assert mser5(rng.normal(size=500)).kept_from < 100
    assert not mser5(np.arange(200.0)).reliable  # never settles
    with pytest.raises(ScenarioError, match="at least 50"):
        mser5(np.arange(20.0))


def fed(order: list[int], rows: list[dict[str, float]]) -> Replications:
    rule = Replications({"a": Precision(relative=0.05), "b": Precision(absolute=0.3)}, most=200)
    for replication in order:
        if rule.add(replication, rows[replication]):
            break
    return rule


def test_stopping_does_not_depend_on_the_order_of_arrival() -> None:
    rng = np.random.default_rng(6)
    rows = [{"a": float(rng.normal(10, 1)), "b": float(rng.normal(0, 1))} for _ in range(200)]
    plain = fed(list(range(200)), rows)
    shuffled = fed([int(i) for i in rng.permutation(200)], rows)
    assert plain.enough == shuffled.enough
    assert plain.estimates() == shuffled.estimates()
    assert plain.enough is not None
    assert plain.enough > 20  # b needs (1.96/0.3)² = 43
    assert len(plain.values["a"]) == plain.enough + LOOK_AHEAD  # the look-ahead confirmed it


def test_every_metric_must_be_precise() -> None:
    rule = Replications({"a": Precision(relative=0.1), "b": Precision(relative=0.1)}, most=30)
    for r in range(30):
        rule.add(r, {"a": 1.0, "b": (-1.0) ** r})
    assert rule.done
    assert rule.enough is None  # b never is


def test_a_replication_given_twice_is_our_bug() -> None:
    rule = Replications({"a": Precision(relative=0.1)})
    rule.add(0, {"a": 1.0})
    with pytest.raises(InternalError, match="twice"):
        rule.add(0, {"a": 1.0})


def test_kn_selects_the_best_as_often_as_it_promises_and_cheaper_under_common_random_numbers() -> None:
    """200 selections of 5 variants, the best ahead by exactly the difference that matters; 0.95 promised."""
    truth = np.array([1.0, 1.0, 1.0, 1.0, 1.5])
    right, runs = {True: 0, False: 0}, {True: 0, False: 0}
    for repetition in range(200):
        rng = np.random.default_rng(repetition)

        for common in (True, False):
            shared = 0.8 if common else 0.0

            def sample(alive: list[int], r: int, shared: float = shared, rng: Any = rng) -> np.ndarray:
                noise = np.sqrt(1.0 - shared) * rng.normal(size=len(alive)) + np.sqrt(shared) * rng.normal()
                return truth[alive] + noise

            found = select_best(sample, 5, 0.5, first=10)
            right[common] += found.best == 4
            runs[common] += found.runs
    assert right[True] >= 0.92 * 200  # 0.95 less two standard errors
    assert right[False] >= 0.92 * 200
    assert runs[True] < 0.5 * runs[False]


def test_variants_that_do_the_same_are_not_waited_for() -> None:
    """No number of replications tells them apart: the first of them is chosen, as soon as anything may be."""
    found = select_best(lambda alive, r: [[0.3, 0.7, 0.7][i] + 0.01 * (r % 7) for i in alive], 3, 0.5, most=1000)
    assert (found.best, found.sure, found.replications) == (1, True, (20, 20, 20))
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(1000, 2))
    apart = select_best(lambda alive, r: [float(noise[r][i]) for i in alive], 2, 0.1, most=100)
    assert not apart.sure  # the same mean in the long run is not the same in every run


def test_the_smallest_can_be_the_best() -> None:
    found = select_best(lambda alive, r: [float(i) + 0.01 * r % 0.03 for i in alive], 3, 0.5, largest=False)
    assert found.best == 0
    assert found.sure
