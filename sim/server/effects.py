"""What a handler may do to the world: send messages, hold and release resources, report violations.

The functions here are the only way out of a handler; none of them waits, queues or draws.
"""

from sim.server.ledger import change, change_bytes
from sim.server.records import CRASHED, UNSET, Session, World
from sim.server.shape import blank
from sim.vocabulary.messages import task_of
from sim.vocabulary.resources import BITS, CONNECTION_POOL, HOLDS_POOL, SESSION_POOL
from sim.vocabulary.violations import RELEASE_NOT_HELD


def emit(w: World, task: int, kind: int, session: Session, arg: int, delay: float) -> None:
    """Put one message into the outbox: to a task's queue after this message, or `delay` seconds later.

    The compiled engine replaces this by its own outbox.
    """
    w.outbox.append((task, kind, session.slot, arg, delay))


def vacant(w: World) -> Session:
    """A slot for another call: the one that was freed last, or a new one.

    The compiled engine replaces this by its own; there a single event must not ask for more than one.
    """
    if w.free:
        return w.sessions[w.free.pop()]
    session: Session = blank(Session)
    session.slot = len(w.sessions)
    session.connection = -1
    w.sessions.append(session)
    return session


def row(w: World, now: float, session: Session, resource: int, delta: int, size: int) -> None:
    """Append one row to the ledger. The compiled engine replaces this by its own buffer."""
    server = w.server
    w.rows.append((now, session.call, resource, delta, size, server.task, server.kind))


def violation(w: World, now: float, session: Session, what: int, resource: int, first: int, first_s: float) -> None:
    """Report that the modelled server did what it must not: what, when, to whom, to which resource.

    The message at hand raced with an earlier one: `first` is its kind, -1 when there was none, and `first_s` its time.
    """
    w.server.violations += 1
    w.offences.append((now, session.call, what, w.server.kind, w.server.task, resource, first, first_s))


def post(w: World, kind: int, session: Session, arg: int) -> None:
    """Send a message to the task that owns its kind, to be queued when the present message is done."""
    emit(w, task_of(kind), kind, session, arg, 0.0)


def crash(w: World, now: float, ends: int) -> None:
    """The real process crashes here; `ends`: so does the run's, else the scenario has it go on."""
    if w.server.crashed_at_s < 0.0:
        w.server.crashed_at_s = now
    if ends:
        w.server.stopped = CRASHED


def acquire(w: World, now: float, session: Session, resource: int, size: int) -> None:
    """Take one unit of a resource for a session."""
    change(w, now, resource, 1)
    if size:
        change_bytes(w, resource, size)
    if w.p.record_rows:
        row(w, now, session, resource, 1, size)


def release(w: World, now: float, session: Session, resource: int, size: int) -> None:
    """Give one unit of a resource back; `size` is what it held in bytes."""
    change(w, now, resource, -1)
    if size:
        change_bytes(w, resource, -size)
    if w.p.record_rows:
        row(w, now, session, resource, -1, -size)


def grow(w: World, now: float, session: Session, size: int) -> None:
    """Allocate `size` more bytes from the session's pool: an APR pool gives nothing back before it is destroyed."""
    if session.holds & HOLDS_POOL and size:
        session.pool_bytes += size
        change_bytes(w, SESSION_POOL, size)
        if w.p.record_rows:
            row(w, now, session, SESSION_POOL, 0, size)


def grow_connection(w: World, now: float, owner: Session, size: int) -> None:
    """Allocate `size` more bytes from the pool of the connection that `owner` opened."""
    if size:
        owner.tcp_bytes += size
        change_bytes(w, CONNECTION_POOL, size)
        if w.p.record_rows:
            row(w, now, owner, CONNECTION_POOL, 0, size)


def refuse(w: World, resource: int) -> None:
    """Count a refusal: the resource was wanted and there was none."""
    w.ledger.refused[resource] += 1


def take(w: World, now: float, session: Session, resource: int, size: int) -> None:
    """Take a resource that a session holds at most once."""
    session.holds |= BITS[resource]
    acquire(w, now, session, resource, size)


def give(w: World, now: float, session: Session, resource: int, size: int) -> None:
    """Give back a resource that a session holds at most once; giving what is not held is told, not healed."""
    bit = BITS[resource]
    if session.holds & bit == 0:
        violation(w, now, session, RELEASE_NOT_HELD, resource, -1, UNSET)
        return
    session.holds &= ~bit
    release(w, now, session, resource, size)


def set_state(session: Session, state: int, now: float) -> None:
    """`mrcp_server_session_state_set`: a new state begins with no subrequests, whatever was still missing."""
    session.subrequests = 0
    session.state = state
    session.since_s = now
