"""RSS that never comes back is told apart from pools that never come back."""

import pytest
from leaks.fault_runs import run_shipped

import sim
from sim.leaks.outlook import leak_report


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("reported/high-water-not-a-leak", "high water"),
        ("reported/slow-leak-in-quiet-hours", "leak"),
        ("reported/memory-on-long-connection", "healthy"),
        ("reported/tcp-never-opened", "suspected leak"),
        ("faults/close-late", "healthy"),
        ("faults/close-never", "leak"),
        ("faults/vanish-tcp-closed", "healthy"),
    ],
)
def test_the_verdict_on_memory(name, verdict):
    assert leak_report(run_shipped(name)).memory.verdict == verdict


def test_a_slow_leak_has_a_slope_and_a_busy_hour_has_none():
    leak = leak_report(run_shipped("reported/slow-leak-in-quiet-hours")).memory
    peak = leak_report(run_shipped("reported/high-water-not-a-leak")).memory
    assert leak.slope_per_hour.low > 0
    assert leak.slope_per_hour.low < 3600 * 0.01 < leak.slope_per_hour.high + 15
    assert peak.slope_per_hour.low < 0 < peak.slope_per_hour.high
    process = 6700 * 1024  # before its first call
    assert peak.resident_bytes - process > 3 * (leak.resident_bytes - process)  # the healthy run keeps more memory
    assert "not a leak" in peak.text


def test_a_run_that_ends_under_load_is_not_called_a_leak():
    scenario = sim.load_scenario(
        {"name": "cut", "duration": "60s", "drain": "10ms", "calls": {"hold": {"dist": "exponential", "mean": "2s"}}}
    )
    memory = leak_report(sim.run(scenario, seed=2)).memory
    assert memory.held > 0
    assert memory.verdict == "healthy"


CRASH = {
    "name": "crash",
    "duration": "20s",
    "arrivals": {"rate": "5/s"},
    "calls": {"hold": "4s"},
    "server": {"pool": {"fails": {"probability": 1, "calls": [60]}}},
}


def test_what_a_crash_took_with_it_is_not_called_a_leak():
    report = leak_report(sim.run(sim.load_scenario(CRASH), seed=1))
    assert report.groups == ()
    assert (report.memory.verdict, report.memory.leaked) == ("crash", 0)
    assert report.memory.text.startswith("the process crashed at ")
    assert f"went with it: {report.memory.held} pools" in report.memory.text


def test_a_run_that_goes_on_after_a_crash_is_not_healthy():
    going_on = sim.load_scenario(CRASH, overrides={"server.pool.on_crash": "continue"})
    memory = leak_report(sim.run(going_on, seed=1)).memory
    assert memory.verdict == "crash"
    assert memory.text.startswith("the real server would have crashed at ")


def test_a_licence_that_leaks_is_a_leak_although_every_session_came_back():
    memory = leak_report(run_shipped("faults/close-masked")).memory
    assert (memory.verdict, memory.leaked) == ("leak", 0)
    assert "3 plugin_licence:speechrecog can never come back" in memory.text
