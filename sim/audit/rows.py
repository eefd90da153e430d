"""The sessions table of an audited log, written in chunks, and the latencies of the summary."""

from array import array
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.audit.audited import AuditedSession
from sim.ledger.resident import AtATime, memory_use
from sim.ledger.sink import Sink
from sim.ledger.spans import KNOWN
from sim.ledger.summary import MemoryUse, Quantiles, ResourceUse
from sim.scenario.server import Memory

_CHUNK: Final = 20_000
_TIMES: Final = {
    "arrived_s": "arrived", "created_s": "created", "offer_s": "offer", "answer_s": "answer", "bye_s": "bye",
    "deactivate_s": "deactivate", "terminate_s": "terminate", "close_answered_s": "closed", "released_s": "released",
    "media_s": "media", "open_s": "opened_at", "media_path_s": "media_path_at",
}  # fmt: skip
_times_of: Final = attrgetter(*_TIMES.values())
"""All of them at once: one by one they took a tenth of the time of an audit."""
_COLUMNS: Final = list(_TIMES)
_SPANS: Final = tuple(
    (name, _COLUMNS.index(start), _COLUMNS.index(end))
    for name, (start, end, _) in KNOWN.items()
    if start in _TIMES and end in _TIMES
)
_REACHED: Final[dict[str, Callable[[AuditedSession], bool]]] = {
    "create_to_offer": lambda session: session.announced,
    "invite_to_answer": lambda session: session.announced,
    "media_to_open": lambda session: bool(session.opened),
    "close_delay": lambda session: 0 < len(session.closing) == len(session.engines),
}
"""What must be true besides, where a time alone does not say that all of a session's channels were meant."""
_TEXTS: Final = ("state", "outcome", "waiting_for", "plugin", "cause", "name", "session_id", "ended_by")


def seconds(micros: Any, origin: int, timed: bool) -> NDArray[np.float64]:
    """Axis times as seconds since `origin`; UNKNOWN is NaN, and so is everything in a log without times."""
    values = np.asarray(micros, dtype=np.int64)
    result = (values - origin) / 1e6
    result[(values < 0) | (not timed)] = np.nan
    return np.asarray(result, dtype=np.float64)


class SessionRows:
    """Collects one row per session and writes them to `sink` every few thousand; keeps lives and latencies."""

    def __init__(self, sink: Sink | None) -> None:
        self._sink = sink
        self.lives = Lives()
        self.latencies = Latencies()
        self._clear()

    def _clear(self) -> None:
        self._times = array("q")  # those of one session after those of another
        self._texts: list[tuple[str, ...]] = []
        self._session, self._status, self._requests = array("q"), array("q"), array("q")
        self._crashed: list[bool] = []

    def add(
        self, session: AuditedSession, outcome: str, waiting_for: str = "", plugin: str = "", cause: str = ""
    ) -> None:
        """The row of `session` as it is now, over or cut off by the log's end; its latencies are samples."""
        times = _times_of(session)
        self.latencies.add(session, times)
        self.lives.add(session, max(times), outcome)
        if self._sink is None:
            return
        self._times.extend(times)
        own = session.id
        self._texts.append((
            session.state, outcome, waiting_for, plugin or session.engine, cause, own or session.label, own,
            session.ended_by,
        ))  # fmt: skip
        self._session.append(session.number)
        self._status.append(session.status or session.refused)
        self._requests.append(session.requests)
        self._crashed.append(outcome == "crashed")

    def flush(self, origin: int, timed: bool, everything: bool = False) -> None:
        """Write what has piled up."""
        count = len(self._session)
        if self._sink is None or count < (1 if everything else _CHUNK):
            return
        columns: dict[str, Any] = {
            "session": np.array(self._session), "answer_status": np.array(self._status),
            "requests": np.array(self._requests), "crashed": np.array(self._crashed, dtype=np.bool_),
            "bye_ok_s": np.full(count, np.nan), "pool_bytes": np.zeros(count, dtype=np.int64),
        }  # fmt: skip
        times = seconds(self._times, origin, timed).reshape(count, len(_COLUMNS))
        columns |= {column: times[:, at].copy() for at, column in enumerate(_COLUMNS)}
        columns |= {column: list(texts) for column, texts in zip(_TEXTS, zip(*self._texts, strict=True), strict=True)}
        self._sink.write("sessions", columns)
        self._clear()


class Lives:
    """When sessions were there, whether they leaked, and what that makes of the process's memory."""

    def __init__(self) -> None:
        self._created, self._latest, self._over = array("q"), array("q"), array("q")
        self._answer, self._bye = array("q"), array("q")
        self._leaked = bytearray()

    def add(self, session: AuditedSession, latest: int, outcome: str) -> None:
        """A session that is over, or that the log's end cuts off, and the latest of its times."""
        self._created.append(max(session.created, 0))  # one that was there before the log began: before its origin
        self._latest.append(latest)
        self._answer.append(session.answer)
        self._bye.append(session.bye)
        self._over.append(session.released if outcome != "crashed" else latest)
        self._leaked.append(outcome == "leaked")

    def memory(self, origin: int, span_s: float, resources: Mapping[str, ResourceUse]) -> MemoryUse:
        """What the process has of memory at its end: as was measured on a real server, for a log does not show it."""
        there, leaked = AtATime(span_s), np.frombuffer(self._leaked, dtype=np.bool_)
        times = {
            "created_s": self._created, "answer_s": self._answer, "bye_s": self._bye, "terminate_s": self._latest,
            "released_s": self._over,
        }  # fmt: skip
        if leaked.size:
            there.add({name: seconds(values, origin, span_s > 0.0) for name, values in times.items()}, leaked)
        pools = resources.get("session_pool", ResourceUse()).peak
        return memory_use(there, pools, int(leaked.sum()), Memory(), None)


class Latencies:
    """Samples in whole microseconds; exact order statistics at the end."""

    def __init__(self) -> None:
        self.samples = {name: array("q") for name in KNOWN}

    def add(self, session: AuditedSession, times: tuple[int, ...]) -> None:
        """Every latency of a session, from its times in the order of `_TIMES`."""
        for name, start, end in _SPANS:
            began, ended = times[start], times[end]
            if began >= 0 and ended >= 0 and (name not in _REACHED or _REACHED[name](session)):
                self.samples[name].append(ended - began)

    def quantiles(self, timed: bool) -> dict[str, Quantiles]:
        """In seconds, by the names of the summary."""
        if not timed:
            return {}
        return {
            name: Quantiles.of(np.frombuffer(values, dtype=np.int64) / 1e6) if values else Quantiles()
            for name, values in self.samples.items()
        }
