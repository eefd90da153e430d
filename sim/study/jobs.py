"""One run of a study as a small frozen value, recognised by its content: resolved scenario, seed, model."""

from __future__ import annotations

import functools
import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.errors import ScenarioError
from sim.scenario import Scenario, load_scenario, to_mapping
from sim.scenario.yamlfile import parse_yaml
from sim.version import VERSION

MODEL = (
    "vocabulary",
    "scenario",
    "server",
    "ledger",
    "leaks",
    "engine",
    "study/measure.py",
    "study/unbroken.py",
    "study/fleet.py",
    "study/dispatch.py",
)
"""What decides the numbers of a run: the rooms whose sources are part of a run's identity."""

OF_NO_EFFECT = ("name", "description", "expect", "seed")
"""Keys of a scenario that change no number."""


@dataclass(frozen=True, slots=True)
class Job:
    """A run to do: all that a worker needs."""

    key: str
    scenario: str
    """The scenario as JSON, as `load_scenario` reads it."""
    seed: int
    engine: str
    warmup_s: float
    metrics: tuple[str, ...]
    command: str
    """What reproduces the run by itself."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One scenario at one point in one variant, of which there are several replications."""

    number: int
    scenario: str
    variant: str
    point: int
    settings: Mapping[str, Any]
    """Every path that the study sets, with its value."""
    text: str
    """The resolved scenario as JSON; empty when it can not be read."""
    content: str
    """Digest of everything about a run but its seed."""
    command: str
    error: str = ""
    calls: float = 0.0

    def job(self, seed: int, engine: str, warmup_s: float, metrics: tuple[str, ...]) -> Job:
        """The run of this cell with a seed."""
        key = digest(self.content, seed, engine, float(warmup_s), metrics)
        return Job(key, self.text, seed, engine, warmup_s, metrics, f"{self.command} --seed {seed}")


def digest(*parts: Any) -> str:
    """A name for exactly this content."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@functools.cache
def model_version() -> str:
    """A name for exactly this model: its release and a digest of the sources that decide a run's numbers."""
    package = Path(__file__).parents[1]
    found = hashlib.sha256()
    for part in MODEL:
        path = package / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.update(file.relative_to(package).as_posix().encode())
            found.update(file.read_bytes())
    return f"{VERSION}+{found.hexdigest()[:12]}"


def cell_of(
    number: int,
    path: str,
    variant: str,
    point: int,
    settings: Mapping[str, Any],
) -> Cell:
    """The cell of a scenario file and its settings; a scenario that can not be read makes a cell with its error."""
    command = shlex.join(
        ["mrcpsim", "run", path, *(word for p, v in settings.items() for word in ("--set", f"{p}={_flow(v)}"))]
    )
    name = Path(path).stem
    try:
        scenario = load_scenario(path, settings)
    except ScenarioError as error:
        return Cell(number, name, variant, point, settings, "", "", command, str(error))
    from sim.engine.check import check_size, expected_calls

    try:
        check_size(scenario)
    except ScenarioError as error:
        return Cell(number, name, variant, point, settings, "", "", command, str(error))
    return Cell(
        number, scenario.name, variant, point, settings, scenario_json(scenario), content_of(scenario), command,
        calls=expected_calls(scenario),
    )  # fmt: skip


def scenario_json(scenario: Scenario) -> str:
    """A scenario as one line that reads as an equal one."""
    return json.dumps(to_mapping(scenario, only_changes=True), sort_keys=True)


def content_of(scenario: Scenario) -> str:
    """Digest of a resolved scenario and the model: files that it names count by what is in them."""
    written = {k: v for k, v in to_mapping(scenario).items() if k not in OF_NO_EFFECT}
    return digest(model_version(), _by_content(written))


def _by_content(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _by_content(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_by_content(item) for item in value]
    if key == "file" and isinstance(value, str) and value:
        return hashlib.sha256(Path(value).read_bytes()).hexdigest()
    return value


def _flow(value: Any) -> str:
    """A setting as YAML on one line, as `--set` reads it."""
    if isinstance(value, str):
        read, _ = parse_yaml(value, "", lines=False)
        return value if read.plain() == value else json.dumps(value)
    return json.dumps(value)
