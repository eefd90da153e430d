"""The MRCP server task: signalling messages, subrequests and the session's state machine (`mrcp_server_session.c`)."""

from sim.server.effects import post, release, set_state
from sim.server.handling import handles
from sim.server.media import engine_channels
from sim.server.misuse import alive, answered_in_time, answered_twice, used_after_free
from sim.server.offer import answer_send, offer_process
from sim.server.plugin import licence_given_back, post_plugin
from sim.server.queue import queue_drop_first, queue_push
from sim.server.records import (
    HAS_ENGINE,
    HAS_LICENCE,
    IN_PROGRESS,
    IS_CLOSED,
    IS_CLOSING,
    IS_DEACTIVATED,
    IS_OPEN,
    IS_OPENING,
    IS_STOPPING,
    UNSET,
    WAITS_CHANNEL,
    WAITS_TERMINATION,
    Session,
    World,
)
from sim.server.terminate import deactivate, terminate_process, terminate_send
from sim.vocabulary.messages import (
    K_SEND,
    N_SEND_BYE,
    P_OPEN,
    P_REQUEST,
    S_CHANNEL_ADDED,
    S_CHANNEL_MODIFIED,
    S_CHANNEL_REMOVED,
    S_CLOSED,
    S_CONTROL,
    S_DISCONNECT,
    S_EVENT,
    S_MEDIA,
    S_OFFER,
    S_OPENED,
    S_RESPONSE,
    S_STOPPED,
    S_TERMINATE,
    STEP_ADD,
    STEP_MODIFY,
    channel_of,
    count_of,
    first_of,
    is_marked,
    marked,
    step_of,
    what_of,
)
from sim.vocabulary.plugins import BARGE_IN, START, STOPS
from sim.vocabulary.resources import plugin_licence
from sim.vocabulary.states import DEACTIVATING, DESTROYED, GENERATING_ANSWER, INITIALIZING, TERMINATING
from sim.vocabulary.violations import DOUBLE_ANSWER, DOUBLE_CLOSE, DOUBLE_RESPONSE

# --- one active request per session ---------------------------------------------------------------------------------


def signaling_message_process(w: World, session: Session, kind: int, arg: int, started: float, now: float) -> None:
    """`mrcp_server_signaling_message_process`: while a request is active, everything else waits in `request_queue`."""
    if not alive(w, session, now):
        return
    if session.active:
        queue_push(w, session, kind, arg)
        return
    session.active = kind
    session.active_arg = arg
    session.active_s = started
    dispatch(w, session, started, now)


def next_request(w: World, session: Session, started: float, now: float) -> None:
    """The active request has ended: `apt_list_pop_front`, and dispatch what was waiting."""
    session.active = 0
    while session.active == 0 and session.queue_length > 0:
        session.active = session.queue_kind[session.queue_head]
        session.active_arg = session.queue_arg[session.queue_head]
        session.active_s = started
        queue_drop_first(w, session)
        dispatch(w, session, started, now)


def dispatch(w: World, session: Session, started: float, now: float) -> None:
    """`mrcp_server_signaling_message_dispatch` of the active request.

    An OFFER that is answered on the spot leaves `active` at 0; `next_request` then takes the next one, so that the
    chain is a loop and not a recursion.
    """
    if session.active == S_OFFER:
        offer_process(w, session, session.active_arg, started, now)
    elif session.active == S_CONTROL:
        control_process(w, session, session.active_arg, now)
    else:
        deactivate(w, session, started, now)


@handles(S_OFFER)
def s_offer(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """OFFER signalled by the SIP agent; for a re-INVITE `arg` says what for."""
    signaling_message_process(w, session, S_OFFER, arg, started, now)


@handles(S_CONTROL)
def s_control(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """An MRCP request, received by the connection agent; `arg` has its channel and what it is about."""
    signaling_message_process(w, session, S_CONTROL, arg, started, now)


@handles(S_TERMINATE)
def s_terminate(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """TERMINATE signalled by the SIP agent."""
    signaling_message_process(w, session, S_TERMINATE, arg, started, now)


# --- subrequests ----------------------------------------------------------------------------------------------------


def subrequest_remove(w: World, session: Session, started: float, now: float) -> None:
    """`mrcp_server_session_subrequest_remove`: one answer less to wait for; at 0 the state says what is next."""
    if session.subrequests == 0:
        return
    session.subrequests -= 1
    if session.subrequests == 0:
        if session.state == GENERATING_ANSWER:
            engine_channels_update(w, session, started, now)
        elif session.state == INITIALIZING:
            answer_send(w, session, started, now)
            if session.active == 0:
                next_request(w, session, started, now)
        elif session.state == DEACTIVATING:
            terminate_process(w, session, started, now)
        elif session.state == TERMINATING:
            terminate_send(w, session, now)


# --- OFFER ----------------------------------------------------------------------------------------------------------


@handles(S_CHANNEL_ADDED, S_CHANNEL_MODIFIED, S_CHANNEL_REMOVED)
def s_channel_changed(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_on_channel_modify` / `_remove`: counts only while the channel is waited for."""
    if not alive(w, session, now):
        return
    if session.channel[arg] & WAITS_CHANNEL:
        session.channel[arg] &= ~WAITS_CHANNEL
        subrequest_remove(w, session, started, now)


@handles(S_MEDIA)
def s_media(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_mpf_message_process`: every answer of one media container, in order.

    When one of them releases the session, the next still names it: a use after free, as in the trace `dbl`.
    """
    if not alive(w, session, now):
        return
    step = step_of(arg)
    first = first_of(arg)
    engines = engine_channels(session)
    for command in range(first, first + count_of(arg)):
        if session.state == DESTROYED:
            used_after_free(w, session, now)
            return
        if step == STEP_MODIFY:
            index = -1
            is_rtp = command == 1
        else:
            index = command - 1 if 1 <= command <= engines else -1
            is_rtp = command == engines + 1
        if index >= 0:
            termination_answered(w, session, index, started, now)
        elif is_rtp:
            if session.rtp_waiting:
                session.rtp_waiting = 0
                if step == STEP_ADD:
                    session.media_s = started
                subrequest_remove(w, session, started, now)
        else:
            subrequest_remove(w, session, started, now)


def termination_answered(w: World, session: Session, index: int, started: float, now: float) -> None:
    """The engine termination of the `index`-th engine channel was added or subtracted."""
    for i in range(session.channels):
        if session.channel[i] & HAS_ENGINE:
            if index == 0:
                if session.channel[i] & WAITS_TERMINATION:
                    session.channel[i] &= ~WAITS_TERMINATION
                    subrequest_remove(w, session, started, now)
                return
            index -= 1


def engine_channels_update(w: World, session: Session, started: float, now: float) -> None:
    """`mrcp_server_engine_channels_update`: INITIALIZING, and every engine channel that is not open is told to open."""
    set_state(session, INITIALIZING, now)
    for i in range(session.channels):
        if session.channel[i] & HAS_ENGINE and (session.channel[i] & IS_OPEN == 0 or w.p.reopens):
            session.channel[i] |= IS_OPENING
            session.subrequests += 1
            post_plugin(w, P_OPEN, session, i)
    if session.subrequests == 0:
        answer_send(w, session, started, now)
        if session.active == 0:
            next_request(w, session, started, now)


@handles(S_OPENED)
def s_opened(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_on_engine_channel_open`; `arg` is the channel, marked when the engine could not open it."""
    i = channel_of(arg)
    if not answered_in_time(w, session, i, now):
        return
    if session.channel[i] & IS_OPENING == 0:
        answered_twice(w, session, i, DOUBLE_ANSWER, session.open_s, now)
    session.channel[i] &= ~IS_OPENING
    if is_marked(arg):
        session.status = 480
    else:
        session.channel[i] |= IS_OPEN
    if session.answer_status == 0:
        session.open_s = started
    subrequest_remove(w, session, started, now)


# --- CONTROL --------------------------------------------------------------------------------------------------------


def control_process(w: World, session: Session, arg: int, now: float) -> None:
    """`mrcp_server_on_message_receive`: to the plugin. A channel without a state machine wedges the session.

    A STOP or BARGE-IN-OCCURRED that finds nothing in progress is answered by the state machine itself.
    """
    i = channel_of(arg)
    what = what_of(arg)
    if session.channel[i] & HAS_ENGINE == 0:
        session.wedged = 1
        return
    session.requests += 1
    if what in (STOPS, BARGE_IN) and session.channel[i] & IN_PROGRESS == 0:
        post(w, K_SEND, session, arg)
        session.active = 0
        return
    post_plugin(w, P_REQUEST, session, arg)


@handles(S_RESPONSE)
def s_response(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The plugin's response to a request: to the caller, and the active request has ended.

    A machine that was deactivated takes any response for the answer to its STOP.
    """
    i = channel_of(arg)
    if not answered_in_time(w, session, i, now):
        return
    if session.active != S_CONTROL or channel_of(session.active_arg) != i:
        what_twice = DOUBLE_ANSWER if session.channel[i] & IS_DEACTIVATED else DOUBLE_RESPONSE
        answered_twice(w, session, i, what_twice, UNSET, now)
    if session.channel[i] & IS_DEACTIVATED:
        subrequest_remove(w, session, started, now)
        return
    what = what_of(arg)
    if what == START:
        session.channel[i] |= IN_PROGRESS
    elif what in (STOPS, BARGE_IN):
        session.channel[i] &= ~IN_PROGRESS
    post(w, K_SEND, session, arg)
    next_request(w, session, started, now)


@handles(S_EVENT)
def s_event(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """RECOGNITION-COMPLETE from the plugin: to the caller; it ends no active request."""
    if not answered_in_time(w, session, arg, now):
        return
    if session.channel[arg] & IS_DEACTIVATED:
        return
    session.channel[arg] &= ~IN_PROGRESS
    post(w, K_SEND, session, marked(arg))


# --- TERMINATE ------------------------------------------------------------------------------------------------------


@handles(S_STOPPED)
def s_stopped(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The answer to the internal STOP: `state_machine_on_deactivate`."""
    if not answered_in_time(w, session, arg, now):
        return
    if session.channel[arg] & IS_STOPPING == 0:
        answered_twice(w, session, arg, DOUBLE_ANSWER, UNSET, now)
    session.channel[arg] &= ~(IN_PROGRESS | IS_STOPPING)
    subrequest_remove(w, session, started, now)


@handles(S_CLOSED)
def s_closed(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_on_engine_channel_close`. It does not ask whether this channel has answered before."""
    if session.channel[arg] & HAS_LICENCE:
        session.channel[arg] &= ~HAS_LICENCE
        release(w, now, session, plugin_licence(session.resource[arg]), 0)
        licence_given_back(w, session.resource[arg], now)
    if session.channel[arg] & IS_CLOSED:
        answered_twice(w, session, arg, DOUBLE_CLOSE, session.closed_s, now)
    if not answered_in_time(w, session, arg, now):
        return
    if session.channel[arg] & IS_CLOSED == 0:
        session.channel[arg] |= IS_CLOSED
        session.channel[arg] &= ~IS_CLOSING
        session.closed_s = started
        if all_closed(session):
            session.close_answered_s = started
    subrequest_remove(w, session, started, now)


def all_closed(session: Session) -> bool:
    """Whether every engine channel has answered its close."""
    for i in range(session.channels):
        if session.channel[i] & HAS_ENGINE and session.channel[i] & IS_CLOSED == 0:
            return False
    return True


@handles(S_DISCONNECT)
def s_disconnect(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_on_disconnect`: the connection is lost for good, so the server sends BYE itself."""
    if not alive(w, session, now):
        return
    if session.state not in (DEACTIVATING, TERMINATING):
        post(w, N_SEND_BYE, session, 0)
