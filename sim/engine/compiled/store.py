"""Vectors and rings that grow inside compiled code, and the spans of what they hold."""

from __future__ import annotations

from typing import Any, Final

from numba import types

from sim.engine.compiled import layout
from sim.engine.compiled.memory import allocate, copy_bytes, release, span_at

items_at = span_at(layout.ITEM)
messages_at = span_at(layout.MESSAGE)
numbers_at = span_at(types.int64)
floats_at = span_at(types.float64)
counts_at = span_at(types.int64)
rows_at = span_at(layout.ROW)
message_rows_at = span_at(layout.MESSAGE_ROW)
wait_rows_at = span_at(layout.WAIT_ROW)
session_rows_at = span_at(layout.SESSION_ROW)
window_rows_at = span_at(layout.WINDOW_ROW)
offences_at = span_at(layout.OFFENCE)

ITEM_BYTES: Final = layout.ITEM.itemsize
MESSAGE_BYTES: Final = layout.MESSAGE.itemsize
NUMBER_BYTES: Final = 8
ROW_BYTES: Final = layout.ROW.itemsize
MESSAGE_ROW_BYTES: Final = layout.MESSAGE_ROW.itemsize
WAIT_ROW_BYTES: Final = layout.WAIT_ROW.itemsize
SESSION_ROW_BYTES: Final = layout.SESSION_ROW.itemsize
WINDOW_ROW_BYTES: Final = layout.WINDOW_ROW.itemsize
OFFENCE_BYTES: Final = layout.OFFENCE.itemsize
SESSION_BYTES: Final = layout.SESSION.itemsize

FIRST_CAPACITY: Final = 64


def enlarge(v: Any, size: int) -> None:
    """Room for twice as many elements of `size` bytes in a vector."""
    capacity = v.capacity * 2 if v.capacity else FIRST_CAPACITY
    address = allocate(capacity * size)
    if v.capacity:
        copy_bytes(address, v.address, v.length * size)
        release(v.address)
    v.address = address
    v.capacity = capacity


def append(v: Any, size: int) -> int:
    """One more element of `size` bytes at the end of a vector: its index."""
    if v.length == v.capacity:
        enlarge(v, size)
    i = v.length
    v.length = i + 1
    return i


def enlarge_ring(r: Any, size: int) -> None:
    """Room for twice as many elements of `size` bytes in a ring."""
    capacity = r.capacity * 2 if r.capacity else FIRST_CAPACITY
    address = allocate(capacity * size)
    if r.capacity:
        first = r.capacity - r.head
        copy_bytes(address, r.address + r.head * size, first * size)
        copy_bytes(address + first * size, r.address, r.head * size)
        release(r.address)
    r.address = address
    r.head = 0
    r.capacity = capacity


def ring_append(r: Any, size: int) -> int:
    """One more element of `size` bytes at the end of a ring: its index."""
    if r.count == r.capacity:
        enlarge_ring(r, size)
    i = (r.head + r.count) & (r.capacity - 1)
    r.count += 1
    return i


def ring_take(r: Any) -> int:
    """Take the first element out of a ring: its index, which stays valid until the next `ring_append`."""
    i = r.head
    r.head = (i + 1) & (r.capacity - 1)
    r.count -= 1
    return i
