"""A calibrated scenario as YAML in which every value says where it comes from."""

import csv
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sim.calibration.fit import Fit
from sim.calibration.rates import Rate
from sim.errors import InternalError

INLINE: Final = 12  # an empirical distribution with more values goes to the CSV file
_WIDTH: Final = 116
_PLAIN: Final = re.compile(r"[A-Za-z_][\w .<>-]*[\w]|[A-Za-z_]")


@dataclass(frozen=True, slots=True)
class Noted:
    """A value of the scenario, the comment above it, and what it was fitted to."""

    value: Any
    comment: str
    seen: Fit | Rate | None = None


@dataclass(slots=True)
class Sheet:
    """The columns of the CSV file beside a scenario: empirical distributions, all of one length."""

    name: str
    columns: dict[str, list[float]] = field(default_factory=dict)

    def text(self) -> str:
        """The CSV file."""
        out = io.StringIO()
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(self.columns)
        rows.writerows(zip(*([f"{v:.7g}" for v in column] for column in self.columns.values()), strict=True))
        return out.getvalue()


def seconds(value: float) -> str:
    """A time as a scenario has it: four to six significant digits with the unit that suits."""
    if math.isnan(value):
        raise InternalError("a time that is not a number was about to be written into a scenario")
    value = max(0.0, float(value))
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= size:
            return f"{_digits(value / size)}{unit}"
    return f"{_digits(value / 1e-6)}us"


def _digits(value: float) -> str:
    text = f"{value:.5g}"
    return f"{value:.0f}" if "e" in text else text


def noted(found: Fit, sheet: Sheet, column: str, also: str = "") -> Noted:
    """A fitted distribution as a value with its comment; a long empirical one goes to the sheet."""
    comment = found.comment + (f"; {also}" if also else "")
    return Noted(written(found.dist, sheet, column), comment, found)


def counted(seen: Rate, said: str, digits: int = 6) -> Noted:
    """A probability as a value with its comment."""
    return Noted(round(seen.value, digits), f"{said}: {seen.comment}", seen)


def written(dist: Mapping[str, Any], sheet: Sheet, column: str) -> Any:
    """A distribution with units; a long empirical one as a reference to its column of the sheet."""
    kind = dist["dist"]
    if kind == "constant":
        return seconds(dist["value"])
    if kind == "empirical" and len(dist["values"]) > INLINE:
        from sim.calibration.fit import POINTS

        values = sorted(dist["values"])
        sheet.columns[column] = [values[i * len(values) // POINTS] for i in range(POINTS)]
        return {"dist": "empirical", "file": sheet.name, "column": column}
    result: dict[str, Any] = {"dist": kind}
    for key, value in dist.items():
        if key in ("dist",):
            continue
        if key in ("shape", "weights", "k"):
            result[key] = [round(v, 6) for v in value] if isinstance(value, list) else float(f"{value:.6g}")
        elif isinstance(value, list):
            result[key] = [seconds(v) for v in value]
        else:
            result[key] = seconds(value)
    return result


def plain(tree: Any) -> Any:
    """The tree without its comments."""
    if isinstance(tree, Noted):
        return plain(tree.value)
    if isinstance(tree, Mapping):
        return {key: plain(value) for key, value in tree.items()}
    return tree


def to_text(tree: Mapping[str, Any], head: list[str]) -> str:
    """The tree as YAML, comments above what they explain."""
    lines = [f"# {line}" for text in head for line in _wrapped(text, _WIDTH)]
    _emit(tree, 0, lines)
    return "\n".join(lines) + "\n"


def _emit(tree: Mapping[str, Any], depth: int, lines: list[str]) -> None:
    pad = "  " * depth
    for key, value in tree.items():
        if isinstance(value, Noted):
            lines += [f"{pad}# {part}" for part in _wrapped(value.comment, _WIDTH - len(pad))]
            value = value.value
        if isinstance(value, Mapping) and "dist" not in value and value:
            lines.append(f"{pad}{key}:")
            _emit(value, depth + 1, lines)
        else:
            lines.append(f"{pad}{key}: {_inline(value)}")


def _wrapped(comment: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(comment, max(40, width - 2), break_long_words=False, break_on_hyphens=False) or [""]


def _inline(value: Any) -> str:
    if isinstance(value, Noted):
        return _inline(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    raise InternalError(f"can not write {value!r} into a scenario")


def _text(value: str) -> str:
    if re.fullmatch(r"[0-9.]+(us|ms|s|/s)", value) or (
        _PLAIN.fullmatch(value) and value.lower() not in ("null", "true", "false", "yes", "no", "on", "off", "~")
    ):
        return value
    return "'" + value.replace("'", "''").replace("\n", " ") + "'"
