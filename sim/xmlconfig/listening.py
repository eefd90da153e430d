"""Ports that agents listen on: those that are none, that only root may have, and those that two agents would share."""

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

from sim.xmlconfig.number import Value
from sim.xmlconfig.tree import Element

RTP: Final = "rtp-factory"
AGENTS: Final = {
    "sip-uas": ("SIP agent", "sip-port", 8060), "mrcpv2-uas": ("MRCPv2 connection agent", "mrcp-port", 1544),
    "rtsp-uas": ("RTSP agent", "rtsp-port", 1554),
}  # fmt: skip
"""By element: in words, its port's element, the default."""
LISTENING: Final = (*AGENTS, RTP)
_ADDRESSES: Final = {"sip-uas": "sip-ip", "mrcpv2-uas": "mrcp-ip", "rtsp-uas": "rtsp-ip", RTP: "rtp-ip"}
_LARGEST: Final = 65535
_PRIVILEGED: Final = 1024
_ANY: Final = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Listener:
    """A component that has ports: an agent its one, an RTP factory those from `port` up to `until`."""

    kind: str
    id: str
    ip: str  # "" for one that the server finds itself
    port: Value
    until: int
    transports: frozenset[str]

    def __str__(self) -> str:
        return f"{AGENTS[self.kind][0] if self.kind in AGENTS else 'RTP factory'} {self.id}"

    def shares_host(self, other: "Listener") -> bool:
        """Whether both use one address."""
        return self.ip == other.ip or self.ip in _ANY or other.ip in _ANY


Read = Callable[[Element, str, int], Value]
"""The number of a component's element, or its default."""


def listener(kind: str, id_: str, element: Element, common_ip: str, read: Read) -> Listener:
    """A component with the ports that it takes: each that is enabled does, whether a profile names it or not."""
    own = next((one for one in reversed(element.children) if one.name == _ADDRESSES[kind]), None)
    ip = common_ip if own is None or own.attributes.get("type") else own.text
    if kind == RTP:
        low, high = read(element, "rtp-port-min", 5000), read(element, "rtp-port-max", 6000)
        return Listener(kind, id_, ip, low, high.number, frozenset())
    said = element.first("sip-transport")
    sip = said.text.lower().split(",") if said is not None and said.text else ["udp", "tcp"]
    transports = [transport.strip() for transport in sip] if kind == "sip-uas" else ["tcp"]
    return Listener(kind, id_, ip, read(element, *AGENTS[kind][1:]), 0, frozenset(transports))


@dataclass(frozen=True, slots=True)
class PortProblem:
    """What is wrong with a port, and what that does."""

    code: str
    severity: Literal["error", "warning"]
    value: Value
    message: str
    effect: str


def problems(listeners: list[Listener]) -> Iterator[PortProblem]:
    """Each of them, in the order of the file."""
    for one in listeners:
        if one.kind in AGENTS:
            yield from _of_agent(one)
    for one, other in combinations(listeners, 2):
        if not one.shares_host(other):
            continue
        if RTP not in (one.kind, other.kind):
            yield from _same_port(one, other)
        elif one.kind == other.kind:
            yield from _overlap(one, other)


def _of_agent(agent: Listener) -> Iterator[PortProblem]:
    port = agent.port
    name = f"{port.setting} of the {agent}"
    told = agent.kind == "mrcpv2-uas"  # in the answer to each call
    low = port.number & _LARGEST
    if port.number > _LARGEST:
        who = "which its answers tell callers" if told else "where no caller looks: 0 calls"
        yield PortProblem(
            "port-too-large", "error", port, f"{name} must be 1 to {_LARGEST} (got {port.number})",
            f"the server keeps the low 16 bits and listens on {low}, {who}",
        )  # fmt: skip
    elif port.number == 0:
        yield PortProblem(
            "port-zero", "error", port, f"{name} must be 1 to {_LARGEST} (got 0)",
            "its answers tell callers port 0, which is none: no request gets through" if told
            else "the system picks another port at each start, which no caller knows: 0 calls",
        )  # fmt: skip
    elif port.number < _PRIVILEGED:
        yield PortProblem(
            "port-privileged", "warning", port, f"{name} is below {_PRIVILEGED} (got {port.number})",
            "without root the agent can not listen there: 0 calls",
        )  # fmt: skip


def _same_port(one: Listener, other: Listener) -> Iterator[PortProblem]:
    shared = one.transports & other.transports
    if one.port.number == other.port.number and shared:
        transport = " and ".join(sorted(name.upper() for name in shared))
        later = other if other.port.given else one
        yield PortProblem(
            "port-shared", "error", later.port,
            f"the {one} and the {other} must have ports of their own (got {transport} port {one.port.number} for both)",
            "the one that starts second can not listen: no call gets through it",
        )  # fmt: skip


def _overlap(one: Listener, other: Listener) -> Iterator[PortProblem]:
    least, most = max(one.port.number, other.port.number), min(one.until, other.until)
    if least < most:
        yield PortProblem(
            "rtp-ranges-overlap", "warning", other.port,
            f"the {one} and the {other} must have RTP ranges of their own (got {least}-{most} in both)",
            f"{(most - least) // 2} ports count for both: they carry that many calls less, and each that is taken "
            "costs the other a failed bind",
        )  # fmt: skip


def no_address(text: str) -> bool:
    """Whether a text has only digits and dots, and is no IPv4 address: then no name either."""
    if not text or text.strip("0123456789."):
        return False
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return True
    return False
