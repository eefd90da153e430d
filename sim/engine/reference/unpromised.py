"""What the engine takes from SimPy that SimPy does not promise, each with a way that does without.

An event is to happen later by itself, at the cost of one entry in SimPy's calendar: SimPy has that for timeouts, which
begin when they are made, but for no event that somebody waits for already. And a run's end has to know what is still on
its way: SimPy keeps that in its calendar and shows nobody. Both stand in SimPy 4.0 and 4.1; where another version has
them elsewhere, what is here costs a second entry, or memory, and does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simpy.core import Environment
from simpy.events import NORMAL, Event, Timeout

PRUNE_FROM = 100_000
"""So many notes are looked through for those that are over."""


class NotingEnvironment(Environment):
    """Keeps its own list of what was scheduled, for a SimPy whose calendar can not be read."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[float, int, int, Event]] = []
        self._count = 0
        self._prune_at = PRUNE_FROM

    def schedule(self, event: Event, priority: Any = NORMAL, delay: float = 0) -> None:
        super().schedule(event, priority, delay)
        self._count += 1
        self.noted.append((self.now + delay, int(priority), self._count, event))
        if len(self.noted) > self._prune_at:
            self.noted = [note for note in self.noted if not note[3].processed]
            self._prune_at = max(PRUNE_FROM, 2 * len(self.noted))


def calendar_is_known() -> bool:
    """Whether SimPy's calendar is a list of (time, priority, number, event)."""
    env = Environment()
    timeout = Timeout(env, 1.0)
    calendar = getattr(env, "_queue", None)
    if not isinstance(calendar, list) or len(calendar) != 1:
        return False
    entry = calendar[0]
    return isinstance(entry, tuple) and len(entry) == 4 and entry[0] == 1.0 and entry[3] is timeout


def events_can_be_set() -> bool:
    """Whether an event that was given its outcome beforehand happens when the calendar says so."""
    env, seen = Environment(), []
    event = env.event()
    assert event.callbacks is not None
    event.callbacks.append(lambda _: seen.append(env.now))
    try:
        _set_and_schedule(env, event, 1.0)
        env.run()
    except Exception:
        return False
    return seen == [1.0] and event.processed


def _set_and_schedule(env: Environment, event: Event, delay: float) -> None:
    event._ok = True
    event._value = None
    env.schedule(event, NORMAL, delay)


def _succeed_later(env: Environment, event: Event, delay: float) -> None:
    def succeed(_: Event) -> None:
        event.succeed()

    timeout = Timeout(env, delay)
    assert timeout.callbacks is not None
    timeout.callbacks.append(succeed)


def new_environment() -> Environment:
    """An environment whose calendar `scheduled` can read."""
    return Environment() if calendar_is_known() else NotingEnvironment()


def scheduled(env: Environment) -> list[Event]:
    """Every event that is still to happen, in the order in which they will."""
    if isinstance(env, NotingEnvironment):
        entries: list[Any] = [note for note in env.noted if not note[3].processed]
    else:
        entries = list(env._queue)
    return [entry[3] for entry in sorted(entries, key=lambda entry: entry[:3])]


fire_after: Callable[[Environment, Event, float], None] = _set_and_schedule if events_can_be_set() else _succeed_later
"""Let an event happen some seconds from now, without a process in between."""


def events_can_happen_now() -> bool:
    """Whether an event can happen within another one, whoever waits for it going on at once."""
    env, seen = Environment(), []
    event = env.event()
    assert event.callbacks is not None
    event.callbacks.append(lambda _: seen.append(env.now))
    try:
        _set_and_run(event)
    except Exception:
        return False
    return seen == [0.0] and event.processed


def _set_and_run(event: Event) -> None:
    event._ok = True
    event._value = None
    callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]  # as SimPy itself does
    for callback in callbacks:
        callback(event)


def _succeed(event: Event) -> None:
    event.succeed()


happen: Callable[[Event], None] = _set_and_run if events_can_happen_now() else _succeed
"""Let an event happen within the one that is at hand, not behind others at the same instant."""
