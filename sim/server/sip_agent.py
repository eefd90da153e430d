"""The SIP agent: `mrcp_sofia_event_callback` and what it dispatches to."""

from sim.server.answers import count_answer
from sim.server.effects import crash, give, post, take
from sim.server.handling import handles
from sim.server.records import BLOCKED, DIALOG_TERMINATED, SDP_GOOD, Session, World
from sim.server.streams import POOL_FAILS, fires
from sim.vocabulary.messages import (
    A_ACK,
    A_BYE,
    A_COMPLETED,
    A_ERROR,
    A_INVITE,
    A_LAST,
    A_READY,
    A_RECEIVED,
    A_TERMINATED,
    FIRST_INVITE,
    N_RESPOND,
    S_OFFER,
    S_TERMINATE,
)
from sim.vocabulary.resources import HOLDS_HANDLE, HOLDS_POOL, NUA_HANDLE, SESSION_POOL, SIP_HOME


def reject(w: World, session: Session, status: int, now: float) -> None:
    """`nua_respond` with a failure that the SIP agent decides on itself: no "Send Answer" of the server task."""
    session.answer_status = status
    count_answer(w, session, 1)
    post(w, N_RESPOND, session, status)


def session_create(w: World, session: Session, now: float) -> bool:
    """`mrcp_sofia_session_create`: the session's own APR pool, the session in it, a `su_home`, and `nua_handle_bind`.

    Without a pool the real code dereferences NULL: the process is gone, unless the scenario says that it is checked.
    """
    if session.holds & HOLDS_POOL:
        return True
    if fires(w, POOL_FAILS, session, now):
        if not w.p.pool_checked:
            session.crashed = 1
            crash(w, now, w.p.crash_stops)
            if w.p.crash_stops:
                return False
        session.short |= BLOCKED
        reject(w, session, 488, now)
        return False
    session.created_s = now
    session.pool_bytes = w.p.session_bytes
    take(w, now, session, SESSION_POOL, w.p.session_bytes)
    if session.no_profile:
        # no profile for the agent: mrcp_session_destroy at once
        give(w, now, session, SESSION_POOL, session.pool_bytes)
        session.released_s = now
        w.server.created += 1
        w.server.released += 1
        reject(w, session, 488, now)
        return False
    take(w, now, session, SIP_HOME, 0)
    take(w, now, session, NUA_HANDLE, 0)
    w.server.created += 1
    return True


@handles(A_INVITE)
def a_invite(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`nua_i_invite` → `mrcp_sofia_on_invite`: creates the session here only when something is extracted."""
    if arg == FIRST_INVITE:
        if not session.repeats:  # else it arrived with the first one, which nobody took: the process was gone
            session.arrived_s = started
        if w.p.extract_call_id and not w.server.offline:
            session_create(w, session, now)


@handles(A_RECEIVED)
def a_received(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`nua_i_state [received]` → `mrcp_sofia_on_call_receive`: create the session if need be, signal OFFER."""
    if arg != FIRST_INVITE:
        if session.holds & HOLDS_POOL:
            post(w, S_OFFER, session, arg)
        return
    if session.answer_status:
        return
    if w.server.offline:
        reject(w, session, 503, now)
        return
    if not session_create(w, session, now):
        return
    if session.sdp != SDP_GOOD:
        reject(w, session, 400, now)
        return
    post(w, S_OFFER, session, 0)


@handles(A_TERMINATED)
def a_terminated(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`nua_i_state [terminated]` → `mrcp_sofia_on_call_terminate`: signal TERMINATE, if there is a session."""
    if session.holds & HOLDS_POOL:
        post(w, S_TERMINATE, session, 0)
    elif session.holds & HOLDS_HANDLE and session.dialog == DIALOG_TERMINATED:
        give(w, now, session, NUA_HANDLE, 0)


@handles(A_COMPLETED, A_ACK, A_READY, A_BYE, A_LAST, A_ERROR)
def a_other(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`nua_i_ack`, `nua_i_bye`, `nua_i_terminated`, `nua_i_error`, `nua_i_state [completed]` and `[ready]`: logged."""
