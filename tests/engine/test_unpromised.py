"""What the engines take from SimPy and Numba beyond their promises is not needed: each has a way that does without."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core import codegen
from simpy.core import Environment
from simpy.events import Timeout

import sim
from sim.engine.compiled import normals, whole
from sim.engine.reference import engine, tasks, unpromised

LEAKY = {
    "duration": "6s",
    "drain": "20s",
    "arrivals": {"rate": "15/s"},
    "calls": {"hold": "1s", "requests": 2, "recognition": "300ms"},
    "plugins": {"speechrecog": {"close": {"delay": {"dist": "exponential", "mean": "50ms"}, "never": 0.05}}},
}


def outcome() -> dict[str, Any]:
    return sim.run(sim.load_scenario(LEAKY), engine="simpy", seed=5).summary.to_dict()


def test_this_simpy_is_as_it_was_when_the_engine_was_written() -> None:
    assert unpromised.calendar_is_known()
    assert unpromised.events_can_be_set()


@pytest.mark.parametrize("lacking", ["calendar", "set events", "both"])
def test_a_simpy_that_shows_less_gives_the_same_run(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = outcome()
    assert usual["sessions"]["leaked"] > 0
    if lacking != "set events":
        monkeypatch.setattr(unpromised, "calendar_is_known", lambda: False)
        monkeypatch.setattr(unpromised, "PRUNE_FROM", 500)
    if lacking != "calendar":
        monkeypatch.setattr(tasks, "fire_after", unpromised._succeed_later)
    made = []
    new = unpromised.new_environment
    monkeypatch.setattr(engine, "new_environment", lambda: made.append(new()) or made[0])
    assert outcome() == usual
    assert isinstance(made[0], unpromised.NotingEnvironment) == (lacking != "set events")


@pytest.mark.parametrize("calendar", [None, [], [(1.0, "event")]])
def test_a_calendar_of_another_form_is_told(calendar: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(Environment):
        _queue = property(lambda self: calendar, lambda self, given: None)

        def schedule(self, event: Any, priority: Any = 1, delay: float = 0) -> None:
            pass

    monkeypatch.setattr(unpromised, "Environment", Other)
    assert not unpromised.calendar_is_known()


def test_events_that_can_not_be_set_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(env: Environment, event: Any, delay: float) -> None:
        raise AttributeError("can't set attribute '_ok'")

    monkeypatch.setattr(unpromised, "_set_and_schedule", refuse)
    assert not unpromised.events_can_be_set()


def test_notes_of_what_is_over_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpromised, "PRUNE_FROM", 10)
    env = unpromised.NotingEnvironment()
    late = Timeout(env, 1000.0)
    for _ in range(500):
        Timeout(env, 1.0)
        env.step()
    assert len(env.noted) < 30
    assert unpromised.scheduled(env) == [late]


def twice(x: float) -> float:
    return 2.0 * x


@pytest.mark.parametrize("there", [True, False])
def test_functions_compile_with_and_without_numbas_inner_step(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not there:
        monkeypatch.delattr(codegen.CPUCodeLibrary, "_optimize_final_module")
        step = codegen.CodeLibrary
        if not hasattr(step, "_optimize_final_module"):
            monkeypatch.setattr(step, "_optimize_final_module", lambda self: None, raising=False)
    before = getattr(codegen.CPUCodeLibrary, "_optimize_final_module", None)
    with whole.one_program("twice"):
        compiled = numba.njit("float64(float64)")(twice)
    assert compiled(21.0) == 42.0
    assert getattr(codegen.CPUCodeLibrary, "_optimize_final_module", None) is before


def thrice(x: float) -> float:
    return 3.0 * x


twice_compiled, thrice_compiled = numba.njit(twice), numba.njit(thrice)


def six_times(x: float) -> float:
    return float(twice_compiled(thrice_compiled(x)))


@pytest.mark.parametrize(("once", "seldom"), [(twice, thrice), (thrice, twice)])
def test_what_is_to_be_inlined_is_and_what_is_to_stay_a_call_does(
    once: Callable[[float], float], seldom: Callable[[float], float]
) -> None:
    with whole.one_program("six_times", [once], [seldom]):
        compiled = numba.njit("float64(float64)")(six_times)
        code = next(iter(compiled.inspect_llvm().values()))
    assert compiled(7.0) == 42.0
    assert whole.symbol(seldom) in code
    assert whole.symbol(once) not in code


def test_without_numbas_tables_numpy_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba.np.random._constants", None)
    monkeypatch.delattr("numba.np.random._constants", raising=False)
    for name in ("ziggurat", "normals"):
        full = f"sim.engine.compiled.{name}"
        where = Path(normals.__file__).with_name(f"{name}.py")
        spec = importlib.util.spec_from_file_location(full, where)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, full, module)
        spec.loader.exec_module(module)
    assert not module.agrees()
