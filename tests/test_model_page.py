"""The figures of docs/model.md are what its commands give."""

import re
from pathlib import Path

import sim
from sim.ledger.summary import Quantiles, Summary

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")


def replayed(seed: int, **overrides: object) -> Summary:
    scenario = sim.load_scenario(ROOT / "scenarios" / "replay-real-load.yaml", overrides=overrides)
    return sim.run(scenario, seed=seed, engine="simpy", ledger="summary").summary


def pair(latency: Quantiles) -> str:
    assert latency.p50 is not None
    assert latency.p95 is not None
    return f"{1e3 * latency.p50:.2f} / {1e3 * latency.p95:.2f} ms"


def test_the_table_is_that_of_seed_1() -> None:
    """5.88 / 10.27 ms was said of what a rerun gave as 5.93 / 10.23."""
    found = replayed(1)
    cells = dict(re.findall(r"^\| (INVITE → answer|deactivate → destroy), [^|]+\|[^|]+\| ([^|]+) \|$", PAGE, re.M))
    assert cells == {
        "INVITE → answer": pair(found.latency["invite_to_answer"]),
        "deactivate → destroy": pair(found.latency["terminate_to_release"]),
    }


def test_the_ranges_over_seeds_are_those_of_a_rerun() -> None:
    said = re.search(r"seeds 1 to (\d+) .*?between\s+([\d.]+) and ([\d.]+) ms", PAGE, re.S)
    assert said is not None
    medians = [replayed(seed).latency["invite_to_answer"].p50 or 0.0 for seed in range(1, int(said[1]) + 1)]
    assert [f"{1e3 * end:.2f}" for end in (min(medians), max(medians))] == [said[2], said[3]]


def test_calls_without_audio_are_those_of_a_rerun() -> None:
    said = re.search(r"leaves (\d+) to (\d+) calls without audio over seeds 1 to (\d+)", PAGE)
    assert said is not None
    file = str(ROOT / "tests" / "data" / "traces" / "rtpfull.calls.csv")
    given = {"arrivals.file": file, "server.limits.rtp_ports": "20000-20060"}
    refused = [replayed(seed, **given).resources["rtp_port"].refused for seed in range(1, int(said[3]) + 1)]
    assert [min(refused), max(refused)] == [int(said[1]), int(said[2])]
