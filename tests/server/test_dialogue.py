"""A dialogue: which requests a caller sends, in what order, and what ends them."""

from typing import Any

import pytest

import sim
from sim.errors import ScenarioError

BOTH = ["speechsynth", "speechrecog"]


def run(*steps: dict[str, Any], hold: str = "5s", **calls: Any) -> sim.RunResult:
    """One call with this dialogue."""
    scenario: dict[str, Any] = {
        "duration": "1s",
        "drain": "10s",
        "arrivals": {"kind": "even", "rate": "1/s", "calls": 1},
        "calls": {"hold": hold, "resources": BOTH, "dialogue": list(steps), **calls},
        "server": {"media": {"phase": "5ms"}},
    }
    return sim.run(sim.load_scenario(scenario), engine="simpy", ledger="full")


def asked(result: sim.RunResult) -> list[str]:
    """What the plugins were asked for in the call: `R` the recogniser, `S` the synthesiser."""
    assert result.messages is not None
    rows = result.messages[result.messages["message"] == "request"].sort_values("started_s")
    return [str(task)[5] for task in rows["task"].tolist()]


def at(result: sim.RunResult, message: str) -> list[float]:
    """When these messages were handled, from the answer on."""
    assert result.messages is not None
    rows = result.messages[result.messages["message"] == message]
    return [float(time) - float(result.sessions["answer_s"][0]) for time in sorted(rows["finished_s"].tolist())]


SPEAK = {"method": "SPEAK", "after": "600ms"}
RECOGNIZE = {"method": "RECOGNIZE", "after": "800ms"}
UNTIL_BYE = {"method": "RECOGNIZE"}


def test_a_prompt_and_then_two_recognitions_of_which_the_bye_ends_the_last() -> None:
    result = run(SPEAK, RECOGNIZE, UNTIL_BYE)
    assert asked(result) == ["S", "R", "R"]
    first, second, third = at(result, "request")
    assert second - first == pytest.approx(0.6, abs=0.01)
    assert third - second == pytest.approx(0.8, abs=0.01)
    assert len(at(result, "stop")) == 1
    assert result.summary.sessions.released == 1


def test_a_bye_cuts_the_dialogue_short() -> None:
    assert asked(run(SPEAK, RECOGNIZE, UNTIL_BYE, hold="1s")) == ["S", "R"]


def test_nothing_is_stopped_where_nothing_is_in_progress_at_the_bye() -> None:
    result = run(SPEAK, RECOGNIZE)
    assert asked(result) == ["S", "R"]
    assert at(result, "stop") == []


def test_a_step_is_repeated_after_its_pause_and_a_round_begins_anew() -> None:
    step = {"method": "GET-PARAMS", "resource": "speechrecog", "repeat": 2, "pause": "100ms"}
    result = run({"method": "SPEAK", "after": "50ms"}, step, dialogue_rounds=2)
    assert asked(result) == ["S", "R", "R"] * 2
    first, second, third = at(result, "request")[:3]
    assert second - first == pytest.approx(0.15, abs=0.01)
    assert third - second == pytest.approx(0.1, abs=0.01)


def test_an_overlapping_prompt_is_barged_in() -> None:
    speak = {"method": "SPEAK", "ends": "barged-in", "after": "1s", "overlap": True}
    result = run(speak, {"method": "RECOGNIZE", "after": "2s"})
    assert asked(result) == ["S", "R", "S"]  # SPEAK, RECOGNIZE, BARGE-IN-OCCURRED
    speak_s, recognize_s, barge_s = at(result, "request")
    assert recognize_s - speak_s < 0.01
    assert barge_s - speak_s == pytest.approx(1.0, abs=0.01)
    assert at(result, "stop") == []


def test_the_callers_stop_is_answered_at_a_media_tick_and_holds_a_bye_back() -> None:
    result = run({"method": "RECOGNIZE", "ends": "stopped", "after": "1s"}, {"method": "RECOGNIZE", "after": "1s"})
    assert asked(result) == ["R", "R", "R"]
    (tick,) = at(result, "STOP at tick")
    assert 1.0 <= tick <= 1.012
    again = at(result, "request")[2]
    assert 0 < again - tick < 0.002


def test_a_step_that_never_takes_place_is_left_out() -> None:
    never = {"method": "SPEAK", "after": "1s", "probability": 0.0}
    assert asked(run(never, RECOGNIZE)) == ["R"]
    assert asked(run(never, dialogue_rounds=5)) == []


def test_a_step_waits_until_its_channel_is_free() -> None:
    result = run({"method": "RECOGNIZE", "after": "1s", "overlap": True}, RECOGNIZE)
    first, second = at(result, "request")
    assert second - first == pytest.approx(1.0, abs=0.01)
    assert asked(run(UNTIL_BYE, RECOGNIZE)) == ["R"]


def test_the_no_input_time_of_the_demo_recogniser_accumulates() -> None:
    silent = {"method": "RECOGNIZE", "ends": "no-input", "after": "800ms", "pause": "500ms"}
    first, second = at(run(silent, silent), "EVENT")
    assert second - first == pytest.approx(0.5, abs=0.012)  # the pause alone: the second has waited long enough
    longer = {**silent, "after": "2s"}
    first, second = at(run(silent, longer), "EVENT")
    assert second - first == pytest.approx(0.5 + 1.2, abs=0.012)


def test_calls_of_one_kind_have_a_dialogue_of_their_own() -> None:
    own = [{"resources": BOTH, "dialogue": [SPEAK]}]
    assert asked(run(RECOGNIZE, RECOGNIZE, resources=own)) == ["S"]


def test_without_an_rtp_port_a_request_is_answered_407_and_is_not_in_progress() -> None:
    scenario: dict[str, Any] = {
        "duration": "1s",
        "drain": "10s",
        "arrivals": {"kind": "even", "rate": "10/s", "calls": 2},
        "calls": {"hold": "3s", "dialogue": [UNTIL_BYE]},
        "server": {"limits": {"rtp_ports": "5000-5002"}},
    }
    result = sim.run(sim.load_scenario(scenario), engine="simpy", ledger="full")
    assert result.messages is not None
    stops = result.messages[result.messages["message"] == "stop"]["session"].tolist()
    assert stops == [0]  # the second call has no port, so its RECOGNIZE was refused
    assert result.summary.sessions.released == 2


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"method": "RECOGNISE"}, "method must be one of SPEAK, RECOGNIZE"),
        ({"method": "SPEAK", "resource": "speechrecog"}, "resource must be speechsynth"),
        ({"method": "GET-PARAMS"}, "resource must be given"),
        ({"method": "RECOGNIZE", "ends": "no-input"}, "after must be given"),
        ({"method": "RECOGNIZE", "ends": "until-bye", "after": "1s"}, "after must not be given"),
        ({"method": "SPEAK", "ends": "no-input", "after": "1s"}, "ends must not be no-input"),
        ({"method": "RECORD"}, "must be for a channel of its calls"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(step: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        run(step)
