"""One run measured: every number of its summary by its path, with the calls of the warm-up left out."""

from __future__ import annotations

import functools
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sim.errors import MrcpsimError, RunFailed, ScenarioError
from sim.ledger.numbers import flatten, numbers
from sim.scenario import Scenario, load_scenario
from sim.study.jobs import Job
from sim.study.unbroken import run_whole
from sim.study.uncertainty import mean
from sim.theory.intervals import Estimate

Array = np.ndarray[Any, Any]

_IN_SUMMARY = re.compile(
    r"(horizon_s|sessions\.[^/]+|resources\.[^/]+|violations|leaks|processors\..+|(latency|tasks)\.[^/]+\.(n|mean|p50|p95|p99|max)"
    r"|tasks\.[^/]+\.(messages|utilisation|queue_peak|queue_limit|lost)|memory\.[a-z_]+)"
)
_OF_FLEET = re.compile(r"fleet\.(lost|retried|rounds|settled)|servers\..+\.(attempts|answered|refused|unanswered|lost)")
_SHARE = re.compile(r".*\.(blocking|utilisation)|processors\.busy")
_COUNTED = ("sessions.rejected.", "violations.", "leaks.")


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of one run."""

    key: str
    seed: int
    ok: bool
    values: Mapping[str, float]
    stage: str = ""
    """Where it failed: scenario, run, or measure."""
    error: str = ""
    command: str = ""
    wall_s: float = 0.0
    calls: int = 0
    """Calls that were simulated, those of the warm-up too."""


def measure(job: Job) -> Measured:
    """Run one job. What goes wrong comes back as data: stage, error, and the command that reproduces it."""
    began = time.perf_counter()
    stage = "scenario"
    try:
        scenario = _scenario(job.scenario)
        stage = "run"
        values, calls = values_of(scenario, job.seed, job.engine, job.warmup_s, job.metrics)
    except (MrcpsimError, ArithmeticError, ValueError, KeyError, MemoryError, OSError) as error:
        if stage == "run" and isinstance(error, ScenarioError) and not isinstance(error, RunFailed):
            stage = "measure" if str(error).startswith("condition") else "run"
        text = str(error) or type(error).__name__
        wall = time.perf_counter() - began
        return Measured(job.key, job.seed, False, {}, stage, text, job.command, wall)
    wall = time.perf_counter() - began
    return Measured(job.key, job.seed, True, values, wall_s=wall, calls=calls, command=job.command)


@functools.lru_cache(maxsize=64)
def _scenario(text: str) -> Scenario:
    import json

    return load_scenario(json.loads(text))


def values_of(
    scenario: Scenario, seed: int, engine: str, warmup_s: float = 0.0, metrics: tuple[str, ...] = ()
) -> tuple[dict[str, float], int]:
    """Every number of a run's summary by its path, and how many calls were simulated.

    With a warm-up, `sessions.*` and `latency.*` tell of the calls that arrived after it, `mean` and `refused` of
    resources and `utilisation` of tasks of the time after it; all else of the whole run. Counts are those of the run
    less those of the same run cut at the warm-up, which has the same calls up to there; latencies are those of the
    later calls one by one.
    """
    if scenario.fleet is not None:
        return _of_fleet(scenario, seed, engine, warmup_s, metrics)
    if warmup_s <= 0.0:
        summary = run_whole(scenario, seed=seed, engine=engine, ledger="summary", sink=_Nothing()).summary
        return _values(summary, metrics), summary.sessions.arrived
    if warmup_s >= scenario.duration:
        raise ScenarioError(f"the warm-up of {warmup_s:g} s must end before the load, at {scenario.duration:g} s")
    rows = _Sessions()
    summary = run_whole(scenario, seed=seed, engine=engine, ledger="sessions", sink=rows).summary
    start = run_whole(
        scenario.model_copy(update={"duration": warmup_s}), seed=seed, engine=engine, ledger="summary", sink=_Nothing()
    ).summary
    times = warmup_s, scenario.duration
    later = replace(
        summary,
        sessions=_less(summary.sessions, start.sessions),
        latency=rows.latencies(warmup_s, summary.latency),
        resources={name: _later(start.resources[name], use, times) for name, use in summary.resources.items()},
        tasks={name: _later(start.tasks[name], use, times) for name, use in summary.tasks.items()},
    )
    return _values(later, metrics), summary.sessions.arrived + start.sessions.arrived


def _of_fleet(
    scenario: Scenario, seed: int, engine: str, warmup_s: float, metrics: tuple[str, ...]
) -> tuple[dict[str, float], int]:
    """The numbers of a fleet: `sessions.blocking` is the share of calls that no server took, set-up has the retries in
    it, `fleet.*` and `servers.<name>.*` are its own."""
    from sim.study.fleet import run_fleet, total

    found = run_fleet(scenario, seed=seed, engine=engine)
    later = [call for call in found.calls if call.arrived_s >= warmup_s]
    values = _values(total(scenario, seed, engine, later, found.servers), metrics)
    values |= {"fleet.lost": float(found.lost), "fleet.retried": float(found.retried), "fleet.rounds": found.rounds}
    values["fleet.settled"] = float(found.settled)
    for server in found.servers:
        flatten({k: v for k, v in server.to_dict().items() if k != "name"}, f"servers.{server.name}", values)
    return values, sum(server.attempts for server in found.servers)


def _less(whole: Any, start: Any) -> Any:
    """Counts of the later calls; a share is that of the later calls."""
    before, after = start.arrived, whole.arrived
    changes: dict[str, Any] = {}
    for name in type(whole).__dataclass_fields__:
        one, two = getattr(start, name), getattr(whole, name)
        if isinstance(two, Mapping):
            changes[name] = {key: max(0, count - one.get(key, 0)) for key, count in two.items()}
        elif isinstance(two, int) and isinstance(one, int):
            changes[name] = max(0, two - one)
        elif name == "blocking":
            changes[name] = max(0.0, two * after - one * before) / (after - before) if after > before else 0.0
    return replace(whole, **changes)


def _later(start: Any, whole: Any, times: tuple[float, float]) -> Any:
    """A resource's or task's averages over time, and its refusals, after the first of two times."""
    changes: dict[str, Any] = {}
    for name in ("mean", "utilisation"):
        one, two = getattr(start, name, None), getattr(whole, name, None)
        if one is not None and two is not None:
            changes[name] = max(0.0, (two * times[1] - one * times[0]) / (times[1] - times[0]))
    if hasattr(whole, "refused"):
        changes["refused"] = max(0, whole.refused - start.refused)
    return replace(whole, **changes)


class _Nothing:
    """A sink that keeps no row."""

    def write(self, table: str, columns: Mapping[str, Any]) -> None:
        """Forget it."""

    def close(self, ok: bool) -> None:
        """Nothing was opened."""


@dataclass(slots=True)
class _Sessions:
    """A sink that keeps the times of sessions."""

    chunks: list[Mapping[str, Array]] = field(default_factory=list)

    def write(self, table: str, columns: Mapping[str, Any]) -> None:
        """Keep what latencies are made of."""
        if table == "sessions":
            self.chunks.append(
                {name: np.array(v, dtype=np.float64) for name, v in columns.items() if name[-2:] == "_s"}
            )

    def close(self, ok: bool) -> None:
        """Nothing was opened."""

    def latencies(self, since_s: float, whole: Mapping[str, Any]) -> dict[str, Any]:
        """The latencies of the sessions that arrived from then on."""
        from sim.ledger.spans import SPANS
        from sim.ledger.summary import Quantiles

        found = dict(whole)
        for name, (start, end, _) in SPANS.items():
            parts = [chunk[end] - chunk[start] for chunk in self._after(since_s) if start in chunk and end in chunk]
            found[name] = Quantiles.of(np.concatenate(parts) if parts else np.empty(0))
        return found

    def _after(self, since_s: float) -> list[dict[str, Array]]:
        kept = []
        for chunk in self.chunks:
            late = chunk["arrived_s"] >= since_s
            kept.append({name: values[late] for name, values in chunk.items()})
        return kept


def not_in_summary(metrics: tuple[str, ...]) -> tuple[str, ...]:
    """Those metrics that are no number of `summary.json`, such as other percentiles, and must be asked of the run."""
    return tuple(m for m in metrics if not _IN_SUMMARY.fullmatch(path_of(m)) and not _OF_FLEET.fullmatch(m))


@functools.cache
def path_of(metric: str) -> str:
    """A metric's full path: `leaked.session_pool` is `resources.session_pool.leaked`. ScenarioError when it is none."""
    from sim.ledger.conditions import parse

    return metric if _OF_FLEET.fullmatch(metric) else parse(f"{metric} >= 0").path


def mean_of(metric: str, values: Sequence[float], confidence: float) -> Estimate:
    """A metric's mean over runs with Student's interval, without the part that it can not have: no number of a summary
    is negative, and no share above 1."""
    found = mean(values, confidence)
    most = 1.0 if _SHARE.fullmatch(metric) else math.inf
    return Estimate(found.value, max(0.0, found.low), min(most, found.high))


def value_of(values: Mapping[str, float], metric: str) -> float:
    """The value of a metric among the numbers of a run; a count that did not come up is 0."""
    found = values.get(metric, values.get(path_of(metric)))
    if found is None:
        return 0.0 if metric.startswith(_COUNTED) else math.nan
    return found


def _values(summary: Any, metrics: tuple[str, ...]) -> dict[str, float]:
    """The summary's numbers, and each further metric under its own words."""
    from sim.ledger.conditions import parse

    found = numbers(summary.to_dict())
    for text in metrics:
        value = parse(f"{text} >= 0").value(summary)
        found[text] = math.nan if value is None else float(value)
    return found
