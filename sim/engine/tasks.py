"""The server's threads as SimPy processes: how each takes messages from its queue, and what a full queue does.

A message is `(kind, slot, arg, sent_s)`. Time passes only in `yield`; what a message does is in `sim.server`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from simpy.core import Environment
from simpy.events import NORMAL, Event, Timeout

from sim.engine.setup import SUBTRACT_SERVICE
from sim.server.names import (
    LANES,
    M_CONTAINER,
    M_STOP,
    MEDIA,
    MESSAGE_LANE,
    P_COMPLETE,
    P_OPEN,
    PLUGIN,
    STEP_SUBTRACT,
    TIMER_LANE,
    lane_of,
)
from sim.server.streams import BLOCK, OPERATION, OVERSLEEP, SERVICE, WAKE, draw

if TYPE_CHECKING:
    from sim.engine.simpy_engine import SimpyEngine
    from sim.engine.world import OutboxItem

Message = tuple[int, int, int, float]
Process = Generator[Event, None, None]


def fire_after(env: Environment, event: Event, delay: float) -> None:
    """Let an event happen `delay` seconds from now: one entry in SimPy's calendar, no process in between."""
    event._ok = True
    event._value = None
    env.schedule(event, NORMAL, delay)


class Task:
    """What every thread has: a name, a way to sleep and be woken, and its statistics."""

    def __init__(self, engine: SimpyEngine, index: int) -> None:
        self.engine = engine
        self.env = engine.env
        self.index = index
        self.world = engine.world
        self.asleep: Event | None = None
        self.frozen = False
        self.thawed: Event | None = None
        self.thaw_s = float("inf")
        self.blocked_on: int = -1  # the task whose full queue this one waits for
        self.serving: Message | None = None
        self.unsent: list[OutboxItem] = []  # what a full queue keeps from leaving
        self.busy_s = 0.0
        self.messages = 0
        self.queue_peak = 0

    def start(self) -> None:
        """Begin to run."""
        self.env.process(self.run())

    def run(self) -> Process:
        """The thread's main loop."""
        raise NotImplementedError

    def push(self, message: Message) -> bool:
        """Put a message into the queue; False when there is no room and the producer must wait."""
        raise NotImplementedError

    def waiting(self) -> Iterator[Message]:
        """The messages in the queue."""
        raise NotImplementedError

    def sleep(self) -> Event:
        """Wait until there is something to do."""
        self.asleep = self.env.event()
        return self.asleep

    def wake(self) -> None:
        """Wake the thread if it sleeps; that takes it a while."""
        if self.asleep is not None:
            fire_after(self.env, self.asleep, draw(self.world, WAKE + self.index))
            self.asleep = None

    def freeze(self, until_s: float) -> None:
        """Take up no message before `until_s`."""
        self.frozen = True
        self.thaw_s = until_s

    def thaw(self) -> None:
        """Go on after a freeze."""
        self.frozen = False
        if self.thawed is not None:
            thawed, self.thawed = self.thawed, None
            fire_after(self.env, thawed, 0.0)

    def stand_still(self) -> Event:
        """Wait for the end of a freeze."""
        self.thawed = self.env.event()
        return self.thawed

    def service(self, message: Message) -> float:
        """How long this message keeps the thread busy."""
        return draw(self.world, SERVICE + message[0])

    def work(self, message: Message) -> Process:
        """Serve one message: time passes, its handler runs, what it sent is delivered (which may block)."""
        started = self.env.now
        service = self.service(message)
        self.serving = message
        yield Timeout(self.env, service)
        self.busy_s += service
        self.serving = None
        yield from self.finish(message, started)

    def finish(self, message: Message, started: float) -> Process:
        """Run a message's handler and deliver what it sent."""
        self.messages += 1
        engine = self.engine
        if engine.handle(self.index, message, started) and not engine.deliver(self):
            yield from engine.deliver_blocking(self)
        engine.settle(message)


class ConsumerTask(Task):
    """`apt_consumer_task`: first in, first out, a bounded queue whose push blocks the producer."""

    def __init__(self, engine: SimpyEngine, index: int, slots: int) -> None:
        super().__init__(engine, index)
        self.slots = slots
        self.queue: deque[Message] = deque()
        self.producers: deque[tuple[Event, int]] = deque()

    def run(self) -> Process:
        while True:
            if self.frozen:
                yield self.stand_still()
            elif not self.queue:
                yield self.sleep()
            else:
                message = self.queue.popleft()
                if self.producers:
                    self.signal_producer()
                yield from self.work(message)

    def push(self, message: Message) -> bool:
        if len(self.queue) >= self.slots:
            return False
        self.queue.append(message)
        if len(self.queue) > self.queue_peak:
            self.queue_peak = len(self.queue)
        if self.asleep is not None:
            self.wake()
        return True

    def service(self, message: Message) -> float:
        kind = message[0]
        if P_OPEN <= kind < P_COMPLETE:
            return draw(self.world, OPERATION + ((self.index - PLUGIN) * 4 + kind - P_OPEN) * 4 + BLOCK)
        return draw(self.world, SERVICE + kind)

    def wait_for_slot(self, producer: int) -> Event:
        """A producer waits until a slot falls free; by the time it wakes, another may have taken it."""
        event = self.env.event()
        self.producers.append((event, producer))
        return event

    def signal_producer(self) -> None:
        """`apr_thread_cond_signal(not_full)`: wake the producer that has waited longest."""
        event, producer = self.producers.popleft()
        fire_after(self.env, event, draw(self.world, WAKE + producer))

    def waiting(self) -> Iterator[Message]:
        return iter(self.queue)


class PollerTask(ConsumerTask):
    """The connection agent: first in, first out; its cyclic queue never blocks, it grows or drops."""

    def __init__(self, engine: SimpyEngine, index: int, slots: int, grows: bool) -> None:
        super().__init__(engine, index, slots)
        self.grows = grows

    def push(self, message: Message) -> bool:
        if len(self.queue) >= self.slots:
            if not self.grows:
                self.engine.drop(message)
                return True
            self.slots += max(1, self.slots // 2)
        return super().push(message)


class SofiaLoop(Task):
    """`su_base_port_run`: detach all messages and run them, then due timers, then poll the sockets.

    What is posted while a batch runs goes to the next iteration.
    """

    def __init__(self, engine: SimpyEngine, index: int) -> None:
        super().__init__(engine, index)
        self.lanes: list[deque[Message]] = [deque() for _ in range(LANES)]
        self.length = 0

    def run(self) -> Process:
        messages, timers, sockets = self.lanes
        while True:
            yield from self.batch(messages)
            yield from self.batch(timers)
            if not self.length:
                yield self.sleep()
            yield from self.batch(sockets)

    def batch(self, lane: deque[Message]) -> Process:
        """Run what is in the lane now, and no more."""
        for _ in range(len(lane)):
            while self.frozen:
                yield self.stand_still()
            message = lane.popleft()
            self.length -= 1
            yield from self.work(message)

    def push(self, message: Message) -> bool:
        self.lanes[lane_of(message[0]) if self.index == 0 else MESSAGE_LANE].append(message)
        self.length += 1
        if self.length > self.queue_peak:
            self.queue_peak = self.length
        if self.asleep is not None:
            self.wake()
        return True

    def waiting(self) -> Iterator[Message]:
        for lane in self.lanes:
            yield from lane

    @property
    def timers_due(self) -> int:
        """Timers that have expired and wait for their turn."""
        return len(self.lanes[TIMER_LANE])


class MediaEngine(Task):
    """MPF: at each tick drain the request queue, then run every media context; the tick compensates its drift.

    With the tick's nominal times G(k) = phase + k·tick, P(k) the work done in tick k and e(k) how much the thread
    overslept, `timer_thread_proc` of `mpf_scheduler.c` comes to T(k+1) = G(k+1) + P(k) + e(k) while the drift stays
    below one tick, and to no sleep at all above. Ticks without messages are not simulated one by one: their work is
    contexts · cost, which moves the next tick just as much.
    """

    def __init__(self, engine: SimpyEngine, phase_s: float, slots: int, grows: bool) -> None:
        super().__init__(engine, MEDIA)
        media = engine.setup.scenario.server.media
        self.tick_s = float(media.tick)
        self.cost_s = float(engine.cost_per_context_s)
        self.phase_s = phase_s
        self.slots = slots
        self.grows = grows
        self.queue: deque[Message] = deque()
        self.stops: deque[Message] = deque()
        self.k = -1  # the last tick that was simulated
        self.drift_s = 0.0  # T(k+1) - G(k+1): how late the next tick begins

    def run(self) -> Process:
        while True:
            if not self.queue and not self.stops and self.can_skip():
                yield self.sleep()
            else:
                yield Timeout(self.env, max(0.0, self.next_tick() - self.env.now))
            while self.frozen:
                yield self.stand_still()
            yield from self.tick()

    def can_skip(self) -> bool:
        """Whether idle ticks end before the next one is due, so that nothing is lost by leaving them out."""
        return self.cost_s * self.world.server.contexts + self.drift_s < self.tick_s

    def tick(self) -> Process:
        """One pass of `mpf_engine_main`: requests, then contexts, then the answers to STOP from their callbacks."""
        began = self.env.now
        while self.queue:
            yield from self.work(self.queue.popleft())
        work = self.cost_s * self.world.server.contexts
        if work > 0.0:
            yield Timeout(self.env, work)
            self.busy_s += work
        for _ in range(len(self.stops)):
            message = self.stops.popleft()
            yield from self.finish(message, self.env.now)
        self.plan(began)

    def plan(self, began: float) -> None:
        """Work out when the tick after this one begins."""
        slept = self.drift_s < self.tick_s
        over = draw(self.world, OVERSLEEP) if slept else 0.0
        end = self.env.now
        self.drift_s = (end - began) + over if slept else end - (self.phase_s + (self.k + 1) * self.tick_s)

    def next_tick(self) -> float:
        """Begin the next tick in sequence."""
        self.k += 1
        return self.phase_s + self.k * self.tick_s + self.drift_s

    def tick_after(self, now: float) -> float:
        """Begin the first tick at or after `now`, leaving out the idle ones in between."""
        first = self.phase_s + (self.k + 1) * self.tick_s + self.drift_s
        if first >= now:
            self.k += 1
            return first
        idle = self.cost_s * self.world.server.contexts
        over = draw(self.world, OVERSLEEP)
        ahead = int((now - self.phase_s - idle - over) / self.tick_s)
        k = max(self.k + 2, ahead)
        while self.phase_s + k * self.tick_s + idle + over < now:
            k += 1
        self.busy_s += idle * (k - self.k - 1)
        self.k = k
        self.drift_s = idle + over
        return self.phase_s + k * self.tick_s + self.drift_s

    def push(self, message: Message) -> bool:
        if message[0] == M_STOP:
            self.stops.append(message)
        else:
            if len(self.queue) >= self.slots:
                if not self.grows:
                    self.engine.drop(message)
                    return True
                self.slots += max(1, self.slots // 2)
            self.queue.append(message)
            if len(self.queue) > self.queue_peak:
                self.queue_peak = len(self.queue)
        if self.asleep is not None:
            asleep, self.asleep = self.asleep, None
            fire_after(self.env, asleep, self.tick_after(self.env.now) - self.env.now)
        return True

    def service(self, message: Message) -> float:
        subtracts = message[0] == M_CONTAINER and message[2] // 256 == STEP_SUBTRACT
        return draw(self.world, SERVICE + (SUBTRACT_SERVICE if subtracts else message[0]))

    def waiting(self) -> Iterator[Message]:
        yield from self.queue
        yield from self.stops
