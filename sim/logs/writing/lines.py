"""Lines of a server's log, handed out in order of time although they are made message by message.

A message is known when it ends; its first line is then in the past. Lines wait in a heap until nothing earlier
can come.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sim.vocabulary.lines import PRIORITIES

LEVELS: Final = ("DEBUG", "INFO", "NOTICE", "WARN", "ERROR")
"""From the most to the least detailed, as in `logger.xml`."""

_TAG: Final = {name: f"[{name}]".ljust(9) for name in (priority.decode() for priority in PRIORITIES)}
_STACK: Final = 8_392_704  # distance of two thread ids: what the C library lays out for one thread
_FIRST_THREAD: Final = 140_305_346_096_064
_HEAP: Final = 0x7F9B54001CF8
_SESSION_SIZE: Final = 0x2990
_MESSAGE: Final = 0x7F9B5C000B70
_MESSAGE_SIZE: Final = 0x50


class Lines:
    """Collects lines at any time not before the last `until`; yields them in order, with the server's header."""

    def __init__(self, start: datetime, level: str) -> None:
        self.shown = frozenset(LEVELS[LEVELS.index(level) :])
        self.start = start
        self.count = 0
        self.waiting: list[tuple[float, int, str]] = []
        self._sequence = 0
        self._threads: dict[str, int] = {}
        self._second = -1
        self._stamp = ""

    def thread(self, task: str) -> int:
        """The thread id of a task."""
        found = self._threads.get(task)
        if found is None:
            found = self._threads[task] = _FIRST_THREAD - _STACK * (1 + len(self._threads))
        return found

    def reserve(self, places: int) -> int:
        """Keep places in the order of lines at the same time for `at`; the first of them."""
        first = self._sequence + 1
        self._sequence += places
        return first

    def put(self, time_s: float, thread: int, priority: str, text: str, at: int = 0) -> None:
        """One line (with its body, if it has one)."""
        if priority not in self.shown:
            return
        if not at:
            self._sequence += 1
            at = self._sequence
        heapq.heappush(self.waiting, (time_s, at, f"{thread} {_TAG[priority]}{text}\n"))

    def until(self, time_s: float) -> Iterator[str]:
        """Every line before `time_s`, in order; none may come before it any more."""
        waiting = self.waiting
        while waiting and waiting[0][0] < time_s:
            at, _, text = heapq.heappop(waiting)
            self.count += 1
            yield f"{self.stamp(at)} {text}"

    def stamp(self, time_s: float) -> str:
        """DATE and TIME as in the server's log."""
        micros = round(time_s * 1e6)
        second, rest = divmod(micros, 1_000_000)
        if second != self._second:
            self._second = second
            self._stamp = (self.start + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S")
        return f"{self._stamp}:{rest:06d}"


class Addresses:
    """Addresses as an allocator gives them: the one freed last is given again first, never before it was free."""

    def __init__(self, base: int, size: int) -> None:
        self._next = base
        self._size = size
        self._free: deque[tuple[float, int]] = deque()

    def take(self, time_s: float) -> int:
        """An address that nobody has at `time_s`."""
        free = self._free
        if free and free[-1][0] < time_s:
            return free.pop()[1]
        if free and free[0][0] < time_s:
            return free.popleft()[1]
        found = self._next
        self._next += self._size
        return found

    def free(self, address: int, time_s: float) -> None:
        """Give an address back at `time_s`."""
        self._free.append((time_s, address))


def session_addresses() -> Addresses:
    """Where session pools lie."""
    return Addresses(_HEAP, _SESSION_SIZE)


def message_addresses() -> Addresses:
    """Where task messages lie."""
    return Addresses(_MESSAGE, _MESSAGE_SIZE)
