"""How long a server takes to empty: when its calls are left to end, and when it is told to shut down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.scenario import Scenario, load_scenario, to_mapping
from sim.study.unbroken import run_whole
from sim.study.uncertainty import mean
from sim.theory.intervals import Estimate

RUNS = 10
LONGEST_HOLDS = 60.0
"""The last call is waited for so many mean holds."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Seconds from the last call, or the shutdown, to the last release; infinite when something never ends."""

    waiting_s: Estimate
    shutdown_s: Estimate
    sessions: float
    """Sessions that were up when it began, on average."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "sessions": self.sessions,
            **{
                f"{name}_s": {
                    key: value if math.isfinite(value) else None
                    for key, value in (("mean", e.value), ("low", e.low), ("high", e.high))
                }
                for name, e in (("waiting", self.waiting_s), ("shutdown", self.shutdown_s))
            },
        }


def drain_times(scenario: Scenario, settings: Mapping[str, Any], warmup_s: float, seed: int) -> Drain:
    """Both times, from a few runs whose load stops once the server is as full as it gets."""
    from sim.scenario import expected

    plain = to_mapping(scenario, only_changes=True)
    full = warmup_s + 1.0
    longest = max(60.0, LONGEST_HOLDS * expected(scenario.calls.hold))
    base = {**settings, "duration": full, "drain": longest}
    left, told = load_scenario(plain, base), load_scenario(plain, {**base, "server.shutdown": full})
    waits, downs, counts = [], [], []
    for k in range(RUNS):
        sessions = run_whole(left, seed=seed + k, engine="compiled", ledger="sessions").sessions
        assert sessions is not None
        released = sessions["released_s"].to_numpy(dtype=np.float64)
        created = sessions["created_s"].to_numpy(dtype=np.float64)
        up = (created <= full) & ~(released <= full)
        counts.append(float(up.sum()))
        waits.append(math.inf if np.isnan(released[~np.isnan(created)]).any() else float(released.max()) - full)
        summary = run_whole(told, seed=seed + k, engine="compiled", ledger="summary").summary
        downs.append(math.inf if summary.sessions.live or summary.sessions.leaked else summary.horizon_s - full)
    return Drain(_told(waits), _told(downs), sum(counts) / RUNS)


def _told(times: list[float]) -> Estimate:
    if any(math.isinf(t) for t in times):
        return Estimate(math.inf, math.inf, math.inf)
    return mean([max(0.0, t) for t in times])
