"""What a planner without a simulator would have answered, where a formula fits, and which of its assumptions do not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.scenario import Scenario, expected
from sim.scenario.distributions import Exponential
from sim.study.targets import Target
from sim.theory.loss import offered_at
from sim.theory.queues import PROBABILITIES
from sim.theory.waiting import MMc

NEAR = 1.3
"""A limit that is less than this many times the lowest takes part in what is refused."""

ERLANG = ("Poisson arrivals", "refused calls are gone", "one limit", "a place is held for the hold")
"""What Erlang's loss system assumes."""

WAITING = ("Poisson arrivals", "exponential holds", "calls wait in their order, and none gives up")
"""What Erlang's waiting system assumes."""

WAIT_FOR_LICENCE = "latency.media_to_open"
"""The latency that is the wait for a licence, where an open waits for one."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A formula's answer for the largest call rate, in calls per second."""

    formula: str
    target: str
    rate_per_s: float
    assumes: tuple[str, ...]
    broken: tuple[str, ...]
    """Assumptions that this scenario does not meet."""

    def error(self, simulated: float | None) -> float | None:
        """How much more than the simulation it promises, as a part of it."""
        return (self.rate_per_s - simulated) / simulated if simulated else None

    def to_dict(self, simulated: float | None) -> dict[str, Any]:
        """As JSON has it."""
        found = self.error(simulated)
        return {
            "formula": self.formula, "target": self.target,
            "value": self.rate_per_s if math.isfinite(self.rate_per_s) else None,
            "error": found if found is not None and math.isfinite(found) else None, "assumes": list(self.assumes),
            "assumptions_broken": list(self.broken),
        }  # fmt: skip


def limits(scenario: Scenario) -> dict[str, int]:
    """Every limit of a scenario in calls, by the resource's name: mixes in which not every call takes it left out."""
    found: dict[str, int] = {"rtp_port": len(scenario.server.limits.rtp_ports.ports)}
    connections = scenario.server.limits.max_connection_count
    if connections is not None and scenario.client.tcp and scenario.calls.connection == "new":
        found["tcp_connection"] = connections
    for name, plugin in scenario.plugins.items():
        if all(name in mix.resources for mix in scenario.calls.resources):
            if plugin.max_channel_count is not None:
                found[f"engine_channel:{name}"] = plugin.max_channel_count
            if plugin.licences is not None and plugin.without_licence == "refuse":
                found[f"plugin_licence:{name}"] = plugin.licences
    return found


def licences_waited_for(scenario: Scenario) -> tuple[str, int] | None:
    """The resource whose licences every call waits for, and how many there are; None where it is not one, or where a
    call has another licence to wait for too."""
    found = [
        (name, plugin.licences)
        for name, plugin in scenario.plugins.items()
        if plugin.licences is not None and plugin.without_licence == "wait" and name in scenario.calls.resource_names
    ]
    every = len(found) == 1 and all(found[0][0] in mix.resources for mix in scenario.calls.resources)
    return found[0] if every else None


def servers_up(scenario: Scenario) -> int:
    """Servers that share the load: those of a fleet, less what is down all the time."""
    if scenario.fleet is None:
        return 1
    down = {d.server for d in scenario.fleet.down if d.at == 0.0 and d.for_ is None}
    return max(1, scenario.fleet.servers - len(down))


def planned(scenario: Scenario, targets: Sequence[Target], light: Sequence[Mapping[str, float]]) -> tuple[Planned, ...]:
    """The formulas that fit the targets; `light` are runs at a low load, from which work per call is read."""
    found: list[Planned] = []
    for target in targets:
        if target.path == "sessions.blocking" and target.upper and 0.0 < target.bound < 1.0:
            found += _erlang(scenario, target)
        if target.path.startswith("latency.invite_to_answer.") and target.upper and not target.counts_runs:
            found += _single_server(scenario, target, light)
        if target.path.startswith(f"{WAIT_FOR_LICENCE}.") and target.upper and not target.counts_runs:
            found += _erlang_c(scenario, target)
    return tuple(found)


def _erlang(scenario: Scenario, target: Target) -> list[Planned]:
    every = limits(scenario)
    if not every:
        return []
    name = min(every, key=lambda item: every[item])
    hold = expected(scenario.calls.hold)
    if hold <= 0.0:
        return []
    up = servers_up(scenario)
    rate = up * offered_at(target.bound, every[name]) / hold
    each = f"{up} servers with {every[name]}" if up > 1 else f"{every[name]}"
    what = f"Erlang-B: {each} of {name}, hold {hold:g} s"
    return [Planned(what, target.text, rate, ERLANG, (*unlike_erlang(scenario), *near_limit(every)))]


def _erlang_c(scenario: Scenario, target: Target) -> list[Planned]:
    """The largest rate at which the wait for a licence is what the target asks."""
    licences, hold = licences_waited_for(scenario), expected(scenario.calls.hold)
    if licences is None or hold <= 0.0:
        return []
    name, places = licences

    def beyond(rate: float) -> float:
        found = waited(MMc(rate, hold, places), target.path.rsplit(".", 1)[-1])
        return math.nan if found is None else found - target.bound

    most = places / hold
    if math.isnan(beyond(0.5 * most)):
        return []
    from scipy.optimize import brentq

    ends = 1e-6 * most, (1.0 - 1e-9) * most
    rate = float(brentq(beyond, *ends)) if beyond(ends[0]) < 0.0 < beyond(ends[1]) else math.nan
    what = f"Erlang-C: {places} licences of {name}, hold {hold:g} s"
    return [Planned(what, target.text, servers_up(scenario) * rate, WAITING, tuple(unlike_erlang_c(scenario, name)))]


def waited(queue: MMc, quantity: str) -> float | None:
    """A statistic of the wait in M/M/c, in seconds; None for one that is not worked out."""
    if quantity == "mean":
        return queue.mean_wait_s
    p = PROBABILITIES.get(quantity)
    return None if p is None else queue.wait_quantile_s(p)


def unlike_erlang_c(scenario: Scenario, resource: str) -> list[str]:
    """Which assumptions of Erlang's waiting system do not hold where calls wait for the licences of a resource."""
    broken = _of_any_calls(scenario)
    if not isinstance(scenario.calls.hold, Exponential):
        broken.append("holds are not exponential")
    licences = scenario.plugins[resource].licences
    if licences is not None and min(limits(scenario).values()) < 2 * licences:
        broken.append("another limit may refuse calls before they wait")
    broken.append("the open itself comes on top of the wait, and a licence is held until the close is answered")
    return broken


def unlike_erlang(scenario: Scenario) -> list[str]:
    """Which assumptions of Erlang's loss system do not hold, the number of limits apart."""
    broken = _of_any_calls(scenario)
    place = "a place is held from the offer to the release, not only for the hold"
    if licences_waited_for(scenario) is not None:
        broken.append("calls wait for a licence, and hold their other places meanwhile")
    return [*broken, place]


def _of_any_calls(scenario: Scenario) -> list[str]:
    """What keeps calls from being Poisson arrivals, each of which comes once and stays for its hold."""
    broken = not_poisson(scenario)
    if scenario.client.patience is not None:
        broken.append("callers give up before they are served")
    if scenario.client.retry.probability > 0.0:
        broken.append("refused calls come again")
    if scenario.calls.dialogue:
        broken.append("the dialogue, not calls.hold, decides how long a call stays")
    if scenario.fleet is not None and scenario.fleet.dispatch != "random" and servers_up(scenario) > 1:
        broken.append(f"calls are dispatched {scenario.fleet.dispatch}, not at random, so a server's are not Poisson")
    return broken


def near_limit(places: Mapping[str, int]) -> list[str]:
    """Whether another limit than the lowest takes part in what is refused."""
    lowest = min(places.values())
    return ["another limit is nearly as low"] if sum(limit < NEAR * lowest for limit in places.values()) > 1 else []


def _single_server(scenario: Scenario, target: Target, light: Sequence[Mapping[str, float]]) -> list[Planned]:
    """The task with the most work per call as M/M/1, as a planner would take it."""
    work: dict[str, float] = {}
    up = servers_up(scenario)
    for run in light:
        calls = run.get("sessions.arrived", 0.0)
        for path, value in run.items():
            if path.startswith("tasks.") and path.endswith(".utilisation") and calls > 0.0 and math.isfinite(value):
                name = path.removeprefix("tasks.").removesuffix(".utilisation")
                work[name] = work.get(name, 0.0) + value * up / run["rate_per_s"] / len(light)
    work = {name: mean for name, mean in work.items() if mean > 0.0}
    if not work:
        return []
    name = max(work, key=lambda item: work[item])
    rate = up * _largest_rate(work[name], target)
    broken = [*not_poisson(scenario), "a call is many messages to several tasks, with the media tick between them"]
    what = f"M/M/1: {name}, {1e6 * work[name]:.0f} µs a call"
    assumes = ("Poisson arrivals", "exponential service", "one task does all the work")
    return [Planned(what, target.text, rate, assumes, tuple(broken))]


def _largest_rate(service_s: float, target: Target) -> float:
    """The rate at which this statistic of the time in M/M/1 meets the bound."""
    quantity = target.path.rsplit(".", 1)[-1]
    if quantity == "mean":
        return max(0.0, 1.0 / service_s - 1.0 / target.bound)
    p = {"p50": 0.5, "p95": 0.95, "p99": 0.99}.get(quantity)
    if p is None:
        digits = target.path.split("latency.invite_to_answer.p", 1)[-1]
        try:
            p = float(digits) / 100.0
        except ValueError:
            return math.nan
    return max(0.0, 1.0 / service_s + math.log(1.0 - p) / target.bound)


def not_poisson(scenario: Scenario) -> list[str]:
    """What is to be said of arrivals that are not Poisson."""
    kind = scenario.arrivals.kind
    return [] if kind == "poisson" else [f"arrivals are {kind}, not Poisson"]
