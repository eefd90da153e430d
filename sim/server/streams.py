"""Named random streams: which number belongs to which purpose.

Values are drawn outside, in blocks, by NumPy generators keyed by seed and stream name, so that two scenarios that
differ in one knob share every other draw. A handler takes the next value of a stream with `draw`.
"""

from typing import Final

from sim.server.names import CONNECTION_AGENT, KINDS, MEDIA, OPERATIONS, PLUGIN, SERVER
from sim.server.records import Session, World

MAX_PLUGINS: Final = 8

SERVICE: Final = 0
"""+ message kind: service time of that message (plugins have their own, see BLOCK)."""
WAKE: Final = SERVICE + KINDS
"""+ task: time to wake the idle thread."""
OPERATION: Final = WAKE + PLUGIN + MAX_PLUGINS
"""+ (plugin * 4 + operation) * 4 + one of the following."""
BLOCK: Final = 0
DELAY: Final = 1
GAP: Final = 2
LATE_BY: Final = 3

_AFTER: Final = OPERATION + MAX_PLUGINS * len(OPERATIONS) * 4
HOLD: Final = _AFTER
REQUESTS: Final = _AFTER + 1
RECOGNITION: Final = _AFTER + 2
PAUSE: Final = _AFTER + 3
NETWORK: Final = _AFTER + 4
CONNECT: Final = _AFTER + 5
ACK_DELAY: Final = _AFTER + 6
PATIENCE: Final = _AFTER + 7
VANISH_AFTER: Final = _AFTER + 8
MIX: Final = _AFTER + 9
REINVITE: Final = _AFTER + 10
PHASE: Final = _AFTER + 11
OVERSLEEP: Final = _AFTER + 12

HELD: Final = _AFTER + 13

FAULT: Final = _AFTER + 14
"""+ fault number: uniform on [0, 1)."""

# fault numbers
POOL_FAILS: Final = 0
NO_ACK: Final = 1
VANISH: Final = 2
MISSING_SDP: Final = 3
MALFORMED_SDP: Final = 4
UNKNOWN_RESOURCE: Final = 5
NO_PROFILE: Final = 6
PLUGIN_FAULT: Final = 7
"""+ (plugin * 4 + operation) * 4 + one of the following."""
NEVER: Final = 0
TWICE: Final = 1
LATE: Final = 2
WRONG: Final = 3

FAULTS: Final = PLUGIN_FAULT + MAX_PLUGINS * len(OPERATIONS) * 4
STREAMS: Final = FAULT + FAULTS


def draw(w: World, stream: int) -> float:
    """The next value of a stream."""
    i = w.drawn[stream]
    w.drawn[stream] = i + w.draw_step[stream]
    if i >= w.draw_limit:
        w.server.needs_draws = 1
    return w.draws[stream][i]


def warm_part(w: World, task: int) -> float:
    """The part of a service time that is left while a task's caches are warm."""
    if task == SERVER:
        return w.p.warm_server
    if task == CONNECTION_AGENT:
        return w.p.warm_agent
    if task == MEDIA:
        return w.p.warm_media
    return 1.0


def fires(w: World, number: int, session: Session, now: float) -> bool:
    """Whether a fault happens now, to this call. One value is used up whenever the fault is possible at all."""
    fault = w.faults[number]
    if fault.probability <= 0.0:
        return False
    chance = draw(w, FAULT + number)
    if now < fault.from_s or now >= fault.until_s:
        return False
    if fault.listed > 0:
        named = False
        for i in range(fault.listed):
            if fault.calls[i] == session.call + 1:
                named = True
        if not named:
            return False
    return chance < fault.probability
