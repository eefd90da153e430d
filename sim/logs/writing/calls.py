"""One call as the log's writer follows it, and the parts that calls share: connections, RTP ports, configuration."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.scenario.units import seconds
from sim.vocabulary.messages import FIRST_INVITE


@dataclass(frozen=True, slots=True)
class LoggedRow:
    """One message of the messages table, with the ledger rows that its handler wrote: (resource, delta)."""

    session: int
    task: str
    message: str
    sent: float
    started: float
    finished: float
    state: str
    subrequests: int
    argument: int | None
    ledger: list[tuple[str, int]]

    def count(self, resource: str, delta: int) -> int:
        """How often a resource was acquired (+1) or released (-1)."""
        return sum(1 for name, change in self.ledger if change == delta and name == resource)


@dataclass(slots=True)
class Channel:
    """One control channel and its engine channel."""

    resource: str
    engine: bool
    control: bool = False  # at the connection agent
    assigned: bool = False
    waits_termination: bool = False
    in_progress: bool = False
    deactivated: bool = False
    requests: int = 0


@dataclass(slots=True)
class TcpConnection:
    """One TCP/MRCPv2 connection."""

    text: str
    open: bool = True
    channels: int = 0


@dataclass(slots=True)
class Told:
    """What a plugin was told: when it was done with it, the place kept for its answer's line, whose thread, how often
    it has answered."""

    done: float
    place: int
    thread: str
    answers: int = 0


@dataclass(slots=True)
class Call:
    """A call's session as far as the lines need it."""

    number: int
    name: str
    pointer: int = 0
    state: str = "NONE"
    subrequests: int = 0
    table: bool = False
    created: bool = False
    offers: int = 0
    offer_for: int = FIRST_INVITE  # what its latest offer is for
    audio_away: bool = False  # on hold
    invites: int = 0
    received: int = 0
    dialog: str = "none"
    ended: str = ""
    status: int = 200
    answered: bool = False
    active: str = ""
    queue: deque[tuple[str, int]] = field(default_factory=deque)
    channels: list[Channel] = field(default_factory=list)
    offered: list[str] = field(default_factory=list)
    unknown: bool = False
    rtp_port: int = 0
    rtp_waiting: bool = False
    in_context: bool = False
    connection: TcpConnection | None = None
    own: TcpConnection | None = None
    responses: deque[int] = field(default_factory=deque)  # statuses on their way to the NUA
    asked: int = 0  # MRCP requests received so far
    expected: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)  # message → (address, argument)
    sends: dict[str, int] = field(default_factory=dict)
    told: dict[tuple[str, int], Told] = field(default_factory=dict)  # (operation, channel) → latest
    refused: set[int] = field(default_factory=set)  # channels that their plugin had no licence for
    byes: int = 0  # asked of the NUA by the server task, not yet taken up there
    done: bool = False  # nothing more can come from the SIP agent

    @property
    def address(self) -> str:
        """Where its pool lies, as its log lines name it."""
        return f"0x{self.pointer:x}"

    @property
    def who(self) -> dict[str, object]:
        """Address and id of its log lines; a session outside the table has no id yet."""
        return {"pointer": self.address, "id": self.name if self.table or self.offers else "new"}

    def part(self, what: str) -> dict[str, object]:
        """Address, id and resource (or termination)."""
        return {"pointer": self.address, "id": self.name, "resource": what}

    def channel(self, resource: str) -> dict[str, object]:
        """Id and resource of one of its channels."""
        return {"id": self.name, "resource": resource}


@dataclass(slots=True)
class Setting:
    """What the lines need of the scenario, read from the mapping in the result folder."""

    name: str
    seed: int
    profile: str
    rtp: tuple[int, int]
    connections: int | None
    termination_ms: int
    inactivity_ms: int
    engines: dict[str, tuple[str, str]]  # resource → (task, id)
    limited: dict[str, bool]
    licences: dict[str, bool]
    mixes: list[list[str]]
    requests: int | None  # per call, when it is the same for all
    identical: bool
    shared: bool
    shutdown: float | None
    restart_after: float | None

    @classmethod
    def of(cls, plain: Mapping[str, Any], seed: int) -> "Setting":
        """From the scenario as a mapping; what is missing has its default."""
        server = plain.get("server") or {}
        calls = plain.get("calls") or {}
        limits, connection = server.get("limits") or {}, server.get("connection") or {}
        low, _, high = str(limits.get("rtp_ports", "5000-6000")).partition("-")
        plugins = plain.get("plugins") or {}
        resources = calls.get("resources") or ["speechrecog"]
        mixes = [resources] if isinstance(resources[0], str) else [mix["resources"] for mix in resources]
        requests = calls.get("requests", 1)
        if isinstance(requests, dict):
            requests = requests.get("value") if requests.get("dist") == "constant" else None
        shutdown, restart_after = server.get("shutdown"), server.get("restart_after")
        return cls(
            name=str(plain.get("name", "scenario")),
            seed=seed,
            profile=str(server.get("profile", "uni2")),
            rtp=(int(low), int(high)),
            connections=limits.get("max_connection_count", 100),
            termination_ms=_milliseconds(connection.get("termination_timeout", 3)),
            inactivity_ms=_milliseconds(connection.get("inactivity_timeout") or 0),
            engines={name: (str(p.get("engine")), str(p.get("id"))) for name, p in plugins.items()},
            limited={name: p.get("max_channel_count") is not None for name, p in plugins.items()},
            licences={
                name: p.get("licences") is not None and p.get("without_licence") != "wait"
                for name, p in plugins.items()
            },
            mixes=[list(mix) for mix in mixes],
            requests=round(float(requests)) if requests is not None else None,
            identical=bool(calls.get("identical_reinvite", True)),
            shared=calls.get("connection") == "shared",
            shutdown=_time(shutdown) if shutdown is not None else None,
            restart_after=_time(restart_after) if restart_after is not None else None,
        )


def _time(value: Any) -> float:
    found = seconds(value) if isinstance(value, str) else float(value)
    return 0.0 if found is None else found


def _milliseconds(value: Any) -> int:
    return round(_time(value) * 1000)


class Ports:
    """RTP ports as the server gives them out: round robin by 2, taken ones skipped."""

    def __init__(self, low: int, high: int) -> None:
        self.ports = range(low, high, 2)
        self.next = 0
        self.taken: set[int] = set()

    def take(self) -> int:
        """The next free port; 0 when there is none."""
        if len(self.taken) >= len(self.ports):
            return 0
        while self.ports[self.next] in self.taken:
            self.next = (self.next + 1) % len(self.ports)
        port = self.ports[self.next]
        self.next = (self.next + 1) % len(self.ports)
        self.taken.add(port)
        return port

    def free(self, port: int) -> None:
        """Give a port back."""
        self.taken.discard(port)
