"""A plugin (engine): told to open, process, stop and close; answers later, twice, or never."""

from sim.server.effects import acquire, emit, post, refuse, violation
from sim.server.records import COMPLETES, HAS_LICENCE, IS_OPEN, Session, World
from sim.server.streams import (
    DELAY,
    GAP,
    LATE,
    LATE_BY,
    NEVER,
    OPERATION,
    PLUGIN_FAULT,
    RECOGNITION,
    TWICE,
    WRONG,
    draw,
    fires,
)
from sim.vocabulary.messages import M_STOP, P_COMPLETE, S_CLOSED, S_EVENT, S_OPENED, S_RESPONSE, S_STOPPED
from sim.vocabulary.plugins import CLOSE, OPEN, REQUEST, STOP
from sim.vocabulary.resources import ENGINE_CHANNEL, SESSION_POOL
from sim.vocabulary.states import DESTROYED
from sim.vocabulary.tasks import PLUGIN, SERVER
from sim.vocabulary.violations import USE_AFTER_FREE


def post_plugin(w: World, kind: int, session: Session, i: int) -> None:
    """Send a message to the task of the plugin that serves channel `i`."""
    emit(w, PLUGIN + session.resource[i], kind, session, i, 0.0)


def touched(w: World, session: Session, now: float) -> bool:
    """Whether the session still exists; a plugin that is told about one that is gone uses freed memory."""
    if session.state == DESTROYED:
        violation(w, now, session, USE_AFTER_FREE, SESSION_POOL, session.released_by, session.released_s)
        if w.server.crashed_at_s < 0.0:
            w.server.crashed_at_s = now
        if w.p.free_use_stops:
            w.server.stopped = 1
        return False
    return True


def answer(w: World, session: Session, i: int, operation: int, kind: int, arg: int, now: float) -> bool:
    """Answer an operation as the plugin does: at once from its own task, later from another thread, twice, or never.

    Returns whether it answers at all.
    """
    base = (session.resource[i] * 4 + operation) * 4
    delay = draw(w, OPERATION + base + DELAY)
    if fires(w, PLUGIN_FAULT + base + LATE, session, now):
        delay += draw(w, OPERATION + base + LATE_BY)
    never = fires(w, PLUGIN_FAULT + base + NEVER, session, now)
    twice = fires(w, PLUGIN_FAULT + base + TWICE, session, now)
    if never:
        return False
    at_tick = kind == S_STOPPED and w.plugins[session.resource[i]].stop_at_tick and delay <= 0.0
    if at_tick:
        post(w, M_STOP, session, arg)
    else:
        emit(w, SERVER, kind, session, arg, delay)
    if twice:
        gap = draw(w, OPERATION + base + GAP)
        if at_tick and gap <= 0.0:
            post(w, M_STOP, session, arg)
        else:
            emit(w, SERVER, kind, session, arg, delay + gap)
    return True


def p_open(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`open` of an engine channel: takes a licence where the plugin has such, then answers."""
    if not touched(w, session, now):
        return
    resource = session.resource[arg]
    plugin = w.plugins[resource]
    result = arg
    if session.channel[arg] & IS_OPEN:
        if fires(w, PLUGIN_FAULT + (resource * 4 + OPEN) * 4 + WRONG, session, now):
            session.lost_open |= 1 << arg
            return
    elif plugin.licences > 0:
        licence = ENGINE_CHANNEL + 2 * resource + 1
        if w.ledger.held[licence] >= plugin.licences:
            refuse(w, licence)
            w.server.blocked += 1
            result = arg + 16
        else:
            session.channel[arg] |= HAS_LICENCE
            acquire(w, now, session, licence, 0)
    if not answer(w, session, arg, OPEN, S_OPENED, result, now):
        session.lost_open |= 1 << arg


def p_close(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`close` of an engine channel only signals; the answer comes from any thread, at any later time, or never."""
    if not touched(w, session, now):
        return
    session.channel[arg] &= ~COMPLETES
    if not answer(w, session, arg, CLOSE, S_CLOSED, arg, now):
        session.lost_close |= 1 << arg


def p_request(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """An MRCP request: the response says IN-PROGRESS, and RECOGNITION-COMPLETE follows when the request has an end."""
    if not touched(w, session, now):
        return
    resource = session.resource[arg]
    early = fires(w, PLUGIN_FAULT + (resource * 4 + REQUEST) * 4 + WRONG, session, now)
    if early:
        emit(w, SERVER, S_EVENT, session, arg, 0.0)
    if not answer(w, session, arg, REQUEST, S_RESPONSE, arg, now):
        session.lost_request |= 1 << arg
    elif w.p.has_recognition and not early:
        session.channel[arg] |= COMPLETES
        emit(w, PLUGIN + resource, P_COMPLETE, session, arg, draw(w, RECOGNITION))


def p_complete(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The recognition has ended by itself, unless it was stopped or closed before."""
    if session.channel[arg] & COMPLETES and session.state != DESTROYED:
        session.channel[arg] &= ~COMPLETES
        emit(w, SERVER, S_EVENT, session, arg, 0.0)


def p_stop(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """STOP of a request in progress. The demo recogniser answers from its audio-stream callback, at a media tick."""
    if not touched(w, session, now):
        return
    session.channel[arg] &= ~COMPLETES
    if not answer(w, session, arg, STOP, S_STOPPED, arg, now):
        session.lost_stop |= 1 << arg
