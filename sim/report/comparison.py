"""A comparison for a terminal: what differs beyond chance first, in a sentence and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.report.text import DASH, duration, number, plural, share

if TYPE_CHECKING:
    from sim.comparison.compare import SideBySide
    from sim.comparison.differing import Difference
    from sim.comparison.fail_on import ConditionHeld
    from sim.theory.intervals import Estimate

STYLES = {"worse": "bold red", "better": "green", "different": "yellow", "same": "", "untested": "dim"}
MARKS = {"worse": "worse", "better": "better", "different": "differs", "same": ""}
KEY = ("sessions.leaked", "sessions.blocking", "sessions.unanswered", "latency.invite_to_answer.p95", "lifetimes")
"""Rows that are shown also where they do not differ."""
WIDE = 110  # columns; below, intervals are left out
USUAL = 80  # below, differences too: --json and the page have both


def shown(value: float | None, unit: str) -> str:
    """A value in the words of its unit."""
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if unit == "time":
        return duration(value)
    if unit == "fraction":
        return share(value) if value >= 0 else f"−{share(-value)}"
    if unit == "rate":
        hourly = round(3600 * value, 1)
        return f"{value:.3g}/s" if abs(value) >= 1 else f"{number(hourly)}/h" if hourly else "0"
    return number(value)


def signed(value: float | None, unit: str) -> str:
    """A difference with its sign."""
    if value is None or math.isnan(value):
        return DASH
    size = shown(abs(value), unit)
    return size if size == "0" or value == 0 else f"{'+' if value > 0 else '−'}{size}"


def interval(found: Estimate | None, unit: str) -> str:
    """`[−1 ms, +2 ms]`; a dash for none."""
    return DASH if found is None else f"[{signed(found.low, unit)}, {signed(found.high, unit)}]"


def chance(p: float | None) -> str:
    """A probability as it is read."""
    if p is None:
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def mark(row: Difference) -> str:
    """What a row amounts to, in a word; nothing for a difference within chance."""
    return row.method if row.verdict == "untested" else MARKS[row.verdict]


def verdict(found: SideBySide) -> tuple[str, str]:
    """What a comparison amounts to in a sentence, and whether that is good, a warning, or bad."""
    tested = plural(found.tested, "difference")
    if not found.tested:
        if idle := [side.name for side in found.sides if side.summary is not None and side.summary.nobody_called]:
            return f"Nothing to compare: there was no call in {' and '.join(idle)}.", "warn"
        return "Nothing could be tested: the results are too short, or keep no sessions.", "warn"
    if not found.beyond_chance:
        return f"No difference beyond chance: {tested} tested.", "good"
    counts = {name: len(found.found(name)) for name in ("worse", "better", "different")}
    told = [f"{count} {name}" for name, count in counts.items() if count]
    first = min((row for row in found.rows if row.beyond_chance), key=lambda row: row.verdict != "worse")
    said = f"{len(found.beyond_chance)} of {tested} are beyond chance ({', '.join(told)}). "
    mood = "bad" if counts["worse"] else "warn" if counts["different"] else "good"
    return said + f"Above all: {sentence(first, found)}.", mood


def sentence(row: Difference, found: SideBySide) -> str:
    """One difference in words."""
    place = f" ({row.where})" if row.where else ""
    which = f" in {row.other}" if len(found.sides) > 2 else ""
    return f"{row.label}{place}, {shown(row.base, row.unit)} → {shown(row.value, row.unit)}{which}"


def how_told(found: SideBySide) -> str:
    """How the probabilities came about, for people who ask; nothing where there are none."""
    if not found.tested:
        return ""
    return (
        f"Intervals are of 95 %, one by one. The chance of a difference is corrected for all {found.tested} that were "
        "looked at (Holm): where nothing differs, any of them is called beyond chance in 5 of 100 comparisons at most. "
        "Calls of one run hang together; they are compared in sections that are long enough to be independent. What a "
        "whole run shares, such as a busy machine, it does not show: several runs do (a study)."
    )


def print_comparison(
    found: SideBySide, console: Console, full: bool = False, held: Sequence[ConditionHeld] = ()
) -> None:
    """Print a comparison: the verdict, a table for each result against the first, peaks with `full`, conditions."""
    said, mood = verdict(found)
    names = " | ".join(f"{side.name} ({side.kind})" for side in found.sides)
    console.print(Text(names, style="bold"))
    console.print(Text(said, style={"bad": "bold red", "warn": "yellow", "good": "green"}[mood]))
    for side in found.sides[1:]:
        rows = [row for row in found.rows if row.other == side.name]
        kept = rows if full else [row for row in rows if row.beyond_chance or row.name in KEY]
        kept.sort(key=lambda row: not row.beyond_chance)
        console.print(_table(kept, found.sides[0].name, side.name, console.width))
        if len(kept) < len(rows):
            others = f"{len(rows) - len(kept)} others"
            within = "are within chance or did not occur" if found.tested else "could not be tested or did not occur"
            console.print(Text(f"{others} {within}: --full", "dim"))
    if full and found.once:
        console.print(_once(found))
    for note in found.notes:
        console.print(Text(note, "dim"))
    if told := how_told(found):
        console.print(Text(told, "dim"))
    for item in held:
        for_whom = f" for {', '.join(item.results)}" if item.results else ""
        said = (
            f"--fail-on holds{for_whom}: {item.condition}"
            if item.holds
            else f"--fail-on does not hold: {item.condition}"
        )
        console.print(Text(said, "bold red" if item.holds else ""))


def _table(rows: Sequence[Difference], base: str, other: str, width: int) -> Table:
    wide = width >= WIDE
    shown_of = 2 if wide else 1 if width >= USUAL else 0  # of the difference and its interval
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title_justify="left", padding=(0, 2 if wide else 1, 0, 0))
    table.add_column("")
    heads = [base, other, *("difference", "95 % interval")[:shown_of], "chance"]
    for head in heads:
        table.add_column(head, justify="right", overflow="fold")
    table.add_column("")
    for row in rows:
        name = f"{row.label}, {row.where}" if row.where else row.label
        values = [shown(row.base, row.unit), shown(row.value, row.unit)]
        apart = signed(row.apart, row.unit), interval(row.difference, row.unit)
        cells = [*values, *apart[:shown_of], chance(row.p_corrected)]
        style = STYLES[row.verdict]
        table.add_row(name, *cells, Text(mark(row), style), style="" if row.beyond_chance else "dim")
    return table


def _once(found: SideBySide) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title="Once in each result: not tested", title_justify="left")
    table.add_column("")
    for side in found.sides:
        table.add_column(side.name, justify="right", overflow="fold")
    for item in found.once:
        table.add_row(item.name, *once_cells(item.name, item.values, item.limits))
    return table


def once_cells(name: str, values: Sequence[float | None], limits: Sequence[float | None]) -> list[str]:
    """Each value, beside its limit where there is one."""
    unit = "fraction" if name.endswith("utilisation") else "number"
    cells = []
    for value, limit in zip(values, limits, strict=True):
        told = shown(value, unit)
        cells.append(f"{told} of {shown(limit, unit)}" if unit == "number" and limit is not None else told)
    return cells
