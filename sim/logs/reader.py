"""Log files as blocks of whole lines: plain, gzip, xz or standard input; rotated parts in the order of writing."""

# ruff: noqa: SIM115 - the files stay open until blocks() has read them

import gzip
import io
import lzma
import os
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from sim.errors import LogError
from sim.logs.clock import DAY, clock_micros, day_micros
from sim.logs.header import Layout, detect

BLOCK: Final = 1 << 21
_HEAD: Final = 1 << 16
StrPath = str | os.PathLike[str]


@dataclass(slots=True)
class Source:
    """One log file with what its beginning shows."""

    name: str
    stream: BinaryIO
    raw: BinaryIO
    head: bytes
    layout: Layout | None
    first: int | None  # microseconds, since midnight when there is no date


def open_sources(paths: Sequence[StrPath]) -> list[Source]:
    """The files opened and in the order they were written. LogError names a file that can not be read or is no log."""
    if not paths:
        raise LogError("no log file given (expected at least one path, or - for standard input)")
    sources: list[Source] = []
    try:
        for path in paths:
            sources.append(_open(os.fspath(path)))
        _check(sources)
    except BaseException:
        for source in sources:
            _close(source)
        raise
    return _in_order(sources)


def _check(sources: Sequence[Source]) -> None:
    """LogError when there is text but nothing in it looks like the server's."""
    shown = next((source for source in sources if source.head.strip()), None)
    if shown is None or any(source.layout is not None for source in sources):
        return
    line = shown.head.split(b"\n", 1)[0][:80].decode("utf-8", "replace")
    raise LogError(
        f"{shown.name}:1: expected a line of a UniMRCP server log, such as '2026-11-23 03:11:21:232322 "
        f"140236119037824 [NOTICE] UniMRCP Server [1.8.0]' (got {line!r}); is this the server's own log?"
    )


def _close(source: Source) -> None:
    if source.name != "-":
        source.stream.close()
        source.raw.close()  # closing a gzip or xz stream leaves the file under it open


def _open(path: str) -> Source:
    try:
        raw: BinaryIO = sys.stdin.buffer if path == "-" else Path(path).open("rb")
        peekable = raw if hasattr(raw, "peek") else cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, raw)))
        magic = cast(io.BufferedReader, peekable).peek(6)[:6]
    except OSError as error:
        raise LogError(f"{path}: expected a readable log file ({error.strerror or error})") from error
    stream: BinaryIO = peekable
    if magic.startswith(b"\x1f\x8b"):
        stream = cast(BinaryIO, gzip.open(peekable))
    elif magic.startswith(b"\xfd7zXZ"):
        stream = cast(BinaryIO, lzma.open(peekable))
    try:
        head = _read(stream, _HEAD, path)
    except LogError:
        if path != "-":
            raw.close()
        raise
    lines = head.splitlines()[:2000]
    layout = detect(lines)
    return Source(path, stream, raw, head, layout, _first_time(lines, layout))


def _read(stream: BinaryIO, size: int, name: str) -> bytes:
    try:
        return stream.read(size)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise LogError(f"{name}: the compressed file is damaged or cut short ({error})") from error


def _first_time(lines: Sequence[bytes], layout: Layout | None) -> int | None:
    if layout is None or not layout.time:
        return None
    pattern = layout.pattern()
    for line in lines:
        match = pattern.match(line)
        if match is not None:
            try:
                return clock_micros(match["time"]) + (day_micros(match["date"]) if layout.date else 0)
            except ValueError:
                continue
    return None


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


def blocks(source: Source, carry: bytes = b"", size: int = BLOCK) -> Iterator[tuple[bytes, bytes]]:
    """Pairs (whole lines, rest): the rest is empty but for the last pair, a line without its end. `carry` is such a
    rest of the file before: it is put before the first line when that does not begin an entry of its own."""
    pattern = source.layout.pattern() if source.layout is not None and not source.layout.bare else None
    if carry and (pattern is None or pattern.match(source.head)):
        carry += b"\n"
    pending = [carry, source.head]
    try:
        while True:
            chunk = _read(source.stream, size, source.name)
            if not chunk:
                break
            cut = chunk.rfind(b"\n") + 1
            if cut:
                yield b"".join([*pending, chunk[:cut]]), b""
                pending = [chunk[cut:]]
            else:
                pending.append(chunk)
        rest = b"".join(pending)
        cut = rest.rfind(b"\n") + 1
        yield rest[:cut], rest[cut:]
    finally:
        _close(source)
