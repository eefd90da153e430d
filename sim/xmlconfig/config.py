"""What a server's configuration comes to: numbers, parts and addresses of one profile, and what the file gets wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from sim.xmlconfig.listening import Listener
from sim.xmlconfig.number import Value
from sim.xmlconfig.tree import Element
from sim.xmlconfig.versions import ServerVersion

Tell = Callable[[str, Element, str, str, str, str], None]
"""Note a problem: code, element, setting, value, message, effect."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the file that the server ignores or reads differently from what it says."""

    code: str
    line: int
    setting: str
    value: str
    message: str
    effect: str


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address, where the file says it, and how: `auto` and `iface` are found by the server itself."""

    setting: str
    text: str
    line: int
    how: Literal["default", "given", "empty", "auto", "iface"] | str
    used_by: str = ""  # which agent listens there
    own: bool = False  # the agent's own setting, not the common property
    told: bool = False  # callers are told another address, an external one

    def of(self, used_by: str, own: bool, told: bool) -> "Address":
        """The same address as one agent uses it."""
        return replace(self, used_by=used_by, own=own, told=told)


@dataclass(slots=True)
class EngineEntry:
    """One plugin of `<plugin-factory>`."""

    id: str
    name: str
    enabled: bool
    line: int
    max_channel_count: Value
    params: dict[str, str] = field(default_factory=dict)
    serves: list[str] = field(default_factory=list)  # resources of the chosen profile
    guessed: bool = False  # which resource it serves was told from its name


@dataclass(frozen=True, slots=True)
class OpenChoice:
    """A resource that several engines could serve: the server takes one, which one is open at every start."""

    resource: str
    engines: tuple[str, ...]
    taken: str  # by the scenario: the one with the tightest limit


@dataclass(slots=True)
class ServerConfig:
    """What one MRCPv2 profile of the file makes of the server."""

    path: str
    declared: str  # the document's version attribute
    server: ServerVersion
    profile: str
    profile_line: int
    numbers: dict[str, Value]
    flags: dict[str, tuple[bool, int]]
    engines: list[EngineEntry]
    resources: dict[str, int]  # those that are registered → line
    unserved: str  # why the profile is not registered
    listens: bool  # whether its SIP agent is there to answer
    profiles: list[str]
    rivals: list[str]  # registered profiles on the same SIP agent, this one among them
    rtsp: int  # line of an enabled MRCPv1 agent
    addresses: list[Address]
    problems: list[Problem]
    attribs: dict[str, dict[str, str]]  # resource → attribs of the profile's map
    open_choices: list[OpenChoice]
    listeners: list[Listener] = field(default_factory=list)  # of the whole file

    def engine_of(self, resource: str) -> EngineEntry | None:
        """The engine that serves a resource in the scenario."""
        return next((engine for engine in self.engines if resource in engine.serves), None)
