"""Studies side by side: the same point of both, metric by metric, from the means of their independent runs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.comparison.chance import of_replications
from sim.comparison.differing import Difference
from sim.errors import ScenarioError
from sim.ledger.conditions import parse
from sim.study.file import StudyFile, load_study
from sim.study.folder import FILE, RUNS, STUDY
from sim.study.table import column

if TYPE_CHECKING:
    from sim.ledger.result import RunResult

Point = tuple[str, str, str]
"""Scenario, variant, and the settings by which the points differ."""


@dataclass(frozen=True, slots=True)
class StudyRuns:
    """The values of every metric at every point, run by run, with the seeds of the runs."""

    name: str
    metrics: tuple[str, ...]
    points: Mapping[Point, Mapping[str, Sequence[float]]]
    seeds: Mapping[Point, Sequence[int]]

    @property
    def count(self) -> int:
        """How many runs there are."""
        return sum(map(len, self.seeds.values()))


def load_study_runs(folder: Path) -> StudyRuns:
    """The runs of a finished study that did not fail. ScenarioError when its files can not be read."""
    import pandas as pd
    import pyarrow as pa

    study, _ = load_study(folder / FILE)
    try:
        told = json.loads((folder / STUDY).read_text(encoding="utf-8"))["points"]
        runs = pd.read_parquet(folder / RUNS)
        varied = varied_paths(study)
        settings = {
            (one["scenario"], one["variant"], one["point"]): {p: v for p, v in one["settings"].items() if p in varied}
            for one in told
        }
        good = runs[runs["status"] == "ok"]
        groups = good.groupby(["scenario", "variant", "point"], sort=False)
        points, seeds = dict[Point, dict[str, list[float]]](), dict[Point, list[int]]()
        for _, rows in groups:
            scenario, variant, point = (rows[name].iloc[0] for name in ("scenario", "variant", "point"))
            place = scenario, variant, json.dumps(settings[scenario, variant, point], sort_keys=True)
            ordered = rows.sort_values("replication")
            points[place] = {path: ordered[name].tolist() for path, name in _columns(study.metrics, ordered)}
            seeds[place] = ordered["seed"].tolist()
    except (ValueError, KeyError, TypeError, OSError, pa.ArrowException) as error:
        raise ScenarioError(f"{folder}: the study's files can not be read ({error}); do it again") from None
    return StudyRuns(study.name, study.metrics, points, seeds)


def varied_paths(study: StudyFile) -> set[str]:
    """The paths by which the points of a study differ; what all of them share is what two studies may differ in."""
    vary = study.vary
    listed = {path for point in vary.points for path in point}
    return {*vary.grid, *listed, *(vary.sample.ranges if vary.sample is not None else ())}


def _columns(metrics: Sequence[str], runs: Any) -> Iterator[tuple[str, str]]:
    """The metrics, and whatever else of the summary another study may ask for, with their columns."""
    for metric in metrics:
        if column(metric) in runs:
            yield metric, column(metric)
    for name in runs.columns:
        if name.startswith(("sessions.", "latency.", "resources.", "tasks.")):
            yield name.removesuffix("_s") if name.startswith(("latency.", "tasks.")) else name, name


def one_run(result: RunResult | None, metrics: Sequence[str]) -> StudyRuns:
    """A run or an audit as a study of one run."""
    assert result is not None
    values = {}
    for metric in metrics:
        try:
            value = parse(f"{metric} >= 0").value(result.summary, result.durations)
        except ScenarioError:
            continue  # this result has no such resource, task or durations
        if value is not None:
            values[metric] = [float(value)]
    place: Point = (result.summary.scenario, "", "{}")
    return StudyRuns(result.summary.scenario, tuple(metrics), {place: values}, {place: [result.summary.seed]})


def compare_studies(base: StudyRuns, other: StudyRuns, name: str) -> tuple[list[Difference], list[str]]:
    """Every metric at every point that both have; and what could not be compared."""
    pairs, notes = _matched(base, other, name)
    rows = []
    for here, there in pairs:
        same_seeds = list(base.seeds[here]) == list(other.seeds[there])
        for metric in dict.fromkeys((*base.metrics, *other.metrics)):
            one, two = base.points[here].get(metric), other.points[there].get(metric)
            if one is not None and two is not None and _finite(one) and _finite(two):
                rows.append(_row(metric, one, two, same_seeds, name, _words(there, len(pairs))))
    return rows, notes


def _matched(base: StudyRuns, other: StudyRuns, name: str) -> tuple[list[tuple[Point, Point]], list[str]]:
    """Points that have the same variant and settings, and the same scenario where there are several."""
    if len(base.points) == len(other.points) == 1:
        return [(next(iter(base.points)), next(iter(other.points)))], []
    several = any(len({place[0] for place in one.points}) > 1 for one in (base, other))
    found = {place if several else ("", *place[1:]): place for place in other.points}
    pairs = []
    for place in base.points:
        there = found.get(place if several else ("", *place[1:]))
        if there is not None:
            pairs.append((place, there))
    left = len(base.points) + len(other.points) - 2 * len(pairs)
    return pairs, [f"{name}: {left} points have no counterpart and are not compared."] if left else []


def _finite(values: Sequence[float]) -> bool:
    return bool(values) and all(math.isfinite(value) for value in values)


def _row(
    metric: str, one: Sequence[float], two: Sequence[float], same_seeds: bool, name: str, where: str
) -> Difference:
    a, b = (math.fsum(values) / len(values) for values in (one, two))
    given = Difference(name, metric, metric, unit_of(metric), a, b, less_is_better=_less_is_better(metric), where=where)
    if len(set(one)) == len(set(two)) == 1 and one[0] == two[0]:
        return given  # the same in every run of both: nothing to test
    return given.tested(of_replications(one, two, same_seeds))


def unit_of(metric: str) -> str:
    """The unit of a metric, as conditions have it."""
    if column(metric).endswith("_s"):
        return "time"
    return "fraction" if metric.endswith(("blocking", "utilisation")) else "number"


def _less_is_better(metric: str) -> bool | None:
    good = ("sessions.answered", "sessions.arrived", "sessions.created", "sessions.released", "latency.pool_lifetime")
    return None if metric.startswith(good) or metric.endswith(".n") else True


def _words(place: Point, points: int) -> str:
    """Which point it is, where there are several."""
    settings = ", ".join(f"{path} {value}" for path, value in json.loads(place[2]).items())
    return ", ".join(filter(None, (place[1], settings))) if points > 1 else ""
