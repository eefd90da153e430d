"""`mrcpsim study`: replications, sweeps and comparison; `mrcpsim cache`: the finished runs that studies share."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.common import (
    BAD_INPUT,
    RUN_FAILED,
    ForceOption,
    JsonOption,
    NoProgressOption,
    OutOption,
    ProgressBar,
    QuietOption,
    command,
    out_console,
    print_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from sim.study.study import Progress

CacheOption = Annotated[
    str | None,
    typer.Option(
        "--cache", metavar="DIR|URL", help="Where finished runs are kept and found: a folder, or an fsspec URL."
    ),
]
ClusterOption = Annotated[
    str | None, typer.Option("--cluster", metavar="tcp://HOST:PORT", help="Use a running Dask scheduler.")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", "-j", min=1, help="Local processes; by default one a processor.")
]


@contextmanager
def executor_of(cluster: str | None, quiet: bool) -> "Iterator[Executor | None]":
    """The executor of the scheduler at that address; None, for local processes, where there is none."""
    if cluster is None:
        yield None
        return
    from sim.study.pool import cluster as dask

    with dask(cluster) as executor:
        if not (quiet or executor.has_workers):
            typer.echo(f"note: the scheduler at {cluster} has no workers yet; the runs wait for one", err=True)
        yield executor


def register(app: typer.Typer) -> None:
    app.command("study")(study)
    app.command("cache")(cache)


@command
def study(
    file: Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="A study file, or a shipped one's name.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs with an estimate of time; run none.")
    ] = False,
    out: OutOption = None,
    cache: CacheOption = None,
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Run every scenario of STUDY.yaml at every point, as often as it asks for; the same command goes on where it was.

    Writes runs.parquet (a row a run, readable while it grows), study.json, study.yaml, report.html: to reports/<name>.
    """
    from sim.study import study as studies

    path = study_path(file)
    if dry_run:
        _show_dry_run(path, cache, workers, json)
        return
    from sim.files import write_whole
    from sim.report.html import NAME, study_text
    from sim.report.study import print_study

    with executor_of(cluster, quiet) as executor, ProgressBar(not (quiet or no_progress)) as bar:
        result = studies.study(
            path,
            out=out,
            cache=cache,
            executor=executor,
            workers=workers,
            force=force,
            progress=lambda seen: bar(seen.finished / max(seen.wanted, 1), _told(seen)),
        )
    write_whole(result.directory / NAME, study_text(result.directory))
    if not quiet:
        print_study(result, out_console(json))
    if json:
        print_json(result.to_dict())
    if result.progress.failed or any(not cell.text for cell in result.cells):
        raise typer.Exit(RUN_FAILED)


def _told(seen: "Progress") -> str:
    text = f"{seen.finished} of {seen.wanted} runs, {seen.rate_per_s:.1f}/s"
    return f"{text}, {seen.failed} failed" if seen.failed else text


def study_path(given: Path) -> Path:
    """The file, or the shipped study of that name."""
    if given.exists():
        return given
    from sim.scenario.shipped import STUDIES, shipped_folder

    name = given.as_posix().removesuffix(".yaml").removeprefix("scenarios/").removeprefix(f"{STUDIES}/")
    shipped = shipped_folder() / STUDIES / f"{name}.yaml"
    return shipped if shipped.exists() else given


def _show_dry_run(path: Path, cache: str | None, workers: int | None, json: bool) -> None:
    from sim.report.study import print_dry_run
    from sim.study.study import dry_run

    found = dry_run(path, cache=cache, workers=workers)
    if json:
        print_json(found.to_dict())
    else:
        print_dry_run(found, out_console())
    if any(cell.error for cell in found.cells):
        raise typer.Exit(BAD_INPUT)


@command
def cache(
    cache: CacheOption = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove the runs that are kept.")] = False,
    older_than: Annotated[
        float | None, typer.Option("--older-than", metavar="DAYS", min=0.0, help="Only those older than so many days.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the finished runs that studies share, or clear them."""
    import time

    from sim.study.store import Store

    store = Store(cache)
    entries = [*store.entries()]
    total = sum(entry.size_bytes for entry in entries)
    removed = 0
    if clear:
        removed = store.clear(time.time() - 86_400.0 * older_than if older_than is not None else float("inf"))
    if json:
        print_json({"place": store.place, "runs": len(entries), "bytes": total, "removed": removed})
        return
    typer.echo(f"{store.place}: {len(entries)} runs, {total / 1e6:.1f} MB" + (f"; removed {removed}" if clear else ""))
