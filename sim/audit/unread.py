"""Lines like the server's that could not be read: what they may have said is no evidence that it did not happen."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sim.audit.audited import AuditedSession
from sim.audit.roll import Roll
from sim.audit.waits import Verdict
from sim.ledger.summary import Finding
from sim.logs.reading.scanner import NAMING, Counts
from sim.vocabulary.lines import LINES, Kind

_NAMES: Final = re.compile(rb"0x[0-9A-Fa-f]+|[\w-]{4,}")
_SHOWN: Final = 4


class Unread:
    """By the open session that such a line names (`of`), and those that name none (`nobody`)."""

    def __init__(self) -> None:
        self.kinds: Counter[Kind] = Counter()
        self.of: dict[int, Kind] = {}
        self.nobody = 0
        self.last = -1

    def note(self, kind: Kind, text: bytes, time: int, account: Roll) -> None:
        """One more such line."""
        self.kinds[kind] += 1
        self.last = time
        for name in _NAMES.findall(text):
            session = account.by_pointer.get(name) or account.by_name.get(name)
            if session is not None:
                self.of[session.number] = kind
                return
        self.nobody += 1

    def withheld(self, verdicts: Mapping[int, Verdict]) -> dict[int, Verdict]:
        """The verdicts without leaks that may be no more than lines that could not be read."""
        leaked = [number for number, verdict in verdicts.items() if verdict.outcome == "leaked"]
        unnamed = [number for number in leaked if number not in self.of]
        doubtful = set(leaked) - set(unnamed if self.nobody < len(unnamed) else ())
        return {n: _unknown(v) if n in doubtful else v for n, v in verdicts.items()}

    def findings(self, account: Roll, counts: Counts) -> list[Finding]:
        """What a reader must know first: that the log is not one that says what became of its sessions.

        What counts are lines in the server's words that name a session: of those more must have been read than not.
        Lines of other programs, and a plugin's own, may be as many as they like, but where there is no session at all:
        then most entries must be the server's.
        """
        unread = sum(count for kind, count in self.kinds.items() if kind in NAMING)
        read = counts.about - max(0, unread - counts.damaged)  # some began like a line of the server
        unread += counts.hidden
        if not account.number and unread:
            text = f"No session could be read, but {unread} lines are like the server's: ids or brackets were lost"
        elif unread > read:
            text = f"Most lines in which the server names a session could not be read: {unread} of {unread + read}"
        elif not account.number and counts.entries > 2 * counts.ours:
            others = f"{counts.entries - counts.ours} of {counts.entries}"
            text = f"No session, and most entries are none that a server is known to write: {others}"
        elif counts.not_understood * 2 > counts.lines:
            others = f"{counts.not_understood} of {counts.lines}"
            text = f"Most lines of this log are none that a server is known to write: {others}"
            return [Finding("mostly-other-lines", f"{text}; what follows rests on the others")]
        else:
            return []
        return [Finding("lines-unread", text)]

    def __str__(self) -> str:
        """ "12 (10 like "Add Session", 2 like "Receive Offer")"."""
        most = self.kinds.most_common(_SHOWN)
        listed = ", ".join(f'{count} like "{words(kind)}"' for kind, count in most)
        return f"{self.kinds.total()} ({listed}{', …' if len(self.kinds) > _SHOWN else ''})"


def words(kind: Kind) -> str:
    """The fixed words that lines of a kind begin with."""
    text = next(line.text for line in LINES if line.kind is kind)
    return re.sub(r"\W+$", "", text.partition("{")[0]) or "Process … Request"


def after_holes(sessions: Mapping[int, AuditedSession], verdicts: Mapping[int, Verdict]) -> dict[int, Verdict]:
    """The verdicts without leaks of sessions that were silent since before lines of the log are missing."""
    why = "lines of the log are missing after it was last heard of, so that its end may be among them"
    return {
        number: replace(v, outcome="live", cause="", chain="", text=f"session <{sessions[number].label}>: {why}")
        if v.outcome == "leaked" and sessions[number].hole == sessions[number].last
        else v
        for number, v in verdicts.items()
    }


def _unknown(verdict: Verdict) -> Verdict:
    text = f"{verdict.text}; lines of the server could not be read, so that its end may be among them"
    return replace(verdict, outcome="live", cause="", text=text)
