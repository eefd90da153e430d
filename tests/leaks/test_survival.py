"""What lifetimes seen so far explain: exact distributions, and healthy servers that must not be suspected."""

import numpy as np
import pytest

import sim
from sim.leaks.highwater import memory_verdict
from sim.leaks.outlook import leak_report
from sim.leaks.survival import DOUBT, expected_level, smallest_leak, survival, too_old

RNG = np.random.default_rng(5)


def censored(lives: np.ndarray, created: np.ndarray, end: float) -> tuple[np.ndarray, np.ndarray]:
    """Lifetimes that ended before `end`, and the ages of those that did not."""
    seen = created + lives <= end
    return lives[seen], end - created[~seen]


@pytest.mark.parametrize("end", [12.0, 25.0, 60.0])
def test_arrivals_explain_the_level_although_most_pools_have_not_ended(end: float) -> None:
    created = np.arange(0.0, end, 0.02)
    lives = RNG.exponential(8.0, created.size)
    ended, ages = censored(lives, created, end)
    curve = survival(ended, ages)
    (explained,) = expected_level(curve, created, np.array([end]))
    assert explained == pytest.approx(ages.size, rel=3.0 / np.sqrt(ages.size))
    assert curve.beyond(np.array([0.0, 4.0]))[1] == pytest.approx(np.exp(-0.5), abs=0.06)


@pytest.mark.parametrize("shape", ["constant", "exponential", "lognormal", "pareto"])
def test_no_kind_of_holding_time_is_suspicious_wherever_the_data_stop(shape: str) -> None:
    """1 000 looks at healthy pools: hardly one may be suspected, far fewer than DOUBT allows."""
    suspected = 0
    for _ in range(20):
        created = np.cumsum(RNG.exponential(0.1, 3000))
        lives = {
            "constant": np.full(3000, 7.0),
            "exponential": RNG.exponential(7.0, 3000),
            "lognormal": RNG.lognormal(1.0, 1.5, 3000),
            "pareto": 0.5 * (1.0 + RNG.pareto(1.2, 3000)),
        }[shape]
        for end in np.linspace(created[20], created[-1], 50):
            known = created < end
            ended, ages = censored(lives[known], created[known], end)
            suspected += too_old(survival(ended, ages), ended.size, ages, end).chance < DOUBT
    assert suspected <= 1000 * DOUBT


def test_pools_that_never_end_are_suspicious_once_they_are_old() -> None:
    created = np.arange(0.0, 400.0, 0.5)
    lives = RNG.exponential(3.0, created.size)
    lives[::50] = np.inf
    ended, ages = censored(lives, created, 400.0)
    found = too_old(survival(ended, ages), ended.size, ages, 400.0)
    assert found.chance < DOUBT
    assert 14 <= found.count <= 16
    assert not too_old(survival(ended[:10], ages), 10, ages, 400.0).enough


def test_the_smallest_leak_that_would_have_shown_is_exact() -> None:
    assert smallest_leak(0) is None
    for ended in (1, 40, 600):
        share = smallest_leak(ended)
        assert share is not None
        assert (1.0 - share) ** ended == pytest.approx(0.05)


def test_a_healthy_run_that_is_cut_off_is_not_suspected() -> None:
    cut = {"calls.hold": "2min", "duration": "5min", "drain": "0s", "arrivals.rate": "5/s"}
    result = sim.run(sim.load_scenario("scenarios/baseline.yaml", overrides=cut), seed=1)
    report = leak_report(result)
    assert (report.memory.verdict, report.memory.overdue) == ("healthy", 0)
    assert "for each something is still to come that releases it" in report.memory.text
    assert report.judged == result.summary.sessions.released
    assert report.would_show == smallest_leak(report.judged)


def test_calls_of_hours_are_not_suspected_because_a_run_knows_what_is_to_come() -> None:
    mixed = {"dist": "mixture", "parts": [{"weight": 9, "of": {"dist": "exponential", "mean": "10s"}},
                                          {"weight": 1, "of": {"dist": "constant", "value": "7h"}}]}  # fmt: skip
    name = {"name": "mixed", "duration": "5min", "arrivals": {"rate": "2/s"}, "calls": {"hold": mixed}}
    memory = memory_verdict(sim.run(sim.load_scenario(name), seed=1), 300.0)
    assert memory.held > 20
    assert memory.verdict == "healthy"
