"""The data dictionary has every column of every table, says when it is null, and stands in docs/data.md; whoever reads
a table, from Python, from its folder or with pandas alone, has the same types."""

import re
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

import sim
from sim.ledger.conditions import OUTCOMES as CONDITIONED
from sim.ledger.dictionary import COLUMNS, COUNTS, OUTCOMES, filled
from sim.ledger.summary import SessionCounts
from sim.ledger.tables import PANDAS, TABLES
from sim.vocabulary.messages import MESSAGES

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs" / "data.md").read_text(encoding="utf-8")
MIXED = {
    "name": "mixed",
    "duration": "4s",
    "drain": "3s",
    "client": {"patience": {"dist": "exponential", "mean": "200ms"}, "tcp": False},
    "calls": {"hold": "500ms", "offer": {"unknown_resource": 0.2}},
    "plugins": {"speechrecog": {"close": {"never": 0.2}, "open": {"delay": "50ms"}}},
}


@pytest.fixture(scope="module", params=["full", "sessions", "log"])
def result(request: pytest.FixtureRequest) -> sim.RunResult:
    if request.param == "log":
        return sim.audit_log(HOME / "tests" / "data" / "traces" / "unknown.log.xz", ledger="full")
    return sim.run(sim.load_scenario(MIXED), seed=3, engine="simpy", ledger=request.param)


def test_the_page_is_up_to_date() -> None:
    assert set(re.findall(r"<!-- made: (\w+) -->", PAGE)) == {*TABLES, "outcomes", "counts"}
    assert filled(PAGE) == PAGE, "run: python -m sim.ledger.dictionary docs/data.md"


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_a_meaning_and_no_other(table: str) -> None:
    assert list(COLUMNS[table]) == list(TABLES[table])
    for name, (unit, what, _) in COLUMNS[table].items():
        assert what
        assert (unit == "s") == name.endswith("_s")


def test_every_outcome_of_a_condition_has_a_meaning() -> None:
    assert set(CONDITIONED) <= set(OUTCOMES)


def test_every_count_of_a_summary_has_a_meaning_and_no_other() -> None:
    assert set(COUNTS) == {field.name for field in fields(SessionCounts)}


def test_columns_are_null_only_where_the_page_says_so(result: sim.RunResult) -> None:
    for table in TABLES:
        frame = result.table(table)
        for name in frame if frame is not None else ():
            if not COLUMNS[table][name][2]:
                assert not frame[name].isna().any(), f"{table}.{name}"
    assert set(result.sessions["outcome"]) <= set(OUTCOMES)


def test_types_are_the_same_from_the_api_from_the_folder_and_from_the_file(
    result: sim.RunResult, tmp_path: Path
) -> None:
    """A status was Int32 from the API, and int32 or float64 from the file, as it happened to have nulls or not."""
    folder = result.save(tmp_path / "result")
    for table in TABLES:
        frame = result.table(table)
        if frame is None:
            continue
        said = {name: PANDAS[kind] for name, kind in TABLES[table].items()}
        for found in (frame, sim.load_result(folder).table(table), pd.read_parquet(folder / f"{table}.parquet")):
            assert {name: str(dtype) for name, dtype in found.dtypes.items()} == {name: said[name] for name in found}


def test_the_page_explains_arguments_of_messages_that_have_one() -> None:
    rows = PAGE.partition("| messages | `argument` |")[2]
    explained = re.findall(r"`([^`]+)`", " ".join(re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE)))
    assert explained
    assert set(explained) <= {row.name for row in MESSAGES if row.argument}
