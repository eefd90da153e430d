"""The caller: INVITE, patience, ACK, TCP, requests, hold, BYE, and the ways in which it vanishes."""

from math import inf

from sim.server.connection import connection_free, connection_join
from sim.server.dialogue import answered, completed, dialogue_begins, due
from sim.server.effects import emit
from sim.server.handling import handles
from sim.server.invite import at_tick, begin_call, cancel, invite, not_answered, refused, to_server
from sim.server.parameters import STAYS, VANISH_NEVER_OPENED, VANISH_TCP_CLOSED
from sim.server.records import (
    CALLING,
    DONE,
    GONE,
    HUNG_UP,
    SDP_MALFORMED,
    SDP_MISSING,
    TALKING,
    TCP_OPEN,
    UNSET,
    Session,
    World,
)
from sim.server.streams import (
    ACK_DELAY,
    CLASS_HOLD,
    CONNECT,
    HOLD,
    MALFORMED_SDP,
    MISSING_SDP,
    MIX,
    NO_ACK,
    NO_PROFILE,
    ON_HOLD,
    ON_HOLD_AFTER,
    ON_HOLD_FOR,
    ON_HOLD_MOMENT,
    PATIENCE,
    PAUSE,
    REINVITE,
    REQUESTS,
    UNKNOWN_RESOURCE,
    VANISH,
    VANISH_AFTER,
    draw,
    fires,
)
from sim.vocabulary.messages import (
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
    HOLDS,
    K_ACCEPT,
    K_DISCONNECT,
    K_RECEIVE,
    N_ACK,
    N_BYE,
    N_BYE_ANSWERED,
    N_DUPLICATE,
    N_REINVITE,
    REFRESHES,
    RESUMES,
    what_of,
)
from sim.vocabulary.plugins import FAILED
from sim.vocabulary.tasks import CLIENT, CONNECTION_AGENT, NUA


def send_again_after(w: World, session: Session) -> float:
    """A packet of this caller was lost before the server saw it: how long until it is sent again."""
    interval = min(w.p.t1_s * 2.0**session.resent, w.p.t2_s)
    session.resent += 1
    return interval


def arrive(
    w: World,
    session: Session,
    number: int,
    hold_s: float,
    requests: int,
    patience_s: float,
    vanishes: int,
    on_hold_s: float,
    kind: int,
    now: float,
) -> None:
    """Call `number` arrives: what this caller will do is settled now, in order of arrival, then it sends INVITE.

    `hold_s` not a number, `requests` below 0, `patience_s` not a number, `vanishes` below 0, `on_hold_s` not a number,
    `kind` (which of the mixes) below 0: not recorded, draw it.
    A negative `hold_s` is the recorded time of the BYE, counted from the arrival instead of from the answer.
    """
    begin_call(w, session, number, now)
    chance = draw(w, MIX)
    mix = 0
    while mix < w.p.mixes - 1 and chance >= w.mixes[mix].upto:
        mix += 1
    if kind >= 0:
        mix = kind
    session.mix = mix
    session.offered = w.mixes[mix].channels
    for i in range(session.offered):
        session.resource[i] = w.mixes[mix].resource[i]
    drawn = draw(w, HOLD)
    if w.mixes[mix].own_hold:
        drawn = draw(w, CLASS_HOLD + mix)
    session.hold_s = drawn if hold_s != hold_s else hold_s
    wanted = draw(w, REQUESTS)
    session.requests_left = int(wanted + 0.5) if requests < 0 else requests
    if w.p.has_dialogue and requests < 0:
        session.requests_left = -1
    if fires(w, VANISH, session, now):
        session.vanishes = w.p.vanish_how
    if vanishes >= 0:
        session.vanishes = vanishes
    session.no_ack = 1 if fires(w, NO_ACK, session, now) else 0
    if fires(w, MISSING_SDP, session, now):
        session.sdp = SDP_MISSING
    if fires(w, MALFORMED_SDP, session, now):
        session.sdp = SDP_MALFORMED
    session.unknown = 1 if fires(w, UNKNOWN_RESOURCE, session, now) else 0
    session.no_profile = 1 if fires(w, NO_PROFILE, session, now) else 0
    if fires(w, ON_HOLD, session, now):
        moment = draw(w, ON_HOLD_MOMENT)
        session.hold_at_s = draw(w, ON_HOLD_AFTER) if w.p.hold_after else -moment
    if on_hold_s == on_hold_s:
        session.hold_at_s = on_hold_s
    patience = draw(w, PATIENCE)
    if patience_s == patience_s:
        session.patience_s = patience_s
    elif w.p.has_patience:
        session.patience_s = patience
    invite(w, session)


@handles(C_PATIENCE)
def c_patience(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """No final answer for too long: CANCEL."""
    if arg == session.caller_timer and session.caller == CALLING:
        session.caller_timer += 1
        session.gave_up = 1
        cancel(w, session)
        not_answered(w, session, now)


@handles(C_FINAL)
def c_final(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """A final answer: ACK it, hold, connect TCP — or be done."""
    if session.reinvite_pending:
        session.reinvite_pending = 0
        if arg == 200 and session.caller != GONE:
            to_server(w, session, NUA, N_ACK, 0, draw(w, ACK_DELAY))
            if session.caller == TALKING:
                plan_refresh(w, session, now)
        return
    if session.caller != CALLING:
        return
    session.caller_timer += 1
    if arg != 200:
        session.caller = DONE
        if not session.gave_up:
            refused(w, session, now)
        return
    if session.no_ack:
        session.caller = GONE
        return
    session.caller = TALKING
    to_server(w, session, NUA, N_ACK, 0, draw(w, ACK_DELAY))
    if session.gave_up:
        # 200 and CANCEL crossed: acknowledge, then hang up at once
        hang_up(w, session, now)
        return
    connect(w, session)
    if session.hold_s < 0.0:
        session.hold_s = max(0.0, -session.hold_s - (now - session.invite_s))
    until = session.hold_s
    if session.vanishes != STAYS:
        if w.p.vanish_after:
            until = min(until, draw(w, VANISH_AFTER))
        emit(w, CLIENT, C_VANISH, session, session.caller_timer, until)
    else:
        emit(w, CLIENT, C_HANGUP, session, session.caller_timer, at_tick(w, now, until))
    if session.hold_at_s < 0.0:
        session.hold_at_s *= -session.hold_s  # it was a part of the call
    session.hold_at_s += now
    plan_refresh(w, session, now)


def connect(w: World, session: Session) -> None:
    """Open a TCP connection, or use the one that is shared while the server's answer allows it."""
    if not w.p.tcp or session.vanishes == VANISH_NEVER_OPENED:
        return
    shared = w.server.shared_connection
    if w.p.shared_connection and shared >= 0 and not session.told_new:
        connection_join(w, session, w.sessions[shared])
        emit(w, CLIENT, C_CONNECTED, session, 0, draw(w, CONNECT))
        return
    to_server(w, session, CONNECTION_AGENT, K_ACCEPT, 0, draw(w, CONNECT))


def plan_refresh(w: World, session: Session, now: float) -> None:
    """Plan the next re-INVITE, if the call will still be up then."""
    if session.answer_s != session.answer_s:
        return
    left = session.hold_s - (now - session.answer_s)
    after = inf
    session.reinvite_kind = REFRESHES
    if w.p.reinvites:
        after = draw(w, REINVITE)
    elif w.p.client_refreshes and w.p.refresh_s > 0.0:
        after = w.p.refresh_s
    if session.hold_at_s - now <= after:
        after = max(0.0, session.hold_at_s - now)
        session.reinvite_kind = RESUMES if session.on_hold else HOLDS
    if after < left:
        emit(w, CLIENT, C_REFRESH, session, session.caller_timer, after)


@handles(C_REFRESH)
def c_refresh(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """Time for a re-INVITE: a session-timer refresh, the caller's own, or one that holds or resumes the call."""
    if arg != session.caller_timer or session.caller != TALKING or session.reinvite_pending:
        return
    if session.reinvite_kind == HOLDS:
        session.on_hold = 1
        session.hold_at_s = now + draw(w, ON_HOLD_FOR) if w.p.hold_for else UNSET
    elif session.reinvite_kind == RESUMES:
        session.on_hold = 0
        session.hold_at_s = UNSET
    session.reinvite_pending = 1
    to_server(w, session, NUA, N_REINVITE, session.reinvite_kind, 0.0)


@handles(C_CONNECTED)
def c_connected(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The TCP connection is up: the first request leaves at once."""
    if w.p.has_dialogue:
        dialogue_begins(w, session)
    else:
        send_request(w, session)


@handles(C_SEND_REQUEST)
def c_send_request(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The caller's pause before its next request is over, or (`arg`) the time after which it ends one itself."""
    if w.p.has_dialogue:
        due(w, session, arg)
    else:
        send_request(w, session)


def send_request(w: World, session: Session) -> None:
    """Without a dialogue: send the next MRCP request, on the session's channels in turn."""
    if session.caller == TALKING and session.requests_left > 0 and session.channels > 0:
        session.requests_left -= 1
        channel = session.requests_left % session.channels
        to_server(w, session, CONNECTION_AGENT, K_RECEIVE, channel, 0.0)


@handles(C_RESPONSE)
def c_response(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """IN-PROGRESS: when requests have no end of their own, the next one follows after the caller's pause."""
    if w.p.has_dialogue:
        answered(w, session, arg)
    elif (not w.p.has_recognition or what_of(arg) == FAILED) and session.requests_left > 0:
        emit(w, CLIENT, C_SEND_REQUEST, session, 0, draw(w, PAUSE))


@handles(C_COMPLETE)
def c_complete(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """RECOGNITION-COMPLETE: the next request follows after the caller's pause."""
    if w.p.has_dialogue:
        completed(w, session, arg)
    elif session.requests_left > 0:
        emit(w, CLIENT, C_SEND_REQUEST, session, 0, draw(w, PAUSE))


@handles(C_HANGUP)
def c_hangup(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The call has lasted its time: BYE."""
    if arg == session.caller_timer and session.caller == TALKING:
        hang_up(w, session, now)


def hang_up(w: World, session: Session, now: float) -> None:
    """BYE, and the caller closes the TCP connection that it opened."""
    session.caller = HUNG_UP
    session.caller_timer += 1
    session.bye_s = now
    to_server(w, session, NUA, N_BYE, 0, 0.0)
    close_tcp(w, session)
    if w.p.retransmit and w.p.bye_on_release:
        session.repeats = 0
        emit(w, CLIENT, C_BYE_RETRY, session, session.caller_timer, w.p.t1_s)


@handles(C_BYE_RETRY)
def c_bye_retry(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """BYE again, at T1 doubling up to T2, while nobody answers; after 64 T1 the caller gives up."""
    if arg != session.caller_timer or session.caller != HUNG_UP:
        return
    left = session.bye_s + w.p.transaction_s - now
    if left < 1e-6:  # rounding may leave a rest too small to ever pass
        session.caller = DONE
        session.caller_timer += 1
        return
    session.repeats += 1
    to_server(w, session, NUA, N_DUPLICATE, 0, 0.0)
    interval = min(w.p.t1_s * 2.0**session.repeats, w.p.t2_s)
    emit(w, CLIENT, C_BYE_RETRY, session, session.caller_timer, min(interval, left))


def close_tcp(w: World, session: Session) -> None:
    """The caller closes its own connection; the one that others may share stays for them."""
    if session.tcp == TCP_OPEN and w.server.shared_connection != session.slot:
        to_server(w, session, CONNECTION_AGENT, K_DISCONNECT, 0, 0.0)


@handles(C_VANISH)
def c_vanish(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The caller is gone without BYE; its TCP connection is closed by its machine, or stays half open."""
    if arg == session.caller_timer and session.caller == TALKING:
        session.caller = GONE
        session.caller_timer += 1
        if session.vanishes == VANISH_TCP_CLOSED:
            close_tcp(w, session)


@handles(C_BYE_OK)
def c_bye_ok(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """200 to the caller's BYE."""
    session.bye_ok_s = now
    session.caller = DONE
    session.caller_timer += 1


@handles(C_SERVER_BYE)
def c_server_bye(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """BYE from the server. A caller that never acknowledged, or whose process is dead, has closed its port.

    Its transport answers for it then (ICMP, which becomes 503); a host that is silent lets the BYE time out.
    """
    if session.caller == GONE:
        if session.no_ack or w.p.vanish_closed:
            to_server(w, session, NUA, N_BYE_ANSWERED, 0, 0.0)
        return
    if session.caller == TALKING:
        session.caller = DONE
        session.caller_timer += 1
        close_tcp(w, session)
    to_server(w, session, NUA, N_BYE_ANSWERED, 0, 0.0)


def finished(session: Session) -> bool:
    """Whether nothing will ever name this slot again, so that it can take its next call."""
    return (
        session.inflight == 0
        and session.holds == 0
        and (session.caller == DONE or session.caller == GONE)
        and connection_free(session)
    )
