"""When calls arrive: at random, evenly, along a rate profile, in bursts, or as recorded."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from sim.scenario.base import Part, Text, complain, given, reading
from sim.scenario.units import PositiveCount, PositiveRate, PositiveTime, Quantity, Rate, Time


class RatePoint(Part):
    """From time `at` on (or at that time, when interpolated linearly) calls arrive at `rate`."""

    at: Time = Field(description="Time of this point.")
    rate: Rate = Field(description="Calls per second from this point on.")


class Burst(Part):
    """Groups of calls, one group every so often."""

    size: Annotated[int, Quantity("count", low=1, high=1_000_000)] = Field(description="Calls in a burst.")
    every: PositiveTime = Field(description="Time from the start of a burst to the start of the next one.")
    spacing: Time = Field(default=0.0, description="Time between the calls of one burst; 0: all at the same instant.")


class Arrivals(Part):
    """The stream of calls that is offered to the server."""

    kind: Literal["poisson", "even", "profile", "burst", "replay"] = Field(
        default="poisson",
        description="poisson: at random, at `rate`; even: one every 1/rate; profile: at random, at the rate of "
        "`profile`; burst: as `burst` says; replay: the recorded calls of `file`, with their hold times.",
    )
    rate: PositiveRate = Field(default=10.0, description="Calls per second, for poisson and even.")
    calls: PositiveCount | None = Field(default=None, description="Stop after so many calls; null: no limit.")
    file: Text | None = Field(
        default=None,
        description="CSV file, relative to the scenario file. replay: columns `invite` and `hold` (seconds; any "
        "start); profile: columns `time_s` and `rate`.",
    )
    profile: tuple[RatePoint, ...] = Field(default=(), description="The rate over time, for kind profile.")
    interpolation: Literal["step", "linear"] = Field(
        default="step", description="Between two points of the profile: keep the rate, or go straight to the next."
    )
    repeat: bool = Field(
        default=False, strict=True, description="Start the profile again when its last point is reached."
    )
    burst: Burst | None = Field(default=None, description="The bursts, for kind burst.")

    @model_validator(mode="before")
    @classmethod
    def _kind_is_said(cls, data: Any) -> Any:
        keys = set(given(data))
        if "kind" not in keys:
            for key, kind in (("profile", "profile"), ("burst", "burst"), ("file", "replay or profile")):
                if key in keys and data[key] not in (None, [], ()):
                    complain(("kind", f"must be {kind} where {key} is given", "poisson, the default"))
        return data

    @model_serializer(mode="wrap", when_used="json")
    def _file_or_points(self, handler: SerializerFunctionWrapHandler) -> Any:
        written = handler(self)
        if self.kind == "profile" and self.file is not None:
            written["profile"] = []
        return written

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "replay":
            self._check_replay()
        elif self.kind == "burst" and self.burst is None:
            complain(("burst", "must say size and every where kind is burst", "nothing"))
        elif self.kind == "profile":
            self._check_profile()
        return self

    def _check_replay(self) -> None:
        if self.file is None:
            complain(("file", "must name a CSV file of recorded calls where kind is replay", "nothing"))
        from sim.scenario.replay import read_calls

        reading("file", self.file, read_calls, self.file)

    def _check_profile(self) -> None:
        if self.file is not None:
            if self.profile:
                complain(("profile", "must not stand beside a file"))
            from sim.scenario.csvfiles import read_profile

            points = tuple(
                RatePoint(at=at, rate=rate) for at, rate in reading("file", self.file, read_profile, self.file)
            )
            self.__dict__["profile"] = points
        if not self.profile:
            complain(("profile", "must be a list of {at, rate} points where kind is profile", "nothing"))
        for number, (one, two) in enumerate(zip(self.profile, self.profile[1:], strict=False), start=1):
            if two.at <= one.at:
                complain((f"profile.{number}.at", "must be later than the point before"))
        if all(point.rate == 0 for point in self.profile):
            complain(("profile", "must have a rate > 0 somewhere"))
        if self.repeat and len(self.profile) < 2:
            complain(("repeat", "must be false where the profile has one point only"))
        if self.interpolation == "linear" and len(self.profile) < 2:
            complain(("interpolation", "must be step where the profile has one point only"))
