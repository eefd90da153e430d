"""What each caller wants, and how callers behave towards the server."""

from difflib import get_close_matches
from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from sim.scenario.base import Part, complain
from sim.scenario.dialogue import Step
from sim.scenario.distributions import CountDist, Dist, constant, exponential
from sim.scenario.faults import NEVER, Fault, OnHold, TryAgain, Vanish
from sim.scenario.problems import shorten
from sim.scenario.units import Positive, Probability, Time
from sim.vocabulary.plugins import MAX_CLASSES, MAX_STEPS, RESOURCES, Resource


def unknown_resource(name: str) -> tuple[str, str]:
    """What a resource must be, and what came, with the nearest one."""
    near = get_close_matches(name, RESOURCES, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"must be {', '.join(RESOURCES[:-1])} or {RESOURCES[-1]}", f"{shorten(name)}{hint}"


class ResourceMix(Part):
    """The resources that a share of the calls asks for, one control channel each."""

    weight: Positive = Field(default=1.0, description="Weight of this mix among the mixes.")
    resources: tuple[Resource, ...] = Field(description="Resources, each with its own channel.")
    hold: Dist | None = Field(
        default=None, description="Time from the answer to the BYE of these calls; null: `calls.hold`."
    )
    dialogue: tuple[Step, ...] | None = Field(
        default=None, description="What these calls ask of their channels; null: `calls.dialogue`."
    )

    @model_validator(mode="after")
    def _proper(self) -> Self:
        if not self.resources:
            complain(("resources", "must name at least one resource"))
        if len(set(self.resources)) < len(self.resources):
            complain(("resources", "must not name a resource twice"))
        return self

    @model_serializer(mode="wrap", when_used="json")
    def _shorter(self, handler: SerializerFunctionWrapHandler) -> Any:
        written = handler(self)
        for key in ("hold", "dialogue"):
            if getattr(self, key) is None:
                del written[key]
        return written


class Offer(Part):
    """Offers that the server must refuse."""

    missing_sdp: Fault = Field(default=NEVER, description="The INVITE has no SDP: 400.")
    malformed_sdp: Fault = Field(default=NEVER, description="The SDP does not parse: 400.")
    unknown_resource: Fault = Field(
        default=NEVER, description="It asks for a resource that the server does not have: 404."
    )


class Calls(Part):
    """One call: what it asks for and how long it stays."""

    hold: Dist = Field(default=exponential(3.0), description="Time from the answer to the BYE.")
    requests: CountDist = Field(
        default=constant(1.0), description="MRCP requests per call: a number or a distribution (rounded); 0 for none."
    )
    resources: tuple[ResourceMix, ...] = Field(
        default=(ResourceMix(resources=("speechrecog",)),),
        description="Resources that a call asks for: a list of names, or a list of {weight, resources} mixes.",
    )
    recognition: Dist | None = Field(
        default=None, description="Time from a request's response to its completion event; null: it runs until the BYE."
    )
    pause: Dist = Field(default=constant(0.0), description="The caller's pause before each request after the first.")
    dialogue: tuple[Step, ...] = Field(
        default=(),
        description="Requests in their order: a list of steps. Where there are any they replace `requests`, "
        "`recognition` and `pause`.",
    )
    dialogue_rounds: CountDist = Field(
        default=constant(1.0), description="How often the whole dialogue is done: a number or a distribution."
    )
    connection: Literal["new", "shared"] = Field(
        default="new",
        description="MRCPv2 connection of a call: its own new one, or an existing one shared with other calls.",
    )
    rtp: Probability = Field(
        default=0.0,
        description="Part of the callers that send audio: their contexts cost `server.media.cost_with_rtp`.",
    )
    identical_reinvite: bool = Field(
        default=True, strict=True, description="Re-INVITEs repeat the first offer, which needs no sub-requests."
    )
    reinvite_every: Dist | None = Field(
        default=None, description="The caller sends a re-INVITE this often, besides the session timer; null: never."
    )
    on_hold: OnHold = Field(default=OnHold(), description="Callers that put the call on hold, and perhaps resume it.")
    offer: Offer = Field(default=Offer(), description="Offers that the server must refuse.")
    profile_missing: Fault = Field(default=NEVER, description="No profile fits the call: 488.")

    @model_validator(mode="before")
    @classmethod
    def _mixes_spelled_out(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("resources"), list | tuple):
            names = data["resources"]
            if all(isinstance(name, str) for name in names):
                unknown = [number for number, name in enumerate(names) if name not in RESOURCES]
                if unknown:
                    complain(*((f"resources.{number}", *unknown_resource(names[number])) for number in unknown))
                return {**data, "resources": [{"resources": names}]}
        return data

    @model_serializer(mode="wrap", when_used="json")
    def _mixes_shorter(self, handler: SerializerFunctionWrapHandler) -> Any:
        written = handler(self)
        only = self.resources[0]
        if len(self.resources) == 1 and only.weight == 1 and only.dialogue is None and only.hold is None:
            written["resources"] = list(only.resources)
        return written

    @model_validator(mode="after")
    def _some_resource(self) -> Self:
        if not self.resources:
            complain(("resources", "must name at least one resource"))
        return self

    @model_validator(mode="after")
    def _few_own_holds(self) -> Self:
        for number, mix in enumerate(self.resources):
            if mix.hold is not None and number >= MAX_CLASSES:
                complain((f"resources.{number}.hold", f"must be null but for the first {MAX_CLASSES} mixes"))
        return self

    @model_validator(mode="after")
    def _steps_have_channels(self) -> Self:
        for number, mix in enumerate(self.resources):
            place = "dialogue" if mix.dialogue is None else f"resources.{number}.dialogue"
            for at, step in enumerate(self.steps_of(mix)):
                if step.resource not in mix.resources:
                    has = " and ".join(mix.resources)
                    complain((f"{place}.{at}", f"must be for a channel of its calls, which ask for {has}", step.method))
        steps = sum(len(steps) for _, steps in self.dialogues())
        if steps > MAX_STEPS:
            complain(("dialogue", f"must have at most {MAX_STEPS} steps, all kinds of calls together", str(steps)))
        return self

    def steps_of(self, mix: ResourceMix) -> tuple[Step, ...]:
        """The dialogue of the calls that ask for this mix of resources."""
        return self.dialogue if mix.dialogue is None else mix.dialogue

    def dialogues(self) -> list[tuple[str, tuple[Step, ...]]]:
        """Every dialogue with its place in the scenario, the common one first."""
        own = [(f"resources.{n}.dialogue", mix.dialogue) for n, mix in enumerate(self.resources)]
        return [("dialogue", self.dialogue), *((place, steps) for place, steps in own if steps is not None)]

    @property
    def resource_names(self) -> tuple[Resource, ...]:
        """Every resource that some call asks for, in the order of first mention."""
        return tuple(dict.fromkeys(name for mix in self.resources for name in mix.resources))


class Client(Part):
    """How callers behave: network, patience, connection, and how they fail."""

    network_delay: Dist = Field(
        default=constant(0.0), description="One-way delay of each SIP message and MRCP message."
    )
    clock: Time = Field(
        default=0.0,
        description="Calls begin, and holds end, at the ticks of the callers' common clock, as a load generator's do; "
        "0: at any time.",
    )
    patience: Dist | None = Field(
        default=None, description="The caller sends CANCEL when no answer came for this long; null: it waits for ever."
    )
    retry: TryAgain = Field(
        default=TryAgain(), description="Callers that try again when they are refused or not answered."
    )
    tcp: bool = Field(
        default=True, strict=True, description="Callers open the MRCPv2 connection; without it, no requests."
    )
    connect_delay: Dist = Field(default=constant(0.0005), description="Time from the ACK to the TCP connection.")
    ack_delay: Dist = Field(default=constant(0.0), description="Time from the answer's arrival to the ACK.")
    delayed_ack: Dist = Field(
        default=constant(0.0),
        description="How long a caller takes to acknowledge an MRCP message on TCP. The server does not set "
        "TCP_NODELAY: what it sends meanwhile waits (Nagle); 40ms is usual, 0 switches it off.",
    )
    no_ack: Fault = Field(default=NEVER, description="The caller never sends ACK.")
    refresh: bool = Field(default=True, strict=True, description="Callers take part in the session timer.")
    retransmit: bool = Field(
        default=True, strict=True, description="Callers retransmit an INVITE that gets no response."
    )
    vanish: Vanish = Field(default=Vanish(), description="Callers that disappear without BYE.")
