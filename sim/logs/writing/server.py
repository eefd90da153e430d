"""Lines of the MRCP server task: signalling messages one at a time per session, subrequests, the session's end."""

from collections.abc import Callable

from sim.logs.writing.bodies import answer_sdp
from sim.logs.writing.calls import Call, Channel, LoggedRow
from sim.logs.writing.story import AGENT, MEDIA, SERVER, LogStory
from sim.vocabulary.messages import (
    CONTAINER_SIZE,
    STEP_ADD,
    STEP_MODIFY,
    STEP_SUBTRACT,
    about,
    channel_of,
    commands,
    count_of,
    first_of,
    is_marked,
    marked,
    step_of,
    what_of,
)
from sim.vocabulary.plugins import ASKED, BARGE_IN, FAILED, MRCP_RESOURCES, START, STOPS

STATUS = {200: "OK", 404: "Not Found", 406: "Not Acceptable", 480: "Unavailable", 500: "Error"}
_JUST_AFTER = 1e-6  # the least time between two lines that shows which came first


class ServerLines:
    """`handlers[message]` writes what the server task logs for that message."""

    def __init__(self, story: LogStory) -> None:
        self.story = story
        self.row: LoggedRow
        self.after: list[Callable[[], None]] = []  # lines of the end of the message
        self.handlers: dict[str, Callable[[Call, LoggedRow], None]] = {
            "OFFER": self.offer_signal, "CONTROL": self.control_signal, "TERMINATE": self.terminate_signal,
            "ADD-channel response": self.channel_modified, "MODIFY-channel response": self.channel_modified,
            "REMOVE-channel response": self.channel_removed, "disconnect": self.disconnect,
            "OPEN response": self.opened, "CLOSE response": self.closed, "RESPONSE": self.response,
            "STOP response": self.stopped, "EVENT": self.event, "MPF response": self.media,
        }  # fmt: skip

    def handle(self, call: Call, row: LoggedRow) -> None:
        """All lines of one message on the server task."""
        self.row = row
        self.after = []
        late = call.state == "DESTROYED"
        self.handlers[row.message](call, row)
        if not late:
            self.advance(call)
            call.state = row.state or call.state
            call.subrequests = row.subrequests
        for line in self.after:
            line()
        self.story.wait(row)
        self.story.forget(call)

    # --- writing ---------------------------------------------------------------------------------------------------

    def say(self, text: str, priority: str = "DEBUG") -> None:
        """A line at the time at which the message was taken up."""
        self.story.put(self.row.started, SERVER, priority, text)

    def send(self, call: Call, task: str, message: str, argument: int) -> None:
        """A task message that leaves when this one is done with."""
        finished = self.row.finished
        self.after.append(lambda: self.story.send(call, task, message, argument, finished, SERVER))

    # --- one request at a time ---------------------------------------------------------------------------------------

    def signal(self, call: Call, kind: str, argument: int) -> None:
        """`mrcp_server_signaling_message_process`."""
        if call.state == "DESTROYED":
            self.late(call, "Dispatch", "")
        elif call.active:
            self.say(f"Push Request to Queue {call.label}")
            call.queue.append((kind, argument))
        else:
            self.dispatch(call, kind, argument)

    def offer_signal(self, call: Call, row: LoggedRow) -> None:
        """OFFER from the SIP agent."""
        self.signal(call, "OFFER", self.story.process(call, row))

    def control_signal(self, call: Call, row: LoggedRow) -> None:
        """CONTROL from the connection agent."""
        self.signal(call, "CONTROL", self.story.process(call, row))

    def terminate_signal(self, call: Call, row: LoggedRow) -> None:
        """TERMINATE from the SIP agent."""
        self.signal(call, "TERMINATE", self.story.process(call, row))

    def dispatch(self, call: Call, kind: str, argument: int) -> None:
        """`mrcp_server_signaling_message_dispatch`."""
        call.active = kind
        self.say(f"Dispatch Signaling Message [{('OFFER', 'CONTROL', 'TERMINATE').index(kind)}]")
        if kind == "OFFER":
            self.offer(call)
        elif kind == "CONTROL":
            self.control(call, argument)
        else:
            self.deactivate(call)

    def next_request(self, call: Call) -> None:
        """The active request has ended."""
        call.active = ""
        while not call.active and call.queue:
            kind, argument = call.queue.popleft()
            self.dispatch(call, kind, argument)

    def advance(self, call: Call) -> None:
        """Go through the states between the one before this message and the one after it."""
        for _ in range(64):
            if call.state == self.row.state:
                return
            if call.state == "GENERATING_ANSWER":
                self.open_channels(call)
            elif call.state == "INITIALIZING":
                self.answer(call)
                self.next_request(call)
            elif call.state == "DEACTIVATING":
                self.terminate(call)
            elif call.state == "TERMINATING":
                self.release(call)
            else:
                return

    # --- OFFER -------------------------------------------------------------------------------------------------------

    def offer(self, call: Call) -> None:
        """`mrcp_server_session_offer_process`."""
        first = not call.table
        call.offers += 1
        if first:
            call.table = True
            self.story.open_sessions += 1
            self.say(f"Add Session <{call.name}>", "NOTICE")
            self.resources(call)
        self.say(f"Receive Offer {call.label} [c:{len(call.offered)} a:1 v:0]", "INFO")
        if not first and self.story.setting.identical:
            self.answer(call)
            self.next_request(call)
            return
        call.state = "GENERATING_ANSWER"
        call.status = 200
        if not first:
            self.modify(call)
            return
        if call.unknown:
            call.status = 404
            self.say(f"No Such Resource {call.label} [unknown]", "WARN")
        for number, channel in enumerate(call.channels):
            engine = self.story.setting.engines.get(channel.resource, ("", channel.resource))[1]
            self.say(f"Found MRCP Engine [{engine}] for Resource [{channel.resource}] {call.label}", "INFO")
            if not channel.engine:
                call.status = 406
                self.say(f"Failed to Create Engine Channel {call.label} [{channel.resource}]", "WARN")
            channel.waits_termination = channel.engine
            self.say(f"Add Control Channel {call.part(channel.resource)} [{number}]")
            self.send(call, AGENT, "ADD channel", number)
        self.say(f"Add Media Termination {call.part('rtp-tm')} [0]")
        self.containers(call, STEP_ADD)

    def resources(self, call: Call) -> None:
        """Which channels this offer made, from the ledger: one control channel each, and an engine channel unless
        the engine was at its limit."""
        setting = self.story.setting
        for name, delta in self.row.ledger:
            if delta == 1 and name == "control_channel":
                call.channels.append(Channel("", engine=False, control=True))
            elif delta == 1 and name.startswith("engine_channel:") and call.channels:
                call.channels[-1].resource = name.partition(":")[2]
                call.channels[-1].engine = True
        made = {channel.resource for channel in call.channels if channel.engine}
        refused = sum(1 for channel in call.channels if not channel.engine)

        def fits(mix: list[str], channels: int) -> bool:
            left = [name for name in mix if name not in made]
            return len(mix) == channels and made <= set(mix) and len(left) == channels - len(made)

        count = len(call.channels)
        mix = next((mix for mix in setting.mixes if fits(mix, count)), None)
        if mix is None or call.number in self.story.unknown:
            call.unknown = True
            mix = next((one[1:] for one in setting.mixes if fits(one[1:], count)), sorted(made))
        left = [name for name in mix if name not in made]
        left.sort(key=lambda name: not setting.limited.get(name, False))
        for channel in call.channels:
            if not channel.resource:
                channel.resource = left.pop(0) if left else "speechrecog"
        assert refused == sum(1 for channel in call.channels if not channel.engine)
        call.offered = (["unknown"] if call.unknown else []) + [channel.resource for channel in call.channels]

    def modify(self, call: Call) -> None:
        """A re-INVITE with another offer."""
        for number, channel in enumerate(call.channels):
            if channel.control:
                self.say(f"Modify Control Channel {call.part(channel.resource)} [{number}]")
                self.send(call, AGENT, "MODIFY channel", number)
        self.say(f"Modify Media Termination {call.part('rtp-tm')} [0]")
        self.containers(call, STEP_MODIFY)

    def containers(self, call: Call, step: int) -> None:
        """The commands of one step, five to a media container."""
        call.rtp_waiting = True
        engines = sum(channel.engine for channel in call.channels)
        total = {STEP_ADD: 3 + 2 * engines, STEP_MODIFY: 3 + engines, STEP_SUBTRACT: 2 + engines}[step]
        for first in range(0, total, CONTAINER_SIZE):
            self.send(call, MEDIA, "MPF container", commands(step, first, min(CONTAINER_SIZE, total - first)))

    def channel_modified(self, call: Call, row: LoggedRow) -> None:
        """The connection agent has added (or changed) a control channel."""
        channel = self.channel(call, self.story.process(call, row))
        if call.state == "DESTROYED":
            self.late(call, "Control Channel Modified", channel.resource)
        else:
            self.say(f"Control Channel Modified {call.part(channel.resource)}")

    def open_channels(self, call: Call) -> None:
        """`mrcp_server_engine_channels_update`."""
        call.state = "INITIALIZING"
        for number, channel in enumerate(call.channels):
            if channel.engine:
                self.send(call, self.story.task_of(call, number), "open", number)

    def opened(self, call: Call, row: LoggedRow) -> None:
        """`mrcp_server_on_engine_channel_open`."""
        number = self.story.answered(call, row)
        channel = self.channel(call, number)
        failed = is_marked(row.argument or 0) or number in call.refused
        if call.state == "DESTROYED":
            self.late(call, "Engine Channel Opened", channel.resource, " [OK]")
            return
        if failed:
            call.status = 480
        self.say(f"Engine Channel Opened {call.part(channel.resource)} [{'Failed' if failed else 'OK'}]")

    def answer(self, call: Call) -> None:
        """`mrcp_server_session_answer_send`."""
        status = 200 if call.answered else call.status
        call.answered = True
        call.state = "ACTIVE"
        self.say(f"Send Answer {call.label} [c:{len(call.offered)} a:1 v:0] Status {STATUS[status]}", "INFO")
        if status == 200:
            resources = [channel.resource for channel in call.channels]
            self.say(f"Local SDP {call.label}\n{answer_sdp(call.name, resources, call.rtp_port)}", "INFO")
        call.responses.append(status)

    # --- CONTROL -----------------------------------------------------------------------------------------------------

    def channel(self, call: Call, number: int) -> Channel:
        """A channel by its number; a blank one for a call whose offer is not known."""
        return call.channels[number] if number < len(call.channels) else Channel("speechrecog", engine=True)

    def control(self, call: Call, argument: int) -> None:
        """`mrcp_server_on_message_receive`; the state machine itself answers a STOP that finds nothing in progress."""
        number, what = channel_of(argument), what_of(argument)
        channel = self.channel(call, number)
        if not channel.engine:
            self.say(f"Missing Resource {call.part(channel.resource)}", "WARN")
            return
        channel.requests += 1
        method = ASKED[what] or MRCP_RESOURCES[channel.resource].request
        self.say(f"Process {method} Request <{call.name}@{channel.resource}> [{channel.requests}]", "INFO")
        if what in (STOPS, BARGE_IN) and not channel.in_progress:
            call.active = ""
            self.send(call, AGENT, "send", argument)
        else:
            self.send(call, self.story.task_of(call, number), "request", argument)

    def response(self, call: Call, row: LoggedRow) -> None:
        """The plugin's response to a request; a deactivated machine takes it for the answer to its STOP."""
        number = self.story.answered(call, row)
        channel = self.channel(call, number)
        method = MRCP_RESOURCES[channel.resource]
        who = f"<{call.name}@{channel.resource}>"
        what = what_of(row.argument or 0)
        asked = method.request if what in (START, FAILED) else ASKED[what]
        if call.state == "DESTROYED":
            self.late(call, f"Process {asked} Response", channel.resource, by_id=True)
        elif channel.deactivated:
            self.say(f"Process DEACTIVATE Response {who} [{channel.requests + 1}]", "INFO")
        else:
            self.say(f"Process {asked} Response {who} [{channel.requests}]", "INFO")
            if what == START:
                self.say(f"State Transition IDLE -> {method.busy} {who}", "INFO")
                channel.in_progress = True
            elif what in (STOPS, BARGE_IN):
                self.say(f"State Transition {method.busy} -> IDLE {who}", "INFO")
                channel.in_progress = False
            self.send(call, AGENT, "send", about(number, what))
            self.next_request(call)

    def event(self, call: Call, row: LoggedRow) -> None:
        """A completion event from the plugin."""
        number = self.story.answered(call, row)
        channel = self.channel(call, number)
        method = MRCP_RESOURCES[channel.resource]
        who = f"<{call.name}@{channel.resource}>"
        if call.state == "DESTROYED":
            self.late(call, f"Process {method.complete} Event", channel.resource, by_id=True)
        elif not channel.deactivated:
            self.say(f"Process {method.complete} Event {who} [{channel.requests}]", "INFO")
            self.say(f"State Transition {method.busy} -> {method.done} {who}", "INFO")
            channel.in_progress = False
            self.send(call, AGENT, "send", marked(number))

    # --- TERMINATE ---------------------------------------------------------------------------------------------------

    def deactivate(self, call: Call) -> None:
        """`mrcp_server_session_deactivate`."""
        call.state = "DEACTIVATING"
        self.say(f"Deactivate Session {call.label}", "INFO")
        for number, channel in enumerate(call.channels):
            if channel.engine and not channel.deactivated:
                channel.deactivated = True
                if channel.in_progress:
                    who = f"<{call.name}@{channel.resource}> [{channel.requests + 1}]"
                    self.say(f"Create and Process STOP Request {who}", "INFO")
                    self.send(call, self.story.task_of(call, number), "stop", number)

    def stopped(self, call: Call, row: LoggedRow) -> None:
        """The plugin's answer to the internal STOP."""
        channel = self.channel(call, self.story.answered(call, row))
        who = f"<{call.name}@{channel.resource}>"
        if call.state == "DESTROYED":
            self.late(call, "Process DEACTIVATE Response", channel.resource, by_id=True)
            return
        self.say(f"Process DEACTIVATE Response {who} [{channel.requests + 1}]", "INFO")
        if channel.in_progress:
            self.say(f"State Transition {MRCP_RESOURCES[channel.resource].busy} -> IDLE {who}", "INFO")
        channel.in_progress = False

    def terminate(self, call: Call) -> None:
        """`mrcp_server_session_terminate_process`."""
        call.state = "TERMINATING"
        self.say(f"Terminate Session {call.label}", "INFO")
        for number, channel in enumerate(call.channels):
            if channel.control:
                self.say(f"Remove Control Channel {call.part(channel.resource)} [{number}]")
                self.send(call, AGENT, "REMOVE channel", number)
            if channel.engine:
                channel.waits_termination = True
                self.say(f"Subtract Media Termination {call.part('media-tm')}")
                self.send(call, self.story.task_of(call, number), "close", number)
        if call.table:
            self.say(f"Subtract Media Termination {call.part('rtp-tm')}")
            self.containers(call, STEP_SUBTRACT)

    def channel_removed(self, call: Call, row: LoggedRow) -> None:
        """The connection agent has removed a control channel."""
        channel = self.channel(call, self.story.process(call, row))
        if call.state == "DESTROYED":
            self.late(call, "Control Channel Removed", channel.resource)
        else:
            self.say(f"Control Channel Removed {call.part(channel.resource)}")

    def closed(self, call: Call, row: LoggedRow) -> None:
        """`mrcp_server_on_engine_channel_close`."""
        channel = self.channel(call, self.story.answered(call, row))
        if call.state == "DESTROYED":
            self.late(call, "Engine Channel Closed", channel.resource)
        else:
            self.say(f"Engine Channel Closed {call.part(channel.resource)}")

    def disconnect(self, call: Call, row: LoggedRow) -> None:
        """`mrcp_server_on_disconnect`: the connection is lost, so the server ends the call itself."""
        self.story.process(call, row)
        if call.state not in ("DEACTIVATING", "TERMINATING", "DESTROYED"):
            self.say(f"Initiate Session Termination <{call.name}>", "NOTICE")
            call.byes += 1

    def release(self, call: Call) -> None:
        """`mrcp_server_session_terminate_send` to `apr_pool_destroy`: at the end of the message."""
        row, story = self.row, self.story
        call.state = "DESTROYED"
        label = call.label
        broken = row.count("connection_pool", -1)
        story.sessions.free(call.pointer, row.finished)

        def lines() -> None:
            if broken and call.connection is not None:
                text = f"Destroy TCP/MRCPv2 Connection {call.connection.text}"
                story.put(row.finished, SERVER, "NOTICE", text)
            if call.table:
                story.put(row.finished, SERVER, "NOTICE", f"Remove Session <{call.name}>")
            story.put(row.finished, SERVER, "INFO", f"Session Terminated {label}")
            story.put(row.finished, SERVER, "NOTICE", f"Destroy Session {label.partition(' ')[2]}")
            if call.table:
                story.open_sessions -= 1
                if story.shutting_down and story.open_sessions:
                    text = f"Shutdown Pending: remaining sessions [{story.open_sessions}]"
                    story.put(row.finished, SERVER, "WARN", text)

        self.after.append(lines)

    # --- media -------------------------------------------------------------------------------------------------------

    def media(self, call: Call, row: LoggedRow) -> None:
        """`mrcp_server_mpf_message_process`: every answer of one container, in order."""
        argument = self.story.process(call, row)
        step, first, count = step_of(argument), first_of(argument), count_of(argument)
        engines = [channel for channel in call.channels if channel.engine]
        verb = "Subtracted" if step == STEP_SUBTRACT else "Modified"
        if call.state == "DESTROYED":
            self.late(call, f"Media Termination {verb}", "rtp-tm")
            return
        left = call.subrequests
        for command in range(first, first + count):
            place = command - 1 if step != STEP_MODIFY and 1 <= command <= len(engines) else -1
            rtp = command == (1 if step == STEP_MODIFY else len(engines) + 1)
            if call.state == "DESTROYED":
                if place >= 0 or rtp:
                    self.late(call, f"Media Termination {verb}", "rtp-tm" if rtp else "media-tm")
                return
            if place >= 0:
                left -= engines[place].waits_termination
                engines[place].waits_termination = False
                self.say(f"Media Termination {verb} {call.part('media-tm')}")
            elif rtp:
                left -= call.rtp_waiting
                call.rtp_waiting = False
                self.say(f"Media Termination {verb} {call.part('rtp-tm')}")
            else:
                left -= 1
            if left == 0 and call.state == "TERMINATING":
                self.release(call)

    def late(self, call: Call, what: str, part: str, more: str = "", *, by_id: bool = False) -> None:
        """A line about a session whose pool is gone: a use after free, as a log shows it."""
        at, name = self.row.finished + _JUST_AFTER, f"{call.name}@{part}" if part else call.name
        who = f"<{name}>" if by_id else f"0x{call.pointer:x} <{name}>"
        self.after.append(lambda: self.story.put(at, SERVER, "DEBUG", f"{what} {who}{more}"))
