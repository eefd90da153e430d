"""How far each target is from its bound at the value that a search found: runs there until that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sim.study.stopping import Precision, Replications
from sim.study.targets import Target

R = TypeVar("R")

LOOSER = 10.0
"""A target is asked to be known this many times less precisely than the knob, as a part of its bound, or of its value
where that is larger: near a bound of 1 % what Erlang-B refuses changes about ten times as fast as the load."""

LEAST, MOST = 10, 192
"""Runs at the answer. Those of targets with a bound of 0, whose runs are counted, are the least."""


def narrow(target: Target, precision: float) -> Precision | None:
    """How well a target is to be known where the knob is known this well; None where its runs are counted."""
    part = LOOSER * precision
    return None if target.counts_runs else Precision(relative=part, absolute=part * target.bound)


def runs_at(
    more: Callable[[range], Sequence[R]],
    value: Callable[[R, Target], float],
    targets: Sequence[Target],
    precision: float,
    confidence: float,
) -> tuple[R, ...]:
    """Runs of the replications that `more` is asked for, by the rule of `Replications`: until each target's interval is
    narrow enough, and stays so, or `MOST` are done. `precision` is that of the knob; `value` reads a run's metric."""
    wanted = {t: how for t in targets if (how := narrow(t, precision)) is not None}
    if not wanted:
        return tuple(more(range(LEAST)))
    rule = Replications({t.text: how for t, how in wanted.items()}, least=LEAST, most=MOST, confidence=confidence)
    runs: list[R] = []
    while not rule.done:
        first = len(runs)
        for number, run in enumerate(more(range(first, first + rule.still_needed())), first):
            runs.append(run)
            if not rule.done:
                rule.add(number, {t.text: value(run, t) for t in wanted})
    return tuple(runs[: rule.looked_at])
