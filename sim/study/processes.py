"""Where runs are done on this machine: in local processes, or in this one."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any

LOOK_S = 0.2
"""Seconds between a worker's looks whether it is to end."""


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalPool(ProcessPoolExecutor):
    """A pool of local processes. Forked where that is possible: they start at once and share the compiled engine."""

    def __init__(self, workers: int | None = None) -> None:
        _warm()
        forks = "fork" in multiprocessing.get_all_start_methods() and sys.platform == "linux"
        context = multiprocessing.get_context("fork" if forks else "spawn")
        # no event: one that a killed worker waited for can not be set any more
        self._ending: Any = context.RawValue("b", 0)
        super().__init__(
            workers or processors(),
            mp_context=context,
            initializer=_begin_worker,
            initargs=(os.getpid(), self._ending),
        )

    def end(self) -> None:
        """End the workers, also in the middle of a run: nobody waits for what they do."""
        self._ending.value = 1
        self.shutdown(wait=False, cancel_futures=True)


def _begin_worker(parent: int, ending: Any) -> None:
    """A worker ends with the process that started it, also when that is killed and can not tell it to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to every process of a terminal: the parent heeds it
    gc.freeze()  # what a worker inherits stays for ever: its collector need not look at it, nor copy its pages so
    threading.Thread(target=_end_with, args=(parent, ending), daemon=True).start()


def _end_with(parent: int, ending: Any) -> None:
    # no pipe tells it: forked workers hold its other end for each other
    while os.getppid() == parent and not ending.value:
        time.sleep(LOOK_S)
    os._exit(1)


def _warm() -> None:
    """Load the compiled engine before the fork, so that no worker has to."""
    from sim.engine.compiled import engine, kernel
    from sim.engine.run import run

    loaded: list[object] = [kernel.KERNEL, engine.CompiledEngine, run]
    assert all(loaded)


class InProcess(Executor):
    """Runs at once, in this process: for one worker, and to debug."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future
