"""The sofia loop: one list of `(time, what)` for each rule of `su_base_port_run`."""

import pytest
from engine.stage import Stage

from sim.engine.reference.tasks import MAX_DEFER_S, SofiaLoop
from sim.vocabulary.messages import A_INVITE, N_ACK_TIMEOUT, N_INVITE, N_RESPOND, N_SEND_BYE
from sim.vocabulary.tasks import NUA, SIP_AGENT

MESSAGE, TIMER, SOCKET = N_RESPOND, N_ACK_TIMEOUT, N_INVITE


def loop(stage: Stage, index: int = NUA) -> SofiaLoop:
    made = SofiaLoop(stage, index)  # type: ignore[arg-type]
    made.start()
    return made


def test_messages_are_run_in_the_order_in_which_they_were_posted() -> None:
    stage = Stage(service=1.0)
    agent = loop(stage, SIP_AGENT)
    stage.at(0.5, lambda: [stage.push(agent, A_INVITE, mark) for mark in (1, 2, 3)])
    stage.env.run(until=10)
    assert stage.seen == [(1.5, "1"), (2.5, "2"), (3.5, "3")]


def test_what_is_posted_during_a_batch_waits_for_the_next_iteration_behind_timers_and_sockets() -> None:
    stage = Stage(service=1.0)
    nua = loop(stage)
    stage.at(0.0, lambda: [stage.push(nua, MESSAGE, 1), stage.push(nua, MESSAGE, 2)])
    # while message 1 runs, another message, a timer and a packet come in
    stage.reactions[1] = lambda: [
        stage.push(nua, MESSAGE, 3),
        stage.push(nua, SOCKET, 40),
        stage.push(nua, TIMER, 30),
    ]
    stage.env.run(until=10)
    assert stage.seen == [(1.0, "1"), (2.0, "2"), (3.0, "30"), (4.0, "40"), (5.0, "3")]


def test_timers_that_are_due_together_run_in_order_after_the_messages_of_the_iteration() -> None:
    stage = Stage(service=1.0)
    nua = loop(stage)
    stage.at(0.0, lambda: stage.push(nua, SOCKET, 1))
    stage.at(0.2, lambda: stage.push(nua, TIMER, 31))
    stage.at(0.3, lambda: stage.push(nua, TIMER, 32))
    stage.at(0.4, lambda: stage.push(nua, MESSAGE, 2))
    stage.env.run(until=10)
    assert stage.seen == [(1.0, "1"), (2.0, "2"), (3.0, "31"), (4.0, "32")]


def test_a_timer_that_falls_due_while_timers_run_waits_for_the_next_iteration() -> None:
    stage = Stage(service=1.0)
    nua = loop(stage)
    stage.at(0.0, lambda: stage.push(nua, TIMER, 31))
    stage.reactions[31] = lambda: [stage.push(nua, TIMER, 32), stage.push(nua, SOCKET, 40), stage.push(nua, MESSAGE, 2)]
    stage.env.run(until=10)
    assert stage.seen == [(1.0, "31"), (2.0, "40"), (3.0, "2"), (4.0, "32")]


def test_a_message_from_another_thread_wakes_the_wait_and_waking_takes_its_time() -> None:
    stage = Stage(service=1.0, wake=0.25)
    agent = loop(stage, SIP_AGENT)
    stage.at(5.0, lambda: stage.push(agent, A_INVITE, 1))
    stage.at(5.1, lambda: stage.push(agent, A_INVITE, 2))  # while it wakes: same batch
    stage.env.run(until=10)
    assert stage.seen == [(6.25, "1"), (7.25, "2")]


def test_what_comes_while_the_thread_wakes_is_in_the_batch_and_what_comes_later_is_not() -> None:
    stage = Stage(service=1.0, wake=0.5)
    nua = loop(stage)
    stage.at(0.0, lambda: stage.push(nua, MESSAGE, 1))
    stage.at(0.4, lambda: stage.push(nua, MESSAGE, 2))  # the thread is awake at 0.5
    stage.at(0.6, lambda: stage.push(nua, MESSAGE, 3))
    stage.at(0.7, lambda: stage.push(nua, TIMER, 4))
    stage.env.run(until=10)
    assert stage.seen == [(1.5, "1"), (2.5, "2"), (3.5, "4"), (4.5, "3")]


def test_each_iteration_reads_one_packet_and_runs_what_came_before_the_next() -> None:
    stage = Stage(service=1.0)
    nua = loop(stage)
    stage.at(0.0, lambda: [stage.push(nua, SOCKET, mark) for mark in (1, 2, 3)])
    stage.reactions[1] = lambda: [stage.push(nua, MESSAGE, 10), stage.push(nua, MESSAGE, 11)]
    stage.reactions[2] = lambda: stage.push(nua, TIMER, 20)
    stage.env.run(until=10)
    assert [what for _, what in stage.seen] == ["1", "10", "11", "2", "20", "3"]


def test_an_idle_loop_polls_until_its_next_timer_and_at_most_fifteen_seconds() -> None:
    stage = Stage(service=1.0)
    stage.observers = stage.pollers = (object(),)
    stage.timers = [4.0]
    nua = loop(stage)
    stage.at(4.0, lambda: stage.push(nua, TIMER, 31))
    stage.at(8.0, lambda: stage.push(nua, MESSAGE, 1))
    stage.env.run(until=20)
    assert stage.polls == [(0.0, 4.0), (5.0, MAX_DEFER_S), (9.0, MAX_DEFER_S)]
    assert stage.seen == [(5.0, "31"), (9.0, "1")]


def test_a_loop_with_work_left_does_not_wait_at_all() -> None:
    stage = Stage(service=1.0)
    stage.observers = stage.pollers = (object(),)
    nua = loop(stage)
    stage.at(1.0, lambda: stage.push(nua, SOCKET, 1))
    stage.reactions[1] = lambda: stage.push(nua, MESSAGE, 2)
    stage.env.run(until=10)
    assert [at for at, _ in stage.polls] == [0.0, 3.0]


@pytest.mark.parametrize("kind", [N_SEND_BYE, N_RESPOND])
def test_calls_of_the_nua_functions_arrive_as_messages_not_as_packets(kind: int) -> None:
    stage = Stage(service=1.0)
    nua = loop(stage)
    stage.at(0.0, lambda: [stage.push(nua, SOCKET, 1), stage.push(nua, SOCKET, 2)])
    stage.at(0.5, lambda: stage.push(nua, kind, 3))
    stage.env.run(until=10)
    assert stage.seen == [(1.0, "1"), (2.0, "3"), (3.0, "2")]


def test_a_frozen_loop_takes_nothing_up_until_it_thaws() -> None:
    stage = Stage(service=1.0)
    agent = loop(stage, SIP_AGENT)
    stage.at(0.0, lambda: [stage.push(agent, A_INVITE, 1), stage.push(agent, A_INVITE, 2)])
    stage.at(0.5, lambda: agent.freeze(6.0))
    stage.at(6.0, agent.thaw)
    stage.env.run(until=10)
    assert stage.seen == [(1.0, "1"), (7.0, "2")]
