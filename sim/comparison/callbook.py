"""What a result tells of its calls one by one, in the order in which they arrived: flags, durations, lifetimes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.ledger.spans import LATENCIES, SPANS
from sim.ledger.summary import NO_RESOURCE_STATUSES

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from sim.ledger.result import RunResult

    Array = NDArray[Any]

SHARES: Final = {
    "sessions.leaked": "sessions leaked",
    "sessions.blocking": "calls refused for want of a resource",
    "sessions.rejected": "calls rejected, for any reason",
    "sessions.unanswered": "calls never answered",
    "sessions.cancelled": "calls cancelled",
    "violations": "sessions with a violation",
}
"""Outcomes of a call by their paths in a summary, compared as shares of the calls that arrived."""


EVEN: Final = 0.2
"""Gaps that vary by less than this part of their mean are even; Poisson's vary by all of it."""
MOST_UNMOVED: Final = 0.95
"""So many of the same calls arrive at the same time in both results, but for less than a gap."""


@dataclass(frozen=True, slots=True)
class CallBook:
    """The calls of one result; the flags' keys are those of `SHARES`, the durations' those of `LATENCIES`."""

    arrived_s: Array
    flags: dict[str, Array]
    durations: dict[str, Array]
    """Seconds, of the calls that have the latency, in the order in which these arrived."""
    lifetimes: tuple[Array, Array]
    """Seconds that each pool lived or was watched, and whether it ended."""

    @property
    def evenly_spaced(self) -> bool:
        """Whether the calls came at even steps, as load generators let them: each then meets the same phase of the
        media tick, which another run has elsewhere."""
        gaps = np.diff(self.arrived_s)
        return len(gaps) > 1 and float(np.std(gaps)) < EVEN * float(np.mean(gaps))

    def same_calls(self, other: CallBook) -> bool:
        """Whether both have the same calls, of the same number and moved by less than a gap: how busy the server is
        moves the moment at which an INVITE is taken up."""
        if len(self.arrived_s) != len(other.arrived_s) or len(self.arrived_s) < 2:
            return False
        moved = np.quantile(np.abs(self.arrived_s - other.arrived_s), MOST_UNMOVED)
        return bool(moved < np.ptp(self.arrived_s) / len(self.arrived_s))


def calls_of(result: RunResult) -> CallBook | None:
    """The calls of a result; None where it keeps no sessions."""
    from sim.ledger.lifetimes import lifetimes

    rows = result.sessions
    if rows is None:
        return None
    arrived = rows["arrived_s"].fillna(rows["created_s"])
    order = "arrived_s" if result.summary.engine == "log" else "session"  # a run numbers calls as they come
    rows = rows[arrived.notna().to_numpy()].assign(arrived_s=arrived).sort_values(order, kind="stable")
    missing = max(0, result.summary.sessions.arrived - len(rows))  # calls that no session was made for
    flags = {name: np.concatenate([flag, np.zeros(missing, bool)]) for name, flag in _flags(rows, result).items()}
    pools = lifetimes(result)
    assert pools is not None
    return CallBook(
        rows["arrived_s"].to_numpy(dtype=float), flags, {name: _durations(rows, name) for name in LATENCIES},
        (pools["lifetime_s"].to_numpy(), pools["ended"].to_numpy()),
    )  # fmt: skip


def _flags(rows: pd.DataFrame, result: RunResult) -> dict[str, Array]:
    outcome, status = rows["outcome"].astype(object).to_numpy(), rows["answer_status"].astype("Float64")
    told = status.to_numpy(dtype=float, na_value=np.nan)
    broken = {violation.session for violation in result.summary.violations}
    return {
        "sessions.leaked": outcome == "leaked",
        "sessions.blocking": np.isin(told, NO_RESOURCE_STATUSES)[_not_tried_again(rows)],
        "sessions.rejected": told >= 300,
        "sessions.unanswered": _never_answered(rows, told, outcome),
        "sessions.cancelled": outcome == "cancelled",
        "violations": np.isin(rows["session"].to_numpy(), list(broken)),
    }


def _not_tried_again(rows: pd.DataFrame) -> Array:
    """Each call's last INVITE: a refusal after which the caller tries again refuses no call."""
    if "call" not in rows or rows["call"].isna().any():
        return np.ones(len(rows), dtype=bool)
    return np.asarray(~rows.duplicated("call", keep="last").to_numpy())


def _never_answered(rows: pd.DataFrame, told: Array, outcome: Array) -> Array:
    """No final answer was sent, nor cancelled the caller; one that is live may still get it."""
    silent = np.isnan(told) & np.isnan(rows["answer_s"].to_numpy(dtype=float))
    return np.asarray(silent & (outcome != "cancelled") & (outcome != "live"))


def _durations(rows: pd.DataFrame, latency: str) -> Array:
    span = SPANS[latency]
    if span.start not in rows or span.end not in rows:
        return np.empty(0)
    found = (rows[span.end] - rows[span.start]).to_numpy(dtype=float)
    return np.asarray(found[~np.isnan(found)])
