"""The records as engines lay them out: the fields of each, as a NumPy record, and an instance with nothing in it."""

from __future__ import annotations

from functools import cache
from typing import Any, get_type_hints

from sim.server.records import ARRAYS


@cache
def fields(record: type) -> tuple[tuple[str, bool, int], ...]:
    """Each field of a record: its name, whether it is a float, and its length if it is an array, else 0."""
    arrays = ARRAYS.get(record, {})
    hints = get_type_hints(record).items()
    return tuple((name, hint in (float, list[float]), arrays.get(name, 0)) for name, hint in hints)


def layout(record: type) -> list[tuple[Any, ...]]:
    """Fields of a record as a NumPy dtype description: 64-bit integers, float64, fixed-length arrays."""
    return [
        (name, "f8" if is_float else "i8", *((length,),) * (length > 0)) for name, is_float, length in fields(record)
    ]


def blank(record: type) -> Any:
    """A new instance with every number 0 and every array its full length."""
    made = record()
    for name, is_float, length in fields(record):
        zero = 0.0 if is_float else 0
        setattr(made, name, [zero] * length if length else zero)
    return made
