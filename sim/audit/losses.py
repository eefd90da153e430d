"""Lines that were lost here and there: how many, told by the sessions whose end the log shows.

The server writes each line of a session's life, in order, before the one that destroys its pool. Of a log in which some
of them are missing now and then, the lines of an end may be missing as well, all of them at once where there are many
sessions: that is then no leak.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sim.audit.audited import AuditedSession
from sim.audit.taskbook import TaskBook
from sim.audit.waits import Verdict
from sim.ledger.summary import Finding, Leak

_CERTAIN: Final = 2  # lines that are missing of sessions before lines were lost
_AT_MOST: Final = 0.02  # sessions to be expected whose end was lost, so that it may still be said of others
_DEVIATIONS: Final = 3  # beyond the lines of as many sessions that are to be expected to be missing
_OF_LEAKS: Final = 0.002  # the same for each session that has no end
_LINES: Final = (
    "Add Session", "Receive Offer", "Deactivate Session", "Terminate Session", "Session Terminated", "Remove Session",
)  # fmt: skip
_OF_END: Final = 4  # of these, from here on; and the one that destroys its pool
_NEXT_TO: Final = ((0, 1), (2, 3), (4, 5))  # written one after the other


class Losses:
    """For each line that comes before the destruction of a pool: how many sessions were destroyed without it."""

    def __init__(self, tasks: TaskBook) -> None:
        self._tasks = tasks
        self.sessions = 0
        self.doubted = 0  # sessions that were last said to be alive, where else they had leaked
        self._missing = [0] * len(_LINES)
        self._both = [0] * len(_NEXT_TO)

    def listen(self, session: AuditedSession) -> None:
        """A session whose pool was destroyed, as the log says."""
        if session.partial or session.hole >= 0 or session.lost:
            return
        told = (
            session.added or (session.refused > 0 and session.offer < 0), session.offer >= 0 or session.refused > 0,
            session.deactivate >= 0, session.terminate >= 0, session.ends_told & 1, session.ends_told & 2,
        )  # fmt: skip
        self.sessions += 1
        if all(told):
            return
        for at, there in enumerate(told):
            self._missing[at] += not there
        for at, (one, next_) in enumerate(_NEXT_TO):
            self._both[at] += not (told[one] or told[next_])

    @property
    def _counted(self) -> list[int]:
        """The places of the lines that this log has: its level or version may not write some."""
        return [at for at, missing in enumerate(self._missing) if 2 * missing < self.sessions]

    @property
    def share(self) -> float:
        """The share of the lines that were lost."""
        counted = self._counted
        missing = sum(self._missing[at] for at in counted)
        return (missing + 0.5) / (len(counted) * self.sessions) if counted else 0.0

    @property
    def certain(self) -> bool:
        """Whether lines were lost."""
        return self._tasks.unannounced > 0 or sum(self._missing[at] for at in self._counted) >= _CERTAIN

    @property
    def lost_ends(self) -> float:
        """How many sessions are to be expected of whose end nothing is left. Lines may be lost in runs: how often the
        next one is lost too, the pairs tell that follow each other."""
        counted = self._counted
        both = one = 0
        for at, pair in enumerate(_NEXT_TO):
            if all(place in counted for place in pair):
                both += self._both[at]
                one += sum(self._missing[place] for place in pair) - self._both[at]
        with_it = min(1.0, (2 * both + 0.5) / (one + both + 1))
        ends = sum(at >= _OF_END for at in counted)
        return self.sessions * self.share * with_it**ends

    def _too_many(self, leaks: int) -> bool:
        return self.certain and self.lost_ends > max(_AT_MOST, _OF_LEAKS * leaks)

    def withheld(self, verdicts: Mapping[int, Verdict]) -> dict[int, Verdict]:
        """The verdicts without leaks, where some of them may be no more than lines that were lost."""
        leaks = sum(verdict.outcome == "leaked" for verdict in verdicts.values())
        self.doubted = leaks if self._too_many(leaks) else 0
        if not self.doubted:
            return dict(verdicts)
        why = f"{self}, so that its end may be among them"
        return {n: _unknown(v, why) if v.outcome == "leaked" else v for n, v in verdicts.items()}

    def believed(self, leaks: Sequence[Leak]) -> list[Leak]:
        """The leaks without resources that few of one cause hold, where lines may be lost that give them back."""
        if not self.certain:
            return list(leaks)
        kept: dict[str, set[str]] = {}
        for cause in {leak.cause for leak in leaks}:
            those = [leak.holds for leak in leaks if leak.cause == cause]
            holders = Counter(name for holds in those for name in set(holds))
            lost = len(those) * self.share
            by_chance = lost + _DEVIATIONS * math.sqrt(lost)
            kept[cause] = {name for name, count in holders.items() if count == len(those) or count > by_chance}
        return [replace(leak, holds=[name for name in leak.holds if name in kept[leak.cause]]) for leak in leaks]

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
        return f"about {100 * self.share:.2g} % of the lines of this log are missing, some here and some there"


def _unknown(verdict: Verdict, why: str) -> Verdict:
    return replace(verdict, outcome="live", cause="", chain="", text=f"{verdict.text}; {why}")
