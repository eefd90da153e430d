"""What a formula says beside a study: right where its assumptions hold, and marked where they do not."""

import json
from pathlib import Path
from typing import Any

import pytest
from theory.bare import bare, instant_plugin

from sim.scenario import Scenario, load_scenario, to_mapping
from sim.study.assumptions import said_of
from sim.study.study import StudyResult, study
from sim.theory.queues import erlang_b

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


def test_no_formula_is_claimed_where_none_fits() -> None:
    assert said_of(loss(), "latency.invite_to_answer.p99") is None
    assert said_of(load_scenario("busy-hour"), "sessions.blocking") is None
