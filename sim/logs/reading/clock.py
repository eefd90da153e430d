"""Turns the times of log entries into one axis of microseconds that never jumps: midnight, clock steps, no date.

A few entries whose times are far from those before and after them are damaged: they take the time before them.
"""

from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

DAY = 86_400_000_000
YEAR_1970 = date(1970, 1, 1).toordinal() * DAY
"""Microseconds from year 1 to it, as the axis of a log with dates counts them."""
_HALF_DAY = DAY // 2
_STRAY = 64  # so many entries may be damaged in a row
_SILENT = 31 * DAY  # a gap beyond this is joined: nothing can be learned from it, and a damaged year is likelier
_STEP = 60_000_000  # entries of different threads may be a little out of order; this far back is another clock

Micros = NDArray[np.int64]


class Clock:
    """`axis` maps times to the axis; `steps` counts the jumps that were not midnight (clock set, DST), `strays` the
    entries with a damaged time."""

    def __init__(self, dated: bool) -> None:
        self.dated = dated
        self.steps = self.strays = 0
        self.first: int | None = None
        self.last: int = 0
        self._offset = 0
        self._raw: int | None = None

    @property
    def raw(self) -> int | None:
        """The last time as the log writes it; None before the first."""
        return self._raw

    def axis(self, raw: Micros) -> Micros:
        """`raw` in file order (microseconds since some midnight) on the axis; neighbours stay neighbours."""
        if raw.size == 0:
            return raw
        before = int(raw[0]) if self._raw is None else self._raw
        raw = self._without_strays(raw, before)
        jumps = np.diff(raw, prepend=before)
        odd = np.flatnonzero((jumps < -_STEP) | (jumps > (_SILENT if self.dated else DAY - _STEP)))
        if odd.size == 0:
            result = raw + self._offset if self._offset else raw
        else:
            shift = np.zeros(raw.size, dtype=np.int64)
            for at in odd.tolist():
                shift[at] = self._shift(int(jumps[at]))
            offsets = self._offset + np.cumsum(shift)
            self._offset = int(offsets[-1])
            result = raw + offsets
        self._raw = int(raw[-1])
        if self.first is None:
            self.first = int(result[0])
        self.last = max(self.last, int(result.max()))
        return result

    def _without_strays(self, raw: Micros, before: int) -> Micros:
        """`raw` with the time before them for entries that jump away from it when the next ones jump back."""
        jumps = np.diff(raw, prepend=before)
        if not self.dated:
            jumps = (jumps + _HALF_DAY) % DAY - _HALF_DAY  # midnight is no jump
        far = np.flatnonzero(np.abs(jumps) > _STEP).tolist()
        if len(far) < 2:
            return raw
        raw = raw.copy()
        done = 0
        for at, back in pairwise(far):
            if at < done or back - at > _STRAY:
                continue
            good = int(raw[at - 1]) if at else before
            apart = int(raw[back]) - good
            if not self.dated:
                apart = (apart + _HALF_DAY) % DAY - _HALF_DAY
            if abs(apart) <= _STEP:
                raw[at:back] = good
                self.strays += back - at
                done = back + 1
        return raw

    def _shift(self, jump: int) -> int:
        if not self.dated and jump < -_HALF_DAY:
            return DAY
        if not self.dated and jump > _HALF_DAY:
            return -DAY  # a line of before midnight that was written after it
        self.steps += 1
        return -jump


def day_micros(text: bytes) -> int:
    """Microseconds from year 1 to the midnight that begins `text` ("2026-11-23"). ValueError when it is no date."""
    return date.fromisoformat(text.decode("ascii")).toordinal() * DAY


def clock_micros(text: bytes) -> int:
    """Microseconds since midnight of `text`: "03:17:45:560903", or with fewer digits after the seconds or none, and "."
    or "," before them. ValueError when it is no time of day."""
    fraction = int(text[9:15].ljust(6, b"0"))
    found = ((int(text[0:2]) * 60 + int(text[3:5])) * 60 + int(text[6:8])) * 1_000_000 + fraction
    if found >= DAY:
        raise ValueError(f"{text!r} is no time of day")
    return found


def stamp(micros: int, dated: bool) -> str | None:
    """The wall-clock time of an axis value as ISO 8601, or None where the log has no date."""
    if not dated or micros < DAY:
        return None
    days, rest = divmod(micros, DAY)
    seconds, fraction = divmod(rest, 1_000_000)
    try:
        day = date.fromordinal(days)
    except (ValueError, OverflowError):
        return None
    return f"{day.isoformat()}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:06d}"
