"""Hooks for observers: what they are told, in which order, and that a run without them is the same run."""

from collections import Counter
from typing import Any

import pytest

import sim
from sim.errors import ScenarioError
from sim.server.records import Session
from sim.vocabulary.messages import S_OFFER
from sim.vocabulary.tasks import NUA, SIP_AGENT

SCENARIO = {"duration": "3s", "arrivals": {"rate": "5/s"}, "calls": {"hold": "500ms"}, "drain": "20s"}


class Watcher:
    def __init__(self) -> None:
        self.seen: list[tuple[str, float, int, int]] = []
        self.levels: Counter[int] = Counter()
        self.polls: list[tuple[int, float]] = []

    def message_sent(self, now: float, task: int, kind: int, session: Session) -> None:
        self.seen.append(("sent", now, kind, session.call))

    def message_started(self, now: float, task: int, kind: int, session: Session) -> None:
        self.seen.append(("started", now, kind, session.call))

    def message_finished(self, now: float, task: int, kind: int, session: Session) -> None:
        self.seen.append(("finished", now, kind, session.call))

    def loop_polled(self, now: float, task: int, tout: float) -> None:
        self.polls.append((task, tout))

    def resource_changed(self, now: float, session: int, resource: int, delta: int, size: int) -> None:
        self.levels[resource] += delta


def test_an_observer_sees_every_message_sent_started_and_finished_and_every_resource() -> None:
    watcher = Watcher()
    result = sim.run(sim.load_scenario(SCENARIO), engine="simpy", observers=(watcher,))
    served = sum(task.messages for task in result.summary.tasks.values())
    assert Counter(what for what, *_ in watcher.seen) == {"sent": served, "started": served, "finished": served}
    assert not +watcher.levels  # everything that was acquired was released
    offers = [(what, at) for what, at, kind, call in watcher.seen if kind == S_OFFER and call == 0]
    assert [what for what, _ in offers] == ["sent", "started", "finished"]
    assert offers == sorted(offers, key=lambda row: row[1])


def test_a_sofia_loop_waits_for_its_next_timer_and_never_more_than_fifteen_seconds() -> None:
    watcher = Watcher()
    sim.run(sim.load_scenario(SCENARIO), engine="simpy", observers=(watcher,))
    assert {task for task, _ in watcher.polls} == {NUA, SIP_AGENT}
    assert all(tout == 15.0 for task, tout in watcher.polls if task == SIP_AGENT)
    assert all(0.0 <= tout <= 15.0 for _, tout in watcher.polls)


def test_a_run_is_the_same_with_and_without_observers() -> None:
    scenario = sim.load_scenario(SCENARIO)
    alone = sim.run(scenario, engine="simpy").summary.to_dict()
    watched = sim.run(scenario, engine="simpy", observers=(Watcher(),)).summary.to_dict()
    assert alone == watched


def test_a_condition_that_names_nothing_is_refused_before_the_run() -> None:
    scenario = sim.load_scenario({**SCENARIO, "expect": ["leaked.session_pol == 0"]})
    with pytest.raises(ScenarioError, match="session_pool"):
        sim.run(scenario)


def test_an_observer_may_have_one_hook_only() -> None:
    class Finished:
        def __init__(self) -> None:
            self.count = 0

        def message_finished(self, now: float, task: int, kind: int, session: Session) -> None:
            self.count += 1

    observer = Finished()
    result = sim.run(sim.load_scenario(SCENARIO), observers=(observer,))  # type: ignore[arg-type]
    assert observer.count == sum(task.messages for task in result.summary.tasks.values())


@pytest.mark.parametrize(
    ("observers", "said"),
    [
        ((object(),), "an observer has message_sent, message_started"),
        ((Watcher,), "got the class Watcher"),
        (("loop_polled",), "got 'loop_polled'"),
        ("Watcher", "must be a tuple of observers"),
        (Watcher(), "must be a tuple of observers"),
        ((type("Wrong", (), {"message_sent": 1})(),), "its message_sent can not be called"),
    ],
)
def test_what_can_not_watch_a_run_is_refused_before_it(observers: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said) as raised:
        sim.run(sim.load_scenario(SCENARIO), observers=observers)
    assert isinstance(raised.value, ScenarioError)


def test_who_does_not_watch_the_loops_does_not_pay_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Levels:
        def resource_changed(self, now: float, session: int, resource: int, delta: int, size: int) -> None:
            pass

    polled = []
    monkeypatch.setattr("sim.engine.reference.engine.SimpyEngine.polled", lambda self, loop: polled.append(loop))
    sim.run(sim.load_scenario(SCENARIO), engine="simpy", observers=(Levels(),))
    assert not polled
    sim.run(sim.load_scenario(SCENARIO), engine="simpy", observers=(Watcher(),))
    assert polled


class Clock:
    """Every hook with its time, in the order in which they came."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float]] = []
        self.starts: list[tuple[int, int, int, float]] = []

    def message_sent(self, now: float, task: int, kind: int, session: Session) -> None:
        self.told.append(("sent", now))

    def message_started(self, now: float, task: int, kind: int, session: Session) -> None:
        self.told.append(("started", now))
        self.starts.append((session.call, task, kind, now))

    def message_finished(self, now: float, task: int, kind: int, session: Session) -> None:
        self.told.append(("finished", now))

    def resource_changed(self, now: float, session: int, resource: int, delta: int, size: int) -> None:
        self.told.append(("changed", now))


@pytest.mark.parametrize("processors", [{}, {"server": {"processors": {"count": 2}}}])
def test_hooks_come_in_the_order_of_time_and_none_is_lost_when_buffers_are_flushed(
    processors: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.engine.reference.recorder.CHUNK", 50)
    clock = Clock()
    scenario = sim.load_scenario({**SCENARIO, **processors})
    result = sim.run(scenario, engine="simpy", ledger="full", observers=(clock,))  # type: ignore[arg-type]
    times = [at for _, at in clock.told]
    assert times == sorted(times)
    assert result.ledger is not None
    assert result.messages is not None
    assert [at for what, at in clock.told if what == "changed"] == result.ledger["time_s"].tolist()
    assert sorted(at for *_, at in clock.starts) == sorted(result.messages["started_s"].tolist())
