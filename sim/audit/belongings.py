"""What each line says about what a session has: channels, media, MRCP requests, connections, dropped messages."""

from array import array

from sim.audit.account import Account
from sim.audit.audited import UNKNOWN, AuditedSession
from sim.audit.gone import Gone
from sim.audit.reads import Reader, Reads, Said
from sim.logs.reading.shown import word
from sim.vocabulary.lines import Kind
from sim.vocabulary.messages import SERVER_MESSAGES
from sim.vocabulary.tasks import SERVER_TASK

reads: Reads["Belongings"] = Reads()
GOES_ON = frozenset({b"RECOGNIZE", b"SPEAK", b"RECORD", b"VERIFY"})
ENDS_PROGRESS = frozenset({b"STOP", b"DEACTIVATE", b"BARGE-IN-OCCURRED"})


class Belongings:
    """What lines do to what the sessions of an account have besides their pools."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.tasks = account.tasks
        self.holdings = account.holdings
        self.connections: dict[bytes, set[int]] = {}  # not yet destroyed: the numbers of the sessions on it
        self.sockets: set[bytes] = set()
        self.fresh_ports: dict[int, list[bytes]] = {}
        self.lost_messages = 0
        self.lost_unknown: list[tuple[int, str, str]] = []  # dropped, of no session that the log names
        self.mpf_full: dict[int, int] = {}
        self.answers: dict[tuple[str, str], list[int]] = {}  # (engine, operation) → [by its own task, by others]
        self.stops = array("q")
        self.responses = array("q")
        self.engine_of: dict[bytes, str] = {}  # resource → engine id, as the server said at its start

    @property
    def readers(self) -> dict[Kind, Reader]:
        """What each kind of line does to them."""
        return reads.bound(self)

    # --- control channels ----------------------------------------------------------------------------------------

    @reads(Kind.ASSOCIATE)
    def _associate(self, said: Said, time: int, thread: int) -> None:
        self.engine_of[said["resource"]] = word(said["engine"])

    @reads(Kind.CHANNEL_ADD)
    def _channel_add(self, said: Said, time: int, thread: int) -> None:
        session, resource = self.account.at(said, time, thread), said["resource"]
        if session is not None:
            session.control[resource] = "pending"
            self._served(session, resource, time)

    def _served(self, session: AuditedSession, resource: bytes, time: int) -> None:
        """A channel that was not refused has an engine, which versions before 1.6 do not name."""
        if resource not in session.engines and resource not in session.unserved:
            self.account.take_channel(session, resource, self.engine_of.get(resource, ""), time, "Add Control Channel")

    @reads(Kind.AGENT_MODIFIED)
    def _agent_modified(self, said: Said, time: int, thread: int) -> None:
        self._name(thread, "modify")

    @reads(Kind.CHANNEL_MODIFY)
    def _channel_modify(self, said: Said, time: int, thread: int) -> None:
        session = self.account.at(said, time, thread)
        if session is not None:
            session.control[said["resource"]] = "pending"

    @reads(Kind.CHANNEL_MODIFIED)
    def _channel_modified(self, said: Said, time: int, thread: int) -> None:
        session = self.account.at(said, time, thread)
        if session is not None:
            session.control[said["resource"]] = "added"

    @reads(Kind.CHANNEL_REMOVE)
    def _channel_remove(self, said: Said, time: int, thread: int) -> None:
        session, resource = self.account.at(said, time, thread), said["resource"]
        if session is not None and session.control.get(resource) != "gone":
            session.control[resource] = "removing"

    @reads(Kind.CHANNEL_REMOVED)
    def _channel_removed(self, said: Said, time: int, thread: int) -> None:
        session = self.account.at(said, time, thread)
        if session is not None:
            session.control[said["resource"]] = "removed"

    @reads(Kind.PENDING_ADD)
    def _pending_add(self, said: Said, time: int, thread: int) -> None:
        session = self.account.of_channel(said, time, thread, set_up=True)
        self._name(thread, "add")
        if session is not None:
            self.account.hold(session, "control_channel", 1, time, "Add Pending Control Channel")
            self._served(session, said["resource"], time)

    @reads(Kind.AGENT_REMOVED, Kind.PENDING_REMOVED)
    def _agent_removed(self, said: Said, time: int, thread: int) -> None:
        session, resource = self.account.by_id(said, time, thread), said["resource"]
        self._name(thread, "remove")
        if session is not None:
            if session.control.get(resource) != "removing":  # at INFO this is all there is
                session.control[resource] = "gone"
            self.account.hold(session, "control_channel", -1, time, "Remove Control Channel")

    @reads(Kind.ASSIGN)
    def _assign(self, said: Said, time: int, thread: int) -> None:
        session, connection = self.account.of_channel(said, time, thread), said["connection"]
        if session is not None:
            session.connections.add(connection)
            self.connections.setdefault(connection, set()).add(session.number)

    def _name(self, thread: int, name: str) -> None:
        worker = self.tasks.working.get(thread)
        if worker is not None:
            worker.name = name

    # --- engine channels -----------------------------------------------------------------------------------------

    @reads(Kind.OPENED)
    def _opened(self, said: Said, time: int, thread: int) -> None:
        session, resource = self.account.at(said, time, thread), said["resource"]
        if session is None:
            return
        session.opened[resource] = time
        if session.answer < 0:
            session.opened_at = time
        self._answered(session, resource, "open", thread)

    @reads(Kind.CLOSED)
    def _closed(self, said: Said, time: int, thread: int) -> None:
        session, resource = self.account.at(said, time, thread), said["resource"]
        if session is None:
            gone = self.account.recent.by_name.get(said["id"])
            if gone is not None and resource in gone.closing:
                late = (time - gone.released) / 1e6
                self._double_close(time, gone, resource, f"{late:.6f} s after its session_pool was destroyed")
            return
        if resource in session.closing:
            if session.double < 0:
                session.double = time
            self._double_close(time, session, resource, "the release does not wait for all parts")
            return
        if session.terminate < 0:
            asked = session.negotiating or session.deactivate >= 0 or session.ended >= 0  # perhaps, in a line not here
            if not asked:  # an answer for the one that lay here before
                old = self.account.recent.by_pointer.get(session.pointer)
                if old is not None and not old.reported and self.account.announced and self.account.terminations:
                    old.reported = True
                    self.account.violate(
                        time, old, "use-after-free",
                        f"session <{old.label}>: its engine channel was reported closed after its session_pool was "
                        f"destroyed; the address now belongs to session <{session.label}>", by_address=True,
                    )  # fmt: skip
            return
        session.closing.add(resource)
        session.closed = time
        self._answered(session, resource, "close", thread)

    def _double_close(self, time: int, who: AuditedSession | Gone, resource: bytes, effect: str) -> None:
        """The close of the channel `resource` was answered before."""
        self.account.violate(
            time, who, "double-close",
            f"session <{who.label}>: its engine channel {word(resource)} was reported closed once more; {effect}",
        )  # fmt: skip

    def _answered(self, session: AuditedSession, resource: bytes, operation: str, thread: int) -> None:
        worker = self.tasks.working.get(thread)
        if worker is not None and worker.sent >= 0:
            key = (session.engines.get(resource, ""), operation)
            self.answers.setdefault(key, [0, 0])[0 if worker.by else 1] += 1

    # --- media ---------------------------------------------------------------------------------------------------

    @reads(Kind.TERMINATION_MODIFIED)
    def _termination_modified(self, said: Said, time: int, thread: int) -> None:
        session = self.account.at(said, time, thread)
        if session is not None:
            if session.answer < 0:
                session.media = time
            self.tasks.operation = "open"

    @reads(Kind.TERMINATION_SUBTRACT)
    def _termination_subtract(self, said: Said, time: int, thread: int) -> None:
        session = self.account.at(said, time, thread)
        if session is not None:
            session.media_asked += 1

    @reads(Kind.TERMINATION_SUBTRACTED)
    def _termination_subtracted(self, said: Said, time: int, thread: int) -> None:
        session = self.account.at(said, time, thread)
        if session is not None:
            session.media_done += 1

    def _of_context(self, said: Said, thread: int) -> AuditedSession | None:
        session = self.account.by_pointer.get(said["pointer"])
        if session is not None:
            self.tasks.bind(session, thread)
        return session

    @reads(Kind.CONTEXT_ADD)
    def _context_add(self, said: Said, time: int, thread: int) -> None:
        session = self._of_context(said, thread)
        self._name(thread, "add")
        if session is not None:
            self.account.hold(session, "media_context", 1, time, "Add Media Context", "Media Engine")

    @reads(Kind.CONTEXT_REMOVE)
    def _context_remove(self, said: Said, time: int, thread: int) -> None:
        session = self._of_context(said, thread)
        self._name(thread, "subtract")
        if session is not None:
            self.account.hold(session, "media_context", -1, time, "Remove Media Context", "Media Engine")

    @reads(Kind.MEDIA_PATH)
    def _media_path(self, said: Said, time: int, thread: int) -> None:
        session = self._of_context(said, thread)
        if session is not None:
            session.media_path = True
            if session.media_path_at < 0 and session.answer < 0:
                session.media_path_at = time
            for port in self.fresh_ports.pop(thread, ()):
                if self.account.ports.get(port, session) is None:
                    self._own(port, session)

    def _own(self, port: bytes, session: AuditedSession) -> None:
        self.account.ports[port] = session
        session.ports.add(port)
        session.held["rtp_port"] = session.held.get("rtp_port", 0) + 1

    @reads(Kind.RTP_ENABLE)
    def _rtp_enable(self, said: Said, time: int, thread: int) -> None:
        port = said["address"]
        if port in self.account.ports:
            return
        worker = self.tasks.working.get(thread)
        session = worker.session if worker is not None else None
        self.holdings.add("rtp_port", 1, time, session.number if session else -1, "Media Engine", "Enable RTP Session")
        self.account.ports[port] = None
        if session is not None:
            self._own(port, session)
        else:
            fresh = self.fresh_ports.setdefault(thread, [])
            fresh.append(port)
            del fresh[:-16]

    @reads(Kind.RTP_REMOVE)
    def _rtp_remove(self, said: Said, time: int, thread: int) -> None:
        port = said["address"]
        if port not in self.account.ports:
            return
        session = self.account.ports.pop(port)
        number = -1
        if session is not None:
            session.ports.discard(port)
            session.held["rtp_port"] -= 1
            number = session.number
            self.tasks.bind(session, thread)
        self.holdings.add("rtp_port", -1, time, number, "Media Engine", "Remove RTP Session")

    @reads(Kind.RECEIVER_CLOSE)
    def _receiver_close(self, said: Said, time: int, thread: int) -> None:
        session = self.account.ports.get(said["address"])
        if session is not None and session.offers > 1 and session.deactivate < 0 and session.terminate < 0:
            session.holds.append([session.last_offer, UNKNOWN])

    @reads(Kind.RECEIVER_OPEN)
    def _receiver_open(self, said: Said, time: int, thread: int) -> None:
        session = self.account.ports.get(said["address"])
        if session is not None and session.audio_away >= 0:
            session.holds[-1][1] = time
            if session.holds[-1][0] == session.last_offer:  # the same offer opens it again: no hold
                session.holds.pop()

    @reads(Kind.RTP_FULL)
    def _rtp_full(self, said: Said, time: int, thread: int) -> None:
        self.holdings.refuse("rtp_port", time)

    # --- MRCP ----------------------------------------------------------------------------------------------------

    @reads(Kind.MRCP)
    def _mrcp(self, said: Said, time: int, thread: int) -> None:
        method, what = said["method"], said["what"]
        session, resource = self.account.of_channel(said, time, thread), said["resource"]
        if session is not None:
            session.prove_answered(resource, time, request=what != b"Event")
        if what == b"Request":
            self.tasks.operation = "request"
            if session is not None:
                session.requests += 1
                session.active = (word(method), resource, time)
                if method in GOES_ON:
                    session.in_progress = session.active[0]
        elif what == b"Response":
            self._name(thread, "response")
            if session is not None:
                self._response(session, method, resource, time, thread)
        else:
            self._name(thread, "event")
            if session is not None and method.endswith(b"-COMPLETE"):
                session.in_progress = ""

    def _response(self, session: AuditedSession, method: bytes, resource: bytes, time: int, thread: int) -> None:
        if method in ENDS_PROGRESS:
            session.in_progress = ""
        if method == b"DEACTIVATE":
            worker = self.tasks.working.get(thread)
            if worker is not None:
                worker.stops = True
            since = session.stopping.pop(resource, UNKNOWN)
            if since >= 0:
                self.stops.append(time - since)
                self._answered(session, resource, "stop", thread)
        elif session.active is not None:
            self.responses.append(time - session.active[2])
            session.active = None
            self._answered(session, resource, "request", thread)

    @reads(Kind.STOP)
    def _stop(self, said: Said, time: int, thread: int) -> None:
        session = self.account.of_channel(said, time, thread)
        self.tasks.operation = "stop"
        if session is not None:
            session.stopping[said["resource"]] = time

    @reads(Kind.MISSING_RESOURCE, Kind.NO_CHANNEL)
    def _wedged(self, said: Said, time: int, thread: int) -> None:
        session = self.account.at(said, time, thread)
        if session is not None:
            session.wedged = time

    # --- connections ---------------------------------------------------------------------------------------------

    def sharing(self) -> set[int]:
        """Sessions on connections that other sessions use, or used, too."""
        return {number for numbers in self.connections.values() if len(numbers) > 1 for number in numbers}

    @reads(Kind.TCP_ACCEPT)
    def _tcp_accept(self, said: Said, time: int, thread: int) -> None:
        connection = said["connection"]
        self.sockets.add(connection)
        self.connections.setdefault(connection, set())
        self.holdings.add("tcp_connection", 1, time, -1, "", "Accepted")
        self.holdings.add("connection_pool", 1, time, -1, "", "Accepted")

    @reads(Kind.TCP_REFUSED)
    def _tcp_refused(self, said: Said, time: int, thread: int) -> None:
        self.holdings.refuse("tcp_connection", time)

    def _tcp_closed(self, connection: bytes, time: int, cause: str) -> None:
        if connection in self.sockets:
            self.sockets.discard(connection)
            self.holdings.add("tcp_connection", -1, time, -1, "", cause)

    @reads(Kind.TCP_DISCONNECT)
    def _tcp_disconnect(self, said: Said, time: int, thread: int) -> None:
        connection = said["connection"]
        self._tcp_closed(connection, time, "Peer Disconnected")
        for number in self.connections.get(connection, ()):
            session = self.account.open.get(number)
            if session is not None:
                session.gone = time

    @reads(Kind.TCP_TIMED_OUT)
    def _tcp_timed_out(self, said: Said, time: int, thread: int) -> None:
        connection = said["connection"]
        self._tcp_closed(connection, time, "Timed Out")
        for number in self.connections.get(connection, ()):
            session = self.account.open.get(number)
            if session is not None and session.ended < 0 and not session.ended_by:
                session.ended_by = "inactivity timeout"

    @reads(Kind.TCP_DESTROY)
    def _tcp_destroy(self, said: Said, time: int, thread: int) -> None:
        connection = said["connection"]
        self._tcp_closed(connection, time, "Destroy Connection")
        if self.connections.pop(connection, None) is not None:
            use = self.holdings.uses.get("connection_pool")
            if use is not None and use.held > 0:
                self.holdings.add("connection_pool", -1, time, -1, "", "Destroy Connection")

    # --- what went wrong, what was configured --------------------------------------------------------------------

    @reads(Kind.MPF_FULL)
    def _mpf_full(self, said: Said, time: int, thread: int) -> None:
        self.mpf_full[thread] = time
        self._drop(word(said["task"]), "media", time, thread, None, full=True)

    @reads(Kind.LOST)
    def _lost(self, said: Said, time: int, thread: int) -> None:
        task = said["task"]
        pointer, _, kind = said["message"].partition(b";")
        sent = self.tasks.lost(task, int(pointer, 16) & 0xFFFFFFFF, kind)
        if self.mpf_full.pop(thread, None) is not None:
            return
        name = sent.name if sent is not None else ""
        if not name and task == SERVER_TASK.encode():
            name = SERVER_MESSAGES.get(kind, "")
        session = sent.session if sent is not None else None
        self._drop(word(task), name, time, thread, session, full=False)

    def _drop(
        self, task: str, name: str, time: int, thread: int, session: AuditedSession | None, *, full: bool
    ) -> None:
        self.lost_messages += 1
        if session is None:
            worker = self.tasks.working.get(thread)
            session = worker.session if worker is not None else self.tasks.last.get(thread)
        if session is not None and session.released < 0:
            session.lost.append((time, task, name, full))
        else:
            self.lost_unknown.append((time, task, name))
            del self.lost_unknown[:-10_000]

    @reads(Kind.RTP_FACTORY)
    def _rtp_factory(self, said: Said, time: int, thread: int) -> None:
        self.holdings.limits["rtp_port"] = (int(said["high"]) - int(said["low"]) + 1) // 2

    @reads(Kind.CONNECTION_AGENT)
    def _connection_agent(self, said: Said, time: int, thread: int) -> None:
        if said["task"]:
            self.tasks.stats(said["task"]).role = "connection"
        self.holdings.limits["tcp_connection"] = int(said["limit"])

    @reads(Kind.MEDIA_ENGINE)
    def _media_engine(self, said: Said, time: int, thread: int) -> None:
        self.tasks.stats(said["task"]).role = "media"

    def restart(self) -> None:
        """The process has gone: its connections and ports with it."""
        for resource in ("tcp_connection", "connection_pool"):
            use = self.holdings.uses.get(resource)
            if use is not None and use.held:
                self.holdings.add(resource, -use.held, use.since, -1, "", "process ended")
        for table in (self.connections, self.fresh_ports, self.mpf_full):
            table.clear()
        self.sockets.clear()
