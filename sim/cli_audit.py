"""`mrcpsim audit` and `leaks`: what a real server's log, or a result, says about its pools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli_common import (
    FailOnOption,
    ForceOption,
    JsonOption,
    NoProgressOption,
    OutOption,
    ProgressBar,
    QuietOption,
    command,
    out_console,
    print_json,
)
from sim.cli_run import Detail, exit_code, judge, present

if TYPE_CHECKING:
    from sim.ledger.result import RunResult
    from sim.ledger.sink import Sink

SPELT_OUT = 20  # sessions that `leaks` explains one by one unless --all

LogArgument = Annotated[
    list[str],
    typer.Argument(metavar="LOG…", help="Log files: plain, .gz, .xz, rotated parts in any order; - is stdin."),
]


def register(app: typer.Typer) -> None:
    app.command("audit")(audit)
    app.command("leaks")(leaks)


@command
def audit(
    logs: LogArgument,
    ledger: Annotated[Detail, typer.Option("--ledger", help="How much the result folder holds.")] = Detail.SESSIONS,
    out: OutOption = None,
    force: ForceOption = False,
    fail_on: FailOnOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Build the ledger and summary of a real server's log; with --out, a result folder too."""
    from sim.ledger.conditions import parse
    from sim.ledger.result import ResultFolder
    from sim.report.plots import write_pictures

    conditions = [parse(text) for text in fail_on or []]
    wanted = not (quiet or no_progress)
    if out is None:
        result = read_logs(logs, Detail.SUMMARY, None, wanted)
        judge(result, conditions)
    else:
        with ResultFolder(out, force) as folder:
            result = read_logs(logs, ledger, folder.sink(), wanted)
            judge(result, conditions)
            folder.commit(result, write_pictures)
    present(result, json, quiet)
    if not quiet:
        for note in result.provenance.get("notes", ()):
            typer.echo(f"note: {note}", err=True)
    raise typer.Exit(exit_code(result))


@command
def leaks(
    source: Annotated[list[str], typer.Argument(metavar="RESULT_DIR|LOG…", help="A result folder, or a server's log.")],
    everything: Annotated[bool, typer.Option("--all", help="Explain every session, however many.")] = False,
    json: JsonOption = False,
) -> None:
    """Say for every live or leaked pool why it is alive."""
    from sim.ledger.result import load_result

    folder = len(source) == 1 and Path(source[0]).is_dir()
    result = load_result(source[0]) if folder else read_logs(source, Detail.SUMMARY, None, progress=not json)
    if json:
        print_json({"leaks": result.summary.to_dict()["leaks"]})
        return
    from sim.report.terminal import leaks_by_cause

    console = out_console()
    found = result.leaks
    console.print(leaks_by_cause(found))
    for leak in found if everything else found[:SPELT_OUT]:
        console.print(f"\n{leak}", markup=False)
    if len(found) > SPELT_OUT and not everything:
        console.print(f"\n… and {len(found) - SPELT_OUT} more; --all explains them too")


def read_logs(logs: list[str], ledger: Detail, sink: "Sink | None", progress: bool) -> "RunResult":
    """The audit of `logs`, with a progress bar by bytes where their sizes are known."""
    from sim.logs.audit import audit_logs

    with ProgressBar(progress) as bar:
        done = 0

        def read(count: int) -> None:
            nonlocal done
            done += count
            bar(0.0, f"{done / 1e6:.0f} MB read")

        return audit_logs(logs, ledger=ledger.value, sink=sink, progress=read)
