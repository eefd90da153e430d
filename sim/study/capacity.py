"""The largest value of a knob that meets the targets: how much, how sure, what breaks first, what a formula says."""

from __future__ import annotations

import itertools
import math
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

from sim.errors import ScenarioError
from sim.ledger.limits import Pressure, ranked
from sim.scenario import Scenario, load_scenario, to_yaml
from sim.scenario.units import read_quantity
from sim.study.constraints import ends_of, is_whole
from sim.study.holding import narrow, runs_at
from sim.study.jobs import model_version
from sim.study.measure import mean_of, value_of
from sim.study.planner import Planned, planned
from sim.study.search import FIRST, Found, Rows, search, worst
from sim.study.store import Store
from sim.study.targets import Target, target_of
from sim.study.trials import Tell, Trials, can_be, warm_up_of
from sim.theory.intervals import CONFIDENCE, Estimate

SHORT = 0.15
"""A short trial measures this part of a whole one."""

CURVE = (0.5, 0.75, 0.9, 1.0, 1.1, 1.25)
"""Where the response curve is drawn, as parts of the capacity."""

CURVE_RUNS = 4
LIGHT = 0.1
"""The formulas read the work of a call at this part of the capacity."""


@dataclass(frozen=True, slots=True)
class TargetAtCapacity:
    """One target at the value that was found."""

    target: Target
    estimate: Estimate
    binding: bool
    n: int = 0
    """From so many runs."""
    precise: bool = True
    """Whether those were enough for an interval as narrow as the knob's precision asks for."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "target": self.target.text, "metric": self.target.metric, "bound": self.target.bound,
            "value": _finite(self.estimate.value), "low": _finite(self.estimate.low),
            "high": _finite(self.estimate.high), "binding": self.binding, "n": self.n, "precise": self.precise,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Every target's metric at one value of the knob."""

    value: float
    n: int
    metrics: Mapping[str, Estimate]
    reached: tuple[str, ...] = ()
    """The limits that were reached there, what does most harm in front."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The answer to a search."""

    scenario: str
    knob: str
    unit: str
    found: Found
    confidence: float
    targets: tuple[TargetAtCapacity, ...]
    breaks: tuple[Pressure, ...]
    """Just beyond the answer, what breaks first in front."""
    theory: tuple[Planned, ...]
    curve: tuple[CurvePoint, ...]
    runs: int
    calls: int
    curve_calls: int
    model: str = ""
    command: str = ""
    """What finds it again, with the scenario as it was in scenario.yaml."""
    scenario_yaml: str = ""
    degraded: float = 0.0
    """Share of the calls at the answer that were answered without audio or a connection. No metric of blocking counts
    them; 0 where a target asks for them itself."""

    @property
    def value(self) -> float | None:
        """The largest value that meets the targets, in base units; None when not even the least does."""
        return self.found.value

    @property
    def misses(self) -> bool:
        """Whether a target is missed somewhere in the range; else `binding` is the one that comes nearest to it."""
        return self.found.reached != "above"

    @property
    def breaks_first(self) -> str | None:
        """What breaks first."""
        return self.breaks[0].name if self.breaks else None

    @property
    def reached_from(self) -> dict[str, float]:
        """Each limit that the curve reaches, with the least of its values at which it does; the earliest in front."""
        found: dict[str, float] = {}
        for point in self.curve:
            for name in point.reached:
                found.setdefault(name, point.value)
        return found

    def to_dict(self) -> dict[str, Any]:
        """What `capacity --json` prints."""
        found = self.found
        return {
            "scenario": self.scenario, "knob": self.knob, "unit": self.unit, "value": found.value, "low": found.low,
            "high": found.high, "confidence": self.confidence, "reached": found.reached, "precise": found.precise,
            "breaks_first": self.breaks_first,
            "breaks_next": self.breaks[1].name if len(self.breaks) > 1 else None,
            "pressure": [p.to_dict() for p in self.breaks[:6]],
            "reached_from": self.reached_from,
            "targets": [target.to_dict() for target in self.targets],
            "calls_simulated": self.calls, "runs": self.runs, "calls_for_curve": self.curve_calls,
            "theory": {planned.formula: planned.to_dict(found.value) for planned in self.theory},
            "curve": [
                {"value": point.value, "n": point.n, "reached": list(point.reached),
                 **{name: {"mean": _finite(e.value), "low": _finite(e.low), "high": _finite(e.high)}
                    for name, e in point.metrics.items()}}
                for point in self.curve
            ],
            "degraded_share": self.degraded, "model": self.model, "command": self.command,
        }  # fmt: skip

    @property
    def frame(self) -> Any:
        """The response curve as a DataFrame; columns have their units."""
        import pandas as pd

        from sim.study.table import column

        rows = []
        for point in self.curve:
            row: dict[str, float] = {f"{self.knob}{self.unit and '_' + self.unit}": point.value, "n": point.n}
            for name, e in point.metrics.items():
                row |= {column(name): e.value, f"{column(name)}_low": e.low, f"{column(name)}_high": e.high}
            rows.append(row)
        return pd.DataFrame(rows)


def capacity(
    scenario: Scenario | str | os.PathLike[str],
    *,
    vary: str = "arrivals.rate",
    between: tuple[Any, Any] | str = ("1/s", "2000/s"),
    targets: Sequence[str],
    overrides: Mapping[str, Any] | None = None,
    precision: float = 0.02,
    confidence: float = CONFIDENCE,
    warmup_s: float | None = None,
    seed: int | None = None,
    cache: str | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    engine: str = "compiled",
    curve: bool = True,
    progress: Tell | None = None,
) -> Capacity:
    """The largest value of the knob `vary` in `between` that meets every target, with its interval.

    Each trial measures the scenario's `duration` after a warm-up of five mean holds (or `warmup_s` seconds). Rates are
    per second, times seconds. `precision` is half the interval as a part of the value. ScenarioError for what can not
    be searched, RunFailed when a trial fails.
    """
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario, overrides)
    low, high, unit, whole = _range(between, vary)
    wanted = tuple(target_of(text, confidence) for text in dict.fromkeys(targets))
    if not wanted:
        raise ScenarioError("capacity needs at least one --target, such as 'sessions.blocking < 1%'")
    _check(loaded, vary, _ends(between), wanted)
    warm = warm_up_of(loaded) if warmup_s is None else warmup_s
    _lasts(loaded, vary, high, warm + loaded.duration)
    tell = progress or (lambda runs, calls: None)
    metrics = tuple(target.metric for target in wanted)
    with Trials(
        loaded, Store(cache), metrics, loaded.duration, warm, loaded.seed if seed is None else seed, executor, workers,
        engine, tell,
    ) as trials:  # fmt: skip

        def measure(pairs: Sequence[tuple[float, int]], short: bool) -> Rows:
            length = loaded.duration * SHORT if short else None
            found = trials.values([({vary: value}, r) for value, r in pairs], length)
            return [[value_of(values, target.metric) for target in wanted] for values in found]

        answer = search(measure, wanted, low, high, precision=precision, confidence=confidence, whole=whole)
        runs, calls = trials.runs, trials.calls
        if answer.reached == "below":
            _right_way(vary, unit, low, high, wanted, measure)
        found = _told(loaded, vary, unit, answer, wanted, trials, (runs, calls), (precision, confidence), curve, whole)
        plain = warmup_s is None and engine == "compiled"  # what the command does
        command = _command(vary, between, targets, precision, confidence, trials.seed, curve) if plain else ""
        return replace(found, model=model_version(), command=command, scenario_yaml=to_yaml(loaded))


def _told(
    scenario: Scenario, vary: str, unit: str, answer: Found, wanted: tuple[Target, ...], trials: Trials,
    used: tuple[int, int], sure: tuple[float, float], curve: bool, whole: bool,
) -> Capacity:  # fmt: skip
    """Everything that is told beside the answer."""
    at = answer.value if answer.value is not None else answer.low
    beyond = max(answer.high, at * 1.02) if not whole else at + 1.0
    precision, confidence = sure

    def more(replications: range) -> Sequence[Mapping[str, float]]:
        return trials.values([({vary: at}, r) for r in replications])

    here = runs_at(more, lambda run, target: value_of(run, target.metric), wanted, precision, confidence)
    inside = answer.reached == "inside"
    there = trials.values([({vary: beyond}, r) for r in range(CURVE_RUNS)]) if inside else here
    held = tuple(
        TargetAtCapacity(target, found, i == answer.binding, len(here), how is None or how.met(found))
        for i, target in enumerate(wanted)
        for found, how in [(_at(target, here, confidence), narrow(target, precision))]
    )
    points = _curve(vary, at, here, wanted, trials, confidence, whole) if curve and inside else ()
    theory: tuple[Planned, ...] = ()
    if vary == "arrivals.rate":
        slow = max(at * LIGHT, 1e-6)
        light = [{**v, "rate_per_s": slow} for v in trials.values([({vary: slow}, 0)])]
        theory = planned(scenario, wanted, light)
    return Capacity(
        scenario.name, vary, unit, answer, confidence, held, ranked(there), theory, points, *used,
        trials.calls - used[1], degraded=_degraded(here, wanted),
    )  # fmt: skip


def _degraded(runs: Sequence[Mapping[str, float]], wanted: Sequence[Target]) -> float:
    """The share of calls that were answered but degraded, where no target asks for it."""
    if any("degraded" in target.metric for target in wanted):
        return 0.0
    degraded, arrived = (
        sum(value for run in runs if math.isfinite(value := value_of(run, f"sessions.{name}")))
        for name in ("degraded", "arrived")
    )
    return degraded / arrived if arrived else 0.0


def _command(
    vary: str, between: tuple[Any, Any] | str, targets: Sequence[str], precision: float, confidence: float, seed: int,
    curve: bool,
) -> str:  # fmt: skip
    ends = between if isinstance(between, str) else ":".join(map(str, between))
    words = ["mrcpsim", "capacity", "scenario.yaml", "--vary", vary, "--range", ends]
    words += [word for target in targets for word in ("--target", target)]
    words += ["--precision", f"{precision:g}", "--confidence", f"{confidence:g}", "--seed", str(seed)]
    return shlex.join(words if curve else [*words, "--no-curve"])


def _at(target: Target, runs: Sequence[Mapping[str, float]], confidence: float) -> Estimate:
    return mean_of(target.metric, [value_of(run, target.metric) for run in runs], confidence)


def _curve(
    vary: str, at: float, here: Sequence[Mapping[str, float]], wanted: Sequence[Target], trials: Trials,
    confidence: float, whole: bool,
) -> tuple[CurvePoint, ...]:  # fmt: skip
    """The curve; at the answer are the runs that are there already."""
    values = [float(round(at * part)) if whole else at * part for part in CURVE]
    values = [value for value in dict.fromkeys(values) if value > 0.0]
    rest = [value for value in values if value != at]
    found = iter(trials.values([({vary: value}, r) for value in rest for r in range(CURVE_RUNS)]))
    points = []
    for value in values:
        runs = here if value == at else list(itertools.islice(found, CURVE_RUNS))
        metrics = {target.metric: _at(target, runs, confidence) for target in wanted}
        points.append(CurvePoint(value, len(runs), metrics, tuple(p.name for p in ranked(runs) if p.reached)))
    return tuple(points)


def _ends(between: tuple[Any, Any] | str) -> tuple[Any, ...]:
    """The ends of a range as they were given."""
    ends = between.split(":") if isinstance(between, str) else between
    return tuple(end.strip() if isinstance(end, str) else end for end in ends)


def _range(between: tuple[Any, Any] | str, vary: str) -> tuple[float, float, str, bool]:
    """The ends of a range in base units, its unit, and whether only whole numbers are meant."""
    ends = _ends(between)
    if len(ends) != 2:
        raise ScenarioError(f"--range {between}: must be two values, such as 1/s:2000/s")
    found = ends_of(*ends)
    if found is None or not found[0] > 0.0:
        raise ScenarioError(
            f"--range {':'.join(map(str, ends))}: must be two values > 0 of the same unit, the smaller one first"
        )
    low, high = found
    text = str(ends[0])
    rate, plain = "/" in text, read_quantity("number", text) is not None
    timed = not plain and not rate and read_quantity("time", text) is not None
    whole = plain and all(float(v).is_integer() for v in (low, high)) and is_whole(vary)
    return low, high, "per_s" if rate or vary.endswith(".rate") else "s" if timed else "", whole


def _check(scenario: Scenario, vary: str, ends: Sequence[Any], wanted: Sequence[Target]) -> None:
    """ScenarioError, before any run, for a knob or a target that the scenario does not have."""
    from sim.engine.start.setup import resource_names, task_names
    from sim.ledger.conditions import parse

    can_be(scenario, vary, ends)
    for target in wanted:
        parse(target.text, resources=resource_names(scenario), tasks=task_names(scenario))


def _lasts(scenario: Scenario, vary: str, high: float, trial_s: float) -> None:
    """ScenarioError where the calls end before a trial does: then its load is not what the knob says."""
    arrivals = scenario.arrivals
    if arrivals.calls is None or arrivals.kind not in ("poisson", "even"):
        return
    rate = high if vary == "arrivals.rate" else arrivals.rate
    if arrivals.calls < rate * trial_s:
        raise ScenarioError(
            f"arrivals.calls: expected no end of the calls before a trial's, after {trial_s:g} s (got "
            f"{arrivals.calls} calls, which at {rate:g}/s come in {arrivals.calls / rate:.3g} s); leave it out: --set "
            "arrivals.calls=null"
        )


def _right_way(
    vary: str, unit: str, low: float, high: float, wanted: Sequence[Target],
    measure: Callable[[Sequence[tuple[float, int]], bool], Rows],
) -> None:  # fmt: skip
    """ScenarioError where the least value misses a target because a call is rare there, or because more is better."""
    per = "/s" if unit == "per_s" else " s" if unit == "s" else ""
    least, most = f"{low:g}{per}", f"{high:g}{per}"
    there = measure([(low, r) for r in range(FIRST)], False)
    for i, target in enumerate(wanted):
        if not any(math.isfinite(row[i]) for row in there):
            raise ScenarioError(
                f"--range: at {vary} = {least} no trial has a value of {target.metric}: too few calls, or none that "
                "gets so far; begin at a larger value, or give the scenario a longer duration"
            )
    if worst(wanted, measure([(high, 0)], True))[0] > 0.0:
        return
    if worst(wanted, measure([(high, r) for r in range(FIRST)], False))[0] <= 0.0:
        missed = wanted[worst(wanted, there)[1]].text
        raise ScenarioError(
            f"--vary {vary}: more of it is better: '{missed}' is missed at {least}, and every target holds at {most}; "
            "capacity finds the largest value that holds. For the least that is enough: mrcpsim size; for the load "
            "that a value carries: --vary arrivals.rate"
        )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
