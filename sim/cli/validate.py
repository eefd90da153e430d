"""`mrcpsim validate`: a scenario against a real log, quantile by quantile."""

from contextlib import nullcontext
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sim.cli.common import (
    FAILED_CONDITION,
    EngineName,
    EngineOption,
    ForceOption,
    JsonOption,
    LogArgument,
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

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.ledger.result import RunResult
    from sim.scenario import Scenario
    from sim.validation.validate import Validation


class TakenFrom(StrEnum):
    """Where a validation takes a property of a single run from."""

    LOG = "log"
    SCENARIO = "scenario"


def register(app: typer.Typer) -> None:
    app.command("validate")(validate)
    app.command("validation-report")(validation_report)


@command
def validate(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO.yaml", help="The scenario that predicts, or a shipped one's name.")
    ],
    logs: LogArgument,
    settings: SetOption = None,
    interference: Annotated[
        TakenFrom,
        typer.Option("--interference", help="Stalls by other processes: the scenario's, or read from the log."),
    ] = TakenFrom.SCENARIO,
    phase: Annotated[
        TakenFrom,
        typer.Option("--phase", help="Phase of the media tick: the scenario's, or read from the log."),
    ] = TakenFrom.SCENARIO,
    runs: Annotated[int | None, typer.Option("--runs", min=1, max=1000, help="Simulated runs.")] = None,
    seed: SeedOption = None,
    engine: EngineOption = EngineName.AUTO,
    out: OutOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Simulate a log's own calls and compare counts, latencies and waits; exit 1 when they disagree."""
    from sim.calibration.evidence import watch_logs
    from sim.errors import ScenarioError
    from sim.report.html import NAME as PAGE
    from sim.report.validation import QQ_PNG, print_validation
    from sim.scenario import load_scenario
    from sim.validation.kept import ValidationFolder
    from sim.validation.validate import validate as compare

    made = load_scenario(scenario_path(scenario), overrides(settings))
    if made.fleet is not None:
        raise ScenarioError(f"{made.name}: a log is of one server (got a fleet); leave it out with --set fleet=null")
    with (
        ValidationFolder(out, force) if out is not None else nullcontext() as folder,
        ProgressBar(not (quiet or no_progress)) as bar,
    ):
        evidence = watch_logs(logs)
        found = compare(
            made, evidence, runner(engine.value), interference=interference.value, phase=phase.value, runs=runs,
            seed=seed, progress=lambda part: bar(part, "simulating"),
        )  # fmt: skip
        if folder is not None:
            folder.put(lambda path: write_files(found, path))
    if json:
        print_json(found.to_dict())
    elif not quiet:
        print_validation(found, out_console())
        if out is not None:
            typer.echo(f"\nquantile-quantile plot  {out / QQ_PNG}\nreport  {out / PAGE}")
    if not quiet:
        for note in evidence.notes:
            typer.echo(f"note: {note}", err=True)
    raise typer.Exit(0 if found.ok else FAILED_CONDITION)


def write_files(found: "Validation", folder: Path) -> None:
    """What the folder of a validation holds: its data, the page that `mrcpsim report` makes of them, and the plot."""
    from sim.report.html import NAME, validation_text
    from sim.report.validation import QQ_PNG, write_qq
    from sim.validation.kept import load_validation, write_validation

    write_validation(found, folder)
    (folder / NAME).write_text(validation_text(load_validation(folder)), encoding="utf-8")
    write_qq(found, folder / QQ_PNG)


@command
def validation_report(
    logs: LogArgument,
    on: Annotated[str, typer.Option("--on", metavar="LOG", help="The log to calibrate on.")],
    breaks_on: Annotated[
        Path | None,
        typer.Option(
            "--breaks-on", metavar="LOG", help="Say where it breaks: calibrate on this, threads.csv beside it."
        ),
    ] = None,
    breaks: Annotated[
        list[str] | None,
        typer.Option(
            "--breaks", metavar="LOG=RATE", help="A log at so many calls/s offered, threads.csv beside it. Repeatable."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", "--out", metavar="REPORT.md", help="The report to write.")
    ] = Path("reports/validation.md"),
    engine: EngineOption = EngineName.AUTO,
    force: ForceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Calibrate on one log, predict all the others, and write a report with plots."""
    from sim.files import refuse_existing
    from sim.report.validation_markdown import write_report
    from sim.validation.breaking import breaking
    from sim.validation.every_log import validate_all

    refuse_existing(output, force, "-o")
    tell = None if quiet else lambda text: typer.echo(text, err=True)
    found = validate_all(on, logs, runner(engine.value), tell)
    if breaks_on is not None:
        found = replace(
            found, breaking=breaking(breaks_on, offered(breaks or []), runner(engine.value, "summary"), tell)
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    write_report(found, output)
    if not quiet:
        typer.echo(f"wrote {output}")


def offered(logs: "Sequence[str]") -> dict[str, float]:
    """LOG=RATE options as a mapping. ScenarioError when one is not such."""
    from sim.errors import ScenarioError

    found = {}
    for text in logs:
        log, _, rate = text.rpartition("=")
        if not log or not rate.replace(".", "", 1).isdigit():
            raise ScenarioError(
                f"--breaks: expected a log and the calls per second offered, as a.log=1200 (got {text})"
            )
        found[log] = float(rate)
    return found


def runner(engine: str, ledger: Literal["summary", "full"] = "full") -> "Callable[[Scenario, int], RunResult]":
    """Simulates with one engine and keeps sessions and messages, or the summary alone."""

    def simulate(scenario: "Scenario", seed: int) -> "RunResult":
        from sim.engine.run import run

        return run(scenario, seed=seed, engine=engine, ledger=ledger)

    return simulate
