"""`mrcpsim report`: the page of a result folder, written again."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.common import QuietOption, command


def register(app: typer.Typer) -> None:
    app.command("report")(report)


@command
def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="RESULT_DIR", help="The folder of a run, an audit, a study, a validation or a capacity."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", "--out", metavar="FILE", help="The page; default: in the folder."),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Write report.html again: one page with the verdict, pictures, tables and leaks; nothing in it is fetched."""
    from sim.errors import ScenarioError
    from sim.files import whole
    from sim.report.html import NAME, text_of

    page = text_of(folder)
    path = output or folder / NAME
    try:
        with whole(path) as part:
            part.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: can not be written ({error.strerror or error}); choose another with -o") from None
    if not quiet:
        typer.echo(str(path))
