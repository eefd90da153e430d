"""`mrcpsim run`: simulate, print the summary, write a result folder."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.common import (
    FAILED_CONDITION,
    INTERRUPTED,
    FailOnOption,
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
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.ledger.conditions import Condition
    from sim.ledger.result import RunResult
    from sim.scenario import Scenario


class Engine(StrEnum):
    AUTO = "auto"
    SIMPY = "simpy"
    COMPILED = "compiled"


class Detail(StrEnum):
    SUMMARY = "summary"
    SESSIONS = "sessions"
    FULL = "full"


TABLES = {
    None: ("sessions", "levels"),
    Detail.SUMMARY: ("levels",),
    Detail.SESSIONS: ("sessions", "levels"),
    Detail.FULL: ("sessions", "levels", "ledger", "messages"),
}

EngineOption = Annotated[Engine, typer.Option("--engine", help="Which engine runs it.")]
LedgerOption = Annotated[
    Detail | None, typer.Option("--ledger", help="How much is recorded: by default full for small runs, else sessions.")
]


def register(app: typer.Typer) -> None:
    app.command("run")(run)


@command
def run(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO.yaml", help="A scenario file, or a shipped one's name.")],
    settings: SetOption = None,
    seed: SeedOption = None,
    engine: EngineOption = Engine.AUTO,
    ledger: LedgerOption = None,
    out: OutOption = None,
    force: ForceOption = False,
    fail_on: FailOnOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Simulate SCENARIO.yaml, print the summary and write a result folder (default reports/<scenario name>)."""
    from sim.errors import ScenarioError
    from sim.ledger.result import ResultFolder
    from sim.report.plots import write_pictures
    from sim.scenario import load_scenario

    loaded = load_scenario(scenario_path(scenario), overrides(settings))
    read_conditions(loaded.expect, loaded)
    conditions = read_conditions(fail_on or [], loaded)
    with ResultFolder(out or Path("reports") / loaded.name, force) as folder:
        from sim.engine.run import run as simulate

        if not quiet:
            tell_of_compiling()
        with ProgressBar(not (quiet or no_progress)) as progress:
            result = simulate(
                loaded,
                seed=seed,
                engine=engine.value,
                ledger=ledger.value if ledger is not None else None,
                sink=folder.sink(TABLES[ledger]),
                progress=progress,
            )
        if result.summary.partial and not quiet:
            typer.echo("interrupted: writing what was finished; interrupted again, that is lost", err=True)
        try:
            judge(result, conditions)
        except ScenarioError:
            folder.commit(result, write_pictures)  # what was simulated is worth more than the condition
            raise
        folder.commit(result, write_pictures)
    present(result, json, quiet)
    raise typer.Exit(exit_code(result))


def tell_of_compiling() -> None:
    """Let standard error say that the engine is being compiled, where no progress bar does."""
    import logging
    import sys

    logger = logging.getLogger("mrcpsim")
    if not sys.stderr.isatty() and not logger.handlers:
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.INFO)


def scenario_path(given: str) -> Path:
    """The file `given`, or the shipped scenario of that name when there is no such file."""
    from sim.scenario import find_shipped

    path = Path(given)
    return path if path.exists() else find_shipped(given) or path


def read_conditions(texts: "Iterable[str]", scenario: "Scenario") -> "list[Condition]":
    """Conditions for a run of `scenario`: a name that the run will not have is found before it starts."""
    from sim.engine.start.setup import resource_names, task_names
    from sim.ledger.conditions import parse

    resources, tasks = resource_names(scenario), task_names(scenario)
    return [parse(text, resources=resources, tasks=tasks) for text in texts]


def judge(result: "RunResult", fail_on: "list[Condition]") -> None:
    """Add each `--fail-on` condition to the summary as one that is expected not to hold."""
    from dataclasses import replace

    from sim.ledger.summary import Expectation

    found = [condition.evaluate(result.summary) for condition in fail_on]
    unwanted = [Expectation(f"not ({item.condition})", item.value, not item.ok) for item in found]
    result.summary = replace(result.summary, expect=(*result.summary.expect, *unwanted))


def present(result: "RunResult", json: bool, quiet: bool) -> None:
    """Print the summary: as JSON on standard output, for people beside it unless `quiet`."""
    if not quiet:
        from sim.report.terminal import print_summary

        where = str(result.directory) if result.directory is not None else None
        print_summary(result.summary, out_console(json), where)
    if json:
        print_json(result.summary.to_dict())


def exit_code(result: "RunResult") -> int:
    if result.summary.partial:
        return INTERRUPTED
    return 0 if all(item.ok for item in result.summary.expect) else FAILED_CONDITION
