"""The summary of a run for a terminal: what a planner wants to know first stands first, and zeros are printed too."""

from collections import defaultdict
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from sim.errors import ScenarioError
from sim.ledger.conditions import parse
from sim.ledger.spans import label
from sim.ledger.summary import Expectation, Finding, Leak, ResourceUse, Summary, TaskUse
from sim.report.nearest import nearest_text
from sim.report.text import DASH, duration, moment, number, plural, share, size
from sim.vocabulary.resources import resource_words

WIDE = 100  # columns of a terminal; below, the tables stand closer
USUAL = 80  # below, columns that matter less are left out: summary.json has them
SHOWN = 5  # violations, and leaks of one cause, that are spelt out

SERIOUS = ("task-stands-still", "start-failed", "cut-by-server", "memory-exhausted")

GOOD, BAD, WARN, QUIET = "green", "bold red", "yellow", "dim"


def style_of(finding: Finding) -> str:
    """How a finding is printed: what stopped calls stands out from what limits the evidence."""
    return BAD if finding.kind in SERIOUS else WARN


def print_summary(summary: Summary, console: Console, where: str | None = None) -> None:
    """Print everything about `summary`; `where` is the result folder, named last."""
    console.print(render(summary, console.width))
    if where is not None:
        console.print(Text(f"\nresult folder  {where}", style=QUIET))


def render(summary: Summary, width: int = WIDE) -> Group:
    """The whole summary as one rich renderable for a terminal of `width` columns, 60 or more."""
    narrow = width < WIDE
    parts: list[RenderableType] = [title(summary), verdict(summary), _calls(summary, width)]
    parts += [_latency(summary, narrow), _resources(summary, width), _nearest(summary), _tasks(summary, width)]
    parts += [*_processors(summary), _violations(summary), leaks_by_cause(summary, width)]
    if summary.theory:
        from sim.report.formulas import formulas

        parts.append(formulas(summary))
    if summary.expect:
        parts.append(expectations(summary.expect))
    return Group(*parts)


def verdict(summary: Summary) -> Text:
    """One line: did every pool come back, were calls refused, do the expectations hold."""
    s = summary.sessions
    text = Text()
    if s.crashed_at_s is not None:
        crashed = "crashed or was killed" if summary.engine == "log" else "crashed"  # a log does not tell which
        again = "" if not s.restarts else " and was started again"
        often = f", {s.restarts} times in all" if s.restarts > 1 else ""
        text.append(f"The server {crashed} at {duration(s.crashed_at_s)}{again}{often}. ", BAD)
    for finding in summary.findings:
        text.append(f"{finding.text}. ", style_of(finding))
    blocked = sum(group.count for group in summary.leak_groups if group.cause == "task-blocked")
    waiting = blocked if _stands_still(summary) else 0
    leaked = s.leaked - waiting
    if s.crashed:
        text.append(f"{plural(s.crashed, 'session')} ended with it. ", BAD)
    if waiting:
        text.append(f"{plural(waiting, 'session')} can not come back while it stands still. ", BAD)
    if leaked:
        them = "it" if leaked == 1 else "them"
        text.append(f"{plural(leaked, 'session')} leaked: nothing can release {them}. ", BAD)
    elif summary.before and not s.created:
        text.append("No session began within this log. ", WARN)
    elif any(finding.kind == "lines-unread" for finding in summary.findings):
        pass  # which was said
    elif not (s.arrived or s.created):
        text.append("There was no session at all. ", WARN)
    elif not waiting:
        text.append("No session leaked. ", GOOD)
    if summary.before:
        was = "was" if summary.before == 1 else "were"
        text.append(f"{plural(summary.before, 'session')} {was} there before the log begins. ", WARN)
    if s.live:
        text.append(f"{plural(s.live, 'session')} still live at the end. ", WARN)
    if s.blocking > 0:
        text.append(f"{share(s.blocking)} of the calls were refused for want of a resource. ", WARN)
    if lost := not_through(summary):
        text.append(f"{lost}. ", WARN if s.crashed_at_s is None else BAD)
    if summary.violations:
        text.append(f"{plural(len(summary.violations), 'lifetime violation')}. ", BAD)
    failed = sum(not e.ok for e in summary.expect)
    if failed:
        text.append(f"{failed} of {plural(len(summary.expect), 'expectation')} failed.", BAD)
    return text


def not_through(summary: Summary) -> str:
    """How many callers of a run never got through, where some of them had no answer at all or lost patience: those
    that were refused are said as such. Nothing of a log, which does not tell who called again."""
    s = summary.sessions
    lost = s.callers_not_answered or 0
    no_answer = s.cancelled + s.unanswered + s.refused_without_session
    if summary.engine == "log" or not no_answer or lost <= round(s.blocking * (s.callers or 0)):
        return ""
    return f"{number(lost)} of {plural(s.callers or 0, 'caller')} never got through"


def _stands_still(summary: Summary) -> bool:
    return any(finding.kind == "task-stands-still" for finding in summary.findings)


def leaks_by_cause(summary: Summary, width: int = WIDE) -> RenderableType:
    """Leaks grouped by cause, most frequent first; each group with what it holds and one explanation."""
    leaks = summary.leaks
    counted = {(group.cause, group.plugin or ""): group.count for group in summary.leak_groups}
    if not leaks:
        return Text("\nLeaks  0")
    groups: dict[tuple[str, str], list[Leak]] = defaultdict(list)
    for leak in leaks:
        groups[leak.cause or leak.waiting_for or "live", leak.blamed or ""].append(leak)
    also = ", and those that ended with the process" if summary.sessions.crashed else ""
    table = _table(f"Live and leaked sessions{also}  {number(len(leaks) + summary.leaks_cut)}", width < WIDE)
    beside = width >= USUAL  # what is still held stands in the table, else below it
    below = []
    columns: tuple[tuple[str, JustifyMethod], ...] = (
        ("cause", "left"), ("sessions", "right"), ("state", "left"), ("since", "right"),
    )  # fmt: skip
    for heading, justify in columns:
        table.add_column(heading, justify=justify, no_wrap=heading == "cause")
    if beside:
        table.add_column("still holds")
    for (cause, plugin), group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        states = _most_first([leak.state for leak in group])
        since = min((leak.since_s for leak in group if leak.since_s is not None), default=None)
        holds = _most_first([name for leak in group for name in leak.holds])
        label = Text(cause, style=BAD if group[0].cause else WARN)
        if plugin:
            label.append(f"\n{plugin}", QUIET)
        held = ", ".join(resource_words(name, len(group)) for name in holds) or DASH
        count = counted.get((cause, plugin), len(group))
        cells: list[RenderableType] = [label, number(count), ", ".join(states), moment(since)]
        table.add_row(*cells, *([held] if beside else []))
        below += [] if beside else [Text(f"{cause} still holds {held}")]
    if summary.leaks_cut:
        below.append(Text(f"{number(summary.leaks_cut)} of them are not spelt out here or in summary.json", QUIET))
    first = leaks[0]
    return Group(table, *below, Text(f"For example session {first.session}: {first.explanation}", style=QUIET))


def expectations(found: Sequence[Expectation]) -> Table:
    """Each condition with ✓ or ✗ and the value that was found."""
    table = Table(
        box=None, show_header=False, title="\nExpected", title_justify="left", title_style="bold", pad_edge=False
    )
    for item in found:
        mark = Text("✓", style=GOOD) if item.ok else Text("✗", style=BAD)
        table.add_row(mark, item.condition, Text(f"found {found_value(item)}", style=QUIET if item.ok else BAD))
    return table


def title(summary: Summary) -> Text:
    """The scenario, and what was simulated or read."""
    text = Text(summary.scenario, style="bold")
    what = f"seed {summary.seed} · {summary.engine} · {duration(summary.horizon_s)} simulated"
    if summary.engine == "log":
        what = f"{duration(summary.horizon_s)} of log"
    text.append(f"  {what}", "not bold dim")
    if summary.partial:
        text.append("  INTERRUPTED: this is what was finished", BAD)
    return text


def _calls(summary: Summary, width: int) -> RenderableType:
    s = summary.sessions
    table = _table("Calls", width < WIDE)
    rejected = sum(s.rejected.values())
    cells: list[tuple[str, str, str]] = [
        ("arrived", number(s.arrived), ""),
        ("created", number(s.created), ""),
        ("answered", number(s.answered), ""),
        ("rejected", number(rejected), WARN if rejected else ""),
        ("cancelled", number(s.cancelled), ""),
        ("blocking", share(s.blocking), WARN if s.blocking else ""),
        ("released", number(s.released), ""),
        ("live", number(s.live), WARN if s.live else ""),
        ("leaked", number(s.leaked), BAD if s.leaked else GOOD),
    ]
    if width < USUAL:
        table.show_header = False
        for heading, value, style in cells:
            table.add_row(heading, Text(value, style=style, justify="right"))
    else:
        for heading, _, _ in cells:
            table.add_column(heading, justify="right")
        table.add_row(*(Text(value, style=style) for _, value, style in cells))
    if s.retries:
        through = f", {number(s.callers_answered)} of them answered" if s.callers_answered is not None else ""
        again = f"{number(s.retries)} of the INVITEs that arrived were the same callers' again"
        table.caption = Text(f"{again}: {number(s.callers)} callers{through}")
    if not rejected:
        return table
    detail = ", ".join(f"{status} × {number(n)}" for status, n in sorted(s.rejected.items()))
    return Group(table, Text(f"rejected with {detail}", style=WARN))


def _latency(summary: Summary, narrow: bool) -> Table:
    table = _table("Latency", narrow)
    table.add_column("")
    for heading in ("samples", "mean", "p50", "p95", "p99", "max"):
        table.add_column(heading, justify="right", style="bold" if heading == "p95" else None)
    for name, q in summary.latency.items():
        times = (duration(value) for value in (q.mean, q.p50, q.p95, q.p99, q.max))
        table.add_row(label(name), number(q.n), *times)
    return table


def _resources(summary: Summary, width: int) -> Table:
    table = _table("Resources", width < WIDE)
    table.add_column("", overflow="fold", min_width=26)
    left_out = ("mean", "free", "peak size") if width < USUAL else ()
    for name, use in summary.resources.items():
        _add_row(table, name, _resource(use), left_out)
    return table


def _resource(use: ResourceUse) -> dict[str, Text]:
    """A resource's cells by their headings."""
    return {
        "peak": Text(number(use.peak)),
        "mean": Text(number(use.mean)),
        "held": Text(number(use.held)),
        "leaked": Text(number(use.leaked), style=BAD if use.leaked else ""),
        "refused": Text(number(use.refused), style=WARN if use.refused else ""),
        "limit": Text(number(use.limit)),
        "free": Text(DASH if not use.limit else share(max(0.0, 1 - use.peak / use.limit))),
        "peak size": Text(size(use.bytes_peak)),
    }


def _nearest(summary: Summary) -> Text:
    """Which limit was reached or is nearest: what a planner must look at first."""
    limits = summary.limits
    if not limits:
        return Text("no resource has a limit", style=QUIET)
    first = limits[0]
    return Text(nearest_text(summary), style=BAD if first.reached else WARN if first.used >= 0.8 else "")


def _tasks(summary: Summary, width: int) -> Table:
    table = _table("Tasks", width < WIDE)
    table.add_column("", overflow="fold", min_width=19)
    left_out = ("messages", "service p50") if width < USUAL else ()
    for name, use in summary.tasks.items():
        _add_row(table, name, _task(use), left_out)
    return table


def _add_row(table: Table, name: str, cells: dict[str, Text], left_out: Sequence[str]) -> None:
    """Add a row but for some headings; the first row brings the columns."""
    kept = {heading: cell for heading, cell in cells.items() if heading not in left_out}
    if not table.rows:
        for heading in kept:
            table.add_column(heading, justify="right")
    table.add_row(name, *kept.values())


def _task(use: TaskUse) -> dict[str, Text]:
    """A task's cells by their headings."""
    busy = use.utilisation or 0.0
    return {
        "messages": Text(number(use.messages)),
        "utilisation": Text(share(use.utilisation), style=BAD if busy >= 0.9 else WARN if busy >= 0.7 else ""),
        "wait p50": Text(duration(use.wait.p50)),
        "wait p95": Text(duration(use.wait.p95)),
        "service p50": Text(duration(use.service.p50)),
        "queue": Text(number(use.queue_peak)),
    }


def _processors(summary: Summary) -> list[RenderableType]:
    """How many processors are busy, who holds them and who waits longest; nothing for a log, which does not say.

    Where every task has one of its own, how many a machine must have.
    """
    if summary.processors.count is not None:
        return [_shared(summary)]
    busy = [use.utilisation for use in summary.tasks.values() if use.utilisation is not None]
    if not busy or summary.engine == "log":
        return []
    return [Text(f"together they keep {sum(busy):.2f} processors busy", style=WARN if sum(busy) >= 1 else "")]


def _shared(summary: Summary) -> Text:
    """One line about the processors that the tasks share."""
    use = summary.processors
    busy = ", ".join(share(part) for part in use.busy[:8]) + (", …" if len(use.busy) > 8 else "")
    text = f"{plural(len(use.busy), 'processor')}, busy {busy}"
    by_task = sorted(use.by_task.items(), key=lambda item: -item[1])
    text += "; " + ", ".join(f"{name} {held:.2f}" for name, held in by_task[:3] if held >= 0.005)
    waits = {name: task.processor_wait.p95 for name, task in summary.tasks.items() if task.processor_wait.p95}
    if waits:
        longest = max(waits, key=lambda name: waits[name] or 0.0)
        text += f"; longest wait for one: {longest}, p95 {duration(waits[longest])}"
    full = sum(use.busy) >= 0.9 * len(use.busy)
    return Text(text, style=WARN if full else "")


def _violations(summary: Summary) -> Text:
    text = Text("\nLifetime violations  ", style="bold")
    text.append(number(len(summary.violations)), BAD if summary.violations else "not bold")
    counts: dict[str, int] = defaultdict(int)
    for violation in summary.violations:
        counts[violation.kind] += 1
    if counts:
        text.append("  " + ", ".join(f"{kind} × {number(n)}" for kind, n in sorted(counts.items())), "not bold")
    for v in summary.violations[:SHOWN]:
        text.append(f"\n  {v.time_s:.6f} s  session {v.session}  {v.kind}: {v.message}", "not bold")
    if len(summary.violations) > SHOWN:
        text.append(f"\n  … and {number(len(summary.violations) - SHOWN)} more in summary.json", QUIET)
    return text


def _table(title: str, narrow: bool = False) -> Table:
    return Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 0 if narrow else 1, 0, 0),
        header_style=QUIET,
    )


def _most_first(names: Sequence[str]) -> list[str]:
    counts: dict[str, int] = defaultdict(int)
    for name in names:
        counts[name] += 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def found_value(item: Expectation) -> str:
    """What a condition found, in the unit of its path."""
    if item.value is None:
        return "no value"
    try:
        unit = parse(item.condition).unit
    except ScenarioError:  # of a result that another version wrote
        unit = "number"
    told = {"time": duration, "fraction": share, "size": size}.get(unit)
    if told is not None:
        return told(item.value)
    return f"{item.value:.6g}{'/s' if unit == 'rate' else ''}" if isinstance(item.value, float) else str(item.value)
