"""The server's log: which lines it writes, and what each of them costs the task that writes it."""

from typing import Literal

from pydantic import Field

from sim.scenario.base import Part
from sim.scenario.units import Time

Level = Literal["DEBUG", "INFO", "WARNING"]


class Log(Part):
    """Logging: a task's work on a message is so much longer for each line that it writes meanwhile."""

    level: Level = Field(default="DEBUG", description="The server's log level.")
    measured_at: Level = Field(
        default="DEBUG",
        description="The level at which `costs` were measured: they have the cost of its lines in them.",
    )
    cost_per_line: Time = Field(
        default=4e-6,
        description="Processor time of one line, on a task that was idle for long (the reference server's).",
    )
