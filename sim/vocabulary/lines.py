"""The server's log, line by line: each text with its fields, its level, who writes it, in which versions, and its kind.

Read and written from here, so that one cannot drift from the other. A line is told by its whole fixed text. The texts
are those of the apt_log calls of UniMRCP 0.9.0 to 1.8.0 (github.com/unispeech/unimrcp); lines that no account needs are
in `other_lines`. The kind says what a line does to the account: the audit has one handler a kind.
"""

from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Final


class Kind(IntEnum):
    """What a log line tells; OTHER are lines of the server or a plugin that no account needs, CLIENT those of the
    client library, BODY lines of a multi-line message that still matter (RTSP)."""

    OTHER = 0
    CLIENT = auto()
    CLIENT_HANDLE = auto()
    BODY = auto()
    SIGNAL = auto()
    PROCESS = auto()
    WAIT = auto()
    SIGNAL_PLAIN = auto()
    PROCESS_PLAIN = auto()
    SIP_EVENT = auto()
    CALL_STATE = auto()
    CREATE = auto()
    ADD = auto()
    OFFER = auto()
    FOUND_ENGINE = auto()
    ANSWER = auto()
    TERMINATE_ASKED = auto()
    DEACTIVATE = auto()
    TERMINATE = auto()
    TERMINATED = auto()
    REMOVE = auto()
    DESTROY = auto()
    INITIATE_BYE = auto()
    PUSH = auto()
    CHANNEL_ADD = auto()
    CHANNEL_MODIFY = auto()
    CHANNEL_MODIFIED = auto()
    CHANNEL_REMOVE = auto()
    CHANNEL_REMOVED = auto()
    PENDING_ADD = auto()
    AGENT_MODIFIED = auto()
    AGENT_REMOVED = auto()
    PENDING_REMOVED = auto()
    ASSIGN = auto()
    TERMINATION_ADD = auto()
    TERMINATION_MODIFY = auto()
    TERMINATION_MODIFIED = auto()
    TERMINATION_SUBTRACT = auto()
    TERMINATION_SUBTRACTED = auto()
    OPENED = auto()
    CLOSED = auto()
    CONTEXT_ADD = auto()
    CONTEXT_REMOVE = auto()
    BRIDGE_CREATE = auto()
    BRIDGE_DESTROY = auto()
    MEDIA_PATH = auto()
    RTP_ENABLE = auto()
    RTP_REMOVE = auto()
    RTP_FULL = auto()
    RECEIVER_OPEN = auto()
    RECEIVER_CLOSE = auto()
    MRCP = auto()
    STOP = auto()
    TRANSITION = auto()
    DISPATCH = auto()
    TCP_ACCEPT = auto()
    TCP_REFUSED = auto()
    TCP_DISCONNECT = auto()
    TCP_TIMED_OUT = auto()
    TCP_TIMER = auto()
    TCP_ELAPSED = auto()
    TCP_MARK = auto()
    TCP_DESTROY = auto()
    WAKEUP = auto()
    DESCRIPTOR = auto()
    LOST = auto()
    MPF_FULL = auto()
    CHANNEL_FAILED = auto()
    NO_RESOURCE = auto()
    MISSING_RESOURCE = auto()
    NO_CHANNEL = auto()
    NO_PROFILE = auto()
    OFFLINE = auto()
    START = auto()
    CREATE_SERVER = auto()
    PROPERTY_IP = auto()
    REGISTER_RESOURCE = auto()
    REGISTER_RESOURCES = auto()
    REGISTER_SIGNALING = auto()
    REGISTER_CONNECTION = auto()
    REGISTER_MEDIA = auto()
    REGISTER_RTP = auto()
    REGISTER_ENGINE = auto()
    CREATE_PROFILE = auto()
    ASSOCIATE = auto()
    REGISTER_PROFILE = auto()
    START_TASK = auto()
    STARTED = auto()
    SERVER_TERMINATED = auto()
    START_FAILED = auto()
    SHUTDOWN = auto()
    SHUTDOWN_BEGUN = auto()
    SHUTDOWN_PENDING = auto()
    RTP_FACTORY = auto()
    CONNECTION_AGENT = auto()
    MEDIA_ENGINE = auto()
    SIP_AGENT = auto()
    RTSP_AGENT = auto()
    RTSP_ACCEPT = auto()
    RTSP_CREATE = auto()
    RTSP_DATA = auto()
    RTSP_SENT = auto()
    RTSP_RELEASE = auto()
    RTSP_REMOVE = auto()
    RTSP_DISCONNECT = auto()
    RTSP_TIMED_OUT = auto()
    RTSP_CLOSE = auto()
    RTSP_ORPHANS = auto()
    RTSP_DESTROY = auto()
    REMOTE_SDP = auto()
    LOCAL_SDP = auto()
    MRCP_DATA = auto()
    MRCP_SENT = auto()
    SIMULATED = auto()
    SIMULATION_ENDED = auto()


VERSIONS: Final = ("0.9", "0.10", "1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `text` has its fields in braces; the versions `since` to `until` write it so; `by` is the task that
    writes it; of a line that the client library writes as well (`shared`) a log can not be told to be a server's."""

    kind: Kind
    level: str
    text: str
    by: str = "server"
    since: str = VERSIONS[0]
    until: str = VERSIONS[-1]
    shared: bool = False


# One field, one form, as a regular expression; every other field is free text without brackets.
FIELDS: Final = {
    "pointer": r"0x[0-9A-Fa-f]+",
    "handle": r"[^ <>]+",  # of a client: an address, or the name that its application gave
    "app": r"(?!0x[0-9A-Fa-f]+[ <])[^ <>]+",  # of a client, and no address
    "id": r"[^<>@ ]+",
    "resource": r"[^<>@\] ]+",
    "message": r"0x[0-9A-Fa-f]+;-?[0-9]+;-?[0-9]+",
    "plain": r"-?[0-9]+;-?[0-9]+",
    "connection": r"[^ ]+(?: <-> [^ ]+)?",
    "address": r"[^ ]+:[0-9]+",
    "remote": r"[^ ]+:[0-9]+",
    "ip": r"[^ \[\]]+",
    "method": r"[A-Z][A-Z-]*",
    "what": r"Request|Response|Event",
    "word": r"[^ ]+",
    "before": r"[^ ]+",
    "after": r"[^ ]+",
    "words": r"[^ ].*",
    **dict.fromkeys(
        ("adaptive", "audio", "bytes", "control", "count", "discarded", "high", "ignored", "jitter", "least", "limit",
         "lost", "low", "more", "most", "playout", "received", "seconds", "seed", "skew", "status", "total", "video"),
        r"-?[0-9]+",
    ),
}  # fmt: skip
FREE: Final = r"[^\[\]]*"

_SDP: Final = "[c:{control} a:{audio} v:{video}]"
_WHO: Final = "{pointer} <{id}>"
_PART: Final = "{pointer} <{id}@{resource}>"
_CHANNEL: Final = "<{id}@{resource}>"

LINES: Final[tuple[Line, ...]] = (
    # tasks and their messages
    Line(Kind.SIGNAL, "DEBUG", "Signal Message to [{task}] [{message}]", "any", "1.1", shared=True),
    Line(Kind.PROCESS, "DEBUG", "Process Message [{task}] [{message}]", "any", "1.1", shared=True),
    Line(Kind.SIGNAL_PLAIN, "DEBUG", "Signal Message to [{task}] [{plain}]", "any", "0.10", "1.0", shared=True),
    Line(Kind.PROCESS_PLAIN, "DEBUG", "Process Message [{task}] [{plain}]", "any", "0.10", "1.0", shared=True),
    Line(Kind.WAIT, "DEBUG", "Wait for Messages [{task}]", "any", "0.10", shared=True),
    Line(Kind.WAIT, "DEBUG", "Wait for Messages [{task}] timeout [{count}]", "any", "0.10", shared=True),
    Line(Kind.WAIT, "DEBUG", "Wait for Task Messages [{task}]", "any", "0.9", "0.9", shared=True),
    Line(Kind.WAKEUP, "DEBUG", "Process Poller Wakeup [{task}]", "any", "0.10", shared=True),
    Line(Kind.DESCRIPTOR, "DEBUG", "Process Signalled Descriptor [{task}]", "any", "0.10", shared=True),
    Line(Kind.LOST, "WARN", "Failed to Signal Task Message [{task}] [{message}]", "any", "1.3", shared=True),
    Line(Kind.START_TASK, "INFO", "Start Task [{task}]", "any", "0.10", shared=True),
    # SIP agent
    Line(Kind.OTHER, "INFO", "Receive SIP Event [nua_i_state] Status 1{more} {phrase} [{agent}]", "sip", "1.2"),
    Line(Kind.OTHER, "INFO", "Receive SIP Event [nua_i_state] Status 2{more} {phrase} [{agent}]", "sip", "1.2"),
    Line(Kind.OTHER, "INFO", "Receive SIP Event [nua_i_ack] Status {status} {phrase} [{agent}]", "sip", "1.2"),
    Line(Kind.OTHER, "INFO", "Receive SIP Event [nua_i_active] Status {status} {phrase} [{agent}]", "sip", "1.2"),
    Line(Kind.OTHER, "INFO", "Receive SIP Event [nua_i_terminated] Status {status} {phrase} [{agent}]", "sip", "1.2"),
    Line(Kind.SIP_EVENT, "INFO", "Receive SIP Event [{event}] Status {status} {phrase} [{agent}]", "sip", "1.2",
         shared=True),
    Line(Kind.SIP_EVENT, "INFO", "Receive SIP Event [{event}] Status {status} {phrase}", "sip", "0.9", "1.1",
         shared=True),
    Line(Kind.CALL_STATE, "NOTICE", "SIP Call State {pointer} [{state}]", "sip", "1.0", shared=True),
    Line(Kind.CALL_STATE, "NOTICE", "SIP Call State  [{state}]", "sip", "1.0"),
    Line(Kind.CALL_STATE, "NOTICE", "SIP Call State [{state}]", "sip", "0.9", "0.10", shared=True),
    Line(Kind.CREATE, "INFO", f"Create Session {_WHO} [{{profile}}]", "sip", "1.0"),
    Line(Kind.REMOTE_SDP, "INFO", f"Remote SDP {_WHO}", "sip", "1.0", shared=True),
    Line(Kind.REMOTE_SDP, "INFO", "Remote SDP", "sip", "0.9", "0.10"),
    Line(Kind.LOCAL_SDP, "INFO", f"Local SDP {_WHO}", "sip", "1.0", shared=True),
    Line(Kind.LOCAL_SDP, "INFO", "Local SDP", "sip", "0.9", "0.10"),
    Line(Kind.NO_PROFILE, "WARN", f"Cannot Find Profile by Agent {_WHO}", "sip", "1.0"),
    Line(Kind.NO_PROFILE, "WARN", "Cannot Find Profile by Agent <{id}>", "sip", "0.9", "0.10"),
    Line(Kind.OFFLINE, "WARN", "Cannot Establish SIP Session in Offline Mode", "sip", "1.5"),
    Line(Kind.OFFLINE, "WARN", "Cannot Establish RTSP Session in Offline Mode", "sip", "1.5"),
    Line(Kind.INITIATE_BYE, "NOTICE", "Initiate Session Termination <{id}>", since="1.5"),
    Line(Kind.DESTROY, "NOTICE", "Destroy Session <{id}>"),
    # server task: the session
    Line(Kind.ADD, "NOTICE", "Add Session <{id}>"),
    Line(Kind.OFFER, "INFO", f"Receive Offer {_WHO} {_SDP}", since="1.0"),
    Line(Kind.OFFER, "INFO", f"Receive Offer <{{id}}> {_SDP}", until="0.10"),
    Line(Kind.FOUND_ENGINE, "INFO", f"Found MRCP Engine [{{engine}}] for Resource [{{resource}}] {_WHO}", since="1.6"),
    Line(Kind.CHANNEL_FAILED, "WARN", f"Failed to Create Engine Channel {_WHO} [{{resource}}]", since="1.0"),
    Line(Kind.CHANNEL_FAILED, "WARN", "Failed to Create Engine Channel [{resource}]", until="0.10"),
    Line(Kind.NO_RESOURCE, "WARN", f"No Such Resource {_WHO} [{{resource}}]", since="1.0"),
    Line(Kind.NO_RESOURCE, "WARN", "No Such Resource [{resource}]", until="0.10"),
    Line(Kind.ANSWER, "INFO", f"Send Answer {_WHO} {_SDP} Status {{answer}}", since="1.0"),
    Line(Kind.ANSWER, "INFO", f"Send Answer <{{id}}> {_SDP} Status {{answer}}", until="0.10"),
    Line(Kind.PUSH, "DEBUG", f"Push Request to Queue {_WHO}", since="1.0", shared=True),
    Line(Kind.DISPATCH, "DEBUG", "Dispatch Signaling Message [{count}]"),
    Line(Kind.TERMINATE_ASKED, "INFO", "Receive Terminate Request <{id}>", until="0.10"),
    Line(Kind.DEACTIVATE, "INFO", f"Deactivate Session {_WHO}", since="1.0"),
    Line(Kind.DEACTIVATE, "INFO", "Deactivate Session <{id}>", until="0.10"),
    Line(Kind.TERMINATE, "INFO", f"Terminate Session {_WHO}", since="1.0", shared=True),
    Line(Kind.TERMINATED, "INFO", f"Session Terminated {_WHO}", since="1.0", shared=True),
    Line(Kind.TERMINATED, "INFO", "Send Terminate Response <{id}>", until="0.10"),
    Line(Kind.REMOVE, "NOTICE", "Remove Session <{id}>"),
    # server task: the parts of a session
    Line(Kind.CHANNEL_ADD, "DEBUG", f"Add Control Channel {_PART} [{{count}}]", since="1.0"),
    Line(Kind.CHANNEL_MODIFY, "DEBUG", f"Modify Control Channel {_PART} [{{count}}]", since="1.0", shared=True),
    Line(Kind.CHANNEL_MODIFIED, "DEBUG", f"Control Channel Modified {_PART}", since="1.0", shared=True),
    Line(Kind.CHANNEL_REMOVE, "DEBUG", f"Remove Control Channel {_PART} [{{count}}]", since="1.0"),
    Line(Kind.CHANNEL_REMOVED, "DEBUG", f"Control Channel Removed {_PART}", since="1.0", shared=True),
    Line(Kind.TERMINATION_ADD, "DEBUG", f"Add Media Termination {_PART} [{{count}}]", since="1.0"),
    Line(Kind.TERMINATION_MODIFY, "DEBUG", f"Modify Media Termination {_PART} [{{count}}]", since="1.0"),
    Line(Kind.TERMINATION_MODIFIED, "DEBUG", f"Media Termination Modified {_PART}", since="1.0", shared=True),
    Line(Kind.TERMINATION_SUBTRACT, "DEBUG", f"Subtract Media Termination {_PART}", since="1.0", shared=True),
    Line(Kind.TERMINATION_SUBTRACTED, "DEBUG", f"Media Termination Subtracted {_PART}", since="1.0", shared=True),
    Line(Kind.OPENED, "DEBUG", f"Engine Channel Opened {_PART} [{{opened}}]", since="1.0"),
    Line(Kind.CLOSED, "DEBUG", f"Engine Channel Closed {_PART}", since="1.0"),
    # server task: MRCP
    Line(Kind.MRCP, "INFO", f"Process {{method}} {{what}} {_CHANNEL} [{{count}}]", since="1.0"),
    Line(Kind.STOP, "INFO", f"Create and Process STOP Request {_CHANNEL} [{{count}}]", since="1.0"),
    Line(Kind.TRANSITION, "INFO", f"State Transition {{before}} -> {{after}} {_CHANNEL}", since="1.0"),
    Line(Kind.MISSING_RESOURCE, "WARN", f"Missing Resource {_PART}", since="1.0"),
    Line(Kind.NO_CHANNEL, "WARN", f"No Such Channel {_PART}", since="1.0"),
    # connection agent
    Line(Kind.PENDING_ADD, "INFO", f"Add Pending Control Channel {_CHANNEL} [{{count}}]", "connection", "1.0"),
    Line(Kind.PENDING_ADD, "INFO", f"Add Control Channel {_CHANNEL} to Pending Connection [{{count}}]", "connection",
         "0.9", "0.10"),
    Line(Kind.AGENT_MODIFIED, "INFO", f"Modify Control Channel {_CHANNEL}", "connection"),
    Line(Kind.AGENT_REMOVED, "INFO", f"Remove Control Channel {_CHANNEL} [{{count}}]", "connection", shared=True),
    Line(Kind.PENDING_REMOVED, "INFO", f"Remove Pending Control Channel {_CHANNEL} [{{count}}]", "connection", "1.3"),
    Line(Kind.ASSIGN, "INFO", f"Assign Control Channel {_CHANNEL} to Connection {{connection}} [{{count}}] -> "
         "[{total}]", "connection", "1.3"),
    Line(Kind.ASSIGN, "INFO", f"Attach Control Channel {_CHANNEL} to Connection {{connection}} [{{count}}]",
         "connection", "1.0", "1.2"),
    Line(Kind.ASSIGN, "INFO", f"Move Control Channel {_CHANNEL} to Connection {{connection}} [{{count}}]",
         "connection", "0.9", "0.10"),
    Line(Kind.TCP_ACCEPT, "NOTICE", "Accepted TCP/MRCPv2 Connection {connection}", "connection"),
    Line(Kind.TCP_REFUSED, "WARN", "Failed to Add to Pollset {connection}", "connection", "1.0", shared=True),
    Line(Kind.TCP_REFUSED, "WARN", "Failed to Add to Pollset", "connection", "0.9", "0.10", shared=True),
    Line(Kind.TCP_DISCONNECT, "INFO", "TCP/MRCPv2 Peer Disconnected {connection}", "connection", shared=True),
    Line(Kind.TCP_TIMED_OUT, "WARN", "TCP/MRCPv2 Connection Timed Out {connection}", "connection", "1.5"),
    Line(Kind.TCP_TIMER, "DEBUG", "Set Termination Timer {connection} timeout [{count}]", "connection", "1.5"),
    Line(Kind.TCP_ELAPSED, "WARN", "Termination Timeout Elapsed {connection}", "connection", "1.5"),
    Line(Kind.TCP_MARK, "DEBUG", "Mark TCP/MRCPv2 Connection for Destruction {connection}", "connection", "1.5"),
    Line(Kind.TCP_MARK, "DEBUG", "Mark Connection for Removal {connection}", "connection", "1.0", "1.4"),
    Line(Kind.TCP_DESTROY, "NOTICE", "Destroy TCP/MRCPv2 Connection {connection}", "connection", shared=True),
    Line(Kind.MRCP_DATA, "INFO", "Receive MRCPv2 Data {connection} [{bytes} bytes]", "connection", "1.3", shared=True),
    Line(Kind.MRCP_DATA, "INFO", "Receive MRCPv2 Stream {connection} [{bytes} bytes]", "connection", "0.9", "1.2",
         shared=True),
    Line(Kind.MRCP_SENT, "INFO", "Send MRCPv2 Data {connection} [{bytes} bytes]", "connection", "1.3", shared=True),
    Line(Kind.MRCP_SENT, "INFO", "Send MRCPv2 Stream {connection} [{bytes} bytes]", "connection", "0.9", "1.2",
         shared=True),
    # media engine
    Line(Kind.CONTEXT_ADD, "DEBUG", "Add Media Context {pointer}", "media", "1.0", shared=True),
    Line(Kind.CONTEXT_REMOVE, "DEBUG", "Remove Media Context {pointer}", "media", "1.0", shared=True),
    Line(Kind.BRIDGE_CREATE, "DEBUG", "Create Linear Audio Bridge {handle}", "media", "1.0", shared=True),
    Line(Kind.BRIDGE_DESTROY, "DEBUG", "Destroy Audio Bridge {handle}", "media", "1.0", shared=True),
    Line(Kind.MEDIA_PATH, "INFO", "Media Path {pointer} {words}", "media", "1.0", shared=True),
    Line(Kind.RTP_ENABLE, "INFO", "Enable RTP Session {address}", "media", shared=True),
    Line(Kind.RTP_REMOVE, "INFO", "Remove RTP Session {address}", "media", shared=True),
    Line(Kind.RTP_FULL, "WARN", "Failed to Find Free RTP Port {ip}:[{low},{high}]", "media", "1.0", shared=True),
    Line(Kind.RTP_FULL, "WARN", "Failed to Find Free RTP Port", "media", "0.9", "0.10", shared=True),
    Line(Kind.RECEIVER_OPEN, "INFO", "Open RTP Receiver {address} <- {remote} playout [{playout} ms] bounds [{least} - "
         "{most} ms] adaptive [{adaptive}] skew detection [{skew}]", "media", "1.1", shared=True),
    Line(Kind.RECEIVER_CLOSE, "INFO", "Close RTP Receiver {address} <- {remote} [r:{received} l:{lost} j:{jitter} "
         "p:{playout} d:{discarded} i:{ignored}]", "media", "1.1", shared=True),
    Line(Kind.MPF_FULL, "ERROR", "MPF Request Queue is Full [{task}]", "server", "1.0", shared=True),
    # start and end
    Line(Kind.START, "NOTICE", "UniMRCP Server [{version}]", "main"),
    Line(Kind.START, "NOTICE", "UniMRCP Server [{version}] [r{revision}]", "main", "1.3", "1.3"),
    Line(Kind.CREATE_SERVER, "NOTICE", "Create MRCP Server", "main"),
    Line(Kind.PROPERTY_IP, "INFO", "Set Property ip:{ip}", "main", "0.10", shared=True),
    Line(Kind.REGISTER_RESOURCE, "NOTICE", "Register Resource [{resource}]", "main", shared=True),
    Line(Kind.REGISTER_RESOURCES, "INFO", "Register Resource Factory", "main", shared=True),
    Line(Kind.SIP_AGENT, "NOTICE", "Create SofiaSIP Agent [{agent}] [{version}] {words}", "main", "1.0", shared=True),
    Line(Kind.REGISTER_SIGNALING, "INFO", "Register Signaling Agent [{agent}]", "main", shared=True),
    Line(Kind.CONNECTION_AGENT, "NOTICE", "Create MRCPv2 Agent [{task}] {address} [{limit}]", "main", "1.0"),
    Line(Kind.CONNECTION_AGENT, "NOTICE", "Create TCP/MRCPv2 Agent {address} [{limit}]", "main", "0.10", "0.10"),
    Line(Kind.CONNECTION_AGENT, "NOTICE", "Create TCP/MRCPv2 Connection Agent {address} [{limit}]", "main", "0.9",
         "0.9"),
    Line(Kind.REGISTER_CONNECTION, "INFO", "Register Connection Agent [{agent}]", "main", shared=True),
    Line(Kind.MEDIA_ENGINE, "NOTICE", "Create Media Engine [{task}]", "main", "1.0", shared=True),
    Line(Kind.REGISTER_MEDIA, "INFO", "Register Media Engine [{agent}]", "main", shared=True),
    Line(Kind.RTP_FACTORY, "NOTICE", "Create RTP Termination Factory {ip}:[{low},{high}]", "main", shared=True),
    Line(Kind.REGISTER_RTP, "INFO", "Register RTP Termination Factory [{agent}]", "main", shared=True),
    Line(Kind.REGISTER_ENGINE, "INFO", "Register MRCP Engine [{engine}]", "main"),
    Line(Kind.CREATE_PROFILE, "NOTICE", "Create MRCPv2 Profile [{profile}]", "main", "0.10", shared=True),
    Line(Kind.ASSOCIATE, "INFO", "Associate Resource [{resource}] to Engine [{engine}] in Profile [{profile}]", "main",
         "1.7"),
    Line(Kind.ASSOCIATE, "INFO", "Assign MRCP Engine [{resource}] [{engine}]", "main", "0.9", "1.6"),
    Line(Kind.REGISTER_PROFILE, "INFO", "Register Profile [{profile}]", "main", shared=True),
    Line(Kind.STARTED, "NOTICE", "MRCP Server Started"),
    Line(Kind.SERVER_TERMINATED, "NOTICE", "MRCP Server Terminated"),
    Line(Kind.SHUTDOWN, "NOTICE", "MRCP Server Taken Offline", since="1.5"),
    Line(Kind.SHUTDOWN_BEGUN, "WARN", "Shutdown Pending: release open sessions [{count}]", since="1.5"),
    Line(Kind.SHUTDOWN_PENDING, "WARN", "Shutdown Pending: remaining sessions [{count}]", since="1.5"),
    # RTSP (MRCPv1)
    Line(Kind.RTSP_AGENT, "NOTICE", "Create RTSP Server [{agent}] {address} [{limit}] connection timeout "
         "[{seconds} sec]", "main", "1.5"),
    Line(Kind.RTSP_AGENT, "NOTICE", "Create RTSP Server [{agent}] {address} [{limit}]", "main", "1.1", "1.4"),
    Line(Kind.RTSP_ACCEPT, "NOTICE", "Accepted RTSP Connection {connection}", "sip", "1.5"),
    Line(Kind.RTSP_ACCEPT, "NOTICE", "Accepted TCP Connection {connection}", "sip", "0.9", "1.4"),
    Line(Kind.RTSP_CREATE, "NOTICE", "Create RTSP Session <{id}>", "sip"),
    Line(Kind.RTSP_DATA, "INFO", "Receive RTSP Data {connection} [{bytes} bytes]", "sip", "1.3", shared=True),
    Line(Kind.RTSP_DATA, "INFO", "Receive RTSP Stream {connection} [{bytes} bytes]", "sip", "0.9", "1.2", shared=True),
    Line(Kind.RTSP_SENT, "INFO", "Send RTSP Data {connection} [{bytes} bytes]", "sip", "1.3", shared=True),
    Line(Kind.RTSP_SENT, "INFO", "Send RTSP Stream {connection} [{bytes} bytes]", "sip", "0.9", "1.2", shared=True),
    Line(Kind.RTSP_RELEASE, "INFO", "Release RTSP Session <{id}>", "sip", "1.5"),
    Line(Kind.RTSP_REMOVE, "INFO", "Remove RTSP Session <{id}>", "sip"),
    Line(Kind.RTSP_DISCONNECT, "INFO", "RTSP Peer Disconnected {connection}", "sip", "0.10", shared=True),
    Line(Kind.RTSP_DISCONNECT, "INFO", "TCP Peer Disconnected {connection}", "sip", "0.9", "0.9", shared=True),
    Line(Kind.RTSP_TIMED_OUT, "WARN", "RTSP Connection Timed Out {connection}", "sip", "1.5"),
    Line(Kind.RTSP_CLOSE, "INFO", "Close RTSP Connection {connection}", "sip", "0.10", shared=True),
    Line(Kind.RTSP_ORPHANS, "NOTICE", "Terminate Remaining RTSP Sessions [{count}]", "sip"),
    Line(Kind.RTSP_DESTROY, "NOTICE", "Destroy RTSP Connection {connection}", "sip", "0.10", shared=True),
    # not the server's: the address of a client's session, whose lines may stand in the same output
    Line(Kind.CLIENT_HANDLE, "NOTICE", "Create MRCP Handle {pointer} [{profile}]", "client"),
    # not the server's: what a simulated log says of itself
    Line(Kind.SIMULATED, "NOTICE", "Simulated by mrcpsim [{version}] scenario [{scenario}] seed [{seed}]", "main"),
    Line(Kind.SIMULATION_ENDED, "NOTICE", "End of Simulation [{horizon} s]", "main"),
)  # fmt: skip

# Messages whose further lines (SDP, MRCP, RTSP) belong to them, and the beginnings of such lines that still matter.
WITH_BODY: Final = (
    Kind.REMOTE_SDP, Kind.LOCAL_SDP, Kind.MRCP_DATA, Kind.MRCP_SENT, Kind.RTSP_DATA, Kind.RTSP_SENT,
)  # fmt: skip
BODY_BEGINNINGS: Final = (b"TEARDOWN ", b"Session: ")

PRIORITIES: Final = (b"EMERG", b"ALERT", b"CRITIC", b"ERROR", b"WARN", b"NOTICE", b"INFO", b"DEBUG")
ANSWER_STATUS: Final = {b"OK": 200, b"Not Found": 404, b"Not Acceptable": 406, b"Unavailable": 480, b"Error": 500}

CRASH_WORDS: Final = (b"Segmentation fault", b"core dumped", b"SIGSEGV", b"SIGABRT", b"AddressSanitizer")
