"""The formulas against the tables that books print, and against each other where two ways lead to the same number."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import trapezoid

from sim.theory.loss import engset, held_at_most, mm1k_blocking, offered_at, ruin
from sim.theory.queues import erlang_b
from sim.theory.waiting import (
    MMc,
    erlang_c,
    md1_wait_quantile,
    md1_wait_within,
    mean_of_first_waits,
    mg1_mean_wait,
)


@pytest.mark.parametrize(
    ("servers", "blocking", "printed"),
    [
        (1, 0.01, 0.0101), (5, 0.01, 1.361), (10, 0.01, 4.461), (20, 0.01, 12.03), (30, 0.01, 20.34), (50, 0.01, 37.90),
        (100, 0.01, 84.06), (10, 0.001, 3.092), (20, 0.001, 9.412), (50, 0.001, 32.51), (10, 0.02, 5.084),
        (20, 0.02, 13.18), (50, 0.02, 40.26), (100, 0.02, 87.97), (10, 0.05, 6.216), (20, 0.05, 15.25),
    ],
)  # fmt: skip
def test_offered_load_of_the_erlang_b_table(servers: int, blocking: float, printed: float) -> None:
    """ITU-T (CCITT) table of the Erlang loss formula, four digits as printed."""
    assert offered_at(blocking, servers) == pytest.approx(printed, rel=6e-4)
    assert erlang_b(offered_at(blocking, servers), servers) == pytest.approx(blocking, rel=1e-8)


@pytest.mark.parametrize(("servers", "offered", "printed"), [(14, 10.0, 0.1741), (1, 0.5, 0.5), (2, 1.0, 1.0 / 3.0)])
def test_erlang_c_gives_the_printed_values(servers: int, offered: float, printed: float) -> None:
    """14 agents for 10 erlangs, 17.4 %, is the worked example of call centre books; one server waits with ρ."""
    assert erlang_c(offered, servers) == pytest.approx(printed, abs=5e-5)


def test_erlang_c_is_one_beyond_saturation() -> None:
    assert erlang_c(3.0, 3) == erlang_c(5.0, 3) == 1.0
    assert MMc(5.0, 1.0, 3).mean_wait_s == math.inf


def test_one_server_of_m_m_c_is_m_g_1_with_exponential_service() -> None:
    assert MMc(0.7, 1.0).mean_wait_s == pytest.approx(mg1_mean_wait(0.7, 1.0, 1.0), rel=1e-12)
    p = (np.arange(100_000) + 0.5) / 100_000
    quantiles = [MMc(3.0, 1.0, 4).wait_quantile_s(float(x)) for x in p]
    assert np.mean(quantiles) == pytest.approx(MMc(3.0, 1.0, 4).mean_wait_s, rel=1e-3)


def test_engset_in_exact_arithmetic() -> None:
    """The birth-death chain of 8 callers and 3 places in fractions: both congestions as defined, not by recursion."""
    sources, servers, load = 8, 3, Fraction(1, 4)
    weights = [math.comb(sources, k) * load**k for k in range(servers + 1)]
    time = weights[-1] / sum(weights)
    calls = (sources - servers) * weights[-1] / sum((sources - k) * w for k, w in enumerate(weights))
    found = engset(sources, servers, float(load))
    assert found == (pytest.approx(float(time), rel=1e-12), pytest.approx(float(calls), rel=1e-12))


def test_engset_with_many_callers_is_erlang_b() -> None:
    assert engset(10_000_000, 20, 12e-7)[1] == pytest.approx(erlang_b(12.0, 20), rel=1e-4)


def test_engset_never_blocks_where_every_caller_has_a_place() -> None:
    assert engset(10, 10, 0.5) == (0.0, 0.0)


def test_waits_of_m_d_1_average_to_pollaczek_khinchine() -> None:
    rate, service = 0.8, 1.0
    t = np.linspace(0.0, 40.0, 401)
    tail = [1.0 - md1_wait_within(rate, service, float(x)) for x in t]
    assert trapezoid(tail, t) == pytest.approx(mg1_mean_wait(rate, service, 0.0), rel=3e-3)
    assert md1_wait_within(rate, service, 0.0) == pytest.approx(0.2)  # who comes to an idle server does not wait
    assert md1_wait_within(rate, service, md1_wait_quantile(rate, service, 0.99)) == pytest.approx(0.99, abs=1e-6)


def test_the_first_waits_add_up_to_what_lindley_gives() -> None:
    """Mean of the first 3 waits of M/D/1 with λ = 0.5, S = 1, by hand: two terms."""
    second = 1.0 - (1.0 - math.exp(-0.5)) / 0.5
    third = second + (2.0 * (1.0 - 2.0 * math.exp(-1.0)) - 4.0 * (1.0 - 2.5 * math.exp(-1.0))) / 2.0
    assert mean_of_first_waits(0.5, 1.0, 3, None) == pytest.approx((0.0 + second + third) / 3.0, rel=1e-9)


def test_the_first_waits_of_m_m_1_by_hand() -> None:
    """E W2 = E max(0, S - A) = ρ/(1 + ρ)·S: the service outlasts the gap with that chance, then by another S."""
    assert mean_of_first_waits(0.6, 1.0, 2) == pytest.approx(0.6 / 1.6 / 2.0, rel=1e-9)


@pytest.mark.parametrize(("shape", "variation"), [(1, 1.0), (2, 0.5), (None, 0.0)])
def test_after_many_customers_the_start_is_forgotten(shape: int | None, variation: float) -> None:
    mean = mean_of_first_waits(0.6, 1.0, 1500, shape)
    assert mean == pytest.approx(mg1_mean_wait(0.6, 1.0, variation), rel=1e-2)


def test_poisson_quantile_of_calls_held() -> None:
    assert held_at_most(60.0, 0.99) == 79
    assert held_at_most(60.0, 0.5) == 60


def test_overflow_of_m_m_1_k() -> None:
    """Per busy period, 1 from 0 to K; the blocking of M/M/1/K against its birth-death chain in fractions."""
    assert ruin(0.5, 1.0, 2) == pytest.approx(1.0 / 3.0)  # up with 1/3, else down
    assert ruin(1.0, 1.0, 4) == 0.25
    weights = [Fraction(1, 2) ** k for k in range(5)]
    assert mm1k_blocking(0.5, 4) == pytest.approx(float(weights[-1] / sum(weights)))
