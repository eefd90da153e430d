"""Which runs a study needs next: a fixed number of replications, as many as a precision takes, or until one is best.

Decisions look at replications in their order, never at the clock, so the same study always ends with the same runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from sim.study.constraints import base_value
from sim.study.file import StudyFile, Until
from sim.study.jobs import Cell, Job
from sim.study.measure import Measured, not_in_summary, value_of
from sim.study.stopping import Precision, Replications
from sim.study.table import TableLine


@dataclass(slots=True)
class _State:
    """One cell: what was asked for, what came, and when it is enough."""

    cell: Cell
    rule: Replications | None
    asked: int = 0
    failures: dict[int, Measured] = field(default_factory=dict)
    values: dict[int, dict[str, float]] = field(default_factory=dict)

    @property
    def outstanding(self) -> bool:
        return len(self.values) + len(self.failures) < self.asked


class Plan:
    """The runs of a study as they are asked for and come back."""

    def __init__(self, study: StudyFile, cells: tuple[Cell, ...]) -> None:
        self.study = study
        self.cells = cells
        self._states = [_State(cell, self._rule()) for cell in cells]
        self._of: dict[str, list[tuple[int, int]]] = {}
        self._failed: list[TableLine] = [self._unreadable(cell) for cell in cells if not cell.text]

    def _rule(self) -> Replications | None:
        rule = self.study.replications
        if not isinstance(rule, Until):
            return None
        return Replications(
            {metric: _precision(text) for metric, text in rule.precision.items()},
            least=rule.least,
            most=rule.most,
            confidence=self.study.confidence,
        )

    def _unreadable(self, cell: Cell) -> TableLine:
        job = self._job(cell, 0)
        error = Measured(job.key, job.seed, False, {}, "scenario", cell.error, job.command)
        return TableLine(cell, 0, job, error)

    @property
    def asked_metrics(self) -> tuple[str, ...]:
        """Every metric that must be a number of each run."""
        rule = self.study.replications
        wanted = [*self.study.metrics, *(rule.precision if isinstance(rule, Until) else ())]
        if self.study.best is not None:
            wanted.append(self.study.best.metric)
        return tuple(dict.fromkeys(wanted))

    def _job(self, cell: Cell, replication: int) -> Job:
        study = self.study
        return cell.job(study.seed + replication, study.engine, study.warmup, not_in_summary(self.asked_metrics))

    @property
    def wanted(self) -> int:
        """Runs that were asked for so far."""
        return sum(state.asked for state in self._states)

    def first(self) -> list[Job]:
        """The runs to begin with, replication by replication, so that every point is known a little early."""
        number = self.study.replications
        count = number if isinstance(number, int) else max(number.least, 2)
        states = [state for state in self._states if state.cell.text]
        jobs = []
        for _ in range(count):
            jobs += [job for state in states for job in self._ask(state, 1)]
        return jobs

    def _ask(self, state: _State, more: int) -> list[Job]:
        jobs = []
        for replication in range(state.asked, state.asked + more):
            job = self._job(state.cell, replication)
            others = self._of.setdefault(job.key, [])
            others.append((state.cell.number, replication))
            if len(others) == 1:  # two cells with the same content share their run
                jobs.append(job)
        state.asked += more
        return jobs

    def take(self, key: str, measured: Measured) -> list[Job]:
        """A run came back; what is needed because of it."""
        more = []
        for number, replication in self._of[key]:
            state = self._states[number]
            if measured.ok:
                state.values[replication] = {name: value_of(measured.values, name) for name in self.asked_metrics}
            else:
                state.failures[replication] = measured
            more += self._decide(state)
        return more

    def _decide(self, state: _State) -> list[Job]:
        rule = state.rule
        if rule is None or state.outstanding or state.failures:
            return []
        for replication in range(rule.looked_at, state.asked):
            if rule.add(replication, state.values[replication]):
                return []
        return self._ask(state, rule.still_needed())

    def lines(self) -> list[TableLine]:
        """The rows of the table: cell by cell, replication by replication; those beyond what a rule looked at not."""
        found = []
        for state in self._states:
            if not state.cell.text:
                found += [line for line in self._failed if line.cell is state.cell]
                continue
            for replication in range(self._looked_at(state)):
                failure = state.failures.get(replication)
                found.append(TableLine(state.cell, replication, self._job(state.cell, replication), failure))
        return found

    def _looked_at(self, state: _State) -> int:
        if state.rule is None or not state.rule.done:
            return state.asked
        return state.rule.looked_at

    @property
    def values(self) -> dict[int, list[dict[str, float]]]:
        """For each cell its replications in order, without those that failed."""
        return {cell.number: [*self.by_replication(cell.number).values()] for cell in self.cells}

    def by_replication(self, number: int) -> dict[int, dict[str, float]]:
        """The replications of a cell by their number, without those that failed."""
        state = self._states[number]
        return {r: state.values[r] for r in range(self._looked_at(state)) if r in state.values}

    def enough(self, number: int) -> int | None:
        """How many replications of a cell were found enough; None where no rule said so."""
        rule = self._states[number].rule
        return rule.enough if rule is not None else None


def plan_for(study: StudyFile, cells: tuple[Cell, ...]) -> Plan:
    """The plan of a study."""
    return Plan(study, cells)


def _precision(text: Any) -> Precision:
    value = base_value(text)
    assert value is not None  # the file was checked
    if isinstance(text, str) and text.strip().endswith("%"):
        return Precision(relative=value)
    return Precision(absolute=value if math.isfinite(value) else None)
