"""Columns of the messages table as code: comparisons and bit tests, where plain Python looks into a tuple.

Each `…_of` function stays what it is for plain Python; these take its place when it is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final

from sim.engine.compiled.calendar import fifo_of, is_timer
from sim.engine.compiled.layout import FIFO_OF
from sim.vocabulary.messages import (
    LANES_OF,
    NO_TIMER,
    OF_TWO_KINDS,
    TASKS,
    TIMERS,
    lane_of,
    task_of,
    timer_of,
    with_two_services,
)

Column = Callable[[int], Any]

MADE: Final[list[Column]] = []
"""Every function made here: each has to be made known to Numba."""


def _made(function: Column) -> Column:
    MADE.append(function)
    return function


def bits(column: Sequence[object]) -> Column:
    """Whether a kind's entry is true, as a bit of a constant; behind the 63rd kind follows another one."""
    mask = sum(1 << kind for kind, entry in enumerate(column[:63]) if entry)
    if len(column) <= 63:
        return _made(lambda kind: (mask >> kind) & 1 != 0)
    rest = bits(column[63:])
    return _made(lambda kind: (mask >> kind) & 1 != 0 if kind < 63 else rest(kind - 63))


def steps(column: Sequence[int]) -> Column:
    """A kind's entry, for a column that seldom changes from one kind to the next."""
    runs = [(entry, max(kind for kind, _ in run)) for entry, run in groupby(enumerate(column), key=lambda at: at[1])]
    return _halved([(upto, entry) for entry, upto in runs])


def _halved(runs: list[tuple[int, int]]) -> Column:
    if len(runs) == 1:
        entry = runs[0][1]
        return _made(lambda kind: entry)
    middle = len(runs) // 2
    upto, low, high = runs[middle - 1][0], _halved(runs[:middle]), _halved(runs[middle:])
    return _made(lambda kind: low(kind) if kind <= upto else high(kind))


def few(column: Sequence[int], default: int) -> Column:
    """A kind's entry, for a column where most have the same."""
    found = _made(lambda kind: default)
    for kind, entry in enumerate(column):
        if entry != default:
            found = _or(kind, entry, found)
    return found


def _or(special: int, entry: int, rest: Column) -> Column:
    return _made(lambda kind: entry if kind == special else rest(kind))


def _owners() -> list[int]:
    """Whose timer each kind is; a kind that is none, and is not asked for, has the owner of the next that is one."""
    found, owner = [], NO_TIMER
    for timer in reversed(TIMERS):
        owner = timer or owner
        found.append(owner)
    return found[::-1]


AS_CODE: Final[dict[Callable[..., Any], Column]] = {
    task_of: steps(TASKS),
    lane_of: steps(LANES_OF),
    timer_of: steps(_owners()),
    is_timer: bits(TIMERS),
    with_two_services: bits(OF_TWO_KINDS),
    fifo_of: few(FIFO_OF, -1),
}
"""What each function is when compiled."""
