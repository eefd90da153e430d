"""Simulate, write the server's log, calibrate: the knobs come back."""

import random
from pathlib import Path
from typing import Any

import pytest
from calibration.simulated import logged

from sim.calibration.calibrate import calibrate_logs
from sim.calibration.fit import fit
from sim.calibration.found import Calibration
from sim.calibration.highlights import highlights
from sim.calibration.plugins import operations
from sim.calibration.rates import rate
from sim.scenario import Scenario, expected, load_scenario
from sim.scenario.annotated import Noted


def exponential(mean: str) -> dict[str, str]:
    return {"dist": "exponential", "mean": mean}


def reloaded(found: Calibration, folder: Path) -> Scenario:
    path = folder / "found.yaml"
    found.save(path)
    return load_scenario(path)


def comment(found: Calibration, *path: str) -> str:
    node: Any = found.tree
    for key in path:
        node = node[key]
    assert isinstance(node, Noted)
    return node.comment


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_knobs_of_a_random_scenario_lie_in_the_intervals_that_are_found(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    rate_, hold = draw.uniform(8, 25), draw.uniform(0.5, 2.0)
    delay, never = draw.uniform(0.05, 0.4), draw.choice([0.0, 0.03, 0.08])
    calls = 350
    log = logged(
        {
            "name": f"random{seed}", "duration": f"{calls / rate_:.3f}s", "drain": "90s",
            "arrivals": {"rate": f"{rate_}/s"},
            "calls": {"hold": exponential(f"{hold}s"), "requests": draw.choice([0, 1])},
            "client": {"tcp": True},
            "server": {"sip": {"bye_response": "immediate"}, "limits": {"rtp_ports": "5000-9000"}},
            "plugins": {"speechrecog": {"close": {"delay": exponential(f"{delay}s"), "never": never}}},
        },
        tmp_path,
    )  # fmt: skip
    found = calibrate_logs([log])
    assert found.arrivals.kind == "poisson"
    # the intervals are 95 % ones: some slack, so that a dozen of them do not fail by luck
    assert found.arrivals.low / 1.05 < rate_ < found.arrivals.high * 1.05
    scenario = reloaded(found, tmp_path)
    assert expected(scenario.calls.hold) == pytest.approx(hold, rel=0.17)
    close = operations(found.evidence, "Demo Recog Engine", "speechrecog")["close"]
    assert close.other == len(close.delays) > 0.9 * close.asked
    answered = fit(close.delays, close.waiting)
    assert answered is not None
    assert answered.low / 1.05 < delay < answered.high * 1.05
    assert "DELAYED by another thread" in comment(found, "plugins", "speechrecog", "close", "delay")
    hits = sum(call.cause == "close-never-answered" for call in found.evidence.calls)
    interval = rate(hits, len(found.evidence.calls))
    assert interval.low - 0.01 <= never <= interval.high + 0.01
    assert scenario.plugins["speechrecog"].close.never.probability == pytest.approx(interval.value, abs=1e-6)
    assert scenario.server.media.tick == 0.010
    assert scenario.client.tcp


def test_a_plugin_that_blocks_its_task_is_told_from_one_that_delays(tmp_path: Path) -> None:
    mapping = {
        "name": "blocking", "duration": "25s", "drain": "30s", "arrivals": {"rate": "15/s"},
        "calls": {"hold": exponential("1s"), "requests": 0},
        "server": {"sip": {"bye_response": "immediate"}},
        "plugins": {"speechrecog": {"close": {"block": exponential("12ms")}}},
    }  # fmt: skip
    found = calibrate_logs([logged(mapping, tmp_path)])
    scenario = reloaded(found, tmp_path)
    close = scenario.plugins["speechrecog"].close
    assert expected(close.block) == pytest.approx(0.012, rel=0.2)
    assert expected(close.delay) == 0.0
    assert "BLOCKING" in comment(found, "plugins", "speechrecog", "close", "block")
    assert any("BLOCKING" in line for line in highlights(found))


def test_what_a_log_shows_of_ticks_callers_and_timers_is_found(tmp_path: Path) -> None:
    mapping = {
        "name": "callers", "duration": "30s", "drain": "80s", "arrivals": {"rate": "12/s"},
        "calls": {"hold": exponential("2s"), "requests": 2, "recognition": exponential("300ms")},
        "client": {"no_ack": 0.05},
        "server": {
            "sip": {"bye_response": "immediate", "t1": "200ms"},
            "media": {
                "tick": "20ms", "cost_per_context": "8us", "held_answers": 0.8, "oversleep": exponential("100us"),
            },
        },
    }  # fmt: skip
    found = calibrate_logs([logged(mapping, tmp_path)])
    scenario = reloaded(found, tmp_path)
    media = scenario.server.media
    assert media.tick == 0.020
    assert expected(media.cost_per_context) == pytest.approx(8e-6, rel=0.35)
    assert expected(media.oversleep) == pytest.approx(100e-6, rel=0.35)
    assert scenario.server.sip.t1 == pytest.approx(0.2, rel=0.02)
    assert scenario.client.no_ack.probability == pytest.approx(0.05, abs=0.035)
    assert expected(scenario.calls.recognition) == pytest.approx(0.3, rel=0.25)  # type: ignore[arg-type]
    costs = scenario.server.costs
    assert expected(costs.server.offer) == pytest.approx(126e-6, rel=0.2)
    assert expected(costs.media.add) == pytest.approx(150e-6, rel=0.2)


def test_a_server_that_stalls_now_and_then_is_not_a_slower_server(tmp_path: Path) -> None:
    mapping = {
        "name": "stalls", "duration": "40s", "drain": "20s", "arrivals": {"rate": "15/s"},
        "calls": {"hold": exponential("1s"), "requests": 0},
        "server": {
            "sip": {"bye_response": "immediate"},
            "interference": {"wake": 0.03, "tick": 0.06, "service": 0.01,
                             "length": {"dist": "exponential", "mean": "1ms", "shift": "1ms"}},
        },
    }  # fmt: skip
    scenario = reloaded(calibrate_logs([logged(mapping, tmp_path)]), tmp_path)
    found = scenario.server.interference
    assert found.wake == pytest.approx(0.03, abs=0.01)
    assert found.tick == pytest.approx(0.06, abs=0.025)
    assert found.service == pytest.approx(0.01, abs=0.005)
    assert expected(found.length) == pytest.approx(2e-3, rel=0.2)
    assert expected(scenario.server.costs.server.channel_added) == pytest.approx(10e-6, rel=0.25)
    assert expected(scenario.server.wake_of("server")) == pytest.approx(45e-6, rel=0.2)


def test_threads_that_have_just_worked_are_woken_faster(tmp_path: Path) -> None:
    mapping = {
        "name": "awake", "duration": "60s", "drain": "20s", "arrivals": {"rate": "20/s"},
        "calls": {"hold": exponential("1s"), "requests": 0},
        "server": {
            "sip": {"bye_response": "immediate"},
            "wake": {"dist": "uniform", "low": "60us", "high": "140us"},
            "warm": {"wake_within": "60us", "wake": {"dist": "uniform", "low": "8us", "high": "16us"}},
        },
    }  # fmt: skip
    scenario = reloaded(calibrate_logs([logged(mapping, tmp_path)]), tmp_path)
    warm = scenario.server.warm
    assert warm.wake is not None
    assert warm.wake_within == pytest.approx(60e-6)
    assert expected(warm.wake) == pytest.approx(12e-6, rel=0.25)
    assert expected(scenario.server.wake_of("server")) == pytest.approx(100e-6, rel=0.1)


def test_a_terminate_that_stops_a_request_first_is_told_from_one_that_takes_down(tmp_path: Path) -> None:
    mapping = {
        "name": "stops", "duration": "60s", "drain": "20s", "arrivals": {"rate": "10/s"},
        "calls": {"hold": exponential("1s"), "requests": {"dist": "uniform", "low": 0, "high": 1}},
        "server": {
            "sip": {"bye_response": "immediate"},
            "costs": {"server": {"terminate": "200us", "deactivate": "50us", "stopped": "120us"}},
        },
    }  # fmt: skip
    costs = reloaded(calibrate_logs([logged(mapping, tmp_path)]), tmp_path).server.costs.server
    assert expected(costs.terminate) == pytest.approx(200e-6, rel=0.05)
    assert expected(costs.deactivate) == pytest.approx(50e-6, rel=0.05)
    assert expected(costs.stopped) == pytest.approx(120e-6, rel=0.05)


@pytest.mark.parametrize("patience", ["6ms", {"dist": "exponential", "mean": "12ms"}])
def test_the_patience_of_callers_comes_back(patience: Any, tmp_path: Path) -> None:
    mapping = {
        "name": "hasty", "duration": "40s", "drain": "20s", "arrivals": {"rate": "20/s"},
        "calls": {"hold": exponential("1s"), "requests": 0}, "client": {"patience": patience},
    }  # fmt: skip
    found = calibrate_logs([logged(mapping, tmp_path)])
    true = expected(load_scenario(mapping).client.patience)  # type: ignore[arg-type]
    mean = expected(reloaded(found, tmp_path).client.patience)  # type: ignore[arg-type]
    constant = isinstance(patience, str)
    assert mean == pytest.approx(true, rel=0.03 if constant else 0.2)
    said = comment(found, "client", "patience")
    assert said.startswith("constant" if constant else "exponential")
    assert "cut off by the answer" in said
