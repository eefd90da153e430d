"""Where everything of a run stands in memory: NumPy dtypes of the records that the compiled engine reads and writes.

The server's records come from `sim.server.records`, field by field; the engine's own are declared here. All of them are
parts of one block, except what grows: that stands elsewhere, and the block has its address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_type_hints

import numpy as np

from sim.engine.end.collect import SESSION_COUNTS, SESSION_TIMES
from sim.engine.sharing import MAX_OTHERS, MAX_PROCESSORS, RUNNERS, Machine, Processor, Runner
from sim.server.ledger import Ledger
from sim.server.parameters import FaultPlan, Mix, Parameters, PluginLimits, StepPlan, Warmth
from sim.server.records import IS_STOPPING, ServerState, Session
from sim.server.shape import layout
from sim.server.streams import FAULTS, STREAMS, WARMTHS
from sim.vocabulary.messages import KINDS, MESSAGES
from sim.vocabulary.plugins import MAX_PLUGINS, MAX_STEPS
from sim.vocabulary.resources import BITS, MAX_RESOURCES
from sim.vocabulary.tasks import LANES, PLUGIN

MAX_TASKS = PLUGIN + MAX_PLUGINS

_STEADY = [kind for kind, row in enumerate(MESSAGES) if row.steady]
FIFOS: Final = len(_STEADY)
"""FIFOs of timers and delayed messages, see `calendar`: one for each kind whose delay is mostly the same."""

FIFO_OF: Final = tuple(_STEADY.index(kind) if kind in _STEADY else -1 for kind in range(KINDS))


def _record(fields: list[tuple[Any, ...]]) -> np.dtype[Any]:
    return np.dtype(fields, align=True)


def fields_of(record: np.dtype[Any]) -> Mapping[str, Any]:
    """The fields of a record by name: type, and offset in bytes. TypeError when the type is no record."""
    if record.fields is None:
        raise TypeError(f"expected the type of a record (got {record})")
    return record.fields


def _ledger() -> np.dtype[Any]:
    """The ledger's counters; lists are as long as there can be resources."""
    fields: list[tuple[Any, ...]] = []
    for name, hint in get_type_hints(Ledger).items():
        if hint in (list[int], list[float]):
            fields.append((name, "f8" if hint == list[float] else "i8", (MAX_RESOURCES,)))
        else:
            fields.append((name, "f8" if hint is float else "i8"))
    return _record(fields)


OF_A_KIND: Final = "i1" if KINDS < 127 else "i2"
"""Room for the number of a kind of message, for that + 1, and for -1."""

KIND_FIELDS: Final = ("active", "queue_kind", "lost_kind", "released_by")
SMALL: Final = {
    "i1": {
        "in_use", "state", "queue_head", "queue_length", "channels", "resource", "offered", "unknown", "sdp",
        "no_profile", "context_terminations", "rtp_waiting", "dialog", "bye_unanswered", "tcp",
        "tcp_marked", "caller", "cancelled", "short", "vanishes", "no_ack", "reinvite_pending", "gave_up", "lost_open",
        "lost_close", "lost_request", "lost_stop", "lost_media", "wedged", "crashed", "step",
        "busy", "waits_for", "doing", "audio_away", "told_new", "pending", "reinvite",
        "on_hold", "reinvite_kind", "licence_waits", "attempt",
    },
    "i2": {"active_arg", "queue_arg", "channel", "subrequests", "status", "answer_status", "asked", "stop_waits"},
    "i4": {
        "slot", "inflight", "connection", "rtp_port", "tcp_channels", "tcp_uses", "tcp_users", "requests_left",
        "requests", "repeats", "resent", "mix", "repeats_left", "rounds_left", "more_head",
        "more_tail", "licence_next", "number",
    },
}  # fmt: skip
"""Integers of a session that can not outgrow 8, 16 and 32 bits: flags; bits of a channel, statuses and
arguments; numbers of slots, ports, messages and requests. One that is not named here has 64."""

LINE = 64
"""Bytes of a cache line."""


def _session() -> np.dtype[Any]:
    """A session in as few cache lines as it takes, for among 100 000 each line is fetched from memory: small fields
    first, which every message looks at, then numbers, then times."""
    stored = {name: size for size, names in SMALL.items() for name in names} | dict.fromkeys(KIND_FIELDS, OF_A_KIND)
    stored["holds"] = "i1" if sum(BITS) < 2**7 else "i2"
    wanted = [(name, stored.get(name, kind), *shape) for name, kind, *shape in layout(Session)]
    packed = _record(sorted(wanted, key=lambda field: int(field[1][1])))
    names = packed.names or ()
    fields = fields_of(packed)
    formats, offsets = zip(*(fields[name][:2] for name in names), strict=True)
    size = -(-packed.itemsize // LINE) * LINE
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


SESSION = _session()
SERVER = _record(layout(ServerState))
PARAMETERS = _record(layout(Parameters))
PLUGIN_RECORD = _record(layout(PluginLimits))
MIX = _record(layout(Mix))
STEP = _record(layout(StepPlan))
FAULT = _record(layout(FaultPlan))
WARMTH = _record(layout(Warmth))
LEDGER = _ledger()
MACHINE = _record(layout(Machine))
PROCESSOR = _record(layout(Processor))
RUNNER = _record(layout(Runner))

MESSAGE = _record([("sent_s", "f8"), ("arg", "i8"), ("slot", "i4"), ("kind", "i4")])
"""A message in a task's queue."""

ITEM = _record([("time_s", "f8"), ("seq", "i8"), ("arg", "i8"), ("slot", "i4"), ("kind", "i2"), ("task", "i2")])
"""A message in an outbox (`time_s` is its delay), on its way, or a timer."""

VECTOR = _record([("address", "i8"), ("length", "i8"), ("capacity", "i8")])
"""Something that grows at its end."""

RING = _record([("address", "i8"), ("head", "i8"), ("count", "i8"), ("capacity", "i8"), ("last_s", "f8")])
"""Something that grows at its end and is taken from its front; its capacity is a power of two."""

NEAR = _record([("time_s", "f8"), ("seq", "i8"), ("task", "i8")])
"""The next thing that happens to a task."""

STREAM = _record([("at", "i8"), ("step", "i8"), ("limit", "i8"), ("end", "i8")])
"""Addresses of a random stream's next value, of the one where they run low, of the end; bytes to the next value."""

TASK = _record(
    [
        ("index", "i8"),
        ("discipline", "i8"),
        ("serving", "i8"),
        ("state", "i8"),  # what it waits for
        ("asleep", "i8"),
        ("frozen", "i8"),
        ("frozen_for_good", "i8"),
        ("stands_still", "i8"),
        ("blocked_on", "i8"),
        ("lane", "i8"),
        ("batch", "i8"),
        ("length", "i8"),
        ("slots", "i8"),
        ("grows", "i8"),
        # the message in service
        ("kind", "i8"),
        ("slot", "i8"),
        ("arg", "i8"),
        ("sent_s", "f8"),
        ("started_s", "f8"),
        ("service_s", "f8"),
        ("owner", "i8"),
        ("unsent_from", "i8"),
        # statistics
        ("busy_s", "f8"),
        ("messages", "i8"),
        ("queue_peak", "i8"),
        ("lanes", RING, (LANES,)),
        ("producers", RING),
        ("unsent", VECTOR),
    ]
)

ENGINE = _record(
    [
        ("now_s", "f8"),
        ("seq", "i8"),
        ("horizon_s", "f8"),
        ("duration_s", "f8"),
        ("drain_s", "f8"),
        ("calls", "i8"),
        ("calls_limit", "i8"),  # -1: none
        ("slots", "i8"),
        ("slots_capacity", "i8"),
        ("tasks", "i8"),
        ("attention", "i8"),  # a buffer is full, or calls ran out: back to Python after this event
        ("near_count", "i8"),
        ("far_s", "f8"),
        ("far_seq", "i8"),
        ("far_source", "i8"),
        # arrivals
        ("arrival_s", "f8"),
        ("arrival_seq", "i8"),
        ("arrivals", "i8"),
        ("arrivals_at", "i8"),
        ("arrivals_final", "i8"),
        ("arrivals_planned", "i8"),
        ("arrivals_over", "i8"),
        # level windows
        ("window_s", "f8"),
        ("window_began_s", "f8"),
        ("window_due_s", "f8"),
        ("window_seq", "i8"),
        ("window_k", "i8"),
        ("resources", "i8"),
        # media tick
        ("tick_s", "f8"),
        ("cost_s", "f8"),
        ("tick_cost_s", "f8"),
        ("phase_s", "f8"),
        ("drift_s", "f8"),
        ("tick_k", "i8"),
        ("tick_step", "i8"),
        ("tick_began_s", "f8"),
        ("tick_work_s", "f8"),
        ("tick_stops", "i8"),
        # what is recorded
        ("record_messages", "i8"),
        ("record_sessions", "i8"),
        ("chunk", "i8"),
        # addresses of what stands elsewhere
        ("session_records", "i8"),
        ("mixes", "i8"),
        ("ports", "i8"),
        ("calls_given", "i8"),
        ("histograms", "i8"),
        ("log", "i8"),
        # what grows
        ("outbox", VECTOR),
        ("heap", VECTOR),
        ("free", VECTOR),
        ("rows", VECTOR),
        ("message_rows", VECTOR),
        ("wait_rows", VECTOR),
        ("session_rows", VECTOR),
        ("window_rows", VECTOR),
        ("offences", VECTOR),
        ("more", VECTOR),
        ("near", NEAR, (MAX_TASKS + MAX_OTHERS + 3,)),
        ("fifos", RING, (FIFOS,)),
    ]
)

CALL = _record(
    [
        ("time_s", "f8"),
        ("hold_s", "f8"),
        ("patience_s", "f8"),
        ("requests", "i8"),
        ("vanishes", "i8"),
        ("on_hold_s", "f8"),
        ("kind", "i8"),
    ]
)
"""A call that will arrive."""

ROW = _record(
    [(n, "i8" if n != "time_s" else "f8") for n in ("time_s", "session", "resource", "delta", "bytes", "task", "cause")]
)
MESSAGE_ROW = _record(
    [
        ("session", "i8"),
        ("task", "i8"),
        ("message", "i8"),
        ("sent_s", "f8"),
        ("started_s", "f8"),
        ("finished_s", "f8"),
        ("state", "i8"),
        ("subrequests", "i8"),
        ("argument", "i8"),
    ]
)
WAIT_ROW = _record([("task", "i8"), ("waited_s", "f8")])
"""A wait of a task for a processor."""

SESSION_ROW = _record([(name, "f8") for name in SESSION_TIMES] + [(name, "i8") for name in SESSION_COUNTS])
WINDOW_ROW = _record(
    [("time_s", "f8"), ("resource", "i8"), ("held", "f8"), ("min", "f8"), ("mean", "f8"), ("max", "f8")]
)
OFFENCE = _record(
    [
        ("time_s", "f8"),
        ("call", "i8"),
        ("what", "i8"),
        ("kind", "i8"),
        ("task", "i8"),
        ("resource", "i8"),
        ("first", "i8"),
        ("first_s", "f8"),
    ]
)
"""A violation, in the order of `World.offences`."""


BLOCK = _record(
    [
        ("server", SERVER),
        ("p", PARAMETERS),
        ("ledger", LEDGER),
        ("e", ENGINE),
        ("machine", MACHINE),
        ("plugins", PLUGIN_RECORD, (MAX_PLUGINS,)),
        ("steps", STEP, (MAX_STEPS,)),
        ("tasks", TASK, (MAX_TASKS,)),
        ("processors", PROCESSOR, (MAX_PROCESSORS,)),
        ("runners", RUNNER, (RUNNERS,)),
        ("streams", STREAM, (STREAMS,)),
        ("faults", FAULT, (FAULTS,)),
        ("warmths", WARMTH, (WARMTHS,)),
    ]
)

REMOTE: dict[str, Any] = {"session_records": SESSION, "mixes": MIX, "ports": np.dtype(np.int8), "calls_given": CALL}
"""What stands elsewhere: the field of ENGINE with its address, and the type of its elements."""


def field_offset(part: str, name: str) -> int:
    """Where a field of one of the block's records stands in the block."""
    record, start = fields_of(BLOCK)[part][:2]
    return int(start + fields_of(record)[name][1])


def time_word(name: str) -> int:
    """Where a session has one of its times, in words of 64 bits."""
    return int(fields_of(SESSION)[name][1]) // 8


def address_offset(name: str) -> int:
    """Where the block has the address of what stands elsewhere."""
    return field_offset("e", name)


if IS_STOPPING >= 2**15:  # the highest bit of a channel
    raise AssertionError("a session's fields no longer fit their sizes in sim.engine.compiled")
