"""Where a scenario has what: a knob's value by its path, and the number that it is for the handlers."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from pydantic import BaseModel

from sim.errors import InternalError
from sim.scenario.distributions import Distribution, expected
from sim.server.knobs import Knob, knobs


def at(part: BaseModel, path: str) -> Any:
    """The value of the knob at `path` of a scenario, or of a part of one. InternalError when there is none."""
    value: Any = part
    for name in path.split("."):
        if not hasattr(value, name):
            raise InternalError(f"{path}: {type(part).__name__} has no such knob")
        value = getattr(value, name)
    return value


def number(part: BaseModel, knob: Knob) -> float | int:
    """What a knob is for the handlers: 0 where it is not set, 1 for a flag, how many for a list, a cost's mean."""
    value = at(part, knob.path)
    if knob.given:
        return int(value is not None)
    if knob.numbers is not None:
        return knob.numbers[value]
    if value is None:
        return 0
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Distribution):
        dist: Any = value
        return float(expected(dist))
    if isinstance(value, Sized):
        return len(value)
    scaled: float | int = value if knob.times == 1 else value * knob.times
    return scaled


def fill(record: Any, part: BaseModel) -> None:
    """Set every field of a record that says which knob it is, from a scenario or the part that is meant."""
    kind: type = type(record)
    for name, knob in knobs(kind).items():
        setattr(record, name, number(part, knob))


def undecided(value: Any) -> bool:
    """Whether chance decides about a knob: a probability above 0, a choice of several, or one that is left open."""
    if value is None:
        return True
    return len(value) > 1 if isinstance(value, Sized) else bool(value > 0.0)
