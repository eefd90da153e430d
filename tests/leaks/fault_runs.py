"""Each shipped fault scenario is run once; every test of this folder reads the same result."""

from functools import cache
from pathlib import Path

import sim
from sim.ledger.result import RunResult

HOME = Path(__file__).resolve().parents[2] / "scenarios"
FAULTS = sorted(path.relative_to(HOME).with_suffix("").as_posix() for path in (HOME / "faults").glob("*.yaml"))
REPORTED = sorted(path.relative_to(HOME).with_suffix("").as_posix() for path in (HOME / "reported").glob("*.yaml"))


@cache
def run_shipped(name: str) -> RunResult:
    """The result of the shipped scenario `name`, such as `faults/close-never`."""
    return sim.run(sim.load_scenario(HOME / f"{name}.yaml"))
