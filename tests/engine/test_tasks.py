"""Consumer tasks, the poller and the media tick, each on a stage of its own."""

import pytest
from engine.stage import Stage

import sim
from sim.engine.reference.media_engine import MediaEngine
from sim.engine.reference.tasks import ConsumerTask, PollerTask
from sim.server.streams import AWAKE
from sim.vocabulary.messages import K_ADD, M_CONTAINER, M_STOP, S_CLOSED
from sim.vocabulary.tasks import CONNECTION_AGENT, SERVER


def consumer(stage: Stage, slots: int = 1024) -> ConsumerTask:
    made = ConsumerTask(stage, SERVER, slots)  # type: ignore[arg-type]
    made.start()
    return made


def media(stage: Stage, phase: float = 0.002, slots: int = 100, grows: bool = True) -> MediaEngine:
    made = MediaEngine(stage, phase, slots, grows)  # type: ignore[arg-type]
    made.start()
    return made


def test_a_consumer_task_is_first_in_first_out_with_one_message_at_a_time() -> None:
    stage = Stage(service=0.5)
    server = consumer(stage)
    stage.at(1.0, lambda: [stage.push(server, S_CLOSED, mark) for mark in (1, 2)])
    stage.at(1.7, lambda: stage.push(server, S_CLOSED, 3))
    stage.env.run(until=5)
    assert stage.seen == [(1.5, "1"), (2.0, "2"), (2.5, "3")]
    assert server.queue_peak == 1  # the message in service is not in the queue
    assert server.busy_s == 1.5


def test_a_thread_is_woken_faster_while_its_processor_is_awake() -> None:
    stage = Stage(service=0.5, wake=0.1)
    stage.world.draws[AWAKE] = [0.01]
    stage.world.p.awake_s = 0.2
    server = consumer(stage)
    for at, mark in ((1.0, 1), (1.75, 2), (2.5, 3)):  # 0.15 s after the end of the first, 0.24 s after the second
        stage.at(at, lambda mark=mark: stage.push(server, S_CLOSED, mark))
    stage.env.run(until=5)
    assert [(round(at, 9), mark) for at, mark in stage.seen] == [(1.6, "1"), (2.26, "2"), (3.1, "3")]


def test_a_full_queue_refuses_and_a_free_slot_wakes_the_producer_that_waited_longest() -> None:
    stage = Stage(service=1.0, wake=0.1)
    server = consumer(stage, slots=2)
    woken: list[tuple[float, str]] = []

    def wait(name: str) -> None:
        event = server.wait_for_slot(SERVER, is_task=True)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: woken.append((round(stage.env.now, 9), name)))

    def fill() -> None:
        assert stage.push(server, S_CLOSED, 1)  # taken up at once by the waking thread
        assert stage.push(server, S_CLOSED, 2)
        assert stage.push(server, S_CLOSED, 3)
        assert not stage.push(server, S_CLOSED, 4)
        wait("first")
        wait("second")

    stage.at(0.0, fill)
    stage.env.run(until=5)
    # message 1 ends at 1.1: message 2 leaves the queue and its slot wakes one producer, 0.1 later
    assert woken == [(1.2, "first"), (2.2, "second")]


def test_the_pollers_queue_grows_by_half_when_full_and_an_old_one_drops() -> None:
    stage = Stage(service=1.0)
    growing = PollerTask(stage, CONNECTION_AGENT, 4, grows=True)  # type: ignore[arg-type]
    dropping = PollerTask(stage, CONNECTION_AGENT, 4, grows=False)  # type: ignore[arg-type]
    for mark in range(6):
        assert stage.push(growing, K_ADD, mark)
        assert stage.push(dropping, K_ADD, 100 + mark)
    assert growing.slots == 6
    assert stage.dropped == [104, 105]


def test_a_container_waits_for_the_next_tick() -> None:
    stage = Stage(service=0.0)
    engine = media(stage, phase=0.002)
    for at, mark in ((0.0, 1), (0.0021, 2), (0.0119, 3), (0.012, 4), (0.5, 5)):
        stage.at(at, lambda mark=mark: stage.push(engine, M_CONTAINER, mark))  # type: ignore[misc]
    stage.env.run(until=1)
    assert stage.seen == [(0.002, "1"), (0.012, "2"), (0.012, "3"), (0.012, "4"), (0.502, "5")]


def test_a_stop_is_answered_after_the_requests_of_its_tick() -> None:
    stage = Stage(service=0.001)
    engine = media(stage, phase=0.0)
    stage.at(0.011, lambda: [stage.push(engine, M_STOP, 1), stage.push(engine, M_CONTAINER, 2)])
    stage.env.run(until=1)
    assert stage.seen == [(0.021, "2"), (0.021, "1")]


def test_the_tick_after_a_long_one_begins_late_by_its_work_and_the_one_after_that_in_time() -> None:
    # timer_thread_proc: sleep(timeout - drift), drift measured one tick late
    stage = Stage(service=0.004)
    engine = media(stage, phase=0.0)
    stage.at(0.001, lambda: stage.push(engine, M_CONTAINER, 1))  # tick at 10 ms, works until 14 ms
    stage.at(0.0141, lambda: stage.push(engine, M_STOP, 2))  # next tick at 20 + 4 ms
    stage.at(0.0241, lambda: stage.push(engine, M_STOP, 3))  # and then at 30 ms again
    stage.env.run(until=1)
    assert stage.seen == [(0.014, "1"), (0.024, "2"), (0.03, "3")]


def test_an_overrun_tick_is_made_up_for_by_one_without_sleep() -> None:
    stage = Stage(service=0.015)
    engine = media(stage, phase=0.0)
    stage.at(0.001, lambda: stage.push(engine, M_CONTAINER, 1))  # 10 … 25 ms, then it sleeps its 10 ms: 35 ms
    stage.at(0.0251, lambda: stage.push(engine, M_STOP, 2))
    # the drift of 15 ms is above one tick: no sleep after the tick at 35 ms, half a tick after the next, then 40 ms
    stage.at(0.0351, lambda: stage.push(engine, M_STOP, 3))
    stage.env.run(until=0.2)
    assert stage.seen == [(0.025, "1"), (0.035, "2"), (0.04, "3")]


def test_contexts_cost_time_in_every_tick_and_delay_the_next_one() -> None:
    stage = Stage(service=0.0)
    stage.cost_per_context_s = 0.0001
    stage.world.server.contexts = 30  # 3 ms in each tick
    engine = media(stage, phase=0.0)
    stage.at(0.0951, lambda: stage.push(engine, M_CONTAINER, 1))
    stage.env.run(until=0.5)
    assert stage.seen == [(0.103, "1")]


@pytest.mark.parametrize(("slots", "expected"), [(3, {"message-lost", "task-blocked"}), (8, {"message-lost"})])
def test_a_message_is_lost_when_the_slot_a_producer_was_told_of_is_taken_again(slots: int, expected: set[str]) -> None:
    """Many calls at once, a slow server task and a short queue: producers block, some lose, and the ledger balances.

    With queues of three, tasks that wait for each other's queues end in a deadlock.
    """
    scenario = sim.load_scenario(
        {
            "duration": "2s",
            "drain": "10s",
            "arrivals": {"kind": "burst", "burst": {"size": 60, "every": "1s"}},
            "server": {"queues": {"slots": slots}, "costs": {"server": {"offer": "2ms", "mpf_response": "2ms"}}},
        }
    )
    result = sim.run(scenario, engine="simpy", ledger="full")
    summary = result.summary
    assert summary.tasks["MRCP Server"].queue_peak == slots
    assert summary.sessions.leaked > 0
    causes = {leak.cause for leak in result.leaks if leak.cause}
    assert causes == expected
    assert summary.sessions.created == summary.sessions.released + summary.sessions.live + summary.sessions.leaked
