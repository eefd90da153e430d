"""The verdict on a result in a sentence: the same words on a terminal and on a page."""

from __future__ import annotations

from sim.ledger.summary import Summary
from sim.report.terminal import verdict
from sim.report.text import number


def verdict_text(summary: Summary) -> tuple[str, str]:
    """The verdict, and whether it is good, a warning, or bad."""
    s = summary.sessions
    bad = s.leaked or s.crashed_at_s is not None or summary.violations or any(not item.ok for item in summary.expect)
    warn = s.live or s.blocking or s.unanswered or s.degraded or not (s.arrived or s.created)
    said = verdict(summary).plain.strip()
    if summary.leak_groups:
        said += f" {cause_text(summary)}"
    return said, "bad" if bad else "warn" if warn else "good"


def cause_text(summary: Summary) -> str:
    """The causes of the leaks, the most frequent first, in a sentence."""
    told = [
        f"{found.cause.replace('-', ' ')}{f' by {found.plugin}' if found.plugin else ''} ({number(found.count)})"
        for found in summary.leak_groups
    ]
    return f"Why: {'; '.join(told[:3])}{' and other causes' if len(told) > 3 else ''}."
