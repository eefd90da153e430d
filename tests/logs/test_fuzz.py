"""Whatever a log contains, the audit ends with books that balance."""

import io
import re
import sys

from audit.traces import text_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.audit.audit import audit_logs
from sim.audit.auditor import Auditor
from sim.errors import LogError
from sim.ledger.result import RunResult
from sim.logs.reading.header import Layout

LINES = {name: text_of(name).splitlines()[120:520] for name in ("noack", "recogdrop", "info20")}
FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def audit(text: bytes) -> RunResult | None:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(text))
    try:
        return audit_logs(["-"], ledger="full")
    except LogError:
        return None
    finally:
        sys.stdin = before


def balanced(result: RunResult | None) -> None:
    if result is None:
        return
    for resource, use in result.summary.resources.items():
        assert use.acquired == use.released + use.held, resource
        assert 0 <= use.held <= use.peak, resource
    counts, sessions = result.summary.sessions, result.sessions
    assert sessions is not None
    outcomes = sessions["outcome"].value_counts()
    assert counts.live == outcomes.get("live", 0)
    assert counts.leaked == outcomes.get("leaked", 0)
    assert counts.crashed == outcomes.get("crashed", 0)
    assert counts.leaked + counts.crashed == sum(1 for leak in result.leaks if leak.cause)
    assert sessions["session"].is_unique
    result.summary.to_dict()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    lines = list(LINES[draw(st.sampled_from(sorted(LINES)))])
    for _ in range(draw(st.integers(1, 30))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        kind = draw(st.sampled_from(["cut", "drop", "twice", "byte", "insert", "swap", "digits", "join"]))
        place = draw(st.integers(0, max(0, len(line) - 1)))
        if kind == "cut":
            lines[at] = line[:place]
        elif kind == "drop":
            lines[at] = b""
        elif kind == "twice":
            lines.insert(at, line)
        elif kind == "byte":
            lines[at] = line[:place] + bytes([draw(st.integers(0, 255))]) + line[place + 1 :]
        elif kind == "insert":
            lines[at] = line[:place] + draw(st.binary(max_size=20)) + line[place:]
        elif kind == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], line
        elif kind == "digits":
            lines[at] = re.sub(rb"\d", lambda m: b"9", line)
        else:
            lines[at] = line + lines[min(at + 1, len(lines) - 1)]
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"]))
    return end.join(lines) + draw(st.sampled_from([b"", b"\n", b"\x00"]))


@FUZZ
@given(mutated())
def test_mutated_lines_never_crash_it(text: bytes) -> None:
    balanced(audit(text))


@FUZZ
@given(st.lists(st.binary(max_size=200), max_size=30))
def test_binary_garbage_never_crashes_it(lines: list[bytes]) -> None:
    balanced(audit(b"\n".join(LINES["noack"][:50] + lines + LINES["noack"][50:120]) + b"\n"))


@FUZZ
@given(st.binary(max_size=2000))
def test_garbage_alone_is_an_audit_of_nothing_or_a_clear_error(text: bytes) -> None:
    result = audit(text)
    balanced(result)
    assert result is None or result.summary.sessions.created == 0 or b"0x" in text


WORDS = [
    b"Create Session ", b"Destroy Session <", b"Add Session <", b"Engine Channel Closed ", b"SIP Call State ",
    b"Signal Message to [", b"Process Message [", b"Wait for Messages [", b"Failed to Signal Task Message [",
    b"Send Answer ", b"Found MRCP Engine [", b"Assign Control Channel <", b"Process ", b"UniMRCP Server [",
    b"Create RTP Termination Factory ", b"Create MRCPv2 Agent [", b"Missing Resource ", b"Receive SIP Event [",
]  # fmt: skip
PIECES = [
    b"0x7f00 ", b"<new>", b"<ab>", b"<ab@speechrecog>", b"[", b"]", b"MRCP Server] [0x7f00;1;0]",
    b"> to Connection a [0]", b" Status OK", b"nua_i_invite]", b"[uni2]",
    b"RECOGNIZE Response ", b" ", b"\xff", b"9" * 30, b":[5000,6000]",
]  # fmt: skip


@FUZZ
@given(
    st.lists(st.tuples(st.sampled_from(WORDS), st.lists(st.sampled_from(PIECES), max_size=4)), max_size=60),
    st.booleans(),
)
def test_the_servers_words_with_any_rest_never_crash_it(entries: list[tuple[bytes, list[bytes]]], bare: bool) -> None:
    auditor = Auditor()
    auditor.begin(Layout() if bare else Layout(date=True, time=True, thread=True, priority=True))
    head = b"" if bare else b"2026-11-23 03:11:21:%06d 140236119037824 [DEBUG]  "
    lines = [(head if bare else head % i) + word + b"".join(rest) for i, (word, rest) in enumerate(entries)]
    auditor.feed(b"\n".join(lines) + b"\n")
    summary = auditor.finish("fuzz")
    assert all(use.acquired == use.released + use.held for use in summary.resources.values())
    assert all(use.held >= 0 for use in summary.resources.values())
