"""A formula beside a number of a run, as `summary.json` keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Beside:
    """What a formula says of a number of the run, in its unit, and what of its assumptions does not hold."""

    metric: str
    formula: str
    value: float | None
    simulated: float | None
    error: float | None
    """How much more than the run it says, as a part of it."""
    assumes: Sequence[str]
    assumptions_broken: Sequence[str]
