"""What an OFFER sets up, from the session table to the final answer."""

from sim.server.answers import count_answer
from sim.server.effects import acquire, grow, post, refuse, set_state, take
from sim.server.media import containers
from sim.server.records import (
    BLOCKED,
    HAS_CONTROL,
    HAS_ENGINE,
    WAITS_CHANNEL,
    WAITS_TERMINATION,
    Session,
    World,
)
from sim.vocabulary.messages import K_ADD, K_MODIFY, N_RESPOND, REFRESHES, STEP_ADD, STEP_MODIFY
from sim.vocabulary.resources import CONTROL_CHANNEL, HOLDS_TABLE, MEDIA_CONTEXT, SESSION_TABLE, engine_channel
from sim.vocabulary.states import ACTIVE, GENERATING_ANSWER


def offer_process(w: World, session: Session, again: int, started: float, now: float) -> None:
    """`mrcp_server_session_offer_process`: channels, terminations and the media container that carries them."""
    if session.holds & HOLDS_TABLE == 0:
        session.offer_s = started
        take(w, now, session, SESSION_TABLE, 0)
        take(w, now, session, MEDIA_CONTEXT, 0)
        grow(w, now, session, w.p.offer_bytes)
        w.server.sessions += 1
    if again == REFRESHES and w.p.reinvite_identical:
        answer_send(w, session, started, now)
        return
    set_state(session, GENERATING_ANSWER, now)
    session.status = 200
    if again:
        for i in range(session.channels):
            if session.channel[i] & HAS_CONTROL:
                session.channel[i] |= WAITS_CHANNEL
                session.subrequests += 1
                post(w, K_MODIFY, session, i)
        session.rtp_waiting = 1
        containers(w, session, STEP_MODIFY)
        return
    for i in range(session.offered):
        if i == 0 and session.unknown:
            session.status = 404
        else:
            channel_create(w, session, session.resource[i], now)
    session.rtp_waiting = 1
    containers(w, session, STEP_ADD)


def channel_create(w: World, session: Session, resource: int, now: float) -> None:
    """`mrcp_server_channel_create` and its ADD at the connection agent; over `max-channel-count` there is no engine."""
    i = session.channels
    session.channels = i + 1
    session.resource[i] = resource
    flags = HAS_CONTROL | WAITS_CHANNEL
    acquire(w, now, session, CONTROL_CHANNEL, 0)
    limit = w.plugins[resource].limit
    engine = engine_channel(resource)
    if limit > 0 and w.ledger.held[engine] >= limit:
        refuse(w, engine)
        session.short |= BLOCKED
        session.status = 406
    else:
        flags |= HAS_ENGINE | WAITS_TERMINATION
        acquire(w, now, session, engine, 0)
    session.channel[i] = flags
    grow(w, now, session, w.p.channel_bytes)
    session.subrequests += 1
    post(w, K_ADD, session, i)


def answer_send(w: World, session: Session, started: float, now: float) -> None:
    """`mrcp_server_session_answer_send`: the final answer goes to the SIP stack and the OFFER has ended.

    The caller takes the next request when it sees `active` at 0.
    """
    session.state = ACTIVE
    session.since_s = now
    if session.answer_status == 0:
        session.answer_s = started
        session.answer_status = session.status
        count_answer(w, session, 1)
        post(w, N_RESPOND, session, session.status)
    else:
        post(w, N_RESPOND, session, 200)
    session.active = 0
