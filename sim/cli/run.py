"""`mrcpsim run`: simulate, print the summary, write a result folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.common import (
    Detail,
    EngineName,
    EngineOption,
    FailOnOption,
    ForceOption,
    FullOption,
    JsonOption,
    LedgerOption,
    NoProgressOption,
    OutOption,
    ProgressBar,
    QuietOption,
    SeedOption,
    SetOption,
    command,
    overrides,
    scenario_path,
)
from sim.cli.results import exit_code, judge, present, read_conditions, tell_notes

if TYPE_CHECKING:
    pass


TABLES = {
    None: ("sessions", "levels"),
    Detail.SUMMARY: ("levels",),
    Detail.SESSIONS: ("sessions", "levels"),
    Detail.FULL: ("sessions", "levels", "ledger", "messages"),
}


def register(app: typer.Typer) -> None:
    app.command("run")(run)


@command
def run(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO.yaml", help="A scenario file, or a shipped one's name.")],
    settings: SetOption = None,
    seed: SeedOption = None,
    engine: EngineOption = EngineName.AUTO,
    ledger: LedgerOption = None,
    out: OutOption = None,
    force: ForceOption = False,
    fail_on: FailOnOption = None,
    json: JsonOption = False,
    full: FullOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Simulate SCENARIO.yaml, print the summary and write a result folder (default reports/<scenario name>)."""
    from dataclasses import replace

    from sim.engine.check import check_condition
    from sim.errors import ScenarioError
    from sim.ledger.result import ResultFolder
    from sim.report.html import write_extras
    from sim.scenario import load_scenario

    loaded = load_scenario(scenario_path(scenario), overrides(settings), conditions=check_condition)
    conditions = read_conditions(fail_on or [], loaded)
    if loaded.fleet is not None:
        from sim.cli.fleet import run_fleet

        raise typer.Exit(run_fleet(loaded, seed, engine.value, out, force, conditions, json, quiet))
    with ResultFolder(out or Path("reports") / loaded.name, force) as folder:
        from sim.engine.run import run as simulate
        from sim.study.assumptions import beside

        if not quiet:
            tell_of_compiling()
        with ProgressBar(not (quiet or no_progress)) as progress:
            result = simulate(
                loaded,
                seed=seed,
                engine=engine.value,
                ledger=ledger.value if ledger is not None else None,
                conditions=conditions,
                sink=folder.sink(TABLES[ledger]),
                progress=progress,
            )
        if result.summary.partial and not quiet:
            typer.echo("interrupted: writing what was finished; interrupted again, that is lost", err=True)
        result.summary = replace(result.summary, theory=beside(loaded, result.summary))
        try:
            judge(result, conditions)
        except ScenarioError:
            folder.commit(result, write_extras)  # what was simulated is worth more than the condition
            raise
        folder.commit(result, write_extras)
    present(result, json, quiet, full)
    if not quiet:
        tell_notes(result)
    raise typer.Exit(exit_code(result))


def tell_of_compiling() -> None:
    """Let standard error say that the engine is being compiled, where no progress bar does."""
    import logging
    import sys

    logger = logging.getLogger("mrcpsim")
    if not sys.stderr.isatty() and not logger.handlers:
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.INFO)
