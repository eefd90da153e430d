"""One ranking of limits: resources, queues, tasks, processors and memory compete, and what was reached comes first."""

import json
from typing import Any

import pytest

import sim
from sim.ledger.limits import ranked
from sim.ledger.summary import MemoryUse, ProcessorUse, ResourceUse, Summary, TaskUse
from sim.report.nearest import nearest_text

FULL_QUEUE = {
    "name": "full-queue",
    "duration": "3s",
    "drain": "2s",
    "arrivals": {"rate": "100/s"},
    "calls": {"hold": "500ms", "requests": 0},
    "client": {"tcp": False},
    "server": {"queues": {"slots": 16}, "freeze": [{"task": "server", "at": "1s", "for": "1s"}]},
}


def summary(**parts: Any) -> Summary:
    return Summary("x", 1, "simpy", 10.0, **parts)


def names(found: Summary) -> list[str]:
    return [limit.name for limit in found.limits]


def test_a_full_queue_stands_before_a_quarter_of_the_ports() -> None:
    """The server task's queue stood at 1024 of 1024, and the RTP range at a quarter was called nearest."""
    found = summary(
        resources={"rtp_port": ResourceUse(peak=125, limit=500)},
        tasks={"MRCP Server": TaskUse(queue_peak=1024, queue_limit=1024, lost=3, utilisation=0.4)},
    )
    assert names(found) == ["queue of MRCP Server", "MRCP Server", "rtp_port"]
    assert (
        nearest_text(found)
        == "nearest limit: queue of MRCP Server, reached: at its peak 1 024 of 1 024, 3 messages lost"
    )


@pytest.mark.parametrize(
    ("parts", "first"),
    [
        ({"processors": ProcessorUse(2, (0.995, 0.99))}, "processors"),
        ({"memory": MemoryUse(bytes_peak=2**30, limit=2**30)}, "memory"),
        ({"tasks": {"NUA": TaskUse(utilisation=0.99)}}, "NUA"),
        ({"tasks": {"NUA": TaskUse(queue_peak=70, lost=5)}}, "queue of NUA"),
        ({"resources": {"a": ResourceUse(peak=4, limit=4)}}, "a"),
    ],
)
def test_what_was_reached_stands_before_what_is_as_near_as_can_be(parts: dict[str, Any], first: str) -> None:
    near = {"rtp_port": ResourceUse(peak=499, limit=500)}
    found = summary(**{**parts, "resources": parts.get("resources", {}) | near})
    assert found.limits[0].name == first
    assert found.limits[0].reached
    assert not found.limits[-1].reached
    assert found.to_dict()["limits"][0]["name"] == first


def test_queues_that_grow_and_memory_without_a_limit_are_not_ranked() -> None:
    found = summary(tasks={"A": TaskUse(queue_peak=5000, utilisation=None)}, memory=MemoryUse(bytes_peak=2**40))
    assert found.limits == ()
    assert nearest_text(found) == ""


def test_several_runs_are_ranked_by_their_means_and_older_results_without_the_new_columns() -> None:
    old = {"tasks.A.queue_peak": 5.0, "tasks.A.utilisation": 0.5, "resources.r.limit": 4.0, "resources.r.peak": 4.0}
    assert [limit.name for limit in ranked([old, old | {"resources.r.peak": 3.0}])] == ["r", "A"]
    assert ranked([]) == ()


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_a_run_tells_which_queue_lost_messages(engine: str) -> None:
    found = sim.run(sim.load_scenario(FULL_QUEUE), seed=1, engine=engine).summary
    first = found.limits[0]
    assert (first.name, first.peak, first.limit) == ("queue of MRCP Server", 16, 16)
    lost = sum(group.count for group in found.leak_groups if group.cause == "message-lost")
    assert first.refused == found.tasks["MRCP Server"].lost >= lost > 0
    assert json.loads(json.dumps(found.to_dict()))["limits"][0]["reached"] is True


def test_packets_that_a_full_socket_loses_are_counted_alike_by_both_engines() -> None:
    scenario = sim.load_scenario(
        FULL_QUEUE | {"server": {"sip": {"receive_buffer": 4}, "freeze": [{"task": "nua", "at": "1s", "for": "1s"}]}}
    )
    lost = [sim.run(scenario, seed=1, engine=engine).summary.tasks["NUA"].lost for engine in ("simpy", "compiled")]
    assert lost[0] == lost[1] > 10
