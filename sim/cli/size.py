"""`mrcpsim size`: every limit of the server for a load, with its margin and the XML to paste."""

from typing import Annotated

import typer

from sim.cli.capacity import ConfidenceOption, TargetOption
from sim.cli.common import (
    FAILED_CONDITION,
    JsonOption,
    NoProgressOption,
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


def register(app: typer.Typer) -> None:
    app.command("size")(size)


@command
def size(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO.yaml", help="A scenario file, or a shipped one's name.")],
    target: TargetOption,
    settings: SetOption = None,
    headroom: Annotated[
        float, typer.Option("--headroom", min=0.0, max=10.0, help="Load in reserve: 0.2 is a fifth more.")
    ] = 0.2,
    confidence: ConfidenceOption = 0.95,
    seed: SeedOption = None,
    cache: CacheOption = None,
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Propose channels, connections, RTP range and processors for a load. Exit code 1: a target is missed still."""
    from sim.report.size import print_size
    from sim.study.sizing import size as propose

    with executor_of(cluster, quiet) as executor, ProgressBar(not (quiet or no_progress)) as bar:
        found = propose(
            scenario_path(scenario),
            targets=target,
            overrides=overrides(settings),
            headroom=headroom,
            confidence=confidence,
            seed=seed,
            cache=cache,
            executor=executor,
            workers=workers,
            progress=lambda runs, calls: bar(min(0.99, runs / (runs + 8.0)), f"{runs} runs, {calls} calls"),
        )
    if not quiet:
        print_size(found, out_console(json))
    if json:
        print_json(found.to_dict())
    if not found.ok:
        raise typer.Exit(FAILED_CONDITION)
