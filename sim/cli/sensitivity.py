"""`mrcpsim sensitivity`: which knobs move an answer, so that one knows what to measure better."""

from typing import Annotated

import typer

from sim.cli.common import (
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
from sim.errors import ScenarioError


def register(app: typer.Typer) -> None:
    app.command("sensitivity")(sensitivity)


@command
def sensitivity(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO.yaml", help="A scenario file, or a shipped one's name.")],
    vary: Annotated[
        list[str], typer.Option("--vary", metavar="PATH=LOW:HIGH", help="A knob and its range. Repeatable.")
    ],
    metric: Annotated[str, typer.Option("--metric", metavar="PATH", help="The answer, such as sessions.blocking.")],
    sobol: Annotated[bool, typer.Option("--sobol", help="Shares of the variance, in many more runs.")] = False,
    replications: Annotated[int, typer.Option("--replications", min=1, help="Runs at each point.")] = 3,
    settings: SetOption = None,
    seed: SeedOption = None,
    cache: CacheOption = None,
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Rank knobs by how much they move a metric over their ranges."""
    from sim.report.sensitivity import print_sensitivity
    from sim.study.sensitivity import sensitivity as rank

    with executor_of(cluster, quiet) as executor, ProgressBar(not (quiet or no_progress)) as bar:
        found = rank(
            scenario_path(scenario),
            ranges=_ranges(vary),
            metric=metric,
            method="sobol" if sobol else "morris",
            replications=replications,
            overrides=overrides(settings),
            seed=seed,
            cache=cache,
            executor=executor,
            workers=workers,
            progress=lambda runs, calls: bar(min(0.99, runs / (runs + 20.0)), f"{runs} runs, {calls} calls"),
        )
    if not quiet:
        print_sensitivity(found, out_console(json))
    if json:
        print_json(found.to_dict())


def _ranges(vary: list[str]) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for text in vary:
        path, ends = _range(text)
        if path in found:
            raise ScenarioError(f"--vary {text}: expected each knob once (got {path} twice)")
        found[path] = ends
    return found


def _range(text: str) -> tuple[str, tuple[str, str]]:
    path, equals, ends = text.partition("=")
    low, colon, high = ends.partition(":")
    if not (path and equals and colon):
        raise ScenarioError(f"--vary {text}: must be PATH=LOW:HIGH, such as calls.hold.mean=2s:4s")
    return path.strip(), (low.strip(), high.strip())
