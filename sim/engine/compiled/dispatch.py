"""Which handler takes which message, as branches that a compiler turns into a jump table.

`sim.server.handlers.TABLE` says the same for plain Python; the two engines' equality is what keeps them together.
A tree of small functions, since compiled code clears some bytes on entry for each call that a function may make.
"""

from __future__ import annotations

from typing import Any

from sim.server.caller import (
    c_bye_ok,
    c_bye_retry,
    c_complete,
    c_connected,
    c_final,
    c_hangup,
    c_patience,
    c_refresh,
    c_response,
    c_send_request,
    c_server_bye,
    c_vanish,
)
from sim.server.connection import (
    k_accept,
    k_add,
    k_disconnect,
    k_inactivity_timer,
    k_modify,
    k_receive,
    k_remove,
    k_send,
    k_termination_timer,
)
from sim.server.media import m_container, m_stop
from sim.server.nua import (
    n_ack,
    n_ack_timeout,
    n_bye,
    n_bye_answered,
    n_bye_timeout,
    n_cancel,
    n_destroy,
    n_duplicate,
    n_invite,
    n_reinvite,
    n_respond,
    n_send_bye,
    n_session_timer,
)
from sim.server.plugin import p_close, p_complete, p_open, p_request, p_stop
from sim.server.session import (
    s_channel_changed,
    s_closed,
    s_control,
    s_disconnect,
    s_event,
    s_media,
    s_offer,
    s_opened,
    s_response,
    s_stopped,
    s_terminate,
)
from sim.server.sip_agent import a_invite, a_other, a_received, a_terminated
from sim.vocabulary.messages import (
    A_INVITE,
    A_LAST,
    A_RECEIVED,
    A_TERMINATED,
    C_BYE_OK,
    C_BYE_RETRY,
    C_COMPLETE,
    C_CONNECTED,
    C_FINAL,
    C_HANGUP,
    C_PATIENCE,
    C_REFRESH,
    C_RESPONSE,
    C_SEND_REQUEST,
    C_SERVER_BYE,
    C_VANISH,
    K_ACCEPT,
    K_ADD,
    K_DISCONNECT,
    K_INACTIVITY_TIMER,
    K_MODIFY,
    K_RECEIVE,
    K_REMOVE,
    K_SEND,
    K_TERMINATION_TIMER,
    M_CONTAINER,
    M_STOP,
    N_ACK,
    N_ACK_TIMEOUT,
    N_BYE,
    N_BYE_ANSWERED,
    N_BYE_TIMEOUT,
    N_CANCEL,
    N_DESTROY,
    N_DUPLICATE,
    N_INVITE,
    N_REINVITE,
    N_RESPOND,
    N_SEND_BYE,
    N_SESSION_TIMER,
    P_CLOSE,
    P_COMPLETE,
    P_OPEN,
    P_REQUEST,
    P_STOP,
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
)


def _nua_stack_first(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Messages of the NUA stack, the first half."""
    if kind == N_INVITE:
        n_invite(w, session, arg, started, now)
    elif kind == N_ACK:
        n_ack(w, session, arg, started, now)
    elif kind == N_BYE:
        n_bye(w, session, arg, started, now)
    elif kind == N_CANCEL:
        n_cancel(w, session, arg, started, now)
    elif kind == N_REINVITE:
        n_reinvite(w, session, arg, started, now)
    elif kind == N_DUPLICATE:
        n_duplicate(w, session, arg, started, now)
    elif kind == N_BYE_ANSWERED:
        n_bye_answered(w, session, arg, started, now)


def _nua_stack_second(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Messages of the NUA stack, the second half."""
    if kind == N_RESPOND:
        n_respond(w, session, arg, started, now)
    elif kind == N_SEND_BYE:
        n_send_bye(w, session, arg, started, now)
    elif kind == N_DESTROY:
        n_destroy(w, session, arg, started, now)
    elif kind == N_ACK_TIMEOUT:
        n_ack_timeout(w, session, arg, started, now)
    elif kind == N_SESSION_TIMER:
        n_session_timer(w, session, arg, started, now)
    elif kind == N_BYE_TIMEOUT:
        n_bye_timeout(w, session, arg, started, now)


def _sip_agent(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Messages of the SIP agent."""
    if kind == A_INVITE:
        a_invite(w, session, arg, started, now)
    elif kind == A_RECEIVED:
        a_received(w, session, arg, started, now)
    elif kind == A_TERMINATED:
        a_terminated(w, session, arg, started, now)
    elif kind <= A_LAST:
        a_other(w, session, arg, started, now)


def _server_task_first(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Messages of the MRCP server task, the first half."""
    if kind == S_OFFER:
        s_offer(w, session, arg, started, now)
    elif kind == S_CONTROL:
        s_control(w, session, arg, started, now)
    elif kind == S_TERMINATE:
        s_terminate(w, session, arg, started, now)
    elif kind <= S_CHANNEL_REMOVED:
        s_channel_changed(w, session, arg, started, now)
    elif kind == S_DISCONNECT:
        s_disconnect(w, session, arg, started, now)
    elif kind == S_OPENED:
        s_opened(w, session, arg, started, now)


def _server_task_second(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Messages of the MRCP server task, the second half."""
    if kind == S_CLOSED:
        s_closed(w, session, arg, started, now)
    elif kind == S_RESPONSE:
        s_response(w, session, arg, started, now)
    elif kind == S_STOPPED:
        s_stopped(w, session, arg, started, now)
    elif kind == S_EVENT:
        s_event(w, session, arg, started, now)
    elif kind == S_MEDIA:
        s_media(w, session, arg, started, now)


def _connection_agent_first(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Messages of the connection agent, the first half."""
    if kind == K_ADD:
        k_add(w, session, arg, started, now)
    elif kind == K_MODIFY:
        k_modify(w, session, arg, started, now)
    elif kind == K_REMOVE:
        k_remove(w, session, arg, started, now)
    elif kind == K_SEND:
        k_send(w, session, arg, started, now)
    elif kind == K_ACCEPT:
        k_accept(w, session, arg, started, now)


def _connection_agent_second(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Messages of the connection agent, the second half."""
    if kind == K_RECEIVE:
        k_receive(w, session, arg, started, now)
    elif kind == K_DISCONNECT:
        k_disconnect(w, session, arg, started, now)
    elif kind == K_TERMINATION_TIMER:
        k_termination_timer(w, session, arg, started, now)
    elif kind == K_INACTIVITY_TIMER:
        k_inactivity_timer(w, session, arg, started, now)


def _media_engine(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Messages of the media engine."""
    if kind == M_CONTAINER:
        m_container(w, session, arg, started, now)
    elif kind == M_STOP:
        m_stop(w, session, arg, started, now)


def _plugin_task(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Messages of a plugin's task."""
    if kind == P_OPEN:
        p_open(w, session, arg, started, now)
    elif kind == P_CLOSE:
        p_close(w, session, arg, started, now)
    elif kind == P_REQUEST:
        p_request(w, session, arg, started, now)
    elif kind == P_STOP:
        p_stop(w, session, arg, started, now)
    elif kind == P_COMPLETE:
        p_complete(w, session, arg, started, now)


def _sip(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Messages of the two SIP threads."""
    if kind <= N_BYE_ANSWERED:
        _nua_stack_first(w, session, kind, arg, started, now)
    elif kind <= N_BYE_TIMEOUT:
        _nua_stack_second(w, session, kind, arg, started, now)
    else:
        _sip_agent(w, session, kind, arg, started, now)


def _mrcp(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Messages of the MRCP threads."""
    if kind <= S_OPENED:
        _server_task_first(w, session, kind, arg, started, now)
    elif kind <= S_MEDIA:
        _server_task_second(w, session, kind, arg, started, now)
    elif kind <= K_ACCEPT:
        _connection_agent_first(w, session, kind, arg, started, now)
    elif kind <= K_INACTIVITY_TIMER:
        _connection_agent_second(w, session, kind, arg, started, now)
    elif kind <= M_STOP:
        _media_engine(w, session, kind, arg, started, now)
    else:
        _plugin_task(w, session, kind, arg, started, now)


def handle_message(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Run the handler of a message that a task of the server took up."""
    if kind <= A_LAST:
        _sip(w, session, kind, arg, started, now)
    else:
        _mrcp(w, session, kind, arg, started, now)


def handle_at_caller(w: Any, session: Any, kind: int, arg: int, now: float) -> None:
    """Run the handler of what reaches the caller, who reacts at once."""
    if kind == C_FINAL:
        c_final(w, session, arg, now, now)
    elif kind == C_CONNECTED:
        c_connected(w, session, arg, now, now)
    elif kind == C_RESPONSE:
        c_response(w, session, arg, now, now)
    elif kind == C_COMPLETE:
        c_complete(w, session, arg, now, now)
    elif kind == C_SEND_REQUEST:
        c_send_request(w, session, arg, now, now)
    elif kind == C_PATIENCE:
        c_patience(w, session, arg, now, now)
    elif kind == C_HANGUP:
        c_hangup(w, session, arg, now, now)
    elif kind == C_VANISH:
        c_vanish(w, session, arg, now, now)
    elif kind == C_BYE_OK:
        c_bye_ok(w, session, arg, now, now)
    elif kind == C_SERVER_BYE:
        c_server_bye(w, session, arg, now, now)
    elif kind == C_REFRESH:
        c_refresh(w, session, arg, now, now)
    elif kind == C_BYE_RETRY:
        c_bye_retry(w, session, arg, now, now)
