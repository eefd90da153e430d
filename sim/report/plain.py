"""Limits, metrics and knobs in words, for who reads a page and does not write scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.comparison.callbook import SHARES
from sim.ledger.spans import label
from sim.report.text import DASH, duration, number, share, size
from sim.vocabulary.resources import resource_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.ledger.limits import Pressure

RATE: Final = "arrivals.rate"


def limit_words(limit: Pressure) -> str:
    """What a limit is of."""
    if limit.kind == "task":
        return f"thread {limit.name}"
    return resource_words(limit.name) if limit.kind == "resource" else limit.name


def held_words(holds: Mapping[str, int]) -> str:
    """What is held and how often, in one line: "24 session pools, 1 SIP handle"; a dash for nothing."""
    return ", ".join(f"{number(count)} {resource_words(name, count)}" for name, count in holds.items()) or DASH


def pressed(limit: Pressure) -> str:
    """How much of a limit was taken, and what that costs, as a mean over runs."""
    used = share(min(limit.used, 1.0))
    if limit.kind in ("task", "processor"):
        return f"{used} busy"
    if limit.kind == "memory":
        return f"{used} of {size(limit.limit)}"
    lost = ""
    if limit.refused > 0.0:
        what = "messages lost" if limit.kind == "queue" else "calls refused"
        lost = f", {limit.refused:.3g} {what} in an average run"
    return f"{used} of {number(limit.limit)} {'places ' if limit.kind == 'queue' else ''}taken{lost}"


def metric_words(metric: str) -> str:
    """A metric by its path in a summary: "INVITE → final answer, p99"; the path where there are no words for it."""
    if metric in SHARES:
        return SHARES[metric]
    kind, _, rest = metric.partition(".")
    if kind == "latency" and "." in rest:
        name, _, which = rest.rpartition(".")
        return f"{label(name)}, {which}"
    if kind in ("peak", "leaked") and rest:
        return f"{resource_words(rest)}, {'most held at once' if kind == 'peak' else 'leaked'}"
    if kind == "tasks" and rest.endswith(".utilisation"):
        return f"thread {rest.removesuffix('.utilisation')}, busy share"
    return metric


def knob_words(knob: str) -> str:
    """A knob by its path in a scenario."""
    return "calls per second" if knob == RATE else knob


def knob_at(knob: str, value: float, unit: str) -> str:
    """A knob at a value: "14.6 calls per second", "calls.hold.mean = 25 s"."""
    if knob == RATE:
        return f"{value:.4g} {'call' if value == 1.0 else 'calls'} per second"
    return f"{knob} = {knob_value(value, unit)}"


def knob_value(value: float, unit: str) -> str:
    """A value of a knob in its unit."""
    if unit == "s":
        return duration(value)
    return f"{value:.4g}{'/s' if unit == 'per_s' else ''}"
