"""What a caller asks of its channels all call long: the steps of a dialogue, one after the other."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sim.scenario.base import Flag, Part, complain
from sim.scenario.distributions import CountDist, Dist, constant
from sim.scenario.units import Probability
from sim.vocabulary.plugins import AT_ONCE, MAIN_METHODS, Resource

Ends = Literal["completes", "no-input", "until-bye", "stopped", "barged-in", "at-once"]
LASTING = ("completes", "no-input", "stopped", "barged-in")
"""Ends that take their time, which `after` says."""


class Step(Part):
    """One request of a dialogue: its method, how it ends, and when the next one may begin."""

    method: str = Field(strict=True, description="MRCP method: SPEAK, RECOGNIZE, RECORD, VERIFY, GET-PARAMS, …")
    resource: Resource | None = Field(
        default=None, description="The channel that it is for; null: the only one whose method it is."
    )
    ends: Ends = Field(
        default="until-bye",
        description="How it ends: `completes` (the resource's own event), `no-input` (a RECOGNIZE hears nothing), "
        "`until-bye`, `stopped` (the caller's STOP), `barged-in` (BARGE-IN-OCCURRED ends a SPEAK), or `at-once` "
        "(its response is its end). Where it is not said: `completes` if `after` is given, else `until-bye`; "
        "`at-once` for methods that only ask or set.",
    )
    after: Dist | None = Field(
        default=None,
        description="From its response to its end: to the completion event, to the no-input time-out, or to the "
        "caller's STOP or BARGE-IN-OCCURRED.",
    )
    pause: Dist = Field(default=constant(0.0), description="The caller's pause before it.")
    repeat: CountDist = Field(default=constant(1.0), description="How often it is done: a number or a distribution.")
    probability: Probability = Field(default=1.0, description="Probability that it is done at all.")
    overlap: Flag = Field(default=False, description="The next step begins with this one's response, not with its end.")

    @model_validator(mode="before")
    @classmethod
    def _end_understood(cls, data: Any) -> Any:
        if isinstance(data, dict) and "ends" not in data and isinstance(data.get("method"), str):
            lasts = data.get("after") is not None
            ends = "at-once" if data["method"] in AT_ONCE else "completes" if lasts else "until-bye"
            return {**data, "ends": ends}
        return data

    @model_validator(mode="after")
    def _proper(self) -> Self:
        main = MAIN_METHODS.get(self.method)
        if main is None and self.method not in AT_ONCE:
            complain(("method", f"must be one of {', '.join((*MAIN_METHODS, *AT_ONCE))}", repr(self.method)))
        if main is not None and self.resource not in (None, main):
            complain(("resource", f"must be {main}, whose method {self.method} is", repr(self.resource)))
        known = (main,) if main else AT_ONCE[self.method]
        if self.resource is None:
            if len(known) > 1:
                complain(("resource", f"must be given, for {self.method} is a method of {', '.join(known)}"))
            self.__dict__["resource"] = known[0]
        elif self.resource not in known:
            complain(("resource", f"must be one of {', '.join(known)} for {self.method}", repr(self.resource)))
        if (main is None) != (self.ends == "at-once"):
            what = "at-once" if main is None else "how a request in progress ends, not at-once"
            complain(("ends", f"must be {what} for {self.method}", repr(self.ends)))
        if self.ends in LASTING and self.after is None:
            complain(("after", f"must be given where a step ends {self.ends!r}"))
        if self.ends not in LASTING and self.after is not None:
            complain(("after", f"must not be given where a step ends {self.ends!r}"))
        for end, method in (("no-input", "RECOGNIZE"), ("barged-in", "SPEAK")):
            if self.ends == end and self.method != method:
                complain(("ends", f"must not be {end} for {self.method}: only a {method} ends so"))
        return self
