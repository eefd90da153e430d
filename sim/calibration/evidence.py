"""What calibration needs of a log beyond its audit: every task message, SIP event, tick and caller, as tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.audit.audited import AuditedSession
from sim.audit.auditor import Auditor
from sim.audit.feeding import read_into
from sim.audit.notes import notes
from sim.audit.reads import Reader, Said
from sim.audit.taskbook import Stats, TaskMessage
from sim.audit.waits import Verdict
from sim.errors import LogError
from sim.logs.reading.clock import YEAR_1970
from sim.logs.reading.reader import StrPath, open_sources
from sim.logs.reading.shown import word
from sim.vocabulary.lines import Kind
from sim.vocabulary.plugins import OPERATIONS, RESOURCES

if TYPE_CHECKING:
    import pandas as pd

    from sim.ledger.summary import Summary

Array = NDArray[np.float64]

NO_THREADS: Final = (
    "No THREAD header: an answer counts as the plugin task's own when that task was at work, whoever signalled it."
)
RTSP: Final = (
    "{} of {} sessions are MRCPv1 (RTSP), which is not simulated: they stand here as calls of MRCPv2, with its SIP "
    "dialog, control channels and connections."
)
NOT_SIMULATED: Final = "Sessions asked for resources that are not simulated, and which are left out: {}."
SIP_STATES: Final = ("invite", "received", "completed", "ready", "bye", "terminated")
MESSAGE_COLUMNS: Final = (
    "task", "role", "name", "type", "subtype", "session", "sent", "started", "finished", "sender", "thread", "by",
    "pointer", "resource",
)  # fmt: skip


class CallSeen(NamedTuple):
    """One session of the log; times in seconds since the log began, NaN where not reached."""

    number: int
    arrived: float
    created: float
    answer: float
    status: int
    bye: float
    bye_kind: str
    ended: float
    deactivate: float
    terminate: float
    closed: float
    released: float
    asked_bye: float
    gone: float
    requests: int
    resources: tuple[str, ...]
    engines: tuple[str, ...]
    profile: str
    offered: tuple[str, ...]  # of the caller's offer, with those whose channel was refused
    outcome: str
    cause: str
    plugin: str  # which the diagnosis names, by its engine's id
    v1: bool
    on_hold: float  # the re-INVITE that first put it on hold
    resumed: float  # and when that was over

    def leaked_by(self, resource: str, cause: str) -> bool:
        """Whether this session leaked for this cause, and the plugin of this resource is why."""
        ids = {self.engines[i] for i, name in enumerate(self.resources) if name == resource}
        return self.outcome == "leaked" and self.cause == cause and bool(ids & set(self.plugin.split(", ")))


class RequestSeen(NamedTuple):
    """One MRCP request, response or event."""

    session: int
    method: str
    what: str
    time: float
    resource: str


@dataclass
class Evidence:
    """Everything that the calibration of one log reads; times are seconds since the log began."""

    messages: "pd.DataFrame"
    calls: list[CallSeen]
    requests: list[RequestSeen]
    states: dict[str, list[tuple[int, float]]]  # by SIP_STATES: thread and time of each line
    ready: set[int]  # sessions whose ACK came
    accepts: Array
    disconnects: int
    contexts: Array  # rows (time, +1 or -1)
    rtp_enabled: Array
    receivers: Array  # rows (opened, closed, packets received)
    line_gaps: dict[str, Array]  # from "Process Message" to the next line, by its kind
    rtp_refused: int
    rtp_range: tuple[int, int] | None
    max_connections: int | None
    channel_refusals: dict[str, list[int]]  # by resource: how many channels others held at each refusal
    termination_timeout: float | None
    latencies: dict[str, Array]  # samples of the audit, by the names of the summary
    debug: bool
    timed: bool
    threaded: bool  # entries have thread ids
    origin: float  # when the log began, in seconds since 1970, or of the day where it has no dates
    dated: bool
    end: float
    summary: "Summary"
    names: tuple[str, ...]
    notes: list[str] = field(default_factory=list)

    @property
    def media_threads(self) -> set[int]:
        """Thread ids of media engines."""
        rows = self.messages
        return set(rows.loc[rows["role"] == "media", "thread"].tolist())


class Watcher(Auditor):
    """An auditor that also keeps what `Evidence` has."""

    def __init__(self) -> None:
        super().__init__(None, "summary", self._message)
        self.seen_messages: list[tuple[str, Stats, *tuple[object, ...]]] = []
        self.seen_calls: list[CallSeen] = []  # with times in µs, -1 where not reached
        self.seen_requests: list[tuple[int, str, str, int, str]] = []
        self.offered: dict[int, list[str]] = {}
        self.resource_of: dict[int, str] = {}  # of the message that a thread works on, by its identity
        self.lines: dict[str, list[tuple[int, int]]] = {state: [] for state in SIP_STATES}
        self.ready: set[int] = set()
        self.accepts: list[int] = []
        self.disconnects = 0
        self.context_changes: list[tuple[int, int]] = []
        self.rtp_enabled: list[int] = []
        self.receiving: dict[bytes, int] = {}  # when each RTP receiver was opened, by its address
        self.receivers: list[tuple[int, int, int]] = []
        self.gaps: dict[str, list[int]] = {}
        self.rtp_refused = 0
        self.rtp_range: tuple[int, int] | None = None
        self.refusals: dict[str, list[int]] = {}
        self.timeout_ms: int | None = None
        watches: dict[Kind, Reader] = {
            Kind.SIP_EVENT: self._on_sip_event, Kind.CALL_STATE: self._on_call_state,
            Kind.TCP_ACCEPT: self._on_accept, Kind.TCP_DISCONNECT: self._on_disconnect,
            Kind.CONTEXT_ADD: self._on_context_add, Kind.CONTEXT_REMOVE: self._on_context_remove,
            Kind.RTP_ENABLE: self._on_rtp, Kind.RTP_FULL: self._on_rtp_full, Kind.RTP_FACTORY: self._on_factory,
            Kind.FOUND_ENGINE: self._on_found, Kind.OPENED: self._on_answer, Kind.CLOSED: self._on_answer,
            Kind.RECEIVER_OPEN: self._on_receiver, Kind.RECEIVER_CLOSE: self._on_receiver_closed,
            Kind.MRCP: self._on_mrcp, Kind.TCP_TIMER: self._on_timer, Kind.CHANNEL_FAILED: self._on_refusal,
        }  # fmt: skip
        for kind in (Kind.CHANNEL_MODIFIED, Kind.CHANNEL_REMOVED, Kind.OPENED, Kind.CLOSED):
            self.handlers[kind] = _both(self.handlers.get(kind), self._on_second_line(kind))
        for kind, watch in watches.items():
            self.handlers[kind] = _both(self.handlers.get(kind), watch)

    def _message(self, m: TaskMessage) -> None:
        session = m.session.number if m.session is not None else -1
        self.seen_messages.append(
            (m.task, m.stats, m.name or "other", *m.kind, session, m.sent, m.started, m.finished, m.sender, m.thread,
             m.by, m.pointer, self.resource_of.pop(id(m), ""))
        )  # fmt: skip

    def _closed(self, session: AuditedSession) -> None:
        super()._closed(session)
        self._keep(session)

    def _open_at_end(self, session: AuditedSession, verdict: Verdict, end: int, died: bool) -> None:
        super()._open_at_end(session, verdict, end, died)
        self._keep(session, verdict.outcome, verdict.cause, verdict.plugin)

    def _keep(self, s: AuditedSession, outcome: str = "", cause: str = "", plugin: str = "") -> None:
        self.seen_calls.append(
            CallSeen(
                s.number, s.arrived, s.created, s.answer, s.status or s.refused, s.bye, s.bye_kind, s.ended,
                s.deactivate, s.terminate, s.closed, s.released, s.asked_bye, s.gone, s.requests,
                tuple(word(r) for r in s.engines), tuple(s.engines.values()),
                word(s.profile), tuple(self.offered.pop(s.number, ())), outcome, cause, plugin, s.v1,
                *(s.holds[0] if s.holds else (-1, -1)),
            )
        )  # fmt: skip

    # --- single lines --------------------------------------------------------------------------------------------

    def _on_sip_event(self, said: Said, time: int, thread: int) -> None:
        if said["event"] == b"nua_i_invite":
            self.lines["invite"].append((thread, time))
        elif said["event"] == b"nua_i_bye":
            self.lines["bye"].append((thread, time))

    def _on_call_state(self, said: Said, time: int, thread: int) -> None:
        state = said["state"]
        if state == b"received":
            self.lines["received"].append((thread, time))
        elif state == b"terminated":
            self.lines["terminated"].append((thread, time))
        elif state == b"completed":
            self.lines["completed"].append((thread, time))
        elif state == b"ready":
            self.lines["ready"].append((thread, time))
            session = self.account.by_pointer.get(said["pointer"])
            if session is not None:
                self.ready.add(session.number)

    def _on_accept(self, said: Said, time: int, thread: int) -> None:
        self.accepts.append(time)

    def _on_disconnect(self, said: Said, time: int, thread: int) -> None:
        self.disconnects += 1

    def _on_context_add(self, said: Said, time: int, thread: int) -> None:
        self.context_changes.append((time, 1))

    def _on_context_remove(self, said: Said, time: int, thread: int) -> None:
        self.context_changes.append((time, -1))

    def _on_rtp(self, said: Said, time: int, thread: int) -> None:
        self.rtp_enabled.append(time)

    def _on_receiver(self, said: Said, time: int, thread: int) -> None:
        self.receiving[said["address"]] = time

    def _on_receiver_closed(self, said: Said, time: int, thread: int) -> None:
        opened = self.receiving.pop(said["address"], None)
        if opened is not None and said["received"].isdigit():
            self.receivers.append((opened, time, int(said["received"])))

    def _on_second_line(self, kind: Kind) -> Reader:
        """The server task's first line after "Process Message": it has next to nothing to do before it."""
        gaps = self.gaps.setdefault(kind.name, [])

        def seen(said: Said, time: int, thread: int) -> None:
            worker = self.tasks.working.get(thread)
            if worker is not None:
                gaps.append(time - worker.started)

        return seen

    def _on_rtp_full(self, said: Said, time: int, thread: int) -> None:
        self.rtp_refused += 1

    def _on_factory(self, said: Said, time: int, thread: int) -> None:
        self.rtp_range = (int(said["low"]), int(said["high"]))

    def _on_refusal(self, said: Said, time: int, thread: int) -> None:
        name = word(said["resource"])
        use = self.holdings.uses.get(f"engine_channel:{name}")  # the refused one is not held any more
        self.refusals.setdefault(name, []).append(use.held if use is not None else 0)

    def _on_found(self, said: Said, time: int, thread: int) -> None:
        session = self.account.by_pointer.get(said["pointer"])
        if session is not None:
            offered = self.offered.setdefault(session.number, [])
            if word(said["resource"]) not in offered:
                offered.append(word(said["resource"]))

    def _on_answer(self, said: Said, time: int, thread: int) -> None:
        """The server task takes a plugin's answer: of which resource it is."""
        worker = self.tasks.working.get(thread)
        if worker is not None:
            self.resource_of[id(worker)] = word(said["resource"])

    def _on_timer(self, said: Said, time: int, thread: int) -> None:
        self.timeout_ms = int(said["count"])

    def _on_mrcp(self, said: Said, time: int, thread: int) -> None:
        method, what = said["method"].decode(), said["what"].decode()
        if what == "Response":
            self._on_answer(said, time, thread)
            worker = self.tasks.working.get(thread)
            if worker is not None and method == "DEACTIVATE":
                worker.name = "stopped"
        session = self.account.by_name.get(said["id"])
        if session is not None:
            self.seen_requests.append((session.number, method, what, time, word(said["resource"])))

    # --- the end -------------------------------------------------------------------------------------------------

    def evidence(self, names: Sequence[str]) -> Evidence:
        """Close the books and hand everything out."""
        import pandas as pd

        summary = self.finish("log")
        origin = self.holdings.origin
        dated = self.clock is not None and self.clock.dated

        def seconds(values: object) -> Array:
            micros = np.asarray(values, dtype=np.int64)
            return np.asarray(np.where(micros < 0, np.nan, (micros - origin) / 1e6), dtype=np.float64)

        table = pd.DataFrame(
            [(r[0], r[1].role, *r[2:]) for r in self.seen_messages],
            columns=list(MESSAGE_COLUMNS),
        )
        for column in ("sent", "started", "finished"):
            table[column] = seconds(table[column])
        # without thread ids nobody is seen to answer; what a plugin is asked for tells it all the same
        table.loc[(table["role"] == "") & table["name"].isin(OPERATIONS), "role"] = "plugin"
        calls = []
        for call in sorted(self.seen_calls, key=lambda call: call.number):
            times = ("arrived", "created", "answer", "bye", "ended", "deactivate", "terminate", "closed", "released",
                     "asked_bye", "gone", "on_hold", "resumed")  # fmt: skip
            moved: dict[str, Any] = {name: _at(getattr(call, name), origin) for name in times}
            calls.append(call._replace(**moved))
        strange = sorted({name for call in calls for name in call.resources if name not in RESOURCES})
        changes = np.asarray(self.context_changes, dtype=np.float64).reshape(-1, 2)
        changes[:, 0] = (changes[:, 0] - origin) / 1e6
        return Evidence(
            messages=table,
            calls=calls,
            requests=[RequestSeen(n, m, w, (t - origin) / 1e6, r) for n, m, w, t, r in self.seen_requests],
            states={k: [(thread, (t - origin) / 1e6) for thread, t in v] for k, v in self.lines.items()},
            ready=self.ready,
            accepts=seconds(self.accepts),
            disconnects=self.disconnects,
            contexts=changes,
            rtp_enabled=seconds(self.rtp_enabled),
            receivers=np.array(
                [((a - origin) / 1e6, (b - origin) / 1e6, n) for a, b, n in self.receivers], dtype=np.float64
            ).reshape(-1, 3),
            line_gaps={kind: np.array(gaps, dtype=np.float64) / 1e6 for kind, gaps in self.gaps.items()},
            rtp_refused=self.rtp_refused,
            rtp_range=self.rtp_range,
            max_connections=self.holdings.limits.get("tcp_connection"),
            channel_refusals=self.refusals,
            termination_timeout=self.timeout_ms / 1e3 if self.timeout_ms else None,
            latencies={k: np.asarray(v, dtype=np.float64) / 1e6 for k, v in self.rows.latencies.samples.items()},
            debug=self.debug_level(),
            timed=self.timed,
            threaded=all("THREAD" in names for names in self.layouts),
            origin=(origin - (YEAR_1970 if dated else 0)) / 1e6,
            dated=dated,
            end=((self.clock.last if self.clock is not None else origin) - origin) / 1e6,
            summary=summary,
            names=tuple(names),
            notes=[
                *notes(self),
                *([] if all("THREAD" in names for names in self.layouts) else [NO_THREADS]),
                *([RTSP.format(rtsp, len(calls))] if (rtsp := sum(call.v1 for call in calls)) else []),
                *([NOT_SIMULATED.format(", ".join(strange[:5]))] if strange else []),
            ],
        )


def _at(micros: int, origin: int) -> float:
    """Seconds since the log began; 0 for a line that another thread wrote a little before the first one."""
    return max(0.0, (micros - origin) / 1e6) if micros >= 0 else float("nan")


def _both(first: Reader | None, second: Reader) -> Reader:
    if first is None:
        return second
    own = first

    def handle(said: Said, time: int, thread: int) -> None:
        own(said, time, thread)
        second(said, time, thread)

    return handle


def watch_logs(paths: Sequence[StrPath], progress: Callable[[int], None] | None = None) -> Evidence:
    """The evidence of one server's log, in one or several files. LogError when it can not be read or has no times."""
    watcher = Watcher()
    sources = open_sources(paths)
    read_into(watcher, sources, progress)
    evidence = watcher.evidence([source.name for source in sources])
    where = evidence.names[0]
    if not watcher.counts.entries:
        raise LogError(f"{where}: expected the log of a server (got a file with nothing in it)")
    if not evidence.timed:
        raise LogError(f"{where}: expected entries with a TIME header, for calibration is about times (got none)")
    if not evidence.calls:
        raise LogError(f"{where}: expected at least one session (got a log without any)")
    return evidence
