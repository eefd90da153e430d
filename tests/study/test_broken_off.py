"""What is broken off, by a signal, a dead worker or a full disk: nothing runs on, no part of a run counts, and the
same command goes on."""

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from sim.errors import RunFailed, ScenarioError
from sim.study import pool
from sim.study.capacity import capacity
from sim.study.folder import FILE, REPORT, RUNS, STUDY
from sim.study.measure import Measured, measure
from sim.study.store import Store
from sim.study.study import Progress, study
from sim.study.unbroken import run_whole
from tests.signals import HEEDS

SMALL: dict[str, Any] = {
    "name": "small",
    "scenarios": ["baseline"],
    "set": {"duration": "5s", "drain": "1s"},
    "vary": {"grid": {"calls.hold": ["500ms", "1s"]}},
    "replications": 8,
}
LONG = "scenario: baseline\nset: {duration: 4000000s}\nreplications: 4\n"
"""No run of it ends while a test waits."""

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs the signals of POSIX")


@posix
def test_the_workers_of_a_killed_study_end_with_it() -> None:
    """They stayed for ever, and held the standard output that a script waits for."""
    killed = (
        "import os, signal, time\n"
        "from sim.study.processes import LocalPool\n"
        "if __name__ == '__main__':\n"
        "    pool = LocalPool(2)\n"
        "    print(pool.submit(os.getppid).result() == os.getpid(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    made = subprocess.Popen([sys.executable, "-c", killed], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        told, _ = made.communicate(timeout=60)  # until nobody holds its standard output any more
        assert told == "True\n"
        assert made.returncode == -signal.SIGKILL
    finally:
        with suppress(ProcessLookupError):
            os.killpg(made.pid, signal.SIGKILL)


@posix
@pytest.mark.parametrize(
    ("number", "group", "workers"),
    [("SIGINT", True, 2), ("SIGTERM", False, 2), ("SIGHUP", False, 2), ("SIGINT", False, 1)],
)
def test_a_signal_ends_a_study_at_once_and_keeps_no_part_of_a_run(
    number: str, group: bool, workers: int, tmp_path: Path
) -> None:
    """It waited until the runs ended that had begun. Ctrl-C, which a terminal sends to every process, cut the runs of
    the workers short, and what they had until then was kept as whole runs."""
    (tmp_path / "long.yaml").write_text(LONG)
    command = ["study", "long.yaml", "--out", "o", "--cache", "c", "-j", str(workers)]
    with subprocess.Popen(
        [sys.executable, "-m", "sim.cli.main", *command], cwd=tmp_path, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **HEEDS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as made:  # fmt: skip
        try:
            for _ in range(1200):  # until its folder is there
                if (tmp_path / "o" / FILE).exists() or made.poll() is not None:
                    break
                time.sleep(0.1)
            time.sleep(3.0)  # until runs have begun
            (os.killpg if group else os.kill)(made.pid, getattr(signal, number))
            told, _ = made.communicate(timeout=30)  # until nobody holds its standard output any more
        finally:
            with suppress(ProcessLookupError):
                os.killpg(made.pid, signal.SIGKILL)
    assert made.returncode == 130
    assert told == "error: interrupted; no run was finished yet, nothing was written\n"
    assert [*Store(tmp_path / "c").entries()] == []
    assert not (tmp_path / "o").exists()


def test_a_run_that_was_interrupted_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.scenario import load_scenario

    def interrupted(*_: Any, **__: Any) -> Any:
        return SimpleNamespace(summary=SimpleNamespace(partial=True))

    monkeypatch.setattr("sim.engine.run.run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_whole(load_scenario("scenarios/baseline.yaml"))


def test_a_search_that_is_interrupted_says_what_is_kept(tmp_path: Path) -> None:
    """It said that nothing was written."""

    def stop(runs: int, calls: int) -> None:
        if runs == 3:
            raise KeyboardInterrupt

    how: dict[str, Any] = {
        "between": "10/s:80/s", "targets": ["sessions.blocking < 1%"], "workers": 1, "curve": False,
        "overrides": {"duration": "20s"}, "cache": str(tmp_path / "c"), "precision": 0.2,
    }  # fmt: skip
    with pytest.raises(KeyboardInterrupt, match=r"interrupted; 3 runs are finished and kept in .*c: the same command"):
        capacity("scenarios/baseline.yaml", progress=stop, **how)
    kept = len([*Store(tmp_path / "c").entries()])
    assert kept >= 3
    found = capacity("scenarios/baseline.yaml", **how)
    assert found.to_dict() == capacity("scenarios/baseline.yaml", **how | {"cache": str(tmp_path / "new")}).to_dict()


def test_a_study_interrupted_twice_still_says_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(seen: Progress | None = None, *_: Any) -> None:
        if not isinstance(seen, Progress) or seen.finished == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("sim.study.study.write_table", stop)
    with pytest.raises(KeyboardInterrupt, match=r"3 of 16 runs are finished and kept in .*c: the same command"):
        study(SMALL, out=tmp_path / "o", cache=str(tmp_path / "c"), workers=1, progress=stop)


def test_a_study_that_goes_on_has_no_findings_of_another_beside_it(tmp_path: Path) -> None:
    """study.json and report.html of what was there before stood beside a table that was not whole."""

    def stop(seen: Progress) -> None:
        if seen.finished == 3:
            raise KeyboardInterrupt

    how: dict[str, Any] = {"out": tmp_path / "o", "workers": 1}
    study(SMALL, cache=str(tmp_path / "c"), **how)
    (tmp_path / "o" / REPORT).write_text("what was found")
    other = {**SMALL, "replications": 4}
    with pytest.raises(ScenarioError, match=r"study.yaml: is another study; replace it with --force"):
        study(other, cache=str(tmp_path / "c"), **how)
    assert (tmp_path / "o" / STUDY).exists()
    with pytest.raises(KeyboardInterrupt):  # the same study, done anew
        study(SMALL, cache=str(tmp_path / "new"), progress=stop, **how)
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [RUNS, FILE]
    assert pq.read_schema(tmp_path / "o" / RUNS).metadata[b"mrcpsim.complete"] == b"false"
    study(other, cache=str(tmp_path / "c"), force=True, **how)
    assert pq.read_schema(tmp_path / "o" / RUNS).metadata[b"mrcpsim.complete"] == b"true"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_told_and_what_is_finished_is_kept(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run was done three times, and then told as "the worker was lost 3 times"."""
    put, room = Store.put, 5

    def full(store: Store, measured: Measured) -> None:
        if len([*store.entries()]) >= room:
            raise OSError(errno.ENOSPC, "No space left on device")
        put(store, measured)

    place = tmp_path / "c"
    with monkeypatch.context() as small:
        small.setattr(Store, "put", full)
        with pytest.raises(RunFailed) as told:
            study(SMALL, out=tmp_path / "o", cache=str(place), workers=workers)
        with pytest.raises(RunFailed, match=r"No space left on device\); no run was finished yet, nothing was written"):
            capacity("scenarios/baseline.yaml", targets=["sessions.blocking < 1%"], cache=str(place), workers=workers)
    assert f"{place}: no run can be kept here any more (No space left on device); " in str(told.value)
    assert "of 16 runs are finished and kept" in str(told.value)
    assert "the same command goes on from there" in str(told.value)
    kept = len([*Store(place).entries()])
    assert 5 <= kept <= 6  # two workers may both find room for the last
    found = study(SMALL, out=tmp_path / "o", cache=str(place), workers=workers)
    assert (found.progress.failed, found.progress.reused) == (0, kept)


def test_a_folder_without_room_is_told_and_the_runs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It said "Error writing bytes to file", with exit code 2, not where, nor that the runs are kept."""

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28] No space left on device")

    monkeypatch.setattr("sim.study.study.write_table", full)
    with pytest.raises(RunFailed) as told:
        study(SMALL, out=tmp_path / "o", cache=str(tmp_path / "c"), workers=1)
    assert str(told.value) == (
        f"{tmp_path / 'o'}: can not be written (No space left on device); 16 of 16 runs are finished and kept in "
        f"{tmp_path / 'c'}: the same command goes on from there"
    )


def test_a_store_that_fails_for_a_moment_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put, tried = Store.put, []

    def unsteady(store: Store, measured: Measured) -> None:
        tried.append(measured.key)
        if len(tried) == 1:
            raise OSError(errno.ESTALE, "Stale file handle")
        put(store, measured)

    monkeypatch.setattr(pool, "AGAIN_S", 0.0)
    monkeypatch.setattr(Store, "put", unsteady)
    found = study({**SMALL, "replications": 1}, out=tmp_path / "o", cache=str(tmp_path / "c"), workers=1)
    assert found.progress.failed == 0
    assert len(tried) == 3  # of two runs


@posix
def test_a_run_that_kills_its_worker_takes_no_other_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All runs that the pool had at that time were given up with it: up to eight of two workers."""

    def deadly(job: Any) -> Measured:
        if job.seed == 3 and "calls.hold=500ms" in job.command:
            os.kill(os.getpid(), signal.SIGKILL)
        return measure(job)

    monkeypatch.setattr(pool, "measure", deadly)
    found = study(SMALL, out=tmp_path / "o", cache=str(tmp_path / "c"), workers=2)
    lost = found.runs[found.runs["status"] == "failed"]
    assert lost[["seed", "stage"]].to_numpy().tolist() == [[3, "worker"]]
    assert "the worker was lost 3 times" in lost["error"].iloc[0]


def test_what_killed_processes_leave_in_a_cache_is_cleared(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(Measured("ab12", 1, True, {"x": 1.0}))
    old, new = (Path(f"{store.path('ab12')}.{name}.tmp") for name in ("old", "new"))
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (1.0, 1.0))
    assert store.clear() == 1
    assert (old.exists(), new.exists()) == (False, True)  # the new one may be somebody's who is writing it
