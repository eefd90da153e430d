"""A scenario: everything that decides what a run does, except the engine that runs it."""

import math
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from sim.scenario.arrivals import Arrivals
from sim.scenario.base import Part, Text, complain
from sim.scenario.calls import Calls, Client
from sim.scenario.fleet import Fleet
from sim.scenario.plugins import Plugins
from sim.scenario.server import Server
from sim.scenario.units import PositiveTime, Quantity, Time
from sim.vocabulary.tasks import TASK_NAMES


def _as_folder_name(name: str) -> str:
    allowed = all(c.isalnum() or c in "._-" for c in name)
    if not (allowed and name and name[0].isalnum() and len(name) <= 100):
        complain((None, "must be 1 to 100 letters, digits, '.', '_' or '-', for it names the result folder"))
    return name


Name = Annotated[Text, AfterValidator(_as_folder_name)]
"""A name that can be a folder's."""


def _one_line(condition: str) -> str:
    if not condition.strip() or len(condition) > 500 or "\n" in condition:
        complain((None, "must be a condition on one line, such as leaked.session_pool == 0"))
    return condition


class Scenario(Part):
    """One experiment: arrivals, calls, callers, server and plugins. Times in seconds, sizes in bytes."""

    name: Name = Field(
        default="scenario", description="Name of the scenario and of its result folder; by default the file's name."
    )
    description: Text = Field(default="", description="What the scenario shows, in a line or more.")
    extends: Text | None = Field(
        default=None,
        description="Another scenario file, relative to this one: its keys hold where this file says nothing.",
    )
    duration: PositiveTime = Field(default=60.0, description="Calls arrive for this long.")
    drain: Time = Field(default=40.0, description="After `duration` the run goes on for this long, without new calls.")
    seed: Annotated[int, Quantity("count", high=2**63 - 1)] = Field(
        default=1, description="Seed of all random numbers."
    )
    expect: tuple[Annotated[Text, AfterValidator(_one_line)], ...] = Field(
        default=(), description="Conditions that must hold, such as `leaked.session_pool == 0`."
    )
    arrivals: Arrivals = Field(default=Arrivals(), description="When calls arrive.")
    calls: Calls = Field(default=Calls(), description="What each call asks for.")
    client: Client = Field(default=Client(), description="How callers behave.")
    server: Server = Field(default=Server(), description="The modelled server.")
    plugins: Plugins = Field(default=Plugins(), description="The plugins, by resource.")
    fleet: Fleet | None = Field(default=None, description="Several such servers behind a dispatcher; null: one.")

    @model_validator(mode="before")
    @classmethod
    def _mapping(cls, data: Any) -> Any:
        if data is None:
            complain((None, "must be a mapping of keys, such as duration: 60s", "nothing"))
        return data

    @model_validator(mode="after")
    def _whole(self) -> Self:
        self.__dict__["plugins"] = self.plugins.with_defaults(self.calls.resource_names)
        problems: list[tuple[str, str, str]] = []
        for resource, plugin in self.plugins.items():
            if plugin.engine in TASK_NAMES:
                problems.append(
                    (f"plugins.{resource}.engine", "must not be the name of a task of the server", repr(plugin.engine))
                )
        for number, freeze in enumerate(self.server.freeze):
            if freeze.task not in ("nua", "sip-agent", "server", "connection-agent", "media", *self.plugins.keys()):
                place = f"server.freeze.{number}.task"
                problems.append(
                    (place, "must be the task of a plugin that calls.resources asks for", repr(freeze.task))
                )
        if self.fleet is not None and not self.client.retry.off:
            wanted = "must be off in a fleet, where fleet.retry says what callers do"
            problems.append(("client.retry", wanted, f"probability {self.client.retry.probability:g}"))
        if self.server.restart_after is not None and self.server.processors.count is not None:
            wanted = "must be null where server.processors.count is given: shared processors are not started again"
            problems.append(("server.restart_after", wanted, f"{self.server.restart_after:g}s"))
        limit, base = self.server.limits.memory, self.server.memory.resident_base
        if limit is not None and limit <= base:
            wanted = f"must be above server.memory.resident_base, {base / 2**20:.3g} MiB: no process would even start"
            problems.append(("server.limits.memory", wanted, f"{limit} B"))
        problems += self._overlapping_freezes()
        if problems:
            complain(*problems)
        return self

    def _overlapping_freezes(self) -> list[tuple[str, str, str]]:
        found: list[tuple[str, str, str]] = []
        until: dict[str, float] = {}
        order = sorted(enumerate(self.server.freeze), key=lambda item: item[1].at)
        for number, freeze in order:
            if freeze.at < until.get(freeze.task, 0.0):
                ends = "never ends" if until[freeze.task] == math.inf else f"ends at {until[freeze.task]:g} s"
                wanted = f"must be after the task's freeze before it, which {ends}"
                found.append((f"server.freeze.{number}.at", wanted, f"{freeze.at:g}s"))
            end = math.inf if freeze.for_ is None else freeze.at + freeze.for_
            until[freeze.task] = max(end, until.get(freeze.task, 0.0))
        return found
