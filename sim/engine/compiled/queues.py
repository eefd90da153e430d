"""The tasks' queues: how a message comes in, which one is next, and what a full queue does."""

from __future__ import annotations

from typing import Any, Final

from sim.engine.compiled.calendar import HEAP, OUTSIDE, earlier, heap_push, schedule_item, schedule_task
from sim.engine.compiled.store import MESSAGE_BYTES, items_at, messages_at, ring_append, ring_take
from sim.engine.sharing import want
from sim.engine.tick import tick_after
from sim.server.caller import send_again_after
from sim.server.streams import WAKE, draw, service_stream, wake_latency, warm_part
from sim.vocabulary.messages import M_CONTAINER, M_STOP, lane_of
from sim.vocabulary.tasks import LANES, MESSAGE_LANE, NUA, SOCKET_LANE

# disciplines
SOFIA: Final = 0
CONSUMER: Final = 1
POLLER: Final = 2
MEDIA_TICK: Final = 3


def put(ring: Any, kind: int, slot: int, arg: int, now: float) -> None:
    """Append a message to a queue."""
    i = ring_append(ring, MESSAGE_BYTES)
    message = messages_at(ring.address)[i]
    message.sent_s = now
    message.arg = arg
    message.slot = slot
    message.kind = kind


def push(w: Any, index: int, kind: int, slot: int, arg: int) -> bool:
    """Put a message into a task's queue, and wake the task; False when there is no room and the producer must wait."""
    task = w.tasks[index]
    if task.asleep and not task.frozen and task.discipline != MEDIA_TICK:
        wake_with(w, task, kind, slot, arg)
        return True
    now = w.e.now_s
    if task.discipline == SOFIA:
        lane = lane_of(kind) if index == NUA else MESSAGE_LANE
        if w.p.receive_buffer > 0 and lane == SOCKET_LANE and task.lanes[lane].count >= w.p.receive_buffer:
            # the packet is lost, and its caller sends it again
            w.server.lost[index] += 1
            schedule_item(w, index, kind, slot, arg, send_again_after(w, w.sessions[slot]))
            return True
        put(task.lanes[lane], kind, slot, arg, now)
        task.length += 1
    elif task.discipline == MEDIA_TICK and kind == M_STOP:
        put(task.lanes[1], kind, slot, arg, now)
    elif not put_bounded(w, task, kind, slot, arg, now):
        return task.discipline != CONSUMER
    if task.length > task.queue_peak:
        task.queue_peak = task.length
    if task.asleep and task.discipline == MEDIA_TICK:
        task.asleep = 0
        schedule_task(w, index, tick_after(w, w.e, task, now) - now)
    return True


def put_bounded(w: Any, task: Any, kind: int, slot: int, arg: int, now: float) -> bool:
    """Append a message to a queue with so many slots; False when it is full, or the message dropped."""
    if task.length >= task.slots:
        if task.discipline == CONSUMER:
            return False
        if not task.grows:
            drop(w, task.index, kind, slot)
            return False
        task.slots += max(1, task.slots // 2)
    put(task.lanes[0], kind, slot, arg, now)
    task.length += 1
    return True


def drop(w: Any, index: int, kind: int, slot: int) -> None:
    """`MPF Request Queue is Full`: an old server drops the message."""
    session = w.sessions[slot]
    session.inflight -= 1
    session.lost_kind = kind + 1
    session.lost_media = 1 if kind == M_CONTAINER else 0
    w.server.lost[index] += 1


def wake_with(w: Any, task: Any, kind: int, slot: int, arg: int) -> None:
    """The sleeping thread is woken by a message that it takes up at once: its queue is empty, so it passes that by."""
    task.asleep = 0
    if task.discipline == SOFIA:
        task.lane = lane_of(kind) if task.index == NUA else MESSAGE_LANE
        task.batch = -1
    if task.queue_peak == 0:
        task.queue_peak = 1
    task.kind = kind
    task.slot = slot
    task.arg = arg
    task.sent_s = w.e.now_s
    if w.machine.count > 0:
        want(w, task.index, serve(w, task, 0.0), w.e.now_s, 1)
        return
    wake_s = wake_latency(w, task.index, w.e.now_s, task.started_s + task.service_s)
    schedule_task(w, task.index, serve(w, task, wake_s))


def wake(w: Any, task: Any) -> None:
    """The thread takes up a message that came while it was frozen; waking takes it a while."""
    task.asleep = 0
    if w.machine.count > 0:
        want(w, task.index, take(w, task, 0.0), w.e.now_s, 1)
    else:
        wake_s = wake_latency(w, task.index, w.e.now_s, task.started_s + task.service_s)
        schedule_task(w, task.index, take(w, task, wake_s))
    if task.discipline == SOFIA:
        task.batch = -1


def take(w: Any, task: Any, wake_s: float) -> float:
    """Take up the next message `wake_s` from now; returns the time until its service ends."""
    lane = next_lane(task) if task.discipline == SOFIA else 0
    ring = task.lanes[lane]
    message = messages_at(ring.address)[ring_take(ring)]
    task.length -= 1
    task.kind = message.kind
    task.slot = message.slot
    task.arg = message.arg
    task.sent_s = message.sent_s
    return serve(w, task, wake_s)


def serve(w: Any, task: Any, wake_s: float) -> float:
    """Begin to serve the message at hand `wake_s` from now; returns the time until its service ends."""
    task.serving = 1
    if task.discipline == CONSUMER and task.producers.count > 0:
        signal_producer(w, task)
    ended_s = task.started_s + task.service_s
    task.started_s = w.e.now_s + wake_s
    stream = service_stream(w.sessions[task.slot], task.index, task.kind, task.arg)
    task.service_s = draw(w, stream)
    task.service_s *= warm_part(w, task.index, stream, task.started_s - ended_s, task.started_s)
    return wake_s + task.service_s


def next_lane(task: Any) -> int:
    """The lane of a sofia loop whose turn it is: batches are what was there when they began, but of packets one."""
    if task.batch < 0 and task.lane == SOCKET_LANE:
        task.batch = 0
    elif task.batch < 0:
        # everything that was there when the thread was awake belongs to the batch
        ring = task.lanes[task.lane]
        messages = messages_at(ring.address)
        batch = 0
        for i in range(ring.count):
            if messages[(ring.head + i) & (ring.capacity - 1)].sent_s > task.started_s:
                break
            batch += 1
        task.batch = batch
    while task.batch == 0:
        task.lane = task.lane + 1 if task.lane + 1 < LANES else 0
        task.batch = task.lanes[task.lane].count
        if task.lane == SOCKET_LANE and task.batch > 1:
            task.batch = 1
    task.batch -= 1
    return task.lane


def signal_producer(w: Any, task: Any) -> None:
    """`apr_thread_cond_signal(not_full)`: wake the producer that has waited longest."""
    e = w.e
    waiting = items_at(task.producers.address)[ring_take(task.producers)]
    if waiting.kind < 0 and w.machine.count > 0:
        want(w, waiting.task, 0.0, e.now_s, 1)
        return
    delay = draw(w, WAKE + waiting.task)
    if waiting.kind < 0:
        schedule_task(w, waiting.task, delay)
    else:
        e.seq += 1
        at = e.now_s + delay
        heap_push(w, at, e.seq, waiting.task, OUTSIDE + waiting.kind, waiting.slot, waiting.arg)
        earlier(e, at, e.seq, HEAP)
