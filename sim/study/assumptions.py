"""What a formula says of a metric, beside what the runs say: which one, what it assumes, what of that does not hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sim.ledger.beside import Beside
from sim.ledger.numbers import numbers
from sim.ledger.summary import Summary
from sim.scenario import Scenario, expected
from sim.scenario import distributions as d
from sim.study.measure import path_of
from sim.study.planner import (
    ERLANG,
    WAIT_FOR_LICENCE,
    WAITING,
    licences_waited_for,
    limits,
    near_limit,
    not_poisson,
    servers_up,
    unlike_erlang,
    unlike_erlang_c,
    waited,
)
from sim.study.trials import warm_up_of
from sim.theory.queues import PROBABILITIES, erlang_b
from sim.theory.waiting import MMc, md1_wait_quantile, mg1_mean_wait

TICKS = 20.0
"""A service is longer than the media tick by this factor where the tick's batches are as good as single messages."""


QUANTITIES = ("mean", "p95", "p99")
"""The statistics of a wait that are told beside a run."""

STARTING = 0.05
"""A start of less than this part of a run is not worth a word."""


@dataclass(frozen=True, slots=True)
class Said:
    """A formula's answer for one metric of one scenario, in the metric's unit."""

    formula: str
    value: float
    assumes: tuple[str, ...]
    broken: tuple[str, ...]
    """What of that this scenario does not meet."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "formula": self.formula, "value": self.value if math.isfinite(self.value) else None,
            "assumes": list(self.assumes), "assumptions_broken": list(self.broken),
        }  # fmt: skip


def said_of(scenario: Scenario, metric: str) -> Said | None:
    """The formula that fits a metric; None where there is none, or where the arrivals have no constant rate.

    Blocking: Erlang-B of the lowest limit. Mean of a limited resource: the load that Erlang-B carries. Mean and
    quantiles of the wait in a plugin's queue: M/M/1, M/D/1, else the mean of M/G/1. Time from media to open, where
    calls wait for a licence: Erlang-C.
    """
    if scenario.arrivals.kind not in ("poisson", "even"):
        return None
    path = path_of(metric)
    if path == "sessions.blocking":
        return _blocking(scenario)
    for name, places in limits(scenario).items():
        if path == f"resources.{name}.mean":
            return _carried(scenario, places)
    if path.startswith(f"{WAIT_FOR_LICENCE}."):
        return _licence_wait(scenario, path.rsplit(".", 1)[-1])
    for resource, task in _plugin_tasks(scenario).items():
        if path.startswith(f"tasks.{task}.wait."):
            return _wait(scenario, resource, path.rsplit(".", 1)[-1])
    return None


def beside(scenario: Scenario, summary: Summary) -> tuple[Beside, ...]:
    """Every formula that fits a run beside what the run gave, with the error that a planner would have made."""
    found = numbers(summary.to_dict())
    names = [task for resource, task in _plugin_tasks(scenario).items() if resource in scenario.calls.resource_names]
    metrics = ["sessions.blocking", *(f"resources.{name}.mean" for name in limits(scenario))]
    metrics += [f"{of}.{part}" for of in (WAIT_FOR_LICENCE, *(f"tasks.{t}.wait" for t in names)) for part in QUANTITIES]
    lines = []
    for metric in metrics:
        said, simulated = said_of(scenario, metric), found.get(metric, math.nan)
        if said is None:
            continue
        broken = [*said.broken, *_of_a_run(scenario, metric, summary.horizon_s)]
        error = (said.value - simulated) / simulated if simulated > 0.0 else math.nan
        value, got, wrong = (x if math.isfinite(x) else None for x in (said.value, simulated, error))
        lines.append(Beside(metric, said.formula, value, got, wrong, said.assumes, tuple(broken)))
    return tuple(lines)


def _of_a_run(scenario: Scenario, metric: str, horizon_s: float) -> list[str]:
    """What sets one run apart from the steady state that formulas tell of."""
    start, load_s, broken = warm_up_of(scenario), scenario.duration, []
    if start > STARTING * load_s:
        broken.append(f"the run begins empty, and is as full as it gets after {start:g} s of its {load_s:g} s")
    if metric.startswith("resources.") and horizon_s > (1.0 + STARTING) * load_s:
        broken.append(f"the run's mean has the {horizon_s - load_s:.3g} s in it that follow the load")
    return broken


def _offered(scenario: Scenario) -> float:
    """Erlangs on each server that is up."""
    return scenario.arrivals.rate * expected(scenario.calls.hold) / servers_up(scenario)


def _blocking(scenario: Scenario) -> Said | None:
    every = limits(scenario)
    if not every:
        return None
    name = min(every, key=lambda item: every[item])
    broken = unlike_erlang(scenario)
    broken += near_limit(every)
    load = _offered(scenario)
    what = f"Erlang-B: {load:.4g} erlangs on {every[name]} of {name}"
    return Said(what, erlang_b(load, every[name]), ERLANG, tuple(broken))


def _carried(scenario: Scenario, places: int) -> Said:
    load, up = _offered(scenario), servers_up(scenario)
    each = f"{up} servers with {load:.4g} erlangs on {places}" if up > 1 else f"{load:.4g} erlangs on {places}"
    what = f"Erlang-B: {each}, less what is refused"
    carried = up * load * (1.0 - erlang_b(load, places))
    broken = unlike_erlang(scenario)
    if min(limits(scenario).values()) < places:
        broken.append("a lower limit refuses calls before")
    return Said(what, carried, ERLANG, tuple(broken))


def _licence_wait(scenario: Scenario, quantity: str) -> Said | None:
    licences, hold = licences_waited_for(scenario), expected(scenario.calls.hold)
    if licences is None or hold <= 0.0:
        return None
    name, places = licences
    value = waited(MMc(scenario.arrivals.rate / servers_up(scenario), hold, places), quantity)
    what = f"Erlang-C: {_offered(scenario):.4g} erlangs on {places} licences of {name}"
    return None if value is None else Said(what, value, WAITING, tuple(unlike_erlang_c(scenario, name)))


def _plugin_tasks(scenario: Scenario) -> dict[str, str]:
    """The name of each plugin's task by its resource."""
    from sim.engine.start.setup import task_names
    from sim.vocabulary.tasks import PLUGIN

    return dict(zip(scenario.plugins.keys(), task_names(scenario)[PLUGIN:], strict=True))


def _wait(scenario: Scenario, resource: str, quantity: str) -> Said | None:
    """The wait in a plugin's queue, whose task serves one operation after the other."""
    plugin, calls = scenario.plugins[resource], scenario.calls
    weights = sum(mix.weight for mix in calls.resources)
    part = sum(mix.weight for mix in calls.resources if resource in mix.resources) / weights
    each = {"open": 1.0, "close": 1.0, "request": expected(calls.requests)}
    if expected(calls.hold) > scenario.duration:
        each = {"open": 1.0}  # no call ends, and none asks for anything after that
    work = [(count, getattr(plugin, name).block) for name, count in each.items() if count > 0.0]
    moments = [(count, expected(block), _squared(block)) for count, block in work]
    if any(square is None for _, _, square in moments):
        return None
    count = sum(n for n, _, _ in moments)
    mean = sum(n * m for n, m, _ in moments) / count
    square = sum(n * (s or 0.0) for n, _, s in moments) / count
    rate = scenario.arrivals.rate / servers_up(scenario) * part * count
    if mean <= 0.0:
        return None
    variation = max(0.0, square / mean**2 - 1.0)
    broken = not_poisson(scenario)
    if count > 1.0:
        broken.append("a call's messages follow each other: they are no Poisson arrivals")
    if mean < TICKS * scenario.server.media.tick:
        broken.append("opens come in batches, one a media tick")
    if plugin.max_channel_count is not None:
        broken.append("calls that find no channel do not come to this queue")
    what = f"{_kind(variation)}: {rate:.4g} messages/s of {1e6 * mean:.4g} µs"
    value = _waited(rate, mean, variation, quantity)
    return None if value is None else Said(what, value, (_SERVICE[_kind(variation)], "Poisson arrivals"), tuple(broken))


_SERVICE = {"M/M/1": "exponential service", "M/D/1": "constant service", "M/G/1": "independent services"}


def _kind(variation: float) -> str:
    return "M/D/1" if variation < 1e-9 else "M/M/1" if abs(variation - 1.0) < 1e-9 else "M/G/1"


def _waited(rate: float, mean_s: float, variation: float, quantity: str) -> float | None:
    if quantity == "mean":
        return mg1_mean_wait(rate, mean_s, variation)
    p = PROBABILITIES.get(quantity)
    if p is None:
        return None
    if rate * mean_s >= 1.0:
        return math.inf
    if _kind(variation) == "M/M/1":
        return MMc(rate, mean_s).wait_quantile_s(p)
    return md1_wait_quantile(rate, mean_s, p) if _kind(variation) == "M/D/1" else None


def _squared(dist: d.Dist) -> float | None:
    """The mean square of what is drawn; None for families whose second moment is not worked out here."""
    spread = _variance(dist)
    return None if spread is None else spread + expected(dist) ** 2


def _variance(dist: d.Dist) -> float | None:
    mean = float(dist.mean)
    if isinstance(dist, d.Constant):
        return 0.0
    if isinstance(dist, d.Uniform):
        return float((dist.high - dist.low) ** 2 / 12.0)
    if isinstance(dist, d.Exponential):
        return mean**2
    if isinstance(dist, d.Erlang | d.Gamma):
        return mean**2 / float(dist.shape)
    if isinstance(dist, d.Lognormal):
        return mean**2 * math.expm1(dist.log_sigma**2)
    if isinstance(dist, d.Hyperexponential):
        return sum(2.0 * p * m**2 for p, m in zip(dist.probabilities, dist.means, strict=True)) - mean**2
    return None
