"""A quantity is a number with its unit written out, and the unit never changes the value by rounding.

Times become seconds, rates become calls per second, sizes become bytes. Everything is computed in decimal, so that
`33us` is exactly the float that `33e-6` is, and what is written back reads as the same float.
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from sim.scenario.base import complain

NUMBER = r"[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,3})?|\.[0-9]+(?:[eE][-+]?[0-9]{1,3})?"
SECONDS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "min": Decimal(60),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
BYTES = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
LONGEST_TEXT = 64
FARTHEST = 1e9
"""No time of a scenario is longer than this many seconds (some thirty years)."""

_TIME_PART = re.compile(rf"\s*({NUMBER})\s*(ns|us|µs|μs|ms|min|s|m|h|d)")
_RATE = re.compile(rf"\s*({NUMBER})\s*/\s*(ms|s|min|m|h|d)\s*")
_SIZE = re.compile(rf"\s*({NUMBER})\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)\s*")
_PERCENT = re.compile(rf"\s*({NUMBER})\s*%\s*")
_PLAIN = re.compile(rf"\s*([-+]?(?:{NUMBER}))\s*")
PATTERNS = {
    "time": rf"^\s*(({NUMBER})\s*(ns|us|µs|ms|min|s|m|h|d)\s*)+$",
    "rate": rf"^\s*({NUMBER})\s*/\s*(ms|s|min|m|h|d)\s*$",
    "size": rf"^\s*({NUMBER})\s*(B|kB|MB|GB|KiB|MiB|GiB)\s*$",
    "fraction": rf"^\s*({NUMBER})\s*%\s*$",
}
EXAMPLES = {"time": "3s or 500ms", "rate": "10/s", "size": "145KiB", "fraction": "0.02 or 2%"}
NAMES = {
    "time": "a time",
    "rate": "a rate",
    "size": "a size",
    "fraction": "a probability",
    "number": "a number",
    "count": "a whole number",
}


def seconds(text: str) -> float | None:
    """Read `3s`, `500ms`, `1h30m`; each unit at most once and in falling order. None when it is not a time."""
    total, position, last = Decimal(0), 0, Decimal("Infinity")
    while position < len(text.rstrip()):
        part = _TIME_PART.match(text, position)
        if part is None:
            return None
        unit = SECONDS[part[2].replace("μ", "µ")]
        if unit >= last:
            return None
        total, position, last = total + Decimal(part[1]) * unit, part.end(), unit
    return float(total) if position else None


def per_second(text: str) -> float | None:
    """Read `10/s`, `600/min`, `36000/h`. None when it is not a rate."""
    match = _RATE.fullmatch(text)
    return float(Decimal(match[1]) / SECONDS[match[2]]) if match else None


def size_in_bytes(text: str) -> float | None:
    """Read `145KiB`, `4096B`. None when it is not a size."""
    match = _SIZE.fullmatch(text)
    return float(Decimal(match[1]) * BYTES[match[2].replace("KB", "kB")]) if match else None


def fraction(text: str) -> float | None:
    """Read `2%`. None when it is not a percentage."""
    match = _PERCENT.fullmatch(text)
    return float(Decimal(match[1]) / 100) if match else None


def plain_number(text: str) -> float | None:
    """Read a number without unit. None when it is not one."""
    match = _PLAIN.fullmatch(text)
    return float(Decimal(match[1])) if match else None


_READERS = {"time": seconds, "rate": per_second, "size": size_in_bytes, "fraction": fraction}


def read_quantity(kind: str, value: Any) -> float | None:
    """The value in base units, or None when it is not a quantity of this kind; a bare number is in base units."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return None
    reader = _READERS.get(kind)
    try:
        number = reader(value) if reader else None
        return plain_number(value) if number is None else number
    except (ArithmeticError, ValueError):
        return None


def write_number(value: float) -> str:
    """The shortest plain decimal that reads back as the same float."""
    return format(Decimal(repr(value)).normalize(), "f")


def write_time(value: float) -> str | float:
    """`3s`, `500ms`, `33us`: reads back as the same float; a bare number where no unit suits it."""
    if value == 0:
        return "0s"
    if not 1e-9 <= value <= FARTHEST:
        return value
    exact = Decimal(repr(value))
    for unit, least, places in (("s", 1.0, 0), ("ms", 1e-3, 3), ("us", 1e-6, 6)):
        if value >= least:
            return format(exact.scaleb(places).normalize(), "f") + unit
    return format(exact.scaleb(9).normalize(), "f") + "ns"


def write_rate(value: float) -> str | float:
    """`10/s`: reads back as the same float."""
    return write_number(value) + "/s" if value == 0 or 1e-9 <= value < 1e12 else value


def write_size(value: float) -> str:
    """`145KiB` or `4097B`: reads back as the same size."""
    size = int(value)
    return f"{size // 1024}KiB" if size and size % 1024 == 0 else f"{size}B"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Annotation that makes a field read one kind of quantity within limits and refuse all else in plain words."""

    kind: str
    low: float = 0.0
    high: float = FARTHEST
    above: bool = False
    """The value must lie above `low`, not at it."""
    endless: bool = False
    """Infinity is allowed."""

    @property
    def expected(self) -> str:
        """What the value must be, with an example, as it stands in error messages."""
        text = NAMES[self.kind]
        if self.kind == "fraction":
            text += " from 0 to 1"
        elif self.kind in ("count", "number") and self.high < FARTHEST:
            text += f" from {self.low:g} to {self.high:g}"
        else:
            text += f" {'>' if self.above else '>='} {self.low:g}"
        return f"{text}, such as {EXAMPLES[self.kind]}" if self.kind in EXAMPLES else text

    @property
    def _limit(self) -> str:
        """The greatest value, as it is written in a scenario."""
        written = self.written(self.high)
        return f"{written:.10g}" if isinstance(written, float) else str(written)

    def read(self, value: Any) -> float | int:
        """The value in base units, or an error that says what it must be."""
        number = read_quantity(self.kind, value)
        if number is None or math.isnan(number):
            complain((None, f"must be {self.expected}"))
        if number == math.inf and self.endless:
            return number
        if number > self.high and math.isfinite(number) and number > self.low and self.kind != "fraction":
            complain((None, f"must be at most {self._limit}"))
        whole = self.kind in ("count", "size")
        if not self.low <= number <= self.high or (self.above and number == self.low):
            complain((None, f"must be {self.expected}"))
        if whole and number != int(number):
            complain((None, f"must be {self.expected}"))
        if whole:
            return value if isinstance(value, int) else int(number)
        return number

    def written(self, value: float) -> Any:
        """The value as it stands in a scenario file: with its unit."""
        if self.kind == "time":
            return write_time(value)
        if self.kind == "rate":
            return write_rate(value)
        if self.kind == "size":
            return write_size(value)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.read,
            serialization=core_schema.plain_serializer_function_ser_schema(self.written, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        number: dict[str, Any] = {"type": "integer" if self.kind in ("count", "size") else "number"}
        number["exclusiveMinimum" if self.above else "minimum"] = self.low
        if self.high < FARTHEST:
            number["maximum"] = self.high
        if self.kind not in PATTERNS:
            return number
        return {"anyOf": [{"type": "string", "pattern": PATTERNS[self.kind]}, number]}


Time = Annotated[float, Quantity("time")]
PositiveTime = Annotated[float, Quantity("time", above=True)]
TimeOrForever = Annotated[float, Quantity("time", endless=True)]
Rate = Annotated[float, Quantity("rate", high=1e6)]
PositiveRate = Annotated[float, Quantity("rate", high=1e6, above=True)]
Size = Annotated[int, Quantity("size", high=2**50)]
PositiveSize = Annotated[int, Quantity("size", high=2**50, above=True)]
Probability = Annotated[float, Quantity("fraction", high=1.0)]
Positive = Annotated[float, Quantity("number", above=True)]
PositiveCount = Annotated[int, Quantity("count", low=1)]
