"""What calls ask of their channels is found in a log: on a real one, and on requests of several classes of call."""

import functools
from pathlib import Path
from typing import Any

import pytest
from calibration.simulated import logged

from sim.calibration.calibrate import calibrate_evidence
from sim.calibration.dialogue import AskedRequest, Talk, dialogues
from sim.calibration.evidence import watch_logs
from sim.calibration.found import Calibration
from sim.engine.run import run
from sim.scenario import Scenario, load_scenario, to_mapping

TRACES = Path(__file__).parent.parent / "data" / "traces"
SPEAK = ("SPEAK", "speechsynth", "completes")
RECOGNIZE = ("RECOGNIZE", "speechrecog", "completes")
UNTIL_BYE = ("RECOGNIZE", "speechrecog", "until-bye")


@functools.cache
def mixed15() -> Calibration:
    """SPEAK of 600 ms, RECOGNIZE that hears nothing for 800 ms, RECOGNIZE until the BYE: 500 calls of a real server."""
    return calibrate_evidence(watch_logs([TRACES / "mixed15.log.xz"]))


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    path = tmp_path_factory.mktemp("calibrated") / "mixed15.yaml"
    mixed15().save(path)
    return load_scenario(path)


def test_the_dialogue_of_a_real_log_is_found(calibrated: Scenario) -> None:
    """truth.json: 500 SPEAK of which 499 completed, 957 RECOGNIZE of which 458 did; nothing else was asked for."""
    (one,) = [steps for _, steps in calibrated.calls.dialogues() if steps]
    assert [(step.method, step.resource, step.ends) for step in one] == [SPEAK, RECOGNIZE, UNTIL_BYE]
    assert one[0].after is not None
    assert one[1].after is not None
    assert one[0].after.mean == pytest.approx(0.609, abs=0.002)
    assert one[1].after.mean == pytest.approx(0.799, abs=0.002)
    assert "499 completes, 1 in progress at the BYE" in mixed15().text
    assert "458 completes, 41 in progress at the BYE" in mixed15().text


@pytest.mark.parametrize("rate", ["15/s", "40/s"])
def test_the_same_dialogue_is_released_as_the_real_server_released_it(calibrated: Scenario, rate: str) -> None:
    """Measured: release p50 15.31 ms at 15/s, and 15.3 ms at 40/s in a run that nothing was calibrated on."""
    arrivals = {"kind": "poisson", "rate": rate, "calls": 500}
    mapping = {**to_mapping(calibrated), "arrivals": arrivals, "duration": "60s", "drain": "60s"}
    summary = run(load_scenario(mapping), seed=3, engine="simpy", ledger="summary").summary
    assert (summary.sessions.answered, summary.sessions.leaked) == (500, 0)
    release, setup = summary.latency["terminate_to_release"], summary.latency["invite_to_answer"]
    for quantile, measured in (("p50", 15.311e-3), ("p95", 19.713e-3)):
        assert getattr(release, quantile) == pytest.approx(measured, rel=0.1)
    for quantile, measured in (("p50", 5.62e-3), ("p95", 9.879e-3)):
        assert getattr(setup, quantile) == pytest.approx(measured, rel=0.1)


class Call:
    """As much of a call as dialogues are made of."""

    def __init__(self, *offered: str) -> None:
        self.offered = offered


def talk(*steps: tuple[str, str, str], last_s: float = 1.0, idle_s: float = 9.0) -> Talk:
    """A call that did these steps, each of 1 s, the last for `last_s` if it was in progress, and then was idle."""
    asked = [AskedRequest(method, resource, 0.01, ends, 0.0, 1.0) for method, resource, ends in steps]
    if asked and asked[-1].ends == "until-bye":
        asked[-1].lasts = last_s
        idle_s = 0.0
    call: Any = Call("speechsynth", "speechrecog")
    return Talk(call, asked, idle_s)


def shapes(*talks: Talk) -> list[tuple[int, list[str]]]:
    return [(d.weight, [f"{m}:{e}" for m, _, e in d.shape]) for d in dialogues(talks)]


def test_calls_cut_short_belong_to_the_dialogue_that_they_began() -> None:
    whole = [talk(SPEAK, RECOGNIZE)] * 50
    speak_open = ("SPEAK", "speechsynth", "until-bye")
    cut = [talk(speak_open, last_s=0.4)] * 5 + [talk(SPEAK, UNTIL_BYE, last_s=0.9)] * 5 + [talk(SPEAK, idle_s=0.005)]
    assert shapes(*whole, *cut) == [(61, ["SPEAK:completes", "RECOGNIZE:completes"])]


def test_a_request_that_outlasts_every_other_is_one_that_runs_until_the_bye() -> None:
    whole = [talk(SPEAK, RECOGNIZE)] * 30
    other = [talk(SPEAK, UNTIL_BYE, last_s=5.0)] * 20
    assert shapes(*whole, *other) == [
        (30, ["SPEAK:completes", "RECOGNIZE:completes"]),
        (20, ["SPEAK:completes", "RECOGNIZE:until-bye"]),
    ]


def test_calls_that_ask_for_less_and_wait_are_a_class_of_their_own() -> None:
    assert shapes(*[talk(SPEAK, RECOGNIZE)] * 30, *[talk(SPEAK)] * 20, *[talk()] * 10) == [
        (30, ["SPEAK:completes", "RECOGNIZE:completes"]),
        (20, ["SPEAK:completes"]),
        (10, []),
    ]


def test_the_same_request_several_times_is_one_step() -> None:
    talks = [talk(*[RECOGNIZE] * n) for n in (1, 2, 3) for _ in range(10)]
    assert shapes(*talks) == [(30, ["RECOGNIZE:completes"])]


def test_a_class_of_which_no_call_was_answered_is_not_given_the_dialogue_of_the_others(tmp_path: Path) -> None:
    steps = [
        {"method": "RECOGNIZE", "ends": "completes", "after": "500ms"},
        {"method": "RECOGNIZE", "ends": "until-bye"},
    ]
    mapping = {
        "arrivals": {"kind": "poisson", "rate": "5/s", "calls": 60},
        "duration": "30s",
        "drain": "30s",
        "calls": {
            "hold": "4s",
            "resources": [
                {"weight": 2, "resources": ["speechrecog"], "dialogue": steps},
                {"weight": 1, "resources": ["speechsynth"]},
            ],
        },
        "plugins": {"speechsynth": {"open": {"never": 1}}},
    }
    found = calibrate_evidence(watch_logs([logged(mapping, tmp_path)]))
    path = tmp_path / "calibrated.yaml"
    found.save(path)
    asked = [[step.method for step in steps or ()] for _, steps in load_scenario(path).calls.dialogues()]
    assert sorted(asked) == [[], ["RECOGNIZE", "RECOGNIZE"]]
    assert "none was answered: what they ask for is not known" in found.text
