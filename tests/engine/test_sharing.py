"""Tasks that share processors: nothing is lost, nothing is gained, and turns are fair."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from benchmarks import two_hogs
from sim.engine.sharing import Machine, Processor, Runner, leave, stretch_over, want
from sim.engine.start.processors import idle_processors, machine_of, sleeping_runners
from sim.ledger.summary import OTHER_PROGRAMS
from sim.scenario import Scenario, load_scenario

LOAD = {
    "duration": 1.0,
    "arrivals": {"kind": "even", "rate": 400},
    "calls": {"hold": 0.2, "requests": 0},
    "client": {"tcp": False},
    "server": {"limits": {"rtp_ports": "20000-40000"}},
}


def loaded(**processors: Any) -> Scenario:
    return load_scenario(LOAD | {"server": LOAD["server"] | {"processors": processors}})  # type: ignore[operator]


class Ledger:
    load_end_s = float("inf")


class Stage:
    """A few runners on their own, with a calendar that the test reads."""

    def __init__(self, runners: int, **processors: Any) -> None:
        self.machine: Machine = machine_of(loaded(**processors), runners)
        self.processors: list[Processor] = idle_processors(self.machine)
        self.runners: list[Runner] = sleeping_runners(self.machine)
        self.ledger = Ledger()
        self.stretches = self
        self.ends: dict[int, float] = {}
        self.waits: list[tuple[int, float]] = []
        self.now = 0.0

    def begin(self, i: int, delay: float) -> None:
        self.ends[i] = self.now + delay

    def cancel(self, i: int) -> None:
        del self.ends[i]

    def ask(self, i: int, work: float) -> None:
        want(self, i, work, self.now, 0)

    def next_done(self) -> int:
        """Let time pass until a piece of work is done; whoever did it goes to sleep."""
        while True:
            i = min(self.ends, key=lambda k: self.ends[k])
            self.now = self.ends.pop(i)
            if stretch_over(self, i, self.now):
                leave(self, i, self.now)
                return i


def test_work_takes_as_long_as_it_is_where_nobody_else_wants_the_processor() -> None:
    stage = Stage(2, count=1, scheduler={"switch_cost": 0.0})
    stage.ask(0, 0.01)
    assert stage.next_done() == 0
    assert stage.now == pytest.approx(0.01)
    assert stage.waits == [(0, 0.0)]


def test_two_that_work_long_take_turns_and_each_has_half() -> None:
    stage = Stage(2, count=1, scheduler={"slice": 0.001, "tick": 0.001, "switch_cost": 0.0})
    stage.ask(0, 0.1)
    stage.ask(1, 0.1)
    stage.next_done()
    assert stage.now == pytest.approx(0.2, abs=0.002)
    assert sum(waited for _, waited in stage.waits) == pytest.approx(0.2, abs=0.004)


def test_two_processors_do_twice_as_much() -> None:
    stage = Stage(2, count=2, scheduler={"switch_cost": 0.0})
    stage.ask(0, 0.1)
    stage.ask(1, 0.1)
    stage.next_done()
    stage.next_done()
    assert stage.now == pytest.approx(0.1)


def test_one_that_was_kept_waiting_takes_the_place_of_one_that_had_more_when_it_wakes() -> None:
    stage = Stage(3, count=1, scheduler={"switch_cost": 0.0})
    stage.ask(0, 0.0010)
    stage.ask(1, 0.0001)
    assert stage.next_done() == 0
    assert stage.next_done() == 1
    stage.ask(1, 0.0001)  # both woken anew: 1 is owed a turn
    stage.ask(0, 0.0100)
    assert stage.next_done() == 1
    stage.ask(1, 0.0001)
    assert stage.next_done() == 1
    assert stage.now < 0.005


def test_without_preemption_it_waits() -> None:
    stage = Stage(2, count=1, scheduler={"wakeup_preemption": False, "slice": 1.0, "switch_cost": 0.0})
    stage.ask(0, 0.01)
    stage.ask(1, 0.0001)
    assert stage.next_done() == 0


def test_each_turn_costs_a_switch() -> None:
    stage = Stage(2, count=1, scheduler={"switch_cost": 0.001})
    for _ in range(5):
        stage.ask(0, 0.01)
        stage.next_done()
    assert stage.now == pytest.approx(0.055)
    assert stage.runners[0].busy_s == pytest.approx(0.055)


def test_as_many_processors_as_tasks_are_as_good_as_one_for_each() -> None:
    apart = sim.run(loaded(), engine="simpy", ledger="full")
    shared = sim.run(loaded(count=40, scheduler={"switch_cost": 0.0}), engine="simpy", ledger="full")
    assert apart.messages is not None
    assert shared.messages is not None
    for column in ("session", "task", "message"):
        assert (apart.messages[column] == shared.messages[column]).all()
    for column in ("sent_s", "started_s", "finished_s"):
        assert (apart.messages[column] - shared.messages[column]).abs().max() < 1e-9


def test_what_the_processors_did_is_what_the_tasks_did() -> None:
    use = sim.run(loaded(count=2, other_load=0.5), engine="simpy").summary.processors
    assert use.count == 2
    assert sum(use.busy) == pytest.approx(sum(use.by_task.values()))
    assert use.by_task[OTHER_PROGRAMS] == pytest.approx(0.5, rel=0.2)


@pytest.mark.parametrize("count", [1, 2])
def test_whoever_does_not_run_while_it_has_work_waits(count: int) -> None:
    works = [0.03, 0.05, 0.02, 0.041]
    stage = Stage(4, count=count, scheduler={"switch_cost": 0.0})
    for i, work in enumerate(works):
        stage.ask(i, work)
    done = [0.0] * 4
    for _ in works:
        i = stage.next_done()
        done[i] = stage.now
    for i, work in enumerate(works):
        waited = sum(waited for of, waited in stage.waits if of == i)
        assert waited == pytest.approx(done[i] - work, abs=1e-12)
    assert max(done) >= sum(works) / count


def test_busy_processors_are_a_level_whatever_is_kept() -> None:
    results = {
        kept: sim.run(loaded(count=2, other_load=0.5), engine="simpy", ledger=kept) for kept in ("sessions", "full")
    }
    levels = {}
    for kept, result in results.items():
        assert result.levels is not None
        levels[kept] = result.levels[result.levels["resource"] == "processors"].reset_index(drop=True)
    assert levels["full"].equals(levels["sessions"])
    busy = levels["full"]
    assert ((busy["min"] <= busy["mean"] + 1e-9) & (busy["mean"] <= busy["max"] + 1e-9) & (busy["max"] <= 2)).all()
    step = busy["time_s"][1] - busy["time_s"][0]
    load = busy[busy["time_s"] < 1.0]
    assert load["mean"].sum() * step == pytest.approx(sum(results["full"].summary.processors.busy), rel=0.02)


def test_too_few_processors_are_always_busy_and_tasks_wait_for_them() -> None:
    few = sim.run(loaded(count=1, other_load=0.9), engine="simpy").summary
    many = sim.run(loaded(count=8), engine="simpy").summary
    assert few.processors.busy[0] > 0.95
    waits = [summary.tasks["MRCP Server"].processor_wait.mean or 0.0 for summary in (few, many)]
    assert waits[0] > 5 * waits[1]
    slow, fast = (summary.latency["invite_to_answer"].p95 or 0.0 for summary in (few, many))
    assert slow > fast


def test_a_run_says_when_other_programs_want_more_than_there_is() -> None:
    told = sim.run(loaded(count=1, other_load=1.5), engine="simpy").provenance["notes"]
    assert told == [
        "server.processors.other_load (1.5) is more than all 1 of server.processors.count: other programs never catch "
        "up, and the server gets what its turns leave it."
    ]
    assert "notes" not in sim.run(loaded(count=1, other_load=0.9), engine="simpy").provenance


def test_a_full_socket_loses_packets_that_come_again() -> None:
    free = loaded(count=1, other_load=0.9)
    sip = free.server.sip.model_copy(update={"receive_buffer": 1})
    narrow = free.model_copy(update={"server": free.server.model_copy(update={"sip": sip})})
    lives = [sim.run(s, engine="simpy").summary.latency["pool_lifetime"].max or 0.0 for s in (free, narrow)]
    assert lives[1] > lives[0] + 0.4


def test_callers_act_at_the_ticks_of_their_clock() -> None:
    scenario = load_scenario(LOAD | {"client": {"tcp": False, "clock": 0.02}})
    result = sim.run(scenario, engine="simpy", ledger="full")
    assert result.messages is not None
    invites = result.messages[result.messages["message"] == "INVITE"]["sent_s"]
    byes = result.messages[result.messages["message"] == "BYE"]["sent_s"]
    for times in (invites, byes):
        ticks = times / 0.02
        assert ((ticks - ticks.round()).abs() < 1e-9).all()


# waits of a thread that one of two busy ones wakes, p75, p90, p95 and p99 in ms, by the ms between two wake-ups and the
# ms of its work: Linux 6.18 on a processor of its own, `python -m benchmarks.two_hogs`
KERNEL = {
    (0.1, 0.04): (3.23, 3.66, 3.79, 3.91),
    (1.0, 0.3): (2.58, 3.27, 3.96, 5.00),
}


@pytest.mark.parametrize(("case", "waits"), KERNEL.items(), ids=str)
def test_a_woken_thread_waits_as_long_as_under_linux(case: tuple[float, float], waits: tuple[float, ...]) -> None:
    simulated = two_hogs.simulated(*case, seconds=3.0).quantiles()[1]
    assert simulated[2:] == pytest.approx(waits, rel=0.12)


def test_a_slice_ends_at_a_tick_of_the_clock() -> None:
    stage = Stage(2, count=1, scheduler={"switch_cost": 0.0})
    stage.machine.phase_s = 0.0007
    stage.ask(0, 0.1)
    stage.ask(1, 0.1)
    stage.next_done()
    first = [waited for of, waited in stage.waits if of == 1]
    assert first[0] == pytest.approx(0.0047)  # the tick at 0.7 ms comes before 1.4 ms are used up
    assert first[1:] == pytest.approx([0.004] * len(first[1:]))
