"""The verdict on a result in a sentence, and which limit is nearest: the same words on a terminal and on a page."""

from __future__ import annotations

from sim.ledger.summary import Summary
from sim.report.terminal import nearest_limit, verdict
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


def nearest_text(summary: Summary) -> str:
    """Which limit is nearest, in a sentence."""
    name = nearest_limit(summary)
    if name is None or name not in summary.resources:
        return ""
    use = summary.resources[name]
    reached = "was reached" if use.limit is not None and use.peak >= use.limit else "is nearest"
    return f"The limit of {name} {reached}: {number(use.peak)} of {number(use.limit)} at the peak."
