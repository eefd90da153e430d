"""Results side by side: a fix is seen, two seeds are not told apart, and conditions decide the exit code."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import sim
from sim.cli.main import build
from sim.comparison.compare import SideBySide, compare
from sim.comparison.fail_on import hold_to
from sim.errors import ScenarioError
from sim.ledger.result import RunResult
from sim.report.comparison import verdict
from sim.report.page.of_comparison import page_of_comparison
from sim.report.page.render import html_of
from sim.study.study import study

TRACES = Path(__file__).parents[1] / "data" / "traces"
PLAIN = {
    "name": "calls", "duration": "60s", "drain": "10s", "arrivals": {"rate": "10/s"},
    "calls": {"hold": {"dist": "exponential", "mean": "1s"}, "requests": 1},
}  # fmt: skip
LEAKY = {"plugins.speechrecog.close.never": "6%"}


def run(seed: int, **changes: object) -> RunResult:
    return sim.run(sim.load_scenario(PLAIN, overrides=changes), seed=seed, ledger="sessions", engine="simpy")


@pytest.fixture(scope="module")
def results() -> dict[str, RunResult]:
    return {"leaky": run(1, **LEAKY), "fixed": run(1), "again": run(2)}


@pytest.fixture(scope="module")
def fixed(results: dict[str, RunResult]) -> SideBySide:
    return compare(results["leaky"], results["fixed"], names=["before", "after"])


def mrcpsim(*args: object) -> Result:
    return CliRunner().invoke(build(), [str(arg) for arg in args])


def row(found: SideBySide, name: str):
    return next(row for row in found.rows if row.name == name)


def test_a_fix_is_seen_and_nothing_else(fixed: SideBySide) -> None:
    assert {row.name for row in fixed.found("better")} == {"sessions.leaked", "leaks.rate"}
    assert not fixed.found("worse")
    leaked = row(fixed, "sessions.leaked")
    assert leaked.value == 0.0
    assert leaked.difference.low < -leaked.base < leaked.difference.high < 0.0
    said, mood = verdict(fixed)
    assert "sessions leaked" in said
    assert mood in ("good", "warn")


def test_the_other_way_round_it_is_worse(results: dict[str, RunResult]) -> None:
    found = compare(results["fixed"], results["leaky"])
    assert row(found, "sessions.leaked").verdict == "worse"
    assert verdict(found)[1] == "bad"


def test_runs_of_one_seed_are_paired_and_of_two_are_not(fixed: SideBySide, results: dict[str, RunResult]) -> None:
    assert "same calls" in fixed.notes[0]
    assert row(fixed, "latency.pool_lifetime.p50").method.endswith("paired")
    apart = compare(results["fixed"], results["again"])
    assert not apart.notes
    assert not apart.beyond_chance
    assert verdict(apart)[0].startswith("No difference beyond chance")
    wide, narrow = (row(one, "latency.pool_lifetime.p50").difference for one in (apart, fixed))
    assert narrow.high - narrow.low < 0.5 * (wide.high - wide.low)


def test_evenly_spaced_calls_are_not_told_apart_by_the_phase_of_the_tick() -> None:
    found = compare(run(1, **{"arrivals.kind": "even"}), run(2, **{"arrivals.kind": "even"}))
    assert not found.beyond_chance
    assert "one phase" in " ".join(found.notes)
    assert row(found, "lifetimes").verdict == "untested"
    slow = {"arrivals.kind": "even", "plugins.speechrecog.close.delay": "200ms"}
    again = compare(run(1, **{"arrivals.kind": "even"}), run(2, **slow))
    assert row(again, "latency.terminate_to_release.p50").verdict == "worse"


def test_every_probability_is_corrected_for_all_that_were_looked_at(fixed: SideBySide) -> None:
    tested = [row for row in fixed.rows if row.p is not None]
    least = min(tested, key=lambda row: row.p)
    assert least.p_corrected == pytest.approx(least.p * len(tested))
    assert fixed.to_dict()["correction"] == f"Holm, {len(tested)} differences"


def test_what_did_not_happen_is_told_and_not_tested(fixed: SideBySide) -> None:
    blocking = row(fixed, "sessions.blocking")
    assert (blocking.base, blocking.value, blocking.p, blocking.verdict) == (0.0, 0.0, None, "untested")


def test_without_sessions_only_counts_are_compared(results: dict[str, RunResult]) -> None:
    bare = [RunResult(replace(results[name].summary)) for name in ("leaky", "fixed")]
    found = compare(*bare)
    assert row(found, "sessions.leaked").beyond_chance
    assert row(found, "latency.invite_to_answer.p95").verdict == "untested"
    assert "keeps no sessions" in " ".join(found.notes)


def test_peaks_stand_beside_their_limits_and_are_not_tested(fixed: SideBySide) -> None:
    ports = next(item for item in fixed.once if item.name == "peak.rtp_port")
    assert len(ports.values) == 2
    assert ports.limits[0] is not None
    assert not any(row.name.startswith("peak") for row in fixed.rows)
    page = html_of(page_of_comparison(fixed))
    assert '<td class="text">RTP ports, most held at once</td>' in page
    assert '<td class="text quiet">peak.rtp_port</td>' in page


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("sessions.leaked.difference > 1%", False),
        ("sessions.leaked.difference < -1%", True),
        ("sessions.leaked.beyond_chance == true", True),
        ("latency.invite_to_answer.p95.difference > 5ms", False),
        ("latency.invite_to_answer.p95.ratio in [0.8, 1.25]", True),
        ("arrivals.rate.base > 5/s", True),
        ("worse > 0", False),
        ("better >= 2", True),
        ("sessions.blocking.difference > 0", False),
    ],
)
def test_conditions_are_about_rows_and_counts(fixed: SideBySide, condition: str, holds: bool) -> None:
    (held,) = hold_to([condition], fixed)
    assert held.holds is holds
    assert held.results == (("after",) if holds and "." in condition.split()[0] else ())


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("sessions.leakd.difference > 0", "nearest: sessions.leaked.difference"),
        ("latency.invite_to_answer.p95.difference > 5", "needs a unit"),
        ("sessions.leaked > 1%", "no value 'sessions.leaked'"),
        ("worse", "must be"),
    ],
)
def test_a_condition_that_means_nothing_says_why(fixed: SideBySide, condition: str, told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        hold_to([condition], fixed)


def test_several_results_are_each_held_against_the_first(results: dict[str, RunResult]) -> None:
    found = compare(*results.values(), names=list(results))
    assert {row.other for row in found.rows} == {"fixed", "again"}
    (held,) = hold_to(["sessions.leaked.beyond_chance == true"], found)
    assert held.results == ("fixed", "again")


@pytest.fixture(scope="module")
def folders(results: dict[str, RunResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("results")
    for name, result in results.items():
        result.save(place / name)
        result.directory = None
    return place


def test_the_command_tells_it_as_a_table_as_json_and_as_a_page(folders: Path) -> None:
    page = folders / "compare.html"
    told = mrcpsim("compare", folders / "leaky", folders / "fixed", "-o", page)
    assert told.exit_code == 0, told.output
    assert "beyond chance" in told.stdout
    assert "sessions leaked" in told.stdout
    text = page.read_text()
    assert "Compared: fixed against leaky" in text
    assert 'content="default-src &#39;none&#39;' in text  # nothing is fetched
    assert len(text) < 200_000
    again = mrcpsim("compare", folders / "leaky", folders / "fixed", "-o", page)
    assert again.exit_code == 2
    plain = json.loads(mrcpsim("compare", folders / "leaky", folders / "fixed", "--json", "--quiet").stdout)
    assert plain["better"] == 2
    assert [one["name"] for one in plain["results"]] == ["leaky", "fixed"]


def test_a_condition_that_holds_is_exit_code_1(folders: Path) -> None:
    before, after = folders / "fixed", folders / "leaky"
    asked = "sessions.leaked.beyond_chance == true"
    told = mrcpsim("compare", before, after, "--fail-on", asked)
    assert told.exit_code == 1
    assert "--fail-on holds for leaky" in told.stdout
    assert mrcpsim("compare", before, folders / "again", "--fail-on", asked).exit_code == 0
    assert mrcpsim("compare", before, after, "--fail-on", "nonsense").exit_code == 2


def test_bad_usage_is_told_in_a_line(folders: Path) -> None:
    assert "two results" in mrcpsim("compare", folders / "fixed").output
    assert "is not a result folder" in mrcpsim("compare", folders / "fixed", folders).output
    assert "--names must give" in mrcpsim("compare", folders / "fixed", folders / "again", "--names", "a").output


def test_a_name_from_outside_is_text_in_the_page(results: dict[str, RunResult]) -> None:
    found = compare(results["leaky"], results["fixed"], names=["<script>alert(1)</script>", "after"])
    page = html_of(page_of_comparison(found))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_real_log_is_held_against_a_simulation(folders: Path) -> None:
    told = mrcpsim("compare", TRACES / "base20.log.xz", TRACES / "leak2.log.xz", "--json", "--quiet")
    assert told.exit_code == 0, told.output
    plain = json.loads(told.stdout)
    assert {one["kind"] for one in plain["results"]} == {"audit"}
    leaked = next(row for row in plain["rows"] if row["name"] == "sessions.leaked")
    assert leaked["verdict"] == "worse"
    assert leaked["value"] == pytest.approx(0.024)
    mixed = json.loads(mrcpsim("compare", folders / "fixed", TRACES / "leak2.log.xz", "--json", "--quiet").stdout)
    assert next(row for row in mixed["rows"] if row["name"] == "sessions.leaked")["verdict"] == "worse"


SMALL = {
    "name": "small", "scenarios": ["baseline"], "replications": 5,
    "set": {"duration": "5s", "drain": "8s", "arrivals.rate": "20/s"},
    "vary": {"grid": {"calls.hold": ["500ms", "1s"]}},
    "metrics": ["sessions.blocking", "latency.invite_to_answer.p95", "sessions.leaked"],
}  # fmt: skip


def test_studies_are_compared_point_by_point_and_run_by_run(tmp_path: Path) -> None:
    limited = {**SMALL, "set": {**SMALL["set"], "plugins.speechrecog.max_channel_count": 8}}  # type: ignore[dict-item]
    for name, given in (("one", SMALL), ("two", limited)):
        study({**given, "engine": "simpy"}, out=tmp_path / name, cache=str(tmp_path / "cache"), workers=1)
    found = compare(tmp_path / "one", tmp_path / "two")
    assert {side.kind for side in found.sides} == {"study"}
    blocking = [row for row in found.rows if row.name == "sessions.blocking"]
    assert [row.where for row in blocking] == ["calls.hold 500ms", "calls.hold 1s"]
    assert all(row.verdict == "worse" and row.method == "5 pairs" for row in blocking)
    assert not any(row.beyond_chance for row in found.rows if row.name == "latency.invite_to_answer.p95")
    assert all(row.p is None for row in found.rows if row.name == "sessions.leaked")  # 0 in every run of both


def test_a_run_is_held_against_the_runs_of_a_study(tmp_path: Path, results: dict[str, RunResult]) -> None:
    given = {
        "name": "same", "scenarios": [str(tmp_path / "calls.yaml")], "replications": 6, "engine": "simpy",
        "metrics": ["sessions.leaked", "latency.pool_lifetime.p50"],
    }  # fmt: skip
    (tmp_path / "calls.yaml").write_text(json.dumps(PLAIN))
    study(given, out=tmp_path / "study", cache=str(tmp_path / "cache"), workers=1)
    longer = run(9, **{"calls.hold": {"dist": "exponential", "mean": "2s"}})
    found = compare(tmp_path / "study", results["again"], longer, names=["study", "again", "longer"])
    verdicts = {(row.other, row.name): row.verdict for row in found.rows}
    assert verdicts["again", "latency.pool_lifetime.p50"] == "same"
    assert verdicts["longer", "latency.pool_lifetime.p50"] == "different"
