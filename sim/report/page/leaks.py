"""Leaks on a page: by cause with their explanation, each with the story of an example session; and violations."""

from __future__ import annotations

from sim.errors import ScenarioError
from sim.ledger.result import RunResult
from sim.ledger.summary import Leak, LeakGroup, Summary
from sim.report.page.blocks import Datum, Head, PagePart, Section, TableData, heading, table, text
from sim.report.plain import held_words
from sim.report.sequence import sequence_svg
from sim.report.text import DASH, duration, number, plural
from sim.report.timeline import StoryStep, story

MOST_GROUPS = 12
RELEASED_BY = "it would be released by "
"""Where the chain of functions begins in an explanation."""

CHART = "Session {} as a sequence chart: tasks across, time down; red is what never came."
MOST_VIOLATIONS = 100


def leak_parts(result: RunResult) -> list[PagePart]:
    """A table of the causes, then each cause explained by its example."""
    groups = result.summary.leak_groups[:MOST_GROUPS]
    if not groups:
        if result.summary.nobody_called:
            return [text("There was no session that could have leaked.", "warn")]
        live = result.summary.sessions.live
        more = (
            f" {plural(live, 'session')} still live at the end: something scheduled can release them." if live else ""
        )
        return [text(f"No session leaked.{more}", "good")]
    heads = [Head("cause", True), Head("plugin", True), Head("sessions"), Head("states", True), Head("they hold", True),
             Head("example")]  # fmt: skip
    parts = [table(TableData("Causes, each with an example and its story", heads, [_row(found) for found in groups]))]
    for found in groups:
        parts += _explained(result, found)
    return parts


def _row(found: LeakGroup) -> list[Datum]:
    return [
        Datum(found.cause, name="text bad"),
        Datum(found.plugin or DASH, name="text"),
        Datum(number(found.count), found.count),
        Datum(", ".join(f"{state} {number(count)}" for state, count in found.states.items()), name="text"),
        Datum(held_words(found.holds), name="long"),
        Datum(str(found.example), found.example, target=f"story-{found.example}"),
    ]


def _explained(result: RunResult, found: LeakGroup) -> list[PagePart]:
    leak = next((leak for leak in result.summary.leaks if leak.session == found.example), None)
    parts = [heading(f"{found.cause}{f' ({found.plugin})' if found.plugin else ''}: {plural(found.count, 'session')}")]
    if leak is None:
        return parts
    said, _, chain = leak.explanation.partition(RELEASED_BY)
    parts.append(text(f"For example session {leak.session}{_named(leak)}:"))
    parts += _sentences(said)
    if chain:
        steps, *rest = chain.split(";")
        parts.append(text("Its release goes this way; what stands in brackets never came:"))
        parts.append(PagePart("steps", steps=[step.strip() for step in steps.split(" → ")]))
        parts += _sentences(";".join(rest))
    return parts


def _sentences(said: str) -> list[PagePart]:
    """Each part of an explanation as a sentence of its own."""
    parts = [part.strip() for part in said.split(";")]
    return [text(f"{part[0].upper()}{part[1:]}.") for part in parts if part]


def _named(leak: Leak) -> str:
    name = getattr(leak, "session_id", None)
    return f" ({name})" if name else ""


def story_sections(result: RunResult) -> list[Section]:
    """The story of the example of each cause, message by message; where messages were not kept, how to get them."""
    sections = []
    for place, found in enumerate(result.summary.leak_groups[:MOST_GROUPS]):
        title = f"The story of session {found.example}, an example of {found.cause}"
        sections.append(Section(f"story-{found.example}", title, _story(result, found.example, drawn=place == 0)))
    seen: dict[str, Section] = {}
    for section in sections:
        seen.setdefault(section.id, section)
    return list(seen.values())


def _story(result: RunResult, session: int, drawn: bool) -> list[PagePart]:
    try:
        told = story(result, session)
    except ScenarioError:
        again = "audit LOG" if result.summary.engine == "log" else "run scenario.yaml"
        return [text(f"Its messages were not kept; mrcpsim {again} --ledger full keeps them.", "quiet")]
    heads = [Head("since INVITE"), Head("task", True), Head("message", True), Head("function", True), Head("waited"),
             Head("took"), Head("state after", True), Head("acquired and released", True)]  # fmt: skip
    rows = [_step(step, told.started_s) for step in told.steps]
    return [
        *([PagePart("chart", caption=CHART.format(session))] if drawn else []),
        table(TableData(f"Session {session}", heads, rows, sorts=False)),
        text(told.end.splitlines()[0] if told.end else ""),
    ]


def chart_of(result: RunResult) -> str | None:
    """The example of the most frequent cause as a sequence chart; None without leaks or without messages."""
    for found in result.summary.leak_groups[:1]:
        leak = next((leak for leak in result.summary.leaks if leak.session == found.example), None)
        try:
            return sequence_svg(story(result, found.example), leak)
        except ScenarioError:
            return None
    return None


def _step(step: StoryStep, began: float) -> list[Datum]:
    never = step.started_s is None
    changes = ", ".join(f"{'+' if c.delta > 0 else '−'} {c.resource}" for c in step.changes if c.delta)
    return [
        Datum(f"+{duration(step.at_s - began)}" if step.at_s != float("inf") else DASH, step.at_s - began),
        Datum(step.task, name="text"),
        Datum(step.message, name="text never" if never else "text"),
        Datum(step.function if not never else DASH, name="text"),
        Datum("never handled" if never else duration(step.wait_s), step.wait_s, "never" if never else ""),
        Datum(duration(step.service_s), step.service_s),
        Datum(step.state or DASH, name="text"),
        Datum(changes or DASH, name="long"),
    ]


def violation_parts(summary: Summary) -> list[PagePart]:
    """Each violation with its time and culprit."""
    if not summary.violations:
        return [text("None: nothing was used after its end, released twice, or released without being held.", "good")]
    rows = [
        [Datum(f"{v.time_s:.6f} s", v.time_s), Datum(str(v.session), v.session), Datum(v.kind, name="text bad"),
         Datum(v.message, name="long")]
        for v in summary.violations[:MOST_VIOLATIONS]
    ]  # fmt: skip
    heads = [Head("time"), Head("session"), Head("kind", True), Head("what happened", True)]
    parts = [table(TableData(f"{plural(len(summary.violations), 'violation')}", heads, rows))]
    if len(summary.violations) > MOST_VIOLATIONS:
        parts.append(text(f"The first {MOST_VIOLATIONS}; summary.json has all.", "quiet"))
    return parts
