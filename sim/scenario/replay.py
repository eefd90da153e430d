"""Recorded calls."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One recorded call; times in seconds from the first arrival."""

    arrived_s: float
    hold_s: float | None
    requests: int | None
    cancelled: bool
    vanished: bool


def read_calls(path: str) -> tuple[RecordedCall, ...]:
    """The recorded calls of a CSV file, sorted by arrival, the first at 0."""
    raise NotImplementedError
