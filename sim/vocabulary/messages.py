"""Every message of the server and its callers: its number, its name, its task, and what else is known of its kind.

Function names are those of UniMRCP 1.8.0 and sofia-sip, so that someone with the C code open can follow.
Handlers are run by plain Python and by Numba, so everything they branch on is a module-level `int`.
"""

from typing import Final

from sim.vocabulary.tasks import (
    CLIENT,
    CONNECTION_AGENT,
    MEDIA,
    MESSAGE_LANE,
    NUA,
    PLUGIN,
    SERVER,
    SIP_AGENT,
    SOCKET_LANE,
    TASK_KINDS,
    TIMER_LANE,
)

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

# --- steps of a media container, packed with the range of commands it carries ---------------------------------------
STEP_ADD: Final = 0
STEP_MODIFY: Final = 1
STEP_SUBTRACT: Final = 2
CONTAINER_SIZE: Final = 5
"""Commands one MPF container holds (`MAX_MPF_MESSAGE_COUNT`); a sixth sends it off and opens another."""

COST_KEYS: dict[int, tuple[str, str]] = {
    N_INVITE: ("nua", "invite"),
    N_REINVITE: ("nua", "invite"),
    N_ACK: ("nua", "ack"),
    N_BYE: ("nua", "bye"),
    N_CANCEL: ("nua", "cancel"),
    N_RESPOND: ("nua", "respond"),
    N_DUPLICATE: ("nua", "other"),
    N_BYE_ANSWERED: ("nua", "other"),
    N_SEND_BYE: ("nua", "other"),
    N_DESTROY: ("nua", "other"),
    N_ACK_TIMEOUT: ("nua", "other"),
    N_SESSION_TIMER: ("nua", "other"),
    N_BYE_TIMEOUT: ("nua", "other"),
    A_INVITE: ("sip_agent", "i_invite"),
    A_RECEIVED: ("sip_agent", "i_state"),
    A_COMPLETED: ("sip_agent", "i_other"),
    A_ACK: ("sip_agent", "i_other"),
    A_READY: ("sip_agent", "i_other"),
    A_BYE: ("sip_agent", "i_other"),
    A_TERMINATED: ("sip_agent", "i_terminated"),
    A_LAST: ("sip_agent", "i_other"),
    S_OFFER: ("server", "offer"),
    S_CONTROL: ("server", "control"),
    S_TERMINATE: ("server", "terminate"),
    S_CHANNEL_ADDED: ("server", "channel_added"),
    S_CHANNEL_MODIFIED: ("server", "channel_added"),
    S_CHANNEL_REMOVED: ("server", "channel_removed"),
    S_DISCONNECT: ("server", "disconnect"),
    S_OPENED: ("server", "opened"),
    S_CLOSED: ("server", "closed"),
    S_RESPONSE: ("server", "response"),
    S_STOPPED: ("server", "stopped"),
    S_EVENT: ("server", "event"),
    S_MEDIA: ("server", "mpf_response"),
    K_ADD: ("connection_agent", "add"),
    K_MODIFY: ("connection_agent", "modify"),
    K_REMOVE: ("connection_agent", "remove"),
    K_SEND: ("connection_agent", "send"),
    K_ACCEPT: ("connection_agent", "accept"),
    K_RECEIVE: ("connection_agent", "receive"),
    K_DISCONNECT: ("connection_agent", "disconnect"),
    K_TERMINATION_TIMER: ("connection_agent", "disconnect"),
    K_INACTIVITY_TIMER: ("connection_agent", "disconnect"),
}
"""Which cost of the scenario is the service time of which message."""

TIMERS: tuple[bool, ...] = tuple(
    kind
    in (
        N_ACK_TIMEOUT,
        N_SESSION_TIMER,
        N_BYE_TIMEOUT,
        K_TERMINATION_TIMER,
        K_INACTIVITY_TIMER,
        C_PATIENCE,
        C_HANGUP,
        C_VANISH,
        C_REFRESH,
        C_BYE_RETRY,
    )
    for kind in range(KINDS)
)
"""Kinds that are timers of a session: their argument is a generation, and a dead one keeps no slot."""

# how a log writes the type and subtype of a message
TYPES: Final = {
    "OFFER": "1;0", "CONTROL": "2;3", "TERMINATE": "1;2",
    "ADD-channel response": "2;0", "MODIFY-channel response": "2;1", "REMOVE-channel response": "2;2",
    "disconnect": "2;4", "OPEN response": "3;2", "CLOSE response": "3;3", "RESPONSE": "3;4", "STOP response": "3;4",
    "EVENT": "3;4", "MPF response": "4;0",
}  # fmt: skip
"""Type and subtype of the messages on the server task; those on other tasks are all 1;0."""

ANSWERS: Final = {"OPEN response": "open", "CLOSE response": "close", "RESPONSE": "request", "STOP response": "stop"}
ANSWER_OF: Final = {operation: answer for answer, operation in ANSWERS.items()}

# Task messages on the server task by "type;subtype", under the names of the cost keys of a scenario.
SERVER_MESSAGES: Final = {
    b"1;0": "offer",
    b"1;1": "control",
    b"1;2": "terminate",
    b"2;0": "channel_added",
    b"2;1": "channel_modified",
    b"2;2": "channel_removed",
    b"2;3": "control",
    b"2;4": "disconnect",
    b"3;0": "engine_opened",
    b"3;1": "engine_closed",
    b"3;2": "opened",
    b"3;3": "closed",
    b"3;4": "response",
    b"4;0": "mpf_response",
}

# (kind of task, message) → the function that handles it; the kind is None where the message alone says it
HANDLERS: dict[str, dict[str, str]] = {
    "NUA": {
        "INVITE": "nua_stack_process_request",
        "retransmission": "nta_agent_recv",
        "re-INVITE": "nua_stack_process_request",
        "ACK": "process_ack",
        "BYE": "nua_stack_process_request",
        "CANCEL": "process_cancel",
        "200 to BYE": "nua_bye_client_report",
        "respond": "nua_stack_respond",
        "nua_respond": "nua_stack_respond",
        "nua_bye": "nua_stack_signal",
        "nua_handle_destroy": "nua_stack_destroy_handle",
        "ACK timeout": "process_timeout",
        "session timer": "nua_session_usage_refresh",
        "BYE timeout": "nua_bye_client_report",
    },
    "SIP": {
        "nua_i_invite": "mrcp_sofia_event_callback → mrcp_sofia_on_invite",
        "nua_i_state [received]": "mrcp_sofia_on_state_change → mrcp_sofia_on_call_receive",
        "nua_i_state [completed]": "mrcp_sofia_on_state_change",
        "nua_i_state [ready]": "mrcp_sofia_on_state_change",
        "nua_i_state [terminated]": "mrcp_sofia_on_state_change → mrcp_sofia_on_call_terminate",
        "nua_i_ack": "mrcp_sofia_event_callback",
        "nua_i_bye": "mrcp_sofia_event_callback",
        "nua_i_terminated": "mrcp_sofia_event_callback",
    },
    "SERVER": {
        "OFFER": "mrcp_server_session_offer_process",
        "CONTROL": "mrcp_server_on_message_receive",
        "TERMINATE": "mrcp_server_session_deactivate",
        "ADD-channel response": "mrcp_server_on_channel_modify",
        "MODIFY-channel response": "mrcp_server_on_channel_modify",
        "REMOVE-channel response": "mrcp_server_on_channel_remove",
        "MPF response": "mrcp_server_mpf_message_process",
        "OPEN response": "mrcp_server_on_engine_channel_open",
        "CLOSE response": "mrcp_server_on_engine_channel_close",
        "RESPONSE": "mrcp_server_on_engine_channel_message",
        "STOP response": "mrcp_server_on_engine_channel_message",
        "EVENT": "mrcp_server_on_engine_channel_message",
        "disconnect": "mrcp_server_on_disconnect",
    },
    "CONNECTION": {
        "ADD channel": "mrcp_server_agent_channel_add",
        "MODIFY channel": "mrcp_server_agent_channel_modify",
        "REMOVE channel": "mrcp_server_agent_channel_remove",
        "send": "mrcp_server_agent_messsage_send",  # spelt so in the source
        "accept": "mrcp_server_agent_connection_accept",
        "receive": "mrcp_server_poller_signal_process → mrcp_server_message_handler",
        "peer disconnect": "mrcp_server_agent_connection_close",
        "termination timer": "mrcp_server_termination_timer_proc",
        "inactivity timer": "mrcp_server_inactivity_timer_proc",
    },
    "MEDIA": {
        "MPF container": "mpf_engine_msg_process",
        "MPF container (add)": "mpf_engine_msg_process → mpf_context_termination_add",
        "MPF container (modify)": "mpf_engine_msg_process → mpf_termination_modify",
        "MPF container (subtract)": "mpf_engine_msg_process → mpf_context_termination_subtract",
        "STOP at tick": "mpf_engine_timer_proc → stream_write of the plugin",
    },
    "PLUGIN": {
        "open": "mrcp_engine_channel_open → mrcp_engine_channel_open_respond",
        "close": "mrcp_engine_channel_close → mrcp_engine_channel_close_respond",
        "request": "mrcp_engine_channel_request_process → mrcp_engine_channel_message_send",
        "stop": "mrcp_engine_channel_request_process (STOP)",
        "recognition ends": "mrcp_engine_channel_message_send (RECOGNITION-COMPLETE)",
    },
}


def handler(task: str, message: str) -> str:
    """The server's function for `message` on `task`; the message's own name when it is not known."""
    return HANDLERS[TASK_KINDS.get(task, "PLUGIN")].get(message, message)


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
