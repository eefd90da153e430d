"""The page of a validation: does the model agree with the log, time by time, and what has no say in that."""

from __future__ import annotations

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

_TAKEN = {"phase": "the phase of the media tick", "interference": "how often other processes took the processor"}
"""What `validate` takes from the log on request, by its key in `read_from_log`."""
COARSE = 60
"""Points of a quantile-quantile curve on a page."""


def validation_page(found: Validation) -> Page:
    """Everything about one validation."""
    from sim.report.validation import about

    judged = {name: found.latency[name] for name in found.judged}
    quantiles = [value for compared in judged.values() for value in compared.quantiles.values()]
    agree = sum(value.agrees for value in quantiles)
    waits = _compared("Wait in the queue of each thread", found.tasks, set(), "thread")
    sections = [
        Section("latency", "Times, measured and predicted", [text(_decides(found)), *_latencies(found)]),
        *([Section("waits", "Queue waits", [waits])] if found.tasks else []),
        Section("counts", "Sessions", [_counts(found.counts)]),
        Section("provenance", "How this was compared", [text(line) for line in (*about(found), _told(found))]),
    ]  # fmt: skip
    return Page(
        title=f"{found.scenario} against {found.log}",
        subtitle=f"validation of a model against a real log · {plural(found.runs, 'simulated run')}",
        verdict=verdict(found),
        mood="good" if found.ok else "bad",
        figures=[
            Figure("times that decide, and agree", f"{agree} of {len(quantiles)}", "good" if found.ok else "bad"),
            Figure("calls in the log", number(found.counts["arrived"][0])),
            Figure("leaked in the log", number(found.counts["leaked"][0])),
            Figure("leaked as predicted", number(found.counts["leaked"][1])),
        ],
        sections=sections,
    )


def verdict(found: Validation) -> str:
    """Whether the model may be trusted for such calls, what speaks against it, and what it was not asked to predict."""
    from sim.validation.validate import counts_that_differ

    compared = [(name, q, value) for name in found.judged for q, value in found.latency[name].quantiles.items()]
    if not compared:
        return "The log has too few calls to compare any time."
    off = [f"{label(name)} {q} {value.error:+.0%}" for name, q, value in compared if not value.agrees]
    wrong = counts_that_differ(found.counts)
    names = " and ".join(map(label, found.judged))
    if found.ok:
        agree = "agree" if len(found.judged) > 1 else "agrees"
        said = f"The model predicts this log's calls: {names} {agree} in all {len(compared)} percentiles"
        said += ", and so do the counts."
    else:
        of = f"{len(off)} of {len(compared)} percentiles of {names} are off" if off else ""
        told = [f"{of}: {', '.join(off)}"] * bool(off) + wrong
        said = f"The model does not predict this log's calls: {'; '.join(told)}."
    spread = sum(value.agrees and not value.close for _, _, value in compared)
    if spread:
        said += f" {spread} of the {len(compared)} agree only because single simulated runs differ by as much."
    taken = [what for key, what in _TAKEN.items() if found.read_from_log[key] == "log"]
    return said + (f" Taken from the log, not predicted: {' and '.join(taken)}." if taken else "")


def _decides(found: Validation) -> str:
    """Which times the verdict rests on, which are only shown, and which could not be compared."""
    names = " and ".join(map(label, found.judged)) or "no time"
    others = [label(name) for name in found.latency if name not in found.judged] + ["queue waits"] * bool(found.tasks)
    missing = [label(name) for name in LATENCIES if name not in found.latency]
    told = [f"The verdict rests on {names}, and on the counts of sessions."]
    told += [f"Shown, but without a say in it: {', '.join(others)}."] if others else []
    told += [f"Not in the log, or of too few calls: {', '.join(missing)}."] if missing else []
    return " ".join(told)


def _told(found: Validation) -> str:
    return (
        "p95 is the time that 95 of 100 calls stay below. One agrees when the prediction is within 10 % of what was "
        "measured, within the measurement's own 95 % interval (bootstrap), or among what single simulated runs differ "
        "by. M/M/1 says: what a planner's formula for one queue would have said. KS: the largest difference between "
        "the two distributions, from 0 (the same) to 1."
    )


def _latencies(found: Validation) -> list[PagePart]:
    from sim.report.style import svg_of
    from sim.report.validation import quantile_axes

    said = f"quantile against quantile: {found.scenario} predicts, {found.log} was measured"
    drawn = [
        svg_of(axes, f"qq-{name}", f"{label(name)}, {said}") for name, axes in quantile_axes(found, COARSE).items()
    ]
    parts = [pictures(drawn)] if drawn else []
    note = (
        "On the line the model is right; the band is 10 % on either side. Orange marks the percentiles of the table. "
        "In brackets: without a say in the verdict."
    )
    named = {label(name): compared for name, compared in found.latency.items()}
    judged = {label(name) for name in found.judged}
    return [*parts, text(note, "quiet"), _compared("Percentiles of each time", named, judged)]


def _compared(caption: str, rows: Mapping[str, Comparison], decide: set[str], what: str = "time") -> PagePart:
    """`decide` names the rows that the verdict rests on."""
    heads = [Head(what, True), Head("agrees", True), Head("measured"), Head("predicted"), Head("error"),
             Head("95 % interval"), Head("M/M/1 says")]  # fmt: skip
    lines = []
    for name, compared in rows.items():
        for quantile, value in compared.quantiles.items():
            said = compared.theory.get(quantile)
            said_so = "yes" if value.agrees else "no"
            told, mood = (said_so, "good" if value.agrees else "bad") if name in decide else (f"({said_so})", "quiet")
            lines.append(
                [
                    Datum(f"{name}, {quantile}", name="text"), Datum(told, name=f"text {mood}"),
                    Datum(duration(value.measured), value.measured), Datum(duration(value.predicted), value.predicted),
                    Datum(f"{value.error:+.1%}", value.error),
                    Datum(f"{duration(value.low)} to {duration(value.high)}", value.low),
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
