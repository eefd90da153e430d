"""The page of a study: what it found in a sentence, each metric over the knob with its intervals, pairs, the best."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sim.report.page.blocks import Datum, Figure, Head, Page, PagePart, Section, TableData, picture, table, text
from sim.report.plain import metric_words
from sim.report.responses import Found, Responses, estimate, metrics_of, responses, varied
from sim.report.study import interval, shown
from sim.report.text import DASH, number, plural

MOST_ROWS = 300
"""Rows of a table on a page; study.json has them all."""


def study_page(found: Found, file: str) -> Page:
    """The page of what `study.json` holds; `file` is the study as YAML."""
    curves = [responses(found, metric) for metric in metrics_of(found)]
    failed = int(found["failed"])
    sections = [
        *(Section(f"metric-{i}", metric_words(curve.metric), _curve(curve, i)) for i, curve in enumerate(curves)),
        Section("points", "Every point", [_points(found)]),
    ]
    if found["compared"]:
        sections.append(Section("pairs", "Differences between variants", _pairs(found)))
    if found["best"]:
        sections.insert(0, Section("best", "Which variant is the best", [_best(found)]))
    sections.append(Section("provenance", "How to make this again", _provenance(found, file)))
    said = [f"{plural(failed, 'run')} failed." if failed else "", *_best_said(found), *map(finding, curves[:1])]
    unsure = any(not chosen["sure"] for chosen in found["best"])
    cells = {(point["scenario"], point["variant"], point["point"]) for point in found["points"]}
    return Page(
        title=str(found["study"]), subtitle=f"study · {plural(int(found['runs']), 'run')} · model {found['model']}",
        verdict=" ".join(filter(None, said)) or "Nothing was asked.",
        mood="bad" if failed else "warn" if unsure else "good",
        figures=[
            Figure("runs", number(int(found["runs"]))), Figure("failed", number(failed), "bad" if failed else ""),
            Figure("points and variants", number(len(cells))), Figure("metrics", number(len(curves))),
        ],
        sections=sections,
    )  # fmt: skip


def finding(curve: Responses) -> str:
    """How a metric changes from one end of the knob to the other, of the line where it changes most."""
    what = metric_words(curve.metric)
    known = [
        (line, [at for at in zip(line.x, line.estimates, strict=True) if math.isfinite(at[1].value)])
        for line in curve.lines
    ]
    known = [(line, at) for line, at in known if at]
    if not known:
        return f"{what}: no value at any point."
    line, at = max(known, key=lambda one: abs(one[1][-1][1].value - one[1][0][1].value))
    if not curve.knob or curve.names:
        least, most = (choose(at, key=lambda one: one[1].value) for choose in (min, max))
        names = [curve.names[int(x)] or "the only point" for x in (least[0], most[0])]
        told = f"{what}: {interval(least[1], curve.metric)} with {names[0]}"
        return f"{told}." if least == most else f"{told}, {interval(most[1], curve.metric)} with {names[1]}."
    (first, begin), (last, end) = at[0], at[-1]
    of = f" ({line.label})" if line.label else ""
    knob = curve.knob.removesuffix("_per_s").removesuffix("_s").removesuffix("_bytes")
    unit = "/s" if curve.knob.endswith("_per_s") else " s" if curve.knob.endswith("_s") else ""
    if len({shown(one.value, curve.metric) for _, one in at}) == 1:
        return f"From {knob} {first:g}{unit} to {last:g}{unit}, {what} unchanged: {interval(end, curve.metric)}{of}."
    moves = "overlap" if begin.low <= end.high and end.low <= begin.high else ""
    told = f"From {knob} {first:g}{unit} to {last:g}{unit}, {what}: from {shown(begin.value, curve.metric)}"
    told += f" to {interval(end, curve.metric)}{of}"
    return f"{told}; the intervals overlap, so this may be chance." if moves else f"{told}."


def _curve(curve: Responses, place: int) -> list[PagePart]:
    from sim.report.curves import MOST_LINES, response_curve
    from sim.report.style import svg_of

    said = finding(curve)
    parts = [text(said), picture(svg_of(response_curve(curve, ""), f"metric{place}", said))]
    if len(curve.lines) > MOST_LINES:
        parts.append(text(f"Drawn are {MOST_LINES} of {len(curve.lines)} lines; the table below has all.", "quiet"))
    return parts


def _points(found: Found) -> PagePart:
    paths, metrics = varied(found), metrics_of(found)
    several = len({point["scenario"] for point in found["points"]}) > 1
    variants = any(point["variant"] for point in found["points"])
    heads = [Head("scenario", True)] * several + [Head("variant", True)] * variants
    heads += [Head(path, True) for path in paths] + [
        Head("replications"),
        *(Head(metric_words(metric)) for metric in metrics),
    ]
    cells: dict[tuple[str, str, int], list[Found]] = {}
    for point in found["points"]:
        cells.setdefault((point["scenario"], point["variant"], point["point"]), []).append(point)
    rows = []
    for (scenario, variant, _), answers in [*cells.items()][:MOST_ROWS]:
        row = [Datum(scenario, name="text")] * several + [Datum(variant, name="text")] * variants
        row += [Datum(str(answers[0]["settings"].get(path, DASH)), name="text") for path in paths]
        most = max(answer["n"] for answer in answers)
        row.append(Datum(str(most), most))
        row += [_estimated(answer, answer["metric"]) for answer in answers]
        rows.append(row)
    more = f", the first {MOST_ROWS} of {number(len(cells))}" if len(cells) > MOST_ROWS else ""
    return table(TableData(f"Mean of each metric and its interval{more}", heads, rows))


def _estimated(found: Found, metric: str) -> Datum:
    value = estimate(found)
    return Datum(interval(value, metric), value.value if math.isfinite(value.value) else None)


def _pairs(found: Found) -> list[PagePart]:
    heads = [Head("at", True), Head("metric", True), Head("variant", True), Head("compared with", True),
             Head("difference"), Head("beyond chance", True)]  # fmt: skip
    places = _places(found)
    rows = [
        [
            Datum(places[pair["point"]], float(pair["point"]), "text"),
            Datum(metric_words(pair["metric"]), name="text"), Datum(pair["second"], name="text"),
            Datum(pair["first"], name="text"),
            _estimated(pair["difference"], pair["metric"]),
            Datum("yes" if pair["clear"] else "no", name="text good" if pair["clear"] else "text"),
        ]
        for pair in found["compared"][:MOST_ROWS]
    ]  # fmt: skip
    return [table(TableData("Differences under common random numbers", heads, rows))]


def _places(found: Found) -> dict[int, str]:
    """The settings of each point, of those that differ."""
    paths = varied(found)
    return {
        point["point"]: ", ".join(f"{path} {point['settings'].get(path, DASH)}" for path in paths) or "every run"
        for point in found["points"]
    }


def _best_said(found: Found) -> Sequence[str]:
    best = found["best"]
    if not best:
        return []
    names = [*dict.fromkeys(chosen["best"] for chosen in best)]
    sure = "" if all(chosen["sure"] for chosen in best) else "; not yet sure, more replications are needed"
    told = names[0] if len(names) == 1 else f"at {len(best)} points " + ", ".join(
        f"{name} {sum(chosen['best'] == name for chosen in best)} times" for name in names
    )  # fmt: skip
    return [f"Best by {metric_words(best[0]['metric'])}: {told}{sure}."]


def _best(found: Found) -> PagePart:
    heads = [Head("at", True), Head("metric", True), Head("best", True), Head("sure", True)]
    places = _places(found)
    rows = [
        [
            Datum(places[chosen["point"]], float(chosen["point"]), "text"),
            Datum(metric_words(chosen["metric"]), name="text"),
            Datum(" = ".join((chosen["best"], *chosen.get("alike", ()))), name="text"),
            Datum(f"{100 * chosen['confidence']:g} %" if chosen["sure"] else "not yet", name="text"),
        ]
        for chosen in found["best"]
    ]  # fmt: skip
    return table(TableData("The best variant at each point", heads, rows))


def _provenance(found: Found, file: str) -> list[PagePart]:
    return [
        text("With the study below in study.yaml:"),
        PagePart("command", text="mrcpsim study study.yaml"),
        text(f"The model was {found['model']}; runs.parquet has a row for each run, with the command that repeats it."),
        PagePart("code", title="The study", text=file),
    ]
