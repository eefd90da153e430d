"""High water or leak: resident memory that never comes back is told apart from pools that never come back.

A crash (in a log: a crash or a kill) is said first: the process took with it what it held. Then, from the strongest to
the weakest evidence:

1. pools that provably can not be released any more (the leaks of the ledger or of an audit);
2. of a run, which knows what is still to come: pools whose callers are gone, so that only a timer ends them;
3. of a log: pools of callers that have not hung up, older than pools get, and than the server's own timers would leave
   them. A pool that is no older is no evidence, and
   no level that grows is, as far as arrivals explain it over the lifetimes seen so far (sim.leaks.survival).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.leaks.diagnosis import WAITS_FOR_CALLER, ends_by_timer
from sim.leaks.given import memory_of, sip_timers_of, unread_lines
from sim.leaks.survival import DOUBT, SPANS, Survival, TooOld, expected_level, survival, too_old
from sim.theory.intervals import CONFIDENCE, Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.ledger.result import RunResult
    from sim.ledger.summary import MemoryUse, Summary

BATCHES = 20
SESSION_TIMER_S = 600.0
"""The server's default, for a result that knows no other; a server without one is given as long."""
NOTICED_S = 40.0
"""64·T1 and some: until the BYE of a session timer that has run out is given up, too."""
FINE = 16  # moments of each batch at which the level that arrivals explain is computed


@dataclass(frozen=True, slots=True)
class MemoryVerdict:
    """`verdict` is crash, outage, leak, suspected leak, unknown, high water or healthy; `text` says why."""

    verdict: str
    text: str
    peak: int
    held: int
    leaked: int
    overdue: int  # held at the end and older than pools get, or kept by nothing but a timer
    resident_bytes: float  # about what the process has at its high water mark, and keeps
    slope_per_hour: Estimate | None  # pools held per hour beyond what the arrivals explain


@dataclass(frozen=True, slots=True)
class _Lives:
    """The lifetimes of answered calls in a result, in seconds, and what they are an estimate of."""

    created: NDArray[np.float64]  # of all sessions, rising
    ended: NDArray[np.float64]
    silent: NDArray[np.float64]  # ages of the pools that wait for their caller to hang up
    curve: Survival


@dataclass(frozen=True, slots=True)
class _Found:
    """What a verdict rests on."""

    leaked: int
    held: int
    peak: int
    mean: float
    audited: bool
    by_timer: int  # of a run: held by nothing but a timer
    lives: _Lives | None
    old: TooOld | None
    late: TooOld | None  # of those that no timer of the server ends any more
    memory: MemoryUse
    unread: int = 0  # lines of the server that could not be read, and may have told the end of as many


def memory_verdict(result: RunResult, load_s: float) -> MemoryVerdict:
    """The verdict on a result's session pools."""
    summary = result.summary
    use = summary.resources.get("session_pool")
    if use is None:
        return MemoryVerdict("unknown", _of_none(summary, unread_lines(result)), 0, 0, 0, 0, 0.0, None)
    audited = summary.engine == "log"
    lost = summary.sessions.crashed
    started_again = audited or summary.sessions.restarts > 0
    held = use.held if started_again else use.held - lost  # what ended with an earlier process is given back
    leaked = use.leaked
    still = [finding.text for finding in summary.findings if finding.kind == "task-stands-still"]
    waiting = sum(group.count for group in summary.leak_groups if group.cause == "task-blocked")
    lives = _lives(result)
    by_timer = 0 if audited else sum(ends_by_timer(leak) for leak in summary.leaks)
    old = too_old(lives.curve, lives.ended.size, lives.silent, summary.horizon_s) if audited and lives else None
    late = _beyond_timers(lives, summary.horizon_s, _timers_s(result)) if audited and lives else None
    unread = unread_lines(result)
    longer = old is not None and old.count > 0 and not leaked  # a kind of call may last so long that it explains growth
    slope = None if unread or longer else _slope(result, lives, load_s)
    memory = _memory_use(result, use.peak, leaked)
    if not summary.sessions.created and not summary.before:
        verdict, text = "unknown", _of_none(summary, unread)
    else:
        verdict, text = _verdict(
            _Found(leaked, held, use.peak, use.mean, audited, by_timer, lives, old, late, memory, unread)
        )
    resident = float(memory.bytes_peak or 0)
    overdue = (late.count if late.chance < DOUBT and unread < late.count else 0) if late is not None else by_timer
    if still and waiting == leaked:
        verdict, text = "outage", f"{'; '.join(still)}; {_pools(held)} can not come back while it stands still"
    others = _leaking_elsewhere(summary)
    if others and not leaked and verdict != "outage":
        verdict, text = "leak", f"leak: {others} can never come back, although no session leaked; {_sessions_of(text)}"
    crashed = summary.sessions.crashed_at_s
    how = "crashed or was killed" if audited else "crashed"  # a log does not tell which
    if crashed is not None and summary.horizon_s <= crashed:
        text = f"the process {how} at {crashed:.3f} s, and all that it held went with it: {_pools(held + lost)}"
        if leaked:
            text += f", of which {leaked} had leaked before"
        verdict = "crash"
    elif crashed is not None:
        went_on = f"the real server would have crashed at {crashed:.3f} s, the run went on"
        if started_again:
            went_on = f"the process {how} at {crashed:.3f} s, and {_pools(lost)} with it; it was started again"
            text = text.replace("every pool", "every other pool")
        text = f"{went_on}; {text}"
        verdict = "leak" if verdict == "leak" else "crash"
    return MemoryVerdict(verdict, text, use.peak, use.held, leaked, overdue, resident, slope)


def _memory_use(result: RunResult, peak: int, leaked: int) -> MemoryUse:
    """As the result has it; of one of an earlier version made from its sessions, or else from its counts alone."""
    from sim.ledger.resident import TIMES, AtATime, memory_use

    known, sessions = result.summary.memory, result.sessions
    if known.bytes_peak is not None:
        return known
    there = AtATime(result.summary.horizon_s, *sip_timers_of(result))
    if sessions is not None:
        times = {name: sessions[name].to_numpy() for name in TIMES if name in sessions}
        there.add(times, (sessions["outcome"].astype(object) == "leaked").to_numpy())
    return memory_use(there, peak, leaked if sessions is not None else 0, memory_of(result), None)


def _stays(memory: MemoryUse) -> str:
    mib = (memory.bytes_peak or 0) / 2**20
    calls = f"{memory.calls_peak} concurrent session{'' if memory.calls_peak == 1 else 's'}"
    kept = f" ({memory.transactions_peak} SIP transactions)" if memory.transactions_peak else ""
    with_leaked = f" and {memory.leaked} leaked" if memory.leaked else ""
    return f"about {mib:.1f} MiB stay resident after the peak of {calls}{with_leaked}{kept} in any case"


def _leaking_elsewhere(summary: Summary) -> str:
    """What leaks beyond the sessions: a plugin's licences, say."""
    counts = {name: use.leaked for name, use in summary.resources.items()}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count > 0)


def _sessions_of(text: str) -> str:
    """A verdict on the session pools as the second half of a sentence."""
    return text.removeprefix("healthy: ").removeprefix("high water, not a leak: ")


def _pools(count: int) -> str:
    return f"{count} pool{'' if count == 1 else 's'}"


def _of_none(summary: Summary, unread: int) -> str:
    """What is said where no session was ever created: neither a leak nor its absence."""
    if summary.sessions.arrived:
        return f"no verdict: none of {summary.sessions.arrived} calls got a session"
    return f"no verdict: there was no call{' that could be read' if unread else ''}"


def _verdict(found: _Found) -> tuple[str, str]:
    held, peak = found.held, found.peak
    stays = _stays(found.memory)
    still = f"{_pools(held)} {'is' if held == 1 else 'are'} held at the end"
    if found.leaked:
        return "leak", f"leak: {_pools(found.leaked)} can never come back (held at the end: {held}); {stays}"
    if not held:
        if peak > 2.0 * max(10.0, found.mean):
            text = f"high water, not a leak: every pool came back; {stays}, though the mean was {found.mean:.1f}"
            return "high water", text
        return "healthy", f"healthy: every pool came back; {stays}"
    verdict, why = _of_held(found)
    opening = {"healthy": "no leak seen", "unknown": "no verdict"}.get(verdict, verdict)
    return verdict, f"{opening}: {still}, {why}; {stays}"


def _of_held(found: _Found) -> tuple[str, str]:
    """The verdict on pools that are held at the end and not proven to leak, and why."""
    if not found.audited:
        if found.by_timer:
            return "suspected leak", f"{found.by_timer} of them by callers that are gone: only a timer still ends them"
        return "healthy", "and for each something is still to come that releases it"
    if found.lives is None or found.old is None or found.late is None:
        return "healthy", "of which the ages are not recorded"
    old, longest = found.old, found.lives.curve.longest
    if not found.lives.ended.size:
        return "unknown", "and no call was seen from its beginning to its end: a leak of any size would look the same"
    if not old.count:
        return "healthy", f"none older than calls get (up to {longest:.1f} s so far)"
    older = f"{old.count} of them older than any that ended (up to {old.oldest_s:.1f} s against {longest:.1f} s)"
    late = found.late
    if late.chance < DOUBT and late.count <= found.unread:
        return "unknown", f"{older}, but {found.unread} lines could not be read, which may have told their end"
    if late.chance < DOUBT:
        return "suspected leak", f"{older}, which chance explains with {late.chance:.1g} at most"
    if old.chance < DOUBT:
        return "healthy", f"{older}, but a kind of call may last so long, and the server's timers still run"
    return "healthy", f"{older}, which chance explains" if old.enough else f"{older}, but too few have ended to tell"


def _lives(result: RunResult) -> _Lives | None:
    """The lifetimes of the calls that were released or can still be; None where they were not recorded.

    Refused calls, which live for next to nothing, count only where no other call has ended.
    """
    sessions = result.sessions
    if sessions is None or not len(sessions):
        return None
    created = sessions["created_s"].to_numpy(dtype=np.float64)
    life = sessions["released_s"].to_numpy(dtype=np.float64) - created
    outcome = sessions["outcome"].astype(object).to_numpy()
    over = np.isfinite(life)
    ended = life[over & (outcome == "released")]
    ended = ended if ended.size else life[over]
    alive = (outcome == "live") & np.isfinite(created)
    ages = result.summary.horizon_s - created
    silent = ages[alive & (sessions["waiting_for"].astype(object) == WAITS_FOR_CALLER).to_numpy()]
    return _Lives(np.sort(created[np.isfinite(created)]), ended, silent, survival(ended, ages[alive]))


def _timers_s(result: RunResult) -> float:
    """So long after its answer the server itself still ends a call whose caller is gone."""
    return float(result.provenance.get("session_timer_s") or SESSION_TIMER_S) + NOTICED_S


def _beyond_timers(lives: _Lives, span_s: float, timers_s: float) -> TooOld:
    """Those whose caller is silent for longer than the server's timers would leave them, where it is gone."""
    return too_old(lives.curve, lives.ended.size, lives.silent[lives.silent > timers_s], span_s)


def _slope(result: RunResult, lives: _Lives | None, load_s: float) -> Estimate | None:
    """Growth of the pools held per hour, beyond what arrivals explain over the lifetimes seen so far.

    Least squares of the batch means of what is unexplained on time; the interval is Student's t on the residuals of
    the batches. None before the load spans many usual lifetimes.
    """
    levels = result.levels
    if levels is None or lives is None or load_s < SPANS * lives.curve.median or lives.created.size < 2 * BATCHES:
        return None
    rows = levels[levels["resource"] == "session_pool"]
    if len(rows) < BATCHES:
        return None
    start = float(lives.created[0])
    edges = np.linspace(start, start + load_s, BATCHES + 1)
    moments = start + load_s * (np.arange(BATCHES * FINE) + 0.5) / (BATCHES * FINE)
    explained = expected_level(lives.curve, lives.created, moments).reshape(BATCHES, FINE).mean(axis=1)
    beyond = _batch_means(rows, edges, result.summary.horizon_s) - explained
    return _slope_of((edges[:-1] + edges[1:]) / 2.0 / 3600.0, beyond)


def _batch_means(rows: Any, edges: NDArray[np.float64], horizon_s: float) -> NDArray[np.float64]:
    """Time-weighted means of a level between the edges."""
    time = rows["time_s"].to_numpy(dtype=np.float64)
    on_grid = bool(rows["mean"].notna().any()) if "mean" in rows else False
    level = (rows["mean"] if on_grid else rows["held"]).to_numpy(dtype=np.float64)
    area = np.concatenate([[0.0], np.cumsum(level * np.diff(np.append(time, max(horizon_s, time[-1]))))])
    at = np.append(time, max(horizon_s, time[-1]))
    means: NDArray[np.float64] = np.diff(np.interp(edges, at, area)) / np.diff(edges)
    return means


def _slope_of(hours: NDArray[np.float64], beyond: NDArray[np.float64]) -> Estimate:
    from scipy.stats import linregress, t

    line = linregress(hours, beyond)
    error = float(line.stderr) * float(t.ppf(0.5 + CONFIDENCE / 2.0, len(hours) - 2))
    return Estimate(float(line.slope), float(line.slope) - error, float(line.slope) + error)
