"""What each kind of the NUA stack's messages costs: found in how long the SIP agent slept before its events."""

from pathlib import Path
from typing import Any

import pytest
from calibration.simulated import logged

from sim.calibration.calibrate import calibrate_logs
from sim.calibration.evidence import watch_logs
from sim.calibration.nua import FIRST_LINE, kinds
from sim.calibration.shared import activity
from sim.scenario import expected, load_scenario

TRACES = Path(__file__).parents[1] / "data" / "traces"
COSTS = {"invite": 150e-6, "respond": 240e-6, "bye": 110e-6, "ack": 60e-6}
QUICK = dict.fromkeys(("i_invite", "i_state", "i_terminated", "i_other"), 2e-6)
BUSY: dict[str, Any] = {
    "name": "busy", "duration": "10s", "arrivals": {"rate": "300/s", "kind": "even"},
    "calls": {"hold": "1s", "requests": 0},
    "client": {"tcp": False, "clock": "20ms", "network_delay": "10us", "ack_delay": "1us"},
    "server": {
        "limits": {"rtp_ports": "20000-40000"}, "processors": {"count": 1}, "costs": {"nua": COSTS, "sip_agent": QUICK},
    },
}  # fmt: skip


def test_the_kinds_of_a_simulated_log_come_back(tmp_path: Path) -> None:
    evidence = watch_logs([logged(BUSY, tmp_path)])
    switch_s = load_scenario(BUSY).server.processors.scheduler.switch_cost
    found = kinds(evidence, activity(evidence), switch_s)
    whole = sum(found[key].mean_s for key in COSTS) / sum(COSTS.values())
    for key, cost in COSTS.items():
        assert found[key].mean_s / whole == pytest.approx(cost, rel=0.15), key


def test_in_a_real_log_an_answer_costs_most_and_an_ack_least() -> None:
    evidence = watch_logs([TRACES / "one400.log.xz"])
    found = kinds(evidence, activity(evidence), 5e-6)
    costs = {key: found[key].mean_s for key in FIRST_LINE}
    assert sorted(costs, key=lambda key: costs[key]) == ["ack", "bye", "invite", "respond"]
    assert 200e-6 < sum(costs.values()) < 387e-6  # its thread used 387 us a call, switches and timers included
    assert all(cost.median_s <= 1.05 * cost.mean_s for cost in found.values())


def test_a_log_without_events_close_together_tells_nothing() -> None:
    evidence = watch_logs([TRACES / "poisson10.log.xz"])
    assert kinds(evidence, activity(evidence), 5e-6) == {}
    assert "nua" not in calibrate_logs([TRACES / "poisson10.log.xz"]).mapping["server"].get("costs", {})


def test_without_a_recording_a_call_costs_the_stack_as_much_as_by_default() -> None:
    found = calibrate_logs([TRACES / "one400.log.xz"])
    nua = load_scenario(found.mapping).server.costs.nua if not found.sheet.columns else None
    costs = found.mapping["server"]["costs"]["nua"]
    text = " ".join(found.text.replace("#", " ").split())
    assert "ASSUMED as much for a call as by default" in text
    assert nua is None or expected(nua.respond) > expected(nua.invite)
    assert set(costs) == {"invite", "ack", "bye", "cancel", "respond", "other"}
