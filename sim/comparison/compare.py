"""Two or more results side by side, the first one the base: what differs, by how much, and what is beyond chance."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.comparison.callbook import CallBook, calls_of
from sim.comparison.chance import holm
from sim.comparison.differing import PHASE_S, Difference, differences
from sim.comparison.studies import StudyRuns, compare_studies, load_study_runs, one_run
from sim.errors import ScenarioError
from sim.leaks.life_curve import LifeCurve, lives_of
from sim.ledger.lifetimes import lifetimes
from sim.ledger.result import RunResult, load_result
from sim.study.folder import RUNS, is_study
from sim.theory.intervals import CONFIDENCE

if TYPE_CHECKING:
    from sim.ledger.summary import Summary

POINTS = 110
"""Points of a curve of lifetimes that are kept: what a page can show."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the results: a run, the audit of a log, or the runs of a study."""

    name: str
    result: RunResult | None = None
    study: StudyRuns | None = None
    calls: CallBook | None = None
    told: Mapping[str, Any] | None = None
    """Of a comparison that was read from its folder: what `to_dict` gave."""

    @property
    def kind(self) -> str:
        """simulation, audit or study."""
        if self.told is not None:
            return str(self.told["kind"])
        if self.study is not None:
            return "study"
        return "audit" if self.summary is not None and self.summary.engine == "log" else "simulation"

    @property
    def summary(self) -> Summary | None:
        """Of a run or an audit; a study has one for each run."""
        return self.result.summary if self.result is not None else None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        if self.told is not None:
            return dict(self.told)
        told: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.study is not None:
            return {**told, "scenario": self.study.name, "runs": self.study.count}
        summary = self.summary
        assert summary is not None
        seed = None if self.kind == "audit" else summary.seed
        more = {"seed": seed, "calls": summary.sessions.arrived, "horizon_s": summary.horizon_s}
        return {**told, "scenario": summary.scenario, **more}


@dataclass(frozen=True, slots=True)
class Once:
    """What each result has only one of, such as a peak: shown, but nothing says how far it is from the next one."""

    name: str
    values: tuple[float | None, ...]
    limits: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Results compared: `rows` hold every other one against the first."""

    sides: tuple[Side, ...]
    rows: tuple[Difference, ...]
    once: tuple[Once, ...]
    notes: tuple[str, ...]
    lives: Mapping[str, LifeCurve] = field(default_factory=dict)
    """How long pools live, by the name of the result, of those that keep their sessions."""

    @property
    def tested(self) -> int:
        """Differences that were tested, for which each probability is corrected."""
        return sum(row.p is not None for row in self.rows)

    def found(self, verdict: str) -> list[Difference]:
        """The rows of that verdict, the surest first."""
        return sorted((row for row in self.rows if row.verdict == verdict), key=lambda row: row.p_corrected or 0.0)

    @property
    def beyond_chance(self) -> list[Difference]:
        """The differences that chance does not explain, the surest first."""
        return sorted((row for row in self.rows if row.beyond_chance), key=lambda row: row.p_corrected or 0.0)

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "results": [side.to_dict() for side in self.sides],
            "confidence": CONFIDENCE,
            "correction": f"Holm, {self.tested} differences",
            "beyond_chance": len(self.beyond_chance),
            "worse": len(self.found("worse")),
            "better": len(self.found("better")),
            "rows": [row.to_dict() for row in self.rows],
            "once": [{"name": o.name, "values": list(o.values), "limits": list(o.limits)} for o in self.once],
            "notes": list(self.notes),
        }


def compare(*given: RunResult | str | os.PathLike[str], names: Sequence[str] | None = None) -> SideBySide:
    """Compare results with the first one: each a RunResult, the folder of one, or that of a study.

    ScenarioError when there are fewer than two, or when a folder is none of these.
    """
    if len(given) < 2:
        raise ScenarioError(f"a comparison needs two results or more (got {len(given)})")
    named = names or _names(given)
    sides = tuple(_side(one, name) for one, name in zip(given, named, strict=True))
    if any(side.study is not None for side in sides):
        return _of_studies(sides)
    base, rows, notes = sides[0], list[Difference](), list[str]()
    for other in sides[1:]:
        paired = _paired(base, other)
        assert base.result is not None
        assert other.result is not None
        rows += differences(base.result, base.calls, other.result, other.calls, other.name, paired)
        notes += _notes(base, other, paired)
    return SideBySide(sides, tuple(corrected(rows)), _once(sides), tuple(notes), _lives(sides))


def _lives(sides: Sequence[Side]) -> dict[str, LifeCurve]:
    tables = {side.name: lifetimes(side.result) for side in sides if side.result is not None}
    return {name: lives_of(table, POINTS) for name, table in tables.items() if table is not None and len(table)}


def corrected(rows: Sequence[Difference]) -> list[Difference]:
    """The rows with probabilities corrected for how many were looked at, and what each then amounts to."""
    tested = [row.p for row in rows if row.p is not None]
    found = iter(holm(tested))
    return [row if row.p is None else replace(row, p_corrected=next(found)) for row in rows]


def _side(given: RunResult | str | os.PathLike[str], name: str) -> Side:
    if not isinstance(given, RunResult):
        folder = Path(given)
        if is_study(folder) and (folder / RUNS).is_file():
            return Side(name, study=load_study_runs(folder))
        given = load_result(folder)
    return Side(name, given, None, calls_of(given))


def _names(given: Sequence[Any]) -> list[str]:
    """Each result by its folder's or scenario's name; a letter before those that are not told apart by it."""
    short = [one.summary.scenario if isinstance(one, RunResult) else Path(one).name for one in given]
    if len(set(short)) == len(short):
        return short
    return [f"{chr(ord('A') + i)} {name}" for i, name in enumerate(short)]


def _paired(base: Side, other: Side) -> bool:
    """Whether two simulations have the same calls, so that their differences are the scenario's."""
    if "audit" in (base.kind, other.kind) or base.calls is None or other.calls is None:
        return False
    same_seed = base.summary is not None and other.summary is not None and base.summary.seed == other.summary.seed
    return same_seed and base.calls.same_calls(other.calls)


def _notes(base: Side, other: Side, paired: bool) -> list[str]:
    notes = []
    if paired:
        notes.append(f"{base.name} and {other.name} have the same calls: compared call by call, section by section.")
    for side in (base, other):
        if side.calls is None:
            notes.append(f"{side.name} keeps no sessions (--ledger sessions does): no interval for its times.")
        if side.calls is not None and side.calls.evenly_spaced and not paired:
            notes.append(
                f"The calls of {side.name} came at even steps, so that all met one phase of the media tick: times "
                f"that differ by less than {1e3 * PHASE_S:g} ms are not told apart, lifetimes not tested."
            )
        if side.summary is not None and side.summary.partial:
            notes.append(f"{side.name} was interrupted: compared is what was finished.")
    return notes


def _once(sides: Sequence[Side]) -> tuple[Once, ...]:
    """Peaks against limits and how busy tasks were."""
    summaries = [side.summary for side in sides if side.summary is not None]
    resources = dict.fromkeys(name for summary in summaries for name in summary.resources)
    found = []
    for name in resources:
        uses = [summary.resources.get(name) for summary in summaries]
        peaks = tuple(None if use is None else float(use.peak) for use in uses)
        limits = tuple(None if use is None or use.limit is None else float(use.limit) for use in uses)
        if any(peaks):
            found.append(Once(f"peak.{name}", peaks, limits))
    for name in dict.fromkeys(name for summary in summaries for name in summary.tasks):
        tasks = [summary.tasks.get(name) for summary in summaries]
        busy = tuple(None if task is None else task.utilisation for task in tasks)
        if any(value is not None for value in busy):
            found.append(Once(f"tasks.{name}.utilisation", busy, tuple(1.0 for _ in busy)))
    return tuple(found)


def _of_studies(sides: tuple[Side, ...]) -> SideBySide:
    """Where one is a study, every result is its runs: a run or an audit is one run."""
    studies = [side.study for side in sides if side.study is not None]
    metrics = tuple(dict.fromkeys(metric for study in studies for metric in study.metrics))
    runs = [side.study or one_run(side.result, metrics) for side in sides if side.study or side.result]
    rows, notes = list[Difference](), list[str]()
    for side, other in zip(sides[1:], runs[1:], strict=True):
        found, told = compare_studies(runs[0], other, side.name)
        rows += found
        notes += told
    if not rows:
        raise ScenarioError(
            "the results have no point and no metric in common; see `metrics` and `vary` of the studies"
        )
    return SideBySide(sides, tuple(corrected(rows)), (), tuple(notes))
