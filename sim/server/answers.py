"""Which final answer a call is counted by: each call once, as answered or refused, and what it did not get."""

from sim.server.records import BLOCKED, DEGRADED, REJECTIONS, TRIES_AGAIN, Session, World

OTHER = REJECTIONS.index(500)


def rejection_index(status: int) -> int:
    """Where a refusal is counted in `Server.rejected`."""
    for i in range(len(REJECTIONS)):
        if REJECTIONS[i] == status:
            return i
    return OTHER


def count_answer(w: World, session: Session, step: int) -> None:
    """Count the call by its final answer (`step` 1), or take that back (-1); a cancelled call is not counted here."""
    server = w.server
    if session.cancelled:
        return
    if session.answer_status == 200:
        server.answered += step
        if session.short & TRIES_AGAIN == 0:
            server.through += step
        if session.short & DEGRADED:
            server.degraded += step
    else:
        server.rejected[rejection_index(session.answer_status)] += step
        if session.short & (BLOCKED | TRIES_AGAIN) == BLOCKED:
            server.blocked += step


def degrade(w: World, session: Session) -> None:
    """A call that is answered already does not get its connection."""
    if session.short & DEGRADED == 0:
        session.short |= DEGRADED
        if session.answer_status == 200 and not session.cancelled:
            w.server.degraded += 1
