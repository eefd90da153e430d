"""The append-only record of who holds what: counters for every resource, and one row per change.

The functions here are called by the server's handlers and run under plain Python and under Numba alike.
"""

from __future__ import annotations

from typing import Final, Protocol

SLIVER: Final = 1e-6
"""What is left of an interval of the level grid counts when it is longer than this part of it: less is rounding."""


class Ledger:
    """Counters of all resources; in the compiled engine the same fields are one NumPy record."""

    __slots__ = (
        "acquired", "area", "bytes_held", "bytes_peak", "held", "load_end_s", "peak", "record_rows", "refused",
        "released", "since_s", "window_area", "window_max", "window_min", "window_s",
        "window_since_s",
    )  # fmt: skip

    acquired: list[int]
    area: list[float]  # resource x seconds, up to the end of the load
    bytes_held: list[int]
    bytes_peak: list[int]
    held: list[int]
    load_end_s: float
    peak: list[int]
    record_rows: int
    refused: list[int]
    released: list[int]
    since_s: list[float]
    window_area: list[float]
    window_max: list[int]
    window_min: list[int]
    window_s: float
    window_since_s: list[float]


class LedgerWorld(Protocol):
    """What the ledger needs to know of the world: the counters and where rows go."""

    @property
    def ledger(self) -> Ledger: ...


def change(w: LedgerWorld, now: float, resource: int, delta: int) -> None:
    """Move a resource's level by +1 or -1 at `now`, keeping peak, time-weighted area and the current window."""
    ledger = w.ledger
    level = ledger.held[resource]
    since = ledger.since_s[resource]
    if since < ledger.load_end_s:
        ledger.area[resource] += level * (min(now, ledger.load_end_s) - since)
    ledger.since_s[resource] = now
    ledger.window_area[resource] += level * (now - ledger.window_since_s[resource])
    ledger.window_since_s[resource] = now
    level += delta
    ledger.held[resource] = level
    if delta > 0:
        ledger.acquired[resource] += 1
        if level > ledger.peak[resource]:
            ledger.peak[resource] = level
        if level > ledger.window_max[resource]:
            ledger.window_max[resource] = level
    else:
        ledger.released[resource] += 1
        if level < ledger.window_min[resource]:
            ledger.window_min[resource] = level


def within_load(w: LedgerWorld, start: float, length: float) -> float:
    """How much of `length` seconds from `start` on lies before the end of the load: what utilisation is made of."""
    left = w.ledger.load_end_s - start
    if left >= length:
        return length
    return max(0.0, left)


def change_bytes(w: LedgerWorld, resource: int, delta: int) -> None:
    """Add (or give back) bytes held by a resource and keep the peak."""
    ledger = w.ledger
    held = ledger.bytes_held[resource] + delta
    ledger.bytes_held[resource] = held
    if held > ledger.bytes_peak[resource]:
        ledger.bytes_peak[resource] = held
