"""Service time of every message on every task, and the time to wake an idle thread, from a DEBUG log.

A simulated message leaves when its sender is done; a real one may leave earlier. The wake-up latency is therefore
counted from the end of the sender's work, so that the receiver starts when it really did.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.calibration.fit import RESOLUTION
from sim.calibration.media import contexts_at
from sim.vocabulary.messages import M_CONTAINER, MESSAGES, SERVER_ROWS
from sim.vocabulary.tasks import CONNECTION_AGENT

if TYPE_CHECKING:
    import pandas as pd

    from sim.calibration.evidence import Evidence

Array = NDArray[np.float64]

# what the reader of a log calls a message → key of its cost
SERVER_KEYS: Final = {
    seen: cost
    for row in SERVER_ROWS
    for seen, cost in ((row.seen or row.cost, row.cost), (row.second, row.second))
    if seen
}
AGENT_KEYS: Final = {  # of the messages that a log has, the reader names those that a session waits for
    row.cost if row.carries else "other": row.cost for row in MESSAGES if row.task == CONNECTION_AGENT and row.log
}
MEDIA_KEYS: Final = (MESSAGES[M_CONTAINER].cost, MESSAGES[M_CONTAINER].second)
WARM_WITHIN_S: Final = 0.3e-3  # so long after its last message a task's code and data are still in the caches
AWAKE_WITHIN_S: Final = 60e-6  # so long after a thread's last work its processor has not gone to sleep
_FEWEST: Final = 15
_UNINTERRUPTED: Final = 0.05  # quantile of the times after the last signal that stands for an uninterrupted one
LONGEST_EVENT: Final = 0.05  # a SIP event that takes longer than this to handle was not one event


TASKS: Final = (
    ("server", SERVER_KEYS, "server"),
    ("connection", AGENT_KEYS, "connection_agent"),
    ("media", {key: key for key in MEDIA_KEYS}, "media"),
)


@dataclass(frozen=True, slots=True)
class Services:
    """Service times in seconds by (task of the scenario, key of its costs), and what is left of them when warm.

    A sample taken while the task was warm stands here as long as it would have been on a cold one.
    """

    samples: dict[tuple[str, str], Array]
    warm: dict[str, float]  # by task
    told_by: dict[str, int]  # warm messages that this was learned from


@dataclass(frozen=True, slots=True)
class WakesSeen:
    """Times to wake an idle thread in seconds: by the task's name in the log, and soon after its last work."""

    asleep: dict[str, Array]
    awake: Array

    @property
    def samples(self) -> list[Array]:
        """All of them."""
        return [*self.asleep.values(), self.awake]


def services(evidence: "Evidence") -> Services:
    """The service time of every kind of message."""
    rows = evidence.messages
    known = (rows["finished"].notna() & rows["started"].notna()).to_numpy()
    names = server_names(evidence, rows)
    time = work_ends(evidence) - rows["started"].to_numpy()
    soon = idle_before(evidence) <= WARM_WITHIN_S
    role = rows["role"].to_numpy()
    found: dict[tuple[str, str], Array] = {}
    warm: dict[str, float] = {}
    told: dict[str, int] = {}
    for source, keys, task in TASKS:
        here = {seen: np.flatnonzero(known & (role == source) & (names == seen)) for seen in keys}
        warm[task], told[task] = _warm_part([(time[at], soon[at]) for at in here.values()])
        for seen, key in keys.items():
            at = here[seen]
            if len(at):
                sample = np.where(soon[at], time[at] / warm[task], time[at])
                before = found.get((task, key))
                found[task, key] = sample if before is None else np.concatenate((before, sample))
    found.update(sip_agent(evidence))
    return Services(found, warm, told)


def _warm_part(groups: list[tuple[Array, NDArray[np.bool_]]]) -> tuple[float, int]:
    """Warm median over cold median, averaged over the kinds of message that were seen often enough as both.

    1 when that is not three standard errors below 1 (a median's is 1.25 σ/√n).
    """
    logs, weights, spreads = [], [], []
    for time, soon in groups:
        n_warm, n_cold = int(np.count_nonzero(soon)), int(np.count_nonzero(~soon))
        if min(n_warm, n_cold) >= _FEWEST:
            logs.append(np.log(max(np.median(time[soon]), RESOLUTION) / max(np.median(time[~soon]), RESOLUTION)))
            weights.append(1 / (1 / n_warm + 1 / n_cold))
            low, high = np.quantile(np.log(np.maximum(time, 1e-6)), [0.16, 0.84])
            spreads.append((high - low) / 2)
    if not logs:
        return 1.0, 0
    total = sum(weights)
    log_part = float(np.average(logs, weights=weights))
    error = 1.25 * float(np.average(spreads, weights=weights)) / np.sqrt(total)
    if log_part > -3 * error:
        return 1.0, 0
    return max(0.05, float(np.exp(log_part))), int(total)


def idle_before(evidence: "Evidence") -> Array:
    """For each message, how long its task had been idle when it took it up; infinite for the first."""
    rows = evidence.messages
    result = np.full(len(rows), np.inf)
    ends = work_ends(evidence)
    started = rows["started"].to_numpy()
    for _, part in rows[rows["started"].notna()].groupby("task", sort=False):
        at = part.index.to_numpy()
        at = at[started[at].argsort(kind="stable")]
        end = np.where(np.isnan(ends[at]), started[at], ends[at])
        result[at[1:]] = started[at[1:]] - np.maximum.accumulate(end)[:-1]
    return result


def work_ends(evidence: "Evidence") -> Array:
    """When each message's work was done; NaN where the log does not show it.

    A task that has signalled another often logs "Wait for Messages" only after that one has run on its processor. What
    comes after the last signal is therefore counted as the task's usual time for it, when nobody interrupts.
    """
    rows = evidence.messages
    finished = rows["finished"].to_numpy()
    last = last_sends(evidence)
    ends = finished.copy()
    for _, part in rows.groupby("task", sort=False):
        mine = part.index.to_numpy()
        after = (finished - last)[mine]
        after = after[np.isfinite(after)]
        if len(after):
            usual = float(np.quantile(after, _UNINTERRUPTED))
            ends[mine] = np.where(
                np.isfinite(last[mine]), np.minimum(finished[mine], last[mine] + usual), finished[mine]
            )
    return np.asarray(ends, dtype=np.float64)


def last_sends(evidence: "Evidence") -> Array:
    """For each message, when its task signalled the last of those that it sent while working on it; NaN: none."""
    rows = evidence.messages
    result = np.full(len(rows), np.nan)
    worked = rows[rows["started"].notna() & rows["finished"].notna()]
    signals = rows[rows["sent"].notna()]
    for thread, work in worked.groupby("thread"):
        sent = np.sort(signals.loc[signals["sender"] == thread, "sent"].to_numpy())
        if not len(sent):
            continue
        begin, end = work["started"].to_numpy(), work["finished"].to_numpy()
        place = np.searchsorted(sent, end, side="right") - 1
        inside = (place >= 0) & (sent[np.maximum(place, 0)] >= begin)
        result[work.index.to_numpy()[inside]] = sent[place[inside]]
    return result


def server_names(evidence: "Evidence", rows: "pd.DataFrame") -> NDArray[np.object_]:
    """The kind of each message, finer than the log's types.

    Adding is told from subtracting, taking down at once from stopping a request first.
    """
    name = rows["name"].to_numpy().astype(object)
    number, role = rows["session"].to_numpy(), rows["role"].to_numpy()
    started, finished = rows["started"].to_numpy(), rows["finished"].to_numpy()
    terminating = {call.number: call.terminate for call in evidence.calls}
    for i in np.flatnonzero((role == "server") & (name == "mpf_response")).tolist():
        if started[i] > terminating.get(int(number[i]), np.nan):
            name[i] = "mpf_subtracted"
    refused = {call.number: call.answer for call in evidence.calls if call.status != 200}
    for i in np.flatnonzero((role == "server") & (name == "mpf_response")).tolist():
        if started[i] <= refused.get(int(number[i]), np.nan) <= finished[i]:
            name[i] = "opened"  # there was nothing to open: this message sent the final answer
    stopped = set(number[(role == "plugin") & (name == "stop")].tolist())
    for i in np.flatnonzero((role == "server") & (name == "terminate")).tolist():
        if number[i] in stopped:
            name[i] = "deactivate"
    return name


def sip_agent(evidence: "Evidence") -> dict[tuple[str, str], Array]:
    """The SIP agent does not log its messages: its work is seen between its lines and what it signals."""
    return {place: spans.time_s for place, spans in sip_spans(evidence).items()}


@dataclass(frozen=True, slots=True)
class Spans:
    """Stretches of one thread's work: when each began, how long it took, and the thread."""

    begin_s: Array
    time_s: Array
    thread: NDArray[np.int64]


def sip_spans(evidence: "Evidence") -> dict[tuple[str, str], Spans]:
    """The SIP agent's work on its events, by (task, key) of the costs."""
    found: dict[tuple[str, str], Spans] = {}
    states = evidence.states
    found["sip_agent", "i_invite"] = _until(states["invite"], states["received"])
    rows = evidence.messages
    for name, key, line in (("offer", "i_state", "received"), ("terminate", "i_terminated", "terminated")):
        sent = rows[(rows["role"] == "server") & (rows["name"] == name) & rows["sent"].notna()]
        signals = list(zip(sent["sender"].tolist(), sent["sent"].tolist(), strict=True))
        found["sip_agent", key] = _until(states[line], signals)
    found["sip_agent", "i_other"] = _until(states["bye"], states["terminated"])
    return {place: spans for place, spans in found.items() if len(spans.time_s)}


def _until(begins: list[tuple[int, float]], ends: list[tuple[int, float]]) -> Spans:
    """From each begin to the next end on the same thread, where no other begin lies between."""
    begun, spans, threads = [np.empty(0)], [np.empty(0)], [np.empty(0, dtype=np.int64)]
    by_thread: dict[int, tuple[list[float], list[float]]] = {}
    for which, lines in enumerate((begins, ends)):
        for thread, time in lines:
            by_thread.setdefault(thread, ([], []))[which].append(time)
    for thread, (starts, stops) in by_thread.items():
        start, stop = np.sort(np.array(starts)), np.sort(np.array(stops))
        if not len(start) or not len(stop):
            continue
        place = np.searchsorted(stop, start)
        nearest = np.where(place < len(stop), stop[np.minimum(place, len(stop) - 1)], np.inf)
        alone = np.append(start[1:], np.inf) >= nearest
        short = alone & (nearest - start < LONGEST_EVENT)
        begun.append(start[short])
        spans.append((nearest - start)[short])
        threads.append(np.full(int(short.sum()), thread, dtype=np.int64))
    return Spans(np.concatenate(begun), np.concatenate(spans), np.concatenate(threads))


def wakes(evidence: "Evidence", context_cost_s: float) -> WakesSeen:
    """Samples of the time to wake an idle thread.

    Where the media engine has answered it goes on to its contexts; an answer that was held up by them is counted from
    their end.
    """
    rows = evidence.messages
    known = (rows["sent"].notna() & rows["started"].notna() & (rows["role"] != "media")).to_numpy()
    waits = wait_times(evidence, context_cost_s)
    awake = idle_before(evidence) - waits <= AWAKE_WITHIN_S
    asleep: dict[str, Array] = {}
    soon: list[Array] = []
    for task, part in rows[known].groupby("task", sort=True):
        part = part.sort_values("started", kind="stable")
        started = part["started"].to_numpy()
        finished = np.where(part["finished"].isna(), started, part["finished"].to_numpy())
        busy_until = np.concatenate(([-np.inf], np.maximum.accumulate(finished)[:-1]))
        at = part.index.to_numpy()[busy_until <= part["sent"].to_numpy()]
        soon.append(waits[at[awake[at]]])
        if not awake[at].all():
            asleep[str(task)] = waits[at[~awake[at]]]
    return WakesSeen(asleep, np.concatenate(soon) if soon else np.empty(0))


def wait_times(evidence: "Evidence", context_cost_s: float) -> Array:
    """For each message, how long it waited from when its sender's work was done (and the contexts were, as in `wakes`).

    NaN where the log does not show it.
    """
    rows = evidence.messages
    sent, started = rows["sent"].to_numpy(), rows["started"].to_numpy()
    ready = np.maximum(sent, sender_ends(evidence))
    held = context_cost_s * contexts_at(evidence.contexts, sent)
    answers = (rows["name"] == "mpf_response").to_numpy() & (started - sent > 0.5 * held)
    return np.asarray(np.maximum(started - np.where(answers, ready + held, ready), 0.0), dtype=np.float64)


def sender_ends(evidence: "Evidence") -> Array:
    """For each message, when its sender was done with the message during which it was sent; -inf: not on a task."""
    rows = evidence.messages
    result = np.full(len(rows), -np.inf)
    done = work_ends(evidence)
    worked = rows[rows["started"].notna() & rows["finished"].notna()]
    for thread, work in worked.groupby("thread"):
        mine = np.flatnonzero((rows["sender"] == thread).to_numpy() & rows["sent"].notna().to_numpy())
        if not len(mine):
            continue
        order = work["started"].to_numpy().argsort(kind="stable")
        begin, end = work["started"].to_numpy()[order], work["finished"].to_numpy()[order]
        ends = done[work.index.to_numpy()][order]
        sent = rows["sent"].to_numpy()[mine]
        place = np.searchsorted(begin, sent, side="right") - 1
        inside = (place >= 0) & (sent <= end[np.maximum(place, 0)])
        result[mine[inside]] = ends[place[inside]]
    return result
