"""TrackEvent packets of a Perfetto trace as protocol-buffer bytes; numbers of fields as in `perfetto_trace.proto`."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Final

SLICE_BEGIN: Final = 1
SLICE_END: Final = 2
INSTANT: Final = 3
COUNTER: Final = 4
SEQUENCE: Final = 1
"""All packets are of one trusted sequence."""

Annotation = tuple[str, str | int | float]


def varint(value: int) -> bytes:
    """A base-128 varint, least significant group first; negative numbers as 64-bit two's complement."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(value)


def fixed64(field: int, value: int) -> bytes:
    """A field of eight bytes."""
    return varint(field << 3 | 1) + struct.pack("<Q", value)


def double(field: int, value: float) -> bytes:
    """A double field."""
    return varint(field << 3 | 1) + struct.pack("<d", value)


def message(field: int, body: bytes) -> bytes:
    """A field with a length: a message, or bytes."""
    return varint(field << 3 | 2) + varint(len(body)) + body


def text(field: int, words: str) -> bytes:
    """A string field."""
    return message(field, words.encode("utf-8", "replace"))


def packet(body: bytes, time_ns: int | None = None) -> bytes:
    """One packet of a Trace, ready to be appended to the file."""
    head = number(10, SEQUENCE) + (number(8, time_ns) if time_ns is not None else b"")
    return message(1, head + body)


def process_track(uuid: int, pid: int, name: str, rank: int) -> bytes:
    """Announce a process, under which tracks stand."""
    process = number(1, pid) + text(6, name)
    return packet(message(60, number(1, uuid) + message(3, process) + number(12, rank)))


def thread_track(uuid: int, parent: int, pid: int, tid: int, name: str) -> bytes:
    """Announce a thread of a process."""
    thread = number(1, pid) + number(2, tid) + text(5, name)
    return packet(message(60, number(1, uuid) + number(5, parent) + text(2, name) + message(4, thread)))


def named_track(uuid: int, parent: int, name: str) -> bytes:
    """Announce a track of its own under a process."""
    return packet(message(60, number(1, uuid) + number(5, parent) + text(2, name)))


def counter_track(uuid: int, parent: int, name: str, unit: str) -> bytes:
    """Announce a counter."""
    return packet(message(60, number(1, uuid) + number(5, parent) + text(2, name) + message(8, text(6, unit))))


def begin(
    time_ns: int,
    track: int,
    name: str,
    notes: Iterable[Annotation] = (),
    out: Sequence[int] = (),
    end: Sequence[int] = (),
) -> bytes:
    """A slice begins; `out` are the flows that leave it, `end` those that end in it."""
    body = number(9, SLICE_BEGIN) + number(11, track) + text(23, name)
    body += b"".join(_annotated(key, value) for key, value in notes)
    body += b"".join(fixed64(47, flow) for flow in out) + b"".join(fixed64(48, flow) for flow in end)
    return packet(message(11, body), time_ns)


def finish(time_ns: int, track: int) -> bytes:
    """The slice at the top of a track ends."""
    return packet(message(11, number(9, SLICE_END) + number(11, track)), time_ns)


def instant(time_ns: int, track: int, name: str, notes: Iterable[Annotation] = ()) -> bytes:
    """Something without length."""
    body = number(9, INSTANT) + number(11, track) + text(23, name)
    return packet(message(11, body + b"".join(_annotated(key, value) for key, value in notes)), time_ns)


def count(time_ns: int, track: int, value: float) -> bytes:
    """A counter's value from now on."""
    held = number(30, int(value)) if float(value).is_integer() else double(44, float(value))
    return packet(message(11, number(9, COUNTER) + number(11, track) + held), time_ns)


def _annotated(name: str, value: str | int | float) -> bytes:
    if isinstance(value, str):
        held = text(6, value)
    elif isinstance(value, int):
        held = number(4, value)
    else:
        held = double(5, value)
    return message(4, text(10, name) + held)
