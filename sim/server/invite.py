"""An INVITE of a caller, and the next one where it was refused or not answered."""

from sim.server.answers import count_answer
from sim.server.effects import emit, vacant
from sim.server.handling import handles
from sim.server.parameters import IF_NOT_ANSWERED, IF_REFUSED
from sim.server.records import CALLING, DONE, TRIES_AGAIN, Session, World, clear_session
from sim.server.streams import NETWORK, RETRY, RETRY_AFTER, draw, fires
from sim.vocabulary.messages import C_INVITE_RETRY, C_PATIENCE, C_RETRY, N_CANCEL, N_INVITE
from sim.vocabulary.tasks import CLIENT, NUA

SOON = 1e-9
"""A retry is never sent by the very event that brought the refusal, so that no event needs two new slots."""


def to_server(w: World, session: Session, task: int, kind: int, arg: int, extra: float) -> None:
    """Send a packet to the server; it arrives after the network delay and `extra` seconds."""
    emit(w, task, kind, session, arg, draw(w, NETWORK) + extra)


def at_tick(w: World, now: float, delay: float) -> float:
    """How long until the first tick of the callers' clock that is not before `delay` seconds from now."""
    if w.p.clock_s <= 0.0:
        return delay
    ticks = int((now + delay) / w.p.clock_s)
    while ticks * w.p.clock_s < now + delay:
        ticks += 1
    return max(delay, ticks * w.p.clock_s - now)


def begin_call(w: World, session: Session, number: int, now: float) -> None:
    """Call `number` begins in this slot with an INVITE, which every table counts by itself."""
    clear_session(session)
    session.call = w.server.arrived
    session.number = number
    session.in_use = 1
    session.invite_s = now
    session.arrived_s = now
    w.server.arrived += 1


def invite(w: World, session: Session) -> None:
    """Send the INVITE, and wait for its answer as long as this caller does."""
    send_invite(w, session, session.invite_s)
    if session.patience_s >= 0.0:
        emit(w, CLIENT, C_PATIENCE, session, session.caller_timer, session.patience_s)


def send_invite(w: World, session: Session, now: float) -> None:
    """Send the INVITE; while the process is gone nobody takes it."""
    if w.server.down:
        invite_again(w, session, now)
    else:
        to_server(w, session, NUA, N_INVITE, 0, 0.0)


def invite_again(w: World, session: Session, now: float) -> None:
    """Nobody has taken the INVITE: it is due again after T1, 2 T1, 4 T1 …, but not after 64 T1 in all."""
    if w.p.retransmit:
        left = session.invite_s + w.p.transaction_s - now
        interval = min(w.p.t1_s * 2.0**session.repeats, max(left, SOON))
        emit(w, CLIENT, C_INVITE_RETRY, session, session.caller_timer, interval)
        session.repeats += 1


@handles(C_INVITE_RETRY)
def c_invite_retry(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The INVITE again; after 64 T1 without any answer the caller's own transaction times out."""
    if arg != session.caller_timer or session.caller != CALLING:
        return
    if session.invite_s + w.p.transaction_s - now > 1e-6:  # rounding may leave a rest
        send_invite(w, session, now)
        return
    session.caller = DONE
    session.caller_timer += 1
    not_answered(w, session, now)


def cancel(w: World, session: Session) -> None:
    """Send CANCEL. While the process is gone there is nobody to take it, nor to say that the call is over."""
    if w.server.down:
        session.caller = DONE
    else:
        to_server(w, session, NUA, N_CANCEL, 0, 0.0)


def refused(w: World, session: Session, now: float) -> None:
    """The INVITE was refused: perhaps the caller tries again."""
    if w.p.retry_on & IF_REFUSED:
        try_again(w, session, now)


def not_answered(w: World, session: Session, now: float) -> None:
    """The caller's patience is at an end: perhaps it tries again."""
    if w.p.retry_on & IF_NOT_ANSWERED:
        try_again(w, session, now)


def try_again(w: World, session: Session, now: float) -> None:
    """Plan the next INVITE, unless there were as many as this caller sends: what is tried again is not refused yet."""
    if session.attempt >= w.p.retries or not fires(w, RETRY, session, now):
        return
    if session.answer_status:
        count_answer(w, session, -1)
    session.short |= TRIES_AGAIN
    if session.answer_status:
        count_answer(w, session, 1)
    emit(w, CLIENT, C_RETRY, session, 0, max(SOON, at_tick(w, now, draw(w, RETRY_AFTER))))


@handles(C_RETRY)
def c_retry(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The caller tries again: another INVITE and, if it comes to that, another session; it wants what it wanted."""
    again = vacant(w)
    begin_call(w, again, session.number, now)
    w.server.retries += 1
    again.attempt = session.attempt + 1
    again.mix = session.mix
    again.offered = session.offered
    for i in range(session.offered):
        again.resource[i] = w.mixes[session.mix].resource[i]
    again.hold_s = session.hold_s
    again.requests_left = session.requests_left
    again.vanishes = session.vanishes
    again.no_ack = session.no_ack
    again.sdp = session.sdp
    again.unknown = session.unknown
    again.no_profile = session.no_profile
    again.hold_at_s = session.hold_at_s
    again.patience_s = session.patience_s
    invite(w, again)
