"""Every text of the server's sources, 0.9 to 1.8, is told from every other, and from those of clients and forks."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs.lines import FIELD, example

from sim.logs.reading.wording import ALL_LINES, alike, matcher, recognise, side
from sim.vocabulary.lines import FIELDS, FREE, LINES, VERSIONS, Kind, Line

TEXTS = Path(__file__).parent.parent / "data" / "server_texts.tsv"
"""The text of every apt_log call of UniMRCP 0.9.0 to 1.8.0 (server, client, and the libraries that both have)."""


def rows() -> list[dict[str, str]]:
    with TEXTS.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def said_as(text: bytes) -> tuple[str, str]:
    found = recognise(text)
    return ("", "") if found is None else (found[0].kind.name, found[0].text)


def wordings(text: str) -> list[bytes]:
    """A text of the sources, whose fields are not told apart there, in the forms that it may have in a log."""
    values = ("some words here", "10.0.0.1:1544 <-> 10.0.0.9:40000", "10.0.0.1", "0x7f2000001000", "RECOGNIZE", "A->B")
    names = ("00000000005e0000", "00000000005e0000@speechrecog")
    return [example(text, words=words, id=name) for words in values for name in names]


def test_every_line_is_read_as_itself_and_as_no_other() -> None:
    wrong = [
        (line.text, said_as(example(line.text))) for line in ALL_LINES if said_as(example(line.text))[1] != line.text
    ]
    assert wrong == []


def test_all_pairs_of_lines_are_told_apart_by_their_whole_text() -> None:
    """Where the form of one takes the text of another, that is a line of the same meaning, or the other comes first."""
    order = {id(line): place for place, line in enumerate(ALL_LINES)}
    made = [(line, example(line.text)) for line in ALL_LINES]
    both = Counter[str]()
    for line in ALL_LINES:
        fits = matcher(line)
        for other, text in made:
            if other is not line and fits(text, 0, len(text)) is not None:
                assert order[id(other)] < order[id(line)] or other.kind is line.kind, (line.text, other.text)
                both[line.text] += 1
    assert sum(both.values()) <= 20, both


def test_every_text_of_the_sources_is_known_with_its_side_and_level() -> None:
    for row in rows():
        found = {known[0] for text in wordings(row["text"]) if (known := recognise(text)) is not None}
        sides = {side(line) for line in found}
        assert found, row
        if row["side"] == "client":
            assert "server" not in sides, (row, found)
        else:
            assert sides != {"client"}, (row, found)
        if row["side"] == "server":
            assert row["level"] in {line.level for line in found} or "SIP Call State" in row["text"], (row, found)


def test_the_versions_of_each_line_are_those_whose_sources_have_it() -> None:
    """A text that two templates of the table share is written by the versions of both."""
    order = VERSIONS.index
    for row in rows():
        known = {hit[0] for text in wordings(row["text"]) if (hit := recognise(text)) is not None}
        mine = [line for line in known if line in LINES and not line.shared and line.kind is not Kind.OTHER]
        if mine and row["side"] == "server":
            assert min(order(x.since) for x in mine) <= order(row["since"]), (row, mine)
            assert max(order(x.until) for x in mine) >= order(row["until"]), (row, mine)


def filled(line: Line) -> st.SearchStrategy[bytes]:
    parts = [
        st.just(re.escape(piece)) if at % 2 == 0 else st.just(f"(?:{FIELDS.get(piece, FREE)})")
        for at, piece in enumerate(FIELD.split(line.text))
    ]
    alphabet = st.characters(min_codepoint=32, max_codepoint=126)
    return st.tuples(*parts).flatmap(
        lambda pieces: st.from_regex("".join(pieces), fullmatch=True, alphabet=alphabet).map(str.encode)
    )


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([x for x in LINES if x.kind not in (Kind.OTHER, Kind.SIP_EVENT)]).flatmap(
    lambda line: st.tuples(st.just(line), filled(line))
))  # fmt: skip
def test_whatever_its_fields_hold_a_line_is_of_its_kind(pair: tuple[Line, bytes]) -> None:
    line, text = pair
    found = recognise(text)
    assert found is not None
    assert found[0].kind is line.kind, (text, found[0].text)


LOOK_ALIKE = [
    # what is written, what it must not be taken for
    ("UniMRCP Client [1.8.0]", "START"),
    ("UniMRCP Server stopped", "START"),
    ("UniMRCP Server [1.8.0] is not installed", "START"),
    ("Accepted RTSP Connection 10.0.0.1:1554 <-> 10.0.0.9:40000", "TCP_ACCEPT"),
    ("Accepted TCP Connection 10.0.0.1:1554 <-> 10.0.0.9:40000", "TCP_ACCEPT"),
    ("Established TCP/MRCPv2 Connection 10.0.0.9:40000 <-> 10.0.0.1:1544", "TCP_ACCEPT"),
    ("Close TCP/MRCPv2 Connection 10.0.0.9:40000 <-> 10.0.0.1:1544", "TCP_DISCONNECT"),
    ("Reject Unexpected TCP/MRCPv2 Connection 10.0.0.9:40000 <-> 10.0.0.1:1544", "TCP_ACCEPT"),
    ("Session Termination Already Initiated <00000000005e0000>", "TERMINATED"),
    ("Session Terminated 0x7f2000001000", "TERMINATED"),
    ("Session Terminated by peer", "TERMINATED"),
    ("Terminate Session ASR-1 <00000000005e0000>", "TERMINATE"),
    ("Terminate Remaining RTSP Handles [3]", "RTSP_ORPHANS"),
    ("Destroy RTSP Session <00000000005e0000>", "DESTROY"),
    ("Destroy MRCP Handle 0x7f2000001000", "DESTROY"),
    ("Destroy Session Pool", "DESTROY"),
    ("Destroy RTSP Connection 10.0.0.1:1554 <-> 10.0.0.9:40000", "TCP_DESTROY"),
    ("Add RTSP Session <00000000005e0000>", "ADD"),
    ("Add RTSP Session 0x7f2000001000 <00000000005e0000>", "ADD"),
    ("Add Session Attribute foo", "ADD"),
    ("Remove RTSP Session <00000000005e0000>", "REMOVE"),
    ("Remove MRCP Handle 0x7f2000001000 <00000000005e0000>", "REMOVE"),
    ("Create RTSP Session <00000000005e0000>", "CREATE"),
    ("Create Session Timer", "CREATE"),
    ("Create Channel 0x7f2000001000 <new>", "CREATE"),
    ("Receive Answer 0x7f2000001000 <00000000005e0000> [c:1 a:1 v:0] Status 200", "ANSWER"),
    ("Send Offer 0x7f2000001000 <00000000005e0000> [c:1 a:1 v:0] to 10.0.0.1:8060", "OFFER"),
    ("Receive App Request 0x7f2000001000 <new> [2]", "OFFER"),
    ("Add Control Channel 0x7f2000001000 <00000000005e0000@speechrecog>", "CHANNEL_ADD"),
    ("Add Control Channel <00000000005e0000@speechrecog> 10.0.0.1:1544 <-> 10.0.0.9:4000 [1]", "PENDING_ADD"),
    ("Control Channel Added 0x7f2000001000 <00000000005e0000@speechrecog>", "CHANNEL_MODIFIED"),
    ("Remove Control Channel 0x7f2000001000 <00000000005e0000>", "CHANNEL_REMOVE"),
    ("Modify Control Channel 0x7f2000001000 <00000000005e0000>", "CHANNEL_MODIFY"),
    ("Media Termination Added 0x7f2000001000 <00000000005e0000@rtp-tm>", "TERMINATION_MODIFIED"),
    ("Media Termination Subtracted ASR-0 <00000000005e0000@rtp-tm>", "TERMINATION_SUBTRACTED"),
    ("Add Media Termination 0x7f2000001000 <00000000005e0000@rtp-tm>", "TERMINATION_ADD"),
    ("Process Pending SPEAK Request <00000000005e0000@speechsynth> [2]", "MRCP"),
    ("Process Feature Tag [x] 0x7f2000001000 <00000000005e0000>", "MRCP"),
    ("Unexpected SPEAK-COMPLETE Event <00000000005e0000@speechsynth> [1]", "MRCP"),
    ("Ignore SPEAK-COMPLETE Event <00000000005e0000@speechsynth> [1]: waiting for STOP response", "MRCP"),
    ("Reject RECORD Request <00000000005e0000@recorder> [1]", "MRCP"),
    ("Queue Up SPEAK Request <00000000005e0000@speechsynth> [2]", "PUSH"),
    ("Push RTSP Request to Queue <00000000005e0000>", "PUSH"),
    ("Push RTSP Request to Pending Queue 0x7f2000001000", "PUSH"),
    ("Disable RTP Session 10.0.0.1:5000", "RTP_ENABLE"),
    ("Reject RTP Session 10.0.0.1:5000 no codecs matched", "RTP_REMOVE"),
    ("Failed to Find MRCP Engine for Resource [speechrecog] 0x7f2000001000 <00000000005e0000>", "FOUND_ENGINE"),
    ("No Such MRCP Engine by Name [x] for Resource [speechrecog] 0x7f2000001000 <00000000005e0000>", "FOUND_ENGINE"),
    ("MRCP Engine [x] not Ready for Resource [speechrecog] 0x7f2000001000 <00000000005e0000>", "FOUND_ENGINE"),
    ("No Such RTSP Session <00000000005e0000>", "NO_RESOURCE"),
    ("Cannot do Resource Discovery in Offline Mode", "OFFLINE"),
    ("Failed to Add RTSP Listening Socket to Pollset", "TCP_REFUSED"),
    ("Failed to Add Listening Socket to Pollset [MRCPv2-Agent-1]", "TCP_REFUSED"),
    ("MRCP Client Terminated", "SERVER_TERMINATED"),
    ("MRCP Server Brought Online", "SHUTDOWN"),
    ("Shutdown Pending: release open sessions [3]", "SHUTDOWN_PENDING"),
    ("Create MRCPv2 Agent [MRCPv2-Agent-1] [100]", "CONNECTION_AGENT"),
    ("Create UniRTSP Agent [RTSP-Agent-1] 10.0.0.1:1554 [100]", "CONNECTION_AGENT"),
    ("Create Media Engine", "MEDIA_ENGINE"),
    ("Timer Elapsed 0x7f2000001000 [30000]", "TCP_ELAPSED"),
    ("Set Timer 0x7f2000001000 [30000]", "TCP_TIMER"),
    ("Max Use Count Reached for Connection 10.0.0.1:1544 <-> 10.0.0.9:4000 [100]", "ASSIGN"),
    ("Unknown Task Message Received [1;2]", "SIGNAL"),
    ("Process MPF Event", "PROCESS"),
    ("Process Message", "PROCESS"),
    ("Signal Message to the server", "SIGNAL"),
    ("RTSP Peer Disconnected 10.0.0.1:1554 <-> 10.0.0.9:40000", "TCP_DISCONNECT"),
    ("RTSP Connection Timed Out 10.0.0.1:1554 <-> 10.0.0.9:40000", "TCP_TIMED_OUT"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "other"), LOOK_ALIKE, ids=[text[:50] for text, _ in LOOK_ALIKE])
def test_a_text_that_looks_like_another_line_is_not_taken_for_it(text: str, other: str) -> None:
    assert Kind[other]  # such a kind exists
    assert said_as(text.encode())[0] != other


def test_a_line_whose_fields_are_damaged_is_like_its_kind_and_is_not_read() -> None:
    for text, kind in (
        (b"Add Session (00000000005e0000)", Kind.ADD), (b"Receive Offer 0x7f20 ", Kind.OFFER),
        (b"Engine Channel Closed", Kind.CLOSED), (b"Process RECOGNIZE Request <", Kind.MRCP),
    ):  # fmt: skip
        assert recognise(text) is None
        assert alike(text) is kind
    assert alike(b"Add Sessions to the list") is None
    assert alike(b"my plugin: Add Session <1>") is None
