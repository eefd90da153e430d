"""A fault says how likely something goes wrong, when, and for which calls; by default never."""

import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from sim.scenario.base import Part, complain
from sim.scenario.distributions import Dist, constant
from sim.scenario.units import PositiveCount, Probability, Quantity, Time, TimeOrForever, read_quantity


class Fault(Part):
    """A probability, optionally within a time window and for certain calls only; a bare number is the probability."""

    mapping: ClassVar[str] = "a mapping with probability"
    """What may stand in place of a bare number, for whoever gave another one."""

    probability: Probability = Field(default=1.0, description="Probability that it happens, each time it could.")
    from_: Time = Field(default=0.0, alias="from", description="Not before this time.")
    until: TimeOrForever = Field(default=math.inf, description="Not from this time on.")
    calls: tuple[PositiveCount, ...] = Field(
        default=(), description="Only for these calls, counted from 1; empty: for any."
    )

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, value: Any) -> Any:
        if isinstance(value, dict | Part):
            return value
        probability = read_quantity("fraction", value)
        if probability is None or (cls is not Fault and not 0.0 <= probability <= 1.0):
            complain((None, f"must be a probability from 0 to 1, such as 0.02 or 2%, or {cls.mapping}"))
        return {"probability": value}

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.until <= self.from_:
            complain(("until", "must be later than from"))
        return self

    @model_serializer(mode="wrap", when_used="json")
    def _shorter(self, handler: SerializerFunctionWrapHandler) -> Any:
        if type(self) is Fault and self.unconditional:
            return self.probability
        written = handler(self)
        unlimited = {"from": not self.from_, "until": self.until == math.inf, "calls": not self.calls}
        return {key: value for key, value in written.items() if not unlimited.get(key)}

    @property
    def off(self) -> bool:
        """It can never happen."""
        return self.probability == 0

    @property
    def unconditional(self) -> bool:
        """Neither a time window nor a list of calls limits it."""
        return self.from_ == 0 and self.until == math.inf and not self.calls

    @property
    def certain(self) -> bool:
        """It always happens."""
        return self.probability == 1 and self.unconditional


NEVER = Fault(probability=0.0)


class NeverUnlessNamed(Fault):
    """A fault that never happens; where something is said of it but no probability, it always does."""

    certain_by: ClassVar[frozenset[str] | None] = frozenset(("from", "until", "calls"))
    """The keys of which one is enough for that; None: any."""

    probability: Probability = Field(default=0.0, description="Probability that it happens, each time it could.")

    @model_validator(mode="before")
    @classmethod
    def _certain_where_named(cls, value: Any) -> Any:
        if isinstance(value, dict) and "probability" not in value:
            named = value.keys() if cls.certain_by is None else cls.certain_by & value.keys()
            return {**value, "probability": 1.0} if named else value
        return value


class OnHold(NeverUnlessNamed):
    """The caller puts the call on hold: a re-INVITE with `a=inactive`, or with audio port 0."""

    probability: Probability = Field(
        default=0.0, description="Probability that a caller does; 1 where only a window or calls are given."
    )
    after: Dist | None = Field(
        default=None, description="Time from the answer to the re-INVITE; null: at any moment of the call alike."
    )
    for_: Dist | None = Field(
        default=None, alias="for", description="Time to the re-INVITE that resumes the call; null: it hangs up on hold."
    )


class PluginCrash(NeverUnlessNamed):
    """The plugin crashes. It is a library in the server's process, so the process is gone, with every session."""

    mapping: ClassVar[str] = "a mapping such as {calls: [200], on: request}"

    certain_by: ClassVar[frozenset[str] | None] = None

    probability: Probability = Field(
        default=0.0, description="Probability that it does, each time it could; 1 where only the rest is given."
    )
    on: Literal["any", "open", "close", "request", "stop"] = Field(
        default="any",
        description="At which operation; with `calls`, those of the n-th call.",
    )


class TryAgain(NeverUnlessNamed):
    """The caller tries again: another INVITE with the same wishes."""

    mapping: ClassVar[str] = "a mapping such as {attempts: 3, after: 1s}"

    certain_by: ClassVar[frozenset[str] | None] = None

    probability: Probability = Field(
        default=0.0,
        description="Probability that a caller does, each time; 1 where only attempts and the like are given.",
    )
    attempts: Annotated[int, Quantity("count", high=63)] = Field(
        default=1, description="Times at most that a caller tries again."
    )
    after: Dist = Field(
        default=constant(1.0), description="Time from the refusal, or from its CANCEL, to the next INVITE."
    )
    on: Literal["refused", "no-answer", "both"] = Field(
        default="both",
        description="What makes it try again: any final answer but 200; the end of its `client.patience`; or both.",
    )


class Vanish(NeverUnlessNamed):
    """The caller disappears without BYE."""

    mapping: ClassVar[str] = "a mapping such as {probability: 5%, tcp: open}"

    probability: Probability = Field(
        default=0.0, description="Probability that a caller vanishes; 1 where only a window or calls are given."
    )
    after: Dist | None = Field(
        default=None,
        description="Time from the answer to the disappearance; null: at the end of its hold, in place of the BYE.",
    )
    tcp: Literal["closed", "open", "never-opened"] = Field(
        default="closed",
        description="What becomes of its MRCPv2 connection: closed, left open, or never opened at all.",
    )

    sip: Literal["silent", "closed"] = Field(
        default="silent",
        description="What becomes of the server's BYE to it: a silent host lets it time out (64 T1); the host of a "
        "dead process answers at once that the port is closed (ICMP, which becomes 503).",
    )
