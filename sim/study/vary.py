"""What differs from point to point of a study: a grid, a list, ranges that a sample fills, and constraints."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sim.scenario.base import Flag, Part, Text, complain
from sim.scenario.units import Quantity, read_quantity
from sim.study.constraints import ends_of

Settings = dict[str, Any]

MOST_POINTS = 100_000
"""Points, times variants, of one study: reading the scenario of each takes some milliseconds, before the first run."""


class Range(Part):
    """Values between two ends, for a sample that fills the space."""

    low: Any = Field(alias="from", description="Least value, with its unit.")
    high: Any = Field(alias="to", description="Greatest value, with its unit.")
    scale: Literal["linear", "log"] = Field(default="linear", description="Even steps, or even factors.")
    whole: Flag = Field(default=False, description="Whole numbers only.")

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends in base units: seconds, calls per second, bytes, numbers."""
        return number("from", self.low), number("to", self.high)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, _ = self.ends
        if ends_of(self.low, self.high) is None:
            complain(("to", f"must be above from, {self.low}, and of the same unit"))
        if self.scale == "log" and low <= 0.0:
            complain(("from", "must be above 0 where scale is log"))
        return self


def number(field: str, value: Any) -> float:
    """A value in base units; a validation error of that field for what is none."""
    found = [read_quantity(kind, value) for kind in ("number", "time", "rate", "size", "fraction")]
    known = [number for number in found if number is not None]
    if not known:
        complain((field, "must be a number, with its unit if it has one, such as 500ms or 10/s"))
    return known[0]


class Sample(Part):
    """Points that fill the space of several ranges evenly."""

    points: Annotated[int, Quantity("count", low=1, high=MOST_POINTS)] = Field(description="How many.")
    method: Literal["sobol", "halton", "latin"] = Field(
        default="sobol", description="Sobol' points (best for a power of two), Halton points, or a Latin hypercube."
    )
    seed: Annotated[int, Quantity("count", high=2**32 - 1)] = Field(default=1, description="Seed of the scrambling.")
    ranges: dict[str, Range] = Field(description="A range for each path of the scenario.")


class Vary(Part):
    """What differs from point to point. A grid is crossed with a list, and both with a sample."""

    grid: dict[str, tuple[Any, ...]] = Field(default={}, description="Values of each path; every combination is run.")
    points: tuple[Settings, ...] = Field(default=(), alias="list", description="Settings of each point.")
    sample: Sample | None = Field(default=None, description="Points that fill a space evenly.")
    where: tuple[Text, ...] = Field(
        default=(), description="Constraints on the points, such as `arrivals.rate * calls.hold <= 200`."
    )

    @model_validator(mode="after")
    def _some_values(self) -> Self:
        empty = [path for path, values in self.grid.items() if not values]
        if empty:
            complain(("grid", f"must list at least one value of {empty[0]}", "none"))
        return self
