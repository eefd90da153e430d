"""The page of a validation: does the model agree with the log, quantile by quantile, and what was not judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sim.ledger.spans import LATENCIES, label
from sim.report.page.blocks import (
    Datum,
    Figure,
    Head,
    Page,
    PagePart,
    Section,
    TableData,
    pictures,
    table,
    text,
)
from sim.report.text import DASH, duration, number, plural

if TYPE_CHECKING:
    from sim.validation.validate import Comparison, Validation

_NAMES = re.compile(rf"\b(?:{'|'.join(LATENCIES)})\b")
COARSE = 60
"""Points of a quantile-quantile curve on a page."""


def validation_page(found: Validation) -> Page:
    """Everything about one validation."""
    from sim.report.validation import about

    judged = {name: found.latency[name] for name in found.judged}
    quantiles = [value for compared in judged.values() for value in compared.quantiles.values()]
    said, mark, rest = _NAMES.sub(lambda name: label(name[0]), found.verdict).partition("; not ")
    agree = sum(value.agrees for value in quantiles)
    not_judged = [text(f"Not {rest}.", "quiet")] if mark else []
    waits = _compared("Wait in the queue of each task", found.tasks)
    sections = [
        Section("latency", "Latencies, measured and predicted", [*not_judged, *_latencies(found)]),
        *([Section("waits", "Queue waits", [waits])] if found.tasks else []),
        Section("counts", "Sessions", [_counts(found.counts)]),
        Section("provenance", "How this was compared", [text(line) for line in (*about(found), _told(found))]),
    ]  # fmt: skip
    return Page(
        title=f"{found.scenario} against {found.log}",
        subtitle=f"validation of a model against a real log · {plural(found.runs, 'simulated run')}",
        verdict=f"{said}.",
        mood="good" if found.ok else "bad",
        figures=[
            Figure("judged quantiles that agree", f"{agree} of {len(quantiles)}", "good" if found.ok else "bad"),
            Figure("calls in the log", number(found.counts["arrived"][0])),
            Figure("leaked in the log", number(found.counts["leaked"][0])),
            Figure("leaked as predicted", number(found.counts["leaked"][1])),
        ],
        sections=sections,
    )


def _told(found: Validation) -> str:
    names = " and ".join(map(label, found.judged)) or "nothing"
    return (
        f"Judged are the quantiles of {names}: each must be within 10 % of the measured one, within its 95 % bootstrap "
        "interval, or among what single simulated runs differ by. M/M/1 is what a planner's formula says."
    )


def _latencies(found: Validation) -> list[PagePart]:
    from sim.report.style import svg_of
    from sim.report.validation import quantile_axes

    said = f"quantile against quantile: {found.scenario} predicts, {found.log} was measured"
    drawn = [
        svg_of(axes, f"qq-{name}", f"{label(name)}, {said}") for name, axes in quantile_axes(found, COARSE).items()
    ]
    parts = [pictures(drawn)] if drawn else []
    note = "On the line the model is right; the band is 10 % on either side. Orange marks the quantiles of the table."
    named = {label(name): compared for name, compared in found.latency.items()}
    judged = {label(name) for name in found.judged}
    return [*parts, text(note, "quiet"), _compared("Latencies", named, judged)]


def _compared(caption: str, rows: Mapping[str, Comparison], judged: set[str] | None = None) -> PagePart:
    heads = [Head("duration", True), Head("quantile", True), Head("measured"), Head("95 % interval"), Head("predicted"),
             Head("error"), Head("agrees", True), Head("M/M/1 says")]  # fmt: skip
    lines = []
    for name, compared in rows.items():
        for quantile, value in compared.quantiles.items():
            said = compared.theory.get(quantile)
            verdict = "yes" if value.agrees else "no"
            told = verdict if judged is None or name in judged else f"{verdict}, not judged"
            lines.append(
                [
                    Datum(name, name="text"), Datum(quantile, name="text"),
                    Datum(duration(value.measured), value.measured),
                    Datum(f"{duration(value.low)} to {duration(value.high)}", value.low),
                    Datum(duration(value.predicted), value.predicted), Datum(f"{value.error:+.1%}", value.error),
                    Datum(told, name="text good" if value.agrees else "text bad"),
                    Datum(DASH if said is None else duration(said), said),
                ]
            )  # fmt: skip
    return table(TableData(caption, heads, lines))


def _counts(counts: Mapping[str, tuple[float, float]]) -> PagePart:
    rows = [
        [Datum(name, name="text"), Datum(number(measured), measured), Datum(number(predicted), predicted)]
        for name, (measured, predicted) in counts.items()
    ]
    return table(TableData("Counts of sessions", [Head("sessions", True), Head("in the log"), Head("predicted")], rows))
