"""`mrcpsim check`, `schema` and `scenarios`: everything about scenario files that needs no run."""

from typing import Annotated

import typer

from sim.cli.common import JsonOption, QuietOption, SetOption, command, out_console, overrides, print_json


def register(app: typer.Typer) -> None:
    app.command("check")(check)
    app.command("schema")(schema)
    app.command("scenarios")(scenarios)


@command
def check(
    scenario: Annotated[list[str], typer.Argument(metavar="SCENARIO.yaml…", help="Scenario files or shipped names.")],
    settings: SetOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Read SCENARIO.yaml and say everything that is wrong with it, without running it."""
    from sim.cli.common import scenario_path
    from sim.engine.check import check_condition
    from sim.errors import ScenarioError
    from sim.scenario import load_scenario
    from sim.scenario.without_effect import told_of_no_effect

    problems: list[str] = []
    notes: list[str] = []
    for given in scenario:
        path = scenario_path(given)
        try:
            loaded = load_scenario(path, overrides(settings), conditions=check_condition)
        except ScenarioError as error:
            problems += str(error).splitlines()
            continue
        if not (quiet or json):
            typer.echo(f"{path}: a valid scenario, {loaded.name}")
        notes += [f"{path}: {note}" for note in told_of_no_effect(loaded)]
    if json:
        print_json({"ok": not problems, "problems": problems, "notes": notes})
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    if problems:
        raise ScenarioError("\n".join(problems))


@command
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from sim.scenario import json_schema

    print_json(json_schema())


@command
def scenarios(json: JsonOption = False) -> None:
    """List the shipped scenarios, which `mrcpsim run` also takes by name."""
    from sim.scenario import shipped_scenarios

    found = shipped_scenarios()
    if json:
        entries = [{"name": item.name, "title": item.title, "path": str(item.path)} for item in found]
        print_json({"scenarios": entries})
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for item in found:
        table.add_row(item.name, item.title)
    out_console().print(table)
