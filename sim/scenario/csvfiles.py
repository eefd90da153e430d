"""CSV files of other people: bounded in size, every cell checked, every error with file and line."""

import csv
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from sim.scenario.bounded import shown, size_of
from sim.scenario.problems import InvalidScenario, shorten
from sim.scenario.units import FARTHEST, read_quantity

LARGEST_FILE = 256 * 2**20
LONGEST_LINE = 10_000
MOST_ROWS = 1_000_000
MOST_PROBLEMS = 20
T = TypeVar("T")


@dataclass
class Table:
    """The rows of a CSV file with a header, read line by line; problems are collected and raised by `finish`."""

    path: str
    name: str
    columns: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)

    def fail(self, line: int, text: str) -> None:
        """Note a problem; too many of them end the reading."""
        self.problems.append(f"{self.name}:{line}: {text}")
        if len(self.problems) >= MOST_PROBLEMS:
            raise InvalidScenario(
                [*self.problems, f"{self.name}: more than {MOST_PROBLEMS} problems, reading no further"]
            )

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """Line numbers with their cells; the header is line 1. Lines that are blank are left out."""
        size_of(self.path, LARGEST_FILE, "CSV file")
        with Path(self.path).open("rb") as stream:
            number = 0
            while raw := stream.readline(LONGEST_LINE + 1):
                number += 1
                if len(raw) > LONGEST_LINE:
                    self.fail(number, f"is longer than {LONGEST_LINE} bytes")
                    raise InvalidScenario(self.problems)
                if number > MOST_ROWS + 1:
                    self.fail(number, f"has more than {MOST_ROWS} rows")
                    raise InvalidScenario(self.problems)
                try:
                    text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError:
                    self.fail(number, "is not UTF-8 text")
                    raise InvalidScenario(self.problems) from None
                if "\0" in text or "\r" in text:
                    self.fail(number, "has control characters: it is not a CSV file")
                    raise InvalidScenario(self.problems)
                if text.strip():
                    yield number, self.cells(number, text)

    def cells(self, number: int, text: str) -> list[str]:
        """The cells of one line; a quoted cell ends on its line."""
        try:
            rows = list(csv.reader([text], strict=True))
        except csv.Error as error:
            self.fail(number, f"is not valid CSV: {error}")
            return []
        return [cell.strip() for cell in rows[0]]

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Line numbers with cells by column name; rows of another length than the header are problems."""
        reader = self.lines()
        first = next(reader, None)
        if first is None:
            raise InvalidScenario([f"{self.name}: is empty; a CSV file begins with a line of column names"])
        number, header = first
        self.columns = tuple(header)
        if len(set(header)) < len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise InvalidScenario([f"{self.name}:{number}: column {twice!r} is given twice"])
        if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
            raise InvalidScenario(
                [f"{self.name}:{number}: columns must be separated by commas (got {shorten(header[0])})"]
            )
        for number, cells in reader:
            if len(cells) == len(header):
                yield number, dict(zip(header, cells, strict=True))
            elif cells:
                self.fail(number, f"must have {len(header)} columns as the header does (got {len(cells)})")

    def need(self, *names: str) -> str:
        """The first of these names that is a column; InvalidScenario when none is."""
        for name in names:
            if name in self.columns:
                return name
        text = f"must have a column {' or '.join(names)} (got {', '.join(self.columns[:20])})"
        raise InvalidScenario([f"{self.name}:1: {text}"])

    def number(self, line: int, row: dict[str, str], column: str, kind: str = "time", most: float = FARTHEST) -> float:
        """The cell as a number >= 0 in base units; NaN and a problem when it is not one."""
        text = row[column]
        value = read_quantity(kind, text)
        if value is None or not 0 <= value <= most:
            what = "a rate >= 0, such as 10" if kind == "rate" else "seconds >= 0, such as 0.25"
            self.fail(line, f"{column} must be {what} (got {shorten(text) if text else 'nothing'})")
            return math.nan
        return value

    def finish(self) -> None:
        """Raise everything that was wrong with the rows."""
        if self.problems:
            raise InvalidScenario(self.problems)


def open_table(path: str) -> Table:
    """The table of a CSV file; nothing is read yet."""
    return Table(path, shown(path))


def cached_by_content(read: Callable[[str], T]) -> Callable[[str], T]:
    """Read a file once for as long as its time and size stay the same."""

    @lru_cache(maxsize=8)
    def remembered(path: str, changed: int, size: int) -> T:
        return read(path)

    def current(path: str) -> T:
        size_of(path, LARGEST_FILE, "CSV file")
        status = os.stat(path)
        return remembered(path, status.st_mtime_ns, status.st_size)

    return current


def read_column(path: str, column: str | None) -> tuple[float, ...]:
    """The values of one column, in seconds or counts; the only column when none is named."""
    table = open_table(path)
    values: list[float] = []
    for line, row in table.rows():
        if not values and not table.problems:
            column = _column(table, column)
        values.append(table.number(line, row, str(column)))
    table.finish()
    if not values:
        raise InvalidScenario([f"{table.name}: must have at least one row below its header"])
    return tuple(values)


def _column(table: Table, column: str | None) -> str:
    if column is None and len(table.columns) > 1:
        raise InvalidScenario(
            [f"{table.name}:1: has several columns: say which as column ({', '.join(table.columns[:20])})"]
        )
    return table.columns[0] if column is None else table.need(column)


def read_profile(path: str) -> tuple[tuple[float, float], ...]:
    """The (time, rate) points of a day curve: columns `time_s` and `rate`, times rising."""
    table = open_table(path)
    points: list[tuple[float, float]] = []
    names: Sequence[str] = ()
    for line, row in table.rows():
        names = names or (table.need("time_s", "at"), table.need("rate"))
        at = table.number(line, row, names[0])
        rate = table.number(line, row, names[1], "rate", 1e6)
        if points and at <= points[-1][0]:
            table.fail(line, f"{names[0]} must be later than in the row before (got {row[names[0]]!r})")
        points.append((at, rate))
    table.finish()
    if not points:
        raise InvalidScenario([f"{table.name}: must have at least one row below its header"])
    return tuple(points)
