"""The folder of a search for a capacity: what was found, as data from which its page can be made again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sim.errors import ScenarioError
from sim.ledger.limits import Pressure
from sim.ledger.whole_folder import WholeFolder
from sim.study.capacity import Capacity, CurvePoint, TargetAtCapacity
from sim.study.planner import Planned
from sim.study.search import Found
from sim.study.targets import target_of
from sim.theory.intervals import Estimate

CAPACITY: Final = "capacity.json"
"""What `capacity --json` prints."""
SCENARIO: Final = "scenario.yaml"
"""The scenario that was searched, every default written out."""


class CapacityFolder(WholeFolder):
    """The folder of a capacity in the making."""

    what = "capacity"
    mark = CAPACITY
    ours = frozenset((CAPACITY, SCENARIO, "report.html"))


def write_capacity(found: Capacity, folder: Path) -> None:
    """Write what `capacity --json` prints, and the scenario."""
    text = json.dumps(found.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / CAPACITY).write_text(text + "\n", encoding="utf-8")
    (folder / SCENARIO).write_text(found.scenario_yaml, encoding="utf-8")


def load_capacity(folder: Path) -> Capacity:
    """The capacity in a folder; what was tried on the way is not kept. ScenarioError when its files are not one's."""
    path = folder / CAPACITY
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return _capacity(plain, (folder / SCENARIO).read_text(encoding="utf-8"))
    except (ValueError, TypeError, KeyError, AttributeError, ScenarioError):
        raise ScenarioError(
            f"{path}: must be what `mrcpsim capacity --out` writes (got something else); search again"
        ) from None


def _capacity(plain: Mapping[str, Any], scenario_yaml: str) -> Capacity:
    reached = plain["reached"]
    if reached not in ("inside", "below", "above"):
        raise ValueError(reached)
    confidence = _known(plain["confidence"])
    targets = tuple(_target(one, confidence) for one in plain["targets"])
    if not targets:
        raise ValueError("no target")
    binding = next((i for i, one in enumerate(targets) if one.binding), None)
    value = None if plain["value"] is None else _known(plain["value"])
    if (value is None) != (reached == "below"):
        raise ValueError(reached)
    found = Found(value, _known(plain["low"]), _known(plain["high"]), reached, bool(plain["precise"]), binding, ())
    return Capacity(
        scenario=str(plain["scenario"]), knob=str(plain["knob"]), unit=str(plain["unit"]), found=found,
        confidence=confidence, targets=targets, breaks=tuple(map(_pressure, plain["pressure"])),
        theory=tuple(map(_planned, plain["theory"].values())),
        curve=tuple(_point(one, targets) for one in plain["curve"]),
        runs=int(plain["runs"]), calls=int(plain["calls_simulated"]), curve_calls=int(plain["calls_for_curve"]),
        model=str(plain["model"]), command=str(plain["command"]), scenario_yaml=scenario_yaml,
        degraded=_known(plain.get("degraded_share", 0.0)),
    )  # fmt: skip


def _target(plain: Mapping[str, Any], confidence: float) -> TargetAtCapacity:
    return TargetAtCapacity(
        target_of(str(plain["target"]), confidence), _estimate(plain, "value"), bool(plain["binding"]),
        int(plain.get("n", 0)), bool(plain.get("precise", True)),
    )  # fmt: skip


def _pressure(plain: Mapping[str, Any]) -> Pressure:
    peak, limit, refused = (_known(plain[key]) for key in ("peak", "limit", "refused"))
    if not limit > 0.0:
        raise ValueError(limit)
    return Pressure(str(plain["name"]), str(plain["kind"]), peak, limit, refused)


def _planned(plain: Mapping[str, Any]) -> Planned:
    assumes, broken = (tuple(map(str, plain[key])) for key in ("assumes", "assumptions_broken"))
    return Planned(str(plain["formula"]), str(plain["target"]), _number(plain["value"]), assumes, broken)


def _point(plain: Mapping[str, Any], targets: tuple[TargetAtCapacity, ...]) -> CurvePoint:
    metrics = {at.target.metric: _estimate(plain[at.target.metric], "mean") for at in targets}
    return CurvePoint(_known(plain["value"]), int(plain["n"]), metrics, tuple(map(str, plain["reached"])))


def _estimate(plain: Mapping[str, Any], middle: str) -> Estimate:
    return Estimate(*(_number(plain[key]) for key in (middle, "low", "high")))


def _number(value: Any) -> float:
    """A number, or none where there was no finite one."""
    return math.nan if value is None else _known(value)


def _known(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"expected a number, got {value!r}")
    return float(value)
