"""Constraints on the points of a study: arithmetic on paths, `arrivals.rate * calls.hold <= 200`, and nothing else."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from sim.errors import ScenarioError
from sim.scenario.units import NUMBER, read_quantity

_QUANTITY = re.compile(rf"(?<![\w.])({NUMBER})\s*(ns|us|µs|ms|min|KiB|MiB|GiB|kB|MB|GB|s|h|d|B|%|/s|/min|/h)(?![\w.])")
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


MOST_LETTERS = 200
"""Of a constraint."""

WHOLE = (
    "max_channel_count", "max_connection_count", "max_shared_use_count", "licences", "slots", "calls", "size", "count",
    "servers",
)  # fmt: skip
"""Last parts of the paths whose values are whole numbers."""


def is_whole(path: str) -> bool:
    """Whether a knob takes whole numbers only."""
    return path.rsplit(".", 1)[-1] in WHOLE


def base_value(value: Any) -> float | None:
    """A setting as a number in base units (seconds, calls per second, bytes); None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    for kind in ("number", "time", "rate", "size", "fraction"):
        found = read_quantity(kind, value)
        if found is not None and math.isfinite(found):
            return found
    return None


def ends_of(low: Any, high: Any) -> tuple[float, float] | None:
    """Both ends of a range in base units, the smaller one first; None for what is none. Ends are of one kind: a time
    and a rate are not, a plain number goes with either."""
    kinds = {kind for kind in map(_kind, (low, high)) if kind != "number"}
    first, last = base_value(low), base_value(high)
    if len(kinds) > 1 or first is None or last is None or not first < last:
        return None
    return first, last


def _kind(value: Any) -> str | None:
    kinds = ("number", "time", "rate", "size", "fraction")
    return next((kind for kind in kinds if read_quantity(kind, value) is not None), None)


def holds(constraint: str, settings: Mapping[str, Any]) -> bool:
    """Whether a point meets a constraint. ScenarioError for what is not arithmetic on its paths and quantities."""
    if len(constraint) > MOST_LETTERS:
        raise ScenarioError(
            f"where '{constraint[:40]}…': expected at most {MOST_LETTERS} letters (got {len(constraint)})"
        )
    text = _QUANTITY.sub(lambda match: repr(base_value("".join(match.groups()))), constraint)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        if not isinstance(tree, ast.Compare):
            raise _wrong(constraint, "it must compare, as in a * b <= 200")
        return _compare(tree, settings, constraint)
    except (SyntaxError, RecursionError, MemoryError, ValueError):  # what the parser makes of deep brackets
        raise _wrong(constraint, "it must be arithmetic on paths, as in a * b <= 200") from None
    except ZeroDivisionError:
        raise _wrong(constraint, "it divides by zero") from None


def _compare(tree: ast.Compare, settings: Mapping[str, Any], constraint: str) -> bool:
    left = _value(tree.left, settings, constraint)
    for op, node in zip(tree.ops, tree.comparators, strict=True):
        right = _value(node, settings, constraint)
        if type(op) not in _COMPARISONS:
            raise _wrong(constraint, "it may compare with <, <=, >, >=, == and != only")
        if not _COMPARISONS[type(op)](left, right):
            return False
        left = right
    return True


def _value(node: ast.expr, settings: Mapping[str, Any], constraint: str) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        left, right = (_value(side, settings, constraint) for side in (node.left, node.right))
        return float(_ARITHMETIC[type(node.op)](left, right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, settings, constraint)
    if isinstance(node, ast.Attribute | ast.Name):
        path = ast.unparse(node)
        value = base_value(settings.get(path))
        if value is None:
            raise _wrong(constraint, f"{path} must be a quantity that the study sets (it sets {', '.join(settings)})")
        return value
    raise _wrong(constraint, f"{ast.unparse(node)!r} is not arithmetic on paths")


def _wrong(constraint: str, why: str) -> ScenarioError:
    return ScenarioError(f"where '{constraint}': {why}")
