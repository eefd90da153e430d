"""Every handler there is, by message: what plain Python looks up and the compiled engine's branches are made of."""

from sim.errors import InternalError
from sim.server import caller, connection, crash, invite, media, nua, plugin, session, sip_agent
from sim.server.handling import TABLE, Handler
from sim.server.records import Session
from sim.vocabulary.messages import KINDS, MESSAGE_NAMES, OF_CONNECTION, OF_DIALOG, timer_of

MODULES = (nua, sip_agent, session, connection, media, plugin, caller, invite, crash)
"""Where handlers stand; importing them fills the table."""

if missing := [MESSAGE_NAMES[kind] for kind in range(KINDS) if kind not in TABLE]:
    raise InternalError(f"no handler for {', '.join(missing)}: name the kind beside its handler, with @handles")

HANDLERS: tuple[Handler, ...] = tuple(TABLE[kind] for kind in range(KINDS))


def timer_lives(session: Session, kind: int, generation: int) -> bool:
    """A timer was cancelled when its owner (NUA stack, connection agent, caller) has begun a later generation."""
    owner = timer_of(kind)
    if owner == OF_DIALOG:
        return generation == session.nua_timer
    if owner == OF_CONNECTION:
        return generation == session.tcp_timer
    return generation == session.caller_timer
