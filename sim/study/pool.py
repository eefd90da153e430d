"""Runs done by any `concurrent.futures.Executor`: whoever comes first, nobody lost, what fails comes back as data."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sim.errors import MrcpsimError, ScenarioError
from sim.files import reason
from sim.study.jobs import Job, model_version
from sim.study.measure import Measured, measure
from sim.study.processes import InProcess, LocalPool, processors
from sim.study.store import Store

ATTEMPTS = 3
"""A run whose worker dies so often is given up; the last time it runs alone, so that no other dies with it."""

NO_ROOM = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS") if hasattr(errno, name))
"""Errors that do not go away when one tries again."""

AGAIN_S = 0.5
"""Seconds until keeping a run is tried again where it failed for another reason."""

ANSWERS_S = 20
"""A scheduler that does not answer for so long is none."""

LOOK_S = 1.0
"""Seconds between looks whether the scheduler that runs were given to is still there."""

AHEAD = 4
"""Runs given to the executor at a time, for each worker, so that a study may be larger than memory."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a worker returns: the numbers stay in the store."""

    key: str
    ok: bool
    wall_s: float
    calls: int
    failure: Measured | None = None
    not_kept: str = ""
    """Why the store did not take it."""


class NotKept(MrcpsimError):
    """A finished run can not be kept, nor can those that would follow it."""


def work(job: Job, place: str, model: str) -> Reference:
    """Do one run and keep it in the store at `place`; a failed run is not kept but returned. `model` is the study's: a
    worker on another machine may have another one, whose numbers must not be kept as those of this."""
    if model_version() != model:
        text = f"a worker has another version of mrcpsim, {model_version()} (expected {model}); install the same on all"
        return Reference(job.key, False, 0.0, 0, Measured(job.key, job.seed, False, {}, "worker", text, job.command))
    found = measure(job)
    refused = _keep(found, place) if found.ok else ""
    return Reference(found.key, found.ok, found.wall_s, found.calls, None if found.ok else found, refused)


def _keep(found: Measured, place: str) -> str:
    """Put a run into the store; why that is not possible, if it is not."""
    for left in reversed(range(ATTEMPTS)):
        try:
            Store(place).put(found)
        except OSError as error:
            if not left or error.errno in NO_ROOM:
                return reason(error)
            time.sleep(AGAIN_S)
        else:
            break
    return ""


class DaskExecutor(Executor):
    """The executor of a Dask scheduler, which knows when the scheduler is gone: what it was given then never ends."""

    def __init__(self, client: Any, address: str) -> None:
        self._client, self._address = client, address
        self._executor: Executor = client.get_executor(pure=False, retries=ATTEMPTS)

    @property
    def has_workers(self) -> bool:
        """Whether any worker is there to do what it is given."""
        return bool(self._client.scheduler_info()["workers"])

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As any executor; ScenarioError when the scheduler is gone."""
        self.check()
        return self._executor.submit(fn, *args, **kwargs)

    def check(self) -> None:
        """ScenarioError when the scheduler is gone for longer than Dask waits for it to come back."""
        if self._client.status in ("closing", "closed"):
            raise ScenarioError(
                f"--cluster {self._address}: the scheduler is gone; the runs that were finished are kept: the same "
                "command goes on from there, once a scheduler is running"
            )


@contextmanager
def cluster(address: str) -> Iterator[DaskExecutor]:
    """The executor of a running Dask scheduler, such as tcp://host:8786; Dask does a lost worker's runs again.
    ScenarioError when none answers there within `ANSWERS_S`."""
    try:
        import distributed
        from distributed.comm.addressing import get_address_host_port
    except ImportError:
        raise ScenarioError("--cluster needs the extra cluster: pip install -e '.[cluster]' in the checkout") from None
    try:
        get_address_host_port(address)
    except (ValueError, OSError) as error:
        raise ScenarioError(
            f"--cluster {address}: expected a scheduler's address, such as tcp://host:8786 ({error})"
        ) from None
    try:
        connect: Any = distributed.Client
        client = connect(address, timeout=ANSWERS_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ScenarioError(f"--cluster {address}: no Dask scheduler answers there ({error})") from None
    try:
        yield DaskExecutor(client, address)
    finally:
        client.close()


class WorkerPool:
    """Gives jobs to an executor, a few at a time, and starts a local one again when a worker was killed."""

    def __init__(self, place: str, executor: Executor | None = None, workers: int | None = None) -> None:
        self.place = place
        self.workers = workers or processors()
        self._given = executor
        self._own: Executor | None = None
        self._running: dict[Future[Reference], tuple[Job, Executor]] = {}
        self._waiting: list[Job] = []
        self._attempts: dict[str, int] = {}

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        for future in self._running:
            future.cancel()
        if isinstance(self._own, LocalPool) and self._running:
            self._own.end()
        elif self._own is not None:
            self._own.shutdown(wait=False, cancel_futures=True)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return not self._running and not self._waiting

    def add(self, jobs: list[Job]) -> None:
        """More runs to do, in this order."""
        self._waiting += jobs

    def next(self) -> list[Reference]:
        """The runs that were done next: at least one, in no order that means anything. NotKept when the store takes
        none any more."""
        while True:
            self._fill()
            done, _ = wait([*self._running], LOOK_S, return_when=FIRST_COMPLETED)
            if isinstance(self._given, DaskExecutor):
                self._given.check()
            found = [reference for future in done for reference in self._taken(future)]
            for reference in found:
                if reference.not_kept:
                    raise NotKept(f"{self.place}: no run can be kept here any more ({reference.not_kept})")
            if found or self.idle:
                return found

    def _fill(self) -> None:
        wide = AHEAD * (self.workers if self._given is None else max(self.workers, 16))
        if isinstance(self._executor, InProcess):
            wide = 1
        while self._waiting and len(self._running) < wide and not self._someone_alone():
            job = self._waiting.pop(0)
            executor = self._executor
            try:
                self._running[executor.submit(work, job, self.place, model_version())] = job, executor
            except BrokenProcessPool:
                self._waiting.insert(0, job)
                self._renew(executor)

    def _someone_alone(self) -> bool:
        """Whether the next run must wait: for one that runs alone, or until it can do so itself."""
        if self._given is not None or not self._running:
            return False
        return self._is_suspect(self._waiting[0]) or any(self._is_suspect(job) for job, _ in self._running.values())

    def _is_suspect(self, job: Job) -> bool:
        """Whether a run was there each time that a worker died: all that a pool had are lost with it."""
        return self._attempts.get(job.key, 0) == ATTEMPTS - 1

    def _taken(self, future: Future[Reference]) -> list[Reference]:
        job, executor = self._running.pop(future)
        try:
            return [future.result()]
        except Exception as error:  # the worker died, or the executor gave up: the run is done again
            self._attempts[job.key] = self._attempts.get(job.key, 0) + 1
            if self._attempts[job.key] >= ATTEMPTS:
                text = f"the worker was lost {ATTEMPTS} times: {type(error).__name__}: {error}"
                lost = Measured(job.key, job.seed, False, {}, "worker", text, job.command)
                found = [Reference(job.key, False, 0.0, 0, lost)]
            else:
                self._waiting.insert(0, job)
                found = []
            if isinstance(error, BrokenProcessPool):
                self._renew(executor)
            return found

    @property
    def _executor(self) -> Executor:
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = InProcess() if self.workers == 1 else LocalPool(self.workers)
        return self._own

    def _renew(self, broken: Executor) -> None:
        """A broken local pool is replaced, once; every run that it had comes back with an error and is done again."""
        if broken is self._given:
            raise ScenarioError("the executor that was given is broken: a worker was killed; start the study again")
        if broken is self._own:
            broken.shutdown(wait=False, cancel_futures=True)
            self._own = None
