"""What a server's log level changes: work on a message is longer or shorter by the lines that it writes."""

from typing import TYPE_CHECKING, Final

from sim.server import streams as s
from sim.vocabulary.messages import COST_KEYS, M_CONTAINER
from sim.vocabulary.plugins import OPERATIONS
from sim.vocabulary.written import lines_at

if TYPE_CHECKING:
    from sim.scenario import Scenario

LEAST_LEFT: Final = 0.1
"""Part of a service time that is left at least, however many lines fewer there are."""

SERVICES: Final = {s.SERVICE + kind: cost for kind, cost in COST_KEYS.items()} | {
    s.SERVICE + M_CONTAINER: ("media", "add"),
    s.SUBTRACT: ("media", "subtract"),
    s.SUBTRACTED: ("server", "mpf_subtracted"),
    s.STOPS_FIRST: ("server", "deactivate"),
}
"""By the number of a service time's stream, the task and the key of the cost that it draws from; plugins' are apart."""


def changes(scenario: "Scenario", plugins: int) -> dict[int, float]:
    """By the number of a service time's stream: how much longer its values are than those that were measured."""
    log = scenario.server.log
    if log.level == log.measured_at or log.cost_per_line == 0.0:
        return {}
    written = dict(SERVICES)
    for i in range(plugins):
        for o, operation in enumerate(OPERATIONS):
            written[s.OPERATION + (i * 4 + o) * 4 + s.BLOCK] = ("plugin", operation)
    more = {k: lines_at(*cost, log.level) - lines_at(*cost, log.measured_at) for k, cost in written.items()}
    return {k: lines * log.cost_per_line for k, lines in more.items() if lines}
