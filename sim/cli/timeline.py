"""`mrcpsim timeline`: what a finished result tells, beyond its summary."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.common import JsonOption, command, out_console, print_json

ResultArgument = Annotated[Path, typer.Argument(metavar="RESULT_DIR", help="A folder that `mrcpsim run` has written.")]


def register(app: typer.Typer) -> None:
    app.command("timeline")(timeline)


@command
def timeline(
    result_dir: ResultArgument,
    session: Annotated[int | None, typer.Option("--session", help="Which session; by default one that leaked.")] = None,
    json: JsonOption = False,
) -> None:
    """Tell one session's story, message by message (needs a run with --ledger full)."""
    from sim.ledger.result import load_result
    from sim.report.timeline import print_story, story

    told = story(load_result(result_dir), session)
    if json:
        print_json(told.to_dict())
    else:
        print_story(told, out_console())
