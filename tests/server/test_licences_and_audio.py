"""Plugins that let an open wait for a licence, and plugins that block in their audio callback."""

from typing import Any

import pytest

import sim


def run(plugin: dict[str, Any], **changes: Any) -> sim.RunResult:
    scenario: dict[str, Any] = {
        "duration": "1s",
        "drain": "40s",
        "arrivals": {"kind": "even", "rate": "10/s", "calls": 6},
        "calls": {"hold": "2s"},
        "server": {"media": {"phase": "5ms"}},
        "plugins": {"speechrecog": plugin},
    }
    for key, value in changes.items():
        scenario[key] = {**scenario.get(key, {}), **value}
    return sim.run(sim.load_scenario(scenario), engine="simpy", ledger="full")


def test_without_a_licence_a_call_is_refused_or_waits_for_one_in_its_turn() -> None:
    assert run({"licences": 2}).summary.sessions.rejected == {"480": 4}
    result = run({"licences": 2, "without_licence": "wait"})
    assert (result.summary.sessions.answered, result.summary.sessions.released) == (6, 6)
    waited = (result.sessions["answer_s"] - result.sessions["offer_s"]).tolist()
    assert max(waited[:2]) < 0.02
    assert waited[2] == pytest.approx(1.85, abs=0.06)  # until the first gives its licence back
    assert result.sessions["answer_s"].is_monotonic_increasing
    assert result.summary.resources["plugin_licence:speechrecog"].peak == 2


def test_who_waits_for_licences_that_leaked_is_leaked_too() -> None:
    result = run({"licences": 2, "without_licence": "wait", "close": {"never": 1.0}})
    causes = [leak.cause for leak in result.leaks]
    assert causes == ["close-never-answered"] * 2 + ["licence-never-free"] * 4
    assert "which waits for a licence" in result.leaks[-1].explanation


def test_who_waits_for_a_licence_that_will_be_given_back_is_live() -> None:
    result = run({"licences": 2, "without_licence": "wait"}, calls={"hold": "60s"})
    assert (result.summary.sessions.live, result.summary.sessions.leaked) == (6, 0)


def test_a_plugin_that_blocks_in_its_audio_callback_stops_the_media_of_everybody() -> None:
    healthy = run({}).summary.latency["invite_to_answer"]
    blocking = run({"audio_block": "120ms"}).summary.latency["invite_to_answer"]
    assert healthy.max < 0.02
    assert blocking.max > 0.05
    assert run({"audio_block": "120ms"}).summary.tasks["Media-Engine-1"].utilisation > 0.5
