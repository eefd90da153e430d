"""What is left at the end of a compiled run, as the verdicts want it: session objects and pending messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

import numpy as np

from sim.engine.compiled import layout
from sim.engine.compiled.calendar import FREEZE, OUTSIDE
from sim.engine.verdicts import Pending
from sim.server.handlers import TIMERS
from sim.server.timers import timer_lives

Array = np.ndarray[Any, Any]
Seen = Callable[[int, int, np.dtype[Any]], Array]


class SessionView:
    """A session's fields by name, read from a tuple."""

    __slots__ = ("row",)

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.row = row


def _field(i: int) -> property:
    take = itemgetter(i)
    return property(lambda self: take(self.row))


for _i, _name in enumerate(layout.SESSION.names or ()):
    setattr(SessionView, _name, _field(_i))


def sessions(records: Array) -> list[Any]:
    """Session records as objects."""
    columns = [records[name].tolist() for name in records.dtype.names or ()]
    return [SessionView(row) for row in zip(*columns, strict=True)]


def _ring(ring: Any, dtype: np.dtype[Any], seen: Seen) -> Array:
    """The elements of a ring, the first one first."""
    if not ring["count"]:
        return np.empty(0, dtype)
    whole = seen(ring["address"], ring["capacity"], dtype)
    return np.roll(whole, -int(ring["head"]))[: int(ring["count"])]


def _vector(vector: Any, seen: Seen) -> Array:
    return seen(vector["address"], vector["length"], layout.ITEM)


def pending(block: Any, records: Array, tasks: int, seen: Seen) -> Iterator[Pending]:
    """Every message and live timer there is, and whether the task that would take it can still run."""
    dead = dead_tasks(block, tasks)
    waiting = []
    for index in range(tasks):
        task = block["tasks"][index]
        reachable = index not in dead
        for ring in task["lanes"]:
            for message in _ring(ring, layout.MESSAGE, seen):
                yield Pending(int(message["kind"]), int(message["slot"]), int(message["arg"]), reachable)
        if task["serving"]:
            yield Pending(int(task["kind"]), int(task["slot"]), int(task["arg"]), reachable)
        for item in _vector(task["unsent"], seen)[int(task["unsent_from"]) :]:
            kind, slot, arg, target = (int(item[k]) for k in ("kind", "slot", "arg", "task"))
            yield Pending(kind, slot, arg, reachable and target not in dead)
        waiting += [item for item in _ring(task["producers"], layout.ITEM, seen) if item["kind"] >= 0]
    e = block["e"]
    heap = _vector(e["heap"], seen)
    for item in waiting + [item for item in heap if item["kind"] >= OUTSIDE]:
        target = int(item["task"])
        yield Pending(int(item["kind"]) % OUTSIDE, int(item["slot"]), int(item["arg"]), target not in dead)
    delayed = [heap[heap["kind"] < FREEZE]] + [_ring(fifo, layout.ITEM, seen) for fifo in e["fifos"]]
    items = np.concatenate(delayed)
    items = items[np.lexsort((items["seq"], items["time_s"]))]
    generations = _generations(records)
    for kind, slot, arg, target in zip(*(items[k].tolist() for k in ("kind", "slot", "arg", "task")), strict=True):
        if not TIMERS[kind] or timer_lives(generations[slot], kind, arg):
            yield Pending(kind, slot, arg, target not in dead)


class _Generations:
    """The generations of a session's timers."""

    __slots__ = ("caller_timer", "nua_timer", "tcp_timer")

    def __init__(self, nua_timer: int, tcp_timer: int, caller_timer: int) -> None:
        self.nua_timer = nua_timer
        self.tcp_timer = tcp_timer
        self.caller_timer = caller_timer


def _generations(records: Array) -> list[Any]:
    columns = [records[name].tolist() for name in ("nua_timer", "tcp_timer", "caller_timer")]
    return [_Generations(*timers) for timers in zip(*columns, strict=True)]


def dead_tasks(block: Any, tasks: int) -> set[int]:
    """Tasks that will never run again: frozen for good, or waiting for one that is, or for each other."""
    if block["server"]["stopped"]:
        return set(range(tasks))
    records = block["tasks"]
    blocked_on = records["blocked_on"].tolist()
    dead = {i for i in range(tasks) if records[i]["frozen"] and records[i]["frozen_for_good"]}
    for index in range(tasks):
        seen = [index]
        at = blocked_on[index]
        while at >= 0 and at not in dead and at not in seen:
            seen.append(at)
            at = blocked_on[at]
        if at >= 0:
            dead.update(seen)
    return dead
