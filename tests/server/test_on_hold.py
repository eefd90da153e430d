"""A call on hold: a re-INVITE takes the audio away, and with it the callback by which plugins answer STOP."""

from typing import Any

import pytest

import sim


def run(seed: int = 1, **changes: Any) -> sim.RunResult:
    """One call of 5 s whose caller puts it on hold after 1 s."""
    scenario: dict[str, Any] = {
        "duration": "1s",
        "drain": "40s",
        "arrivals": {"kind": "even", "rate": "1/s", "calls": 1},
        "calls": {"hold": "5s", "on_hold": {"probability": 1, "after": "1s"}},
        "server": {"media": {"phase": "5ms"}, "sip": {"bye_response": "immediate"}},
    }
    for key, value in changes.items():
        scenario[key] = {**scenario.get(key, {}), **value}
    return sim.run(sim.load_scenario(scenario), engine="simpy", ledger="full", seed=seed)


def test_a_call_that_ends_on_hold_leaks_though_the_plugin_is_healthy() -> None:
    result = run()
    (leak,) = result.leaks
    assert (leak.state, leak.cause, leak.waiting_for) == ("DEACTIVATING", "audio-taken-away", "the answer to STOP")
    answered = result.sessions["answer_s"][0]
    assert f"a re-INVITE has taken the audio away at {answered + 1.0:.1f}" in leak.explanation
    assert "the plugin is healthy" in leak.explanation
    assert set(leak.holds) >= {"session_pool", "engine_channel:speechrecog", "rtp_port", "media_context"}
    assert result.summary.latency["bye_to_ok"].n == 1  # the caller got its 200


def test_a_call_that_is_resumed_before_the_bye_is_released() -> None:
    result = run(calls={"on_hold": {"probability": 1, "after": "1s", "for": "2s"}})
    assert (result.summary.sessions.released, result.leaks) == (1, [])
    assert result.messages is not None
    assert (result.messages["message"] == "re-INVITE").sum() == 2


def test_a_call_without_a_request_in_progress_has_nothing_to_stop() -> None:
    assert run(calls={"requests": 0}).summary.sessions.released == 1
    assert run(calls={"recognition": "100ms"}).summary.sessions.released == 1


def test_a_plugin_that_answers_stop_from_its_own_task_does_not_need_the_audio() -> None:
    assert run(plugins={"speechrecog": {"stop_answered_at": "task"}}).summary.sessions.released == 1


@pytest.mark.parametrize(("resumed", "completes"), [("1s", 1.0 + 1.0), (None, None)])
def test_a_request_does_not_end_while_its_call_is_on_hold(resumed: str | None, completes: float | None) -> None:
    """A recognition of 2 s, of which 1 s had passed: it takes the other second after the resumption."""
    on_hold = {"probability": 1, "after": "1s", "for": resumed}
    result = run(calls={"recognition": "2s", "on_hold": on_hold})
    assert result.messages is not None
    events = result.messages[result.messages["message"] == "EVENT"]["finished_s"].tolist()
    if completes is None:
        assert events == []
    else:
        assert events[0] - result.sessions["answer_s"][0] == pytest.approx(1.0 + completes, abs=0.025)


def test_the_callers_own_stop_on_hold_keeps_the_resumption_and_the_bye_behind_it() -> None:
    """One request at a time: the STOP waits for the audio, and the re-INVITE that would bring it back for the STOP."""
    stopped = {"method": "RECOGNIZE", "ends": "stopped", "after": "2s"}
    result = run(calls={"dialogue": [stopped], "on_hold": {"probability": 1, "after": "1s", "for": "2s"}})
    (leak,) = result.leaks
    assert leak.cause == "audio-taken-away"
    assert leak.waiting_for == "the response to the active request"
    assert "behind it in its request_queue: OFFER, TERMINATE" in leak.explanation


def test_a_hold_needs_an_offer_that_is_no_repetition() -> None:
    """Section 9.2: the control channel is modified, the container waits for a tick, the engine is not opened again."""
    messages = run().messages
    assert messages is not None
    names = messages["message"].astype(str).tolist()
    assert names.count("MODIFY channel") == 1
    assert names.count("open") == 1


def test_every_call_with_a_request_in_progress_that_is_put_on_hold_at_any_moment_leaks() -> None:
    scenario = sim.load_scenario(
        {
            "duration": "20s",
            "drain": "40s",
            "arrivals": {"kind": "poisson", "rate": "50/s", "calls": 300},
            "calls": {"hold": {"dist": "exponential", "mean": "1s"}, "on_hold": {"probability": 0.5}},
            "server": {"limits": {"max_connection_count": 1000}},
        }
    )
    result = sim.run(scenario, engine="simpy", ledger="sessions")
    assert 120 < result.summary.sessions.leaked < 180
    assert {leak.cause for leak in result.leaks} == {"audio-taken-away"}
