"""Where the time from INVITE to the final answer goes: phase by phase, work apart from waiting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.ledger.result import RunResult

if TYPE_CHECKING:
    import pandas as pd

STAGES = (
    ("INVITE → OFFER", "arrived_s", "offer_s"),
    ("OFFER → media", "offer_s", "media_s"),
    ("media → open", "media_s", "open_s"),
    ("open → answer", "open_s", "answer_s"),
)
"""The phases of setting a call up, as the milestones of the sessions table bound them."""

SAMPLE = 5_000
"""Calls whose messages are looked at."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase, mean seconds a call: all of it, and where the messages were recorded what it is made of."""

    name: str
    total_s: float
    work_s: float | None = None
    processor_s: float | None = None  # waiting for a processor
    waiting_s: float | None = None  # waiting in a queue, for the tick, or for the plugin


def setup_phases(result: RunResult) -> list[Phase]:
    """The phases of answered calls, in order; none without a sessions table or without an answered call."""
    sessions = result.part("sessions", ("answer_status", *_milestones()))
    if sessions is None or "media_s" not in sessions:
        return []
    done = sessions[(sessions["answer_status"].fillna(0) == 200).to_numpy()]
    done = done[done[[start for _, start, _ in STAGES]].notna().all(axis=1)].head(SAMPLE)
    if done.empty:
        return []
    work = _work(result, done)
    found = []
    for i, (name, start, end) in enumerate(STAGES):
        total = float((done[end] - done[start]).mean())
        if work is None:
            found.append(Phase(name, total))
            continue
        worked, held_up = work[i]
        waited = max(0.0, total - worked - held_up)
        found.append(Phase(name, total, min(worked, total), held_up, waited))
    return found


def _work(result: RunResult, done: pd.DataFrame) -> list[tuple[float, float]] | None:
    """Mean seconds of service, and of waiting for a processor, in each phase; None without messages."""
    messages = result.messages
    if messages is None or messages.empty or messages["started_s"].isna().all():
        return None
    mine = messages[messages["session"].isin(done["session"])]
    calls = done.set_index("session")
    marks = np.stack([calls.loc[mine["session"], column].to_numpy(dtype=float) for column in _milestones()], axis=1)
    finished = mine["finished_s"].to_numpy(dtype=float)
    service = finished - mine["started_s"].to_numpy(dtype=float)
    place = (finished[:, None] > marks).sum(axis=1) - 1
    waits = _processor_waits(result, mine)
    return [
        (float(service[place == i].sum()) / len(done), float(waits[place == i].sum()) / len(done))
        for i in range(len(STAGES))
    ]


def _milestones() -> tuple[str, ...]:
    return (*(start for _, start, _ in STAGES), STAGES[-1][2])


def _processor_waits(result: RunResult, messages: pd.DataFrame) -> Any:
    """What a message of each task waits for a processor on average: the single waits are not in the table."""
    means = {}
    for name, use in result.summary.tasks.items():
        waited = getattr(use, "processor_wait", None)
        means[name] = (waited.mean or 0.0) if waited is not None else 0.0
    return messages["task"].astype(object).map(means).fillna(0.0).to_numpy(dtype=float)
