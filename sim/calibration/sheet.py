"""What was fitted as values of a scenario with their comments; long samples go to a CSV file beside it."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sim.calibration.fit import Fit
from sim.calibration.rates import Rate
from sim.errors import InternalError
from sim.scenario.annotated import Noted

INLINE: Final = 12  # an empirical distribution with more values goes to the CSV file


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
