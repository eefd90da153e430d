"""What happens when: the calendar of the compiled engine, in SimPy's order of (time, order of scheduling).

Three structures, each for what it is good at. A task has at most one thing before it (the end of a service, a wake-
up, a tick): these few stand in a short sorted list. Timers with a constant delay fall due in the order in which they
were set: one FIFO for each kind. The rest (holds, delays, patience) is a heap. Arrivals and level windows have one
entry each. Every entry takes the next number of one counter, as each `schedule` of SimPy's does, so that ties end the
same way.
"""

from __future__ import annotations

from typing import Any, Final

from sim.engine.compiled.layout import FIFO_OF, FIFOS
from sim.engine.compiled.store import FIRST_CAPACITY, ITEM_BYTES, append, enlarge, enlarge_ring, items_at, ring_take
from sim.server.handlers import timer_lives
from sim.vocabulary.messages import (
    KINDS,
    NO_TIMER,
    TIMERS,
)

# what stands in the calendar beside messages: numbers that are no kind
FREEZE: Final = KINDS
FREEZE_FOR_GOOD: Final = KINDS + 1
THAW: Final = KINDS + 2
SHUTDOWN: Final = KINDS + 3
OTHER: Final = KINDS + 4
"""Another program wants a processor."""
CRASH: Final = KINDS + 5
START: Final = KINDS + 6
"""The process, after a crash."""
OUTSIDE: Final = KINDS + 7
"""+ kind: the thread of a delayed answer was told of a free slot."""

# where the next far event is: in a FIFO, by its number, or
HEAP: Final = FIFOS
ARRIVAL: Final = FIFOS + 1
WINDOW: Final = FIFOS + 2


def is_timer(kind: int) -> bool:
    """Whether a kind is a timer of a session."""
    return TIMERS[kind] != NO_TIMER


def fifo_of(kind: int) -> int:
    """The FIFO of a kind whose delay is constant, or mostly so; -1 for others."""
    return FIFO_OF[kind]


# --- near: what tasks do next ---------------------------------------------------------------------------------------


def schedule_task(w: Any, task: int, delay: float) -> None:
    """The next thing happens to a task `delay` seconds from now. The list is sorted, the earliest at its end."""
    e = w.e
    at = e.now_s + delay
    e.seq += 1
    near = e.near
    i = e.near_count
    e.near_count = i + 1
    while i > 0 and near[i - 1].time_s <= at:
        near[i].time_s = near[i - 1].time_s
        near[i].seq = near[i - 1].seq
        near[i].task = near[i - 1].task
        i -= 1
    near[i].time_s = at
    near[i].seq = e.seq
    near[i].task = task


def unschedule_task(w: Any, task: int) -> None:
    """What was to happen next to a task does not happen."""
    e = w.e
    near = e.near
    i = 0
    while near[i].task != task:
        i += 1
    e.near_count -= 1
    for k in range(i, e.near_count):
        near[k].time_s = near[k + 1].time_s
        near[k].seq = near[k + 1].seq
        near[k].task = near[k + 1].task


# --- far: timers, delays, arrivals, windows ---------------------------------------------------------------------------


def earlier(e: Any, at: float, seq: int, source: int) -> None:
    """Take note of a far event if it comes before the one that was next."""
    if at < e.far_s or (at == e.far_s and seq < e.far_seq):
        e.far_s = at
        e.far_seq = seq
        e.far_source = source


def find_far(w: Any) -> None:
    """Find the far event that comes next."""
    e = w.e
    e.far_s = e.window_due_s
    e.far_seq = e.window_seq
    e.far_source = WINDOW
    if e.arrivals_planned:
        earlier(e, e.arrival_s, e.arrival_seq, ARRIVAL)
    if e.heap.length > 0:
        top = items_at(e.heap.address)[0]
        earlier(e, top.time_s, top.seq, HEAP)
    for f in range(FIFOS):
        fifo = e.fifos[f]
        if fifo.count > 0:
            first = items_at(fifo.address)[fifo.head]
            earlier(e, first.time_s, first.seq, f)


def schedule_item(w: Any, task: int, kind: int, slot: int, arg: int, delay: float) -> None:
    """A message arrives, or a timer falls due, `delay` seconds from now."""
    e = w.e
    at = e.now_s + delay
    e.seq += 1
    f = fifo_of(kind)
    if f >= 0:
        fifo = e.fifos[f]
        if fifo.count == 0 or fifo.last_s <= at:
            fifo_push(w, fifo, task, kind, slot, arg, at)
            earlier(e, at, e.seq, f)
            return
    heap_push(w, at, e.seq, task, kind, slot, arg)
    earlier(e, at, e.seq, HEAP)


def fifo_push(w: Any, fifo: Any, task: int, kind: int, slot: int, arg: int, at: float) -> None:
    """Append to a FIFO; before it grows, dead timers leave."""
    if fifo.count == fifo.capacity:
        sweep_fifo(w, fifo)
        find_far(w)
        if fifo.count * 2 > fifo.capacity or fifo.capacity < FIRST_CAPACITY:
            enlarge_ring(fifo, ITEM_BYTES)
    item = items_at(fifo.address)[(fifo.head + fifo.count) & (fifo.capacity - 1)]
    fifo.count += 1
    fifo.last_s = at
    item.time_s = at
    item.seq = w.e.seq
    item.arg = arg
    item.slot = slot
    item.kind = kind
    item.task = task


def lives(w: Any, item: Any) -> bool:
    """Whether an entry still means anything."""
    if item.kind < KINDS and is_timer(item.kind):
        return timer_lives(w.sessions[item.slot], item.kind, item.arg)
    return True


def copy_item(target: Any, source: Any) -> None:
    """One entry takes another's place."""
    target.time_s = source.time_s
    target.seq = source.seq
    target.arg = source.arg
    target.slot = source.slot
    target.kind = source.kind
    target.task = source.task


def drop_dead(w: Any, fifo: Any) -> None:
    """Take the dead timers off a FIFO's front: most calls end long before their timers, which then need no event."""
    while fifo.count > 0 and not lives(w, items_at(fifo.address)[fifo.head]):
        ring_take(fifo)


def sweep_fifo(w: Any, fifo: Any) -> None:
    """Take the dead timers out of a FIFO."""
    items = items_at(fifo.address)
    mask = fifo.capacity - 1
    kept = 0
    for i in range(fifo.count):
        item = items[(fifo.head + i) & mask]
        if lives(w, item):
            if kept != i:
                copy_item(items[(fifo.head + kept) & mask], item)
            kept += 1
    fifo.count = kept


def heap_push(w: Any, at: float, seq: int, task: int, kind: int, slot: int, arg: int) -> None:
    """Put an entry into the heap (four children to a node)."""
    heap = w.e.heap
    if heap.length == heap.capacity and heap.capacity > 0:
        sweep_heap(w)
        find_far(w)
        if heap.length * 2 > heap.capacity:
            enlarge(heap, ITEM_BYTES)
    heap_insert(heap, at, seq, task, kind, slot, arg)


def heap_insert(heap: Any, at: float, seq: int, task: int, kind: int, slot: int, arg: int) -> None:
    """Put an entry where it belongs."""
    i = append(heap, ITEM_BYTES)
    items = items_at(heap.address)
    while i > 0:
        parent = items[(i - 1) >> 2]
        if parent.time_s < at or (parent.time_s == at and parent.seq < seq):
            break
        copy_item(items[i], parent)
        i = (i - 1) >> 2
    item = items[i]
    item.time_s = at
    item.seq = seq
    item.arg = arg
    item.slot = slot
    item.kind = kind
    item.task = task


def heap_drop_first(heap: Any) -> None:
    """Take the first entry out of the heap."""
    n = heap.length - 1
    heap.length = n
    if n > 0:
        heap_sink(heap, 0, n)


def heap_sink(heap: Any, hole: int, last: int) -> None:
    """Put the entry at `last`, just behind the heap's end, where it belongs at or below a hole."""
    items = items_at(heap.address)
    n = heap.length
    moved = items[last]
    at, seq = moved.time_s, moved.seq
    i = hole
    while True:
        child = 4 * i + 1
        if child >= n:
            break
        best = child
        best_s, best_seq = items[child].time_s, items[child].seq
        for c in range(child + 1, min(child + 4, n)):
            other = items[c]
            if other.time_s < best_s or (other.time_s == best_s and other.seq < best_seq):
                best = c
                best_s, best_seq = other.time_s, other.seq
        if at < best_s or (at == best_s and seq < best_seq):
            break
        copy_item(items[i], items[best])
        i = best
    if i != last:
        copy_item(items[i], moved)


def sweep_heap(w: Any) -> None:
    """Take the dead timers out of the heap, and put the rest in order again."""
    heap = w.e.heap
    items = items_at(heap.address)
    n = heap.length
    heap.length = 0
    for i in range(n):
        item = items[i]
        if lives(w, item):
            # entries in front are never more than those looked at, so nothing is overwritten unseen
            heap_insert(heap, item.time_s, item.seq, item.task, item.kind, item.slot, item.arg)
