"""The points of a study: grids, lists, samples that fill the space, and constraints on them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.errors import ScenarioError
from sim.study.constraints import base_value, holds
from sim.study.design import points
from sim.study.file import Vary, load_study


def vary(**given: Any) -> Vary:
    return Vary.model_validate(given)


def test_a_grid_is_crossed_with_a_list() -> None:
    found = points(vary(grid={"a": [1, 2], "b": ["x"]}, list=[{"c": 1}, {"c": 2, "d": 3}]), {})
    assert found == [
        {"a": 1, "b": "x", "c": 1}, {"a": 1, "b": "x", "c": 2, "d": 3},
        {"a": 2, "b": "x", "c": 1}, {"a": 2, "b": "x", "c": 2, "d": 3},
    ]  # fmt: skip


def test_nothing_varied_is_one_point() -> None:
    assert points(Vary(), {}) == [{}]


def test_constraints_are_arithmetic_with_units() -> None:
    point = {"arrivals.rate": "20/s", "calls.hold": "500ms", "n": 3}
    assert holds("arrivals.rate * calls.hold <= 10", point)
    assert not holds("arrivals.rate * calls.hold < 10", point)
    assert holds("0.4s < calls.hold < 1s", point)
    assert holds("arrivals.rate >= 600/min", point)
    assert holds("(n + 1) / 2 == 2", point)
    assert base_value("2%") == 0.02


@pytest.mark.parametrize(
    ("constraint", "why"),
    [
        ("__import__('os').system('true') == 0", "not arithmetic"), ("calls.hold", "must compare"),
        ("nothing < 3", "must be a quantity that the study sets"), ("n ** 9 ** 9 > 1", "not arithmetic"),
        ("n < ", "must be arithmetic"), ("n in [1, 2]", "not arithmetic"), ("1 / (n - 3) > 0", "divides by zero"),
    ],
)  # fmt: skip
def test_other_constraints_are_refused(constraint: str, why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        holds(constraint, {"n": 3})


@pytest.mark.parametrize("method", ["sobol", "halton", "latin"])
def test_a_sample_fills_the_space_also_under_constraints(method: str) -> None:
    sample = {
        "points": 64, "method": method,
        "ranges": {"rate": {"from": "1/s", "to": "100/s", "scale": "log"}, "n": {"from": 1, "to": 8, "whole": True}},
    }  # fmt: skip
    found = points(vary(sample=sample), {})
    rates, counts = np.array([p["rate"] for p in found]), [p["n"] for p in found]
    assert len(found) == 64
    for low, high in ((1.0, 10.0), (10.0, 100.0)):  # half of them in each decade
        assert 28 <= ((rates >= low) & (rates < high)).sum() <= 36
    assert set(counts) == set(range(1, 9))
    within = points(vary(sample=sample, where=["rate * n <= 50"]), {})
    assert len(within) == 64
    assert all(p["rate"] * p["n"] <= 50 for p in within)
    assert points(vary(sample=sample), {}) == found  # the same every time


def test_a_constraint_that_nothing_meets_says_so() -> None:
    with pytest.raises(ScenarioError, match="no point"):
        points(vary(grid={"n": [1, 2]}, where=["n > 5"]), {})
    sample = {"points": 4, "ranges": {"n": {"from": 0, "to": 1}}}
    with pytest.raises(ScenarioError, match="meet the constraints"):
        points(vary(sample=sample, where=["n > 5"]), {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("scenario: baseline\nreplicatons: 3\n", ":2: replicatons is not a known key; did you mean replications?"),
        ("scenario: baseline\nreplications: 0\n", ":2: replications"),
        ("replications: 3\n", "scenarios must be given"),
        ("scenario: baseline\nbest: {metric: sessions.blocking, difference: 1%}\n", "two variants or more"),
        ("scenario: baseline\nvary:\n  sample:\n    points: 3\n    ranges: {a: {from: 2s, to: 1s}}\n", "must be above"),
        ("scenario: baseline\nreplications: {precision: {}}\n", "must name at least one metric"),
        ("- 1\n", "must be a mapping"),
    ],
)
def test_a_wrong_study_file_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as error:
        load_study(path)
    assert told in str(error.value)
