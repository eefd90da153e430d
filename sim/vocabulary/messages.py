"""Every message of the server and its callers, a row for each kind: all that anybody knows of it stands here.

The functions are those of UniMRCP 1.8.0 and sofia-sip, so that someone with the C code open can follow. Handlers are
run by plain Python and by Numba: what they look at is a module-level `int`, or a tuple of such, one for each kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, ParamSpec

from sim.vocabulary.plugins import ASKED, FAILED
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
    TASK_KEYS,
    TIMER_LANE,
)

# whose generation a timer's argument is: one that was set in an earlier generation of its owner is dead
NO_TIMER: Final = 0
OF_DIALOG: Final = 1
OF_CONNECTION: Final = 2
OF_CALLER: Final = 3

# what else an argument may be; the functions at the end of this file put it together and take it apart
CHANNEL: Final = "channel"
ENDING: Final = "ending"
COMMANDS: Final = "commands"
STATUS: Final = "status"
AGAIN: Final = "again"  # what an INVITE or its offer is for, as follows
FIRST_INVITE: Final = 0
REFRESHES: Final = 1
HOLDS: Final = 2
RESUMES: Final = 3


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of message."""

    name: str  # in every table and text of ours
    task: int  # that handles it; PLUGIN for every plugin's, CLIENT for the caller's
    sender: int
    function: str = ""  # of the server that handles it; the caller has none
    cost: str = ""  # key of its service time among the scenario's costs of its task
    second: str = ""  # likewise, for those of this kind with other work to do (see `service_stream`)
    lane: int = MESSAGE_LANE  # of the NUA's loop; other tasks have one lane for all
    timer: int = NO_TIMER
    steady: bool = False  # its delay is (mostly) the same for all, so that they fall due in the order they were set
    argument: str = ""
    mark: str = ""  # what it means that its channel is marked
    carries: str = ""  # what a session waits for that this message brings, a key of RELEASE_CHAINS
    ends_nothing: bool = False  # may come without bringing the end of the call any nearer
    log: str = "1;0"  # type and subtype in a log; "" where a log has no task message of this kind
    seen: str = ""  # what a log's reader calls it, where that is not `cost`
    taken_by: str = ""  # the receiver's step in the release chain, where that is not the last of `function`


_rows: list[Message] = []
_Columns = ParamSpec("_Columns")


def _numbered(row: Callable[_Columns, Message]) -> Callable[_Columns, int]:
    def add(*columns: _Columns.args, **more: _Columns.kwargs) -> int:
        _rows.append(row(*columns, **more))
        return len(_rows) - 1

    return add


_kind: Final = _numbered(Message)
"""Appends a row; its number is what handlers branch on."""

# fmt: off
# --- NUA: packets from the network, calls of the nua_* functions from other threads, and its own timers --------------
N_INVITE: Final = _kind("INVITE", NUA, CLIENT, "nua_stack_process_request", lane=SOCKET_LANE, cost="invite")
N_ACK: Final = _kind("ACK", NUA, CLIENT, "process_ack", lane=SOCKET_LANE, cost="ack")
N_CANCEL: Final = _kind("CANCEL", NUA, CLIENT, "process_cancel", lane=SOCKET_LANE, cost="cancel",
    carries="terminate")
N_BYE: Final = _kind("BYE", NUA, CLIENT, "nua_stack_process_request", lane=SOCKET_LANE, cost="bye",
    carries="terminate")
N_REINVITE: Final = _kind("re-INVITE", NUA, CLIENT, "nua_stack_process_request", lane=SOCKET_LANE, cost="invite")
N_DUPLICATE: Final = _kind("retransmission", NUA, CLIENT, "nta_agent_recv", lane=SOCKET_LANE, cost="other")
N_BYE_ANSWERED: Final = _kind("200 to BYE", NUA, CLIENT, "nua_bye_client_report", lane=SOCKET_LANE, cost="other")
N_RESPOND: Final = _kind("nua_respond", NUA, SERVER, "nua_stack_respond", cost="respond", argument=STATUS)
N_SEND_BYE: Final = _kind("nua_bye", NUA, SERVER, "nua_stack_signal", cost="other")
N_DESTROY: Final = _kind("nua_handle_destroy", NUA, SERVER, "nua_stack_destroy_handle", cost="other")
N_ACK_TIMEOUT: Final = _kind("ACK timeout", NUA, NUA, "process_timeout", lane=TIMER_LANE, timer=OF_DIALOG,
    steady=True, cost="other")
N_SESSION_TIMER: Final = _kind("session timer", NUA, NUA, "nua_session_usage_refresh", lane=TIMER_LANE,
    timer=OF_DIALOG, steady=True, cost="other")
N_BYE_TIMEOUT: Final = _kind("BYE timeout", NUA, NUA, "nua_bye_client_report", lane=TIMER_LANE, timer=OF_DIALOG,
    steady=True, cost="other")

# --- SIP agent: `mrcp_sofia_event_callback` --------------------------------------------------------------------------
_CALLBACK: Final = "nua_application_event → nua_callback → mrcp_sofia_event_callback"
_STATE: Final = f"{_CALLBACK} → mrcp_sofia_on_state_change"
A_INVITE: Final = _kind("nua_i_invite", SIP_AGENT, NUA, f"{_CALLBACK} → mrcp_sofia_on_invite", cost="i_invite",
    argument=AGAIN)
A_RECEIVED: Final = _kind("nua_i_state [received]", SIP_AGENT, NUA, f"{_STATE} → mrcp_sofia_on_call_receive",
    cost="i_state", argument=AGAIN, carries="offer")
A_COMPLETED: Final = _kind("nua_i_state [completed]", SIP_AGENT, NUA, _STATE, cost="i_other")
A_ACK: Final = _kind("nua_i_ack", SIP_AGENT, NUA, _CALLBACK, cost="i_other")
A_READY: Final = _kind("nua_i_state [ready]", SIP_AGENT, NUA, _STATE, cost="i_other")
A_BYE: Final = _kind("nua_i_bye", SIP_AGENT, NUA, _CALLBACK, cost="i_other", carries="terminate")
A_TERMINATED: Final = _kind("nua_i_state [terminated]", SIP_AGENT, NUA, f"{_STATE} → mrcp_sofia_on_call_terminate",
    cost="i_terminated", carries="terminate")
A_LAST: Final = _kind("nua_i_terminated", SIP_AGENT, NUA, _CALLBACK, cost="i_other")
A_ERROR: Final = _kind("nua_i_error", SIP_AGENT, NUA, _CALLBACK, cost="i_other", argument=STATUS)

# --- MRCP server task ------------------------------------------------------------------------------------------------
_SIGNALLED: Final = "mrcp_server_signaling_message_process"
_ANSWERED: Final = "mrcp_server_on_engine_channel_message"
S_OFFER: Final = _kind("OFFER", SERVER, SIP_AGENT, "mrcp_server_session_offer_process", taken_by=_SIGNALLED,
    cost="offer", argument=AGAIN, carries="offer")
S_CONTROL: Final = _kind("CONTROL", SERVER, CONNECTION_AGENT, "mrcp_server_on_message_receive", cost="control",
    argument=CHANNEL, log="2;3")
S_TERMINATE: Final = _kind("TERMINATE", SERVER, SIP_AGENT, "mrcp_server_session_deactivate", taken_by=_SIGNALLED,
    cost="terminate", second="deactivate", carries="terminate", log="1;2")
S_CHANNEL_ADDED: Final = _kind("ADD-channel response", SERVER, CONNECTION_AGENT, "mrcp_server_on_channel_modify",
    cost="channel_added", argument=CHANNEL, carries="channel", log="2;0")
S_CHANNEL_MODIFIED: Final = _kind("MODIFY-channel response", SERVER, CONNECTION_AGENT,
    "mrcp_server_on_channel_modify", cost="channel_added", seen="channel_modified", argument=CHANNEL,
    carries="channel", log="2;1")
S_CHANNEL_REMOVED: Final = _kind("REMOVE-channel response", SERVER, CONNECTION_AGENT,
    "mrcp_server_on_channel_remove", cost="channel_removed", argument=CHANNEL, carries="channel", log="2;2")
S_OPENED: Final = _kind("OPEN response", SERVER, PLUGIN, "mrcp_server_on_engine_channel_open", cost="opened",
    argument=CHANNEL, mark="not opened", carries="open", log="3;2")
S_CLOSED: Final = _kind("CLOSE response", SERVER, PLUGIN, "mrcp_server_on_engine_channel_close", cost="closed",
    argument=CHANNEL, carries="close", log="3;3")
S_RESPONSE: Final = _kind("RESPONSE", SERVER, PLUGIN, _ANSWERED, cost="response", argument=CHANNEL,
    carries="request", log="3;4")
S_EVENT: Final = _kind("EVENT", SERVER, PLUGIN, _ANSWERED, cost="event", argument=CHANNEL, ends_nothing=True,
    log="3;4")
S_DISCONNECT: Final = _kind("disconnect", SERVER, CONNECTION_AGENT, "mrcp_server_on_disconnect", cost="disconnect",
    argument=CHANNEL, log="2;4")
S_STOPPED: Final = _kind("STOP response", SERVER, PLUGIN, _ANSWERED, cost="stopped", argument=CHANNEL,
    carries="stop", log="3;4")
S_MEDIA: Final = _kind("MPF response", SERVER, MEDIA, "mrcp_server_mpf_message_process", cost="mpf_response",
    second="mpf_subtracted", argument=COMMANDS, carries="media", log="4;0")

# --- MRCPv2 connection agent -----------------------------------------------------------------------------------------
K_ADD: Final = _kind("ADD channel", CONNECTION_AGENT, SERVER, "mrcp_server_agent_channel_add", cost="add",
    argument=CHANNEL, carries="channel")
K_MODIFY: Final = _kind("MODIFY channel", CONNECTION_AGENT, SERVER, "mrcp_server_agent_channel_modify",
    cost="modify", argument=CHANNEL, carries="channel")
K_REMOVE: Final = _kind("REMOVE channel", CONNECTION_AGENT, SERVER, "mrcp_server_agent_channel_remove",
    cost="remove", argument=CHANNEL, carries="channel")
K_SEND: Final = _kind("send", CONNECTION_AGENT, SERVER, "mrcp_server_agent_messsage_send", cost="send",  # its spelling
    argument=CHANNEL, mark="an event", ends_nothing=True)
K_ACCEPT: Final = _kind("accept", CONNECTION_AGENT, CLIENT, "mrcp_server_agent_connection_accept", steady=True,
    cost="accept", log="")
K_RECEIVE: Final = _kind("receive", CONNECTION_AGENT, CLIENT,
    "mrcp_server_poller_signal_process → mrcp_server_message_handler", cost="receive", argument=CHANNEL, log="")
K_DISCONNECT: Final = _kind("peer disconnect", CONNECTION_AGENT, CLIENT, "mrcp_server_agent_connection_close",
    cost="disconnect", log="")
K_TERMINATION_TIMER: Final = _kind("termination timer", CONNECTION_AGENT, CONNECTION_AGENT,
    "mrcp_server_termination_timer_proc", timer=OF_CONNECTION, steady=True, cost="disconnect", log="")
K_INACTIVITY_TIMER: Final = _kind("inactivity timer", CONNECTION_AGENT, CONNECTION_AGENT,
    "mrcp_server_inactivity_timer_proc", timer=OF_CONNECTION, steady=True, cost="disconnect", log="")

# --- media engine ----------------------------------------------------------------------------------------------------
M_CONTAINER: Final = _kind("MPF container", MEDIA, SERVER, "mpf_engine_msg_process", cost="add", second="subtract",
    argument=COMMANDS, carries="media")
M_STOP: Final = _kind("STOP at tick", MEDIA, PLUGIN, "mpf_engine_timer_proc → stream_write of the plugin",
    argument=CHANNEL, carries="stop", log="")
M_AUDIO: Final = _kind("audio callback", MEDIA, PLUGIN, "mpf_engine_timer_proc → stream_write of the plugin",
    second="audio", argument=CHANNEL, ends_nothing=True, log="")

# --- a plugin's task, in the order of `sim.vocabulary.plugins.OPERATIONS`; costs are the plugin's own -----------------
P_OPEN: Final = _kind("open", PLUGIN, SERVER, "mrcp_engine_channel_open → mrcp_engine_channel_open_respond",
    argument=CHANNEL, carries="open")
P_CLOSE: Final = _kind("close", PLUGIN, SERVER, "mrcp_engine_channel_close → mrcp_engine_channel_close_respond",
    argument=CHANNEL, carries="close")
P_REQUEST: Final = _kind("request", PLUGIN, SERVER,
    "mrcp_engine_channel_request_process → mrcp_engine_channel_message_send", argument=CHANNEL, carries="request")
P_STOP: Final = _kind("stop", PLUGIN, SERVER, "mrcp_engine_channel_request_process (STOP)", argument=CHANNEL,
    carries="stop")
P_COMPLETE: Final = _kind("recognition ends", PLUGIN, PLUGIN,
    "mrcp_engine_channel_message_send (RECOGNITION-COMPLETE)", argument=ENDING, ends_nothing=True, log="")

# --- the caller ------------------------------------------------------------------------------------------------------
C_FINAL: Final = _kind("final answer", CLIENT, NUA, argument=STATUS)
C_CONNECTED: Final = _kind("connected", CLIENT, CONNECTION_AGENT)
C_RESPONSE: Final = _kind("response", CLIENT, CONNECTION_AGENT, argument=CHANNEL, ends_nothing=True)
C_COMPLETE: Final = _kind("complete", CLIENT, CONNECTION_AGENT, argument=CHANNEL, ends_nothing=True)
C_SEND_REQUEST: Final = _kind("send request", CLIENT, CLIENT, ends_nothing=True)
C_PATIENCE: Final = _kind("patience", CLIENT, CLIENT, timer=OF_CALLER)
C_HANGUP: Final = _kind("hang up", CLIENT, CLIENT, timer=OF_CALLER)
C_VANISH: Final = _kind("vanish", CLIENT, CLIENT, timer=OF_CALLER, ends_nothing=True)
C_BYE_OK: Final = _kind("200 to BYE received", CLIENT, NUA)
C_SERVER_BYE: Final = _kind("BYE received", CLIENT, NUA)
C_REFRESH: Final = _kind("refresh", CLIENT, CLIENT, timer=OF_CALLER, steady=True)
C_BYE_RETRY: Final = _kind("BYE due again", CLIENT, CLIENT, timer=OF_CALLER, steady=True)
C_RETRY: Final = _kind("try again", CLIENT, CLIENT, ends_nothing=True)
C_INVITE_RETRY: Final = _kind("INVITE due again", CLIENT, CLIENT, timer=OF_CALLER)
C_PROCESS_ENDED: Final = _kind("process ended", CLIENT, CLIENT, ends_nothing=True)
# fmt: on

# --- the same by column ----------------------------------------------------------------------------------------------
MESSAGES: Final = tuple(_rows)
KINDS: Final = len(MESSAGES)
MESSAGE_NAMES: Final = tuple(row.name for row in MESSAGES)
TASKS: Final = tuple(row.task for row in MESSAGES)
LANES_OF: Final = tuple(row.lane for row in MESSAGES)
TIMERS: Final = tuple(row.timer for row in MESSAGES)
"""Whose timer each kind is. A timer's argument is a generation, and a dead one keeps no slot."""

OF_TWO_KINDS: Final = tuple(bool(row.second or (row.task == PLUGIN and row.carries)) for row in MESSAGES)
"""Kinds whose service time is not simply that of their kind."""

COST_KEYS: Final = {
    kind: (TASK_KEYS[row.task].replace("-", "_"), row.cost) for kind, row in enumerate(MESSAGES) if row.cost
}
"""Which cost of the scenario is the service time of which kind."""

_NEARNESS: Final = (SERVER, SIP_AGENT, NUA, MEDIA, CONNECTION_AGENT, PLUGIN)


def _carriers(*what: str) -> tuple[int, ...]:
    found = [kind for kind, row in enumerate(MESSAGES) if row.carries in what]
    return tuple(sorted(found, key=lambda kind: (_NEARNESS.index(TASKS[kind]), -kind)))


_ON_ITS_WAY: Final = _carriers("offer", "terminate")
CARRIERS: Final = {what: _carriers(what) for what in ("open", "close", "request", "stop", "media", "channel")} | {
    "offer": _ON_ITS_WAY, "terminate": _ON_ITS_WAY,
}  # fmt: skip
"""The kinds that bring what a session waits for, the nearest to it first; an OFFER is on its way to the end, too."""

SERVER_ROWS: Final = tuple(row for row in MESSAGES if row.task == SERVER)
LOG_TYPES: Final = {row.name: row.log for row in SERVER_ROWS}
"""Type and subtype of the messages on the server task, as a log has them; those on other tasks are all 1;0."""

SERVER_MESSAGES: Final = {row.log.encode(): row.seen or row.cost for row in reversed(SERVER_ROWS)} | {
    b"1;1": "control",  # of MRCPv1
    b"3;0": "engine_opened",
    b"3;1": "engine_closed",
}
"""What a log's reader calls the messages on the server task, by type and subtype; of one type, the first row's."""

ANSWER_ROWS: Final = {row.carries: row for row in SERVER_ROWS if row.sender == PLUGIN and row.carries}
"""The message that answers each operation of a plugin."""

_BY_NAME: Final = {row.name: row for row in MESSAGES}


def task_of(kind: int) -> int:
    """The task that handles a message kind; PLUGIN for every plugin's message, CLIENT for the caller's."""
    return TASKS[kind]


def lane_of(kind: int) -> int:
    """The lane of the NUA loop a message comes in by; every other task has the message lane only."""
    return LANES_OF[kind]


def timer_of(kind: int) -> int:
    """Whose timer a kind is."""
    return TIMERS[kind]


def with_two_services(kind: int) -> bool:
    """Whether the service time of a message is not simply that of its kind."""
    return OF_TWO_KINDS[kind]


# --- arguments -------------------------------------------------------------------------------------------------------
_MARK: Final = 16


def marked(argument: int) -> int:
    """A channel with something to tell, see `Message.mark`."""
    return argument + _MARK


def is_marked(argument: int) -> bool:
    """Whether a channel has something to tell."""
    return argument & _MARK != 0


def unmarked(argument: int) -> int:
    """The same without it."""
    return argument & ~_MARK


def about(channel: int, what: int) -> int:
    """The argument of an MRCP message: its channel, and which of `sim.vocabulary.plugins.ASKED` it is about."""
    return channel + 2 * _MARK * what


def what_of(argument: int) -> int:
    """What an MRCP message is about."""
    return argument // (2 * _MARK)


def end_of(channel: int, request: int) -> int:
    """The argument of P_COMPLETE: the channel, and the number of the request that ends."""
    return channel + _MARK * request


def request_of(argument: int) -> int:
    """The number of the request that ends."""
    return argument // _MARK


def channel_of(argument: int) -> int:
    """The channel in any of these."""
    return argument % _MARK


# the steps of a media container, and how many commands one holds (`MAX_MPF_MESSAGE_COUNT`)
STEP_ADD: Final = 0
STEP_MODIFY: Final = 1
STEP_SUBTRACT: Final = 2
STEPS: Final = ("add", "modify", "subtract")
STEP_FUNCTIONS: Final = ("mpf_context_termination_add", "mpf_termination_modify", "mpf_context_termination_subtract")
CONTAINER_SIZE: Final = 5
"""A sixth command sends the container off and opens another."""


def commands(step: int, first: int, count: int) -> int:
    """What a container carries: so many commands of a step, from the `first` on."""
    return step * 256 + first * 16 + count


def step_of(argument: int) -> int:
    """The step of a container's commands."""
    return argument // 256


def first_of(argument: int) -> int:
    """The place of a container's first command among those of the step."""
    return argument // 16 % 16


def count_of(argument: int) -> int:
    """How many commands a container carries."""
    return argument % 16


def argument_text(name: str, argument: int | None) -> str:
    """An argument of the messages table in words; empty where it says nothing, as for a call's first offer."""
    if argument is None:
        return ""
    row = _BY_NAME.get(name)
    if row is not None and row.argument == AGAIN:
        return AGAIN if argument else ""
    if row is None or row.argument not in (CHANNEL, COMMANDS, ENDING):
        return str(argument)
    if row.argument == COMMANDS:
        first, count = first_of(argument), count_of(argument)
        return f"{STEPS[step_of(argument)]}, commands {first} to {first + count - 1}"
    found = [f"channel {channel_of(argument)}"]
    if row.argument == ENDING:
        return f"{found[0]}, request {request_of(argument)}"
    if what := what_of(argument):
        found.append("failed" if what == FAILED else ASKED[what])
    if is_marked(argument):
        found.append(row.mark)
    return ", ".join(found)


def function_of(name: str, argument: int | None = None) -> str:
    """The server's function that handles a message; its own name when that is not known."""
    row = _BY_NAME.get(name)
    if row is None or not row.function:
        return name
    if name == MESSAGE_NAMES[M_CONTAINER] and argument is not None:
        return f"{row.function} → {STEP_FUNCTIONS[step_of(argument)]}"
    return row.function
