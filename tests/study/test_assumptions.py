"""What a formula says beside a study: right where its assumptions hold, and marked where they do not."""

import json
from pathlib import Path
from typing import Any

import pytest
from theory.bare import bare, instant_plugin
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.ledger.summary import Summary
from sim.scenario import Scenario, load_scenario, to_mapping
from sim.study.assumptions import beside, said_of
from sim.study.planner import limits, planned
from sim.study.study import StudyResult, study
from sim.study.targets import target_of
from sim.theory.queues import erlang_b
from sim.theory.waiting import MMc

RATE, SERVICE = 500.0, 1.2e-3
WAIT = "tasks.Demo Recog Engine.wait"


def queue(block: Any) -> Scenario:
    """Calls that never end on a plugin that is busy in each open."""
    return bare(
        "queue", duration="20s", drain="1s", arrivals={"rate": f"{RATE}/s"}, calls={"hold": "10d"},
        plugins={"speechrecog": instant_plugin(open={"block": block})},
    )  # fmt: skip


def loss() -> Scenario:
    return bare(
        "loss", duration="60s", drain="1s", arrivals={"rate": "50/s"}, calls={"hold": "160ms"},
        plugins={"speechrecog": instant_plugin(max_channel_count=10)},
    )  # fmt: skip


def studied(scenario: Scenario, metrics: list[str], folder: Path) -> StudyResult:
    file = folder / f"{scenario.name}.yaml"
    file.write_text(json.dumps(to_mapping(scenario, only_changes=True)))
    given = {"name": "beside", "scenarios": [str(file)], "replications": 8, "confidence": 0.999, "metrics": metrics}
    return study(given, out=folder / "out", cache=str(folder / "cache"), workers=1)


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ({"dist": "exponential", "mean": f"{SERVICE}s"}, "M/M/1"), (f"{SERVICE}s", "M/D/1"),
        ({"dist": "gamma", "mean": f"{SERVICE}s", "shape": 2}, "M/G/1"),
    ],
)  # fmt: skip
def test_the_wait_in_a_plugins_queue_is_what_the_formula_says(block: Any, kind: str, tmp_path: Path) -> None:
    """8 runs of 10 000 calls, 99.9 %: about ±15 % of the mean; between M/D/1 and M/M/1 lies a factor of two."""
    found = studied(queue(block), [f"{WAIT}.mean", f"{WAIT}.p95"], tmp_path)
    for answer in found.answers:
        if answer.said is None:
            assert kind == "M/G/1"
            continue
        assert answer.said.formula.startswith(kind)
        assert answer.said.broken == ()
        assert answer.estimate.low < answer.said.value < answer.estimate.high
        assert answer.estimate.high < 1.6 * answer.estimate.low
    assert sum(answer.said is not None for answer in found.answers) == (1 if kind == "M/G/1" else 2)


def test_blocking_and_what_is_held_are_erlangs(tmp_path: Path) -> None:
    channels = "resources.engine_channel:speechrecog.mean"
    found = studied(loss(), ["sessions.blocking", channels], tmp_path)
    for answer in found.answers:
        assert answer.said is not None
        assert answer.said.broken == ("a place is held from the offer to the release, not only for the hold",)
        if answer.metric == "sessions.blocking":
            assert answer.said.value == pytest.approx(erlang_b(8.0, 10))
            assert answer.estimate.low < answer.said.value < answer.estimate.high
    by = {answer.metric: answer for answer in found.answers}
    carried = by[channels].said
    assert carried is not None
    # the second in which the run drains and the empty start are part of its mean: 61 s and 0.16 s
    assert by[channels].estimate.value == pytest.approx(carried.value, rel=0.04)
    assert list(found.points["theory"]) == [pytest.approx(answer.said.value) for answer in found.answers]  # type: ignore[union-attr]


def waiting(**more: Any) -> Scenario:
    """4 erlangs on 5 licences for which an open waits."""
    plugin = instant_plugin(licences=5, without_licence="wait")
    given = {"duration": "400s", "drain": "5s", "arrivals": {"rate": "100/s"}, "plugins": {"speechrecog": plugin}}
    return bare("waiting", **{**given, "calls": {"hold": {"dist": "exponential", "mean": "40ms"}}, **more})


def test_the_wait_for_a_licence_is_erlangs(tmp_path: Path) -> None:
    """8 runs of 40 000 calls: 55 % wait, 22 ms on average. Erlang-B, which knows no wait, says nothing of these."""
    scenario = waiting()
    found = studied(scenario, [f"latency.media_to_open.{part}" for part in ("mean", "p50", "p95", "p99")], tmp_path)
    for answer in found.answers:
        assert answer.said is not None
        assert answer.said.formula == "Erlang-C: 4 erlangs on 5 licences of speechrecog"
        assert answer.said.broken == (
            "the open itself comes on top of the wait, and a licence is held until the close is answered",
        )
        assert answer.estimate.low < answer.said.value < answer.estimate.high
    assert found.answers[0].said is not None
    assert found.answers[0].said.value == pytest.approx(MMc(100.0, 0.04, 5).mean_wait_s)
    assert found.answers[0].estimate.high < 1.3 * found.answers[0].estimate.low
    assert "plugin_licence:speechrecog" not in limits(scenario)
    even = waiting(arrivals={"kind": "even", "rate": "100/s"}, calls={"hold": "40ms"}, client={"patience": "1s"})
    said = said_of(even, "latency.media_to_open.mean")
    assert said is not None
    for why in ("not Poisson", "not exponential", "give up"):
        assert any(why in broken for broken in said.broken), why


def test_a_planner_asks_erlang_c_for_the_rate_at_which_calls_wait_so_long() -> None:
    (said,) = planned(waiting(), [target_of("latency.media_to_open.mean < 20ms", 0.95)], [])
    assert said.formula == "Erlang-C: 5 licences of speechrecog, hold 0.04 s"
    assert MMc(said.rate_per_s, 0.04, 5).mean_wait_s == pytest.approx(0.02)
    (quantile,) = planned(waiting(), [target_of("latency.media_to_open.p95 < 100ms", 0.95)], [])
    assert MMc(quantile.rate_per_s, 0.04, 5).wait_quantile_s(0.95) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"arrivals.kind": "even"}, "not Poisson"), ({"client.patience": "1s"}, "give up"),
        ({"client.retry.probability": 0.5}, "come again"), ({"server.limits.rtp_ports": "5000-5021"}, "nearly as low"),
        ({"fleet": {"servers": 2}}, "dispatched"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_said(change: dict[str, Any], why: str) -> None:
    changed = load_scenario(to_mapping(loss(), only_changes=True), change)
    said = said_of(changed, "sessions.blocking")
    assert said is not None
    assert any(why in broken for broken in said.broken), said.broken


def test_a_run_has_the_formulas_beside_it_with_the_error_of_who_trusts_them(tmp_path: Path) -> None:
    out, asked = (
        tmp_path / "out",
        ["--set", "duration=120s", "--set", "calls.hold.mean=1s", "--set", "arrivals.rate=20/s"],
    )
    done = CliRunner().invoke(build(), ["run", "channel-limit", "--out", str(out), "--full", "--no-progress", *asked])
    assert "Beside it, a formula" in done.output
    plain = json.loads((out / "summary.json").read_text())
    by = {one["metric"]: one for one in plain["theory"]}
    blocking = by["sessions.blocking"]
    assert blocking["value"] == pytest.approx(erlang_b(20.0, 20))
    assert blocking["simulated"] == plain["sessions"]["blocking"]
    assert blocking["error"] == pytest.approx(blocking["value"] / blocking["simulated"] - 1.0)
    assert any("from the offer to the release" in broken for broken in blocking["assumptions_broken"])
    held = by["resources.engine_channel:speechrecog.mean"]
    assert any("60 s in it that follow the load" in broken for broken in held["assumptions_broken"])
    assert by["tasks.Demo Recog Engine.wait.mean"]["error"] < 0.0  # batches of a tick: the queue is longer than M/G/1's
    assert Summary.from_dict(plain).to_dict() == plain
    short = load_scenario("channel-limit", {"duration": "20s", "drain": "1s"})
    (first, *_) = beside(short, sim.run(short).summary)
    assert "the run begins empty, and is as full as it gets after 15 s of its 20 s" in first.assumptions_broken


def test_what_a_fleet_holds_is_that_of_all_its_servers() -> None:
    """It was said of one of them, and compared with what all hold together."""
    one = said_of(loss(), "resources.engine_channel:speechrecog.mean")
    both = load_scenario(to_mapping(loss()), {"fleet": {"servers": 2}, "arrivals.rate": "100/s"})
    two = said_of(both, "resources.engine_channel:speechrecog.mean")
    assert one is not None
    assert two is not None
    assert two.value == pytest.approx(2.0 * one.value)


def test_no_formula_is_claimed_where_none_fits() -> None:
    assert said_of(loss(), "latency.invite_to_answer.p99") is None
    assert said_of(load_scenario("busy-hour"), "sessions.blocking") is None
