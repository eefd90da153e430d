"""A plugin (engine): told to open, process, stop and close; answers later, twice, or never."""

from sim.server.dialogue import lasts
from sim.server.effects import acquire, crash, emit, post, refuse, violation
from sim.server.handling import handles
from sim.server.licences import next_waiting, wait_for_licence
from sim.server.records import BLOCKED, COMPLETES, HAS_LICENCE, IS_OPEN, NO_INPUT, UNSET, Session, World
from sim.server.streams import (
    CRASH,
    DELAY,
    GAP,
    LATE,
    LATE_BY,
    NEVER,
    OPERATION,
    PLUGIN_FAULT,
    RECOGNITION,
    STEP,
    STEP_AFTER,
    TWICE,
    WRONG,
    draw,
    fires,
)
from sim.vocabulary.messages import (
    M_AUDIO,
    M_STOP,
    P_CLOSE,
    P_COMPLETE,
    P_OPEN,
    P_REQUEST,
    P_STOP,
    S_CLOSED,
    S_EVENT,
    S_OPENED,
    S_RESPONSE,
    S_STOPPED,
    about,
    channel_of,
    end_of,
    marked,
    request_of,
    what_of,
)
from sim.vocabulary.plugins import BARGE_IN, CLOSE, FAILED, MAX_CHANNELS, OPEN, REQUEST, START, STOP, STOPS
from sim.vocabulary.resources import SESSION_POOL, plugin_licence
from sim.vocabulary.states import DESTROYED
from sim.vocabulary.tasks import PLUGIN, SERVER
from sim.vocabulary.violations import USE_AFTER_FREE


def post_plugin(w: World, kind: int, session: Session, arg: int) -> None:
    """Send a message to the task of the plugin that serves the channel in `arg`."""
    emit(w, PLUGIN + session.resource[channel_of(arg)], kind, session, arg, 0.0)


def touched(w: World, session: Session, now: float) -> bool:
    """Whether the session still exists; a plugin that is told about one that is gone uses freed memory."""
    if session.state == DESTROYED:
        violation(w, now, session, USE_AFTER_FREE, SESSION_POOL, session.released_by, session.released_s)
        crash(w, now, w.p.free_use_stops)
        return False
    return True


def crashes(w: World, session: Session, i: int, operation: int, now: float) -> bool:
    """Whether the plugin crashes at this operation: it is a library in the server's process, which is gone then."""
    plugin = session.resource[i]
    on = w.plugins[plugin].crash_on
    if on >= 0 and on != operation:
        return False
    if not fires(w, CRASH + plugin, session, now):
        return False
    session.crashed = 1
    crash(w, now, 1)
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
    at_tick = operation == STOP and w.plugins[session.resource[i]].stop_at_tick and delay <= 0.0
    if at_tick and session.audio_away:
        session.stop_waits[i] = arg + 1  # the callback that would answer is not called
        return True
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


@handles(P_OPEN)
def p_open(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`open` of an engine channel: takes a licence where the plugin has such, or waits for one, then answers."""
    if not touched(w, session, now) or crashes(w, session, arg, OPEN, now):
        return
    resource = session.resource[arg]
    plugin = w.plugins[resource]
    result = arg
    if session.channel[arg] & IS_OPEN:
        if fires(w, PLUGIN_FAULT + (resource * 4 + OPEN) * 4 + WRONG, session, now):
            session.lost_open |= 1 << arg
            return
    elif plugin.licences > 0:
        licence = plugin_licence(resource)
        if w.ledger.held[licence] >= plugin.licences and plugin.licence_waits:
            wait_for_licence(w, session, arg)
            return
        if w.ledger.held[licence] >= plugin.licences:
            refuse(w, licence)
            session.short |= BLOCKED
            result = marked(arg)
        else:
            session.channel[arg] |= HAS_LICENCE
            acquire(w, now, session, licence, 0)
    if not answer(w, session, arg, OPEN, S_OPENED, result, now):
        session.lost_open |= 1 << arg


def licence_given_back(w: World, plugin: int, now: float) -> None:
    """A licence is free again: the open that has waited longest for one gets it, and is answered now."""
    number = next_waiting(w, plugin)
    if number == 0:
        return
    session = w.sessions[(number - 1) // MAX_CHANNELS]
    i = (number - 1) % MAX_CHANNELS
    session.channel[i] |= HAS_LICENCE
    acquire(w, now, session, plugin_licence(plugin), 0)
    if not answer(w, session, i, OPEN, S_OPENED, i, now):
        session.lost_open |= 1 << i


@handles(P_CLOSE)
def p_close(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """`close` of an engine channel only signals; the answer comes from any thread, at any later time, or never."""
    if not touched(w, session, now) or crashes(w, session, arg, CLOSE, now):
        return
    session.channel[arg] &= ~COMPLETES
    if not answer(w, session, arg, CLOSE, S_CLOSED, arg, now):
        session.lost_close |= 1 << arg


@handles(P_REQUEST)
def p_request(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """An MRCP request: one that stays in progress, one that ends it, or one that is done at once.

    Without an RTP port there is no codec for the audio: 407. The completion event follows when the request has an end.
    """
    i = channel_of(arg)
    if not touched(w, session, now) or crashes(w, session, i, REQUEST, now):
        return
    what = what_of(arg)
    if what == START and session.rtp_port >= 0:
        if not started_request(w, session, i, now):
            session.lost_request |= 1 << i
        return
    if what in (STOPS, BARGE_IN):
        ends_listening(session, i, now)
        answers = answer(w, session, i, STOP, S_RESPONSE, arg, now)
    else:
        response = about(i, FAILED) if what == START else arg
        answers = answer(w, session, i, REQUEST, S_RESPONSE, response, now)
    if not answers:
        session.lost_request |= 1 << i


def started_request(w: World, session: Session, i: int, now: float) -> bool:
    """SPEAK, RECOGNIZE, RECORD or VERIFY: IN-PROGRESS, and later its end. Returns whether it is answered at all."""
    resource = session.resource[i]
    early = fires(w, PLUGIN_FAULT + (resource * 4 + REQUEST) * 4 + WRONG, session, now)
    if early:
        emit(w, SERVER, S_EVENT, session, i, 0.0)
    if not answer(w, session, i, REQUEST, S_RESPONSE, i, now):
        return False
    if w.plugins[resource].audio_blocks and not session.audio_away:
        post(w, M_AUDIO, session, i)
    if w.plugins[resource].adds_silence and not session.audio_away:
        session.listens_s = now
    if not early:
        after = ends_after(w, session, i)
        if after >= 0.0:
            session.channel[i] |= COMPLETES
            session.asked[i] = (session.asked[i] + 1) % 1024
            session.ends_s[i] = now + after
            if session.audio_away:
                session.ends_s[i] = after  # it is counted from the resumption on
            else:
                ends_by_itself(w, session, i, after)
    return True


def ends_by_itself(w: World, session: Session, i: int, after: float) -> None:
    """The request on channel `i` will end `after` seconds from now, unless it is stopped before."""
    emit(w, PLUGIN + session.resource[i], P_COMPLETE, session, end_of(i, session.asked[i]), after)


def ends_after(w: World, session: Session, i: int) -> float:
    """How long the request on channel `i` takes to its own end; below 0: it has none."""
    if not w.p.has_dialogue:
        return draw(w, RECOGNITION) if w.p.has_recognition else -1.0
    k = session.doing[i]
    if not lasts(w.steps[k]):
        return -1.0
    after = draw(w, STEP + 4 * k + STEP_AFTER)
    if w.steps[k].ends == NO_INPUT and w.plugins[session.resource[i]].adds_silence:
        return max(0.0, after - session.silence_s)
    return after


def ends_listening(session: Session, i: int, now: float) -> None:
    """The request on channel `i` is over; the demo recogniser does not forget how long it has heard nothing."""
    session.channel[i] &= ~COMPLETES
    if session.listens_s == session.listens_s:
        session.silence_s += now - session.listens_s
        session.listens_s = UNSET


@handles(P_COMPLETE)
def p_complete(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """The request has ended by itself, unless it was stopped or closed before, or hears nothing since a hold."""
    i = channel_of(arg)
    if session.channel[i] & COMPLETES == 0 or request_of(arg) != session.asked[i]:
        return
    if session.audio_away or session.state == DESTROYED:
        return
    ends_listening(session, i, now)
    if w.p.has_dialogue and w.steps[session.doing[i]].ends != NO_INPUT:
        session.silence_s = 0.0  # speech was heard
    emit(w, SERVER, S_EVENT, session, i, 0.0)


@handles(P_STOP)
def p_stop(w: World, session: Session, arg: int, started: float, now: float) -> None:
    """STOP of a request in progress. The demo recogniser answers from its audio-stream callback, at a media tick."""
    if not touched(w, session, now) or crashes(w, session, arg, STOP, now):
        return
    ends_listening(session, arg, now)
    if not answer(w, session, arg, STOP, S_STOPPED, arg, now):
        session.lost_stop |= 1 << arg
