"""The NUA stack: sofia's own thread, which owns SIP transactions, dialogs and their timers.

Every handler is `(w, session, arg, started, now)`: the message was taken up at `started` and is done at `now`.
"""

from sim.server.answers import count_answer
from sim.server.effects import emit, post
from sim.server.handling import handles
from sim.server.records import (
    DIALOG_COMPLETED,
    DIALOG_NONE,
    DIALOG_READY,
    DIALOG_RECEIVED,
    DIALOG_TERMINATED,
    DIALOG_TERMINATING,
    Session,
    World,
)
from sim.server.streams import NETWORK, draw
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
    C_BYE_OK,
    C_FINAL,
    C_SERVER_BYE,
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
)
from sim.vocabulary.resources import HOLDS_POOL
from sim.vocabulary.tasks import CLIENT, NUA


def to_caller(w: World, session: Session, kind: int, arg: int) -> None:
    """Send a packet to the caller."""
    emit(w, CLIENT, kind, session, arg, draw(w, NETWORK))


def end_dialog(w: World, session: Session) -> None:
    """The dialog is over: its timer is dead, and the SIP agent is told (`nua_i_state [terminated]`)."""
    session.dialog = DIALOG_TERMINATED
    session.nua_timer += 1
    post(w, A_TERMINATED, session, 0)
    post(w, A_LAST, session, 0)


@handles(N_INVITE)
def n_invite(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """A new INVITE: 100 Trying to the caller, `nua_i_invite` and `nua_i_state [received]` to the SIP agent.

    The caller retransmits at T1, 3 T1, 7 T1 … until 100 Trying; what it sent while this one waited arrives behind it,
    but not those that the socket had no room for, nor the one that then got through: this one.
    """
    if session.dialog != DIALOG_NONE:
        return
    session.dialog = DIALOG_RECEIVED
    if w.p.retransmit and session.repeats == 0:
        waited = started - session.invite_s
        interval = w.p.t1_s
        sent = interval
        lost = session.resent
        while sent < waited and sent < w.p.transaction_s:
            if lost > 0:
                lost -= 1
            else:
                post(w, N_DUPLICATE, session, 0)
            interval *= 2.0
            sent += interval
    post(w, A_INVITE, session, 0)
    post(w, A_RECEIVED, session, 0)


@handles(N_DUPLICATE)
def n_duplicate(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """A retransmitted INVITE is absorbed by its server transaction."""


@handles(N_REINVITE)
def n_reinvite(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """A re-INVITE inside the dialog, `arg` says what for; one outside gets 481."""
    if session.dialog == DIALOG_READY:
        session.reinvite = 1
        post(w, A_INVITE, session, arg)
        post(w, A_RECEIVED, session, arg)
    else:
        to_caller(w, session, C_FINAL, 481)


@handles(N_ACK)
def n_ack(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """ACK to a 200: the call is ready, the ACK timer is off and the session timer starts (again)."""
    if session.dialog not in (DIALOG_COMPLETED, DIALOG_READY):
        return
    session.dialog = DIALOG_READY
    session.nua_timer += 1
    if w.p.session_expires_s > 0.0:
        emit(w, NUA, N_SESSION_TIMER, session, session.nua_timer, w.p.session_expires_s)
    post(w, A_ACK, session, 0)
    post(w, A_READY, session, 0)


@handles(N_BYE)
def n_bye(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """BYE from the caller: answered at once, or only when the session is released (`server.sip.bye_response`).

    A re-INVITE that it overtakes is answered 487; the OFFER of that one still runs.
    """
    if session.dialog in (DIALOG_RECEIVED, DIALOG_COMPLETED, DIALOG_READY):
        if session.reinvite:
            to_caller(w, session, C_FINAL, 487)
        post(w, A_BYE, session, 0)
        end_dialog(w, session)
        if w.p.bye_on_release and session.holds & HOLDS_POOL:
            session.bye_unanswered = 1
            return
    to_caller(w, session, C_BYE_OK, 0)


@handles(N_CANCEL)
def n_cancel(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """CANCEL before the final answer: 487 to the INVITE, and the call is over. Later it has no effect."""
    if session.dialog != DIALOG_RECEIVED:
        return
    if session.answer_status:
        count_answer(w, session, -1)  # the answer and the CANCEL crossed: it is no longer the call's
    session.cancelled = 1
    w.server.cancelled += 1
    end_dialog(w, session)
    to_caller(w, session, C_FINAL, 487)


@handles(N_RESPOND)
def n_respond(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`nua_respond`: the final answer `arg` goes to the caller; a 200 then waits 64 T1 for its ACK."""
    if session.dialog == DIALOG_READY:
        session.reinvite = 0
        to_caller(w, session, C_FINAL, arg)
        post(w, A_COMPLETED, session, 0)
        return
    if session.dialog != DIALOG_RECEIVED:
        if session.reinvite and session.dialog == DIALOG_TERMINATED:
            # it was answered 487 when the BYE came: "Responding to a Non-Existing Request"
            session.reinvite = 0
            post(w, A_ERROR, session, 500)
        return
    to_caller(w, session, C_FINAL, arg)
    if arg == 200:
        session.dialog = DIALOG_COMPLETED
        session.nua_timer += 1
        emit(w, NUA, N_ACK_TIMEOUT, session, session.nua_timer, w.p.transaction_s)
        post(w, A_COMPLETED, session, 0)
    else:
        end_dialog(w, session)


@handles(N_SEND_BYE)
def n_send_bye(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`nua_bye`: the server ends the call; without an answer the transaction times out after 64 T1."""
    if session.dialog == DIALOG_RECEIVED:
        to_caller(w, session, C_FINAL, 480)
        end_dialog(w, session)
    elif session.dialog in (DIALOG_COMPLETED, DIALOG_READY):
        session.dialog = DIALOG_TERMINATING
        session.nua_timer += 1
        to_caller(w, session, C_SERVER_BYE, 0)
        emit(w, NUA, N_BYE_TIMEOUT, session, session.nua_timer, w.p.transaction_s)


@handles(N_BYE_ANSWERED)
def n_bye_answered(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The caller (or its transport) answered the server's BYE."""
    if session.dialog == DIALOG_TERMINATING:
        end_dialog(w, session)


@handles(N_BYE_TIMEOUT)
def n_bye_timeout(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """Nobody answered the server's BYE within 64 T1."""
    if arg == session.nua_timer and session.dialog == DIALOG_TERMINATING:
        end_dialog(w, session)


@handles(N_ACK_TIMEOUT)
def n_ack_timeout(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """No ACK within 64 T1 of the 200: the stack ends the call with BYE."""
    if arg == session.nua_timer and session.dialog == DIALOG_COMPLETED:
        n_send_bye(w, session, 0, started, now)


@handles(N_SESSION_TIMER)
def n_session_timer(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """Session-Expires passed without a refresh: the stack ends the call with BYE."""
    if arg == session.nua_timer and session.dialog == DIALOG_READY:
        n_send_bye(w, session, 0, started, now)


@handles(N_DESTROY)
def n_destroy(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`nua_handle_destroy`: the session is released; a BYE that was kept waiting gets its 200 now."""
    if session.bye_unanswered:
        session.bye_unanswered = 0
        to_caller(w, session, C_BYE_OK, 0)
