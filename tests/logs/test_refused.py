"""What is refused, cancelled or never asked for is counted as the simulated run counts it."""

from pathlib import Path

import pytest
from audit.serverlog import AGENT, SERVER, SIP, Call, Log, healthy

from sim.audit.audit import audit_logs
from sim.audit.holdings import Holdings
from sim.leaks.diagnosis import MESSAGES
from sim.ledger.result import RunResult
from sim.ledger.sink import MemorySink


@pytest.fixture(params=["DEBUG", "INFO"])
def log(request: pytest.FixtureRequest) -> Log:
    return healthy(Log(request.param).begin())


def audit(log: Log, tmp_path: Path) -> RunResult:
    path = tmp_path / "server.log"
    path.write_bytes(log.bytes)
    return audit_logs([path], ledger="full")


def test_a_caller_whose_connection_no_request_tied_to_its_channel_is_not_said_to_have_kept_it(
    log: Log, tmp_path: Path
) -> None:
    log.say(AGENT, "Accepted TCP/MRCPv2 Connection 127.0.0.1:1544 <-> 127.0.0.1:54678", "NOTICE")
    call = Call(log).up()
    log.wait(1).say(AGENT, "TCP/MRCPv2 Peer Disconnected 127.0.0.1:1544 <-> 127.0.0.1:54678").wait(2)
    (leak,) = audit(log, tmp_path).leaks
    assert (leak.cause, leak.waiting_for, leak.plugin) == ("", MESSAGES["caller"][0], None)
    assert "no request ever tied a connection" in leak.explanation
    assert "nor closed" not in leak.explanation
    tied = (
        f"Assign Control Channel <{call.sid}@speechrecog> to Connection 127.0.0.1:1544 <-> 127.0.0.1:54680 [0] -> [1]"
    )
    log.say(AGENT, tied)
    (leak,) = audit(log, tmp_path).leaks
    assert "neither sent BYE nor closed its connection" in leak.explanation


def test_a_channel_that_is_refused_was_never_held(log: Log, tmp_path: Path) -> None:
    calls = [Call(log).up() for _ in range(3)]
    refused = Call(log).invite()
    log.to_server(SIP, "1;0")
    log.say(SERVER, f"Add Session <{refused.sid}>", "NOTICE").say(SERVER, f"Receive Offer {refused.who} [c:1 a:1 v:0]")
    log.say(SERVER, f"Found MRCP Engine [Demo-Recog-1] for Resource [speechrecog] {refused.who}")
    log.say(SERVER, f"Failed to Create Engine Channel {refused.who} [speechrecog]", "WARN")
    refused.answer("Not Acceptable")
    for call in calls:
        call.down()
    result = audit(log, tmp_path)
    use = result.summary.resources["engine_channel:speechrecog"]
    assert (use.peak, use.acquired, use.released, use.refused) == (3, 33, 33, 1)
    assert result.levels is not None
    assert result.ledger is not None
    levels, rows = result.levels, result.ledger
    assert levels[levels["resource"] == "engine_channel:speechrecog"]["held"].max() == 3
    assert rows[rows["resource"] == "engine_channel:speechrecog"]["delta"].clip(lower=0).sum() == 33


def test_a_channel_refused_after_the_cut_between_two_blocks_is_given_back() -> None:
    holdings = Holdings(MemorySink(), 0, ledger=True)
    holdings.add("engine_channel:x", 1, 10, session=1)
    holdings.add("engine_channel:x", 1, 20, session=2)
    holdings._write_rows()
    holdings.take_back("engine_channel:x", 21, 2)
    holdings.add("engine_channel:x", -1, 30, session=1)
    use = holdings.close(40, ())["engine_channel:x"]
    assert (use.peak, use.acquired, use.released, use.held) == (1, 2, 2, 0)


def test_a_call_without_a_profile_is_refused_but_not_for_want_of_a_resource(log: Log, tmp_path: Path) -> None:
    log.say(SIP, "Receive SIP Event [nua_i_invite] Status 100 Trying [SIP-Agent-1]")
    log.say(SIP, "SIP Call State  [received]", "NOTICE")
    log.say(SIP, "Cannot Find Profile by Agent 0x7d0000000002 <new>", "WARN")
    counts = audit(log, tmp_path).summary.sessions
    assert counts.rejected == {"488": 1}
    assert counts.blocking == 0


def test_an_answered_call_whose_connection_is_refused_is_degraded(log: Log, tmp_path: Path) -> None:
    log.say(AGENT, "Failed to Add to Pollset 127.0.0.1:1544 <-> 127.0.0.1:54678", "WARN")
    counts = audit(log, tmp_path).summary.sessions
    assert (counts.degraded, counts.blocking) == (1, 0.0)


def test_a_refused_call_that_is_cancelled_counts_once(log: Log, tmp_path: Path) -> None:
    call = Call(log).invite().offer()
    log.to_server(SIP, "1;0")
    log.say(SERVER, f"No Such Resource {call.who} [unknown]", "WARN")
    log.say(SIP, "Receive SIP Event [nua_i_cancel] Status 200 OK [SIP-Agent-1]")
    log.say(SIP, f"SIP Call State {call.at} [terminated]", "NOTICE")
    call.answer("Not Found")
    counts = audit(log, tmp_path).summary.sessions
    assert (counts.rejected, counts.cancelled) == ({}, 1)
