"""What breaks first: how near every limited resource, task and processor is to what it can take."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SAME = {"connection_pool": "tcp_connection"}
"""What is limited by the very limit of another resource."""

_LIMIT = re.compile(r"resources\.(.+)\.limit")
_BUSY = re.compile(r"tasks\.(.+)\.utilisation")


@dataclass(frozen=True, slots=True)
class Pressure:
    """One thing that can run out."""

    name: str
    kind: str
    """resource, task or processor."""
    used: float
    """Part of the limit that was taken at the peak, or of the time that it was busy."""
    refused: float
    """Calls that it refused, a run."""


def pressures(runs: Sequence[Mapping[str, float]]) -> tuple[Pressure, ...]:
    """Everything that can run out, what breaks first in front; means over runs of the same scenario.

    What refuses calls is broken; after it comes what is nearest to its limit.
    """
    if not runs:
        return ()
    found = [*_resources(runs), *_tasks(runs), *_processors(runs)]
    return tuple(sorted(found, key=lambda p: (-p.refused, -p.used, p.name)))


def _mean(runs: Sequence[Mapping[str, float]], path: str) -> float:
    known = [run[path] for run in runs if math.isfinite(run.get(path, math.nan))]
    return sum(known) / len(known) if known else math.nan


def _resources(runs: Sequence[Mapping[str, float]]) -> list[Pressure]:
    found = []
    for path in runs[0]:
        match = _LIMIT.fullmatch(path)
        if match is None or match[1] in SAME:
            continue
        limit = _mean(runs, path)
        if limit > 0.0:
            peak, refused = (_mean(runs, f"resources.{match[1]}.{what}") for what in ("peak", "refused"))
            found.append(Pressure(match[1], "resource", peak / limit, refused))
    return found


def _tasks(runs: Sequence[Mapping[str, float]]) -> list[Pressure]:
    found = []
    for path in runs[0]:
        match = _BUSY.fullmatch(path)
        busy = _mean(runs, path) if match else math.nan
        if match and math.isfinite(busy):
            found.append(Pressure(match[1], "task", busy, 0.0))
    return found


def _processors(runs: Sequence[Mapping[str, float]]) -> list[Pressure]:
    busy = _mean(runs, "processors.busy")
    return [Pressure("processors", "processor", busy, 0.0)] if math.isfinite(busy) else []
