"""Recordings of a server's threads: read in every form that sysstat writes, refused with file and line, and fitted."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sim.calibration.calibrate import calibrate_logs
from sim.calibration.found import Calibration
from sim.calibration.threadfile import read_threads
from sim.calibration.threads import ThreadTimes, named, sip_pair, used
from sim.errors import LogError
from sim.scenario import expected, load_scenario

TRACES = Path(__file__).parents[1] / "data" / "traces"
THREADS = {"MRCP Server": 101, "SIP-Agent-1": 102, "MPF Scheduler": 103, "SIP-Agent-2": 104, "Demo Recog Engi": 105}
PERCENT = {"MRCP Server": 6.0, "SIP-Agent-1": 20.0, "MPF Scheduler": 11.0, "SIP-Agent-2": 4.0, "Demo Recog Engi": 2.5}
BANNER = "Linux 6.1.0-18-amd64 (pbx7) \t{date} \t_x86_64_\t(4 CPU)\n\n"
COLUMNS = "   UID      TGID       TID    %usr %system  %guest   %wait    %CPU   CPU  Command\n"
SWITCHES = "   UID      TGID       TID   cswch/s nvcswch/s  Command\n"


def clock_24(second: int) -> str:
    return f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def clock_12(second: int) -> str:
    hour = second // 3600 % 24
    return f"{hour % 12 or 12:02d}:{second // 60 % 60:02d}:{second % 60:02d} {'PM' if hour >= 12 else 'AM'}"


def shown(name: str) -> str:
    """A thread's name as Linux has it: the NUA stack's thread and the SIP agent's are called the same."""
    return "SIP-Agent-1" if name == "SIP-Agent-2" else name


def lines(stamp: str, percent: str = "{:7.2f}", wait: bool = True) -> Iterator[str]:
    """One interval of `pidstat -t`, as sysstat 12.6 (11.5 without %wait) prints it."""
    waits = f" {percent.format(1.5)}" if wait else ""
    use = f"{percent.format(30)} {percent.format(13.5)}    0.00{waits} {percent.format(43.5)}     1"
    yield f"{stamp}  1001      9000         - {use}  unimrcpserver\n"
    for name, tid in THREADS.items():
        use = percent.format(PERCENT[name])
        yield f"{stamp}  1001         - {tid:9d} {use}    0.00    0.00{waits} {use}     1  |__{shown(name)}\n"
    use = f"{percent.format(8)}    0.00    0.00{waits} {percent.format(8)}     2"
    yield f"{stamp}     0      7000         - {use}  sipp\n"
    yield f"{stamp}     0         -      7000 {use}  |__sipp\n"


def report(
    clock: Callable[[int], str] = clock_24, start: int = 36_000, date: str = "11/25/2026", **form: object
) -> str:
    """Four seconds of `pidstat -t 1`, with a header for each and averages at the end."""
    text = BANNER.format(date=date)
    columns = COLUMNS if form.get("wait", True) else COLUMNS.replace("   %wait", "")
    for i in range(4):
        text += clock(start + i) + columns + "".join(lines(clock(start + i + 1), **form)) + "\n"  # type: ignore[arg-type]
    return text + "Average:" + columns + "".join(lines("Average:", **form))  # type: ignore[arg-type]


def with_switches() -> str:
    """`pidstat -t -u -w 1`: two reports for each second."""
    text = BANNER.format(date="11/25/2026")
    for i in range(4):
        text += clock_24(i) + COLUMNS + "".join(lines(clock_24(i + 1))) + "\n" + clock_24(i) + SWITCHES
        for name, tid in THREADS.items():
            text += f"{clock_24(i + 1)}  1001         - {tid:9d}    450.00     50.00  |__{shown(name)}\n"
        text += "\n"
    return text


def on_one_line(epoch: bool) -> str:
    """`pidstat -h -t -u -w 1`: the header once, each line complete; times since 1970 in versions up to 11."""
    text = (
        BANNER.format(date="2026-11-25") + "# Time     " + COLUMNS.replace("  Command", "   cswch/s nvcswch/s  Command")
    )
    for i in range(1, 5):
        stamp = str(1_795_600_000 + i) if epoch else clock_24(i)
        for line in lines(stamp):
            head, space, command = line.rpartition("  ")
            text += f"{head}    450.00     50.00{space}{command}"
    return text


FORMS = {
    "24 hours": report(), "12 hours": report(clock_12, 12 * 3600 - 2), "across midnight": report(clock_24, 86_398),
    "12 hours across midnight": report(clock_12, 86_398), "no %wait (11.5)": report(wait=False),
    "decimal comma": report().replace(".", ",").replace("Average:", "Moyenne :"), "ISO date": report(date="2026-11-25"),
    "with -w": with_switches(), "with -h": on_one_line(epoch=False),
    "with -h, seconds since 1970": on_one_line(epoch=True),
}  # fmt: skip


@pytest.fixture
def recording(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "threads.txt"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_pidstat_gives_the_same_processor_time(form: str, recording: Callable[[str], Path]) -> None:
    found = read_threads(recording(FORMS[form]))
    begin, end = found.span
    seconds = end - begin
    assert seconds == (3.0 if "-h" in form else 4.0)  # with -h nothing says when the first interval began
    assert found.processors == 4
    for thread in found.threads:
        percent = sorted(PERCENT.values()) if thread.name == "SIP-Agent-1" else [PERCENT[thread.name]]
        assert any(used(thread, begin, end).cpu_s == pytest.approx(seconds * p / 100) for p in percent)
    assert [(other.name, used(other, begin, end).cpu_s) for other in found.others] == [
        ("sipp", pytest.approx(seconds * 0.08))
    ]


def test_the_busier_of_two_threads_of_one_name_is_the_nua_stack(recording: Callable[[str], Path]) -> None:
    pair = sip_pair(read_threads(recording(report())))
    assert pair is not None
    assert (pair[0].number, pair[1].number) == (102, 104)


def test_waiting_and_switches_are_read_where_they_are_printed(recording: Callable[[str], Path]) -> None:
    found = read_threads(recording(with_switches()))
    server = named(found, "MRCP Server")
    assert server is not None
    use = used(server, *found.span)
    assert use.wait_s == pytest.approx(4 * 0.015)
    assert use.slices == pytest.approx(4 * 500)
    plain = named(read_threads(recording(report(wait=False))), "MRCP Server")
    assert plain is not None
    assert used(plain, 0.0, 1.0).wait_s is None


CSV = "time,tid,name,cpu_s,runqueue_wait_s,timeslices\n1.0,5,MRCP Server,0.5,0.1,9\n1.0,6,MPF Scheduler,0.5,0.1,9\n"
BROKEN = {
    "empty": ("", "threads.txt: expected threads.csv"),
    "another program's": ("top - 10:53:14 up 7 min\n", "threads.txt:1: expected threads.csv or the output"),
    "without -t": (report().replace("TGID       TID", "       PID"), "threads.txt:3: expected a column TID"),
    "memory only": (
        report().replace("%usr %system  %guest   %wait    %CPU   CPU", "minflt/s majflt/s VSZ RSS %MEM x"),
        "threads.txt:3: expected one of the columns %CPU",
    ),
    "a line cut off": (report().replace("|__MPF Scheduler", "", 1), "threads.txt:7: expected a time and 10 columns"),
    "a percentage in words": (report().replace("  20.00 ", "   lots ", 2), "threads.txt:6: expected %CPU to be a"),
    "back in time": (report().replace("10:00:03", "10:00:01"), "threads.txt:24: expected times that ascend"),
    "two recordings": (report() + report(), "expected one recording in the file"),
    "other threads": (report().replace("MRCP Server", "unimrcpserver"), "expected threads named MRCP Server"),
    "csv without a column": ("time,tid,name,cpu\n1,2,x,3\n", "threads.txt:1: expected a column cpu_s"),
    "csv with a word": (CSV + "2.0,5,MRCP Server,much,0.1,9\n", "threads.txt:4: expected cpu_s to be a number"),
    "csv with too few cells": (CSV + "2.0,5,MRCP Server\n", "threads.txt:4: expected 6 cells"),
    "csv that falls": (CSV + "2.0,5,MRCP Server,0.4,0.1,9\n", "threads.txt:4: expected ascending times"),
    "csv without times": (CSV, "expected threads named MRCP Server"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_recording_is_refused_with_file_and_line(case: str, recording: Callable[[str], Path]) -> None:
    text, expected_words = BROKEN[case]
    with pytest.raises(LogError) as caught:
        read_threads(recording(text))
    assert expected_words in str(caught.value)


@pytest.mark.parametrize("hours", [0, 2, -5, 5.5])
def test_a_recording_in_another_time_zone_is_moved_to_the_logs_clock(hours: float) -> None:
    found = read_threads(TRACES / "one400.threads.csv")
    begin, end = found.span
    moved = found.moved_to(begin + hours * 3600 - 1.0, end + hours * 3600, dated=True)
    assert moved.span[0] == pytest.approx(1.0)
    undated = found.moved_to((begin + hours * 3600 - 1.0) % 86400, (end + hours * 3600) % 86400, dated=False)
    assert undated.span[0] == pytest.approx(1.0)


def test_a_recording_of_another_day_is_refused() -> None:
    found = read_threads(TRACES / "one400.threads.csv")
    begin, end = found.span
    with pytest.raises(LogError, match="expected a recording made while the log was written"):
        found.moved_to(begin + 30 * 86400 + 100_000, end + 30 * 86400 + 100_000, dated=True)


# --- what is fitted ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one400() -> Calibration:
    return calibrate_logs([TRACES / "one400.log.xz"], threads=TRACES / "one400.threads.csv")


@pytest.fixture(scope="module")
def times() -> ThreadTimes:
    return read_threads(TRACES / "one400.threads.csv")


def test_a_log_of_one_processor_is_known_by_itself(one400: Calibration) -> None:
    assert one400.mapping["server"]["processors"]["count"] == 1
    assert one400.mapping["server"]["processors"]["other_load"] == 0.0
    assert "held_answers" not in one400.mapping["server"]["media"]
    assert "interference" not in one400.mapping["server"]


def test_the_load_generators_clock_is_seen_in_when_its_calls_begin(one400: Calibration) -> None:
    """SIPp slept in poll, on a kernel of 250 Hz; a client that draws its own times shows no clock."""
    assert one400.mapping["client"]["clock"] == "4ms"
    assert "clock" not in calibrate_logs([TRACES / "pools.log.xz"]).mapping["client"]


def test_the_servers_threads_add_up_to_what_they_used(one400: Calibration, times: ThreadTimes, tmp_path: Path) -> None:
    """Messages times their processor time, and slices times that of a switch, are the thread's own processor time."""
    made = tmp_path / "one400.yaml"
    one400.save(made)
    scenario = load_scenario(made)
    switch = scenario.server.processors.scheduler.switch_cost
    assert 4e-6 < switch < 8e-6
    # the server task: eight messages a call, each between its warmest and its coldest
    server = named(times, "MRCP Server")
    assert server is not None
    use = used(server, *times.span)
    costs = scenario.server.costs.server
    kinds = (
        "offer",
        "channel_added",
        "mpf_response",
        "opened",
        "terminate",
        "channel_removed",
        "mpf_subtracted",
        "closed",
    )
    cold = 2800 * sum(float(expected(getattr(costs, kind))) for kind in kinds)
    assert use.slices is not None
    work = use.cpu_s - switch * use.slices
    assert scenario.server.warm.server * cold < work < 0.75 * cold


def test_the_media_engines_cost_comes_from_its_thread(one400: Calibration, tmp_path: Path) -> None:
    made = tmp_path / "one400.yaml"
    one400.save(made)
    media = load_scenario(made).server.media
    assert 1.5e-6 < float(expected(media.cost_per_context)) < 2.5e-6  # the log alone says 1.9 µs
    assert media.cost_per_tick < 50e-6


def test_without_a_recording_it_says_what_it_assumed() -> None:
    found = calibrate_logs([TRACES / "unknown.log.xz"])
    assert found.mapping["server"]["processors"]["count"] == 2
    text = " ".join(found.text.replace("#", " ").split())
    assert "ASSUMED; its threads' lines lie side by side, so at least two" in text
    assert "ASSUMED: nothing else runs on them" in text


def test_the_warm_part_of_a_stack_that_logs_nothing_is_said_to_be_assumed(one400: Calibration) -> None:
    warm = one400.mapping["server"]["warm"]
    assert warm["nua"] == pytest.approx(warm["server"] / 2)
    text = " ".join(one400.text.replace("#", " ").split())
    assert "ASSUMED, for the NUA stack logs nothing: 0.5 of the server task's" in text


def test_windows_of_a_recording_are_seconds_of_its_threads(times: ThreadTimes) -> None:
    begin, end = times.span
    every = np.sum([used(thread, begin, end).cpu_s for thread in times.threads])
    assert 2.8 < every < 3.0


def test_of_the_two_laws_of_warmth_a_cost_has_the_one_that_its_times_follow(one400: Calibration) -> None:
    costs = one400.mapping["server"]["warm"]["costs"]
    assert set(costs["sip_agent"]) == {"i_invite", "i_state", "i_terminated"}  # i_other follows how long it was idle
    assert "terminate" not in costs["server"]
    by_task, by_kind = costs["server"]["offer"]
    assert 0.1 < by_task < 0.3
    assert 0.4 < by_kind < 0.6
    assert one400.mapping["server"]["warm"]["task_cooling"] == "100us"
