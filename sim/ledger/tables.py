"""The columns of every result table, their order and types, said once for all who write or read them.

Times are float64 seconds and null when not reached (NaN in NumPy, null in Parquet); counts are int64; strings are
dictionary-encoded. Columns after the ones in the documented interface may be left out when writing.
"""

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


class Kind(Enum):
    """How a column is stored: FLOAT (NaN → null), COUNT (never null), CODE (0, negative or NaN → null),
    TEXT ("" or None → null), FLAG (never null)."""

    FLOAT = "float"
    COUNT = "count"
    CODE = "code"
    TEXT = "text"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Coded:
    """A text column given as positions in `names`; a negative code is null. The fast way to write text."""

    codes: "NDArray[Any]"
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.codes)


SESSION_COLUMNS: dict[str, Kind] = {
    "session": Kind.COUNT,
    "arrived_s": Kind.FLOAT,
    "created_s": Kind.FLOAT,
    "offer_s": Kind.FLOAT,
    "answer_s": Kind.FLOAT,
    "answer_status": Kind.CODE,
    "bye_s": Kind.FLOAT,
    "bye_ok_s": Kind.FLOAT,
    "deactivate_s": Kind.FLOAT,
    "terminate_s": Kind.FLOAT,
    "close_answered_s": Kind.FLOAT,
    "released_s": Kind.FLOAT,
    "state": Kind.TEXT,
    "outcome": Kind.TEXT,
    "waiting_for": Kind.TEXT,
    "plugin": Kind.TEXT,
    "pool_bytes": Kind.COUNT,
    "requests": Kind.COUNT,
    # beyond the documented interface, may be left out:
    "media_s": Kind.FLOAT,
    "open_s": Kind.FLOAT,
    "cause": Kind.TEXT,
    "crashed": Kind.FLAG,
    "name": Kind.TEXT,  # the session's own id in a server's log
}

LEVEL_COLUMNS: dict[str, Kind] = {
    "time_s": Kind.FLOAT,
    "resource": Kind.TEXT,
    "held": Kind.COUNT,
    # only on a regular grid: over the interval that begins at time_s
    "min": Kind.FLOAT,
    "mean": Kind.FLOAT,
    "max": Kind.FLOAT,
}

LEDGER_COLUMNS: dict[str, Kind] = {
    "time_s": Kind.FLOAT,
    "session": Kind.COUNT,
    "resource": Kind.TEXT,
    "delta": Kind.COUNT,
    "bytes": Kind.COUNT,
    "task": Kind.TEXT,
    "cause": Kind.TEXT,
}

MESSAGE_COLUMNS: dict[str, Kind] = {
    "session": Kind.COUNT,
    "task": Kind.TEXT,
    "message": Kind.TEXT,
    "sent_s": Kind.FLOAT,
    "started_s": Kind.FLOAT,
    "finished_s": Kind.FLOAT,
    # beyond the documented interface, may be left out: the session after the message
    "state": Kind.TEXT,
    "subrequests": Kind.COUNT,
}

TABLES: dict[str, dict[str, Kind]] = {
    "sessions": SESSION_COLUMNS,
    "levels": LEVEL_COLUMNS,
    "ledger": LEDGER_COLUMNS,
    "messages": MESSAGE_COLUMNS,
}

_OPTIONAL: dict[str, tuple[str, ...]] = {
    "sessions": ("media_s", "open_s", "cause", "crashed", "name"),
    "levels": ("min", "mean", "max"),
    "ledger": (),
    "messages": ("state", "subrequests"),
}

_ARROW = {
    Kind.FLOAT: pa.float64(),
    Kind.COUNT: pa.int64(),
    Kind.CODE: pa.int32(),
    Kind.TEXT: pa.string(),
    Kind.FLAG: pa.bool_(),
}


def schema(table: str) -> pa.Schema:
    """The Arrow schema of `table`; text is plain here and dictionary-encoded by the Parquet writer."""
    return pa.schema([pa.field(name, _ARROW[kind]) for name, kind in TABLES[table].items()])


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

    text = [name for name, kind in TABLES[table].items() if kind is Kind.TEXT and name in data.column_names]
    frame: pd.DataFrame = data.to_pandas(categories=text, types_mapper={pa.int32(): pd.Int32Dtype()}.get)
    return frame


def empty(table: str) -> pa.Table:
    """`table` without rows."""
    return schema(table).empty_table()


def _array(kind: Kind, values: Any, rows: int) -> pa.Array:
    if values is None:
        default = {Kind.COUNT: 0, Kind.FLAG: False}.get(kind)
        return _numbers(np.full(rows, default)) if default is not None else pa.nulls(rows, _ARROW[kind])
    if kind is Kind.TEXT:
        return _text(values)
    if kind is Kind.FLOAT:
        times = np.asarray(values, dtype=np.float64)
        return _numbers(times, np.isnan(times))
    if kind is Kind.CODE:
        raw = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0)
        return _numbers(raw.astype(np.int32), raw <= 0)
    return _numbers(np.asarray(values, dtype=np.int64 if kind is Kind.COUNT else np.bool_))


def _numbers(values: np.ndarray[Any, Any], missing: np.ndarray[Any, Any] | None = None) -> pa.Array:
    """An Arrow array over the numbers themselves. `pa.array` would load pandas, to see that they are not its own."""
    held = np.packbits(values, bitorder="little") if values.dtype == np.bool_ else np.ascontiguousarray(values)
    return _arrow(pa.from_numpy_dtype(values.dtype), len(values), [pa.py_buffer(held)], missing)


def _text(values: Any) -> pa.Array:
    if isinstance(values, Coded):
        codes = np.asarray(values.codes, dtype=np.int32)
        names = [name or None for name in values.names]
        coded = pa.DictionaryArray.from_arrays(_numbers(codes, codes < 0), _strings(names))
        return coded.cast(pa.string())
    return _strings([str(value) if value else None for value in values])


def _strings(values: Sequence[str | None]) -> pa.Array:
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
