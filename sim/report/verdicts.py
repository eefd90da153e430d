"""The verdict on a result in a sentence: the same words on a terminal and on a page."""

from __future__ import annotations

from sim.leaks.diagnosis import NEVER_ANSWERED
from sim.ledger.summary import LeakGroup, Summary
from sim.report.terminal import not_through, verdict
from sim.report.text import number


def verdict_text(summary: Summary) -> tuple[str, str]:
    """The verdict, and whether it is good, a warning, or bad."""
    s = summary.sessions
    bad = s.leaked or s.crashed_at_s is not None or summary.violations or any(not item.ok for item in summary.expect)
    warn = s.live or s.blocking or s.unanswered or s.degraded or not_through(summary) or not (s.arrived or s.created)
    said = verdict(summary).plain.strip()
    if summary.leak_groups:
        said = f"{said} {cause_text(summary)}".rstrip()
    return said, "bad" if bad else "warn" if warn else "good"


def causes_heading(summary: Summary) -> str:
    """What the causes are of: of leaks, of sessions that ended with the process, or of both."""
    ended = [found.cause == "crash" for found in summary.leak_groups]
    if not any(ended):
        return "Leaks by cause"
    return "What ended with the process" if all(ended) else "Leaks by cause, and what ended with the process"


def cause_text(summary: Summary) -> str:
    """The causes of the leaks, the most frequent first, in a sentence; what ended with the process is no leak."""
    told = [
        f"{found.cause.replace('-', ' ')}{_by(found)} ({number(found.count)})"
        for found in summary.leak_groups
        if found.cause != "crash"
    ]
    if not told:
        return ""
    return f"Why: {'; '.join(told[:3])}{' and other causes' if len(told) > 3 else ''}."


def _by(found: LeakGroup) -> str:
    """Who did it, or else, as with audio that the caller took away, only whose answer is missing."""
    if not found.plugin:
        return ""
    return f" by {found.plugin}" if found.cause in NEVER_ANSWERED.values() else f", {found.plugin} waited for"
