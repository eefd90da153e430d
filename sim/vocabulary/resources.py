"""What a session can hold, the ledger's resources: a row for each, with who acquires, who releases and what limits it.

Where a session holds a resource at most once, `Session.holds` has a bit for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, ParamSpec

from sim.vocabulary.plugins import MAX_PLUGINS


@dataclass(frozen=True, slots=True)
class LedgerResource:
    """One resource of the server, or of each plugin."""

    name: str
    acquired_by: str  # function of the server
    released_by: str
    bit: int = 0  # in `Session.holds`; 0: it is held by channel or by connection
    has_bytes: bool = False
    limit: str = ""  # path in a scenario, below the plugin for one of a plugin
    words: str = ""  # what people call it; the star is the s of several


_rows: list[LedgerResource] = []
_Columns = ParamSpec("_Columns")


def _numbered(row: Callable[_Columns, LedgerResource]) -> Callable[_Columns, int]:
    def add(*columns: _Columns.args, **more: _Columns.kwargs) -> int:
        _rows.append(row(*columns, **more))
        return len(_rows) - 1

    return add


_resource: Final = _numbered(LedgerResource)
"""Appends a row; its number is the ledger's."""

_CONNECTIONS: Final = "server.limits.max_connection_count"

# fmt: off
_POOL_CREATED: Final = (
    "mrcp_server_sig_agent_session_create → mrcp_server_session_create → mrcp_session_create → apt_pool_create"
)
SESSION_POOL: Final = _resource("session_pool", _POOL_CREATED, "apr_pool_destroy", bit=1, has_bytes=True,
    words="session pool*")
SIP_HOME: Final = _resource("sip_home", "su_home_new", "su_home_unref", bit=2, words="SIP memory home*")
NUA_HANDLE: Final = _resource("nua_handle", "nua_handle_bind", "nua_handle_destroy", bit=4, words="SIP handle*")
SESSION_TABLE: Final = _resource("session_table", "mrcp_server_session_add", "mrcp_server_session_remove", bit=8,
    words="place* in the session table")
CONTROL_CHANNEL: Final = _resource("control_channel", "mrcp_server_control_channel_add",
    "mrcp_server_control_channel_remove", words="control channel*")
TCP_CONNECTION: Final = _resource("tcp_connection", "apr_socket_accept", "apr_socket_close", limit=_CONNECTIONS,
    words="MRCP connection*")
CONNECTION_POOL: Final = _resource("connection_pool", "mrcp_connection_create", "mrcp_connection_destroy",
    has_bytes=True, limit=_CONNECTIONS, words="pool* of MRCP connections")
RTP_PORT: Final = _resource("rtp_port", "mpf_context_termination_add", "mpf_context_termination_subtract", bit=32,
    limit="server.limits.rtp_ports", words="RTP port*")
MEDIA_CONTEXT: Final = _resource("media_context", "mpf_engine_context_create", "mpf_context_destroy", bit=16,
    words="media context*")
# fmt: on
OWN_RESOURCES: Final = tuple(_rows)
RESOURCE_NAMES: Final = tuple(row.name for row in OWN_RESOURCES)
BITS: Final = tuple(row.bit for row in OWN_RESOURCES)
FREED_AT_THE_END: Final = tuple(
    number for number, row in reversed(tuple(enumerate(OWN_RESOURCES))) if row.bit and not row.has_bytes
)
"""What the operating system takes back of a session whose process has ended, the last acquired first."""
HELD_ONCE: Final = tuple(sorted((row.bit, row.name) for row in OWN_RESOURCES if row.bit))
"""Bits of `Session.holds` and what they stand for."""

HOLDS_POOL: Final = BITS[SESSION_POOL]
HOLDS_HANDLE: Final = BITS[NUA_HANDLE]
HOLDS_TABLE: Final = BITS[SESSION_TABLE]
HOLDS_RTP: Final = BITS[RTP_PORT]

# those of each plugin, behind the server's own: two numbers for each
ENGINE_CHANNEL: Final = len(OWN_RESOURCES)
PLUGIN_RESOURCES: Final = (
    LedgerResource(
        "engine_channel",
        "mrcp_engine_channel_virtual_create",
        "mrcp_engine_channel_virtual_destroy",
        limit="max_channel_count",
        words="channel*",
    ),
    LedgerResource("plugin_licence", "open of the plugin", "close of the plugin", limit="licences", words="licence*"),
)
MAX_RESOURCES: Final = ENGINE_CHANNEL + len(PLUGIN_RESOURCES) * MAX_PLUGINS

_FUNCTIONS: Final = {row.name: (row.acquired_by, row.released_by) for row in (*OWN_RESOURCES, *PLUGIN_RESOURCES)}
_WORDS: Final = {row.name: row.words for row in (*OWN_RESOURCES, *PLUGIN_RESOURCES)}


def engine_channel(plugin: int) -> int:
    """The number of a plugin's engine channels."""
    return ENGINE_CHANNEL + 2 * plugin


def plugin_licence(plugin: int) -> int:
    """The number of a plugin's licences."""
    return ENGINE_CHANNEL + 2 * plugin + 1


def names_of_plugin(plugin: str) -> tuple[str, ...]:
    """The names of a plugin's resources in the ledger, in the order of their numbers."""
    return tuple(f"{row.name}:{plugin}" for row in PLUGIN_RESOURCES)


def resource_function(resource: str, acquired: bool) -> str:
    """The server's function that acquires or releases `resource`; "" when it is not known."""
    names = _FUNCTIONS.get(resource.partition(":")[0])
    return "" if names is None else names[0 if acquired else 1]


def resource_words(resource: str, count: int = 2) -> str:
    """What people call `count` of a resource: "channels of plugin speechrecog", of one "channel of plugin speechrecog";
    its own name when it is not known."""
    kind, _, plugin = resource.partition(":")
    if kind not in _WORDS:
        return resource
    words = _WORDS[kind].replace("*", "" if count == 1 else "s")
    return f"{words} of plugin {plugin}" if plugin else words
