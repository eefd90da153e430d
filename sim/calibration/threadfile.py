"""Recordings of a server's threads as files: our own `threads.csv`, or what sysstat's `pidstat -t` prints.

Both come from other people: bounded in size, every line checked, every error with file and line.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NoReturn

import numpy as np

from sim.calibration import pidstat
from sim.calibration.threads import Thread, ThreadTimes
from sim.errors import LogError
from sim.logs.reading.reader import StrPath
from sim.logs.reading.shown import shown
from sim.logs.reading.stream import Stream

LARGEST_FILE: Final = 256 * 2**20
LONGEST_LINE: Final = 4096
MOST_LINES: Final = 2_000_000
COLUMNS: Final = ("time", "tid", "name", "cpu_s", "runqueue_wait_s", "timeslices")
LOAD, IDLE = "load", "all-cpus-idle"
SERVER_THREADS: Final = ("MRCP Server", "MPF Scheduler")
EXPECTED: Final = "expected threads.csv, which begins with 'time,tid,name,cpu_s', or the output of 'pidstat -t 1'"
Line = tuple[int, str]


def read_threads(path: StrPath) -> ThreadTimes:
    """The recording in a file: plain, gzip or xz. LogError with file and line when it is no recording, or damaged."""
    name = str(path)
    try:
        with Path(path).open("rb") as raw:
            lines = _lines(name, raw_stream := Stream(raw, name))
            first = next(lines, None)
            if first is None:
                raise LogError(f"{name}: {EXPECTED} (got an empty file)")
            again = _with(first, lines)
            found = _csv(name, again) if first[1].startswith("time,") else pidstat.read(name, again)
            raw_stream.close()
    except OSError as error:
        raise LogError(f"{name}: expected a readable file ({error.strerror or error})") from error
    return _checked(found)


def _with(first: Line, rest: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from rest


def _lines(name: str, stream: Stream) -> Iterator[Line]:
    """Line numbers with their text, blank ones left out."""
    number, size, rest = 0, 0, b""
    head = stream.head(1 << 16)
    while head or rest:
        size += len(head)
        if size > LARGEST_FILE:
            raise LogError(f"{name}: expected a recording of at most {LARGEST_FILE >> 20} MiB (got a longer one)")
        *whole, rest = (rest + head).split(b"\n")
        if not head:
            whole, rest = [*whole, rest], b""
        for line in whole:
            number += 1
            if number > MOST_LINES:
                raise LogError(f"{name}: expected at most {MOST_LINES} lines (got more)")
            if len(line) > LONGEST_LINE:
                fail(name, number, f"expected a line of at most {LONGEST_LINE} bytes", line[:80])
            if line.strip():
                yield number, line.rstrip(b"\r").decode("utf-8-sig" if number == 1 else "utf-8", "replace")
        if len(rest) > LONGEST_LINE:
            fail(name, number + 1, f"expected a line of at most {LONGEST_LINE} bytes", rest[:80])
        head = stream.read(1 << 18) if head else b""


def fail(name: str, number: int, expected: str, got: bytes | str) -> NoReturn:
    """Refuse a line: where, what was expected, what came."""
    text = got.encode("utf-8", "replace") if isinstance(got, str) else got
    raise LogError(f"{name}:{number}: {expected} (got {shown(text)})")


def _csv(name: str, lines: Iterator[Line]) -> ThreadTimes:
    number, header = next(lines)
    columns = [cell.strip() for cell in header.split(",")]
    missing = [column for column in COLUMNS[:4] if column not in columns]
    if missing:
        fail(name, number, f"expected a column {missing[0]}; all are {', '.join(COLUMNS)}", header)
    place: dict[str, int] = {column: columns.index(column) for column in COLUMNS if column in columns}
    rows: dict[tuple[str, int], list[tuple[float, ...]]] = {}
    numbers = [column for column in COLUMNS if column in place and column not in ("name",)]
    for number, text in lines:
        cells = next(csv.reader([text]), [])
        if len(cells) != len(columns):
            fail(name, number, f"expected {len(columns)} cells", text)
        values = {column: _number(name, number, column, cells[place[column]]) for column in numbers}
        key = (cells[place["name"]].strip(), int(values["tid"]))
        row = tuple(values[column] for column in ("time", "cpu_s", "runqueue_wait_s", "timeslices") if column in values)
        before = rows.setdefault(key, [])
        if before and (row[0] <= before[-1][0] or any(now < then for now, then in zip(row, before[-1], strict=True))):
            fail(name, number, "expected ascending times, and figures since the thread's start that never fall", text)
        before.append(row)
    made = {key: _thread(key, points, place) for key, points in rows.items() if len(points) >= 2}
    threads = tuple(t for (what, _), t in made.items() if what not in (LOAD, IDLE))
    idle = next((t for (what, _), t in made.items() if what == IDLE), None)
    others = tuple(t for (what, _), t in made.items() if what == LOAD)
    return ThreadTimes(name, threads, others, idle, None, dated=True)


def _thread(key: tuple[str, int], points: Sequence[tuple[float, ...]], place: dict[str, int]) -> Thread:
    time, cpu, *more = np.array(points, dtype=np.float64).T
    rest = dict(zip((c for c in ("runqueue_wait_s", "timeslices") if c in place), more, strict=True))
    empty = np.empty(0)
    return Thread(*key, time, cpu, rest.get("runqueue_wait_s", empty), rest.get("timeslices", empty))


def _number(name: str, line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        fail(name, line, f"expected {column} to be a number of at least 0", text)
    return value


def _checked(found: ThreadTimes) -> ThreadTimes:
    """LogError when the server's threads are not in it."""
    names = {thread.name for thread in found.threads}
    missing = [name for name in SERVER_THREADS if name not in names]
    if missing:
        seen = ", ".join(sorted(names)[:6]) or "none"
        raise LogError(
            f"{found.source}: expected threads named {' and '.join(SERVER_THREADS)}, as UniMRCP names its own, at two "
            f"times at least (got {shown(seen.encode())}); record the server's threads with 'pidstat -t -u -w 1'"
        )
    return found
