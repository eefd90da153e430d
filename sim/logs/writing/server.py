"""Lines of the MRCP server task: signalling messages one at a time per session, subrequests, the session's end."""

from collections.abc import Callable

from sim.logs.writing.bodies import answer_sdp
from sim.logs.writing.calls import Call, Channel, LoggedRow
from sim.logs.writing.story import AGENT, MEDIA, SERVER, LogStory
from sim.vocabulary.lines import Kind
from sim.vocabulary.messages import (
    CONTAINER_SIZE,
    REFRESHES,
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
        self.handlers: dict[str, Callable[[Call, LoggedRow], object]] = {
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
        self.handlers.get(row.message, self.story.process)(call, row)
        if not late:
            self.advance(call)
            call.state = row.state or call.state
            call.subrequests = row.subrequests
        for line in self.after:
            line()
        self.story.wait(row)
        self.story.forget(call)

    # --- writing ---------------------------------------------------------------------------------------------------

    def say(self, kind: Kind, /, **fields: object) -> None:
        """A line at the time at which the message was taken up."""
        self.story.put(self.row.started, SERVER, kind, **fields)

    def late(self, kind: Kind, /, **fields: object) -> None:
        """A line about a session whose pool is gone: a use after free, as a log shows it."""
        at = self.row.finished + _JUST_AFTER
        self.after.append(lambda: self.story.put(at, SERVER, kind, **fields))

    def say_or_late(self, call: Call, kind: Kind, /, **fields: object) -> None:
        """A line about a session, wherever it has got to."""
        (self.late if call.state == "DESTROYED" else self.say)(kind, **fields)

    def mrcp(self, call: Call, channel: Channel, method: str, what: str, number: int) -> None:
        """A request, a response or an event that goes through the state machine of a channel."""
        self.say_or_late(call, Kind.MRCP, method=method, what=what, count=number, **call.channel(channel.resource))

    def transition(self, call: Call, channel: Channel, before: str, after: str) -> None:
        """The state machine of a channel changes its state."""
        self.say(Kind.TRANSITION, before=before, after=after, **call.channel(channel.resource))

    def send(self, call: Call, task: str, message: str, argument: int) -> None:
        """A task message that leaves when this one is done with."""
        finished = self.row.finished
        self.after.append(lambda: self.story.send(call, task, message, argument, finished, SERVER))

    # --- one request at a time ---------------------------------------------------------------------------------------

    def signal(self, call: Call, kind: str, argument: int) -> None:
        """`mrcp_server_signaling_message_process`."""
        if call.state == "DESTROYED":
            self.late(Kind.PUSH, **call.who)
        elif call.active:
            self.say(Kind.PUSH, **call.who)
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
        self.say(Kind.DISPATCH, count=("OFFER", "CONTROL", "TERMINATE").index(kind))
        if kind == "OFFER":
            self.offer(call, argument)
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

    def offer(self, call: Call, what_for: int) -> None:
        """`mrcp_server_session_offer_process`."""
        first = not call.table
        call.offer_for = what_for
        call.offers += 1
        if first:
            call.table = True
            self.story.open_sessions += 1
            self.say(Kind.ADD, id=call.name)
            self.resources(call)
        self.say(Kind.OFFER, **call.who, control=len(call.offered), audio=1, video=0)
        if what_for == REFRESHES and self.story.setting.identical:
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
            self.say(Kind.NO_RESOURCE, **call.who, resource="unknown")
        for number, channel in enumerate(call.channels):
            engine = self.story.setting.engines.get(channel.resource, ("", channel.resource))[1]
            self.say(Kind.FOUND_ENGINE, engine=engine, resource=channel.resource, **call.who)
            if not channel.engine:
                call.status = 406
                self.say(Kind.CHANNEL_FAILED, **call.who, resource=channel.resource)
            channel.waits_termination = channel.engine
            self.say(Kind.CHANNEL_ADD, **call.part(channel.resource), count=number)
            self.send(call, AGENT, "ADD channel", number)
        self.say(Kind.TERMINATION_ADD, **call.part("rtp-tm"), count=0)
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
                self.say(Kind.CHANNEL_MODIFY, **call.part(channel.resource), count=number)
                self.send(call, AGENT, "MODIFY channel", number)
        self.say(Kind.TERMINATION_MODIFY, **call.part("rtp-tm"), count=0)
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
        self.say_or_late(call, Kind.CHANNEL_MODIFIED, **call.part(channel.resource))

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
            self.late(Kind.OPENED, **call.part(channel.resource), opened="OK")
            return
        if failed:
            call.status = 480
        self.say(Kind.OPENED, **call.part(channel.resource), opened="Failed" if failed else "OK")

    def answer(self, call: Call) -> None:
        """`mrcp_server_session_answer_send`."""
        status = 200 if call.answered else call.status
        call.answered = True
        call.state = "ACTIVE"
        self.say(Kind.ANSWER, **call.who, control=len(call.offered), audio=1, video=0, answer=STATUS[status])
        if status == 200:
            resources = [channel.resource for channel in call.channels]
            body = answer_sdp(call.name, resources, call.rtp_port)
            self.story.put_with(self.row.started, SERVER, Kind.LOCAL_SDP, body, **call.who)
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
            self.say(Kind.MISSING_RESOURCE, **call.part(channel.resource))
            return
        channel.requests += 1
        method = ASKED[what] or MRCP_RESOURCES[channel.resource].request
        self.mrcp(call, channel, method, "Request", channel.requests)
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
        what = what_of(row.argument or 0)
        asked = method.request if what in (START, FAILED) else ASKED[what]
        if call.state == "DESTROYED":
            self.mrcp(call, channel, asked, "Response", channel.requests)
        elif channel.deactivated:
            self.mrcp(call, channel, "DEACTIVATE", "Response", channel.requests + 1)
        else:
            self.mrcp(call, channel, asked, "Response", channel.requests)
            if what == START:
                self.transition(call, channel, "IDLE", method.busy)
                channel.in_progress = True
            elif what in (STOPS, BARGE_IN):
                self.transition(call, channel, method.busy, "IDLE")
                channel.in_progress = False
            self.send(call, AGENT, "send", about(number, what))
            self.next_request(call)

    def event(self, call: Call, row: LoggedRow) -> None:
        """A completion event from the plugin."""
        number = self.story.answered(call, row)
        channel = self.channel(call, number)
        method = MRCP_RESOURCES[channel.resource]
        if call.state == "DESTROYED":
            self.mrcp(call, channel, method.complete, "Event", channel.requests)
        elif not channel.deactivated:
            self.mrcp(call, channel, method.complete, "Event", channel.requests)
            self.transition(call, channel, method.busy, method.done)
            channel.in_progress = False
            self.send(call, AGENT, "send", marked(number))

    # --- TERMINATE ---------------------------------------------------------------------------------------------------

    def deactivate(self, call: Call) -> None:
        """`mrcp_server_session_deactivate`."""
        call.state = "DEACTIVATING"
        self.say(Kind.DEACTIVATE, **call.who)
        for number, channel in enumerate(call.channels):
            if channel.engine and not channel.deactivated:
                channel.deactivated = True
                if channel.in_progress:
                    self.say(Kind.STOP, **call.channel(channel.resource), count=channel.requests + 1)
                    self.send(call, self.story.task_of(call, number), "stop", number)

    def stopped(self, call: Call, row: LoggedRow) -> None:
        """The plugin's answer to the internal STOP."""
        channel = self.channel(call, self.story.answered(call, row))
        self.mrcp(call, channel, "DEACTIVATE", "Response", channel.requests + 1)
        if call.state == "DESTROYED":
            return
        if channel.in_progress:
            self.transition(call, channel, MRCP_RESOURCES[channel.resource].busy, "IDLE")
        channel.in_progress = False

    def terminate(self, call: Call) -> None:
        """`mrcp_server_session_terminate_process`."""
        call.state = "TERMINATING"
        self.say(Kind.TERMINATE, **call.who)
        for number, channel in enumerate(call.channels):
            if channel.control:
                self.say(Kind.CHANNEL_REMOVE, **call.part(channel.resource), count=number)
                self.send(call, AGENT, "REMOVE channel", number)
            if channel.engine:
                channel.waits_termination = True
                self.say(Kind.TERMINATION_SUBTRACT, **call.part("media-tm"))
                self.send(call, self.story.task_of(call, number), "close", number)
        if call.table:
            self.say(Kind.TERMINATION_SUBTRACT, **call.part("rtp-tm"))
            self.containers(call, STEP_SUBTRACT)

    def channel_removed(self, call: Call, row: LoggedRow) -> None:
        """The connection agent has removed a control channel."""
        channel = self.channel(call, self.story.process(call, row))
        self.say_or_late(call, Kind.CHANNEL_REMOVED, **call.part(channel.resource))

    def closed(self, call: Call, row: LoggedRow) -> None:
        """`mrcp_server_on_engine_channel_close`."""
        channel = self.channel(call, self.story.answered(call, row))
        self.say_or_late(call, Kind.CLOSED, **call.part(channel.resource))

    def disconnect(self, call: Call, row: LoggedRow) -> None:
        """`mrcp_server_on_disconnect`: the connection is lost, so the server ends the call itself."""
        self.story.process(call, row)
        if call.state not in ("DEACTIVATING", "TERMINATING", "DESTROYED"):
            self.say(Kind.INITIATE_BYE, id=call.name)
            call.byes += 1

    def release(self, call: Call) -> None:
        """`mrcp_server_session_terminate_send` to `apr_pool_destroy`: at the end of the message."""
        row, story = self.row, self.story
        call.state = "DESTROYED"
        who = call.who
        broken = row.count("connection_pool", -1)
        story.sessions.free(call.pointer, row.finished)

        def lines() -> None:
            if broken and call.connection is not None:
                story.put(row.finished, SERVER, Kind.TCP_DESTROY, connection=call.connection.text)
            if call.table:
                story.put(row.finished, SERVER, Kind.REMOVE, id=call.name)
            story.put(row.finished, SERVER, Kind.TERMINATED, **who)
            story.put(row.finished, SERVER, Kind.DESTROY, id=who["id"])
            if call.table:
                story.open_sessions -= 1
                if story.shutting_down and story.open_sessions:
                    story.put(row.finished, SERVER, Kind.SHUTDOWN_PENDING, count=story.open_sessions)

        self.after.append(lines)

    # --- media -------------------------------------------------------------------------------------------------------

    def media(self, call: Call, row: LoggedRow) -> None:
        """`mrcp_server_mpf_message_process`: every answer of one container, in order."""
        argument = self.story.process(call, row)
        step, first, count = step_of(argument), first_of(argument), count_of(argument)
        engines = [channel for channel in call.channels if channel.engine]
        done = Kind.TERMINATION_SUBTRACTED if step == STEP_SUBTRACT else Kind.TERMINATION_MODIFIED
        if call.state == "DESTROYED":
            self.late(done, **call.part("rtp-tm"))
            return
        left = call.subrequests
        for command in range(first, first + count):
            place = command - 1 if step != STEP_MODIFY and 1 <= command <= len(engines) else -1
            rtp = command == (1 if step == STEP_MODIFY else len(engines) + 1)
            if call.state == "DESTROYED":
                if place >= 0 or rtp:
                    self.late(done, **call.part("rtp-tm" if rtp else "media-tm"))
                return
            if place >= 0:
                left -= engines[place].waits_termination
                engines[place].waits_termination = False
                self.say(done, **call.part("media-tm"))
            elif rtp:
                left -= call.rtp_waiting
                call.rtp_waiting = False
                self.say(done, **call.part("rtp-tm"))
            else:
                left -= 1
            if left == 0 and call.state == "TERMINATING":
                self.release(call)
