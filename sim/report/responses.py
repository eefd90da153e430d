"""What a study found, as lines over its knob: read from what `study.json` holds, so that a page can be made again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.study.table import parameter
from sim.theory.intervals import Estimate

Found = Mapping[str, Any]
"""What `study.json` holds."""


@dataclass(frozen=True, slots=True)
class Response:
    """One line: a metric's mean and interval at each place of the knob."""

    label: str
    x: tuple[float, ...]
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class Responses:
    """A metric over a knob. Where the knob has no numbers, the places are counted and `names` says what they are."""

    metric: str
    knob: str
    names: tuple[str, ...]
    lines: tuple[Response, ...]


def estimate(found: Found) -> Estimate:
    """What JSON has as `mean`, `low` and `high`; what was not finite is not a number."""
    value, low, high = (math.nan if found[key] is None else float(found[key]) for key in ("mean", "low", "high"))
    return Estimate(value, low, high)


def metrics_of(found: Found) -> list[str]:
    """What was asked, in the study's order."""
    return [*dict.fromkeys(point["metric"] for point in found["points"])]


def varied(found: Found) -> list[str]:
    """The paths that differ from point to point; what only tells variants apart is in their names."""
    seen: dict[tuple[str, str], dict[str, set[str]]] = {}
    for point in found["points"]:
        values = seen.setdefault((point["scenario"], point["variant"]), {})
        for path, value in point["settings"].items():
            values.setdefault(path, set()).add(str(value))
    return [*dict.fromkeys(path for values in seen.values() for path, told in values.items() if len(told) > 1)]


def responses(found: Found, metric: str) -> Responses:
    """A metric over the path with the most values; other paths, variants and scenarios are lines of their own."""
    points = [point for point in found["points"] if point["metric"] == metric]
    paths = varied(found)
    settings = {path: [point["settings"].get(path) for point in points] for path in paths}
    knob = max(paths, key=lambda path: len({str(value) for value in settings[path]}), default="")
    if not knob:
        labels = [_label(found, point, []) for point in points]
        line = Response("", tuple(map(float, range(len(points)))), tuple(map(estimate, points)))
        return Responses(metric, "", tuple(labels), (line,))
    name, read = parameter(knob, ["" if value is None else value for value in settings[knob]])
    names: tuple[str, ...] = ()
    if read and isinstance(read[0], str):
        name, names = knob, tuple(dict.fromkeys(map(str, read)))
    places = [float(names.index(str(value)) if names else value) for value in read]
    others = [path for path in paths if path != knob]
    lines: dict[str, list[tuple[float, Estimate]]] = {}
    for point, x in zip(points, places, strict=True):
        lines.setdefault(_label(found, point, others), []).append((x, estimate(point)))
    return Responses(metric, name, names, tuple(_line(label, at) for label, at in lines.items()))


def _line(label: str, at: Sequence[tuple[float, Estimate]]) -> Response:
    ordered = sorted(at, key=lambda one: one[0])
    return Response(label, tuple(x for x, _ in ordered), tuple(value for _, value in ordered))


def _label(found: Found, point: Found, paths: Sequence[str]) -> str:
    several = len({one["scenario"] for one in found["points"]}) > 1
    parts = [point["scenario"]] if several else []
    parts += [point["variant"]] if point["variant"] else []
    parts += [f"{path.rpartition('.')[2]} {point['settings'].get(path, '–')}" for path in paths]
    return ", ".join(parts)
