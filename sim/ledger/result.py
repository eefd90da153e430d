"""A result is whole or it is not there: written beside its folder and renamed into place in one step.

with ResultFolder("reports/baseline") as folder:        # refuses before anything is simulated
    result = run(scenario, sink=folder.sink())          # large tables stream to their files
    folder.commit(result)                               # summary, scenario, rename
"""

import functools
import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sim.errors import ScenarioError
from sim.ledger.parquet import read_part, read_table, table_batches, write_table
from sim.ledger.sink import ALWAYS, ParquetSink
from sim.ledger.spans import KNOWN
from sim.ledger.summary import Leak, Summary
from sim.ledger.tables import TABLES
from sim.ledger.whole_folder import WholeFolder

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from sim.ledger.conditions import Find, Samples

    StrPath = str | os.PathLike[str]
    Numbers = dict[str, NDArray[Any]]

SUMMARY = "summary.json"
SCENARIO = "scenario.yaml"
_PROVENANCE = "provenance:\n"
_HEADER = "# The resolved scenario of one run, with every default written out: `mrcpsim run` takes it as it is.\n"
_MODULES = ("mrcpsim", "numpy", "simpy", "numba", "pandas", "pyarrow")


class RunResult:
    """What one run, or the audit of one log, found. Tables that were streamed to disk are read on first use."""

    def __init__(
        self,
        summary: Summary,
        sessions: "pd.DataFrame | None" = None,
        levels: "pd.DataFrame | None" = None,
        ledger: "pd.DataFrame | None" = None,
        messages: "pd.DataFrame | None" = None,
        scenario_yaml: str | Callable[[], str] = "",
        provenance: Mapping[str, Any] | None = None,
        directory: Path | None = None,
        durations: "Find | None" = None,
    ) -> None:
        self._durations = durations
        self.summary = summary
        self._scenario_yaml = scenario_yaml
        self.provenance = dict(provenance or {})
        self.directory = directory
        self._tables = {"sessions": sessions, "levels": levels, "ledger": ledger, "messages": messages}

    def __repr__(self) -> str:
        s = self.summary
        return f"<RunResult {s.scenario} seed {s.seed}: {s.sessions.arrived} arrived, {s.sessions.leaked} leaked>"

    @property
    def scenario_yaml(self) -> str:
        """The resolved scenario as a file would have it; a run writes it out (20 ms) when it is first asked for."""
        if not isinstance(self._scenario_yaml, str):
            self._scenario_yaml = self._scenario_yaml()
        return self._scenario_yaml

    @property
    def sessions(self) -> "pd.DataFrame | None":
        """One row per session, columns of tables.SESSION_COLUMNS; None with `--ledger summary`."""
        return self.table("sessions")

    @property
    def levels(self) -> "pd.DataFrame | None":
        """How many of each resource were held when, columns of tables.LEVEL_COLUMNS."""
        return self.table("levels")

    @property
    def ledger(self) -> "pd.DataFrame | None":
        """Every acquisition and release; None unless `--ledger full`."""
        return self.table("ledger")

    @property
    def messages(self) -> "pd.DataFrame | None":
        """Every message of every task; None unless `--ledger full`."""
        return self.table("messages")

    def durations(self, path: str, outcome: str | None = None) -> "Samples | None":
        """The durations of `latency.<name>` (of all calls, or of those with an outcome) or `tasks.<task>.<what>`, of
        which any percentile can be told; None where this result does not have them."""
        if self._durations is not None and (found := self._durations(path, outcome)) is not None:
            return found
        span = KNOWN.get(path.removeprefix("latency."))
        sessions = self.sessions if path.startswith("latency.") else None
        if span is None or sessions is None:
            return None
        from sim.ledger.durations import DurationSet

        rows = sessions if outcome is None else sessions[(sessions["outcome"].astype(object) == outcome).to_numpy()]
        found = DurationSet()
        found.add((rows[span.end] - rows[span.start]).to_numpy(dtype="float64"))
        return found

    @property
    def leaks(self) -> list[Leak]:
        """Why each live or leaked pool is still there; each one prints as text."""
        return list(self.summary.leaks)

    def table(self, name: str) -> "pd.DataFrame | None":
        """The table `name`, from memory or from the result folder; None when this run did not record it."""
        if self._tables[name] is None and self.directory is not None:
            self._tables[name] = read_table(self.directory, name)
        return self._tables[name]

    def part(self, name: str, columns: tuple[str, ...], of: "NDArray[Any] | None" = None) -> "pd.DataFrame | None":
        """`session` and `columns` of a table, those that it has, of all rows or of the sessions `of`.

        A table on disk is read for this alone and not kept. None when this run did not record it.
        """
        frame = self._tables[name]
        if frame is None:
            return None if self.directory is None else read_part(self.directory, name, columns, of)
        found = frame[[column for column in dict.fromkeys(("session", *columns)) if column in frame]]
        return found if of is None else found[found["session"].isin(of)].reset_index(drop=True)

    def batches(self, name: str, columns: tuple[str, ...], resource: str | None = None) -> "Iterator[Numbers]":
        """Columns of numbers of the table `name`, those that it has, piece by piece: a table on disk never all at once.

        Of all rows, or those of one resource.
        """
        frame = self._tables[name]
        if frame is not None:
            rows = frame if resource is None else frame[frame["resource"] == resource]
            yield {column: rows[column].to_numpy(dtype="float64") for column in columns if column in rows}
        elif self.directory is not None:
            yield from table_batches(self.directory, name, columns, resource)

    def save(self, directory: "StrPath", force: bool = False) -> Path:
        """Write the result folder `directory` whole, or not at all.

        ScenarioError when it exists (unless `force`), is a file, holds other things or can not be written.
        """
        with ResultFolder(directory, force) as folder:
            return folder.commit(self)


class ResultFolder(WholeFolder):
    """A result folder in the making; an interrupted run that can still tell what it had finished commits a result
    whose summary says `partial`."""

    mark = SUMMARY
    ours = frozenset(
        (SUMMARY, SCENARIO, "report.html", "held.png", "latency.png", *(f"{table}.parquet" for table in TABLES))
    )

    def __init__(self, directory: "StrPath", force: bool = False) -> None:
        super().__init__(directory, force)
        self._sink: ParquetSink | None = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._sink is not None:
            with suppress(Exception):
                self._sink.close(ok=False)
        super().__exit__(kind, error, tb)

    def sink(self, tables: Iterable[str] = ALWAYS) -> ParquetSink:
        """The sink for tables too large for memory; `tables` are written even when no row comes."""
        self._sink = ParquetSink(self.path, tables)
        return self._sink

    def commit(self, result: RunResult, extras: Callable[[RunResult, Path], None] | None = None) -> Path:
        """Finish the tables, write the rest, let `extras(result, folder)` add pictures, rename into place."""
        self.put(lambda _: self._fill(result, extras))
        result.directory = self.directory
        return self.directory

    def _fill(self, result: RunResult, extras: Callable[[RunResult, Path], None] | None) -> None:
        if self._sink is not None:
            self._sink.close(ok=True)
        for name in TABLES:
            frame = result._tables[name]
            if frame is not None and not (self.path / f"{name}.parquet").exists():
                write_table(self.path, name, frame)
        (self.path / SCENARIO).write_text(_with_provenance(result), encoding="utf-8")
        result.directory = self.path
        if extras is not None:
            extras(result, self.path)
        text = json.dumps(result.summary.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        (self.path / SUMMARY).write_text(text, encoding="utf-8")  # last: a folder without it is not a result


def load_result(directory: "StrPath") -> RunResult:
    """The result in `directory`; its tables are read on first use. ScenarioError when it is not a whole result."""
    folder = Path(directory)
    if not folder.exists():
        raise ScenarioError(f"{folder}: no such result folder; expected one that 'mrcpsim run' or 'audit --out' wrote")
    if not folder.is_dir():
        raise ScenarioError(f"{folder}: must be a result folder, as 'mrcpsim run' writes it (got a file)")
    try:
        plain = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        summary = Summary.from_dict(plain)
        _check_types(summary)
    except FileNotFoundError:
        raise ScenarioError(f"{folder}: is not a result folder, it has no {SUMMARY}") from None
    except OSError as error:
        raise ScenarioError(f"{folder / SUMMARY}: can not be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScenarioError(f"{folder / SUMMARY}: is not the summary of a result ({error}); run it again") from None
    text, origin = "", dict[str, Any]()
    with suppress(FileNotFoundError):
        text, origin = _without_provenance((folder / SCENARIO).read_text(encoding="utf-8"))
    return RunResult(summary, scenario_yaml=text, provenance=origin, directory=folder)


def _check_types(summary: Summary) -> None:
    """TypeError, with the place, when a value is not of its field's basic type: a file may have been edited."""
    _check_field("scenario", summary.scenario, str)
    _check_field("engine", summary.engine, str)
    _check_field("seed", summary.seed, int)
    _check_field("horizon_s", summary.horizon_s, float)
    for name in ("arrived", "created", "answered", "cancelled", "released", "live", "leaked"):
        _check_field(f"sessions.{name}", getattr(summary.sessions, name), int)
    _check_field("sessions.blocking", summary.sessions.blocking, float)
    _check_field("sessions.crashed_at_s", summary.sessions.crashed_at_s, float, optional=True)
    for status, count in summary.sessions.rejected.items():
        _check_field(f"sessions.rejected.{status}", count, int)
    for resource, use in summary.resources.items():
        for name in ("acquired", "released", "held", "leaked", "refused", "peak"):
            _check_field(f"resources.{resource}.{name}", getattr(use, name), int)
        _check_field(f"resources.{resource}.mean", use.mean, float)
        _check_field(f"resources.{resource}.limit", use.limit, int, optional=True)
    for latency, quantiles in summary.latency.items():
        _check_field(f"latency.{latency}.n", quantiles.n, int)
        for name in ("mean", "p50", "p95", "p99", "max"):
            _check_field(f"latency.{latency}.{name}", getattr(quantiles, name), float, optional=True)
    for at, violation in enumerate(summary.violations):
        _check_field(f"violations[{at}].time_s", violation.time_s, float)
        _check_field(f"violations[{at}].session", violation.session, int)
        _check_field(f"violations[{at}].kind", violation.kind, str)
        _check_field(f"violations[{at}].message", violation.message, str)
    for at, leak in enumerate(summary.leaks):
        _check_field(f"leaks[{at}].session", leak.session, int)
        _check_field(f"leaks[{at}].state", leak.state, str)
        _check_field(f"leaks[{at}].since_s", leak.since_s, float, optional=True)
        for held in leak.holds:
            _check_field(f"leaks[{at}].holds", held, str)


def _check_field(place: str, value: Any, kind: type, optional: bool = False) -> None:
    if optional and value is None:
        return
    if not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool):
        expected = {int: "a whole number", float: "a number", str: "text"}[kind]
        raise TypeError(f"{place}: expected {expected}, got {value!r}")


def mark_partial(result: RunResult) -> RunResult:
    """`result` with a summary that says that the run was interrupted."""
    result.summary = replace(result.summary, partial=True)
    return result


def provenance(engine: str, seed: int, wall_s: float, **more: Any) -> dict[str, Any]:
    """What is needed to run it again: versions, engine, seed, platform, wall time."""
    machine = f"{platform.system()} {platform.machine()}"
    return {
        "engine": engine,
        "seed": seed,
        "versions": dict(_versions()),
        "platform": machine,
        "wall_s": wall_s,
        **more,
    }


@functools.cache
def _versions() -> Mapping[str, str]:
    """What Python and the modules that decide a result are: read once, for a study asks at every run."""
    versions = {"python": platform.python_version()}
    for module in _MODULES:
        with suppress(metadata.PackageNotFoundError):
            versions[module] = metadata.version(module)
    return versions


def _with_provenance(result: RunResult) -> str:
    body = result.scenario_yaml
    if body and not body.endswith("\n"):
        body += "\n"
    if not result.provenance:
        return _HEADER + body
    import yaml

    return _HEADER + body + yaml.safe_dump({"provenance": result.provenance}, sort_keys=False, allow_unicode=True)


def _without_provenance(text: str) -> tuple[str, dict[str, Any]]:
    import yaml

    body, mark, rest = text.removeprefix(_HEADER).rpartition(_PROVENANCE)
    if not mark or (body and not body.endswith("\n")):
        return text.removeprefix(_HEADER), {}
    try:
        found = yaml.safe_load(mark + rest)["provenance"]
    except (yaml.YAMLError, TypeError, KeyError):
        return text.removeprefix(_HEADER), {}
    return body, found if isinstance(found, dict) else {}
