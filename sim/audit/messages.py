"""Every task message of a server's log, in the order in which they ended: what calibration reads."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sim.audit.auditor import Auditor
from sim.audit.feeding import feeding
from sim.audit.rows import seconds
from sim.audit.taskbook import TaskMessage
from sim.ledger.tables import NO_SESSION
from sim.logs.reading.reader import StrPath, open_sources


class LogMessage(NamedTuple):
    """One message; times are seconds since the log began, NaN where the log does not show them."""

    task: str
    name: str  # the message as the costs of a scenario call it, or a plugin's open, close, request, stop
    type: int
    subtype: int
    pointer: str
    session: int  # number, NO_SESSION when the log does not tell whose it is
    session_name: str
    sent_s: float
    started_s: float
    finished_s: float
    sender_thread: int
    thread: int
    answered_by: str  # the plugin's task that signalled this answer while working on the request; "" otherwise

    @property
    def wait_s(self) -> float:
        """Signal → Process."""
        return self.started_s - self.sent_s

    @property
    def service_s(self) -> float:
        """Process → Wait for Messages; for the media engine Process → its answer."""
        return self.finished_s - self.started_s


class LogMessages:
    """Iterates the messages of `paths` (see audit_logs) with bounded memory; `auditor` has everything else.

    One pass: a second iteration reads the files again. LogError as for audit_logs. Nothing comes from an INFO log.
    """

    def __init__(self, paths: Sequence[StrPath]) -> None:
        self._paths = paths
        self._ready: list[TaskMessage] = []
        self.auditor = Auditor(on_message=self._ready.append)

    def __iter__(self) -> Iterator[LogMessage]:
        self._ready.clear()
        self.auditor = auditor = Auditor(on_message=self._ready.append)
        for _ in feeding(auditor, open_sources(self._paths)):
            yield from self._take()
        auditor.finish("messages")
        yield from self._take()

    def _take(self) -> Iterator[LogMessage]:
        ready = self._ready[:]
        self._ready.clear()
        if not ready:
            return
        times = np.array([(m.sent, m.started, m.finished) for m in ready], dtype=np.int64)
        table = seconds(times, self.auditor.holdings.origin, self.auditor.timed)
        for message, (sent, started, finished) in zip(ready, table.tolist(), strict=True):
            session = message.session
            yield LogMessage(
                message.task, message.name or "other", *message.kind, message.pointer,
                NO_SESSION if session is None else session.number, "" if session is None else session.label,
                sent, started, finished, message.sender, message.thread, message.by,
            )  # fmt: skip
