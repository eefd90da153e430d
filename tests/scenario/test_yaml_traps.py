"""YAML is read by version 1.2: nothing turns into something that its writer did not write."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario import InvalidScenario, load_scenario
from sim.scenario.yamlfile import parse_yaml


def value(text: str) -> Any:
    node, problems = parse_yaml(f"v: {text}\n", "x.yaml")
    assert problems == []
    return node.plain()["v"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        ("+1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        ("1:30", "1:30"),
        ("2026-11-23", "2026-11-23"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("=", "="),
        ("10/s", "10/s"),
        ("2%", "2%"),
        ("5000-6000", "5000-6000"),
        ("'12'", "12"),
        ('"true"', "true"),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("{a: 12:30:00, b: on}", {"a": "12:30:00", "b": "on"}),
        ("[no, 010]", ["no", 10]),
    ],
)
def test_a_scalar_is_what_it_says(text: str, expected: Any) -> None:
    got = value(text)
    assert got == expected
    assert type(got) is type(expected)


def test_keys_stay_text() -> None:
    assert parse_yaml("on: 1\nno: 2\n1: 3\nnull: 4\n", "x")[0].plain() == {"on": 1, "no": 2, "1": 3, "null": 4}


def fatal(text: str) -> list[str]:
    with pytest.raises(InvalidScenario) as caught:
        parse_yaml(text, "x.yaml")
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1\nb: 2\n",
         "x.yaml:2: is not valid YAML: while parsing a flow sequence, expected ',' or ']', but got ':'"),
        ("a: 1\n\tb: 2\n", "x.yaml:2: is not valid YAML: while scanning for the next token, found character '\\t' that "
         "cannot start any token"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2: must be one document: remove the second '---'"),
        ("a: 1\nb: *nowhere\n", "x.yaml:2: alias *nowhere has no complete anchor before it"),
        ("a: &a [*a]\n", "x.yaml:1: alias *a has no complete anchor before it"),
        ("? [a, b]\n: 1\n", "x.yaml:1: keys must be plain text, not a list or mapping"),
        ("a: \x07\n", "x.yaml:1: is not valid YAML: character #x0007 is not allowed"),
        ("a: " + "[" * 40 + "]" * 40, "x.yaml:1: is nested deeper than 32 levels"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_stops_with_its_line(text: str, expected: str) -> None:
    assert fatal(text) == [expected]


def test_deep_nesting_is_refused_without_exhausting_the_stack() -> None:
    assert fatal("[" * 100_000) == ["x.yaml:1: is nested deeper than 32 levels"]


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    assert fatal("\n".join(lines)) == ["x.yaml:5: has more than 100000 values once its aliases are expanded"]


def test_plain_anchors_and_aliases_work() -> None:
    node, _ = parse_yaml("a: &cost {dist: exponential, mean: 3s}\nb: *cost\n", "x.yaml")
    assert node.plain()["b"] == {"dist": "exponential", "mean": "3s"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seed: 1\nseed: 2\n", "x.yaml:2: key 'seed' is given twice, first on line 1"),
        ("server: {profile: a, profile: a}\n", "x.yaml:1: key 'profile' is given twice, first on line 1"),
        ("seed: !!int 1\n", "x.yaml:1: tags such as 'tag:yaml.org,2002:int' are not allowed"),
        ("name: !!python/name:os.system x\n",
         "x.yaml:1: tags such as 'tag:yaml.org,2002:python/name:os.system' are not allowed"),
    ],
)  # fmt: skip
def test_duplicate_keys_and_tags_are_reported_with_everything_else(
    text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text(text + "duration: soon\n")
    with pytest.raises(InvalidScenario) as caught:
        load_scenario("x.yaml")
    line = text.count("\n") + 1
    assert caught.value.problems == (
        expected,
        f"x.yaml:{line}: duration must be a time > 0, such as 3s or 500ms (got 'soon')",
    )


def test_merge_keys_are_not_part_of_the_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text("arrivals: {<<: {rate: 3/s}}\n")
    with pytest.raises(InvalidScenario, match=r"^x.yaml:1: arrivals.<< is not a known key"):
        load_scenario("x.yaml")


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfseed: 4\r\nduration: 3s\r\n")
    assert load_scenario(path).seed == 4


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_plain_words(text: str) -> None:
    problems: tuple[str, ...] = ()
    try:
        parse_yaml(text, "x.yaml")[0].plain()
    except InvalidScenario as error:
        problems = error.problems
    assert all(problem.startswith("x.yaml:") for problem in problems)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["arrivals", "rate", "dist", "mean", "calls", "hold", "server",
                                                       "plugins", "speechrecog", "close", "never", "file"]),
                                      inner, max_size=3), max_leaves=8))  # fmt: skip
def test_any_mapping_is_a_scenario_or_refused_in_plain_words(data: Any) -> None:
    if not isinstance(data, dict):
        data = {"calls": data}
    problems: tuple[str, ...] = ("scenario: none",)
    try:
        load_scenario(data)
    except InvalidScenario as error:
        problems = error.problems
    assert problems
    assert all(problem.startswith("scenario: ") for problem in problems)
