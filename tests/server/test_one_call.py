"""The life of one call, in the order of the server model: what is held when, and what each step does to the counter."""

from typing import Any

import pandas as pd
import pytest

import sim

ONE_CALL: dict[str, Any] = {
    "duration": "1s",
    "drain": "10s",
    "arrivals": {"kind": "even", "rate": "1/s", "calls": 1},
    "calls": {"hold": "2s"},
    "server": {"media": {"phase": "5ms"}, "sip": {"bye_response": "immediate"}},
}


def run(**changes: Any) -> sim.RunResult:
    return sim.run(sim.load_scenario({**ONE_CALL, **changes}), engine="simpy", ledger="full")


def story(result: sim.RunResult) -> list[tuple[str, str]]:
    assert result.messages is not None
    return list(zip(result.messages["task"].astype(str), result.messages["message"].astype(str), strict=True))


def test_the_life_of_one_call_is_told_in_the_order_of_the_server() -> None:
    names = [message for _, message in story(run())]
    expected = [
        "INVITE", "nua_i_invite", "nua_i_state [received]", "OFFER", "ADD channel", "ADD-channel response",
        "MPF container", "MPF response", "open", "OPEN response", "nua_respond",
        "CONTROL", "request", "RESPONSE",
        "BYE", "nua_i_state [terminated]", "TERMINATE", "stop", "STOP at tick", "STOP response",
        "CLOSE response",
    ]  # fmt: skip
    at = -1
    for name in expected:
        at = names.index(name, at + 1)
    assert names[-1] == "nua_handle_destroy"


def test_the_subrequest_counter_is_the_one_of_the_server() -> None:
    messages = run(calls={"hold": "2s", "requests": 0}).messages
    assert messages is not None
    after = {(m, s): c for m, s, c in zip(messages["message"], messages["state"], messages["subrequests"], strict=True)}
    # OFFER: RESET, two ADD, ASSOCIATION, APPLY and the control channel
    assert after["OFFER", "GENERATING_ANSWER"] == 6
    assert after["ADD-channel response", "GENERATING_ANSWER"] == 5
    assert after["MPF response", "INITIALIZING"] == 1
    assert after["OPEN response", "ACTIVE"] == 0
    # TERMINATE: RESET, two SUBTRACT, the control channel and the close
    assert after["TERMINATE", "TERMINATING"] == 5


def test_every_resource_is_acquired_and_released_once_and_the_pool_is_destroyed_last() -> None:
    result = run()
    ledger = result.ledger
    assert ledger is not None
    assert (ledger.groupby("resource", observed=True)["delta"].sum() == 0).all()
    freed = ledger[ledger["delta"] < 0]["resource"].astype(str).tolist()
    assert freed[-1] == "session_pool"
    assert set(freed) == {
        "session_pool", "sip_home", "nua_handle", "session_table", "control_channel", "tcp_connection",
        "connection_pool", "rtp_port", "media_context", "engine_channel:speechrecog",
    }  # fmt: skip
    pool = ledger[ledger["resource"] == "session_pool"]
    assert pool["bytes"].sum() == 0
    assert result.sessions is not None
    assert result.sessions["pool_bytes"].tolist() == [14_915]  # measured: recogniser session with one RECOGNIZE


@pytest.mark.parametrize(
    ("changes", "status", "created"),
    [
        ({"server": {"sip": {"offline": True}}}, 503, 0),
        ({"server": {"pool": {"fails": 1.0, "checked": True}}}, 488, 0),
        ({"calls": {"profile_missing": 1.0}}, 488, 1),
        ({"calls": {"offer": {"missing_sdp": 1.0}}}, 400, 1),
        ({"calls": {"offer": {"malformed_sdp": 1.0}}}, 400, 1),
        ({"calls": {"offer": {"unknown_resource": 1.0}}}, 404, 1),
    ],
)
def test_a_call_that_is_refused_leaves_nothing_behind(changes: dict[str, Any], status: int, created: int) -> None:
    result = run(**changes)
    summary = result.summary
    assert result.sessions is not None
    assert result.sessions["answer_status"].tolist() == [status]
    assert result.sessions["outcome"].tolist() == ["rejected"]
    assert summary.sessions.created == created
    assert summary.sessions.rejected == {str(status): 1}
    assert all(use.held == 0 for use in summary.resources.values())


def test_the_bye_is_answered_at_once_or_when_the_session_is_released() -> None:
    for how in ("immediate", "on-release"):
        result = run(server={"sip": {"bye_response": how}, "media": {"phase": "5ms"}})
        assert result.sessions is not None
        row = result.sessions.iloc[0]
        assert (row["bye_ok_s"] > row["released_s"]) == (how == "on-release")


def test_an_impatient_caller_is_cancelled_and_everything_is_released() -> None:
    result = run(client={"patience": "1ms"})
    assert result.summary.sessions.cancelled == 1
    assert result.summary.sessions.released == 1
    assert result.sessions is not None
    assert result.sessions["outcome"].tolist() == ["cancelled"]
    assert all(use.held == 0 for use in result.summary.resources.values())


def test_without_an_ack_the_server_ends_the_call_after_64_t1() -> None:
    result = run(client={"no_ack": 1.0}, drain="60s")
    assert result.sessions is not None
    row = result.sessions.iloc[0]
    assert row["deactivate_s"] - row["answer_s"] == pytest.approx(32.0, abs=0.01)
    assert pd.notna(row["released_s"])


def test_a_caller_that_closes_tcp_gets_a_bye_after_the_termination_timeout() -> None:
    result = run(client={"vanish": {"probability": 1.0, "tcp": "closed"}}, drain="60s")
    assert result.sessions is not None
    row = result.sessions.iloc[0]
    vanished = row["answer_s"] + 2.0
    # 3 s until the server's BYE, which nobody answers for 64·T1
    assert row["deactivate_s"] - vanished == pytest.approx(3.0 + 32.0, abs=0.02)


def test_a_caller_that_never_sent_a_request_is_not_missed_by_the_connection_agent() -> None:
    # no channel was assigned to the connection: its end destroys it at once and nobody ends the call (trace `vanish`)
    result = run(
        client={"vanish": {"probability": 1.0, "tcp": "closed"}}, calls={"hold": "2s", "requests": 0}, drain="60s"
    )
    assert result.summary.sessions.live == 1
    assert result.summary.resources["tcp_connection"].held == 0
    assert result.summary.resources["rtp_port"].held == 1


def test_two_resources_need_two_media_containers() -> None:
    names = [m for _, m in story(run(calls={"hold": "1s", "requests": 0, "resources": ["speechrecog", "speechsynth"]}))]
    assert names.count("MPF container") == 3  # 7 commands in two, 4 in one
