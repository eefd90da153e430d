"""The server's threads as SimPy processes: how each takes messages from its queue, and what a full queue does.

A message is `(kind, slot, arg, sent_s)`. Time passes only in `yield`; what a message does is in `sim.server`.

Each message costs one entry in SimPy's calendar: the end of its service. A thread that sleeps takes up the message that
wakes it at once, `started_s` being the time at which it is awake: no later message could come before it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import Protocol

from simpy.core import Environment
from simpy.events import Event, Timeout

from sim.engine.contract import Observer
from sim.engine.reference.unpromised import fire_after
from sim.engine.reference.world import OutboxItem, PlainWorld
from sim.engine.start.setup import Setup
from sim.server.ledger import within_load
from sim.server.streams import WAKE, draw, service_stream, wake_latency, warm_part
from sim.vocabulary.messages import lane_of
from sim.vocabulary.tasks import LANES, MESSAGE_LANE, NUA, SOCKET_LANE

Message = tuple[int, int, int, float]
Process = Generator[Event, None, None]

FOREVER = float("inf")
MAX_DEFER_S = 15.0
"""`sup_max_defer`: the longest that a sofia loop waits in one poll."""


class Host(Protocol):
    """What a task needs of whoever runs it: the engine, or a stage on which a test tries one task alone."""

    env: Environment
    world: PlainWorld
    setup: Setup
    cost_per_context_s: float
    pollers: tuple[Observer, ...]
    starters: tuple[Observer, ...]

    def complete(self, task: Task, message: Message, started: float) -> bool:
        """A message's service has ended; False when what it sent met a full queue."""

    def deliver_blocking(self, producer: Task) -> Process:
        """Deliver the rest, waiting for a slot where there is none."""

    def settle(self, task: Task, message: Message) -> None:
        """A message whose output was blocked is done with."""

    def send_again(self, task: int, message: Message) -> None:
        """A packet came while the socket's buffer was full."""

    def drop(self, task: int, message: Message) -> None:
        """A queue that neither blocks nor grows is full."""

    def starts(self, task: int, message: Message, delay: float) -> None:
        """A task takes up a message so many seconds from now."""

    def polled(self, loop: SofiaLoop) -> None:
        """A sofia loop waits."""

    def top_up(self) -> None:
        """Give every random stream that runs low its next values."""


class Task(ABC):
    """What every thread has: a way to take up messages, to sleep and be woken, and its statistics."""

    def __init__(self, engine: Host, index: int) -> None:
        self.engine = engine
        self.env = engine.env
        self.index = index
        self.world = engine.world
        self.thread: Process
        self.asleep: Event | None = None
        self.frozen = False
        self.thawed: Event | None = None
        self.thaw_s = FOREVER
        self.blocked_on: int = -1  # the task whose full queue this one waits for
        self.serving: Message | None = None
        self.started_s = 0.0
        self.service_s = 0.0
        self.unsent: list[OutboxItem] = []  # what a full queue keeps from leaving
        self.owner = -1  # the slot whose connection the blocked message used
        self.busy_s = 0.0
        self.messages = 0
        self.queue_peak = 0

    def start(self) -> None:
        """Begin to run."""
        self.thread = self.run()
        self.env.process(self.thread)

    def begin_again(self) -> None:
        """The process has ended, this thread with it, and a new one begins; what it did is not forgotten."""
        self.thread.close()
        self.asleep = self.thawed = self.serving = None
        self.frozen = False
        self.blocked_on = self.owner = -1
        self.started_s, self.service_s = self.env.now, 0.0
        self.unsent = []
        self.empty()
        self.start()

    @abstractmethod
    def empty(self) -> None:
        """Nothing waits any more."""

    def run(self) -> Process:
        """The thread's main loop: take up a message, let its service time pass, handle it, deliver what it sent."""
        engine = self.engine
        while True:
            if self.frozen:
                yield self.stand_still()
                continue
            if self.has_work():
                yield self.work(self.take(0.0))
            else:
                yield self.sleep()
            message = self.served()
            self.messages += 1
            if not engine.complete(self, message, self.started_s):
                yield from engine.deliver_blocking(self)
                engine.settle(self, message)

    @abstractmethod
    def has_work(self) -> bool:
        """Whether a message waits."""

    @abstractmethod
    def next_message(self) -> Message:
        """Remove the message whose turn it is from the queue."""

    @abstractmethod
    def push(self, message: Message) -> bool:
        """Put a message into the queue; False when there is no room and the producer must wait."""

    @abstractmethod
    def waiting(self) -> Iterator[Message]:
        """The messages in the queue."""

    def take(self, wake_s: float) -> float:
        """Take up the next message `wake_s` from now; returns the time until its service ends."""
        message = self.next_message()
        self.serving = message
        ended_s = self.started_s + self.service_s
        self.started_s = self.env.now + wake_s
        stream = self.stream(message)
        self.service_s = draw(self.world, stream)
        self.service_s *= warm_part(self.world, self.index, stream, self.started_s - ended_s, self.started_s)
        if self.engine.starters:
            self.announce(message, wake_s)
        return wake_s + self.service_s

    def announce(self, message: Message, wake_s: float) -> None:
        """Let the observers know when this message is started: once there is a processor, where those are few."""
        stretches, engine, task = self.world.stretches, self.engine, self.index
        if stretches is None:
            engine.starts(task, message, wake_s)
        else:
            stretches.starting[task] = lambda delay: engine.starts(task, message, delay)

    def work(self, seconds: float) -> Event:
        """Work on something for so long, on a processor where those are few."""
        stretches = self.world.stretches
        return Timeout(self.env, seconds) if stretches is None else stretches.work(self.index, seconds)

    def served(self) -> Message:
        """The message whose service has just ended."""
        message = self.serving
        assert message is not None
        self.serving = None
        if self.world.stretches is None:
            self.busy_s += within_load(self.world, self.started_s, self.service_s)
        else:
            self.started_s = self.world.runners[self.index].began_s
            self.service_s = self.env.now - self.started_s
        return message

    def rest(self) -> None:
        """Need no processor until there is work again."""
        if self.world.stretches is not None:
            self.world.stretches.rest(self.index)

    def stream(self, message: Message) -> int:
        """The stream of how long this message keeps the thread busy."""
        kind, slot, arg, _ = message
        return service_stream(self.world.sessions[slot], self.index, kind, arg)

    def sleep(self) -> Event:
        """Wait for a message; whoever sends it calls `wake`, and the event is the end of its service."""
        self.rest()
        self.asleep = self.env.event()
        return self.asleep

    def wake(self) -> None:
        """The sleeping thread is woken by the message just put into its queue; that takes it a while."""
        asleep = self.asleep
        assert asleep is not None
        self.asleep = None
        if self.world.stretches is not None:
            self.world.stretches.work(self.index, self.take(0.0), asleep, sleeps=True)
            return
        wake_s = wake_latency(self.world, self.index, self.env.now, self.started_s + self.service_s)
        fire_after(self.env, asleep, self.take(wake_s))

    def freeze(self, until_s: float) -> None:
        """Take up no message before `until_s`; the one in service is finished."""
        self.frozen = True
        self.thaw_s = until_s

    def thaw(self) -> None:
        """Go on after a freeze."""
        self.frozen = False
        if self.thawed is not None:
            thawed, self.thawed = self.thawed, None
            fire_after(self.env, thawed, 0.0)
        elif self.asleep is not None and self.has_work():
            self.wake()

    def stand_still(self) -> Event:
        """Wait for the end of a freeze."""
        self.rest()
        self.thawed = self.env.event()
        return self.thawed


class ConsumerTask(Task):
    """`apt_consumer_task`: first in, first out, a bounded queue whose push blocks the producer."""

    def __init__(self, engine: Host, index: int, slots: int) -> None:
        super().__init__(engine, index)
        self.slots = slots
        self.queue: deque[Message] = deque()
        self.producers: deque[tuple[Event, int, bool]] = deque()

    def empty(self) -> None:
        self.queue.clear()
        self.producers.clear()

    def has_work(self) -> bool:
        return bool(self.queue)

    def next_message(self) -> Message:
        message = self.queue.popleft()
        if self.producers:
            self.signal_producer()
        return message

    def push(self, message: Message) -> bool:
        length = len(self.queue)
        if length >= self.slots:
            return False
        self.queue.append(message)
        if length >= self.queue_peak:
            self.queue_peak = length + 1
        if self.asleep is not None and not self.frozen:
            self.wake()
        return True

    def wait_for_slot(self, producer: int, is_task: bool) -> Event:
        """A producer waits until a slot falls free; by the time it wakes, another may have taken it."""
        event = self.env.event()
        self.producers.append((event, producer, is_task))
        return event

    def signal_producer(self) -> None:
        """`apr_thread_cond_signal(not_full)`: wake the producer that has waited longest."""
        event, producer, is_task = self.producers.popleft()
        if self.world.stretches is not None and is_task:
            self.world.stretches.work(producer, 0.0, event, sleeps=True)
        else:
            fire_after(self.env, event, draw(self.world, WAKE + producer))

    def waiting(self) -> Iterator[Message]:
        return iter(self.queue)


class PollerTask(ConsumerTask):
    """The connection agent: first in, first out; its cyclic queue never blocks, it grows or drops."""

    def __init__(self, engine: Host, index: int, slots: int, grows: bool) -> None:
        super().__init__(engine, index, slots)
        self.grows = grows

    def push(self, message: Message) -> bool:
        if len(self.queue) >= self.slots:
            if not self.grows:
                self.engine.drop(self.index, message)
                return True
            self.slots += max(1, self.slots // 2)
        return super().push(message)


class SofiaLoop(Task):
    """`su_base_port_run`: detach all messages and run them, then the due timers, then poll the sockets.

    What comes in while a batch runs waits for the next iteration. Messages and timers are served in gated batches, of
    packets one in each iteration (`tport_recv_event` reads no second one). A thread that sleeps does so in the poll,
    between timers and sockets.
    """

    def __init__(self, engine: Host, index: int) -> None:
        super().__init__(engine, index)
        self.lanes: list[deque[Message]] = [deque() for _ in range(LANES)]
        self.length = 0
        self.lane = SOCKET_LANE
        self.batch = 0  # left of the batch at hand; -1: it began with the message that woke the thread, not yet counted

    def empty(self) -> None:
        for lane in self.lanes:
            lane.clear()
        self.length = self.batch = 0
        self.lane = SOCKET_LANE

    def has_work(self) -> bool:
        return self.length > 0

    def next_message(self) -> Message:
        if self.batch < 0:
            # everything that was there when the thread was awake belongs to the batch
            lane = self.lanes[self.lane]
            there = sum([message[3] <= self.started_s for message in lane]) if lane else 0
            self.batch = 0 if self.lane == SOCKET_LANE else there
        while self.batch == 0:
            self.lane = (self.lane + 1) % LANES
            there = len(self.lanes[self.lane])
            self.batch = min(there, 1) if self.lane == SOCKET_LANE else there
        self.batch -= 1
        self.length -= 1
        return self.lanes[self.lane].popleft()

    def wake(self) -> None:
        super().wake()
        self.batch = -1

    def sleep(self) -> Event:
        if self.engine.pollers:
            self.engine.polled(self)
        return super().sleep()

    def push(self, message: Message) -> bool:
        lane = lane_of(message[0]) if self.index == NUA else MESSAGE_LANE
        limit = self.world.p.receive_buffer
        if limit and lane == SOCKET_LANE and len(self.lanes[lane]) >= limit:
            self.engine.send_again(self.index, message)
            return True
        self.lanes[lane].append(message)
        self.length += 1
        if self.length > self.queue_peak:
            self.queue_peak = self.length
        if self.asleep is not None and not self.frozen:
            self.wake()
        return True

    def waiting(self) -> Iterator[Message]:
        for lane in self.lanes:
            yield from lane


def dead_tasks(tasks: Sequence[Task]) -> set[int]:
    """Tasks that will never run again: frozen for good, or waiting for one that is, or for each other."""
    dead = {t.index for t in tasks if t.frozen and t.thaw_s == FOREVER}
    for task in tasks:
        seen = [task.index]
        at = task.blocked_on
        while at >= 0 and at not in dead and at not in seen:
            seen.append(at)
            at = tasks[at].blocked_on
        if at >= 0:
            dead.update(seen)
    return dead
