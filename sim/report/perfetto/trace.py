"""From a result's tables to a trace: message slices of each thread, states of each session, counters, and arrows.

An arrow goes from the message whose handler sent another to that other. A session that is stuck ends in a slice that
has no end, on its own track, which says what never came; the arrow from the message that was not answered leads there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.errors import ScenarioError
from sim.ledger.result import RunResult
from sim.ledger.summary import Leak
from sim.report.perfetto import packets
from sim.report.perfetto.lanes import LaneWork, lane_name, work_in_lanes
from sim.report.thinning import level_steps

if TYPE_CHECKING:
    import pandas as pd

SERVER: Final = 1  # process of the server's threads
CALLS: Final = 2  # process of the sessions
LEVELS: Final = 3  # process of the counters
PROCESSORS: Final = 4  # process of the processors
FIRST_THREAD: Final = 100
FIRST_COUNTER: Final = 1_000
FIRST_LANE: Final = 10_000
FIRST_SESSION: Final = 1_000_000
FIRST_OPEN_FLOW: Final = 1 << 40
MOST_MESSAGES: Final = 400_000
"""Messages in one trace, about 60 MB: what the viewer still opens with ease."""
ENDED: Final = ("released", "rejected", "cancelled")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Which part of a result a trace is to show; times in seconds."""

    from_s: float = 0.0
    until_s: float = float("inf")
    sessions: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a trace holds, and what was left out."""

    packets: int
    messages: int
    sessions: int
    left_out: int


def write_trace(result: RunResult, path: Path, cut: Excerpt | None = None) -> Written:
    """Write the trace. ScenarioError when the result has neither messages nor sessions in the part asked for."""
    cut = cut or Excerpt()
    if result.summary.nobody_called:
        raise ScenarioError(f"{result.directory or result.summary.scenario}: there is nothing to draw: nobody called")
    messages, left_out = _messages(result, cut)
    sessions = _sessions(result, cut)
    if not len(messages) and not len(sessions):
        raise ScenarioError(
            f"{result.directory or result.summary.scenario}: has no messages and no sessions there; "
            "run or audit again with --ledger full, or choose another part"
        )
    tasks = list(dict.fromkeys(messages["task"].astype(object))) if len(messages) else []
    counters = _counters(result, cut)
    queues = _queues(messages, tasks)
    written = 0
    with path.open("wb") as file:
        work = work_in_lanes(messages) if result.summary.processors.count and len(messages) else []
        for head in [*_heads(result, tasks, sessions, [*counters, *queues]), *_lanes(result, work)]:
            file.write(head)
            written += 1
        last = _last_of_stuck(messages, result)
        events = [*_slices(messages, tasks, set(last.values())), *_states(messages, sessions, result, last)]
        events += [*_levels(counters, queues), *_work(work)]
        events.sort(key=lambda event: event[:2])
        for _, _, event in events:
            file.write(event)
        written += len(events)
    return Written(written, len(messages), len(sessions), left_out)


Event = tuple[int, int, bytes]
"""When, in nanoseconds; at one instant what ends before what begins; the packet."""


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _messages(result: RunResult, cut: Excerpt) -> tuple[pd.DataFrame, int]:
    import pandas as pd

    table = result.messages
    if table is None:
        return pd.DataFrame(), 0
    mine = table[table["started_s"].notna() & (table["started_s"] < cut.until_s)]
    mine = mine[mine["finished_s"].fillna(mine["started_s"]) >= cut.from_s]
    if cut.sessions is not None:
        mine = mine[mine["session"].isin(cut.sessions)]
    return mine.head(MOST_MESSAGES).reset_index(drop=True), max(0, len(mine) - MOST_MESSAGES)


def _sessions(result: RunResult, cut: Excerpt) -> pd.DataFrame:
    import pandas as pd

    table = result.sessions
    if table is None:
        return pd.DataFrame()
    ended = table["released_s"].fillna(float("inf"))
    mine = table[table["arrived_s"].notna() & (table["arrived_s"] < cut.until_s) & (ended >= cut.from_s)]
    if cut.sessions is not None:
        mine = mine[mine["session"].isin(cut.sessions)]
    return mine.head(MOST_MESSAGES // 20)


def _heads(result: RunResult, tasks: list[str], sessions: pd.DataFrame, counters: list[str]) -> Iterator[bytes]:
    yield packets.process_track(SERVER, 1, f"{result.summary.scenario}: tasks of the server", 0)
    yield packets.process_track(CALLS, 2, f"{result.summary.scenario}: sessions", 1)
    yield packets.process_track(LEVELS, 3, f"{result.summary.scenario}: pools and queues", 2)
    for i, task in enumerate(tasks):
        yield packets.thread_track(FIRST_THREAD + i, SERVER, 1, i + 1, str(task))
    for i, name in enumerate(counters):
        yield packets.counter_track(
            FIRST_COUNTER + i, LEVELS, name, "held" if not name.startswith("queue") else "waiting"
        )
    names = sessions["session_id"].astype(object) if "session_id" in sessions else [None] * len(sessions)
    for session, name in zip(sessions["session"] if len(sessions) else (), names, strict=True):
        named = f"session {session}" + (f" {name}" if isinstance(name, str) else "")
        yield packets.named_track(FIRST_SESSION + int(session), CALLS, named)


def _lanes(result: RunResult, work: list[LaneWork]) -> Iterator[bytes]:
    if work:
        yield packets.process_track(PROCESSORS, 4, f"{result.summary.scenario}: processors", 3)
    for lane in range(max((one.lane for one in work), default=-1) + 1):
        name = lane_name(lane, result.summary.processors.count or 0)
        yield packets.thread_track(FIRST_LANE + lane, PROCESSORS, 4, lane + 1, name)


def _work(work: list[LaneWork]) -> Iterator[Event]:
    for one in work:
        began, ended, track = one.started_ns, one.finished_ns, FIRST_LANE + one.lane
        notes: list[packets.Annotation] = [("session", one.session), ("message", one.message)]
        yield began, 1, packets.begin(began, track, one.task, notes)
        yield ended, 0, packets.finish(ended, track)


def _last_of_stuck(messages: pd.DataFrame, result: RunResult) -> dict[int, int]:
    """For each stuck session the row of the message whose answer never came, else of its last one."""
    stuck = {leak.session: (leak.waiting_for or "").lower() for leak in result.summary.leaks if leak.cause}
    found: dict[int, int] = {}
    named: set[int] = set()
    if not len(messages):
        return found
    mine = messages[messages["session"].isin(stuck)].sort_values("started_s", kind="stable")
    for row, session, name in zip(mine.index, mine["session"], mine["message"].astype(object), strict=True):
        awaited = str(name).lower() in stuck[session]
        if awaited or session not in named:
            found[int(session)] = int(row)
        if awaited:
            named.add(session)
    return found


def _slices(messages: pd.DataFrame, tasks: list[str], open_rows: set[int]) -> Iterator[Event]:
    """One slice for each message; what it sent leaves it as an arrow, and so does what never came (`open_rows`)."""
    if not len(messages):
        return
    track = {task: FIRST_THREAD + i for i, task in enumerate(tasks)}
    flows = _senders(messages)
    leaving: dict[int, list[int]] = {}
    for receiver, sender in enumerate(flows.tolist()):
        if sender >= 0:
            leaving.setdefault(sender, []).append(receiver + 1)
    for row in open_rows:
        leaving.setdefault(row, []).append(FIRST_OPEN_FLOW + row)
    columns = (messages[name].tolist() for name in ("session", "sent_s", "started_s", "finished_s"))
    names = (messages[name].astype(object).tolist() for name in ("task", "message"))
    for i, (session, sent, started, finished, task, name) in enumerate(zip(*columns, *names, strict=True)):
        notes: list[packets.Annotation] = [("session", int(session))]
        if sent == sent:
            notes.append(("waited_us", round(1e6 * (started - sent), 3)))
        arrived = [i + 1] if flows[i] >= 0 else []
        began = _ns(started)
        yield began, 1, packets.begin(began, track[task], str(name), notes, leaving.get(i, ()), arrived)
        if finished == finished:
            ended = max(_ns(finished), began + 1)
            yield ended, 0, packets.finish(ended, track[task])


def _senders(messages: pd.DataFrame) -> np.ndarray[Any, Any]:
    """For each message the one of its session during or at the end of which it was sent; -1 where there is none."""
    found = np.full(len(messages), -1)
    started, finished = (messages[name].to_numpy(dtype=float) for name in ("started_s", "finished_s"))
    sent = messages["sent_s"].to_numpy(dtype=float)
    for _, group in messages.groupby("session", sort=False).indices.items():
        rows = np.asarray(group)
        order = rows[np.argsort(started[rows], kind="stable")]
        at = np.searchsorted(started[order], sent[rows], side="right") - 1
        for row, place in zip(rows, at, strict=True):
            # of those that began before it was sent, the latest that was still at work, or just done
            for back in range(int(place), max(-1, int(place) - 4), -1):
                sender = order[back]
                if sender != row and finished[sender] >= sent[row] - 2e-6:
                    found[row] = sender
                    break
    return found


def _states(messages: pd.DataFrame, sessions: pd.DataFrame, result: RunResult, last: dict[int, int]) -> Iterator[Event]:
    """The life of each session as a slice, its states within it; one that is stuck has no end."""
    if not len(sessions):
        return
    stuck = {leak.session: leak for leak in result.summary.leaks if leak.cause}
    changes = _changes(messages)
    columns = (sessions[name].tolist() for name in ("session", "arrived_s", "answer_s", "released_s"))
    for session, arrived, answer, released, outcome in zip(
        *columns, sessions["outcome"].astype(object).tolist(), strict=True
    ):
        leak = stuck.get(session)
        ended = released if released == released else answer if outcome in ENDED else None
        steps = changes.get(session, [])
        yield from _life(FIRST_SESSION + session, max(0.0, arrived), str(outcome), leak, steps, ended)
        if leak is not None:
            since = _ns(leak.since_s if leak.since_s is not None else result.summary.horizon_s)
            what = f"waits for ever: {leak.waiting_for or leak.cause}"
            told = [("cause", leak.cause), ("answer", "never came")]
            arrows = []
            if session in last:
                # within the last state, which has no end: what begins within one that ends would end with it
                began = (_ns(time) for time, _ in steps[-1:])
                since = max(since, _ns(messages["started_s"].iloc[last[session]]), *began)
                arrows = [FIRST_OPEN_FLOW + last[session]]
            yield since, 3, packets.begin(since, FIRST_SESSION + session, what, told, end=arrows)


def _life(
    track: int, began_s: float, outcome: str, leak: Leak | None, steps: list[tuple[float, str]], ended_s: float | None
) -> Iterator[Event]:
    notes: list[packets.Annotation] = [("session", track - FIRST_SESSION), ("outcome", outcome)]
    if leak is not None:
        notes += [("cause", leak.cause), ("waits for", leak.waiting_for or "nothing"), ("why", leak.explanation)]
    yield _ns(began_s), 1, packets.begin(_ns(began_s), track, f"call: {outcome}", notes)
    for i, (time, state) in enumerate(steps):
        until = steps[i + 1][0] if i + 1 < len(steps) else ended_s
        yield _ns(time), 2, packets.begin(_ns(time), track, state)
        if until is not None:
            yield max(_ns(until), _ns(time) + 1), 0, packets.finish(max(_ns(until), _ns(time) + 1), track)
    if ended_s is not None:
        last = max(ended_s if ended_s == ended_s else began_s, began_s, steps[-1][0] if steps else 0.0)
        yield _ns(last) + 2, 0, packets.finish(_ns(last) + 2, track)


def _changes(messages: pd.DataFrame) -> dict[int, list[tuple[float, str]]]:
    """When each session came into which state, by the messages that brought it there."""
    if not len(messages) or "state" not in messages:
        return {}
    known = messages[messages["state"].notna()].sort_values("finished_s", kind="stable")
    found: dict[int, list[tuple[float, str]]] = {}
    for session, time, state in zip(known["session"], known["finished_s"], known["state"], strict=True):
        steps = found.setdefault(int(session), [])
        if (not steps or steps[-1][1] != state) and state not in ("NONE", "DESTROYED"):
            steps.append((float(time), str(state)))
    return found


def _counters(result: RunResult, cut: Excerpt) -> dict[str, tuple[Any, Any]]:
    found = {}
    for name in (*result.summary.resources, "processors"):
        steps = level_steps(result, name)
        if steps is not None and len(steps.time):
            within = (steps.time >= cut.from_s) & (steps.time < cut.until_s)
            found[name] = (steps.time[within], steps.level[within])
    return found


def _queues(messages: pd.DataFrame, tasks: list[str]) -> dict[str, tuple[Any, Any]]:
    """How many messages wait for each task."""
    found = {}
    for task in tasks:
        mine = messages[(messages["task"].astype(object) == task).to_numpy()]
        mine = mine[mine["sent_s"].notna()]
        times = np.concatenate([mine["sent_s"].to_numpy(dtype=float), mine["started_s"].to_numpy(dtype=float)])
        steps = np.concatenate([np.ones(len(mine)), -np.ones(len(mine))])
        order = np.lexsort((-steps, times))
        found[f"queue of {task}"] = (times[order], np.cumsum(steps[order]))
    return found


def _levels(*counted: dict[str, tuple[Any, Any]]) -> Iterator[Event]:
    track = FIRST_COUNTER
    for counters in counted:
        for times, values in counters.values():
            for time, value in zip(times.tolist(), values.tolist(), strict=True):
                yield _ns(time), 1, packets.count(_ns(time), track, value)
            track += 1
