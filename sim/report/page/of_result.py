"""The report of one run, or of the audit of one log: the verdict first, then what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.ledger.result import RunResult
from sim.ledger.spans import KNOWN, label
from sim.ledger.summary import Quantiles, Summary
from sim.report.nearest import NEAR, nearest_text
from sim.report.page.blocks import Datum, Figure, Head, Page, PagePart, Section, TableData, picture, table, text
from sim.report.page.columns import columns_of, example_rows
from sim.report.page.leaks import chart_of, leak_parts, story_sections, violation_parts
from sim.report.style import svg_of
from sim.report.terminal import found_value
from sim.report.text import DASH, duration, number, share, size
from sim.report.verdicts import causes_heading, verdict_text
from sim.vocabulary.resources import resource_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.theory.intervals import Estimate

PERCENTILES = (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))
FEW = 20
"""Samples below which a percentile has no interval."""


def page_of(result: RunResult) -> Page:
    """Everything about a result that fits a page; times of the sessions in it are a sample when they are many."""
    summary = result.summary
    verdict, mood = verdict_text(summary)
    what = "audit of a log" if summary.engine == "log" else f"simulation, seed {summary.seed}, {summary.engine} engine"
    subtitle = f"{what} · {duration(summary.horizon_s)}" + (
        " · interrupted: what was finished" if summary.partial else ""
    )
    leaks = Section("leaks", causes_heading(summary), leak_parts(result))
    held = Section("held", "Pools held over time", _held(result))
    first = [leaks, held, *story_sections(result)] if summary.leak_groups else [held]
    sections = [
        *first,
        Section("setup", "Where set-up time goes", _setup(result)),
        Section("latencies", "Latencies", _latencies(result)),
        Section("lifetimes", "How long pools live", _lifetimes(result)),
        Section("tasks", "Tasks of the server", _tasks(result)),
        Section("resources", "Resources and limits", _resources(summary)),
        *(() if summary.leak_groups else [leaks]),
        Section("violations", "Lifetime violations", violation_parts(summary)),
        Section("sessions", "Sessions", _sessions(result)),
        Section("provenance", "How to make this again", _provenance(result)),
    ]
    if summary.expect:
        # what failed is news; what holds stands after what was found
        place = 0 if any(not item.ok for item in summary.expect) else len(first)
        sections.insert(place, Section("expected", "What was expected", [_expected(summary)]))
    return Page(
        title=summary.scenario, subtitle=subtitle, verdict=f"{verdict} {_nearest(summary)}", mood=mood,
        figures=_figures(summary), sections=sections, data=_data(result),
    )  # fmt: skip


def _data(result: RunResult) -> dict[str, object]:
    chart = chart_of(result)
    return {**columns_of(result), **({"chart": chart} if chart else {})}


def _nearest(summary: Summary) -> str:
    """The nearest limit; beside leaks only where it is near, for there it is not what matters."""
    if summary.leak_groups and not (summary.limits and (summary.limits[0].reached or summary.limits[0].used >= NEAR)):
        return ""
    text = nearest_text(summary)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _figures(summary: Summary) -> list[Figure]:
    s, answer = summary.sessions, summary.latency.get("invite_to_answer", Quantiles())
    return [
        Figure("callers", number(s.callers)) if s.retries else Figure("calls arrived", number(s.arrived)),
        Figure("answered", number(s.answered)),
        Figure("refused for want of a resource", share(s.blocking), "bad" if s.blocking else ""),
        Figure("without any answer", number(s.unanswered + s.refused_without_session), "bad" if s.unanswered else ""),
        Figure("sessions leaked", number(s.leaked), "bad" if s.leaked else "good"),
        Figure("still live at the end", number(s.live), "warn" if s.live else ""),
        Figure("set-up, half within", duration(answer.p50)),
        Figure("set-up, 95 % within", duration(answer.p95)),
    ]


def _expected(summary: Summary) -> PagePart:
    rows = [
        [
            Datum("holds" if item.ok else "fails", name="text good" if item.ok else "text bad"),
            Datum(item.condition, name="long"),
            Datum(found_value(item), item.value),
        ]
        for item in summary.expect
    ]
    return table(TableData("Conditions", [Head("it", True), Head("condition", True), Head("found")], rows))


def _held(result: RunResult) -> list[PagePart]:
    from sim.report.plots import COARSE, held_over_time

    axes = held_over_time(result, most=COARSE)
    return [picture(svg_of(axes, "held", axes.get_title(loc="left"))), PagePart("zoom")]


def _setup(result: RunResult) -> list[PagePart]:
    from sim.report.phases import setup_phases
    from sim.report.plots import setup_time

    phases = setup_phases(result)
    if not phases:
        return [text("No answered call with every milestone was recorded.", "quiet")]
    axes = setup_time(result, phases=phases)
    split = any(phase.work_s is not None for phase in phases)
    heads = [Head("phase", True), Head("mean")]
    heads += [Head(name) for name in ("work", "waiting for a processor", "other waiting") if split]
    rows = []
    for phase in phases:
        times = (phase.total_s, *((phase.work_s, phase.processor_s, phase.waiting_s) if split else ()))
        rows.append([Datum(phase.name, name="text"), *(Datum(duration(value), value) for value in times)])
    return [
        picture(svg_of(axes, "setup", axes.get_title(loc="left"))),
        table(TableData("Mean time a call", heads, rows)),
    ]


def _latencies(result: RunResult) -> list[PagePart]:
    from sim.report.plots import COARSE_OF_MANY, latencies
    from sim.study.uncertainty import quantile

    axes = latencies(result, most=COARSE_OF_MANY)
    heads = [Head("latency", True), *map(Head, ("samples", "mean", "p50", "p95", "p99", "max"))]
    rows = []
    for name, found in result.summary.latency.items():
        cells = [
            Datum(label(name), name="text"),
            Datum(number(found.n), found.n),
            Datum(duration(found.mean), found.mean),
        ]
        samples = _samples(result, name)
        for column, p in PERCENTILES:
            value = getattr(found, column)
            interval = quantile(samples, p) if len(samples) >= FEW else None
            cells.append(Datum(_with_interval(value, interval), value))
        rows.append([*cells, Datum(duration(found.max), found.max)])
    note = "In brackets the 95 % interval of each percentile, from the order statistics of this one result."
    return [
        picture(svg_of(axes, "latency", axes.get_title(loc="left"))),
        table(TableData("Latencies", heads, rows)),
        text(note, "quiet"),
    ]


def _samples(result: RunResult, name: str) -> NDArray[Any]:
    """Every duration of a latency; none without a sessions table, or of a result that a later version wrote."""
    from sim.report.thinning import latency_samples

    if name not in KNOWN:
        return np.zeros(0)
    columns = KNOWN[name].start, KNOWN[name].end
    parts = [latency_samples(rows, name) for rows in result.batches("sessions", columns)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _with_interval(value: float | None, interval: Estimate | None) -> str:
    if value is None or interval is None:
        return duration(value)
    low, high = (
        duration(end) if end == end and abs(end) != float("inf") else DASH for end in (interval.low, interval.high)
    )
    return f"{duration(value)} [{low}; {high}]"


def _lifetimes(result: RunResult) -> list[PagePart]:
    from sim.report.plots import pool_survival

    axes = pool_survival(result)
    return [picture(svg_of(axes, "lifetime", axes.get_title(loc="left")))]


def _tasks(result: RunResult) -> list[PagePart]:
    from sim.report.plots import task_load

    summary = result.summary
    if not summary.tasks:
        return [text("This log does not show the work of the server's tasks.", "quiet")]
    names = ("messages", "busy", "longest queue", "queue wait p50", "queue wait p95", "service p50", "service p95")
    rows = [
        [
            Datum(name, name="text"), Datum(number(use.messages), use.messages),
            Datum(share(use.utilisation), use.utilisation, part=min(1.0, use.utilisation or 0.0)),
            Datum(number(use.queue_peak), use.queue_peak),
            *(Datum(duration(q), q) for q in (use.wait.p50, use.wait.p95, use.service.p50, use.service.p95)),
        ]
        for name, use in summary.tasks.items()
    ]  # fmt: skip
    parts = [table(TableData("Tasks", [Head("task", True), *map(Head, names)], rows))]
    if any(use.utilisation is not None for use in summary.tasks.values()):
        axes = task_load(result)
        parts.insert(0, picture(svg_of(axes, "tasks", axes.get_title(loc="left"))))
    return parts


def _resources(summary: Summary) -> list[PagePart]:
    names = ("leaked", "refused", "of its limit", "peak", "limit", "held at the end", "acquired", "released", "bytes")
    heads = [Head("resource", True), *map(Head, names), Head("name in files", True)]
    rows = []
    for name, use in summary.resources.items():
        part = use.peak / use.limit if use.limit else None
        rows.append(
            [
                Datum(resource_words(name), name="text"),
                Datum(number(use.leaked), use.leaked, "bad" if use.leaked else ""),
                Datum(number(use.refused), use.refused, "bad" if use.refused else ""),
                Datum(share(part), part, part=None if part is None else min(1.0, part)),
                Datum(number(use.peak), use.peak), Datum(number(use.limit), use.limit),
                Datum(number(use.held), use.held),
                Datum(number(use.acquired), use.acquired), Datum(number(use.released), use.released),
                Datum(size(use.bytes_peak), use.bytes_peak), Datum(name, name="text file quiet"),
            ]
        )  # fmt: skip
    return [table(TableData("Resources of the ledger", heads, rows))]


def _sessions(result: RunResult) -> list[PagePart]:
    heads, rows, told = example_rows(result)
    if not rows:
        return [text("This result keeps no table of sessions.", "quiet")]
    return [text(told, "quiet"), PagePart("sessions", table=TableData("Sessions", heads, rows))]


def _provenance(result: RunResult) -> list[PagePart]:
    made = result.provenance
    parts: list[PagePart] = []
    if result.summary.engine != "log":
        asked = f"mrcpsim run scenario.yaml --seed {result.summary.seed} --engine {result.summary.engine}"
        if made.get("ledger"):
            asked += f" --ledger {made['ledger']}"
        parts += [text("With the scenario below in scenario.yaml:"), PagePart("command", text=asked)]
    rows = [[Datum(str(key), name="text"), Datum(_flat(value), name="long")] for key, value in made.items()]
    if rows:
        parts.append(table(TableData("Provenance", [Head("what", True), Head("is", True)], rows, sorts=False)))
    if result.scenario_yaml:
        parts.append(
            PagePart("code", title="The resolved scenario, every default written out", text=result.scenario_yaml)
        )
    return parts


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
