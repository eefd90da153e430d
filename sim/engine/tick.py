"""When the media engine's ticks begin: the arithmetic of `timer_thread_proc` in `mpf_scheduler.c`, for both engines.

With the tick's nominal times G(k) = phase + k·tick, P(k) the work done in tick k and e(k) how much the thread
overslept, that comes to T(k+1) = G(k+1) + P(k) + e(k) while the drift stays below one tick, and to no sleep at all
above. Ticks without messages are not simulated one by one: their work is contexts · cost, which moves the next tick
just as much.
"""

from __future__ import annotations

from typing import Protocol

from sim.engine.sharing import Machine
from sim.server.ledger import within_load
from sim.server.records import World
from sim.server.streams import OVERSLEEP, draw


class TickClock(Protocol):
    """Where an engine keeps the state of its ticks."""

    tick_s: float
    cost_s: float  # of one context in one tick
    tick_cost_s: float  # of a tick without contexts
    phase_s: float
    tick_k: int  # the last tick that was simulated
    drift_s: float  # T(k+1) - G(k+1): how late the next tick begins


class Busy(Protocol):
    """Where it counts how long its thread worked."""

    busy_s: float


class TickWorld(World, Protocol):
    """What the ticks need to know of the world."""

    @property
    def machine(self) -> Machine: ...


def idle_work(w: World, clock: TickClock) -> float:
    """Work of a tick on the media contexts, and on itself: all that there is to do in one without messages."""
    return clock.tick_cost_s + clock.cost_s * w.server.contexts


def can_skip(w: TickWorld, clock: TickClock) -> bool:
    """Whether nothing is lost by leaving idle ticks out.

    They must end before the next one is due, and, where tasks share processors, take nothing from others.
    """
    work = idle_work(w, clock)
    if w.machine.count > 0 and work > 0.0:
        return False
    return work < clock.tick_s and clock.drift_s < clock.tick_s


def sleeps_again(w: TickWorld, for_s: float) -> bool:
    """Whether the thread sleeps until its next tick: one that is due already finds it on its processor."""
    return for_s > 0.0 or w.machine.count == 0


def next_tick(clock: TickClock) -> float:
    """Begin the next tick in sequence."""
    clock.tick_k += 1
    return clock.phase_s + clock.tick_k * clock.tick_s + clock.drift_s


def plan(w: World, clock: TickClock, began: float, end: float) -> None:
    """Work out when the tick after this one begins."""
    slept = clock.drift_s < clock.tick_s
    over = draw(w, OVERSLEEP) if slept else 0.0
    if slept:
        clock.drift_s = (end - began) + over
    else:
        clock.drift_s = end - (clock.phase_s + (clock.tick_k + 1) * clock.tick_s)


def tick_after(w: World, clock: TickClock, thread: Busy, now: float) -> float:
    """Begin the first tick at or after `now`, leaving out the idle ones in between.

    Each tick oversleeps for itself, and the one that was due last may be late and still to come: a request that meets
    it waits longer than a tick.
    """
    first = clock.phase_s + (clock.tick_k + 1) * clock.tick_s + clock.drift_s
    if first >= now:
        clock.tick_k += 1
        return first
    idle = idle_work(w, clock)
    k = max(clock.tick_k + 2, int((now - clock.phase_s - idle) / clock.tick_s))
    over = draw(w, OVERSLEEP)
    while clock.phase_s + k * clock.tick_s + idle + over < now:
        k += 1
        over = draw(w, OVERSLEEP)
    left_out_s = (k - clock.tick_k - 1) * clock.tick_s
    within_s = within_load(w, clock.phase_s + (clock.tick_k + 1) * clock.tick_s, left_out_s)
    thread.busy_s += idle / clock.tick_s * within_s
    clock.tick_k = k
    clock.drift_s = idle + over
    return clock.phase_s + k * clock.tick_s + clock.drift_s
