"""The modelled server: its signalling, limits, media engine, connections, and where its time and memory go."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from sim.scenario.base import Part, Text, complain, with_resources
from sim.scenario.costs import Costs
from sim.scenario.distributions import Dist, constant, microseconds
from sim.scenario.faults import NEVER, Fault
from sim.scenario.logging import Log
from sim.scenario.processors import Processors
from sim.scenario.units import PositiveCount, PositiveSize, PositiveTime, Probability, Size, Time, write_time
from sim.scenario.warm import Warm
from sim.vocabulary.plugins import MRCP_RESOURCES, Resource
from sim.vocabulary.tasks import TaskKey

AnyTask = Literal[TaskKey, Resource]
_RANGE = re.compile(r"\s*([0-9]{1,5})\s*-\s*([0-9]{1,5})\s*")


@dataclass(frozen=True, slots=True)
class PortRange:
    """RTP ports from `min` up to, not including, `max`; the server takes every second one."""

    min: int
    max: int

    @property
    def ports(self) -> range:
        """The RTP ports, in the order of the server's round robin."""
        return range(self.min, self.max, 2)

    def __str__(self) -> str:
        return f"{self.min}-{self.max}"

    @classmethod
    def read(cls, value: Any) -> "PortRange":
        """Read `5000-6000`, or refuse in plain words."""
        if isinstance(value, PortRange):
            return value
        match = _RANGE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            complain((None, "must be a port range, such as 5000-6000"))
        low, high = int(match[1]), int(match[2])
        if not 1 <= low < high <= 65535:
            complain((None, "must be a port range within 1-65535 whose end lies above its start, such as 5000-6000"))
        return cls(low, high)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.read, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\s*[0-9]{1,5}\s*-\s*[0-9]{1,5}\s*$"}


class Sip(Part):
    """The SIP agent and its timers."""

    t1: PositiveTime = Field(default=0.5, description="SIP T1; without ACK to its 200, a call ends after 64·T1.")
    t2: PositiveTime = Field(default=4.0, description="SIP T2: longest time between retransmissions.")
    t4: PositiveTime = Field(
        default=5.0,
        description="SIP T4: so long an INVITE's transaction stays in memory after its ACK, to answer the same INVITE "
        "again. Nothing that is modelled waits for it.",
    )
    bye_response: Literal["on-release", "immediate"] = Field(
        default="on-release",
        description="When the BYE is answered: when the session is released, or at once (UniMRCP 1.8.0).",
    )
    session_expires: PositiveTime = Field(default=600.0, description="Session-Expires: the session timer.")
    min_se: PositiveTime = Field(default=120.0, description="Min-SE: least session timer.")
    extract_call_id: bool = Field(
        default=False, strict=True, description="The session is created already at nua_i_invite."
    )
    receive_buffer: PositiveCount | None = Field(
        default=None,
        description="Packets that wait for the NUA stack in its socket's buffer; what comes while it is full is lost, "
        "and its caller sends it again after T1, doubling up to T2. null: no limit.",
    )
    offline: bool = Field(default=False, strict=True, description="The agent is offline: every call gets 503.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        problems = []
        if self.session_expires < self.min_se:
            problems.append(("session_expires", f"must be at least min_se, {write_time(self.min_se)}"))
        if self.t2 < self.t1:
            problems.append(("t2", f"must be at least t1, {write_time(self.t1)}"))
        if problems:
            complain(*problems)
        return self


class Limits(Part):
    """Where the server refuses."""

    rtp_ports: PortRange = Field(
        default=PortRange(5000, 6000), description="RTP port range; every second port is used."
    )
    max_connection_count: PositiveCount | None = Field(
        default=100, description="MRCPv2 connections at a time; null: no limit."
    )
    max_shared_use_count: PositiveCount | None = Field(
        default=100, description="Sessions that share one MRCPv2 connection; null: no limit."
    )
    memory: PositiveSize | None = Field(
        default=None,
        description="Resident memory at which the process is killed, by its container or for want of memory on the "
        "machine; null: no limit. The run goes on, since what leaks is known only at its end: the summary says when "
        "the process would have been killed, and the limit competes for the nearest one.",
    )


class AgentQueue(Part):
    """The cyclic request queue of the media engine or of the connection agent, which never blocks."""

    slots: PositiveCount = Field(default=100, description="Slots at the start.")
    when_full: Literal["grow", "drop"] = Field(
        default="grow", description="A full queue grows by half (current versions) or drops the message (old ones)."
    )


class Media(Part):
    """The media engine: one thread, one tick."""

    tick: PositiveTime = Field(default=0.01, description="Time between ticks.")
    phase: Time | None = Field(default=None, description="Time of the first tick; null: drawn anew in each run.")
    cost_per_context: Dist = Field(default=constant(0.0), description="Work per media context and tick.")
    cost_with_rtp: Dist | None = Field(
        default=None, description="The same for a context whose caller sends RTP, see `calls.rtp`; null: as without."
    )
    cost_per_tick: Time = Field(
        default=0.0, description="Processor time of a tick without contexts; they and the requests come on top."
    )
    oversleep: Dist = Field(
        default=constant(0.0), description="How much later than asked the thread wakes for its tick."
    )
    held_answers: Probability = Field(
        default=0.0,
        description="Part of its answers whose receiver shares the media thread's processor and so starts only when "
        "the tick's contexts have been run.",
    )
    queue: AgentQueue = Field(default=AgentQueue(), description="Its request queue.")

    @model_validator(mode="after")
    def _within_tick(self) -> Self:
        if self.phase is not None and self.phase > self.tick:
            complain(("phase", f"must be at most one tick, {write_time(self.tick)}"))
        return self


class Connection(Part):
    """The MRCPv2 connection agent."""

    inactivity_timeout: PositiveTime | None = Field(
        default=600.0, description="A connection without traffic for this long is closed; null: never."
    )
    termination_timeout: PositiveTime = Field(
        default=3.0, description="From the client's closing TCP to the server's BYE, while a session still uses it."
    )
    queue: AgentQueue = Field(default=AgentQueue(), description="Its request queue.")
    force_new_connection: bool = Field(
        default=False, strict=True, description="Every session gets a connection of its own."
    )


class TaskQueues(Part):
    """The queues of the consumer tasks, whose push blocks."""

    slots: PositiveCount = Field(
        default=1024, description="Messages that a task's queue holds before its producers block."
    )


class Pool(Part):
    """Session pool creation."""

    fails: Fault = Field(default=NEVER, description="apr_pool_create fails for a new session.")
    checked: bool = Field(default=False, strict=True, description="The failure is checked: 488 in place of a crash.")
    on_crash: Literal["stop", "continue"] = Field(default="stop", description="What the run does at such a crash.")


class Memory(Part):
    """Bytes by phase; measured are the sums, 14915 for a recogniser session, 9678 for a connection with one request."""

    session_create: Size = Field(default=7747, description="Session pool: at session creation.")
    per_channel: Size = Field(default=4096, description="Session pool: for each control channel.")
    per_rtp: Size = Field(default=3072, description="Session pool: for each RTP stream.")
    connection: Size = Field(default=7054, description="Connection pool: when it is accepted.")
    per_request: Size = Field(
        default=2624,
        description="Connection pool: for each MRCP request, which is parsed into it and stays there to its end.",
    )
    resident_per_call: Size = Field(
        default=40 * 1024,
        description="Resident memory per concurrent call at the peak (session, media buffers, SIP handle); the process "
        "does not give it back. Fitted with the next two to 22 runs of a real server. The verdict and outlook of "
        "`mrcpsim leaks` reckon with it.",
    )
    resident_per_transaction: Size = Field(
        default=9728,
        description="Resident memory per SIP transaction that is answered and kept to answer the same request again: "
        "an INVITE's for T4, a BYE's for 64·T1. The process does not give it back.",
    )
    resident_per_leak: Size = Field(
        default=31 * 1024,
        description="Resident memory that a leaked session keeps: what is left of the 44 MiB that were measured where "
        "1000 closes were never answered.",
    )
    resident_base: Size = Field(
        default=6700 * 1024,
        description="Resident memory of the process before its first call, measured 6600 to 6832 KiB.",
    )


class Freeze(Part):
    """A task that stands still for a time."""

    task: AnyTask = Field(description="The task.")
    at: Time = Field(description="From this time on.")
    for_: PositiveTime | None = Field(default=None, alias="for", description="For so long; null: for ever.")

    @model_validator(mode="before")
    @classmethod
    def _as_written_in_costs(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("task"), str):
            return {**data, "task": data["task"].replace("_", "-")}
        return data


class _Wakes(Part):
    nua: Dist | None = Field(default=None, description="NUA stack.")
    sip_agent: Dist | None = Field(default=None, description="SIP agent.")
    server: Dist | None = Field(default=None, description="MRCP server task.")
    connection_agent: Dist | None = Field(default=None, description="MRCPv2 connection agent.")
    media: Dist | None = Field(default=None, description="Media engine.")


if not TYPE_CHECKING:
    _Wakes = with_resources(
        _Wakes, Dist, {name: f"{row.plugin} plugin's task." for name, row in MRCP_RESOURCES.items()}
    )


class Wakes(_Wakes):
    """Time to wake an idle task's thread, where it differs from `server.wake`."""


class Interference(Part):
    """Other processes on the machine, which now and then take a processor away for a time."""

    wake: Probability = Field(default=0.0, description="Probability that a woken thread has to wait for them.")
    tick: Probability = Field(default=0.0, description="Probability that a media tick has to wait for them.")
    service: Probability = Field(default=0.0, description="Probability that they interrupt the work on a message.")
    length: Dist = Field(default=constant(0.0), description="How long they take.")


class Server(Part):
    """The modelled server."""

    profile: Text = Field(default="uni2", description="Name of the MRCPv2 profile.")
    sip: Sip = Field(default=Sip(), description="SIP agent and its timers.")
    limits: Limits = Field(default=Limits(), description="Where the server refuses.")
    media: Media = Field(default=Media(), description="Media engine.")
    connection: Connection = Field(default=Connection(), description="MRCPv2 connection agent.")
    queues: TaskQueues = Field(default=TaskQueues(), description="Queues of the consumer tasks.")
    pool: Pool = Field(default=Pool(), description="Session pool creation.")
    on_use_after_free: Literal["stop", "continue"] = Field(
        default="continue",
        description="What the run does at a use of a destroyed pool, where the real server may crash.",
    )
    memory: Memory = Field(default=Memory(), description="Bytes by phase.")
    wake: Dist = Field(default=microseconds(33, 45), description="Time to wake an idle thread.")
    wakes: Wakes = Field(default=Wakes(), description="The same for single tasks.")
    interference: Interference = Field(
        default=Interference(), description="Other processes on the machine, of a load generator for instance."
    )
    processors: Processors = Field(
        default=Processors(), description="Processors that the tasks share, and what else runs on them."
    )
    costs: Costs = Field(default=Costs(), description="Service time of every message.")
    warm: Warm = Field(default=Warm(), description="Service times of messages in quick succession.")
    log: Log = Field(default=Log(), description="The server's log, which costs time.")
    crash: tuple[Time, ...] = Field(
        default=(), description="The process crashes, or is killed, at these times; while it is gone, nothing happens."
    )
    restart_after: PositiveTime | None = Field(
        default=None,
        description="So long after a crash, whatever its cause, the process is started again; null: it stays gone, and "
        "the run ends there.",
    )
    freeze: tuple[Freeze, ...] = Field(default=(), description="Tasks that stand still for a time.")
    shutdown: Time | None = Field(default=None, description="Graceful shutdown at this time; null: none.")

    def wake_of(self, task: AnyTask) -> Dist:
        """Time to wake this task's idle thread."""
        own: Dist | None = getattr(self.wakes, task.replace("-", "_"))
        return self.wake if own is None else own
