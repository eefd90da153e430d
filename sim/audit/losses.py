"""Lines that were lost here and there: how many, told by the sessions whose end the log shows.

The server writes each line of a session's life, in order, before the one that destroys its pool. Of a log in which some
of them are missing now and then, the lines of an end may be missing as well, all of them at once where there are many
sessions: that is then no leak.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sim.audit.audited import AuditedSession
from sim.audit.waits import Verdict
from sim.ledger.summary import Finding

_CERTAIN: Final = 3  # lines that are missing before lines were lost
_AT_MOST: Final = 0.02  # sessions to be expected whose end was lost, so that it may still be said of others
_LINES: Final = ("Add Session", "Receive Offer", "Terminate Session", "Session Terminated", "Remove Session")
_OF_END: Final = 2  # of these, the last; besides the one that destroys its pool


class Losses:
    """For each line that comes before the destruction of a pool: how many sessions were destroyed without it."""

    def __init__(self) -> None:
        self.sessions = 0
        self.doubted = 0  # sessions that were last said to be alive, where else they had leaked
        self._missing = [0] * len(_LINES)

    def listen(self, session: AuditedSession) -> None:
        """A session whose pool was destroyed, as the log says."""
        if session.partial or session.hole == session.last or session.lost:
            return
        self.sessions += 1
        told = (session.added, session.offer >= 0, session.terminate >= 0, session.ends_told & 1, session.ends_told & 2)
        for at, there in enumerate(told):
            self._missing[at] += not there

    @property
    def _counted(self) -> list[tuple[int, int]]:
        """(place, how many are missing) of the lines that this log has: its level or version may not write some."""
        return [(at, missing) for at, missing in enumerate(self._missing) if 2 * missing < self.sessions]

    @property
    def share(self) -> float:
        """The share of the lines that were lost."""
        counted = self._counted
        return sum(missing for _, missing in counted) / (len(counted) * self.sessions) if counted else 0.0

    @property
    def certain(self) -> bool:
        """Whether lines were lost."""
        return sum(missing for _, missing in self._counted) >= _CERTAIN

    @property
    def lost_ends(self) -> float:
        """How many sessions are to be expected of whose end nothing is left, were each line lost by itself."""
        ends = 1 + sum(at >= len(_LINES) - _OF_END for at, _ in self._counted)
        return self.sessions * self.share**ends

    def withheld(self, verdicts: Mapping[int, Verdict]) -> dict[int, Verdict]:
        """The verdicts without leaks, where some of them may be no more than lines that were lost."""
        if not self.certain or self.lost_ends <= _AT_MOST:
            return dict(verdicts)
        self.doubted = sum(verdict.outcome == "leaked" for verdict in verdicts.values())
        why = f"{self}, so that its end may be among them"
        return {n: _unknown(v, why) if v.outcome == "leaked" else v for n, v in verdicts.items()}

    def findings(self) -> list[Finding]:
        """What a reader must know first: that sessions have no end in the log, and that none can tell which leaked."""
        if not self.doubted:
            return []
        expected = f"{self.lost_ends:.1f}" if self.lost_ends >= 0.1 else f"{self.lost_ends:.2f}"
        text = (
            f"{str(self).capitalize()}: the end of {self.doubted} sessions is not in it, and about {expected} would "
            "lose all lines of theirs so; which leaked can not be known"
        )
        return [Finding("lines-unread", text)]

    def __str__(self) -> str:
        return f"about {100 * self.share:.2g} % of the lines of this log are missing, one here and one there"


def _unknown(verdict: Verdict, why: str) -> Verdict:
    return replace(verdict, outcome="live", cause="", chain="", text=f"{verdict.text}; {why}")
