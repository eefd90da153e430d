"""The peers of the benchmark simulate the same calls, so that their speeds may be compared."""

import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # benchmarks/ is not part of the installed package

from benchmarks import cpp, false_alarms, flow, memory, scaling  # noqa: E402
from benchmarks.measure import Measured, disagreement  # noqa: E402
from benchmarks.peers import simpy_callback, simpy_idiomatic  # noqa: E402
from benchmarks.report import flow_table, write_section  # noqa: E402
from benchmarks.rows import BY_NAME  # noqa: E402

CALLS = 30
TOLERANCE_S = 1e-9  # the draws are the same; only the order of floating-point additions differs


def figures(name: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.row", name, "--calls", str(CALLS), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    return figures("simpy-idiomatic")


@pytest.mark.parametrize(
    ("name", "needs"), [("simpy-callback", "simpy"), ("salabim", "salabim"), ("ciw", "ciw"), ("cpp", None)]
)
def test_every_peer_reports_the_quantiles_of_the_idiomatic_program(
    name: str, needs: str | None, reference: dict[str, Any]
) -> None:
    if cpp.compiler() is None if needs is None else find_spec(needs) is None:
        pytest.skip(f"{needs or 'a C++ compiler'} is not installed")
    found = figures(name)
    assert found["calls"] == reference["calls"] == CALLS
    assert found["p50_s"] == pytest.approx(reference["p50_s"], abs=TOLERANCE_S)
    assert found["p95_s"] == pytest.approx(reference["p95_s"], abs=TOLERANCE_S)
    assert found["wall_s"] > 0


def test_the_bare_loop_finishes_and_claims_no_latency() -> None:
    found = figures("simpy-bare")
    assert found["calls"] == CALLS
    assert found["p50_s"] is None


def test_callback_and_idiomatic_programs_agree_call_by_call_under_long_holds() -> None:
    idiomatic = simpy_idiomatic.simulate(400, 7, 60.0)
    assert simpy_callback.simulate(400, 7, 60.0) == pytest.approx(idiomatic, abs=TOLERANCE_S)


def test_set_up_takes_the_services_and_half_a_tick_on_average() -> None:
    latencies = simpy_callback.simulate(4000, 3)
    services = sum(hop.mean_s for hop in flow.FLOW[: flow.ANSWER + 1])
    expected = services + flow.TICK_S / 2  # waiting for a task adds little at a load of 2 %
    assert sum(latencies) / len(latencies) == pytest.approx(expected, rel=0.05)
    assert max(latencies) > flow.TICK_S


def test_the_flow_has_eighteen_hops_and_says_so_to_cpp() -> None:
    assert len(flow.FLOW) == 18
    lines = flow.table_for_other_languages(5, 1).splitlines()
    assert lines[0].split()[-1] == "18"
    assert len(lines) == 19


def test_ratios_are_medians_of_ratios_within_a_round() -> None:
    base, other = Measured(BY_NAME["simpy-idiomatic"]), Measured(BY_NAME["cpp"])
    for number, disturbed in enumerate((1.0, 4.0, 2.0)):  # the machine is slower for both in the later rounds
        base.rounds[number] = {"calls": 100, "wall_s": disturbed, "p50_s": 0.005, "p95_s": 0.01}
        other.rounds[number] = {"calls": 1000, "wall_s": disturbed, "p50_s": 0.005, "p95_s": 0.01}
    assert other.ratio_to(base, "wall") == pytest.approx(10.0)
    row = flow_table([base, other], "wall").splitlines()[-1]
    assert row.split(" | ")[1:5] == ["500", "1,000", "10", "1"]


def test_a_peer_that_simulates_other_calls_is_found_out() -> None:
    base, other = Measured(BY_NAME["simpy-idiomatic"]), Measured(BY_NAME["cpp"])
    base.rounds[0] = {"calls": 1000, "wall_s": 1.0, "p50_s": 0.005, "p95_s": 0.01}
    other.rounds[0] = {**base.rounds[0], "calls": 5000}
    assert disagreement([base, other]) is None
    other.rounds[0]["p95_s"] = 0.011
    assert "cpp has p95_s" in str(disagreement([base, other]))


def test_writing_one_section_leaves_the_others(tmp_path: Path) -> None:
    report = tmp_path / "reports" / "benchmarks.md"
    write_section("memory", "old memory", report)
    write_section("flow", "the flow", report)
    write_section("memory", "new memory", report)
    text = report.read_text(encoding="utf-8")
    assert "old memory" not in text
    assert 0 < text.index("the flow") < text.index("new memory")


def test_memory_is_that_of_the_measured_process(tmp_path: Path) -> None:
    # A process of its own measures: the peak that is recorded for a child is at least the size of its parent.
    (tmp_path / "result").write_bytes(b"x" * 1000)
    script = """
import json, sys
from pathlib import Path
from benchmarks import memory
programs = ["pass", "b = bytearray(80_000_000); b[::1000] = b[::1000]", "pass"]
uses = [memory.run([sys.executable, "-c", program], 1, Path(sys.argv[1])) for program in programs]
print(json.dumps([[use.peak_bytes, use.result_bytes] for use in uses]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (small, size), (large, _), (again, _) = json.loads(done.stdout)
    assert 40e6 < large - small < 120e6
    assert again < large - 40e6  # not the largest child so far
    assert size == 1000


def test_a_program_that_fails_is_no_measurement(tmp_path: Path) -> None:
    program = "import sys; print('no such scenario', file=sys.stderr); sys.exit(3)"
    with pytest.raises(RuntimeError, match="exit code 3: no such scenario"):
        memory.run([sys.executable, "-c", program], 1, tmp_path)


def test_a_scaling_table_says_how_much_dearer_a_call_becomes() -> None:
    costs = {"cpp": {100: 1e-6, 10_000: 1.5e-6}, "own-compiled": {}}
    text = scaling.section([100, 10_000], costs, {"own-compiled": "not available: none"}, 1, False, "wall")
    assert "| 1 | 1.5 | ×1.50 |" in text
    assert "×2.00 from 100 to 10,000" in text
    assert "not available: none" in text


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (Path(__file__).parents[1] / "benchmarks").glob("[a-z]*.py"))
)
def test_every_benchmark_finds_what_it_imports(name: str) -> None:
    """One of them had not started since a constant was moved, and its published table could not be made again."""
    import_module(f"benchmarks.{name}")


def test_a_case_near_its_promise_is_tried_oftener() -> None:
    case = next(case for case in false_alarms.CASES if case.oftener > 1)
    assert "| 400 | at most 5 % |" in false_alarms.line(case, [[]] * (case.oftener * 100))
