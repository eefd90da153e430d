"""Whom a line speaks of: the open sessions by address, by id and by thread, and what each holds.

A line names its session by address ("0x…"), by id, or only by the thread that wrote it; addresses are reused by later
sessions, ids are not.
"""

from typing import Final

from sim.audit.audited import AuditedSession
from sim.audit.gone import Gone, Recent
from sim.audit.holdings import Holdings
from sim.audit.reads import Said, words_of
from sim.audit.taskbook import TaskBook
from sim.ledger.summary import Violation

NEW: Final = b"new"  # the id that is written until a session has one


class Roll:
    """The open sessions of a log, and those that have just gone."""

    def __init__(self, tasks: TaskBook, holdings: Holdings) -> None:
        self.tasks = tasks
        self.holdings = holdings
        self.by_pointer: dict[bytes, AuditedSession] = {}
        self.by_name: dict[bytes, AuditedSession] = {}
        self.open: dict[int, AuditedSession] = {}
        self.recent = Recent()
        self.violations: list[Violation] = []
        self.by_address: list[Violation] = []  # those that are no evidence where lines were lost
        self.number = 0
        self.first = -1  # when the first session was heard of
        self.partial = 0
        self.came_up: list[int] = []  # when such sessions were first heard of, and those of them in their set-up
        self.came_up_in_set_up: list[int] = []
        self.created = 0
        self.terminations = False  # whether the log tells when the parts of a session are asked to end
        self.unannounced = 0  # whose first lines are missing, but that began within the log: it has "Add Session"
        self.nameless: set[int] = set()  # sessions that had no id when they began, and perhaps have none yet
        self.silence = 0  # the longest time that an answered call was silent and then not
        self.clients: set[bytes] = set()  # addresses of sessions of a client that writes into the same log

    def begin(self, pointer: bytes, name: bytes | None, time: int) -> AuditedSession:
        session = AuditedSession(self.number, pointer, name, time)
        self.number += 1
        self.first = time if self.first < 0 else self.first
        self.open[session.number] = session
        if pointer:
            self.by_pointer[pointer] = session
        if name:
            self.by_name[name] = session
        else:
            self.nameless.add(session.number)
        return session

    @property
    def announced(self) -> bool:
        """Whether the log has "Create Session": else the next session at an address comes up without a word."""
        return self.created > self.unannounced

    def awaits_name(self) -> bool:
        """Whether a session has begun and has no id yet: the next "Add Session" may be its."""
        open_ = self.open
        self.nameless = {number for number in self.nameless if number in open_ and open_[number].name is None}
        return bool(self.nameless)

    def of_channel(self, said: Said, time: int, thread: int, set_up: bool = False) -> AuditedSession | None:
        """The open session whose channel a line names: nothing happens on a channel of one that is not there, so that
        a name that is not known is that of one from before the log."""
        session, name = self.by_id(said, time, thread), said["id"]
        if session is None and name != NEW and name not in self.recent.by_name and not self.clients:
            session = self.before(b"", name, time)
            if set_up:
                self.came_up_in_set_up.append(time)
            self.tasks.bind(session, thread)
        return session

    def before(self, pointer: bytes, name: bytes, time: int) -> AuditedSession:
        """A session that was there before the log began (or whose first lines are missing)."""
        session = self.begin(pointer, name if name != NEW else None, time)
        session.partial = True
        self.partial += 1
        self.came_up.append(time)
        self.hold(session, "session_pool", 1, self.holdings.origin, "before the log")
        return session

    def named(self, pointer: bytes, name: bytes, time: int, thread: int, what: str) -> AuditedSession | None:
        """The open session with this address and id; one that was there before the log where it is not known."""
        session = self.by_pointer.get(pointer)
        if session is not None and (session.name == name or name == NEW):
            pass
        elif pointer in self.clients:
            return None
        elif name in self.by_name:
            session = self.by_name[name]
            if not session.pointer:
                session.pointer = pointer
                self.by_pointer[pointer] = session
        elif (gone := self.recent.by_name.get(name)) is not None:
            self.after_free(gone, what, time)
            return None
        elif session is not None and (session.name is None or not name):
            if name:
                session.name = name
                self.by_name[name] = session
        elif session is not None:  # the next session at this address: the pool of the one before was destroyed unseen
            session.terminated = max(session.terminated, session.last)
            session.pointer = b""
            session = self.before(pointer, name, time)
        elif name == NEW and (old := self.recent.by_pointer.get(pointer)) is not None:
            self.after_free(old, what, time, by_address=True)  # with another id it is the next session there
            return None
        elif pointer and name:
            session = self.before(pointer, name, time)
        if session is not None:
            self._hear(session, time)
            self.tasks.bind(session, thread)
        return session

    def _hear(self, session: AuditedSession, time: int) -> None:
        """A line about `session`: how long was it silent, where its call is answered?"""
        if session.answer >= 0 and time - session.last > self.silence:
            self.silence = time - session.last
        session.last = time

    def at(self, said: Said, time: int, thread: int) -> AuditedSession | None:
        """The open session that a line names by its address and its id."""
        pointer, name = said["pointer"], said["id"]
        session = self.by_pointer.get(pointer)
        if session is not None and session.name == name:  # the usual case, fast
            if session.answer >= 0 and time - session.last > self.silence:
                self.silence = time - session.last
            session.last = time
            worker = self.tasks.working.get(thread)
            if worker is None:
                self.tasks.last[thread] = session
            else:
                worker.session = session
            return session
        if not pointer:
            return self.by_id(said, time, thread)
        return self.named(pointer, name, time, thread, words_of(said, "pointer"))

    def by_id(self, said: Said, time: int, thread: int) -> AuditedSession | None:
        """The same for a line that has only the id."""
        name = said["id"]
        session = self.by_name.get(name)
        if session is not None:
            self._hear(session, time)
            self.tasks.bind(session, thread)
        elif (gone := self.recent.by_name.get(name)) is not None:
            self.after_free(gone, words_of(said, "id"), time)
        return session

    def after_free(self, gone: Gone, what: str, time: int, *, by_address: bool = False) -> None:
        if not gone.reported and time > gone.released:
            self.violate(time, gone, "use-after-free", gone.used(what, time), by_address=by_address)

    def violate(
        self, time: int, who: AuditedSession | Gone, kind: str, message: str, *, by_address: bool = False
    ) -> None:
        """`by_address`: told by an address alone, which is the next session's where lines of that one were lost."""
        at = (time - self.holdings.origin) / 1e6
        found = Violation(at, who.number, kind, message, who.id or None)
        (self.by_address if by_address else self.violations).append(found)

    def forget_violations(self, from_s: float) -> None:
        """Those from a time on are no evidence."""
        self.violations = [found for found in self.violations if found.time_s < from_s]
        self.by_address = [found for found in self.by_address if found.time_s < from_s]

    def hold(self, session: AuditedSession, resource: str, delta: int, time: int, cause: str, task: str = "") -> None:
        held = session.held.get(resource, 0) + delta
        if held < 0:
            return  # acquired before the log began
        session.held[resource] = held
        self.holdings.add(resource, delta, time, session.number, task, cause)

    def let_go(self, session: AuditedSession, resource: str, time: int, cause: str) -> None:
        held = session.held.get(resource, 0)
        if held:
            self.hold(session, resource, -held, time, cause)
