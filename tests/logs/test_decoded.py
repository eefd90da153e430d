"""A log that was pasted, quoted, wrapped, coloured or sent through a container or a journal is read as it was."""

import html
import io
import json
import lzma
import re
import sys
import textwrap
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from audit.traces import text_of
from typer.testing import CliRunner

from sim.audit.audit import audit_logs
from sim.audit.auditor import Auditor
from sim.audit.follow import Follower
from sim.cli.main import build
from sim.errors import LogError
from sim.ledger.result import RunResult
from sim.logs.reading.decode import Decoder
from sim.logs.reading.stream import Stream

FIELD = Path(__file__).parent.parent / "data" / "field"
PLAIN = lzma.decompress((FIELD / "06-client-line-in-output.log.xz").read_bytes()).decode()
V1 = lzma.decompress((FIELD / "04-v1-client-died.log.xz").read_bytes()).decode()


def audit(text: str | bytes) -> RunResult:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(text.encode() if isinstance(text, str) else text))
    try:
        return audit_logs(["-"], name="log")
    finally:
        sys.stdin = before


def each(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(change(line) + "\n" for line in text.splitlines())


def folded(width: int, at_blanks: bool) -> Callable[[str], str]:
    def fold(text: str) -> str:
        out: list[str] = []
        for line in text.splitlines():
            if at_blanks:
                out += textwrap.wrap(line, width, break_on_hyphens=False) or [""]
            else:
                out += [line[at : at + width] for at in range(0, len(line), width)] or [""]
        return "\n".join(out) + "\n"

    return fold


HEADER = re.compile(r"^(\S+) (\S+):(\d{6}) (?:\d+ )?\[\w+\] +")
FORMS: dict[str, Callable[[str], str | bytes]] = {
    "entities": html.escape,
    "entities twice": lambda text: html.escape(html.escape(text)),
    "numbers for signs": lambda text: text.replace("<", "&#60;").replace(">", "&#x3e;"),
    "quoted": each(lambda line: f"> {line}"),
    "quoted twice": each(lambda line: f">> {line}"),
    "quoted, entities": each(lambda line: "> " + html.escape(line)),
    "quoted, then entities": lambda text: html.escape(each(lambda line: f"> {line}")(text)),
    "indented": each(lambda line: f"    {line}"),
    "bold": each(lambda line: f"**{line}**" if line else line),
    "bold words": each(lambda line: re.sub(r"(?<=\]   )(\S+ \S+)", r"**\1**", line)),
    "bold in another tracker": each(lambda line: f"*{line}*" if line else line),
    "HTML": each(lambda line: f"<b>{line}</b><br/>"),
    "a code block": lambda text: f"My server's log:\n\n```text\n{text}```\n",
    "escaped": each(lambda line: re.sub(r"([<>\[\]_*])", r"\\\1", line)),
    "coloured": each(lambda line: f"\x1b[32m{line}\x1b[0m"),
    "coloured priority": each(lambda line: re.sub(r"(\[\w+\])", "\x1b[1;33m\\1\x1b[0m", line, count=1)),
    "Windows": lambda text: text.replace("\n", "\r\n"),
    "with a mark of its order of bytes": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "docker compose": each(lambda line: f"unimrcp_1  | {line}"),
    "docker -t": each(lambda line: f"2024-02-02T10:00:00.123456789Z {line}"),
    "docker's file": each(lambda line: json.dumps({"log": line + "\n", "stream": "stdout", "time": "2024-02-02"})),
    "Kubernetes": each(lambda line: f"2024-02-02T10:00:00.123456789Z stdout F {line}"),
    "kubectl --prefix": each(lambda line: f"[pod/unimrcp-5d8f/unimrcp] {line}"),
    "an unknown prefix": each(lambda line: f"unimrcp-5d8f-x unimrcp {line}"),
    "journald": each(lambda line: f"Feb 02 10:00:00 host-1 unimrcpserver[1234]: {line}"),
    "journald -o short-iso": each(lambda line: f"2024-02-02T10:00:00+0000 host-1 unimrcpserver[1234]: {line}"),
    "journald -o json": each(lambda line: json.dumps({"PRIORITY": "6", "MESSAGE": line})),
    "syslog": each(lambda line: f"<134>Feb  2 10:00:00 host-1 unimrcpserver: {line}"),
    "syslog of RFC 5424": each(lambda line: f"<134>1 2024-02-02T10:00:00.123Z host-1 unimrcp 1234 - - {line}"),
    "journald -o short-full": each(lambda line: f"Fri 2024-02-02 10:00:00 UTC host-1 unimrcpserver[1234]: {line}"),
    "ts": each(lambda line: f"Feb 02 10:00:00 {line}"),
    "ts with a date of its own": each(lambda line: f"2024-02-02 10:00:00 {line}"),
    "ts with a date and a fraction": each(lambda line: f"2024-02-02 10:00:00.123456 {line}"),
    "svlogd": each(lambda line: f"2024-02-02_10:00:00.12345 {line}"),
    "multilog": each(lambda line: f"@400000004fb9b5db2a9d5b1c {line}"),
    "svlogd -t": each(lambda line: f"@40000000{zlib.crc32(line.encode()):016x} {line}"),
    "grep": each(lambda line: f"server.log:{line}"),
    "tabs": lambda text: text.replace("]   ", "]\t"),
    "blanks that do not break": lambda text: text.replace(" ", "\xa0"),
    "blanks once": each(lambda line: re.sub(" +", " ", line)),
    "folded at 80": folded(80, at_blanks=False),
    "folded at 72": folded(72, at_blanks=False),
    "folded at blanks before 76": folded(76, at_blanks=True),
    "folded and quoted": lambda text: each(lambda line: f"> {line}")(folded(72, at_blanks=False)(text)),
    "point before the fraction": each(lambda line: re.sub(r"^(\S+ \S{8}):(\d{6})", r"\1.\2", line)),
    "ISO 8601": each(lambda line: re.sub(r"^(\S+) (\S{8}):(\d{6})", r"\1T\2.\3", line)),
    "a journal's time for the server's": each(
        lambda line: (
            HEADER.sub(r"\1T\2.\3+0000 host-1 unimrcpserver[123]: ", line)
            if HEADER.match(line)
            else f"2024-02-02T10:00:00+0000 host-1 unimrcpserver[123]: {line}"
        )
    ),
}


@pytest.fixture(scope="module")
def reference() -> dict[str, RunResult]:
    return {PLAIN: audit(PLAIN), V1: audit(V1)}


@pytest.mark.parametrize("text", [PLAIN, V1], ids=["MRCPv2", "MRCPv1"])
@pytest.mark.parametrize("form", FORMS)
def test_the_same_ledger_in_any_form(form: str, text: str, reference: dict[str, RunResult]) -> None:
    found, wanted = audit(FORMS[form](text)), reference[text]
    assert found.summary.sessions == wanted.summary.sessions
    assert found.summary.latency == wanted.summary.latency
    assert found.summary.resources == wanted.summary.resources
    assert [leak.explanation for leak in found.leaks] == [leak.explanation for leak in wanted.leaks]


@pytest.mark.parametrize(("digits", "within"), [(3, 1.1e-3), (0, 1.0)], ids=["milliseconds", "no fraction"])
@pytest.mark.parametrize("mark", [":", ".", ","])
def test_times_with_fewer_digits(digits: int, within: float, mark: str, reference: dict[str, RunResult]) -> None:
    def shorter(line: str) -> str:
        return re.sub(r"^(\S+ \S{8}):(\d{6})", lambda m: m[1] + (mark + m[2][:digits] if digits else ""), line)

    found, wanted = audit(each(shorter)(PLAIN)), reference[PLAIN]
    assert found.summary.sessions == wanted.summary.sessions
    life, other = found.summary.latency["pool_lifetime"], wanted.summary.latency["pool_lifetime"]
    assert life.n == other.n == 10
    assert life.mean == pytest.approx(other.mean, abs=within)


def test_what_was_undone_is_said_and_a_plain_log_is_left_alone() -> None:
    notes = audit(each(lambda line: "> " + html.escape(line))(PLAIN)).provenance["notes"]
    assert notes[0] == "standard input was read without: marks of quoting, HTML entities."
    decoder = Decoder(PLAIN.encode())
    assert decoder.idle
    assert decoder(PLAIN.encode()) == PLAIN.encode()
    assert not any("was read without" in note for note in audit(PLAIN).provenance["notes"])


def test_entities_as_they_were_pasted() -> None:
    found = audit(lzma.decompress((FIELD / "08-entities.log.xz").read_bytes()))
    counts = found.summary.sessions
    assert (counts.created, counts.released, counts.live, counts.leaked) == (10, 10, 0, 0)
    assert found.provenance["not_understood"] == 0


@pytest.mark.parametrize("size", [700, 5_000])
def test_pieces_of_any_size_are_undone_alike(size: int) -> None:
    for form in ("folded at 72", "quoted, entities", "UTF-16"):
        text = FORMS[form](PLAIN)
        stream = Stream(io.BufferedReader(io.BytesIO(text if isinstance(text, bytes) else text.encode())), "log")  # type: ignore[arg-type]
        read = stream.head(30_000)
        while piece := stream.read(size):
            read += piece
        assert read.decode().split() == PLAIN.split(), form


def test_a_quoted_log_that_grows_is_followed(tmp_path: Path, reference: dict[str, RunResult]) -> None:
    path, text = tmp_path / "server.log", each(lambda line: "> " + html.escape(line))(PLAIN).encode()
    path.write_bytes(text[:9000])
    auditor = Auditor()
    follower = Follower(path, auditor)
    follower.poll()
    with path.open("ab") as file:
        file.write(text[9000:])
    follower.poll()
    follower.close()
    assert auditor.finish("log").sessions == reference[PLAIN].summary.sessions


def test_lines_that_can_not_be_read_are_no_evidence() -> None:
    """Ids that a tool took out: what ends a session may be among the lines that are left of it."""
    ends = ("Remove Session", "Session Terminated", "Destroy Session", "Remove Pending Control Channel")
    damaged = each(lambda line: line.partition(" <")[0].partition(" 0x")[0] if any(e in line for e in ends) else line)
    found = audit(damaged(PLAIN))
    assert found.summary.sessions.leaked == 0
    assert found.summary.sessions.live == 10
    (note,) = [note for note in found.provenance["notes"] if note.startswith("Lines that are like the server's")]
    assert '40 (10 like "' in note
    dropped = "\n".join(line for line in PLAIN.splitlines() if not any(end in line for end in ends)) + "\n"
    assert audit(dropped).summary.sessions.leaked == 8  # not there at all, they are missing; two calls are too young


def test_an_unread_line_of_one_session_says_nothing_of_the_others() -> None:
    lines = PLAIN.splitlines()
    kept = []
    ends = ("Remove Session", "Destroy Session", "Session Terminated")
    for line in lines:
        if "<00000000005e0003>" in line and any(end in line for end in ends):
            line = line.replace("<", "(").replace(">", ")")
        elif "<00000000005e0004>" in line and any(end in line for end in ends):
            continue
        kept.append(line)
    found = audit("\n".join(kept) + "\n")
    assert found.summary.sessions.leaked == 1
    assert [leak.session for leak in found.leaks if leak.cause] == [4]
    (alive,) = [leak for leak in found.leaks if not leak.cause]
    assert alive.session == 3
    assert "could not be read" in alive.explanation


def test_a_request_proves_that_the_open_before_it_was_answered() -> None:
    """The answer's line is missing: the session is up, not waiting for its open."""
    shows = ("Send Answer", "[completed]", "[ready]")  # each shows that the offer was answered
    begun = [line for line in PLAIN.splitlines() if line < "2024-02-02 10:00:02"]
    start = [line for line in begun if not any(word in line for word in shows)]
    request = "2024-02-02 10:00:05:000000 140000000000022 [INFO]   "
    request += "Process RECOGNIZE Request <00000000005e0000@speechrecog> [1]"
    response = request.replace("Request", "Response").replace("05:000000", "05:100000")
    late = "2024-02-02 10:01:30:000000 140000000000011 [NOTICE] MRCP Server Taken Offline"
    (waiting,) = audit("\n".join([*start, late]) + "\n").leaks
    assert waiting.cause != ""
    (ready,) = audit("\n".join([*[line for line in begun if "Send Answer" not in line], late]) + "\n").leaks
    assert (ready.state, ready.cause) == ("ACTIVE", "")
    (up,) = audit("\n".join([*start, request, response, late]) + "\n").leaks
    assert (up.state, up.cause) == ("ACTIVE", "")


MORE_WAYS = {
    "cat -n": lambda text: "".join(f"{n:6d}\t{line}\n" for n, line in enumerate(text.splitlines(), 1)),
    "rows of CSV": each(lambda line: '2024-02-02T10:00:00Z,"' + line.replace('"', '""') + '","{app=""unimrcp""}",7'),
    "a table": each(lambda line: f"| {line} |"),
    "hits of a search": each(
        lambda line: json.dumps({"_index": "a", "_source": {"host": {"n": "b"}, "message": line}})
    ),
    "an array of JSON": lambda text: (
        "[" + ",\n".join(json.dumps({"line": line, "time": "1"}) for line in text.splitlines()) + "]\n"
    ),
    "spreadsheet": lambda text: "".join('"' + line.replace('"', '""') + '"\n' for line in text.splitlines()),
    "word processor": lambda text: text.replace("<", "\u2039").replace(">", "\u203a"),
}


@pytest.mark.parametrize("way", MORE_WAYS)
def test_what_other_tools_made_of_a_log_is_undone_too(way: str) -> None:
    assert audit(MORE_WAYS[way](PLAIN)).summary.sessions == audit(PLAIN).summary.sessions


@pytest.mark.parametrize("at_blanks", [False, True])
@pytest.mark.parametrize("width", [60, 72, 80, 100])
def test_a_folded_line_has_the_blanks_that_it_had(width: int, at_blanks: bool) -> None:
    """[Demo Recog Engine] became [Demo RecogEngine] where the fold was at its blank, and stood still for ever."""
    lines = [line for line in text_of("vanish").decode().splitlines() if HEADER.match(line)][:4000]
    text = folded(width, at_blanks)("\n".join(lines)).encode()
    once = {" ".join(line.split()) for line in Decoder(text)(text).decode().splitlines()}
    tasks = [" ".join(line.split()) for line in lines if re.search(r"(?:Signal|Process|Wait for) Mess.*\[Demo", line)]
    assert len(tasks) > 100
    assert once.issuperset(tasks)


def test_a_log_with_the_newest_entry_first_is_refused() -> None:
    with pytest.raises(LogError, match=r"in order of time \(got the newest first: .*turn the file around"):
        audit("\n".join(reversed(PLAIN.splitlines())) + "\n")


@pytest.mark.parametrize("piece", [r"(?m)^.*\n", r"(?ms)^\d{4}-.*?(?=^\d{4}-|\Z)"], ids=["line", "entry"])
def test_a_log_in_which_everything_stands_twice_is_refused(piece: str) -> None:
    twice = re.sub(piece, lambda found: 2 * found[0], PLAIN)
    assert len(twice) > 1.9 * len(PLAIN)
    with pytest.raises(
        LogError, match=r"expected each entry once \(got \d+ of the first \d+ a second time.*two outputs"
    ):
        audit(twice)


def test_a_log_of_which_no_session_can_be_read_is_no_log_without_sessions(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text(re.sub(r"<[^>]*>", "", PLAIN), encoding="utf-8")
    done = CliRunner().invoke(build(), ["audit", str(path)])
    assert done.exit_code == 0
    assert "No session could be read, but" in done.stdout
    assert "There was no session at all" not in done.stdout
    done = CliRunner().invoke(build(), ["audit", "--fail-on", "sessions.leaked > 0", str(path)])
    assert done.exit_code == 2
    assert "--fail-on must have a log of which sessions can be read" in done.stderr


def test_prose_after_a_blank_line_is_no_part_of_a_folded_line() -> None:
    """ "undefined symbol: sger_so recognizer is not available:" was read."""
    failed = "2024-02-02 10:00:00:000000 [WARN]   Failed to Load DSO: /plugin/voskrecog.so: undefined symbol: sger_"
    (finding,) = audit(f"{failed}\n\nso recognizer is not available:\n").summary.findings
    assert "undefined symbol: sger_'" in finding.text
    assert "recognizer is not" not in finding.text


def test_marks_around_a_line_are_not_those_that_its_own_words_end_with() -> None:
    load = "2024-02-02 10:00:00:000000 [INFO]   Load Plugin [Kaldi-Recog-1] [/plugin/kaldirecog.so]"
    failed = "2024-02-02 10:00:00:100000 [WARN]   Failed to Load DSO: /plugin/kaldirecog.so: undefined symbol: ssptri__"
    (finding,) = audit(f"_{load}\n{failed}\n_{load.replace('10:00:00', '10:00:01')}_\n").summary.findings
    assert "undefined symbol: ssptri__'" in finding.text


def test_the_name_of_a_container_is_no_part_of_the_file_that_a_line_is_written_in() -> None:
    """ "The log has no TIME header" was said of `docker compose logs` with DATE, TIME, MARK and THREAD."""
    marked = (
        "unimrcp  | 2024-02-02 10:00:00:000000 src/mrcp_server.c:645 140000000000022 [NOTICE] Add Session <{:016x}>\n"
    )
    found = audit("".join(marked.format(number) for number in range(3)))
    assert "names of containers" in " ".join(found.provenance["notes"])
    assert not any("no TIME header" in note for note in found.provenance["notes"])
    assert found.summary.sessions.created == 3
