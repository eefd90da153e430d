"""A server on which nothing takes time, so that only what a test puts into it is left to see."""

from typing import Any

from sim.scenario import load_scenario
from sim.scenario.costs import Costs
from sim.scenario.model import Scenario

RESOURCES = ("speechsynth", "speechrecog", "recorder", "speakverify")
INSTANT = {"block": "0s"}
TICK = "1us"
"""Messages reach a plugin in the batch of one media tick; with a tick this short Poisson arrivals stay Poisson."""


def costs_of_nothing() -> dict[str, dict[str, str]]:
    """Every service time of every task, 0."""
    return {task: dict.fromkeys(type(getattr(Costs(), task)).model_fields, "0s") for task in Costs.model_fields}


def instant_plugin(**operations: Any) -> dict[str, Any]:
    """A plugin that answers everything at once, apart from `operations`."""
    return {"open": INSTANT, "close": INSTANT, "request": INSTANT, "stop": INSTANT, **operations}


def bare(name: str, **parts: Any) -> Scenario:
    """A scenario of calls without MRCP requests on a server without service times; `parts` are added on top.

    `plugins` and `server` are merged with what is here, everything else replaces it.
    """
    plugins = {resource: instant_plugin() for resource in RESOURCES}
    plugins.update(parts.pop("plugins", {}))
    server: dict[str, Any] = {
        "wake": "0s",
        "costs": costs_of_nothing(),
        "media": {"tick": TICK},
        "limits": {"rtp_ports": "1024-65534"},
        **parts.pop("server", {}),
    }
    calls = {"requests": 0, **parts.pop("calls", {})}
    return load_scenario(
        {"name": name, "client": {"tcp": False}, "calls": calls, "server": server, "plugins": plugins, **parts}
    )
