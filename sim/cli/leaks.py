"""`mrcpsim leaks`: why pools are alive, what that amounts to, and the smallest scenario that shows it."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.common import (
    FAILED_CONDITION,
    ConfigOption,
    Detail,
    FailOnOption,
    JsonOption,
    command,
    out_console,
    print_json,
)

SPELT_OUT = 5  # sessions that are explained one by one unless --all


def register(app: typer.Typer) -> None:
    app.command("leaks")(leaks)


@command
def leaks(
    source: Annotated[list[str], typer.Argument(metavar="RESULT_DIR|LOG…", help="A result folder, or a server's log.")],
    everything: Annotated[bool, typer.Option("--all", help="Explain every session, however many.")] = False,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="SIZE", help="Memory of the server, as a limit: 4GiB.")
    ] = None,
    minimal: Annotated[
        bool,
        typer.Option("--minimal", help="Write the smallest scenario that still shows the first leak, or --cause."),
    ] = False,
    cause: Annotated[
        str | None,
        typer.Option("--cause", metavar="CAUSE", help="With --minimal: the cause or violation to keep."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", "--out", metavar="FILE", help="With --minimal: where; - prints it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="With --minimal: replace FILE.")] = False,
    config: ConfigOption = None,
    fail_on: FailOnOption = None,
    json: JsonOption = False,
) -> None:
    """Say why each pool of a result or a log is alive, how fast leaks grow, and which limit goes first."""
    from sim.cli.results import read_calls, tell_notes
    from sim.leaks.outlook import leak_report
    from sim.ledger.conditions import parse
    from sim.ledger.result import load_result

    folder = len(source) == 1 and bool(source[0]) and Path(source[0]).is_dir()
    refuse_idle(
        minimal,
        {"--cause": cause is not None, "-o": output is not None, "--force": force},
        {"--fail-on": bool(fail_on), "--json": json, "--all": everything, "--memory": memory is not None},
    )
    if minimal:
        from sim.errors import ScenarioError

        if not folder:
            raise ScenarioError("--minimal needs a result folder: a log has no scenario to make smaller")
        write_minimal(Path(source[0]), cause, output, force)
        return
    conditions = [parse(text) for text in fail_on or []]
    result = load_result(source[0]) if folder else read_calls(source, Detail.SESSIONS, progress=not json, config=config)
    failed = [condition for condition in conditions if condition.evaluate(result.summary, result.durations).ok]
    report = leak_report(result, memory_limit(memory))
    if json:
        print_json({"leaks": result.summary.to_dict()["leaks"], "report": report.to_dict()})
    else:
        from sim.report.leaks import print_leaks

        found = result.leaks
        spelt_out = len(found) if everything else SPELT_OUT
        print_leaks(report, found, result.summary.violations, out_console(), spelt_out)
        tell_notes(result)
    for condition in failed:
        typer.echo(f"--fail-on holds: {condition.text}", err=True)
    raise typer.Exit(FAILED_CONDITION if failed else 0)


def refuse_idle(minimal: bool, only_with: dict[str, bool], only_without: dict[str, bool]) -> None:
    """ScenarioError when an option is given that would do nothing with, or without, `--minimal`."""
    from sim.errors import ScenarioError

    idle = [name for name, given in (only_without if minimal else only_with).items() if given]
    if idle and minimal:
        raise ScenarioError(f"--minimal only writes a scenario: leave out {', '.join(idle)}, or ask separately")
    if idle:
        raise ScenarioError(f"{', '.join(idle)}: only with --minimal; add it, or leave out {', '.join(idle)}")


def memory_limit(text: str | None) -> float | None:
    """The `--memory` option in bytes. ScenarioError when it is not a size."""
    from sim.errors import ScenarioError
    from sim.scenario.units import read_quantity

    if text is None:
        return None
    value = read_quantity("size", text)
    if value is None or value <= 0:
        raise ScenarioError(f"--memory must be a size, such as 4GiB (got {text!r})")
    return float(value)


def write_minimal(folder: Path, cause: str | None, output: Path | None, force: bool) -> None:
    """Shrink the scenario of a result and write it to `output`, by default beside the result."""
    from sim.files import refuse_existing
    from sim.ledger.result import load_result
    from sim.study.shrink import shrink

    target = output or folder / "minimal.yaml"
    if str(target) != "-":
        refuse_existing(target, force, "-o")
    where = Path.cwd() if str(target) == "-" else target.parent
    made = shrink(load_result(folder), cause, lambda text: typer.echo(text, err=True), where)
    if str(target) == "-":
        typer.echo(made.text, nl=False)
        return
    target.write_text(made.text, encoding="utf-8")
    typer.echo(f"{target}: {made.calls} of {made.calls_before} calls still show {made.signature}")
