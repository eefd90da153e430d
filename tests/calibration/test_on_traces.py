"""Calibrated on one run of a real server, other runs of it are predicted."""

import functools
from pathlib import Path

import pytest

from sim.calibration.calibrate import calibrate_evidence
from sim.calibration.evidence import Evidence, watch_logs
from sim.calibration.found import Calibration
from sim.calibration.highlights import highlights
from sim.engine.run import run
from sim.ledger.result import RunResult
from sim.scenario import Scenario, load_scenario
from sim.validation.validate import Validation, validate

TRACES = Path(__file__).parent.parent / "data" / "traces"


@functools.lru_cache(maxsize=4)
def evidence_of(name: str) -> Evidence:
    return watch_logs([TRACES / f"{name}.log.xz"])


@functools.lru_cache(maxsize=4)
def calibrated(name: str) -> Calibration:
    return calibrate_evidence(evidence_of(name))


def simulate(scenario: Scenario, seed: int) -> RunResult:
    return run(scenario, seed=seed, engine="simpy", ledger="full")


@pytest.fixture(scope="module")
def poisson10(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    path = tmp_path_factory.mktemp("calibrated") / "poisson10.yaml"
    calibrated("poisson10").save(path)
    return load_scenario(path)


@pytest.fixture(scope="module")
def predicted(poisson10: Scenario) -> dict[str, Validation]:
    return {
        name: validate(poisson10, evidence_of(name), simulate, runs=4, phase="log", interference="log")
        for name in ("burst100", "base20", "pools")
    }


@pytest.mark.parametrize("name", ["burst100", "base20", "pools"])
@pytest.mark.parametrize("latency", ["invite_to_answer", "terminate_to_release"])
def test_calibrated_on_poisson10_alone_other_loads_are_predicted(
    predicted: dict[str, Validation], name: str, latency: str
) -> None:
    for q, value in predicted[name].latency[latency].quantiles.items():
        within = abs(value.error) <= 0.10 or value.low <= value.predicted <= value.high
        assert within, f"{q}: measured {value.measured} [{value.low}, {value.high}], predicted {value.predicted}"
    assert predicted[name].ok


@pytest.mark.parametrize("name", ["burst100", "base20"])
def test_evenly_spaced_calls_lock_to_the_tick_at_the_phase_of_their_run(
    predicted: dict[str, Validation], name: str, poisson10: Scenario
) -> None:
    """With the log's phase the distribution is reproduced; half a tick off it is another one."""
    right = predicted[name].latency["invite_to_answer"].ks
    assert right < 0.09
    phase = predicted[name].read_from_log["phase_s"]
    wrong = validate(poisson10, evidence_of(name), Shifted((phase + 0.005) % 0.010), runs=1)
    assert wrong.latency["invite_to_answer"].ks > 4 * right


class Shifted:
    """Simulates with another phase of the tick."""

    def __init__(self, phase_s: float) -> None:
        self.phase_s = phase_s

    def __call__(self, scenario: Scenario, seed: int) -> RunResult:
        from sim.scenario import to_mapping

        mapping = to_mapping(scenario)
        mapping["server"]["media"]["phase"] = self.phase_s
        return simulate(load_scenario(mapping), seed)


def test_the_gain_over_a_planner_is_visible(predicted: dict[str, Validation]) -> None:
    """M/M/1 knows no tick: it says a tenth of a millisecond where five are measured."""
    compared = predicted["pools"].latency["invite_to_answer"]
    assert compared.theory["p50"] is not None
    assert compared.theory["p50"] < 0.1 * compared.quantiles["p50"].measured


def test_a_close_delayed_by_another_thread_is_no_blocking() -> None:
    found = calibrated("close500")
    close = found.tree["plugins"]["speechrecog"]["close"]
    assert close["delay"].value["dist"] == "exponential"
    assert "DELAYED by another thread: 600 of 600" in close["delay"].comment
    assert "BLOCKING" not in close["block"].comment
    line = next(line for line in highlights(found) if "close.delay" in line)
    mean, low, high = (float(part) for part in line.split("mean ")[1].split(";")[0].replace("ms", "").replace(
        "[", "").replace("]", "").replace(",", "").split())  # fmt: skip
    assert low < 500.0 < high
    assert mean == pytest.approx(526, abs=5)


@pytest.mark.parametrize(
    ("name", "operation", "fault", "hits", "trials"),
    [
        ("leak2", "close", "never", 24, 1000), ("dbl", "close", "twice", 52, 400),
        ("recogdrop", "request", "never", 35, 400), ("info20", "close", "never", 19, 600),
    ],
)  # fmt: skip
def test_fault_probabilities_are_counted(name: str, operation: str, fault: str, hits: int, trials: int) -> None:
    value = calibrate_evidence(watch_logs([TRACES / f"{name}.log.xz"])).tree["plugins"]["speechrecog"][operation][fault]
    assert value.value == pytest.approx(hits / trials, abs=1e-5)
    assert f"{hits} of {trials}" in value.comment


def test_callers_that_vanish_or_never_acknowledge_are_found() -> None:
    client = calibrate_evidence(watch_logs([TRACES / "noack.log.xz"])).tree["client"]
    assert client["no_ack"].value == 0.06
    vanish = calibrate_evidence(watch_logs([TRACES / "vanish.log.xz"])).tree["client"]["vanish"]
    assert vanish["tcp"].value == "closed"
    assert vanish["probability"].value == pytest.approx(0.05, abs=0.02)


def test_nothing_that_a_log_at_info_level_lacks_is_made_up() -> None:
    found = calibrate_evidence(watch_logs([TRACES / "info20.log.xz"]))
    assert "costs" not in found.tree["server"]
    assert "INFO level" in found.text
    assert found.ticks is not None
    assert found.ticks.tick_s == pytest.approx(0.010)


def test_without_thread_ids_a_delay_is_told_from_the_tasks_own_work(tmp_path: Path) -> None:
    import lzma
    import re

    for name, delayed in (("close500", ["close"]), ("pools", [])):
        log = tmp_path / f"{name}.log"
        text = lzma.decompress((TRACES / f"{name}.log.xz").read_bytes())
        log.write_bytes(re.sub(rb"(?m)^(\S+ \S+) \d+ \[", rb"\1 [", text))
        found = calibrate_evidence(watch_logs([log]))
        block = found.tree["plugins"]["speechrecog"]
        comments = {op: getattr(block.get(op, {}).get("delay"), "comment", "") for op in ("open", "close", "request")}
        late = [op for op, comment in comments.items() if "DELAYED" in comment]
        assert late == delayed
        assert "No THREAD header" in found.text
    assert block["stop_answered_at"].value == "tick"
