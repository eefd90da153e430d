"""What each line says about the parts of a session: channels, media, MRCP requests, connections, dropped messages."""

from array import array
from collections.abc import Callable

from sim.audit.account import Account
from sim.audit.session import UNKNOWN, Session
from sim.logs.reading.shown import word
from sim.vocabulary.lines import Kind
from sim.vocabulary.messages import SERVER_MESSAGES
from sim.vocabulary.tasks import SERVER_TASK


class Parts:
    """The other half of the handlers, beside `Account`'s; `handlers[kind]` takes (text, time, thread)."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.tasks = account.tasks
        self.holdings = account.holdings
        self.connections: dict[bytes, set[int]] = {}  # not yet destroyed: the numbers of the sessions on it
        self.sockets: set[bytes] = set()
        self.fresh_ports: dict[int, list[bytes]] = {}
        self.lost_messages = 0
        self.failed_opens = 0  # a plugin had no licence left, say
        self.lost_unknown: list[tuple[int, str, str]] = []  # dropped, of no session that the log names
        self.mpf_full: dict[int, int] = {}
        self.rtsp_data: dict[int, int] = {}
        self.teardown: dict[int, int] = {}
        self.answers: dict[tuple[str, str], list[int]] = {}  # (engine, operation) → [by its own task, by others]
        self.stops = array("q")
        self.responses = array("q")
        self.handlers: list[Callable[[bytes, int, int], None] | None] = list(account.handlers)
        for kind in Kind:
            own = getattr(self, f"_{kind.name.lower()}", None)
            if own is not None:
                self.handlers[kind] = own

    # --- control channels ----------------------------------------------------------------------------------------

    def _channel_add(self, text: bytes, time: int, thread: int) -> None:
        session, resource = self.account.at(text, 20, time, thread)
        if session is not None:
            session.control[resource] = "pending"

    def _channel_modify(self, text: bytes, time: int, thread: int) -> None:
        if text[23:24] == b"<":
            self._name(thread, "modify")
            return
        session, resource = self.account.at(text, 23, time, thread)
        if session is not None:
            session.control[resource] = "pending"

    def _channel_modified(self, text: bytes, time: int, thread: int) -> None:
        session, resource = self.account.at(text, 25, time, thread)
        if session is not None:
            session.control[resource] = "added"

    def _channel_remove(self, text: bytes, time: int, thread: int) -> None:
        if text[23:24] == b"<":  # the connection agent did it
            self._agent_removed(text, 24, time, thread)
            return
        session, resource = self.account.at(text, 23, time, thread)
        if session is not None and session.control.get(resource) != "gone":
            session.control[resource] = "removing"

    def _channel_removed(self, text: bytes, time: int, thread: int) -> None:
        session, resource = self.account.at(text, 24, time, thread)
        if session is not None:
            session.control[resource] = "removed"

    def _pending_add(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.account.by_id(text, 29, time, thread)
        self._name(thread, "add")
        if session is not None:
            self.account.hold(session, "control_channel", 1, time, "Add Pending Control Channel")

    def _pending_remove(self, text: bytes, time: int, thread: int) -> None:
        self._agent_removed(text, 32, time, thread)

    def _agent_removed(self, text: bytes, skip: int, time: int, thread: int) -> None:
        session, resource = self.account.by_id(text, skip, time, thread)
        self._name(thread, "remove")
        if session is not None:
            if session.control.get(resource) != "removing":  # at INFO this is all there is
                session.control[resource] = "gone"
            self.account.hold(session, "control_channel", -1, time, "Remove Control Channel")

    def _assign(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.account.by_id(text, 24, time, thread)
        connection = text[text.index(b"> to Connection ") + 16 :].rpartition(b" [")[0].rpartition(b" [")[0]
        if session is not None and connection:
            session.connections.add(connection)
            self.connections.setdefault(connection, set()).add(session.number)

    def _name(self, thread: int, name: str) -> None:
        worker = self.tasks.working.get(thread)
        if worker is not None:
            worker.name = name

    # --- engine channels -----------------------------------------------------------------------------------------

    def _opened(self, text: bytes, time: int, thread: int) -> None:
        session, resource = self.account.at(text, 22, time, thread)
        if session is None:
            return
        session.opened[resource] = time
        if session.answer < 0:
            session.opened_at = time
            self.failed_opens += text.endswith(b"[Failed]")
        self._answered(session, resource, "open", thread)

    def _closed(self, text: bytes, time: int, thread: int) -> None:
        session, resource = self.account.at(text, 22, time, thread)
        if session is None:
            name = text[text.index(b"<") + 1 :].partition(b"@")[0]
            gone = self.account.recent.get(name)
            if gone is not None and resource in gone.closing:
                self.account.double_close(time, gone.number, gone.name, resource)
            return
        if resource in session.closing:
            if session.double < 0:
                session.double = time
            self.account.double_close(time, session.number, session.label, resource)
            return
        if session.terminate < 0:
            if not session.negotiating:  # nobody asked this session: an answer for the one that lay here before
                old = self.account.recent_pointers.get(session.pointer)
                if old is not None and not old.reported:
                    old.reported = True
                    self.account.violate(
                        time, old.number, "use-after-free",
                        f"session <{old.name}>: its engine channel was reported closed after its session_pool was "
                        f"destroyed; the address now belongs to session <{session.label}>",
                    )  # fmt: skip
            return
        session.closing.add(resource)
        session.closed = time
        self._answered(session, resource, "close", thread)

    def _answered(self, session: Session, resource: bytes, operation: str, thread: int) -> None:
        worker = self.tasks.working.get(thread)
        if worker is not None and worker.sent >= 0:
            key = (session.engines.get(resource, ""), operation)
            self.answers.setdefault(key, [0, 0])[0 if worker.by else 1] += 1

    # --- media ---------------------------------------------------------------------------------------------------

    def _termination_modified(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.account.at(text, 27, time, thread)
        if session is not None:
            if session.answer < 0:
                session.media = time
            self.tasks.operation = "open"

    def _termination_subtract(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.account.at(text, 27, time, thread)
        if session is not None:
            session.media_asked += 1

    def _termination_subtracted(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.account.at(text, 29, time, thread)
        if session is not None:
            session.media_done += 1

    def _of_context(self, text: bytes, skip: int, thread: int) -> Session | None:
        session = self.account.by_pointer.get(text[skip:].partition(b" ")[0])
        if session is not None:
            self.tasks.bind(session, thread)
        return session

    def _context_add(self, text: bytes, time: int, thread: int) -> None:
        session = self._of_context(text, 18, thread)
        self._name(thread, "add")
        if session is not None:
            self.account.hold(session, "media_context", 1, time, "Add Media Context", "Media Engine")

    def _context_remove(self, text: bytes, time: int, thread: int) -> None:
        session = self._of_context(text, 21, thread)
        self._name(thread, "subtract")
        if session is not None:
            self.account.hold(session, "media_context", -1, time, "Remove Media Context", "Media Engine")

    def _media_path(self, text: bytes, time: int, thread: int) -> None:
        session = self._of_context(text, 11, thread)
        if session is not None:
            session.media_path = True
            for port in self.fresh_ports.pop(thread, ()):
                if self.account.ports.get(port, session) is None:
                    self._own(port, session)

    def _own(self, port: bytes, session: Session) -> None:
        self.account.ports[port] = session
        session.ports.add(port)
        session.held["rtp_port"] = session.held.get("rtp_port", 0) + 1

    def _rtp_enable(self, text: bytes, time: int, thread: int) -> None:
        port = text[19:]
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

    def _rtp_remove(self, text: bytes, time: int, thread: int) -> None:
        port = text[19:]
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

    def _rtp_full(self, text: bytes, time: int, thread: int) -> None:
        self.holdings.refuse("rtp_port", time)

    # --- MRCP ----------------------------------------------------------------------------------------------------

    def _mrcp(self, text: bytes, time: int, thread: int) -> None:
        start = text.find(b" <")
        words = text[8:start].split(b" ")
        if start < 0 or len(words) != 2:
            return
        method, what = words
        if what == b"Request":
            session, resource = self.account.by_id(text, start + 2, time, thread)
            self.tasks.operation = "request"
            if session is not None:
                session.requests += 1
                session.active = (word(method), resource, time)
        elif what == b"Response":
            session, resource = self.account.by_id(text, start + 2, time, thread)
            self._name(thread, "response")
            if session is None:
                return
            if method == b"DEACTIVATE":
                since = session.stopping.pop(resource, UNKNOWN)
                if since >= 0:
                    self.stops.append(time - since)
                    self._answered(session, resource, "stop", thread)
            elif session.active is not None:
                self.responses.append(time - session.active[2])
                session.active = None
                self._answered(session, resource, "request", thread)
        elif what == b"Event":
            self.account.by_id(text, start + 2, time, thread)
            self._name(thread, "event")

    def _stop(self, text: bytes, time: int, thread: int) -> None:
        session, resource = self.account.by_id(text, 33, time, thread)
        self.tasks.operation = "stop"
        if session is not None:
            session.stopping[resource] = time

    def _wedged(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.account.at(text, 17 if text[0:1] == b"M" else 16, time, thread)
        if session is not None:
            session.wedged = time

    # --- connections ---------------------------------------------------------------------------------------------

    def _tcp_accept(self, text: bytes, time: int, thread: int) -> None:
        connection = text[31:]
        self.sockets.add(connection)
        self.connections.setdefault(connection, set())
        self.holdings.add("tcp_connection", 1, time, -1, "", "Accepted")
        self.holdings.add("connection_pool", 1, time, -1, "", "Accepted")

    def _tcp_refused(self, text: bytes, time: int, thread: int) -> None:
        self.holdings.refuse("tcp_connection", time)

    def _tcp_closed(self, connection: bytes, time: int, cause: str) -> None:
        if connection in self.sockets:
            self.sockets.discard(connection)
            self.holdings.add("tcp_connection", -1, time, -1, "", cause)

    def _tcp_disconnect(self, text: bytes, time: int, thread: int) -> None:
        connection = text[29:]
        self._tcp_closed(connection, time, "Peer Disconnected")
        for number in self.connections.get(connection, ()):
            session = self.account.open.get(number)
            if session is not None:
                session.gone = time

    def _tcp_timed_out(self, text: bytes, time: int, thread: int) -> None:
        self._tcp_closed(text[32:], time, "Timed Out")

    def _tcp_destroy(self, text: bytes, time: int, thread: int) -> None:
        connection = text[30:]
        self._tcp_closed(connection, time, "Destroy Connection")
        if self.connections.pop(connection, None) is not None:
            use = self.holdings.uses.get("connection_pool")
            if use is not None and use.held > 0:
                self.holdings.add("connection_pool", -1, time, -1, "", "Destroy Connection")

    # --- RTSP (MRCPv1) -------------------------------------------------------------------------------------------

    def _rtsp_data(self, text: bytes, time: int, thread: int) -> None:
        self.rtsp_data[thread] = time
        self.teardown.pop(thread, None)

    def _rtsp_create(self, text: bytes, time: int, thread: int) -> None:
        self.account.rtsp[thread] = (text[21 : text.index(b">", 21)], self.rtsp_data.get(thread, time))

    def _rtsp_terminate(self, text: bytes, time: int, thread: int) -> None:
        session, _ = self.account.by_id(text, 22, time, thread)
        if session is not None and session.asked_bye < 0:
            session.asked_bye = time

    def _body(self, text: bytes, time: int, thread: int) -> None:
        if text[:1] == b"T":
            self.teardown[thread] = time
        elif self.teardown.pop(thread, None) is not None:
            session = self.account.by_name.get(text[9:].partition(b";")[0].strip())
            if session is not None and session.bye < 0:
                session.bye = time
                session.bye_kind = "bye"

    # --- what went wrong, what was configured --------------------------------------------------------------------

    def _mpf_full(self, text: bytes, time: int, thread: int) -> None:
        self.mpf_full[thread] = time
        self._drop(word(text[25:].rstrip(b"]")), "media", time, thread, None, full=True)

    def _lost(self, text: bytes, time: int, thread: int) -> None:
        task, _, rest = text[31:].partition(b"] [")
        pointer, _, kind = rest.rstrip(b"]").partition(b";")
        sent = self.tasks.lost(task, int(pointer, 16) & 0xFFFFFFFF, kind)
        if self.mpf_full.pop(thread, None) is not None:
            return
        name = sent.name if sent is not None else ""
        if not name and task == SERVER_TASK.encode():
            name = SERVER_MESSAGES.get(kind, "")
        session = sent.session if sent is not None else None
        self._drop(word(task), name, time, thread, session, full=False)

    def _drop(self, task: str, name: str, time: int, thread: int, session: Session | None, *, full: bool) -> None:
        self.lost_messages += 1
        if session is None:
            worker = self.tasks.working.get(thread)
            session = worker.session if worker is not None else self.tasks.last.get(thread)
        if session is not None and session.released < 0:
            session.lost.append((time, task, name, full))
        else:
            self.lost_unknown.append((time, task, name))
            del self.lost_unknown[:-10_000]

    def _rtp_factory(self, text: bytes, time: int, thread: int) -> None:
        low, _, high = text[text.rindex(b"[") + 1 :].rstrip(b"]").partition(b",")
        self.holdings.limits["rtp_port"] = (int(high) - int(low)) // 2

    def _connection_agent(self, text: bytes, time: int, thread: int) -> None:
        self.tasks.stats(text[21 : text.index(b"]", 21)]).role = "connection"
        self.holdings.limits["tcp_connection"] = int(text[text.rindex(b"[") + 1 :].rstrip(b"]"))

    def _media_engine(self, text: bytes, time: int, thread: int) -> None:
        self.tasks.stats(text[21 : text.index(b"]", 21)]).role = "media"

    def restart(self) -> None:
        """The process has gone: its connections and ports with it."""
        for resource in ("tcp_connection", "connection_pool"):
            use = self.holdings.uses.get(resource)
            if use is not None and use.held:
                self.holdings.add(resource, -use.held, use.since, -1, "", "process ended")
        for table in (self.connections, self.fresh_ports, self.mpf_full, self.rtsp_data, self.teardown):
            table.clear()
        self.sockets.clear()
