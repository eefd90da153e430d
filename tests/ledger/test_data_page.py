"""The page about the tables names every column of each, and no other."""

import re
from pathlib import Path

import pytest

from sim.ledger.tables import TABLES
from sim.vocabulary.messages import MESSAGES

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", TABLES)
def test_the_page_names_the_columns_of(table: str) -> None:
    section = PAGE.partition(f"## {table}.parquet\n")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", section)) == set(TABLES[table])


def test_the_page_explains_arguments_of_messages_that_have_one() -> None:
    explained = re.findall(r"`([^`]+)`", " ".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)))
    assert explained
    assert set(explained) <= {row.name for row in MESSAGES if row.argument}
