"""Lines of the SIP agent, the connection agent and the plugins."""

from collections.abc import Callable

from sim.logs.writing.bodies import mrcp_event, mrcp_request, mrcp_response, octets, offer_sdp
from sim.logs.writing.calls import Call, LoggedRow, TcpConnection
from sim.logs.writing.story import AGENT, SERVER, SIP, LogStory
from sim.vocabulary.lines import Kind
from sim.vocabulary.messages import (
    HOLDS,
    REFRESHES,
    channel_of,
    is_marked,
    what_of,
)
from sim.vocabulary.plugins import ASKED, FAILED, MRCP_RESOURCES, START

PHRASES = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 406: "Not Acceptable", 480: "Temporarily Unavailable",
    487: "Request Terminated", 488: "Not Acceptable Here", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


class SipLines:
    """The SIP agent logs; the NUA stack, whose messages decide about the dialog, is silent."""

    def __init__(self, story: LogStory) -> None:
        self.story = story
        self.handlers: dict[str, Callable[[Call, LoggedRow], None]] = {
            "INVITE": self.invited, "ACK": self.acknowledged, "BYE": self.bye, "CANCEL": self.cancel,
            "nua_respond": self.respond, "nua_bye": self.send_bye, "200 to BYE": self.bye_answered,
            "BYE timeout": self.bye_timeout, "ACK timeout": self.ack_timeout, "session timer": self.session_timer,
            "nua_i_invite": self.i_invite, "nua_i_state [received]": self.i_received,
            "nua_i_state [completed]": self.i_completed, "nua_i_ack": self.i_ack, "nua_i_state [ready]": self.i_ready,
            "nua_i_bye": self.i_bye, "nua_i_state [terminated]": self.i_terminated, "nua_i_terminated": self.i_last,
            "nua_i_error": self.i_error,
        }  # fmt: skip

    def handle(self, call: Call, row: LoggedRow) -> None:
        """What the SIP agent logs for one of its messages, or learns from one of the NUA stack's."""
        handler = self.handlers.get(row.message)
        if handler is not None:
            handler(call, row)

    def event(self, time_s: float, event: str, text: str) -> None:
        status, _, phrase = text.partition(" ")
        self.story.put(time_s, SIP, Kind.SIP_EVENT, event=event, status=status, phrase=phrase, agent=SIP)

    def call_state(self, time_s: float, call: Call, state: str) -> None:
        pointer: dict[str, object] = {"pointer": call.address} if call.created else {}
        self.story.put(time_s, SIP, Kind.CALL_STATE, state=state, **pointer)

    # --- the dialog, as the NUA stack has it -----------------------------------------------------------------------

    def invited(self, call: Call, row: LoggedRow) -> None:
        if call.dialog == "none":
            call.dialog = "received"

    def acknowledged(self, call: Call, row: LoggedRow) -> None:
        if call.dialog in ("completed", "ready"):
            call.dialog = "ready"

    def end(self, call: Call, why: str) -> None:
        call.dialog, call.ended = "terminated", why

    def bye(self, call: Call, row: LoggedRow) -> None:
        if call.dialog in ("received", "completed", "ready"):
            self.end(call, "200 Session Terminated")

    def cancel(self, call: Call, row: LoggedRow) -> None:
        if call.dialog == "received":
            self.end(call, "487 Request Terminated")

    def respond(self, call: Call, row: LoggedRow) -> None:
        due = call.responses.popleft() if call.responses else 200
        status = due if row.argument is None else row.argument
        if call.dialog != "received":
            return
        if status == 200:
            call.dialog = "completed"
        else:
            self.end(call, f"{status} {PHRASES.get(status, 'Failure')}")

    def send_bye(self, call: Call, row: LoggedRow) -> None:
        if call.byes:
            call.byes -= 1
        elif call.dialog in ("received", "completed", "ready"):  # nobody's disconnect: a shutdown
            self.story.put(row.sent, SERVER, Kind.INITIATE_BYE, id=call.name)
        if call.dialog == "received":
            self.end(call, "480 Temporarily Unavailable")
        elif call.dialog in ("completed", "ready"):
            self.terminating(call, row)

    def terminating(self, call: Call, row: LoggedRow) -> None:
        call.dialog = "terminating"
        self.call_state(row.finished, call, "terminating")

    def bye_answered(self, call: Call, row: LoggedRow) -> None:
        if call.dialog == "terminating":
            self.event(row.finished, "nua_r_bye", "200 OK")
            self.end(call, "200 to BYE")

    def bye_timeout(self, call: Call, row: LoggedRow) -> None:
        if call.dialog == "terminating":
            self.event(row.finished, "nua_r_bye", "408 Request Timeout")
            self.end(call, "408 to BYE")

    def ack_timeout(self, call: Call, row: LoggedRow) -> None:
        if call.dialog == "completed":
            self.event(row.finished, "nua_i_error", "408 ACK Timeout")
            self.event(row.finished, "nua_i_state", "0 ACK Timeout")
            self.terminating(call, row)

    def session_timer(self, call: Call, row: LoggedRow) -> None:
        if call.dialog == "ready":
            self.event(row.finished, "nua_i_state", "0 Session Timeout")
            self.terminating(call, row)

    # --- `mrcp_sofia_event_callback` -------------------------------------------------------------------------------

    def i_invite(self, call: Call, row: LoggedRow) -> None:
        call.invites += 1
        self.event(row.started, "nua_i_invite", "100 Trying")
        self.create(call, row)

    def create(self, call: Call, row: LoggedRow) -> None:
        """`mrcp_sofia_session_create`, when the ledger says that this message made the pool."""
        if not row.count("session_pool", 1):
            return
        call.pointer = self.story.sessions.take(row.finished)
        if row.count("session_pool", -1):  # no profile: destroyed at once
            self.story.put(row.finished, SIP, Kind.NO_PROFILE, pointer=call.address, id="new")
            self.story.sessions.free(call.pointer, row.finished)
            return
        call.created = True
        profile = self.story.setting.profile
        self.story.put(row.finished, SIP, Kind.CREATE, pointer=call.address, id="new", profile=profile)

    def i_received(self, call: Call, row: LoggedRow) -> None:
        call.received += 1
        again = call.received > 1
        self.event(row.started, "nua_i_state", "100 Trying")
        was = call.created
        self.call_state(row.started, call, "received")
        if again:
            if call.created and call.state != "DESTROYED":
                body = offer_sdp(call.offered, "inactive" if row.argument == HOLDS else "sendonly")
                self.story.put_with(row.finished, SIP, Kind.REMOTE_SDP, body, **call.who)
                self.story.send(call, SERVER, "OFFER", REFRESHES, row.finished, SIP)
            return
        self.create(call, row)
        status = self.story.refused.get(call.number, 0)
        if status == 503:
            self.story.put(row.finished, SIP, Kind.OFFLINE)
        if status:
            call.responses.append(status)
        if status or not (call.created or was):  # without a status the process died here
            return
        body = offer_sdp(self.story.setting.mixes[0])
        self.story.put_with(row.finished, SIP, Kind.REMOTE_SDP, body, pointer=call.address, id="new")
        self.story.send(call, SERVER, "OFFER", 0, row.finished, SIP)

    def i_completed(self, call: Call, row: LoggedRow) -> None:
        self.event(row.started, "nua_i_state", "200 OK")
        self.call_state(row.started, call, "completed")

    def i_ack(self, call: Call, row: LoggedRow) -> None:
        self.event(row.started, "nua_i_ack", "200 OK")

    def i_ready(self, call: Call, row: LoggedRow) -> None:
        self.event(row.started, "nua_i_state", "200 OK")
        self.call_state(row.started, call, "ready")
        self.event(row.started, "nua_i_active", "200 Call active")

    def i_bye(self, call: Call, row: LoggedRow) -> None:
        self.event(row.started, "nua_i_bye", "200 Session Terminated")

    def i_terminated(self, call: Call, row: LoggedRow) -> None:
        if call.ended.startswith("487"):
            self.event(row.started, "nua_i_cancel", "200 OK")
        self.event(row.started, "nua_i_state", call.ended or "200 Session Terminated")
        self.call_state(row.started, call, "terminated")
        if call.created and call.state != "DESTROYED":
            self.story.send(call, SERVER, "TERMINATE", 0, row.finished, SIP)

    def i_error(self, call: Call, row: LoggedRow) -> None:
        self.event(row.started, "nua_i_error", "500 Responding to a Non-Existing Request")

    def i_last(self, call: Call, row: LoggedRow) -> None:
        self.event(row.started, "nua_i_terminated", call.ended or "200 Session Terminated")
        call.done = True
        self.story.forget(call)


class AgentLines:
    """The connection agent."""

    def __init__(self, story: LogStory) -> None:
        self.story = story
        self.handlers: dict[str, Callable[[Call, LoggedRow], object]] = {
            "ADD channel": self.add, "MODIFY channel": self.modify, "REMOVE channel": self.remove, "send": self.send,
            "accept": self.accept, "receive": self.receive, "peer disconnect": self.disconnect,
            "termination timer": self.termination_timer, "inactivity timer": self.inactivity_timer,
        }  # fmt: skip

    def handle(self, call: Call, row: LoggedRow) -> None:
        """All lines of one message on the connection agent."""
        self.handlers.get(row.message, self.process)(call, row)
        idle = self.story.setting.inactivity_ms
        self.story.wait(row, idle)

    def process(self, call: Call, row: LoggedRow) -> int:
        self.story.put(row.started, AGENT, Kind.WAKEUP, task=AGENT)
        return self.story.process(call, row)

    def name(self, call: Call, number: int) -> dict[str, object]:
        return call.channel(call.channels[number].resource if number < len(call.channels) else "speechrecog")

    def add(self, call: Call, row: LoggedRow) -> None:
        number = self.process(call, row)
        self.story.pending += 1
        self.story.put(row.started, AGENT, Kind.PENDING_ADD, count=self.story.pending, **self.name(call, number))
        if call.state != "DESTROYED":
            self.story.send(call, SERVER, "ADD-channel response", number, row.finished, AGENT)

    def modify(self, call: Call, row: LoggedRow) -> None:
        number = self.process(call, row)
        self.story.put(row.started, AGENT, Kind.AGENT_MODIFIED, **self.name(call, number))
        if call.state != "DESTROYED":
            self.story.send(call, SERVER, "MODIFY-channel response", number, row.finished, AGENT)

    def remove(self, call: Call, row: LoggedRow) -> None:
        number = self.process(call, row)
        channel = call.channels[number] if number < len(call.channels) else None
        connection = call.connection
        if channel is not None and channel.assigned and connection is not None:
            channel.assigned = False
            connection.channels -= 1
            left = connection.channels
            self.story.put(row.started, AGENT, Kind.AGENT_REMOVED, count=left, **self.name(call, number))
            if not connection.open and not connection.channels:
                self.story.put(row.started, AGENT, Kind.TCP_MARK, connection=connection.text)
        else:
            self.story.pending -= 1
            left = self.story.pending
            self.story.put(row.started, AGENT, Kind.PENDING_REMOVED, count=left, **self.name(call, number))
        if channel is not None:
            channel.control = False
        if call.state != "DESTROYED":
            self.story.send(call, SERVER, "REMOVE-channel response", number, row.finished, AGENT)

    def send(self, call: Call, row: LoggedRow) -> None:
        argument = self.process(call, row)
        number, connection = channel_of(argument), call.connection
        if connection is None or not connection.open or number >= len(call.channels):
            return
        channel = call.channels[number]
        method = MRCP_RESOURCES[channel.resource]
        if is_marked(argument):
            body = mrcp_event(call.name, channel.resource, method.complete, channel.requests)
        else:
            what = what_of(argument)
            status = "200 IN-PROGRESS" if what == START else "407 COMPLETE" if what == FAILED else "200 COMPLETE"
            body = mrcp_response(call.name, channel.resource, channel.requests, status)
        self.data(row, Kind.MRCP_SENT, connection, body)

    def data(self, row: LoggedRow, kind: Kind, connection: TcpConnection, body: str) -> None:
        self.story.put_with(row.started, AGENT, kind, body, connection=connection.text, bytes=octets(body))

    def socket(self, row: LoggedRow) -> None:
        self.story.put(row.started, AGENT, Kind.DESCRIPTOR, task=AGENT)

    def accept(self, call: Call, row: LoggedRow) -> None:
        self.socket(row)
        connection = self.story.new_connection()
        if not row.count("tcp_connection", 1):
            self.story.put(row.started, AGENT, Kind.TCP_REFUSED, connection=connection.text)
            return
        call.connection = call.own = connection
        if self.story.setting.shared:
            self.story.shared = connection
        self.story.put(row.started, AGENT, Kind.TCP_ACCEPT, connection=connection.text)

    def receive(self, call: Call, row: LoggedRow) -> None:
        self.socket(row)
        if call.connection is None and self.story.setting.shared:
            call.connection = self.story.shared
        connection = call.connection
        argument = self.asked_channel(call) if row.argument is None else row.argument
        number = channel_of(argument)
        call.asked += 1
        if connection is None or not connection.open or number >= len(call.channels):
            return
        channel = call.channels[number]
        if call.state == "DESTROYED" or not channel.control:
            return
        method = ASKED[what_of(argument)] or MRCP_RESOURCES[channel.resource].request
        body = mrcp_request(call.name, channel.resource, method, channel.requests + 1)
        self.data(row, Kind.MRCP_DATA, connection, body)
        if not channel.assigned:
            channel.assigned = True
            connection.channels += 1
            self.story.pending -= 1
            now: dict[str, object] = {"count": self.story.pending, "total": connection.channels}
            self.story.put(
                row.started, AGENT, Kind.ASSIGN, connection=connection.text, **now, **self.name(call, number)
            )
        self.story.send(call, SERVER, "CONTROL", argument, row.finished, AGENT)

    def asked_channel(self, call: Call) -> int:
        """The channel of the next request where the table does not say: callers take them in turn, the last first."""
        count, total = max(1, len(call.channels)), self.story.setting.requests
        return (total - 1 - call.asked) % count if total is not None else 0

    def disconnect(self, call: Call, row: LoggedRow) -> None:
        self.socket(row)
        connection = call.own
        if connection is None or not connection.open:
            return
        connection.open = False
        self.story.put(row.started, AGENT, Kind.TCP_DISCONNECT, connection=connection.text)
        if row.count("connection_pool", -1):
            self.story.put(row.finished, AGENT, Kind.TCP_DESTROY, connection=connection.text)
        else:
            timeout = self.story.setting.termination_ms
            self.story.put(row.started, AGENT, Kind.TCP_TIMER, connection=connection.text, count=timeout)

    def raise_disconnect(self, call: Call, row: LoggedRow) -> None:
        for other in list(self.story.calls.values()) if self.story.setting.shared else [call]:
            if other.connection is call.own:
                for number, channel in enumerate(other.channels):
                    if channel.assigned:
                        self.story.send(other, SERVER, "disconnect", number, row.finished, AGENT)

    def termination_timer(self, call: Call, row: LoggedRow) -> None:
        if call.own is not None and not call.own.open:
            self.story.put(row.started, AGENT, Kind.TCP_ELAPSED, connection=call.own.text)
            self.raise_disconnect(call, row)

    def inactivity_timer(self, call: Call, row: LoggedRow) -> None:
        connection = call.own
        if connection is None or not connection.open:
            return
        connection.open = False
        self.story.put(row.started, AGENT, Kind.TCP_TIMED_OUT, connection=connection.text)
        if row.count("connection_pool", -1):
            self.story.put(row.finished, AGENT, Kind.TCP_DESTROY, connection=connection.text)
        else:
            self.raise_disconnect(call, row)


class PluginLines:
    """The tasks of the plugins."""

    def __init__(self, story: LogStory) -> None:
        self.story = story

    def handle(self, call: Call, row: LoggedRow) -> None:
        """`Process Message` and `Wait for Messages`; the end of a recognition is no task message."""
        if row.message == "recognition ends":
            self.story.told(call, row, "event", self.channel(call, row), row.task)
            return
        number = channel_of(self.story.process(call, row))
        resource = self.story.tasks.get(row.task, "")
        licensed = row.message == "open" and self.story.setting.licences.get(resource, False)
        if licensed and not row.count(f"plugin_licence:{resource}", 1):
            call.refused.add(number)
        self.story.told(call, row, row.message, number, row.task)
        self.story.wait(row)

    def channel(self, call: Call, row: LoggedRow) -> int:
        if row.argument is not None:
            return channel_of(row.argument)
        resource = self.story.tasks.get(row.task, "")
        return next((i for i, channel in enumerate(call.channels) if channel.resource == resource), 0)
