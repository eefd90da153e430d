"""Every line of a block of log is either an entry with time, thread and kind, part of a multi-line entry, or counted
as not understood. Whole blocks are cut with NumPy; Python sees only the lines that matter."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.errors import LogError
from sim.logs.reading.clock import DAY, Clock, clock_micros, day_micros
from sim.logs.reading.header import Layout
from sim.logs.reading.order import in_order
from sim.logs.reading.seen_before import SeenBefore
from sim.logs.reading.shown import shown
from sim.logs.reading.wording import (
    BODIES,
    BODY,
    CARRIES,
    ENTRIES,
    OWN_KINDS,
    PLACES,
    PROCESS,
    SIGNAL,
    UNREAD,
    Places,
    alike,
    place_of,
    recognise,
    side,
)
from sim.vocabulary.lines import CRASH_WORDS, LINES, PRIORITIES, Kind

PAD: Final = b"\0" * 256
_SHOWN = 5
_LOOKED_AT = 1000  # odd lines of a block that are looked at one by one; of more, a few
_CLIENT_TASK: Final = b"[MRCP Client]"  # in the messages of tasks, which are worded alike in a client and a server
_BETWEEN = 90
NAMING: Final = frozenset(line.kind for line in LINES if "{id}" in line.text and line.kind is not Kind.OTHER)
"""The kinds of lines that name a session."""
_NAMING = np.array([not kinds.isdisjoint(NAMING) for kinds in OWN_KINDS])
_SHAPES = 64  # shapes of headers that are learned; entries of further ones are matched one by one

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]


def _word(text: bytes) -> int:
    return int.from_bytes(text[:8].ljust(8, b"\0"), "little")


def _mask(length: int) -> int:
    return (1 << 8 * max(0, min(8, length))) - 1


_PRIORITY_WORDS = np.array(sorted(_word(b"[%s] " % name + b"  ") for name in PRIORITIES), dtype=np.uint64)
_PRIORITY_WORDS_BY_USE = [_word(b"[%s] " % n + b"  ") for n in (b"DEBUG", b"INFO", b"NOTICE", b"WARN")]


@dataclass(slots=True)
class Batch:
    """The lines of one block that matter, column by column, in order of time; text is `block[begin:end]`."""

    block: bytes
    place: list[int]
    begin: list[int]
    end: list[int]
    time: list[int]
    thread: list[int]


@dataclass(slots=True)
class Counts:
    """What was read; `shown` are the first few lines that were not understood, as `file:line: text`."""

    lines: int = 0
    entries: int = 0
    not_understood: int = 0
    debug: int = 0
    shown: list[str] = field(default_factory=list)
    crash: str = ""  # what a shell or a sanitizer wrote into the log when the process died
    file: str = ""  # that is being read
    before: int = 0  # lines of the files before it
    server: int = 0  # lines that only a server writes, up to the first of each block
    client: int = 0  # lines that only the client library writes, the same
    known: int = 0  # lines of either or both, the same
    ours: int = 0  # entries whose words are known, the client library's among them
    about: int = 0  # those of them that name a session
    damaged: int = 0  # lines that are like the server's and begin like none
    hidden: int = 0  # lines with words of the server that can not be read, about so many beside those that were seen
    seen: SeenBefore = field(default_factory=SeenBefore)

    def begin(self, file: str) -> None:
        """The lines that follow are those of another file."""
        self.file, self.before = file, self.lines

    @property
    def full(self) -> bool:
        """Whether no more of those lines are kept: then nobody asks for their numbers, which take long to count."""
        return len(self.shown) >= _SHOWN

    def odd(self, number: int, text: bytes) -> None:
        """Count one line that was not understood, and keep it when it is among the first few."""
        self.not_understood += 1
        if not self.crash and any(word in text for word in CRASH_WORDS):
            self.crash = shown(text)
        if not self.full:
            self.shown.append(f"{self.file or 'line'}:{number - self.before}: {shown(text)}")


class Scanner:
    """Cuts blocks of whole lines; keeps what must be known across blocks (clock, open multi-line entry, counts)."""

    def __init__(self, layout: Layout, clock: Clock, counts: Counts, wanted: Set[Kind]) -> None:
        """`wanted`: the kinds of lines that the batches must have."""
        self._wanted = np.array([place >= BODY or not wanted.isdisjoint(OWN_KINDS[place]) for place in range(PLACES)])
        self.layout = layout
        self.clock = clock
        self.counts = counts
        self._pattern = layout.pattern()
        self._fast = layout.time and layout.usual and (layout.priority or (layout.thread and not layout.mark))
        self._at_time = 11 if layout.date else 0
        self._shapes: list[tuple[int, int]] = []  # (width up to the priority, digits of the thread)
        self._days: dict[tuple[int, int], int] = {}
        self._body = False

    def continue_body(self, before: "Scanner") -> None:
        """The file goes on where `before` stopped, perhaps within a multi-line entry."""
        self._body = before._body

    def scan(self, block: bytes) -> Batch:
        """The lines of `block`, which must end with a line end."""
        size = len(block)
        padded = block + PAD
        bytes_ = np.frombuffer(padded, dtype=np.uint8)
        words: Words = np.ndarray(shape=(size + len(PAD) - 7,), dtype="<u8", buffer=padded, strides=(1,))
        end = np.flatnonzero(bytes_[:size] == 10)
        begin = np.empty_like(end)
        if end.size:
            begin[0] = 0
            begin[1:] = end[:-1] + 1
            end = end - ((end > begin) & (bytes_[end - 1] == 13))
        text = np.full(begin.size, -1, dtype=np.int64)
        time = np.zeros(begin.size, dtype=np.int64)
        thread = np.zeros(begin.size, dtype=np.int64)
        if self._fast:
            self._headers(padded, words, begin, end, text, time, thread)
            self._refuse_copies(padded, words, begin, end, text)
        else:
            self._one_by_one(padded, np.arange(begin.size), begin, end, text, time, thread)
        end = _without_blanks(bytes_, np.maximum(begin, text), end)
        return self._batch(padded, words, begin, end, text, time, thread)

    def _headers(
        self, block: bytes, words: Words, begin: Ints, end: Ints, text: Ints, time: Ints, thread: Ints
    ) -> None:
        """Fill text, time and thread of every entry whose header has a known width; learn the widths of others."""
        at = self._at_time
        clock, micro = words[begin + at], words[begin + at + 8]
        good = (clock & _HMS_MASK) == _HMS
        good &= (micro & _MICRO_MASK) == _MICRO
        before = micro & np.uint64(0xFF)
        good &= (before == _COLON) | (before == _POINT) | (before == _COMMA)
        if self.layout.date:
            good &= (words[begin] & _DATE_MASK) == _DATE
        rows = np.flatnonzero(good)
        if rows.size == 0:
            return
        left = rows
        for shape in self._shapes:
            left = self._match(words, begin, text, thread, left, shape)
        while left.size and len(self._shapes) < _SHAPES:
            self._one_by_one(block, left[:1], begin, end, text, time, thread)
            found = self._shape_of(block, int(begin[left[0]]), int(text[left[0]]))
            if found is None or found in self._shapes:
                break  # not an entry, or an odd one: the rest is not worth a shape of its own
            self._shapes.append(found)
            left = self._match(words, begin, text, thread, left, found)
        done = rows[text[rows] >= 0]
        of_day = _time_of_day(clock[done], micro[done])
        time[done] = of_day
        text[done[of_day >= DAY]] = -1  # 99:99:99 is no time
        if self.layout.date:
            time[done] += self._midnights(block, words, begin[done])
        if left.size:
            self._one_by_one(block, left, begin, end, text, time, thread)

    def _refuse_copies(self, block: bytes, words: Words, begin: Ints, end: Ints, text: Ints) -> None:
        """LogError where entries stand a second time: what they tell would be counted again, and each call broken."""
        counts, rows = self.counts, np.flatnonzero(text >= 0)
        counts.seen.look(
            words[begin[rows] + self._at_time + 8],
            lambda i: block[begin[rows[i]] : end[rows[i]]],
            lambda i: (counts.file, counts.lines + int(rows[i]) + 1 - counts.before),
        )
        if counts.seen.copies and counts.seen.first is not None:
            file, number = counts.seen.first
            again = f"{counts.seen.copies} of {counts.seen.looked_at}"
            raise LogError(
                f"{file or 'line'}:{number}: expected each entry once (got {again} a second time, to the microsecond, "
                "the first of them here); is this a log and a copy of it, or two outputs of one server? Leave one out"
            )

    def _shape_of(self, block: bytes, begin: int, text: int) -> tuple[int, int] | None:
        """How wide the header before `text` is and how many digits its thread has; None when NumPy can not match it."""
        if text < 0:
            return None
        width = text - begin - (9 if self.layout.priority else 0)
        digits = 0
        if self.layout.thread:
            digits = len(block[begin : begin + width].rstrip(b" ").rpartition(b" ")[2])
        return (width, digits) if digits <= 16 and 0 < width < len(PAD) // 2 else None

    def _match(self, words: Words, begin: Ints, text: Ints, thread: Ints, rows: Ints, shape: tuple[int, int]) -> Ints:
        """Fill text and thread of the `rows` whose header has this shape; the others."""
        width, digits = shape
        at = begin[rows] + width
        good = np.ones(rows.size, dtype=np.bool_)
        if self.layout.priority:
            tag = words[at]
            good = tag == np.uint64(_PRIORITY_WORDS_BY_USE[0])
            for word in _PRIORITY_WORDS_BY_USE[1:]:
                good |= tag == np.uint64(word)
            rest = np.flatnonzero(~good)
            if rest.size:
                good[rest] = np.isin(tag[rest], _PRIORITY_WORDS)
            good &= words[at + 8] & np.uint64(0xFF) == np.uint64(32)  # else a blank was lost on the way
        if digits:
            blank = np.uint64(32)
            good &= words[at - 1] & np.uint64(0xFF) == blank
            if width > digits + 1:
                good &= words[at - 2 - digits] & np.uint64(0xFF) == blank
            ids, right = _number(words[at - 9], min(8, digits))
            good &= right
            if digits > 8:
                high, right = _number(words[at - 17], digits - 8)
                ids = ids + high * 100_000_000
                good &= right
            thread[rows[good]] = ids[good]
        hit = rows[good]
        text[hit] = begin[hit] + width + (9 if self.layout.priority else 0)
        return rows[~good]

    def _midnights(self, block: bytes, words: Words, begin: Ints) -> Ints:
        first, second = words[begin], words[begin + 3]
        result = np.empty(begin.size, dtype=np.int64)
        todo = np.ones(begin.size, dtype=np.bool_)
        while todo.any():
            at = int(np.argmax(todo))
            key = (int(first[at]), int(second[at]))
            same = (first == first[at]) & (second == second[at])
            if key not in self._days:
                where = int(begin[at])
                try:
                    self._days[key] = day_micros(block[where : where + 10])
                except ValueError:
                    self._days[key] = max(self._days.values(), default=0)
            result[same] = self._days[key]
            todo &= ~same
        return result

    def _one_by_one(
        self, block: bytes, rows: Ints, begin: Ints, end: Ints, text: Ints, time: Ints, thread: Ints
    ) -> None:
        """The same for rows that NumPy can not cut: any layout, matched line by line."""
        layout, match = self.layout, self._pattern.match
        bare = layout.bare
        for row, start, stop in zip(rows.tolist(), begin[rows].tolist(), end[rows].tolist(), strict=True):
            found = match(block, start, stop)
            if found is None or (bare and start == stop):
                continue
            try:
                when = clock_micros(found["time"]) if layout.time else 0
                if layout.date and layout.time:
                    when += day_micros(found["date"])
            except ValueError:
                continue
            text[row] = found.end()
            time[row] = when
            if layout.thread:
                thread[row] = int(found["thread"]) & 0x7FFF_FFFF_FFFF_FFFF

    def _batch(self, block: bytes, words: Words, begin: Ints, end: Ints, text: Ints, time: Ints, thread: Ints) -> Batch:
        head = (text >= 0) & (text <= end)
        rows = np.flatnonzero(head)
        places = np.zeros(begin.size, dtype=np.int16)
        places[rows], begun = ENTRIES.places_at(words, text[rows], sure=self.layout.bare)
        self._known(block, places, rows, text, end)
        for row in rows[begun & (places[rows] == 0)].tolist():
            line = block[text[row] : end[row]]
            if alike(line) is not None and recognise(line) is None:
                places[row] = UNREAD
        _check_messages(words, places, end)
        if self.layout.bare:  # without any header only the server's own words begin an entry
            head[rows[places[rows] == 0]] = False
            rows = np.flatnonzero(head)
        if rows.size and self.layout.time:
            time[rows] = self.clock.axis(time[rows])
        self._loose(block, words, head, places, begin, end, text, time, thread)
        counts = self.counts
        counts.damaged += int(np.count_nonzero(places == UNREAD))
        counts.lines += begin.size
        counts.entries += rows.size
        ours = (places[rows] > 0) & (places[rows] != UNREAD)
        counts.ours += int(np.count_nonzero(ours))
        counts.about += int(np.count_nonzero(ours & _NAMING[places[rows]]))
        if self.layout.priority:
            counts.debug += self._debug(words, text[rows])
        else:
            counts.debug += int(np.count_nonzero(places == PROCESS))
        keep = np.flatnonzero(self._wanted[places])
        keep = keep[in_order(time[keep])]
        return Batch(
            block,
            places[keep].tolist(),
            text[keep].tolist(),
            end[keep].tolist(),
            time[keep].tolist(),
            thread[keep].tolist(),
        )

    @staticmethod
    def _debug(words: Words, text: Ints) -> int:
        """How many of the texts have "[DEBUG]" before them: with two blanks as the server writes it, else with as many
        as are left of them."""
        word = np.uint64(_PRIORITY_WORDS_BY_USE[0])
        counts = (int(np.count_nonzero(words[text - back] == word)) for back in (9, 8, 10, 11))
        return next((count for count in counts if count), 0)

    def _known(self, block: bytes, places: Places, rows: Ints, text: Ints, end: Ints) -> None:
        """Count lines that a server or a client wrote, until one is found that only a server writes."""
        counts = self.counts
        if counts.server:
            return
        for row in rows[places[rows] > 0][:_LOOKED_AT].tolist():
            found = recognise(block[text[row] : end[row]])
            if found is None:
                continue
            counts.known += 1
            whose = side(found[0])
            if whose == "" and block.find(_CLIENT_TASK, text[row], end[row]) >= 0:
                whose = "client"
            counts.client += whose == "client"
            if whose == "server":
                counts.server += 1
                return

    def _loose(
        self, block: bytes, words: Words, head: Bools, places: Places, begin: Ints, end: Ints, text: Ints,
        time: Ints, thread: Ints,
    ) -> None:  # fmt: skip
        """Lines without a header: part of the entry before when that has a body, otherwise counted."""
        rest = np.flatnonzero(~head)
        if head.size == 0:
            return
        owner = np.maximum.accumulate(np.where(head, np.arange(head.size), -1))
        carries = CARRIES[places]
        if rest.size:
            of = owner[rest]
            inside = np.where(of >= 0, carries[np.maximum(of, 0)], self._body)
            odd = rest[~inside & (end[rest] > begin[rest])]
            damaged = []
            looked_at = odd
            if odd.size > _LOOKED_AT:  # the first and the last few, and some between them
                between = np.linspace(_SHOWN, odd.size - _SHOWN - 1, _BETWEEN).astype(np.int64)
                looked_at = odd[np.concatenate((np.arange(_SHOWN), between, np.arange(-_SHOWN, 0)))]
            for row in looked_at.tolist():
                line = block[begin[row] : end[row]]
                if alike(line, anywhere=True) is not None:
                    damaged.append(row)
                    places[row] = UNREAD
                else:
                    self.counts.odd(self.counts.lines + row + 1, line)
            unseen = odd.size - looked_at.size
            self.counts.not_understood += unseen
            self.counts.hidden += round(unseen * len(damaged) / looked_at.size) if unseen else 0
            body = rest[inside]
            rows = body[BODIES.places_at(words, begin[body])[0] > 0]
            places[rows] = BODY
            rows = np.concatenate((rows, np.array(damaged, dtype=np.int64)))
            if rows.size:
                text[rows] = begin[rows]
                have = owner[rows] >= 0
                time[rows] = np.where(have, time[np.maximum(owner[rows], 0)], self.clock.last)
                thread[rows] = np.where(have, thread[np.maximum(owner[rows], 0)], 0)
        if owner[-1] >= 0:
            self._body = bool(carries[owner[-1]])


_HMS_MASK = np.uint64(_word(bytes([0xF0, 0xF0, 0xFF, 0xF0, 0xF0, 0xFF, 0xF0, 0xF0])))
_HMS = np.uint64(_word(b"00:00:00"))
_MICRO_MASK = np.uint64(_word(bytes([0, 0xF0, 0xF0, 0xF0, 0xF0, 0xF0, 0xF0, 0xFF])))
_MICRO = np.uint64(_word(b"\x00" + b"000000 "))
_COLON, _POINT, _COMMA = (np.uint64(ord(mark)) for mark in ":.,")
_DATE_MASK = np.uint64(_word(bytes([0xF0, 0xF0, 0xF0, 0xF0, 0xFF, 0xF0, 0xF0, 0xFF])))
_DATE = np.uint64(_word(b"0000-00-"))
_ZEROS = np.uint64(_word(b"0" * 8))
_HIGH = np.uint64(0xF0F0F0F0F0F0F0F0)


def _check_messages(words: Words, places: Places, end: Ints) -> None:
    """Task messages are half of a DEBUG log: those whose text is as usual get places that say so.

    Their end is "] [0x…;d;d]"; how wide the address is is taken from the first of them.
    """
    for kind, checked in ((Kind.SIGNAL, SIGNAL), (Kind.PROCESS, PROCESS)):
        rows = np.flatnonzero(places == place_of(kind))
        if rows.size == 0:
            continue
        stop = end[rows]
        good = (words[stop - 8] & _TAIL_MASK) == _TAIL
        for width in _WIDTHS:
            begins = (words[stop - width] & np.uint64(_mask(5))) == _ADDRESS
            places[rows[good & begins]] = checked
            good &= ~begins
            if not good.any():
                break


_TAIL_MASK = np.uint64(_word(bytes([0, 0, 0, 0xFF, 0xF0, 0xFF, 0xF0, 0xFF])))
_TAIL = np.uint64(_word(b"\0\0\0;0;0]"))
_ADDRESS = np.uint64(_word(b"] [0x"))
_WIDTHS = (22, 18, 14, *(w for w in range(11, 28) if w not in (22, 18, 14)))  # 12 and 8 hexadecimal digits first


def _without_blanks(bytes_: NDArray[np.uint8], begin: Ints, end: Ints) -> Ints:
    """The ends of lines without the blanks, tabs and carriage returns before them."""
    while True:
        last = bytes_[np.maximum(end - 1, 0)]
        blank = (end > begin) & ((last == 32) | (last == 13) | (last == 9))
        if not blank.any():
            return end
        end = end - blank


def _number(word: Words, digits: int) -> tuple[Ints, Bools]:
    """The decimal number in the last `digits` of eight characters, and whether they are digits."""
    drop = np.uint64(8 * (8 - digits))
    kept = ((word >> drop) << drop) | (_ZEROS & np.uint64(_mask(8 - digits)))
    good = (kept & _HIGH) == _ZEROS
    v = (kept - _ZEROS) & np.uint64(0x0F0F0F0F0F0F0F0F)
    v = (v * np.uint64(10) + (v >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    v = (v * np.uint64(100) + (v >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    v = (v * np.uint64(10_000) + (v >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    return v.astype(np.int64), good


def _time_of_day(clock: Words, micro: Words) -> Ints:
    """Microseconds since midnight from the words "HH:MM:SS" and ":uuuuuu "."""
    nibble = np.uint64(0xF)

    def digit(at: int) -> Words:
        return (clock >> np.uint64(8 * at)) & nibble

    hours, minutes, seconds = (digit(at) * np.uint64(10) + digit(at + 1) for at in (0, 3, 6))
    whole = ((hours * np.uint64(60) + minutes) * np.uint64(60) + seconds) * np.uint64(1_000_000)
    fraction, _ = _number((micro >> np.uint64(8)) << np.uint64(16), 6)
    return whole.astype(np.int64) + fraction
