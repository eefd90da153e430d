"""The SDP and MRCP bodies of log lines: short and correct, with the lengths that they state."""

from typing import Final

IP: Final = "127.0.0.1"
MRCP_PORT: Final = 1544


def offer_sdp(resources: list[str], direction: str = "sendonly") -> str:
    """What a caller offers: one control channel per resource and one audio stream; `inactive` puts the call on hold."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {IP}", "s=-", f"c=IN IP4 {IP}", "t=0 0"]
    for resource in resources:
        lines += [
            "m=application 9 TCP/MRCPv2 1",
            "a=setup:active",
            "a=connection:new",
            f"a=resource:{resource}",
            "a=cmid:1",
        ]
    return "\n".join([*lines, "m=audio 6000 RTP/AVP 0", f"a={direction}", "a=mid:1", ""])


def answer_sdp(name: str, resources: list[str], port: int) -> str:
    """What the server answers; without an RTP port the audio is disabled."""
    lines = ["v=0", f"o=UniMRCPServer 0 0 IN IP4 {IP}", "s=-", f"c=IN IP4 {IP}", "t=0 0"]
    for resource in resources:
        lines += [
            f"m=application {MRCP_PORT} TCP/MRCPv2 1", "a=setup:passive", "a=connection:new",
            f"a=channel:{name}@{resource}", "a=cmid:1",
        ]  # fmt: skip
    if port:
        audio = [f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=recvonly", "a=mid:1"]
    else:
        audio = ["m=audio 0 RTP/AVP 19", "a=mid:0"]
    return "\n".join([*lines, *audio, ""])


def mrcp_request(name: str, resource: str, method: str, number: int) -> str:
    """A request as the connection agent receives it."""
    body = "builtin:speech/digits"
    head = f"{method} {number}\nChannel-Identifier: {name}@{resource}\nContent-Type: text/uri-list\n"
    return _measured(f"{head}Content-Length: {len(body)}\n\n{body}")


def mrcp_response(name: str, resource: str, number: int, status: str = "200 IN-PROGRESS") -> str:
    """A response as the connection agent sends it."""
    return _measured(f"{number} {status}\nChannel-Identifier: {name}@{resource}\n\n")


def mrcp_event(name: str, resource: str, event: str, number: int) -> str:
    """A completion event as the connection agent sends it."""
    return _measured(
        f"{event} {number} COMPLETE\nChannel-Identifier: {name}@{resource}\nCompletion-Cause: 000 success\n\n"
    )


def _measured(rest: str) -> str:
    """The message with its own length in its first line (each line end is two octets on the wire)."""
    size = len(rest) + rest.count("\n")
    length = size + len("MRCP/2.0  ")
    while length != size + len(f"MRCP/2.0 {length} "):
        length = size + len(f"MRCP/2.0 {length} ")
    return f"MRCP/2.0 {length} {rest}"


def octets(message: str) -> int:
    """The length that a message states."""
    return int(message.split(" ", 2)[1])
