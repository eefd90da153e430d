"""`mrcpsim catalogue`: run every shipped fault and write the table of what each does."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.common import FAILED_CONDITION, QuietOption, command


def register(app: typer.Typer) -> None:
    app.command("catalogue")(catalogue)


@command
def catalogue(
    output: Annotated[
        Path, typer.Option("-o", "--output", "--out", metavar="FILE", help="Markdown file; - prints it.")
    ] = Path("reports/fault-catalogue.md"),
    quiet: QuietOption = False,
) -> None:
    """Run every shipped fault and write the table of what each does, compared with the real server."""
    from sim.report.catalogue import catalogue as written
    from sim.report.catalogue import cells_of, disagreements
    from sim.study.shipped_faults import ROWS, run_rows

    results = run_rows(None if quiet else lambda name: typer.echo(name, err=True))
    text = written(ROWS, results)
    if str(output) == "-":
        typer.echo(text, nl=False)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    wrong = [row.fault for row in ROWS if disagreements(row, cells_of(results[row.scenario]))]
    if wrong:
        typer.echo(f"the model disagrees with the documented rows: {', '.join(wrong)}", err=True)
        raise typer.Exit(FAILED_CONDITION)
