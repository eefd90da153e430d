"""Which handler takes which message: one table for plain Python, one chain of branches for the compiled engine."""

from collections.abc import Callable

from sim.server import caller, connection, media, nua, plugin, session, sip_agent
from sim.server.records import Session, World
from sim.vocabulary import names as n

Handler = Callable[[World, Session, int, float, float], None]

TABLE: dict[int, Handler] = {
    n.N_INVITE: nua.n_invite,
    n.N_ACK: nua.n_ack,
    n.N_BYE: nua.n_bye,
    n.N_CANCEL: nua.n_cancel,
    n.N_REINVITE: nua.n_reinvite,
    n.N_DUPLICATE: nua.n_duplicate,
    n.N_BYE_ANSWERED: nua.n_bye_answered,
    n.N_RESPOND: nua.n_respond,
    n.N_SEND_BYE: nua.n_send_bye,
    n.N_DESTROY: nua.n_destroy,
    n.N_ACK_TIMEOUT: nua.n_ack_timeout,
    n.N_SESSION_TIMER: nua.n_session_timer,
    n.N_BYE_TIMEOUT: nua.n_bye_timeout,
    n.A_INVITE: sip_agent.a_invite,
    n.A_RECEIVED: sip_agent.a_received,
    n.A_COMPLETED: sip_agent.a_other,
    n.A_ACK: sip_agent.a_other,
    n.A_READY: sip_agent.a_other,
    n.A_BYE: sip_agent.a_other,
    n.A_TERMINATED: sip_agent.a_terminated,
    n.A_LAST: sip_agent.a_other,
    n.S_OFFER: session.s_offer,
    n.S_CONTROL: session.s_control,
    n.S_TERMINATE: session.s_terminate,
    n.S_CHANNEL_ADDED: session.s_channel_changed,
    n.S_CHANNEL_MODIFIED: session.s_channel_changed,
    n.S_CHANNEL_REMOVED: session.s_channel_changed,
    n.S_DISCONNECT: session.s_disconnect,
    n.S_OPENED: session.s_opened,
    n.S_CLOSED: session.s_closed,
    n.S_RESPONSE: session.s_response,
    n.S_STOPPED: session.s_stopped,
    n.S_EVENT: session.s_event,
    n.S_MEDIA: session.s_media,
    n.K_ADD: connection.k_add,
    n.K_MODIFY: connection.k_modify,
    n.K_REMOVE: connection.k_remove,
    n.K_SEND: connection.k_send,
    n.K_ACCEPT: connection.k_accept,
    n.K_RECEIVE: connection.k_receive,
    n.K_DISCONNECT: connection.k_disconnect,
    n.K_TERMINATION_TIMER: connection.k_termination_timer,
    n.K_INACTIVITY_TIMER: connection.k_inactivity_timer,
    n.M_CONTAINER: media.m_container,
    n.M_STOP: media.m_stop,
    n.P_OPEN: plugin.p_open,
    n.P_CLOSE: plugin.p_close,
    n.P_REQUEST: plugin.p_request,
    n.P_STOP: plugin.p_stop,
    n.P_COMPLETE: plugin.p_complete,
    n.C_FINAL: caller.c_final,
    n.C_CONNECTED: caller.c_connected,
    n.C_RESPONSE: caller.c_response,
    n.C_COMPLETE: caller.c_complete,
    n.C_SEND_REQUEST: caller.c_send_request,
    n.C_PATIENCE: caller.c_patience,
    n.C_HANGUP: caller.c_hangup,
    n.C_VANISH: caller.c_vanish,
    n.C_BYE_OK: caller.c_bye_ok,
    n.C_SERVER_BYE: caller.c_server_bye,
    n.C_REFRESH: caller.c_refresh,
    n.C_BYE_RETRY: caller.c_bye_retry,
}

HANDLERS: tuple[Handler, ...] = tuple(TABLE[kind] for kind in range(n.KINDS))

TIMERS: tuple[bool, ...] = tuple(
    kind
    in (
        n.N_ACK_TIMEOUT,
        n.N_SESSION_TIMER,
        n.N_BYE_TIMEOUT,
        n.K_TERMINATION_TIMER,
        n.K_INACTIVITY_TIMER,
        n.C_PATIENCE,
        n.C_HANGUP,
        n.C_VANISH,
        n.C_REFRESH,
        n.C_BYE_RETRY,
    )
    for kind in range(n.KINDS)
)
"""Kinds that are timers of a session: their argument is a generation, and a dead one keeps no slot."""
