"""Named random streams: which number belongs to which purpose.

Values are drawn outside, in blocks, by NumPy generators keyed by seed and stream name, so that two scenarios that
differ in one knob share every other draw. A handler takes the next value of a stream with `draw`.
"""

from typing import Final

from sim.server.knobs import StreamNumbers
from sim.server.records import HAS_ENGINE, IN_PROGRESS, Session, World
from sim.vocabulary.messages import (
    KINDS,
    M_AUDIO,
    M_CONTAINER,
    P_OPEN,
    S_MEDIA,
    S_OPENED,
    S_TERMINATE,
    STEP_ADD,
    STEP_SUBTRACT,
    step_of,
    with_two_services,
)
from sim.vocabulary.plugins import MAX_CLASSES, MAX_PLUGINS, MAX_STEPS, OPERATIONS
from sim.vocabulary.tasks import CONNECTION_AGENT, MEDIA, NUA, PLUGIN, SERVER, SIP_AGENT

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
OPERATION_VALUES: Final = {BLOCK: "block", DELAY: "delay", GAP: "gap", LATE_BY: "late_by"}

_streams = StreamNumbers(OPERATION + MAX_PLUGINS * len(OPERATIONS) * 4)
VALUES: Final = _streams.values
CHANCES: Final = _streams.chances

HOLD: Final = _streams.of("calls.hold")
REQUESTS: Final = _streams.of("calls.requests")
RECOGNITION: Final = _streams.of("calls.recognition")
PAUSE: Final = _streams.of("calls.pause")
REINVITE: Final = _streams.of("calls.reinvite_every")
MIX: Final = _streams.chance_of("calls.resources")
NETWORK: Final = _streams.of("client.network_delay")
CONNECT: Final = _streams.of("client.connect_delay")
ACK_DELAY: Final = _streams.of("client.ack_delay")
PATIENCE: Final = _streams.of("client.patience")
RETRY_AFTER: Final = _streams.of("client.retry.after")
VANISH_AFTER: Final = _streams.of("client.vanish.after")
PHASE: Final = _streams.chance_of("server.media.phase")
TICK_PHASE: Final = _streams.chance_of("server.processors.scheduler.phase")
OVERSLEEP: Final = _streams.of("server.media.oversleep")
HELD: Final = _streams.chance_of("server.media.held_answers")
AWAKE: Final = _streams.of("server.warm.wake")
"""Time to wake a thread whose processor is still awake, whatever its task."""
SUBTRACT: Final = _streams.of("server.costs.media.subtract", "service.media.subtract")
"""Service time of a container that subtracts; SERVICE + M_CONTAINER is that of one that adds."""
SUBTRACTED: Final = _streams.of("server.costs.server.mpf_subtracted", "service.MPF response to subtract")
"""The server's work on such a container that came back."""
STOPS_FIRST: Final = _streams.of("server.costs.server.deactivate", "service.TERMINATE that stops first")
"""TERMINATE of a session with a request in progress: that one is stopped first, the taking down comes later."""

WARMTHS: Final = STOPS_FIRST + 1
"""Streams of service times have lower numbers."""

OTHER_LOAD: Final = _streams.of("server.processors.other_load")
"""What other programs use, in processors."""
OTHER_WORK: Final = _streams.of("server.processors.other_burst")
"""How much work one of them has at a time."""

DELAYED_ACK: Final = _streams.of("client.delayed_ack")
ROUNDS: Final = _streams.of("calls.dialogue_rounds")
ON_HOLD_AFTER: Final = _streams.of("calls.on_hold.after")
ON_HOLD_FOR: Final = _streams.of("calls.on_hold.for_", "calls.on_hold.for")
ON_HOLD_MOMENT: Final = _streams.chance_of("calls.on_hold.probability")
"""Where in its call a caller puts it on hold, from 0 to 1."""
STEP: Final = _streams.next
"""+ step of a dialogue * 4 + one of the following."""
STEP_AFTER: Final = 0
STEP_PAUSE: Final = 1
STEP_REPEAT: Final = 2
STEP_CHANCE: Final = 3
STEP_VALUES: Final = {STEP_AFTER: "after", STEP_PAUSE: "pause", STEP_REPEAT: "repeat"}

OTHER_GAP: Final = STEP + MAX_STEPS * 4
"""Exponential with mean 1: time until another program has more work, as part of the mean."""

CLASS_HOLD: Final = OTHER_GAP + 1
"""+ mix: how long its calls last, where they have a hold of their own."""
AUDIO: Final = CLASS_HOLD + MAX_CLASSES
"""+ plugin: how long its audio callback keeps the media thread busy."""
FAULT: Final = AUDIO + MAX_PLUGINS
"""+ fault number: uniform on [0, 1)."""

# fault numbers
POOL_FAILS: Final = 0
NO_ACK: Final = 1
VANISH: Final = 2
MISSING_SDP: Final = 3
MALFORMED_SDP: Final = 4
UNKNOWN_RESOURCE: Final = 5
NO_PROFILE: Final = 6
ON_HOLD: Final = 7
RETRY: Final = 8
FAULT_KNOBS: Final = {
    POOL_FAILS: "server.pool.fails",
    NO_ACK: "client.no_ack",
    VANISH: "client.vanish",
    MISSING_SDP: "calls.offer.missing_sdp",
    MALFORMED_SDP: "calls.offer.malformed_sdp",
    UNKNOWN_RESOURCE: "calls.offer.unknown_resource",
    NO_PROFILE: "calls.profile_missing",
    ON_HOLD: "calls.on_hold",
    RETRY: "client.retry",
}
"""The path of each in a scenario."""

PLUGIN_FAULT: Final = len(FAULT_KNOBS)
"""+ (plugin * 4 + operation) * 4 + one of the following."""
NEVER: Final = 0
TWICE: Final = 1
LATE: Final = 2
WRONG: Final = 3
OPERATION_FAULTS: Final = {NEVER: "never", TWICE: "twice", LATE: "late", WRONG: "wrong"}
WRONGS: Final = ("reopen_never", "wrong_order")
"""What `wrong` is for those operations that can go wrong in a way of their own."""

CRASH: Final = PLUGIN_FAULT + MAX_PLUGINS * len(OPERATIONS) * 4
"""+ plugin: it crashes, and with it the process."""

FAULTS: Final = CRASH + MAX_PLUGINS
STREAMS: Final = FAULT + FAULTS


def draw(w: World, stream: int) -> float:
    """The next value of a stream."""
    i = w.drawn[stream]
    w.drawn[stream] = i + w.draw_step[stream]
    if i >= w.draw_limit:
        w.server.needs_draws = 1
    return w.draws[stream][i]


def service_stream(session: Session, task: int, kind: int, arg: int) -> int:
    """The stream of a message's service time. Some kinds have two, by what there is to do."""
    if not with_two_services(kind):
        return SERVICE + kind
    if task >= PLUGIN:
        return OPERATION + ((task - PLUGIN) * 4 + kind - P_OPEN) * 4 + BLOCK
    if kind == S_MEDIA and step_of(arg) == STEP_SUBTRACT:
        return SUBTRACTED
    if kind == S_MEDIA and step_of(arg) == STEP_ADD:
        for i in range(session.channels):
            if session.channel[i] & HAS_ENGINE:
                return SERVICE + S_MEDIA
        return SERVICE + S_OPENED  # there is nothing to open: the final answer goes out with this message
    if kind == M_CONTAINER and step_of(arg) == STEP_SUBTRACT:
        return SUBTRACT
    if kind == M_AUDIO:
        return AUDIO + session.resource[arg]
    if kind == S_TERMINATE:
        for i in range(session.channels):
            if session.channel[i] & IN_PROGRESS:
                return STOPS_FIRST
    return SERVICE + kind


def wake_latency(w: World, task: int, now: float, ended_s: float) -> float:
    """How long a sleeping thread takes until it runs; less when its last work ended only just before `now`."""
    return draw(w, AWAKE if now - ended_s <= w.p.awake_s else WAKE + task)


def warm_part(w: World, task: int, stream: int, idle_s: float, now: float) -> float:
    """The part that is left of a service time of this stream to a task whose last work ended `idle_s` ago.

    Its caches are warm, the more so the sooner after the last message of the same cost.
    """
    cooling_s = w.p.cooling_s
    if w.p.costs_save and stream < WARMTHS:
        warmth = w.warmths[stream]
        if warmth.task + warmth.kind > 0.0:
            same = w.warmths[warmth.of]
            age_s = now - same.last_s
            same.last_s = now
            saved = warmth.task * w.p.task_cooling_s / (idle_s + w.p.task_cooling_s)
            return 1.0 - saved - warmth.kind * cooling_s / (age_s + cooling_s)
    if cooling_s > 0.0:
        part = _warmest(w, task)
        return part + (1.0 - part) * idle_s / (idle_s + cooling_s)
    return _warmest(w, task) if w.p.warm_s > 0.0 and idle_s <= w.p.warm_s else 1.0


def _warmest(w: World, task: int) -> float:
    if task == NUA:
        return w.p.warm_nua
    if task == SIP_AGENT:
        return w.p.warm_sip
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
            if fault.calls[i] == session.number + 1:
                named = True
        if not named:
            return False
    return chance < fault.probability
