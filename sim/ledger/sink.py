"""Where the rows of a run go: to memory or, chunk by chunk with bounded memory, to Parquet files.

What ends up in a table depends only on the rows and their order, never on how they were cut into chunks: the same
run gives the same Parquet bytes.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import InternalError
from sim.ledger.tables import TABLES, ColumnKind, empty, readers_metadata, schema, to_arrow, to_frame

if TYPE_CHECKING:
    import pandas as pd

ROW_GROUP = 131_072  # rows per Parquet row group, whatever the chunks were
ALWAYS = ("sessions", "levels")  # tables that every result has, even without rows


class Sink(Protocol):
    """Takes the rows of a run; `columns` maps names of sim.ledger.tables to arrays (or Coded) of equal length."""

    def write(self, table: str, columns: Mapping[str, Any]) -> None:
        """Append rows to `table`."""

    def close(self, ok: bool) -> None:
        """No more rows come. `ok=False`: the run failed and what was written is worth nothing."""


class MemorySink:
    """Keeps every row; `frame(table)` gives the DataFrame at any time."""

    def __init__(self) -> None:
        self._chunks: dict[str, list[pa.Table]] = {}

    def write(self, table: str, columns: Mapping[str, Any]) -> None:
        self._chunks.setdefault(table, []).append(to_arrow(table, columns))

    def close(self, ok: bool) -> None:
        if not ok:
            self._chunks.clear()

    def has(self, table: str) -> bool:
        """Whether anything was written to `table`."""
        return table in self._chunks

    def frame(self, table: str) -> "pd.DataFrame":
        """All rows of `table` in the order written, with the types of sim.ledger.tables; no rows is fine."""
        return to_frame(table, pa.concat_tables([empty(table), *self._chunks.get(table, [])]))


class ParquetSink:
    """Writes each table to `directory/<table>.parquet`; the file appears under that name only once it is whole."""

    def __init__(self, directory: Path | str, tables: Iterable[str] = ALWAYS) -> None:
        """`tables` are written even when no row comes."""
        self.directory = Path(directory)
        self._always = tuple(tables)
        self._open: dict[str, _TableFile] = {}
        self._closed = False

    def write(self, table: str, columns: Mapping[str, Any]) -> None:
        if self._closed:
            raise InternalError(f"table {table}: written to after the sink was closed")
        self._file(table).append(to_arrow(table, columns))

    def close(self, ok: bool) -> None:
        """Rename the finished files into place, or with `ok=False` remove them. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if ok:
            for table in self._always:
                self._file(table)
        for file in self._open.values():
            file.finish(ok)

    def __enter__(self) -> "ParquetSink":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close(ok=kind is None)

    def _file(self, table: str) -> "_TableFile":
        if table not in self._open:
            self._open[table] = _TableFile(self.directory, table)
        return self._open[table]


class _TableFile:
    """One growing Parquet file with row groups of exactly ROW_GROUP rows."""

    def __init__(self, directory: Path, table: str) -> None:
        self.final = directory / f"{table}.parquet"
        self.part = directory / f"{table}.parquet.part"
        self._pending: list[pa.Table] = []
        self._rows = 0
        text = [name for name, kind in TABLES[table].items() if kind is ColumnKind.TEXT]
        self._writer = pq.ParquetWriter(
            self.part, schema(table), compression="zstd", use_dictionary=text, store_schema=False
        )
        self._writer.add_key_value_metadata(readers_metadata(table))

    def append(self, rows: pa.Table) -> None:
        self._pending.append(rows)
        self._rows += rows.num_rows
        if self._rows >= ROW_GROUP:
            self._flush(everything=False)

    def finish(self, ok: bool) -> None:
        if ok:
            self._flush(everything=True)
        self._writer.close()
        if ok:
            self.part.replace(self.final)
        else:
            self.part.unlink(missing_ok=True)

    def _flush(self, everything: bool) -> None:
        if not self._rows:
            return
        rows = pa.concat_tables(self._pending)
        self._pending = []
        while rows.num_rows >= (1 if everything else ROW_GROUP):
            # combine_chunks copies: pages must not depend on how the rows were cut when they came. What they came in
            # is given back before the group is written, which takes as much room again
            group, rows = rows.slice(0, ROW_GROUP).combine_chunks(), _rest(rows)
            self._writer.write_table(group, row_group_size=ROW_GROUP)
        self._pending = [rows] if rows.num_rows else []
        self._rows = rows.num_rows


def _rest(rows: pa.Table) -> pa.Table:
    """What follows the first row group of some rows, in memory of its own: a slice would keep all of it."""
    rest = rows.slice(ROW_GROUP)
    return rest.combine_chunks() if rest.num_rows < ROW_GROUP else rest
