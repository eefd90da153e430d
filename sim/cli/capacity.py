"""`mrcpsim capacity`: the largest load, or value of another knob, that meets the targets."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.common import (
    FAILED_CONDITION,
    ForceOption,
    JsonOption,
    NoProgressOption,
    OutOption,
    ProgressBar,
    QuietOption,
    SeedOption,
    SetOption,
    command,
    out_console,
    overrides,
    print_json,
    scenario_path,
)
from sim.cli.study import CacheOption, ClusterOption, WorkersOption, executor_of

if TYPE_CHECKING:
    from sim.study.capacity import Capacity

TargetOption = Annotated[
    list[str],
    typer.Option("--target", metavar="CONDITION", help="What must hold, such as 'sessions.blocking < 1%'. Repeatable."),
]
ConfidenceOption = Annotated[float, typer.Option("--confidence", min=0.5, max=0.999, help="Of the interval.")]


def register(app: typer.Typer) -> None:
    app.command("capacity")(capacity)


@command
def capacity(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO.yaml", help="A scenario file, or a shipped one's name.")],
    target: TargetOption,
    vary: Annotated[str, typer.Option("--vary", metavar="PATH", help="The knob.")] = "arrivals.rate",
    between: Annotated[str, typer.Option("--range", metavar="LOW:HIGH", help="Where to look.")] = "1/s:2000/s",
    settings: SetOption = None,
    precision: Annotated[
        float, typer.Option("--precision", min=0.001, max=0.5, help="Half the interval, as a part of the value.")
    ] = 0.02,
    confidence: ConfidenceOption = 0.95,
    curve: Annotated[bool, typer.Option(help="Draw the response curve.")] = True,
    seed: SeedOption = None,
    cache: CacheOption = None,
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
    out: OutOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Search the largest value of a knob at which every target holds. Exit code 1: there is none in the range.

    With --out, a folder with capacity.json, scenario.yaml and report.html.
    """
    from sim.report.capacity import print_capacity
    from sim.report.html import NAME
    from sim.study.capacity import capacity as find
    from sim.study.capacity_folder import CapacityFolder

    with (
        CapacityFolder(out, force) if out is not None else nullcontext() as folder,
        executor_of(cluster, quiet) as executor,
        ProgressBar(not (quiet or no_progress)) as bar,
    ):
        found = find(
            scenario_path(scenario),
            vary=vary,
            between=between,
            targets=target,
            overrides=overrides(settings),
            precision=precision,
            confidence=confidence,
            seed=seed,
            cache=cache,
            executor=executor,
            workers=workers,
            curve=curve,
            progress=lambda runs, calls: bar(min(0.99, runs / (runs + 20.0)), f"{runs} runs, {calls} calls"),
        )
        if folder is not None:
            folder.put(lambda path: write_files(found, path))
    if not quiet:
        print_capacity(found, out_console(json))
        if out is not None:
            typer.echo(f"report  {out / NAME}", err=json)
    if json:
        print_json(found.to_dict())
    if found.value is None:
        raise typer.Exit(FAILED_CONDITION)


def write_files(found: "Capacity", folder: Path) -> None:
    """What the folder of a capacity holds: its data, and the page that `mrcpsim report` makes of them."""
    from sim.report.html import NAME, text_of
    from sim.study.capacity_folder import write_capacity

    write_capacity(found, folder)
    (folder / NAME).write_text(text_of(folder), encoding="utf-8")
