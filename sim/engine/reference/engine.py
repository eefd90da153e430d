"""The reference engine: the server's threads as SimPy processes, to be read, hooked and stepped through."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from heapq import heappop, heappush
from typing import cast

from simpy.events import Event, Timeout

from sim.engine.contract import Fallen, Observer, ProcessorStatistics, Remaining, TaskStatistics, unwatched
from sim.engine.reference.fall import fall
from sim.engine.reference.media_engine import MediaEngine
from sim.engine.reference.pending import pending
from sim.engine.reference.recorder import Recorder
from sim.engine.reference.stretches import Stretches
from sim.engine.reference.tasks import (
    MAX_DEFER_S,
    ConsumerTask,
    Message,
    PollerTask,
    SofiaLoop,
    Task,
)
from sim.engine.reference.unpromised import new_environment
from sim.engine.reference.watch import Watch
from sim.engine.reference.world import OutboxItem, new_world, refill
from sim.engine.sharing import other_program, pause
from sim.engine.start.arrivals import arrival_blocks
from sim.engine.start.generators import Streams, first_tick_s
from sim.engine.start.setup import Setup, task_index
from sim.errors import InternalError
from sim.quiet import quiet_collector
from sim.server.caller import arrive, finished, send_again_after
from sim.server.crash import process_starts
from sim.server.effects import crash, vacant
from sim.server.handlers import HANDLERS, timer_lives
from sim.server.records import CRASHED, Session
from sim.server.shutdown import shutdown_begins, shutdown_session
from sim.server.streams import PHASE
from sim.vocabulary.messages import M_CONTAINER, MESSAGE_NAMES, TIMERS
from sim.vocabulary.tasks import CLIENT, CONNECTION_AGENT, NUA, PLUGIN, SERVER, SIP_AGENT


class SimpyEngine:
    """One run of a scenario under SimPy. `run()` returns when the horizon is reached or the process has ended."""

    name = "simpy"

    def __init__(
        self, setup: Setup, seed: int, recorder: Recorder, observers: tuple[Observer, ...] = (), replication: int = 0
    ) -> None:
        scenario = setup.scenario
        self.setup = setup
        self.seed = seed
        self.replication = replication
        self.recorder = recorder
        self.observers = observers
        self.pollers = tuple([o for o in observers if o.loop_polled is not unwatched])
        self.timers: dict[int, list[tuple[float, int, OutboxItem]]] = {NUA: [], SIP_AGENT: []}  # for them
        self.env = new_environment()
        self.streams = Streams(setup, seed, replication)
        self.world = new_world(setup, self.streams, recorder.window_s)
        self.server = self.world.server
        self.watch = Watch(self.env, self.world, observers)
        self.starters = self.watch.starters
        if self.world.machine.count:
            self.world.stretches = Stretches(self.env, self.world)
        self.ledger, self.offences = self.world.ledger, self.world.offences
        self.cost_per_context_s = self.world.p.context_cost_s
        self.calls = 0
        self.horizon_s = setup.duration_s + scenario.drain
        self.now = 0.0
        self.message_rows = recorder.message_rows
        self.full = recorder.full
        self.outside: list[OutboxItem] = []  # delayed answers whose thread waits for a full queue
        phase = scenario.server.media.phase
        if phase is None:
            phase = self.streams.block(PHASE)[0] * scenario.server.media.tick
        self.world.machine.phase_s = first_tick_s(scenario, self.streams)
        slots = scenario.server.queues.slots
        connection, media = scenario.server.connection.queue, scenario.server.media.queue
        self.tasks: list[Task] = [
            SofiaLoop(self, NUA),
            SofiaLoop(self, SIP_AGENT),
            ConsumerTask(self, SERVER, slots),
            PollerTask(self, CONNECTION_AGENT, connection.slots, connection.when_full == "grow"),
            MediaEngine(self, float(phase), media.slots, media.when_full == "grow"),
        ]
        self.tasks += [ConsumerTask(self, PLUGIN + i, slots) for i in range(len(setup.plugins))]

    # --- running ----------------------------------------------------------------------------------------------------

    def run(self, progress: Callable[[float], None] | None = None, fallen: Fallen = unwatched) -> None:
        """Run to the horizon. An interrupt is met between two events: everything up to there is consistent."""
        for task in self.tasks:
            task.start()
        self.env.process(self._arrivals())
        self.env.process(self._windows())
        for program in range(self.world.machine.tasks, self.world.machine.runners):
            self.env.process(self._other_program(program))
        for freeze in self.setup.scenario.server.freeze:
            self._freeze(self.tasks[task_index(freeze.task, self.setup.plugins)], freeze.at, freeze.for_)
        if self.setup.scenario.server.shutdown is not None:
            self._at(self.setup.scenario.server.shutdown, self._shutdown)
        for at in self.setup.scenario.server.crash:
            self._at(at, self._crash)
        env, server, recorder = self.env, self.server, self.recorder
        try:
            with quiet_collector():
                while (not server.stopped or self._falls(fallen)) and env.peek() < self.horizon_s:
                    for _ in range(2048):
                        env.step()
                        if server.needs_draws:  # also where no message was handled: a tick, a processor that is woken
                            refill(self.world, self.streams)
                        if server.stopped or env.peek() >= self.horizon_s:
                            break
                    if recorder.full_buffers(self.world):
                        self._flush()
                    if progress is not None:
                        progress(min(1.0, env.now / self.horizon_s))
            self.now = env.now if server.stopped else self.horizon_s
        finally:
            self.now = max(self.now, env.now)
            recorder.last_window(self.world, self.now)
            self._flush()

    def _crash(self, _: Event) -> None:
        if not self.server.down:
            crash(self.world, self.env.now, 1)

    def _falls(self, fallen: Fallen) -> bool:
        """The process has ended: whether it is started again."""
        if self.server.stopped != CRASHED or self.world.p.restart_s <= 0.0:
            return False
        self._flush()
        fallen(self.remaining(), self.env.now)
        self.outside.clear()
        fall(self.env, self.world, self.tasks, self._deliver_all)
        self._at(self.world.p.restart_s, lambda _: process_starts(self.world, self.env.now))
        return True

    def _flush(self) -> None:
        """Hand on what is recorded; observers hear of it first."""
        self.watch.tell_changes()
        self.recorder.flush(self.world)
        self.watch.told = 0

    def _at(self, time_s: float, what: Callable[[Event], None]) -> None:
        event = Timeout(self.env, time_s)
        assert event.callbacks is not None
        event.callbacks.append(what)

    def _freeze(self, task: Task, at: float, length: float | None) -> None:
        until = float("inf") if length is None else at + length
        self._at(at, lambda _: task.freeze(until))
        if length is not None:
            self._at(until, lambda _: task.thaw())

    def _arrivals(self) -> Generator[Event, None, None]:
        for block in arrival_blocks(self.setup.scenario, self.seed, self.setup.duration_s, self.replication):
            rows = zip(
                block.time_s.tolist(),
                block.hold_s.tolist(),
                block.requests.tolist(),
                block.patience_s.tolist(),
                block.vanishes.tolist(),
                block.on_hold_s.tolist(),
                block.kind.tolist(),
                strict=True,
            )
            for at, hold, requests, patience, vanishes, on_hold, kind in rows:
                yield Timeout(self.env, max(0.0, at - self.env.now))
                session = vacant(self.world)
                given = hold, int(requests), patience, int(vanishes), on_hold, int(kind)
                arrive(self.world, session, self.calls, *given, self.env.now)
                self.calls += 1
                self._deliver_all()
                if self.server.needs_draws:
                    refill(self.world, self.streams)
        limit = self.setup.scenario.arrivals.calls
        ended_early = limit is not None and self.calls >= limit and self.env.now > 0.0
        self.world.ledger.load_end_s = self.env.now if ended_early else self.setup.duration_s
        self.horizon_s = self.world.ledger.load_end_s + self.setup.scenario.drain

    def _other_program(self, runner: int) -> Generator[Event, None, None]:
        delay = pause(self.world, self.env.now)
        while True:
            yield Timeout(self.env, delay)
            delay = other_program(self.world, runner, self.env.now)
            if self.server.needs_draws:
                refill(self.world, self.streams)

    def _windows(self) -> Generator[Event, None, None]:
        k = 0
        while True:
            k += 1
            yield Timeout(self.env, k * self.recorder.window_s - self.env.now)
            self.recorder.window(self.world, self.env.now)

    def _shutdown(self, _: Event) -> None:
        shutdown_begins(self.world, self.env.now)
        for session in self.world.sessions:
            shutdown_session(self.world, session)
            self._deliver_all()

    # --- messages ---------------------------------------------------------------------------------------------------

    def complete(self, task: Task, message: Message, started: float) -> bool:
        """A message's service has ended: run its handler and deliver what it sent.

        False when a queue was full: the rest stands in `task.unsent`, and the task goes on with `deliver_blocking`
        and `settle`.
        """
        kind, slot, arg, sent = message
        world, server = self.world, self.server
        session = world.sessions[slot]
        server.task = task.index
        server.kind = kind
        owner = session.connection
        now = self.env.now
        HANDLERS[kind](world, session, arg, started, now)
        if self.full:
            self.message_rows.append(
                (session.call, task.index, kind, sent, started, now, session.state, session.subrequests, arg)
            )
        else:
            self.message_rows.append((task.index, sent, started, now))
        if self.observers:
            self.watch.tell_changes()
            for observer in self.observers:
                observer.message_finished(now, task.index, kind, session)
        if server.needs_draws:
            refill(world, self.streams)
        if world.outbox and not self.deliver(task):
            task.owner = owner
            return False
        session.inflight -= 1
        if not session.inflight:
            self._retire(session)
        if owner >= 0 > session.connection and owner != slot:
            self._retire(world.sessions[owner])
        return True

    def settle(self, task: Task, message: Message) -> None:
        """A message whose output was blocked is done with: its slot, or its connection's, may be free now."""
        session = self.world.sessions[message[1]]
        session.inflight -= 1
        if not session.inflight:
            self._retire(session)
        if task.owner >= 0 > session.connection and task.owner != session.slot:
            self._retire(self.world.sessions[task.owner])

    def _retire(self, session: Session) -> None:
        if session.in_use and finished(session):
            session.in_use = 0
            self.recorder.finished(session)
            self.world.free.append(session.slot)

    def send(self, item: OutboxItem) -> bool:
        """Deliver one item of an outbox; False when the queue is full and the producer must wait."""
        task, kind, slot, arg, delay = item
        session = self.world.sessions[slot]
        if delay > 0.0:
            if not TIMERS[kind]:
                session.inflight += 1
            event = Timeout(self.env, delay, item)
            event.callbacks.append(self._due)
            if self.pollers and TIMERS[kind] and task in self.timers:
                heappush(self.timers[task], (self.env.now + delay, len(self.timers[task]), item))
            return True
        now = self.env.now
        if task == CLIENT:
            HANDLERS[kind](self.world, session, arg, now, now)
            return True
        session.inflight += 1
        if self.push(task, (kind, slot, arg, now)):
            return True
        session.inflight -= 1
        return False

    def push(self, task: int, message: Message) -> bool:
        """Put a message into a task's queue; False when there is no room."""
        if not self.tasks[task].push(message):
            return False
        if self.observers:
            self.watch.tell_changes()
            for observer in self.observers:
                observer.message_sent(self.env.now, task, message[0], self.world.sessions[message[1]])
        return True

    def deliver(self, producer: Task) -> bool:
        """Deliver the outbox. When a queue is full, keep the rest for `deliver_blocking` and return False."""
        outbox = self.world.outbox
        send = self.send
        for i, item in enumerate(outbox):  # a caller that reacts at once adds to it
            if not send(item):
                producer.unsent = outbox[i:]
                outbox.clear()
                return False
        outbox.clear()
        return True

    def deliver_blocking(self, producer: Task) -> Generator[Event, None, None]:
        """Deliver what is unsent, waiting for a slot where there is none; one taken again loses the message."""
        unsent = producer.unsent
        first = True
        while unsent:
            item = unsent[0]
            if first or not self.send(item):
                target = self.tasks[item[0]]
                assert isinstance(target, ConsumerTask)
                producer.blocked_on = target.index
                producer.rest()
                yield target.wait_for_slot(producer.index, is_task=True)
                producer.blocked_on = -1
                if not self.send(item):
                    self.lose(item)
            first = False
            del unsent[0]
            if self.world.outbox:
                unsent.extend(self.world.outbox)
                self.world.outbox.clear()

    def _deliver_all(self) -> None:
        """Deliver what a caller or a timer sent: it goes to queues that never block."""
        outbox = self.world.outbox
        i = 0
        while i < len(outbox):
            if not self.send(outbox[i]):
                raise InternalError(f"{MESSAGE_NAMES[outbox[i][1]]}: a caller can not wait for a full queue")
            i += 1
        outbox.clear()

    def _due(self, event: Event) -> None:
        """A delayed message arrives, or a timer falls due."""
        item = cast(OutboxItem, event.value)
        task, kind, slot, arg, _ = item
        session = self.world.sessions[slot]
        timer = TIMERS[kind]
        if timer and not timer_lives(session, kind, arg):
            return
        if task == CLIENT:
            HANDLERS[kind](self.world, session, arg, self.env.now, self.env.now)
            self._deliver_all()
            if self.server.needs_draws:
                refill(self.world, self.streams)
            if not timer:
                session.inflight -= 1
            if not session.inflight:
                self._retire(session)
            return
        if timer:
            session.inflight += 1
        if not self.push(task, (kind, slot, arg, self.env.now)):
            self.outside.append(item)
            target = self.tasks[task]
            assert isinstance(target, ConsumerTask)
            waiting = target.wait_for_slot(task, is_task=False)
            assert waiting.callbacks is not None
            waiting.callbacks.append(lambda _: self._push_from_outside(item))

    def _push_from_outside(self, item: OutboxItem) -> None:
        """The thread of a delayed answer was told of a free slot."""
        self.outside.remove(item)
        task, kind, slot, arg, _ = item
        if not self.push(task, (kind, slot, arg, self.env.now)):
            session = self.world.sessions[slot]
            session.inflight -= 1
            self.lose(item)
            self._retire(session)

    def top_up(self) -> None:
        """Give every random stream that runs low its next values."""
        refill(self.world, self.streams)

    def lose(self, item: OutboxItem) -> None:
        """`Failed to Signal Task Message`: the message is gone, and its session waits for ever."""
        session = self.world.sessions[item[2]]
        session.lost_kind = item[1] + 1
        self.server.lost[item[0]] += 1

    def send_again(self, task: int, message: Message) -> None:
        """The socket's buffer is full: the packet is lost, and its caller sends it again."""
        kind, slot, arg, _ = message
        self.server.lost[task] += 1
        delay = send_again_after(self.world, self.world.sessions[slot])
        event = Timeout(self.env, delay, (task, kind, slot, arg, delay))
        assert event.callbacks is not None
        event.callbacks.append(self._due)

    def drop(self, task: int, message: Message) -> None:
        """`MPF Request Queue is Full`: an old server drops the message."""
        session = self.world.sessions[message[1]]
        session.inflight -= 1
        session.lost_kind = message[0] + 1
        session.lost_media = int(message[0] == M_CONTAINER)
        self.server.lost[task] += 1

    def polled(self, loop: SofiaLoop) -> None:
        """Tell the observers that a sofia loop waits, and for how long at most: `tout` in seconds."""
        now, timers = self.env.now, self.timers[loop.index]
        while timers and (timers[0][0] <= now or not self._lives(timers[0][2])):
            heappop(timers)
        self.watch.tell_changes()
        tout = min(MAX_DEFER_S, timers[0][0] - now) if timers else MAX_DEFER_S
        for observer in self.pollers:
            observer.loop_polled(now, loop.index, tout)

    def _lives(self, timer: OutboxItem) -> bool:
        _, kind, slot, arg, _ = timer
        return timer_lives(self.world.sessions[slot], kind, arg)

    def starts(self, task: int, message: Message, delay: float) -> None:
        """A task takes up a message `delay` seconds from now."""
        self.watch.starts(task, message, delay)

    def task_statistics(self, index: int) -> TaskStatistics:
        """What a task did."""
        task = self.tasks[index]
        busy_s = task.busy_s if self.world.stretches is None else self.world.runners[index].busy_s
        return TaskStatistics(task.messages, busy_s, task.queue_peak)

    def processor_statistics(self) -> ProcessorStatistics:
        """What the processors did."""
        world = self.world
        others = [runner.busy_s for runner in world.runners[world.machine.tasks :]]
        return ProcessorStatistics([processor.busy_s for processor in world.processors], math.fsum(others))

    # --- the end ----------------------------------------------------------------------------------------------------

    def remaining(self) -> Remaining:
        """Every session that is still there, and what is pending."""
        sessions = [session for session in self.world.sessions if session.in_use]
        return Remaining(sessions, pending(self.env, self.world, self.tasks, self.outside))
