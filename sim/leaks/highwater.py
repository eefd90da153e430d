"""High water or leak: resident memory that never comes back is told apart from pools that never come back.

A crash (in a log: a crash or a kill) is said first: the process took with it what it held. Three looks at the same
run, from the strongest to the weakest evidence:

1. pools that provably can not be released any more (the leaks of the ledger or of an audit);
2. pools that are still held at the end and are older than any pool that was ever released: censored lifetimes that
   stick out of the distribution;
3. the slope of the pools held while calls arrived, beyond what the arrivals explain, with an interval from batch means.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.theory.intervals import CONFIDENCE, Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.ledger.result import RunResult
    from sim.ledger.summary import Summary

BATCHES = 20
RESIDENT_PER_CALL = 135 * 1024
"""Resident bytes per concurrent call at the peak, measured 110 to 160 KiB; the process does not give them back."""
OLD = 3.0
"""A pool that is still held is suspicious when it is so many times older than any that was released."""


@dataclass(frozen=True, slots=True)
class MemoryVerdict:
    """`verdict` is crash, leak, suspected leak, high water or healthy; `text` says why in one sentence."""

    verdict: str
    text: str
    peak: int
    held: int
    leaked: int
    overdue: int  # held at the end and OLD times older than any that was released
    resident_bytes: float  # about what stays resident at the high water mark
    slope_per_hour: Estimate | None  # pools held per hour beyond what the arrivals explain


def memory_verdict(result: RunResult, load_s: float) -> MemoryVerdict:
    """The verdict on a result's session pools."""
    summary = result.summary
    use = summary.resources.get("session_pool")
    if use is None:
        return MemoryVerdict("healthy", "no session pool was ever created", 0, 0, 0, 0, 0.0, None)
    audited = summary.engine == "log"
    ended = [leak for leak in summary.leaks if leak.cause == "crash"]
    lost = len(ended)
    held = use.held if audited else use.held - lost  # an audit gives back what ends with the process
    leaked = max(0, use.leaked - lost)
    overdue = _overdue(result)
    slope = _slope(result, load_s)
    resident = use.peak * RESIDENT_PER_CALL
    verdict, text = _verdict(leaked, held, use.peak, use.mean, overdue, slope, resident)
    others = _leaking_elsewhere(summary, Counter(name for leak in ended for name in leak.holds))
    if others and not leaked:
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
        if audited:
            went_on = f"the process {how} at {crashed:.3f} s, and {_pools(lost)} with it; it was started again"
            text = text.replace("every pool", "every other pool")
        text = f"{went_on}; {text}"
        verdict = "leak" if verdict == "leak" else "crash"
    return MemoryVerdict(verdict, text, use.peak, use.held, leaked, overdue, resident, slope)


def _leaking_elsewhere(summary: Summary, ended: Counter[str]) -> str:
    """What leaks beyond the sessions and what `ended` with the process: a plugin's licences, say."""
    counts = {name: use.leaked - ended[name] for name, use in summary.resources.items()}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count > 0)


def _sessions_of(text: str) -> str:
    """A verdict on the session pools as the second half of a sentence."""
    return text.removeprefix("healthy: ").removeprefix("high water, not a leak: ")


def _pools(count: int) -> str:
    return f"{count} pool{'' if count == 1 else 's'}"


def _verdict(
    leaked: int, held: int, peak: int, mean: float, overdue: int, slope: Estimate | None, resident: float
) -> tuple[str, str]:
    sessions = "session" if peak == 1 else "sessions"
    stays = f"about {resident / 2**20:.1f} MiB stay resident after the peak of {peak} concurrent {sessions} in any case"
    still = f"{_pools(held)} {'is' if held == 1 else 'are'} held at the end"
    if leaked:
        return "leak", f"leak: {_pools(leaked)} can never come back (held at the end: {held}); {stays}"
    grows = slope is not None and slope.low > 0.0
    if overdue or (held and grows):
        are = "is" if overdue == 1 else "are"
        why = f"{overdue} {are} over {OLD:.0f} times as old as any released" if overdue else "their number grows"
        return "suspected leak", f"suspected leak: {still} and {why}; {stays}"
    if held:
        return "healthy", f"no leak seen: {still}, none older than is usual; {stays}"
    if peak > 2.0 * max(10.0, mean):
        return "high water", f"high water, not a leak: every pool came back; {stays}, though the mean was {mean:.1f}"
    return "healthy", f"healthy: every pool came back; {stays}"


def _overdue(result: RunResult) -> int:
    """Sessions still held at the end, of no proven cause, that are far older than any that was released."""
    sessions = result.sessions
    if sessions is None or not len(sessions):
        return 0
    created = sessions["created_s"].to_numpy(dtype=np.float64)
    released = sessions["released_s"].to_numpy(dtype=np.float64)
    done = released - created
    longest = float(np.nanmax(done)) if np.isfinite(done).any() else math.inf
    unreleased = np.isnan(released) & ~np.isnan(created)
    unreleased &= (sessions["outcome"].astype(object) == "live").to_numpy()
    ages = result.summary.horizon_s - created[unreleased]
    return int(np.count_nonzero(ages > OLD * longest))


def _slope(result: RunResult, load_s: float) -> Estimate | None:
    """Growth of the pools held per hour, beyond what the calls explain that arrived in the same batch.

    Least squares of the batch means of `held` on time and on the arrivals of each batch; the interval is Student's t
    on the residuals of the batches.
    """
    levels, sessions = result.levels, result.sessions
    if levels is None or sessions is None or load_s <= 0.0:
        return None
    rows = levels[levels["resource"] == "session_pool"]
    created = sessions["created_s"].dropna().to_numpy(dtype=np.float64)
    if len(rows) < BATCHES or len(created) < 2 * BATCHES:
        return None
    start = float(created.min())
    edges = np.linspace(start, start + load_s, BATCHES + 1)
    held = _batch_means(rows, edges, result.summary.horizon_s)
    arrived = np.histogram(created, edges)[0].astype(np.float64)
    middle = (edges[:-1] + edges[1:]) / 2.0 / 3600.0
    keep = slice(1, None)  # the first batch fills the empty server
    design = np.column_stack([np.ones(BATCHES), middle, arrived])[keep]
    return _slope_of(design, held[keep])


def _batch_means(rows: Any, edges: NDArray[np.float64], horizon_s: float) -> NDArray[np.float64]:
    """Time-weighted means of a level between the edges."""
    time = rows["time_s"].to_numpy(dtype=np.float64)
    on_grid = bool(rows["mean"].notna().any()) if "mean" in rows else False
    level = (rows["mean"] if on_grid else rows["held"]).to_numpy(dtype=np.float64)
    area = np.concatenate([[0.0], np.cumsum(level * np.diff(np.append(time, max(horizon_s, time[-1]))))])
    at = np.append(time, max(horizon_s, time[-1]))
    means: NDArray[np.float64] = np.diff(np.interp(edges, at, area)) / np.diff(edges)
    return means


def _slope_of(design: NDArray[np.float64], held: NDArray[np.float64]) -> Estimate | None:
    from scipy.stats import t

    if np.ptp(design[:, 2]) == 0.0:
        design = design[:, :2]  # evenly spaced calls explain nothing
    solution, _, rank, _ = np.linalg.lstsq(design, held, rcond=None)
    freedom = len(held) - design.shape[1]
    if rank < design.shape[1] or freedom < 2:
        return None
    residual = held - design @ solution
    covariance = np.linalg.inv(design.T @ design) * float(residual @ residual) / freedom
    error = math.sqrt(max(0.0, float(covariance[1, 1]))) * float(t.ppf(0.5 + CONFIDENCE / 2.0, freedom))
    slope = float(solution[1])
    return Estimate(slope, slope - error, slope + error)
