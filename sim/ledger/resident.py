"""Resident memory of the server's process: calls and transactions at a time set its high water mark, leaks come on top.

The process does not give memory back, so that the mark only rises. A session that is stuck is no call any more: it
counts as a call up to the last thing that is known to have happened to it. SIP keeps a transaction after its final
answer, to answer the same request again: an INVITE's for T4 (timer I of RFC 3261), a BYE's for 64 T1 (timer J). At a
steady rate they are many times the calls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.ledger.summary import Finding, MemoryUse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from sim.scenario.server import Memory

TIMES: Final = (
    "created_s", "offer_s", "media_s", "open_s", "answer_s", "bye_s", "bye_ok_s", "deactivate_s", "terminate_s",
    "close_answered_s", "released_s",
)  # fmt: skip

INTERVALS: Final = 4096
"""Of the time of a run, at whose ends its calls are counted: the count within one is not known."""

T4_S: Final = 5.0
"""Sofia-SIP's `NTA_SIP_T4`, where nothing else is configured: so long the queue `inv_confirmed` keeps an INVITE's
transaction after its ACK."""


@dataclass(slots=True)
class AtATime:
    """How many calls there are, how many sessions are stuck, and how many transactions SIP keeps that are answered,
    in each of many short intervals up to `until_s`."""

    until_s: float
    t1_s: float = 0.5
    t4_s: float = T4_S
    _begun: NDArray[np.int64] = field(default_factory=lambda: np.zeros(INTERVALS + 1, dtype=np.int64))
    _over: NDArray[np.int64] = field(default_factory=lambda: np.zeros(INTERVALS + 1, dtype=np.int64))
    _stuck: NDArray[np.int64] = field(default_factory=lambda: np.zeros(INTERVALS + 1, dtype=np.int64))
    _kept: NDArray[np.int64] = field(default_factory=lambda: np.zeros(INTERVALS + 1, dtype=np.int64))

    def add(self, columns: Mapping[str, ArrayLike], leaked: ArrayLike | None = None) -> None:
        """Sessions, by the times that the table of sessions has of them (NaN: not reached), and which have leaked."""
        times = {name: np.asarray(columns[name], dtype=np.float64) for name in TIMES if name in columns}
        there = np.isfinite(times["created_s"])
        stuck = there & (np.zeros(there.size) if leaked is None else np.asarray(leaked)).astype(np.bool_)
        latest = np.fmax.reduce(list(times.values()))
        self._begun += self._counted(times["created_s"][there])
        self._over += self._counted(np.where(stuck, latest, times["released_s"])[there])
        self._stuck += self._counted(latest[stuck])
        self._kept += self._counted(times["answer_s"]) - self._counted(times["answer_s"] + self.t4_s)
        answered = np.fmax(times["bye_s"], times.get("bye_ok_s", np.nan))  # a log does not show a BYE's answer
        self._kept += self._counted(times["bye_s"]) - self._counted(answered + 64.0 * self.t1_s)

    def _counted(self, times: NDArray[np.float64]) -> NDArray[np.int64]:
        known = times[np.isfinite(times)]
        places = (known * (INTERVALS / self.until_s)).astype(np.int64) if self.until_s > 0.0 else known * 0
        return np.bincount(np.clip(places, 0, INTERVALS).astype(np.int64), minlength=INTERVALS + 1)

    def calls(self) -> NDArray[np.int64]:
        """Calls at the end of each interval."""
        return np.cumsum(self._begun - self._over)

    def stuck(self) -> NDArray[np.int64]:
        """Sessions that are stuck at the end of each interval."""
        return np.cumsum(self._stuck)

    def transactions(self) -> NDArray[np.int64]:
        """Answered transactions that SIP keeps at the end of each interval."""
        return np.cumsum(self._kept)

    def ends_s(self) -> NDArray[np.float64]:
        """The ends of the intervals, in seconds."""
        return np.arange(1, INTERVALS + 2, dtype=np.float64) * np.float64(self.until_s / INTERVALS)


def resident_bytes(calls: Any, transactions: Any, leaked: Any, memory: Memory) -> Any:
    """Resident bytes of a process that had so many calls, and answered transactions, at a time and has leaked so many
    sessions; numbers or arrays."""
    at_a_time = calls * memory.resident_per_call + transactions * memory.resident_per_transaction
    return memory.resident_base + at_a_time + leaked * memory.resident_per_leak


def transactions_at(rate: float, t1_s: float, t4_s: float) -> float:
    """Answered transactions that SIP keeps on average, of so many answered calls per second that hang up."""
    return rate * (t4_s + 64.0 * t1_s)


def memory_use(there: AtATime, pools_peak: int, leaked: int, memory: Memory, limit: int | None) -> MemoryUse:
    """What a run, or the process of a log, has of memory at its end; without leaks the peak of pools is that of calls.

    A limit is reached at the end of the first interval in which it is.
    """
    calls = np.maximum.accumulate(there.calls())
    transactions = np.maximum.accumulate(there.transactions())
    peak = pools_peak
    if leaked:
        peak = min(pools_peak, int(calls[-1])) if there.until_s > 0.0 else max(0, pools_peak - leaked)
    kept = int(transactions[-1])
    use = round(resident_bytes(peak, kept, leaked, memory))
    reached = None
    if limit is not None and use >= limit:
        over = np.flatnonzero(resident_bytes(np.minimum(calls, peak), transactions, there.stuck(), memory) >= limit)
        reached = float(there.ends_s()[over[0]]) if over.size else there.until_s
    return MemoryUse(peak, leaked, use, limit, reached, transactions_peak=kept)


def exhausted(use: MemoryUse) -> tuple[Finding, ...]:
    """The finding that the process would have been killed for its memory, where it would."""
    if use.reached_at_s is None or use.limit is None or use.bytes_peak is None:
        return ()
    limit, peak = use.limit / 2**20, use.bytes_peak / 2**20
    text = (
        f"The process would have been killed at about {use.reached_at_s:.3g} s, when its resident memory reached the "
        f"limit of {limit:.1f} MiB, and every call with it; the run went on, to {peak:.1f} MiB"
    )
    return (Finding("memory-exhausted", text, since_s=use.reached_at_s, sessions=use.calls_peak + use.leaked),)
