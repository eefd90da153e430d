"""The server's own names: tasks, messages, states, resources, and the small integers that stand for them.

Handlers are run by plain Python and by Numba, so everything they branch on is a module-level `int`.
"""

from typing import Final

MAX_CHANNELS: Final = 4
"""Control channels of one session: the four standard MRCP resources."""

# --- tasks (threads of the server); a plugin's task is PLUGIN + the index of its resource -----------------------------
NUA: Final = 0
SIP_AGENT: Final = 1
SERVER: Final = 2
CONNECTION_AGENT: Final = 3
MEDIA: Final = 4
PLUGIN: Final = 5
CLIENT: Final = -1
"""Not a task of the server: the caller, who reacts at once and queues nothing."""

TASK_NAMES: Final = ("NUA", "SIP-Agent-1", "MRCP Server", "MRCPv2-Agent-1", "Media-Engine-1")

# --- session states (`mrcp_server_session_state_e`; ACTIVE and DESTROYED are ours, see the glossary) ------------------
NONE: Final = 0
GENERATING_ANSWER: Final = 1
INITIALIZING: Final = 2
ACTIVE: Final = 3
DEACTIVATING: Final = 4
TERMINATING: Final = 5
DESTROYED: Final = 6

STATE_NAMES: Final = (
    "NONE", "GENERATING_ANSWER", "INITIALIZING", "ACTIVE", "DEACTIVATING", "TERMINATING", "DESTROYED",
)  # fmt: skip

# --- messages -----------------------------------------------------------------------------------------------------
# NUA: packets from the network, calls of the nua_* functions from other threads, and its own timers
N_INVITE: Final = 0
N_ACK: Final = 1
N_BYE: Final = 2
N_CANCEL: Final = 3
N_REINVITE: Final = 4
N_DUPLICATE: Final = 5
N_BYE_ANSWERED: Final = 6
N_RESPOND: Final = 7
N_SEND_BYE: Final = 8
N_DESTROY: Final = 9
N_ACK_TIMEOUT: Final = 10
N_SESSION_TIMER: Final = 11
N_BYE_TIMEOUT: Final = 12
# SIP agent: `mrcp_sofia_event_callback`
A_INVITE: Final = 13
A_RECEIVED: Final = 14
A_COMPLETED: Final = 15
A_ACK: Final = 16
A_READY: Final = 17
A_BYE: Final = 18
A_TERMINATED: Final = 19
A_LAST: Final = 20
# MRCP server task
S_OFFER: Final = 21
S_CONTROL: Final = 22
S_TERMINATE: Final = 23
S_CHANNEL_ADDED: Final = 24
S_CHANNEL_MODIFIED: Final = 25
S_CHANNEL_REMOVED: Final = 26
S_DISCONNECT: Final = 27
S_OPENED: Final = 28
S_CLOSED: Final = 29
S_RESPONSE: Final = 30
S_STOPPED: Final = 31
S_EVENT: Final = 32
S_MEDIA: Final = 33
# MRCPv2 connection agent
K_ADD: Final = 34
K_MODIFY: Final = 35
K_REMOVE: Final = 36
K_SEND: Final = 37
K_ACCEPT: Final = 38
K_RECEIVE: Final = 39
K_DISCONNECT: Final = 40
K_TERMINATION_TIMER: Final = 41
K_INACTIVITY_TIMER: Final = 42
# media engine
M_CONTAINER: Final = 43
M_STOP: Final = 44
# a plugin's task
P_OPEN: Final = 45
P_CLOSE: Final = 46
P_REQUEST: Final = 47
P_STOP: Final = 48
P_COMPLETE: Final = 49
# the caller
C_FINAL: Final = 50
C_CONNECTED: Final = 51
C_RESPONSE: Final = 52
C_COMPLETE: Final = 53
C_SEND_REQUEST: Final = 54
C_PATIENCE: Final = 55
C_HANGUP: Final = 56
C_VANISH: Final = 57
C_BYE_OK: Final = 58
C_SERVER_BYE: Final = 59
C_REFRESH: Final = 60
C_BYE_RETRY: Final = 61

MESSAGE_NAMES: Final = (
    "INVITE", "ACK", "BYE", "CANCEL", "re-INVITE", "retransmission", "200 to BYE", "nua_respond", "nua_bye",
    "nua_handle_destroy", "ACK timeout", "session timer", "BYE timeout",
    "nua_i_invite", "nua_i_state [received]", "nua_i_state [completed]", "nua_i_ack", "nua_i_state [ready]",
    "nua_i_bye", "nua_i_state [terminated]", "nua_i_terminated",
    "OFFER", "CONTROL", "TERMINATE", "ADD-channel response", "MODIFY-channel response", "REMOVE-channel response",
    "disconnect", "OPEN response", "CLOSE response", "RESPONSE", "STOP response", "EVENT", "MPF response",
    "ADD channel", "MODIFY channel", "REMOVE channel", "send", "accept", "receive", "peer disconnect",
    "termination timer", "inactivity timer",
    "MPF container", "STOP at tick",
    "open", "close", "request", "stop", "recognition ends",
    "final answer", "connected", "response", "complete", "send request", "patience", "hang up", "vanish",
    "200 to BYE received", "BYE received", "refresh", "BYE due again",
)  # fmt: skip
KINDS: Final = len(MESSAGE_NAMES)

# Lanes of a sofia loop: messages (su_msg), then timers, then sockets. Other tasks have one lane.
MESSAGE_LANE: Final = 0
TIMER_LANE: Final = 1
SOCKET_LANE: Final = 2
LANES: Final = 3

# --- plugin operations --------------------------------------------------------------------------------------------
OPEN: Final = 0
CLOSE: Final = 1
REQUEST: Final = 2
STOP: Final = 3
OPERATIONS: Final = ("open", "close", "request", "stop")

# --- resources of the ledger; engine_channel and plugin_licence of resource r are ENGINE_CHANNEL + 2 r (+ 1) ------
SESSION_POOL: Final = 0
SIP_HOME: Final = 1
NUA_HANDLE: Final = 2
SESSION_TABLE: Final = 3
CONTROL_CHANNEL: Final = 4
TCP_CONNECTION: Final = 5
CONNECTION_POOL: Final = 6
RTP_PORT: Final = 7
MEDIA_CONTEXT: Final = 8
ENGINE_CHANNEL: Final = 9

RESOURCE_NAMES: Final = (
    "session_pool", "sip_home", "nua_handle", "session_table", "control_channel", "tcp_connection", "connection_pool",
    "rtp_port", "media_context",
)  # fmt: skip

# --- steps of a media container, packed with the range of commands it carries ---------------------------------------
STEP_ADD: Final = 0
STEP_MODIFY: Final = 1
STEP_SUBTRACT: Final = 2
CONTAINER_SIZE: Final = 5
"""Commands one MPF container holds (`MAX_MPF_MESSAGE_COUNT`); a sixth sends it off and opens another."""

# --- violations ---------------------------------------------------------------------------------------------------
USE_AFTER_FREE: Final = 0
DOUBLE_CLOSE: Final = 1
RELEASE_NOT_HELD: Final = 2
DOUBLE_ANSWER: Final = 3
LATE_ANSWER: Final = 4
RELEASED_UNCLOSED: Final = 5
VIOLATION_NAMES: Final = (
    "use-after-free", "double-close", "release-not-held", "double-answer", "late-answer", "released-unclosed",
)  # fmt: skip


def task_of(kind: int) -> int:
    """The task that handles a message kind; PLUGIN for every plugin's message, CLIENT for the caller's."""
    if kind <= N_BYE_TIMEOUT:
        return NUA
    if kind <= A_LAST:
        return SIP_AGENT
    if kind <= S_MEDIA:
        return SERVER
    if kind <= K_INACTIVITY_TIMER:
        return CONNECTION_AGENT
    if kind <= M_STOP:
        return MEDIA
    if kind <= P_COMPLETE:
        return PLUGIN
    return CLIENT


def lane_of(kind: int) -> int:
    """The lane of the NUA loop a message comes in by; every other task has the message lane only."""
    if kind <= N_BYE_ANSWERED:
        return SOCKET_LANE
    if N_ACK_TIMEOUT <= kind <= N_BYE_TIMEOUT:
        return TIMER_LANE
    return MESSAGE_LANE
