"""Each way in which a session can stay for ever is told from the log alone, by its mechanism."""

import io
import re
from pathlib import Path

import pytest
from audit.serverlog import AGENT, MEDIA, OTHER, PLUGIN, RTSP, SERVER, SIP, Call, Log, healthy

from sim.audit.audit import audit_logs
from sim.calibration.evidence import watch_logs
from sim.leaks.outlook import leak_report
from sim.ledger.result import RunResult
from sim.report.terminal import verdict


def audit(log: Log, tmp_path: Path, **options: str) -> RunResult:
    path = tmp_path / "server.log"
    path.write_bytes(log.bytes)
    return audit_logs([path], **options)  # type: ignore[arg-type]


def causes(result: RunResult) -> list[str]:
    return [leak.cause for leak in result.leaks if leak.cause]


def row(result: RunResult, call: Call) -> dict[str, object]:
    assert result.sessions is not None
    found = result.sessions[result.sessions["name"] == call.sid]
    assert len(found) == 1
    return dict(found.iloc[0])


@pytest.fixture(params=["DEBUG", "INFO"])
def log(request: pytest.FixtureRequest) -> Log:
    return healthy(Log(request.param).begin())


def test_healthy_calls_leave_nothing_held(log: Log, tmp_path: Path) -> None:
    result = audit(log, tmp_path)
    assert result.summary.sessions.released == result.summary.sessions.created == 30
    assert {name: use.held for name, use in result.summary.resources.items() if use.held} == {}
    assert result.summary.resources["engine_channel:speechrecog"].acquired == 30
    assert result.summary.resources["rtp_port"].limit == 500
    assert result.summary.violations == ()
    assert result.leaks == []


def test_open_never_answered(log: Log, tmp_path: Path) -> None:
    call = Call(log).invite().offer().media()
    call.plugin(call.opens[0], "speechrecog")
    log.wait(30)
    call.bye().push()
    log.wait(5)
    result = audit(log, tmp_path)
    assert causes(result) == ["open-never-answered"]
    assert row(result, call)["state"] == "INITIALIZING"
    assert result.leaks[0].plugin == "speechrecog-engine"
    assert {"session_pool", "engine_channel:speechrecog", "rtp_port", "control_channel"} <= set(result.leaks[0].holds)


def test_close_never_answered_names_the_engine_of_two(log: Log, tmp_path: Path) -> None:
    healthy(log, resources=("speechrecog", "speechsynth"))
    call = Call(log, resources=("speechrecog", "speechsynth")).up().bye().deactivate().terminate()
    call.closed("speechrecog").removed().subtracted()
    log.done().wait(20).say(SERVER, "last line")
    result = audit(log, tmp_path)
    assert causes(result) == ["close-never-answered"]
    if log.level == "DEBUG":
        assert result.leaks[0].plugin == "speechsynth-engine"
    assert "speechsynth-engine" in str(result.leaks[0])


def test_request_never_answered_with_terminate_behind_it(log: Log, tmp_path: Path) -> None:
    call = Call(log).up().request(respond=False)
    log.wait(2)
    call.bye().push()
    log.wait(3)
    result = audit(log, tmp_path)
    assert causes(result) == ["request-never-answered"]
    assert "TERMINATE is queued behind it" in result.leaks[0].explanation
    assert "RECOGNIZE" in result.leaks[0].explanation


def test_a_request_in_progress_before_bye_is_alive(log: Log, tmp_path: Path) -> None:
    call = Call(log).up().request(respond=False)
    log.wait(60)
    result = audit(log, tmp_path)
    assert causes(result) == []
    assert row(result, call)["outcome"] == "live"
    assert row(result, call)["waiting_for"] == "the response to RECOGNIZE"


def test_stop_never_answered(log: Log, tmp_path: Path) -> None:
    call = Call(log).up().request().bye().deactivate().stop(answer=False)
    log.wait(10).say(SERVER, "last line")
    result = audit(log, tmp_path)
    assert causes(result) == ["stop-never-answered"]
    assert row(result, call)["state"] == "DEACTIVATING"


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_closing_when_the_log_stops_is_alive(level: str, tmp_path: Path) -> None:
    log = healthy(Log(level).begin())
    call = Call(log).up().bye().deactivate().terminate()
    result = audit(log, tmp_path)
    assert causes(result) == []
    assert row(result, call)["outcome"] == "live"


def test_late_closes_from_another_thread_are_waited_for(tmp_path: Path) -> None:
    """Closes take up to 3 s here: one that is missing for 1 s is alive, one for 20 s is not."""
    log = Log().begin()
    for number in range(30):
        call = Call(log).up().bye().deactivate().terminate()
        call.plugin(call.closes[0], "speechrecog").removed().subtracted()
        log.done().wait(0.1 * number)
        log.to_server(OTHER, "3;3").say(SERVER, f"Engine Channel Closed {call.of('speechrecog')}", "DEBUG")
        call.destroyed()
    old = Call(log).up().bye().deactivate().terminate()
    old.plugin(old.closes[0], "speechrecog").removed().subtracted()
    log.done().wait(20)
    new = Call(log).up().bye().deactivate().terminate()
    new.plugin(new.closes[0], "speechrecog").removed().subtracted()
    log.done().wait(1).say(SERVER, "last line")
    result = audit(log, tmp_path)
    assert [row(result, call)["outcome"] for call in (old, new)] == ["leaked", "live"]


@pytest.mark.parametrize(
    ("kind", "task"), [("4;0", "MRCP Server"), ("3;2", "MRCP Server")], ids=["media answer", "open answer"]
)
def test_message_lost_on_a_full_queue(tmp_path: Path, kind: str, task: str) -> None:
    log = healthy(Log().begin())
    call = Call(log).invite().offer()
    if kind == "4;0":
        log.process(MEDIA, call.media_message).say(MEDIA, f"Add Media Context {call.at}", "DEBUG")
        lost, thread = log.signal(MEDIA, task, kind), MEDIA
    else:
        call.media()
        log.process(PLUGIN, call.opens[0])
        lost, thread = log.signal(PLUGIN, task, kind), PLUGIN
    low = int(re.findall("0x([0-9a-f]+)", lost)[0], 16) & 0xFFFFFFFF
    log.say(thread, f"Failed to Signal Task Message [{task}] [0x{low:x};{kind}]", "WARN")
    log.idle(PLUGIN, "speechrecog task").wait(1)
    call.bye().push()
    log.wait(1)
    result = audit(log, tmp_path)
    assert causes(result) == ["message-lost"]
    assert "was dropped because the queue was full" in result.leaks[0].explanation
    assert result.provenance["messages_dropped"] == 1


def test_terminate_lost_on_a_full_queue(log: Log, tmp_path: Path) -> None:
    call = Call(log).up()
    log.say(SIP, "Receive SIP Event [nua_i_bye] Status 200 Session Terminated [SIP-Agent-1]")
    log.say(SIP, f"SIP Call State {call.at} [terminated]", "NOTICE")
    lost = log.signal(SIP, "MRCP Server", "1;2")
    low = int(re.findall("0x([0-9a-f]+)", lost)[0], 16) & 0xFFFFFFFF
    log.say(SIP, f"Failed to Signal Task Message [MRCP Server] [0x{low:x};1;2]", "WARN").wait(3)
    Call(log).up().down()
    assert causes(audit(log, tmp_path)) == ["message-lost"]


def test_mpf_queue_dropped(log: Log, tmp_path: Path) -> None:
    call = Call(log).invite().offer()
    log.say(SERVER, "Process nothing", "DEBUG")
    other = Call(log).invite()
    log.to_server(SIP, "1;0").say(SERVER, f"Add Session <{other.sid}>", "NOTICE")
    log.say(SERVER, f"Receive Offer {other.who} [c:1 a:1 v:0]")
    lost = log.signal(SERVER, "Media-Engine-1", "1;0")
    low = int(re.findall("0x([0-9a-f]+)", lost)[0], 16) & 0xFFFFFFFF
    log.say(SERVER, "MPF Request Queue is Full [Media-Engine-1]", "ERROR")
    log.say(SERVER, f"Failed to Signal Task Message [Media-Engine-1] [0x{low:x};1;0]", "WARN").done()
    call.media().opened().ack().down()
    log.wait(1)
    other.bye().push()
    log.wait(5)
    result = audit(log, tmp_path)
    assert causes(result) == ["mpf-queue-dropped"]
    assert result.leaks[0].session == row(result, other)["session"]
    assert result.provenance["messages_dropped"] == 1


def test_channel_wedged(log: Log, tmp_path: Path) -> None:
    call = Call(log).up()
    log.to_server(AGENT, "2;3").say(SERVER, f"Missing Resource {call.of('speechrecog')}", "WARN").done().wait(1)
    call.bye().push()
    log.wait(5)
    result = audit(log, tmp_path)
    assert causes(result) == ["channel-wedged"]


def test_a_task_that_never_returns_is_the_cause(tmp_path: Path) -> None:
    log = healthy(Log().begin())
    first = Call(log).up().bye().deactivate().terminate().removed().subtracted()
    log.done().process(PLUGIN, first.closes[0])  # and never comes back
    log.wait(30)
    second = Call(log).invite().offer().media()
    log.wait(30)
    second.bye().push()
    log.wait(1)
    assert causes(audit(log, tmp_path)) == ["task-blocked", "task-blocked"]


def test_callers_that_vanish_are_alive_until_the_timers_have_run_out(log: Log, tmp_path: Path) -> None:
    silent = Call(log).invite().offer().media().opened()  # no ACK
    gone = Call(log).up()
    connection = "127.0.0.1:1544 <-> 127.0.0.1:40000"
    log.say(AGENT, f"Accepted TCP/MRCPv2 Connection {connection}", "NOTICE")
    log.say(AGENT, f"Assign Control Channel <{gone.sid}@speechrecog> to Connection {connection} [0] -> [1]")
    log.say(AGENT, f"TCP/MRCPv2 Peer Disconnected {connection}").wait(20)
    log.say(SERVER, "x")
    early = audit(log, tmp_path)
    assert [row(early, call)["outcome"] for call in (silent, gone)] == ["live", "live"]
    log.wait(30).say(SERVER, "x")
    later = audit(log, tmp_path)
    assert [row(later, call)["outcome"] for call in (silent, gone)] == ["leaked", "live"]
    assert causes(later) == ["caller-gone"]
    log.wait(700).say(SERVER, "x")
    assert causes(audit(log, tmp_path)) == ["caller-gone", "caller-gone"]


def test_a_restart_without_an_orderly_end_is_a_crash_or_a_kill(log: Log, tmp_path: Path) -> None:
    open_call = Call(log).up()
    log.wait(5).begin()
    healthy(log, 3)
    result = audit(log, tmp_path)
    assert causes(result) == ["crash"]
    assert row(result, open_call)["outcome"] == "crashed"
    assert result.summary.sessions.crashed_at_s is not None
    assert result.summary.resources["session_pool"].held == 0
    assert result.leaks[0].explanation.endswith("when the process ended (crash or kill)")
    assert any("began again once" in note and "killed" in note for note in result.provenance["notes"])
    said = verdict(result.summary).plain
    assert said.startswith("The server crashed or was killed at ")
    assert "1 session ended with it. No session leaked." in said
    memory = leak_report(result).memory
    assert memory.verdict == "crash"
    assert memory.text.startswith("the process crashed or was killed at ")
    assert "and 1 pool with it; it was started again; healthy: every other pool came back" in memory.text
    assert (memory.leaked, memory.held) == (0, 0)


def test_names_with_control_characters_are_escaped(log: Log, tmp_path: Path) -> None:
    Call(log, resources=("evil\x1b[31m",)).up()
    result = audit(log, tmp_path)
    assert r"engine_channel:evil\x1b[31m" in result.summary.resources
    assert "\x1b" not in str(result.summary.to_dict())


def test_a_crash_after_a_double_close_ends_the_log(tmp_path: Path) -> None:
    log = healthy(Log().begin())
    alive = Call(log).up()
    call = Call(log).up().bye().deactivate().terminate()
    call.closed()
    log.to_server(PLUGIN, "3;3").say(SERVER, f"Engine Channel Closed {call.of('speechrecog')}", "DEBUG").done()
    call.removed().subtracted().destroyed()
    log.lines.pop()  # the task never comes back
    log.say(SERVER, f"Media Termination Subtracted {call.of('rtp-tm')}", "DEBUG")
    result = audit(log, tmp_path)
    assert [violation.kind for violation in result.summary.violations] == ["double-close", "use-after-free"]
    assert result.summary.sessions.crashed_at_s == pytest.approx(result.summary.horizon_s)
    assert row(result, alive)["outcome"] == "crashed"


def test_a_double_close_that_hides_a_missing_one(tmp_path: Path) -> None:
    log = healthy(Log().begin())
    call = Call(log, resources=("speechrecog", "speechsynth")).up().bye().deactivate().terminate()
    call.closed("speechrecog")
    log.to_server(PLUGIN, "3;3").say(SERVER, f"Engine Channel Closed {call.of('speechrecog')}", "DEBUG").done()
    call.removed().subtracted().destroyed()
    result = audit(log, tmp_path)
    assert [violation.kind for violation in result.summary.violations] == ["double-close"]
    assert row(result, call)["outcome"] == "released"


def test_a_close_answered_after_the_address_belongs_to_another_session(tmp_path: Path) -> None:
    log = healthy(Log().begin())
    first = Call(log).up().down()
    second = Call(log, pointer=first.at).up()
    log.to_server(OTHER, "3;3").say(SERVER, f"Engine Channel Closed {second.of('speechrecog')}", "DEBUG").done()
    second.down()
    result = audit(log, tmp_path)
    (violation,) = result.summary.violations
    assert violation.kind == "use-after-free"
    assert violation.session == row(result, first)["session"]
    assert second.sid in violation.message


def test_an_address_is_reused_by_the_next_session(log: Log, tmp_path: Path) -> None:
    for _ in range(5):
        Call(log, pointer="0x7fffaaaa0000").up().down()
    result = audit(log, tmp_path)
    assert result.summary.sessions.released == 35
    assert result.summary.violations == ()


def test_a_channel_limit_is_406_and_counts_as_blocking(log: Log, tmp_path: Path) -> None:
    call = Call(log).invite().offer()
    log.to_server(SIP, "1;0")
    log.say(SERVER, f"Failed to Create Engine Channel {call.who} [speechrecog]", "WARN")
    call.answer("Not Acceptable")
    call.bye().deactivate()
    call.terminate().removed()
    log.to_server(MEDIA, "4;0")
    call.destroyed()
    result = audit(log, tmp_path)
    assert result.summary.sessions.rejected == {"406": 1}
    assert result.summary.sessions.blocking == pytest.approx(1 / 31)
    assert result.summary.resources["engine_channel:speechrecog"].refused == 1
    assert row(result, call)["outcome"] == "rejected"


def test_an_offline_server_refuses_with_503(log: Log, tmp_path: Path) -> None:
    log.say(SIP, "Receive SIP Event [nua_i_invite] Status 100 Trying [SIP-Agent-1]")
    log.say(SIP, "SIP Call State  [received]", "NOTICE")
    log.say(SIP, "Cannot Establish SIP Session in Offline Mode", "WARN")
    summary = audit(log, tmp_path).summary
    assert (summary.sessions.arrived, summary.sessions.created) == (31, 30)
    assert summary.sessions.rejected == {"503": 1}


def test_a_bad_offer_is_400_and_the_session_has_no_id(log: Log, tmp_path: Path) -> None:
    call = Call(log).invite()
    log.say(SIP, "Receive SIP Event [nua_i_state] Status 400 Bad Request [SIP-Agent-1]")
    log.say(SIP, f"SIP Call State {call.at} [terminated]", "NOTICE")
    log.to_server(SIP, "1;2").say(SERVER, f"Deactivate Session {call.at} <new>")
    log.say(SERVER, f"Terminate Session {call.at} <new>").say(SERVER, f"Session Terminated {call.at} <new>")
    log.say(SERVER, "Destroy Session <new>", "NOTICE").done()
    summary = audit(log, tmp_path).summary
    assert summary.sessions.rejected == {"400": 1}
    assert summary.sessions.released == 31
    assert summary.resources["session_pool"].held == 0


def test_a_cancelled_call(log: Log, tmp_path: Path) -> None:
    call = Call(log).invite().offer()
    log.say(SIP, "Receive SIP Event [nua_i_cancel] Status 200 OK [SIP-Agent-1]")
    log.say(SIP, f"SIP Call State {call.at} [terminated]", "NOTICE")
    log.to_server(SIP, "1;2")
    call.push().media().opened()
    call.deactivate().terminate().closed().removed().subtracted().destroyed()
    result = audit(log, tmp_path)
    assert result.summary.sessions.cancelled == 1
    assert row(result, call)["outcome"] == "cancelled"


def test_an_identical_reinvite_changes_nothing(log: Log, tmp_path: Path) -> None:
    call = Call(log).up()
    answered = log.now
    log.wait(1).say(SIP, "Receive SIP Event [nua_i_invite] Status 100 Trying [SIP-Agent-1]")
    log.say(SIP, f"SIP Call State {call.at} [received]", "NOTICE").to_server(SIP, "1;0")
    log.say(SERVER, f"Receive Offer {call.who} [c:1 a:1 v:0]")
    call.answer().ack().down()
    result = audit(log, tmp_path)
    assert result.summary.sessions.arrived == 31
    assert result.summary.latency["invite_to_answer"].n == 31
    answer = row(result, call)["answer_s"]
    assert isinstance(answer, float)
    assert answer * 1e6 < answered


def test_rtsp_sessions_stand_beside_sip_ones(log: Log, tmp_path: Path) -> None:
    sid, at = "00000000deadbeef", "0x7d0000000001"
    log.say(RTSP, "Accepted RTSP Connection 127.0.0.1:1554 <-> 127.0.0.1:50000", "NOTICE")
    log.say(RTSP, "Receive RTSP Data 127.0.0.1:1554 <-> 127.0.0.1:50000 [300 bytes]\nSETUP rtsp://x/media RTSP/1.0\n")
    arrived = log.now
    log.wait(0.001).say(RTSP, f"Create RTSP Session <{sid}>", "NOTICE")
    log.say(RTSP, f"Create Session {at} <new> [uni1]").to_server(RTSP, "1;0")
    log.say(SERVER, f"Add Session <{sid}>", "NOTICE").say(SERVER, f"Receive Offer {at} <{sid}> [c:0 a:1 v:0]")
    log.say(SERVER, f"Found MRCP Engine [synth-engine] for Resource [speechsynth] {at} <{sid}>")
    log.say(SERVER, f"Send Answer {at} <{sid}> [c:0 a:1 v:0] Status OK").done().wait(2)
    body = f"TEARDOWN rtsp://x/media RTSP/1.0\nCSeq: 2\nSession: {sid}\n"
    log.say(RTSP, f"Receive RTSP Data 127.0.0.1:1554 <-> 127.0.0.1:50000 [99 bytes]\n{body}").to_server(RTSP, "1;2")
    log.say(SERVER, f"Deactivate Session {at} <{sid}>").say(SERVER, f"Terminate Session {at} <{sid}>")
    log.say(SERVER, f"Remove Session <{sid}>", "NOTICE").say(SERVER, f"Session Terminated {at} <{sid}>")
    log.say(SERVER, f"Destroy Session <{sid}>", "NOTICE").done()
    log.say(RTSP, f"Remove RTSP Session <{sid}>").say(RTSP, f"Destroy RTSP Session <{sid}>", "NOTICE")
    result = audit(log, tmp_path)
    assert result.sessions is not None
    found = result.sessions[result.sessions["name"] == sid].iloc[0]
    start = result.sessions["arrived_s"].min()
    assert found["outcome"] == "released"
    assert found["bye_s"] > found["answer_s"] > found["arrived_s"]
    assert (found["arrived_s"] - start) * 1e6 == pytest.approx(arrived - _first_invite(log), abs=1)
    assert result.summary.violations == ()
    assert result.summary.sessions.released == 31


def _first_invite(log: Log) -> int:
    clock = next(line.split()[1] for line in log.lines if "nua_i_invite" in line)
    hours, minutes, seconds, micros = map(int, clock.split(":"))
    return ((hours * 60 + minutes) * 60 + seconds) * 10**6 + micros


def test_a_log_that_begins_in_the_middle_of_calls(log: Log, tmp_path: Path) -> None:
    before = len(log.lines)
    open_call = Call(log).up()
    del log.lines[:before]
    cut = next(i for i, line in enumerate(log.lines) if "Send Answer" in line)
    del log.lines[:cut]
    open_call.down()
    new = Call(log).up().down()
    result = audit(log, tmp_path)
    assert result.provenance["open_before_the_log"] == 1
    assert result.summary.sessions.created == 1
    assert result.summary.sessions.released == 2
    assert row(result, open_call)["outcome"] == row(result, new)["outcome"] == "released"
    assert all(use.held == 0 for use in result.summary.resources.values())


def test_nothing_to_audit_is_said_clearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.errors import LogError

    other = tmp_path / "other.log"
    other.write_text("10.0.0.1 - - GET / 200\n")
    with pytest.raises(LogError, match=r"other\.log:1: expected a line of a UniMRCP server log.*GET / 200"):
        audit_logs([other])
    with pytest.raises(LogError, match=r"missing\.log: expected a readable log file"):
        audit_logs([tmp_path / "missing.log"])
    with pytest.raises(LogError, match="no log file given"):
        audit_logs([])
    with pytest.raises(LogError, match=r"expected the name of a log file \(got an empty one\)"):
        audit_logs([""])
    binary = tmp_path / "binary.log"
    binary.write_bytes(b"\n" + bytes(range(256)) * 9)
    with pytest.raises(LogError, match=r"binary\.log:2: expected .*\(got '\\x00\\x01") as told:
        audit_logs([binary])
    assert str(told.value).isprintable()
    for nothing in (b"", b"\n\r\n \n"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(nothing)))
        found = audit_logs(["-"])
        assert found.summary.sessions.created == 0
        assert found.provenance["notes"][0] == "Nothing was in the log: no line of a server."
        assert found.provenance["level"] is None
        empty = tmp_path / "empty.log"
        empty.write_bytes(nothing)
        with pytest.raises(LogError, match=r"empty\.log: expected the log of a server \(got a file with nothing in it"):
            watch_logs([empty])


@pytest.mark.parametrize("operation", ["open", "close", "stop"])
def test_a_plugin_task_that_takes_nothing_from_its_queue_is_blocked(operation: str, tmp_path: Path) -> None:
    log = healthy(Log().begin())
    if operation == "open":
        Call(log).invite().offer().media().bye().push()
    elif operation == "close":
        Call(log).up().bye().deactivate().terminate().removed().subtracted()
        log.done()
    else:
        Call(log).up().request().bye().deactivate()
        log.say(SERVER, f"Create and Process STOP Request <{log.calls:016x}@speechrecog> [2]")
        log.signal(SERVER, "speechrecog task", "1;0")
        log.done()
    log.wait(5).say(SERVER, "x")
    result = audit(log, tmp_path)
    assert causes(result) == ["task-blocked"]
    assert "[speechrecog task]" in result.leaks[0].explanation


def test_a_server_task_that_takes_nothing_from_its_queue_is_blocked(tmp_path: Path) -> None:
    log = healthy(Log().begin())
    offered, opening, talking = (Call(log).invite(), Call(log).invite().offer().media(), Call(log).up())
    log.say(SIP, f"SIP Call State {offered.at} [completed]", "NOTICE")
    log.signal(SIP, "MRCP Server", "1;0")
    opening.plugin(opening.opens[0], "speechrecog", "3;2")
    log.say(SIP, "Receive SIP Event [nua_i_bye] Status 200 Session Terminated [SIP-Agent-1]")
    log.say(SIP, f"SIP Call State {talking.at} [terminated]", "NOTICE")
    log.signal(SIP, "MRCP Server", "1;2")
    log.wait(30).say(SIP, "x")
    result = audit(log, tmp_path)
    assert causes(result) == ["task-blocked"] * 3
    for leak in result.leaks:
        assert "[MRCP Server]" in leak.explanation


def test_a_message_that_was_passed_over_does_not_block_its_task(tmp_path: Path) -> None:
    log = healthy(Log().begin())
    Call(log).invite()
    log.signal(SIP, "MRCP Server", "1;0")  # its lines are missing
    log.wait(10)
    Call(log).up().down()
    log.wait(10).say(SERVER, "x")
    result = audit(log, tmp_path)
    assert causes(result) == ["message-lost"]


def test_cancelled_before_its_open_that_never_comes_counts_as_cancelled(log: Log, tmp_path: Path) -> None:
    call = Call(log).invite().offer().media()
    call.plugin(call.opens[0], "speechrecog")
    log.wait(30).say(SIP, "Receive SIP Event [nua_i_cancel] Status 487 Request Terminated [SIP-Agent-1]")
    log.say(SIP, f"SIP Call State {call.at} [terminated]", "NOTICE").to_server(SIP, "1;2")
    call.push()
    log.wait(5)
    result = audit(log, tmp_path)
    assert causes(result) == ["open-never-answered"]
    assert (result.summary.sessions.cancelled, result.summary.sessions.rejected) == (1, {})


def test_an_arrival_whose_session_was_there_already_is_not_the_next_ones(log: Log, tmp_path: Path) -> None:
    """With extract_call_id "Create Session" stands between the INVITE and its call state."""
    for number in range(3):
        log.wait(2)
        call = Call(log, pointer=f"0x7d{number:010x}")
        log.say(SIP, "Receive SIP Event [nua_i_invite] Status 100 Trying [SIP-Agent-1]")
        log.say(SIP, f"Create Session {call.at} <{call.sid}> [uni2]")
        log.say(SIP, f"SIP Call State {call.at} [received]", "NOTICE")
        call.offer().media().opened().ack()
        found = row(audit(log, tmp_path), call)
        assert found["created_s"] - found["arrived_s"] == pytest.approx(1e-5)  # type: ignore[operator]


def test_a_connection_beyond_the_limit_is_refused(log: Log, tmp_path: Path) -> None:
    log.say(AGENT, "Failed to Add to Pollset 127.0.0.1:1544 <-> 127.0.0.1:40000", "WARN")
    use = audit(log, tmp_path).summary.resources["tcp_connection"]
    assert (use.refused, use.held, use.limit) == (1, 0, 100)


def test_a_plugin_that_answers_stop_with_the_audio_is_blocked_by_the_media_engine(tmp_path: Path) -> None:
    log = healthy(Log().begin())
    stopping = Call(log).up().request().bye().deactivate().stop(answer=False)
    Call(log).invite().offer()
    log.wait(10).say(SERVER, "last line")
    result = audit(log, tmp_path)
    assert causes(result) == ["task-blocked"] * 2
    assert row(result, stopping)["state"] == "DEACTIVATING"
    assert "[Media-Engine-1] is stuck" in result.leaks[0].explanation
