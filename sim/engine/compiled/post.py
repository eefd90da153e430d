"""Delivery: what a handler sent goes into queues, onto the calendar, or to the caller, in the order it was sent."""

from __future__ import annotations

from typing import Any, Final

from sim.engine.compiled.calendar import is_timer, schedule_item
from sim.engine.compiled.dispatch import handle_at_caller
from sim.engine.compiled.queues import push
from sim.engine.compiled.record import session_finished
from sim.engine.compiled.store import ITEM_BYTES, NUMBER_BYTES, append, items_at, numbers_at, ring_append
from sim.engine.sharing import leave
from sim.server.caller import finished
from sim.vocabulary.tasks import CLIENT

BLOCKED: Final = 4
"""State of a task that waits for a slot in another's queue."""


def send(w: Any, item: Any) -> bool:
    """Deliver one item of an outbox; False when the queue is full and the producer must wait."""
    kind, slot, arg, task = item.kind, item.slot, item.arg, item.task
    session = w.sessions[slot]
    delay = item.time_s
    if delay > 0.0:
        if not is_timer(kind):
            session.inflight += 1
        schedule_item(w, task, kind, slot, arg, delay)
        return True
    if task == CLIENT:
        handle_at_caller(w, session, kind, arg, w.e.now_s, w.e.now_s)
        return True
    session.inflight += 1
    if push(w, task, kind, slot, arg):
        return True
    session.inflight -= 1
    return False


def deliver(w: Any, task: Any) -> bool:
    """Deliver the outbox. When a queue is full, the rest goes to `unsent`, the task waits for a slot: False."""
    outbox = w.e.outbox
    i = 0
    while i < outbox.length:  # a caller that reacts at once adds to it
        item = items_at(outbox.address)[i]
        if not send(w, item):
            keep_unsent(w, task, i)
            wait_for_slot(w, task)
            return False
        i += 1
    outbox.length = 0
    return True


def keep_unsent(w: Any, task: Any, first: int) -> None:
    """The outbox from `first` on is what the task has yet to send."""
    outbox, unsent = w.e.outbox, task.unsent
    for i in range(first, outbox.length):
        k = append(unsent, ITEM_BYTES)
        source, target = items_at(outbox.address)[i], items_at(unsent.address)[k]
        target.time_s = source.time_s
        target.arg = source.arg
        target.slot = source.slot
        target.kind = source.kind
        target.task = source.task
    outbox.length = 0


def wait_for_slot(w: Any, task: Any) -> None:
    """The task waits for a slot in the queue that its first unsent message goes to."""
    target = items_at(task.unsent.address)[task.unsent_from].task
    task.blocked_on = target
    task.state = BLOCKED
    if w.machine.count > 0:
        leave(w, task.index, w.e.now_s)
    producers = w.tasks[target].producers
    i = ring_append(producers, ITEM_BYTES)
    waiting = items_at(producers.address)[i]
    waiting.kind = -1
    waiting.task = task.index


def go_on_sending(w: Any, task: Any) -> bool:
    """The task was told of a free slot: send what it can; one that was taken again loses the message.

    False when it must wait again.
    """
    task.blocked_on = -1
    item = items_at(task.unsent.address)[task.unsent_from]
    if not send(w, item):
        lose(w, item)
    task.unsent_from += 1
    keep_unsent(w, task, 0)
    while task.unsent_from < task.unsent.length:
        item = items_at(task.unsent.address)[task.unsent_from]
        if not send(w, item):
            wait_for_slot(w, task)
            return False
        task.unsent_from += 1
        keep_unsent(w, task, 0)
    task.unsent.length = 0
    task.unsent_from = 0
    return True


def lose(w: Any, item: Any) -> None:
    """`Failed to Signal Task Message`: the message is gone, and its session waits for ever."""
    w.sessions[item.slot].lost_kind = item.kind + 1
    w.server.lost[item.task] += 1


def deliver_all(w: Any) -> None:
    """Deliver what a caller or a timer sent: it goes to queues that never block."""
    outbox = w.e.outbox
    i = 0
    while i < outbox.length:
        if not send(w, items_at(outbox.address)[i]):
            raise AssertionError("a caller can not wait for a full queue")
        i += 1
    outbox.length = 0


def retire(w: Any, session: Any) -> None:
    """Free a slot whose call is over."""
    if session.in_use and finished(session):
        session.in_use = 0
        session_finished(w, session)
        free = w.e.free
        i = append(free, NUMBER_BYTES)
        numbers_at(free.address)[i] = session.slot


def due(w: Any, task: int, kind: int, slot: int, arg: int) -> None:
    """A delayed message arrives, or a timer that still lives falls due."""
    session = w.sessions[slot]
    timer = is_timer(kind)
    if task == CLIENT:
        handle_at_caller(w, session, kind, arg, w.e.now_s, w.e.now_s)
        deliver_all(w)
        if not timer:
            session.inflight -= 1
        if session.inflight == 0:
            retire(w, session)
        return
    if timer:
        session.inflight += 1
    if not push(w, task, kind, slot, arg):
        # its thread waits for a slot, by itself
        producers = w.tasks[task].producers
        i = ring_append(producers, ITEM_BYTES)
        waiting = items_at(producers.address)[i]
        waiting.kind = kind
        waiting.task = task
        waiting.slot = slot
        waiting.arg = arg


def push_from_outside(w: Any, task: int, kind: int, slot: int, arg: int) -> None:
    """The thread of a delayed answer was told of a free slot."""
    if not push(w, task, kind, slot, arg):
        session = w.sessions[slot]
        session.inflight -= 1
        session.lost_kind = kind + 1
        w.server.lost[task] += 1
        retire(w, session)
