"""Lines of the media engine: contexts, RTP ports, audio bridges that come and go."""

from sim.logs.writing.bodies import IP
from sim.logs.writing.calls import Call, LoggedRow
from sim.logs.writing.story import MEDIA, SERVER, LogStory
from sim.vocabulary.lines import Kind
from sim.vocabulary.messages import (
    HOLDS,
    M_AUDIO,
    MESSAGE_NAMES,
    RESUMES,
    STEP_ADD,
    STEP_MODIFY,
    STEP_SUBTRACT,
    channel_of,
    count_of,
    first_of,
    step_of,
)


class MediaLines:
    """The media engine."""

    def __init__(self, story: LogStory) -> None:
        self.story = story

    def handle(self, call: Call, row: LoggedRow) -> None:
        """All lines of one container; the answer to a STOP leaves from this thread without a line of its own."""
        if row.message == MESSAGE_NAMES[M_AUDIO]:
            return  # the plugin's own doing, of which the server logs nothing
        if row.message != "MPF container":
            channel = None if row.argument is None else channel_of(row.argument)
            if channel is None:
                stopping = [key[1] for key, item in call.told.items() if key[0] == "stop" and not item.answers]
                channel = stopping[0] if stopping else 0
            self.story.told(call, row, "stop", channel, MEDIA)
            return
        argument = self.story.process(call, row)
        step, first, count = step_of(argument), first_of(argument), count_of(argument)
        engines = sum(channel.engine for channel in call.channels)
        if step == STEP_ADD and not call.in_context:
            call.in_context = True
            self.say(row, Kind.CONTEXT_ADD, pointer=call.address)
        if step == STEP_ADD and first <= engines + 1 < first + count:
            self.open_rtp(call, row, engines)
        if step == STEP_MODIFY and first <= 1 < first + count:
            self.hold_or_resume(call, row)
        if step == STEP_SUBTRACT:
            self.close_rtp(call, row)
        self.story.send(call, SERVER, "MPF response", argument, row.finished, MEDIA)

    def say(self, row: LoggedRow, kind: Kind, /, **fields: object) -> None:
        self.story.put(row.finished, MEDIA, kind, **fields)

    def open_rtp(self, call: Call, row: LoggedRow, engines: int) -> None:
        low, high = self.story.setting.rtp
        if not row.count("rtp_port", 1):
            self.say(row, Kind.RTP_FULL, ip=IP, low=low, high=high)
            return
        call.rtp_port = self.story.ports.take()
        self.say(row, Kind.RTP_ENABLE, address=f"{IP}:{call.rtp_port}")
        if engines:
            self.open_bridge(call, row)

    def open_bridge(self, call: Call, row: LoggedRow) -> None:
        self.say(row, Kind.BRIDGE_CREATE, handle=call.address)
        ends: dict[str, object] = {"address": f"{IP}:{call.rtp_port}", "remote": f"{IP}:6000"}
        self.say(row, Kind.RECEIVER_OPEN, **ends, playout=50, least=0, most=600, adaptive=1, skew=1)
        path = "Source->[PCMU/8000/1]->Decoder->[LPCM/8000/1]->Bridge->[LPCM/8000/1]->Sink"
        self.say(row, Kind.MEDIA_PATH, pointer=call.address, words=path)

    def close_bridge(self, call: Call, row: LoggedRow, port: int) -> None:
        self.say(row, Kind.BRIDGE_DESTROY, handle=call.address)
        ends: dict[str, object] = {"address": f"{IP}:{port}", "remote": f"{IP}:6000"}
        none: dict[str, object] = dict.fromkeys(("received", "lost", "jitter", "discarded", "ignored"), 0)
        self.say(row, Kind.RECEIVER_CLOSE, **ends, playout=50, **none)

    def hold_or_resume(self, call: Call, row: LoggedRow) -> None:
        """A re-INVITE takes the audio away, or gives it back; a call without an RTP port has none."""
        if not call.rtp_port or call.offer_for not in (HOLDS, RESUMES) or call.audio_away == (call.offer_for == HOLDS):
            return
        call.audio_away = call.offer_for == HOLDS
        if call.audio_away:
            self.close_bridge(call, row, call.rtp_port)
        else:
            self.open_bridge(call, row)

    def close_rtp(self, call: Call, row: LoggedRow) -> None:
        port = call.rtp_port if row.count("rtp_port", -1) else 0
        if port and not call.audio_away and any(channel.engine for channel in call.channels):
            self.close_bridge(call, row, port)
        if row.count("media_context", -1):
            self.say(row, Kind.CONTEXT_REMOVE, pointer=call.address)
        if port:
            self.say(row, Kind.RTP_REMOVE, address=f"{IP}:{port}")
            self.story.ports.free(port)
            call.rtp_port = 0
