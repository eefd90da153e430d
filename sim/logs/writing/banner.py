"""The lines of a server's start, as far as the scenario says what they hold, and those of its end."""

from collections.abc import Iterator

from sim.logs.writing.bodies import IP, MRCP_PORT
from sim.logs.writing.calls import Setting
from sim.logs.writing.story import AGENT, MEDIA, SERVER, SIP
from sim.version import VERSION
from sim.vocabulary.plugins import RESOURCES


def beginning(setting: Setting) -> Iterator[tuple[str, str]]:
    """(priority, text) of every line of the start."""
    low, high = setting.rtp
    yield "NOTICE", "UniMRCP Server [1.8.0]"
    yield "NOTICE", f"Simulated by mrcpsim [{VERSION}] scenario [{setting.name}] seed [{setting.seed}]"
    yield "NOTICE", "Create MRCP Server"
    yield "INFO", f"Set Property ip:{IP}"
    for mrcp in RESOURCES:
        yield "NOTICE", f"Register Resource [{mrcp}]"
    yield "INFO", "Register Resource Factory"
    yield "NOTICE", f"Create SofiaSIP Agent [{SIP}] [1.12.11devel] sip:{IP}:8060;transport=udp,tcp"
    yield "INFO", f"Register Signaling Agent [{SIP}]"
    yield "NOTICE", f"Create MRCPv2 Agent [{AGENT}] {IP}:{MRCP_PORT} [{setting.connections or 1_000_000}]"
    yield "INFO", f"Register Connection Agent [{AGENT}]"
    yield "NOTICE", f"Create Media Engine [{MEDIA}]"
    yield "INFO", f"Register Media Engine [{MEDIA}]"
    yield "NOTICE", f"Create RTP Termination Factory {IP}:[{low},{high}]"
    yield "INFO", "Register RTP Termination Factory [RTP-Factory-1]"
    for _, name in setting.engines.values():
        yield "INFO", f"Register MRCP Engine [{name}]"
    yield "NOTICE", f"Create MRCPv2 Profile [{setting.profile}]"
    for resource, (_, name) in setting.engines.items():
        yield "INFO", f"Associate Resource [{resource}] to Engine [{name}] in Profile [{setting.profile}]"
    yield "INFO", f"Register Profile [{setting.profile}]"
    for task in (SERVER, *(task for task, _ in setting.engines.values()), SIP, AGENT, MEDIA):
        yield "INFO", f"Start Task [{task}]"
    yield "NOTICE", "MRCP Server Started"
