"""What a log tells of the server as a whole: tasks that stand still, calls that a timer of the server cut."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sim.audit.audited import NO_ACK, SESSION_TIMER, AuditedSession
from sim.audit.reads import Reader, Reads, Said
from sim.audit.standstill import AtEnd, blocked_at, standstill
from sim.audit.waits import span
from sim.ledger.summary import Finding, Leak
from sim.logs.reading.clock import Clock, stamp
from sim.logs.reading.shown import shown
from sim.vocabulary.lines import Kind

TIMERS: Final = {
    "inactivity timeout": "the inactivity timeout of their connection",
    SESSION_TIMER: "the session timer",
}
"""What of the server cuts a call whose caller is there, by Session.ended_by, in words."""


reads: Reads["Starts"] = Reads()
_LISTED, _WIDTH = 4, 200


class Starts:
    """Parts of the server that it said at its start that it could not load, open or bind."""

    def __init__(self) -> None:
        self.failures: dict[str, int] = {}  # by what was said: how often

    @property
    def readers(self) -> dict[Kind, Reader]:
        """What each kind of line does."""
        return reads.bound(self)

    @reads(Kind.START_FAILED)
    def _failed(self, said: Said, time: int, thread: int) -> None:
        text = shown(said.string[said.start() : said.end()], _WIDTH)
        self.failures[text] = self.failures.get(text, 0) + 1

    def findings(self) -> list[Finding]:
        """One finding for all of them, the first few in the server's own words."""
        if not self.failures:
            return []
        more = len(self.failures) - _LISTED
        listed = "; ".join(list(self.failures)[:_LISTED]) + (f"; and {more} more" if more > 0 else "")
        return [Finding("start-failed", f"The server did not start whole: {listed}")]


@dataclass(slots=True)
class Endings:
    """How the calls of a log ended that no caller ended, and how many were answered."""

    answered: int = 0
    by: Counter[str] = field(default_factory=Counter)
    since_answer: dict[str, int] = field(default_factory=dict)  # the longest, in microseconds

    def count(self, session: AuditedSession) -> None:
        """One more session that is over, or that the log's end cuts off."""
        self.answered += session.status == 200 or (session.partial and session.last_answer >= 0)
        if not session.ended_by:
            return
        self.by[session.ended_by] += 1
        if session.ended >= 0 and session.last_answer >= 0:
            longest = max(self.since_answer.get(session.ended_by, 0), session.ended - session.last_answer)
            self.since_answer[session.ended_by] = longest

    def longest(self, what: str) -> int | None:
        """How long after its answer a call was ended by this at most, in microseconds; None where none was."""
        return self.since_answer.get(what)

    def findings(self) -> list[Finding]:
        """Calls that timers of the server cut, and those whose answer was never acknowledged."""
        found = []
        for what, words in TIMERS.items():
            if count := self.by[what]:
                text = f"{count} of {_calls(self.answered)} were cut by the server: {words} ran out"
                found.append(Finding("cut-by-server", text, sessions=count))
        if count := self.by[NO_ACK]:
            after = f" {span(self.since_answer[NO_ACK])} after the answer" if NO_ACK in self.since_answer else ""
            text = (
                f"{count} of {_calls(self.answered)} ended{after} because no ACK came (64·T1 = 32 s): "
                "their callers, or the way to them, lost the answer or its ACK"
            )
            found.append(Finding("never-acknowledged", text, sessions=count))
        return found


def findings(
    at: AtEnd, died: bool, leaks: Sequence[Leak], endings: Endings, clock: Clock | None, origin: int
) -> tuple[Finding, ...]:
    """All that the log tells of the server as a whole, when it ends, perhaps because the process `died`."""
    found: list[Finding] = []
    if not died and (still := standstill(at)) is not None:
        found.append(still.finding(at.end, _when(still.since, clock, origin), (still.since - origin) / 1e6))
    elif not died and at.debug:
        for task, since in blocked_at(at).items():
            standing = _standing(task, at.end - since, _when(since, clock, origin), (since - origin) / 1e6, leaks)
            found += [standing] if standing.sessions else []
    return (*found, *endings.findings())


def _standing(task: str, length: int, when: str, since_s: float, leaks: Sequence[Leak]) -> Finding:
    """A task that stands still, from a log at DEBUG, with how many sessions wait for it."""
    count = sum(leak.cause == "task-blocked" and f"[{task}]" in leak.explanation for leak in leaks)
    text = f"[{task}] has answered nobody since {when}, {span(length)} before the log ends: "
    text += f"{count} session{'' if count == 1 else 's'} wait{'s' if count == 1 else ''} for it"
    return Finding("task-stands-still", text, task, since_s, count)


def _when(micros: int, clock: Clock | None, origin: int) -> str:
    """A moment as the log writes it, or in seconds from its beginning."""
    written = stamp(micros, clock.dated) if clock is not None else None
    return f"{(micros - origin) / 1e6:.3f} s" if written is None else written.replace("T", " ")


def _calls(count: int) -> str:
    return f"{count} answered call{'' if count == 1 else 's'}"


def overdue_at_notice(at: AtEnd, longest_life: int) -> list[Finding]:
    """What a reader must know first where no line at INFO tells what sessions wait for that are older than any that
    ended, after `longest_life` at most."""
    ages = (at.end - session.created for session in at.sessions if session.created >= 0)
    count = sum(age > longest_life for age in ages) if at.timed and longest_life else 0
    if not count:
        return []
    them = (
        "a session that is older than any that ended waits"
        if count == 1
        else (f"{count} sessions that are older than any that ended wait")
    )
    text = f"No line of this log is at INFO, to tell what {them} for: which leaked can not be known"
    return [Finding("lines-unread", text)]
