"""What is left of a service time in quick succession."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

import sim
from sim.engine.start.setup import setup
from sim.errors import ScenarioError
from sim.server import streams as s
from sim.vocabulary.messages import A_ACK, A_READY, S_OFFER
from sim.vocabulary.tasks import SERVER, SIP_AGENT

OFFER = s.SERVICE + S_OFFER


def world(warm: dict[str, Any]) -> Any:
    made = setup(sim.load_scenario({"server": {"warm": warm}}), record_rows=False)
    return SimpleNamespace(p=made.parameters, warmths=made.warmths)


def test_each_of_two_times_saves_its_part() -> None:
    w = world({"cooling": "1ms", "costs": {"server": {"offer": [0.2, 0.4]}}})
    assert s.warm_part(w, SERVER, OFFER, math.inf, 1.0) == 1.0
    assert s.warm_part(w, SERVER, OFFER, 0.0, 1.001) == pytest.approx(1.0 - 0.2 - 0.4 / 2)
    assert s.warm_part(w, SERVER, OFFER, 100e-6, 1.001) == pytest.approx(1.0 - 0.2 / 2 - 0.4)


def test_messages_of_one_cost_keep_each_other_warm() -> None:
    w = world({"cooling": "1ms", "costs": {"sip_agent": {"i_other": [0.0, 0.5]}}})
    s.warm_part(w, SIP_AGENT, s.SERVICE + A_ACK, math.inf, 1.0)
    assert s.warm_part(w, SIP_AGENT, s.SERVICE + A_READY, math.inf, 1.0) == 0.5


def test_a_cost_of_which_nothing_is_said_follows_its_task() -> None:
    w = world({"cooling": "1ms", "server": 0.3, "costs": {"server": {"terminate": [0.1, 0.1]}}})
    assert s.warm_part(w, SERVER, OFFER, 0.0, 1.0) == 0.3


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        ([0.6, 0.4], "must leave some of the cost: two parts that are below 1 together"),
        ([0.6], "must be given"),
        (0.6, "must be a list"),
        ([0.1, 0.2, 0.3], "at most 2"),
        ([-0.1, 0.2], "must be a probability from 0 to 1"),
    ],
)
def test_what_is_no_pair_of_parts_is_refused(saved: Any, said: str) -> None:
    with pytest.raises(ScenarioError, match=r"server\.warm\.costs\.server\.offer") as refused:
        sim.load_scenario({"server": {"warm": {"costs": {"server": {"offer": saved}}}}})
    assert said in str(refused.value)
