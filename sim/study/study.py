"""Many runs for one question: planned, done on every core or machine, resumed, and told with error bars."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import RunFailed, ScenarioError
from sim.files import reason, unwritable, write_whole
from sim.scenario import load_scenario
from sim.study.design import points
from sim.study.effort import START_S, engine_s, run_s
from sim.study.file import StudyFile, Until, study_of
from sim.study.folder import FILE, REPORT, RUNS, STUDY
from sim.study.jobs import Cell, cell_of, model_version
from sim.study.measure import Measured
from sim.study.pool import NotKept, Reference, WorkerPool
from sim.study.replicating import Plan, plan_for
from sim.study.store import Store
from sim.study.table import TableLine, write_table
from sim.study.vary import MOST_POINTS
from sim.study.verdict import Answer, Chosen, answers, compared, selected

if TYPE_CHECKING:
    import pandas as pd

REWRITE_S = 5.0
"""The partial table is written anew no sooner than this, and no sooner than it has grown by half."""


@dataclass(slots=True)
class Progress:
    """Where a study stands."""

    wanted: int = 0
    finished: int = 0
    reused: int = 0
    failed: int = 0
    since_s: float = field(default_factory=time.monotonic)

    @property
    def rate_per_s(self) -> float:
        """Runs a second, those that were found finished left out."""
        return (self.finished - self.reused) / max(time.monotonic() - self.since_s, 1e-9)

    @property
    def left_s(self) -> float | None:
        """Seconds that are left at this rate; None before the first run is done."""
        rate = self.rate_per_s
        return (self.wanted - self.finished) / rate if rate > 0.0 else None


Tell = Callable[[Progress], None]

MOST_RUNS = 1_000_000
"""Runs of one study, each of which is known before the first one is done."""


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a study found; its table is on disk and read when it is asked for."""

    study: StudyFile
    directory: Path
    cells: tuple[Cell, ...]
    answers: tuple[Answer, ...]
    compared: tuple[Any, ...]
    chosen: tuple[Chosen, ...]
    failures: tuple[TableLine, ...]
    """The runs that failed, in the order of the table."""
    progress: Progress

    @property
    def runs(self) -> pd.DataFrame:
        """One row a run: parameters, then every number of its summary, units in the names."""
        import pandas as pd

        return pd.read_parquet(self.directory / RUNS)

    @property
    def points(self) -> pd.DataFrame:
        """One row for each metric of each point and variant: mean with interval over its replications, and what a
        formula says (`theory`, in the metric's unit), where one fits."""
        import pandas as pd

        return pd.DataFrame([answer.to_row() for answer in self.answers])

    @property
    def pairs(self) -> pd.DataFrame:
        """One row for each metric and pair of variants at each point: second less first, with its interval, and the
        interval without common random numbers."""
        import pandas as pd

        return pd.DataFrame([pair.to_row() for pair in self.compared])

    def to_dict(self) -> dict[str, Any]:
        """What `study.json` and `--json` hold."""
        return {
            "study": self.study.name,
            "model": model_version(),
            "runs": self.progress.wanted,
            "failed": self.progress.failed,
            "points": [answer.to_dict() for answer in self.answers],
            "compared": [pair.to_dict() for pair in self.compared],
            "best": [chosen.to_dict() for chosen in self.chosen],
        }


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a study would do."""

    cells: tuple[Cell, ...]
    replications: tuple[int, int]
    """Least and most of each cell; the same where the number is fixed."""
    finished: int
    estimate_s: tuple[float, float]
    """About how long it takes on `workers` free processors, with the least and the most replications."""
    workers: int
    cpu_s: tuple[float, float]
    """About the processor time of all processes together."""

    def to_dict(self) -> dict[str, Any]:
        """As `--dry-run --json` prints it."""
        return {
            "runs": [
                {"scenario": cell.scenario, "variant": cell.variant, "settings": dict(cell.settings),
                 "calls": cell.calls, "error": cell.error or None, "command": cell.command}
                for cell in self.cells
            ],
            "replications": list(self.replications), "finished": self.finished,
            "estimate_s": list(self.estimate_s), "workers": self.workers, "cpu_s": list(self.cpu_s),
        }  # fmt: skip


def study(
    given: StudyFile | str | os.PathLike[str] | dict[str, Any],
    *,
    out: str | os.PathLike[str] | None = None,
    cache: str | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    force: bool = False,
    progress: Tell | None = None,
) -> StudyResult:
    """Do a study, or go on with one that was broken off; the answer does not depend on who did which run when.

    `given` is a study file, the mapping that one holds, or a StudyFile. `out` is its folder (default
    `reports/<name>`), `cache` the folder or fsspec URL of finished runs, `executor` any `concurrent.futures.Executor`
    (default: a pool of `workers` local processes). ScenarioError when the study is not usable, or when `out` holds
    something else and `force` is not given.
    """
    wanted, base = study_of(given)
    store = Store(cache)
    store.ready()
    plan = plan_for(wanted, cells_of(wanted, base))
    directory = _folder(wanted, out, force)
    seen = Progress()
    try:
        _go(plan, store, directory, executor, workers, seen, progress or (lambda _: None))
        lines = plan.lines()
        _renew_table(lines, store, directory, complete=True)
        result = _result(wanted, directory, plan, lines, seen)
        write_whole(directory / STUDY, json.dumps(result.to_dict(), indent=1, allow_nan=False) + "\n")
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted{_left_by(plan, store, directory, seen)}") from None
    except NotKept as error:
        raise RunFailed(f"{error}{_left_by(plan, store, directory, seen)}") from None
    except OSError as error:
        text = f"{directory}: can not be written ({reason(error)})"
        raise RunFailed(f"{text}{_left_by(plan, store, directory, seen)}") from None
    return result


def dry_run(
    given: StudyFile | str | os.PathLike[str] | dict[str, Any], *, cache: str | None = None, workers: int | None = None
) -> DryRun:
    """The runs of a study and about how long they take; nothing is run. ScenarioError when it is not usable."""
    from sim.study.processes import processors

    wanted, base = study_of(given)
    cells = cells_of(wanted, base)
    plan = plan_for(wanted, cells)
    store, count = Store(cache), workers or processors()
    first = plan.first()
    finished = sum(job.key in store for job in first)
    rule = wanted.replications
    least, most = (rule.least, rule.most) if isinstance(rule, Until) else (rule, rule)
    one, start = _effort(wanted, cells)
    left = 1.0 - finished / max(len(first), 1)
    runs = one * least * left, one * (most - least * (1.0 - left))
    begins = START_S + (start if runs[1] > 0.0 else 0.0)
    walls, cpu = ((begins + runs[0] / n, begins + runs[1] / n) for n in (count, 1))
    return DryRun(cells, (least, most), finished, walls, count, cpu)


def _effort(wanted: StudyFile, cells: Sequence[Cell]) -> tuple[float, float]:
    """Processor seconds of one run of every cell, and until the engine can begin."""
    able = [cell for cell in cells if cell.text]
    each = [run_s(load_scenario(json.loads(c.text)), c.calls, wanted.engine, wanted.warmup) for c in able]
    return sum(each), max((engine_s(wanted.engine, cell.calls) for cell in able), default=0.0)


def cells_of(wanted: StudyFile, base: str) -> tuple[Cell, ...]:
    """Every scenario at every point in every variant, in a fixed order."""
    found: list[Cell] = []
    every = points(wanted.vary, wanted.settings)
    variants = wanted.variants or {"": {}}
    if (count := len(every) * len(variants) * len(wanted.scenarios)) > MOST_POINTS:
        raise ScenarioError(f"vary: expected at most {MOST_POINTS} points, times variants and scenarios (got {count})")
    rule = wanted.replications
    if (runs := count * (rule.least if isinstance(rule, Until) else rule)) > MOST_RUNS:
        raise ScenarioError(f"replications: expected at most {MOST_RUNS} runs in all (got {count} × {runs // count})")
    for scenario in wanted.scenarios:
        path = _scenario_path(scenario, base)
        for number, point in enumerate(every):
            for variant, changes in variants.items():
                settings = {**wanted.settings, **point, **changes}
                found.append(cell_of(len(found), path, variant, number, settings))
    return tuple(found)


def _scenario_path(given: str, base: str) -> str:
    path = os.path.normpath(os.path.join(base, given))
    if os.path.exists(path):
        relative = os.path.relpath(path)
        return path if relative.startswith("..") else relative
    from sim.scenario import find_shipped

    found = find_shipped(given)
    if found is None:
        raise ScenarioError(f"scenarios: {given} is neither a file beside the study nor a shipped scenario")
    return given


def _folder(wanted: StudyFile, out: str | os.PathLike[str] | None, force: bool) -> Path:
    """The study's folder; one that holds something other than this study's results is left alone."""
    directory = Path(out) if out is not None else Path("reports") / wanted.name
    if directory.exists():
        if not directory.is_dir():
            raise ScenarioError(f"{directory}: expected a folder for the study (got a file); choose another with --out")
        names = {entry.name for entry in directory.iterdir()}
        if names and not names & {RUNS, STUDY, FILE}:
            raise ScenarioError(
                f"{directory}: holds files but no study (such as {min(names)}); choose another with --out"
            )
        if FILE in names and _text_of(directory / FILE) != wanted.to_yaml():
            if not force and (STUDY in names or RUNS not in names):
                without = "" if STUDY in names else ", without what it found"
                raise ScenarioError(
                    f"{directory / FILE}: is another study{without}; replace it with --force, or choose another folder "
                    "with --out"
                )
            for name in (REPORT, STUDY, RUNS):  # they would stand beside a study that they are not of
                (directory / name).unlink(missing_ok=True)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_whole(directory / FILE, wanted.to_yaml())
    except OSError as error:
        with suppress(OSError):
            directory.rmdir()
        raise unwritable(directory, error, "--out") from None
    return directory


def _text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _go(
    plan: Plan,
    store: Store,
    directory: Path,
    executor: Executor | None,
    workers: int | None,
    seen: Progress,
    tell: Tell,
) -> None:
    written_at, written = time.monotonic(), 0
    with WorkerPool(store.place, executor, workers) as pool:
        todo = plan.first()
        while todo or not pool.idle:
            found: list[tuple[str, Measured]] = []
            missing = []
            for job in todo:
                kept = store.get(job.key)
                if kept is None:
                    missing.append(job)
                else:
                    found.append((job.key, kept))
            seen.reused += len(found)
            seen.wanted = plan.wanted
            pool.add(missing)
            if not found and not pool.idle:
                found = [_fetched(reference, store) for reference in pool.next()]
            todo = []
            for key, measured in found:
                seen.finished += 1
                seen.failed += not measured.ok
                todo += plan.take(key, measured)
            seen.wanted = plan.wanted
            tell(seen)
            now = time.monotonic()
            if now - written_at > REWRITE_S and seen.finished > 1.5 * written:
                written = _renew_table(plan.lines(), store, directory, complete=False)
                written_at = time.monotonic()


def _renew_table(lines: Sequence[TableLine], store: Store, directory: Path, complete: bool) -> int:
    """Write the table; what was found from another one no longer stands beside it."""
    for name in (REPORT, STUDY):
        (directory / name).unlink(missing_ok=True)
    return write_table(lines, store, directory / RUNS, complete)


def _left_by(plan: Plan, store: Store, directory: Path, seen: Progress) -> str:
    """What stays of a study that was broken off, on disk and in words."""
    if not seen.finished:
        if not (directory / RUNS).exists():
            (directory / FILE).unlink(missing_ok=True)
            with suppress(OSError):  # it holds something of the user's
                directory.rmdir()
        return "; no run was finished yet, nothing was written"
    kept = f"; {seen.finished} of {seen.wanted} runs are finished and kept"
    try:
        _renew_table(plan.lines(), store, directory, complete=False)
    except (KeyboardInterrupt, OSError):  # whoever interrupts twice does not want to wait for it
        kept = f"{kept} in {store.place}"
    else:
        kept = f"{kept}, those of {directory / RUNS}"
    return f"{kept}: the same command goes on from there"


def _fetched(reference: Reference, store: Store) -> tuple[str, Measured]:
    if reference.failure is not None:
        return reference.key, reference.failure
    found = store.get(reference.key)
    if found is None:
        raise ScenarioError(f"{store.place}: a run that a worker finished is not there; do all share this folder?")
    return reference.key, found


def _result(wanted: StudyFile, directory: Path, plan: Plan, lines: Sequence[TableLine], seen: Progress) -> StudyResult:
    values = plan.values
    found = answers(wanted, plan.cells, values)
    pairs = compared(wanted, plan)
    failures = tuple(line for line in lines if line.failure is not None)
    return StudyResult(wanted, directory, plan.cells, found, pairs, selected(wanted, plan), failures, seen)
