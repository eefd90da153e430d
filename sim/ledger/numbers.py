"""Every number of a summary by its path: `resources.rtp_port.peak`, `tasks.MRCP Server.queue_peak`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

NOT_MEASURED: Final = ("scenario", "seed", "engine", "expect", "limits", "theory")


def numbers(plain: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of `summary.json`, or of parts of it, by path; what is null is NaN.

    A list is counted, and of one of shares the mean is taken.
    """
    found: dict[str, float] = {}
    for key, value in plain.items():
        if key not in NOT_MEASURED:
            flatten(value, str(key), found)
    return found


def flatten(value: Any, path: str, found: dict[str, float]) -> None:
    """Add the numbers of `value` to `found`, by their paths below `path`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            flatten(item, f"{path}.{key}", found)
    elif isinstance(value, list | tuple):
        shares = bool(value) and all(isinstance(item, float) for item in value)
        found[path] = math.fsum(value) / len(value) if shares else float(len(value))
    elif value is None:
        found[path] = math.nan
    elif isinstance(value, bool | int | float):
        found[path] = float(value)
