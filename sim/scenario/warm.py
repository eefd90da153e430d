"""Messages in quick succession: threads that are still awake, and work whose code and data are still in the caches."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, create_model

from sim.scenario.base import Part, complain
from sim.scenario.costs import ConnectionAgentCosts, MediaCosts, NuaCosts, ServerCosts, SipAgentCosts
from sim.scenario.distributions import Dist
from sim.scenario.units import PositiveTime, Probability, Time


def _leaves_something(saved: tuple[float, float]) -> tuple[float, float]:
    if sum(saved) >= 1.0:
        complain((None, "must leave some of the cost: two parts that are below 1 together"))
    return saved


Saved = Annotated[tuple[Probability, Probability], AfterValidator(_leaves_something)]
"""What is saved of a cost right after its task's last work, and right after the last message of this cost."""


def _of_each(costs: type[Part]) -> Any:
    """A part with the same keys, and what is saved of each cost instead of its distribution."""
    keys: dict[str, Any] = {
        key: (Saved | None, Field(default=None, description=cost.description))
        for key, cost in costs.model_fields.items()
    }
    name = costs.__name__.replace("Costs", "Saved")
    return create_model(name, __base__=Part, __module__=__name__, __doc__=costs.__doc__, **keys)


NuaSaved: Any = _of_each(NuaCosts)
SipAgentSaved: Any = _of_each(SipAgentCosts)
ServerSaved: Any = _of_each(ServerCosts)
ConnectionAgentSaved: Any = _of_each(ConnectionAgentCosts)
MediaSaved: Any = _of_each(MediaCosts)


class CostsSaved(Part):
    """What is saved of each cost, by task."""

    nua: NuaSaved = Field(default=NuaSaved(), description="NUA stack.")
    sip_agent: SipAgentSaved = Field(default=SipAgentSaved(), description="SIP agent.")
    server: ServerSaved = Field(default=ServerSaved(), description="MRCP server task.")
    connection_agent: ConnectionAgentSaved = Field(
        default=ConnectionAgentSaved(), description="MRCPv2 connection agent."
    )
    media: MediaSaved = Field(default=MediaSaved(), description="Media engine.")


class Warm(Part):
    """What follows soon after a task's last work: its processor is still awake, its caches are warm."""

    wake_within: Time = Field(
        default=0.0, description="Up to this long after its last work a thread takes `wake` to be woken."
    )
    wake: Dist | None = Field(default=None, description="Time to wake it then, whatever its task; null: as ever.")
    within: Time = Field(
        default=0.0, description="Up to this long after the last one a message takes less time; 0: no such effect."
    )
    cooling: Time = Field(
        default=0.0,
        description="After so long without work half of the effect is gone: part + (1 - part) * idle / (idle + "
        "cooling) of the service time is left. 0: all of it stays until `within`, and none after.",
    )
    task_cooling: PositiveTime = Field(
        default=100e-6, description="Half of what `costs` saves right after the task's last work is gone after this."
    )
    costs: CostsSaved = Field(
        default=CostsSaved(),
        description="What is saved of single costs, instead of by the part of their task: two parts of the service "
        "time, one right after the task's last work, and one right after its last message of the same cost, half of "
        "which is gone after `cooling`. null: by the part of the task.",
    )
    nua: Probability = Field(default=1.0, description="NUA stack: part of the service time that is left.")
    sip_agent: Probability = Field(default=1.0, description="SIP agent: the same.")
    server: Probability = Field(default=1.0, description="MRCP server task: the same.")
    connection_agent: Probability = Field(default=1.0, description="MRCPv2 connection agent: the same.")
    media: Probability = Field(default=1.0, description="Media engine: the same.")
