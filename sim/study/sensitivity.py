"""Which knobs move an answer: Morris' screening first, then Sobol' shares of the variance for those that do.

SALib draws the points and computes the indices; every point is run under the same random numbers.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from sim.errors import ScenarioError
from sim.scenario import Scenario, load_scenario
from sim.study.constraints import ends_of, is_whole
from sim.study.measure import path_of, value_of
from sim.study.store import Store
from sim.study.trials import Tell, Trials, can_be, warm_up_of
from sim.theory.intervals import CONFIDENCE

TRAJECTORIES, LEVELS = 10, 4
SOBOL_POINTS = 64
"""A power of two: Sobol' then runs so many times (knobs + 2) points."""

LOG_FROM = 10.0
"""A range whose ends are this factor apart is searched in even factors."""


@dataclass(frozen=True, slots=True)
class Effect:
    """How much one knob moves the metric, over its range."""

    knob: str
    size: float
    """Morris: mean absolute elementary effect (μ*); Sobol': total share of the variance (ST)."""
    uncertain: float
    """Half of the size's interval, by SALib's bootstrap."""
    alone: float
    """Morris: spread of the effects (σ), which is large where the knob is not linear or not alone; Sobol': S1."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Knobs by the size of their effect, the largest first."""

    metric: str
    method: str
    effects: tuple[Effect, ...]
    runs: int

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        size, alone = ("mu_star", "sigma") if self.method == "morris" else ("total", "first")
        return {
            "metric": self.metric, "method": self.method, "runs": self.runs,
            "effects": [
                {"knob": e.knob, size: _finite(e.size), f"{size}_conf": _finite(e.uncertain), alone: _finite(e.alone)}
                for e in self.effects
            ],
        }  # fmt: skip


def sensitivity(
    scenario: Scenario | str | os.PathLike[str],
    *,
    ranges: Mapping[str, tuple[Any, Any]],
    metric: str,
    method: str = "morris",
    replications: int = 3,
    overrides: Mapping[str, Any] | None = None,
    seed: int | None = None,
    cache: str | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: Tell | None = None,
) -> Sensitivity:
    """Rank the knobs in `ranges` by their effect on a metric: `morris` (few runs), or `sobol` (many).

    Effects of Morris are in the metric's own unit over the whole range of a knob. ScenarioError without the extra
    `sensitivity`, or for a range that is none.
    """
    if method not in ("morris", "sobol"):
        raise ScenarioError(f"method must be morris or sobol (got {method!r})")
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario, overrides)
    path_of(metric)
    ends = {path: _ends(path, low, high) for path, (low, high) in ranges.items()}
    for path, given in ranges.items():
        can_be(loaded, path, given)
    if len(ends) < 2:
        raise ScenarioError("sensitivity needs at least two --vary PATH=LOW:HIGH")
    problem = {"num_vars": len(ends), "names": [*ends], "bounds": [[0.0, 1.0]] * len(ends)}
    points = _points(problem, method, loaded.seed if seed is None else seed)
    settings = [
        {path: _at(path, ends[path], float(u)) for path, u in zip(ends, point, strict=True)} for point in points
    ]
    with Trials(
        loaded, Store(cache), (metric,), loaded.duration, warm_up_of(loaded), loaded.seed if seed is None else seed,
        executor, workers, tell=progress or (lambda runs, calls: None),
    ) as trials:  # fmt: skip
        found = trials.values([(point, r) for point in settings for r in range(replications)])
        values = [value_of(run, metric) for run in found]
        means = [sum(values[i : i + replications]) / replications for i in range(0, len(values), replications)]
        if any(not math.isfinite(value) for value in means):
            raise ScenarioError(f"{metric} has no value at some point; narrow the ranges")
        effects = _effects(problem, method, points, means)
        return Sensitivity(metric, method, effects, trials.runs)


def _points(problem: Mapping[str, Any], method: str, seed: int) -> Any:
    try:
        from SALib.sample import morris, sobol
    except ImportError:
        raise ScenarioError("sensitivity needs its extra: pip install -e '.[sensitivity]' in the checkout") from None
    if method == "morris":
        return morris.sample(problem, TRAJECTORIES, num_levels=LEVELS, seed=seed)
    return sobol.sample(problem, SOBOL_POINTS, calc_second_order=False, seed=seed)


def _effects(problem: Mapping[str, Any], method: str, points: Any, means: Sequence[float]) -> tuple[Effect, ...]:
    import numpy as np
    from SALib.analyze import morris, sobol

    values = np.asarray(means)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a metric that never changes divides by its variance, 0
        if method == "morris":
            found = morris.analyze(problem, points, values, num_levels=LEVELS, conf_level=CONFIDENCE, seed=1)
            columns = found["mu_star"], found["mu_star_conf"], found["sigma"]
        else:
            found = sobol.analyze(problem, values, calc_second_order=False, conf_level=CONFIDENCE, seed=1)
            columns = found["ST"], found["ST_conf"], found["S1"]
    effects = [
        Effect(name, *(float(value) for value in row)) for name, *row in zip(problem["names"], *columns, strict=True)
    ]
    return tuple(sorted(effects, key=lambda e: -e.size if math.isfinite(e.size) else math.inf))


def _ends(path: str, low: Any, high: Any) -> tuple[float, float]:
    ends = ends_of(low, high)
    if ends is None:
        raise ScenarioError(f"--vary {path}={low}:{high}: must be two values of the same unit, the smaller one first")
    return ends


def _at(path: str, ends: tuple[float, float], u: float) -> float | int:
    low, high = ends
    value = low * (high / low) ** u if low > 0.0 and high / low >= LOG_FROM else low + u * (high - low)
    return round(value) if is_whole(path) else float(f"{value:.7g}")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
