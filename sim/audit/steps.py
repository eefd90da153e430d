"""The messages table of an audit: task messages by the names of a simulated run, and what the log shows only by lines.

The SIP agent's events, and at INFO everything, are lines without task messages: each becomes a row that took no time.
"""

from array import array
from typing import Any, Final

import numpy as np

from sim.audit.audited import AuditedSession
from sim.audit.reads import Reader, Said
from sim.audit.rows import seconds
from sim.audit.taskbook import TaskBook, TaskMessage
from sim.ledger.sink import Sink
from sim.ledger.tables import NO_SESSION
from sim.vocabulary.lines import Kind
from sim.vocabulary.messages import K_SEND, MESSAGES, SERVER_MESSAGES
from sim.vocabulary.tasks import CONNECTION_AGENT, MEDIA, SERVER, SIP_AGENT, TASK_NAMES

_CHUNK: Final = 20_000
_COST_NAMES: Final = {
    "server": {row.cost: row.name for row in reversed(MESSAGES) if row.task == SERVER and row.log}
    | {"channel_modified": "MODIFY-channel response", "event": "EVENT"},
    "connection": {row.cost: row.name for row in reversed(MESSAGES) if row.task == CONNECTION_AGENT}
    | {"other": MESSAGES[K_SEND].name},  # the only one without a line that names it
    "media": dict.fromkeys(("add", "subtract", "other"), "MPF container"),
}
assert set(SERVER_MESSAGES.values()) - {"engine_opened", "engine_closed"} <= set(_COST_NAMES["server"])
_LINES: Final = {
    Kind.OFFER: (SERVER, "OFFER"), Kind.ANSWER: (SERVER, "Send Answer"), Kind.MEDIA_PATH: (MEDIA, "Media Path"),
    Kind.DEACTIVATE: (SERVER, "TERMINATE"), Kind.TERMINATE: (SERVER, "Terminate Session"),
    Kind.DESTROY: (SERVER, "Destroy Session"), Kind.PENDING_ADD: (CONNECTION_AGENT, "ADD channel"),
    Kind.PENDING_REMOVED: (CONNECTION_AGENT, "REMOVE channel"),
    Kind.AGENT_REMOVED: (CONNECTION_AGENT, "REMOVE channel"),
}  # fmt: skip
_MRCP: Final = {b"Request": "CONTROL", b"Response": "RESPONSE", b"Event": "EVENT"}


class MessageRows:
    """Collects one row per message, or line that stands for one, for the messages table."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._begin()

    def _begin(self) -> None:
        self._numbers = [array("q") for _ in range(4)]  # session, sent, started, finished
        self._texts: list[list[str]] = [[] for _ in range(3)]  # task, message, state
        self._sessions: list[AuditedSession | None] = []  # a session gets its id after its first rows

    def add(self, message: TaskMessage) -> None:
        """One task message, with the times it has reached."""
        names = _COST_NAMES.get(message.stats.role, {})
        said = message.name or "other"
        name = "STOP response" if message.stops else names.get(said, said)
        at_work = message.stats.role == "server"  # the others do not change the state, the server may meanwhile
        self.row(message.session, message.task, name, message.sent, message.started, message.finished, at_work)

    def row(
        self, session: AuditedSession | None, task: str, name: str, sent: int, started: int, finished: int,
        stated: bool = True,
    ) -> None:  # fmt: skip
        """One row; the state, where it is `stated`, is that of the session now."""
        number = session.number if session is not None else NO_SESSION
        for column, value in zip(self._numbers, (number, sent, started, finished), strict=True):
            column.append(value)
        state = session.state if session is not None and stated else ""
        for texts_of, text in zip(self._texts, (task, name, state), strict=True):
            texts_of.append(text)
        self._sessions.append(session)

    def flush(self, origin: int, timed: bool, everything: bool = False) -> None:
        """Write what has piled up."""
        if len(self._texts[0]) < (1 if everything else _CHUNK):
            return
        session, *times = self._numbers
        columns: dict[str, Any] = {"session": np.array(session)}
        columns |= dict(zip(("task", "message", "state"), self._texts, strict=True))
        columns["session_id"] = [found.id if found is not None else "" for found in self._sessions]
        for name, values in zip(("sent_s", "started_s", "finished_s"), times, strict=True):
            columns[name] = seconds(values, origin, timed)
        self._sink.write("messages", columns)
        self._begin()


class LineSteps:
    """Makes a row of a line that is about a session and is no part of a task message."""

    def __init__(self, tasks: TaskBook, rows: MessageRows) -> None:
        self._tasks = tasks
        self._rows = rows

    def after(self, kind: Kind, reader: Reader) -> Reader:
        """`reader`, and then the row of what it has read, where the kind of line has one."""
        if kind not in _LINES and kind not in (Kind.CREATE, Kind.CALL_STATE, Kind.MRCP):
            return reader

        def read(said: Said, time: int, thread: int) -> None:
            reader(said, time, thread)
            session = self._tasks.last.get(thread)
            if session is not None and self._tasks.working.get(thread) is None:
                self._told(kind, said, session, time)

        return read

    def _told(self, kind: Kind, said: Said, session: AuditedSession, time: int) -> None:
        if kind is Kind.CREATE:
            self._row(session, SIP_AGENT, "nua_i_invite", session.arrived)
            self._row(session, SIP_AGENT, "nua_i_state [received]", time)
        elif kind is Kind.CALL_STATE:
            state = said["state"].decode("ascii", "replace")
            if state == "terminated" and session.bye >= 0:
                self._row(session, SIP_AGENT, "nua_i_bye", session.bye)
            self._row(session, SIP_AGENT, f"nua_i_state [{state}]", time)
        elif kind is Kind.MRCP:
            self._row(session, SERVER, _MRCP[said["what"]], time)
        else:
            self._row(session, *_LINES[kind], time)

    def _row(self, session: AuditedSession, task: int, name: str, time: int) -> None:
        self._rows.row(session, TASK_NAMES[task], name, -1, time, time)
