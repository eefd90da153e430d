"""Entries a little out of order: each task takes the time of its entry before it waits for its turn to write it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LATE: Final = 100_000
"""Microseconds by which an entry may stand late; a clock that is set back in one step is by more (NTP: 128 ms)."""


def set_back(times: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For each time but the first, in microseconds and in the order of the file: whether it is another clock's."""
    return np.diff(times) < -LATE


def in_order(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of the entries in order of time: as they stand where times are equal, and none across a clock that
    is set back."""
    if not (np.diff(times) < 0).any():
        return np.arange(times.size)
    parts = np.concatenate(([0], np.cumsum(set_back(times))))
    return np.lexsort((times, parts))
