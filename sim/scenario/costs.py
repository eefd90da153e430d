"""How long each task works on each message; defaults measured on a real server at 10 calls/s (DEBUG log, 2 cores).

What a log of SIP calls alone does not show (MRCP requests, TCP) was measured at 20 calls/s with one RECOGNIZE per call.
Not measured: the server's `event`, taken to cost what `response` does; its `disconnect` and `other`, which are guesses.
"""

from pydantic import Field

from sim.scenario.base import Part
from sim.scenario.distributions import Dist, microseconds

us = microseconds


class NuaCosts(Part):
    """The NUA stack's own thread."""

    invite: Dist = Field(default=us(120, 180), description="Parse an INVITE and start its transaction.")
    ack: Dist = Field(default=us(60, 90), description="Match an ACK.")
    bye: Dist = Field(default=us(60, 90), description="Parse a BYE.")
    cancel: Dist = Field(default=us(60, 90), description="Parse a CANCEL.")
    respond: Dist = Field(default=us(60, 90), description="Send a response.")
    other: Dist = Field(default=us(60, 90), description="Anything else.")


class SipAgentCosts(Part):
    """The SIP agent: handlers of NUA events."""

    i_invite: Dist = Field(default=us(10, 20), description="nua_i_invite.")
    i_state: Dist = Field(default=us(40, 60), description="nua_i_state: session creation and the offer signal.")
    i_terminated: Dist = Field(default=us(40, 60), description="nua_i_state [terminated]: the terminate signal.")
    i_other: Dist = Field(default=us(4, 8), description="Any other NUA event.")


class ServerCosts(Part):
    """The MRCP server task, which owns every session."""

    offer: Dist = Field(default=us(99, 126), description="OFFER.")
    control: Dist = Field(default=us(21, 45), description="CONTROL: an MRCP request.")
    terminate: Dist = Field(default=us(90, 133), description="TERMINATE, and the session's taking down.")
    deactivate: Dist = Field(default=us(25, 33), description="TERMINATE that must first stop a request in progress.")
    channel_added: Dist = Field(default=us(6, 10), description="Control channel added.")
    channel_removed: Dist = Field(default=us(6, 11), description="Control channel removed.")
    mpf_response: Dist = Field(default=us(50, 68), description="Media engine's container came back.")
    mpf_subtracted: Dist = Field(
        default=us(50, 68), description="The same for one that subtracted, and the release when it was the last."
    )
    opened: Dist = Field(default=us(91, 326), description="Engine channel opened, and the answer when it was the last.")
    closed: Dist = Field(default=us(6, 13), description="Engine channel closed, and the release when it was the last.")
    response: Dist = Field(default=us(34, 42), description="Plugin's response to a request.")
    stopped: Dist = Field(
        default=us(74, 90), description="Plugin's answer to a STOP, and the session's taking down when it was the last."
    )
    event: Dist = Field(default=us(34, 42), description="Plugin's event.")
    disconnect: Dist = Field(default=us(20, 35), description="TCP connection lost.")
    other: Dist = Field(default=us(6, 12), description="Anything else.")


class ConnectionAgentCosts(Part):
    """The MRCPv2 connection agent."""

    add: Dist = Field(default=us(21, 34), description="Add a control channel.")
    remove: Dist = Field(default=us(21, 34), description="Remove a control channel.")
    modify: Dist = Field(default=us(21, 34), description="Modify a control channel.")
    send: Dist = Field(default=us(37, 64), description="Send an MRCP message.")
    accept: Dist = Field(default=us(43, 46), description="Accept a TCP connection.")
    receive: Dist = Field(default=us(50, 65), description="Receive and parse an MRCP message.")
    disconnect: Dist = Field(default=us(93, 114), description="Close a TCP connection.")


class MediaCosts(Part):
    """The media engine."""

    add: Dist = Field(default=us(110, 150), description="Container that adds terminations.")
    subtract: Dist = Field(default=us(60, 85), description="Container that subtracts terminations.")


class Costs(Part):
    """Service time of every message, by task."""

    nua: NuaCosts = Field(default=NuaCosts(), description="NUA stack.")
    sip_agent: SipAgentCosts = Field(default=SipAgentCosts(), description="SIP agent.")
    server: ServerCosts = Field(default=ServerCosts(), description="MRCP server task.")
    connection_agent: ConnectionAgentCosts = Field(
        default=ConnectionAgentCosts(), description="MRCPv2 connection agent."
    )
    media: MediaCosts = Field(default=MediaCosts(), description="Media engine.")
