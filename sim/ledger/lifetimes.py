"""Pool lifetimes as survival data: a pool that is still held is a lifetime cut off, not a row less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from sim.ledger.result import RunResult


def lifetimes(result: RunResult) -> pd.DataFrame | None:
    """One row per session pool: `session`, `lifetime_s` (seconds, from creation to destruction or to the end of
    watching), `ended` (whether it was destroyed), `outcome`, `plugin`, `cause`. None without a sessions table.

    The shape that survival analysis takes: `ended` is the event, what is not ended is right-censored.
    """
    import pandas as pd

    sessions = result.part("sessions", ("created_s", "released_s", "outcome", "plugin", "cause"))
    if sessions is None:
        return None
    made = sessions[sessions["created_s"].notna().to_numpy()]
    created, released = made["created_s"].to_numpy(dtype=float), made["released_s"].to_numpy(dtype=float)
    ended = ~np.isnan(released)
    until = np.where(ended, released, float(result.summary.horizon_s))
    columns = {
        "session": made["session"].to_numpy(),
        "lifetime_s": np.maximum(0.0, until - created),
        "ended": ended,
    }
    more = {name: made[name].to_numpy() for name in ("outcome", "plugin", "cause") if name in made}
    return pd.DataFrame({**columns, **more}).reset_index(drop=True)
