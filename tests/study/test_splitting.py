"""Splitting on copied states: a copy has the same past and another future, and rare events have their known chance."""

import math
import sys
from pathlib import Path
from statistics import stdev

import pytest
from scipy.stats import kstest, poisson

sys.path.insert(0, str(Path(__file__).parents[1] / "theory"))
from bare import bare, instant_plugin

from sim.engine.compiled.forking import ForkableEngine
from sim.engine.start.setup import setup, task_index
from sim.errors import ScenarioError
from sim.scenario import Scenario, load_scenario, to_mapping
from sim.study.splitting import _interval, rare_overflow
from sim.study.uncertainty import mean
from sim.theory.intervals import Estimate
from sim.theory.loss import ruin

RATE, SERVICE = 500.0, 0.8e-3


def mm1() -> Scenario:
    """Calls that never end on a plugin whose open takes an exponential time: an M/M/1 queue at 40 %."""
    block = {"dist": "exponential", "mean": f"{SERVICE}s"}
    return bare(
        "mm1", duration="1h", arrivals={"rate": f"{RATE}/s"}, calls={"hold": "10d"},
        plugins={"speechrecog": instant_plugin(open={"block": block})},
    )  # fmt: skip


def dropping(rate: str, slots: int) -> Scenario:
    """An old server, whose media engine drops a message when its queue is full: the session then waits for ever."""
    return bare(
        "drop", duration="1h", arrivals={"rate": rate}, calls={"hold": "10d"},
        server={"media": {"tick": "10ms", "queue": {"slots": slots, "when_full": "drop"}}},
    )  # fmt: skip


def test_a_copy_goes_on_as_it_was_with_other_random_numbers() -> None:
    engine = ForkableEngine(setup(mm1(), record_rows=False), 1)
    try:
        for _ in range(5000):
            engine.advance(1)
        state = engine.copy()
        at, calls = float(engine.e["now_s"][0]), engine.arrived
        futures = []
        for _ in range(3):
            engine.put_back(state)
            assert float(engine.e["now_s"][0]) == at
            assert engine.arrived == calls
            assert engine.copy() == engine.copy()
            for _ in range(5000):
                engine.advance(1)
            futures.append(float(engine.e["now_s"][0]))
            assert engine.arrived > calls + 100
        assert len(set(futures)) == 3
        engine.put_back(state)
        again = engine.copy()
        assert again.sessions == state.sessions
        assert again.spans == state.spans
    finally:
        engine.close()


def rests(scenario: Scenario, count: int) -> tuple[list[float], list[float], float]:
    """From one state in which the plugin serves: rests of its service, next gaps, and how long it has lasted."""
    engine = ForkableEngine(setup(scenario, record_rows=False), 4)
    index = task_index("speechrecog", tuple(scenario.plugins.keys()))
    try:
        task, services, gaps = engine.block["tasks"][0][index], [], []
        while not (engine.arrived > 100 and task["serving"] and task["length"]):
            engine.advance(1)
        state, now = engine.copy(), float(engine.e["now_s"][0])
        lasted = now - float(task["started_s"])
        for _ in range(count):
            engine.put_back(state)
            services.append(float(task["started_s"] + task["service_s"]) - now)
            gaps.append(float(engine.e["arrival_s"][0]) - now)
            near = engine.e["near"][0][: int(engine.e["near_count"][0])]
            assert list(near["time_s"]) == sorted(near["time_s"], reverse=True)
            assert near["time_s"][near["task"] == index] == task["started_s"] + task["service_s"]
        return services, gaps, lasted
    finally:
        engine.close()


def test_futures_of_a_copy_draw_anew_what_has_not_come_yet() -> None:
    """The rest of an exponential service is as long as a whole one, whatever has passed; so is the next gap."""
    services, gaps, lasted = rests(mm1(), 400)
    assert lasted > 0.0
    assert kstest(services, "expon", (0.0, SERVICE)).pvalue > 0.001
    assert kstest(gaps, "expon", (0.0, 1.0 / RATE)).pvalue > 0.001
    even = {"dist": "uniform", "low": "0.5ms", "high": "1.5ms"}
    plugin = instant_plugin(open={"block": even})
    scenario = load_scenario(to_mapping(mm1(), only_changes=True) | {"plugins": {"speechrecog": plugin}})
    services, _, lasted = rests(scenario, 400)
    least = max(0.5e-3, lasted)
    assert kstest(services, "uniform", (least - lasted, 1.5e-3 - least)).pvalue > 0.001


def test_m_m_1_overflows_as_often_as_the_gambler_is_ruined() -> None:
    """From 1 to 6 before 0: (1 - r)/(1 - r⁶) with r = 2.5, 0.00616.

    A repetition of n futures at each of 5 steps of about 0.4 spreads by √(Σ(1 - p)/pn), 36 %, since the states that
    reached a step have nothing else that tells them apart; twice that is beyond chance (χ² with 19: p < 10⁻⁶).
    """
    found = rare_overflow(mm1(), task="speechrecog", level=6, effort=60, repetitions=20, seed=2)
    truth = ruin(RATE, 1.0 / SERVICE, 6)
    assert stdev(found.estimates) < 2.0 * 0.36 * truth
    assert found.per_cycle.low < truth < found.per_cycle.high
    assert found.per_cycle.value == pytest.approx(truth, rel=0.5)
    # a busy period of M/M/1 has 1/(1 - ρ) calls
    assert found.per_call == pytest.approx(found.per_cycle.value * 0.6, rel=0.15)
    assert len(found.steps) == 5


def test_a_message_that_a_full_queue_drops_is_as_rare_as_its_tick_is_crowded() -> None:
    """Requests of a 10 ms tick are Poisson with mean 1: more than 6 in one that has any, 1.3·10⁻⁴."""
    found = rare_overflow(dropping("100/s", 6), task="media", level=7, effort=60, repetitions=8, seed=3)
    truth = float(poisson.sf(6, 1.0) / poisson.sf(0, 1.0))
    assert found.per_cycle.low < truth < found.per_cycle.high
    assert found.per_cycle.value == pytest.approx(truth, rel=0.5)
    assert found.calls < found.plain_calls / 5.0


def test_a_level_that_no_future_reached_is_not_said_to_be_impossible() -> None:
    """The interval was [0, 0]. The chance of 30 messages is below that of the highest level that was reached."""
    found = rare_overflow(mm1(), task="speechrecog", level=30, effort=4, repetitions=10, seed=2)
    assert (found.per_cycle.value, found.per_cycle.low, found.per_call) == (0.0, 0.0, 0.0)
    assert ruin(RATE, 1.0 / SERVICE, 30) < found.per_cycle.high <= 1.0
    assert found.plain_calls == math.inf


def test_what_is_known_of_a_level_that_was_not_reached_is_the_chance_of_a_lower_one() -> None:
    some = [[0.5, 0.2, 0.0], [0.4, 0.0, 0.0], [0.6, 0.3, 0.0]]
    assert _interval(some, 0.95) == Estimate(0.0, 0.0, mean([0.5, 0.4, 0.6]).high)
    assert _interval([[0.0, 0.0], [0.3, 0.0]], 0.95) == Estimate(0.0, 0.0, 1.0)
    assert _interval([[0.9, 0.2], [0.8, 0.1]], 0.95).high == mean([0.2, 0.1]).high


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"task": "nobody", "level": 3}, "must be one of"), ({"task": "media", "level": 1}, "at least 2"),
        ({"task": "media", "level": 3, "overrides": {"arrivals.kind": "even"}}, "Poisson"),
    ],
)  # fmt: skip
def test_what_can_not_be_split_is_said(wrong: dict, why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        rare_overflow("baseline", **wrong)
