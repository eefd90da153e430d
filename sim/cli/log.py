"""`mrcpsim log`: a simulated run as a log in the server's own format."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.common import ForceOption, NoProgressOption, ProgressBar, QuietOption, command


class Level(StrEnum):
    """Least priority of the lines that are written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    NOTICE = "NOTICE"
    WARN = "WARN"
    ERROR = "ERROR"


def register(app: typer.Typer) -> None:
    app.command("log")(log)


@command
def log(
    result_dir: Annotated[Path, typer.Argument(metavar="RESULT_DIR", help="A result of `run --ledger full`.")],
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", "--out", metavar="FILE", help="Log file: plain, .gz or .xz; - for standard output."
        ),
    ],
    level: Annotated[Level, typer.Option("--level", case_sensitive=False, help="Least priority.")] = Level.DEBUG,
    start: Annotated[
        str, typer.Option("--start", metavar="TIME", help="Date and time at which the run began.")
    ] = "2026-01-01T00:00:00",
    force: ForceOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Write a run as a log in the server's own format and wording."""
    from datetime import datetime

    from sim.errors import ScenarioError
    from sim.ledger.result import load_result
    from sim.logs.writing.write import write_log

    try:
        began = datetime.fromisoformat(start).replace(tzinfo=None)
        if began.year < 1000 or began.year > 9000:
            raise ValueError
    except ValueError:
        raise ScenarioError(f"--start must be a date and time, such as 2026-01-01T00:00:00 (got {start!r})") from None
    result = load_result(result_dir)
    with ProgressBar(not (quiet or no_progress)) as bar:
        count = write_log(
            result, output, level=level.value, start=began, force=force, progress=lambda done: bar(done, "writing")
        )
    if not quiet:
        typer.echo(f"{output}: {count} entries", err=True)
