"""Logs in pieces: lines picked by level or by id, lines lost at random, sessions that are shown by a channel alone.

Nothing is claimed that such a piece could not have shown, and what it shows is not denied."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from audit.serverlog import AGENT, SERVER, SIP, Call, Log
from audit.traces import text_of, truth_of
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.errors import LogError
from sim.leaks.outlook import leak_report
from sim.report.plots import latencies
from sim.report.text import plural

NAMES_A_SESSION = re.compile(rb"<[0-9a-f]{16}[>@]")
ENTRY = re.compile(rb"(?m)^(?=\d{4}-\d\d-\d\d )")
STAMPED = re.compile(rb"(?m)^\d{4}-\d\d-\d\d ")


def audit(text: bytes, tmp_path: Path) -> sim.RunResult:
    path = tmp_path / "piece.log"
    path.write_bytes(text)
    return sim.audit_log(path)


def lines_with(*priorities: bytes) -> Callable[[bytes], bool]:
    return lambda line: any(b"[" + priority + b"]" in line[:80] for priority in priorities)


PICKED = {
    "at NOTICE": lines_with(b"NOTICE", b"WARN", b"ERROR"),
    "with an id": lambda line: NAMES_A_SESSION.search(line) is not None,
}


@pytest.mark.parametrize("how", PICKED)
def test_sessions_of_which_only_some_lines_are_there_began_within_the_log(how: str, tmp_path: Path) -> None:
    """All 600 were said to have been there before the log began, and 75 to have been used after their end."""
    picked = [line for line in text_of("base20").splitlines(keepends=True) if PICKED[how](line)]
    found = audit(b"".join(picked), tmp_path)
    summary = found.summary
    assert (summary.sessions.created, summary.sessions.released, summary.before) == (600, 600, 0)
    assert summary.sessions.leaked == summary.sessions.live == 0
    assert not summary.violations
    assert not summary.latency["invite_to_answer"].n  # no INVITE is there to count from
    assert any('600 sessions begin with "Add Session"' in note for note in found.provenance["notes"])


def test_at_notice_nothing_is_said_of_a_bye_that_it_does_not_show(tmp_path: Path) -> None:
    """ "its caller sent no BYE" was said of sessions whose BYE had come, at INFO."""
    picked = b"".join(line for line in text_of("leak2").splitlines(keepends=True) if PICKED["at NOTICE"](line))
    found = audit(picked, tmp_path)
    assert (found.summary.sessions.live, found.summary.sessions.leaked) == (24, 0)
    assert all("nothing of its call between" in leak.explanation for leak in found.leaks)
    assert not any("BYE" in leak.explanation for leak in found.leaks)
    (finding,) = found.summary.findings
    assert "what 24 sessions that are older than any that ended wait for: which leaked can not be known" in finding.text
    told = CliRunner().invoke(build(), ["audit", str(tmp_path / "piece.log"), "--fail-on", "leaked.session_pool > 0"])
    assert told.exit_code == 2


def test_calls_that_are_up_where_a_log_at_notice_ends_are_no_finding(tmp_path: Path) -> None:
    lines = [line for line in text_of("base20").splitlines(keepends=True) if PICKED["at NOTICE"](line)]
    summary = audit(b"".join(lines[: len(lines) // 2]), tmp_path).summary
    assert summary.sessions.live > 10
    assert not summary.findings


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_line_in_a_hundred_lost_makes_no_leak(level: str, seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    entries = [line for line in text_of("base20").splitlines(keepends=True) if STAMPED.match(line)]
    kept = [e for e in entries if draw.random() > 0.01 and (level == "DEBUG" or b"[DEBUG]" not in e[:80])]
    summary = audit(b"".join(kept), tmp_path).summary
    assert summary.sessions.leaked == 0
    assert not summary.violations
    assert summary.sessions.released == 600


def lost(name: str, share: float, seed: int, level: str = "DEBUG") -> bytes:
    """The trace without each line by this chance."""
    draw = random.Random(seed)
    entries = [entry for entry in ENTRY.split(text_of(name)) if level == "DEBUG" or b"[DEBUG]" not in entry[:80]]
    return b"".join(entry for entry in entries if draw.random() > share)


@pytest.mark.parametrize("name", ["base20", "noack"])
@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
@pytest.mark.parametrize("share", [0.03, 0.05, 0.1, 0.2])
def test_lines_lost_at_random_make_neither_a_leak_nor_a_violation(
    share: float, level: str, name: str, tmp_path: Path
) -> None:
    """With a tenth lost 2 of 600 healthy sessions had leaked, or two pools were used after their end."""
    for seed in (1, 2):
        summary = audit(lost(name, share, seed, level), tmp_path).summary
        assert summary.sessions.leaked == summary.sessions.crashed == 0, seed
        assert not summary.violations, seed


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
@pytest.mark.parametrize("length", [3, 40])
def test_lines_lost_in_runs_make_neither_a_leak_nor_a_violation(length: int, level: str, tmp_path: Path) -> None:
    """As a rate limit of a journal loses them: up to 22 of 600 healthy sessions had leaked. A single run at INFO that
    takes the whole end of one session shows by nothing else."""
    entries = [entry for entry in ENTRY.split(text_of("base20")) if level == "DEBUG" or b"[DEBUG]" not in entry[:80]]
    for share in (0.002, 0.01, 0.05) if level == "DEBUG" else (0.01, 0.05):
        draw = random.Random(f"{length} {share}")
        begins = [at for at in range(len(entries)) if draw.random() < share / length]
        gone = {line for at in begins for line in range(at, at + draw.randint(1, 2 * length - 1))}
        summary = audit(b"".join(entry for at, entry in enumerate(entries) if at not in gone), tmp_path).summary
        assert summary.sessions.leaked == summary.sessions.crashed == 0, share
        assert not summary.violations, share


def test_where_a_tenth_of_the_lines_is_lost_it_is_said_that_leaks_can_not_be_told(tmp_path: Path) -> None:
    found = audit(lost("leak2", 0.1, 1), tmp_path)
    (finding,) = [finding for finding in found.summary.findings if finding.kind == "lines-unread"]
    assert re.search(r"^About \d+ % of the lines .* the end of 2\d sessions .* about \d\.\d would", finding.text)
    assert 8 <= int(finding.text.split()[1]) <= 12
    assert found.summary.sessions.leaked == 0
    told = CliRunner().invoke(build(), ["audit", str(tmp_path / "piece.log"), "--fail-on", "sessions.leaked > 0"])
    assert told.exit_code == 2


@pytest.mark.parametrize("name", ["base20", "leak2", "dbl", "recogdrop", "rtpfull", "vanish", "unknown"])
def test_of_a_whole_log_nothing_is_said_to_be_lost(name: str, tmp_path: Path) -> None:
    summary = audit(text_of(name), tmp_path).summary
    assert not any(finding.kind == "lines-unread" for finding in summary.findings)
    assert bool(summary.violations) == (name == "dbl")


@pytest.mark.parametrize("seed", [1, 2])
def test_the_leaks_are_still_named_where_lines_are_lost(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    kept = [line for line in text_of("leak2").splitlines(keepends=True) if draw.random() > 0.01]
    found = audit(b"".join(kept), tmp_path)
    leaked = {leak.session_id for leak in found.leaks if leak.cause}
    really = set(truth_of("leak2")["not_destroyed"])
    assert found.summary.sessions.leaked == pytest.approx(24, abs=2)
    assert leaked <= really
    assert sum(g.count for g in found.summary.leak_groups if g.cause == "close-never-answered") >= 20


def test_a_termination_that_was_complete_is_no_leak_though_its_last_line_is_missing(tmp_path: Path) -> None:
    log = Log("INFO").begin()
    log.say(SERVER, "Add Session <00112233445566aa>", "NOTICE")
    log.say(SERVER, "Receive Offer 0x7f0000000010 <00112233445566aa> [c:1 a:1 v:0]")
    log.say(SERVER, "Send Answer 0x7f0000000010 <00112233445566aa> [c:1 a:1 v:0] Status OK", after=9000).wait(3.0)
    log.say(SERVER, "Terminate Session 0x7f0000000010 <00112233445566aa>")
    log.say(SERVER, "Remove Session <00112233445566aa>", "NOTICE").wait(120.0)
    log.say(SIP, "Receive SIP Event [nua_i_options] Status 100 Trying [SIP-Agent-1]")
    found = audit(log.bytes, tmp_path)
    assert (found.summary.sessions.released, found.summary.sessions.leaked) == (1, 0)
    assert any("1 session was terminated, and the line is missing" in note for note in found.provenance["notes"])


def test_what_happens_on_a_channel_shows_a_session(tmp_path: Path) -> None:
    """ "There was no session at all" was said of a piece with a request and its answer."""
    log = Log("INFO")
    channel = "<465b528207ee48df@speechrecog>"
    log.say(AGENT, f"Assign Control Channel {channel} to Connection 127.0.0.1:1544 <-> 127.0.0.1:33236 [0] -> [1]")
    log.say(SERVER, f"Process RECOGNIZE Request {channel} [1]")
    log.say(SERVER, f"Process RECOGNIZE Response {channel} [1]", after=20_000)
    summary = audit(log.bytes, tmp_path).summary
    assert (summary.before, summary.sessions.live, summary.sessions.leaked) == (1, 1, 0)


def test_a_server_task_that_wrote_nothing_at_all_is_told_without_a_time_before_christ(tmp_path: Path) -> None:
    """It had "logged nothing since -63738385703.713 s, 17705107 h 08 min before the log ends"."""
    log = Log("INFO")
    for _ in range(3):
        Call(log).invite()
        log.wait(2.0)
    Call(log).invite()
    found = audit(log.bytes, tmp_path)
    (finding,) = found.summary.findings
    assert finding.kind == "task-stands-still"
    assert "[MRCP Server] has logged nothing in this log, which goes on for 6.0" in finding.text
    assert finding.since_s is not None
    assert 0.0 <= finding.since_s < 1.0
    assert plural(4, "INVITE") in finding.text


def test_a_log_with_one_end_does_not_speak_of_one_call_in_one(tmp_path: Path) -> None:
    from io import StringIO

    from rich.console import Console

    from sim.report.leaks import print_leaks

    log = Log("INFO")
    log.say(SERVER, "Send Answer 0x7f0000000010 <00112233445566aa> [c:1 a:1 v:0] Status OK")
    log.say(SERVER, "Remove Session <00112233445566bb>", "NOTICE")
    log.say(SERVER, "Session Terminated 0x7f0000000020 <00112233445566bb>")
    log.say(SIP, "Destroy Session <00112233445566bb>", "NOTICE")
    found = audit(log.bytes, tmp_path)
    console = Console(file=StringIO(), width=200)
    print_leaks(leak_report(found), found.leaks, (), console, 5)
    told = console.file.getvalue()
    assert "1 call in 1" not in told
    assert "Only a leak of nearly every call would have shown" in told
    assert "no call has ended" not in told


@pytest.mark.parametrize("name", ["base20", "noack", "rtpfull"])
def test_what_was_silent_before_a_part_of_the_log_that_is_missing_is_no_leak(name: str, tmp_path: Path) -> None:
    """A rotated part that is not there: up to three leaks, and up to nine pools used after their end, were claimed."""
    entries = ENTRY.split(text_of(name))
    found = audit(b"".join([*entries[: len(entries) * 4 // 10], *entries[len(entries) * 6 // 10 :]]), tmp_path)
    assert found.summary.sessions.leaked == 0
    assert not found.summary.violations
    assert any(note.startswith("Lines are missing in the middle (once)") for note in found.provenance["notes"])


def test_leaks_after_a_part_that_is_missing_are_still_named(tmp_path: Path) -> None:
    entries = ENTRY.split(text_of("leak2"))
    found = audit(b"".join([*entries[: len(entries) * 4 // 10], *entries[len(entries) * 6 // 10 :]]), tmp_path)
    leaked = {leak.session_id for leak in found.leaks if leak.cause}
    assert len(leaked) >= 8
    assert leaked <= set(truth_of("leak2")["not_destroyed"])


def test_a_whole_log_has_no_hole(tmp_path: Path) -> None:
    for name in ("vanish", "hold", "leak2"):
        found = audit(text_of(name), tmp_path)
        assert not any("missing in the middle" in note for note in found.provenance["notes"])


def test_pieces_that_were_pasted_together_prove_nothing_across_the_days_between(tmp_path: Path) -> None:
    """Two sessions were leaked, of which the excerpts show the set-up alone, on two days."""
    log = Log("INFO")
    log.say(SERVER, "Add Session <00112233445566aa>", "NOTICE")
    log.say(SERVER, "Receive Offer 0x7f0000000010 <00112233445566aa> [c:1 a:1 v:0]")
    log.say(AGENT, "Add Pending Control Channel <00112233445566aa@speechrecog> [3]")
    log.say(SERVER, "Send Answer 0x7f0000000010 <00112233445566aa> [c:1 a:1 v:0] Status OK", after=7_000_000)
    log.wait(70_000.0).say(AGENT, "Add Pending Control Channel <00112233445566bb@speechrecog> [1]")
    log.say(SERVER, "Send Answer 0x7f0000000020 <00112233445566bb> [c:1 a:1 v:0] Status OK")
    found = audit(log.bytes, tmp_path)
    assert found.summary.sessions.leaked == 0
    (first,) = [leak for leak in found.leaks if leak.session_id == "00112233445566aa"]
    assert "lines of the log are missing after it was last heard of" in first.explanation


def test_lines_that_grep_set_apart_are_no_task_that_stands_still(tmp_path: Path) -> None:
    log = Log()
    log.say(AGENT, "Assign Control Channel <00112233445566aa@speechsynth> to Connection 127.0.0.1:1544 <-> "
            "127.0.0.1:34082 [0] -> [2]")  # fmt: skip
    log.signal(AGENT, "MRCP Server", "2;3")
    log.lines.append("--")
    log.wait(3600.0).say(AGENT, "Send MRCPv2 Data 127.0.0.1:1544 <-> 127.0.0.1:46310 [548 bytes]")
    summary = audit(log.bytes, tmp_path).summary
    assert not summary.findings
    assert summary.sessions.leaked == 0


def test_a_bye_of_the_server_shows_a_session_that_was_there(tmp_path: Path) -> None:
    """ "There was no session at all" was said where the server had asked to end five (#211); what became of their BYE,
    lines of the SIP agent would tell."""
    log = Log("INFO")
    for number in range(5):
        log.say(AGENT, f"TCP/MRCPv2 Peer Disconnected 10.16.6.202:1544 <-> 10.16.6.16:3699{number}")
        log.say(AGENT, f"Termination Timeout Elapsed 10.16.6.202:1544 <-> 10.16.6.16:3699{number}", "WARN")
        log.say(AGENT, f"Initiate Session Termination <00112233445566{number:02d}>", "NOTICE").wait(30.0)
    found = audit(log.bytes, tmp_path)
    summary = found.summary
    assert (summary.before, summary.sessions.live, summary.sessions.leaked) == (5, 5, 0)
    assert {leak.session_id for leak in found.leaks} == {f"00112233445566{number:02d}" for number in range(5)}


def test_a_caller_that_does_not_answer_the_servers_bye_is_still_gone(tmp_path: Path) -> None:
    log = Log("INFO").begin()
    call = Call(log)
    call.invite()
    log.say(AGENT, "Initiate Session Termination <00112233445566aa>", "NOTICE").wait(60.0)
    log.say(SIP, "Receive SIP Event [nua_i_options] Status 100 Trying [SIP-Agent-1]")
    (gone,) = [leak for leak in audit(log.bytes, tmp_path).leaks if leak.session_id == "00112233445566aa"]
    assert (gone.cause, gone.plugin) == ("caller-gone", None)


def test_lines_that_were_cut_are_not_called_some_other_text(tmp_path: Path) -> None:
    """As in #182, "for brevity"."""
    lines = [f"[INFO]   Open RTP Receiver 10.0.0.140:{port} <- 10.0.0.140:4000 \n" for port in range(5100, 5112, 2)]
    with pytest.raises(LogError, match=r"a log of UniMRCP whose lines were cut or changed, or of a version before 0"):
        audit("".join(lines).encode(), tmp_path)


def test_the_picture_of_times_that_were_none_is_drawn_without_a_warning(tmp_path: Path) -> None:
    """Matplotlib complained that no positive value was there, of a call that was refused at once (#74)."""
    found = audit(b"2010-03-04 14:42:10:000001 [WARN]   Cannot Find Profile by Agent <new>\n", tmp_path)
    assert found.summary.sessions.rejected == {"488": 1}
    latencies(found)


def test_a_call_that_its_caller_ended_was_acknowledged(tmp_path: Path) -> None:
    """One of 31.5 s whose "ready" was lost had "ended because no ACK came", after its caller's BYE."""
    lines = text_of("poisson10").splitlines(keepends=True)
    kept = [line for line in lines if b"SIP Call State 0x7f5fe002eeb8 [ready]" not in line]
    assert len(kept) < len(lines)
    path = tmp_path / "server.log"
    path.write_bytes(b"".join(kept))
    assert not sim.audit_log(path).summary.findings


def causes(text: bytes, tmp_path: Path) -> dict[str, int]:
    path = tmp_path / "server.log"
    path.write_bytes(text)
    return {group.cause: group.count for group in leak_report(sim.audit_log(path)).groups}


def lossy(text: bytes, share: float, seed: int) -> bytes:
    draw = random.Random(seed)
    return b"".join(line for line in text.splitlines(keepends=True) if draw.random() >= share)


def test_no_cause_is_told_that_lost_lines_would_refute(tmp_path: Path) -> None:
    """A plugin that "never answered" STOP, or a "lost message", where the line of the re-INVITE was lost."""
    told = causes(lossy(text_of("hold"), 0.02, 2), tmp_path)
    assert set(told) == {"audio-taken-away", "cause-not-shown"}
    assert sum(told.values()) == 86
    assert set(causes(lossy(text_of("recogdrop"), 0.01, 0), tmp_path)) == {"request-never-answered", "cause-not-shown"}


@pytest.mark.parametrize(("trace", "cause"), [("hold", "audio-taken-away"), ("recogdrop", "request-never-answered")])
def test_a_log_that_begins_in_the_middle_blames_nobody_for_what_was_before(
    trace: str, cause: str, tmp_path: Path
) -> None:
    lines = text_of(trace).splitlines(keepends=True)
    told = causes(b"".join(lines[len(lines) // 2 :]), tmp_path)
    assert set(told) == {cause, "cause-not-shown"}


def test_nothing_is_exhausted_by_what_a_lost_line_makes_one_session_hold(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_bytes(lossy(text_of("leak2"), 0.01, 0))
    found = leak_report(sim.audit_log(path))
    assert found.groups[0].count == 24
    assert not [one for one in found.exhausted if one.resource == "rtp_port"]
