"""Pieces of a log that repeat what was read before (a copy, an older state, an overlapping part) are read once.

The first entry of each file still to come is looked for in what is read: its time has microseconds, so it stands in one
place. From there on that file must go on as what was read does, or something is wrong.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sim.errors import LogError
from sim.logs.reading.clock import DAY
from sim.logs.reading.reader import Source
from sim.logs.reading.shown import shown

_CHUNK: Final = 1 << 14
_DISORDER: Final = 1_000_000  # microseconds by which entries of several threads may stand in another order
Piece = tuple[bytes, bytes]  # whole lines, and a last line without its end


class _Print:
    """Tells two streams of bytes apart that should be one: the digest of every _CHUNK bytes."""

    def __init__(self) -> None:
        self.length = 0
        self._whole: list[bytes] = []
        self._open = hashlib.blake2b(digest_size=8)

    def take(self, text: bytes) -> None:
        at = 0
        while at < len(text):
            piece = text[at : at + _CHUNK - self.length % _CHUNK]
            self._open.update(piece)
            at += len(piece)
            self.length += len(piece)
            if self.length % _CHUNK == 0:
                self._whole.append(self._open.digest())
                self._open = hashlib.blake2b(digest_size=8)

    def begins(self, other: "_Print") -> bool:
        """Whether this, which is no longer than `other`, is its beginning (but for the last chunk of a shorter one)."""
        if self._whole != other._whole[: len(self._whole)]:
            return False
        return self.length < other.length or self._open.digest() == other._open.digest()


@dataclass(slots=True)
class _Coming:
    """A file that was not read yet, and what was read since its first entry was seen."""

    source: Source
    found_in: str = ""
    since: _Print = field(default_factory=_Print)


class Repeats:
    """`watch` is shown everything that is read; `fresh` leaves out what a file repeats of it, and says so in `said`."""

    def __init__(self, sources: Sequence[Source], said: list[str]) -> None:
        self.said = said
        self._coming = {id(s): _Coming(s) for s in sources[1:] if s.first is not None}

    def watch(self, name: str, block: bytes, low: int | None, high: int | None) -> None:
        """`block` of the file `name` was read; the clock went from `low` to `high`, as the log writes it."""
        for coming in self._coming.values():
            if coming.found_in:
                coming.since.take(block)
            elif _passed(coming.source, low, high):
                at = _line_at(block, coming.source.first_line)
                if at >= 0:
                    coming.found_in = name
                    coming.since.take(block[at:])

    def fresh(self, source: Source, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """The pieces of a file without what was read before. LogError when it goes on otherwise."""
        known = self._coming.pop(id(source), None)
        if known is None or not known.found_in:
            yield from pieces
            return
        before, left = source.first_at, known.since.length
        again, lines, more = _Print(), 0, False
        for block, rest in pieces:
            ahead = min(before, len(block))
            old = block[ahead : ahead + left]
            before -= ahead
            left -= len(old)
            lines += old.count(b"\n")
            again.take(old)
            if left or before:
                continue
            if old:
                _agree(again, known)
            new = block[ahead + len(old) :]
            if new or rest:
                more = more or bool(new)
                yield new, rest
        _agree(again, known)
        if more:
            self.said.append(f"{source.title} begins with {lines} lines that {known.found_in} has too; counted once.")
        else:
            self.said.append(f"{source.title} has nothing that is not in {known.found_in} too; counted once.")

    def repeats(self, source: Source) -> bool:
        """Whether `source`, which is next, begins with lines that were read before."""
        coming = self._coming.get(id(source))
        return coming is not None and bool(coming.found_in)


def _agree(again: _Print, known: _Coming) -> None:
    """LogError when what a file repeats is not what was read."""
    if not again.begins(known.since):
        raise LogError(
            f"{known.source.title}: has the entry {shown(known.source.first_line)} of {known.found_in}, but then other "
            "lines; expected parts of one server's log, whole or cut (leave one of the two out)"
        )


def _passed(source: Source, low: int | None, high: int | None) -> bool:
    """Whether the first entry of `source` may stand between two times."""
    if low is None or high is None or source.first is None or source.layout is None:
        return False
    since, span = source.first - low + _DISORDER, high - low + 2 * _DISORDER
    if source.layout.date:
        return 0 <= since <= span
    return since % DAY <= span % DAY


def _line_at(block: bytes, line: bytes) -> int:
    """Where `line` begins in `block` as a whole line; -1: nowhere."""
    at = block.find(line)
    while at >= 0:
        after = block[at + len(line) : at + len(line) + 2]
        if (at == 0 or block[at - 1] == 10) and after.startswith((b"\n", b"\r\n")):
            return at
        at = block.find(line, at + 1)
    return -1
