"""What a text that is no server's log seems to be, from what stands in its first lines."""

import re
from typing import Final

_FREESWITCH: Final = (
    rb"mod_unimrcp|mod_sofia|mod_dptools|sofia(?:_\w+)?\.c:\d+|switch_\w+\.c:\d+|\d+\.\d\d% \["
    rb"|\((?:ASR|TTS)-\d+\)|FreeSWITCH"
)
_ASTERISK: Final = (
    rb"app_unimrcp|app_mrcp\w+|res_speech_unimrcp|(?:VERBOSE|NOTICE|WARNING|DEBUG|ERROR)\[\d+\](?:\[C-[0-9a-f]+\])?[: ]"
    rb"|-- Executing \[|chan_(?:pj)?sip|Asterisk"
)
_DATED: Final = "the log of another program (its lines have times)"
_OTHER: Final = "some other text"
_SIGNS: Final = (
    (_ASTERISK, "the log of Asterisk, which is a client of the server"),
    (_FREESWITCH, "the log of FreeSWITCH, which is a client of the server"),
    (rb"\A\s*<\?xml|<unimrcpserver\b|</\w+>\s*\Z", "an XML file (`mrcpsim import` reads the server's configuration)"),
    (rb"(?m)^(?:extends|arrivals|expect|\$schema): ", "a scenario (`mrcpsim run` simulates one)"),
    (rb"(?m)^(?:INVITE|ACK|BYE|CANCEL|OPTIONS|REGISTER) sips?:|^SIP/2\.0 \d{3} ", "a trace of SIP messages"),
    (rb"\"(?:GET|POST|PUT|HEAD) [^\"]* HTTP/", "the log of a web server"),
    (rb"(?m)^\s+at [\w.$]+\(|^Traceback \(most recent", "the log of another program (it has stack traces)"),
    (rb"\A\s*[\[{]\s*\"", "JSON"),
    (rb"[\x00-\x08\x0e-\x1a]", "no text"),
    (rb"\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d|\d\d:\d\d:\d\d", _DATED),
)  # fmt: skip
VAGUE: Final = (_DATED, _OTHER)
CUT: Final = "a log of UniMRCP whose lines were cut or changed, or of a version before 0.9"
CLIENT: Final = "the log of a UniMRCP client: its lines are those of the client library"


def seems(head: bytes) -> str:
    """What `head`, the beginning of a file without a line of the server, seems to be: "…" as in "it seems to be …"."""
    return next((what for sign, what in _SIGNS if re.search(sign, head)), _OTHER)
