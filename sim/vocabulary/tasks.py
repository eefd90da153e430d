"""The server's threads (tasks), their names everywhere, and the lanes by which messages reach them.

Handlers are run by plain Python and by Numba, so everything they branch on is a module-level `int`.
"""

from typing import Final, Literal, get_args

# a plugin's task is PLUGIN + the index of its resource
NUA: Final = 0
SIP_AGENT: Final = 1
SERVER: Final = 2
CONNECTION_AGENT: Final = 3
MEDIA: Final = 4
PLUGIN: Final = 5
CLIENT: Final = -1
"""Not a task of the server: the caller, who reacts at once and queues nothing."""

TASK_NAMES: Final = ("NUA", "SIP-Agent-1", "MRCP Server", "MRCPv2-Agent-1", "Media-Engine-1")

SERVER_TASK: Final = TASK_NAMES[SERVER]
"""What a server's log calls the task of the MRCP server itself."""

TaskKey = Literal["nua", "sip-agent", "server", "connection-agent", "media"]
TASK_KEYS: Final[tuple[TaskKey, ...]] = get_args(TaskKey)
"""Their keys in a scenario."""

# Lanes of a sofia loop: messages (su_msg), then timers, then sockets. Other tasks have one lane.
MESSAGE_LANE: Final = 0
TIMER_LANE: Final = 1
SOCKET_LANE: Final = 2
LANES: Final = 3
