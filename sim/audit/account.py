"""What each line of signalling says about its session: milestones, what is outstanding, what it takes and lets go.

Lines come in file order.
"""

import re
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

from sim.audit.audited import UNKNOWN, AuditedSession
from sim.audit.holdings import Holdings
from sim.audit.losses import Losses
from sim.audit.reads import Reader, Reads, Said
from sim.audit.roll import NEW, Roll
from sim.audit.taskbook import TaskBook
from sim.ledger.summary import Violation
from sim.logs.reading.shown import word
from sim.vocabulary.lines import ANSWER_STATUS, Kind

_TOLD_AGAIN: Final = (b"nua_i_ack", b"nua_i_active", b"nua_i_terminated")  # by the call's state as well


_ADDRESS: Final = re.compile(rb"0x[0-9A-Fa-f]*")
_ANSWERED: Final = (b"completed", b"ready")  # a 200 was sent

reads: Reads["Account"] = Reads()


class Account(Roll):
    """All open sessions of a log. `handlers[kind]` takes (said, time, thread) of a line."""

    def __init__(self, tasks: TaskBook, holdings: Holdings, on_closed: Callable[[AuditedSession], None]) -> None:
        super().__init__(tasks, holdings)
        self.on_closed = on_closed
        self.destroyed = self.refused = self.offline = self.reused_unseen = 0
        self.same: Counter[bytes] = Counter()  # ids and addresses that can not be what the server wrote: how often
        self.losses = Losses(tasks)
        self.unseen_ends = 0  # sessions that were terminated, without the line that destroys their pool
        self.shutdown: int | None = None
        self.invites: dict[int, deque[int]] = {}
        self.arrival: dict[int, int] = {}
        self.refusals: dict[int, int] = {}  # thread → final status ≥ 300 of the call event just received
        self.endings: dict[int, tuple[str, int]] = {}
        self.errors: dict[int, bytes] = {}  # thread → phrase of the error that its next call state belongs to
        self.ports: dict[bytes, AuditedSession | None] = {}
        self.dying: dict[int, AuditedSession] = {}
        self.rtsp: dict[int, tuple[bytes, int]] = {}
        self.pending_name: tuple[bytes, int] | None = None

    @reads(Kind.CLIENT_HANDLE)
    def _client_handle(self, said: Said, time: int, thread: int) -> None:
        self.clients.add(said["pointer"])

    @reads(Kind.SIP_EVENT)
    def _sip_event(self, said: Said, time: int, thread: int) -> None:
        event, status = said["event"], int(said["status"])
        if event == b"nua_i_invite":
            self.invites.setdefault(thread, deque(maxlen=4096)).append(time)
        elif event == b"nua_i_bye" or event == b"nua_i_cancel":
            self.endings[thread] = (event[6:].decode(), time)
        elif event == b"nua_i_error" or said["phrase"].lower() == b"session timeout":
            self.errors[thread] = said["phrase"]
        elif event not in _TOLD_AGAIN and not (event == b"nua_i_state" and 100 <= status < 300):
            self.refusals[thread] = status

    @reads(Kind.CALL_STATE)
    def _call_state(self, said: Said, time: int, thread: int) -> None:
        """By its address alone, which is the next session's where "Create Session" was taken out of the log."""
        pointer, state = said["pointer"], said["state"]
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
            if self.announced and (gone := self.recent.by_pointer.get(pointer)) is not None:
                self.after_free(gone, "SIP Call State", time, by_address=True)
            return
        self.tasks.bind(session, thread)
        self._hear(session, time)
        session.note_end(state, time, self.errors.pop(thread, b""), asked=thread in self.endings)
        session.call_state = state
        if state in _ANSWERED and session.answer < 0 and session.proved < 0:
            session.proved = time
            session.negotiating = False
        if state == b"terminated" and session.ended < 0:
            session.ended = time
            kind, when = self.endings.pop(thread, ("", UNKNOWN))
            status = self.refusals.pop(thread, 0)
            session.bye_kind = kind or (f"status {status}" if status else "")
            session.bye = when
            if session.answer < 0 and status:
                session.refused = status

    @reads(Kind.CREATE)
    def _create(self, said: Said, time: int, thread: int) -> None:
        pointer, name = said["pointer"], said["id"]
        if _ADDRESS.fullmatch(pointer) is None:
            self.same[pointer] += 1
        before = self.by_pointer.get(pointer)
        if before is not None:  # the address is reused: whatever the log misses, the old pool was destroyed
            self.reused_unseen += 1
            self.destroyed += 1
            self._release(before, before.terminated if before.terminated >= 0 else time, "address reused")
        session = self.begin(pointer, name if name != NEW else None, time)
        session.profile = said["profile"]
        session.created = time
        self.created += 1
        rtsp = self.rtsp.pop(thread, None)
        if rtsp is not None:
            session.v1 = True
            session.name, session.arrived = rtsp
            self.by_name[session.name] = session
        else:
            session.arrived = self._arrival(thread, time)
        self.tasks.bind(session, thread)
        self.hold(session, "session_pool", 1, time, "Create Session")
        self.hold(session, "sip_home", 1, time, "Create Session")
        if rtsp is None:
            self.hold(session, "nua_handle", 1, session.arrived, "INVITE")

    def _arrival(self, thread: int, time: int) -> int:
        """When the INVITE came of the session that is created at `time`."""
        queue = self.invites.get(thread)
        arrival = self.arrival.pop(thread, UNKNOWN)
        return arrival if arrival >= 0 else (queue[-1] if queue else time)

    @reads(Kind.NO_PROFILE)
    def _no_profile(self, said: Said, time: int, thread: int) -> None:
        session = self.begin(said["pointer"], None, time)
        session.created = time
        session.arrived = self.arrival.pop(thread, time)
        session.status = 488
        self.created += 1
        self.holdings.add("session_pool", 1, time, session.number, "", "Cannot Find Profile by Agent")
        session.held["session_pool"] = 1
        self.destroyed += 1
        self._release(session, time, "Cannot Find Profile by Agent")

    @reads(Kind.OFFLINE)
    def _offline(self, said: Said, time: int, thread: int) -> None:
        session = self.begin(b"", None, time)
        session.arrived = self.arrival.pop(thread, time)
        session.status = 503
        self.offline += 1
        self._release(session, UNKNOWN, "")

    @reads(Kind.ADD)
    def _add(self, said: Said, time: int, thread: int) -> None:
        name = said["id"]
        if name in self.recent.by_name or ((known := self.by_name.get(name)) is not None and known.table):
            self.same[name] += 1
        worker = self.tasks.working.get(thread)
        session = self.by_name.get(name) or (worker.session if worker is not None else None)
        if session is None and name not in self.recent.by_name and not self.awaits_name():
            self.dying.pop(thread, None)
            session = self._begin_unannounced(name, time, thread)
        if session is None:
            self.dying.pop(thread, None)
            self.pending_name = (name, time)
            return
        if session.name is None:
            session.name = name
            self.by_name[name] = session
        session.table = session.added = True
        self.hold(session, "session_table", 1, time, "Add Session")

    @reads(Kind.OFFER)
    def _offer(self, said: Said, time: int, thread: int) -> None:
        waiting = self.pending_name
        if not said["pointer"] and waiting is not None and waiting[0] == said["id"] not in self.by_name:
            self._begin_unannounced(said["id"], waiting[1], thread)
        session = self.at(said, time, thread)
        if session is None:
            return
        self.pending_name = None
        if not session.table and waiting is not None and waiting[0] == session.name:
            session.table = session.added = True
            self.hold(session, "session_table", 1, waiting[1], "Add Session")
        session.offers += 1
        session.negotiating = True
        session.media_path = False
        session.last_offer = time
        if session.offer < 0:
            session.offer = time
            session.audio = said["audio"] != b"0"

    def _begin_unannounced(self, name: bytes, time: int, thread: int) -> AuditedSession:
        """Versions before 1.0 do not log that they create a session, nor does a log at NOTICE, or one that was searched
        for the session's id: it begins, for its log, with "Add Session"."""
        sip = next((other for other, queue in self.invites.items() if queue), thread)
        session = self.begin(b"", name, time)
        session.announced = bool(self.arrival) or any(self.invites.values())
        session.created = time
        session.arrived = self._arrival(next(iter(self.arrival), sip), time)
        self.created += 1
        self.unannounced += 1
        for resource in ("session_pool", "sip_home", "nua_handle"):
            self.hold(session, resource, 1, time, "Add Session")
        return session

    @reads(Kind.FOUND_ENGINE)
    def _found_engine(self, said: Said, time: int, thread: int) -> None:
        session = self.at(said, time, thread)
        if session is not None:
            self.take_channel(session, said["resource"], word(said["engine"]), time, "Found MRCP Engine")

    def take_channel(self, session: AuditedSession, resource: bytes, engine: str, time: int, cause: str) -> None:
        """`session` has an engine channel for `resource` from `engine`."""
        session.engines[resource] = engine
        self.hold(session, f"engine_channel:{word(resource)}", 1, time, cause)

    @reads(Kind.CHANNEL_FAILED)
    def _channel_failed(self, said: Said, time: int, thread: int) -> None:
        resource = said["resource"]
        name = f"engine_channel:{word(resource)}"
        session = self.at(said, time, thread) if said["id"] else None
        self.holdings.refuse(name, time)
        if session is None:
            return
        session.unserved.add(resource)
        if session.engines.pop(resource, None) is not None and session.held.pop(name, 0):
            self.holdings.take_back(name, time, session.number)

    @reads(Kind.NO_RESOURCE)
    def _no_resource(self, said: Said, time: int, thread: int) -> None:
        if said["id"]:
            self.at(said, time, thread)

    @reads(Kind.ANSWER)
    def _answer(self, said: Said, time: int, thread: int) -> None:
        session = self.at(said, time, thread)
        if session is None:
            return
        session.negotiating = False
        session.last_answer = time
        if session.answer < 0:
            session.answer = time
            session.status = ANSWER_STATUS.get(said["answer"], 0)

    @reads(Kind.PUSH)
    def _push(self, said: Said, time: int, thread: int) -> None:
        worker = self.tasks.working.get(thread)
        ending = worker is not None and worker.name == "terminate"
        session = self.at(said, time, thread)
        if session is None:
            return
        session.queued += 1
        if ending and session.ended < 0:
            session.ended = time

    @reads(Kind.TERMINATE_ASKED)
    def _terminate_asked(self, said: Said, time: int, thread: int) -> None:
        session = self.by_id(said, time, thread)
        if session is not None and session.ended < 0:
            session.ended = time

    @reads(Kind.DEACTIVATE)
    def _deactivate(self, said: Said, time: int, thread: int) -> None:
        session = self.at(said, time, thread)
        if session is not None and session.deactivate < 0:
            session.deactivate = time
            session.active = None
            session.negotiating = False
            if session.ended < 0:
                session.ended = time

    @reads(Kind.TERMINATE)
    def _terminate(self, said: Said, time: int, thread: int) -> None:
        session = self.at(said, time, thread)
        if session is not None and session.terminate < 0:
            session.terminate = time
            self.terminations = True
            session.stopping.clear()
            self.tasks.operation = "close"

    @reads(Kind.TERMINATED)
    def _terminated(self, said: Said, time: int, thread: int) -> None:
        session = self.at(said, time, thread)
        if session is not None:
            session.terminated = time
            session.ends_told |= 1
            for resource in [name for name in session.held if name.startswith("engine_channel:")]:
                self.let_go(session, resource, time, "Session Terminated")
            self.dying[thread] = session

    @reads(Kind.REMOVE)
    def _remove(self, said: Said, time: int, thread: int) -> None:
        session = self.by_id(said, time, thread)
        if session is None:
            return
        session.ends_told |= 2
        if session.terminated < 0:  # in one breath with "Session Terminated", after all that its termination waited for
            session.terminated = time
        if session.table:
            session.table = False
            self.let_go(session, "session_table", time, "Remove Session")

    @reads(Kind.DESTROY)
    def _destroy(self, said: Said, time: int, thread: int) -> None:
        name = said["id"]
        self.destroyed += 1
        session = self.by_name.get(name)
        if session is None and name == NEW:
            session = self.dying.get(thread)
        self.dying.pop(thread, None)
        if session is None:
            gone = self.recent.by_name.get(name)
            if gone is not None:
                self.violate(time, gone, "double-release", f"session <{gone.label}>: session_pool destroyed twice")
                return
            session = self.before(b"", name, time)
        self.tasks.bind(session, thread)
        self.losses.listen(session)
        self._release(session, time, "Destroy Session")

    @reads(Kind.INITIATE_BYE)
    def _initiate_bye(self, said: Said, time: int, thread: int) -> None:
        session, name = self.by_id(said, time, thread), said["id"]
        if session is None and name != NEW and name not in self.recent.by_name and not self.clients:
            session = self.before(b"", name, time)  # nothing is sent for a session that is not there
        if session is not None and session.asked_bye < 0:
            session.asked_bye = time

    def _release(self, session: AuditedSession, time: int, cause: str) -> None:
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
            self.recent.remember(session)
        self.on_closed(session)

    def settle(self) -> None:
        """The log has ended, and the server has not: a session that was terminated is destroyed within microseconds, by
        the same thread, so that only the line is missing which says so."""
        for session in [session for session in self.open.values() if session.terminated >= 0]:
            self.unseen_ends += 1
            self.destroyed += 1
            self._release(session, session.terminated, "Session Terminated")

    def told(self) -> list[Violation]:
        """The violations, without those that lines may make which were lost: sessions that came up unannounced since
        may have been at the address already."""
        late = (max(self.came_up, default=-1) - self.holdings.origin) / 1e6
        return self.violations + [v for v in self.by_address if v.time_s > late and not self.losses.certain]

    def close(self) -> None:
        """The log has ended: put the violations in order of time."""
        self.violations = sorted(self.told(), key=lambda violation: (violation.time_s, violation.session))
        self.by_address = []

    def restart(self) -> list[AuditedSession]:
        """The process has gone: forget threads, addresses and connections; the sessions that died with it."""
        lost = list(self.open.values())
        tables: tuple[dict[Any, Any], ...] = (
            self.by_pointer, self.by_name, self.open, self.recent.by_pointer, self.invites, self.arrival, self.refusals,
            self.errors, self.endings, self.ports, self.dying, self.rtsp,
        )  # fmt: skip
        for table in tables:
            table.clear()
        self.tasks.restart()
        return lost

    @reads(Kind.SHUTDOWN)
    def _shutdown(self, said: Said, time: int, thread: int) -> None:
        if self.shutdown is None:
            self.shutdown = time

    @property
    def readers(self) -> dict[Kind, Reader]:
        """What each kind of line does to this account."""
        return reads.bound(self)
