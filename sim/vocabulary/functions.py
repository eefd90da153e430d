"""Which function of the real server handles a message, and what a change of state calls on the way.

The names are those of UniMRCP 1.8.0 and sofia-sip, so that someone with the C code open can follow.
"""

# (kind of task, message) → the function that handles it; the kind is None where the message alone says it
HANDLERS: dict[str, dict[str, str]] = {
    "NUA": {
        "INVITE": "nua_stack_process_request",
        "retransmission": "nta_agent_recv",
        "re-INVITE": "nua_stack_process_request",
        "ACK": "process_ack",
        "BYE": "nua_stack_process_request",
        "CANCEL": "process_cancel",
        "200 to BYE": "nua_bye_client_report",
        "respond": "nua_stack_respond",
        "nua_respond": "nua_stack_respond",
        "nua_bye": "nua_stack_signal",
        "nua_handle_destroy": "nua_stack_destroy_handle",
        "ACK timeout": "process_timeout",
        "session timer": "nua_session_usage_refresh",
        "BYE timeout": "nua_bye_client_report",
    },
    "SIP": {
        "nua_i_invite": "mrcp_sofia_event_callback → mrcp_sofia_on_invite",
        "nua_i_state [received]": "mrcp_sofia_on_state_change → mrcp_sofia_on_call_receive",
        "nua_i_state [completed]": "mrcp_sofia_on_state_change",
        "nua_i_state [ready]": "mrcp_sofia_on_state_change",
        "nua_i_state [terminated]": "mrcp_sofia_on_state_change → mrcp_sofia_on_call_terminate",
        "nua_i_ack": "mrcp_sofia_event_callback",
        "nua_i_bye": "mrcp_sofia_event_callback",
        "nua_i_terminated": "mrcp_sofia_event_callback",
    },
    "SERVER": {
        "OFFER": "mrcp_server_session_offer_process",
        "CONTROL": "mrcp_server_on_message_receive",
        "TERMINATE": "mrcp_server_session_deactivate",
        "ADD-channel response": "mrcp_server_on_channel_modify",
        "MODIFY-channel response": "mrcp_server_on_channel_modify",
        "REMOVE-channel response": "mrcp_server_on_channel_remove",
        "MPF response": "mrcp_server_mpf_message_process",
        "OPEN response": "mrcp_server_on_engine_channel_open",
        "CLOSE response": "mrcp_server_on_engine_channel_close",
        "RESPONSE": "mrcp_server_on_engine_channel_message",
        "STOP response": "mrcp_server_on_engine_channel_message",
        "EVENT": "mrcp_server_on_engine_channel_message",
        "disconnect": "mrcp_server_on_disconnect",
    },
    "CONNECTION": {
        "ADD channel": "mrcp_server_agent_channel_add",
        "MODIFY channel": "mrcp_server_agent_channel_modify",
        "REMOVE channel": "mrcp_server_agent_channel_remove",
        "send": "mrcp_server_agent_messsage_send",  # spelt so in the source
        "accept": "mrcp_server_agent_connection_accept",
        "receive": "mrcp_server_poller_signal_process → mrcp_server_message_handler",
        "peer disconnect": "mrcp_server_agent_connection_close",
        "termination timer": "mrcp_server_termination_timer_proc",
        "inactivity timer": "mrcp_server_inactivity_timer_proc",
    },
    "MEDIA": {
        "MPF container": "mpf_engine_msg_process",
        "MPF container (add)": "mpf_engine_msg_process → mpf_context_termination_add",
        "MPF container (modify)": "mpf_engine_msg_process → mpf_termination_modify",
        "MPF container (subtract)": "mpf_engine_msg_process → mpf_context_termination_subtract",
        "STOP at tick": "mpf_engine_timer_proc → stream_write of the plugin",
    },
    "PLUGIN": {
        "open": "mrcp_engine_channel_open → mrcp_engine_channel_open_respond",
        "close": "mrcp_engine_channel_close → mrcp_engine_channel_close_respond",
        "request": "mrcp_engine_channel_request_process → mrcp_engine_channel_message_send",
        "stop": "mrcp_engine_channel_request_process (STOP)",
        "recognition ends": "mrcp_engine_channel_message_send (RECOGNITION-COMPLETE)",
    },
}

TASK_KINDS = {
    "NUA": "NUA",
    "SIP-Agent-1": "SIP",
    "MRCP Server": "SERVER",
    "MRCPv2-Agent-1": "CONNECTION",
    "Media-Engine-1": "MEDIA",
}

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

# what runs when a session leaves a state because its subrequest counter fell to 0, in the order of the states
_LEAVING: dict[str, tuple[str, ...]] = {
    "GENERATING_ANSWER": ("mrcp_server_engine_channels_update",),
    "INITIALIZING": ("mrcp_server_session_answer_send",),
    "ACTIVE": (),
    "DEACTIVATING": ("mrcp_server_session_terminate_process",),
    "TERMINATING": (
        "mrcp_server_session_terminate_send",
        "mrcp_session_terminate_response",
        "mrcp_sofia_on_session_terminate",
    ),
}
_ORDER = (*_LEAVING, "DESTROYED")


def handler(task: str, message: str) -> str:
    """The server's function for `message` on `task`; the message's own name when it is not known."""
    return HANDLERS[TASK_KINDS.get(task, "PLUGIN")].get(message, message)


def resource_function(resource: str, acquired: bool) -> str:
    """The server's function that acquires or releases `resource`; "" when it is not known."""
    names = RESOURCE_FUNCTIONS.get(resource.partition(":")[0])
    return "" if names is None else names[0 if acquired else 1]


def called_on_the_way(before: str | None, after: str | None) -> tuple[str, ...]:
    """The functions that brought a session from state `before` to `after`: INITIALIZING to ACTIVE sent the answer."""
    if before == after or after not in _ORDER:
        return ()
    if before in (None, "NONE"):
        before = "GENERATING_ANSWER"
        if after == "DESTROYED":  # no offer was ever made: nothing to answer, straight to the end
            return _LEAVING["TERMINATING"]
    if before not in _ORDER:
        return ()
    start, end = _ORDER.index(before), _ORDER.index(after)
    if start > end:
        return ()  # a re-INVITE: back to GENERATING_ANSWER by the handler itself
    called = [name for state in _ORDER[start:end] for name in _LEAVING[state]]
    skipped_answer = start <= _ORDER.index("ACTIVE") and end > _ORDER.index("ACTIVE")
    return tuple(called) if not skipped_answer else tuple(n for n in called if n != "mrcp_server_session_answer_send")
