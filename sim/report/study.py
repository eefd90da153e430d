"""A study for a terminal: each metric at each point with its interval, pairs of variants, and which one is the best."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.report.text import duration, number
from sim.study.folder import REPORT, RUNS, STUDY
from sim.study.table import column

if TYPE_CHECKING:
    from sim.study.study import DryRun, StudyResult
    from sim.study.table import TableLine
    from sim.study.verdict import Answer
    from sim.theory.intervals import Estimate

MOST_CAUSES = 5
"""Causes of failures that are printed."""

MOST_ROWS = 60
"""Rows of a table that are printed; all are in the files."""


def shown(value: float, metric: str) -> str:
    """A value in the words of its unit: times, shares, numbers."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞"
    if column(metric).endswith("_s"):
        return duration(value)
    if metric.endswith(("blocking", "utilisation")):
        if 0.0 < abs(value) < 1e-5:
            return "<0.001 %" if value > 0.0 else ">-0.001 %"
        return f"{100.0 * value:.3g} %"
    return number(value) if value == int(value) else f"{value:.4g}"


def interval(estimate: Estimate, metric: str) -> str:
    """`12 [11, 13]`."""
    return f"{shown(estimate.value, metric)} [{shown(estimate.low, metric)}, {shown(estimate.high, metric)}]"


def _row(table: Table, *cells: str) -> None:
    """A row of a table; names in it are other people's and are no markup, whatever brackets they have."""
    table.add_row(*map(Text, cells))


def _settings(settings: Any, paths: list[str]) -> list[str]:
    return [str(settings.get(path, "")) for path in paths]


def _varied(answers: tuple[Answer, ...]) -> list[str]:
    """The paths whose values differ from cell to cell."""
    cells = {answer.cell.number: answer.cell for answer in answers}
    paths = dict.fromkeys(path for cell in cells.values() for path in cell.settings)
    return [path for path in paths if len({str(cell.settings.get(path)) for cell in cells.values()}) > 1]


def print_study(result: StudyResult, console: Console) -> None:
    """Everything that a study found."""
    seen = result.progress
    console.print(Text(result.study.name, style="bold"))
    told = f"{number(seen.finished)} runs, {number(seen.reused)} of them found finished, {number(seen.failed)} failed"
    console.print(Text(told, style="dim"))
    console.print(_answers(result))
    if any(answer.said is not None for answer in result.answers):
        console.print(_formulas(result))
    if result.compared:
        console.print(_pairs(result))
    for chosen in result.chosen:
        sure = f"with {100 * chosen.confidence:g} %" if chosen.sure else "not yet sure: more replications are needed"
        alike = f", with {' and '.join(chosen.alike)} just the same" if chosen.alike else ""
        said = f"best by {chosen.metric}, point {chosen.point}: {chosen.best}{alike} ({sure})"
        console.print(Text(said))
    _print_failures(result, console)
    written = {"table": RUNS, "found": STUDY, "report": REPORT}
    places = ((what, result.directory / name) for what, name in written.items())
    lines = [f"{what:<7} {place}" for what, place in places if place.exists()]
    console.print(Text("\n" + "\n".join(lines), style="dim"), soft_wrap=True)


def _print_failures(result: StudyResult, console: Console) -> None:
    """What went wrong, once for each cause, with a command that shows it."""
    causes: dict[tuple[str, str], list[TableLine]] = {}
    for line in result.failures:
        if line.failure is not None:
            causes.setdefault((line.failure.stage, line.failure.error), []).append(line)
    for (stage, error), lines in [*causes.items()][:MOST_CAUSES]:
        first = lines[0]
        where = " ".join(filter(None, (f"point {first.cell.point}", first.cell.variant)))
        more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
        console.print(Text(f"failed ({stage}): {where}, seed {first.job.seed}{more}: {error}", style="bold red"))
        console.print(Text(f"  {first.job.command}", style="dim"), soft_wrap=True)
    if len(causes) > MOST_CAUSES:
        console.print(f"… and {len(causes) - MOST_CAUSES} more causes: see the column error of the table")


def _answers(result: StudyResult) -> Table:
    metrics = result.study.metrics
    varied = _varied(result.answers)
    table = Table(box=SIMPLE_HEAD, title_justify="left")
    several = len(result.study.scenarios) > 1
    for heading in (*(["scenario"] if several else []), *(["variant"] if result.study.variants else []), *varied):
        table.add_column(heading, overflow="fold")
    table.add_column("n", justify="right")
    for metric in metrics:
        table.add_column(metric, justify="right", overflow="fold")
    by_cell: dict[int, list[Answer]] = {}
    for answer in result.answers:
        by_cell.setdefault(answer.cell.number, []).append(answer)
    for found in [*by_cell.values()][:MOST_ROWS]:
        cell = found[0].cell
        labels = ([cell.scenario] if several else []) + ([cell.variant] if result.study.variants else [])
        values = [interval(answer.estimate, answer.metric) for answer in found]
        _row(table, *labels, *_settings(cell.settings, varied), str(max(a.n for a in found)), *values)
    if len(by_cell) > MOST_ROWS:
        table.caption = f"and {len(by_cell) - MOST_ROWS} more points: see study.json"
    return table


MOST_FORMULAS = 12


def _formulas(result: StudyResult) -> Table:
    """What a formula says beside the runs, and which of its assumptions do not hold."""
    table = Table(box=SIMPLE_HEAD, title="What a formula says", title_justify="left")
    for heading in ("point", "metric", "formula", "says", "simulated", "does not hold"):
        table.add_column(heading, overflow="fold")
    having = [answer for answer in result.answers if answer.said is not None]
    for answer in having[:MOST_FORMULAS]:
        said = answer.said
        assert said is not None
        point = " ".join(filter(None, (str(answer.cell.point), answer.cell.variant)))
        says, broken = shown(said.value, answer.metric), "; ".join(said.broken) or "nothing: all assumptions hold"
        _row(table, point, answer.metric, said.formula, says, interval(answer.estimate, answer.metric), broken)
    if len(having) > MOST_FORMULAS:
        table.caption = f"and {len(having) - MOST_FORMULAS} more: see study.json"
    return table


def _pairs(result: StudyResult) -> Table:
    table = Table(box=SIMPLE_HEAD, title="Differences under common random numbers", title_justify="left")
    for heading in ("point", "metric", "difference", "clear", "runs saved"):
        table.add_column(heading, overflow="fold")
    for pair in result.compared[:MOST_ROWS]:
        gain = pair.found.variance_reduction
        saved = f"{gain:.3g} times" if math.isfinite(gain) else "–"
        what = f"{pair.second} − {pair.first}: {interval(pair.found.difference, pair.metric)}"
        _row(table, str(pair.point), pair.metric, what, "yes" if pair.found.clear else "no", saved)
    return table


def print_dry_run(found: DryRun, console: Console) -> None:
    """The runs that a study would do, and about how long they take."""
    table = Table(box=SIMPLE_HEAD)
    paths = [*dict.fromkeys(path for cell in found.cells for path in cell.settings)]
    for heading in ("scenario", "variant", *paths, "calls a run"):
        table.add_column(heading, overflow="fold")
    for cell in found.cells[:MOST_ROWS]:
        calls = cell.error.splitlines()[0] if cell.error else number(round(cell.calls))
        _row(table, cell.scenario, cell.variant, *_settings(cell.settings, paths), calls)
    console.print(table)
    if len(found.cells) > MOST_ROWS:
        console.print(f"… and {len(found.cells) - MOST_ROWS} more")
    least, most = found.replications
    each = str(least) if least == most else f"{least} to {most}"
    console.print(f"{len(found.cells)} points and variants × {each} replications, {found.finished} runs are finished")
    low, high = found.estimate_s
    times = f"about {duration(low)}" if least == most else f"about {duration(low)} to {duration(high)}"
    low, high = found.cpu_s
    taken = duration(low) if least == most else f"{duration(low)} to {duration(high)}"
    console.print(f"{times} on {found.workers} free processors, {taken} of processor time")
