"""The leaks of a result for a terminal: the verdict first, then causes, limits, and one by one why each pool lives."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from sim.leaks.outlook import STANDSTILL, CauseGroup, Exhaustion, LeakReport
from sim.ledger.summary import Leak, Violation
from sim.report.plain import held_words
from sim.report.terminal import BAD, GOOD, QUIET, SHOWN, WARN
from sim.report.text import DASH, moment, number, plural, size
from sim.theory.intervals import Estimate
from sim.vocabulary.resources import resource_words

VERDICT_STYLE = {
    "crash": BAD, "outage": BAD, "leak": BAD, "suspected leak": WARN, "unknown": WARN,
    "high water": GOOD, "healthy": GOOD,
}  # fmt: skip


def print_leaks(
    report: LeakReport, leaks: Sequence[Leak], violations: Sequence[Violation], console: Console, spelt_out: int
) -> None:
    """Print everything; of the sessions, `spelt_out` are explained one by one."""
    console.print(_verdict(report))
    console.print(_causes(report))
    if report.memory.verdict == "outage":  # one finding, and one session that shows what they all wait for
        spelt_out = min(spelt_out, 1)
    else:
        console.print(_limits(report))
    if violations:
        console.print(_violations(violations))
    for leak in leaks[:spelt_out]:
        console.print(_explained(leak))
    if len(leaks) > spelt_out:
        console.print(f"\n… and {number(len(leaks) - spelt_out)} more; --all explains them too")


def _how_many(count: int, report: LeakReport) -> str:
    """`3 sessions of 120`; those that were there before a log began are said apart."""
    before = f", and of {number(report.before)} that were there before the log begins," if report.before else ""
    if not report.calls:
        return f"{plural(count, 'session')} of {number(report.before)} that were there before the log begins"
    return f"{plural(count, 'session')} of {number(report.calls)}{before}"


def estimate(value: Estimate) -> str:
    """`27.9 (15.3 to 47)`; an end that is infinite is said so, and one dash what is not known."""
    if math.isnan(value.value):
        return DASH
    return f"{_three(value.value)} ({_three(value.low)} to {_three(value.high)})"


def _three(value: float) -> str:
    if math.isinf(value):
        return "∞"
    return number(value) if value >= 1000 else f"{value:.3g}"


def _verdict(report: LeakReport) -> Text:
    text = Text()
    text.append(report.memory.text[:1].upper() + report.memory.text[1:] + ".", VERDICT_STYLE[report.memory.verdict])
    count = sum(group.count for group in report.groups if group.cause != STANDSTILL)
    if report.memory.verdict == "outage":
        return text
    if not report.calls and not report.before:
        return text.append(" A leak of any size would not have shown.", WARN)
    text.append(f"\n{_how_many(count, report)} leaked")
    if count:
        of = f" that were not refused ({number(report.refused)} were)" if report.refused else " that were seen to end"
        text.append(f": {estimate(report.leak_probability)} of the calls{of}")
        text.append(f", {estimate(report.leaks_per_hour)} per hour")
        text.append(f"  [{report.confidence:.0%} exact]", QUIET)
    elif report.would_show is not None:
        least = int(1.0 / report.would_show)
        leak = f"A leak of 1 call in {number(least)} or more" if least > 1 else "Only a leak of nearly every call"
        text.append(f"\n{leak} would have shown")
        text.append(f"  [{report.confidence:.0%} exact, {plural(report.judged, 'call')} seen to end]", QUIET)
    elif report.unread:
        lines = f"{plural(report.unread, 'line')} of the server could not be read"
        text.append(f"\n{lines}: which leak would have shown can not be told.", WARN)
    else:
        text.append("\nNo call was seen to end: a leak of any size would not have shown.", WARN)
    if not report.load_known:
        text.append("\nRates are over the whole run: how long calls arrived is not recorded here.", WARN)
    slope = report.memory.slope_per_hour
    if slope is not None:
        text.append(f"\nPools held grew by {estimate(slope)} per hour beyond what the arrivals explain.", QUIET)
    return text


def _causes(report: LeakReport) -> RenderableType:
    if not report.groups:
        return Text("Leaks  0")
    table = Table(box=None, title="\nBy cause", title_justify="left", title_style="bold", pad_edge=False)
    columns: tuple[tuple[str, JustifyMethod], ...] = (
        ("cause", "left"), ("sessions", "right"), ("per hour", "right"), ("pools", "right"), ("first", "right"),
    )  # fmt: skip
    for heading, justify in columns:
        table.add_column(heading, justify=justify, no_wrap=True)
    table.add_column("states, and what they hold")
    for group in report.groups:
        table.add_row(*_cause_row(group))
    return table


def _cause_row(group: CauseGroup) -> tuple[str, ...]:
    cause = group.cause + (f"\n  {group.plugin}" if group.plugin else "")
    states = ", ".join(f"{state} {number(count)}" for state, count in group.states.items())
    pools = DASH if group.pool_bytes is None else size(group.pool_bytes)
    first = moment(group.first_s)
    return cause, number(group.count), estimate(group.per_hour), pools, first, f"{states}\n{held_words(group.holds)}"


def _limits(report: LeakReport) -> RenderableType:
    if not report.exhausted:
        return Text("\nNo limit is used up by leaks." if report.groups else "", style=QUIET)
    first = report.exhausted[0]
    table = Table(box=None, title="\nWhat is exhausted when", title_justify="left", title_style="bold", pad_edge=False)
    for heading in ("limit", "of", "busy", "leaked per hour", "first refusal after, hours"):
        table.add_column(heading, justify="left" if heading == "limit" else "right")
    for item in report.exhausted:
        table.add_row(*_limit_row(item), style=BAD if item is first else "")
    text = Text(
        f"Exhausted first: {resource_words(first.resource)}, after {estimate(first.hours)} hours of this load.", BAD
    )
    for item in report.exhausted:
        if item.refused_first_s is not None:
            what = resource_words(item.resource)
            text.append(f"\nFirst refusal for want of {what}: at {item.refused_first_s:.1f} s (observed).", BAD)
    return Group(table, text)


def _limit_row(item: Exhaustion) -> tuple[str, ...]:
    in_bytes = item.resource == "memory"
    shown = size if in_bytes else number
    name, busy = resource_words(item.resource), shown(round(item.busy, 1))
    return name, shown(item.limit), busy, estimate(item.per_hour), estimate(item.hours)


def _violations(violations: Sequence[Violation]) -> Text:
    text = Text("\nLifetime violations", style="bold")
    for v in violations[:SHOWN]:
        named = f" <{v.session_id}>" if v.session_id and v.session_id not in v.message else ""
        text.append(f"\n  {v.time_s:.6f} s  session {v.session}{named}  {v.kind}: {v.message}", "not bold")
    if len(violations) > SHOWN:
        text.append(f"\n  … and {number(len(violations) - SHOWN)} more in summary.json", QUIET)
    return text


def _explained(leak: Leak) -> Text:
    since = f" since {leak.since_s:.3f} s" if leak.since_s is not None else ""
    by = f" ({leak.plugin})" if leak.plugin and leak.plugin not in (leak.waiting_for or "") else ""
    named = f" <{leak.session_id}>" if leak.session_id else ""
    text = Text(f"\nsession {leak.session}{named}  ", style="bold")
    text.append(leak.cause or "live", f"not bold {BAD if leak.cause else WARN}")
    text.append(f"\n  {leak.state}{since}, waits for {leak.waiting_for or 'nothing'}{by}", "not bold")
    holds = ", ".join(resource_words(name, 1) for name in leak.holds) or "nothing"
    text.append(f"\n  holds {holds}", "not bold")
    for part in leak.explanation.split("; "):
        text.append(f"\n  {part}".replace(" → ", "\n    → "), "not bold dim")
    return text
