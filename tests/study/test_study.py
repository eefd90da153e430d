"""A study: what its table holds, and that who did which run when, or what was killed, changes no byte of it."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.errors import ScenarioError
from sim.report.study import print_dry_run, print_study
from sim.study.file import StudyFile
from sim.study.folder import RUNS
from sim.study.measure import Measured, mean_of, measure
from sim.study.store import Store
from sim.study.study import Progress, dry_run, study

SMALL: dict[str, Any] = {
    "name": "small",
    "scenarios": ["baseline"],
    "set": {"duration": "5s", "drain": "8s", "arrivals.rate": "20/s"},
    "vary": {"grid": {"calls.hold": ["500ms", "1s"]}},
    "variants": {"free": {}, "limited": {"plugins.speechrecog.max_channel_count": 12}},
    "replications": 4,
    "metrics": ["sessions.blocking", "latency.invite_to_answer.p95", "refused.engine_channel:speechrecog"],
}


def done(tmp_path: Path, name: str, given: dict[str, Any] = SMALL, **how: Any) -> bytes:
    study(given, out=tmp_path / name, cache=str(tmp_path / f"{name}-cache"), **{"workers": 1, **how})
    return (tmp_path / name / RUNS).read_bytes()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    place = tmp_path_factory.mktemp("reference")
    return place, done(place, "one")


def test_every_parameter_and_number_is_a_column_with_its_unit(reference: tuple[Path, bytes]) -> None:
    runs = pd.read_parquet(reference[0] / "one" / RUNS)
    assert len(runs) == 2 * 2 * 4
    assert set(runs["calls.hold_s"]) == {0.5, 1.0}
    assert set(runs["arrivals.rate_per_s"]) == {20.0}
    assert set(runs["plugins.speechrecog.max_channel_count"].dropna()) == {12.0}
    assert runs["latency.invite_to_answer.p95_s"].between(0.003, 0.02).all()
    assert (runs["status"] == "ok").all()
    assert runs["seed"].tolist() == [1, 2, 3, 4] * 4
    limited = runs[(runs["variant"] == "limited") & (runs["calls.hold_s"] == 1.0)]
    assert (limited["sessions.blocking"] > 0.2).all()  # Erlang-B for 20 erlangs on 12: 45 %, less the start
    assert runs.iloc[0]["command"].startswith("mrcpsim run baseline --set duration=5s")
    free = runs[runs["variant"] == "free"].groupby("seed")["sessions.arrived"].nunique()
    assert (free == 1).all()  # common random numbers: the same calls whatever their hold


def test_variants_are_compared_in_pairs(tmp_path: Path, reference: tuple[Path, bytes]) -> None:
    found = study(SMALL, out=tmp_path / "x", cache=str(reference[0] / "one-cache"))
    assert found.progress.reused == found.progress.finished == 16  # the cache is shared between studies
    assert (tmp_path / "x" / RUNS).read_bytes() == reference[1]
    pairs = {(pair.point, pair.metric): pair.found for pair in found.compared}
    assert pairs[1, "sessions.blocking"].clear
    assert pairs[1, "sessions.blocking"].difference.low > 0.1
    points = found.points
    assert set(points["metric"]) == {
        "sessions.blocking", "latency.invite_to_answer.p95_s", "refused.engine_channel:speechrecog",
    }  # fmt: skip


def test_pairs_are_the_differences_of_runs_with_the_same_seed(tmp_path: Path, reference: tuple[Path, bytes]) -> None:
    found = study(SMALL, out=tmp_path / "x", cache=str(reference[0] / "one-cache"), workers=1)
    pairs, runs = found.pairs, found.runs
    assert len(pairs) == 2 * 3  # points, metrics
    assert set(pairs["first"]) == {"free"}
    assert set(pairs["second"]) == {"limited"}
    for row in pairs.to_dict("records"):
        here = runs[runs["point"] == row["point"]]
        name = row["metric"].replace("refused.", "resources.")
        name = name if name == row["metric"] else f"{name}.refused"
        one, two = (here[here["variant"] == v].set_index("seed")[name] for v in ("free", "limited"))
        apart = two - one
        assert row["n"] == len(apart) == 4
        assert row["difference"] == pytest.approx(apart.mean())
        half = 3.182446305284263 * apart.std() / 2.0  # Student's, 3 degrees of freedom
        assert row["high"] - row["low"] == pytest.approx(2.0 * half)
        assert row["clear"] == bool(abs(row["difference"]) > half)
        alone, together = one.var() + two.var(), apart.var()
        if together > 0.0:
            assert row["variance_reduction"] == pytest.approx(alone / together)
            assert (row["unpaired_high"] - row["unpaired_low"]) > 0.0
    seen = pairs.set_index(["point", "metric"])
    assert seen.loc[(1, "sessions.blocking"), "low"] > 0.1
    assert "latency.invite_to_answer.p95_s" in set(pairs["metric"])


def test_two_processes_give_the_same_bytes(tmp_path: Path, reference: tuple[Path, bytes]) -> None:
    assert done(tmp_path, "two", workers=2) == reference[1]


def test_a_worker_killed_in_the_middle_changes_nothing(tmp_path: Path, reference: tuple[Path, bytes]) -> None:
    killed = []

    def kill(seen: Progress) -> None:
        if seen.finished >= 3 and not killed:
            victim = multiprocessing.active_children()[0]
            os.kill(victim.pid or 0, signal.SIGKILL)
            killed.append(victim)

    assert done(tmp_path, "hit", workers=2, progress=kill) == reference[1]
    assert killed


@pytest.mark.slow
def test_a_killed_study_goes_on_and_ends_with_the_same_table(tmp_path: Path, reference: tuple[Path, bytes]) -> None:
    """It is killed by SIGKILL after its fifth run, whatever it does then."""
    file, place = tmp_path / "small.yaml", str(tmp_path / "cache")
    file.write_text(StudyFile.model_validate(SMALL).to_yaml())
    program = (
        "import os, signal, sys\n"
        "from sim.study.study import study\n"
        "def tell(seen):\n"
        "    if seen.finished == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "study(sys.argv[1], out=sys.argv[2], cache=sys.argv[3], workers=1, progress=tell)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(file), str(tmp_path / "r"), place], check=False)
    assert killed.returncode == -signal.SIGKILL
    kept = len([*Store(place).entries()])
    assert kept == 5
    partial = tmp_path / "r" / RUNS
    assert not partial.exists() or pq.read_schema(partial).metadata[b"mrcpsim.complete"] == b"false"
    found = study(file, out=tmp_path / "r", cache=place, workers=1)
    assert found.progress.reused == kept
    assert (tmp_path / "r" / RUNS).read_bytes() == reference[1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_gives_the_same_bytes_also_when_a_worker_is_killed(
    tmp_path: Path, reference: tuple[Path, bytes]
) -> None:
    distributed = pytest.importorskip("distributed")
    from sim.study.pool import cluster

    killed = []
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as local,
        cluster(local.scheduler_address) as executor,
    ):

        def kill(seen: Progress) -> None:
            if seen.finished >= 3 and not killed:
                pid = next(iter(local.scheduler_info["workers"].values()))["id"]
                worker = next(w for w in local.workers.values() if w.name == pid)
                os.kill(worker.pid, signal.SIGKILL)
                killed.append(pid)

        assert done(tmp_path, "dask", executor=executor, progress=kill) == reference[1]
    assert killed


def test_failures_are_rows_with_stage_seed_and_command(tmp_path: Path) -> None:
    given = {**SMALL, "vary": {"grid": {"calls.hold": ["1s", "-1s"]}}, "variants": {}, "replications": 2}
    found = study(given, out=tmp_path / "f", cache=str(tmp_path / "c"), workers=1)
    runs = found.runs
    assert runs["status"].tolist() == ["ok", "ok", "failed"]
    failed = runs.iloc[2]
    assert failed["stage"] == "scenario"
    assert "calls.hold" in failed["error"]
    assert failed["command"].endswith("--seed 1")
    assert "calls.hold=-1s" in failed["command"]


def test_a_failure_is_told_on_the_terminal_once_for_its_cause(tmp_path: Path) -> None:
    file = tmp_path / "late.yaml"
    file.write_text("scenario: baseline\nset: {duration: 5s, drain: 1s}\nwarmup: 10s\nreplications: 3\n")
    place = ["--out", str(tmp_path / "o"), "--cache", str(tmp_path / "c"), "-j", "1"]
    done = CliRunner().invoke(build(), ["study", str(file), *place])
    assert done.exit_code == 3
    told = " ".join(done.output.split())
    assert told.count("the warm-up of 10 s must end before the load") == 1
    assert "seed 1 and 2 more" in told
    assert "mrcpsim run baseline --set duration=5s" in told


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("vary: {grid: {arrivals.rat: [10/s]}}", "did you mean rate"),
        (
            "variants: {a: {}, b: {}}\nbest: {metric: sessions.blocking, difference: no}",
            "difference must be a number",
        ),
        ("variants: {a: {}, b: {}}\nbest: {metric: sessions.blocking, difference: 0}", "difference must be above 0"),
        ("set: {duration: .nan}", "bad.yaml:2: set must give duration a finite value (got nan)"),
        ("vary: {grid: {arrivals.rate: [1/s, .inf]}}", "bad.yaml:2: vary.grid must give arrivals.rate a finite value"),
        ("vary:\n  list: [{}, {calls.hold: -.inf}]", "bad.yaml:3: vary.list.1 must give calls.hold a finite value"),
        (
            "variants: {a: {calls.hold: {dist: exponential, mean: .nan}}}",
            "variants must give calls.hold a finite value",
        ),
        (
            "vary: {sample: {points: 1e8, ranges: {calls.hold: {from: 1s, to: 2s}}}}",
            "vary.sample.points must be at most 100000",
        ),
        (
            f"vary: {{grid: {{arrivals.rate: {[*range(1, 400)]}, seed: {[*range(400)]}}}}}",
            "expected at most 100000 points",
        ),
        (
            "vary: {sample: {points: 2, ranges: {calls.hold: {from: 1s, to: 10/s}}}}",
            "and of the same unit (got '10/s')",
        ),
        ("vary:\n  grid: {calls.hold: [1s]}\n  where: ['calls.hold < 1/0']", "bad.yaml:4: where 'calls.hold < 1/0'"),
        (
            "variants: {a: {}, ' ': {}}",
            "bad.yaml:2: variants must have names of 1 to 100 letters on one line (got ' ')",
        ),
        ('variants: {a: {}, "b\\nc": {}}', "variants must have names"),
        (
            "variants: {a: {}, b: {}}\nbest: {metric: nothing, difference: 1}",
            "bad.yaml:3: best must be a value by its path",
        ),
        ("replications: {precision: {nothing: 5%}}", "bad.yaml:2: replications must be a value by its path"),
        ("replications: {precision: {sessions.blocking: 5%}, most: 3}", "most must be at least least, 10 (got 3)"),
        ("vary: {grid: {calls.hold: []}}", "vary.grid must list at least one value of calls.hold"),
    ],
)
def test_a_dry_run_says_what_is_wrong(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(f"scenario: baseline\n{text}\n")
    done = CliRunner().invoke(build(), ["study", str(file), "--dry-run", "--cache", str(tmp_path / "c")])
    assert done.exit_code == 2
    assert why in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("vary: {grid: {seed: [1]}, where: ['" + "-" * 100_000 + "1 > 0']}", "at most 200 letters"),
        (
            "vary: {sample: {points: 100000, ranges: {"
            + ", ".join(f"x{i}: {{from: 1, to: 2}}" for i in range(11))
            + "}}}",
            "expected at most 1000000 values, points times ranges",
        ),
        ("vary: {grid: {seed: [1, 2]}}\nreplications: 1000000", "expected at most 1000000 runs in all"),
        (
            "replications: {precision: {sessions.blocking: -5%}}",
            r":2: replications.precision.sessions.blocking must.*-5%",
        ),
        ("scenarios: [baseline, baseline]", "must name each scenario once"),
    ],
)
def test_a_hostile_study_is_refused_with_its_place_and_at_once(text: str, why: str, tmp_path: Path) -> None:
    """A deep constraint ended in "a bug in mrcpsim"; others took all the memory there is."""
    file = tmp_path / "s.yaml"
    file.write_text(("" if text.startswith("scenarios") else "scenario: baseline\n") + text + "\n")
    with pytest.raises(ScenarioError, match=why):
        dry_run(file, cache=str(tmp_path / "c"))


def test_pairs_and_the_best_are_of_replications_that_all_variants_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a run of one variant failed, runs of different seeds were paired, and the choice of the best broke off."""

    def failing(job: Any) -> Measured:
        if job.seed == 2 and "max_channel_count=12" in job.command:
            return Measured(job.key, job.seed, False, {}, "run", "of no use", job.command)
        return measure(job)

    monkeypatch.setattr("sim.study.pool.measure", failing)
    given = {**SMALL, "vary": {}, "best": {"metric": "sessions.blocking", "difference": "1%"}}
    found = study(given, out=tmp_path / "o", cache=str(tmp_path / "c"), workers=1)
    assert found.progress.failed == 1
    assert [pair.found.n for pair in found.compared] == [3] * 3
    blocking = found.runs[found.runs["seed"] != 2].pivot(index="seed", columns="variant", values="sessions.blocking")
    pair = next(pair for pair in found.compared if pair.metric == "sessions.blocking")
    assert pair.found.difference.value == pytest.approx((blocking["limited"] - blocking["free"]).mean())
    assert [chosen.best for chosen in found.chosen] == ["free"]


def test_a_variants_name_is_no_markup(tmp_path: Path) -> None:
    """`[/b]` ended the command, and `[bold]` was not shown."""
    given = {**SMALL, "vary": {}, "variants": {"[bold]a[/]": {}, "[/b]": {}}, "replications": 2}
    found = study(given, out=tmp_path / "b", cache=str(tmp_path / "c"), workers=1)
    console = Console(record=True, width=200)
    print_study(found, console)
    print_dry_run(dry_run(given, cache=str(tmp_path / "c")), console)
    told = console.export_text()
    assert told.count("[bold]a[/]") > 4
    assert "[/b] − [bold]a[/]" in told


def test_a_cache_that_can_not_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ScenarioError, match="expected a folder"):
        Store(str(tmp_path / "file"))
    with pytest.raises(ScenarioError, match="no cache can be reached"):
        Store("nosuchscheme://there/x")
    with pytest.raises(ScenarioError, match=r"no finished run can be kept here \(.*\); see --cache"):
        study(SMALL, out=tmp_path / "o", cache=str(tmp_path / "file" / "below"), workers=1)
    assert not (tmp_path / "o").exists()


def test_a_precision_chooses_the_replications_whatever_the_workers(tmp_path: Path) -> None:
    given = {
        **SMALL, "variants": {}, "vary": {},
        "replications": {"precision": {"sessions.answered": "5%", "latency.invite_to_answer.mean": "2%"}, "most": 40},
    }  # fmt: skip
    assert done(tmp_path, "a", given) == done(tmp_path, "b", given, workers=2)
    runs = pd.read_parquet(tmp_path / "a" / RUNS)
    assert 8 <= len(runs) < 40  # 100 calls: 10 % standard deviation, so about (1.96·0.1/0.05)² = 15 and 5 to confirm


def test_the_best_variant_is_named_only_when_it_is_sure(tmp_path: Path) -> None:
    given = {
        **SMALL, "vary": {}, "replications": 12,
        "best": {"metric": "sessions.blocking", "difference": "5%"},
    }  # fmt: skip
    given["set"] = {**SMALL["set"], "calls.hold": "1s"}
    found = study(given, out=tmp_path / "b", cache=str(tmp_path / "c"), workers=1)
    assert found.chosen[0].best == "free"
    assert found.chosen[0].sure


def test_variants_that_do_the_same_are_said_to(tmp_path: Path) -> None:
    given = {
        **SMALL, "vary": {}, "variants": {"one": {}, "two": {"plugins.speechrecog.max_channel_count": 1000}},
        "replications": 3, "best": {"metric": "sessions.blocking", "difference": "5%"},
    }  # fmt: skip
    found = study(given, out=tmp_path / "b", cache=str(tmp_path / "c"), workers=1)
    assert (found.chosen[0].best, found.chosen[0].sure, found.chosen[0].alike) == ("one", True, ("two",))
    console = Console(record=True, width=160)
    print_study(found, console)
    assert "point 0: one, with two just the same (with 95 %)" in console.export_text()


def test_an_interval_leaves_out_what_a_metric_can_not_be() -> None:
    few = mean_of("sessions.blocking", [0.0, 0.1], 0.95)
    assert (few.low, few.value) == (0.0, 0.05)
    assert few.high == pytest.approx(0.05 + 12.706 * 0.05, rel=1e-3)
    assert mean_of("tasks.MRCP Server.utilisation", [0.9, 1.0], 0.95).high == 1.0
    assert mean_of("latency.invite_to_answer.p99", [0.9, 1.0], 0.95).high > 1.0


def test_calls_of_the_warm_up_do_not_count(tmp_path: Path) -> None:
    given = {**SMALL, "vary": {}, "variants": {}, "replications": 1}
    whole = study(given, out=tmp_path / "w", cache=str(tmp_path / "c")).runs.iloc[0]
    later = study({**given, "warmup": "2s"}, out=tmp_path / "l", cache=str(tmp_path / "c")).runs.iloc[0]
    sessions = sim.run(sim.load_scenario("baseline", SMALL["set"]), seed=1).sessions
    assert sessions is not None
    after = sessions[sessions["arrived_s"] >= 2.0]
    assert later["sessions.arrived"] == len(after) < whole["sessions.arrived"] == len(sessions)
    waits = (after["answer_s"] - after["arrived_s"]).to_numpy()
    assert later["latency.invite_to_answer.mean_s"] == pytest.approx(waits.mean(), rel=1e-12)


def test_damaged_and_cleared_runs_are_done_again(tmp_path: Path) -> None:
    given = {**SMALL, "vary": {}, "variants": {}, "replications": 2}
    first = done(tmp_path, "d", given)
    store = Store(str(tmp_path / "d-cache"))
    entries = [*store.entries()]
    assert len(entries) == 2
    Path(store.path(entries[0].key)).write_bytes(b"PAR1 no longer")
    assert done(tmp_path, "d", given) == first
    assert store.clear() == 2
    assert [*store.entries()] == []
    assert done(tmp_path, "d", given) == first


def test_a_cache_can_be_an_fsspec_url(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    given = {**SMALL, "vary": {}, "variants": {}, "replications": 2}
    url = f"file://{tmp_path}/shared"
    study(given, out=tmp_path / "u", cache=url, workers=1)
    assert len([*Store(url).entries()]) == 2
    assert study(given, out=tmp_path / "v", cache=url, workers=1).progress.reused == 2
    assert Store(url).clear() == 2


def test_a_dry_run_lists_and_estimates_and_runs_nothing(tmp_path: Path) -> None:
    found = dry_run(SMALL, cache=str(tmp_path / "c"), workers=2)
    assert len(found.cells) == 4
    assert found.finished == 0
    assert 0.0 < found.estimate_s[0] == found.estimate_s[1] < 60.0
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("force", [False, True])
def test_another_folder_is_left_alone(force: bool, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(ScenarioError, match="holds files but no study"):
        study(SMALL, out=tmp_path / "mine", cache=str(tmp_path / "c"), force=force)
    assert [entry.name for entry in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_study_file_of_the_users_is_not_written_over(tmp_path: Path) -> None:
    given = tmp_path / "study.yaml"
    given.write_text("# mine\nscenario: baseline\nset: {duration: 5s, drain: 1s}\nreplications: 1\n")
    with pytest.raises(ScenarioError, match="is another study"):
        study(given, out=tmp_path, cache=str(tmp_path / "c"))
    assert given.read_text().startswith("# mine")


@pytest.mark.parametrize("after", [0, 3])
def test_an_interrupted_study_keeps_what_is_finished_and_says_so(
    after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out, cache = tmp_path / "small.yaml", tmp_path / "o", tmp_path / "c"
    file.write_text(StudyFile.model_validate(SMALL).to_yaml())

    def stop(seen: Progress) -> None:
        if seen.finished == after:
            raise KeyboardInterrupt

    if after:
        with pytest.raises(KeyboardInterrupt, match=f"{after} of 16 runs are finished and kept"):
            study(file, out=out, cache=str(cache), workers=1, progress=stop)
        assert pq.read_schema(out / RUNS).metadata[b"mrcpsim.complete"] == b"false"
        assert len(pd.read_parquet(out / RUNS)) == after
    else:
        monkeypatch.setattr("sim.study.pool.WorkerPool.next", lambda _: stop(Progress()))
        with pytest.raises(KeyboardInterrupt, match="nothing was written"):
            study(file, out=out, cache=str(cache), workers=1)
        assert not out.exists()


def test_the_package_is_the_function(tmp_path: Path) -> None:
    given = {**SMALL, "vary": {}, "variants": {}, "replications": 1}
    assert len(sim.study(given, out=tmp_path / "p", cache=str(tmp_path / "c"), workers=1).runs) == 1


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "many", "[3]"])
def test_a_wrong_number_of_replications_is_told_once(given: str, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"scenario: baseline\nreplications: {given}\n")
    with pytest.raises(ScenarioError) as told:
        sim.study(file, out=tmp_path / "out", cache=str(tmp_path / "c"))
    assert str(told.value).count("s.yaml:2: replications must be") == 1
    assert str(told.value).count("must be") == 1
