"""Runs on other machines: what is not there, not shared or not the same is said, and nothing is waited for in vain."""

from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import sim.study.pool as pool
from sim.cli.main import build
from sim.cli.study import executor_of
from sim.errors import ScenarioError
from sim.study.processes import InProcess
from sim.study.store import Store
from sim.study.study import study

STUDY = {"name": "s", "scenarios": ["baseline"], "set": {"duration": "2s"}, "replications": 2}


class Silent(Executor):
    """Its futures never end, as those of a scheduler that was killed."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return Future()


class Client:
    """What is used of Dask's."""

    def __init__(self, workers: int = 2) -> None:
        self.workers, self.status = workers, "running"

    def get_executor(self, **_: Any) -> Executor:
        return Silent()

    def scheduler_info(self) -> dict[str, Any]:
        return {"workers": {str(i): {} for i in range(self.workers)}}


def test_a_scheduler_that_is_gone_ends_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stood still for ever."""
    monkeypatch.setattr(pool, "LOOK_S", 0.05)
    client = Client()

    def killed(futures: Any, timeout: float, **_: Any) -> Any:
        client.status = "closed"
        return set(), futures

    monkeypatch.setattr(pool, "wait", killed)
    with pytest.raises(ScenarioError, match=r"tcp://there:1: the scheduler is gone.*the same command goes on"):
        study(STUDY, out=tmp_path / "o", cache=str(tmp_path / "c"), executor=pool.DaskExecutor(client, "tcp://there:1"))
    with pytest.raises(ScenarioError, match="is gone"):
        pool.DaskExecutor(client, "tcp://there:1").submit(int)


@pytest.mark.parametrize("address", ["there", "", "there://there:1"])
def test_what_is_no_address_is_said_at_once(address: str, tmp_path: Path) -> None:
    """It took 40 s, and ended in a traceback of Dask's; an empty one, of a variable that is not set, meant none."""
    pytest.importorskip("distributed")
    place = ["--out", str(tmp_path / "o"), "--cache", str(tmp_path / "c")]
    done = CliRunner().invoke(build(), ["study", "capacity-curve", "--cluster", address, *place])
    assert done.exit_code == 2
    assert f"--cluster {address}: expected a scheduler's address, such as tcp://host:8786" in done.output


@pytest.mark.parametrize(("workers", "quiet", "told"), [(0, False, True), (0, True, False), (1, False, False)])
def test_a_scheduler_without_workers_is_told(
    workers: int, quiet: bool, told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Here:
        def __init__(self, address: str) -> None:
            self.executor = pool.DaskExecutor(Client(workers), address)

        def __enter__(self) -> Executor:
            return self.executor

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(pool, "cluster", Here)
    with executor_of("tcp://there:1", quiet):
        pass
    assert ("tcp://there:1 has no workers yet" in capsys.readouterr().err) == told


def test_a_worker_with_another_version_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its numbers would stand in the cache as those of the study's version."""
    given = InProcess()

    class Elsewhere(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            with monkeypatch.context() as other:
                other.setattr(pool, "model_version", lambda: "0.0.1+old")
                return given.submit(fn, *args, **kwargs)

    found = study(STUDY, out=tmp_path / "o", cache=str(tmp_path / "c"), executor=Elsewhere())
    assert [*Store(tmp_path / "c").entries()] == []
    assert found.runs["stage"].tolist() == ["worker"] * 2
    assert all("another version of mrcpsim, 0.0.1+old" in error for error in found.runs["error"])


def test_workers_are_told_a_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was started in another folder kept its runs there."""
    monkeypatch.chdir(tmp_path)
    assert Store("shared/runs").place == str(tmp_path / "shared" / "runs")
