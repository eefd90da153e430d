"""Runs of one scenario with some settings changed, in parallel and from the cache: what searches are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from sim.errors import RunFailed, ScenarioError
from sim.scenario import Scenario, expected, load_scenario, to_mapping
from sim.scenario.units import read_quantity
from sim.study.jobs import Cell, Job, content_of, scenario_json
from sim.study.measure import Measured, not_in_summary
from sim.study.pool import NotKept, WorkerPool
from sim.study.store import Store

WARM_HOLDS = 5.0
"""The warm-up lasts so many mean holds: after it 0.7 % of the start-up from an empty server is left."""

MOST_SEED = 2**62
"""Replications have the seeds that follow it, which are below 2^63."""

Tell = Callable[[int, int], None]
"""Told of runs done and calls simulated."""


def warm_up_of(scenario: Scenario) -> float:
    """Seconds until a server that starts empty is as full as it gets."""
    return WARM_HOLDS * expected(scenario.calls.hold)


def can_be(scenario: Scenario, path: str, values: Sequence[Any]) -> None:
    """ScenarioError, before any run, for a path that the scenario does not have or values in a unit that it is not."""
    plain = to_mapping(scenario)
    for value in values:
        number = read_quantity("number", value)
        load_scenario(plain, {path: value if number is None else int(number) if number.is_integer() else number})


@dataclass(slots=True)
class Trials:
    """Runs of a scenario for several values of its settings, each measured for so long after its warm-up."""

    scenario: Scenario
    store: Store
    metrics: tuple[str, ...]
    measured_s: float
    warmup_s: float
    seed: int
    executor: Executor | None = None
    workers: int | None = None
    engine: str = "compiled"
    tell: Tell = field(default=lambda runs, calls: None)
    runs: int = 0
    calls: int = 0
    """Calls simulated, those of the warm-ups and of runs that were found in the cache too."""
    _plain: dict[str, Any] = field(default_factory=dict)
    _pool: WorkerPool | None = None
    _cells: dict[tuple[tuple[tuple[str, Any], ...], float], Cell] = field(default_factory=dict)

    def __enter__(self) -> Trials:
        if not 0 <= self.seed <= MOST_SEED:
            raise ScenarioError(f"seed must be a whole number from 0 to {MOST_SEED} (got {self.seed})")
        self.store.ready()
        self._plain = to_mapping(self.scenario)  # with its defaults: a knob may be a part of one
        self._pool = WorkerPool(self.store.place, self.executor, self.workers)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """What ends a search before its answer is told with what stays of it."""
        if self._pool is not None:
            self._pool.__exit__()
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(f"interrupted{self._kept()}") from None
        if isinstance(error, NotKept):
            raise RunFailed(f"{error}{self._kept()}") from None

    def _kept(self) -> str:
        if not self.runs:
            return "; no run was finished yet, nothing was written"
        runs = "1 run is" if self.runs == 1 else f"{self.runs} runs are"
        return f"; {runs} finished and kept in {self.store.place}: the same command goes on from there"

    def cell(self, settings: Mapping[str, Any], measured_s: float) -> Cell:
        """The scenario with these settings and this much load after the warm-up."""
        key = (tuple(sorted(settings.items())), measured_s)
        if key not in self._cells:
            changed = {**settings, "duration": self.warmup_s + measured_s}
            scenario = load_scenario(self._plain, changed)
            self._cells[key] = Cell(
                len(self._cells), scenario.name, "", 0, dict(settings), scenario_json(scenario), content_of(scenario),
                f"mrcpsim run {scenario.name} " + " ".join(f"--set {p}={v}" for p, v in changed.items()),
            )  # fmt: skip
        return self._cells[key]

    def values(
        self, wanted: Sequence[tuple[Mapping[str, Any], int]], measured_s: float | None = None
    ) -> list[Mapping[str, float]]:
        """The numbers of each run (settings, replication), in the order asked for. RunFailed when one failed."""
        length = self.measured_s if measured_s is None else measured_s
        jobs = [
            self.cell(settings, length).job(
                self.seed + replication, self.engine, self.warmup_s, not_in_summary(self.metrics)
            )
            for settings, replication in wanted
        ]
        found = self._done(jobs)
        return [found[job.key].values for job in jobs]

    def _done(self, jobs: Sequence[Job]) -> dict[str, Measured]:
        assert self._pool is not None, "use it as a context manager"
        found: dict[str, Measured] = {}
        missing: dict[str, Job] = {}
        for job in jobs:
            kept = self.store.get(job.key)
            if kept is None:
                missing[job.key] = job
            else:
                found[job.key] = kept
        self._pool.add([*missing.values()])
        for kept in found.values():
            self._count(kept)
        while len(found) < len({job.key for job in jobs}):
            for reference in self._pool.next():
                kept = reference.failure or self.store.get(reference.key)
                if kept is None or not kept.ok:
                    raise RunFailed(
                        f"a trial failed: {kept.error if kept else 'its worker left no result'}\n"
                        f"reproduce: {missing[reference.key].command}"
                    )
                found[reference.key] = kept
                self._count(kept)
        return found

    def _count(self, measured: Measured) -> None:
        self.runs += 1
        self.calls += measured.calls
        self.tell(self.runs, self.calls)
