"""`mrcpsim import`: a server's own configuration becomes a scenario, and what in it will hurt is told."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.common import FAILED_CONDITION, ForceOption, JsonOption, QuietOption, command, print_json

if TYPE_CHECKING:
    from sim.xmlconfig.finding import Expected

OutputOption = Annotated[
    Path | None,
    typer.Option("-o", "--output", "--out", metavar="SCENARIO.yaml", help="Scenario file; default: standard output."),
]


def register(app: typer.Typer) -> None:
    app.command("import")(import_)


@command
def import_(
    config: Annotated[Path, typer.Argument(metavar="unimrcpserver.xml", help="The server's configuration file.")],
    output: OutputOption = None,
    profile: Annotated[str | None, typer.Option("--profile", help="Which mrcpv2-profile; default: the first.")] = None,
    server_version: Annotated[
        str | None,
        typer.Option(
            "--server-version", metavar="1.8", help="Version of UniMRCP that reads the file; default: newest."
        ),
    ] = None,
    expect_calls: Annotated[
        float | None, typer.Option("--expect-calls", metavar="N", help="Calls at once that the server should carry.")
    ] = None,
    rate: Annotated[str | None, typer.Option("--rate", metavar="RATE", help="Expected calls, such as 10/s.")] = None,
    hold: Annotated[str | None, typer.Option("--hold", metavar="TIME", help="Mean hold time, such as 3min.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when the lint has an error or a warning.")] = False,
    force: ForceOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Read the server's configuration into a scenario; warn of settings that will hurt."""
    from sim.scenario.load import name_from
    from sim.xmlconfig.imported import imported, scenario_text
    from sim.xmlconfig.lint import lint
    from sim.xmlconfig.read import read_config
    from sim.xmlconfig.versions import read_version

    expected = expected_load(expect_calls, rate, hold)
    read = read_config(config, profile, read_version(server_version) if server_version is not None else None)
    findings = lint(read, expected)
    entries = imported(read, expected, name_from(str(output or config)))
    text = scenario_text(entries, read)
    if output is not None:
        write_new(output, text, force)
    elif not json:
        typer.echo(text, nl=False)
    if json:
        written: dict[str, object] = {"scenario": str(output)} if output is not None else {"scenario_yaml": text}
        print_json(
            {**written, "profile": read.profile, "server_version": str(read.server),
             "server_version_from": read.server.said, "imported": [entry.to_dict() for entry in entries],
             "findings": [finding.to_dict() for finding in findings]}
        )  # fmt: skip
    else:
        for finding in findings:
            if not quiet or finding.severity == "error":
                typer.echo(str(finding), err=True)
    if strict and any(finding.severity != "note" for finding in findings):
        raise typer.Exit(FAILED_CONDITION)


def expected_load(calls: float | None, rate: str | None, hold: str | None) -> "Expected | None":
    """The load given on the command line: N calls at once, or rate × hold. ScenarioError for one that is none."""
    from sim.errors import ScenarioError
    from sim.xmlconfig.finding import Expected

    if calls is not None and not 0 < calls <= 1e6:
        raise ScenarioError(f"--expect-calls must be a number > 0 and at most 1000000 (got {calls:g})")
    per_second = _quantity("rate", "--rate", rate, "10/s")
    seconds = _quantity("time", "--hold", hold, "3min")
    if seconds is not None and per_second is None and calls is None:
        raise ScenarioError("--hold needs --rate (calls at once are rate × hold)")
    if per_second is not None and seconds is None and calls is None:
        raise ScenarioError("--rate needs --hold or --expect-calls (calls at once are rate × hold)")
    if per_second is not None and seconds is not None:
        if calls is not None:
            raise ScenarioError("--expect-calls must not stand beside both --rate and --hold, which give it")
        calls = per_second * seconds
        if calls > 1e6:
            raise ScenarioError(f"--rate × --hold must be at most 1000000 calls at once (got {calls:g})")
    elif seconds is not None and calls is not None:
        per_second = calls / seconds
    return Expected(calls, per_second) if calls is not None else None


def _quantity(kind: str, option: str, text: str | None, example: str) -> float | None:
    from sim.errors import ScenarioError
    from sim.scenario.units import read_quantity

    if text is None:
        return None
    number = read_quantity(kind, text)
    if number is None or not 0 < number <= 1e6:
        raise ScenarioError(f"{option} must be a {kind} > 0, such as {example} (got {text!r})")
    return number


def write_new(path: Path, text: str, force: bool) -> None:
    """Write a file whole; ScenarioError when it exists (unless `force`) or can not be written."""
    from sim.errors import ScenarioError
    from sim.files import refuse_existing, whole

    refuse_existing(path, force, "-o")
    try:
        with whole(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: can not be written ({error.strerror or error}); choose another with -o") from None
