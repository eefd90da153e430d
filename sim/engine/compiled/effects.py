"""The ways out of a handler, as compiled code takes them: outbox, ledger rows, violations, random values."""

from __future__ import annotations

from typing import Any

from sim.engine.compiled.calendar import schedule_task, unschedule_task
from sim.engine.compiled.memory import prefetch
from sim.engine.compiled.record import wait_noted
from sim.engine.compiled.store import (
    ITEM_BYTES,
    OFFENCE_BYTES,
    ROW_BYTES,
    SESSION_BYTES,
    append,
    floats_at,
    items_at,
    numbers_at,
    offences_at,
    rows_at,
)


def emit(w: Any, task: int, kind: int, session: Any, arg: int, delay: float) -> None:
    """Put one message into the outbox."""
    outbox = w.e.outbox
    i = append(outbox, ITEM_BYTES)
    item = items_at(outbox.address)[i]
    item.time_s = delay
    item.arg = arg
    item.slot = session.slot
    item.kind = kind
    item.task = task


def vacant(w: Any) -> Any:
    """A slot for another call: the one that was freed last, or a new one."""
    e = w.e
    free = e.free
    if free.length > 0:
        free.length -= 1
        return w.sessions[numbers_at(free.address)[free.length]]
    slot = e.slots
    e.slots = slot + 1
    if e.slots == e.slots_capacity:
        e.attention = 1  # Python makes room before the next event
    words = numbers_at(e.session_records + slot * SESSION_BYTES)
    for i in range(SESSION_BYTES // 8):
        words[i] = 0
    session = w.sessions[slot]
    session.slot = slot
    session.connection = -1
    return session


def row(w: Any, now: float, session: Any, resource: int, delta: int, size: int) -> None:
    """Append one row to the ledger."""
    e = w.e
    i = append(e.rows, ROW_BYTES)
    if i >= e.chunk:
        e.attention = 1
    made = rows_at(e.rows.address)[i]
    made.time_s = now
    made.session = session.call
    made.resource = resource
    made.delta = delta
    made.bytes = size
    made.task = w.server.task
    made.cause = w.server.kind


def violation(w: Any, now: float, session: Any, what: int, resource: int, first: int, first_s: float) -> None:
    """Report what the modelled server must not do."""
    server = w.server
    server.violations += 1
    i = append(w.e.offences, OFFENCE_BYTES)
    made = offences_at(w.e.offences.address)[i]
    made.time_s = now
    made.call = session.call
    made.what = what
    made.kind = server.kind
    made.task = server.task
    made.resource = resource
    made.first = first
    made.first_s = first_s


def begin(w: Any, i: int, delay: float) -> None:
    """The stretch of a runner ends `delay` seconds from now."""
    schedule_task(w, i, delay)


def cancel(w: Any, i: int) -> None:
    """The stretch of a runner does not end as planned."""
    unschedule_task(w, i)


def note_wait(w: Any, i: int, waited: float) -> None:
    """A runner waited so long for a processor."""
    if i < w.machine.tasks:
        wait_noted(w, i, waited)


def more_append(w: Any, kind: int, arg: int) -> int:
    """One more request that waits behind those of its session's own record."""
    more = w.e.more
    i = append(more, ITEM_BYTES)
    item = items_at(more.address)[i]
    item.kind = kind
    item.arg = arg
    item.slot = -1
    return i


def more_link(w: Any, number: int, following: int) -> None:
    """Entry `number` is followed by another one of its session."""
    items_at(w.e.more.address)[number].slot = following


def more_get(w: Any, number: int, column: int) -> int:
    """Kind (0) or argument (1) of an entry, or the number of the one that follows (2)."""
    item = items_at(w.e.more.address)[number]
    if column == 0:
        return item.kind
    return item.arg if column == 1 else item.slot


def draw(w: Any, stream: int) -> float:
    """The next value of a stream."""
    s = w.streams[stream]
    at = s.at
    s.at = at + s.step
    if at >= s.limit:
        if at >= s.end:
            raise OverflowError("an event drew more values of one stream than its buffer holds")
        w.server.needs_draws = 1
    value = floats_at(at)
    prefetch(value, 8)
    return value[0]
