"""The points of a study: a grid, a list, or a sample that fills the space, less what the constraints rule out."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

from sim.errors import ScenarioError
from sim.study.constraints import holds
from sim.study.vary import MOST_POINTS, Range, Sample, Settings, Vary

MOST_TRIED = 100
"""A sample under constraints draws at most so many times as many points as are wanted."""

MOST_VALUES = 1_000_000
"""Values of a sample, its points times its ranges; and points that are drawn under constraints."""


def points(vary: Vary, always: Settings) -> list[Settings]:
    """The settings of every point, in a fixed order; `always` is what constraints can see besides."""
    drawn = vary.sample.points if vary.sample is not None else 1
    count = math.prod(len(values) for values in vary.grid.values()) * max(len(vary.points), 1) * drawn
    if count > MOST_POINTS:
        raise ScenarioError(f"vary: expected at most {MOST_POINTS} points (got {count})")
    if vary.sample is not None and (values := count * len(vary.sample.ranges)) > MOST_VALUES:
        raise ScenarioError(f"vary.sample: expected at most {MOST_VALUES} values, points times ranges (got {values})")
    paths = list(vary.grid)
    grid = [dict(zip(paths, values, strict=True)) for values in itertools.product(*vary.grid.values())]
    listed = [*vary.points] or [{}]
    found = [{**one, **two} for one in grid for two in listed]

    def allowed(point: Settings) -> bool:
        return all(holds(constraint, {**always, **point}) for constraint in vary.where)

    if vary.sample is None:
        found = [point for point in found if allowed(point)]
    else:
        sample = vary.sample
        found = [p for point in found for p in _filled(sample, lambda p, point=point: allowed({**point, **p}), point)]
    if not found:
        raise ScenarioError("no point of the study meets its constraints (vary.where)")
    return found


def _filled(sample: Sample, allowed: Any, point: Settings) -> list[Settings]:
    """The first points of the sequence that are allowed, as many as are wanted.

    Of a sequence that fills the whole space evenly, those within a region fill that region evenly. A Latin hypercube
    has no next point, so it is drawn larger.
    """
    found: list[Settings] = []
    tried, draw = 0, sample.points
    while len(found) < sample.points and tried < min(MOST_TRIED * sample.points, MOST_VALUES):
        candidates = [_settings(sample.ranges, unit) for unit in _unit_points(sample, draw)]
        found = [p for p in candidates if allowed(p)][: sample.points]
        tried, draw = tried + draw, draw * 2
    if len(found) < sample.points:
        raise ScenarioError(
            f"vary.sample: only {len(found)} of {draw // 2} points meet the constraints, {sample.points} are wanted"
        )
    return [{**point, **p} for p in found]


def _unit_points(sample: Sample, count: int) -> Any:
    from scipy.stats import qmc

    dimensions = len(sample.ranges)
    if sample.method == "latin":
        return qmc.LatinHypercube(dimensions, rng=sample.seed).random(count)
    maker = qmc.Sobol if sample.method == "sobol" else qmc.Halton
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Sobol' balance at other numbers than powers of two
        return maker(dimensions, scramble=True, rng=sample.seed).random(count)


def _settings(ranges: dict[str, Range], unit: Any) -> Settings:
    return {path: _at(wanted, float(u)) for (path, wanted), u in zip(ranges.items(), unit, strict=True)}


def _at(wanted: Range, u: float) -> float | int:
    low, high = wanted.ends
    if wanted.whole:
        top = high + 1.0
        value = low * (top / low) ** u if wanted.scale == "log" else low + u * (top - low)
        return min(int(high), math.floor(value))
    value = low * (high / low) ** u if wanted.scale == "log" else low + u * (high - low)
    return float(f"{value:.6g}")
