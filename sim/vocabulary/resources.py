"""What a session can hold: the resources of the ledger, and who acquires and who releases each."""

from typing import Final

# engine_channel and plugin_licence of resource r are ENGINE_CHANNEL + 2 r (+ 1)
SESSION_POOL: Final = 0
SIP_HOME: Final = 1
NUA_HANDLE: Final = 2
SESSION_TABLE: Final = 3
CONTROL_CHANNEL: Final = 4
TCP_CONNECTION: Final = 5
CONNECTION_POOL: Final = 6
RTP_PORT: Final = 7
MEDIA_CONTEXT: Final = 8
ENGINE_CHANNEL: Final = 9

RESOURCE_NAMES: Final = (
    "session_pool", "sip_home", "nua_handle", "session_table", "control_channel", "tcp_connection", "connection_pool",
    "rtp_port", "media_context",
)  # fmt: skip

# resource → (the function that acquires it, the function that releases it)
RESOURCE_FUNCTIONS = {
    "session_pool": ("apt_pool_create", "apr_pool_destroy"),
    "sip_home": ("su_home_new", "su_home_unref"),
    "nua_handle": ("nua_handle_bind", "nua_handle_destroy"),
    "session_table": ("mrcp_server_session_add", "mrcp_server_session_remove"),
    "control_channel": ("mrcp_server_control_channel_add", "mrcp_server_control_channel_remove"),
    "tcp_connection": ("apr_socket_accept", "apr_socket_close"),
    "connection_pool": ("mrcp_connection_create", "mrcp_connection_destroy"),
    "rtp_port": ("mpf_context_termination_add", "mpf_context_termination_subtract"),
    "media_context": ("mpf_engine_context_create", "mpf_context_destroy"),
    "engine_channel": ("mrcp_engine_channel_virtual_create", "mrcp_engine_channel_virtual_destroy"),
    "plugin_licence": ("open of the plugin", "close of the plugin"),
}


def resource_function(resource: str, acquired: bool) -> str:
    """The server's function that acquires or releases `resource`; "" when it is not known."""
    names = RESOURCE_FUNCTIONS.get(resource.partition(":")[0])
    return "" if names is None else names[0 if acquired else 1]
