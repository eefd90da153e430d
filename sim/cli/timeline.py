"""`mrcpsim timeline`: one session's story, from a result folder or straight from a server's log."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.common import Detail, JsonOption, command, out_console, print_json

if TYPE_CHECKING:
    from sim.ledger.result import RunResult

Source = Annotated[
    list[str],
    typer.Argument(metavar="RESULT_DIR|LOG…", help="A result folder with --ledger full, or a server's log."),
]
Session = Annotated[
    str | None,
    typer.Option("--session", metavar="N|ID", help="Which: its number, or the server's own id; else one that leaked."),
]


def register(app: typer.Typer) -> None:
    app.command("timeline")(timeline)


@command
def timeline(source: Source, session: Session = None, json: JsonOption = False) -> None:
    """Tell one session's story, message by message (needs a run with --ledger full, or a server's log)."""
    from sim.report.timeline import print_story, story

    told = story(_read(source, progress=not json), session)
    if json:
        print_json(told.to_dict())
    else:
        print_story(told, out_console())


def _read(source: list[str], progress: bool) -> "RunResult":
    """The result in a folder, or the audit of a log with every message."""
    from sim.cli.results import read_logs
    from sim.ledger.result import load_result

    first = Path(source[0])
    if len(source) == 1 and (first.is_dir() or not (first.exists() or source[0] == "-")):
        return load_result(first)
    return read_logs(source, Detail.FULL, None, progress)
