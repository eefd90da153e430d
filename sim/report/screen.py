"""One screen about a result: the verdict, what is unusual, the nearest limits. `--full` prints every table instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sim.ledger.limits import Pressure
from sim.ledger.summary import Summary
from sim.report.nearest import taken
from sim.report.plain import limit_words
from sim.report.terminal import BAD, QUIET, USUAL, WARN, WIDE, expectations, not_through, style_of, title, verdict
from sim.report.text import duration, number, plural, share
from sim.vocabulary.resources import resource_words

LIMITS = 3
"""Limits that are shown, the nearest first."""
CAUSES = 6
"""Causes of leaks, and kinds of violations, that are shown."""
EIGHTHS = " ▏▎▍▌▋▊▉"


def print_screen(summary: Summary, console: Console, where: str | None = None) -> None:
    """Print what matters about `summary`; `where` is the result folder, named last."""
    console.print(screen(summary, console))
    told = [_held(summary), "all tables: --full", f"result folder  {where}" if where is not None else ""]
    console.print(Text("\n" + " · ".join(filter(None, told)), style=QUIET))


def screen(summary: Summary, console: Console) -> Group:
    """The verdict, calls and answers in a line each, what is unusual, what is nearest to its limit, what failed."""
    parts: list[RenderableType] = [title(summary), verdict(summary), Text(), *_in_short(summary)]
    unusual = _unusual(summary, console)
    usual = "Nothing to judge: nobody called." if summary.nobody_called else "Nothing unusual."
    parts += [Text("\nUnusual", style="bold"), unusual] if unusual.rows else [Text(f"\n{usual}", style="bold")]
    parts += _example(summary)
    if summary.limits:
        parts += [Text("\nNearest limits", style="bold"), _limits(summary.limits[:LIMITS], console)]
    failed = [item for item in summary.expect if not item.ok]
    if failed:
        parts.append(expectations(failed))
    return Group(*parts)


def bar(part: float, width: int, plain: bool) -> str:
    """A bar of at most `width` columns for a part of 0 to 1: in eighths of a column, or in # where `plain`."""
    part = min(max(part, 0.0), 1.0)
    if plain:
        return ("#" * round(part * width)).ljust(width)
    whole, rest = divmod(round(part * width * 8), 8)
    return ("█" * whole + (EIGHTHS[rest] if rest else "")).ljust(width)


def _in_short(summary: Summary) -> Iterator[Text]:
    s, answer = summary.sessions, summary.latency["invite_to_answer"]
    tries = f"INVITEs of {plural(s.callers or 0, 'caller')} arrived" if s.retries else "arrived"
    counts = [(tries, s.arrived), ("answered", s.answered), ("rejected", sum(s.rejected.values())),
              ("released", s.released), ("live", s.live), ("leaked", s.leaked)]  # fmt: skip
    if s.crashed:
        counts.append(("ended with the process", s.crashed))
    told = ", ".join(f"{number(count)} {name}" for name, count in counts)
    yield Text("Calls   ", style="bold").append(told, "not bold")
    if answer.n:
        times = [("p50", answer.p50), ("p95", answer.p95), ("p99", answer.p99), ("max", answer.max)]
        shown = ", ".join(f"{which} {duration(time)}" for which, time in times)
        yield Text("Answer  ", style="bold").append(shown, "not bold")


def _unusual(summary: Summary, console: Console) -> Table:
    """A row for each thing that a healthy run does not have, what it is and how often, most harmful first."""
    table = _grid()
    most = max((group.count for group in summary.leak_groups), default=1)
    for group in summary.leak_groups[:CAUSES]:
        cause = Text(group.cause, BAD).append(f"  {group.plugin}" if group.plugin else "", "not bold")
        held = ", ".join(resource_words(name, group.count) for name in group.holds)
        what = "ended with the process, held" if group.cause == "crash" else "leaked, hold"
        beside = f"{what} {held}" if console.width >= WIDE else what.partition(",")[0]
        table.add_row(cause, *_bar(group.count / most, console, BAD), number(group.count), beside)
    for finding in summary.findings:
        which = _in_memory(summary) if finding.kind == "memory-exhausted" else "sessions"
        many, what = (number(finding.sessions), f"{which}, said above") if finding.sessions else ("", "said above")
        table.add_row(Text(finding.kind, style_of(finding)), *_bar(None, console), many, what)
    for kind, count in Counter(found.kind for found in summary.violations).most_common(CAUSES):
        table.add_row(Text(kind, BAD), *_bar(None, console), number(count), "lifetime violations")
    s = summary.sessions
    statuses = ", ".join(f"{status} × {number(count)}" for status, count in sorted(s.rejected.items()))
    calls = "INVITEs" if s.retries else "calls"
    rows = [("rejected", sum(s.rejected.values()), f"{calls}: {statuses}"), ("cancelled", s.cancelled, calls),
            ("of the same callers again", s.retries, "INVITEs"),
            ("without any answer", s.unanswered + s.refused_without_session, calls),
            ("never got through", (s.callers_not_answered or 0) if not_through(summary) else 0, "callers"),
            ("answered but degraded", s.degraded, "calls, without audio or a connection"),
            ("live at the end", s.live, "sessions, something scheduled can release them"),
            ("there before the log begins", summary.before, "sessions")]  # fmt: skip
    for name, count, what in rows:
        if count:
            table.add_row(Text(name, WARN), *_bar(None, console), number(count), what)
    return table


def _in_memory(summary: Summary) -> str:
    """What fills the memory of the process beside itself, the number that stands before it being that of sessions."""
    use = summary.memory
    which = "calls at the peak" + (" and leaked sessions" if use.leaked else "")
    return which + (
        f", {plural(use.transactions_peak, 'SIP transaction')} beside them" if use.transactions_peak else ""
    )


def _example(summary: Summary) -> list[RenderableType]:
    if not summary.leaks:
        return []
    leak = summary.leaks[0]
    said = leak.explanation.partition("; it would be released by ")[0]
    return [Text(f"For example session {leak.session}: {said}", style=QUIET)]


def _part(used: float) -> str:
    """The part of a limit that was taken; many times the limit as such."""
    return share(used) if used < 10.0 else f"{number(round(used))} times"


def _limits(limits: tuple[Pressure, ...], console: Console) -> Table:
    table = _grid()
    for limit in limits:
        style = BAD if limit.reached else WARN if limit.used >= 0.8 else ""
        table.add_row(
            Text(limit_words(limit), style), *_bar(limit.used, console, style), Text(_part(limit.used), style),
            "busy" if limit.kind == "task" else taken(limit).removeprefix("at its peak "),
        )  # fmt: skip
    return table


def _grid() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _bar(part: float | None, console: Console, style: str = "") -> tuple[Text]:
    """A bar where people look; nothing where programs read, or where there is nothing to compare with."""
    if part is None or not console.is_terminal:
        return (Text(),)
    width = 20 if console.width > USUAL else 12 if console.width >= USUAL else 8
    return (Text(bar(part, width, console.options.ascii_only), style),)


def _held(summary: Summary) -> str:
    of = len(summary.expect)
    held = sum(item.ok for item in summary.expect)
    if not of:
        return ""
    return (
        f"every expectation holds ({of})"
        if held == of
        else f"{held} of {plural(of, 'expectation')} {'holds' if held == 1 else 'hold'}"
    )
