"""Makes the server's functions, and the engine's own, known to Numba.

Handlers stay plain Python; Numba compiles the same function objects. Only the ways out of a handler are replaced: their
containers are Python lists there and spans of records here.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from numba.extending import overload, register_jitable

from sim.engine import sharing, tick
from sim.engine.compiled import calendar, dispatch, effects, post, queues, record, stations, store
from sim.server import (
    answers,
    caller,
    connection,
    dialogue,
    media,
    misuse,
    nua,
    offer,
    plugin,
    records,
    session,
    shutdown,
    sip_agent,
    streams,
    terminate,
    timers,
)
from sim.server import effects as server_effects
from sim.server import ledger as ledger_records
from sim.vocabulary import messages, plugins

REPLACED: dict[Callable[..., Any], Callable[..., Any]] = {
    server_effects.emit: effects.emit,
    server_effects.row: effects.row,
    server_effects.violation: effects.violation,
    streams.draw: effects.draw,
    sharing.begin: effects.begin,
    sharing.cancel: effects.cancel,
    sharing.note_wait: effects.note_wait,
}

NOT_COMPILED = {records.layout, records.blank, records.fields}

OPTIONS: Any = {"error_model": "numpy"}
"""Division by zero is not checked for: nothing here divides by what could be 0."""

INLINED: Any = {**OPTIONS, "forceinline": True}
HOT = {calendar.schedule_task, queues.push, queues.wake_with}
"""Small, called for every message, and by few functions: more of them would make compiling take minutes."""


def functions_of(module: ModuleType) -> list[Callable[..., Any]]:
    """The functions that a module defines itself."""
    return [f for f in vars(module).values() if isinstance(f, FunctionType) and f.__module__ == module.__name__]


def _replace(original: Callable[..., Any], replacement: Callable[..., Any]) -> None:
    def choose(*args: Any) -> Any:
        return replacement

    overload(original, jit_options=OPTIONS, strict=False)(choose)


def register(*more: ModuleType) -> None:
    """Register every function of the server and of the engine, and those of the modules given."""
    for original, replacement in REPLACED.items():
        _replace(original, replacement)
    for module in (
        answers, ledger_records, caller, connection, dialogue, media, messages, misuse, nua, offer, plugin, plugins,
        records, session, shutdown, server_effects, sip_agent, streams, terminate, tick, timers, store, calendar,
        dispatch, post, queues, record, sharing, stations, *more,
    ):  # fmt: skip
        for function in functions_of(module):
            if function not in REPLACED and function not in NOT_COMPILED:
                register_jitable(**(INLINED if function in HOT else OPTIONS))(function)
