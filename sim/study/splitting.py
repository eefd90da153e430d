"""Probabilities far too small for plain Monte Carlo, by multilevel splitting on copied states of the compiled engine.

A task's queue that overflows, or a message that a full queue drops and that its session then waits for in vain, comes
up step by step: one message more at a time. Each step is likely enough to be counted. From the states in which a step
was reached, many futures are tried for the next one; the product of the shares is the probability (Kahn and Harris
1951; fixed effort: Garvels and Kroese, Winter Simulation Conference 1998, whose estimator is unbiased).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.engine.start.setup import setup, task_index
from sim.errors import ScenarioError
from sim.scenario import Scenario, load_scenario
from sim.study.uncertainty import mean
from sim.theory.intervals import CONFIDENCE, Estimate

EFFORT = 200
"""Futures tried at each step, in each repetition."""

REPETITIONS = 20
MOST_EVENTS = 2_000_000
"""A future that neither reaches the next step nor ends within so many events shows that the queue is overloaded."""


@dataclass(frozen=True, slots=True)
class Rare:
    """A rare event of one task's queue."""

    task: str
    level: int
    per_cycle: Estimate
    """Probability that a queue which has just begun to fill reaches the level before it is empty again. Where no future
    reached the level the value is 0, and `high` is what is known: the level is no likelier than a lower one."""
    per_call: float
    """The same for each call: times the number of such beginnings a call."""
    steps: tuple[float, ...]
    """Share of the futures that reached each next step, over all repetitions."""
    calls: int
    """Calls that were simulated."""
    estimates: tuple[float, ...] = ()
    """What each repetition found for `per_cycle`: unbiased, and independent of the others."""

    @property
    def plain_calls(self) -> float:
        """Calls that plain Monte Carlo needs for an interval as narrow as this one: 3.84/(p·ε²) with half-width ε."""
        p = self.per_cycle.value
        half = (self.per_cycle.high - self.per_cycle.low) / 2.0
        if not p > 0.0 or not half > 0.0:
            return math.inf
        return 3.84 * (p / half) ** 2 / self.per_call


def rare_overflow(
    scenario: Scenario | str | os.PathLike[str],
    *,
    task: str,
    level: int,
    overrides: Mapping[str, Any] | None = None,
    effort: int = EFFORT,
    repetitions: int = REPETITIONS,
    seed: int = 1,
    confidence: float = CONFIDENCE,
    progress: Callable[[float], None] | None = None,
) -> Rare:
    """How likely a task's queue is to grow to `level` messages, the one in service counted.

    `task` is its key in scenarios: server, media, connection-agent … or a plugin's resource. A message that a full
    queue drops counts as one more, so `slots + 1` of the media engine's queue is the loss of a message, and of its
    session. Each repetition gives an unbiased estimate; the interval is Student's over them. Where none reached the
    level, the interval ends where that of the highest level does which all of them reached. ScenarioError for arrivals
    that are not Poisson, for an unknown task, or for a queue that never empties.
    """
    from sim.engine.compiled.forking import ForkableEngine, State

    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario, overrides)
    if level < 2 or effort < 2 or repetitions < 2:
        raise ScenarioError("splitting needs a level, an effort and repetitions of at least 2")
    if loaded.arrivals.kind != "poisson" or loaded.arrivals.calls is not None:
        raise ScenarioError(f"{loaded.name}: splitting needs Poisson arrivals without end")
    plugins = tuple(loaded.plugins.keys())
    try:
        index = task_index(task, plugins)
    except ValueError:
        known = ("nua", "sip-agent", "server", "connection-agent", "media", *plugins)
        raise ScenarioError(f"task {task!r} must be one of {', '.join(known)}") from None
    engine = ForkableEngine(setup(loaded, record_rows=False), seed)
    try:
        walk = _Walk(engine, index)
        chances, tried, reached = [], [0] * level, [0] * level
        starts: list[State] = []
        for k in range(repetitions):
            walk.begin()
            starts = [walk.next_start() for _ in range(effort)]
            chances.append(_one(walk, starts, level, effort, tried, reached, seed + k))
            if progress is not None:
                progress((k + 1) / repetitions)
        estimates = tuple(chance[-1] for chance in chances)
        found = _interval(chances, confidence)
        per_call = found.value * walk.starts / max(walk.calls_to_starts, 1)
        steps = tuple(r / t for r, t in zip(reached[1:], tried[1:], strict=True) if t)
        return Rare(task, level, found, per_call, steps, walk.calls, estimates)
    finally:
        engine.close()


def _interval(chances: list[list[float]], confidence: float) -> Estimate:
    """What the repetitions tell of the last level, from the chance of each level that each of them found."""
    found = mean([chance[-1] for chance in chances], confidence)
    if found.value > 0.0:
        return Estimate(found.value, max(0.0, found.low), found.high)
    below = [level for level in zip(*chances, strict=True) if all(level)]
    return Estimate(0.0, 0.0, min(1.0, mean(below[-1], confidence).high) if below else 1.0)


def _one(
    walk: _Walk, states: list[Any], level: int, effort: int, tried: list[int], reached: list[int], seed: int
) -> list[float]:
    """One unbiased estimate of the chance of each level from 2 on: the product of the shares of futures that reached
    each next step."""
    import random

    draw = random.Random(seed)
    chances, probability = [0.0] * (level - 1), 1.0
    for step in range(1, level):
        found = []
        for i in range(effort):
            origin = states[i] if step == 1 else states[draw.randrange(len(states))]
            if (end := walk.climb(origin, step + 1)) is not None:
                found.append(end)
        tried[step] += effort
        reached[step] += len(found)
        probability *= len(found) / effort
        if not found:
            break
        chances[step - 1] = probability
        states = found
    return chances


class _Walk:
    """The futures of one engine, looked at by how many messages a task has."""

    def __init__(self, engine: Any, index: int) -> None:
        self.engine = engine
        task = engine.block["tasks"][0][index : index + 1]
        self._length, self._serving = task["length"], task["serving"]
        self._lost = engine.block["server"]["lost"][0][index : index + 1]
        self._empty = self._fresh = engine.copy()
        self.calls = self.starts = self.calls_to_starts = 0

    @property
    def there(self) -> int:
        """Messages that the task has, the one in service counted."""
        return int(self._length[0] + self._serving[0])

    @property
    def messages(self) -> int:
        """The same, with those that were dropped since the queue began to fill."""
        return self.there + int(self._lost[0])

    def begin(self) -> None:
        """Each repetition begins with an empty server, so that none depends on another."""
        self._fresh = self._empty

    def next_start(self) -> Any:
        """A state in which the queue has just begun to fill, each with a past of its own."""
        engine = self.engine
        engine.put_back(self._fresh)
        self._lost[0] = 0
        before = engine.arrived
        self._until(lambda: self.there > 0)
        self.calls += engine.arrived - before
        found = engine.copy()
        # the state from which the next start is looked for: the queue has emptied once more
        self._until(lambda: self.there == 0)
        self._fresh = engine.copy()
        self.calls_to_starts += engine.arrived - before
        self.starts += 1
        return found

    def climb(self, origin: Any, step: int) -> Any | None:
        """A future of a state: the state in which it reached the step, or None when the queue emptied first."""
        engine = self.engine
        engine.put_back(origin)
        before = engine.arrived
        self._until(lambda: self.there == 0 or self.messages >= step)
        self.calls += engine.arrived - before
        return engine.copy() if self.messages >= step else None

    def _until(self, met: Callable[[], bool]) -> None:
        for _ in range(MOST_EVENTS):
            if met():
                return
            self.engine.advance(1)
        raise ScenarioError("the queue neither fills nor empties: it is overloaded, or it never has a message")
