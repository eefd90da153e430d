"""Lines of the client library (in FreeSWITCH, Asterisk or a program of its own), which look much like the server's.

A log that has these and none of the server's own is a client's. `{app}` is the name that an application gave its
session where the server's lines have an address. The texts have the same source as those of `lines`.
"""

from typing import Final

# (level, since, until, texts)
CLIENT_ONLY: Final[tuple[tuple[str, str, str, tuple[str, ...]], ...]] = (
    ("DEBUG", "0.9", "0.9", (
        "Receive Application Task Message [{count}]", "Signal Application Task Message",
    )),
    ("INFO", "0.9", "0.9", (
        "Send Offer {pointer} <{id}> [c:{count} a:{count} v:{count}]",
    )),
    ("NOTICE", "0.9", "0.9", (
        "Create SofiaSIP Agent [{version}] {address} -> {address} {words}",
        "Create TCP/MRCPv2 Connection Agent [{count}]", "Established TCP Connection {words}",
    )),
    ("WARN", "0.9", "0.9", (
        "Failed to Start Network Client Task",
    )),
    ("DEBUG", "0.9", "0.10", (
        "Add RTP Termination {pointer} <{id}>", "Dispatch Application Request {pointer} <{id}> [{count}]",
        "Modify Termination {pointer} <{id}>", "On Control Channel Add {pointer} <{id}>",
        "On Control Channel Modify {pointer} <{id}>", "On Control Channel Remove {pointer} <{id}>",
        "On Termination Add {pointer} <{id}>", "On Termination Modify {pointer} <{id}>",
        "On Termination Subtract {pointer} <{id}>", "Subtract Channel Termination {pointer} <{id}>",
        "Subtract Termination {pointer} <{id}>",
    )),
    ("INFO", "0.9", "0.10", (
        "Add MRCP Handle {pointer}", "Raise App Resource Discovery Response {pointer}",
        "Receive Resource Discovery Response {pointer}", "Receive Terminate Response {pointer} <{id}>",
        "Remove MRCP Handle {pointer}", "Resource Discovery SDP {pointer}",
        "Send Resource Discovery Request {pointer}",
    )),
    ("NOTICE", "0.9", "0.10", (
        "Destroy MRCP Handle {pointer}",
    )),
    ("DEBUG", "0.9", "1.0", (
        "Create RTSP Client [{count}]", "Destroy RTSP Client",
    )),
    ("INFO", "0.9", "1.1", (
        "Interpreted Input [{name}]", "Interpreted Instance [{name}]",
        "Receive Answer {handle} <{id}> [c:{count} a:{count} v:{count}]",
    )),
    ("NOTICE", "0.9", "1.2", (
        "UniMRCP Client [{version}]",
    )),
    ("DEBUG", "0.9", "1.8", (
        "Modify Control Channel {handle} <{id}>", "Process MPF Event {handle} <{id}>",
        "Push RTSP Request to Pending Queue {pointer}", "Raise App Failure MRCP Response {handle} <{id}>",
        "Remove Control Channel {handle} <{id}>",
    )),
    ("ERROR", "0.9", "1.8", (
        "Inappropriate Application Request {handle} <{id}> [{count}]",
    )),
    ("INFO", "0.9", "1.8", (
        "Add Control Channel <{id}> {words} [{count}]", "Add RTSP Handle {pointer}",
        "Add RTSP Session {pointer} <{id}>", "Cannot Find [{name}]", "Close TCP/MRCPv2 Connection {words}",
        "Create Channel {handle} <{id}>", "Failed to Discover Resources",
        "Media Attributes: L[{words}/{count}] R[{words}/{count}]", "On Resource Discover [{count}]",
        "Pop In-Progress RTSP Request {pointer} CSeq:{count}",
        "Push RTSP Request to In-Progress Queue {pointer} <{id}> CSeq:{count}",
        "Raise App Event {handle} <{id}> [{count}]", "Raise App MRCP Event {handle} <{id}>",
        "Raise App MRCP Response {handle} <{id}>", "Raise App Response {handle} <{id}> [{count}] {words} [{count}]",
        "Receive Answer {handle} <{id}> [null descriptor]", "Receive App MRCP Request {handle} <{id}>",
        "Receive App Request {handle} <{id}> [{count}]", "Register Application [{name}]",
        "Remove RTSP Handle {pointer}", "Remove RTSP Session {pointer} <{id}>",
        "Send MRCP Request {handle} <{id}@{resource}> [{count}]", "Update Session {handle} <{id}>",
    )),
    ("NOTICE", "0.9", "1.8", (
        "Add Control Channel {handle} <{id}@{resource}>", "Create Application", "Create MRCP Client",
        "Create RTSP Handle {pointer}", "Destroy Application",
        "Destroy RTSP Handle {pointer}", "Established TCP/MRCPv2 Connection {words}", "MRCP Client Started",
        "MRCP Client Terminated", "Run Demo Application Scenario [{name}]", "Run Demo Framework",
        "Terminate Remaining RTSP Handles [{count}]",
    )),
    ("WARN", "0.9", "1.8", (
        "Failed to Connect to RTSP Server {address}", "Failed to Create Channel: invalid profile",
        "Failed to Create Channel: missing both termination and RTP descriptor",
        "Failed to Create Channel: no such resource", "Failed to Create Client Task",
        "Failed to Establish TCP/MRCPv2 Connection",
        "Failed to Find Channel <{id}@{resource}> in Connection {words} [{count}]", "Failed to Shutdown Client Task",
        "Failed to Start Client Task", "Found No Existing TCP/MRCPv2 Connection", "Invalid Client",
        "No Such Demo Application [{name}]", "No Such Profile [{name}]",
        "Number of control channels [{count}] != Number of control media in answer [{count}]",
        "Number of terminations [{count}] != Number of audio media in answer [{count}]",
        "Unexpected Event! {handle} <{id}>", "Unexpected RTSP Response Received CSeq:{count}",
    )),
    ("NOTICE", "0.10", "0.10", (
        "Create TCP/MRCPv2 Agent [{count}]", "Create UniRTSP Agent [{count}]",
    )),
    ("DEBUG", "0.10", "1.8", (
        "Loading RTSP Settings <{id}>", "Loading SIP Settings <{id}>",
    )),
    ("INFO", "0.10", "1.8", (
        "Cancel RTSP Request {pointer} <{id}> CSeq:{count} [{count}]", "Create RTSP Settings {address}",
        "Create SIP Settings {address}", "Enter Directory [{name}]", "Leave Directory [{name}]",
        "Register Signaling Settings [{name}]",
        "Send Offer {handle} <{id}> [c:{count} a:{count} v:{count}] to {address}", "Set Property server-ip:{words}",
    )),
    ("NOTICE", "0.10", "1.8", (
        "Established RTSP Connection {words}",
    )),
    ("WARN", "0.10", "1.8", (
        "Cancel MRCP Request <{id}@{resource}> [{count}]", "Failed to Load UniMRCP Client Document",
        "Failed to Register Profile [{name}]: missing signaling settings", "No Such Directory {words}",
        "Unexpected MRCP Response <{id}@{resource}> [{count}]",
    )),
    ("NOTICE", "1.0", "1.0", (
        "Create UniRTSP Agent [{name}] [{count}]",
    )),
    ("WARN", "1.0", "1.2", (
        "Failed to Generate MRCPv2 Stream {words}", "Failed to Send MRCPv2 Stream {words}",
    )),
    ("DEBUG", "1.0", "1.8", (
        "Add Media Context {app}", "Add Media Termination {handle} <{id}@{resource}>",
        "Control Channel Added {handle} <{id}@{resource}>", "Control Channel Modified {app} <{id}@{resource}>",
        "Control Channel Removed {app} <{id}@{resource}>", "Dispatch App Request {handle} <{id}> [{count}]",
        "Media Termination Added {handle} <{id}@{resource}>", "Media Termination Modified {app} <{id}@{resource}>",
        "Media Termination Subtracted {app} <{id}@{resource}>", "Modify Media Termination {handle} <{id}@{resource}>",
        "Push Request to Queue {app} <{id}>", "Remove Media Context {app}",
        "Subtract Media Termination {app} <{id}@{resource}>",
    )),
    ("INFO", "1.0", "1.8", (
        "Add MRCP Handle {handle} <{id}>", "Discover Resources {pointer}", "Local SDP {app} <{id}>",
        "Media Path {app} {words}", "Raise App Resource Discovery Response {words}", "Remote SDP {app} <{id}>",
        "Remove MRCP Handle {handle} <{id}>", "Resource Discovery SDP {words}", "Resources Discovered {words}",
        "Session Terminated {app} <{id}>", "Terminate Session {app} <{id}>",
    )),
    ("NOTICE", "1.0", "1.8", (
        "Create MRCPv2 Agent [{name}] [{count}]", "Destroy MRCP Handle {words}",
        "Modify Control Channel {app} <{id}@{resource}> [{count}]", "SIP Call State {app} [{state}]",
    )),
    ("ERROR", "1.1", "1.8", (
        "Error parsing XML configuration: {count} {words}: {words}",
    )),
    ("INFO", "1.1", "1.8", (
        "Redirect {handle} <{id}> to {words}",
    )),
    ("NOTICE", "1.1", "1.8", (
        "Create RTSP Client [{name}] [{count}]", "Destroy RTSP Client [{name}]",
    )),
    ("WARN", "1.1", "1.8", (
        "Attempt to Process Subdirectory when Creating from Config String",
        "Failed to Create Session {handle} <{id}> [{count}]", "Failed to Process UniMRCP Client Configuration",
    )),
    ("DEBUG", "1.2", "1.8", (
        "Mark Session as Disconnected {handle} <{id}>",
    )),
    ("ERROR", "1.2", "1.8", (
        "Unexpected State Change [{count}] pending subrequests [{count}] {handle} <{id}>",
    )),
    ("INFO", "1.2", "1.8", (
        "Receive Answer {handle} <{id}> [c:{count} a:{count} v:{count}] Status {count}", "Set Profile Tag [{name}]",
    )),
    ("WARN", "1.2", "1.8", (
        "Cancel App Request {handle} <{id}> [{count}]", "Failed to Get Media Sink Descriptor",
        "Failed to Get Media Source Descriptor",
        "Failed to Register Profile [{name}]: empty connection agent factory",
        "Failed to Register Profile [{name}]: empty media engine factory",
        "Failed to Register Profile [{name}]: empty signaling agent factory",
        "Failed to Register Profile [{name}]: missing connection agent factory",
        "Failed to Register Profile [{name}]: missing signaling agent factory",
        "Failed to Select Connection Agent {handle} <{id}> [{count}]",
        "Failed to Select Media Engine {handle} <{id}> [{count}]",
        "Failed to Select Signaling Agent {handle} <{id}> [{count}]", "Unknown MRCPv2-UAC Name <{id}>",
        "Unknown Media Engine Name <{id}>", "Unknown UAC Name <{id}>",
    )),
    ("NOTICE", "1.3", "1.3", (
        "UniMRCP Client [{version}] [r{version}]",
    )),
    ("INFO", "1.3", "1.8", (
        "Open Speech Output File [{name}] for Writing",
    )),
    ("WARN", "1.3", "1.8", (
        "Failed to Generate MRCPv2 Data {words}", "Failed to Send MRCPv2 Data {words}",
    )),
    ("NOTICE", "1.4", "1.8", (

    )),
    ("WARN", "1.4", "1.8", (
        "Failed to Create Memory Pool", "Failed to Determine MRCPv1 Message Content",
    )),
)  # fmt: skip
