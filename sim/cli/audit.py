"""`mrcpsim audit`: what a real server's log says about its pools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.common import (
    ConfigOption,
    Detail,
    FailOnOption,
    ForceOption,
    FullOption,
    JsonOption,
    LogArgument,
    NoProgressOption,
    OutOption,
    QuietOption,
    command,
)
from sim.cli.results import configured_timers, exit_code, judge, present, read_logs, tell_notes

if TYPE_CHECKING:
    from sim.ledger.conditions import Condition
    from sim.ledger.result import RunResult


def register(app: typer.Typer) -> None:
    app.command("audit")(audit)


@command
def audit(
    logs: LogArgument,
    ledger: Annotated[Detail, typer.Option("--ledger", help="How much the result folder holds.")] = Detail.SESSIONS,
    out: OutOption = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the report alone: one page, no result folder.")
    ] = None,
    force: ForceOption = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on reading as the log grows, with a live table of pools, until Ctrl-C.")
    ] = False,
    config: ConfigOption = None,
    fail_on: FailOnOption = None,
    json: JsonOption = False,
    full: FullOption = False,
    quiet: QuietOption = False,
    no_progress: NoProgressOption = False,
) -> None:
    """Build the ledger and summary of a real server's log; with --out a result folder, too, with --html the page."""
    from sim.errors import LogError
    from sim.files import refuse_existing
    from sim.ledger.conditions import parse
    from sim.ledger.result import ResultFolder
    from sim.report.html import write_extras

    if html is not None:
        refuse_existing(html, force, "--html")
    conditions = [parse(text) for text in fail_on or []]
    wanted = not (quiet or no_progress)
    if follow:
        if len(logs) != 1 or logs[0] == "-":
            raise LogError(f"--follow must have one log file, which grows (got {' '.join(logs)})")
        result = follow_one(logs[0], ledger if out is not None or html is not None else Detail.SUMMARY, config)
        judge_log(result, conditions)
        if out is not None:
            with ResultFolder(out, force) as folder:
                folder.commit(result, write_extras)
    elif out is None:
        result = read_logs(logs, Detail.SUMMARY if html is None else ledger, None, wanted, config)
        judge_log(result, conditions)
    else:
        with ResultFolder(out, force) as folder:
            result = read_logs(logs, ledger, folder.sink(), wanted, config)
            judge_log(result, conditions)
            folder.commit(result, write_extras)
    if html is not None:
        write_page(result, html)
    present(result, json, quiet, full)
    if not quiet:
        if html is not None:
            typer.echo(f"report  {html}", err=json)
        tell_notes(result)
    raise typer.Exit(exit_code(result))


def write_page(result: "RunResult", path: Path) -> None:
    """The page of a result as a file of its own, whole or not at all. ScenarioError when it can not be written."""
    from sim.files import unwritable, whole
    from sim.report.html import page_text

    try:
        with whole(path) as part:
            part.write_text(page_text(result), encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error, "--html") from None


def judge_log(result: "RunResult", conditions: "list[Condition]") -> None:
    """`judge`; LogError where there are conditions and nothing in the log that they could be held to."""
    from sim.errors import LogError

    if conditions and not result.provenance.get("level"):
        raise LogError(f"{result.summary.scenario}: --fail-on must have a log with lines of a server (got one without)")
    lost = next((found for found in result.summary.findings if found.kind == "lines-unread"), None)
    if conditions and lost is not None:
        raise LogError(
            f"{result.summary.scenario}: --fail-on must have a log of which sessions can be read ({lost.text})"
        )
    judge(result, conditions)


def follow_one(log: str, ledger: Detail, config: Path | None) -> "RunResult":
    """The audit of a growing log until Ctrl-C; the live table goes to standard error."""
    from rich.console import Console

    from sim.audit.follow import follow_log

    return follow_log(log, console=Console(stderr=True), ledger=ledger.value, timers=configured_timers(config))
