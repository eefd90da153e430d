"""The order of events in an overload: latency grows, queues fill, producers block, the tick stalls, calls leak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.ledger.result import RunResult
from sim.vocabulary.tasks import MEDIA, SERVER_TASK, TASK_NAMES

if TYPE_CHECKING:
    import pandas as pd

MEDIA_TASK = TASK_NAMES[MEDIA]
WINDOW_S = 0.1
BLOCKED_S = 20e-6
SLOW = 5.0
"""Latency counts as grown when its median in a window is so many times that of the first window."""


SENT_BY = {
    "OFFER": "nua_i_state [received]", "TERMINATE": "nua_i_state [terminated]", "MPF response": "MPF container",
    "OPEN response": "open", "CLOSE response": "close", "ADD-channel response": "ADD channel",
    "REMOVE-channel response": "REMOVE channel",
}  # fmt: skip
"""A message that can be lost, and the one whose handler sends it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that an overloaded server did for the first time."""

    time_s: float
    what: str


def order_of_events(result: RunResult, slots: int = 1024, tick_s: float = 0.01) -> tuple[Event, ...]:
    """First times, in order, of what an overload does; what did not happen is left out. Needs the messages table."""
    messages, sessions = result.messages, result.sessions
    if messages is None or sessions is None:
        return ()
    full = _full(messages, slots)
    found = [_latency(sessions), full, *_lost(result)]
    if full is not None:
        # before, who stands still waits for a processor
        messages = messages[messages["finished_s"] >= full.time_s]
        found += [_blocked(messages), _stalled(messages, tick_s)]
    return tuple(sorted((event for event in found if event is not None), key=lambda event: event.time_s))


def queue_over_time(messages: pd.DataFrame, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Times and lengths of a task's queue: +1 when a message is put in, -1 when it is taken up."""
    mine = messages[messages["task"] == task]
    at = np.concatenate([mine["sent_s"].to_numpy(), mine["started_s"].to_numpy()])
    step = np.concatenate([np.ones(len(mine)), -np.ones(len(mine))])
    order = np.lexsort((-step, at))
    return at[order], np.cumsum(step[order])


def _latency(sessions: pd.DataFrame) -> Event | None:
    known = sessions[sessions["answer_s"].notna()]
    latency = (known["answer_s"] - known["arrived_s"]).to_numpy()
    window = (known["arrived_s"] / WINDOW_S).astype(int).to_numpy()
    if not len(window):
        return None
    first = float(np.median(latency[window == window.min()]))
    for k in range(int(window.min()) + 1, int(window.max()) + 1):
        inside = latency[window == k]
        if len(inside) and float(np.median(inside)) > SLOW * first:
            text = f"latency has grown: INVITE→answer median {first * 1e3:.1f} ms → {np.median(inside) * 1e3:.0f} ms"
            return Event(k * WINDOW_S, text)
    return None


def _full(messages: pd.DataFrame, slots: int) -> Event | None:
    at, length = queue_over_time(messages, SERVER_TASK)
    full = np.flatnonzero(length >= slots)
    return Event(float(at[full[0]]), f"the queue of [{SERVER_TASK}] holds {slots} messages") if len(full) else None


def _blocked(messages: pd.DataFrame) -> Event | None:
    """The first time that a producer stood still although its next message was there: a push of it blocked."""
    first: Event | None = None
    for task, mine in messages.groupby("task", observed=True):
        if task in (SERVER_TASK, MEDIA_TASK, "NUA"):  # the consumer itself; a tick waits anyway; sends to no such queue
            continue
        mine = mine.sort_values("started_s", kind="stable")
        started, finished, sent = (mine[name].to_numpy() for name in ("started_s", "finished_s", "sent_s"))
        stood = np.flatnonzero((sent[1:] < finished[:-1]) & (started[1:] > finished[:-1] + BLOCKED_S))
        if len(stood) and (first is None or finished[stood[0]] < first.time_s):
            first = Event(float(finished[stood[0]]), f"a producer blocks: [{task}] stands still before a full queue")
    return first


def _stalled(messages: pd.DataFrame, tick_s: float) -> Event | None:
    """The first time that the media thread stood still inside a tick: a push of it blocked."""
    mine = messages[messages["task"] == MEDIA_TASK].sort_values("started_s", kind="stable")
    started, finished, sent = (mine[name].to_numpy() for name in ("started_s", "finished_s", "sent_s"))
    gap = started[1:] - finished[:-1]
    stood = np.flatnonzero((sent[1:] < finished[:-1]) & (gap > BLOCKED_S) & (gap < tick_s / 2.0))
    if not len(stood):
        return None
    longest = float((started - sent).max())
    text = f"the media tick stalls: [{MEDIA_TASK}] blocks in a push; a container waits for up to {longest * 1e3:.0f} ms"
    return Event(float(finished[stood[0]]), text)


def _lost(result: RunResult) -> list[Event]:
    """The first session of each kind that waits for ever for a message that was lost, at the time of the lost push."""
    kinds = {
        "NONE": "without an offer", "GENERATING_ANSWER": "without an answer", "INITIALIZING": "without an answer",
        "ACTIVE": "terminating", "DEACTIVATING": "terminating", "TERMINATING": "terminating",
    }  # fmt: skip
    messages = result.messages
    assert messages is not None
    lost = {leak.session: leak for leak in result.summary.leaks if leak.cause == "message-lost"}
    mine = messages[messages["session"].isin(list(lost))]
    last = mine.groupby(["session", "message"], observed=True)["finished_s"].max()
    first: dict[str, float] = {}
    for session, leak in lost.items():
        what = next((what for what in SENT_BY if leak.explanation.find(f"gave up on {what}") >= 0), None)
        if what is not None and (session, SENT_BY[what]) in last.index:
            kind, at = kinds[leak.state], float(last[session, SENT_BY[what]])
            first[kind] = min(first.get(kind, at), at)
    return [Event(at, f"a message is lost, and a session stays for ever: {kind}") for kind, at in first.items()]
