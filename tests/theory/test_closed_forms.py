"""The formulas themselves, against values that books print and against each other."""

import numpy as np
import pytest
from theory.closed_forms import erlang_b, lindley, mm1_wait_quantile, pollaczek_khinchine


@pytest.mark.parametrize(("offered", "servers", "blocked"), [(1.0, 1, 0.5), (2.0, 2, 0.4), (12.0, 20, 0.00980)])
def test_erlang_b_gives_the_printed_values(offered: float, servers: int, blocked: float) -> None:
    assert erlang_b(offered, servers) == pytest.approx(blocked, rel=2e-3)


def test_erlang_b_obeys_its_recursion() -> None:
    for servers in range(1, 200):
        before = erlang_b(60.0, servers - 1)
        assert erlang_b(60.0, servers) == pytest.approx(60.0 * before / (servers + 60.0 * before), rel=1e-9)


def test_mean_wait_is_the_area_under_the_tail_of_the_wait() -> None:
    rate, mean = 0.7, 1.0
    p = (np.arange(200_000) + 0.5) / 200_000
    quantiles = [mm1_wait_quantile(rate, mean, float(x)) for x in p]
    assert np.mean(quantiles) == pytest.approx(pollaczek_khinchine(rate, mean, 2.0 * mean**2), rel=1e-4)


def test_lindley_by_hand() -> None:
    waits = lindley(np.array([0.0, 1.0, 2.0, 9.0]), np.array([3.0, 1.0, 1.0, 1.0]))
    assert waits.tolist() == [0.0, 2.0, 2.0, 0.0]
