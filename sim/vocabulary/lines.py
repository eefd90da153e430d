"""The server's own words, once: how each log line that matters begins, and what kind of line that makes it.

Function names behind the lines are in the design's server model. Whoever reads (audit, calibrate) and whoever writes
logs takes the wording from here, so that one cannot drift from the other.
"""

from enum import IntEnum
from typing import Final


class Kind(IntEnum):
    """What a log line tells; OTHER are lines of the server or a plugin that no account needs."""

    OTHER = 0
    SIGNAL = 1
    PROCESS = 2
    WAIT = 3
    SIP_EVENT = 4
    CALL_STATE = 5
    CREATE = 6
    ADD = 7
    OFFER = 8
    FOUND_ENGINE = 9
    ANSWER = 10
    DEACTIVATE = 11
    TERMINATE = 12
    TERMINATED = 13
    REMOVE = 14
    DESTROY = 15
    INITIATE_BYE = 16
    PUSH = 17
    CHANNEL_ADD = 18
    CHANNEL_MODIFIED = 19
    CHANNEL_REMOVE = 20
    CHANNEL_REMOVED = 21
    PENDING_ADD = 22
    PENDING_REMOVE = 23
    ASSIGN = 24
    TERMINATION_ADD = 25
    TERMINATION_MODIFIED = 26
    TERMINATION_SUBTRACT = 27
    TERMINATION_SUBTRACTED = 28
    OPENED = 29
    CLOSED = 30
    CONTEXT_ADD = 31
    CONTEXT_REMOVE = 32
    MEDIA_PATH = 33
    RTP_ENABLE = 34
    RTP_REMOVE = 35
    RTP_FULL = 36
    MRCP = 37
    STOP = 38
    TCP_ACCEPT = 39
    TCP_DISCONNECT = 40
    TCP_TIMED_OUT = 41
    TCP_TIMER = 42
    TCP_ELAPSED = 43
    TCP_DESTROY = 44
    LOST = 45
    MPF_FULL = 46
    CHANNEL_FAILED = 47
    NO_RESOURCE = 48
    WEDGED = 49
    NO_PROFILE = 50
    OFFLINE = 51
    START = 52
    SERVER_TERMINATED = 53
    SHUTDOWN = 54
    RTP_FACTORY = 55
    CONNECTION_AGENT = 56
    MEDIA_ENGINE = 57
    RTSP_CREATE = 58
    RTSP_DATA = 59
    RTSP_TERMINATE = 60
    REMOTE_SDP = 61
    LOCAL_SDP = 62
    MRCP_DATA = 63
    SEND_DATA = 64
    CHANNEL_MODIFY = 65
    SIP_AGENT = 66
    TCP_REFUSED = 68
    BODY = 67  # a line of a multi-line message that still matters (RTSP)


# The order matters where one beginning is contained in another: the longer one first.
BEGINNINGS: Final[tuple[tuple[bytes, Kind], ...]] = (
    (b"Signal Message to [", Kind.SIGNAL),
    (b"Process Message [", Kind.PROCESS),
    (b"Wait for Messages [", Kind.WAIT),
    (b"Process Poller Wakeup [", Kind.OTHER),
    (b"Process Signalled Descriptor [", Kind.OTHER),
    (b"Process Pending ", Kind.OTHER),
    (b"Process MPF Event", Kind.OTHER),
    (b"Process ", Kind.MRCP),
    (b"Create and Process STOP Request <", Kind.STOP),
    (b"Receive SIP Event [nua_i_state] Status 1", Kind.OTHER),
    (b"Receive SIP Event [nua_i_state] Status 2", Kind.OTHER),
    (b"Receive SIP Event [nua_i_ack] ", Kind.OTHER),
    (b"Receive SIP Event [nua_i_active] ", Kind.OTHER),
    (b"Receive SIP Event [nua_i_terminated] ", Kind.OTHER),
    (b"Receive SIP Event [", Kind.SIP_EVENT),
    (b"SIP Call State ", Kind.CALL_STATE),
    (b"Create Session ", Kind.CREATE),
    (b"Add Session <", Kind.ADD),
    (b"Receive Offer ", Kind.OFFER),
    (b"Found MRCP Engine [", Kind.FOUND_ENGINE),
    (b"Send Answer ", Kind.ANSWER),
    (b"Deactivate Session ", Kind.DEACTIVATE),
    (b"Terminate Session ", Kind.TERMINATE),
    (b"Session Terminated ", Kind.TERMINATED),
    (b"Remove Session <", Kind.REMOVE),
    (b"Destroy Session <", Kind.DESTROY),
    (b"Initiate Session Termination <", Kind.INITIATE_BYE),
    (b"Push Request to Queue ", Kind.PUSH),
    (b"Add Control Channel ", Kind.CHANNEL_ADD),
    (b"Control Channel Modified ", Kind.CHANNEL_MODIFIED),
    (b"Remove Control Channel ", Kind.CHANNEL_REMOVE),
    (b"Modify Control Channel ", Kind.CHANNEL_MODIFY),
    (b"Control Channel Removed ", Kind.CHANNEL_REMOVED),
    (b"Add Pending Control Channel <", Kind.PENDING_ADD),
    (b"Remove Pending Control Channel <", Kind.PENDING_REMOVE),
    (b"Assign Control Channel <", Kind.ASSIGN),
    (b"Add Media Termination ", Kind.TERMINATION_ADD),
    (b"Modify Media Termination ", Kind.TERMINATION_ADD),
    (b"Media Termination Modified ", Kind.TERMINATION_MODIFIED),
    (b"Subtract Media Termination ", Kind.TERMINATION_SUBTRACT),
    (b"Media Termination Subtracted ", Kind.TERMINATION_SUBTRACTED),
    (b"Engine Channel Opened ", Kind.OPENED),
    (b"Engine Channel Closed ", Kind.CLOSED),
    (b"Add Media Context ", Kind.CONTEXT_ADD),
    (b"Remove Media Context ", Kind.CONTEXT_REMOVE),
    (b"Media Path ", Kind.MEDIA_PATH),
    (b"Enable RTP Session ", Kind.RTP_ENABLE),
    (b"Remove RTP Session ", Kind.RTP_REMOVE),
    (b"Failed to Find Free RTP Port ", Kind.RTP_FULL),
    (b"Accepted TCP/MRCPv2 Connection ", Kind.TCP_ACCEPT),
    (b"Failed to Add to Pollset ", Kind.TCP_REFUSED),
    (b"TCP/MRCPv2 Peer Disconnected ", Kind.TCP_DISCONNECT),
    (b"TCP/MRCPv2 Connection Timed Out ", Kind.TCP_TIMED_OUT),
    (b"Set Termination Timer ", Kind.TCP_TIMER),
    (b"Termination Timeout Elapsed ", Kind.TCP_ELAPSED),
    (b"Destroy TCP/MRCPv2 Connection ", Kind.TCP_DESTROY),
    (b"Failed to Signal Task Message [", Kind.LOST),
    (b"MPF Request Queue is Full [", Kind.MPF_FULL),
    (b"Failed to Create Engine Channel ", Kind.CHANNEL_FAILED),
    (b"No Such Resource ", Kind.NO_RESOURCE),
    (b"Missing Resource ", Kind.WEDGED),
    (b"No Such Channel ", Kind.WEDGED),
    (b"Cannot Find Profile by Agent ", Kind.NO_PROFILE),
    (b"Cannot Establish SIP Session in Offline Mode", Kind.OFFLINE),
    (b"Cannot Establish RTSP Session in Offline Mode", Kind.OFFLINE),
    (b"UniMRCP Server [", Kind.START),
    (b"MRCP Server Terminated", Kind.SERVER_TERMINATED),
    (b"MRCP Server Taken Offline", Kind.SHUTDOWN),
    (b"Create RTP Termination Factory ", Kind.RTP_FACTORY),
    (b"Create MRCPv2 Agent [", Kind.CONNECTION_AGENT),
    (b"Create Media Engine [", Kind.MEDIA_ENGINE),
    (b"Create SofiaSIP Agent [", Kind.SIP_AGENT),
    (b"Create RTSP Session <", Kind.RTSP_CREATE),
    (b"Receive RTSP Data ", Kind.RTSP_DATA),
    (b"Send RTSP Data ", Kind.SEND_DATA),
    (b"Release RTSP Session <", Kind.RTSP_TERMINATE),
    (b"Remote SDP ", Kind.REMOTE_SDP),
    (b"Local SDP ", Kind.LOCAL_SDP),
    (b"Receive MRCPv2 Data ", Kind.MRCP_DATA),
    (b"Send MRCPv2 Data ", Kind.SEND_DATA),
)

# Lines that no account needs, beside those of kind OTHER above: where entries have no header at all, they are told from
# the rest of a multi-line message by these words.
OTHER_WORDS: Final = (
    *(text for text, kind in BEGINNINGS if kind is Kind.OTHER),
    b"APR [", b"Create MRCP Server", b"Create MRCPv2 Profile [", b"Create MRCPv1 Profile [", b"Create RTSP Server [",
    b"Open Config File [", b"Set Property ", b"Loading ", b"Register ", b"Associate Resource [", b"Load Plugin [",
    b"Initialize Task [", b"Start Task [", b"Task Started [", b"Terminate Task [", b"Task Terminated [",
    b"Open Engine [", b"Engine Opened [", b"Close Engine [", b"Engine Closed [", b"MRCP Server Started",
    b"Shutdown Pending: ", b"Dispatch Signaling Message [", b"State Transition ", b"Failed to Bind Socket ",
    b"Open RTP ", b"Close RTP ", b"Create Linear Audio Bridge ", b"Destroy Audio Bridge ",
    b"Open Utterance Output File [", b"Mark TCP/MRCPv2 Connection for Destruction ", b"Accepted RTSP Connection ",
    b"Remove RTSP Session <", b"Destroy RTSP Session <", b"Simulated by mrcpsim [", b"End of Simulation [",
)  # fmt: skip

# Messages whose further lines (SDP, MRCP, RTSP) belong to them.
WITH_BODY: Final = (
    Kind.REMOTE_SDP, Kind.LOCAL_SDP, Kind.MRCP_DATA, Kind.SEND_DATA, Kind.RTSP_DATA,
)  # fmt: skip
BODY_BEGINNINGS: Final = (b"TEARDOWN ", b"Session: ")

PRIORITIES: Final = (b"EMERG", b"ALERT", b"CRITIC", b"ERROR", b"WARN", b"NOTICE", b"INFO", b"DEBUG")

ANSWER_STATUS: Final = {b"OK": 200, b"Not Found": 404, b"Not Acceptable": 406, b"Unavailable": 480, b"Error": 500}

CRASH_WORDS: Final = (b"Segmentation fault", b"core dumped", b"SIGSEGV", b"SIGABRT", b"AddressSanitizer")
