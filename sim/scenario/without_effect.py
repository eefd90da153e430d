"""Settings of a valid scenario that change nothing, each with what it needs to act."""

import math
from collections.abc import Iterator

from sim.scenario.base import Part
from sim.scenario.distributions import expected
from sim.scenario.faults import Fault
from sim.scenario.model import Scenario
from sim.scenario.plugins import Operation
from sim.scenario.units import write_time


def told_of_no_effect(scenario: Scenario) -> Iterator[str]:
    """A note on each setting that differs from its default and has no effect on a run of this scenario.

    Of a fault that is switched off in so many words (probability 0) nothing is said: a knob is turned like that.
    """
    yield from _crashes(scenario)
    yield from _processors(scenario)
    yield from _callers(scenario)
    yield from _media(scenario)
    for resource, plugin in scenario.plugins.items():
        place = f"plugins.{resource}"
        for name in ("open", "request", "stop", "close"):
            yield from _operation(f"{place}.{name}", getattr(plugin, name))
        if plugin.without_licence != "refuse" and plugin.licences is None:
            yield _needs(f"{place}.without_licence", f"{place}.licences: without it there are as many as are asked for")
    yield from _too_late(scenario)


def may_crash(scenario: Scenario) -> bool:
    """Whether anything of this scenario ends the process."""
    pool = scenario.server.pool
    return (
        bool(scenario.server.crash)
        or any(not plugin.crash.off for plugin in scenario.plugins.values())
        or (not pool.fails.off and not pool.checked and pool.on_crash == "stop")
        or scenario.server.on_use_after_free == "stop"
    )


def _needs(setting: str, what: str) -> str:
    return f"{setting} has no effect: it needs {what}."


def _differs(part: Part, *names: str) -> list[str]:
    """Those of these fields that are not as by default, by the names that a scenario has for them."""
    fields = type(part).model_fields
    return [fields[name].alias or name for name in names if getattr(part, name) != fields[name].default]


def _crashes(scenario: Scenario) -> Iterator[str]:
    if scenario.server.restart_after is not None and not may_crash(scenario):
        yield _needs(
            "server.restart_after", "something that ends the process, such as server.crash or plugins.<resource>.crash"
        )
    pool = scenario.server.pool
    if pool.fails.off and "fails" not in pool.model_fields_set:
        for name in _differs(pool, "checked", "on_crash"):
            yield _needs(f"server.pool.{name}", "server.pool.fails")


def _processors(scenario: Scenario) -> Iterator[str]:
    processors = scenario.server.processors
    if processors.count is None:
        for name in _differs(processors, "other_load", "other_burst", "scheduler"):
            yield _needs(
                f"server.processors.{name}", "server.processors.count: without it every task has a processor of its own"
            )
    interference = scenario.server.interference
    likely = max(interference.wake, interference.tick, interference.service)
    if likely > 0.0 and expected(interference.length) == 0.0:
        yield _needs("server.interference", "server.interference.length, which is 0 s")
    if likely == 0.0 and expected(interference.length) > 0.0 and not interference.model_fields_set - {"length"}:
        yield _needs("server.interference.length", "server.interference.wake, tick or service")


def _callers(scenario: Scenario) -> Iterator[str]:
    client, calls = scenario.client, scenario.calls
    recorded = scenario.arrivals.kind == "replay"
    if client.patience is not None and expected(client.patience) == 0.0 and not recorded:
        yield "client.patience is 0 s: every caller gives up at once, before any answer can reach it."
    retry = client.retry
    waits = client.patience is None and not recorded and not may_crash(scenario)
    if not retry.off and retry.attempts and waits:
        if retry.on == "no-answer":
            yield _needs(
                "client.retry", "client.patience: with on: no-answer a caller tries again when that is at an end"
            )
        elif retry.on == "both":
            yield (
                "client.retry acts on refusals only: to try again without an answer a caller needs client.patience, "
                "else it waits for ever."
            )
    for place, part, names in (
        ("client.vanish", client.vanish, ("after", "tcp", "sip")),
        ("calls.on_hold", calls.on_hold, ("after", "for_")),
    ):
        if part.off and "probability" not in part.model_fields_set:
            for name in _differs(part, *names):
                yield _needs(f"{place}.{name}", f"{place}.probability, which is 0")
    if calls.connection == "new":
        for name in _differs(scenario.server.limits, "max_shared_use_count"):
            yield _needs(f"server.limits.{name}", "calls.connection: shared")


def _media(scenario: Scenario) -> Iterator[str]:
    with_rtp, rtp = scenario.server.media.cost_with_rtp, scenario.calls.rtp
    if with_rtp is not None and rtp == 0.0 and "rtp" not in scenario.calls.model_fields_set:
        yield _needs("server.media.cost_with_rtp", "calls.rtp, which is 0")
    if with_rtp is None and rtp > 0.0:
        yield _needs("calls.rtp", "server.media.cost_with_rtp: without it a context costs the same with RTP")


def _operation(place: str, operation: Operation) -> Iterator[str]:
    for name, switch in (("gap", "twice"), ("late_by", "late")):
        if getattr(operation, switch).off and switch not in operation.model_fields_set and _differs(operation, name):
            yield _needs(f"{place}.{name}", f"{place}.{switch}, which is 0")


def _too_late(scenario: Scenario) -> Iterator[str]:
    """What begins after the run's end."""
    end = scenario.duration + scenario.drain
    begins = [(f"server.freeze.{i}.at", freeze.at) for i, freeze in enumerate(scenario.server.freeze)]
    begins += [("server.shutdown", scenario.server.shutdown)] if scenario.server.shutdown is not None else []
    begins += [(f"{place}.from", fault.from_) for place, fault in _faults(scenario, "") if not fault.off]
    for place, at in begins:
        if at >= end and math.isfinite(at):
            yield f"{place} has no effect: {write_time(at)} is not before the run's end at {write_time(end)}."


def _faults(part: Part, place: str) -> Iterator[tuple[str, Fault]]:
    for name in type(part).model_fields:
        value = getattr(part, name)
        here = f"{place}.{name}" if place else name
        if isinstance(value, Fault):
            yield here, value
        elif isinstance(value, Part):
            yield from _faults(value, here)
