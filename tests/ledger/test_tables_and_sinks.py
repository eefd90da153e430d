from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim.errors import InternalError
from sim.ledger import sink as sink_module
from sim.ledger.parquet import read_part, read_table
from sim.ledger.sink import MemorySink, ParquetSink
from sim.ledger.tables import SESSION_COLUMNS, Coded, ColumnKind, to_arrow

DOCUMENTED = {
    "sessions": "session, arrived_s, created_s, offer_s, answer_s, answer_status, bye_s, bye_ok_s, deactivate_s, "
    "terminate_s, close_answered_s, released_s, state, outcome, waiting_for, plugin, pool_bytes, requests",
    "levels": "time_s, resource, held",
    "ledger": "time_s, session, resource, delta, bytes, task, cause",
    "messages": "session, task, message, sent_s, started_s, finished_s",
}


def messages(first: int, end: int) -> dict[str, Any]:
    i = np.arange(first, end)
    return {
        "session": i,
        "task": Coded(i % 3, ["NUA", "MRCP Server", "SIP-Agent-1"]),
        "message": [f"m{k % 5}" if k % 7 else None for k in i],
        "sent_s": i * 0.1,
        "started_s": np.where(i % 4 == 0, np.nan, i * 0.2),
        "finished_s": i * 0.3,
    }


def written(folder: Path, chunk: int, rows: int) -> dict[str, bytes]:
    folder.mkdir()
    with ParquetSink(folder, ("messages", "levels")) as sink:
        for first in range(0, rows, chunk):
            sink.write("messages", messages(first, min(rows, first + chunk)))
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("table", DOCUMENTED)
def test_the_documented_columns_come_first_and_in_order(table: str) -> None:
    columns = list(MemorySink().frame(table).columns)
    documented = DOCUMENTED[table].split(", ")
    assert columns[: len(documented)] == documented


def test_the_same_rows_give_the_same_bytes_however_they_were_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_module, "ROW_GROUP", 1000)
    files = [written(tmp_path / str(chunk), chunk, 5300) for chunk in (1, 7, 999, 1000, 1001, 5300)]
    assert list(files[0]) == ["levels.parquet", "messages.parquet"]
    assert all(other == files[0] for other in files[1:])


def test_a_parquet_file_has_what_the_memory_sink_has(tmp_path: Path) -> None:
    written(tmp_path / "x", 100, 350)
    memory = MemorySink()
    memory.write("messages", messages(0, 200))
    memory.write("messages", messages(200, 350))
    frame = pd.read_parquet(tmp_path / "x" / "messages.parquet")
    assert frame["started_s"].isna().sum() == 88
    for column, values in memory.frame("messages").items():
        assert (frame[column].isna() == values.isna()).all()
        assert frame[column].dropna().tolist() == values.dropna().tolist()


def test_types_are_the_same_with_and_without_rows() -> None:
    sink = MemorySink()
    before = sink.frame("sessions").dtypes.astype(str).to_dict()
    rows = {name: ["x"] if kind is ColumnKind.TEXT else [1] for name, kind in SESSION_COLUMNS.items()}
    sink.write("sessions", rows)
    assert sink.frame("sessions").dtypes.astype(str).to_dict() == before
    assert (before["arrived_s"], before["session"], before["state"]) == ("float64", "int64", "category")
    assert (before["answer_status"], before["crashed"]) == ("Int32", "bool")


def test_what_was_not_reached_is_null() -> None:
    rows: dict[str, Any] = {name: [1, 1] for name, kind in SESSION_COLUMNS.items() if kind is not ColumnKind.TEXT}
    rows |= {"state": ["ACTIVE", ""], "outcome": Coded(np.array([0, -1]), ["live"]), "waiting_for": [None, "x"]}
    rows |= {"plugin": ["", None], "answer_s": [np.nan, 2.0], "answer_status": [np.nan, 200]}
    sink = MemorySink()
    sink.write("sessions", rows)
    nulls = {name: values.isna().tolist() for name, values in sink.frame("sessions").items()}
    assert nulls["state"] == nulls["outcome"] == [False, True]
    assert nulls["waiting_for"] == nulls["answer_s"] == nulls["answer_status"] == [True, False]
    assert nulls["plugin"] == [True, True]


@pytest.mark.parametrize(
    "change",
    [{"nonsense": [1]}, {"task": None}, {"sent_s": [1.0, 2.0]}],
    ids=["unknown column", "missing column", "other length"],
)
def test_columns_that_do_not_fit_are_our_bug_and_named(change: dict[str, Any]) -> None:
    rows = {**messages(0, 1), **change}
    rows = {name: values for name, values in rows.items() if values is not None}
    with pytest.raises(InternalError, match=f"table messages.*{next(iter(change))}"):
        to_arrow("messages", rows)


def test_a_table_has_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    sink = ParquetSink(tmp_path)
    sink.write("messages", messages(0, 10))
    assert not list(tmp_path.glob("*.parquet"))
    sink.close(ok=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "levels.parquet",
        "messages.parquet",
        "sessions.parquet",
    ]


def test_a_failed_run_leaves_no_table(tmp_path: Path) -> None:
    def run() -> None:
        with ParquetSink(tmp_path) as sink:
            sink.write("messages", messages(0, 10))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert not list(tmp_path.iterdir())


def test_nothing_can_be_written_after_the_end(tmp_path: Path) -> None:
    sink = ParquetSink(tmp_path)
    sink.close(ok=True)
    sink.close(ok=True)
    with pytest.raises(InternalError, match="after the sink was closed"):
        sink.write("messages", messages(0, 1))


def test_a_part_of_a_table_is_what_the_whole_table_has_there(tmp_path: Path) -> None:
    with ParquetSink(tmp_path, tables=("sessions",)) as sink:
        for first in (1, 101):  # later sessions end first
            numbers = np.arange(first, first + 100)[::-1]
            given = {column: np.full(100, np.nan) for column in SESSION_COLUMNS}
            given |= {"session": numbers, "arrived_s": numbers / 10.0}
            for column, kind in SESSION_COLUMNS.items():
                if kind is ColumnKind.TEXT:
                    given[column] = [f"{column}{n}" for n in numbers]
                elif kind in (ColumnKind.COUNT, ColumnKind.FLAG) and column != "session":
                    given[column] = np.zeros(100)
            sink.write("sessions", given)
    whole = read_table(tmp_path, "sessions")
    assert whole is not None
    some = read_part(tmp_path, "sessions", ("session_id", "nothing"), np.array([150, 7, 999]))
    assert some is not None
    assert some["session"].tolist() == [7, 150]
    assert some["session_id"].astype(str).tolist() == ["session_id7", "session_id150"]
    assert [*some.columns] == ["session", "session_id"]
    every = read_part(tmp_path, "sessions", ("arrived_s",), None)
    assert every is not None
    assert every.equals(whole[["session", "arrived_s"]])
    none = read_part(tmp_path, "sessions", ("outcome",), np.array([999]))
    assert none is not None
    assert none.empty
    assert read_part(tmp_path, "messages", ("task",), None) is None
