"""The caller's dialogue: which request comes next, on which channel, and what ends the one before."""

from sim.server.effects import emit
from sim.server.parameters import StepPlan
from sim.server.records import COMPLETES_ITSELF, IS_BARGED_IN, IS_STOPPED, NO_INPUT, TALKING, UNTIL_BYE, Session, World
from sim.server.streams import (
    NETWORK,
    ROUNDS,
    STEP,
    STEP_AFTER,
    STEP_CHANCE,
    STEP_PAUSE,
    STEP_REPEAT,
    draw,
)
from sim.vocabulary.messages import C_SEND_REQUEST, K_RECEIVE, about, channel_of, what_of
from sim.vocabulary.plugins import BARGE_IN, START, STOPS
from sim.vocabulary.tasks import CLIENT, CONNECTION_AGENT


def number_of(w: World, session: Session) -> int:
    """The number, among all steps, of the one under way."""
    return w.mixes[session.mix].first_step + session.step


def send(w: World, session: Session, arg: int) -> None:
    """An MRCP request leaves for the server."""
    emit(w, CONNECTION_AGENT, K_RECEIVE, session, arg, draw(w, NETWORK))


def dialogue_begins(w: World, session: Session) -> None:
    """The connection is up: the first step of the first round, after its pause."""
    session.rounds_left = int(draw(w, ROUNDS) + 0.5)
    session.step = w.mixes[session.mix].steps
    next_step(w, session)


def next_step(w: World, session: Session) -> None:
    """Choose the next request: the same step again, or the next one that takes place; then the caller's pause.

    A dialogue of which nothing has taken place for a whole round is over.
    """
    mix = w.mixes[session.mix]
    left_out = 0
    while session.repeats_left == 0:
        session.step += 1
        if session.step >= mix.steps:
            if session.rounds_left <= 0 or left_out >= mix.steps:
                return
            session.rounds_left -= 1
            session.step = 0
        k = number_of(w, session)
        times = int(draw(w, STEP + 4 * k + STEP_REPEAT) + 0.5)
        if draw(w, STEP + 4 * k + STEP_CHANCE) < w.steps[k].probability:
            session.repeats_left = max(0, times)
        left_out += 1
    session.repeats_left -= 1
    pause = draw(w, STEP + 4 * number_of(w, session) + STEP_PAUSE)
    if pause > 0.0:
        emit(w, CLIENT, C_SEND_REQUEST, session, 0, pause)
    else:
        request_step(w, session)


def due(w: World, session: Session, arg: int) -> None:
    """A pause is over, or the time of a request that the caller ends itself; `arg` says which."""
    if session.caller != TALKING:
        return
    if arg == 0:
        request_step(w, session)
    elif session.busy & (1 << channel_of(arg)):
        send(w, session, arg)


def request_step(w: World, session: Session) -> None:
    """Send the request of the step under way, as soon as its channel is free and while the caller wants more."""
    if session.caller != TALKING or session.requests_left == 0:
        return
    k = number_of(w, session)
    step = w.steps[k]
    for i in range(session.channels):
        if session.resource[i] == step.resource:
            if session.busy & (1 << i):
                session.waits_for = 1 << i
                return
            session.requests_left -= 1
            session.busy |= 1 << i
            session.doing[i] = k
            send(w, session, about(i, step.what))
            return


def is_free(w: World, session: Session, i: int) -> None:
    """A channel's request has ended: go on, unless the caller has gone on already."""
    session.busy &= ~(1 << i)
    if session.waits_for & (1 << i):
        session.waits_for = 0
        request_step(w, session)
    elif not goes_on(w.steps[session.doing[i]]):
        next_step(w, session)


def goes_on(step: StepPlan) -> bool:
    """Whether the next step begins with this one's response."""
    return step.overlap != 0 or step.ends == UNTIL_BYE


def answered(w: World, session: Session, arg: int) -> None:
    """A response: the request is in progress, or has ended with it."""
    i = channel_of(arg)
    if session.caller != TALKING or session.busy & (1 << i) == 0:
        return
    k = session.doing[i]
    step = w.steps[k]
    if what_of(arg) != START:
        is_free(w, session, i)
        return
    if step.ends == IS_STOPPED or step.ends == IS_BARGED_IN:
        end = STOPS if step.ends == IS_STOPPED else BARGE_IN
        emit(w, CLIENT, C_SEND_REQUEST, session, about(i, end), draw(w, STEP + 4 * k + STEP_AFTER))
    if goes_on(step):
        next_step(w, session)


def completed(w: World, session: Session, arg: int) -> None:
    """A completion event."""
    i = channel_of(arg)
    if session.caller == TALKING and session.busy & (1 << i):
        is_free(w, session, i)


def lasts(step: StepPlan) -> bool:
    """Whether a request of this step ends by itself: with speech that was heard, or without any."""
    return step.ends == COMPLETES_ITSELF or step.ends == NO_INPUT
