"""The shipped scenarios are found wherever the package is, and the reference page is that of this model."""

import subprocess
import sys
from pathlib import Path

import pytest

from sim.scenario import Scenario, find_shipped, load_scenario, shipped_folder, shipped_scenarios
from sim.scenario.reference import reference_markdown
from sim.scenario.shipped import title_of

ROOT = Path(__file__).parent.parent.parent


def test_the_reference_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    assert written == reference_markdown(), "run: python -m sim.scenario.reference > docs/scenarios.md"


def test_the_reference_page_has_every_key_and_every_meaning() -> None:
    page = reference_markdown()
    for key in (
        "`arrivals.rate`", "`calls.hold`", "`client.vanish.tcp`", "`server.costs.server.offer`",
        "`server.limits.rtp_ports`", "`plugins.<resource>.close.never`", "`plugins.<resource>.request.wrong_order`",
        "`server.sip.bye_response`", "`server.freeze`", "`duration`", "`expect`",
    ):  # fmt: skip
        assert f"| {key} |" in page
    assert "None |" not in page
    assert (
        "`server.costs.server.offer` | time or distribution | `{dist: lognormal, median: 99us, mean: 126us}` |" in page
    )


def test_shipped_scenarios_are_listed_with_name_and_title(tmp_path: Path) -> None:
    (tmp_path / "faults").mkdir()
    (tmp_path / "b.yaml").write_text("# yaml-language-server: $schema=x\n#\n# One call.\n# More.\nseed: 1\n")
    (tmp_path / "faults" / "a.yaml").write_text("description: 'What it shows.'\n")
    (tmp_path / "notes.txt").write_text("no scenario")
    assert [(item.name, item.title) for item in shipped_scenarios(tmp_path)] == [
        ("b", "One call."),
        ("faults/a", "What it shows."),
    ]


def test_every_shipped_scenario_loads_and_says_what_it_shows() -> None:
    for item in shipped_scenarios():
        assert isinstance(load_scenario(item.path), Scenario)
        assert title_of(item.path), f"{item.path} must begin with a comment that says what it shows"
        assert find_shipped(item.name) == item.path
        assert find_shipped(f"scenarios/{item.name}.yaml") == item.path
    assert shipped_folder() == ROOT / "scenarios"
    assert find_shipped("no-such-scenario") is None


def test_reading_a_scenario_loads_no_numerical_package() -> None:
    code = (
        "import sys; import sim.scenario; sim.scenario.load_scenario({}); "
        "print(sorted({'numpy', 'pandas', 'scipy', 'matplotlib', 'numba', 'simpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", ["duration", "drain", "seed", "arrivals.kind", "arrivals.calls", "calls.requests"])
def test_paths_that_scripts_set_exist(path: str) -> None:
    value = {"arrivals.kind": "even"}.get(path, "3")
    load_scenario({}, {path: value})
