"""Which of the crashes that a scenario asks for can not come: a run without them looks like one that stood them."""

import math
from collections.abc import Iterator

from sim.scenario import Scenario


def told_of_crashes(scenario: Scenario, end_s: float) -> Iterator[str]:
    """A note on each `server.crash` that is given twice, after `end_s` of the run, or while the process is gone."""
    restart = scenario.server.restart_after
    last, back = -math.inf, -math.inf
    for at in sorted(scenario.server.crash):
        if at == last:
            yield f"server.crash: the crash at {at:g} s is given twice; a process ends once."
        elif at < back:
            until = f"from {last:g} s on" if back == math.inf else f"from {last:g} s to {back:g} s"
            yield f"server.crash: no crash at {at:g} s: the process is gone {until}."
        elif at > end_s:
            yield f"server.crash: no crash at {at:g} s: the run ends at {end_s:g} s."
        if at > last and at >= back:
            last, back = at, math.inf if restart is None else at + restart
