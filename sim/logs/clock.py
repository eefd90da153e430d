"""Turns the times of log entries into one axis of microseconds that never jumps: midnight, clock steps, no date."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

DAY = 86_400_000_000
_HALF_DAY = DAY // 2
_STEP = 60_000_000  # entries of different threads may be a little out of order; this far back is another clock

Micros = NDArray[np.int64]


class Clock:
    """`axis` maps times to the axis; `steps` counts the backward jumps that were not midnight (clock set, DST)."""

    def __init__(self, dated: bool) -> None:
        self.dated = dated
        self.steps = 0
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
        before = raw[0] if self._raw is None else self._raw
        jumps = np.diff(raw, prepend=before)
        odd = np.flatnonzero(jumps < -_STEP if self.dated else (jumps < -_STEP) | (jumps > DAY - _STEP))
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
    """Microseconds since midnight of `text` ("03:17:45:560903")."""
    return ((int(text[0:2]) * 60 + int(text[3:5])) * 60 + int(text[6:8])) * 1_000_000 + int(text[9:15])


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
