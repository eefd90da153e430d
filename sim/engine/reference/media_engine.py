"""The media engine's thread as a SimPy process: a pass at each tick, over its requests and then its media contexts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from simpy.events import Timeout

from sim.engine.reference.tasks import Host, Message, Process, Task
from sim.engine.reference.unpromised import fire_after
from sim.engine.tick import can_skip, idle_work, next_tick, plan, sleeps_again, tick_after
from sim.server.ledger import within_load
from sim.vocabulary.messages import M_STOP
from sim.vocabulary.tasks import MEDIA


class MediaEngine(Task):
    """MPF: at each tick drain the request queue, then run every media context; `sim.engine.tick` says when."""

    def __init__(self, engine: Host, phase_s: float, slots: int, grows: bool) -> None:
        super().__init__(engine, MEDIA)
        self.tick_s = float(engine.setup.scenario.server.media.tick)
        self.cost_s = float(engine.cost_per_context_s)
        self.tick_cost_s = float(engine.setup.scenario.server.media.cost_per_tick)
        self.phase_s = phase_s
        self.slots = slots
        self.grows = grows
        self.queue: deque[Message] = deque()
        self.stops: deque[Message] = deque()
        self.tick_k = -1
        self.drift_s = 0.0

    def empty(self) -> None:
        self.queue.clear()
        self.stops.clear()
        self.drift_s = 0.0

    def run(self) -> Process:
        while True:
            if not self.queue and not self.stops and can_skip(self.world, self):
                yield self.sleep()
            else:
                sleeps_s = max(0.0, next_tick(self) - self.env.now)
                if sleeps_again(self.world, sleeps_s):
                    self.rest()
                    yield Timeout(self.env, sleeps_s)
            while self.frozen:
                yield self.stand_still()
            if self.world.stretches is not None:
                yield self.work(0.0)
            yield from self.tick()

    def tick(self) -> Process:
        """One pass of `mpf_engine_main`: requests, then contexts, then the answers to STOP from their callbacks."""
        env = self.env
        began = env.now
        while self.queue:
            yield self.work(self.take(0.0))
            yield from self.finish(self.served(), self.started_s)
        work = idle_work(self.world, self)
        if work > 0.0:
            yield self.work(work)
            if self.world.stretches is None:
                self.busy_s += within_load(self.world, env.now - work, work)
        for _ in range(len(self.stops)):
            stop = self.stops.popleft()
            if self.engine.starters:
                self.engine.starts(self.index, stop, 0.0)
            yield from self.finish(stop, env.now)
        plan(self.world, self, began, env.now)
        if self.world.server.needs_draws:  # no message has to come for a long time
            self.engine.top_up()

    def finish(self, message: Message, started: float) -> Process:
        """Handle a message and deliver what it sent."""
        self.messages += 1
        if not self.engine.complete(self, message, started):
            yield from self.engine.deliver_blocking(self)
            self.engine.settle(self, message)

    def has_work(self) -> bool:
        return bool(self.queue or self.stops)

    def next_message(self) -> Message:
        return self.queue.popleft()

    def push(self, message: Message) -> bool:
        if message[0] == M_STOP:
            self.stops.append(message)
        else:
            if len(self.queue) >= self.slots:
                if not self.grows:
                    self.engine.drop(self.index, message)
                    return True
                self.slots += max(1, self.slots // 2)
            self.queue.append(message)
            if len(self.queue) > self.queue_peak:
                self.queue_peak = len(self.queue)
        if self.asleep is not None:
            asleep, self.asleep = self.asleep, None
            fire_after(self.env, asleep, tick_after(self.world, self, self, self.env.now) - self.env.now)
        return True

    def thaw(self) -> None:
        """Go on after a freeze: a sleeping engine is woken by its next message, as ever."""
        self.frozen = False
        if self.thawed is not None:
            thawed, self.thawed = self.thawed, None
            fire_after(self.env, thawed, 0.0)

    def waiting(self) -> Iterator[Message]:
        yield from self.queue
        yield from self.stops
