"""Entries that stand in a log a second time, to the microsecond: a log that was put together from copies of itself.

A part of the entries is remembered, chosen by the digits of their times, so that copies of an entry are both chosen or
both not: all of them at first, half as many whenever those that are remembered are many. Memory does not grow with the
log, and copies are found wherever they stand: line beside line, one behind the other, or partly.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

_KEPT: Final = 1 << 14
_ENOUGH: Final = 20  # real logs have none in 100 000 entries
_SHARE: Final = 0.01
_ENOUGH_BESIDE: Final = 100  # a simulated log has some side by side: its sessions may act in the same instant
_SHARE_BESIDE: Final = 0.25
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)

Words = NDArray[np.uint64]


class SeenBefore:
    """`look` is shown each entry once, as a log has it; `copies` tells when enough of them were there before."""

    def __init__(self) -> None:
        self._bits = 0  # of so many entries as 2 to the power of it, one is remembered
        self._known: dict[int, tuple[int, int]] = {}  # by the digest of an entry: what it was chosen by, its moment
        self._moment = 0  # entries one behind the other with the same time are of one moment
        self._last = np.uint64(0)
        self.looked_at = 0
        self.again = 0
        self.beside = 0  # the same within one moment
        self.first: tuple[str, int] | None = None  # file and line of the first copy

    def look(self, times: Words, entry: Callable[[int], bytes], place: Callable[[int], tuple[str, int]]) -> None:
        """Entries whose times have these digits; `entry` gives the text of the i-th, `place` its file and line."""
        if times.size == 0:
            return
        moments = self._moment + np.cumsum(np.diff(times, prepend=self._last) != 0)
        self._moment, self._last = int(moments[-1]), times[-1]
        chosen_by = ((times * _SPREAD) >> np.uint64(32)).astype(np.int64)
        for i in np.flatnonzero(chosen_by & ((1 << self._bits) - 1) == 0).tolist():
            key = int(chosen_by[i])
            if key & ((1 << self._bits) - 1):
                continue  # of fewer than when this block was begun
            self.looked_at += 1
            digest, moment = hash(entry(i)), int(moments[i])
            known = self._known.get(digest)
            if known is not None:
                beside = known[1] == moment
                self.beside += beside
                self.again += not beside
                self.first = self.first or place(i)
                continue
            self._known[digest] = (key, moment)
            if len(self._known) > _KEPT:
                self._bits += 1
                mask = (1 << self._bits) - 1
                self._known = {digest: of for digest, of in self._known.items() if not of[0] & mask}

    @property
    def copies(self) -> int:
        """How many stand there twice, where they are so many that the log tells of its calls more than once; else 0."""
        far = self.again >= _ENOUGH and self.again >= _SHARE * self.looked_at
        near = self.beside >= _ENOUGH_BESIDE and self.beside >= _SHARE_BESIDE * self.looked_at
        return self.again + self.beside if far or near else 0
