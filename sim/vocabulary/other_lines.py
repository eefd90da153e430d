"""Lines that no account needs, by level and versions: of the server, of libraries that server and client share.

They are told from the lines of `lines` and from what is no line of a server; the texts have the same source.
"""

from typing import Final

# (level, since, until, texts)
SERVER_ONLY: Final[tuple[tuple[str, str, str, tuple[str, ...]], ...]] = (
    ("DEBUG", "0.9", "0.9", (
        "Accept MRCPv2 Connection", "Loading Engine Plugins", "Process MRCPv2 Message",
        "Receive Engine Task Message [{count}]", "Signal Engine Task Message",
    )),
    ("NOTICE", "0.9", "0.9", (
        "Create SofiaSIP Agent [{version}] {address} {words}",
    )),
    ("WARN", "0.9", "0.9", (
        "Failed to Add Listen Socket to Pollset", "Failed to Create Listen Socket",
        "Failed to Start Network Server Task",
    )),
    ("DEBUG", "0.9", "0.10", (
        "Add Control Channel [{count}]", "Add RTP Termination [{count}]", "Create Pending Connection",
        "Destroy Pending Connection", "Mark Connection for Late Destroy", "Modify Control Channel [{count}]",
        "Modify RTP Termination [{count}]", "On Control Channel Modify", "On Control Channel Remove",
        "On Engine Channel Close", "On Engine Channel Open [{name}]", "On Termination Add", "On Termination Modify",
        "On Termination Subtract", "Push Request to Queue", "Remove Control Channel [{count}]",
        "Subtract Channel Termination", "Subtract RTP Termination [{count}]",
    )),
    ("INFO", "0.9", "0.10", (
        "Close MRCP Engines", "Create and Process STOP Request [{count}]",
        "Detected End of Event: id [{count}] duration [{count} ts]", "Detected Noinput",
        "Detected Start of Event: id [{count}]", "Detected Voice Activity", "Detected Voice Inactivity",
        "Found Profile [{name}]", "Ignore RECOGNITION-COMPLETE Event [{count}]: waiting for STOP response",
        "Ignore RECORD-COMPLETE Event [{count}]: waiting for STOP response",
        "Ignore SPEAK-COMPLETE Event [{count}]: waiting for STOP response", "No Speech Source [{name}] Found",
        "Open MRCP Engines", "Process BARGE-IN Request [{count}]", "Process BARGE-IN Response [{count}]",
        "Process CONTROL Request [{count}]", "Process CONTROL Response [{count}]",
        "Process DEFINE-GRAMMAR Request [{count}]", "Process DEFINE-GRAMMAR Response [{count}]",
        "Process DEFINE-LEXICON Request [{count}]", "Process DEFINE-LEXICON Response [{count}]",
        "Process GET-PARAMS Request [{count}]", "Process GET-PARAMS Response [{count}]",
        "Process GET-RESULT Request [{count}]", "Process GET-RESULT Response [{count}]",
        "Process PAUSE Request [{count}]", "Process PAUSE Response [{count}]",
        "Process Pending RECOGNIZE Request [{count}]", "Process Pending SPEAK Request [{count}]",
        "Process RECOGNITION-COMPLETE Event [{count}]", "Process RECOGNIZE Request [{count}]",
        "Process RECOGNIZE Response [{count}]", "Process RECORD Request [{count}]",
        "Process RECORD Response [{count}]", "Process RECORD-COMPLETE Event [{count}]",
        "Process RESUME Request [{count}]", "Process RESUME Response [{count}]",
        "Process SET-PARAMS Request [{count}]", "Process SET-PARAMS Response [{count}]",
        "Process SPEAK Request [{count}]", "Process SPEAK Response [{count}]",
        "Process SPEAK-COMPLETE Event [{count}]", "Process SPEECH-MARKER Event [{count}]",
        "Process START-INPUT-TIMERS Request [{count}]", "Process START-INPUT-TIMERS Response [{count}]",
        "Process START-OF-INPUT Event [{count}]", "Process STOP Request [{count}]", "Process STOP Response [{count}]",
        "Queue Up RECOGNIZE Request [{count}]", "Queue Up SPEAK Request [{count}]", "Reject RECORD Request [{count}]",
        "Remove Pending RECOGNIZE Request [{count}]", "Remove Pending SPEAK Request [{count}]",
        "State Transition {words} -> {words}", "Unexpected RECOGNITION-COMPLETE Event [{count}]",
        "Unexpected RECORD-COMPLETE Event [{count}]", "Unexpected SPEAK-COMPLETE Event [{count}]",
    )),
    ("WARN", "0.9", "0.10", (
        "Failed to Find MRCP Engine [{name}]", "Failed to Register Profile: no resources",
        "Invalid Resource Identifier", "No Resource", "No Such Channel",
    )),
    ("DEBUG", "0.9", "1.0", (
        "Create RTSP Server {address} [{count}]", "Destroy RTSP Server",
    )),
    ("NOTICE", "0.9", "1.2", (
        "Rejected TCP/MRCPv2 Connection",
    )),
    ("WARN", "0.9", "1.2", (
        "Failed to Parse MRCPv2 Stream", "Failed to Parse RTSP Stream",
    )),
    ("DEBUG", "0.9", "1.4", (
        "Accept Connection",
    )),
    ("DEBUG", "0.9", "1.6", (
        "Loading Plugin Map",
    )),
    ("WARN", "0.9", "1.6", (
        "No MRCP Engine Available [{name}]",
    )),
    ("DEBUG", "0.9", "1.8", (
        "Loading Engine Params", "Process MPF Event", "Push RTSP Request to Queue <{id}>",
    )),
    ("INFO", "0.9", "1.8", (
        "Add RTSP Session <{id}>", "Destroy MRCP Engines", "Load Plugin [{name}] [{name}]", "Resource Discovery SDP",
        "Set Voice Age [{count}]", "Set Voice Name [{name}]", "Unload Plugins",
    )),
    ("NOTICE", "0.9", "1.8", (
        "Destroy RTSP Session <{id}>", "Run as Daemon", "Server Uptime [{count} sec]",
    )),
    ("WARN", "0.9", "1.8", (
        "Failed to Create MRCP Engine", "Failed to Create Server Task",
        "Failed to Find Channel <{id}@{resource}> in Connection {words}", "Failed to Handle Message <{id}>",
        "Failed to Load DSO Symbol: mrcp_plugin_create", "Failed to Load DSO: {words}",
        "Failed to Load Plugin: invalid params", "Failed to Register Profile [{name}]: missing RTP factory",
        "Failed to Register Profile [{name}]: missing media engine", "Failed to Send MRCPv2 Response",
        "Failed to Send RTSP Response", "Failed to Shutdown Server Task", "Failed to Start Server Task",
        "Incompatible Plugin Version Found [{count}.{count}.{count}] < [{version}]", "Invalid Server",
        "Missing RTSP Session-ID", "No Entry Point Found for Plugin", "No Such RTSP Session <{id}>",
        "No Version Info Found: {words}", "Not Acceptable Request <{id}>",
        "Number of Control Channels [{count}] > Number of Control Media in Offer [{count}]",
        "Number of Terminations [{count}] > Number of Audio Media in Offer [{count}]",
    )),
    ("WARN", "0.10", "1.0", (
        "Failed to Create Listening Socket",
    )),
    ("WARN", "0.10", "1.4", (
        "Failed to Add Listening Socket to Pollset",
    )),
    ("DEBUG", "0.10", "1.8", (
        "Loading Plugin Factory",
    )),
    ("WARN", "0.10", "1.8", (
        "Failed to Create RTSP Session", "Failed to Get Path to Conf File [{name}]",
        "Failed to Load UniMRCP Server Document", "Missing plugin id or name",
    )),
    ("NOTICE", "1.0", "1.0", (
        "Create UniRTSP Agent [{name}] {address} [{count}]",
    )),
    ("DEBUG", "1.0", "1.2", (
        "Create Container for Pending Control Channels", "Destroy Container for Pending Control Channels",
    )),
    ("WARN", "1.0", "1.5", (
        "Failed to Find MRCP Engine {pointer} <{id}> [{name}]",
    )),
    ("DEBUG", "1.0", "1.8", (
        "Engine Closed [{name}]", "Engine Opened [{name}] status [{name}]",
        "Found IN-PROGRESS RECOGNIZE Request <{id}@{resource}> [{count}]",
        "Found IN-PROGRESS SPEAK Request <{id}@{resource}> [{count}]",
    )),
    ("INFO", "1.0", "1.8", (
        "Close Engine [{name}]", "Detected End of Event <{id}@{resource}> id:{count} duration:{count} ts",
        "Detected Noinput <{id}@{resource}>", "Detected Start of Event <{id}@{resource}> id:{count}",
        "Detected Voice Activity <{id}@{resource}>", "Detected Voice Inactivity <{id}@{resource}>",
        "Ignore RECOGNITION-COMPLETE Event <{id}@{resource}> [{count}]: waiting for STOP response",
        "Ignore RECORD-COMPLETE Event <{id}@{resource}> [{count}]: waiting for STOP response",
        "Ignore SPEAK-COMPLETE Event <{id}@{resource}> [{count}]: waiting for STOP response",
        "No Speech Source [{name}] Found <{id}@{resource}>", "Open Engine [{name}]",
        "Process Pending RECOGNIZE Request <{id}@{resource}> [{count}]",
        "Process Pending SPEAK Request <{id}@{resource}> [{count}]",
        "Queue Up RECOGNIZE Request <{id}@{resource}> [{count}]",
        "Queue Up SPEAK Request <{id}@{resource}> [{count}]", "Reject RECORD Request <{id}@{resource}> [{count}]",
        "Remove Pending RECOGNIZE Request <{id}@{resource}> [{count}]",
        "Remove Pending SPEAK Request <{id}@{resource}> [{count}]", "Set [{name}] as Speech Source <{id}@{resource}>",
        "Unexpected RECOGNITION-COMPLETE Event <{id}@{resource}> [{count}]",
        "Unexpected RECORD-COMPLETE Event <{id}@{resource}> [{count}]",
        "Unexpected SPEAK-COMPLETE Event <{id}@{resource}> [{count}]",
    )),
    ("WARN", "1.0", "1.8", (
        "Failed to Accept Connection", "Failed to Get Socket Address",
        "Failed to Register Profile [{name}]: missing resource factory",
        "Invalid Resource Identifier {pointer} <{id}>",
    )),
    ("INFO", "1.1", "1.8", (
        "Ignore VERIFICATION-COMPLETE Event <{id}@{resource}> [{count}]: waiting for STOP response",
        "Unexpected VERIFICATION-COMPLETE Event <{id}@{resource}> [{count}]",
    )),
    ("NOTICE", "1.1", "1.8", (
        "Destroy RTSP Server [{name}]",
    )),
    ("WARN", "1.1", "1.8", (
        "Failed to Add Listening Socket to Pollset [{name}]", "Failed to Create Listening Socket [{name}] {address}",
    )),
    ("NOTICE", "1.2", "1.8", (
        "Maximum channel count {count} exceeded for engine [{name}]",
    )),
    ("WARN", "1.2", "1.8", (
        "Failed to Get Codec Descriptor <{id}@{resource}>",
    )),
    ("INFO", "1.3", "1.8", (
        "Open Utterance Output File [{name}] for Writing",
    )),
    ("WARN", "1.3", "1.8", (
        "Failed to Accept RTSP Connection", "Failed to Generate MRCPv2 Data", "Failed to Get RTSP Socket Address",
        "Failed to Parse MRCPv2 Data", "Failed to Parse RTSP Data", "Failed to Send MRCPv2 Data",
        "Failed to compose plugin path {words}", "Reject Unexpected TCP/MRCPv2 Connection {words}",
    )),
    ("NOTICE", "1.5", "1.8", (
        "MRCP Server Brought Online",
    )),
    ("WARN", "1.5", "1.8", (
        "Failed to Add RTSP Listening Socket to Pollset", "Invalid Server Instance",
        "Session Termination Already Initiated <{id}>",
    )),
    ("DEBUG", "1.6", "1.6", (
        "Process Feature Tag [{name}] {pointer} <{id}>",
    )),
    ("INFO", "1.6", "1.6", (
        "Associate Resource [{name}] to Engine [{name}] {pointer} <{id}>",
    )),
    ("DEBUG", "1.6", "1.8", (
        "No Such MRCP Engine by Name [{name}] for Resource [{name}] {pointer} <{id}>",
    )),
    ("INFO", "1.6", "1.8", (
        "Ignore SPEAK-COMPLETE Event <{id}@{resource}> [{count}]: waiting for BARGE-IN-OCCURRED response",
    )),
    ("WARN", "1.6", "1.8", (
        "Failed to Find MRCP Engine for Resource [{name}] {pointer} <{id}>",
    )),
    ("DEBUG", "1.7", "1.8", (
        "Loading Resource Engine Attrib <{words}:{words}>", "Loading Resource Engine Attribs",
        "Loading Resource Engine Map", "Loading Resource Engine Settings <{words}:{words}>",
        "No Engine Associated to Resource [{name}]",
    )),
    ("INFO", "1.7", "1.8", (
        "Attrib name [{name}] value [{name}]", "Extract Feature Tag [{name}] {pointer} <{id}>",
    )),
    ("WARN", "1.7", "1.8", (
        "Cannot do Resource Discovery in Offline Mode", "Failed to Extract Feature Tag [{name}] {pointer} <{id}>",
        "Failed to Register Profile [{name}]: missing RTP settings",
        "MRCP Engine [{name}] not Ready for Resource [{name}] {pointer} <{id}>", "Missing Resource Id",
    )),
)  # fmt: skip

SHARED: Final[tuple[tuple[str, str, str, tuple[str, ...]], ...]] = (
    ("DEBUG", "0.9", "0.9", (
        "Loading Connection Agents", "Loading MRCPv2 Agent", "Loading Media Engine", "Loading Media Engines",
        "Loading Profile [{name}]", "Loading RTP Termination Factory", "Loading Signaling Agents",
        "Loading SofiaSIP Agent", "Loading UniRTSP Agent", "Process Control Message", "Process MPF Message",
        "Process Message", "Receive Connection Task Message [{count}]", "Receive Media Task Message",
        "Receive Signaling Task Message [{count}]", "Signal Connection Task Message", "Signal Signaling Task Message",
    )),
    ("INFO", "0.9", "0.9", (
        "Close TCP Connection {words}", "Loading Profile {words} [{name}]",
    )),
    ("NOTICE", "0.9", "0.9", (
        "Create Media Processing Engine", "Create Profile [{name}]", "Destroy TCP Connection {words}",
    )),
    ("WARN", "0.9", "0.9", (
        "Failed to Load Profile: no profile name specified", "Failed to Start MRCPv2 Agent",
        "Receive Unknown Task Message [{count}]", "Unknown Document",
    )),
    ("DEBUG", "0.9", "0.10", (
        "Add Context", "Add Termination", "Create Linear Audio Bridge", "Create Null Audio Bridge",
        "Destroy Audio Bridge", "Parsed MRCP Message [{count}]", "Parsed RTSP Message [{count}]", "Remove Context",
        "Scroll MRCP Stream", "Scroll RTSP Stream", "Subtract Termination", "Truncated MRCP Message [{count}]",
        "Truncated RTSP Message [{count}]",
    )),
    ("ERROR", "0.9", "0.10", (
        "MPF Request Queue is Full",
    )),
    ("INFO", "0.9", "0.10", (
        "Close RTP Receiver {address} <- {address} [r:{count} l:{count} j:{count}]",
    )),
    ("NOTICE", "0.9", "0.10", (
        "Create UniRTSP Agent {address} [{count}]", "Destroy MRCPv2 Agent",
    )),
    ("WARN", "0.9", "0.10", (
        "Cannot parse MRCP start-line", "Cannot parse RTSP start-line", "Failed to Parse MRCP Message",
        "Failed to Parse RTSP Message", "No MRCPv2 Connection",
    )),
    ("DEBUG", "0.9", "1.0", (
        "Send Shutdown Signal to NUA",
    )),
    ("INFO", "0.9", "1.0", (
        "Open RTP Receiver {address} <- {address} playout [{count} ms]",
    )),
    ("DEBUG", "0.9", "1.1", (
        "Failed to Create RTCP Socket", "Failed to Create RTP Socket", "Failed to Create Socket {address}",
    )),
    ("WARN", "0.9", "1.2", (
        "Failed to Generate MRCPv2 Stream", "Failed to Generate RTSP Stream", "Failed to Send MRCPv2 Stream",
        "Failed to Send RTSP Stream",
    )),
    ("DEBUG", "0.9", "1.8", (
        "Failed to Bind Socket to {address}", "Kill Timer {pointer} [{count}]", "Loading Param {words}:{words}",
        "Loading Profiles", "Loading Resource Map", "Loading Resources", "Loading Settings",
        "Reschedule Timers [{count}]", "Set Timer {pointer} [{count}]", "Timer Elapsed {pointer} [{count}]",
    )),
    ("INFO", "0.9", "1.8", (
        "APR [{version}]", "Activity Detector [{count}]",
        "Close RTP Transmitter {address} -> {address} [s:{count} o:{count}]", "Disable RTP Session {address}",
        "Generate RTCP RR [ssrc:{count} last_seq:{count} j:{count} lost:{count} frac:{count}]",
        "Generate RTCP SR [ssrc:{count} s:{count} o:{count} ts:{count}]",
        "Get RTCP RR [ssrc:{count} last_seq:{count} j:{count} lost:{count} frac:{count}]",
        "Get RTCP SR [ssrc:{count} s:{count} o:{count} ts:{count}]", "Not Supported SDP Media [{name}]",
        "Not supported SDP Proto [{name}], expected [{name}]", "Open RTP Transmitter {address} -> {address}",
        "Out-of-band digit arrived, turning in-band DTMF detector off",
        "Receive Compound RTCP Packet [{count} bytes] {address} <- {address}", "Register Codec [{name}]",
        "Send Compound RTCP Packet [BYE] [{count} bytes] {address} -> {address}",
        "Send Compound RTCP Packet [{count} bytes] {address} -> {address}", "Set [{name}] as Speech Source",
    )),
    ("NOTICE", "0.9", "1.8", (
        "Failed to Load Resource [{count}]", "Open Config File [{name}]",
    )),
    ("WARN", "0.9", "1.8", (
        "Cannot parse URL in request-line", "Cannot parse message-length in response-line",
        "Cannot parse message-length in v2 start-line", "Cannot parse mrcp-version in request-line",
        "Cannot parse reason phrase in status-line", "Cannot parse request-id in request-line",
        "Cannot parse request-id in response-line", "Cannot parse request-id in v2 start-line",
        "Cannot parse request-state in response-line", "Cannot parse request-state in v2 start-line",
        "Cannot parse status-code in response-line", "Cannot parse status-code in status-line",
        "Cannot parse status-code in v2 start-line", "Cannot parse version in request-line",
        "Cannot read the first field in start-line",
        "Currently resampling is not supported. Try to configure and use the same sampling rate on both ends",
        "DTMF queue too short ({count}), cannot add {count} digit{words}, already has {count}",
        "Failed to Create Pollset", "Failed to Create Wakeup Pipe: {words}", "Failed to Generate MRCPv1 Message",
        "Failed to Get Sockaddr {address}", "Failed to Open Config File [{name}]",
        "Failed to Parse Config File [{name}]", "Failed to Parse MRCPv1 Message", "Failed to Parse SDP Message",
        "Failed to Register Profile [{name}]: missing connection agent",
        "Failed to Register Profile [{name}]: missing signaling agent", "Failed to Register Profile: no name",
        "Failed to Send Compound RTCP Packet [BYE] [{count} bytes] {address} -> {address}",
        "Failed to Send Compound RTCP Packet [{count} bytes] {address} -> {address}",
        "Failed to Signal Control Message", "Invalid MPF Message Type [{count}]", "Invalid SDP Message",
        "Malformed Compound RTCP Packet", "No RTSP Connection", "No Such Codec [{name}]", "Unknown Attribute <{id}>",
        "Unknown Element <{id}>", "Unknown MRCP version", "Unknown mrcp-version",
    )),
    ("NOTICE", "0.10", "0.10", (
        "Create MPF Engine", "Create SofiaSIP Agent [{version}] {words}",
    )),
    ("WARN", "0.10", "0.10", (
        "Failed to Poll status: {count}",
    )),
    ("DEBUG", "0.10", "1.8", (
        "Detecting IP Address", "Loading Components", "Loading Element <{id}>", "Loading Jitter Buffer Settings",
        "Loading MRCPv1 Profile <{id}>", "Loading MRCPv2 Agent <{id}>", "Loading MRCPv2 Profile <{id}>",
        "Loading Media Engine <{id}>", "Loading Properties", "Loading RTCP Settings", "Loading RTP Factory <{id}>",
        "Loading RTP Settings <{id}>", "Loading SofiaSIP Agent <{id}>", "Loading UniRTSP Agent <{id}>",
        "Task Started [{name}]", "Task Terminated [{name}]",
    )),
    ("INFO", "0.10", "1.8", (
        "Destroy Task [{name}]", "Register RTP Settings [{name}]", "Set Property ext-ip:{words}",
        "Terminate Task [{name}]",
    )),
    ("NOTICE", "0.10", "1.8", (
        "Create MRCPv1 Profile [{name}]",
    )),
    ("WARN", "0.10", "1.8", (
        "Failed to Start Poller Task", "Missing Required Attribute <id> in Element <{id}>", "Unknown Document <{id}>",
        "Unknown Task Message Received [{count};{count}]", "Unknown Version",
    )),
    ("INFO", "1.0", "1.0", (
        "Close RTP Receiver {address} <- {address} [r:{count} l:{count} j:{count} d:{count} i:{count}]",
    )),
    ("WARN", "1.0", "1.0", (
        "Uknown MRCP header field: {words}",
    )),
    ("DEBUG", "1.0", "1.8", (
        "Create Mixer {words}", "Create Multiplier {words}", "Create Null Audio Bridge {words}",
        "Destroy Mixer {words}", "Destroy Multiplier {words}",
    )),
    ("INFO", "1.0", "1.8", (
        "Generated Message Body [{count} bytes]", "Generated Message Header [{count} bytes]",
        "Parsed Message Body [{count} bytes]", "Parsed Message Header [{count} bytes]",
    )),
    ("NOTICE", "1.0", "1.8", (
        "Destroy MRCPv2 Agent [{name}]",
    )),
    ("WARN", "1.0", "1.8", (
        "Failed to Poll [{name}] status: {count}", "Failed to feed NLSML input to the parser",
        "Failed to terminate NLSML parsing", "No NLSML root element", "Null MRCPv2 Connection <{id}@{resource}>",
        "Unexpected NLSML root element <{id}>",
    )),
    ("WARN", "1.1", "1.4", (
        "Failed to Create NUA [{name}] {words}",
    )),
    ("DEBUG", "1.1", "1.8", (
        "Send Shutdown Signal to NUA [{name}]",
    )),
    ("WARN", "1.1", "1.8", (
        "Unknown MRCP header field: {words}", "Unknown RTSP Resource Name [{name}]",
    )),
    ("CRITIC", "1.2", "1.8", (
        "APR Abort Called [{count}]",
    )),
    ("DEBUG", "1.2", "1.8", (
        "Get IP Address by Interface [{name}]", "Init SofiaSIP Logger [{name}] level:{words} redirect:{count}",
        "Loading Misc Parameters",
    )),
    ("INFO", "1.2", "1.8", (
        "Found Address {words} by Interface [{name}]", "Interpretation[{count}].confidence: {words}",
        "Interpretation[{count}].grammar: {words}", "Interpretation[{count}].input.confidence: {words}",
        "Interpretation[{count}].input.mode: {words}", "Interpretation[{count}].input.timestamp-end: {words}",
        "Interpretation[{count}].input.timestamp-start: {words}", "Interpretation[{count}].input: {words}",
        "Interpretation[{count}].instance[{count}]: {words}", "Result.grammar: {words}",
    )),
    ("WARN", "1.2", "1.8", (
        "Failed to Create Socket", "Failed to Get Adapters Info {count}", "Failed to Get Interfaces",
        "Failed to Get Name Info", "Failed to Match Codec List {address}",
        "Invalid NLSML document: at least one child element MUST be specified for <{id}>", "No NLSML data available",
        "No Such Interface Found [{name}]", "Reject RTP Session {address} no codecs matched",
        "Unknown SofiaSIP Log Level [{name}]: must be in range [0..9]", "Unknown SofiaSIP Logger <{id}>",
        "Unknown attribute '{words}' for <{id}>", "Unknown child element <{id}> for <{id}>",
    )),
    ("DEBUG", "1.3", "1.8", (
        "Received MPF Message: NULL session", "Task Brought Online [{name}]", "Task Taken Offline [{name}]",
    )),
    ("WARN", "1.3", "1.8", (
        "Failed to Generate RTSP Data", "Failed to Open Utterance Output File [{name}] for Writing",
        "Failed to Pop Message [{name}] status: {count}", "Failed to Send RTSP Data", "Null Parent Task [{name}]",
    )),
    ("DEBUG", "1.5", "1.8", (
        "Deinitialize Task [{name}]", "Initialize Task [{name}]",
        "Max Use Count Reached for Connection {words} [{count}]", "Receive Sofia-SIP Task Msg [{name}]",
    )),
    ("WARN", "1.5", "1.8", (
        "Failed to Create NUA [{name}]", "Failed to Run Sofia-SIP Task",
    )),
    ("DEBUG", "1.8", "1.8", (
        "Loading Codecs",
    )),
)  # fmt: skip

START_FAILURES: Final = frozenset({
    "Failed to Register Profile: no resources", "No MRCP Engine Available [{name}]", "Failed to Create MRCP Engine",
    "Failed to Create Server Task", "Failed to Load DSO Symbol: mrcp_plugin_create", "Failed to Load DSO: {words}",
    "Failed to Load Plugin: invalid params", "Failed to Register Profile [{name}]: missing RTP factory",
    "Failed to Register Profile [{name}]: missing media engine", "Failed to Start Server Task",
    "Incompatible Plugin Version Found [{count}.{count}.{count}] < [{version}]", "No Entry Point Found for Plugin",
    "No Version Info Found: {words}", "Failed to Create Listening Socket",
    "Failed to Create Listening Socket [{name}] {address}", "Failed to Load UniMRCP Server Document",
    "Failed to Register Profile [{name}]: missing resource factory",
    "Failed to Register Profile [{name}]: missing RTP settings", "Failed to Open Config File [{name}]",
    "Failed to Parse Config File [{name}]", "Failed to Register Profile [{name}]: missing connection agent",
    "Failed to Register Profile [{name}]: missing signaling agent", "Failed to Register Profile: no name",
    "Failed to Create NUA [{name}]", "Failed to Create NUA [{name}] {words}", "Failed to Run Sofia-SIP Task",
    "Failed to Add Listening Socket to Pollset", "Failed to Add Listening Socket to Pollset [{name}]",
    "Failed to Create Listen Socket", "Failed to Start Network Server Task", "Failed to Start MRCPv2 Agent",
    "Failed to compose plugin path {words}",
})  # fmt: skip
"""Those of these texts that tell of a part of the server that is not there: it goes on without it, or not at all."""
