"""One session of a real server as its log tells it, from the INVITE to the destruction of its pool."""

from itertools import pairwise
from typing import Final

from sim.logs.reading.shown import word

UNKNOWN: Final = -1  # a time that was not reached
NO_ACK: Final = "no ACK (64·T1)"
SESSION_TIMER: Final = "session timer"
TRANSACTION: Final = 32_000_000  # microseconds, 64·T1: no ACK to a 200, no answer to a BYE


class AskedOfPlugin:
    """What the server asked one plugin's task for: how often, when last, when the task last began and finished such a
    request, and how many answers it signalled while at them."""

    __slots__ = ("answers", "count", "finished", "signalled", "started", "task")

    def __init__(self, task: str) -> None:
        self.task = task
        self.count = self.answers = 0
        self.signalled = self.started = self.finished = UNKNOWN

    def again(self, time: int) -> None:
        """One more request, signalled at `time`."""
        self.count += 1
        self.signalled = time
        self.started = self.finished = UNKNOWN


class AuditedSession:
    """Milestones in microseconds on the log's axis (UNKNOWN: not reached), and what is outstanding right now."""

    __slots__ = (
        "active",
        "added",
        "announced",
        "answer",
        "arrived",
        "asked",
        "asked_bye",
        "audio",
        "bye",
        "bye_kind",
        "call_state",
        "channels",
        "closed",
        "closing",
        "connections",
        "control",
        "created",
        "deactivate",
        "double",
        "ended",
        "ended_by",
        "ends_told",
        "engines",
        "gone",
        "held",
        "holds",
        "hole",
        "in_progress",
        "last",
        "last_answer",
        "last_offer",
        "lost",
        "media",
        "media_asked",
        "media_done",
        "media_path",
        "media_path_at",
        "name",
        "negotiating",
        "number",
        "offer",
        "offers",
        "opened",
        "opened_at",
        "partial",
        "pointer",
        "ports",
        "profile",
        "proved",
        "queued",
        "refused",
        "released",
        "requests",
        "status",
        "stopping",
        "table",
        "terminate",
        "terminated",
        "unserved",
        "v1",
        "wedged",
    )  # fmt: skip

    def __init__(self, number: int, pointer: bytes, name: bytes | None, time: int) -> None:
        self.number = number
        self.pointer = pointer
        self.name = name
        self.last = time
        self.profile = b""
        self.v1 = False
        self.partial = False
        self.hole = -2  # when it was last heard of before lines of the log are missing
        self.announced = True  # the log shows when its call came, or when it was created
        self.arrived = self.created = self.offer = self.media = self.opened_at = self.answer = UNKNOWN
        self.bye = self.deactivate = self.terminate = self.closed = self.released = UNKNOWN
        self.ended_by = ""  # what ended its call, where that was no BYE or CANCEL of the caller
        self.ended = UNKNOWN  # its call ended or termination was asked for
        self.terminated = UNKNOWN  # "Session Terminated"
        self.last_answer = UNKNOWN
        self.proved = UNKNOWN  # a request, response or event showed that its offer had been answered
        self.holds: list[list[int]] = []  # offers that took its audio away (hold), and when it came back
        self.asked_bye = UNKNOWN  # the server sent BYE itself
        self.status = 0
        self.refused = 0  # final status seen on the call when no answer was logged
        self.bye_kind = ""
        self.call_state = b""
        self.offers = 0
        self.negotiating = False
        self.requests = 0
        self.queued = 0
        self.engines: dict[bytes, str] = {}  # resource → engine id
        self.unserved: set[bytes] = set()  # resources whose engine channel was refused
        self.opened: dict[bytes, int] = {}  # resource → when its open was last answered
        self.last_offer = UNKNOWN
        self.closing: set[bytes] = set()  # resources whose close was answered
        self.double = UNKNOWN  # a close was answered a second time
        self.control: dict[bytes, str] = {}  # resource → pending | added | removing | removed
        self.media_asked = 0
        self.media_done = 0
        self.media_path = False
        self.media_path_at = UNKNOWN
        self.active: tuple[str, bytes, int] | None = None  # MRCP request without a response: method, resource, since
        self.stopping: dict[bytes, int] = {}  # resource → STOP sent since
        self.in_progress = ""  # a method that goes on after its response, until an event or a STOP ends it
        self.audio = True  # whether the offer has audio
        self.wedged = UNKNOWN
        self.asked: dict[tuple[str, str], AskedOfPlugin] = {}  # (open, close, stop or request; task)
        self.held: dict[str, int] = {}
        self.ports: set[bytes] = set()
        self.connections: set[bytes] = set()
        self.gone = UNKNOWN  # its TCP peer disconnected
        self.lost: list[
            tuple[int, str, str, bool]
        ] = []  # messages that were dropped: when, task, name, by a full MPF queue
        self.table = False
        self.added = False  # "Add Session" was read
        self.ends_told = 0  # which of "Session Terminated" (1) and "Remove Session" (2) were read
        self.channels = 0

    def prove_answered(self, resource: bytes, time: int, *, request: bool) -> None:
        """A request, its response or an event on a channel: its open was answered, and the offer before it too. One
        signalling message is worked on at a time, so that with a request or its response no offer is either."""
        self.opened.setdefault(resource, time)
        if self.answer < 0:
            self.proved = time
        if self.negotiating and (request or self.answer < 0):
            self.negotiating = False

    def note_end(self, state: bytes, time: int, error: bytes, *, asked: bool) -> None:
        """Its call reaches `state` after the SIP stack's `error`: note what ends it, where that is the server and no
        caller has `asked` for it."""
        if state not in (b"terminating", b"terminated") or self.ended_by or asked:
            return
        late = self.last_answer >= 0 and -1_000_000 < time - self.last_answer - TRANSACTION < 2_000_000
        if error == b"ACK Timeout" or (self.call_state == b"completed" and late):
            self.ended_by = NO_ACK
        elif error.lower() == b"session timeout":
            self.ended_by = SESSION_TIMER

    def set_up(self) -> str:
        """How far its set-up came, each step with its time after the one before."""
        steps = [("created", self.created), ("offer", self.offer), ("media path", self.media_path_at)]
        known = [(name, time) for name, time in steps if time >= 0]
        told = [known[0][0]] if known else []
        for (_, before), (name, time) in pairwise(known):
            told.append(f"{name} after {(time - before) / 1e3:g} ms")
        return ", ".join(told)

    @property
    def id(self) -> str:
        """The server's own id as text that is safe to print; "" while it has none."""
        return word(self.name) if self.name else ""

    @property
    def label(self) -> str:
        """Its id as in the log, or where it lies in memory while it has none."""
        return self.id or f"new@{word(self.pointer)}"

    @property
    def state(self) -> str:
        """The state of its machine, as far as the log shows it."""
        if self.released >= 0:
            return "DESTROYED"
        if self.terminate >= 0:
            return "TERMINATING"
        if self.deactivate >= 0:
            return "DEACTIVATING"
        if self.negotiating:
            asking = any(a.signalled > self.last_answer for (what, _), a in self.asked.items() if what == "open")
            opening = asking or self.media_path or self.media > self.last_answer
            return "INITIALIZING" if opening and self.engines else "GENERATING_ANSWER"
        if self.answer >= 0 or self.proved >= 0 or self.partial:
            return "ACTIVE"
        return "NONE"

    @property
    def audio_away(self) -> int:
        """Since which offer it has no audio any more (hold); UNKNOWN while it has."""
        return self.holds[-1][0] if self.holds and self.holds[-1][1] < 0 else UNKNOWN

    @property
    def engine(self) -> str:
        """The engine ids of its channels."""
        return ", ".join(dict.fromkeys(self.engines.values()))
