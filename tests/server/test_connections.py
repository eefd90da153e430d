"""TCP connections to the server: which call uses which, and what their pools hold."""

from typing import Any

import pytest

import sim
from sim.server.records import QUEUE_SLOTS


def run(seed: int = 1, **changes: Any) -> sim.RunResult:
    scenario: dict[str, Any] = {
        "duration": "2s",
        "drain": "40s",
        "arrivals": {"kind": "even", "rate": "10/s", "calls": 10},
        "calls": {"hold": "3s", "connection": "shared"},
        "server": {"media": {"phase": "5ms"}},
    }
    for key, value in changes.items():
        scenario[key] = {**scenario.get(key, {}), **value}
    return sim.run(sim.load_scenario(scenario), engine="simpy", ledger="full", seed=seed)


def connections(result: sim.RunResult) -> int:
    return result.summary.resources["tcp_connection"].acquired


def test_the_use_count_of_the_oldest_connection_never_falls_so_that_every_later_call_opens_its_own() -> None:
    assert connections(run()) == 1
    # six calls use the first connection, though they are over when the others come; the last four open one each
    result = run(calls={"hold": "20ms"}, server={"limits": {"max_shared_use_count": 6}})
    assert connections(result) == 1 + 4
    assert result.summary.resources["tcp_connection"].released == 4  # those of their own are closed with their calls


def test_a_connection_that_nobody_is_expected_to_open_is_rejected() -> None:
    early = run(arrivals={"calls": 1}, calls={"hold": "0s", "connection": "new"}, client={"connect_delay": "1s"})
    assert connections(early) == 0
    assert early.summary.sessions.released == 1


def test_requests_are_parsed_into_the_pool_of_their_connection_and_stay_there() -> None:
    many = {"hold": "3s", "requests": 21, "recognition": "50ms"}
    sizes = {"connection": 1000, "per_request": 100}
    result = run(arrivals={"calls": 1}, calls=many, server={"memory": sizes})
    assert result.ledger is not None
    rows = result.ledger[result.ledger["resource"] == "connection_pool"]
    assert rows["bytes"].tolist() == [1000] + [100] * 21
    assert result.sessions["pool_bytes"].tolist() == run(arrivals={"calls": 1}).sessions["pool_bytes"].tolist()
    own = run(arrivals={"calls": 1}, calls={**many, "connection": "new"}, server={"memory": sizes}).ledger
    assert own is not None
    assert own[own["resource"] == "connection_pool"]["bytes"].tolist()[-1] == -3100


@pytest.mark.parametrize(("sip", "least", "most"), [("silent", 32.0, 32.1), ("closed", 0.0, 0.1)])
def test_a_dead_callers_host_answers_the_servers_bye(sip: str, least: float, most: float) -> None:
    """The connection is gone, so the server ends the call after the termination timeout of 3 s."""
    vanish = {"probability": 1.0, "tcp": "closed", "sip": sip}
    result = run(arrivals={"calls": 1}, calls={"connection": "new"}, client={"vanish": vanish})
    row = result.sessions.iloc[0]
    ended = row["answer_s"] + 3.0 + 3.0
    assert least < row["deactivate_s"] - ended < most


def test_a_message_behind_an_unacknowledged_one_waits_for_the_acknowledgement() -> None:
    """The response, then the completion event 5 ms later: Nagle's algorithm keeps the event back."""
    steps = [{"method": "RECOGNIZE", "after": "5ms"}, {"method": "RECOGNIZE"}]

    def second(delayed_ack: str) -> float:
        result = run(arrivals={"calls": 1}, calls={"dialogue": steps}, client={"delayed_ack": delayed_ack})
        assert result.messages is not None
        times = sorted(result.messages[result.messages["message"] == "request"]["started_s"].tolist())
        return float(times[1] - times[0])

    assert second("0s") == pytest.approx(0.005, abs=0.001)
    assert second("40ms") == pytest.approx(0.040, abs=0.001)


def test_a_re_invite_that_meets_the_bye_is_answered_487_and_the_release_is_normal() -> None:
    calls = {"hold": "1.0005s", "connection": "new", "reinvite_every": "1s", "identical_reinvite": False}
    result = run(arrivals={"calls": 1}, calls=calls, server={"sip": {"bye_response": "immediate"}})
    assert result.messages is not None
    names = result.messages["message"].astype(str).tolist()
    assert names.count("OFFER") == 2
    assert names.count("MODIFY channel") == 1
    assert names.count("open") == 1  # the engine is not opened again
    assert names.count("nua_i_error") == 1  # its answer comes to a request that is gone
    error = result.messages[result.messages["message"] == "nua_i_error"].iloc[0]
    assert error["argument"] == 500
    assert result.summary.sessions.released == 1
    assert result.summary.latency["bye_to_ok"].max < 0.005


def test_a_request_queue_has_no_end() -> None:
    """Requests answered twice, after each of which the caller asks again: 1, 2, 4, 8, 15 at once, then late."""
    result = run(
        arrivals={"calls": 1},
        calls={"hold": "20s", "requests": 30, "connection": "new", "pause": "300ms"},
        plugins={"speechrecog": {"request": {"twice": 1.0, "late": {"from": "1.1s"}, "late_by": "5s"}}},
    )
    assert result.messages is not None
    handled = result.messages[result.messages["message"].isin(["CONTROL", "request"])]
    waiting = (handled["message"] == "CONTROL").astype(int) - (handled["message"] == "request").astype(int)
    assert waiting.cumsum().max() > QUEUE_SLOTS
    assert (handled["message"] == "request").sum() == 30
    assert result.summary.sessions.released == 1
