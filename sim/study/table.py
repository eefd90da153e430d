"""The table of a study: one row a run, every parameter and every number of the summary a column, units in the names."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.ledger.tables import numbers_array, strings_array
from sim.scenario.units import read_quantity
from sim.study.jobs import Cell, Job
from sim.study.measure import Measured
from sim.study.store import Store

ROWS = 2000
"""Rows that are in memory at a time."""

Get = Callable[[str], Measured | None]
"""A finished run by its key."""

_SUFFIX = {"time": "_s", "rate": "_per_s", "size": "_bytes", "fraction": ""}


@dataclass(frozen=True, slots=True)
class TableLine:
    """One row to be: its cell and replication, the job, and its failure if it failed."""

    cell: Cell
    replication: int
    job: Job
    failure: Measured | None = None


@functools.cache
def column(path: str) -> str:
    """The column of a number of the summary: latencies, waits and services are seconds."""
    head, _, last = path.rpartition(".")
    parts = path.split(".")
    timed = parts[0] == "latency" or (parts[0] == "tasks" and any(p in head for p in (".wait", ".service", "_wait")))
    return f"{path}_s" if timed and last != "n" and not last.endswith("_s") else path


def parameter(path: str, values: Sequence[Any]) -> tuple[str, list[float] | list[str]]:
    """A parameter's column: numbers in base units with the unit in the name, or the texts as they are."""
    for kind, suffix in _SUFFIX.items():
        numbers = [read_quantity(kind, value) if isinstance(value, str | int | float) else None for value in values]
        written = any(isinstance(value, str) and read_quantity("number", value) is None for value in values)
        if written and all(number is not None for number in numbers):
            return f"{path}{suffix}", [float(number) for number in numbers if number is not None]
    plain = [None if isinstance(value, bool) else read_quantity("number", value) for value in values]
    if all(number is not None for number in plain):
        return path, [float(number) for number in plain if number is not None]
    return path, [value if isinstance(value, str) else repr(value) for value in values]


def write_table(lines: Sequence[TableLine], store: Store, path: Path, complete: bool) -> int:
    """Write the runs that are finished, in the order of the lines; how many. The file appears once it is whole.

    The bytes depend on the lines and their numbers alone. No more than a few thousand rows are in memory at a time.
    """
    get: Get = functools.cache(store.get) if len(lines) <= ROWS else store.get  # each is asked for twice
    schema, parameters = _schema(lines, get, complete)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    written = 0
    try:
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for start in range(0, len(lines), ROWS):
                rows = list(_rows(lines[start : start + ROWS], get, parameters, start))
                if rows:
                    writer.write_table(_arrow(rows, schema))
                written += len(rows)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return written


def _schema(lines: Sequence[TableLine], get: Get, complete: bool) -> tuple[pa.Schema, dict[int, dict[str, Any]]]:
    """The columns, which need one look at a finished run of each cell, and the parameters of each cell."""
    cells = {line.cell.number: line.cell for line in lines}
    paths = list(dict.fromkeys(path for cell in cells.values() for path in cell.settings))
    parameters: dict[int, dict[str, Any]] = {number: {} for number in cells}
    fields = [
        ("run", pa.int64()), ("scenario", pa.string()), ("variant", pa.string()), ("point", pa.int64()),
        ("replication", pa.int64()), ("seed", pa.int64()), ("status", pa.string()), ("stage", pa.string()),
        ("error", pa.string()), ("command", pa.string()),
    ]  # fmt: skip
    for path in paths:
        having = [cell for cell in cells.values() if path in cell.settings]
        name, values = parameter(path, [cell.settings[path] for cell in having])
        fields.append((name, pa.string() if values and isinstance(values[0], str) else pa.float64()))
        for cell, value in zip(having, values, strict=True):
            parameters[cell.number][name] = value
    numbers: dict[str, None] = {}
    for line in lines:
        if line.failure is None and (found := get(line.job.key)) is not None:
            numbers.update(dict.fromkeys(map(column, found.values)))
    taken = {name for name, _ in fields}
    fields += [(name, pa.float64()) for name in sorted(numbers) if name not in taken]
    return pa.schema(fields, metadata={b"mrcpsim.complete": str(complete).lower().encode()}), parameters


def _arrow(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table; what a row does not have is null."""
    return pa.Table.from_arrays([_array([row.get(f.name) for row in rows], f.type) for f in schema], schema=schema)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == pa.string():
        return strings_array(values)
    missing = np.array([value is None for value in values], dtype=np.bool_)
    filled = [0 if value is None else value for value in values]
    return numbers_array(np.array(filled, dtype=np.int64 if kind == pa.int64() else np.float64), missing)


def _rows(
    lines: Sequence[TableLine], get: Get, parameters: dict[int, dict[str, Any]], first: int
) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, first):
        found = line.failure or get(line.job.key)
        if found is None:
            continue
        yield {
            **{column(name): None if math.isnan(value) else value for name, value in found.values.items()},
            **parameters[line.cell.number],
            "run": number, "scenario": line.cell.scenario, "variant": line.cell.variant, "point": line.cell.point,
            "replication": line.replication, "seed": line.job.seed, "status": "ok" if found.ok else "failed",
            "stage": found.stage, "error": found.error, "command": line.job.command,
        }  # fmt: skip
