"""The end of the process with all that it held, and its next start; who called meanwhile gets no answer."""

from sim.server.effects import give, release
from sim.server.handling import handles
from sim.server.invite import invite_again
from sim.server.ledger import change
from sim.server.media import rtp_close
from sim.server.records import (
    CALLING,
    DIALOG_NONE,
    DIALOG_TERMINATED,
    DONE,
    HAS_CONTROL,
    HAS_ENGINE,
    HAS_LICENCE,
    TCP_NONE,
    Session,
    World,
)
from sim.vocabulary.messages import C_INVITE_RETRY, C_PATIENCE, C_PROCESS_ENDED, C_RETRY
from sim.vocabulary.resources import (
    BITS,
    CONNECTION_POOL,
    CONTROL_CHANNEL,
    FREED_AT_THE_END,
    SESSION_POOL,
    TCP_CONNECTION,
    engine_channel,
    plugin_licence,
)
from sim.vocabulary.states import DESTROYED

OUTLIVES = (C_PATIENCE, C_RETRY, C_INVITE_RETRY)
"""What is still to come after the process has ended: the callers are others' machines."""


def outlives(session: Session) -> bool:
    """Whether a call waits for its answer and has no session yet: its caller goes on, whatever the server does."""
    return (
        session.in_use != 0
        and session.caller == CALLING
        and session.answer_status == 0
        and session.created_s != session.created_s
    )


def process_ends(w: World) -> None:
    """The process is gone: what was the server's as a whole begins anew; the sessions follow one by one."""
    server = w.server
    server.task = -1
    server.kind = C_PROCESS_ENDED
    server.stopped = 0
    server.down = 1
    server.offline = w.p.offline
    server.shutting_down = 0
    server.sessions = 0
    server.contexts = 0
    server.rtp_next = 0
    server.shared_connection = -1
    server.tcp_connections = 0
    server.pending_channels = 0
    for plugin in range(w.p.plugins):
        server.licence_first[plugin] = 0
        server.licence_last[plugin] = 0


@handles(C_PROCESS_ENDED)
def session_ends(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """One slot after the process has ended: the operating system takes back what its session held.

    Its number is not given to another call: its caller may still have something planned.
    """
    if outlives(session):
        if session.dialog != DIALOG_NONE:
            session.dialog = DIALOG_TERMINATED  # it had 100 Trying, and waits
        elif not session.gave_up:
            invite_again(w, session, now)
        return
    if session.in_use == 0:
        return
    session.in_use = 0
    taken_back(w, session, now)
    session.state = DESTROYED
    session.dialog = DIALOG_TERMINATED
    session.nua_timer += 1
    session.tcp_timer += 1
    if session.caller != CALLING:  # a call that is cut off notices, and is not made again
        session.caller = DONE
        session.caller_timer += 1


def taken_back(w: World, session: Session, now: float) -> None:
    """What the operating system frees of one session."""
    for i in range(session.channels):
        flags = session.channel[i]
        if flags & HAS_CONTROL:
            release(w, now, session, CONTROL_CHANNEL, 0)
        if flags & HAS_ENGINE and session.state != DESTROYED:
            release(w, now, session, engine_channel(session.resource[i]), 0)
        if flags & HAS_LICENCE:
            release(w, now, session, plugin_licence(session.resource[i]), 0)
        session.channel[i] = 0
    rtp_close(w, session, now)
    if session.tcp != TCP_NONE:
        release(w, now, session, TCP_CONNECTION, 0)
        release(w, now, session, CONNECTION_POOL, session.tcp_bytes)
        session.tcp = TCP_NONE
    session.connection = -1
    for resource in FREED_AT_THE_END:
        if session.holds & BITS[resource]:
            give(w, now, session, resource, 0)
    if session.holds & BITS[SESSION_POOL]:
        give(w, now, session, SESSION_POOL, session.pool_bytes)


def process_starts(w: World, now: float) -> None:
    """The process is started again, and takes calls."""
    for plugin in range(w.p.plugins):
        while w.ledger.held[plugin_licence(plugin)] > 0:  # of sessions that were gone before: no row can name them
            change(w, now, plugin_licence(plugin), -1)
    w.server.down = 0
    w.server.restarts += 1
