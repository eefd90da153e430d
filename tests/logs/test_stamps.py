"""Times and priorities in forms that are not the server's are read as what they say, or refused."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from audit.traces import text_of

import sim
from sim.errors import LogError

HEADER = re.compile(rb"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d):(\d{6}) (\d+) \[(\w+)\] *")
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
Said = dict[str, str]


def of(found: re.Match[bytes]) -> Said:
    year, month, day, hour, minute, second, micro, thread, priority = (part.decode() for part in found.groups())
    moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    return {
        "Y": year, "m": month, "d": day, "H": hour, "M": minute, "S": second, "us": micro, "ms": micro[:3],
        "thread": thread, "hex": f"{int(thread):#x}", "PRIO": priority, "prio": priority.lower(),
        "Prio": priority.title(), "Mon": MONTHS[int(month) - 1], "epoch": f"{moment.timestamp():.0f}",
        "h": str((int(hour) - 1) % 12 + 1), "half": "PM" if int(hour) > 11 else "AM",
    }  # fmt: skip


FORMS = (
    "{Y}-{m}-{d} {H}:{M}:{S}:{us} {thread} [{prio}]  ",
    "{Y}-{m}-{d} {H}:{M}:{S}:{us} {thread} [{Prio}] ",
    "{Y}-{m}-{d} {H}:{M}:{S}:{us} {thread} [{PRIO}] ",  # one blank after each
    "{Y}-{m}-{d} {H}:{M}:{S}:{us} {thread} [{PRIO}]",
    "{Y}-{m}-{d} {H}:{M}:{S}:{us} {hex} [{PRIO}] ",
    "[{Y}-{m}-{d} {H}:{M}:{S},{ms}] {thread} [{PRIO}] ",
    "[{Y}-{m}-{d} {H}:{M}:{S},{ms}] {thread} {prio}: ",
    "[{Y}-{m}-{d}T{H}:{M}:{S}.{us}Z] {thread} [{PRIO}] ",
    "{Y}-{m}-{d}T{H}:{M}:{S}.{us}+08:00 {thread} [{PRIO}] ",
    "{Y}-{m}-{d} {H}:{M}:{S}.{us} UTC {thread} [{PRIO}] ",
    "[{Y}-{m}-{d}][{H}:{M}:{S}:{us}][{thread}][{PRIO}] ",
    "{Y}-{m}-{d} {H}:{M}:{S},{ms} - {thread} - {PRIO} - ",
    "{Y}-{m}-{d} {H}:{M}:{S},{ms} {thread} {PRIO} ",
    "[{PRIO}] {Y}-{m}-{d} {H}:{M}:{S}.{us} ",
    "{Y}/{m}/{d} {H}:{M}:{S}:{us} {thread} [{PRIO}] ",
    "{Y}{m}{d} {H}:{M}:{S}.{us} {thread} [{PRIO}] ",
    "{d}/{m}/{Y} {H}:{M}:{S}:{us} {thread} [{PRIO}] ",
    "{m}/{d}/{Y} {H}:{M}:{S}:{us} {thread} [{PRIO}] ",
    "{d}.{m}.{Y} {H}:{M}:{S}.{us} {thread} [{PRIO}] ",
    "{d}-{Mon}-{Y} {H}:{M}:{S}.{us} {thread} [{PRIO}] ",
    "[{d}/{Mon}/{Y}:{H}:{M}:{S} +0000] {thread} [{PRIO}] ",
    "{Mon} {d} {Y} {H}:{M}:{S}.{us} {thread} [{PRIO}] ",
    "{m}/{d}/{Y} {h}:{M}:{S} {half} {thread} [{PRIO}] ",
    "{epoch}.{us} {thread} [{PRIO}] ",
    "[{epoch}.{us}] {thread} [{PRIO}] ",
    "{epoch}{ms} {thread} [{PRIO}] ",
    "{Y}-{m}-{d}T{H}:{M}:{S}.{us}Z host unimrcpserver[7]: [{PRIO}] ",
)


def written(form: str, head: int = 30_000) -> bytes:
    """The first lines of a trace with a leak, with another header."""
    text = b"".join(text_of("leak2").splitlines(keepends=True)[:head])
    return HEADER.sub(lambda found: form.format_map(of(found)).encode(), text)


def told(text: bytes, tmp_path: Path) -> sim.RunResult:
    path = tmp_path / "server.log"
    path.write_bytes(text)
    return sim.audit_log(path)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> sim.RunResult:
    return told(written("{Y}-{m}-{d} {H}:{M}:{S}:{us} {thread} [{PRIO}]  "), tmp_path_factory.mktemp("reference"))


@pytest.mark.parametrize("form", FORMS)
def test_the_same_is_told_with_times_in_another_form(form: str, reference: sim.RunResult, tmp_path: Path) -> None:
    found = told(written(form), tmp_path)
    got, known = found.summary, reference.summary
    assert (got.sessions.created, got.sessions.released) == (known.sessions.created, known.sessions.released) > (0, 0)
    assert [leak.session_id for leak in found.leaks] == [leak.session_id for leak in reference.leaks]
    assert not got.violations
    assert (found.provenance["level"], found.provenance["not_understood"]) == ("DEBUG", 0)
    exact = 2e-6 if "us" in form else 0.002 if "ms" in form else 1.1
    assert got.horizon_s == pytest.approx(known.horizon_s, abs=exact)
    answer = got.latency["invite_to_answer"].mean
    assert answer == pytest.approx(known.latency["invite_to_answer"].mean, abs=exact)
    day = reference.provenance["begins"][:10]
    assert found.provenance["begins"].startswith(day)


def test_a_date_that_may_be_of_two_days_is_left_out(tmp_path: Path) -> None:
    """12/11/2026 is in November or in December; what time of day it is can be told."""
    text = b"".join(text_of("base20").splitlines(keepends=True)[:5000])
    ambiguous = HEADER.sub(lambda m: b"12/11/2026 %s:%s:%s:%s [%s] " % m.group(4, 5, 6, 7, 9), text)
    found = told(ambiguous, tmp_path)
    assert found.provenance["begins"] is None
    assert found.provenance["headers"] == ["TIME,PRIORITY"]
    assert found.summary.latency["invite_to_answer"].p50 == pytest.approx(0.006, abs=0.002)


def test_the_servers_own_time_goes_before_the_one_of_a_container(tmp_path: Path) -> None:
    text = b"".join(b"2030-01-01T00:00:00.5Z " + line for line in text_of("base20").splitlines(keepends=True)[:5000])
    found = told(text, tmp_path)
    assert found.provenance["begins"].startswith("2026-11-23")
    assert found.summary.horizon_s > 1


@pytest.mark.parametrize(
    "form", ["day 7 [{PRIO}] at {thread}: ", "{PRIO[0]}{m}{d} {H}:{M}:{S}.{us} {thread} server.c:12] "]
)
def test_times_in_no_known_form_are_refused_with_what_is_expected(form: str, tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"server.log:1: expected a line of a UniMRCP server log, such as '2026-"):
        told(written(form, 300), tmp_path)
