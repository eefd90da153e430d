"""State that the handlers read and write: sessions and the server.

Each class is declared once. Plain Python uses its instances; `sim.server.shape` makes a NumPy record of it for the
compiled engine, so `session.state` means the same thing in both. Integers are 64 bit, times are seconds.
"""

from __future__ import annotations

from typing import Protocol

from sim.server.ledger import Ledger
from sim.server.parameters import (
    FAULT_ARRAYS,
    MIX_ARRAYS,
    STAYS,
    FaultPlan,
    Mix,
    Parameters,
    PluginLimits,
    StepPlan,
    Warmth,
)
from sim.vocabulary.plugins import MAX_CHANNELS, MAX_PLUGINS
from sim.vocabulary.tasks import PLUGIN

UNSET = float("nan")
"""A time that was not reached."""

QUEUE_SLOTS = 12
"""Requests behind one session's active request that stand in its record; a session seldom has more."""

# one control channel, as bits of `Session.channel[i]`
HAS_CONTROL = 1  # a control channel at the connection agent
HAS_ENGINE = 2  # an engine channel: counts against max-channel-count
WAITS_CHANNEL = 4  # waiting_for_channel
WAITS_TERMINATION = 8  # waiting_for_termination
IS_OPEN = 16  # the engine channel was opened
IN_PROGRESS = 32  # the state machine has a request in progress
IS_DEACTIVATED = 64  # the state machine was told to stop
IS_CLOSED = 128  # the engine answered the close
ASSIGNED = 256  # the control channel is assigned to a TCP connection
HAS_LICENCE = 512  # the plugin holds a licence or thread for it
IN_CONTEXT = 1024  # its engine termination is in the media context
COMPLETES = 2048  # RECOGNITION-COMPLETE is on its way
IS_OPENING = 4096  # told to open, not answered yet
IS_CLOSING = 8192  # told to close, not answered yet
IS_STOPPING = 16384  # told to stop, not answered yet

# the SIP dialog as the NUA stack sees it
DIALOG_NONE = 0
DIALOG_RECEIVED = 1
DIALOG_COMPLETED = 2  # final answer sent, no ACK yet
DIALOG_READY = 3
DIALOG_TERMINATING = 4  # the server sent BYE
DIALOG_TERMINATED = 5

# the caller
CALLING = 0
TALKING = 1
HUNG_UP = 2
GONE = 3  # vanished, or never acknowledged: answers nothing any more
DONE = 4

# the TCP connection that a session opened
TCP_NONE = 0
TCP_OPEN = 1
TCP_PEER_CLOSED = 2

# how a step of a dialogue ends
COMPLETES_ITSELF = 0
NO_INPUT = 1
UNTIL_BYE = 2
IS_STOPPED = 3
IS_BARGED_IN = 4
ENDS_AT_ONCE = 5

# what a call did not get
BLOCKED = 1  # a channel, licence or pool, so it is refused
DEGRADED = 2  # an RTP port or a connection, though it is answered
TRIES_AGAIN = 4  # an answer that it takes: its caller tries again, so that the call is not lost yet

# how a process ended
SHUT_DOWN = 1
CRASHED = 2


SDP_GOOD = 0
SDP_MISSING = 1
SDP_MALFORMED = 2


class Session:
    """One call: the server's session and, in the same slot, its caller."""

    slot: int
    call: int  # number of the INVITE, from 0, in order of arrival
    number: int  # of the call, from 0: without retries the same; a retry has that of its first INVITE
    attempt: int  # 0, or the how-manieth retry it is
    in_use: int
    inflight: int  # messages and timers that still name this slot
    holds: int
    # mrcp_server_session_t
    state: int
    subrequests: int  # subrequest_count
    active: int  # kind of the active request, 0 when there is none
    active_arg: int
    queue_kind: list[int]  # request_queue, a ring
    queue_arg: list[int]
    queue_head: int
    queue_length: int
    active_s: float  # when the active request was taken up
    channels: int
    resource: list[int]
    channel: list[int]
    offered: int  # channels that the caller asked for
    unknown: int  # the first resource asked for does not exist
    sdp: int
    no_profile: int
    context_terminations: int
    rtp_port: int  # 0 none, -1 disabled: the range was used up
    rtp_waiting: int
    status: int  # answer status of the offer at hand
    answer_status: int  # the final answer that was sent, 0 before
    pool_bytes: int
    # SIP
    dialog: int
    bye_unanswered: int
    nua_timer: int  # generation: a timer with another one is dead
    # MRCPv2 connection
    connection: int  # slot of the session whose connection is used, -1 none
    tcp: int  # the connection this session opened
    tcp_channels: int  # access_count of that connection
    tcp_uses: int  # use_count of that connection
    tcp_bytes: int  # of that connection's own pool
    tcp_number: int  # the how-manieth connection it was
    told_new: int  # the answer asks for a connection of its own
    pending: int  # bits: channels that no connection has yet
    on_hold: int  # as the caller sees it
    licence_waits: int  # bits: channels whose open waits for a licence
    licence_next: list[int]  # by channel: who waits behind it, see `sim.server.licences`
    reinvite_kind: int  # of the next re-INVITE that the caller has planned
    reinvite: int  # the NUA stack has a re-INVITE that is not answered yet
    more_head: int  # requests beyond those of the ring, see `sim.server.queue`
    more_tail: int
    tcp_marked: int  # to be destroyed with the last channel
    tcp_timer: int
    tcp_users: int  # sessions that name this slot as their connection
    # caller
    caller: int
    caller_timer: int
    cancelled: int
    short: int  # BLOCKED, DEGRADED, TRIES_AGAIN
    vanishes: int
    no_ack: int
    requests_left: int
    requests: int
    mix: int  # which combination of resources it asked for, with its dialogue
    step: int  # of the dialogue, the one under way
    repeats_left: int  # of that step
    rounds_left: int  # of the dialogue
    busy: int  # bits: channels whose request is in progress, as the caller sees it
    waits_for: int  # bit of the channel that the next step waits for
    doing: list[int]  # by channel: the step whose request it has got
    audio_away: int  # a re-INVITE has taken the audio bridge away
    stop_waits: list[int]  # by channel: 1 + argument of the STOP that the audio callback would answer
    asked: list[int]  # by channel: how many requests it has got, so that a stale end is told
    reinvite_pending: int
    gave_up: int  # sent CANCEL
    repeats: int  # of its INVITE to a process that is gone, or of its BYE
    resent: int  # packets that a full socket buffer lost
    # what never came, as bits per channel
    lost_open: int
    lost_close: int
    lost_request: int
    lost_stop: int
    lost_kind: int  # kind + 1 of the last message lost to a full queue
    lost_media: int
    wedged: int
    crashed: int  # a message of its own crashed the process
    released_by: int  # kind of the message that destroyed the pool
    # times
    invite_s: float
    arrived_s: float
    created_s: float
    offer_s: float
    media_s: float
    open_s: float
    answer_s: float
    bye_s: float
    bye_ok_s: float
    deactivate_s: float
    terminate_s: float
    close_answered_s: float  # the last channel's
    closed_s: float  # the latest answer to a close so far
    released_s: float
    since_s: float  # time of the last change of state
    hold_s: float
    patience_s: float  # below 0: it waits for ever
    listens_s: float  # since when the recogniser hears nothing in this request
    silence_s: float  # what it has heard of nothing in all of them
    unacked_s: float  # until when the client has not acknowledged what was sent to it last on this connection
    held_s: float  # when the re-INVITE came that has taken the audio away
    hold_at_s: float  # when the caller puts the call on hold, or resumes it; not a number: it does not
    ends_s: list[float]  # by channel: when its request ends by itself, while the audio is away how long that takes


SESSION_ARRAYS = {
    "doing": MAX_CHANNELS,
    "asked": MAX_CHANNELS,
    "stop_waits": MAX_CHANNELS,
    "licence_next": MAX_CHANNELS,
    "ends_s": MAX_CHANNELS,
    "queue_kind": QUEUE_SLOTS,
    "queue_arg": QUEUE_SLOTS,
    "resource": MAX_CHANNELS,
    "channel": MAX_CHANNELS,
}


class ServerState:
    """What belongs to the server as a whole, and the message that is being handled."""

    task: int  # of the message being handled: the ledger's column of that name
    kind: int  # likewise its cause
    offline: int
    stopped: int  # the process is gone: SHUT_DOWN to its end, or CRASHED
    down: int  # it crashed, and is not started again yet
    restarts: int
    crashed_at_s: float
    shutting_down: int
    sessions: int  # in the session table or on their way into it: what a shutdown waits for
    contexts: int  # media contexts in the engine
    rtp_next: int
    shared_connection: int  # slot of the oldest connection that callers share
    tcp_connections: int
    tcp_accepted: int  # connections so far
    licence_first: list[int]  # by plugin: which channel waits for a licence, the one that has waited longest
    licence_last: list[int]
    pending_channels: int  # at the connection agent, without a connection
    needs_draws: int
    arrived: int
    retries: int  # of those that arrived
    created: int
    answered: int
    through: int  # calls that were answered: of their attempts one, which their caller waited for
    released: int
    cancelled: int
    blocked: int  # calls refused for want of a resource
    degraded: int  # calls answered without audio, or without a connection
    rejected: list[int]  # by index into REJECTIONS
    lost: list[int]  # by task, messages and packets that its full queue or buffer lost
    violations: int


REJECTIONS = (400, 404, 406, 480, 487, 488, 500, 503)
SERVER_ARRAYS = {
    "rejected": len(REJECTIONS), "licence_first": MAX_PLUGINS, "licence_last": MAX_PLUGINS,
    "lost": PLUGIN + MAX_PLUGINS,
}  # fmt: skip


ARRAYS: dict[type, dict[str, int]] = {
    Session: SESSION_ARRAYS,
    ServerState: SERVER_ARRAYS,
    Parameters: {},
    PluginLimits: {},
    Mix: MIX_ARRAYS,
    StepPlan: {},
    FaultPlan: FAULT_ARRAYS,
    Warmth: {},
}


class World(Protocol):
    """Everything a handler can reach. Lists in the SimPy engine, NumPy arrays in the compiled one."""

    @property
    def sessions(self) -> list[Session]: ...
    @property
    def server(self) -> ServerState: ...
    @property
    def p(self) -> Parameters: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def plugins(self) -> list[PluginLimits]: ...
    @property
    def mixes(self) -> list[Mix]: ...
    @property
    def steps(self) -> list[StepPlan]: ...
    @property
    def faults(self) -> list[FaultPlan]: ...
    @property
    def warmths(self) -> list[Warmth]: ...
    @property
    def ports(self) -> list[int]: ...
    @property
    def draws(self) -> list[list[float]]: ...
    @property
    def drawn(self) -> list[int]: ...
    @property
    def draw_step(self) -> list[int]: ...
    @property
    def draw_limit(self) -> int: ...
    @property
    def free(self) -> list[int]: ...
    @property
    def more(self) -> list[list[int]]: ...
    @property
    def outbox(self) -> list[tuple[int, int, int, int, float]]: ...
    @property
    def rows(self) -> list[tuple[float, int, int, int, int, int, int]]: ...
    @property
    def offences(self) -> list[tuple[float, int, int, int, int, int, int, float]]: ...


def clear_session(session: Session) -> None:
    """Make a slot ready for its next call; the slot's number and its timers' generations live on."""
    session.holds = 0
    session.state = 0
    session.subrequests = 0
    session.active = 0
    session.active_arg = 0
    session.active_s = UNSET
    session.queue_head = 0
    session.queue_length = 0
    session.channels = 0
    for i in range(MAX_CHANNELS):
        session.resource[i] = 0
        session.channel[i] = 0
        session.doing[i] = 0
        session.asked[i] = 0
        session.stop_waits[i] = 0
        session.ends_s[i] = 0.0
    session.offered = 0
    session.unknown = 0
    session.sdp = SDP_GOOD
    session.no_profile = 0
    session.context_terminations = 0
    session.rtp_port = 0
    session.rtp_waiting = 0
    session.status = 0
    session.answer_status = 0
    session.pool_bytes = 0
    session.dialog = DIALOG_NONE
    session.bye_unanswered = 0
    session.connection = -1
    session.tcp = TCP_NONE
    session.tcp_channels = 0
    session.tcp_uses = 0
    session.tcp_bytes = 0
    session.told_new = 0
    session.pending = 0
    session.reinvite = 0
    session.on_hold = 0
    session.reinvite_kind = 0
    session.licence_waits = 0
    session.more_head = -1
    session.more_tail = -1
    session.unacked_s = 0.0
    session.held_s = UNSET
    session.hold_at_s = UNSET
    session.tcp_marked = 0
    session.tcp_users = 0
    session.caller = CALLING
    session.cancelled = 0
    session.short = 0
    session.vanishes = STAYS
    session.no_ack = 0
    session.attempt = 0
    session.patience_s = -1.0
    session.requests_left = 0
    session.requests = 0
    session.mix = 0
    session.step = -1
    session.repeats_left = 0
    session.rounds_left = 0
    session.busy = 0
    session.waits_for = 0
    session.audio_away = 0
    session.reinvite_pending = 0
    session.gave_up = 0
    session.repeats = 0
    session.resent = 0
    session.lost_open = 0
    session.lost_close = 0
    session.lost_request = 0
    session.lost_stop = 0
    session.lost_kind = 0
    session.lost_media = 0
    session.wedged = 0
    session.crashed = 0
    session.released_by = -1
    session.invite_s = UNSET
    session.arrived_s = UNSET
    session.created_s = UNSET
    session.offer_s = UNSET
    session.media_s = UNSET
    session.open_s = UNSET
    session.answer_s = UNSET
    session.bye_s = UNSET
    session.bye_ok_s = UNSET
    session.deactivate_s = UNSET
    session.terminate_s = UNSET
    session.close_answered_s = UNSET
    session.closed_s = UNSET
    session.released_s = UNSET
    session.since_s = 0.0
    session.hold_s = UNSET
    session.listens_s = UNSET
    session.silence_s = 0.0
