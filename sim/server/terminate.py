"""What a TERMINATE takes down, from STOP to `apr_pool_destroy`, and the connection that the last session leaves."""

from sim.server.effects import give, post, release, set_state, violation
from sim.server.media import containers
from sim.server.plugin import post_plugin
from sim.server.records import (
    ASSIGNED,
    HAS_CONTROL,
    HAS_ENGINE,
    IN_PROGRESS,
    IS_CLOSED,
    IS_CLOSING,
    IS_DEACTIVATED,
    IS_STOPPING,
    SHUT_DOWN,
    TCP_NONE,
    TCP_OPEN,
    WAITS_CHANNEL,
    WAITS_TERMINATION,
    Session,
    World,
)
from sim.vocabulary.messages import K_REMOVE, N_DESTROY, P_CLOSE, P_STOP, STEP_SUBTRACT
from sim.vocabulary.resources import (
    CONNECTION_POOL,
    HOLDS_TABLE,
    NUA_HANDLE,
    SESSION_POOL,
    SESSION_TABLE,
    SIP_HOME,
    TCP_CONNECTION,
    engine_channel,
)
from sim.vocabulary.states import DEACTIVATING, DESTROYED, TERMINATING
from sim.vocabulary.violations import RELEASED_UNCLOSED


def deactivate(w: World, session: Session, started: float, now: float) -> None:
    """`mrcp_server_session_deactivate`: STOP to every channel with a request in progress."""
    set_state(session, DEACTIVATING, now)
    session.deactivate_s = started
    for i in range(session.channels):
        flags = session.channel[i]
        if flags & HAS_ENGINE and flags & IS_DEACTIVATED == 0:
            flags |= IS_DEACTIVATED
            if flags & IN_PROGRESS:
                flags |= IS_STOPPING
                session.subrequests += 1
                post_plugin(w, P_STOP, session, i)
            session.channel[i] = flags
    if session.subrequests == 0:
        terminate_process(w, session, started, now)


def terminate_process(w: World, session: Session, started: float, now: float) -> None:
    """`mrcp_server_session_terminate_process`: take everything down, and wait for every answer."""
    set_state(session, TERMINATING, now)
    session.terminate_s = started
    for i in range(session.channels):
        flags = session.channel[i]
        if flags & HAS_CONTROL:
            flags |= WAITS_CHANNEL
            session.subrequests += 1
            post(w, K_REMOVE, session, i)
        if flags & HAS_ENGINE:
            flags |= WAITS_TERMINATION | IS_CLOSING
            session.subrequests += 1
            post_plugin(w, P_CLOSE, session, i)
        session.channel[i] = flags
    if session.holds & HOLDS_TABLE:
        session.rtp_waiting = 1
        containers(w, session, STEP_SUBTRACT)
    if session.subrequests == 0:
        terminate_send(w, session, now)


def terminate_send(w: World, session: Session, now: float) -> None:
    """`mrcp_server_session_terminate_send` → `mrcp_sofia_on_session_terminate` → `apr_pool_destroy`."""
    for i in range(session.channels):
        if session.channel[i] & HAS_ENGINE:
            engine = engine_channel(session.resource[i])
            release(w, now, session, engine, 0)
            if session.channel[i] & IS_CLOSED == 0:
                # another answer came twice and hid that this one is missing
                violation(w, now, session, RELEASED_UNCLOSED, engine, P_CLOSE, session.terminate_s)
    connection_leave(w, session, now)
    if session.holds & HOLDS_TABLE:
        give(w, now, session, SESSION_TABLE, 0)
        w.server.sessions -= 1
    give(w, now, session, NUA_HANDLE, 0)
    give(w, now, session, SIP_HOME, 0)
    give(w, now, session, SESSION_POOL, session.pool_bytes)
    session.state = DESTROYED
    session.since_s = now
    session.active = 0
    session.queue_length = 0
    session.released_s = now
    session.released_by = w.server.kind
    w.server.released += 1
    post(w, N_DESTROY, session, 0)
    if w.server.shutting_down and w.server.sessions == 0:
        w.server.stopped = SHUT_DOWN


def connection_leave(w: World, session: Session, now: float) -> None:
    """`mrcp_server_control_channel_destroy`: the last channel destroys a connection that was marked for it."""
    if session.connection < 0:
        return
    owner = w.sessions[session.connection]
    for i in range(session.channels):
        if session.channel[i] & ASSIGNED:
            # destroyed before the connection agent had removed it
            session.channel[i] &= ~ASSIGNED
            owner.tcp_channels -= 1
    if owner.tcp_marked and owner.tcp_channels == 0 and owner.tcp != TCP_NONE:
        connection_destroy(w, owner, now)
    owner.tcp_users -= 1
    session.connection = -1


def connection_destroy(w: World, owner: Session, now: float) -> None:
    """`mrcp_connection_destroy`: the connection and its own pool are gone."""
    owner.tcp = TCP_NONE
    owner.tcp_timer += 1
    w.server.tcp_connections -= 1
    release(w, now, owner, TCP_CONNECTION, 0)
    release(w, now, owner, CONNECTION_POOL, owner.tcp_bytes)
    owner.tcp_bytes = 0
    connection_remove(w, owner)


def connection_remove(w: World, owner: Session) -> None:
    """`mrcp_connection_remove`: off the agent's list, of which `mrcp_connection_find` takes the oldest."""
    if w.server.shared_connection != owner.slot:
        return
    oldest = -1
    for slot in range(len(w.sessions)):
        other = w.sessions[slot]
        if other.tcp == TCP_OPEN and (oldest < 0 or other.tcp_number < w.sessions[oldest].tcp_number):
            oldest = slot
    w.server.shared_connection = oldest
