"""The nearest limit in words, the same on a terminal and on a page: what was reached before what is near."""

from __future__ import annotations

from sim.ledger.limits import Pressure
from sim.ledger.summary import Summary
from sim.report.plain import limit_words
from sim.report.text import number, plural, share, size

NEAR = 0.5
"""Another limit is named when so much of it was taken."""

TOLD = 3


def taken(limit: Pressure) -> str:
    """How much of a limit was taken, and what that did."""
    if limit.kind == "task":
        return f"busy {share(limit.peak)} of the time"
    if limit.kind == "processor":
        return f"on average {limit.peak:.2f} of {limit.limit:.0f} busy"
    if limit.kind == "memory":
        return f"at its peak {size(round(limit.peak))} of {size(round(limit.limit))}"
    text = f"at its peak {number(round(limit.peak))} of {number(round(limit.limit))}"
    if limit.refused:
        text += f", {plural(round(limit.refused), 'message')} lost" if limit.kind == "queue" else ""
        text += f", {number(round(limit.refused))} refused" if limit.kind != "queue" else ""
    return text


def nearest_text(summary: Summary) -> str:
    """The limits that were reached, or else the nearest, and the next one where that is near too; empty without any."""
    limits = summary.limits
    if not limits:
        return ""
    told = [limit for limit in limits[:TOLD] if limit.reached] or [limits[0]]
    if len(told) < TOLD and len(limits) > len(told) and limits[len(told)].used >= NEAR:
        told.append(limits[len(told)])
    said = [f"{limit_words(limit)}, {'reached: ' if limit.reached else ''}{taken(limit)}" for limit in told]
    return f"nearest limit: {'; then '.join(said)}"
