"""A task that stands still while others go on: one finding, in place of one for every session that waits for it.

At DEBUG a task's own messages show it. At INFO the server task shows it by silence: every INVITE makes it write within
moments, so that it hangs when INVITEs wait for it far longer than any ever did and it has written nothing since.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.audit.audited import AuditedSession
from sim.audit.picked import Picked
from sim.audit.taskbook import Stats, TaskBook, TaskMessage
from sim.audit.timers import SECOND
from sim.audit.waits import Patience, span
from sim.ledger.summary import Finding
from sim.logs.reading.shown import shown
from sim.logs.reading.wording import places_of
from sim.vocabulary.lines import Kind
from sim.vocabulary.tasks import SERVER_TASK

if TYPE_CHECKING:
    from sim.logs.reading.scanner import Batch

_AT_LEAST: Final = 2 * SECOND
_TIMES: Final = 10  # as long as the longest wait of an INVITE that this log shows
_OWN: Final = places_of(
    Kind.ADD, Kind.OFFER, Kind.FOUND_ENGINE, Kind.ANSWER, Kind.DEACTIVATE, Kind.TERMINATE, Kind.REMOVE, Kind.PUSH
)


class Heard:
    """The last line of the server task, as far as lines that matter go: by its thread, else by what only it writes."""

    def __init__(self) -> None:
        self.time = -1
        self.text = b""

    def listen(self, batch: "Batch", threaded: bool) -> None:
        """Take note of the lines of one more block."""
        own = next((at for at in range(len(batch.place) - 1, -1, -1) if batch.place[at] in _OWN), None)
        if own is None:
            return
        thread = batch.thread[own]
        later = range(len(batch.place) - 1, own, -1) if threaded else ()
        last = next((at for at in later if batch.thread[at] == thread), own)
        self.time, self.text = batch.time[last], batch.block[batch.begin[last] : batch.end[last]]


def blocked_tasks(
    stats: Iterable[Stats], working: Iterable[tuple[str, int]], overdue: Iterable[TaskMessage], end: int
) -> dict[str, int]:
    """Tasks that work on one message, or leave one in their queue, far longer than any other: name → since."""
    known = {entry.name: entry for entry in stats}
    blocked = {task: since for task, since in working if end - since > max(SECOND, 3 * known[task].longest)}
    for message in overdue:
        if end - message.sent > max(SECOND, 3 * message.stats.longest_wait):
            blocked.setdefault(message.task, message.sent)
    return blocked


@dataclass(frozen=True, slots=True)
class Standstill:
    """The server task has written nothing since `since`, although `invites` and `endings` have waited since `first`.
    Where it has written nothing at all (`last` is empty), they are all that is known, and `since` is `first`."""

    since: int
    first: int
    invites: int
    endings: int
    last: bytes

    def finding(self, end: int, when: str, since_s: float | None) -> Finding:
        """What a reader must know: since when, who waits, what it did last."""
        waits = [f"{self.invites} INVITE{'s' if self.invites != 1 else ''}"] if self.invites else []
        waits += [f"{self.endings} call{'s' if self.endings != 1 else ''} that ended"] if self.endings else []
        rest = span(end - self.since)
        silent = f"[{SERVER_TASK}] has logged nothing since {when}, {rest} before the log ends"
        if not self.last:
            silent = f"[{SERVER_TASK}] has logged nothing in this log, which goes on for {rest} after {when}"
        text = f"{silent}: {' and '.join(waits)} wait{'s' if self.invites + self.endings == 1 else ''} for it"
        text += f"; the last thing that it did: {shown(self.last)}" if self.last else ""
        return Finding("task-stands-still", text, SERVER_TASK, since_s, self.invites + self.endings)


@dataclass(frozen=True, slots=True)
class AtEnd:
    """What an audit knows when its log ends, or as if it ended there."""

    end: int
    debug: bool  # whether the log has DEBUG entries of the server's tasks
    timed: bool
    orderly: bool  # whether the server said that it ends
    tasks: TaskBook
    sessions: Collection[AuditedSession]  # open
    patience: Mapping[str, Patience]
    heard: Heard
    unread: int  # when the last line came that could not be read; -1 without any
    picked: Picked


def blocked_at(at: AtEnd) -> dict[str, int]:
    """Tasks that stand still when the log ends, and since when."""
    if at.debug:
        if not at.picked.tasks_shown:
            return {}
        working = ((work.task, work.started) for work in at.tasks.working.values())
        return blocked_tasks(at.tasks.tasks.values(), working, at.tasks.overdue(), at.end)
    still = standstill(at)
    return {SERVER_TASK: still.since} if still is not None else {}


def standstill(at: AtEnd) -> Standstill | None:
    """The server task, where it hangs and a log at INFO shows it."""
    if not at.timed or at.orderly or at.debug or at.unread > at.heard.time or at.picked.certain:
        return None
    offered = (session.offer - session.created for session in at.sessions if 0 <= session.created <= session.offer)
    usual = max(at.patience["offer"].longest, max(offered, default=0))
    return server_stands_still(at.sessions, at.heard, usual, at.end)


def server_stands_still(sessions: Iterable[AuditedSession], heard: Heard, usual: int, end: int) -> Standstill | None:
    """Whether the server task hangs, at INFO; `usual` is the longest time that an INVITE waited for it."""
    invites, endings = waiting_for_server(sessions)
    due = sorted(
        [session.created for session in invites if session.created >= heard.time - SECOND]
        + [session.ended for session in endings if session.ended >= heard.time - SECOND]
    )
    if not due or end - max(due[0], heard.time) <= max(_AT_LEAST, _TIMES * usual):
        return None
    since = heard.time if heard.time >= 0 else due[0]
    return Standstill(since, due[0], len(invites), len(endings), heard.text)


def waiting_for_server(sessions: Iterable[AuditedSession]) -> tuple[Sequence[AuditedSession], Sequence[AuditedSession]]:
    """Those whose OFFER, and those whose TERMINATE, the server task has not begun."""
    known = list(sessions)
    invites = [
        session for session in known
        if session.created >= 0 and session.offer < 0 and session.answer < 0 and session.proved < 0
        and not session.table
    ]  # fmt: skip
    endings = [
        session
        for session in known
        if session.offer >= 0 and session.ended >= 0 and session.deactivate < 0
        and not session.v1  # of RTSP no line says that TERMINATE was sent to the server task
        and session.active is None and not session.negotiating and session.wedged < 0
    ]  # fmt: skip
    return invites, endings
