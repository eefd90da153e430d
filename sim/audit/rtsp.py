"""What the lines of RTSP (MRCPv1) say about sessions: which connection they are on, and that its end ends them."""

from sim.audit.account import Account
from sim.audit.audited import AuditedSession
from sim.audit.reads import Reader, Reads, Said
from sim.vocabulary.lines import Kind

reads: Reads["Rtsp"] = Reads()


class Rtsp:
    """An RTSP connection carries several sessions; RTSP has no session timer, but when the connection goes the server
    begins to terminate all that are left on it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.timeout_s: int | None = None  # of connections on which nothing comes, as the server said at its start
        self.ids: dict[bytes, set[bytes]] = {}  # connection → the ids of its sessions
        self._data: dict[int, tuple[int, bytes]] = {}  # thread → when it last received data, and on which connection
        self._teardown: dict[int, int] = {}
        self._closing: dict[int, bytes] = {}

    @property
    def readers(self) -> dict[Kind, Reader]:
        """What each kind of line does."""
        return reads.bound(self)

    @reads(Kind.RTSP_AGENT)
    def _agent(self, said: Said, time: int, thread: int) -> None:
        self.timeout_s = int(said["seconds"]) if said["seconds"] else None

    @reads(Kind.RTSP_DATA)
    def _received(self, said: Said, time: int, thread: int) -> None:
        self._data[thread] = (time, said["connection"])
        self._teardown.pop(thread, None)

    @reads(Kind.RTSP_CREATE)
    def _create(self, said: Said, time: int, thread: int) -> None:
        when, connection = self._data.get(thread, (time, b""))
        self.account.rtsp[thread] = (said["id"], when)
        self.ids.setdefault(connection, set()).add(said["id"])

    @reads(Kind.RTSP_REMOVE)
    def _remove(self, said: Said, time: int, thread: int) -> None:
        for ids in self.ids.values():
            ids.discard(said["id"])

    @reads(Kind.RTSP_RELEASE)
    def _release(self, said: Said, time: int, thread: int) -> None:
        session = self.account.by_id(said, time, thread)
        if session is not None and session.asked_bye < 0:
            session.asked_bye = time

    @reads(Kind.BODY)
    def _body(self, said: Said, time: int, thread: int) -> None:
        if said["verb"] == b"TEARDOWN":
            self._teardown[thread] = time
        elif self._teardown.pop(thread, None) is not None:
            session = self.account.by_name.get(said["rest"].partition(b";")[0].strip())
            if session is not None and session.bye < 0:
                session.bye = time
                session.bye_kind = "bye"

    @reads(Kind.RTSP_CLOSE)
    def _close(self, said: Said, time: int, thread: int) -> None:
        self._closing[thread] = said["connection"]

    @reads(Kind.RTSP_DESTROY)
    def _destroy(self, said: Said, time: int, thread: int) -> None:
        self.ids.pop(said["connection"], None)

    @reads(Kind.RTSP_ORPHANS)
    def _orphans(self, said: Said, time: int, thread: int) -> None:
        """The server begins to terminate every session that is left on the connection."""
        for session in self._left(self._closing.pop(thread, b""), int(said["count"])):
            session.gone = time
            if session.ended < 0:
                session.ended = time
                session.bye_kind = "disconnect"

    def _left(self, connection: bytes, count: int) -> list[AuditedSession]:
        """The sessions on a connection; where the log does not tell, all of RTSP when there are just so many."""
        known = [s for name in self.ids.get(connection, ()) if (s := self.account.by_name.get(name)) is not None]
        if known or connection in self.ids:
            return known
        rtsp = [session for session in self.account.open.values() if session.v1]
        return rtsp if len(rtsp) == count else []

    def restart(self) -> None:
        """The process has gone, and its connections with it."""
        for table in (self.ids, self._data, self._teardown, self._closing):
            table.clear()
