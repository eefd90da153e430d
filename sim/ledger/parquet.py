"""The tables of a result folder on disk: written whole, read whole or piece by piece."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import ScenarioError
from sim.ledger.sink import ROW_GROUP, ParquetSink
from sim.ledger.tables import TABLES, to_frame

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = dict[str, NDArray[Any]]


def write_table(folder: Path, name: str, frame: "pd.DataFrame") -> None:
    """Write `frame` as the table `name`."""
    columns: dict[str, Any] = {}
    for column in frame.columns:
        values = frame[column]
        text = TABLES[name].get(str(column))
        if text is not None and text.value == "text":
            columns[str(column)] = [None if value != value else value for value in values.astype(object)]
        elif text is not None and text.value in ("code", "place"):
            columns[str(column)] = values.astype("Float64").to_numpy(dtype="float64", na_value=float("nan"))
        else:
            columns[str(column)] = values.to_numpy()
    with ParquetSink(folder, tables=(name,)) as sink:
        sink.write(name, columns)


def table_batches(folder: Path, name: str, columns: tuple[str, ...], resource: str | None) -> "Iterator[Numbers]":
    """Columns of numbers of a table, those that it has, piece by piece; of all rows, or those of one resource.

    Nothing where there is no such table. ScenarioError when it can not be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / f"{name}.parquet"
    if not path.exists():
        return
    dictionaries = [] if resource is None else ["resource"]
    try:
        # pre-buffering would keep every byte that was read until the end
        with pq.ParquetFile(path, read_dictionary=dictionaries, pre_buffer=False) as file:
            found = [column for column in columns if column in file.schema_arrow.names]
            read = found if resource is None else [*found, "resource"]
            for rows in file.iter_batches(batch_size=ROW_GROUP, columns=read, use_threads=False):
                numbers = {name: rows[name].to_numpy(zero_copy_only=False).astype("float64") for name in found}
                if resource is not None:
                    coded, names = rows["resource"], rows["resource"].dictionary.to_pylist()
                    mine = coded.indices.to_numpy() == (names.index(resource) if resource in names else -1)
                    numbers = {name: values[mine] for name, values in numbers.items()}
                yield numbers
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def read_part(folder: Path, name: str, columns: tuple[str, ...], of: "NDArray[Any] | None") -> "pd.DataFrame | None":
    """Columns of a table, those that it has, of all rows or of the sessions `of`; None where there is no such table.

    Only what is wanted is held at any time. ScenarioError when the table can not be read.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / f"{name}.parquet"
    if not path.exists():
        return None
    parts = []
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            names = file.schema_arrow.names
            read = [column for column in dict.fromkeys(("session", *columns)) if column in names]
            if file.metadata.num_rows == 0:
                return to_frame(name, file.read(columns=read))
            for rows in file.iter_batches(batch_size=ROW_GROUP, columns=read, use_threads=False):
                mine = rows if of is None else rows.filter(pa.array(np.isin(rows["session"].to_numpy(), of)))
                parts.append(mine if of is None else _decoded(mine))
            frame = to_frame(name, pa.Table.from_batches(parts))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None
    return frame.sort_values("session", kind="stable", ignore_index=True) if name == "sessions" else frame


def _decoded(rows: Any) -> Any:
    """A batch without the dictionaries of its texts, which hold those of every row of the table."""
    import pyarrow as pa

    columns = [c.dictionary_decode() if isinstance(c, pa.DictionaryArray) else c for c in rows.columns]
    return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)


def _unreadable(path: Path, error: Exception) -> ScenarioError:
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return ScenarioError(f"{path}: is not a readable Parquet table ({first}); run it again")


def read_table(folder: Path, name: str) -> "pd.DataFrame | None":
    """The table `name` whole, None where there is none. ScenarioError when it can not be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / f"{name}.parquet"
    if not path.exists():
        return None
    try:
        frame = to_frame(name, pq.read_table(path))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None
    # sessions are written as they end, and read in the order in which they came
    return frame.sort_values("session", kind="stable", ignore_index=True) if name == "sessions" else frame
