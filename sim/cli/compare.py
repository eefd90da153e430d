"""`mrcpsim compare`: two or more results side by side, and what differs beyond chance."""

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.common import (
    FAILED_CONDITION,
    Detail,
    FailOnOption,
    ForceOption,
    JsonOption,
    NoProgressOption,
    QuietOption,
    command,
    out_console,
    print_json,
)
from sim.cli.results import read_logs

if TYPE_CHECKING:
    from sim.comparison.compare import SideBySide
    from sim.comparison.fail_on import ConditionHeld
    from sim.ledger.result import RunResult


def register(app: typer.Typer) -> None:
    app.command("compare")(compare)


@command
def compare(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="A B…", help="Result folders of runs, audits or studies, or logs; the first one is the base."
        ),
    ],
    names: Annotated[
        str | None, typer.Option("--names", metavar="A,B,…", help="What to call them, such as before,after.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the comparison as a page, too.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the result.")] = None,
    force: ForceOption = False,
    full: Annotated[bool, typer.Option("--full", help="Show every row, also those within chance.")] = False,
    fail_on: FailOnOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Compare results or logs with the first one: what differs, by how much, and what is beyond chance.

    Conditions are about rows and their columns, 'sessions.blocking.difference > 1%', or count rows, 'worse > 0'. A log
    in several parts is audited first: mrcpsim audit PARTS --out DIR. With --out, a folder with comparison.json and
    report.html.
    """
    from sim.comparison.compare import compare as compared
    from sim.comparison.comparison_folder import ComparisonFolder
    from sim.comparison.fail_on import hold_to
    from sim.files import refuse_existing

    if output is not None:
        refuse_existing(output, force, "-o")
    told = named(names, sources)
    again = command_of(sources, names, fail_on or [])
    with ComparisonFolder(out, force) if out is not None else nullcontext() as folder:
        found = compared(*(given(source, not (quiet or no_progress)) for source in sources), names=told)
        held = hold_to(fail_on or [], found)
        if folder is not None:
            folder.put(lambda path: write_files(found, held, again, path))
    if not quiet:
        from sim.report.comparison import print_comparison

        print_comparison(found, out_console(json), full, held)
    if json:
        print_json({**found.to_dict(), "conditions": [item.to_dict() for item in held]})
    if output is not None:
        from sim.files import unwritable, whole
        from sim.report.html import comparison_text

        try:
            with whole(output) as part:
                part.write_text(comparison_text(found, held, again), encoding="utf-8")
        except OSError as error:
            raise unwritable(output, error, "-o") from None
    for page in (output, out):
        if page is not None and not quiet:
            typer.echo(str(page), err=True)
    raise typer.Exit(FAILED_CONDITION if any(item.holds for item in held) else 0)


def command_of(sources: list[str], names: str | None, fail_on: list[str]) -> str:
    """What makes the same comparison again."""
    words = ["mrcpsim", "compare", *sources, *(["--names", names] if names is not None else [])]
    return shlex.join([*words, *(word for text in fail_on for word in ("--fail-on", text))])


def write_files(found: "SideBySide", held: "list[ConditionHeld]", command: str, folder: Path) -> None:
    """What the folder of a comparison holds: its data, and the page that `mrcpsim report` makes of them."""
    from sim.comparison.comparison_folder import write_comparison
    from sim.report.html import NAME, text_of

    write_comparison(found, held, command, folder)
    (folder / NAME).write_text(text_of(folder), encoding="utf-8")


def given(source: str, progress: bool) -> "RunResult | Path":
    """A folder as it is; anything else is a log, which is audited."""
    if source != "-" and Path(source).is_dir():
        return Path(source)
    return read_logs([source], Detail.SESSIONS, None, progress)


def named(names: str | None, sources: list[str]) -> list[str] | None:
    """The `--names`, one for each result. ScenarioError when they are not as many, or not distinct."""
    from sim.errors import ScenarioError

    if names is None:
        return None
    found = [name.strip() for name in names.split(",")]
    if len(found) != len(sources) or len(set(found)) != len(found) or not all(found):
        raise ScenarioError(f"--names must give each of {len(sources)} results its own name (got {names!r})")
    return found
