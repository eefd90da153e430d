"""A claim needs evidence that the log could have given: what is said of servers that hang, of silence, of cut logs."""

import io
import json
from pathlib import Path

import pytest
from audit.serverlog import AGENT, PLUGIN, SERVER, SIP, Call, Log, healthy
from rich.console import Console
from typer.testing import CliRunner

from sim.audit.audit import audit_log, audit_logs
from sim.audit.timers import SECOND, Timer, Timers
from sim.calibration.calibrate import calibrate_logs
from sim.cli.main import build
from sim.leaks.outlook import leak_report
from sim.ledger.result import RunResult
from sim.report.leaks import print_leaks
from sim.report.terminal import verdict

FIELD = Path(__file__).parent.parent / "data" / "field"


def audit(log: Log, tmp_path: Path) -> RunResult:
    path = tmp_path / "server.log"
    path.write_bytes(log.bytes)
    return audit_log(path)


def leaks_text(result: RunResult) -> str:
    console = Console(file=io.StringIO(), width=400)
    print_leaks(leak_report(result), result.leaks, result.summary.violations, console, 5)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def outcomes(result: RunResult) -> list[str]:
    assert result.sessions is not None
    return list(result.sessions["outcome"])


# --- a server task that hangs ------------------------------------------------------------------------------------


def test_a_hung_server_task_at_info_is_one_finding() -> None:
    result = audit_log(FIELD / "02-server-task-hangs-info.log.xz")
    (finding,) = result.summary.findings
    assert (finding.kind, finding.task, finding.sessions) == ("task-stands-still", "MRCP Server", 60)
    assert finding.since_s == pytest.approx(29.006)
    assert finding.text == (
        "[MRCP Server] has logged nothing since 2024-02-02 10:00:29.006000, 590.994 s before the log ends: "
        "60 INVITEs wait for it; the last thing that it did: 'Remove Session <00000000005e001b>'"
    )
    assert {leak.cause for leak in result.leaks} == {"task-blocked"}
    report = leak_report(result)
    assert report.memory.verdict == "outage"
    assert report.memory.text.startswith(finding.text)
    assert [(group.cause, group.count) for group in report.groups] == [("task-blocked", 60)]
    assert report.leaks_per_hour.value == 0.0
    assert report.exhausted == ()
    text = leaks_text(result)
    assert text.count("\nsession ") == 1
    assert "message-lost" not in text
    assert "per hour beyond" not in text
    assert "session leaked" not in str(verdict(result.summary))
    assert "60 sessions can not come back while it stands still" in str(verdict(result.summary))


def test_a_hung_server_task_fails_a_build_that_asks_for_no_leak() -> None:
    log = str(FIELD / "02-server-task-hangs-info.log.xz")
    done = CliRunner().invoke(build(), ["audit", "--quiet", "--fail-on", "sessions.leaked > 0", log])
    assert done.exit_code == 1


def test_a_server_task_that_is_merely_slow_is_not_hung(tmp_path: Path) -> None:
    """Set-ups of up to 1.5 s are usual in this log, so that one of 8 s says nothing yet."""
    log = Log("INFO").begin()
    for _ in range(5):
        call = Call(log).invite()
        log.wait(1.5)
        call.offer().media().opened().ack().down()
        log.wait(1.0)
    Call(log).invite()
    log.wait(8.0).say(SIP, "Receive SIP Event [nua_i_options] Status 100 Trying [SIP-Agent-1]")
    result = audit(log, tmp_path)
    assert result.summary.findings == ()
    assert outcomes(result)[-1] == "live"


def test_a_server_task_that_went_on_was_not_hung_and_the_reason_is_not_made_up(tmp_path: Path) -> None:
    log = healthy(Log("INFO").begin())
    Call(log).invite()
    log.wait(40)
    Call(log).up().down()
    result = audit(log, tmp_path)
    assert result.summary.findings == ()
    (leak,) = result.leaks
    assert leak.cause == "cause-not-shown"
    assert "a log at INFO does not show why" in leak.explanation or "its OFFER" in leak.explanation
    assert "message was lost" not in leak.explanation


def test_what_ends_while_the_server_task_hangs_waits_for_it_too(tmp_path: Path) -> None:
    log = healthy(Log("INFO").begin())
    talking, ending = Call(log).up(), Call(log).up()
    log.wait(1)
    ending.bye().deactivate().terminate()  # and hangs in here, perhaps in the plugin's close
    log.wait(5)
    talking.bye()
    Call(log).invite()
    log.wait(60).say(SIP, "Receive SIP Event [nua_i_options] Status 100 Trying [SIP-Agent-1]")
    result = audit(log, tmp_path)
    (finding,) = result.summary.findings
    assert "1 INVITE and 1 call that ended wait for it" in finding.text
    assert "the last thing that it did: 'Terminate Session" in finding.text
    assert [leak.cause for leak in result.leaks] == ["task-blocked"] * 3
    assert all("[MRCP Server] has logged nothing since" in leak.explanation for leak in result.leaks)


def test_a_blocked_plugin_task_at_debug_is_one_finding_too(tmp_path: Path) -> None:
    log = healthy(Log().begin())
    first = Call(log).up().bye().deactivate().terminate().removed().subtracted()
    log.done().process(PLUGIN, first.closes[0])  # and never comes back
    log.wait(30)
    Call(log).invite().offer().media().bye().push()
    log.wait(1).say(SERVER, "x")
    result = audit(log, tmp_path)
    (finding,) = result.summary.findings
    assert (finding.task, finding.sessions) == ("speechrecog task", 2)
    assert leak_report(result).memory.verdict == "outage"


# --- a session that nothing ends -----------------------------------------------------------------------------------


def test_a_timer_that_ran_out_and_did_not_fire_proves_that_nothing_ends_the_session() -> None:
    result = audit_log(FIELD / "21-three-hours-after.log.xz")
    (leak,) = result.leaks
    assert (leak.cause, leak.state, leak.session_id) == ("caller-gone", "ACTIVE", "00000000005e0032")
    assert (
        "the session timer (600 s, the server's default, assumed: this log does not show it, --config would)"
        in leak.explanation
    )
    assert "ran out 2 h 45 min before the log ends and did not end it" in leak.explanation
    assert "would end it" not in leak.explanation
    assert result.summary.sessions.leaked == 1
    assert "1 session leaked" in str(verdict(result.summary))


def _silent_for(seconds: float, log: Log) -> Log:
    Call(log).up()
    return log.wait(seconds).say(SIP, "Receive SIP Event [nua_i_options] Status 100 Trying [SIP-Agent-1]")


def test_before_the_timer_has_run_out_it_would_end_the_session(log: Log, tmp_path: Path) -> None:
    (leak,) = audit(_silent_for(500, log), tmp_path).leaks
    assert leak.cause == ""
    assumed = "the server's default, assumed: this log does not show it, --config would"
    assert f"the session timer (600 s, {assumed}) would end it" in leak.explanation


def _configured(tmp_path: Path, session: int | None, inactivity: int = 600) -> Path:
    text = (FIELD / "12-two-engines.xml").read_text(encoding="utf-8")
    own = "" if session is None else f"<sip-session-expires>{session}</sip-session-expires>"
    text = text.replace("</sip-uas>", f"{own}</sip-uas>", 1)
    text = text.replace("</mrcpv2-uas>", f"<inactivity-timeout>{inactivity}</inactivity-timeout></mrcpv2-uas>", 1)
    path = tmp_path / "unimrcpserver.xml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("configured", "leaked", "said"),
    [
        (None, 1, "(600 s, the default of UniMRCP 1.8: not in unimrcpserver.xml) ran out 25 min before the log ends"),
        (1200, 1, "(1200 s, as unimrcpserver.xml says) ran out 15 min before the log ends"),
        (7200, 0, "(7200 s, as unimrcpserver.xml says) would end it"),
        (0, 1, "no timer of the server ends it (as unimrcpserver.xml says), nothing but a BYE does"),
    ],
)
def test_the_session_timer_is_that_of_the_configuration(
    configured: int | None, leaked: int, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "server.log"
    path.write_bytes(_silent_for(2100, healthy(Log("INFO").begin())).bytes)
    options = ["--config", str(_configured(tmp_path, configured)), "--json"]
    done = CliRunner().invoke(build(), ["audit", str(path), *options])
    assert done.exit_code == 0, done.output
    (leak,) = json.loads(done.stdout)["leaks"]
    assert said in leak["explanation"]
    assert json.loads(done.stdout)["sessions"]["leaked"] == leaked
    again = CliRunner().invoke(build(), ["leaks", str(path), *options])
    assert json.loads(again.stdout)["leaks"][0]["explanation"] == leak["explanation"]


def test_a_server_before_1_5_has_no_timer_that_would_end_it(tmp_path: Path) -> None:
    log = Log("INFO")
    log.say(SERVER, "UniMRCP Server [1.4.0]", "NOTICE")
    (leak,) = audit(_silent_for(500, healthy(log)), tmp_path).leaks
    assert leak.cause == ""
    assert "no timer of the server ends it (UniMRCP 1.4.0 has none, they came with 1.5)" in leak.explanation


def test_a_session_timer_that_ended_calls_is_known_by_them(tmp_path: Path) -> None:
    log = healthy(Log("INFO").begin())
    call = Call(log).up()
    log.wait(90).say(SIP, "Receive SIP Event [nua_i_state] Status 0 Session Timeout [SIP-Agent-1]")
    log.say(SIP, f"SIP Call State {call.at} [terminating]", "NOTICE")
    call.down()
    (leak,) = audit(_silent_for(400, log), tmp_path).leaks
    assert "the session timer (90 s, as calls show that it ended) ran out 310.000 s before the log ends" in (
        leak.explanation
    )
    assert leak.cause == "caller-gone"


def test_a_call_that_was_silent_for_longer_and_went_on_refutes_the_timer(log: Log, tmp_path: Path) -> None:
    call = Call(log).up()
    log.wait(7200)
    call.down()
    (leak,) = audit(_silent_for(500, log), tmp_path).leaks
    assert leak.cause == ""
    assert "does not run, or is longer: another call was silent for 2 h 00 min and then went on" in leak.explanation


def _connected(log: Log, number: int) -> Call:
    call = Call(log).up()
    connection = f"127.0.0.1:1544 <-> 127.0.0.1:{40000 + number}"
    log.say(AGENT, f"Accepted TCP/MRCPv2 Connection {connection}", "NOTICE")
    log.say(AGENT, f"Assign Control Channel <{call.sid}@speechrecog> to Connection {connection} [0] -> [1]")
    return call


def test_the_connection_agents_waits_show_the_inactivity_timer(tmp_path: Path) -> None:
    log = healthy(Log().begin())
    _connected(log, 1)
    log.say(AGENT, "Wait for Messages [MRCPv2-Agent-1] timeout [120000]", "DEBUG")
    log.wait(100).say(SIP, "x")
    (leak,) = audit(log, tmp_path).leaks
    assert "the inactivity timer of its connection (120 s, as the connection agent's waits show) would end it" in (
        leak.explanation
    )


def test_calls_that_are_silent_for_hours_and_then_end_are_no_leak(log: Log, tmp_path: Path) -> None:
    call = Call(log).up()
    log.wait(7200)
    call.down()
    (leak,) = audit(_silent_for(9000, log), tmp_path).leaks
    assert leak.cause == ""
    assert "other calls were silent for as long and then ended" in leak.explanation


def test_a_request_that_goes_on_for_hours_is_no_leak(log: Log, tmp_path: Path) -> None:
    Call(log).up().request()
    log.wait(9000).say(SIP, "x")
    (leak,) = audit(log, tmp_path).leaks
    assert leak.cause == ""
    assert "its RECOGNIZE is still in progress" in leak.explanation


# --- logs that merely end, or begin late ---------------------------------------------------------------------------


def test_a_log_that_ends_after_an_offer_tells_of_no_lost_message() -> None:
    result = audit_log(FIELD / "10-cut-in-set-up.log.xz")
    (leak,) = result.leaks
    assert leak.cause == ""
    assert "waits for its control channel and its media path to be set up" in leak.explanation
    assert "too soon to tell; its set-up so far: created, offer after 0.08 ms" in leak.explanation
    assert "lost" not in leak.explanation
    assert leak_report(result).memory.verdict == "healthy"


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_a_log_that_ends_anywhere_in_a_call_tells_of_no_lost_message(level: str, tmp_path: Path) -> None:
    log = healthy(Log(level).begin(), calls=5)
    before = len(log.lines)
    Call(log).up().request().bye().deactivate().stop().terminate().closed().removed().subtracted().destroyed()
    lines = log.lines
    for end in range(before + 1, len(lines)):
        log.lines = lines[:end]
        result = audit(log, tmp_path)
        for leak in result.leaks:
            assert leak.cause == "", lines[end - 1]
            assert "was lost" not in leak.explanation, lines[end - 1]
        assert result.summary.findings == (), lines[end - 1]


def test_headlines_do_not_contradict_themselves_when_sessions_began_before_the_log(tmp_path: Path) -> None:
    log = Log("INFO").begin()
    first, second = Call(log).up(), Call(log).up()
    del log.lines[:]
    for call in (first, second):
        log.say(SERVER, f"Process RECOGNIZE Request <{call.sid}@speechrecog> [1]")
        log.say(SERVER, f"Send Answer {call.who} [c:1 a:1 v:0] Status OK")
    result = audit(log, tmp_path)
    assert str(verdict(result.summary)) == (
        "No session began within this log. 2 sessions were there before the log begins. "
        "2 sessions still live at the end. "
    )
    first.bye().deactivate().terminate()
    log.wait(100).say(SIP, "x")
    result = audit(log, tmp_path)
    assert result.summary.sessions.leaked == 1
    assert "There was no session at all" not in str(verdict(result.summary))
    assert "of 0 leaked" not in leaks_text(result)
    assert "1 session of 2 that were there before the log begins leaked" in leaks_text(result)


@pytest.fixture(params=["DEBUG", "INFO"])
def log(request: pytest.FixtureRequest) -> Log:
    return healthy(Log(request.param).begin())


# --- how calls ended -----------------------------------------------------------------------------------------------


def test_callers_without_ack_are_named_with_64_t1() -> None:
    result = audit_log(FIELD.parent / "traces" / "noack.log.xz")
    (finding,) = result.summary.findings
    assert (finding.kind, finding.sessions) == ("never-acknowledged", 6)
    assert finding.text.startswith("6 of 100 answered calls ended 32.0")
    assert "because no ACK came (64·T1 = 32 s)" in finding.text
    assert "6 of 100 answered calls ended" in str(verdict(result.summary))


def test_calls_cut_by_the_inactivity_timeout_are_the_headline(tmp_path: Path) -> None:
    log = Log("INFO").begin()
    for number in range(4):
        call = Call(log).up()
        connection = f"127.0.0.1:1544 <-> 127.0.0.1:{40000 + number}"
        log.say(AGENT, f"Accepted TCP/MRCPv2 Connection {connection}", "NOTICE")
        log.say(AGENT, f"Assign Control Channel <{call.sid}@speechrecog> to Connection {connection} [0] -> [1]")
        log.wait(600).say(AGENT, f"TCP/MRCPv2 Connection Timed Out {connection}", "WARN")
        log.say(SERVER, f"Initiate Session Termination <{call.sid}>", "NOTICE")
        call.bye().deactivate().terminate().closed().removed().subtracted().destroyed()
    result = audit(log, tmp_path)
    (finding,) = result.summary.findings
    assert finding.text == (
        "4 of 4 answered calls were cut by the server: the inactivity timeout of their connection ran out"
    )
    assert str(verdict(result.summary)).startswith(finding.text)
    assert result.summary.sessions.leaked == 0


def test_the_same_log_in_parts_says_the_same(tmp_path: Path) -> None:
    from lzma import decompress

    text = decompress((FIELD / "02-server-task-hangs-info.log.xz").read_bytes())
    middle = text.index(b"\n", len(text) // 2) + 1
    parts = [tmp_path / "a.log", tmp_path / "b.log"]
    for path, part in zip(parts, (text[:middle], text[middle:]), strict=True):
        path.write_bytes(part)
    whole = audit_log(FIELD / "02-server-task-hangs-info.log.xz").summary
    assert audit_logs(parts).summary.findings == whole.findings


# --- lines that could not be read ----------------------------------------------------------------------------------


def _old_and_silent(damaged: int, tmp_path: Path) -> RunResult:
    """Five calls that are older than calls get here; of so many, a line stands there whose id was taken out."""
    log = Log("INFO").begin()
    for _ in range(5):
        Call(log).up()
    healthy(log, calls=60)
    for _ in range(damaged):
        log.say(SERVER, "Deactivate Session (removed)")
    log.wait(700).say(SIP, "Receive SIP Event [nua_i_options] Status 100 Trying [SIP-Agent-1]")
    return audit(log, tmp_path)


@pytest.mark.parametrize(("damaged", "verdict_is"), [(0, "leak"), (5, "unknown")])
def test_pools_are_not_suspected_where_their_end_may_be_among_lines_that_could_not_be_read(
    damaged: int, verdict_is: str, tmp_path: Path
) -> None:
    report = leak_report(_old_and_silent(damaged, tmp_path))
    assert (report.memory.verdict, report.unread) == (verdict_is, damaged)
    assert report.memory.overdue == 0
    assert (report.would_show is None) == (report.memory.slope_per_hour is None) == (damaged > 0) or not damaged
    assert ("lines could not be read, which may have told their end" in report.memory.text) == (damaged > 0)


def test_no_share_of_leaks_is_said_to_show_where_lines_could_not_be_read(tmp_path: Path) -> None:
    text = leaks_text(_old_and_silent(5, tmp_path))
    assert "5 lines of the server could not be read: which leak would have shown can not be told." in text
    assert "or more would have shown" not in text


def test_a_server_task_is_not_said_to_hang_after_which_lines_could_not_be_read(tmp_path: Path) -> None:
    log = healthy(Log("INFO").begin())
    for _ in range(10):
        Call(log).invite()
        log.wait(10)
    assert [finding.kind for finding in audit(log, tmp_path).summary.findings] == ["task-stands-still"]
    log.say(SERVER, "Add Session &lt removed &gt").wait(1).say(SIP, "x")
    result = audit(log, tmp_path)
    assert result.summary.findings == ()
    assert result.provenance["unread"] == 1


# --- small ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "pairs"), [(5000, 6000, 500), (5000, 5101, 51), (5000, 5102, 51), (5001, 5002, 1)]
)
def test_a_range_of_rtp_ports_holds_every_second_port_below_its_end(
    low: int, high: int, pairs: int, tmp_path: Path
) -> None:
    log = Log("INFO").begin()
    log.say(SERVER, f"Create RTP Termination Factory 127.0.0.1:[{low},{high}]", "NOTICE")
    Call(log).up()
    assert audit(log, tmp_path).summary.resources["rtp_port"].limit == pairs


@pytest.mark.filterwarnings("error")
def test_calibrating_on_a_log_with_ticks_at_one_phase_warns_of_nothing() -> None:
    calibrate_logs([FIELD / "01-healthy-cut.log.xz"])


# --- start-up and set-up -------------------------------------------------------------------------------------------

FAILURES = (
    "Failed to Load DSO: /opt/unimrcp/plugin/myrecog.so: cannot open shared object file: No such file or directory",
    "No MRCP Engine Available [speechrecog]",
    "Failed to Create NUA [SIP-Agent-1]",
    "Failed to Register Profile [uni2]: missing RTP settings",
)


def test_parts_that_did_not_start_are_the_headline(tmp_path: Path) -> None:
    log = Log("INFO")
    for text in (*FAILURES, FAILURES[0]):
        log.say(SERVER, text, "WARN")
    result = audit(log.begin(), tmp_path)
    (finding,) = result.summary.findings
    assert finding.kind == "start-failed"
    assert all(text in finding.text for text in FAILURES)
    assert str(verdict(result.summary)).startswith("The server did not start whole: 'Failed to Load DSO: /opt")


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_the_phases_of_a_set_up_are_those_of_info_lines(level: str, tmp_path: Path) -> None:
    log = Log(level).begin()
    for _ in range(3):
        call = Call(log).invite()
        log.wait(7.3)
        call.offer().media()
        log.wait(16.0)
        call.opened().ack().down()
    result = audit(log, tmp_path)
    found = {name: result.summary.latency[name].p50 for name in
             ("create_to_offer", "offer_to_media_path", "media_path_to_answer")}  # fmt: skip
    assert found == pytest.approx(
        {"create_to_offer": 7.3, "offer_to_media_path": 0.005, "media_path_to_answer": 16.0}, abs=0.001
    )
    assert result.sessions is not None
    assert result.sessions["media_path_s"].notna().all()


def test_a_set_up_that_the_log_sees_in_part_has_the_phases_that_it_shows(tmp_path: Path) -> None:
    log = Log("INFO").begin()
    before = Call(log).invite()
    del log.lines[:]  # its creation is not in the log
    before.offer().media().opened()
    unfinished = Call(log).invite()
    log.wait(2.0)
    unfinished.offer().media()
    log.wait(0.5).say(SIP, "Receive SIP Event [nua_i_options] Status 100 Trying [SIP-Agent-1]")
    result = audit(log, tmp_path)
    counts = {name: result.summary.latency[name].n for name in ("create_to_offer", "offer_to_media_path")}
    assert counts == {"create_to_offer": 1, "offer_to_media_path": 2}
    (leak,) = [leak for leak in result.leaks if leak.session_id == unfinished.sid]
    assert "its set-up so far: created, offer after 2000" in leak.explanation
    assert "media path after 5." in leak.explanation


@pytest.mark.parametrize("name", ["01-healthy-cut", "21-three-hours-after"])
def test_the_folder_of_an_audit_has_its_report_with_the_phases(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(build(), ["audit", "--quiet", str(FIELD / f"{name}.log.xz"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "Media Path → Answer" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("waited", "found"), [(700, "healthy"), (1900, "leak")])
def test_silence_is_suspicious_only_beyond_the_session_timer_that_the_configuration_gives(
    waited: int, found: str, tmp_path: Path
) -> None:
    log = healthy(Log().begin(), calls=60)
    for _ in range(60):
        Call(log).up()
    healthy(log, calls=60)
    log.wait(waited).say(SIP, "Receive SIP Event [nua_i_options] Status 100 Trying [SIP-Agent-1]")
    path = tmp_path / "server.log"
    path.write_bytes(log.bytes)
    timer = Timer(1800 * SECOND, "as unimrcpserver.xml says")
    result = audit_logs([path], timers=Timers(timer, timer))
    assert result.provenance["session_timer_s"] == 1800.0
    assert leak_report(result).memory.verdict == found
