"""What each line says about a session: identity, milestones, what is outstanding, and which resources it holds.

Lines come in file order. A line names its session by address ("0x…"), by id, or only by the thread that wrote it;
addresses are reused by later sessions, ids are not.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Final

from sim.audit.holdings import Holdings
from sim.audit.session import UNKNOWN, Session
from sim.audit.taskbook import TaskBook
from sim.ledger.summary import Violation
from sim.logs.reading.shown import word
from sim.vocabulary.lines import ANSWER_STATUS, Kind

_RECENT: Final = 5_000  # released sessions remembered to recognise a use after free
_NEW: Final = b"new"


class Gone:
    """A released session, remembered for a while."""

    __slots__ = ("closing", "double", "name", "number", "pointer", "released", "reported")

    def __init__(self, session: Session) -> None:
        self.number = session.number
        self.name = session.label
        self.pointer = session.pointer
        self.released = session.released
        self.double = session.double
        self.closing = frozenset(session.closing)
        self.reported = False


class Account:
    """All open sessions of a log. `handlers[kind]` takes (text, time, thread) of a line; ValueError: not understood."""

    def __init__(self, tasks: TaskBook, holdings: Holdings, on_closed: Callable[[Session], None]) -> None:
        self.tasks = tasks
        self.holdings = holdings
        self.on_closed = on_closed
        self.by_pointer: dict[bytes, Session] = {}
        self.by_name: dict[bytes, Session] = {}
        self.open: dict[int, Session] = {}
        self.recent: OrderedDict[bytes, Gone] = OrderedDict()
        self.recent_pointers: dict[bytes, Gone] = {}
        self.violations: list[Violation] = []
        self.number = 0
        self.created = self.destroyed = self.refused = self.offline = self.partial = 0
        self.reused_unseen = 0
        self.shutdown: int | None = None
        self.invites: dict[int, deque[int]] = {}
        self.arrival: dict[int, int] = {}
        self.refusals: dict[int, int] = {}  # thread → final status ≥ 300 of the call event just received
        self.endings: dict[int, tuple[str, int]] = {}
        self.ports: dict[bytes, Session | None] = {}
        self.dying: dict[int, Session] = {}
        self.rtsp: dict[int, tuple[bytes, int]] = {}
        self.handlers: list[Callable[[bytes, int, int], None] | None] = [None] * len(Kind)
        for kind in Kind:
            self.handlers[kind] = getattr(self, f"_{kind.name.lower()}", None)
        self.pending_name: tuple[bytes, int] | None = None

    # --- who -----------------------------------------------------------------------------------------------------

    def _begin(self, pointer: bytes, name: bytes | None, time: int) -> Session:
        session = Session(self.number, pointer, name, time)
        self.number += 1
        self.open[session.number] = session
        if pointer:
            self.by_pointer[pointer] = session
        if name:
            self.by_name[name] = session
        return session

    def _before(self, pointer: bytes, name: bytes, time: int) -> Session:
        """A session that was there before the log began (or whose first lines are missing)."""
        session = self._begin(pointer, name if name != _NEW else None, time)
        session.partial = True
        self.partial += 1
        self.hold(session, "session_pool", 1, self.holdings.origin, "before the log")
        return session

    def named(self, pointer: bytes, inner: bytes, time: int, thread: int, what: str) -> tuple[Session | None, bytes]:
        """The open session of a "0x… <id>" or "0x… <id@resource>" line, and the resource or termination."""
        name, _, part = inner.partition(b"@")
        session = self.by_pointer.get(pointer)
        if session is not None and (session.name == name or name == _NEW):
            pass
        elif name in self.by_name:
            session = self.by_name[name]
            if not session.pointer:
                session.pointer = pointer
                self.by_pointer[pointer] = session
        elif (gone := self.recent.get(name)) is not None:
            self.after_free(gone, what, time)
            return None, part
        elif session is not None:
            if session.name is None and name:
                session.name = name
                self.by_name[name] = session
        elif (old := self.recent_pointers.get(pointer)) is not None:
            self.after_free(old, what, time)
            return None, part
        elif pointer.startswith(b"0x") and name:
            session = self._before(pointer, name, time)
        if session is not None:
            session.last = time
            self.tasks.bind(session, thread)
        return session, part

    def at(self, text: bytes, skip: int, time: int, thread: int) -> tuple[Session | None, bytes]:
        """`named` for the text of a line after its first `skip` characters."""
        pointer, _, rest = text[skip:].partition(b" <")
        close = rest.find(b">")
        if close < 0:
            raise ValueError(text)
        session = self.by_pointer.get(pointer)
        if session is not None and session.name is not None and rest.startswith(session.name):  # the usual case, fast
            session.last = time
            worker = self.tasks.working.get(thread)
            if worker is None:
                self.tasks.last[thread] = session
            else:
                worker.session = session
            return session, rest[len(session.name) + 1 : close]
        return self.named(pointer, rest[:close], time, thread, text[: skip - 1].decode())

    def by_id(self, text: bytes, skip: int, time: int, thread: int) -> tuple[Session | None, bytes]:
        """The session of a line that has only "<id>" or "<id@resource>" after `skip` characters."""
        close = text.find(b">", skip)
        if close < 0:
            raise ValueError(text)
        name, _, part = text[skip:close].partition(b"@")
        session = self.by_name.get(name)
        if session is not None:
            session.last = time
            self.tasks.bind(session, thread)
        elif (gone := self.recent.get(name)) is not None:
            self.after_free(gone, text[: skip - 2].decode(), time)
        return session, part

    def after_free(self, gone: Gone, what: str, time: int) -> None:
        if gone.reported or time <= gone.released:
            return
        gone.reported = True
        why = " after its engine channel was reported closed twice" if gone.double >= 0 else ""
        late = (time - gone.released) / 1e3
        self.violate(
            time, gone.number, "use-after-free",
            f"session <{gone.name}>: \"{what}\" {late:.3f} ms after its session_pool was destroyed{why}",
        )  # fmt: skip

    def violate(self, time: int, number: int, kind: str, message: str) -> None:
        self.violations.append(Violation((time - self.holdings.origin) / 1e6, number, kind, message))

    # --- what it holds -------------------------------------------------------------------------------------------

    def hold(self, session: Session, resource: str, delta: int, time: int, cause: str, task: str = "") -> None:
        held = session.held.get(resource, 0) + delta
        if held < 0:
            return  # acquired before the log began
        session.held[resource] = held
        self.holdings.add(resource, delta, time, session.number, task, cause)

    def let_go(self, session: Session, resource: str, time: int, cause: str) -> None:
        held = session.held.get(resource, 0)
        if held:
            self.hold(session, resource, -held, time, cause)

    # --- signalling ----------------------------------------------------------------------------------------------

    def _sip_event(self, text: bytes, time: int, thread: int) -> None:
        close = text.index(b"]", 19)
        event = text[19:close].decode()
        status = text[close + 9 : close + 12]
        if event == "nua_i_invite":
            self.invites.setdefault(thread, deque(maxlen=4096)).append(time)
        elif event == "nua_i_bye" or event == "nua_i_cancel":
            self.endings[thread] = (event[6:], time)
        elif status.isdigit():  # only final statuses ≥ 300 come here, see wording
            self.refusals[thread] = int(status)

    def _call_state(self, text: bytes, time: int, thread: int) -> None:
        pointer, _, rest = text[15:].partition(b" [")
        state = rest.rstrip(b"]")
        if state == b"received":
            queue = self.invites.get(thread)
            arrival = queue.popleft() if queue else time
            if not pointer:  # with a pointer its session is there already: no "Create Session" takes the arrival
                self.arrival[thread] = arrival
        if not pointer:
            self.tasks.bind(None, thread)
            return
        session = self.by_pointer.get(pointer)
        if session is None:
            if (gone := self.recent_pointers.get(pointer)) is not None:
                self.after_free(gone, "SIP Call State", time)
            return
        self.tasks.bind(session, thread)
        session.last = time
        session.call_state = state
        session.call_state_at = time
        if state == b"terminated" and session.ended < 0:
            session.ended = time
            kind, when = self.endings.pop(thread, ("", UNKNOWN))
            status = self.refusals.pop(thread, 0)
            session.bye_kind = kind or (f"status {status}" if status else "")
            session.bye = when
            if session.answer < 0 and status:
                session.refused = status

    def _create(self, text: bytes, time: int, thread: int) -> None:
        pointer, _, rest = text[15:].partition(b" <")
        name, _, profile = rest.partition(b"> [")
        if not pointer.startswith(b"0x"):
            raise ValueError(text)
        before = self.by_pointer.get(pointer)
        if before is not None:  # the address is reused: whatever the log misses, the old pool was destroyed
            self.reused_unseen += 1
            self._release(before, before.terminated if before.terminated >= 0 else time, "address reused")
        session = self._begin(pointer, name if name and name != _NEW else None, time)
        session.profile = profile.rstrip(b"]")
        session.created = time
        self.created += 1
        rtsp = self.rtsp.pop(thread, None)
        if rtsp is not None:
            session.v1 = True
            session.name, session.arrived = rtsp
            self.by_name[session.name] = session
        else:
            queue = self.invites.get(thread)
            arrival = self.arrival.pop(thread, UNKNOWN)
            session.arrived = arrival if arrival >= 0 else (queue[-1] if queue else time)
        self.tasks.bind(session, thread)
        self.hold(session, "session_pool", 1, time, "Create Session")
        self.hold(session, "sip_home", 1, time, "Create Session")
        if rtsp is None:
            self.hold(session, "nua_handle", 1, session.arrived, "INVITE")

    def _no_profile(self, text: bytes, time: int, thread: int) -> None:
        pointer = text[29:].partition(b" <")[0]
        if not pointer.startswith(b"0x"):
            raise ValueError(text)
        session = self._begin(pointer, None, time)
        session.created = time
        session.arrived = self.arrival.pop(thread, time)
        session.status = 488
        self.created += 1
        self.holdings.add("session_pool", 1, time, session.number, "", "Cannot Find Profile by Agent")
        session.held["session_pool"] = 1
        self.destroyed += 1
        self._release(session, time, "Cannot Find Profile by Agent")

    def _offline(self, text: bytes, time: int, thread: int) -> None:
        session = self._begin(b"", None, time)
        session.arrived = self.arrival.pop(thread, time)
        session.status = 503
        self.offline += 1
        self._release(session, UNKNOWN, "")

    def _add(self, text: bytes, time: int, thread: int) -> None:
        name = text[13 : text.index(b">", 13)]
        worker = self.tasks.working.get(thread)
        session = self.by_name.get(name) or (worker.session if worker is not None else None)
        if session is None:
            self.dying.pop(thread, None)
            self.pending_name = (name, time)
            return
        if session.name is None:
            session.name = name
            self.by_name[name] = session
        session.table = True
        self.hold(session, "session_table", 1, time, "Add Session")

    def _offer(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.at(text, 14, time, thread)
        if session is None:
            return
        waiting, self.pending_name = self.pending_name, None
        if not session.table and waiting is not None and waiting[0] == session.name:
            session.table = True
            self.hold(session, "session_table", 1, waiting[1], "Add Session")
        session.offers += 1
        session.negotiating = True
        session.media_path = False
        session.last_offer = time
        if session.offer < 0:
            session.offer = time

    def _found_engine(self, text: bytes, time: int, thread: int) -> None:
        close = text.index(b"]", 19)
        start = text.index(b"[", close) + 1
        stop = text.index(b"]", start)
        pointer, _, rest = text[stop + 2 :].partition(b" <")
        session, _ = self.named(pointer, rest[: rest.find(b">")], time, thread, "Found MRCP Engine")
        if session is not None:
            resource = text[start:stop]
            session.engines[resource] = word(text[19:close])
            self.hold(session, f"engine_channel:{word(resource)}", 1, time, "Found MRCP Engine")

    def _channel_failed(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.at(text, 32, time, thread)
        resource = text[text.rindex(b"[") + 1 : -1]
        self.holdings.refuse(f"engine_channel:{word(resource)}", time)
        if session is not None and session.engines.pop(resource, None) is not None:
            name = f"engine_channel:{word(resource)}"
            if session.held.pop(name, 0):
                self.holdings.take_back(name, time, session.number)

    def _no_resource(self, text: bytes, time: int, thread: int) -> None:
        self.at(text, 17, time, thread)

    def _answer(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.at(text, 12, time, thread)
        if session is None:
            return
        session.negotiating = False
        session.last_answer = time
        if session.answer < 0:
            session.answer = time
            session.status = ANSWER_STATUS.get(text[text.rindex(b" Status ") + 8 :], 0)

    def _push(self, text: bytes, time: int, thread: int) -> None:
        worker = self.tasks.working.get(thread)
        ending = worker is not None and worker.name == "terminate"
        session, _ = self.at(text, 22, time, thread)
        if session is None:
            return
        session.queued += 1
        if ending or session.ended >= 0:
            session.end_queued = True
            if session.ended < 0:
                session.ended = time

    def _deactivate(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.at(text, 19, time, thread)
        if session is not None and session.deactivate < 0:
            session.deactivate = time
            session.active = None
            session.negotiating = False
            if session.ended < 0:
                session.ended = time

    def _terminate(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.at(text, 18, time, thread)
        if session is not None and session.terminate < 0:
            session.terminate = time
            session.stopping.clear()
            self.tasks.operation = "close"

    def _terminated(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.at(text, 19, time, thread)
        if session is not None:
            session.terminated = time
            for resource in [name for name in session.held if name.startswith("engine_channel:")]:
                self.let_go(session, resource, time, "Session Terminated")
            self.dying[thread] = session

    def _remove(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.by_id(text, 16, time, thread)
        if session is not None and session.table:
            session.table = False
            self.let_go(session, "session_table", time, "Remove Session")

    def _destroy(self, text: bytes, time: int, thread: int) -> None:
        name = text[17 : text.index(b">", 17)]
        self.destroyed += 1
        session = self.by_name.get(name)
        if session is None and name == _NEW:
            session = self.dying.get(thread)
        self.dying.pop(thread, None)
        if session is None:
            gone = self.recent.get(name)
            if gone is not None:
                self.violate(
                    time, gone.number, "double-release", f"session <{gone.name}>: session_pool destroyed twice"
                )
                return
            session = self._before(b"", name, time)
        self.tasks.bind(session, thread)
        self._release(session, time, "Destroy Session")

    def _initiate_bye(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.by_id(text, 30, time, thread)
        if session is not None and session.asked_bye < 0:
            session.asked_bye = time

    def _release(self, session: Session, time: int, cause: str) -> None:
        """`session` is over: its pool is destroyed (or never was: a refused call)."""
        session.released = time
        for resource in [name for name, held in session.held.items() if held]:
            self.let_go(session, resource, max(time, session.last), cause)
        self.open.pop(session.number, None)
        if session.pointer and self.by_pointer.get(session.pointer) is session:
            del self.by_pointer[session.pointer]
        if session.name and self.by_name.get(session.name) is session:
            del self.by_name[session.name]
        for port in session.ports:
            self.ports.pop(port, None)
        if time >= 0:
            self._remember(session)
        self.on_closed(session)

    def _remember(self, session: Session) -> None:
        gone = Gone(session)
        self.recent[session.name or session.pointer] = gone
        self.recent_pointers[session.pointer] = gone
        if len(self.recent) > _RECENT:
            self._forget(self.recent.popitem(last=False)[1])

    def _forget(self, gone: Gone) -> None:
        if self.recent_pointers.get(gone.pointer) is gone:
            del self.recent_pointers[gone.pointer]

    def double_close(self, time: int, number: int, name: str, resource: bytes) -> None:
        """The close of the channel `resource` was answered before."""
        self.violate(
            time, number, "double-close",
            f"session <{name}>: its engine channel {word(resource)} was reported closed once "
            "more; the release did not wait for all parts",
        )  # fmt: skip

    def close(self) -> None:
        """The log has ended: put the violations in order of time."""
        self.violations.sort(key=lambda violation: (violation.time_s, violation.session))

    def restart(self) -> list[Session]:
        """The process has gone: forget threads, addresses and connections; the sessions that died with it."""
        lost = list(self.open.values())
        tables: tuple[dict[Any, Any], ...] = (
            self.by_pointer, self.by_name, self.open, self.recent_pointers, self.invites, self.arrival, self.refusals,
            self.endings, self.ports, self.dying, self.rtsp,
        )  # fmt: skip
        for table in tables:
            table.clear()
        self.tasks.restart()
        return lost

    def _shutdown(self, text: bytes, time: int, thread: int) -> None:
        if self.shutdown is None:
            self.shutdown = time
