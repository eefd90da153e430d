"""What of the configuration came with which version of the server, and what a file tells of the version it is for.

Read off the loader of each release, 1.0.0 to 1.8.0 (`platforms/libunimrcp-server/src/unimrcp_server.c`). An older
server ignores an element that it does not know.
"""

import re
from dataclasses import dataclass
from typing import Final

from sim.errors import ScenarioError
from sim.scenario.problems import shorten

Version = tuple[int, int]

NEWEST: Final[Version] = (1, 8)
OLDEST: Final[Version] = (1, 0)
TIMERS: Final[Version] = (1, 5)
"""Session, inactivity and termination timers: an older server waits for ever."""

RTP_SETTINGS_NEEDED: Final[Version] = (1, 7)
"""Since then a profile without valid rtp-settings is not registered."""

MAP_OF_RESOURCES: Final[Version] = (1, 7)
"""`<resource id= engine=>` in a resource-engine-map; before, only `<param name= value=>`."""

SINCE: Final[dict[str, Version]] = {
    "sip-message-output": (1, 1),
    "sip-message-dump": (1, 1),
    "misc": (1, 2),
    "max-shared-use-count": TIMERS,
    "inactivity-timeout": TIMERS,
    "termination-timeout": TIMERS,
    "sip-session-expires": TIMERS,
    "sip-min-session-expires": TIMERS,
    "disable-soa": (1, 7),
    "extract-feature-tags": (1, 7),
    "extract-call-id": (1, 7),
    "extract-user-name": (1, 7),
    "attrib": (1, 7),
}
"""Elements that came after 1.0."""

_VERSION = re.compile(r"(\d)\.(\d{1,2})(?:\.\d{1,3})?")


@dataclass(frozen=True, slots=True)
class ServerVersion:
    """For which version a file is read, and how that is known."""

    version: Version
    given: bool
    at_least: Version = OLDEST  # what the file's own elements ask for
    evidence: str = ""  # the element that asks for it
    line: int = 0

    def __str__(self) -> str:
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def said(self) -> str:
        """One sentence on how the version is known."""
        if self.given:
            return f"read as UniMRCP {self} does, as given"
        if self.evidence:
            least = f"{self.at_least[0]}.{self.at_least[1]}"
            return f"read as UniMRCP {self} does, assumed: <{self.evidence}> in line {self.line} is of {least} or newer"
        return f"read as UniMRCP {self} does, assumed: nothing in the file tells the version"


def read_version(text: str) -> Version:
    """`1.4` or `1.4.0` as a version. ScenarioError for what is none, or one whose configuration is not read."""
    match = _VERSION.fullmatch(text.strip())
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    if not OLDEST <= version <= (1, 99):
        raise ScenarioError(
            f"--server-version must be a version of UniMRCP from 1.0 on, such as 1.8 (got {shorten(text)})"
        )
    return version
