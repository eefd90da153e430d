"""What each thread does next: the loops of `sim.engine.reference.tasks` and `media_engine`, resumed where they wait."""

from __future__ import annotations

from typing import Any, Final

from sim.engine.compiled.calendar import schedule_task
from sim.engine.compiled.dispatch import handle_message
from sim.engine.compiled.post import BLOCKED, deliver, go_on_sending, retire
from sim.engine.compiled.queues import MEDIA_TICK, take, wake
from sim.engine.compiled.record import message_done
from sim.engine.compiled.store import messages_at, ring_take
from sim.engine.sharing import leave, stretch_over, want
from sim.engine.tick import can_skip, idle_work, next_tick, plan, sleeps_again
from sim.server.ledger import within_load

# what a task waits for
SERVICE_END: Final = 1
THAWED: Final = 2
TICK: Final = 3
# BLOCKED: Final = 4, see `post`
CONTEXTS_RUN: Final = 5

# steps of a media tick
TICK_WAIT: Final = 0
TICK_BEGIN: Final = 1
TICK_REQUESTS: Final = 2
TICK_CONTEXTS: Final = 3
TICK_STOPS: Final = 4
TICK_TURN: Final = 5
"""Between waiting for the tick and its beginning, where processors are shared."""


def resume(w: Any, index: int) -> None:
    """What a task waited for has happened: go on until it waits again.

    Here alone a message is completed, and a task resumed in one place: what is called once is no call in machine code.
    """
    task = w.tasks[index]
    state = task.state
    started = w.e.now_s
    if state == SERVICE_END:
        started = service_ended(w, task)
    elif state == BLOCKED:
        if not go_on_sending(w, task):
            return
        settle(w, task)
    elif state == CONTEXTS_RUN and w.machine.count == 0:
        task.busy_s += within_load(w, w.e.now_s - w.e.tick_work_s, w.e.tick_work_s)
    done = state == SERVICE_END
    while True:
        if done and not complete(w, task, started):
            return
        if task.discipline != MEDIA_TICK:
            task_loop(w, task)
            return
        started = w.e.now_s
        done = media_loop(w, task)
        if not done:
            return


def service_ended(w: Any, task: Any) -> float:
    """A task has done its work on a message; when it began."""
    if w.machine.count > 0:
        task.started_s = w.runners[task.index].began_s
        task.service_s = w.e.now_s - task.started_s
    else:
        task.busy_s += within_load(w, task.started_s, task.service_s)
    began: float = task.started_s
    return began


def turn_over(w: Any, index: int) -> bool:
    """What was planned for a task, or another program, has come: the end of a stretch on a processor, or of a wait.

    Whether a task has what it waited for.
    """
    if not w.runners[index].planned:
        return True
    if not stretch_over(w, index, w.e.now_s):
        return False
    if index >= w.machine.tasks:
        leave(w, index, w.e.now_s)
        return False
    return True


def work(w: Any, task: Any, seconds: float) -> None:
    """A task works on something for so long, on a processor where those are few."""
    if w.machine.count > 0:
        want(w, task.index, seconds, w.e.now_s, 0)
    else:
        schedule_task(w, task.index, seconds)


def rest(w: Any, task: Any) -> None:
    """A task needs no processor until there is work again."""
    if w.machine.count > 0:
        leave(w, task.index, w.e.now_s)


def complete(w: Any, task: Any, started: float) -> bool:
    """A message's service has ended: run its handler and deliver what it sent; False when a queue was full."""
    task.serving = 0
    task.messages += 1
    session = w.sessions[task.slot]
    server = w.server
    server.task = task.index
    server.kind = task.kind
    task.owner = session.connection
    handle_message(w, session, task.kind, task.arg, started, w.e.now_s)
    message_done(w, task, session, started)
    if w.e.outbox.length > 0 and not deliver(w, task):
        return False
    settle(w, task)
    return True


def settle(w: Any, task: Any) -> None:
    """A message is done with: its slot, or its connection's, may be free now."""
    session = w.sessions[task.slot]
    session.inflight -= 1
    if session.inflight == 0:
        retire(w, session)
    owner = task.owner
    if owner >= 0 and session.connection < 0 and owner != session.slot:
        retire(w, w.sessions[owner])


def task_loop(w: Any, task: Any) -> None:
    """Take up the next message, or sleep."""
    if task.frozen:
        rest(w, task)
        task.state = THAWED
        task.stands_still = 1
    elif task.length > 0:
        task.state = SERVICE_END
        work(w, task, take(w, task, 0.0))
    else:
        rest(w, task)
        # whoever sends the next message takes it up as well: the event is the end of its service
        task.state = SERVICE_END
        task.asleep = 1


def media_loop(w: Any, task: Any) -> bool:
    """One pass of `mpf_engine_main` after the other: requests, then contexts, then the answers to STOP.

    True when one of these has been taken up, which takes no time, so that it is completed now; False when it waits.
    """
    e = w.e
    while True:
        if e.tick_step == TICK_WAIT:
            e.tick_step = TICK_BEGIN
            task.state = TICK
            if task.length == 0 and task.lanes[1].count == 0 and can_skip(w, e):
                rest(w, task)
                task.asleep = 1
                return False
            sleeps_s = max(0.0, next_tick(e) - e.now_s)
            if sleeps_again(w, sleeps_s):
                rest(w, task)
                schedule_task(w, task.index, sleeps_s)
                return False
        if e.tick_step == TICK_BEGIN:
            if task.frozen:
                rest(w, task)
                task.state = THAWED
                task.stands_still = 1
                return False
            if w.machine.count > 0:
                e.tick_step = TICK_TURN
                task.state = TICK
                work(w, task, 0.0)
                return False
            e.tick_step = TICK_TURN
        if e.tick_step == TICK_TURN:
            e.tick_began_s = e.now_s
            e.tick_step = TICK_REQUESTS
        if e.tick_step == TICK_REQUESTS:
            if task.length > 0:
                task.state = SERVICE_END
                work(w, task, take(w, task, 0.0))
                return False
            e.tick_step = TICK_CONTEXTS
            e.tick_work_s = idle_work(w, e)
            if e.tick_work_s > 0.0:
                task.state = CONTEXTS_RUN
                work(w, task, e.tick_work_s)
                return False
        if e.tick_step == TICK_CONTEXTS:
            e.tick_stops = task.lanes[1].count
            e.tick_step = TICK_STOPS
        if e.tick_stops > 0:
            e.tick_stops -= 1
            stops = task.lanes[1]
            message = messages_at(stops.address)[ring_take(stops)]
            task.kind = message.kind
            task.slot = message.slot
            task.arg = message.arg
            task.sent_s = message.sent_s
            return True
        plan(w, e, e.tick_began_s, e.now_s)
        e.tick_step = TICK_WAIT


def freeze(task: Any, for_good: int) -> None:
    """Take up no message until thawed; the one in service is finished."""
    task.frozen = 1
    task.frozen_for_good = for_good


def thaw(w: Any, task: Any) -> None:
    """Go on after a freeze."""
    task.frozen = 0
    if task.stands_still:
        task.stands_still = 0
        schedule_task(w, task.index, 0.0)
    elif task.asleep and task.length > 0 and task.discipline != MEDIA_TICK:
        wake(w, task)
