"""Simulated runs as logs, for calibration to find their knobs again."""

from pathlib import Path
from typing import Any

from sim.engine.run import run
from sim.logs.writing.write import write_log
from sim.scenario import load_scenario


def logged(mapping: dict[str, Any], folder: Path, seed: int = 1) -> Path:
    """Simulate a scenario and write it as a server's log."""
    path = folder / f"{mapping.get('name', 'run')}.log"
    write_log(run(load_scenario(mapping), seed=seed, engine="simpy", ledger="full"), path, force=True)
    return path
