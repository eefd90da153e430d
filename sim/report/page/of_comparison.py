"""The page of a comparison: the verdict, what is beyond chance as a picture and a table, then everything compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sim.comparison.compare import SideBySide
from sim.report.comparison import chance, how_told, interval, mark, once_cells, shown, signed, verdict
from sim.report.differences import difference_picture
from sim.report.page.blocks import Datum, Figure, Head, Page, PagePart, Section, TableData, picture, table, text
from sim.report.plain import metric_words
from sim.report.style import svg_of
from sim.report.survivals import survivals_of
from sim.report.text import DASH, number, plural

if TYPE_CHECKING:
    from sim.comparison.differing import Difference
    from sim.comparison.fail_on import ConditionHeld
    from sim.leaks.life_curve import LifeCurve

MOODS = {"worse": "text bad", "better": "text good", "different": "text warn"}
DRAWN = 24
"""Rows of a picture, at most: the surest ones."""


def page_of_comparison(found: SideBySide, held: Sequence[ConditionHeld] = (), command: str = "") -> Page:
    """Everything about a comparison that fits a page; `command` makes it again."""
    said, mood = verdict(found)
    base = found.sides[0].name
    sections = []
    if held:
        sections.append(Section("conditions", "Conditions", [_conditions(held)]))
    for number_, side in enumerate(found.sides[1:], 1):
        rows = [row for row in found.rows if row.other == side.name]
        title = f"{base} → {side.name}"
        sections.append(Section(f"against-{number_}", title, _against(rows, base, side.name, number_)))
    if found.lives:
        sections.append(Section("lifetimes", "How long pools live", _lifetimes(found.lives)))
    sections += [Section("once", "Peaks, limits and tasks", [_once(found)])] if found.once else []
    sections.append(
        Section("results", "The results", [_results(found), *(text(note, "quiet") for note in found.notes)])
    )
    if how := how_told(found):
        sections.append(Section("how", "How sure this is", [text(how)]))
    if command:
        sections.append(Section("provenance", "How to make this again", [PagePart("command", text=command)]))
    figures = [
        Figure("differences tested", number(found.tested)),
        Figure("beyond chance", number(len(found.beyond_chance))),
        Figure("worse", number(len(found.found("worse"))), "bad" if found.found("worse") else ""),
        Figure("better", number(len(found.found("better"))), "good" if found.found("better") else ""),
    ]
    names = " against ".join([", ".join(side.name for side in found.sides[1:]), base])
    return Page(title=f"Compared: {names}", subtitle=f"{plural(len(found.sides), 'result')} side by side", verdict=said,
                mood=mood, sections=sections, figures=figures)  # fmt: skip


def _conditions(held: Sequence[ConditionHeld]) -> PagePart:
    rows = [
        [
            Datum("holds: fails" if item.holds else "does not hold", name="text bad" if item.holds else "text good"),
            Datum(item.condition, name="long"), Datum(", ".join(item.results) or DASH, name="text"),
        ]
        for item in held
    ]  # fmt: skip
    return table(TableData("--fail-on", [Head("it", True), Head("condition", True), Head("for", True)], rows))


def _against(rows: Sequence[Difference], base: str, other: str, number_: int) -> list[PagePart]:
    beyond = [row for row in rows if row.beyond_chance]
    drawn = [row for row in rows if row.p is not None and row.base is not None and row.value is not None]
    drawn = sorted(sorted(drawn, key=lambda row: row.p_corrected or 0.0)[:DRAWN], key=rows.index)
    title = f"{len(beyond)} of {plural(sum(row.p is not None for row in rows), 'difference')} are beyond chance"
    parts = []
    if drawn:
        axes = difference_picture(drawn, base, title)
        parts.append(picture(svg_of(axes, f"differences-{number_}", title)))
    heads = [Head("value", True), Head("verdict", True), Head(base), Head("this"), Head("difference"),
             Head("95 % interval"), Head("times"), Head("chance"), Head("by", True)]  # fmt: skip
    ordered = sorted(rows, key=lambda row: not row.beyond_chance)
    parts.append(
        table(TableData(f"Everything that was compared of {other} and {base}", heads, [_cells(row) for row in ordered]))
    )
    return parts


def _cells(row: Difference) -> list[Datum]:
    told = "not tested" if row.verdict == "untested" else mark(row) or "within chance"
    times = DASH if row.ratio is None else f"×{row.ratio:.3g}"
    return [
        Datum(f"{row.label}, {row.where}" if row.where else row.label, name="text"),
        Datum(told, name=MOODS.get(row.verdict, "text")),
        Datum(shown(row.base, row.unit), row.base), Datum(shown(row.value, row.unit), row.value),
        Datum(signed(row.apart, row.unit), row.apart), Datum(interval(row.difference, row.unit)),
        Datum(times, row.ratio), Datum(chance(row.p_corrected), row.p_corrected), Datum(row.method, name="text"),
    ]  # fmt: skip


def _lifetimes(lives: Mapping[str, LifeCurve]) -> list[PagePart]:
    axes = survivals_of(lives, "Share of pools that live longer than an age")
    return [picture(svg_of(axes, "lifetimes-picture", "Lifetimes of pools, by Kaplan and Meier with 95 % intervals"))]


def _once(found: SideBySide) -> PagePart:
    heads = [Head("value", True), *(Head(side.name) for side in found.sides), Head("name in files", True)]
    rows = []
    for item in found.once:
        told = once_cells(item.name, item.values, item.limits)
        cells = [Datum(cell, value) for cell, value in zip(told, item.values, strict=True)]
        rows.append([Datum(metric_words(item.name), name="text"), *cells, Datum(item.name, name="text quiet")])
    return table(TableData("Each result has one of these only: shown, not tested", heads, rows))


def _results(found: SideBySide) -> PagePart:
    plain = [side.to_dict() for side in found.sides]
    names = list(dict.fromkeys(key for one in plain for key in one))
    rows = [[Datum(DASH if one.get(key) is None else str(one[key]), name="text") for key in names] for one in plain]
    heads = [Head(name.replace("_s", ", s"), True) for name in names]
    return table(TableData("What was compared; the first is the base", heads, rows, sorts=False))
