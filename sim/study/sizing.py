"""Limits for a load: how many channels, connections, RTP ports and processors it takes, checked by simulation."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from sim.errors import ScenarioError
from sim.scenario import Scenario, load_scenario
from sim.study.draining import Drain, drain_times
from sim.study.measure import mean_of, value_of
from sim.study.store import Store
from sim.study.targets import Target, target_of
from sim.study.trials import Tell, Trials, warm_up_of
from sim.theory.intervals import CONFIDENCE, Estimate
from sim.theory.queues import needed
from sim.xmlconfig.fragment import LimitSettings, fragment

HEADROOM = 0.2
"""The proposal carries this much more load than the scenario offers."""

BUSY = 0.7
"""Processors are not planned to be busier than this: beyond it waits grow fast."""

RUNS = 8
FREE_PORTS = "1024-65534"
MOST_PORTS = 32_255
GROW = 1.05
"""A proposal that fails its check is made this much larger."""

TRIES = 12


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of the configuration."""

    resource: str
    path: str
    """Where it stands in a scenario."""
    now: int | None
    held: float
    """Mean number held under the scenario's load when nothing is limited."""
    needed: int
    """The least that meets the target at that load, by Erlang-B on what was held."""
    proposed: int

    @property
    def margin(self) -> float:
        """How much more than needed is proposed."""
        return self.proposed / self.needed - 1.0 if self.needed else 0.0

    @property
    def enough_now(self) -> bool:
        """Whether what the scenario has will do."""
        return self.now is None or self.now >= self.proposed


@dataclass(frozen=True, slots=True)
class Size:
    """What is proposed, and how it did."""

    scenario: str
    headroom: float
    confidence: float
    limits: tuple[Limit, ...]
    processors: int
    busiest: tuple[str, float]
    """The task that is busiest under the proposal, and how busy."""
    checked: tuple[tuple[Target, Estimate, bool], ...]
    """Each target under the proposal, at the load with its headroom, and whether it surely holds."""
    drain: Drain
    settings: Mapping[str, Any]
    """The proposal as settings of a scenario."""
    xml: str
    runs: int
    calls: int

    @property
    def ok(self) -> bool:
        """Whether every target holds with the stated confidence."""
        return all(ok for _, _, ok in self.checked)

    def to_dict(self) -> dict[str, Any]:
        """What `size --json` prints."""
        return {
            "scenario": self.scenario, "ok": self.ok, "headroom": self.headroom, "confidence": self.confidence,
            "limits": [
                {"resource": x.resource, "path": x.path, "now": x.now, "held": x.held, "needed": x.needed,
                 "proposed": x.proposed, "margin": x.margin, "enough_now": x.enough_now}
                for x in self.limits
            ],
            "processors": self.processors,
            "busiest": {"task": self.busiest[0], "utilisation": self.busiest[1]},
            "targets": [
                {"target": t.text, "value": _finite(e.value), "low": _finite(e.low), "high": _finite(e.high), "ok": ok}
                for t, e, ok in self.checked
            ],
            "drain": self.drain.to_dict(), "settings": dict(self.settings), "xml": self.xml, "runs": self.runs,
            "calls_simulated": self.calls,
        }  # fmt: skip


def size(
    scenario: Scenario | str | os.PathLike[str],
    *,
    targets: Sequence[str],
    overrides: Mapping[str, Any] | None = None,
    headroom: float = HEADROOM,
    confidence: float = CONFIDENCE,
    seed: int | None = None,
    cache: str | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: Tell | None = None,
) -> Size:
    """Propose every limit of the server for the scenario's load and targets, with `headroom` more load in reserve.

    What each call takes is read from runs in which nothing is limited; Erlang-B gives the first proposal; runs with it
    confirm that every target holds with the stated confidence, or make it larger. ScenarioError without a target on
    blocking, or where arrivals have no rate to grow.
    """
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario, overrides)
    wanted = tuple(target_of(text, confidence) for text in targets)
    blocking = next((t for t in wanted if t.path == "sessions.blocking" and t.upper), None)
    if blocking is None:
        raise ScenarioError("size needs a target on blocking, such as 'sessions.blocking < 1%'")
    if loaded.fleet is not None:
        raise ScenarioError(
            f"{loaded.name}: has a fleet, and size proposes the limits of one server; give it one server's load: "
            "--set fleet=null --set arrivals.rate=…"
        )
    if loaded.arrivals.kind not in ("poisson", "even"):
        raise ScenarioError(f"size needs arrivals with a rate (poisson or even), not {loaded.arrivals.kind}")
    share = blocking.bound if blocking.bound > 0.0 else 1e-4
    metrics = tuple(target.metric for target in wanted)
    with Trials(
        loaded, Store(cache), metrics, loaded.duration, warm_up_of(loaded), loaded.seed if seed is None else seed,
        executor, workers, tell=progress or (lambda runs, calls: None),
    ) as trials:  # fmt: skip
        free = trials.values([(_freed(loaded), r) for r in range(RUNS)])
        limits = _proposed(loaded, free, share, headroom)
        more = {"arrivals.rate": loaded.arrivals.rate * (1.0 + headroom)}
        for _ in range(TRIES):
            settings = {x.path: _setting(loaded, x) for x in limits}
            runs = trials.values([({**_freed(loaded), **settings, **more}, r) for r in range(RUNS)])
            checked = tuple(_checked(target, runs, confidence) for target in wanted)
            if checked[wanted.index(blocking)][2]:
                break
            limits = tuple(_larger(x) for x in limits)
        busy = _busy(runs)
        processors = max(1, math.ceil(sum(busy.values()) / BUSY))
        top = max(busy, key=lambda name: busy[name])
        drain = drain_times(loaded, settings, trials.warmup_s, trials.seed)
        return Size(
            loaded.name, headroom, confidence, limits, processors, (top, busy[top]), checked, drain, settings,
            fragment(_xml_limits(loaded, limits)), trials.runs, trials.calls,
        )  # fmt: skip


def _freed(scenario: Scenario) -> dict[str, Any]:
    """The settings that take every limit away."""
    found: dict[str, Any] = {
        "server.limits.rtp_ports": FREE_PORTS,
        "server.limits.max_connection_count": "null",
    }
    for name, plugin in scenario.plugins.items():
        found[f"plugins.{name}.max_channel_count"] = "null"
        if plugin.licences is not None:
            found[f"plugins.{name}.licences"] = "null"
    return found


def _proposed(
    scenario: Scenario, free: Sequence[Mapping[str, float]], share: float, headroom: float
) -> tuple[Limit, ...]:
    places: list[tuple[str, str, int | None]] = [
        ("rtp_port", "server.limits.rtp_ports", len(scenario.server.limits.rtp_ports.ports)),
        ("tcp_connection", "server.limits.max_connection_count", scenario.server.limits.max_connection_count),
    ]
    for name, plugin in scenario.plugins.items():
        places.append((f"engine_channel:{name}", f"plugins.{name}.max_channel_count", plugin.max_channel_count))
        if plugin.licences is not None:
            places.append((f"plugin_licence:{name}", f"plugins.{name}.licences", plugin.licences))
    found = []
    for resource, path, now in places:
        held = sum(run.get(f"resources.{resource}.mean", 0.0) for run in free) / len(free)
        if held > 0.0:
            least = max(1, needed(held, share))
            found.append(Limit(resource, path, now, held, least, max(least, needed(held * (1.0 + headroom), share))))
    return tuple(found)


def _larger(limit: Limit) -> Limit:
    grown = max(limit.proposed + 1, math.ceil(limit.proposed * GROW))
    return Limit(limit.resource, limit.path, limit.now, limit.held, limit.needed, grown)


def _setting(scenario: Scenario, limit: Limit) -> Any:
    if limit.resource != "rtp_port":
        return limit.proposed
    low = scenario.server.limits.rtp_ports.min
    if low + 2 * limit.proposed > 65535:
        low = 65535 - 2 * min(limit.proposed, MOST_PORTS)
    return f"{low}-{low + 2 * min(limit.proposed, MOST_PORTS)}"


def _checked(target: Target, runs: Sequence[Mapping[str, float]], confidence: float) -> tuple[Target, Estimate, bool]:
    found = mean_of(target.metric, [value_of(run, target.metric) for run in runs], confidence)
    bound = target.bound
    return target, found, (found.high <= bound if target.upper else found.low >= bound)


def _busy(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for run in runs:
        for path, value in run.items():
            if path.startswith("tasks.") and path.endswith(".utilisation") and math.isfinite(value):
                name = path.removeprefix("tasks.").removesuffix(".utilisation")
                found[name] = found.get(name, 0.0) + value / len(runs)
    return found


def _xml_limits(scenario: Scenario, limits: Sequence[Limit]) -> LimitSettings:
    by = {x.resource: x for x in limits}
    ports = by.get("rtp_port")
    low, high = (int(end) for end in str(_setting(scenario, ports)).split("-")) if ports else (None, None)
    connections = by.get("tcp_connection")
    engines = tuple(
        (plugin.id, by[f"engine_channel:{name}"].proposed)
        for name, plugin in scenario.plugins.items()
        if f"engine_channel:{name}" in by
    )
    return LimitSettings(connections.proposed if connections else None, low, high, engines)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
