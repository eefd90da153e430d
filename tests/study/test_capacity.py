"""The search for a capacity: on functions whose answer is known, and on the server as a loss system."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "theory"))
from theory.bare import bare, instant_plugin

import sim
from sim.cli.main import build
from sim.errors import ScenarioError
from sim.ledger.limits import ranked
from sim.report.capacity import print_capacity
from sim.scenario import Scenario
from sim.study.holding import MOST, narrow, runs_at
from sim.study.planner import planned
from sim.study.search import Found, search
from sim.study.targets import target_of
from sim.study.uncertainty import mean
from sim.theory.loss import offered_at


class Noisy:
    """Metrics that grow as powers of the value and meet 1 at `roots`, with noise that replications share in part."""

    def __init__(self, roots: Sequence[float], power: float = 5.0, noise: float = 0.3, seed: int = 0) -> None:
        self.roots, self.power, self.noise, self.seed = roots, power, noise, seed
        self.calls = {True: 0, False: 0}

    def __call__(self, pairs: Sequence[tuple[float, int]], short: bool) -> list[list[float]]:
        self.calls[short] += len(pairs)
        rows = []
        for value, replication in pairs:
            own = np.random.default_rng([self.seed, replication, round(value * 1e6)])
            shared = np.random.default_rng([self.seed, replication])
            spread = self.noise * (2.0 if short else 1.0)
            noise = spread * (0.8 * shared.normal() + 0.6 * own.normal())
            rows.append([(value / root) ** self.power * math.exp(noise - spread**2 / 2.0) for root in self.roots])
        return rows


def found(noisy: Noisy, low: float = 1.0, high: float = 2000.0, **how: float) -> Found:
    targets = [target_of("sessions.leaked < 1", 0.95) for _ in noisy.roots]
    return search(noisy, targets, low, high, **how)  # type: ignore[arg-type]


def test_the_answer_lies_in_its_interval_about_as_often_as_promised() -> None:
    """100 searches; with 95 % at least 89 contain the truth (that fewer do has a probability of 0.4 %)."""
    hits = 0
    for seed in range(100):
        answer = found(Noisy([84.06], seed=seed))
        hits += answer.low <= 84.06 <= answer.high
        assert answer.precise
        assert answer.reached == "inside"
        assert answer.high / answer.low < 1.05
    assert hits >= 89


def test_short_trials_come_first_and_the_rest_is_spent_near_the_answer() -> None:
    noisy = Noisy([84.06])
    answer = found(noisy)
    assert noisy.calls[True] <= 14
    assert all(70.0 < tried.value < 100.0 for tried in answer.tried if not tried.short)


def test_the_target_that_is_missed_first_decides() -> None:
    answer = found(Noisy([300.0, 50.0, 80.0], noise=0.05))
    assert answer.binding == 1
    assert answer.value == pytest.approx(50.0, rel=0.02)  # the precision that was asked for


def test_the_ends_of_the_range_are_told() -> None:
    assert found(Noisy([0.1])).value is None
    assert found(Noisy([0.1])).reached == "below"
    assert found(Noisy([1e6], noise=0.01)).reached == "above"
    assert found(Noisy([1e6], noise=0.01)).value == 2000.0


def test_whole_numbers_are_searched_as_such() -> None:
    answer = found(Noisy([12.5], noise=0.02), 1.0, 100.0, whole=True)
    assert answer.value == 12.0


def test_the_first_lost_message_is_known_no_better_than_the_values_that_were_tried() -> None:
    """No run loses anything below 70, every run above: replications differ in nothing, and the answer is not exact."""

    def measure(pairs: Sequence[tuple[float, int]], short: bool) -> list[list[float]]:
        return [[0.0 if value < 70.0 else 5.0] for value, _ in pairs]

    answer = search(measure, [target_of("tasks.lost == 0", 0.95)], 1.0, 2000.0)
    assert answer.low < 70.0 <= answer.high
    assert any(tried.value == pytest.approx(answer.low) for tried in answer.tried)
    assert answer.high / answer.low < 1.1  # twice the precision, on either side


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sessions.blocking in [0, 1]", "must be metric < bound"), ("sessions.blocking == 1%", "only be searched for"),
        ("sessions.answered > 0", "everything"), ("sessions.blokking < 1%", "nearest"),
    ],
)  # fmt: skip
def test_targets_that_can_not_be_searched_for(text: str, why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        target_of(text, 0.95)


def test_a_bound_of_zero_counts_the_runs_that_miss_it() -> None:
    target = target_of("sessions.leaked == 0", 0.9)
    assert target.margin([target.of_run(v) for v in [0.0] * 10]) < 0.0
    assert target.margin([target.of_run(v) for v in [0.0] * 8 + [1.0, 5.0]]) == pytest.approx(math.log(2.0))


def test_what_refuses_calls_breaks_first_and_then_what_is_nearest_to_its_limit() -> None:
    run = {
        "resources.rtp_port.limit": 100.0, "resources.rtp_port.peak": 99.0, "resources.rtp_port.refused": 0.0,
        "resources.engine_channel:speechrecog.limit": 50.0, "resources.engine_channel:speechrecog.peak": 50.0,
        "resources.engine_channel:speechrecog.refused": 3.0, "resources.session_pool.limit": math.nan,
        "tasks.MRCP Server.utilisation": 0.5, "processors.busy": 0.7, "processors.count": 2.0,
    }  # fmt: skip
    names = [p.name for p in ranked([run, run])]
    assert names == ["engine_channel:speechrecog", "rtp_port", "processors", "MRCP Server"]


def loss_system(channels: int) -> Scenario:
    return bare(
        "loss", duration="60s", drain="1s", calls={"hold": {"dist": "exponential", "mean": "200ms"}},
        plugins={"speechrecog": instant_plugin(max_channel_count=channels)},
    )  # fmt: skip


@pytest.mark.slow
def test_erlang_b_is_found_with_what_breaks_first_and_the_formula_beside_it(tmp_path: Path) -> None:
    """10 channels, 1 %: 4.461 erlangs as the table prints it, so 22.3 calls/s held for 200 ms."""
    truth = offered_at(0.01, 10) / 0.2
    answer = sim.capacity(
        loss_system(10), between="1/s:2000/s", targets=["sessions.blocking < 1%"], precision=0.04,
        cache=str(tmp_path), workers=1,
    )  # fmt: skip
    assert answer.found.low < truth < answer.found.high
    assert answer.value == pytest.approx(truth, rel=0.08)
    assert answer.breaks_first == "engine_channel:speechrecog"
    plain = answer.to_dict()
    erlang = plain["theory"]["Erlang-B: 10 of engine_channel:speechrecog, hold 0.2 s"]
    assert erlang["value"] == pytest.approx(truth)
    assert abs(erlang["error"]) < 0.08
    assert plain["targets"][0]["binding"]
    assert {"knob", "value", "low", "high", "confidence", "breaks_first", "calls_simulated"} <= set(plain)
    blocking = [point["sessions.blocking"]["mean"] for point in plain["curve"]]
    assert blocking == sorted(blocking)
    assert json.dumps(plain, allow_nan=False)
    assert "sessions.blocking_low" in answer.frame


def test_the_command_tells_bad_usage_and_a_target_out_of_reach(tmp_path: Path) -> None:
    run = CliRunner().invoke
    wrong = run(build(), ["capacity", "baseline", "--target", "sessions.blocking < 1%", "--range", "9/s:1/s"])
    assert wrong.exit_code == 2
    assert "the smaller one first" in wrong.output
    wrong = run(build(), ["capacity", "baseline", "--target", "sessions.blocking < 1%", "--vary", "arivals.rate"])
    assert wrong.exit_code == 2
    assert "did you mean arrivals" in wrong.output
    short = ["--set", "duration=4s", "--set", "drain=1s", "--cache", str(tmp_path), "--no-curve", "-j", "1", "--json"]
    none = run(
        build(),
        ["capacity", "baseline", "--target", "latency.invite_to_answer.p50 < 1us", "--range", "1/s:50/s", *short],
    )
    assert none.exit_code == 1
    assert json.loads(none.stdout)["value"] is None


def test_a_knob_of_which_more_is_better_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"more of it is better: .* missed at 1, .* holds at 200; .*mrcpsim size"):
        sim.capacity(
            "baseline", vary="plugins.speechrecog.max_channel_count", between="1:200", cache=str(tmp_path), workers=1,
            targets=["sessions.blocking < 1%"], overrides={"duration": "10s", "drain": "1s"}, curve=False,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "between", "why"),
    [
        ({"arrivals.calls": 1}, "1/s:200/s", "leave it out: --set arrivals.calls=null"),
        ({}, "0.001/s:200/s", "no trial has a value of latency.invite_to_answer.p99: too few calls"),
    ],
)
def test_a_rate_of_hardly_any_calls_is_refused(changes: dict[str, int], between: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=why):
        sim.capacity(
            "baseline", between=between, targets=["latency.invite_to_answer.p99 < 1s"], cache=str(tmp_path), workers=1,
            overrides={"duration": "10s", "drain": "1s", **changes}, curve=False,
        )  # fmt: skip


ONE400 = Path(__file__).parent.parent / "data" / "traces" / "one400"


@pytest.mark.slow
def test_the_rate_that_a_machine_takes_is_two_commands_away_from_its_log(tmp_path: Path) -> None:
    """As docs/howto.md has it: calibrate with the threads' recording, then ask for the rate."""
    run, ours = CliRunner().invoke, str(tmp_path / "ours.yaml")
    made = run(build(), ["calibrate", f"{ONE400}.log.xz", "--threads", f"{ONE400}.threads.csv", "-o", ours])
    assert made.exit_code == 0, made.output
    asked = [
        "capacity", ours, "--set", "server.sip.receive_buffer=200", "--set", "duration=2s", "--precision", "0.1",
        "--range", "400/s:6000/s", "--target", "latency.invite_to_answer.p99 < 100ms", "--target", "tasks.lost == 0",
        "--cache", str(tmp_path / "cache"), "-j", "1",
    ]  # fmt: skip
    found = run(build(), [*asked, "--json"])
    assert found.exit_code == 0, found.output
    plain = json.loads(found.stdout)
    assert 800.0 < plain["low"] < plain["value"] < plain["high"] < 4000.0
    assert plain["breaks_first"] == "queue of NUA"
    assert [target["binding"] for target in plain["targets"]] == [False, True]
    assert plain["reached_from"]["queue of NUA"] > 0.8 * plain["value"]
    told = run(build(), [*asked, "--no-progress"])  # every run is in the cache
    assert "breaks first: queue of NUA" in told.output
    assert "reached on the curve: " in told.output
    assert "tasks.lost == 0 is asked of 95" in told.output


def test_a_planner_counts_only_the_servers_that_are_up() -> None:
    """Two of three servers with 10 channels each: twice 4.461 erlangs, and dispatch in turn is not Poisson."""
    scenario = sim.load_scenario(
        "baseline",
        {"plugins.speechrecog.max_channel_count": 10, "fleet": {"servers": 3, "down": [{"server": 2}]}},
    )
    (erlang,) = planned(scenario, [target_of("sessions.blocking < 1%", 0.95)], [])
    assert erlang.rate_per_s == pytest.approx(2.0 * 4.461 / 3.0, rel=1e-3)
    assert any("not at random" in why for why in erlang.broken)


def test_targets_at_the_answer_are_told_from_enough_runs_or_said_to_be_wide(tmp_path: Path) -> None:
    """20 channels at 1 %: runs until the blocking there is known to ±10 times the knob's precision, of 1 %."""
    found = sim.capacity(
        "channel-limit", overrides={"duration": "60s", "calls.hold.mean": "200ms"}, between="10/s:200/s", curve=False,
        targets=["sessions.blocking < 1%", "leaked.session_pool == 0"], precision=0.1, cache=str(tmp_path), workers=1,
    )  # fmt: skip
    there = found.targets[0]
    assert there.precise
    assert 20 <= there.n < 64
    assert (there.estimate.high - there.estimate.low) / 2.0 <= 0.01
    wide = replace(found, targets=(replace(there, precise=False), *found.targets[1:]))
    for answer, told in ((found, False), (wide, True)):
        console = Console(record=True, width=160)
        print_capacity(answer, console)
        assert ("wider than asked" in console.export_text()) == told


def test_a_metric_without_a_value_asks_for_no_endless_number_of_runs() -> None:
    """A percentile that one run of ten has has no finite interval: the runs end at the most."""
    target = target_of("latency.invite_to_answer.p99 < 1s", 0.95)
    runs = runs_at(lambda r: [0.5 if n == 0 else math.nan for n in r], lambda run, _: run, [target], 0.02, 0.95)
    assert len(runs) == MOST


def test_runs_at_an_answer_stop_when_every_target_is_known() -> None:
    """Two targets whose runs vary by a known spread: the one that needs more decides, and a count of runs does not."""
    targets = [target_of("sessions.blocking < 1%", 0.95), target_of("leaked.session_pool == 0", 0.95)]
    rng = np.random.default_rng(1)
    noise = rng.normal(0.01, 0.004, MOST)

    def more(replications: range) -> list[float]:
        return [float(noise[r]) for r in replications]

    runs = runs_at(more, lambda run, target: run, targets, 0.02, 0.95)
    assert list(runs) == [float(x) for x in noise[: len(runs)]]
    how = narrow(targets[0], 0.02)
    assert how is not None
    assert how.met(mean(runs))  # ±0.2 %: about 18 runs, and 10 more that confirm it
    assert 20 <= len(runs) <= 40
    assert len(runs_at(more, lambda run, target: run, targets, 0.0001, 0.95)) == MOST
    assert len(runs_at(more, lambda run, target: run, targets[1:], 0.02, 0.95)) == 10


def test_a_target_far_beyond_its_bound_is_known_in_proportion_to_its_value() -> None:
    """`sessions.answered > 10` where 4 000 are answered: ±20 % of 10 is not to be had, and took every run there is."""
    target = target_of("sessions.answered > 10", 0.95)
    noise = np.random.default_rng(1).normal(4265.0, 60.0, MOST)
    runs = runs_at(lambda r: [float(noise[n]) for n in r], lambda run, _: run, [target], 0.02, 0.95)
    assert len(runs) == 20  # ten, and ten more that confirm it
    how = narrow(target, 0.02)
    assert how is not None
    assert how.met(mean(runs))


def test_calls_without_a_connection_are_told_where_no_target_asks_for_them(tmp_path: Path) -> None:
    """A server answers callers whom it has no connection for, so blocking is 0 at any load: 24 erlangs on 10 lose more
    than half (Erlang-B: 59.6 %). Asked for, they are what decides: 1 % at 4.461 erlangs."""
    given = {"duration": "200s", "calls.hold.mean": "2s", "server.limits.max_connection_count": 10, "expect": []}
    wanted = ["sessions.blocking < 1%", "sessions.blocking < 1%"]
    how = {"overrides": given, "between": "0.8/s:12/s", "curve": False, "cache": str(tmp_path), "workers": 1}
    found = sim.capacity("baseline", targets=wanted, **how)
    assert len(found.targets) == 1
    assert found.found.reached == "above"
    assert found.degraded == pytest.approx(0.596, abs=0.02)
    console = Console(record=True, width=300)
    print_capacity(found, console)
    advice = "sessions.degraded / sessions.arrived < 1%"
    told = "answered without audio or a connection, which is not refused: no target asks for that; --target"
    assert f"{told} '{advice}'" in (console.export_text())
    asked = sim.capacity("baseline", targets=[*wanted, advice], precision=0.05, **how)
    assert asked.value == pytest.approx(4.461 / 2.0, rel=0.08)
    assert asked.degraded == 0.0
    assert asked.targets[1].binding


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"between": "5s:50/s"}, "must be two values > 0 of the same unit"),
        ({"between": "5/s:50/s", "vary": "duration"}, "duration must be a time"),
        ({"between": "5/s:1e9/s"}, "arrivals.rate must be at most 1000000/s"),
        ({"between": "5/s:50/s", "seed": -5}, "seed must be a whole number from 0"),
    ],
)
def test_what_can_not_be_searched_is_said_before_any_run(given: dict[str, Any], why: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=why):
        sim.capacity("baseline", targets=["sessions.blocking < 1%"], cache=str(tmp_path / "c"), workers=1, **given)
    assert not (tmp_path / "c").exists()
