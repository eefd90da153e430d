"""Plugins: how long their answers take, and how they go wrong."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from sim.scenario.base import Flag, Part, Text, complain, with_resources
from sim.scenario.distributions import Dist, constant, microseconds
from sim.scenario.faults import NEVER, Fault, PluginCrash
from sim.scenario.units import PositiveCount
from sim.vocabulary.plugins import MRCP_RESOURCES, RESOURCES, Resource


class Operation(Part):
    """One of the things that the server asks of a plugin, and its answer."""

    delay: Dist = Field(
        default=constant(0.0), description="Answered by another thread after this; the plugin's task is free."
    )
    block: Dist = Field(default=microseconds(28, 63), description="The plugin's task is busy this long.")
    never: Fault = Field(default=NEVER, description="It is never answered.")
    twice: Fault = Field(default=NEVER, description="It is answered twice.")
    gap: Dist = Field(default=constant(0.0), description="Time between the two answers.")
    late: Fault = Field(default=NEVER, description="It is answered late, by `late_by` more.")
    late_by: Dist = Field(default=constant(5.0), description="How late.")

    @model_validator(mode="after")
    def _never_or_twice(self) -> Self:
        if self.never.certain and self.twice.certain:
            complain(("twice", "must be below 1 where never is 1: what is never answered is not answered twice"))
        return self


class Open(Operation):
    """Opening an engine channel."""

    reopen_never: Fault = Field(
        default=NEVER,
        description="A second open of an open channel, after a re-INVITE with another offer, is never answered. Only a "
        "server that opens it again asks for one (UniMRCP 1.8.0 does not): any probability above 0 stands for such a "
        "server.",
    )


class Request(Operation):
    """An MRCP request."""

    wrong_order: Fault = Field(default=NEVER, description="The completion event leaves before the response.")


class Plugin(Part):
    """One engine plugin, with a task of its own."""

    engine: Text = Field(default="", description="Name of its task; by default that of the demo plugin.")
    id: Text = Field(
        default="", description="Its id in the server's configuration; by default that of the demo plugin."
    )
    max_channel_count: PositiveCount | None = Field(default=None, description="max-channel-count; null: no limit.")
    licences: PositiveCount | None = Field(
        default=None, description="Licences, each held from open to the close answer; null: no limit."
    )
    without_licence: Literal["refuse", "wait"] = Field(
        default="refuse",
        description="What an open without a free licence gets: an answer that refuses it, or none until another "
        "session gives one back.",
    )
    audio_block: Dist = Field(
        default=constant(0.0),
        description="How long the plugin's audio callback keeps the media thread busy, at the first frame of each "
        "request.",
    )
    stop_answered_at: Literal["tick", "task"] = Field(
        default="tick", description="STOP is answered from the audio stream at the next tick, or by the plugin's task."
    )
    no_input_accumulates: Flag = Field(
        default=True,
        description="A recogniser that never forgets how long it heard nothing, as the demo one: the no-input time of "
        "a request counts on from the one before on its channel.",
    )
    crash: PluginCrash = Field(
        default=PluginCrash(), description="The plugin crashes, and with it the server's process."
    )
    open: Open = Field(default=Open(), description="Opening an engine channel.")
    close: Operation = Field(default=Operation(), description="Closing an engine channel.")
    request: Request = Field(default=Request(), description="An MRCP request.")
    stop: Operation = Field(default=Operation(), description="STOP at deactivation.")


def _named(resource: str, plugin: Plugin) -> Plugin:
    demo = MRCP_RESOURCES[resource]
    return plugin.model_copy(update={"engine": plugin.engine or demo.task, "id": plugin.id or demo.id})


if TYPE_CHECKING:
    _Plugins = Part
else:
    _Plugins = with_resources(Part, Plugin, {name: f"{row.what}." for name, row in MRCP_RESOURCES.items()})


class Plugins(_Plugins):
    """The plugins, by resource: those that the scenario describes and those that its calls ask for."""

    @model_serializer(mode="wrap", when_used="json")
    def _those_there(self, handler: SerializerFunctionWrapHandler) -> Any:
        return {resource: plugin for resource, plugin in handler(self).items() if plugin is not None}

    @model_validator(mode="after")
    def _all_named(self) -> Self:
        for resource, plugin in self.items():
            self.__dict__[resource] = _named(resource, plugin)
        engines: dict[str, str] = {}
        for resource, plugin in self.items():
            if plugin.engine in engines:
                complain(
                    (f"{resource}.engine", f"must differ from that of {engines[plugin.engine]}", repr(plugin.engine))
                )
            engines[plugin.engine] = resource
        return self

    def with_defaults(self, resources: tuple[Resource, ...]) -> "Plugins":
        """The same plugins, and the default plugin for each of these resources that has none."""
        missing: dict[str, Plugin] = {name: _named(name, Plugin()) for name in resources if getattr(self, name) is None}
        return self.model_copy(update=missing) if missing else self

    def __getitem__(self, resource: str) -> Plugin:
        plugin: Plugin | None = getattr(self, resource, None) if resource in RESOURCES else None
        if plugin is None:
            raise KeyError(resource)
        return plugin

    def __contains__(self, resource: str) -> bool:
        return resource in self.keys()

    def __len__(self) -> int:
        return len(self.keys())

    def keys(self) -> tuple[Resource, ...]:
        """The resources that have a plugin, always in the same order."""
        return tuple(name for name in RESOURCES if getattr(self, name) is not None)

    def values(self) -> Iterator[Plugin]:
        """Their plugins."""
        return (self[name] for name in self.keys())

    def items(self) -> Iterator[tuple[Resource, Plugin]]:
        """Resources with their plugins."""
        return ((name, self[name]) for name in self.keys())
