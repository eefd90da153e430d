"""Tasks share processors: who runs, who waits for its turn, and who gives way to a task that wakes up.

The discipline is that of Linux (EEVDF, "earliest eligible virtual deadline first"), with one queue for all processors.
A runner is a task of the server or another program. Each has its *fair time*, the processor time that it has had. It is
*due* while that does not lie above the mean of all that run, wait or owe. Each has a *deadline*, the fair time at which
its slice ends. Of those that are due, the one with the earliest deadline is next; a running one that is due keeps its
processor until the deadline that it was picked with. Who is next is asked when somebody sleeps or wakes, and, once
that deadline has passed, at the next tick of the kernel's clock. A runner that wakes takes an idle processor, if there
is one. What a sleeper was owed it is owed when it wakes; one that has had too much stays in the count until it has
made up for it (`OWING`), so that sleeping does not pay.

These functions run under plain Python and under Numba alike; `begin`, `cancel` and `note_wait` are the engine's.
Source: linux/kernel/sched/fair.c (6.18): pick_eevdf, update_curr, set_protect_slice, place_entity, dequeue_entity,
check_preempt_wakeup_fair, entity_tick. `benchmarks/sharing` holds these functions to the kernel that runs it.
"""

from __future__ import annotations

import math
from typing import Any, Final

from sim.server.ledger import within_load
from sim.server.streams import OTHER_GAP, OTHER_LOAD, OTHER_WORK, draw, wake_latency
from sim.vocabulary.plugins import MAX_PLUGINS
from sim.vocabulary.tasks import PLUGIN

MAX_OTHERS: Final = 16
"""Other programs that can want a processor at the same time."""

RUNNERS: Final = PLUGIN + MAX_PLUGINS + MAX_OTHERS
"""Runners are the tasks, by their numbers, and behind them the other programs."""

MAX_PROCESSORS: Final = RUNNERS
"""More than there are runners could never be used."""

ASLEEP: Final = 0
WAITING: Final = 1
RUNNING: Final = 2
OWING: Final = 3
"""Asleep, but it has had more than its share and is counted until that is made up for."""

LOAD_LASTS_S: Final = 1.0
"""A distribution of the other programs' load is drawn from this often."""

ROUNDING: Final = 1e-12
"""Seconds: fair times that differ by less are equal."""


class Runner:
    """What may run on a processor: one thread."""

    state: int
    processor: int  # where it runs, or ran last
    fresh: int  # the piece of work at hand has not begun
    planned: int  # the end of its stretch is on the calendar
    left_s: float  # processor time that the piece at hand still needs
    stretch_s: float  # what of it is planned in one go
    since_s: float  # running: from when on it works; waiting: since when
    began_s: float  # when the piece at hand began
    slept_s: float  # when it last went to sleep
    fair_s: float  # processor time that it has had
    lag_s: float  # what it was owed when it went to sleep
    deadline_s: float  # the fair time at which its slice ends
    kept_s: float  # running: up to this fair time nobody takes its place while it is due
    busy_s: float  # before the end of the load


class Processor:
    """One processor."""

    holder: int  # the runner that has it, -1 none
    busy_s: float  # before the end of the load


class Machine:
    """The processors together, and how they are shared."""

    count: int  # 0: every task has one of its own, and nothing here is used
    tasks: int
    runners: int  # the tasks, then other programs
    idle: int  # processors without a runner
    waiting: int  # runners without a processor
    owing: int
    mean_s: float  # fair time of whoever ran last, for when none does
    slice_s: float
    tick_s: float  # of the kernel's clock
    phase_s: float  # when that first ticks
    switch_s: float
    preempts: int
    load: float  # of the other programs together, for now
    load_until_s: float
    burst_s: float  # mean work that another program has at a time
    used_s: float  # by whatever runner, up to the last of their stretches that ended
    window_used_s: float  # up to the end of the last interval of the level grid
    window_min: int  # busy processors, in this interval
    window_max: int


def begin(w: Any, i: int, delay: float) -> None:
    """The stretch of a runner ends `delay` seconds from now. The compiled engine has its own calendar."""
    w.stretches.begin(i, delay)


def cancel(w: Any, i: int) -> None:
    """The stretch of a runner does not end as planned. The compiled engine has its own calendar."""
    w.stretches.cancel(i)


def note_wait(w: Any, i: int, waited: float) -> None:
    """A runner waited so long for a processor. The compiled engine has its own buffer."""
    if i < w.machine.tasks:
        w.stretches.waits.append((i, waited))


# --- what runners do ------------------------------------------------------------------------------------------------


def want(w: Any, i: int, work: float, now: float, sleeps: int) -> None:
    """A runner needs `work` seconds of a processor; with `sleeps`, an idle processor must be woken first."""
    r = w.runners[i]
    r.left_s = work
    r.fresh = 1
    if r.state == RUNNING:
        r.fresh = 0
        r.began_s = now
        r.since_s = now
        if tick_from(w.machine, now) > now + ROUNDING or not gives_way(w, i, now):
            plan(w, i, now)
    elif r.state != WAITING:
        wake_up(w, i, now, sleeps)


def leave(w: Any, i: int, now: float) -> None:
    """A runner goes to sleep; its processor is another's, or idle."""
    r, m = w.runners[i], w.machine
    if r.state == RUNNING:
        fall_asleep(w, r, now, m.waiting + m.owing > 0)
        w.processors[r.processor].holder = -1
        m.idle += 1
        if m.waiting > 0:
            run_on(w, next_runner(w, -1, now), r.processor, now, 0)
            return
        m.window_min = min(m.window_min, m.count - m.idle)
        if m.owing > 0:
            forgive(w)
    elif r.state == WAITING:
        fall_asleep(w, r, now, True)
        m.waiting -= 1


def stretch_over(w: Any, i: int, now: float) -> bool:
    """A stretch has ended as planned; whether the piece of work is done."""
    r = w.runners[i]
    account(w, r, r.stretch_s)
    r.planned = 0
    r.since_s = now
    if r.left_s <= 0.0:
        return True
    if not gives_way(w, i, now):
        plan(w, i, now)
    return False


def other_program(w: Any, i: int, now: float) -> float:
    """Another program may have more work; how long until it may again."""
    m = w.machine
    r = w.runners[i]
    if m.load > 0.0:
        work = draw(w, OTHER_WORK)
        if r.state == WAITING or r.state == RUNNING:
            r.left_s += work
        else:
            want(w, i, work, now, 0)
    return pause(w, now)


def pause(w: Any, now: float) -> float:
    """How long until another program has more work. What they use together is drawn anew from time to time."""
    m = w.machine
    if now >= m.load_until_s:
        m.load = draw(w, OTHER_LOAD)
        m.load_until_s = now + LOAD_LASTS_S
    if m.load <= 0.0:
        return LOAD_LASTS_S
    return draw(w, OTHER_GAP) * m.burst_s * (m.runners - m.tasks) / m.load


# --- how that goes on -----------------------------------------------------------------------------------------------


def plan(w: Any, i: int, now: float) -> None:
    """Put the end of a running runner's stretch on the calendar: of its work, or the tick that ends its turn."""
    r, m = w.runners[i], w.machine
    turn = r.since_s + max(0.0, r.kept_s - r.fair_s)
    tick = tick_from(m, turn)
    if tick <= r.since_s + ROUNDING:
        tick += m.tick_s
    r.stretch_s = min(r.left_s, tick - r.since_s)
    r.planned = 1
    begin(w, i, (r.since_s - now) + r.stretch_s)


def tick_from(m: Any, at: float) -> float:
    """The first tick of the kernel's clock that is not before `at`."""
    tick: float = m.phase_s + math.ceil((at - m.phase_s) / m.tick_s) * m.tick_s
    return tick


def account(w: Any, r: Any, ran: float) -> None:
    """A runner has had `ran` seconds of its processor since it began its stretch."""
    r.left_s -= ran
    r.fair_s += ran
    w.machine.used_s += ran
    counted = within_load(w, r.since_s, ran)
    r.busy_s += counted
    w.processors[r.processor].busy_s += counted


def turn_over(w: Any, r: Any, fair: float) -> bool:
    """Whether a running runner that has had `fair` has come to the end of its turn; a slice that ended begins anew."""
    if fair >= r.deadline_s - ROUNDING:
        r.deadline_s = fair + w.machine.slice_s
        return True
    over: bool = fair >= r.kept_s - ROUNDING
    return over


def gives_way(w: Any, i: int, now: float) -> bool:
    """Whether a runner, whose stretch has just ended at a tick, has had its turn, and another is next."""
    r, m = w.runners[i], w.machine
    if not turn_over(w, r, r.fair_s) or m.waiting == 0:
        return False
    k = next_runner(w, i, now)
    if k == i:
        return False
    give(w, i, k, now)
    return True


def give(w: Any, j: int, i: int, now: float) -> None:
    """A running runner's processor is now a waiting one's."""
    stop(w, j, now)
    run_on(w, i, w.runners[j].processor, now, 0)


def fall_asleep(w: Any, r: Any, now: float, contended: bool) -> None:
    """What a runner that sleeps is owed, or owes; nothing where it is alone."""
    m = w.machine
    r.slept_s = now
    r.lag_s = 0.0
    m.mean_s = r.fair_s
    if not contended:
        r.state = ASLEEP
        return
    lag = fair_mean(w, now) - r.fair_s
    if lag < -ROUNDING:
        r.state = OWING
        m.owing += 1
    else:
        r.state = ASLEEP
        r.lag_s = min(max(0.0, lag), max(2.0 * m.slice_s, m.tick_s))


def wake_up(w: Any, i: int, now: float, sleeps: int) -> None:
    """A sleeping runner wants a processor: an idle one, or that of a runner that is no longer due."""
    r, m = w.runners[i], w.machine
    if r.state == ASLEEP:
        place(w, r, now)
    else:
        m.owing -= 1
        if r.fair_s < fair_mean(w, now):
            r.state = ASLEEP
            place(w, r, now)
    r.state = WAITING
    r.since_s = now
    m.waiting += 1
    if m.idle > 0:
        run_on(w, i, idle_processor(w, r.processor), now, sleeps)
    else:
        j = most_served(w, now)
        fair = served(w.runners[j], now)
        if turn_over(w, w.runners[j], fair):
            k = next_runner(w, j, now)
            if k != j:
                give(w, j, k, now)
        elif m.preempts:
            mean = fair_mean(w, now)
            if fair > mean + ROUNDING and earliest(w, mean) == i:
                give(w, j, i, now)


def place(w: Any, r: Any, now: float) -> None:
    """Give a runner that wakes its fair time: at the mean, less what it is owed, and a new slice."""
    m = w.machine
    n = m.count - m.idle + m.waiting + m.owing
    r.fair_s = fair_mean(w, now) - r.lag_s * (n + 1) / n if n > 0 else m.mean_s
    r.deadline_s = r.fair_s + m.slice_s


def stop(w: Any, i: int, now: float) -> None:
    """A running runner must wait: it loses its processor, which `run_on` then gives to another."""
    r, m = w.runners[i], w.machine
    if r.planned:
        cancel(w, i)
        r.planned = 0
        account(w, r, max(0.0, now - r.since_s))
    r.state = WAITING
    r.since_s = now
    m.waiting += 1
    w.processors[r.processor].holder = -1
    m.idle += 1


def run_on(w: Any, i: int, p: int, now: float, sleeps: int) -> None:
    """A waiting runner gets a processor; one that slept must be woken first, which takes no processor time."""
    r, m = w.runners[i], w.machine
    awake = now
    if sleeps:
        awake = now + wake_latency(w, i, now, r.slept_s)
    note_wait(w, i, awake - r.since_s)
    m.waiting -= 1
    m.idle -= 1
    m.window_max = max(m.window_max, m.count - m.idle)
    w.processors[p].holder = i
    r.state = RUNNING
    r.processor = p
    r.since_s = awake
    r.kept_s = r.deadline_s
    r.left_s += m.switch_s
    if r.fresh:
        r.fresh = 0
        r.began_s = awake + m.switch_s
    plan(w, i, now)


def window_used(w: Any, now: float) -> float:
    """An interval of the level grid is over: the processor time that was used in it."""
    m = w.machine
    used = m.used_s
    for p in range(m.count):
        holder = w.processors[p].holder
        if holder >= 0 and w.runners[holder].planned:
            used += max(0.0, now - w.runners[holder].since_s)
    within: float = used - m.window_used_s
    m.window_used_s = used
    m.window_min = m.count - m.idle
    m.window_max = m.window_min
    return within


# --- who is next ----------------------------------------------------------------------------------------------------


def next_runner(w: Any, j: int, now: float) -> int:
    """Whose turn it is: a waiting runner's, or still that of `j`, which runs (-1: none does that comes into question).

    Sleepers whose turn came first have made up for what they had.
    """
    mean = fair_mean(w, now)
    i = earliest(w, mean)
    while i >= 0 and w.runners[i].state == OWING:
        w.runners[i].state = ASLEEP
        w.machine.owing -= 1
        mean = fair_mean(w, now)
        i = earliest(w, mean)
    if j < 0:
        return i if i >= 0 else least_served(w)
    if i < 0:
        return j
    if served(w.runners[j], now) <= mean + ROUNDING and w.runners[j].deadline_s < w.runners[i].deadline_s:
        return j
    return i


def earliest(w: Any, mean: float) -> int:
    """Of the waiting and the owing that are due, the one with the earliest deadline; -1 where there is none."""
    best = -1
    for i in range(w.machine.runners):
        r = w.runners[i]
        due = (r.state == WAITING or r.state == OWING) and r.fair_s <= mean + ROUNDING
        if due and (best < 0 or r.deadline_s < w.runners[best].deadline_s):
            best = i
    return best


def least_served(w: Any) -> int:
    """The waiting runner that has had least: the running ones are due, and none of the waiting."""
    best = -1
    for i in range(w.machine.runners):
        r = w.runners[i]
        if r.state == WAITING and (best < 0 or r.fair_s < w.runners[best].fair_s):
            best = i
    return best


def most_served(w: Any, now: float) -> int:
    """The running runner that has had most, where no processor is idle."""
    best: int = w.processors[0].holder
    for p in range(1, w.machine.count):
        holder = w.processors[p].holder
        if served(w.runners[holder], now) > served(w.runners[best], now):
            best = holder
    return best


def served(r: Runner, now: float) -> float:
    """The processor time that a runner has had until now."""
    return r.fair_s + max(0.0, now - r.since_s) if r.planned else r.fair_s


def fair_mean(w: Any, now: float) -> float:
    """The mean of what all have had that run, wait or owe; 0 when there are none."""
    m = w.machine
    total, n = 0.0, 0
    for p in range(m.count):
        holder = w.processors[p].holder
        if holder >= 0:
            total += served(w.runners[holder], now)
            n += 1
    if m.waiting + m.owing > 0:
        for i in range(m.runners):
            r = w.runners[i]
            if r.state == WAITING or r.state == OWING:
                total += r.fair_s
                n += 1
    return total / n if n > 0 else 0.0


def forgive(w: Any) -> None:
    """Nobody waits: whoever has had too much took nothing from anybody."""
    for i in range(w.machine.runners):
        if w.runners[i].state == OWING:
            w.runners[i].state = ASLEEP
    w.machine.owing = 0


def idle_processor(w: Any, last: int) -> int:
    """An idle processor: the one where the runner ran last, or the first."""
    if w.processors[last].holder < 0:
        return last
    p = 0
    while w.processors[p].holder >= 0:
        p += 1
    return p
