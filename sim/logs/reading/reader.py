"""Log files as blocks of whole lines: plain, gzip, xz or standard input; rotated parts in the order of writing."""

# ruff: noqa: SIM115 - the files stay open until blocks() has read them

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import BinaryIO, Final

from sim.errors import LogError
from sim.logs.reading.clock import DAY, clock_micros, day_micros
from sim.logs.reading.foreign import seems
from sim.logs.reading.header import Layout, detect
from sim.logs.reading.shown import shown
from sim.logs.reading.stream import Stream

BLOCK: Final = 1 << 21
LONGEST: Final = 1 << 23  # of a line that is longer only the beginning is read
WRITER_S: Final = 10.0  # that a pipe without a writer is waited for
_HEAD: Final = 1 << 16
_TURNED_AROUND: Final = 20  # entries that go back in time
SHUFFLED: Final = 10  # of so many entries one goes back in time, where tasks write at once hardly one of 40 does
_ENOUGH_TWICE: Final = 20  # entries before it is said that each stands there twice
StrPath = str | os.PathLike[str]


@dataclass(slots=True)
class Source:
    """One log file with what its beginning shows."""

    name: str
    stream: Stream
    raw: BinaryIO
    head: bytes
    layout: Layout | None
    first: int | None = None  # time of the first entry in microseconds, since midnight when there is no date
    first_at: int = 0  # where in `head` it begins
    first_line: bytes = b""
    aliases: list[str] = field(default_factory=list)  # the same file, given once more

    @property
    def title(self) -> str:
        """The file as messages call it."""
        return "standard input" if self.name == "-" else self.name

    @property
    def begins_entry(self) -> bool:
        """Whether the file begins with an entry, and not with the rest of one that stands in the file before."""
        return self.layout is None or self.layout.bare or self.layout.pattern().match(self.head) is not None


def open_sources(paths: Sequence[StrPath]) -> list[Source]:
    """The files opened and in the order they were written. LogError names a file that can not be read or is no log."""
    if not paths:
        raise LogError("no log file given (expected at least one path, or - for standard input)")
    if [os.fspath(path) for path in paths].count("-") > 1:
        raise LogError("expected - (standard input) once at most (got it several times)")
    sources: list[Source] = []
    seen: dict[object, Source] = {}
    try:
        for path in paths:
            source = _open(os.fspath(path))
            same = seen.setdefault(_identity(source), source)
            if same is source:
                sources.append(source)
            else:
                same.aliases.append(source.title)
                _close(source)
        _check(sources)
        for source in sources:
            _refuse_disorder(source)
    except BaseException:
        for source in sources:
            _close(source)
        raise
    return _in_order(sources)


def _identity(source: Source) -> object:
    """Equal for two names of one file."""
    try:
        info = os.fstat(source.raw.fileno())
    except OSError:  # standard input that is no file
        return id(source)
    return (info.st_dev, info.st_ino) if stat.S_ISREG(info.st_mode) else id(source)


def _check(sources: Sequence[Source]) -> None:
    """LogError when there is text but nothing in it looks like the server's."""
    odd = next((source for source in sources if source.head.strip()), None)
    if odd is None or any(source.layout is not None for source in sources):
        return
    lines = odd.head.splitlines()
    number = next((i for i, line in enumerate(lines) if line.strip()), 0)
    raise LogError(
        f"{odd.title}:{number + 1}: expected a line of a UniMRCP server log, such as '2026-11-23 03:11:21:232322 "
        f"140236119037824 [NOTICE] UniMRCP Server [1.8.0]' (got {shown(lines[number])}); it seems to "
        f"be {seems(odd.head)}"
    )


def _close(source: Source) -> None:
    if source.name != "-":
        source.stream.close()
        source.raw.close()  # closing a gzip or xz stream leaves the file under it open


def _open(path: str) -> Source:
    if not path:
        raise LogError("expected the name of a log file (got an empty one); is a variable of the shell not set?")
    if path != "-" and Path(path).is_dir():
        raise LogError(f"{path}: expected a readable log file (got {_folder(Path(path))})")
    try:
        raw: BinaryIO = (
            sys.stdin.buffer if path == "-" else _open_pipe(path) if Path(path).is_fifo() else Path(path).open("rb")
        )
        stream = Stream(raw, "standard input" if path == "-" else path)
    except OSError as error:
        raise LogError(f"{path}: expected a readable log file ({error.strerror or error})") from error
    try:
        head = stream.head(_HEAD)
    except LogError:
        if path != "-":
            raw.close()
        raise
    layout = stream.layout or detect(head.splitlines()[:2000])
    source = Source(path, stream, raw, head, layout)
    _find_first(source)
    return source


def _open_pipe(path: str) -> BinaryIO:
    """A named pipe, which opens as soon as something writes into it. LogError when nothing does for WRITER_S."""
    opened: list[BinaryIO] = []
    opening = Thread(target=lambda: opened.append(Path(path).open("rb")), daemon=True)
    opening.start()
    opening.join(WRITER_S)
    if opened:
        return opened[0]
    os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))  # a writer for a moment: lets the other thread go on
    opening.join()
    opened[0].close()
    raise LogError(
        f"{path}: expected a pipe that something writes into (got one without a writer for {WRITER_S:g} s); start what "
        "writes first, or name a file"
    )


def _folder(path: Path) -> str:
    """What a folder is that was given in place of a log."""
    if (path / "summary.json").exists():
        return "a result folder: `mrcpsim report`, `leaks` and `timeline` read it"
    return "a folder: name the files in it, in any order"


def _find_first(source: Source) -> None:
    """Note the first entry that has a time."""
    layout = source.layout
    if layout is None or not layout.time:
        return
    for at, time, _, line in _times(source.head, layout):
        source.first, source.first_at, source.first_line = time, at, line.removesuffix(b"\r")
        return


def _times(head: bytes, layout: Layout) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Of the first entries that have a time: where each begins, its time, its thread (b"" without), its line."""
    pattern, at = layout.pattern(), 0
    for line in head.split(b"\n")[:2000]:
        match = pattern.match(line)
        if match is not None:
            with suppress(ValueError):
                time = clock_micros(match["time"]) + (day_micros(match["date"]) if layout.date else 0)
                yield at, time, match["thread"] if layout.thread else b"", line
        at += len(line) + 1


def _refuse_disorder(source: Source) -> None:
    """LogError for a log whose first entries are not each there once, in order of time."""
    layout = source.layout
    if layout is None or not layout.time:
        return
    entries = list(_times(source.head, layout))
    threads: dict[bytes, list[int]] = {}
    for _, time, thread, _ in entries:
        threads.setdefault(thread, []).append(time)
    _refuse_out_of_order(source, threads.values())
    if layout.usual:
        _refuse_twice(source, [line for *_, line in entries])


def _refuse_out_of_order(source: Source, threads: Iterable[Sequence[int]]) -> None:
    """LogError for a log that was turned around or shuffled on its way, as viewers and collectors of logs do: so that
    the times of one thread go back, where the log tells threads apart."""
    changes = [after - before for times in threads for before, after in pairwise(times) if after != before]
    back = sum(change < 0 for change in changes)
    if back >= _TURNED_AROUND and back * 5 > len(changes) * 4:
        raise LogError(
            f"{source.title}: expected the entries in order of time (got the newest first: {back} of {len(changes)} go "
            "back in time); turn the file around, for example with tac"
        )
    if back >= _TURNED_AROUND and back * SHUFFLED > len(changes):
        raise LogError(
            f"{source.title}: expected the entries in order of time (got {back} of the first {len(changes)} back "
            "in time); sort them by their time, each with the lines that belong to it, or take the server's own file"
        )


def _refuse_twice(source: Source, lines: Sequence[bytes]) -> None:
    """LogError for a log whose server wrote every entry twice: it would be twice the calls, and each of them broken."""
    again = sum(line == before for before, line in pairwise(lines))
    if len(lines) >= _ENOUGH_TWICE and again * 20 > len(lines) * 9:
        raise LogError(
            f"{source.title}: expected each entry once (got {again} of the first {len(lines)} a second time, to the "
            "microsecond); did two outputs go into one file? Take one away; where it is line by line, `uniq` does it"
        )


_STAMP = re.compile(r"_(\d{4})\.(\d\d)\.(\d\d)_(\d\d)\.(\d\d)\.(\d\d)\.(\d{6})")


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", Path(name).name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _in_order(sources: list[Source]) -> list[Source]:
    """By first time where the log has dates; by the time in the server's own file names; else by time of day,
    beginning after the largest gap (a log that crosses midnight); files without any time by name."""
    if len(sources) < 2:
        return sources
    if all(source.first is not None and source.layout is not None and source.layout.date for source in sources):
        return sorted(sources, key=lambda source: source.first or 0)
    stamps = [_STAMP.search(Path(source.name).name) for source in sources]
    if all(stamps):
        return [
            source
            for _, source in sorted(zip((m.groups() for m in stamps if m), sources, strict=True), key=lambda p: p[0])
        ]
    if all(source.first is not None for source in sources):
        ordered = sorted(sources, key=lambda source: source.first or 0)
        times = [source.first or 0 for source in ordered]
        gaps = [(times[i] - times[i - 1]) % DAY for i in range(len(times))]
        start = max(range(len(gaps)), key=gaps.__getitem__)
        return ordered[start:] + ordered[:start]
    return sorted(sources, key=lambda source: _natural(source.name))


def blocks(source: Source, size: int = BLOCK) -> Iterator[tuple[bytes, bytes]]:
    """Pairs (whole lines, rest): the rest is empty but for the last pair, a line without its end.

    Of a line longer than LONGEST only the beginning comes: memory does not grow with it.
    """
    pending, held = [source.head], len(source.head)
    try:
        while chunk := source.stream.read(size):
            cut = chunk.rfind(b"\n") + 1
            if cut:
                yield b"".join([*pending, chunk[:cut]]), b""
                pending, held = [chunk[cut:]], len(chunk) - cut
            elif held < LONGEST:
                pending.append(chunk)
                held += len(chunk)
        rest = b"".join(pending)
        cut = rest.rfind(b"\n") + 1
        yield rest[:cut], rest[cut:]
    finally:
        _close(source)
