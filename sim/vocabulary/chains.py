"""Release chains: the server's functions, in order, that bring a session on and in the end release it."""

from sim.vocabulary.messages import (
    A_BYE,
    A_TERMINATED,
    MESSAGE_NAMES,
    MESSAGES,
    N_ACK_TIMEOUT,
    N_BYE,
    N_BYE_TIMEOUT,
    N_CANCEL,
    N_DUPLICATE,
    N_SESSION_TIMER,
)

RELEASE_CHAINS = {
    "open": ("mrcp_engine_channel_virtual_open", "mrcp_engine_channel_open_respond",
             "mrcp_server_on_engine_channel_open", "mrcp_server_session_subrequest_remove"),
    "close": ("mrcp_engine_channel_virtual_close", "mrcp_engine_channel_close_respond",
              "mrcp_server_on_engine_channel_close", "mrcp_server_session_subrequest_remove"),
    "request": ("mrcp_engine_channel_request_process", "mrcp_engine_channel_message_send",
                "mrcp_server_on_engine_channel_message", "state_machine_on_message_dispatch",
                "mrcp_server_signaling_message_dispatch"),
    "stop": ("mrcp_state_machine_deactivate", "mrcp_engine_channel_request_process", "mrcp_engine_channel_message_send",
             "mrcp_server_on_engine_channel_message", "state_machine_on_deactivate",
             "mrcp_server_session_subrequest_remove"),
    "media": ("mpf_engine_message_send", "mpf_engine_msg_process", "mrcp_server_mpf_message_process",
              "mrcp_server_session_subrequest_remove"),
    "channel": ("mrcp_server_control_message_signal", "mrcp_server_agent_msg_process", "mrcp_server_on_channel_modify",
                "mrcp_server_session_subrequest_remove"),
    "offer": ("mrcp_sofia_on_call_receive", "mrcp_session_offer", "mrcp_server_signaling_message_process",
              "mrcp_server_signaling_message_dispatch", "mrcp_server_session_offer_process",
              "mrcp_server_session_answer_send"),
    "terminate": ("mrcp_session_terminate_request", "mrcp_server_signaling_message_process",
                  "mrcp_server_signaling_message_dispatch"),
    "wedged": ("mrcp_server_on_message_receive", "mrcp_server_signaling_message_dispatch"),
    "caller": ("nua_i_bye", "nua_i_state [terminated]", "mrcp_sofia_on_call_terminate",
               "mrcp_session_terminate_request", "mrcp_server_signaling_message_process",
               "mrcp_server_signaling_message_dispatch"),
}  # fmt: skip
"""The server's functions, in order, that bring a session on, by what it waits for; a termination follows."""

TERMINATION = (
    "mrcp_server_session_deactivate", "mrcp_server_session_terminate_process", "mrcp_server_session_terminate_send",
    "mrcp_sofia_on_session_terminate", "apr_pool_destroy",
)  # fmt: skip
"""The ordinary termination: what releases every session in the end."""

AFTERWARDS = {
    "GENERATING_ANSWER": ("mrcp_server_session_answer_send", *TERMINATION),
    "INITIALIZING": ("mrcp_server_session_answer_send", *TERMINATION),
    "DEACTIVATING": TERMINATION[1:],
    "TERMINATING": TERMINATION[2:],
}
"""What is left to do, by state, when the last subrequest has ended; else the whole termination."""

STOPPED_AT = {
    "open": 1, "close": 1, "request": 1, "stop": 2, "media": 1, "channel": 1, "offer": 2, "terminate": 1, "wedged": 1,
    "caller": 0,
}  # fmt: skip
"""The step of its chain that never comes when the answer is missing."""

TAKEN_BY = {row.name: row.taken_by or row.function.rpartition(" → ")[2] for row in MESSAGES if row.carries}
"""The receiver's step that never comes when this message is lost, or lies in the queue of a task that stands still."""

BEFORE_TERMINATE = tuple(
    MESSAGE_NAMES[kind]
    for kind in (N_BYE, N_DUPLICATE, N_CANCEL, A_BYE, A_TERMINATED, N_ACK_TIMEOUT, N_SESSION_TIMER, N_BYE_TIMEOUT)
)
"""Messages on the way to TERMINATE: when one of them is stuck, the chain starts before it."""
