"""Where lines of a log are missing in its middle: after such a hole, what was silent before it may have ended in it.

A hole is proven by what comes after a pause that is far longer than any before: sessions that nothing announced, or one
whose set-up goes on and of which no line stands before. `grep` marks its holes itself, with `--`.
"""

import math
import re
from collections.abc import Iterable
from typing import Final

import numpy as np

from sim.audit.roll import Roll
from sim.audit.timers import SECOND

_MARK: Final = re.compile(rb"(?m)^--\r?\n")
_LONGER: Final = 3  # times as long as any pause before it
_AT_ONCE: Final = 3  # sessions that nothing announced


def mark_in(block: bytes) -> re.Match[bytes] | None:
    """The first line of `block` that is a mark of `grep`. Looked for only where a line begins so: the pattern goes from
    byte to byte, which took a tenth of the time of an audit."""
    return _MARK.search(block) if block.startswith(b"--") or b"\n--" in block else None


class Holes:
    """Pauses of the log that may be holes, until what follows them proves it."""

    def __init__(self) -> None:
        self.found = 0
        self._last = -1
        self._longest = SECOND // _LONGER
        self._pauses: list[tuple[int, int]] = []

    def listen(self, times: Iterable[int], first: int) -> None:
        """The times of the next lines: note each pause that is far longer than those before it, from the `first`
        session on (-1: none yet). How long a server waited for its first call tells nothing of its pauses later."""
        time = np.fromiter(times, dtype=np.int64)
        time = time[time >= first] if first >= 0 else time[:0]
        if not time.size:
            return
        whole = np.concatenate([[self._last if self._last >= 0 else time[0]], time])
        pauses = np.diff(whole)
        for at in np.flatnonzero(pauses > self._longest).tolist():
            if pauses[at] > _LONGER * self._longest:
                self._pauses.append((int(whole[at]), int(whole[at + 1])))
            self._longest = max(self._longest, int(pauses[at]))
        self._last = int(whole[-1])

    def check(self, roll: Roll) -> None:
        """Judge the pauses by the sessions that came up after them."""
        ends = [after for _, after in self._pauses]
        for before, after in list(self._pauses):
            until = min((end for end in ends if end > after), default=math.inf)
            late = sum(after <= time < until for time in roll.came_up)
            set_up = any(after <= time < until for time in roll.came_up_in_set_up)
            if set_up or late >= _AT_ONCE:
                self._pauses.remove((before, after))
                self.mark(roll, before)
                roll.forget_violations((after - roll.holdings.origin) / 1e6)

    def mark(self, roll: Roll, before: int | None = None) -> None:
        """There is a hole after the time `before`, or here: nothing is known of what was silent since."""
        self.found += 1
        for session in roll.open.values():
            if before is None or session.last <= before:
                session.hole = session.last
        roll.recent.forget()
