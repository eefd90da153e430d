"""Several servers behind a dispatcher: how it chooses, how it learns that one is down, and what callers do then."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sim.scenario.base import Part, Text, complain
from sim.scenario.units import PositiveCount, PositiveTime, Quantity, Time

MOST_LETTERS = 100
"""Of a server's name."""


def _on_one_line(name: str) -> str:
    if not name.isprintable() or len(name) > MOST_LETTERS:
        complain((None, f"must be at most {MOST_LETTERS} letters on one line, for it stands in tables"))
    return name


class Member(Part):
    """A server that differs from the others."""

    name: Annotated[Text, AfterValidator(_on_one_line)] = Field(
        default="", description="Its name in results; by default server-1, server-2 …"
    )
    settings: dict[str, Any] = Field(
        default={},
        alias="set",
        description="Settings that are others here, by path: of server, plugins, calls or client.",
    )


class Health(Part):
    """How the dispatcher watches its servers: an OPTIONS every so often."""

    interval: Annotated[float, Quantity("time", low=0.001)] = Field(
        default=5.0, description="Time between two OPTIONS to a server."
    )
    timeout: PositiveTime = Field(default=2.0, description="Without an answer for so long the server counts as down.")


class Down(Part):
    """A server that is not there for a time."""

    server: PositiveCount = Field(description="Number of the server, from 1.")
    at: Time = Field(default=0.0, description="From this time on.")
    for_: PositiveTime | None = Field(default=None, alias="for", description="For so long; null: for ever.")
    how: Literal["fails", "drained"] = Field(
        default="fails",
        description="fails: its calls are lost and it answers nothing; drained: it gets no new calls, by the "
        "dispatcher's will, and its calls go on.",
    )


class Retry(Part):
    """What a caller does whose INVITE was refused or not answered."""

    attempts: Annotated[int, Quantity("count", high=63)] = Field(
        default=1, description="Times that it tries again, each time at another server."
    )
    after: Time = Field(default=0.1, description="From the refusal to the next INVITE.")
    timeout: PositiveTime = Field(default=4.0, description="Without an answer for so long it gives up that server.")


class Fleet(Part):
    """Servers behind a dispatcher; each is the server of this scenario, but for what it says of itself."""

    servers: PositiveCount = Field(default=2, description="How many.")
    members: tuple[Member, ...] = Field(default=(), description="The first servers, where they differ.")
    dispatch: Literal["random", "round-robin", "least-sessions", "hash"] = Field(
        default="round-robin",
        description="At random; in turn; to the one with the fewest sessions by the dispatcher's own count; by the "
        "hash of the caller, as many calls a caller as there happen to be.",
    )
    callers: PositiveCount = Field(default=1000, description="Different callers, for hash.")
    health: Health = Field(default=Health(), description="How the dispatcher watches its servers.")
    down: tuple[Down, ...] = Field(default=(), description="Servers that are down for a time.")
    retry: Retry = Field(default=Retry(), description="What callers do when they are refused or not answered.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.servers > 64:
            complain(("servers", "must be at most 64"))
        if len(self.members) > self.servers:
            complain(("members", f"must be at most servers, {self.servers}"))
        taken: set[str] = set()
        for number in range(self.servers):
            name = self.name_of(number)
            if name in taken:
                complain((f"members.{min(number, len(self.members) - 1)}.name", f"must be no other server's, {name}"))
            taken.add(name)
        for number, down in enumerate(self.down):
            if down.server > self.servers:
                complain((f"down.{number}.server", f"must be at most servers, {self.servers}"))
        return self

    def name_of(self, number: int) -> str:
        """The name in results of a server, which are numbered from 0 here."""
        given = self.members[number].name if number < len(self.members) else ""
        return given or f"server-{number + 1}"
