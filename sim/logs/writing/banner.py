"""The lines of a server's start, as far as the scenario says what they hold, and those of its end."""

from collections.abc import Iterator
from typing import Final

from sim.logs.writing.bodies import IP, MRCP_PORT
from sim.logs.writing.calls import Setting
from sim.logs.writing.story import AGENT, MEDIA, SERVER, SIP
from sim.version import VERSION
from sim.vocabulary.lines import Kind
from sim.vocabulary.plugins import RESOURCES

_SERVER: Final = "1.8.0"
_SOFIA: Final = "1.12.11devel"


def beginning(setting: Setting) -> Iterator[tuple[Kind, dict[str, object]]]:
    """Every line of the start: its kind and its fields."""
    low, high = setting.rtp
    yield Kind.START, {"version": _SERVER}
    yield Kind.SIMULATED, {"version": VERSION, "scenario": setting.name, "seed": setting.seed}
    yield Kind.CREATE_SERVER, {}
    yield Kind.PROPERTY_IP, {"ip": IP}
    for mrcp in RESOURCES:
        yield Kind.REGISTER_RESOURCE, {"resource": mrcp}
    yield Kind.REGISTER_RESOURCES, {}
    yield Kind.SIP_AGENT, {"agent": SIP, "version": _SOFIA, "words": f"sip:{IP}:8060;transport=udp,tcp"}
    yield Kind.REGISTER_SIGNALING, {"agent": SIP}
    limit = setting.connections or 1_000_000
    yield Kind.CONNECTION_AGENT, {"task": AGENT, "address": f"{IP}:{MRCP_PORT}", "limit": limit}
    yield Kind.REGISTER_CONNECTION, {"agent": AGENT}
    yield Kind.MEDIA_ENGINE, {"task": MEDIA}
    yield Kind.REGISTER_MEDIA, {"agent": MEDIA}
    yield Kind.RTP_FACTORY, {"ip": IP, "low": low, "high": high}
    yield Kind.REGISTER_RTP, {"agent": "RTP-Factory-1"}
    for _, name in setting.engines.values():
        yield Kind.REGISTER_ENGINE, {"engine": name}
    yield Kind.CREATE_PROFILE, {"profile": setting.profile}
    for resource, (_, name) in setting.engines.items():
        yield Kind.ASSOCIATE, {"resource": resource, "engine": name, "profile": setting.profile}
    yield Kind.REGISTER_PROFILE, {"profile": setting.profile}
    for task in (SERVER, *(task for task, _ in setting.engines.values()), SIP, AGENT, MEDIA):
        yield Kind.START_TASK, {"task": task}
    yield Kind.STARTED, {}
