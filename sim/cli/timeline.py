"""`mrcpsim timeline`: one session's story, from a result folder or straight from a server's log."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.common import Detail, ForceOption, JsonOption, command, out_console, print_json

if TYPE_CHECKING:
    from sim.ledger.result import RunResult
    from sim.report.timeline import Story

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
def timeline(
    source: Source,
    session: Session = None,
    svg: Annotated[
        Path | None,
        typer.Option("--svg", metavar="FILE", help="Draw it as a message sequence chart too."),
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Tell one session's story, message by message (needs a run with --ledger full, or a server's log)."""
    from sim.files import refuse_existing
    from sim.report.timeline import print_story, story

    if svg is not None:
        refuse_existing(svg, force, "--svg")
    result = _read(source, progress=not json)
    told = story(result, session)
    if svg is not None:
        _draw(result, told, svg)
    if json:
        print_json(told.to_dict())
    else:
        print_story(told, out_console())


def _draw(result: "RunResult", told: "Story", path: Path) -> None:
    """Write the chart of `told`. ScenarioError when the file can not be written."""
    from sim.errors import ScenarioError
    from sim.files import whole
    from sim.report.sequence import sequence_svg

    leak = next((leak for leak in result.summary.leaks if leak.session == told.session), None)
    try:
        with whole(path) as part:
            part.write_text(sequence_svg(told, leak), encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: can not be written ({error.strerror or error}); choose another file") from None


def _read(source: list[str], progress: bool) -> "RunResult":
    """The result in a folder, or the audit of a log with every message."""
    from sim.cli.results import read_calls
    from sim.errors import ScenarioError
    from sim.ledger.result import load_result

    first = Path(source[0])
    if len(source) == 1 and (first.is_dir() or not (first.exists() or source[0] == "-")):
        if not first.exists():
            raise ScenarioError(f"{first}: expected a result folder, or a server's log (there is neither)")
        return load_result(first)
    return read_calls(source, Detail.FULL, progress)
