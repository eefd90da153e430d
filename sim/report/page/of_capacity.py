"""The page of a capacity: how much and how sure, the response curve, what breaks from where on, what formulas say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.capacity import next_at, not_asked, on_the_edge, planned_value
from sim.report.page.blocks import Datum, Figure, Head, Page, PagePart, Section, TableData, picture, table, text
from sim.report.plain import knob_at, knob_value, knob_words, limit_words, metric_words, pressed
from sim.report.study import interval, shown
from sim.report.text import DASH, number, plural, share, size

if TYPE_CHECKING:
    from sim.ledger.limits import Pressure
    from sim.study.capacity import Capacity
    from sim.study.planner import Planned
    from sim.study.targets import Target


def capacity_page(found: Capacity) -> Page:
    """Everything about one capacity."""
    answer = found.found
    besides = (*on_the_edge(found), *not_asked(found))
    sections = [
        *([Section("curve", f"With more {knob_words(found.knob)}", _curves(found))] if found.curve else []),
        Section("breaks", "What breaks, and from where on", _breaks(found)),
        Section("targets", "Targets at the answer", [_targets(found), *(text(str(told)) for told in besides)]),
        *([Section("theory", "What a formula would have said", _theory(found))] if found.theory else []),
        Section("provenance", "How to make this again", _provenance(found)),
    ]
    breaks = not found.breaks or found.breaks[0].reached
    figures = [
        Figure("runs out first" if breaks else "nearest limit", limit_words(found.breaks[0]) if found.breaks else DASH),
        Figure("runs", number(found.runs)),
        Figure("calls simulated", number(found.calls)),
    ]
    if answer.reached == "inside":
        ends = f"{knob_value(answer.low, found.unit)} and {knob_value(answer.high, found.unit)}"
        figures.insert(0, Figure(f"{100 * found.confidence:g} % sure: between", ends))
    if found.value is not None:
        at_least = "at least " if answer.reached == "above" else ""
        figures.insert(0, Figure(f"most {knob_words(found.knob)}", at_least + knob_value(found.value, found.unit)))
    sure = answer.reached == "inside" and answer.precise
    return Page(
        title=f"Capacity of {found.scenario}", subtitle=f"the most {knob_words(found.knob)} with {_asked(found)}",
        verdict=verdict(found), mood="bad" if found.value is None else "good" if sure else "warn",
        figures=figures, sections=sections,
    )  # fmt: skip


def verdict(found: Capacity) -> str:
    """The answer, how sure it is, and what runs out first, as sentences."""
    answer = found.found
    low, high = (knob_value(end, found.unit) for end in (answer.low, answer.high))
    if answer.reached == "below":
        said = f"A target is missed even at {knob_at(found.knob, answer.low, found.unit)}."
    elif answer.reached == "above":
        said = f"Every target holds up to {knob_at(found.knob, answer.high, found.unit)}, the end of the range."
    else:
        assert answer.value is not None
        said = f"The targets hold up to {knob_at(found.knob, answer.value, found.unit)}"
        said += f" ({100 * found.confidence:g} % sure: between {low} and {high})."
        said += "" if answer.precise else " That is wider than asked: give the scenario a longer duration."
    if not found.breaks:
        return said
    where = "Beyond that" if answer.reached == "inside" else "There"
    first = found.breaks[0]
    does = "runs out first" if first.reached else "is nearest to its limit"
    return f"{said} {where}, what {does}: {limit_words(first)}, {pressed(first)}."


def _asked(found: Capacity) -> str:
    return " and ".join(_in_words(at.target) for at in found.targets)


def _in_words(target: Target) -> str:
    """A target with its metric in words."""
    return f"{metric_words(target.metric)} {target.text.removeprefix(target.metric).strip()}"


def _curves(found: Capacity) -> list[PagePart]:
    from sim.report.curves import capacity_curve
    from sim.report.style import svg_of

    parts = []
    for i, at in enumerate(sorted(found.targets, key=lambda at: not at.binding)):
        axes = capacity_curve(found, at.target.metric)
        parts.append(picture(svg_of(axes, f"curve{i}", axes.get_title(loc="left"))))
    metrics = [*found.curve[0].metrics]
    heads = [Head(knob_words(found.knob)), Head("runs"), *(Head(metric_words(metric)) for metric in metrics),
             Head("limits that were reached", True)]  # fmt: skip
    words = {limit.name: limit_words(limit) for limit in found.breaks}
    rows = []
    for point in sorted(found.curve, key=lambda point: point.value):
        means = [point.metrics[metric] for metric in metrics]
        rows.append(
            [
                Datum(knob_value(point.value, found.unit), point.value), Datum(str(point.n), point.n),
                *(Datum(interval(mean, metric), mean.value if mean.value == mean.value else None)
                  for mean, metric in zip(means, metrics, strict=True)),
                Datum(", ".join(words.get(name, name) for name in point.reached) or "none", name="text"),
            ]
        )  # fmt: skip
    caption = f"Mean over runs, with its {100 * found.confidence:g} % interval, around the answer"
    return [*parts, table(TableData(caption, heads, rows))]


def _breaks(found: Capacity) -> list[PagePart]:
    where = "just beyond the answer" if found.found.reached == "inside" else f"at {_end(found)}"
    heads = [Head("what has a limit", True), Head("taken"), Head("peak"), Head("limit"),
             Head("refused or lost, a run"), Head("runs out from", True)]  # fmt: skip
    rows = []
    for one in found.breaks:
        begins = found.reached_from.get(one.name)
        part = min(1.0, one.used)
        rows.append(
            [
                Datum(limit_words(one), name="text"), Datum(share(part), part, part=part),
                *_levels(one), Datum(number(one.refused), one.refused, "bad" if one.refused else ""),
                Datum(DASH if begins is None else knob_value(begins, found.unit), begins, "text"),
            ]
        )  # fmt: skip
    parts = [text(_breaking(found))]
    if found.reached_from:
        words = {one.name: limit_words(one) for one in found.breaks}
        way = "; ".join(
            f"{words.get(name, name)} from {knob_at(found.knob, value, found.unit)} on"
            for name, value in found.reached_from.items()
        )
        parts.append(text(f"At times nothing was left of {way}. What is full first makes others full later."))
    return [*parts, table(TableData(f"The limits that are nearest, {where}; means over runs", heads, rows))]


def _breaking(found: Capacity) -> str:
    """What runs out first, and what would be next."""
    if not found.breaks:
        return "Nothing in this scenario has a limit."
    first, *others = found.breaks
    told = f"{'Runs out first' if first.reached else 'Nearest limit'}: {limit_words(first)}, {pressed(first)}."
    if others:
        told += f" Next: {limit_words(others[0])}, {pressed(others[0])}"
        at = next_at(found)
        told += f"; in proportion it would run out at {knob_at(found.knob, at, found.unit)}." if at else "."
    return told


def _levels(one: Pressure) -> tuple[Datum, Datum]:
    """Peak and limit in their unit."""
    if one.kind == "task":
        return Datum(f"{share(one.peak)} busy", one.peak), Datum(share(one.limit), one.limit)
    told = size if one.kind == "memory" else number
    return Datum(told(one.peak), one.peak), Datum(told(one.limit), one.limit)


def _end(found: Capacity) -> str:
    end = found.found.low if found.found.reached == "below" else found.found.high
    return knob_at(found.knob, end, found.unit)


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
            Datum(_in_words(at.target), name="text"), Datum(interval(at.estimate, at.target.metric), at.estimate.value),
            Datum(number(at.n) if at.n else "", at.n), Datum(shown(at.target.bound, at.target.metric), at.target.bound),
            Datum("yes" if at.binding else "", name="text warn" if at.binding and found.misses else "text"),
        ]
        for at in found.targets
    ]  # fmt: skip
    return table(TableData("Each target where the answer is, with its interval in brackets", heads, rows))


def _theory(found: Capacity) -> list[PagePart]:
    heads = [Head("formula", True), Head("for", True), Head("says"), Head("assumes", True),
             Head("of which does not hold here", True)]  # fmt: skip
    words = {at.target.text: _in_words(at.target) for at in found.targets}
    rows = [
        [
            Datum(_formula(one, found), name="long"), Datum(words.get(one.target, one.target), name="long"),
            Datum(planned_value(one, found)),
            Datum("; ".join(one.assumes), name="long"), Datum("; ".join(one.broken) or "nothing known", name="long"),
        ]
        for one in found.theory
    ]  # fmt: skip
    return [table(TableData("Formulas beside the simulation, and by how much they differ from it", heads, rows))]


def _formula(planned: Planned, found: Capacity) -> str:
    """What a formula was given, with limits in words."""
    told = planned.formula
    for limit in found.breaks:
        told = told.replace(f" {limit.name},", f" {limit_words(limit)},") if limit.kind == "resource" else told
    return told


def _provenance(found: Capacity) -> list[PagePart]:
    told = f"{plural(found.runs, 'run')}, {number(found.calls)} calls; {number(found.curve_calls)} more for the curve"
    parts = [text(f"The search took {told}. The model was {found.model}.", "quiet")]
    if found.command:
        parts = [text("With the scenario below in scenario.yaml:"), PagePart("command", text=found.command), *parts]
    return [*parts, PagePart("code", title="The scenario, every default written out", text=found.scenario_yaml)]
