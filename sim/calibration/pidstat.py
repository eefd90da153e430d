"""What sysstat's `pidstat -t` prints, as far as calibration needs it: `%CPU`, `%wait` and context switches a thread.

Versions and options differ in their columns, in how time is written (12 or 24 hours, seconds since 1970 with -H or an
older -h) and in whether one line has everything (-h) or each report has a header of its own. So columns are found by
their names, and a line's time by its form.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NoReturn

import numpy as np

from sim.calibration.threads import DAY_S, Thread, ThreadTimes
from sim.errors import LogError
from sim.logs.reading.shown import shown

SERVER: Final = "unimrcpserver"
SERVER_THREAD: Final = "MRCP Server"
_BANNER: Final = re.compile(r"\S+ \S+ \(.*\)\s+(\S+)\s+\S+\s+\((\d+) CPUs?\)")
_TIME: Final = re.compile(r"(\d{1,2}):(\d\d):(\d\d)(?: ?([AaPp])\.?[Mm]\.?)?(?=\s)|(\d{9,10})(?=\s)")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)?")
_AVERAGE: Final = re.compile(r"[^\s:\d]+ ?:\s")  # "Average:", in the language of the locale
_EPOCH: Final = date(1970, 1, 1)
HALF_DAY_S: Final = DAY_S / 2
_INTERESTING: Final = ("%CPU", "%wait", "cswch/s", "nvcswch/s")


@dataclass(slots=True)
class _Sum:
    """What one thread or program did in each interval, by the interval's end: seconds, seconds, switches."""

    cpu: dict[float, float] = field(default_factory=dict)
    wait: dict[float, float] = field(default_factory=dict)
    slices: dict[float, float] = field(default_factory=dict)


@dataclass(slots=True)
class _State:
    """What was read so far."""

    name: str
    day: date | None = None
    processors: int | None = None
    columns: tuple[str, ...] = ()
    reading: bool = False  # below a header of times, not of averages
    days: int = 0  # midnights passed
    clock: float = -1.0  # the last time of day
    epoch: bool = False
    ends: list[float] = field(default_factory=list)  # of intervals; the first is the beginning of the first
    process: tuple[str, int] = ("", 0)  # the one whose threads follow
    owners: dict[int, tuple[str, int]] = field(default_factory=dict)  # of threads, by their number
    rows: dict[tuple[str, int, str, int], _Sum] = field(default_factory=dict)  # program, pid, thread, tid


def read(name: str, lines: Iterator[tuple[int, str]]) -> ThreadTimes:
    """The recording in the lines of a file. LogError with file and line at the first that is not pidstat's."""
    state = _State(name)
    for number, text in lines:
        banner = _BANNER.match(text)
        if banner is not None:
            _begin(state, number, text, banner)
        elif state.processors is None:
            _fail(name, number, "expected threads.csv or the output of 'pidstat -t 1', whose first line is such as "
                  "'Linux 6.1.0 (host) 11/25/2026 _x86_64_ (2 CPU)'", text)  # fmt: skip
        elif "Command" in text.split():
            _header(state, number, text)
        elif not _AVERAGE.match(text):
            _row(state, number, text)
    return _finished(state)


def _fail(name: str, number: int, expected: str, got: str) -> NoReturn:
    raise LogError(f"{name}:{number}: {expected} (got {shown(got.encode('utf-8', 'replace'))})")


def _begin(state: _State, number: int, text: str, banner: re.Match[str]) -> None:
    if state.processors is not None:
        _fail(state.name, number, "expected one recording in the file, and no second beginning", text)
    state.processors = int(banner[2])
    state.day = _day(banner[1])


def _day(text: str) -> date | None:
    """The banner's date where it is an ISO one; of others nobody knows which number is the month."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _header(state: _State, number: int, text: str) -> None:
    """The names of the columns; the first header's time is the beginning of the first interval."""
    rest = text.lstrip("# ").strip()
    state.reading = not _AVERAGE.match(rest)
    if not state.reading:
        return
    time = _TIME.match(rest)
    words = (rest[time.end() :] if time else rest.removeprefix("Time")).split()
    state.columns = tuple(words)
    if "TID" not in words:
        _fail(state.name, number, "expected a column TID; record the threads with 'pidstat -t'", text)
    if not any(column in words for column in _INTERESTING):
        _fail(state.name, number, f"expected one of the columns {', '.join(_INTERESTING)}", text)
    if time is not None and not state.ends:
        state.ends.append(_at(state, time))


def _at(state: _State, time: re.Match[str]) -> float:
    """A line's time in seconds, past midnights if need be."""
    if time[5] is not None:
        state.epoch = True
        return float(time[5])
    hour = int(time[1])
    if time[4] is not None:
        hour = hour % 12 + (12 if time[4] in "Pp" else 0)
    clock = hour * 3600.0 + int(time[2]) * 60 + int(time[3])
    if clock < state.clock - HALF_DAY_S:
        state.days += 1
    state.clock = clock
    return state.days * DAY_S + clock


def _row(state: _State, number: int, text: str) -> None:
    if not state.reading:
        return
    time = _TIME.match(text.lstrip())
    cells = text.lstrip()[time.end() :].split(None, len(state.columns) - 1) if time is not None else []
    if time is None or len(cells) != len(state.columns):
        expected = f"expected a time and {len(state.columns)} columns ({' '.join(state.columns)})"
        _fail(state.name, number, expected, text)
    found = dict(zip(state.columns, cells, strict=True))
    end = _at(state, time)
    if state.ends and end < state.ends[-1]:
        _fail(state.name, number, "expected times that ascend", text)
    if not state.ends or end > state.ends[-1]:
        state.ends.append(end)
    mine = _whose(state, number, text, found)
    for column, series, scale in (
        ("%CPU", mine.cpu, 0.01), ("%wait", mine.wait, 0.01), ("cswch/s", mine.slices, 1.0),
        ("nvcswch/s", mine.slices, 1.0),
    ):  # fmt: skip
        if column in found:
            if not _NUMBER.fullmatch(found[column]):
                _fail(state.name, number, f"expected {column} to be a number", found[column])
            series[end] = series.get(end, 0.0) + scale * float(found[column].replace(",", "."))


def _whose(state: _State, number: int, text: str, found: dict[str, str]) -> _Sum:
    """The sums of a line's thread, or of its program as a whole (thread number 0)."""
    process, thread, command = found.get("TGID", "-"), found["TID"], found["Command"].strip()
    ids = [part for part in (process, thread) if part != "-"]
    if len(ids) != 1 or not ids[0].isdigit():
        _fail(state.name, number, "expected a number below TGID, and - below TID, or the other way round", text)
    if thread == "-":
        state.process = (command, int(process))
        key = (*state.process, "", 0)
    else:
        owner = state.owners.setdefault(int(thread), state.process)
        key = (*owner, command.removeprefix("|__"), int(thread))
    return state.rows.setdefault(key, _Sum())


def _finished(state: _State) -> ThreadTimes:
    if len(state.ends) < 3:
        raise LogError(f"{state.name}: expected at least two intervals of 'pidstat -t 1' (got {len(state.ends)} times)")
    dated = state.epoch or state.day is not None
    midnight = 0.0 if state.epoch or state.day is None else (state.day - _EPOCH) / timedelta(seconds=1)
    ends = np.array(state.ends)
    length = np.diff(ends)

    def series(sums: dict[float, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        if not sums:
            return np.empty(0)
        rates = np.array([sums.get(end, 0.0) for end in state.ends[1:]])
        return np.concatenate(([0.0], np.cumsum(rates * length)))

    def thread(title: str, tid: int, sums: _Sum) -> Thread:
        cpu = series(sums.cpu)
        zero = np.zeros(len(ends)) if not len(cpu) else cpu
        return Thread(title, tid, ends + midnight, zero, series(sums.wait), series(sums.slices))

    servers = {pid for _, pid, name, _ in state.rows if name == SERVER_THREAD}
    threads = tuple(
        thread(title, tid, sums) for (_, pid, title, tid), sums in state.rows.items() if pid in servers and tid
    )
    others = tuple(
        thread(program, pid, sums)
        for (program, pid, title, _), sums in state.rows.items()
        if not title and pid not in servers and program != SERVER
    )
    return ThreadTimes(state.name, threads, others, None, state.processors, dated)
