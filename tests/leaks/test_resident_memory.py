"""Resident memory: leaked sessions are no concurrent calls, and a limit of memory is reached when it is."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.errors import ScenarioError
from sim.leaks.outlook import leak_report
from sim.ledger.resident import TIMES, AtATime
from sim.report.screen import print_screen

MIB = 2**20
LEAK_50 = {
    "name": "leak50",
    "duration": "100s",
    "drain": "5s",
    "arrivals": {"rate": "20/s", "kind": "even"},
    "calls": {"hold": "1s", "requests": 0},
    "client": {"tcp": False},
    "plugins": {"speechrecog": {"max_channel_count": None, "close": {"never": 0.5}}},
    "server": {"limits": {"rtp_ports": "5000-9000"}},
}


@pytest.fixture(scope="module")
def leaking() -> sim.RunResult:
    return sim.run(sim.load_scenario(LEAK_50), seed=1, engine="compiled")


def test_leaked_sessions_are_not_taken_for_concurrent_calls(leaking: sim.RunResult) -> None:
    """135 MiB were said of a server on which half of 2000 calls leaked; its process was measured at 44 MiB."""
    memory = leak_report(leaking).memory
    assert memory.leaked == pytest.approx(1000, abs=60)
    assert 38 * MIB < memory.resident_bytes < 48 * MIB
    assert "concurrent sessions and " in memory.text
    assert f" and {memory.leaked} leaked" in memory.text
    use = leaking.summary.memory
    assert use.leaked == leaking.summary.sessions.leaked
    assert 20 <= use.calls_peak < 30


def test_the_summary_and_the_sessions_of_an_earlier_result_say_the_same(leaking: sim.RunResult) -> None:
    from dataclasses import replace

    from sim.ledger.summary import MemoryUse

    before = sim.RunResult(
        replace(leaking.summary, memory=MemoryUse()),
        leaking.sessions,
        leaking.levels,
        scenario_yaml=leaking.scenario_yaml,
    )
    assert leak_report(before).memory.resident_bytes == leak_report(leaking).memory.resident_bytes


def test_without_leaks_every_session_of_the_peak_is_a_call() -> None:
    healthy = sim.load_scenario(LEAK_50, overrides={"plugins.speechrecog.close.never": 0, "duration": "10s"})
    found = sim.run(healthy, seed=1)
    use = found.summary.memory
    assert (use.calls_peak, use.leaked) == (found.summary.resources["session_pool"].peak, 0)
    assert use.transactions_peak > 0
    assert use.bytes_peak == 6700 * 1024 + use.calls_peak * 40 * 1024 + use.transactions_peak * 9728


def test_a_memory_limit_is_reached_found_and_ranked_first(tmp_path: Path) -> None:
    scenario = sim.load_scenario(LEAK_50, overrides={"server.limits.memory": "30MiB"})
    found = sim.run(scenario, seed=1, engine="compiled").summary
    # 30 MiB less the process, some 23 calls and 740 transactions leave room for about 510 leaked sessions, at 10/s
    assert found.memory.reached_at_s == pytest.approx(51.0, abs=5.0)
    assert found.limits[0].kind == "memory"
    assert found.limits[0].reached
    assert [finding.kind for finding in found.findings] == ["memory-exhausted"]
    file = tmp_path / "s.yaml"
    file.write_text(sim.scenario.to_yaml(scenario), encoding="utf-8")
    done = CliRunner().invoke(
        build(), ["run", str(file), "--out", str(tmp_path / "r"), "--fail-on", "memory.bytes_peak > 40MiB"]
    )
    assert done.exit_code == 1
    assert "The process would have been killed at about 5" in done.output.replace("\n", " ")
    assert "Nothing unusual" not in done.output
    assert "memory-exhausted" in done.output.split("Unusual\n")[1]
    nearest = done.output.split("Nearest limits\n")[1].splitlines()[0].split()
    assert nearest[0] == "memory"
    assert nearest[-2:] == ["30.0", "MiB"]


def test_a_limit_that_is_not_reached_competes_by_how_near_it_is() -> None:
    scenario = sim.load_scenario(LEAK_50, overrides={"server.limits.memory": "1GiB", "duration": "5s"})
    found = sim.run(scenario, seed=1).summary
    assert found.memory.reached_at_s is None
    assert not found.findings
    assert next(limit for limit in found.limits if limit.kind == "memory").used < 0.1


def test_a_limit_that_no_process_could_start_below_is_refused_with_what_it_needs() -> None:
    with pytest.raises(ScenarioError, match=r"server\.limits\.memory must be above .*6\.54 MiB.*1024 B"):
        sim.load_scenario(LEAK_50, overrides={"server.limits.memory": "1KiB"})


def test_many_times_a_limit_is_told_in_words_that_people_read() -> None:
    overrides = {"server.limits.memory": "7MiB", "server.memory.resident_per_call": "6MiB", "duration": "5s"}
    found = sim.run(sim.load_scenario(LEAK_50, overrides=overrides), seed=1).summary
    console = Console(width=140, file=StringIO(), force_terminal=False)
    print_screen(found, console)
    shown = console.file.getvalue()
    times = found.limits[0].used
    assert times > 10
    assert f"{round(times)} times" in shown
    beside = f"{found.memory.transactions_peak} SIP transactions beside them"
    assert f"calls at the peak and leaked sessions, {beside}, said above" in " ".join(shown.split())


def test_memory_that_only_calls_fill_is_said_to_be_theirs_alone() -> None:
    hung = {"server.limits.memory": "7MiB", "server.memory.resident_per_call": "6MiB", "duration": "1s",
            "plugins.speechrecog.open": {"never": 1.0}, "drain": "0s"}  # fmt: skip
    found = sim.run(sim.load_scenario(LEAK_50, overrides=hung), seed=1).summary
    assert found.memory.transactions_peak == 0
    console = Console(width=140, file=StringIO(), force_terminal=False)
    print_screen(found, console)
    shown = " ".join(console.file.getvalue().split())
    assert "and leaked sessions, said above" in shown
    assert "SIP transaction" not in shown


MEASURED_KIB = {
    "base20": 15264, "burst100": 22888, "close500": 15356, "dbl": 12428, "hold": 16088, "info20": 15380, "leak2": 15536,
    "mixed15": 15796, "noack": 8908, "one400": 67080, "pools": 16272, "recogdrop": 12392, "rtpfull": 14912,
    "unknown": 7996, "vanish": 15240,
}  # fmt: skip
"""The peak of a real server's resident memory in each run, as its `proc.csv` has it."""


@pytest.mark.parametrize("run", MEASURED_KIB)
def test_resident_memory_is_what_a_real_process_had(run: str) -> None:
    """It was 10.1 MiB of the 15.2 of leak2: the transactions that SIP keeps after each call were not known."""
    use = sim.audit_log(Path(__file__).parents[1] / "data" / "traces" / f"{run}.log.xz").summary.memory
    assert use.bytes_peak == pytest.approx(MEASURED_KIB[run] * 1024, rel=0.08)


def test_an_answered_invite_is_kept_for_t4_and_a_bye_for_64_t1() -> None:
    there = AtATime(100.0, t1_s=0.25)
    times = {name: np.full(3, np.nan) for name in TIMES}
    times["created_s"], times["answer_s"] = np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.5, np.nan])
    times["bye_s"], times["bye_ok_s"] = np.array([10.0, np.nan, np.nan]), np.array([11.0, np.nan, np.nan])
    there.add(times)

    def at(moment: float) -> int:
        return int(there.transactions()[np.searchsorted(there.ends_s(), moment)])

    assert [at(moment) for moment in (1.4, 2.0, 3.0, 7.0, 8.0, 10.5, 26.0, 28.0)] == [0, 1, 2, 1, 0, 1, 1, 0]


def test_transactions_grow_for_64_t1_and_then_no_more() -> None:
    healthy = {"plugins.speechrecog.close.never": 0, "duration": "20s"}
    short = sim.run(sim.load_scenario(LEAK_50, overrides=healthy), seed=1).summary.memory
    long = sim.run(sim.load_scenario(LEAK_50, overrides=healthy | {"duration": "70s"}), seed=1).summary.memory
    assert short.transactions_peak == pytest.approx(20 * (5 + 19), abs=5)
    assert long.transactions_peak == pytest.approx(20 * (5 + 32), abs=5)
    quick = sim.load_scenario(LEAK_50, overrides=healthy | {"duration": "70s", "server.sip.t1": "0.1s"})
    assert sim.run(quick, seed=1).summary.memory.transactions_peak == pytest.approx(20 * (5 + 6.4), abs=5)
    other = {"duration": "70s", "server.sip.t1": "0.1s", "server.sip.t4": "12s"}
    kept = sim.run(sim.load_scenario(LEAK_50, overrides=healthy | other), seed=1).summary.memory
    assert kept.transactions_peak == pytest.approx(20 * (12 + 6.4), abs=5)


def test_the_forecast_of_memory_reckons_with_t4_too() -> None:
    limit = {"server.limits.memory": "1GiB"}
    busy = [
        next(item.busy for item in leak_report(found).exhausted if item.resource == "memory")
        for t4 in ("5s", "25s")
        for found in [sim.run(sim.load_scenario(LEAK_50, overrides=limit | {"server.sip.t4": t4}), seed=1)]
    ]
    assert busy[1] - busy[0] == pytest.approx(20 * 20 * 9728, rel=0.01)
