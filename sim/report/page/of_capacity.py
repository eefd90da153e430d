"""The page of a capacity: how much and how sure, the response curve, what breaks from where on, what formulas say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.capacity import (
    KINDS,
    answered,
    breaking,
    knob_value,
    not_asked,
    on_the_edge,
    on_the_way,
    planned_value,
    under_pressure,
)
from sim.report.page.blocks import Datum, Figure, Head, Page, PagePart, Section, TableData, picture, table, text
from sim.report.study import interval, shown
from sim.report.text import DASH, number, plural, share, size

if TYPE_CHECKING:
    from sim.ledger.limits import Pressure
    from sim.study.capacity import Capacity


def capacity_page(found: Capacity) -> Page:
    """Everything about one capacity."""
    answer = found.found
    besides = (*on_the_edge(found), *not_asked(found))
    sections = [
        *([Section("curve", f"Response to {found.knob}", _curves(found))] if found.curve else []),
        Section("breaks", "What breaks, and from where on", _breaks(found)),
        Section("targets", "Targets at the answer", [_targets(found), *(text(str(told)) for told in besides)]),
        *([Section("theory", "What a formula would have said", _theory(found))] if found.theory else []),
        Section("provenance", "How to make this again", _provenance(found)),
    ]
    breaks = not found.breaks or found.breaks[0].reached
    figures = [
        Figure("breaks first" if breaks else "nearest limit", found.breaks_first or DASH),
        Figure("runs", number(found.runs)),
        Figure("calls simulated", number(found.calls)),
    ]
    if answer.reached == "inside":
        ends = f"{knob_value(answer.low, found.unit)} to {knob_value(answer.high, found.unit)}"
        figures.insert(0, Figure(f"{100 * found.confidence:g} % interval", ends))
    if found.value is not None:
        at_least = "at least " if answer.reached == "above" else ""
        figures.insert(0, Figure(found.knob, at_least + knob_value(found.value, found.unit)))
    sure = answer.reached == "inside" and answer.precise
    return Page(
        title=f"Capacity of {found.scenario}", subtitle=f"{found.knob} · {_asked(found)} · model {found.model}",
        verdict=verdict(found), mood="bad" if found.value is None else "good" if sure else "warn",
        figures=figures, sections=sections,
    )  # fmt: skip


def verdict(found: Capacity) -> str:
    """The answer, how sure it is, and what breaks first, as sentences."""
    said = answered(found).plain
    said = f"{said[0].upper()}{said[1:]}." if found.value is None or found.found.reached == "above" else f"{said}."
    if not found.breaks:
        return said
    where = "Beyond it" if found.found.reached == "inside" else "There"
    first = found.breaks[0]
    does = "breaks first" if first.reached else "is nearest to its limit"
    return f"{said} {where} {first.name} {does}: {under_pressure(first).removeprefix(first.name).lstrip(' ,')}."


def _asked(found: Capacity) -> str:
    return " and ".join(at.target.text for at in found.targets)


def _curves(found: Capacity) -> list[PagePart]:
    from sim.report.curves import capacity_curve
    from sim.report.style import svg_of

    parts = []
    for i, at in enumerate(sorted(found.targets, key=lambda at: not at.binding)):
        axes = capacity_curve(found, at.target.metric)
        parts.append(picture(svg_of(axes, f"curve{i}", axes.get_title(loc="left"))))
    metrics = [*found.curve[0].metrics]
    heads = [Head(found.knob), Head("runs"), *map(Head, metrics), Head("limits that were reached", True)]
    rows = []
    for point in sorted(found.curve, key=lambda point: point.value):
        means = [point.metrics[metric] for metric in metrics]
        rows.append(
            [
                Datum(knob_value(point.value, found.unit), point.value), Datum(str(point.n), point.n),
                *(Datum(interval(mean, metric), mean.value if mean.value == mean.value else None)
                  for mean, metric in zip(means, metrics, strict=True)),
                Datum(", ".join(point.reached) or "none", name="text"),
            ]
        )  # fmt: skip
    caption = f"Mean over runs, with its {100 * found.confidence:g} % interval, around the answer"
    return [*parts, table(TableData(caption, heads, rows))]


def _breaks(found: Capacity) -> list[PagePart]:
    where = "just beyond the answer" if found.found.reached == "inside" else f"at {_end(found)}"
    heads = [Head("limit", True), Head("of its limit"), Head("peak"), Head("limit"), Head("refused or lost, a run"),
             Head("reached on the curve from", True)]  # fmt: skip
    rows = []
    for one in found.breaks:
        begins = found.reached_from.get(one.name)
        part = min(1.0, one.used)
        rows.append(
            [
                Datum(f"{one.name}{KINDS.get(one.kind, '')}", name="text"), Datum(share(part), part, part=part),
                *_levels(one), Datum(number(one.refused), one.refused, "bad" if one.refused else ""),
                Datum(DASH if begins is None else knob_value(begins, found.unit), begins, "text"),
            ]
        )  # fmt: skip
    told = breaking(found).plain if found.breaks else "Nothing in this scenario has a limit."
    parts = [text(f"{told[0].upper()}{told[1:]}.")]
    if found.reached_from:
        way = on_the_way(found).plain
        parts.append(text(f"{way[0].upper()}{way[1:]}: what is full first makes others full later."))
    return [*parts, table(TableData(f"The limits that are nearest, {where}; means over runs", heads, rows))]


def _levels(one: Pressure) -> tuple[Datum, Datum]:
    """Peak and limit in their unit."""
    if one.kind == "task":
        return Datum(f"{share(one.peak)} busy", one.peak), Datum(share(one.limit), one.limit)
    told = size if one.kind == "memory" else number
    return Datum(told(one.peak), one.peak), Datum(told(one.limit), one.limit)


def _end(found: Capacity) -> str:
    end = found.found.low if found.found.reached == "below" else found.found.high
    return f"{found.knob} = {knob_value(end, found.unit)}"


def _targets(found: Capacity) -> PagePart:
    heads = [
        Head("target", True),
        Head("found, with its interval"),
        Head("runs"),
        Head("bound"),
        Head("missed first" if found.misses else "nearest to its bound", True),
    ]
    rows = [
        [
            Datum(at.target.text, name="text"), Datum(interval(at.estimate, at.target.metric), at.estimate.value),
            Datum(number(at.n) if at.n else "", at.n), Datum(shown(at.target.bound, at.target.metric), at.target.bound),
            Datum("yes" if at.binding else "", name="text warn" if at.binding and found.misses else "text"),
        ]
        for at in found.targets
    ]  # fmt: skip
    return table(TableData("Each target where the answer is", heads, rows))


def _theory(found: Capacity) -> list[PagePart]:
    heads = [Head("formula", True), Head("for", True), Head("says"), Head("assumes", True),
             Head("of which does not hold here", True)]  # fmt: skip
    rows = [
        [
            Datum(one.formula, name="long"), Datum(one.target, name="long"), Datum(planned_value(one, found)),
            Datum("; ".join(one.assumes), name="long"), Datum("; ".join(one.broken) or "nothing known", name="long"),
        ]
        for one in found.theory
    ]  # fmt: skip
    return [table(TableData("Formulas beside the simulation, and by how much they differ from it", heads, rows))]


def _provenance(found: Capacity) -> list[PagePart]:
    told = f"{plural(found.runs, 'run')}, {number(found.calls)} calls; {number(found.curve_calls)} more for the curve"
    parts = [text(f"The search took {told}. The model was {found.model}.", "quiet")]
    if found.command:
        parts = [text("With the scenario below in scenario.yaml:"), PagePart("command", text=found.command), *parts]
    return [*parts, PagePart("code", title="The scenario, every default written out", text=found.scenario_yaml)]
