"""What the runs of a study say: each metric with its interval, variants in pairs, and which variant is the best."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.scenario import load_scenario
from sim.study.constraints import base_value
from sim.study.file import StudyFile
from sim.study.jobs import Cell
from sim.study.measure import mean_of
from sim.study.uncertainty import Paired, paired
from sim.theory.intervals import Estimate

if TYPE_CHECKING:
    from sim.study.assumptions import Said
    from sim.study.replicating import Plan

Values = Mapping[int, Sequence[Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One metric at one point: the mean over replications and Student's interval."""

    cell: Cell
    metric: str
    n: int
    estimate: Estimate
    said: Said | None = None
    """What a formula says of it, where one fits."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "scenario": self.cell.scenario,
            "variant": self.cell.variant,
            "point": self.cell.point,
            "settings": dict(self.cell.settings),
            "metric": self.metric,
            "n": self.n,
            **plain(self.estimate),
            **({"theory": self.said.to_dict()} if self.said is not None else {}),
        }

    def to_row(self) -> dict[str, Any]:
        """The same with a column for each setting."""
        from sim.study.table import column

        row = self.to_dict()
        said = row.pop("theory", {}).get("value", math.nan)
        return {**row.pop("settings"), **row, "metric": column(self.metric), "theory": said}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two variants at one point under common random numbers."""

    scenario: str
    point: int
    metric: str
    first: str
    second: str
    found: Paired

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: second less first."""
        gain = self.found.variance_reduction
        return {
            "scenario": self.scenario, "point": self.point, "metric": self.metric, "first": self.first,
            "second": self.second, "n": self.found.n, "difference": plain(self.found.difference),
            "unpaired": plain(self.found.unpaired),
            "variance_reduction": gain if math.isfinite(gain) else None, "clear": self.found.clear,
        }  # fmt: skip

    def to_row(self) -> dict[str, Any]:
        """The same on one level: `difference`, `low` and `high` in the metric's unit, which is in its name."""
        from sim.study.table import column

        row = self.to_dict()
        found, alone = row.pop("difference"), row.pop("unpaired")
        ends = {"difference": found["mean"], "low": found["low"], "high": found["high"]}
        ends |= {"unpaired_low": alone["low"], "unpaired_high": alone["high"]}
        return {**row, "metric": column(self.metric), **ends}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The best variant at one point."""

    scenario: str
    point: int
    metric: str
    best: str
    sure: bool
    confidence: float
    dropped_at: Mapping[str, int | None]
    alike: tuple[str, ...] = ()
    """Variants that had the metric of the best in every run."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "scenario": self.scenario, "point": self.point, "metric": self.metric, "best": self.best,
            "sure": self.sure, "confidence": self.confidence, "dropped_at": dict(self.dropped_at),
            "alike": list(self.alike),
        }  # fmt: skip


def plain(estimate: Estimate) -> dict[str, float | None]:
    """An estimate as JSON has it: what is not finite is null."""
    named = {"mean": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: value if math.isfinite(value) else None for name, value in named.items()}


def answers(study: StudyFile, cells: Sequence[Cell], values: Values) -> tuple[Answer, ...]:
    """Every metric at every point; a run without a sample of a latency does not count for it."""
    from sim.study.assumptions import said_of

    found = []
    for cell in cells:
        scenario = load_scenario(json.loads(cell.text)) if cell.text else None
        for metric in study.metrics:
            numbers = [row[metric] for row in values[cell.number] if math.isfinite(row[metric])]
            said = said_of(scenario, metric) if scenario is not None else None
            found.append(Answer(cell, metric, len(numbers), mean_of(metric, numbers, study.confidence), said))
    return tuple(found)


def compared(study: StudyFile, plan: Plan) -> tuple[Pair, ...]:
    """The first variant against each other one, point by point, seed by seed."""
    found = []
    for (scenario, point), group in _groups(plan.cells):
        first = group[0]
        for second in group[1:]:
            for metric in study.metrics:
                a, b = _side_by_side(plan, (first, second), metric)
                pair = paired(a, b, study.confidence)
                found.append(Pair(scenario, point, metric, first.variant, second.variant, pair))
    return tuple(found)


def _side_by_side(plan: Plan, group: Sequence[Cell], metric: str) -> list[list[float]]:
    """The values of each cell in the replications that all of them have: only those had the same random numbers."""
    rows = [plan.by_replication(cell.number) for cell in group]
    shared = [r for r in sorted(rows[0]) if all(r in row and math.isfinite(row[r][metric]) for row in rows)]
    return [[row[r][metric] for r in shared] for row in rows]


def _groups(cells: Sequence[Cell]) -> list[tuple[tuple[str, int], list[Cell]]]:
    keyed = itertools.groupby(cells, key=lambda cell: (cell.scenario, cell.point))
    return [(key, list(group)) for key, group in keyed]


def selected(study: StudyFile, plan: Plan) -> tuple[Chosen, ...]:
    """The best variant at each point, by KN++ over the replications that there are; `sure` says whether they were
    enough for the study's confidence."""
    if study.best is None:
        return ()
    from sim.study.selection import best_of

    best, found = study.best, []
    difference = base_value(best.difference)
    for (scenario, point), group in _groups(plan.cells):
        series = dict(zip((c.variant for c in group), _side_by_side(plan, group, best.metric), strict=True))
        if difference is None or len(group) < 2 or len(next(iter(series.values()))) < 2:
            continue
        chosen = best_of([*series.values()], difference, confidence=study.confidence, largest=best.largest)
        dropped = {cell.variant: at for cell, at in zip(group, chosen.dropped_at, strict=True)}
        first = group[chosen.best].variant
        alike = tuple(name for name, values in series.items() if name != first and values == series[first])
        found.append(Chosen(scenario, point, best.metric, first, chosen.sure, study.confidence, dropped, alike))
    return tuple(found)
