"""Writes small logs in the server's wording, one mechanism at a time, for tests that need what no trace has."""

from dataclasses import dataclass, field

SERVER, SIP, AGENT, MEDIA, PLUGIN, OTHER, RTSP = range(140001, 140008)
START = 2026 * 10**6  # any number: only differences matter


@dataclass
class Log:
    """Lines with times; every method appends and returns the log."""

    level: str = "DEBUG"
    now: int = 10 * 3600 * 10**6
    lines: list[str] = field(default_factory=list)
    calls: int = 0
    messages: int = 0

    def say(self, thread: int, text: str, priority: str = "INFO", after: int = 10) -> "Log":
        self.now += after
        if priority == "DEBUG" and self.level != "DEBUG":
            return self
        seconds, micros = divmod(self.now, 10**6)
        clock = f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{micros:06d}"
        day = 23 + seconds // 86400
        self.lines.append(f"2026-11-{day:02d} {clock} {thread} {f'[{priority}]':<9}{text}")
        return self

    def wait(self, seconds: float) -> "Log":
        self.now += int(seconds * 10**6)
        return self

    def signal(self, thread: int, task: str, kind: str) -> str:
        self.messages += 1
        pointer = f"0x7f{self.messages:010x}"
        self.say(thread, f"Signal Message to [{task}] [{pointer};{kind}]", "DEBUG")
        return f"[{task}] [{pointer};{kind}]"

    def process(self, thread: int, message: str) -> "Log":
        return self.say(thread, f"Process Message {message}", "DEBUG", 30)

    def idle(self, thread: int, task: str) -> "Log":
        return self.say(thread, f"Wait for Messages [{task}]", "DEBUG")

    def to_server(self, sender: int, kind: str) -> "Log":
        """Signal and begin a message of the server task."""
        return self.process(SERVER, self.signal(sender, "MRCP Server", kind))

    def done(self) -> "Log":
        return self.idle(SERVER, "MRCP Server")

    @property
    def bytes(self) -> bytes:
        return "".join(line + "\n" for line in self.lines).encode()

    def begin(self) -> "Log":
        self.say(SERVER, "UniMRCP Server [1.8.0]", "NOTICE")
        self.say(SERVER, "Create MRCPv2 Agent [MRCPv2-Agent-1] 127.0.0.1:1544 [100]", "NOTICE")
        self.say(SERVER, "Create Media Engine [Media-Engine-1]", "NOTICE")
        return self.say(SERVER, "Create RTP Termination Factory 127.0.0.1:[5000,6000]", "NOTICE")


class Call:
    """One call on a Log; its methods are the steps in the order in which the server takes them."""

    def __init__(self, log: Log, *, resources: tuple[str, ...] = ("speechrecog",), pointer: str = "") -> None:
        log.calls += 1
        self.log = log
        self.sid = f"{log.calls:016x}"
        self.at = pointer or f"0x7e{log.calls:010x}"
        self.resources = resources

    @property
    def who(self) -> str:
        return f"{self.at} <{self.sid}>"

    def of(self, part: str) -> str:
        return f"{self.at} <{self.sid}@{part}>"

    def invite(self) -> "Call":
        log = self.log
        log.say(SIP, "Receive SIP Event [nua_i_invite] Status 100 Trying [SIP-Agent-1]")
        log.say(SIP, "Receive SIP Event [nua_i_state] Status 100 Trying [SIP-Agent-1]")
        log.say(SIP, "SIP Call State  [received]", "NOTICE")
        log.say(SIP, f"Create Session {self.at} <new> [uni2]")
        log.say(SIP, f"Remote SDP {self.at} <new>\nv=0\nm=audio 6000 RTP/AVP 0\n")
        return self

    def offer(self) -> "Call":
        log = self.log
        log.to_server(SIP, "1;0").say(SERVER, "Dispatch Signaling Message [0]", "DEBUG")
        log.say(SERVER, f"Add Session <{self.sid}>", "NOTICE").say(SERVER, f"Receive Offer {self.who} [c:1 a:1 v:0]")
        for number, resource in enumerate(self.resources):
            log.say(SERVER, f"Found MRCP Engine [{resource}-engine] for Resource [{resource}] {self.who}")
            log.say(SERVER, f"Add Control Channel {self.of(resource)} [{number}]", "DEBUG")
        add = log.signal(SERVER, "MRCPv2-Agent-1", "1;0")
        log.say(SERVER, f"Add Media Termination {self.of('rtp-tm')} [0]", "DEBUG")
        self.media_message = log.signal(SERVER, "Media-Engine-1", "1;0")
        log.done().process(AGENT, add)
        for resource in self.resources:
            log.say(AGENT, f"Add Pending Control Channel <{self.sid}@{resource}> [1]")
        log.to_server(AGENT, "2;0")
        for resource in self.resources:
            log.say(SERVER, f"Control Channel Modified {self.of(resource)}", "DEBUG")
        log.idle(AGENT, "MRCPv2-Agent-1").done()
        return self

    def media(self) -> "Call":
        log = self.log
        log.wait(0.005).process(MEDIA, self.media_message).say(MEDIA, f"Add Media Context {self.at}", "DEBUG")
        self.port = 5000 + 2 * log.calls
        log.say(MEDIA, f"Enable RTP Session 127.0.0.1:{self.port}")
        log.say(MEDIA, f"Media Path {self.at} Source->[PCMU/8000/1]->Sink")
        log.to_server(MEDIA, "4;0")
        log.say(SERVER, f"Media Termination Modified {self.of('media-tm')}", "DEBUG")
        log.say(SERVER, f"Media Termination Modified {self.of('rtp-tm')}", "DEBUG")
        self.opens = [log.signal(SERVER, f"{resource} task", "1;0") for resource in self.resources]
        log.done()
        return self

    def plugin(self, message: str, resource: str, answer: str = "") -> "Call":
        """The plugin's task takes `message`, answers with "type;subtype" (or not) and is idle again."""
        log = self.log
        log.process(PLUGIN, message)
        self.answer_message = log.signal(PLUGIN, "MRCP Server", answer) if answer else ""
        log.idle(PLUGIN, f"{resource} task")
        return self

    def opened(self) -> "Call":
        for resource, message in zip(self.resources, self.opens, strict=True):
            self.plugin(message, resource, "3;2")
            self.log.process(SERVER, self.answer_message)
            self.log.say(SERVER, f"Engine Channel Opened {self.of(resource)} [OK]", "DEBUG")
            if resource != self.resources[-1]:
                self.log.done()
        return self.answer()

    def answer(self, status: str = "OK") -> "Call":
        log = self.log
        log.say(SERVER, f"Send Answer {self.who} [c:1 a:1 v:0] Status {status}").done()
        if status == "OK":
            log.say(SIP, f"SIP Call State {self.at} [completed]", "NOTICE")
        return self

    def ack(self) -> "Call":
        self.log.say(SIP, f"SIP Call State {self.at} [ready]", "NOTICE")
        return self

    def up(self) -> "Call":
        return self.invite().offer().media().opened().ack()

    def request(self, method: str = "RECOGNIZE", respond: bool = True) -> "Call":
        log, resource = self.log, self.resources[0]
        log.to_server(AGENT, "2;3").say(SERVER, f"Process {method} Request <{self.sid}@{resource}> [1]")
        message = log.signal(SERVER, f"{resource} task", "1;0")
        log.done()
        self.plugin(message, resource, "3;4" if respond else "")
        if respond:
            log.process(SERVER, self.answer_message)
            log.say(SERVER, f"Process {method} Response <{self.sid}@{resource}> [1]").done()
        return self

    def bye(self) -> "Call":
        log = self.log
        log.say(SIP, "Receive SIP Event [nua_i_bye] Status 200 Session Terminated [SIP-Agent-1]")
        log.say(SIP, f"SIP Call State {self.at} [terminated]", "NOTICE")
        log.to_server(SIP, "1;2")
        return self

    def push(self) -> "Call":
        self.log.say(SERVER, f"Push Request to Queue {self.who}", "DEBUG").done()
        return self

    def deactivate(self) -> "Call":
        self.log.say(SERVER, f"Deactivate Session {self.who}")
        return self

    def stop(self, answer: bool = True) -> "Call":
        log, resource = self.log, self.resources[0]
        log.say(SERVER, f"Create and Process STOP Request <{self.sid}@{resource}> [2]")
        message = log.signal(SERVER, f"{resource} task", "1;0")
        log.done()
        self.plugin(message, resource, "3;4" if answer else "")
        if answer:
            log.process(SERVER, self.answer_message)
            log.say(SERVER, f"Process DEACTIVATE Response <{self.sid}@{resource}> [2]")
        return self

    def terminate(self) -> "Call":
        log = self.log
        log.say(SERVER, f"Terminate Session {self.who}")
        self.closes = []
        for number, resource in enumerate(self.resources):
            log.say(SERVER, f"Remove Control Channel {self.of(resource)} [{number}]", "DEBUG")
            log.say(SERVER, f"Subtract Media Termination {self.of('media-tm')}", "DEBUG")
            self.closes.append(log.signal(SERVER, f"{resource} task", "1;0"))
        self.remove = log.signal(SERVER, "MRCPv2-Agent-1", "1;0")
        log.say(SERVER, f"Subtract Media Termination {self.of('rtp-tm')}", "DEBUG")
        self.media_message = log.signal(SERVER, "Media-Engine-1", "1;0")
        log.done()
        return self

    def closed(self, *resources: str) -> "Call":
        """The plugins of `resources` (all without argument) answer the close."""
        for resource, message in zip(self.resources, self.closes, strict=True):
            answers = not resources or resource in resources
            self.plugin(message, resource, "3;3" if answers else "")
            if answers:
                self.log.process(SERVER, self.answer_message)
                self.log.say(SERVER, f"Engine Channel Closed {self.of(resource)}", "DEBUG").done()
        return self

    def removed(self) -> "Call":
        log = self.log
        log.process(AGENT, self.remove)
        for resource in self.resources:
            log.say(AGENT, f"Remove Pending Control Channel <{self.sid}@{resource}> [0]")
        log.to_server(AGENT, "2;2")
        for resource in self.resources:
            log.say(SERVER, f"Control Channel Removed {self.of(resource)}", "DEBUG")
        log.idle(AGENT, "MRCPv2-Agent-1").done()
        return self

    def subtracted(self) -> "Call":
        log = self.log
        log.wait(0.005).process(MEDIA, self.media_message)
        log.say(MEDIA, f"Remove Media Context {self.at}", "DEBUG")
        log.say(MEDIA, f"Remove RTP Session 127.0.0.1:{self.port}").to_server(MEDIA, "4;0")
        for _ in self.resources:
            log.say(SERVER, f"Media Termination Subtracted {self.of('media-tm')}", "DEBUG")
        log.say(SERVER, f"Media Termination Subtracted {self.of('rtp-tm')}", "DEBUG")
        return self

    def destroyed(self) -> "Call":
        log = self.log
        log.say(SERVER, f"Remove Session <{self.sid}>", "NOTICE").say(SERVER, f"Session Terminated {self.who}")
        log.say(SERVER, f"Destroy Session <{self.sid}>", "NOTICE").done()
        return self

    def down(self) -> "Call":
        return self.bye().deactivate().terminate().closed().removed().subtracted().destroyed()


def healthy(log: Log, calls: int = 30, **options: tuple[str, ...]) -> Log:
    """Calls without fault, so that the log shows how long answers take."""
    for _ in range(calls):
        Call(log, **options).up().down()  # type: ignore[arg-type]
        log.wait(0.05)
    return log
