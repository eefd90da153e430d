"""Whether a timer that falls due still means anything."""

from sim.server.records import Session
from sim.vocabulary.messages import K_INACTIVITY_TIMER, N_BYE_TIMEOUT


def timer_lives(session: Session, kind: int, generation: int) -> bool:
    """A timer was cancelled when its owner (NUA stack, connection agent, caller) has begun a later generation."""
    if kind <= N_BYE_TIMEOUT:
        return generation == session.nua_timer
    if kind <= K_INACTIVITY_TIMER:
        return generation == session.tcp_timer
    return generation == session.caller_timer
