"""`mrcpsim run` of a scenario with a fleet: per server and in all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim.cli.common import FAILED_CONDITION, out_console, print_json

if TYPE_CHECKING:
    from sim.ledger.conditions import Condition
    from sim.scenario import Scenario


def run_fleet(
    scenario: Scenario,
    seed: int | None,
    engine: str,
    out: Path | None,
    force: bool,
    fail_on: list[Condition],
    json: bool,
    quiet: bool,
) -> int:
    """Simulate, print, and write `summary.json`, `scenario.yaml` and `servers.parquet`; the command's exit code."""
    from dataclasses import replace

    from sim.cli.results import judge
    from sim.ledger.conditions import evaluate
    from sim.ledger.result import ResultFolder, RunResult, provenance
    from sim.report.fleet import print_fleet
    from sim.scenario import to_yaml
    from sim.study.assumptions import beside
    from sim.study.fleet import run_fleet as simulate

    with ResultFolder(out or Path("reports") / scenario.name, force) as folder:
        found = simulate(scenario, seed=seed, engine="compiled" if engine == "auto" else engine)
        summary = replace(
            found.summary, expect=evaluate(scenario.expect, found.summary), theory=beside(scenario, found.summary)
        )
        origin = provenance(summary.engine, summary.seed, 0.0, ledger="summary")
        result = RunResult(summary=summary, scenario_yaml=to_yaml(scenario), provenance=origin)
        judge(result, fail_on)
        folder.commit(result)
    found = replace(found, summary=result.summary)
    if not quiet:
        print_fleet(found, out_console(json))
    if json:
        print_json(found.to_dict())
    return 0 if all(item.ok for item in result.summary.expect) else FAILED_CONDITION
