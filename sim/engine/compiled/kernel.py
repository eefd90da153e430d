"""The compiled engine's main loop: the earliest event, again and again, until something needs Python."""

from __future__ import annotations

import sys
from typing import Any, Final

from numba import njit, types

from sim.engine.compiled import cache
from sim.engine.compiled.calendar import (
    ARRIVAL,
    CRASH,
    FREEZE,
    FREEZE_FOR_GOOD,
    HEAP,
    OTHER,
    OUTSIDE,
    SHUTDOWN,
    START,
    THAW,
    WINDOW,
    drop_dead,
    earlier,
    find_far,
    heap_drop_first,
    heap_push,
    is_timer,
)
from sim.engine.compiled.layout import FIFOS, MAX_TASKS
from sim.engine.compiled.memory import prefetch, release, world_at
from sim.engine.compiled.post import deliver_all, due, push_from_outside
from sim.engine.compiled.queues import MEDIA_TICK
from sim.engine.compiled.record import count_all_logged, last_window, window_over
from sim.engine.compiled.register import ONCE, OPTIONS, SELDOM, register
from sim.engine.compiled.stations import freeze, media_loop, resume, task_loop, thaw, turn_over
from sim.engine.compiled.store import SESSION_BYTES, floats_at, items_at, ring_take
from sim.engine.compiled.whole import one_program
from sim.engine.sharing import other_program, pause
from sim.server.caller import arrive
from sim.server.crash import process_ends, process_starts, session_ends
from sim.server.effects import crash, vacant
from sim.server.handlers import timer_lives
from sim.server.shutdown import shutdown_begins, shutdown_session
from sim.vocabulary.tasks import LANES

# what `enter` is asked to do, and what it answers
RUN: Final = 0
BEGIN: Final = 1
SCHEDULE: Final = 2
FINISH: Final = 3
END: Final = 4
FALL: Final = 5
ANEW: Final = 6
DONE: Final = 0
MORE: Final = 1


def plan_arrival(w: Any) -> None:
    """Schedule the next call, ask Python for more of them, or note that there are none."""
    e = w.e
    e.arrivals_planned = 0
    if e.arrivals_at < e.arrivals:
        at = w.calls_given[e.arrivals_at].time_s
        e.seq += 1
        e.arrival_s = e.now_s + max(0.0, at - e.now_s)
        e.arrival_seq = e.seq
        e.arrivals_planned = 1
        earlier(e, e.arrival_s, e.arrival_seq, ARRIVAL)
    elif e.arrivals_final:
        load_end = e.now_s if 0 <= e.calls_limit <= e.calls and e.now_s > 0.0 else e.duration_s
        w.ledger.load_end_s = load_end
        e.horizon_s = load_end + e.drain_s
        e.arrivals_over = 1
    else:
        e.attention = 1


def arrival(w: Any) -> None:
    """The next call arrives."""
    e = w.e
    given = w.calls_given[e.arrivals_at]
    e.arrivals_at += 1
    session = vacant(w)
    hold_s, patience_s, on_hold_s, kind = given.hold_s, given.patience_s, given.on_hold_s, given.kind
    arrive(w, session, e.calls, hold_s, given.requests, patience_s, given.vanishes, on_hold_s, kind, e.now_s)
    e.calls += 1
    deliver_all(w)
    plan_arrival(w)


def plan_window(e: Any) -> None:
    """Schedule the end of the next interval of the level grid."""
    e.window_k += 1
    e.seq += 1
    e.window_due_s = e.now_s + (e.window_k * e.window_s - e.now_s)
    e.window_seq = e.seq


def plan_other(w: Any, program: int, delay: float) -> None:
    """Another program may have more work `delay` seconds from now."""
    e = w.e
    e.seq += 1
    at = e.now_s + delay
    heap_push(w, at, e.seq, program, OTHER, 0, 0)
    earlier(e, at, e.seq, HEAP)


def prefetch_next(w: Any) -> None:
    """Begin to bring the session of the next timer into the cache: among many, it was not touched for long."""
    e = w.e
    if e.heap.length > 0:
        session = floats_at(e.session_records + items_at(e.heap.address)[0].slot * SESSION_BYTES)
        for i in range(0, SESSION_BYTES // 8, 8):
            prefetch(session, i)


def far_event(w: Any) -> None:
    """Something happens that no task waits for."""
    e = w.e
    source = e.far_source
    if source == ARRIVAL:
        e.arrivals_planned = 0
        find_far(w)
        arrival(w)
        return
    if source == WINDOW:
        window_over(w)
        plan_window(e)
        find_far(w)
        return
    if source == HEAP:
        item = items_at(e.heap.address)[0]
        task, kind, slot, arg = item.task, item.kind, item.slot, item.arg
        heap_drop_first(e.heap)
        prefetch_next(w)
    else:
        fifo = e.fifos[source]
        item = items_at(fifo.address)[ring_take(fifo)]
        task, kind, slot, arg = item.task, item.kind, item.slot, item.arg
        drop_dead(w, fifo)
    find_far(w)
    if kind < FREEZE:
        if not is_timer(kind) or timer_lives(w.sessions[slot], kind, arg):
            due(w, task, kind, slot, arg)
    elif kind >= OUTSIDE:
        push_from_outside(w, task, kind - OUTSIDE, slot, arg)
    elif kind == SHUTDOWN:
        shutdown_begins(w, e.now_s)
        for i in range(e.slots):
            shutdown_session(w, w.sessions[i])
            deliver_all(w)
    elif kind == CRASH:
        if not w.server.down:
            crash(w, e.now_s, 1)
    elif kind == START:
        process_starts(w, e.now_s)
    elif kind == OTHER:
        plan_other(w, task, other_program(w, task, e.now_s))
    elif kind == THAW:
        thaw(w, w.tasks[task])
    else:
        freeze(w.tasks[task], 1 if kind == FREEZE_FOR_GOOD else 0)


def begin(address: int) -> None:
    """Time 0: every task finds nothing to do, the first call and the first level window are scheduled."""
    w = world_at(address)
    e = w.e
    begin_tasks(w)
    plan_arrival(w)
    plan_window(e)
    for program in range(w.machine.tasks, w.machine.runners):
        plan_other(w, program, pause(w, e.now_s))
    find_far(w)


def begin_tasks(w: Any) -> None:
    """Every thread begins, and finds nothing to do."""
    for index in range(w.e.tasks):
        task = w.tasks[index]
        task.index = index
        if task.discipline == MEDIA_TICK:
            media_loop(w, task)
        else:
            task_loop(w, task)


def fall(address: int) -> None:
    """The process has ended, and Python has taken what was on its way to it: the rest of its end, and a new one."""
    w = world_at(address)
    e = w.e
    process_ends(w)
    for i in range(e.slots):
        session_ends(w, w.sessions[i], 0, e.now_s, e.now_s)
        deliver_all(w)
    begin_tasks(w)
    e.seq += 1
    heap_push(w, e.now_s + w.p.restart_s, e.seq, 0, START, 0, 0)
    find_far(w)


def schedule_at(address: int, task: int, kind: int, at: float) -> None:
    """Before the run: a freeze, its end, or the shutdown."""
    w = world_at(address)
    e = w.e
    e.seq += 1
    heap_push(w, at, e.seq, task, kind, 0, 0)


def arrivals_anew(address: int) -> None:
    """The call that was on its way is not: the next one is the first of those that Python gives now."""
    w = world_at(address)
    w.e.arrivals_planned = 0
    find_far(w)
    plan_arrival(w)


def run_slice(address: int, events: int) -> int:
    """At most so many events; DONE when the horizon is reached or the process has ended, else MORE."""
    w = world_at(address)
    e, server = w.e, w.server
    if e.attention:
        e.attention = 0
        if not e.arrivals_planned and not e.arrivals_over:
            plan_arrival(w)
    while events > 0:
        if server.stopped:
            return DONE
        events -= 1
        last = e.near_count - 1
        if last >= 0:
            first = e.near[last]
            if first.time_s < e.far_s or (first.time_s == e.far_s and first.seq < e.far_seq):
                if first.time_s >= e.horizon_s:
                    return DONE
                e.now_s = first.time_s
                e.near_count = last
                task = first.task
                if w.machine.count == 0 or turn_over(w, task):
                    resume(w, task)
                if server.needs_draws or e.attention:
                    return DONE if server.stopped else MORE
                continue
        if e.far_s >= e.horizon_s:
            return DONE
        e.now_s = e.far_s
        far_event(w)
        if server.needs_draws or e.attention:
            return DONE if server.stopped else MORE
    return MORE


def release_vector(v: Any) -> None:
    """Give a vector's memory back."""
    if v.capacity > 0:
        release(v.address)
        v.capacity = 0


def end(address: int) -> None:
    """Give all memory back."""
    w = world_at(address)
    e = w.e
    release_vector(e.outbox)
    release_vector(e.heap)
    release_vector(e.free)
    release_vector(e.rows)
    release_vector(e.message_rows)
    release_vector(e.wait_rows)
    release_vector(e.session_rows)
    release_vector(e.window_rows)
    release_vector(e.offences)
    release_vector(e.more)
    for i in range(FIFOS):
        release_vector(e.fifos[i])
    for i in range(MAX_TASKS):
        task = w.tasks[i]
        release_vector(task.producers)
        release_vector(task.unsent)
        for lane in range(LANES):
            release_vector(task.lanes[lane])


def enter(address: int, operation: int, number: int, task: int, at: float) -> int:
    """The one way in from Python, so that everything is compiled once."""
    if operation == BEGIN:
        begin(address)
    elif operation == SCHEDULE:
        schedule_at(address, task, number, at)
    elif operation == FINISH:
        count_all_logged(world_at(address))
        last_window(world_at(address), at)
    elif operation == END:
        end(address)
    elif operation == FALL:
        fall(address)
    elif operation == ANEW:
        arrivals_anew(address)
    else:
        return run_slice(address, number)
    return DONE


cache.use()
register(sys.modules[__name__])
with one_program("enter", ONCE, SELDOM):
    KERNEL = njit(
        types.int64(types.int64, types.int64, types.int64, types.int64, types.float64), cache=True, **OPTIONS
    )(enter)
