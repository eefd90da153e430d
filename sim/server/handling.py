"""How a handler says which messages it takes: beside itself, and nowhere else."""

from collections.abc import Callable

from sim.errors import InternalError
from sim.server.records import Session, World
from sim.vocabulary.messages import MESSAGE_NAMES

Handler = Callable[[World, Session, int, float, float], None]

TABLE: dict[int, Handler] = {}
"""Every kind that some handler takes; whole once `sim.server.handlers` is imported."""


def handles(*kinds: int) -> Callable[[Handler], Handler]:
    """The function below takes messages of these kinds. It stays as it is, for Numba to compile."""

    def note(handler: Handler) -> Handler:
        for kind in kinds:
            if kind in TABLE:
                names = f"{TABLE[kind].__name__} and {handler.__name__}"
                raise InternalError(f"{MESSAGE_NAMES[kind]}: must have one handler (got {names})")
            TABLE[kind] = handler
        return handler

    return note
