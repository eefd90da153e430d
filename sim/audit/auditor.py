"""The books that are kept while a real server's log is read: the same ledger and summary as of a simulated run.

Streaming: memory grows with the sessions that are open, not with the log. Sessions are numbered in the order in which
their pools were created; the server's own id is in the column `name` of the sessions table.
"""

from collections.abc import Callable, Iterator
from typing import Final, Literal

from sim.audit.account import Account
from sim.audit.audited import SESSION_TIMER, AuditedSession
from sim.audit.belongings import Belongings
from sim.audit.findings import Endings, Starts, findings, overdue_at_notice
from sim.audit.holdings import Holdings
from sim.audit.holes import Holes, mark_in
from sim.audit.picked import Picked
from sim.audit.reads import Reader, Reads, Said
from sim.audit.rows import SessionRows
from sim.audit.rtsp import Rtsp
from sim.audit.standstill import AtEnd, Heard, blocked_at
from sim.audit.steps import LineSteps, MessageRows
from sim.audit.still_open import judge_open
from sim.audit.taskbook import TaskBook, TaskMessage
from sim.audit.timers import ServerTimers, Timer, Timers
from sim.audit.unread import Unread, after_holes
from sim.audit.waits import PATIENCE_KINDS, EndEvidence, Patience, Verdict
from sim.ledger.sink import Sink
from sim.ledger.summary import NO_RESOURCE_STATUSES, Leak, SessionCounts, Summary
from sim.logs.reading.clock import Clock, stamp
from sim.logs.reading.header import Layout
from sim.logs.reading.scanner import Batch, Counts, Scanner
from sim.logs.reading.wording import FORMS, PLACES, PROCESS, SIGNAL, WRITERS, after, alike, matcher, place_of, places_of
from sim.vocabulary.lines import Kind
from sim.vocabulary.tasks import SERVER_TASK

Ledger = Literal["summary", "sessions", "full"]
ENGINE: Final = "log"
_CRASH_NEAR: Final = 20_000  # microseconds
_JUST_NOW: Final = 1_000_000
_ALIVE_LISTED: Final = 10_000  # live sessions explained in the summary, after all the leaked ones


reads: Reads["Auditor"] = Reads()
Forms = tuple[tuple[Callable[[bytes, int, int], Said | None], Reader | None], ...]


class Auditor:
    """Takes blocks of log in order and keeps the books; `finish` closes them."""

    def __init__(
        self, sink: Sink | None = None, ledger: Ledger = "sessions",
        on_message: Callable[[TaskMessage], None] | None = None, timers: Timers | None = None,
    ) -> None:  # fmt: skip
        self.timers = ServerTimers(timers)
        self.counts = Counts()
        self.clock: Clock | None = None
        self.rows = SessionRows(sink if ledger != "summary" else None)
        self.messages = MessageRows(sink) if sink is not None and ledger == "full" else None
        listener = on_message or (self.messages.add if self.messages is not None else None)
        self.tasks = TaskBook(listener)
        self.holdings = Holdings(sink, 0, ledger == "full", self._id_of)
        self._ids: dict[int, str] | None = {} if ledger == "full" else None  # of sessions that are over
        self.account = Account(self.tasks, self.holdings, self._closed)
        self.belongings = Belongings(self.account)
        self.rtsp = Rtsp(self.account)
        self.starting = Starts()
        bound = (self.account.readers, self.belongings.readers, self.rtsp.readers, self.starting.readers)
        self.handlers = {kind: reader for of in (*bound, reads.bound(self)) for kind, reader in of.items()}
        if self.messages is not None:
            steps = LineSteps(self.tasks, self.messages)
            self.handlers = {kind: steps.after(kind, reader) for kind, reader in self.handlers.items()}
        self.unread = Unread()
        self.holes = Holes()
        self.cut = False  # the line that is read has no end: no more of it was written
        self._readers: list[Forms] = [()] * PLACES
        self.patience = {kind: Patience() for kind in PATIENCE_KINDS}
        self.heard = Heard()
        self.picked = Picked()
        self.endings = Endings()
        self.patience["stop"].samples = self.belongings.stops
        self.patience["request"].samples = self.belongings.responses
        self.rejected: dict[str, int] = {}
        self.answered = self.cancelled = self.leaked = self.live = self.crashed = 0
        self.blocked = self.unanswered = self.in_setup = 0
        self.longest_life = 0  # of a session that was created and destroyed within the log
        self.leaks: list[Leak] = []
        self.alive: list[Leak] = []  # the same of sessions that can still end
        self.crashed_at: int | None = None
        self.starts = self.restarts_unasked = 0
        self.ended_orderly = False
        self.timed = False
        self.layouts: list[str] = []
        self.remarks: list[str] = []  # what the reader of the files noticed
        self._scanner: Scanner | None = None

    # --- reading -------------------------------------------------------------------------------------------------

    def begin(self, layout: Layout | None, name: str = "") -> None:
        """The file `name` with this header begins; None: as the file before."""
        self.counts.begin(name)
        if layout is None:
            layout = self._scanner.layout if self._scanner is not None else Layout()
        if self.clock is None:
            self.clock = Clock(layout.date)
        scanner = Scanner(layout, self.clock, self.counts, self.handlers.keys())
        if self._scanner is not None:
            scanner.continue_body(self._scanner)
        self._scanner = scanner
        self.timed = self.timed or layout.time
        if layout.names not in self.layouts:
            self.layouts.append(layout.names)

    def feed(self, block: bytes) -> None:
        """The next whole lines of the file."""
        if self._scanner is None:
            self.begin(None)
        assert self._scanner is not None
        assert self.clock is not None
        if not block:
            return
        if (mark := mark_in(block)) is not None:
            self.feed(block[: mark.start()])
            self.tasks.restart()
            self.holes.mark(self.account)
            self.feed(block[mark.end() :])
            return
        batch = self._scanner.scan(block)
        if self.holdings.origin == 0 and self.clock.first is not None:
            self.holdings.origin = self.clock.first
        self._account(batch, self._scanner.layout.thread)
        self.heard.listen(batch, self._scanner.layout.thread)
        self.picked.listen(batch.place)
        if self.timed:
            self.holes.listen(batch.time, self.account.first)
            self.holes.check(self.account)
        self.tasks.flush()
        if self.holdings.flush() and self._ids is not None:
            self._ids.clear()
        self.rows.flush(self.holdings.origin, self.timed)
        if self.messages is not None:
            self.messages.flush(self.holdings.origin, self.timed)

    def _account(self, batch: Batch, threaded: bool) -> None:
        block = batch.block
        readers = self._readers
        signal, process, wait = self.tasks.signal, self.tasks.process, self.tasks.wait
        threads = batch.thread if threaded else self._guess_threads(batch)
        for place, begin, end, time, thread in zip(
            batch.place, batch.begin, batch.end, batch.time, threads, strict=True
        ):
            if place == SIGNAL:
                signal(block[begin + _SIGNAL : end], time, thread)
            elif place == PROCESS:
                process(block[begin + _PROCESS : end], time, thread)
            elif place == _WAIT and block.find(b"]", begin, end) == end - 1:
                wait(time, thread)
            else:
                for match, reader in readers[place] or self._readers_of(place):
                    said = match(block, begin, end)
                    if said is None:
                        continue
                    if reader is not None:
                        try:
                            reader(said, time, thread)
                        except ValueError:
                            self._unread(block[begin:end], time, begin, block)
                    break
                else:
                    self._unread(block[begin:end], time, begin, block)

    def _readers_of(self, place: int) -> Forms:
        """What may stand at a place of the wording, and who reads it; made when the first such line comes."""
        self._readers[place] = forms = tuple((matcher(line), self.handlers.get(line.kind)) for line in FORMS[place])
        return forms

    def _unread(self, text: bytes, time: int, begin: int, block: bytes) -> None:
        """A line that begins like one of the server's, and is none: a plugin's, say, or it is damaged."""
        kind = alike(text, anywhere=True)
        if kind is None:
            return
        if not self.cut:
            self.unread.note(kind, text, time, self.account)
        number = 0 if self.counts.full else self.counts.lines - block.count(b"\n", begin) + 1
        self.counts.odd(number, text)

    # --- task messages -------------------------------------------------------------------------------------------

    @reads(Kind.SIGNAL)
    def _signal(self, said: Said, time: int, thread: int) -> None:
        self.tasks.signal(_key(said), time, thread)

    @reads(Kind.PROCESS)
    def _process(self, said: Said, time: int, thread: int) -> None:
        self.tasks.process(_key(said), time, thread)

    @reads(Kind.SIGNAL_PLAIN)
    def _signal_plain(self, said: Said, time: int, thread: int) -> None:
        self.tasks.signal(self.tasks.numbered(said["task"], said["plain"]), time, thread)

    @reads(Kind.PROCESS_PLAIN)
    def _process_plain(self, said: Said, time: int, thread: int) -> None:
        self.tasks.process(self.tasks.oldest(said["task"], said["plain"]), time, thread)

    @reads(Kind.WAIT)
    def _wait(self, said: Said, time: int, thread: int) -> None:
        self.tasks.wait(time, thread)
        if said["count"] and self.tasks.stats(said["task"]).role == "connection":
            self.timers.waited(said["count"])

    def _guess_threads(self, batch: Batch) -> Iterator[int]:
        """Without thread ids: one made-up id for each task, told from the wording of the line. One line at a time: what
        a line tells depends on those before it, and not on those that still come."""
        for place, begin, end in zip(batch.place, batch.begin, batch.end, strict=True):
            if place in _OF_TASKS:
                text = batch.block[begin:end]
                key = text[text.find(b"[") + 1 :]
                yield self._sender(key) if place in _SIGNALS else self._thread_of(key[: key.find(b"]")])
            else:
                yield _WRITER[place]

    def _thread_of(self, task: bytes) -> int:
        if task == SERVER_TASK.encode():
            return _THREAD_SERVER
        role = self.tasks.stats(task).role
        if role == "connection" or task.startswith(b"MRCPv2-Agent"):
            self.tasks.stats(task).role = "connection"
            return _THREAD_CONNECTION
        if role == "media" or task.startswith(b"Media-Engine"):
            self.tasks.stats(task).role = "media"
            return _THREAD_MEDIA
        return 100 + (hash(task) & 0xFFFF)

    def _sender(self, key: bytes) -> int:
        task, kind = key[: key.find(b"]")], key[-4:-1]
        if task != SERVER_TASK.encode():
            return _THREAD_SERVER
        if kind == b"4;0":
            return _THREAD_MEDIA
        if kind[:1] == b"2":
            return _THREAD_CONNECTION
        if kind[:1] == b"3":  # an engine: the one that is at work, when there is only one
            busy = [thread for thread in self.tasks.working if thread >= 100]
            return busy[0] if len(busy) == 1 else _THREAD_ENGINE
        return _THREAD_SIP

    # --- sessions ------------------------------------------------------------------------------------------------

    def _closed(self, session: AuditedSession) -> None:
        if self._ids is not None:
            self._ids[session.number] = session.id
        patience = self.patience
        if session.created >= 0 and session.offer >= 0:
            patience["offer"].samples.append(session.offer - session.created)
        if session.released >= 0:
            if session.created >= 0:
                self.longest_life = max(self.longest_life, session.released - session.created)
            if session.terminate >= 0:
                patience["release"].samples.append(session.released - session.terminate)
                if session.closed >= 0:
                    patience["close"].samples.append(session.closed - session.terminate)
            if session.opened and session.media >= 0:
                patience["open"].samples.append(session.opened_at - session.media)
            if session.answer >= 0 and session.offer >= 0:
                patience["answer"].samples.append(session.answer - session.offer)
        self.rows.add(session, self._outcome(session, "released"))

    def _id_of(self, number: int) -> str:
        """The server's own id of a session that is open, or was when the rows to be written came."""
        session = self.account.open.get(number)
        return session.id if session is not None else (self._ids or {}).get(number, "")

    def _outcome(self, session: AuditedSession, verdict: str) -> str:
        """What became of the call of a session, were the session over; counts the call once, if its start is known."""
        self.endings.count(session)
        status = session.status or session.refused
        known = session.created >= 0 or status == 503
        if session.bye_kind == "cancel" or status == 487 or (status == 0 and session.bye >= 0):
            # perhaps answered or refused as well, which the caller then did not hear
            self.cancelled += known
            return "cancelled"
        if status >= 300:
            self.rejected[str(status)] = self.rejected.get(str(status), 0) + known
            self.blocked += known and status in NO_RESOURCE_STATUSES and status != 488  # which says: no profile
            return "rejected"
        if status == 200:
            self.answered += known
        elif known:
            self.in_setup += verdict == "live"
            self.unanswered += verdict != "live"
        return "released"

    @reads(Kind.SERVER_TERMINATED)
    def _ended(self, said: Said, time: int, thread: int) -> None:
        self.ended_orderly = True

    @reads(Kind.START)
    def _started(self, said: Said, time: int, thread: int) -> None:
        self.starts += 1
        self.timers.started(said["version"])
        if self.counts.entries == 0 or (self.starts == 1 and not self.account.open and not self.tasks.tasks):
            return
        died = not self.ended_orderly
        self.restarts_unasked += died
        if died and self.crashed_at is None:
            self.crashed_at = self._last_seen(time)
        self._judge(self._last_seen(time), died)
        self.account.restart()
        self.belongings.restart()
        self.rtsp.restart()
        self.ended_orderly = False

    def _last_seen(self, default: int) -> int:
        seen = [session.last for session in self.account.open.values()]
        return max(seen, default=default)

    def _at(self, end: int) -> AtEnd:
        heard_of = [session for session in self.account.open.values() if session.hole != session.last]
        return AtEnd(
            end, self.debug_level(), self.timed, self.ended_orderly, self.tasks, heard_of, self.patience, self.heard,
            self.unread.last, self.picked,
        )  # fmt: skip

    def verdicts(self, end: int) -> dict[int, Verdict]:
        """Every open session by number, judged as if the log ended at `end`; changes nothing."""
        tasks, sessions = self.tasks, self.account.open.values()
        tasks.flush()
        blocked = blocked_at(self._at(end))
        queued = {m.session.number: m for m in tasks.overdue() if m.session is not None and m.task in blocked}
        evidence = EndEvidence(
            end, self.debug_level(), self.timed, self.patience, self.belongings.answers, blocked,
            self.belongings.lost_unknown,
            {number: (message.task, message.sent) for number, message in queued.items()},
            {entry.name: entry.role for entry in tasks.tasks.values()},
            self.timers.known(self.endings.longest(SESSION_TIMER)), self.account.silence, self.belongings.sharing(),
            self.picked.ends_shown(self.patience), self.account.losses.certain,
        )  # fmt: skip
        judged = after_holes(self.account.open, judge_open(sessions, evidence))
        return self.account.losses.withheld(self.unread.withheld(judged))

    def session_timer(self) -> Timer:
        """The timer that ends a call whose caller is gone, as far as log and configuration tell."""
        return self.timers.known(self.endings.longest(SESSION_TIMER)).session

    def _judge(self, end: int, died: bool) -> None:
        """Give every open session its outcome, as if the log ended here."""
        if not died:
            self.account.settle()
        verdicts = self.verdicts(end)
        for number, session in sorted(self.account.open.items()):
            self._open_at_end(session, verdicts[number], end, died)

    def _open_at_end(self, session: AuditedSession, verdict: Verdict, end: int, died: bool) -> None:
        outcome, cause, text = verdict.outcome, verdict.cause, verdict.text
        self._outcome(session, "leaked" if died else outcome)
        if died and outcome == "live":
            outcome, cause = "crashed", "crash"
            text = f"session <{session.label}> was {session.state} when the process ended (crash or kill)"
        holds = self._holds(session)
        since = (verdict.since - self.holdings.origin) / 1e6 if self.timed and verdict.since >= 0 else None
        waiting = verdict.waiting_for if outcome != "crashed" else None
        if outcome == "leaked" and verdict.chain:
            text += f"; {verdict.chain}"
        if outcome == "live":
            self.live += 1
            cause = ""
        else:
            self.leaked += outcome == "leaked"
            self.crashed += outcome == "crashed"
        plugin, name = verdict.plugin or None, session.id or None
        leak = Leak(session.number, session.state, waiting, plugin, since, holds, text, cause, name)
        (self.leaks if cause else self.alive).append(leak)
        self.rows.add(session, outcome, verdict.waiting_for, verdict.plugin, cause)
        if died:
            for resource, held in session.held.items():
                if held:
                    self.holdings.add(resource, -held, end, session.number, "", "process ended")

    def _holds(self, session: AuditedSession) -> list[str]:
        holds = [resource for resource, held in session.held.items() for _ in range(held)]
        for connection in session.connections:
            owners = self.belongings.connections.get(connection, set())
            if session.number == min(owners, default=-1):
                holds.append("connection_pool")
                if connection in self.belongings.sockets:
                    holds.append("tcp_connection")
        return sorted(holds)

    # --- the end -------------------------------------------------------------------------------------------------

    def debug_level(self) -> bool:
        """Whether the log has DEBUG entries of the server's tasks."""
        return self.counts.debug > 0

    def begins(self) -> str | None:
        """When the log begins, as ISO 8601; None where it has no date."""
        clock = self.clock
        return stamp(clock.first, clock.dated) if clock is not None and clock.first is not None else None

    def finish(self, scenario: str) -> Summary:
        """Close the books: diagnose what is open, write the last rows, sum up."""
        end = self.clock.last if self.clock is not None else 0
        origin = self.holdings.origin
        self.account.close()
        died = self._died(end)
        if died and self.crashed_at is None:
            self.crashed_at = end
        self._judge(end, died)
        account = self.account
        self.leaks = account.losses.believed(self.leaks)
        lost = [name for leak in self.leaks if leak.cause != "crash" for name in leak.holds]
        unshown = (
            (self.picked.findings(self.patience) if account.open else [])
            or account.losses.findings()
            or ([] if self.picked.infos else overdue_at_notice(self._at(end), self.longest_life))
        )
        found = findings(self._at(end), died, self.leaks, self.endings, self.clock, origin)
        self.tasks.close()
        span = (end - origin) / 1e6 if self.timed else 0.0
        resources = self.holdings.close(end, lost)
        self.rows.flush(origin, self.timed, everything=True)
        if self.messages is not None:
            self.messages.flush(origin, self.timed, everything=True)
        arrived = account.created + account.offline
        sessions = SessionCounts(
            arrived=arrived, created=account.created, answered=self.answered,
            rejected=dict(sorted(self.rejected.items())), cancelled=self.cancelled, released=account.destroyed,
            live=self.live, leaked=self.leaked, crashed=self.crashed,
            crashed_at_s=(self.crashed_at - origin) / 1e6 if self.crashed_at is not None else None,
            blocking=self.blocked / arrived if arrived else 0.0,
            unanswered=self.unanswered, in_setup=self.in_setup, degraded=self._degraded(),
        )  # fmt: skip
        tasks = {
            stats.name: stats.use(span) for stats in self.tasks.tasks.values() if stats.messages or stats.wait_counts.n
        }
        return Summary(
            scenario, 0, ENGINE, span, sessions=sessions, resources=resources,
            latency=self.rows.latencies.quantiles(self.timed), tasks=tasks, violations=tuple(account.violations),
            leaks=(*self.leaks, *self.alive[:_ALIVE_LISTED]), leaks_cut=max(0, len(self.alive) - _ALIVE_LISTED),
            findings=(*self.starting.findings(), *(self.unread.findings(account, self.counts) or unshown), *found),
            memory=self.rows.lives.memory(origin, span, resources),
        )  # fmt: skip

    def _degraded(self) -> int:
        """Answered calls without an RTP port or a connection, as far as they are refusals that the log counts."""
        refused = sum(use.refused for name, use in self.holdings.uses.items() if name in ("rtp_port", "tcp_connection"))
        return min(self.answered, refused)

    def _died(self, end: int) -> bool:
        """Whether the process died where the log ends: something says so, or a task stops in the middle of a message
        in which, or just before which, a pool was used beyond its lifetime."""
        if self.counts.crash:
            return True
        if self.ended_orderly or not self.tasks.working:
            return False
        recent = [work.started for work in self.tasks.working.values() if end - work.started < _JUST_NOW]
        near = min([end - _CRASH_NEAR, *recent])
        found = [violation for violation in self.account.violations if violation.kind != "double-close"]
        used = [violation.time_s * 1e6 + self.holdings.origin for violation in found]
        freed_early = [gone.released for gone in self.account.recent.by_name.values() if gone.double >= 0]
        return max([*used, *freed_early], default=near - 1) >= near


def _key(said: Said) -> bytes:
    """A task message as the books know it: what stands after "[" of its task."""
    return said.string[said.start("task") : said.end()]


_WAIT: Final = place_of(Kind.WAIT)
_SIGNAL: Final = after(Kind.SIGNAL)
_PROCESS: Final = after(Kind.PROCESS)
_SIGNALS: Final = frozenset((SIGNAL, *places_of(Kind.SIGNAL, Kind.SIGNAL_PLAIN)))
_OF_TASKS: Final = _SIGNALS.union((PROCESS, *places_of(Kind.PROCESS, Kind.PROCESS_PLAIN, Kind.WAIT)))
_THREAD_SERVER, _THREAD_CONNECTION, _THREAD_MEDIA, _THREAD_SIP, _THREAD_ENGINE = 1, 2, 3, 4, 5
_THREADS: Final = {"sip": _THREAD_SIP, "connection": _THREAD_CONNECTION, "media": _THREAD_MEDIA}
_WRITER: Final = [_THREADS.get(writer, _THREAD_SERVER) for writer in WRITERS]
