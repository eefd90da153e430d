"""Graceful shutdown: the agent goes offline, and BYE goes to every session that is not already terminating."""

from sim.server.effects import post
from sim.server.records import SHUT_DOWN, Session, World
from sim.vocabulary.messages import N_SEND_BYE
from sim.vocabulary.resources import HOLDS_POOL
from sim.vocabulary.states import DEACTIVATING, TERMINATING


def shutdown_begins(w: World, now: float) -> None:
    """New calls get 503 from now on; the process ends when the last session is released."""
    w.server.offline = 1
    w.server.shutting_down = 1
    if w.server.sessions == 0:
        w.server.stopped = SHUT_DOWN


def shutdown_session(w: World, session: Session) -> None:
    """BYE to one session, unless it is already on its way out."""
    if session.in_use and session.holds & HOLDS_POOL and session.state not in (DEACTIVATING, TERMINATING):
        post(w, N_SEND_BYE, session, 0)
