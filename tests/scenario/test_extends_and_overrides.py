"""One file builds on another, `--set` does what writing the key would do, and both say whose mistake it was."""

from pathlib import Path
from typing import Any

import pytest

from sim.scenario import Constant, Exponential, InvalidScenario, load_scenario, split_override


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def problems_of(source: Any, overrides: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(InvalidScenario) as caught:
        load_scenario(source, overrides)
    return list(caught.value.problems)


def test_mappings_merge_and_lists_and_distributions_replace() -> None:
    write("base.yaml", "duration: 10s\nserver: {sip: {t1: 1s, t2: 5s}}\n"
          "calls:\n  hold: {dist: gamma, shape: 2, mean: 3s}\n"
          "  pause: {dist: exponential, mean: 3s}\nexpect: [a == 1, b == 2]\n")  # fmt: skip
    write("x.yaml", "extends: base.yaml\nserver: {sip: {t1: 2s}}\ncalls:\n  hold: {dist: exponential, mean: 1s}\n"
          "  pause: {mean: 1s}\nexpect: [c == 3]\n")  # fmt: skip
    scenario = load_scenario("x.yaml")
    assert (scenario.duration, scenario.server.sip.t1, scenario.server.sip.t2) == (10.0, 2.0, 5.0)
    assert scenario.calls.hold == Exponential(mean=1.0)
    assert scenario.calls.pause == Exponential(mean=1.0)
    assert scenario.expect == ("c == 3",)


def test_name_and_description_belong_to_each_file() -> None:
    write("base.yaml", "name: other\ndescription: of the base\nseed: 5\n")
    write("x y.yaml", "extends: base.yaml\n")
    scenario = load_scenario("x y.yaml")
    assert (scenario.name, scenario.description, scenario.seed) == ("x-y", "", 5)
    assert scenario.extends is None


def test_each_file_names_its_data_relative_to_itself() -> None:
    write("deep/base.yaml", "arrivals: {kind: replay, file: calls.csv}\n")
    write("deep/calls.csv", "invite,hold\n1,2\n")
    write("other/x.yaml", "extends: ../deep/base.yaml\n")
    assert load_scenario("other/x.yaml").arrivals.file == str(Path("deep/calls.csv").resolve())


def test_a_mistake_in_the_base_is_reported_there() -> None:
    write("base.yaml", "seed: 1\nduration: soon\n")
    write("x.yaml", "extends: base.yaml\ndrain: later\n")
    assert problems_of("x.yaml") == [
        "x.yaml:2: drain must be a time >= 0, such as 3s or 500ms (got 'later')",
        "base.yaml:2: duration must be a time > 0, such as 3s or 500ms (got 'soon')",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("extends: none.yaml\n",
         "x.yaml:1: extends must name a readable scenario file (got 'none.yaml': no such file)"),
        ("extends: .\n",
         "x.yaml:1: extends must name a readable scenario file (got '.': is a folder, not a scenario file)"),
        ("extends: x.yaml\n", "x.yaml:1: extends must name a file that does not lead back here (got x.yaml → x.yaml)"),
        ("extends: b.yaml\n",
         "b.yaml:1: extends must name a file that does not lead back here (got x.yaml → b.yaml → x.yaml)"),
        ("extends: 3\n", "x.yaml:1: extends must name another scenario file (got 3)"),
    ],
)  # fmt: skip
def test_a_base_that_can_not_be_used_is_named(text: str, expected: str) -> None:
    write("b.yaml", "extends: x.yaml\n")
    write("x.yaml", text)
    assert problems_of("x.yaml") == [expected]


def test_a_long_chain_is_refused() -> None:
    for number in range(12):
        write(f"s{number}.yaml", f"extends: s{number + 1}.yaml\n")
    assert "chain of at most 10 files" in problems_of("s0.yaml")[0]


def test_an_override_sets_what_the_key_in_the_file_would_set() -> None:
    write(
        "x.yaml",
        "calls: {hold: {dist: exponential, mean: 3s}}\narrivals: {kind: profile, profile: [{at: 0, rate: 1}]}\n",
    )
    scenario = load_scenario(
        "x.yaml",
        {
            "calls.hold": "{dist: exponential, mean: 18ms}",
            "calls.pause": "500ms",
            "arrivals.rate": "40/s",
            "arrivals.profile.0.rate": "7/s",
            "client.patience": 2,
            "plugins.speechrecog.close.never": "2%",
            "plugins.speechrecog.close.never.until": "30s",
            "server.sip": {"t1": "1s"},
            "expect": "[leaked.session_pool == 0]",
        },
    )
    assert scenario.calls.hold == Exponential(mean=0.018)
    assert scenario.calls.pause == Constant(value=0.5)
    assert scenario.arrivals.rate == 40.0
    assert scenario.arrivals.profile[0].rate == 7.0
    assert scenario.client.patience == Constant(value=2.0)
    never = scenario.plugins["speechrecog"].close.never
    assert (never.probability, never.until) == (0.02, 30.0)
    assert scenario.server.sip.t1 == 1.0
    assert scenario.expect == ("leaked.session_pool == 0",)


def test_one_field_of_a_distribution_in_the_file_can_be_set() -> None:
    write("x.yaml", "calls: {hold: {dist: exponential, mean: 3s}}\n")
    assert load_scenario("x.yaml", {"calls.hold.mean": "5s"}).calls.hold == Exponential(mean=5.0)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("arrivals.rate", "fast",
         "--set arrivals.rate=fast: arrivals.rate must be a rate > 0, such as 10/s (got 'fast')"),
        ("arrivals.rte", "3/s", "--set arrivals.rte=3/s: arrivals.rte is not a known key; did you mean rate?"),
        ("seed", "{a: 1", "--set seed={a: 1: is not valid YAML: while parsing a flow mapping, expected ',' or '}', but "
         "got '<stream end>'"),
        ("seed", -3, "--set seed=-3: seed must be a whole number >= 0 (got -3)"),
        ("seed.x", "3", "--set seed.x=3: seed has no fields here (it is 1): set seed"),
        ("expect.4", "a", "--set expect.4=a: expect is a list with positions 0 to 0, and has no 4"),
        ("expect.x", "a", "--set expect.x=a: expect is a list with positions 0 to 0, and has no x"),
        ("a b", "3", "--set a b=3: must be path.to.field=value, such as arrivals.rate=40/s"),
        ("extends", "b.yaml", "--set extends=b.yaml: extends can only stand in a file"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_override_names_the_override(path: str, value: Any, expected: str) -> None:
    write("x.yaml", "seed: 1\nexpect: [a == 1]\n")
    assert problems_of("x.yaml", {path: value}) == [expected]


def test_overrides_and_the_file_are_reported_together() -> None:
    write("x.yaml", "duration: soon\n")
    assert problems_of("x.yaml", {"drain": "later", "seed": "*x"}) == [
        "--set seed=*x: alias *x has no complete anchor before it",
        "x.yaml:1: duration must be a time > 0, such as 3s or 500ms (got 'soon')",
        "--set drain=later: drain must be a time >= 0, such as 3s or 500ms (got 'later')",
    ]


def test_a_file_in_an_override_is_found_from_the_current_folder() -> None:
    write("deep/x.yaml", "arrivals: {kind: replay, file: nowhere.csv}\n")
    write("calls.csv", "invite,hold\n1,2\n")
    assert load_scenario("deep/x.yaml", {"arrivals.file": "calls.csv"}).arrivals.file == str(
        Path("calls.csv").resolve()
    )


def test_the_text_of_a_set_option_splits_at_its_first_equals_sign() -> None:
    assert split_override("expect=[a == 1]") == ("expect", "[a == 1]")
    for text in ("rate", "=3", "a..b=3", ".a=3", ""):
        with pytest.raises(InvalidScenario, match=r"must be path\.to\.field=value"):
            split_override(text)


def test_a_mapping_is_a_scenario_too() -> None:
    assert load_scenario({"duration": 3, "arrivals": {"rate": "600/min"}}).arrivals.rate == 10.0
    assert problems_of({"duration": "soon"}) == [
        "scenario: duration must be a time > 0, such as 3s or 500ms (got 'soon')"
    ]
