"""Makes the server's functions, and the engine's own, known to Numba.

Handlers stay plain Python; Numba compiles the same function objects. Only the ways out of a handler are replaced: their
containers are Python lists there and spans of records here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from numba.extending import overload, register_jitable

import sim.server
import sim.vocabulary
from sim.engine import sharing, tick
from sim.engine.compiled import calendar, columns, dispatch, effects, post, queues, record, stations, store
from sim.server import effects as server_effects
from sim.server import queue, shape, streams

REPLACED: dict[Callable[..., Any], Callable[..., Any]] = {
    server_effects.emit: effects.emit,
    server_effects.row: effects.row,
    server_effects.vacant: effects.vacant,
    server_effects.violation: effects.violation,
    streams.draw: effects.draw,
    sharing.begin: effects.begin,
    sharing.cancel: effects.cancel,
    sharing.note_wait: effects.note_wait,
    **dispatch.AS_BRANCHES,
    **columns.AS_CODE,
    queue.more_append: effects.more_append,
    queue.more_link: effects.more_link,
    queue.more_get: effects.more_get,
}

NOT_COMPILED = {shape.layout, shape.blank, shape.fields}

OPTIONS: Any = {"error_model": "numpy", "no_cfunc_wrapper": True}
"""Division by zero is not checked for: nothing here divides by what could be 0. C calls nothing here either."""

INLINED: Any = {**OPTIONS, "forceinline": True}
HOT = {calendar.schedule_task, queues.push, queues.wake_with}
"""Small, called for every message, and by few functions: more of them would make compiling take minutes."""

ONCE: tuple[Callable[..., Any], ...] = (
    stations.resume, stations.complete, stations.task_loop, stations.rest, stations.work, *dispatch.BRANCHES,
)  # fmt: skip
"""On the way of every message; large ones have one caller: see `whole`."""

SELDOM: tuple[Callable[..., Any], ...] = (
    store.enlarge, store.enlarge_ring, calendar.sweep_fifo, calendar.sweep_heap, queues.signal_producer,
    effects.violation, sharing.want, sharing.leave, sharing.stretch_over,
)  # fmt: skip
"""Called in many places, and run for few messages or by few scenarios."""


def functions_of(module: ModuleType) -> list[Callable[..., Any]]:
    """The functions that a module defines itself."""
    return [f for f in vars(module).values() if isinstance(f, FunctionType) and f.__module__ == module.__name__]


def _replace(original: Callable[..., Any], replacement: Callable[..., Any]) -> None:
    def choose(*args: Any) -> Any:
        return replacement

    overload(original, jit_options=OPTIONS, strict=False)(choose)


def modules_of(package: ModuleType) -> list[ModuleType]:
    """Every module of a package, so that a new one can not be forgotten."""
    found = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    return [importlib.import_module(module.name) for module in found]


def compiled(*more: ModuleType) -> list[Callable[..., Any]]:
    """Every function of the server, of its words and of the engine, and those of the modules given."""
    own = (store, calendar, dispatch, post, queues, record, sharing, stations, tick, *more)
    found: list[Any] = [
        f for module in (*modules_of(sim.vocabulary), *modules_of(sim.server), *own) for f in functions_of(module)
    ]
    return [f for f in [*found, *dispatch.BRANCHES, *columns.MADE] if f not in NOT_COMPILED]


def register(*more: ModuleType) -> None:
    """Make all of them known to Numba, or what takes their place."""
    for original, replacement in REPLACED.items():
        _replace(original, replacement)
    functions: list[Any] = compiled(*more)
    for function in functions:
        if function not in REPLACED:
            register_jitable(**(INLINED if function in HOT else OPTIONS))(function)
