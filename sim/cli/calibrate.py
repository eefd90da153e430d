"""`mrcpsim calibrate`: a real server's log becomes a scenario."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.common import (
    ForceOption,
    JsonOption,
    LogArgument,
    NoProgressOption,
    ProgressBar,
    QuietOption,
    command,
    print_json,
)


def register(app: typer.Typer) -> None:
    app.command("calibrate")(calibrate)


@command
def calibrate(
    logs: LogArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", "--out", metavar="SCENARIO.yaml", help="The scenario to write.")
    ],
    threads: Annotated[
        Path | None,
        typer.Option(
            "--threads",
            metavar="FILE",
            help="What the server's threads used meanwhile: threads.csv, or the output of 'pidstat -t -u -w 1'.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Its name, instead of the file's.")] = None,
    force: ForceOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Fit a scenario to a real server's log; every value is written with what it was fitted to."""
    from sim.calibration.calibrate import calibrate_logs, scenario_name
    from sim.calibration.findings import to_dict
    from sim.calibration.highlights import highlights
    from sim.errors import ScenarioError
    from sim.files import refuse_existing

    refuse_existing(output, force, "-o")
    if not output.parent.is_dir():
        raise ScenarioError(f"{output}: expected an existing folder {output.parent}; create it first")
    with ProgressBar(not (quiet or no_progress)) as bar:
        found = calibrate_logs(logs, name=name or scenario_name(output.stem), threads=threads, progress=bar.read)
    written = [str(file) for file in found.save(output, force)]
    if not quiet:
        for file in written:
            typer.echo(f"wrote {file}", err=True)
        for line in highlights(found):
            typer.echo(line, err=json)
    if json:
        print_json(to_dict(found, written))
