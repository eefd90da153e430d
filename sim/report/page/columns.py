"""The data that a page's scripts draw from: levels over time, and sessions; both thinned to what a page can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.ledger.result import RunResult
from sim.report.page.blocks import Datum, Head
from sim.report.text import duration, number
from sim.report.thinning import level_steps
from sim.vocabulary.resources import resource_words

if TYPE_CHECKING:
    import pandas as pd

    Array = np.ndarray[Any, Any]

MOST_SESSIONS: Final = 800
"""Sessions in the page; of more it holds those that went wrong, the slowest, and a sample of the rest."""
STATIC: Final = 25
"""Sessions in the table that is there without scripts."""
POINTS: Final = 300
SERIES: Final = ("session_pool", "rtp_port", "tcp_connection", "media_context")

COLUMNS: Final = (
    ("session", "session", False), ("id", "session_id", True), ("outcome", "outcome", True),
    ("arrived", "arrived_s", False), ("set-up", "", False), ("pool lifetime", "", False),
    ("waits for", "waiting_for", True), ("plugin", "plugin", True),
    ("cause", "cause", True),
)  # fmt: skip


def columns_of(result: RunResult) -> dict[str, object]:
    """Levels and sessions as plain lists, rounded to the microsecond."""
    found: dict[str, object] = {}
    levels = _levels(result)
    if levels is not None:
        found["levels"] = levels
    rows = _rows(result)
    if rows is not None:
        columns, lines, _ = rows
        found["sessions"] = {"columns": columns, "rows": lines}
    return found


def example_rows(result: RunResult) -> tuple[list[Head], list[list[Datum]], str]:
    """The first sessions of the page's table for readers without scripts, and what the table holds in words."""
    rows = _rows(result)
    if rows is None:
        return [], [], ""
    columns, lines, total = rows
    heads = [Head(str(column["name"]), bool(column["text"])) for column in columns]
    cells = [[_cell(value, column) for value, column in zip(line, columns, strict=True)] for line in lines[:STATIC]]
    told = (
        f"{number(len(lines))} of {number(total)} sessions" if len(lines) < total else f"All {number(total)} sessions"
    )
    if len(lines) < total:
        told += ": every one that went wrong as far as they fit, the slowest, and a sample of the rest"
    if len(lines) > STATIC:
        told += f"; without scripts the first {STATIC}"
    return heads, cells, told + ". sessions.parquet has them all."


def _cell(value: Any, column: dict[str, Any]) -> Datum:
    if value is None:
        return Datum("–", None, "text" if column["text"] else "")
    if column["text"]:
        return Datum(str(value), name="text")
    return Datum(duration(value) if column["unit"] == "s" else str(value), value)


def _levels(result: RunResult) -> dict[str, object] | None:
    names = [name for name in SERIES if name in result.summary.resources]
    names += [name for name in result.summary.resources if name.startswith("engine_channel:")]
    steps = {name: found for name in names if (found := level_steps(result, name, POINTS)) is not None}
    if not steps:
        return None
    time = np.unique(np.concatenate([found.time for found in steps.values()]))
    if len(time) > POINTS:
        time = time[np.unique(np.linspace(0, len(time) - 1, POINTS).astype(int))]
    series = []
    for name, found in steps.items():
        at = np.searchsorted(found.time, time, side="right") - 1
        held = np.where(at >= 0, found.level[np.maximum(at, 0)], 0.0)
        series.append({"name": name, "words": resource_words(name), "held": [round(float(value), 2) for value in held]})
    return {"time": [round(float(value), 6) for value in time], "series": series}


def _rows(result: RunResult) -> tuple[list[dict[str, Any]], list[list[Any]], int] | None:
    sessions = result.part("sessions", ("arrived_s", "answer_s", "outcome"))
    if sessions is None or not len(sessions):
        return None
    wanted = _chosen(sessions)
    total = len(sessions)
    del sessions  # of a long run it is large
    read = ("arrived_s", "answer_s", "created_s", "released_s", *(column for _, column, _ in COLUMNS if column))
    chosen = result.part("sessions", read, wanted)
    assert chosen is not None
    chosen = chosen.set_index("session", drop=False).loc[wanted]
    columns: list[dict[str, Any]] = []
    values: list[list[Any]] = []
    for name, column, is_text in COLUMNS:
        if column and column not in chosen:
            continue
        seconds = column.endswith("_s") or not column
        columns.append({"name": name, "text": is_text, "unit": "s" if seconds else ""})
        values.append(_values(chosen, name, column))
    return columns, [list(row) for row in zip(*values, strict=True)], total


def _values(rows: pd.DataFrame, name: str, column: str) -> list[Any]:
    if name == "set-up":
        numbers = rows["answer_s"] - rows["arrived_s"]
    elif name == "pool lifetime":
        numbers = rows["released_s"] - rows["created_s"]
    elif column.endswith("_s"):
        numbers = rows[column]
    else:
        plain = rows[column].astype(object).tolist()
        return [value if isinstance(value, str | int) else None for value in plain]
    return [None if value != value else float(f"{value:.5g}") for value in numbers.to_numpy(dtype=float)]


def _chosen(sessions: pd.DataFrame) -> Array:
    """The numbers of the sessions in a page: what went wrong first, then the slowest to be answered, then evenly chosen
    others; the same choice every time."""
    outcome = sessions["outcome"]
    numbers = sessions["session"].to_numpy()
    wrong = (outcome != "released").to_numpy()
    setup = (sessions["answer_s"] - sessions["arrived_s"]).fillna(-1.0).to_numpy(dtype=float)
    order = np.lexsort((np.arange(len(sessions)), -setup, ~(outcome == "leaked").to_numpy(), ~wrong))
    if len(order) <= MOST_SESSIONS:
        return np.asarray(numbers[order])
    first = order[: MOST_SESSIONS // 2]
    rest = np.sort(order[MOST_SESSIONS // 2 :])
    sample = rest[np.unique(np.linspace(0, len(rest) - 1, MOST_SESSIONS - len(first)).astype(int))]
    return np.asarray(numbers[np.concatenate([first, sample])])
