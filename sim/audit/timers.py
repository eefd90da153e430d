"""Which timers of the server end a call whose caller is silent, and how each is known.

UniMRCP logs neither of them. The session timer shows itself by calls that it ended; the inactivity timer by how long
the connection agent is ready to wait (DEBUG); a server before 1.5 has none. Else it is what a configuration says that
was given with the log, or the server's default, which is said to be assumed.
"""

import re
from dataclasses import dataclass
from typing import Final

SECOND: Final = 1_000_000
DEFAULT: Final = "the server's default, assumed: this log does not show it, --config would"
_FIRST_WITH_TIMERS: Final = (1, 5)
_AGENTS_OWN_MS: Final = 60_000  # shorter waits of the connection agent may be for its termination timer


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer of the server: after how many microseconds it ends a silent call (0: there is none), and who says so."""

    length: int
    said: str = DEFAULT

    def __str__(self) -> str:
        return f"{self.length / SECOND:g} s, {self.said}"


ASSUMED: Final = Timer(600 * SECOND)


@dataclass(frozen=True, slots=True)
class Timers:
    """The SIP session timer, and the timer of a connection on which nothing comes."""

    session: Timer = ASSUMED
    inactivity: Timer = ASSUMED


class ServerTimers:
    """What a log shows of them; `given` is what a configuration says; what the log shows goes before it."""

    def __init__(self, given: Timers | None = None) -> None:
        self.given = given
        self.version = ""
        self.longest_wait_ms = 0

    def started(self, version: bytes) -> None:
        """The server's banner."""
        self.version = version.decode("ascii", "replace")

    def waited(self, milliseconds: bytes) -> None:
        """The connection agent is ready to wait so long for anything to happen."""
        if milliseconds.isdigit():
            self.longest_wait_ms = max(self.longest_wait_ms, int(milliseconds))

    def known(self, fired: int | None) -> Timers:
        """Both of them; `fired` is how long after the answer the session timer ended a call, where it did."""
        found = self.given or Timers()
        session, inactivity = found.session, found.inactivity
        if self._too_old():
            session = inactivity = Timer(0, f"UniMRCP {self.version} has none, they came with 1.5")
        if fired is not None:
            session = Timer(round(fired / SECOND) * SECOND, "as calls show that it ended")
        if self.longest_wait_ms > _AGENTS_OWN_MS:
            inactivity = Timer(self.longest_wait_ms * 1000, "as the connection agent's waits show")
        return Timers(session, inactivity)

    def _too_old(self) -> bool:
        numbers = re.match(r"(\d+)\.(\d+)", self.version)
        return numbers is not None and (int(numbers[1]), int(numbers[2])) < _FIRST_WITH_TIMERS
