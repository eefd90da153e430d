"""Answers and messages that name what is gone, or that come twice."""

from sim.server.effects import crash, violation
from sim.server.records import Session, World
from sim.vocabulary.resources import SESSION_POOL, engine_channel
from sim.vocabulary.states import DESTROYED
from sim.vocabulary.violations import (
    DOUBLE_ANSWER,
    DOUBLE_ANSWER_UNCOUNTED,
    DOUBLE_CLOSE,
    DOUBLE_CLOSE_GONE,
    DOUBLE_CLOSE_UNCOUNTED,
    LATE_ANSWER,
    USE_AFTER_FREE,
)


def alive(w: World, session: Session, now: float) -> bool:
    """Whether the session's pool still exists. A message for one that is gone is a use after free."""
    if session.state != DESTROYED:
        return True
    used_after_free(w, session, now)
    return False


def used_after_free(w: World, session: Session, now: float) -> None:
    """Memory of a destroyed pool was touched: undefined from here on; the scenario says whether the run stops."""
    violation(w, now, session, USE_AFTER_FREE, SESSION_POOL, session.released_by, session.released_s)
    crash(w, now, w.p.free_use_stops)


def answered_in_time(w: World, session: Session, i: int, now: float) -> bool:
    """Whether the session still exists when channel `i`'s plugin answers: a late thread names a pool that is gone."""
    if session.state == DESTROYED:
        engine = engine_channel(session.resource[i])
        violation(w, now, session, LATE_ANSWER, engine, session.released_by, session.released_s)
        used_after_free(w, session, now)
        return False
    return True


def answered_twice(w: World, session: Session, i: int, what: int, first_s: float, now: float) -> None:
    """Channel `i`'s plugin answers what it has answered before: the subrequest counter falls early, if it counts."""
    if session.state == DESTROYED and what == DOUBLE_CLOSE:
        what = DOUBLE_CLOSE_GONE
    elif session.subrequests == 0 and what == DOUBLE_CLOSE:
        what = DOUBLE_CLOSE_UNCOUNTED
    elif session.subrequests == 0 and what == DOUBLE_ANSWER:
        what = DOUBLE_ANSWER_UNCOUNTED
    violation(w, now, session, what, engine_channel(session.resource[i]), w.server.kind, first_s)
