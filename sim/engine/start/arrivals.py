"""When calls arrive, in blocks: Poisson, evenly spaced, along a rate profile, in bursts, or as recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.engine.start.sampling import BLOCK, generator
from sim.scenario import RecordedCall, Scenario, read_calls
from sim.scenario.arrivals import RatePoint

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(slots=True)
class ArrivalBlock:
    """Calls in order of arrival. Not-a-number, -1: not recorded, to be drawn by the caller model."""

    time_s: Array
    hold_s: Array
    requests: Array
    patience_s: Array
    vanishes: Array
    on_hold_s: Array
    kind: Array

    def __len__(self) -> int:
        return len(self.time_s)


def arrival_blocks(scenario: Scenario, seed: int, duration_s: float, replication: int = 0) -> Iterator[ArrivalBlock]:
    """Blocks of calls that arrive before `duration_s`, at most `arrivals.calls` of them."""
    left = scenario.arrivals.calls if scenario.arrivals.calls is not None else math.inf
    blocks = (
        _replayed(scenario, seed, replication)
        if scenario.arrivals.kind == "replay"
        else _timed(scenario, seed, replication)
    )
    clock = scenario.client.clock if scenario.arrivals.kind != "replay" else 0.0
    for block in blocks:
        take = int(min(np.searchsorted(block.time_s, duration_s), left))
        if take < len(block):
            if take:
                yield _at_ticks(_cut(block, take), clock)
            return
        yield _at_ticks(block, clock)
        left -= take
        if left <= 0:
            return


def _at_ticks(block: ArrivalBlock, clock: float) -> ArrivalBlock:
    """Calls that are due between two ticks of the callers' clock arrive at the second one."""
    return block if clock <= 0.0 else replace(block, time_s=np.ceil(block.time_s / clock) * clock)


def _cut(block: ArrivalBlock, take: int) -> ArrivalBlock:
    return ArrivalBlock(
        block.time_s[:take],
        block.hold_s[:take],
        block.requests[:take],
        block.patience_s[:take],
        block.vanishes[:take],
        block.on_hold_s[:take],
        block.kind[:take],
    )


def _timed(scenario: Scenario, seed: int, replication: int) -> Iterator[ArrivalBlock]:
    unknown, none = np.empty(0), np.empty(0)
    for times in _times(scenario, seed, replication):
        if len(times) != len(none):
            unknown, none = np.full(len(times), math.nan), np.full(len(times), -1.0)
        yield ArrivalBlock(times, unknown, none, unknown, none, unknown, none)


def _times(scenario: Scenario, seed: int, replication: int) -> Iterator[Array]:
    arrivals = scenario.arrivals
    rng = generator(seed, "arrivals", replication)
    if arrivals.kind == "poisson":
        last = 0.0
        while True:
            block = last + np.cumsum(rng.standard_exponential(BLOCK) / arrivals.rate)
            last = float(block[-1])
            yield block
    elif arrivals.kind == "even":
        first = 0
        while True:
            yield np.arange(first, first + BLOCK, dtype=np.float64) / arrivals.rate
            first += BLOCK
    elif arrivals.kind == "burst":
        assert arrivals.burst is not None
        within = np.arange(arrivals.burst.size, dtype=np.float64) * arrivals.burst.spacing
        group = 0
        # bursts may overlap: hold back what the next burst could precede
        pending = np.empty(0)
        while True:
            start = group * arrivals.burst.every
            ready = np.sort(np.concatenate([pending, start + within]))
            cut = np.searchsorted(ready, start + arrivals.burst.every)
            yield ready[:cut]
            pending = ready[cut:]
            group += 1
    else:
        yield from _profile(arrivals.profile, arrivals.interpolation == "linear", arrivals.repeat, rng)


def _profile(points: tuple[RatePoint, ...], linear: bool, repeat: bool, rng: np.random.Generator) -> Iterator[Array]:
    """Non-homogeneous Poisson process by inversion of the cumulative rate.

    Unit-rate exponential gaps are mapped through the inverse of Λ(t) = ∫ rate (Çinlar 1975).
    """
    at = np.array([p.at for p in points])
    rate = np.array([p.rate for p in points])
    gaps = np.diff(at)
    pieces = (rate[:-1] + rate[1:]) / 2.0 * gaps if linear else rate[:-1] * gaps
    total = np.concatenate([[0.0], np.cumsum(pieces)])
    whole, period = float(total[-1]), float(at[-1] - at[0])
    if repeat and whole <= 0.0:
        return
    last = 0.0
    while True:
        units = last + np.cumsum(rng.standard_exponential(BLOCK))
        last = float(units[-1])
        if repeat:
            rounds = np.floor(units / whole)
            yield _invert(units - rounds * whole, at, rate, total, linear) + rounds * period
            continue
        if rate[-1] > 0.0:
            beyond = units > whole
            times = _invert(np.minimum(units, whole), at, rate, total, linear)
            times[beyond] = at[-1] + (units[beyond] - whole) / rate[-1]
            yield times
            continue
        inside = units[units <= whole]
        if len(inside):
            yield _invert(inside, at, rate, total, linear)
        if len(inside) < BLOCK:
            return


def _invert(units: Array, at: Array, rate: Array, total: Array, linear: bool) -> Array:
    i = np.clip(np.searchsorted(total, units, "right") - 1, 0, max(len(at) - 2, 0))
    left = units - total[i]
    if not linear or len(at) < 2:
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(rate[i] > 0.0, left / rate[i], 0.0)
        return at[i] + step
    slope = (rate[i + 1] - rate[i]) / (at[i + 1] - at[i])
    # solve rate·x + slope·x²/2 = left for x; this form stays exact when the slope is small or negative
    root = np.sqrt(np.maximum(rate[i] ** 2 + 2.0 * slope * left, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(left > 0.0, 2.0 * left / (rate[i] + root), 0.0)
    return np.minimum(at[i] + step, at[i + 1])


def _hold(call: RecordedCall, refused_s: float) -> float:
    """Seconds from the answer to the BYE or, negative, from the arrival to the BYE; `refused_s` where none is known."""
    if call.refused:
        return refused_s
    if call.hangup_after_s is not None:
        return -call.hangup_after_s
    return 1e-9 if call.hold_s is None else call.hold_s


def _vanishes(call: RecordedCall) -> bool:
    unknown = call.hold_s is None and call.hangup_after_s is None
    return call.vanished or (unknown and not call.cancelled and not call.refused)


def told_of_replay(scenario: Scenario) -> list[str]:
    """What a run must say of calls that it replays: of those that the real server refused nobody knows the hold."""
    if scenario.arrivals.kind != "replay" or scenario.arrivals.file is None:
        return []
    calls = read_calls(scenario.arrivals.file)
    refused = sum(call.refused for call in calls)
    if not refused:
        return []
    known = _known_holds(calls, scenario)
    drawn = f"drawn from the {len(known)} that were answered" if known else "drawn from calls.hold"
    return [
        f"{refused} of {len(calls)} replayed calls were refused by the server that they were recorded on: how long "
        f"they would have lasted is {drawn}."
    ]


def _known_holds(calls: Sequence[RecordedCall], scenario: Scenario) -> list[float]:
    """The holds that stand for those of refused calls; none where the scenario says `calls.hold`."""
    if "hold" in scenario.calls.model_fields_set:
        return []
    return [call.hold_s for call in calls if call.hold_s is not None and not call.vanished]


def _kinds(scenario: Scenario, seed: int, replication: int) -> Callable[[RecordedCall], int]:
    """Which of the mixes a recorded call is, from the resources that it asked for; -1, for which one is drawn, where
    it is not recorded or no mix has just these. Of several with the same resources one is taken by their weights."""
    of: dict[frozenset[str], list[int]] = {}
    for number, mix in enumerate(scenario.calls.resources):
        of.setdefault(frozenset(mix.resources), []).append(number)
    rng = generator(seed, "arrivals.kinds", replication)

    def kind(call: RecordedCall) -> int:
        fitting = of.get(frozenset(call.resources or ()), [])
        if len(fitting) < 2:
            return fitting[0] if fitting else -1
        weights = np.cumsum([scenario.calls.resources[number].weight for number in fitting])
        return fitting[int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))]

    return kind


def _would_have_lasted(
    calls: Sequence[RecordedCall], scenario: Scenario, seed: int, replication: int
) -> Callable[[], float]:
    """How long a call would have lasted that was refused: as one of those that were answered, drawn at random.

    Not a number, for which `calls.hold` is drawn, where the scenario says that, or where no call was answered.
    """
    known = _known_holds(calls, scenario)
    if not known:
        return lambda: math.nan
    rng = generator(seed, "arrivals.refused", replication)
    return lambda: float(known[int(rng.random() * len(known))])


def _replayed(scenario: Scenario, seed: int, replication: int) -> Iterator[ArrivalBlock]:
    from sim.server.parameters import VANISH_HOW

    assert scenario.arrivals.file is not None
    calls = read_calls(scenario.arrivals.file)
    how = float(VANISH_HOW[scenario.client.vanish.tcp])
    lasted = _would_have_lasted(calls, scenario, seed, replication)
    kind = _kinds(scenario, seed, replication)
    for start in range(0, len(calls), BLOCK):
        part = calls[start : start + BLOCK]
        yield ArrivalBlock(
            np.array([c.arrived_s for c in part]),
            np.array([_hold(c, lasted() if c.refused else 0.0) for c in part]),
            np.array([-1.0 if c.requests is None else float(c.requests) for c in part]),
            np.array([math.nan if c.cancel_after_s is None else c.cancel_after_s for c in part]),
            np.array([how if _vanishes(c) else -1.0 for c in part]),
            np.array([math.nan if c.on_hold_after_s is None else c.on_hold_after_s for c in part]),
            np.array([kind(c) for c in part], dtype=np.float64),
        )
