"""Sessions that are still there when a run ends: their rows of the sessions table and their diagnoses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sim.engine.contract import Calm, Remaining
from sim.engine.end.collect import SESSION_COUNTS, SESSION_TIMES
from sim.leaks.diagnosis import WAITS_FOR_CALLER
from sim.leaks.verdicts import ENDS_NOTHING, LeakVerdict, judge
from sim.ledger.summary import Leak, LeakGroup, group
from sim.server.crash import outlives
from sim.server.records import CRASHED, TRIES_AGAIN, ServerState, Session
from sim.vocabulary.messages import C_RETRY

Array = np.ndarray[Any, Any]
VerdictColumns = tuple[list[str], list[str], list[str], list[str]]

LEAKS_LISTED = 10_000
"""Diagnoses kept in the summary, those of leaked sessions first; the sessions table has them all."""


@dataclass(slots=True)
class Judged:
    """Every session that is left, with its verdict."""

    columns: dict[str, Array]
    verdicts: VerdictColumns  # outcome, waiting for, plugin, cause
    lost: list[Leak] = field(default_factory=list)  # that nothing releases: leaked, or ended with a process
    alive: list[Leak] = field(default_factory=list)  # not more calm ones than are ever listed
    live: int = 0
    in_setup: int = 0  # calls that may still get their first final answer
    trying: int = 0  # callers that may still be answered: in set-up, or about to try again
    no_session: int = 0  # calls that got neither an answer nor a session, and never will
    at_s: float = 0.0  # when it was judged
    held: Counter[str] = field(default_factory=Counter)  # by those that have not leaked; of calm ones, licences only

    def listed(self) -> tuple[Leak, ...]:
        """The diagnoses that the summary keeps: leaked sessions first, each in the order in which their calls came."""
        return tuple([*in_order(self.lost), *in_order(self.alive)][:LEAKS_LISTED])

    def leaked(self) -> list[Leak]:
        """Those that leaked: nothing could release them before their process ended, if it did."""
        return [leak for leak in self.lost if leak.cause != "crash"]

    def ended(self) -> list[Leak]:
        """Those that ended with a process: they had not leaked."""
        return [leak for leak in self.lost if leak.cause == "crash"]

    def groups(self) -> tuple[LeakGroup, ...]:
        """All leaked sessions counted by what they have in common, however many are listed."""
        return group(in_order(self.lost))


def has_crashed(server: ServerState) -> bool:
    """Whether the run ended with a crash of the process."""
    return server.stopped == CRASHED


def ended_with(wreck: Remaining) -> Remaining:
    """What ended with a process: all that it left behind, but for calls that still wait for an answer."""
    return replace(wreck, sessions=[session for session in wreck.sessions if not outlives(session)])


def judged(
    left: Remaining,
    plugins: tuple[str, ...],
    tasks: tuple[str, ...],
    crashed: bool,
    frozen: Mapping[int, float],
    at_s: float = 0.0,
) -> Judged:
    """Judge what an engine left at `at_s`."""
    pending = list(left.pending)
    others = left.calm.licences if left.calm is not None else {}
    licences = [plugins.index(name) for name, held in others.items() if held]
    verdicts = judge(left.sessions, pending, plugins, tasks, crashed, frozen, licences)
    found = Judged(session_columns(left.sessions), _verdict_columns(left.sessions, verdicts))
    found.lost = [v.leak for v in verdicts.values() if v.outcome != "live"]
    found.at_s = at_s
    found.alive = [v.leak for v in verdicts.values() if v.outcome == "live"]
    found.live = len(found.alive)
    coming = {message.slot for message in pending if message.kind not in ENDS_NOTHING}
    again = set() if crashed else {message.slot for message in pending if message.kind == C_RETRY}
    _count_unanswered(found, left.sessions, verdicts, coming, again)
    found.held.update(name for leak in [*found.alive, *found.ended()] for name in leak.holds)
    if left.calm is not None and len(left.calm.slots):
        _add_calm(found, left.calm, np.array([s.slot for s in left.sessions], dtype=np.int64))
    return found


def _count_unanswered(
    found: Judged, sessions: list[Any], verdicts: dict[int, LeakVerdict], coming: set[int], again: set[int]
) -> None:
    """Tell the calls without a final answer that may still get one from those that never had a session; `again`: the
    slots of callers that are about to try again."""
    found.trying = len(again)
    for session in sessions:
        if session.answer_status or session.cancelled or session.crashed:
            continue
        verdict = verdicts.get(session.slot)
        if verdict.outcome == "live" if verdict is not None else session.slot in coming:
            found.in_setup += 1
            found.trying += not session.short & TRIES_AGAIN
        elif session.created_s != session.created_s:
            found.no_session += 1


def _add_calm(found: Judged, calm: Calm, slots: Array) -> None:
    """Put the calm sessions among the others, in the order of their slots."""
    order = np.argsort(np.concatenate([slots, calm.slots]))
    found.columns = {name: np.concatenate([found.columns[name], calm.columns[name]])[order] for name in found.columns}
    count = len(calm.slots)
    told = zip(found.verdicts, ("live", WAITS_FOR_CALLER, "", ""), strict=True)
    outcome, waiting, plugin, cause = (
        np.array([*others, *[same] * count], dtype=object)[order].tolist() for others, same in told
    )
    found.verdicts = (outcome, waiting, plugin, cause)
    found.alive += calm.leaks
    found.live += count
    found.held.update({f"plugin_licence:{name}": held for name, held in calm.licences.items()})


def in_order(leaks: list[Leak]) -> list[Leak]:
    """Diagnoses in the order in which their calls came."""
    return sorted(leaks, key=lambda leak: leak.session)


def _verdict_columns(left: list[Any], verdicts: dict[int, LeakVerdict]) -> VerdictColumns:
    outcome, waiting, plugin, cause = [], [], [], []
    for session in left:
        verdict = verdicts.get(session.slot)
        if verdict is None:
            outcome.append(_ended(session))
            waiting.append("")
            plugin.append("")
            cause.append("")
        else:
            outcome.append(verdict.outcome)
            waiting.append(verdict.leak.waiting_for or "")
            plugin.append(verdict.leak.plugin or "")
            cause.append(verdict.leak.cause)
    return outcome, waiting, plugin, cause


def _ended(session: Any) -> str:
    """What became of a call whose session was never created or is already released."""
    if session.crashed:
        return "crashed"
    if session.cancelled:
        return "cancelled"
    if session.answer_status >= 300:
        return "rejected"
    return "released" if session.released_s == session.released_s else "unanswered"


def session_columns(sessions: list[Session]) -> dict[str, np.ndarray[Any, Any]]:
    """Session records as columns."""
    columns = {name: np.array([getattr(s, name) for s in sessions], dtype=np.float64) for name in SESSION_TIMES}
    for name in SESSION_COUNTS:
        columns[name] = np.array([getattr(s, name) for s in sessions], dtype=np.int64)
    return columns
