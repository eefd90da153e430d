"""Which of the crashes that a scenario asks for can not come: a run without them looks like one that stood them."""

import math
from collections.abc import Iterator, Sequence

from sim.scenario import Scenario


def told_of_crashes(scenario: Scenario, end_s: float, ended: Sequence[float]) -> Iterator[str]:
    """A note on each `server.crash` that is given twice, after `end_s` of the run, or while the process is gone.

    `ended`: when the process ended, by whatever crashed it, with or without a next start.
    """
    restart = scenario.server.restart_after
    last = -math.inf
    for at in sorted(scenario.server.crash):
        gone = next((since for since in ended if since < at and (restart is None or at < since + restart)), None)
        if at == last:
            yield f"server.crash: the crash at {at:g} s is given twice; a process ends once."
        elif gone is not None:
            until = f"from {gone:g} s on" if restart is None else f"from {gone:g} s to {gone + restart:g} s"
            yield f"server.crash: no crash at {at:g} s: the process is gone {until}."
        elif at > end_s:
            yield f"server.crash: no crash at {at:g} s: the run ends at {end_s:g} s."
        last = at
