"""What every task's lines have in common: which call, which thread, and the three lines around each task message."""

from collections import OrderedDict, deque
from typing import Final

from sim.ledger.identity import session_id
from sim.logs.writing.calls import Call, LoggedRow, Ports, Setting, TcpConnection, Told
from sim.logs.writing.lines import Lines, message_addresses, session_addresses
from sim.logs.writing.phrases import line_of
from sim.vocabulary.lines import Kind
from sim.vocabulary.messages import ANSWER_ROWS, LOG_TYPES, channel_of
from sim.vocabulary.tasks import TASK_NAMES

_NUA, SIP, SERVER, AGENT, MEDIA = TASK_NAMES

_OPERATIONS: Final = {answer.name: operation for operation, answer in ANSWER_ROWS.items()}
_REMEMBERED: Final = 3_000  # calls that are over, for answers that come too late


class LogStory:
    """Everything the writer knows while it goes through the messages in the order in which they were handled."""

    def __init__(
        self, setting: Setting, lines: Lines, lost: dict[int, dict[str, int]], dropped: set[int],
        refused: dict[int, int], unknown: set[int],
    ) -> None:  # fmt: skip
        self.setting = setting
        self.lines = lines
        self.lost = lost  # sessions that lost a message → how many of each kind did arrive
        self.refused = refused  # calls that the SIP agent refused itself: 400, 488 or 503
        self.unknown = unknown  # calls that were answered 404
        self.dropped = dropped  # those that lost it to a full MPF queue
        self.calls: dict[int, Call] = {}
        self.gone: OrderedDict[int, Call] = OrderedDict()
        self.sessions = session_addresses()
        self.messages = message_addresses()
        self.ports = Ports(*setting.rtp)
        self.pending = 0  # control channels without a connection
        self.open_sessions = 0
        self.shutting_down = False
        self.shared: TcpConnection | None = None
        self.client_port = 46_000
        self.tasks = {task: resource for resource, (task, _) in setting.engines.items()}

    # --- calls -----------------------------------------------------------------------------------------------------

    def call(self, number: int) -> Call:
        """The call of this number."""
        found = self.calls.get(number) or self.gone.get(number)
        if found is None:
            found = self.calls[number] = Call(number, session_id(self.setting.seed, number))
        return found

    def forget(self, call: Call) -> None:
        """Keep a call that is over only for a while, for messages that come too late."""
        over = call.done and (call.state == "DESTROYED" or not call.created)
        if over and call.number in self.calls:
            del self.calls[call.number]
            call.expected.clear()
            call.sends.clear()
            self.gone[call.number] = call
            if len(self.gone) > _REMEMBERED:
                self.gone.popitem(last=False)

    # --- lines -----------------------------------------------------------------------------------------------------

    def put(self, time_s: float, by: str, kind: Kind, /, **fields: object) -> None:
        """One line of a task's own thread."""
        self._put(time_s, by, kind, fields)

    def put_with(self, time_s: float, by: str, kind: Kind, body: str, /, **fields: object) -> None:
        """The same, with a message in the lines below it."""
        self._put(time_s, by, kind, fields, body=f"\n{body}")

    def put_at(self, time_s: float, by: str, kind: Kind, at: int, /, **fields: object) -> None:
        """The same, at a place that was reserved for it among the lines of its time."""
        self._put(time_s, by, kind, fields, at=at)

    def _put(
        self, time_s: float, by: str, kind: Kind, fields: dict[str, object], *, body: str = "", at: int = 0
    ) -> None:  # fmt: skip
        level, text = line_of(kind, fields)
        self.lines.put(time_s, self.lines.thread(by), level, text + body, at)

    def send(self, call: Call, task: str, message: str, argument: int, time_s: float, by: str) -> None:
        """`Signal Message`: `by` sends a task message, which `take` gives back when it is processed."""
        address = self.messages.take(time_s)
        kind = LOG_TYPES.get(message, "1;0")
        self.put(time_s, by, Kind.SIGNAL, task=task, message=f"0x{address:x};{kind}")
        if self.was_lost(call, message, task):
            if call.number in self.dropped and task == MEDIA:
                self.put(time_s, by, Kind.MPF_FULL, task=task)
            self.put(time_s, by, Kind.LOST, task=task, message=f"0x{address & 0xFFFFFFFF:x};{kind}")
            return
        call.expected.setdefault(f"{task}/{message}", deque()).append((address, argument))

    def was_lost(self, call: Call, message: str, task: str) -> bool:
        """Whether this sending of a message never arrived, in a session that stays because of that."""
        arrived = self.lost.get(call.number)
        if arrived is None:
            return False
        key = f"{task}/{message}"
        sent = call.sends[key] = call.sends.get(key, 0) + 1
        return sent > arrived.get(key, 0)

    def process(self, call: Call, row: LoggedRow) -> int:
        """`Process Message`; returns the argument that it was sent with."""
        address, argument = self.take(call, row)
        kind = LOG_TYPES.get(row.message, "1;0") if row.task == SERVER else "1;0"
        self.put(row.started, row.task, Kind.PROCESS, task=row.task, message=f"0x{address:x};{kind}")
        self.messages.free(address, row.started)
        return argument if row.argument is None else row.argument

    def take(self, call: Call, row: LoggedRow) -> tuple[int, int]:
        """Address and argument of the message sent longest ago; a new one when nobody is known to have sent it."""
        waiting = call.expected.get(f"{row.task}/{row.message}")
        if waiting:
            return waiting.popleft()
        return self.messages.take(row.started), 0

    def wait(self, row: LoggedRow, timeout_ms: int = 0) -> None:
        """`Wait for Messages`: the task is done with the message, and has a timer that runs out in `timeout_ms`."""
        timeout: dict[str, object] = {"count": timeout_ms} if timeout_ms else {}
        self.put(row.finished, row.task, Kind.WAIT, task=row.task, **timeout)

    # --- answers of plugins ------------------------------------------------------------------------------------------

    def told(self, call: Call, row: LoggedRow, operation: str, channel: int, thread: str) -> None:
        """A plugin (or the media thread, for it) is done with what it was told; its answer may carry this very time.

        Called before the task's `Wait for Messages`, so that an answer's line finds its place in front of that.
        """
        call.told[operation, channel] = Told(row.finished, self.lines.reserve(4), thread)
        answer = ANSWER_ROWS.get(operation)
        if answer is not None and call.number in self.lost and self.was_lost(call, answer.name, SERVER):
            self.send_lost(call, row.finished, thread, answer.name)

    def send_lost(self, call: Call, time_s: float, by: str, message: str) -> None:
        """An answer that found the server task's queue full and was lost."""
        address, kind = self.messages.take(time_s), LOG_TYPES[message]
        self.put(time_s, by, Kind.SIGNAL, task=SERVER, message=f"0x{address:x};{kind}")
        self.put(time_s, by, Kind.LOST, task=SERVER, message=f"0x{address & 0xFFFFFFFF:x};{kind}")

    def answered(self, call: Call, row: LoggedRow) -> int:
        """`Signal Message` of a plugin's answer, from whichever thread sent it, and `Process Message`; the channel."""
        operation = _OPERATIONS.get(row.message, "event")
        wanted = [(key, item) for key, item in call.told.items() if key[0] == operation]
        if operation == "event":
            wanted += [(key, item) for key, item in call.told.items() if key[0] == "request"]
        if row.argument is not None:
            wanted = [(key, item) for key, item in wanted if key[1] == channel_of(row.argument)] or wanted
        exact = [(key, item) for key, item in wanted if item.done == row.sent]
        fresh = [(key, item) for key, item in wanted if not item.answers] or wanted
        channel, at, by = 0, 0, ""
        if exact or fresh:
            (_, channel), item = (exact or fresh)[0]
            if exact:
                at, by = item.place + min(item.answers, 3), item.thread
            item.answers += 1
        channel = min(channel if row.argument is None else channel_of(row.argument), max(0, len(call.channels) - 1))
        by = by or f"{self.task_of(call, channel)} worker"
        address = self.messages.take(row.sent)
        message = f"0x{address:x};{LOG_TYPES[row.message]}"
        self.put_at(row.sent, by, Kind.SIGNAL, at, task=row.task, message=message)
        self.put(row.started, row.task, Kind.PROCESS, task=row.task, message=message)
        self.messages.free(address, row.started)
        return channel

    def task_of(self, call: Call, channel: int) -> str:
        """The task of the plugin that serves a channel."""
        if not call.channels:
            return next(iter(self.tasks), "Demo Recog Engine")
        resource = call.channels[channel].resource
        return self.setting.engines.get(resource, (f"{resource} engine", resource))[0]

    def new_connection(self) -> TcpConnection:
        """The next client port."""
        self.client_port = self.client_port + 2 if self.client_port < 60_000 else 46_000
        return TcpConnection(f"127.0.0.1:1544 <-> 127.0.0.1:{self.client_port}")
