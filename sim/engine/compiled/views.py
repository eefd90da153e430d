"""What is left at the end of a compiled run, as the verdicts want it: session objects and pending messages.

Sessions in a call that goes well are told from the others by looking at whole arrays; the others become objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import itemgetter
from typing import Any

import numpy as np

from sim.engine.compiled import layout
from sim.engine.compiled.calendar import FREEZE, OUTSIDE
from sim.engine.contract import Calm, Remaining
from sim.engine.end.collect import SESSION_COUNTS, SESSION_TIMES
from sim.engine.end.judging import LEAKS_LISTED
from sim.engine.start.setup import Setup
from sim.leaks.diagnosis import diagnose
from sim.leaks.verdicts import ENDS_NOTHING, Pending, facts_of
from sim.ledger.summary import Leak
from sim.server.crash import OUTLIVES
from sim.server.records import DIALOG_TERMINATED, HAS_LICENCE, IS_CLOSING, IS_OPENING, IS_STOPPING, SHUT_DOWN
from sim.vocabulary.messages import (
    KINDS,
    OF_CALLER,
    OF_CONNECTION,
    OF_DIALOG,
    TIMERS,
)
from sim.vocabulary.resources import HOLDS_POOL
from sim.vocabulary.states import ACTIVE
from sim.vocabulary.tasks import NUA, SIP_AGENT, SOCKET_LANE

Array = np.ndarray[Any, Any]
Seen = Callable[[int, int, np.dtype[Any]], Array]

PENDING = np.dtype([("kind", "i8"), ("slot", "i8"), ("arg", "i8"), ("reachable", "?")])
BUSY = IS_OPENING | IS_CLOSING | IS_STOPPING
KEY = ("holds", "channels", "resource", "channel", "tcp")
"""What the resources that a session holds depend on."""

_OF_A_THREAD = (
    "serving", "state", "asleep", "frozen", "frozen_for_good", "stands_still", "batch", "length", "unsent_from",
)  # fmt: skip
_TIMERS = np.array(TIMERS)
_ENDS_NOTHING = np.array([kind in ENDS_NOTHING for kind in range(KINDS)])


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


def remaining(block: Any, records: Array, setup: Setup, seen: Seen) -> Remaining:
    """The sessions that are still there: those that go well as arrays, the others one by one with what is pending."""
    waiting = pending(block, records, len(setup.tasks), seen)
    in_use = records["in_use"] != 0
    calm = in_use & goes_well(records, waiting)
    if block["server"]["stopped"]:
        calm[:] = False
    slots = np.nonzero(calm)[0]
    rows = {name: records[name][slots].astype(np.float64) for name in SESSION_TIMES}
    rows |= {name: records[name][slots].astype(np.int64) for name in SESSION_COUNTS}
    other = waiting[~calm[waiting["slot"]]]
    return Remaining(
        sessions(records[in_use & ~calm]),
        [Pending(*message) for message in other.tolist()],
        Calm(rows, slots, calm_leaks(records, slots, waiting, setup), licences(records, slots, setup)),
    )


def goes_well(records: Array, waiting: Array) -> Array:
    """Which sessions have nothing outstanding, as `sim.leaks.verdicts` has it, while an end is scheduled for them."""
    count = len(records)
    ends = np.bincount(waiting["slot"][~_ENDS_NOTHING[waiting["kind"]]], minlength=count) > 0
    stuck = np.bincount(waiting["slot"][~waiting["reachable"]], minlength=count) > 0
    well = ends & ~stuck & (records["holds"] & HOLDS_POOL != 0) & np.isnan(records["bye_s"])
    well &= (records["state"] == ACTIVE) & (records["dialog"] != DIALOG_TERMINATED)
    for name in ("active", "queue_length", "lost_kind", "wedged"):
        well &= records[name] == 0
    return np.asarray(well & ~(records["channel"] & BUSY).any(axis=1))


def calm_leaks(records: Array, slots: Array, waiting: Array, setup: Setup) -> list[Leak]:
    """Diagnoses of the earliest of the sessions that go well; they differ in little, so few are worked out."""
    first = slots[np.argsort(records["call"][slots])[:LEAKS_LISTED]]
    chosen = np.zeros(len(records), dtype=bool)
    chosen[first] = True
    waiting = waiting[chosen[waiting["slot"]]]
    waiting = waiting[np.argsort(waiting["slot"], kind="stable")]
    starts = np.searchsorted(waiting["slot"], first, "left").tolist()
    ends = np.searchsorted(waiting["slot"], first, "right").tolist()
    kinds = waiting["kind"].tolist()
    keys = zip(*(records[name][first].tolist() for name in KEY), strict=True)
    known: dict[str, Leak] = {}
    found = []
    numbers = (records[name][first].tolist() for name in ("call", "since_s"))
    rows = zip(first.tolist(), keys, starts, ends, *numbers, strict=True)
    for slot, key, start, end, call, since_s in rows:
        like = repr((key, kinds[start:end]))
        leak = known.get(like)
        if leak is None:
            coming = [Pending(*message) for message in waiting[start:end].tolist()]
            facts = facts_of(sessions(records[slot : slot + 1])[0], coming, setup.plugins, setup.tasks)
            leak = known[like] = diagnose(facts)[1]
        found.append(replace(leak, session=call, since_s=since_s))
    return found


def licences(records: Array, slots: Array, setup: Setup) -> dict[str, int]:
    """Licences that these sessions hold, of each plugin."""
    held = Counter(records["resource"][slots][records["channel"][slots] & HAS_LICENCE != 0].tolist())
    return {setup.plugins[resource]: count for resource, count in held.items()}


def _ring(ring: Any, dtype: np.dtype[Any], seen: Seen) -> Array:
    """The elements of a ring, the first one first."""
    if not ring["count"]:
        return np.empty(0, dtype)
    whole = seen(ring["address"], ring["capacity"], dtype)
    return np.roll(whole, -int(ring["head"]))[: int(ring["count"])]


def _vector(vector: Any, seen: Seen) -> Array:
    return seen(vector["address"], vector["length"], layout.ITEM)


def pending(block: Any, records: Array, tasks: int, seen: Seen) -> Array:
    """Every message and live timer there is, and whether the task that would take it can still run."""
    dead = dead_tasks(block, tasks)
    e = block["e"]
    heap = _vector(e["heap"], seen)
    near = np.array(list(_near(block, heap, tasks, dead, seen)), dtype=PENDING)
    items = np.concatenate([heap[heap["kind"] < FREEZE]] + [_ring(fifo, layout.ITEM, seen) for fifo in e["fifos"]])
    items = items[_alive(items, records)]
    items = items[np.lexsort((items["seq"], items["time_s"]))]
    far = np.empty(len(items), dtype=PENDING)
    for name in ("kind", "slot", "arg"):
        far[name] = items[name]
    far["reachable"] = ~np.isin(items["task"], list(dead))
    return np.concatenate([near, far])


def _near(block: Any, heap: Array, tasks: int, dead: set[int], seen: Seen) -> Iterator[tuple[int, int, int, bool]]:
    """Messages in queues, in service, yet to be sent, and those whose thread waits for a free slot."""
    waiting = []
    for index in range(tasks):
        task = block["tasks"][index]
        reachable = index not in dead
        for ring in task["lanes"]:
            for message in _ring(ring, layout.MESSAGE, seen):
                yield int(message["kind"]), int(message["slot"]), int(message["arg"]), reachable
        if task["serving"]:
            yield int(task["kind"]), int(task["slot"]), int(task["arg"]), reachable
        for item in _vector(task["unsent"], seen)[int(task["unsent_from"]) :]:
            kind, slot, arg, target = (int(item[k]) for k in ("kind", "slot", "arg", "task"))
            yield kind, slot, arg, reachable and target not in dead
        waiting += [item for item in _ring(task["producers"], layout.ITEM, seen) if item["kind"] >= 0]
    for item in [*waiting, *heap[heap["kind"] >= OUTSIDE]]:
        kind = int(item["kind"])
        kind = kind - OUTSIDE if kind >= OUTSIDE else kind
        yield kind, int(item["slot"]), int(item["arg"]), int(item["task"]) not in dead


def _alive(items: Array, records: Array) -> Array:
    """Which delayed messages and timers still mean something, as `sim.server.handlers.timer_lives` has it."""
    kinds, slots = items["kind"], items["slot"]
    timers = _TIMERS[kinds]
    dead = np.zeros(len(items), dtype=bool)
    for owner, field in ((OF_DIALOG, "nua_timer"), (OF_CONNECTION, "tcp_timer"), (OF_CALLER, "caller_timer")):
        dead |= (timers == owner) & (items["arg"] != records[field][slots])
    return ~dead


def dead_tasks(block: Any, tasks: int) -> set[int]:
    """Tasks that will never run again: frozen for good, or waiting for one that is, or for each other."""
    if block["server"]["stopped"] == SHUT_DOWN:
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


def forget(block: Any, records: Array, seen: Seen) -> None:
    """The process has ended: nothing of it waits, works or is on its way any more; its threads begin anew."""
    e, tasks = block["e"], block["tasks"]
    for name in _OF_A_THREAD:
        tasks[name] = 0
    tasks["blocked_on"] = tasks["owner"] = -1
    tasks["lane"][[NUA, SIP_AGENT]] = SOCKET_LANE
    tasks["started_s"], tasks["service_s"] = e["now_s"], 0.0
    tasks["lanes"]["count"] = 0
    tasks["producers"]["count"] = 0
    tasks["unsent"]["length"] = 0
    e["near_count"] = e["outbox"]["length"] = e["tick_step"] = 0
    e["drift_s"] = 0.0
    e["fifos"]["count"] = 0
    items = _vector(e["heap"], seen)
    kept = items[np.isin(items["kind"], OUTLIVES) | ((items["kind"] >= FREEZE) & (items["kind"] < OUTSIDE))]
    kept = kept[np.lexsort((kept["seq"], kept["time_s"]))]  # which is a heap
    items[: len(kept)] = kept
    e["heap"]["length"] = len(kept)
    records["inflight"] = 0
    planned = kept[kept["kind"] < FREEZE]
    np.add.at(records["inflight"], planned["slot"][_TIMERS[planned["kind"]] == 0], 1)
