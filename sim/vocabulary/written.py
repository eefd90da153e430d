"""How many lines each message makes its task write: those of DEBUG alone, those of INFO and NOTICE.

Counted in the logs of UniMRCP 1.8.0 between a message's "Process Message" and "Wait for Messages", both included; of
the SIP agent's events and the connection agent's sockets, which are no task messages, from the lines of one of them.
"""

from typing import Final

LEVELS: Final = ("WARNING", "INFO", "DEBUG")
"""From the fewest lines to the most."""

WRITTEN: Final[dict[tuple[str, str], tuple[int, int]]] = {
    ("sip_agent", "i_invite"): (0, 1),
    ("sip_agent", "i_state"): (1, 4),
    ("sip_agent", "i_terminated"): (1, 2),
    ("sip_agent", "i_other"): (0, 1),
    ("server", "offer"): (7, 3),
    ("server", "control"): (4, 1),
    ("server", "terminate"): (9, 2),
    ("server", "deactivate"): (4, 2),
    ("server", "channel_added"): (3, 0),
    ("server", "channel_removed"): (3, 0),
    ("server", "mpf_response"): (5, 0),
    ("server", "mpf_subtracted"): (4, 3),
    ("server", "opened"): (3, 2),
    ("server", "closed"): (3, 0),
    ("server", "response"): (3, 2),
    ("server", "stopped"): (8, 3),
    ("server", "event"): (3, 2),
    ("server", "disconnect"): (3, 1),
    ("server", "other"): (2, 0),
    ("connection_agent", "add"): (3, 1),
    ("connection_agent", "remove"): (3, 1),
    ("connection_agent", "modify"): (3, 1),
    ("connection_agent", "send"): (2, 1),
    ("connection_agent", "accept"): (1, 1),
    ("connection_agent", "receive"): (2, 2),
    ("connection_agent", "disconnect"): (1, 1),
    ("media", "add"): (4, 3),
    ("media", "subtract"): (4, 2),
    ("plugin", "open"): (3, 0),
    ("plugin", "close"): (3, 0),
    ("plugin", "request"): (3, 1),
    ("plugin", "stop"): (2, 0),
}
"""By (task, key) of the scenario's costs."""


def lines_at(task: str, key: str, level: str) -> int:
    """The lines that a message makes its task write at a log level; 0 for what is not known to write any."""
    debug, info = WRITTEN.get((task, key), (0, 0))
    return info * (level != "WARNING") + debug * (level == "DEBUG")
