"""Which handler takes which message, as branches over the kind: made from the same table that plain Python looks up.

A tree of small functions, since compiled code clears some bytes on entry for each call that a function may make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any, Final

from sim.server.handlers import HANDLERS
from sim.server.handling import Handler
from sim.vocabulary.messages import KINDS, TASKS
from sim.vocabulary.tasks import CLIENT

Branch = Callable[[Any, Any, int, int, float, float], None]
Range = tuple[int, Handler]
"""The last of some kinds that follow each other, and the handler that takes them all."""

BRANCHES: Final[list[Branch]] = []
"""Every function of the trees: each has to be made known to Numba."""


def ranges(kinds: Iterable[int]) -> list[Range]:
    """Kinds in order of their numbers, those with the same handler together."""
    groups = groupby(sorted(kinds), key=lambda kind: HANDLERS[kind])
    return [(max(members), handler) for handler, members in groups]


def tree(found: list[Range]) -> Branch:
    """The function that runs the handler of any of these kinds."""
    if len(found) <= 4:
        made = _leaf(*found, *[found[-1]] * (4 - len(found)))
    else:
        middle = len(found) // 2
        made = _fork(found[middle - 1][0], tree(found[:middle]), tree(found[middle:]))
    BRANCHES.append(made)
    return made


def _leaf(a: Range, b: Range, c: Range, d: Range) -> Branch:
    upto_a, run_a = a
    upto_b, run_b = b
    upto_c, run_c = c
    run_d = d[1]

    def leaf(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
        if kind <= upto_a:
            run_a(w, session, arg, started, now)
        elif kind <= upto_b:
            run_b(w, session, arg, started, now)
        elif kind <= upto_c:
            run_c(w, session, arg, started, now)
        else:
            run_d(w, session, arg, started, now)

    return leaf


def _fork(upto: int, low: Branch, high: Branch) -> Branch:
    def fork(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
        if kind <= upto:
            low(w, session, kind, arg, started, now)
        else:
            high(w, session, kind, arg, started, now)

    return fork


def handle_message(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Run the handler of a message that a task of the server took up."""
    HANDLERS[kind](w, session, arg, started, now)


def handle_at_caller(w: Any, session: Any, kind: int, arg: int, started: float, now: float) -> None:
    """Run the handler of what reaches the caller, who reacts at once."""
    HANDLERS[kind](w, session, arg, started, now)


AS_BRANCHES: Final[dict[Callable[..., None], Branch]] = {
    handle_message: tree(ranges(kind for kind in range(KINDS) if TASKS[kind] != CLIENT)),
    handle_at_caller: tree(ranges(kind for kind in range(KINDS) if TASKS[kind] == CLIENT)),
}
"""What the two are when compiled."""
