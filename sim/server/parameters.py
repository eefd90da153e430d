"""What a scenario fixes for a whole run: parameters, the plugins' limits, the mixes of resources, dialogues and faults.

Nothing here changes while calls come. Plain Python uses the instances, `sim.server.shape` makes records of the same
classes for the compiled engine. Integers are 64 bit, times are seconds.
"""

from __future__ import annotations

from typing import Annotated

from sim.server.knobs import Knob
from sim.vocabulary.plugins import MAX_CHANNELS, OPERATIONS

# how a caller vanishes
STAYS = 0
VANISH_TCP_CLOSED = 1
VANISH_TCP_OPEN = 2
VANISH_NEVER_OPENED = 3

# when a caller tries again
IF_REFUSED = 1
IF_NOT_ANSWERED = 2

STOPS = {"stop": 1, "continue": 0}
RETRY_ON = {"refused": IF_REFUSED, "no-answer": IF_NOT_ANSWERED, "both": IF_REFUSED | IF_NOT_ANSWERED}
CRASH_ON = {"any": -1, **{name: number for number, name in enumerate(OPERATIONS)}}
VANISH_HOW = {"closed": VANISH_TCP_CLOSED, "open": VANISH_TCP_OPEN, "never-opened": VANISH_NEVER_OPENED}


class Parameters:
    """The scenario as numbers: what never changes during a run. Most say which knob of the scenario they are."""

    t1_s: Annotated[float, Knob("server.sip.t1")]
    t2_s: Annotated[float, Knob("server.sip.t2")]
    transaction_s: Annotated[float, Knob("server.sip.t1", times=64.0)]  # 64 T1
    bye_on_release: Annotated[int, Knob("server.sip.bye_response", numbers={"immediate": 0, "on-release": 1})]
    retransmit: Annotated[int, Knob("client.retransmit")]
    clock_s: Annotated[float, Knob("client.clock")]
    receive_buffer: Annotated[int, Knob("server.sip.receive_buffer")]  # 0: no limit
    extract_call_id: Annotated[int, Knob("server.sip.extract_call_id")]
    session_expires_s: Annotated[float, Knob("server.sip.session_expires")]
    refresh_s: Annotated[float, Knob("server.sip.session_expires", times=0.5)]
    client_refreshes: Annotated[int, Knob("client.refresh")]
    inactivity_s: Annotated[float, Knob("server.connection.inactivity_timeout")]
    termination_s: Annotated[float, Knob("server.connection.termination_timeout")]
    max_connections: Annotated[int, Knob("server.limits.max_connection_count")]  # 0: no limit
    max_shared_use: Annotated[int, Knob("server.limits.max_shared_use_count")]
    shared_connection: int
    tcp: Annotated[int, Knob("client.tcp")]
    rtp_min: Annotated[int, Knob("server.limits.rtp_ports.min")]
    rtp_ports: Annotated[int, Knob("server.limits.rtp_ports.ports")]
    port_leaves: int  # of the tree over them, a power of two
    pool_checked: Annotated[int, Knob("server.pool.checked")]
    crash_stops: Annotated[int, Knob("server.pool.on_crash", numbers=STOPS)]
    offline: Annotated[int, Knob("server.sip.offline")]  # from the start
    restart_s: Annotated[float, Knob("server.restart_after")]  # after a crash; 0: never
    free_use_stops: Annotated[int, Knob("server.on_use_after_free", numbers=STOPS)]
    vanish_how: Annotated[int, Knob("client.vanish.tcp", numbers=VANISH_HOW)]
    vanish_after: Annotated[int, Knob("client.vanish.after", given=True)]  # else in place of the BYE
    has_patience: Annotated[int, Knob("client.patience", given=True)]
    retries: Annotated[int, Knob("client.retry.attempts")]
    retry_on: Annotated[int, Knob("client.retry.on", numbers=RETRY_ON)]
    has_recognition: Annotated[int, Knob("calls.recognition", given=True)]
    has_dialogue: int
    hold_after: Annotated[int, Knob("calls.on_hold.after", given=True)]  # else at a moment that chance decides
    hold_for: Annotated[int, Knob("calls.on_hold.for_", given=True)]  # else to the BYE
    reinvites: Annotated[int, Knob("calls.reinvite_every", given=True)]
    reinvite_identical: Annotated[int, Knob("calls.identical_reinvite")]
    plugins: int
    mixes: Annotated[int, Knob("calls.resources")]
    session_bytes: Annotated[int, Knob("server.memory.session_create")]
    offer_bytes: Annotated[int, Knob("server.memory.per_rtp")]
    channel_bytes: Annotated[int, Knob("server.memory.per_channel")]
    request_bytes: Annotated[int, Knob("server.memory.per_request")]
    connection_bytes: Annotated[int, Knob("server.memory.connection")]
    delayed_ack: int  # the client takes its time to acknowledge what it receives
    vanish_closed: Annotated[int, Knob("client.vanish.sip", numbers={"silent": 0, "closed": 1})]
    reopens: int  # an engine channel that is open is opened again, as older servers did
    record_rows: int
    awake_s: float  # how soon after its last work a thread is woken faster; below 0: never
    warm_s: Annotated[float, Knob("server.warm.within")]  # after its last message; 0: never
    cooling_s: Annotated[float, Knob("server.warm.cooling")]  # until half of its warmth is lost; 0: all at `warm_s`
    costs_save: int  # whether anything is saved of single costs
    task_cooling_s: Annotated[float, Knob("server.warm.task_cooling")]  # the same, of what `Warmth.task` saves
    warm_nua: Annotated[float, Knob("server.warm.nua")]  # part of the service time that is left to a warm task
    warm_sip: Annotated[float, Knob("server.warm.sip_agent")]
    warm_server: Annotated[float, Knob("server.warm.server")]
    warm_agent: Annotated[float, Knob("server.warm.connection_agent")]
    warm_media: Annotated[float, Knob("server.warm.media")]
    context_cost_s: Annotated[float, Knob("server.media.cost_per_context")]  # of one media context in one tick
    held_answers: Annotated[float, Knob("server.media.held_answers")]  # probability that they wait for the contexts


class PluginLimits:
    """One plugin's limits."""

    limit: Annotated[int, Knob("max_channel_count")]  # max-channel-count, 0: none
    licences: Annotated[int, Knob("licences")]  # 0: none
    stop_at_tick: Annotated[int, Knob("stop_answered_at", numbers={"tick": 1, "task": 0})]
    audio_blocks: int  # its audio callback blocks at all
    crash_on: Annotated[int, Knob("crash.on", numbers=CRASH_ON)]  # an operation, or -1 for any
    licence_waits: Annotated[int, Knob("without_licence", numbers={"refuse": 0, "wait": 1})]
    adds_silence: Annotated[int, Knob("no_input_accumulates")]  # over the requests of a channel


class Mix:
    """One combination of resources that callers ask for."""

    upto: float  # cumulative probability
    channels: int
    own_hold: int
    resource: list[int]
    first_step: int
    steps: int


MIX_ARRAYS = {"resource": MAX_CHANNELS}


class StepPlan:
    """One step of a dialogue; its times, its repetitions and its chance are streams."""

    resource: int
    what: int  # see `sim.vocabulary.plugins`: START or one of the methods that are done at once
    ends: int
    overlap: int
    probability: float


MAX_FAULT_CALLS = 16


class Warmth:
    """What is saved of one cost in quick succession, and when a message of it was last taken up."""

    task: float  # part of the service time that is saved right after the task's last work
    kind: float  # and right after its last message of this cost
    of: int  # the stream whose `last_s` counts: that of the first kind with the same cost
    last_s: float


class FaultPlan:
    """When a fault fires: with a probability, inside a window, for some calls or for all."""

    probability: float
    from_s: float
    until_s: float
    listed: int
    calls: list[int]


FAULT_ARRAYS = {"calls": MAX_FAULT_CALLS}
