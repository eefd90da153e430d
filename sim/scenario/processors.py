"""The processors that the server's tasks share, what else runs on them, and how they are shared."""

from typing import Final

from pydantic import Field, model_validator

from sim.scenario.base import Flag, Part, complain
from sim.scenario.distributions import CountDist, Dist, Exponential, constant, expected
from sim.scenario.units import PositiveCount, PositiveTime, Time, write_time

SHORTEST_BURST_S: Final = 1e-6


class Scheduler(Part):
    """How tasks that want to run at the same time share the processors."""

    slice: PositiveTime = Field(
        default=0.0014, description="How long a task runs, while others wait, before it is another's turn."
    )
    tick: PositiveTime = Field(
        default=0.004, description="Period of the kernel's clock, at whose ticks the end of a slice is noticed."
    )
    phase: Time | None = Field(default=None, description="When that clock first ticks; null: drawn anew in each run.")
    wakeup_preemption: Flag = Field(
        default=True, description="A woken task may take the processor from one that has had more than its share."
    )
    switch_cost: Time = Field(default=0.000006, description="Processor time lost when a processor changes its task.")


class Processors(Part):
    """The machine's processors, shared by the server's tasks and by other programs."""

    count: PositiveCount | None = Field(
        default=None, description="Processors that the server may use; null: every task has one of its own."
    )
    other_load: CountDist = Field(
        default=constant(0.0),
        description="What other programs use, in processors: a number, or a distribution over time.",
    )
    other_burst: Dist = Field(default=Exponential(mean=0.00005), description="Work that another program has at a time.")
    scheduler: Scheduler = Field(default=Scheduler(), description="How they are shared.")

    @model_validator(mode="after")
    def _bursts_take_time(self) -> "Processors":
        """Without that no number of bursts would be what other programs use."""
        mean = float(expected(self.other_burst))
        if mean < SHORTEST_BURST_S:
            complain(("other_burst", "must take 1us or more on average", str(write_time(mean))))
        return self
