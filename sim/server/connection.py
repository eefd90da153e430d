"""The MRCPv2 connection agent: control channels and the TCP connections that carry them."""

from sim.server.answers import degrade
from sim.server.effects import acquire, emit, grow_connection, post, refuse, release
from sim.server.handling import handles
from sim.server.plugin import touched
from sim.server.records import ASSIGNED, HAS_CONTROL, TALKING, TCP_NONE, TCP_OPEN, TCP_PEER_CLOSED, Session, World
from sim.server.streams import DELAYED_ACK, NETWORK, draw
from sim.server.terminate import connection_destroy, connection_remove
from sim.vocabulary.messages import (
    C_COMPLETE,
    C_CONNECTED,
    C_RESPONSE,
    K_ACCEPT,
    K_ADD,
    K_DISCONNECT,
    K_INACTIVITY_TIMER,
    K_MODIFY,
    K_RECEIVE,
    K_REMOVE,
    K_SEND,
    K_TERMINATION_TIMER,
    S_CHANNEL_ADDED,
    S_CHANNEL_MODIFIED,
    S_CHANNEL_REMOVED,
    S_CONTROL,
    S_DISCONNECT,
    channel_of,
    is_marked,
    unmarked,
)
from sim.vocabulary.resources import CONNECTION_POOL, CONTROL_CHANNEL, TCP_CONNECTION
from sim.vocabulary.states import DESTROYED
from sim.vocabulary.tasks import CLIENT, CONNECTION_AGENT


@handles(K_ADD)
def k_add(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_agent_channel_add`: the channel is pending until a request names it.

    An offer to use an existing connection is answered with `new` when there is none, or when the oldest one has been
    used too often: its `use_count` never falls, and no other one is looked at.
    """
    if not touched(w, session, now):
        return
    if w.p.shared_connection:
        oldest = w.server.shared_connection
        used_up = oldest < 0 or (w.p.max_shared_use > 0 and w.sessions[oldest].tcp_uses >= w.p.max_shared_use)
        session.told_new = 1 if used_up else 0
    session.pending |= 1 << arg
    w.server.pending_channels += 1
    post(w, S_CHANNEL_ADDED, session, arg)


@handles(K_MODIFY)
def k_modify(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_agent_channel_modify`."""
    if touched(w, session, now):
        post(w, S_CHANNEL_MODIFIED, session, arg)


@handles(K_REMOVE)
def k_remove(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_agent_channel_remove`; the last one of a closed connection marks it for destruction."""
    if session.channel[arg] & HAS_CONTROL:
        session.channel[arg] &= ~HAS_CONTROL
        release(w, now, session, CONTROL_CHANNEL, 0)
    no_longer_pending(w, session, arg)
    if not touched(w, session, now):
        return
    if session.channel[arg] & ASSIGNED:
        session.channel[arg] &= ~ASSIGNED
        owner = w.sessions[session.connection]
        owner.tcp_channels -= 1
        if owner.tcp_channels == 0 and owner.tcp == TCP_PEER_CLOSED:
            owner.tcp_marked = 1
            owner.tcp_timer += 1
    post(w, S_CHANNEL_REMOVED, session, arg)


def no_longer_pending(w: World, session: Session, i: int) -> None:
    """A channel has found its connection, or is removed."""
    if session.pending & (1 << i):
        session.pending &= ~(1 << i)
        w.server.pending_channels -= 1


@handles(K_SEND)
def k_send(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_agent_messsage_send`: a response, or an event (marked), to the caller if it is there."""
    if not touched(w, session, now) or session.connection < 0:
        return
    owner = w.sessions[session.connection]
    if owner.tcp == TCP_OPEN:
        delay = draw(w, NETWORK)
        if w.p.delayed_ack:
            # TCP_NODELAY is never set: what is sent behind something unacknowledged waits for the acknowledgement
            waits = max(0.0, owner.unacked_s - now)
            owner.unacked_s = now + waits + draw(w, DELAYED_ACK)
            delay += waits
        emit(w, CLIENT, C_COMPLETE if is_marked(arg) else C_RESPONSE, session, unmarked(arg), delay)


@handles(K_ACCEPT)
def k_accept(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_agent_connection_accept`: the connection's own pool; over the limit it is closed again.

    While no channel at all is pending it is unexpected, and rejected.
    """
    if session.state == DESTROYED or w.server.pending_channels == 0:
        return
    if w.p.max_connections > 0 and w.server.tcp_connections >= w.p.max_connections:
        refuse(w, TCP_CONNECTION)
        degrade(w, session)
        return
    w.server.tcp_connections += 1
    acquire(w, now, session, TCP_CONNECTION, 0)
    acquire(w, now, session, CONNECTION_POOL, w.p.connection_bytes)
    session.tcp_bytes = w.p.connection_bytes
    session.tcp_number = w.server.tcp_accepted
    w.server.tcp_accepted += 1
    session.tcp = TCP_OPEN
    session.tcp_marked = 0
    session.tcp_channels = 0
    session.tcp_uses = 0
    watch(w, session)
    connection_join(w, session, session)
    if w.p.shared_connection and w.server.shared_connection < 0:
        w.server.shared_connection = session.slot
    if session.caller == TALKING:
        emit(w, CLIENT, C_CONNECTED, session, 0, draw(w, NETWORK))
    elif w.server.shared_connection != session.slot:
        # the caller hung up (and closed its end) before the connection was accepted
        post(w, K_DISCONNECT, session, 0)


def connection_join(w: World, session: Session, owner: Session) -> None:
    """From now on the session's requests use `owner`'s connection."""
    session.connection = owner.slot
    owner.tcp_users += 1


def watch(w: World, owner: Session) -> None:
    """(Re)start the inactivity timer of a connection."""
    owner.tcp_timer += 1
    if w.p.inactivity_s > 0.0:
        emit(w, CONNECTION_AGENT, K_INACTIVITY_TIMER, owner, owner.tcp_timer, w.p.inactivity_s)


@handles(K_RECEIVE)
def k_receive(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """A request arrived: assign its channel to the connection, restart the inactivity timer, signal CONTROL.

    `mrcp_parser_on_start` has parsed it into the connection's pool, which gives nothing back before its end.
    """
    i = channel_of(arg)
    if session.state == DESTROYED or session.connection < 0 or session.channel[i] & HAS_CONTROL == 0:
        return
    owner = w.sessions[session.connection]
    if owner.tcp != TCP_OPEN:
        return
    owner.unacked_s = now  # what the client sends acknowledges what it has received
    grow_connection(w, now, owner, w.p.request_bytes)
    if session.channel[i] & ASSIGNED == 0:
        session.channel[i] |= ASSIGNED
        no_longer_pending(w, session, i)
        owner.tcp_channels += 1
        owner.tcp_uses += 1
    watch(w, owner)
    post(w, S_CONTROL, session, arg)


@handles(K_DISCONNECT)
def k_disconnect(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The peer closed TCP. With channels still on it, the termination timer starts; without, the connection is gone."""
    if session.tcp != TCP_OPEN:
        return
    session.tcp = TCP_PEER_CLOSED
    connection_remove(w, session)
    session.tcp_timer += 1
    if session.tcp_channels == 0:
        connection_destroy(w, session, now)
    elif w.p.termination_s > 0.0:
        emit(w, CONNECTION_AGENT, K_TERMINATION_TIMER, session, session.tcp_timer, w.p.termination_s)


@handles(K_TERMINATION_TIMER)
def k_termination_timer(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_termination_timer_proc`: every channel still on the connection is told that it is gone."""
    if arg == session.tcp_timer and session.tcp == TCP_PEER_CLOSED:
        disconnect_raise(w, session)


@handles(K_INACTIVITY_TIMER)
def k_inactivity_timer(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`mrcp_server_inactivity_timer_proc`: no request for too long, so the server closes the connection itself."""
    if arg != session.tcp_timer or session.tcp != TCP_OPEN:
        return
    session.tcp_timer += 1
    if session.tcp_channels == 0:
        connection_destroy(w, session, now)
    else:
        session.tcp = TCP_PEER_CLOSED
        connection_remove(w, session)
        disconnect_raise(w, session)


def disconnect_raise(w: World, owner: Session) -> None:
    """`mrcp_connection_disconnect_raise`: one disconnect per channel on the connection."""
    if not w.p.shared_connection:
        disconnect_session(w, owner)
        return
    for slot in range(len(w.sessions)):
        session = w.sessions[slot]
        if session.in_use and session.connection == owner.slot:
            disconnect_session(w, session)


def disconnect_session(w: World, session: Session) -> None:
    """One disconnect for each of the session's channels that is assigned to the connection."""
    for i in range(session.channels):
        if session.channel[i] & ASSIGNED:
            post(w, S_DISCONNECT, session, i)


def connection_free(session: Session) -> bool:
    """Whether nothing refers to this slot's connection any more."""
    return session.tcp == TCP_NONE and session.tcp_users == 0
