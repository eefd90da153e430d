"""The folder of a comparison: what `compare --json` prints, with all that its page needs to be made again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from sim.comparison.compare import Once, Side, SideBySide
from sim.comparison.differing import Difference
from sim.comparison.fail_on import ConditionHeld
from sim.errors import ScenarioError
from sim.leaks.life_curve import Curve, LifeCurve
from sim.ledger.whole_folder import WholeFolder
from sim.theory.intervals import Estimate

COMPARISON: Final = "comparison.json"


class ComparisonFolder(WholeFolder):
    """The folder of a comparison in the making."""

    what = "comparison"
    mark = COMPARISON
    ours = frozenset((COMPARISON, "report.html"))


def write_comparison(found: SideBySide, held: Sequence[ConditionHeld], command: str, folder: Path) -> None:
    """Write the comparison, its conditions, the command that makes it again, and the curves of lifetimes."""
    lives = {
        name: {
            "pools": one.pools, "held": one.held, **{part: _list(of) for part, of in one.curve._asdict().items()},
            "cut_s": _list(one.cut_s), "cut_share": _list(one.cut_share),
        }
        for name, one in found.lives.items()
    }  # fmt: skip
    conditions = [item.to_dict() for item in held]
    plain = {**found.to_dict(), "conditions": conditions, "command": command, "lifetimes": lives}
    text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / COMPARISON).write_text(text + "\n", encoding="utf-8")


def load_comparison(folder: Path) -> tuple[SideBySide, list[ConditionHeld], str]:
    """The comparison in a folder, its conditions and its command. ScenarioError when its file is not one's."""
    path = folder / COMPARISON
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        sides = tuple(Side(str(one["name"]), told={**one, "kind": str(one["kind"])}) for one in plain["results"])
        if len(sides) < 2:
            raise ValueError(len(sides))
        once = tuple(
            Once(str(o["name"]), _numbers(o["values"], len(sides)), _numbers(o["limits"], len(sides)))
            for o in plain["once"]
        )
        rows = tuple(map(_difference, plain["rows"]))
        lives = {str(name): _lives(one) for name, one in plain["lifetimes"].items()}
        held = [
            ConditionHeld(str(c["condition"]), _number(c["value"]), tuple(map(str, c["results"])), bool(c["holds"]))
            for c in plain["conditions"]
        ]
        return SideBySide(sides, rows, once, tuple(map(str, plain["notes"])), lives), held, str(plain["command"])
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ScenarioError(
            f"{path}: must be what `mrcpsim compare --out` writes (got something else); compare again"
        ) from None


def _difference(plain: Mapping[str, Any]) -> Difference:
    base, value, low, high, p, corrected = (
        _number(plain[key]) for key in ("base", "value", "low", "high", "p", "p_corrected")
    )
    better = plain["less_is_better"]
    if better not in (True, False, None):
        raise TypeError(better)
    if plain["unit"] not in ("fraction", "rate", "time", "count", "number"):
        raise ValueError(plain["unit"])
    apart = value - base if value is not None and base is not None else math.nan
    interval = None
    if low is not None or high is not None:  # an end that is not finite is null
        interval = Estimate(apart, -math.inf if low is None else low, math.inf if high is None else high)
    return Difference(
        other=str(plain["result"]), name=str(plain["name"]), label=str(plain["label"]), unit=str(plain["unit"]),
        base=base, value=value, difference=interval, p=p, p_corrected=corrected, method=str(plain["method"]),
        less_is_better=better, where=str(plain["where"]),
    )  # fmt: skip


def _lives(plain: Mapping[str, Any]) -> LifeCurve:
    curve = Curve(*(_array(plain[part]) for part in Curve._fields))
    cut, shares = _array(plain["cut_s"]), _array(plain["cut_share"])
    if len({len(part) for part in curve}) > 1 or not len(curve.age_s) or len(cut) != len(shares):
        raise ValueError("columns of different lengths")
    return LifeCurve(int(plain["pools"]), int(plain["held"]), curve, cut, shares)


def _list(values: Any) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _array(values: Sequence[Any]) -> Any:
    found = [_number(value) for value in values]
    if None in found:
        raise TypeError("expected numbers")
    return np.array(found, dtype=float)


def _numbers(values: Sequence[Any], count: int) -> tuple[float | None, ...]:
    if len(values) != count:
        raise ValueError(values)
    return tuple(map(_number, values))


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"expected a number, got {value!r}")
    return float(value)
