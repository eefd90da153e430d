"""Conditions on a comparison, such as `sessions.blocking.difference > 1%`: the language of a summary's conditions.

NAME.COLUMN op bound, NAME a row's (`latency.invite_to_answer.p95`) and COLUMN one of `COLUMNS`; or a count of rows,
`worse`, `better` or `beyond_chance`. With several results a condition holds where it holds for one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sim.errors import ScenarioError
from sim.ledger.conditions import Condition, read

if TYPE_CHECKING:
    from sim.comparison.compare import SideBySide
    from sim.comparison.differing import Difference
    from sim.ledger.conditions import Resolved

COUNTS: Final = ("worse", "better", "beyond_chance")
COLUMNS: Final = {
    "base": "", "value": "", "difference": "", "low": "", "high": "",
    "ratio": "number", "p": "number", "p_corrected": "number", "beyond_chance": "count",
}  # fmt: skip
"""What a row has by the names of its JSON, each with its unit; empty for that of the row itself."""


@dataclass(frozen=True, slots=True)
class ConditionHeld:
    """A condition, the value that decided it, and for which of the results it holds."""

    condition: str
    value: float | None
    results: tuple[str, ...]
    holds: bool

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"condition": self.condition, "value": self.value, "results": list(self.results), "holds": self.holds}


def hold_to(texts: Sequence[str], found: SideBySide) -> list[ConditionHeld]:
    """Each condition against a comparison. ScenarioError when one can not be read or names no row."""
    return [_held(read(text, partial(_resolve, text=text, found=found)), found) for text in texts]


def _resolve(path: str, text: str, found: SideBySide) -> Resolved:
    if path in COUNTS:
        return path, (), "count"
    name, _, last = path.rpartition(".")
    rows = {row.name: row.unit for row in found.rows}
    if name in rows and last in COLUMNS:
        return path, (), COLUMNS[last] or rows[name]
    known = [*COUNTS, *(f"{row}.{column}" for row in rows for column in COLUMNS)]
    near = get_close_matches(path, known, n=3, cutoff=0.5)
    hint = f"; nearest: {', '.join(near)}" if near else "; see --json for the rows and their columns"
    raise ScenarioError(f"condition '{text.strip()}': a comparison has no value '{path}'{hint}")


def _held(condition: Condition, found: SideBySide) -> ConditionHeld:
    name, _, last = condition.path.rpartition(".")
    values: list[tuple[str, float | None]]
    if not name:
        count = len(found.beyond_chance) if last == "beyond_chance" else len(found.found(last))
        values = [("", float(count))]
    else:
        values = [(_told(row), _number(row, last)) for row in found.rows if row.name == name]
    holding = [(result, value) for result, value in values if condition.holds(value)]
    value = (holding or values)[0][1]
    return ConditionHeld(condition.text, value, tuple(filter(None, (result for result, _ in holding))), bool(holding))


def _told(row: Difference) -> str:
    return f"{row.other} ({row.where})" if row.where else row.other


def _number(row: Difference, column: str) -> float | None:
    value = row.to_dict()[column]
    return None if value is None else float(value)
