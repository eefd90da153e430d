"""The columns of every result table, their order and types, said once for all who write or read them.

Times are float64 seconds and null when not reached (NaN in NumPy, null in Parquet); counts are int64; strings are
dictionary-encoded. Columns after the ones in the documented interface may be left out when writing.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sim.errors import InternalError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

NO_SESSION = -1  # the `session` of a message or ledger row that belongs to none


class ColumnKind(Enum):
    """How a column is stored: FLOAT (NaN → null), COUNT (never null), CODE (0, negative or NaN → null),
    TEXT ("" or None → null), FLAG (never null), PLACE (negative or NaN → null)."""

    FLOAT = "float"
    COUNT = "count"
    CODE = "code"
    TEXT = "text"
    FLAG = "flag"
    PLACE = "place"


@dataclass(frozen=True, slots=True)
class Coded:
    """A text column given as positions in `names`; a negative code is null. The fast way to write text."""

    codes: "NDArray[Any]"
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.codes)


SESSION_COLUMNS: dict[str, ColumnKind] = {
    "session": ColumnKind.COUNT,
    "arrived_s": ColumnKind.FLOAT,
    "created_s": ColumnKind.FLOAT,
    "offer_s": ColumnKind.FLOAT,
    "answer_s": ColumnKind.FLOAT,
    "answer_status": ColumnKind.CODE,
    "bye_s": ColumnKind.FLOAT,
    "bye_ok_s": ColumnKind.FLOAT,
    "deactivate_s": ColumnKind.FLOAT,
    "terminate_s": ColumnKind.FLOAT,
    "close_answered_s": ColumnKind.FLOAT,
    "released_s": ColumnKind.FLOAT,
    "state": ColumnKind.TEXT,
    "outcome": ColumnKind.TEXT,
    "waiting_for": ColumnKind.TEXT,
    "plugin": ColumnKind.TEXT,
    "pool_bytes": ColumnKind.COUNT,
    "requests": ColumnKind.COUNT,
    # beyond the documented interface, may be left out:
    "media_s": ColumnKind.FLOAT,
    "open_s": ColumnKind.FLOAT,
    "cause": ColumnKind.TEXT,
    "crashed": ColumnKind.FLAG,
    "name": ColumnKind.TEXT,  # of a log: the session's id, or where it lies in memory while it has none
    "session_id": ColumnKind.TEXT,  # the server's own; that of a run is what its log would call it
    "media_path_s": ColumnKind.FLOAT,  # of a log: "Media Path", the phase that a log at INFO shows
    "ended_by": ColumnKind.TEXT,  # of a log: the server's timer that ended the call, else null
    "call": ColumnKind.PLACE,  # of a run in which callers try again: the call that it is an INVITE of, from 0
    "attempt": ColumnKind.PLACE,  # likewise: the how-manieth of that call, from 1
}

LEVEL_COLUMNS: dict[str, ColumnKind] = {
    "time_s": ColumnKind.FLOAT,
    "resource": ColumnKind.TEXT,
    "held": ColumnKind.COUNT,
    # only on a regular grid: over the interval that begins at time_s
    "min": ColumnKind.FLOAT,
    "mean": ColumnKind.FLOAT,
    "max": ColumnKind.FLOAT,
}

LEDGER_COLUMNS: dict[str, ColumnKind] = {
    "time_s": ColumnKind.FLOAT,
    "session": ColumnKind.COUNT,
    "resource": ColumnKind.TEXT,
    "delta": ColumnKind.COUNT,
    "bytes": ColumnKind.COUNT,
    "task": ColumnKind.TEXT,
    "cause": ColumnKind.TEXT,
    "session_id": ColumnKind.TEXT,
}

MESSAGE_COLUMNS: dict[str, ColumnKind] = {
    "session": ColumnKind.COUNT,
    "task": ColumnKind.TEXT,
    "message": ColumnKind.TEXT,
    "sent_s": ColumnKind.FLOAT,
    "started_s": ColumnKind.FLOAT,
    "finished_s": ColumnKind.FLOAT,
    # beyond the documented interface, may be left out: the session after the message
    "state": ColumnKind.TEXT,
    "subrequests": ColumnKind.COUNT,
    "argument": ColumnKind.PLACE,  # which channel or command, which status; null where a message has none
    "session_id": ColumnKind.TEXT,
}

TABLES: dict[str, dict[str, ColumnKind]] = {
    "sessions": SESSION_COLUMNS,
    "levels": LEVEL_COLUMNS,
    "ledger": LEDGER_COLUMNS,
    "messages": MESSAGE_COLUMNS,
}

_OPTIONAL: dict[str, tuple[str, ...]] = {
    "sessions": tuple(SESSION_COLUMNS)[list(SESSION_COLUMNS).index("media_s") :],
    "levels": ("min", "mean", "max"),
    "ledger": ("session_id",),
    "messages": ("state", "subrequests", "argument", "session_id"),
}

_ARROW = {
    ColumnKind.FLOAT: pa.float64(),
    ColumnKind.COUNT: pa.int64(),
    ColumnKind.CODE: pa.int32(),
    ColumnKind.TEXT: pa.string(),
    ColumnKind.FLAG: pa.bool_(),
    ColumnKind.PLACE: pa.int32(),
}

PANDAS = {
    ColumnKind.FLOAT: "float64",
    ColumnKind.COUNT: "int64",
    ColumnKind.CODE: "Int32",
    ColumnKind.TEXT: "category",
    ColumnKind.FLAG: "bool",
    ColumnKind.PLACE: "Int32",
}


def schema(table: str) -> pa.Schema:
    """The Arrow schema of `table`; text is plain here and dictionary-encoded by the Parquet writer."""
    return pa.schema([pa.field(name, _ARROW[kind]) for name, kind in TABLES[table].items()])


def readers_metadata(table: str) -> dict[bytes, bytes]:
    """What a file of `table` says of its columns, so that whoever reads it without us has the same types: text as
    categories, codes and places as whole numbers that may be missing."""
    stored = [
        pa.field(name, pa.dictionary(pa.int32(), pa.string()) if kind is ColumnKind.TEXT else _ARROW[kind])
        for name, kind in TABLES[table].items()
    ]
    columns = [
        {"name": name, "field_name": name, "pandas_type": PANDAS[kind].lower(), "numpy_type": PANDAS[kind],
         "metadata": None}
        for name, kind in TABLES[table].items() if kind is not ColumnKind.TEXT
    ]  # fmt: skip
    told = {"index_columns": [], "column_indexes": [], "columns": columns}
    whole = pa.schema(stored, metadata={b"pandas": json.dumps(told, sort_keys=True).encode()})
    return {b"ARROW:schema": base64.b64encode(whole.serialize().to_pybytes())}


def to_arrow(table: str, columns: Mapping[str, Any]) -> pa.Table:
    """`columns` of equal length as an Arrow table in the fixed order. InternalError names a wrong or missing column."""
    kinds = TABLES[table]
    wrong = sorted(set(columns) - set(kinds))
    missing = [name for name in kinds if name not in columns and name not in _OPTIONAL[table]]
    if wrong or missing:
        raise InternalError(f"table {table}: unknown columns {wrong}, missing columns {missing}")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InternalError(f"table {table}: columns differ in length: {lengths}")
    rows = next(iter(lengths.values()), 0)
    arrays = [_array(kind, columns.get(name), rows) for name, kind in kinds.items()]
    return pa.Table.from_arrays(arrays, schema=schema(table))


def to_frame(table: str, data: pa.Table) -> "pd.DataFrame":
    """`data` as pandas: float64 with NaN, int64, nullable Int32 for status codes, bool, and categories for text."""
    import pandas as pd

    text = [name for name, kind in TABLES[table].items() if kind is ColumnKind.TEXT and name in data.column_names]
    frame: pd.DataFrame = data.to_pandas(categories=text, types_mapper={pa.int32(): pd.Int32Dtype()}.get)
    return frame


def empty(table: str) -> pa.Table:
    """`table` without rows."""
    return schema(table).empty_table()


def _array(kind: ColumnKind, values: Any, rows: int) -> pa.Array:
    if values is None:
        default = {ColumnKind.COUNT: 0, ColumnKind.FLAG: False}.get(kind)
        return numbers_array(np.full(rows, default)) if default is not None else pa.nulls(rows, _ARROW[kind])
    if kind is ColumnKind.TEXT:
        return _text(values)
    if kind is ColumnKind.FLOAT:
        times = np.asarray(values, dtype=np.float64)
        return numbers_array(times, np.isnan(times))
    if kind in (ColumnKind.CODE, ColumnKind.PLACE):
        least = 1 if kind is ColumnKind.CODE else 0
        raw = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=least - 1.0)
        return numbers_array(raw.astype(np.int32), raw < least)
    return numbers_array(np.asarray(values, dtype=np.int64 if kind is ColumnKind.COUNT else np.bool_))


def numbers_array(values: np.ndarray[Any, Any], missing: np.ndarray[Any, Any] | None = None) -> pa.Array:
    """An Arrow array over the numbers themselves. `pa.array` would load pandas, to see that they are not its own."""
    held = np.packbits(values, bitorder="little") if values.dtype == np.bool_ else np.ascontiguousarray(values)
    return _arrow(pa.from_numpy_dtype(values.dtype), len(values), [pa.py_buffer(held)], missing)


def _text(values: Any) -> pa.Array:
    if isinstance(values, Coded):
        codes = np.asarray(values.codes, dtype=np.int32)
        names = [name or None for name in values.names]
        coded = pa.DictionaryArray.from_arrays(numbers_array(codes, codes < 0), strings_array(names))
        return coded.cast(pa.string())
    if isinstance(values, np.ndarray) and values.dtype.kind == "S":
        return _ascii(values)
    return strings_array([str(value) if value else None for value in values])


def _ascii(values: np.ndarray[Any, Any]) -> pa.Array:
    """An Arrow array of strings that NumPy holds, each of its item size or empty: empty is null."""
    absent = values == b""
    offsets = np.concatenate([[0], np.cumsum(np.where(absent, 0, values.dtype.itemsize))])
    large = bool(offsets[-1] > 2**31 - 1)  # beyond what the offsets of a plain string array can say
    kind, width = (pa.large_string(), np.int64) if large else (pa.string(), np.int32)
    buffers = [pa.py_buffer(offsets.astype(width)), pa.py_buffer(np.ascontiguousarray(values[~absent]).tobytes())]
    return _arrow(kind, len(values), buffers, absent).cast(pa.string())


def strings_array(values: Sequence[str | None]) -> pa.Array:
    """An Arrow array of strings, for the same reason not by `pa.array`."""
    encoded = [(value or "").encode() for value in values]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int32)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    absent = np.array([value is None for value in values], dtype=np.bool_)
    return _arrow(pa.string(), len(encoded), [pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))], absent)


def _arrow(kind: pa.DataType, rows: int, buffers: list[pa.Buffer], missing: np.ndarray[Any, Any] | None) -> pa.Array:
    absent = 0 if missing is None else int(missing.sum())
    present = pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing is not None and absent else None
    return pa.Array.from_buffers(kind, rows, [present, *buffers], absent)
