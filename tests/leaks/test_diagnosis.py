"""A leak's explanation names the task, the message and the step that the fault was put at, and since when."""

import pytest
from leaks.fault_runs import run_shipped

import sim
from sim.leaks.diagnosis import MESSAGES, RELEASE_CHAINS, Outstanding, release_chain

FROZEN_S = 3.0


def frozen(task: str, **server: object) -> sim.RunResult:
    mapping = {
        "name": "frozen",
        "duration": "5s",
        "drain": "60s",
        "arrivals": {"kind": "even", "rate": 10},
        "calls": {"hold": "1s"},
        "server": {"freeze": [{"task": task, "at": f"{FROZEN_S}s"}], **server},
    }
    return sim.run(sim.load_scenario(mapping), seed=1, ledger="full")


@pytest.mark.parametrize(
    ("task", "name", "messages"),
    [
        ("server", "MRCP Server", {"OFFER", "TERMINATE"}),
        ("nua", "NUA", {"BYE"}),
        ("sip-agent", "SIP-Agent-1", {"nua_i_state [terminated]"}),
        ("connection-agent", "MRCPv2-Agent-1", {"ADD channel", "REMOVE channel"}),
        ("media", "Media-Engine-1", {"MPF container", "STOP at tick"}),
        ("speechrecog", "Demo Recog Engine", {"open", "stop"}),
    ],
)
def test_a_blocked_session_names_the_task_that_stands_still(task: str, name: str, messages: set[str]) -> None:
    leaks = [leak for leak in frozen(task).leaks if leak.cause == "task-blocked"]
    assert leaks
    seen = set()
    for leak in leaks:
        wait = leak.explanation.split("; ")[0]
        assert wait.endswith(f" lies in the queue of [{name}], which has stood still since {FROZEN_S:.3f} s")
        assert wait.count("[") - wait.count("nua_i_state [") == 1, "no other task is blamed"
        seen.add(wait.split(": ")[2].removesuffix(wait[wait.index(" lies in") :]))
    assert messages <= seen


def test_a_wait_begins_with_the_bye_or_the_creation_of_the_session() -> None:
    result = frozen("server")
    sessions = result.sessions.set_index("session")
    states = set()
    for leak in result.leaks:
        began = sessions.loc[leak.session, "created_s" if leak.state == "NONE" else "bye_s"]
        assert leak.since_s == pytest.approx(began, abs=1e-9)
        assert leak.since_s > FROZEN_S - 0.1
        assert leak.waiting_for == ("the SIP agent's OFFER" if leak.state == "NONE" else "the SIP agent's TERMINATE")
        states.add(leak.state)
    assert states == {"NONE", "ACTIVE"}


def test_a_lost_answer_stops_at_its_receiver_not_at_its_sender() -> None:
    lost = [leak for leak in run_shipped("faults/server-overload").leaks if leak.cause == "message-lost"]
    answers = [leak for leak in lost if "gave up on CLOSE response" in leak.explanation]
    assert answers
    for leak in answers:
        assert "CLOSE response was sent by [Demo Recog Engine] and lost: the queue of [MRCP Server]" in leak.explanation
        assert "step 3 of 7, mrcp_server_on_engine_channel_close, never came" in leak.explanation
    terminates = [leak for leak in lost if "gave up on TERMINATE" in leak.explanation]
    assert terminates
    for leak in terminates:
        assert "waits for TERMINATE: " in leak.explanation
        assert "it would be released by mrcp_session_terminate_request → [" in leak.explanation


@pytest.mark.parametrize("what", sorted(RELEASE_CHAINS))
@pytest.mark.parametrize(
    "state", ["NONE", "GENERATING_ANSWER", "INITIALIZING", "ACTIVE", "DEACTIVATING", "TERMINATING"]
)
@pytest.mark.parametrize("missing", ["never", "lost"])
def test_every_chain_ends_with_the_pool(what: str, state: str, missing: str) -> None:
    message = MESSAGES[what][1]
    chain, stopped = release_chain(Outstanding(what, None, missing, message=message), state)
    assert chain[-1] == "apr_pool_destroy"
    assert len(set(chain)) == len(chain)
    assert 0 <= stopped < len(RELEASE_CHAINS[what])
