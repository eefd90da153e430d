"""What commands that end in a result share: reading logs, judging conditions, telling people, exit codes."""

from typing import TYPE_CHECKING

import typer

from sim.cli.common import FAILED_CONDITION, INTERRUPTED, Detail, ProgressBar, out_console, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sim.audit.timers import Timers
    from sim.ledger.conditions import Condition
    from sim.ledger.result import RunResult
    from sim.ledger.sink import Sink
    from sim.scenario import Scenario


def read_conditions(texts: "Iterable[str]", scenario: "Scenario") -> "list[Condition]":
    """Conditions for a run of `scenario`: a name that the run will not have is found before it starts."""
    from sim.engine.start.setup import resource_names, task_names
    from sim.ledger.conditions import parse

    resources, tasks = resource_names(scenario), task_names(scenario)
    return [parse(text, resources=resources, tasks=tasks) for text in texts]


def judge(result: "RunResult", fail_on: "list[Condition]") -> None:
    """Add each `--fail-on` condition to the summary as one that is expected not to hold."""
    from dataclasses import replace

    from sim.ledger.summary import Expectation

    found = [condition.evaluate(result.summary, result.durations) for condition in fail_on]
    unwanted = [Expectation(f"not ({item.condition})", item.value, not item.ok) for item in found]
    result.summary = replace(result.summary, expect=(*result.summary.expect, *unwanted))


def present(result: "RunResult", json: bool, quiet: bool, full: bool = False) -> None:
    """Print the summary: as JSON on standard output, for people beside it unless `quiet`: a screen, or in `full`."""
    if not quiet:
        from sim.report.screen import print_screen
        from sim.report.terminal import print_summary

        where = str(result.directory) if result.directory is not None else None
        (print_summary if full else print_screen)(result.summary, out_console(json), where)
    if json:
        print_json(result.summary.to_dict())


def tell_notes(result: "RunResult") -> None:
    """What the reader of a result must know besides, on standard error."""
    for note in result.provenance.get("notes", ()):
        typer.echo(f"note: {note}", err=True)


def exit_code(result: "RunResult") -> int:
    if result.summary.partial:
        return INTERRUPTED
    return 0 if all(item.ok for item in result.summary.expect) else FAILED_CONDITION


def read_logs(
    logs: list[str], ledger: Detail, sink: "Sink | None", progress: bool, config: "Path | None" = None
) -> "RunResult":
    """The audit of `logs`, with a progress bar by bytes where their sizes are known; `config` is their server's."""
    from sim.audit.audit import audit_logs

    timers = configured_timers(config)

    with ProgressBar(progress) as bar:
        return audit_logs(logs, ledger=ledger.value, sink=sink, progress=bar.read, timers=timers)


def read_calls(logs: list[str], ledger: Detail, progress: bool, config: "Path | None" = None) -> "RunResult":
    """`read_logs` for a command that tells of calls. LogError where nothing is in the log: there is none to tell of."""
    from sim.errors import LogError

    result = read_logs(logs, ledger, None, progress, config)
    if result.provenance["level"] is None:
        name = "standard input" if logs[0] == "-" else logs[0]
        raise LogError(f"{name}: expected the log of a server (got a file with nothing in it)")
    return result


def configured_timers(config: "Path | None") -> "Timers | None":
    """The timers of a server's configuration file, that end calls whose caller is silent; None where there is none."""
    if config is None:
        return None
    from sim.audit.timers import SECOND, Timer, Timers
    from sim.xmlconfig.read import read_config

    read = read_config(config)

    def timer(setting: str, least: int = 0) -> Timer:
        value = read.numbers[setting]
        said = (
            f"as {config.name} says" if value.given else f"the default of UniMRCP {read.server}: not in {config.name}"
        )
        return Timer(max(value.number, least) * SECOND if value.number else 0, said)

    least = read.numbers["sip-min-session-expires"].number
    return Timers(timer("sip-session-expires", least), timer("inactivity-timeout"))
