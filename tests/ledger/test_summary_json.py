import json

import numpy as np

from sim.ledger.summary import (
    LATENCIES,
    Expectation,
    Leak,
    Quantiles,
    ResourceUse,
    SessionCounts,
    Summary,
    TaskUse,
    Violation,
)

LEAK = Leak(
    7, "TERMINATING", "CLOSE response", "speechrecog", 3.5, ("session_pool",), "it: never came", "close-never-answered"
)
FULL = Summary(
    scenario="x",
    seed=3,
    engine="simpy",
    horizon_s=100.0,
    sessions=SessionCounts(arrived=2, rejected={"404": 1}, crashed_at_s=9.0, blocking=0.5),
    resources={"session_pool": ResourceUse(acquired=2, released=1, held=1, leaked=1, bytes_peak=4096)},
    latency={"invite_to_answer": Quantiles.of([0.1, 0.2])},
    tasks={"MRCP Server": TaskUse(5, 0.25, 2, Quantiles.of([0.1]), Quantiles())},
    violations=(Violation(1.0, 7, "double-close", "twice"),),
    leaks=(LEAK,),
    expect=(Expectation("leaked.session_pool == 0", 1, False),),
    partial=True,
)


def test_the_keys_are_those_scripts_rely_on() -> None:
    plain = FULL.to_dict()
    assert list(plain) == [
        "scenario", "seed", "engine", "horizon_s", "partial", "sessions", "resources", "latency", "tasks",
        "processors", "memory", "violations", "leaks", "leak_groups", "leaks_cut", "findings", "expect", "limits",
        "theory",
    ]  # fmt: skip
    assert list(plain["sessions"]) == [
        "arrived", "created", "answered", "rejected", "cancelled", "released", "live", "leaked", "crashed_at_s",
        "blocking", "unanswered", "refused_without_session", "in_setup", "degraded", "retries", "restarts", "crashed",
        "callers", "callers_answered", "callers_not_answered", "callers_trying",
    ]  # fmt: skip
    assert list(plain["resources"]["session_pool"]) == [
        "acquired", "released", "held", "leaked", "refused", "peak", "mean", "limit", "bytes_peak",
    ]  # fmt: skip
    assert list(plain["latency"]) == list(LATENCIES)
    six = ["n", "mean", "p50", "p95", "p99", "max"]
    assert all(list(quantiles) == six for quantiles in plain["latency"].values())
    task = ["messages", "utilisation", "queue_peak", "wait", "service", "processor_wait", "queue_limit", "lost"]
    assert list(plain["tasks"]["MRCP Server"]) == task
    assert list(plain["processors"]) == ["count", "busy", "by_task"]
    assert list(plain["violations"][0]) == ["time_s", "session", "kind", "message", "session_id"]
    assert list(plain["leaks"][0]) == [
        "session", "state", "waiting_for", "plugin", "since_s", "holds", "explanation", "session_id",
    ]  # fmt: skip
    assert list(plain["expect"][0]) == ["condition", "value", "ok"]


def test_a_latency_without_samples_is_there_with_nulls() -> None:
    empty = {"n": 0, "mean": None, "p50": None, "p95": None, "p99": None, "max": None}
    assert FULL.to_dict()["latency"]["bye_to_ok"] == empty


def test_json_and_back_is_the_same_summary() -> None:
    text = json.dumps(FULL.to_dict(), allow_nan=False)
    assert Summary.from_dict(json.loads(text)).to_dict() == FULL.to_dict()


def test_the_cause_of_a_leak_survives_json() -> None:
    plain = json.loads(json.dumps(LEAK.to_dict()))
    assert plain["explanation"] == "close-never-answered: it: never came"
    assert Leak.from_dict(plain) == LEAK


def test_an_explanation_without_cause_is_left_alone() -> None:
    leak = Leak(1, "ACTIVE", None, None, None, (), "The caller: still talks")
    assert Leak.from_dict(leak.to_dict()) == leak


def test_numpy_values_and_nan_become_plain_json() -> None:
    summary = Summary("x", np.int64(1), "simpy", np.float64(2.0), resources={"rtp_port": ResourceUse(mean=np.nan)})
    plain = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
    assert (plain["seed"], plain["horizon_s"], plain["resources"]["rtp_port"]["mean"]) == (1, 2.0, None)


def test_quantiles_are_order_statistics_and_ignore_what_was_not_reached() -> None:
    q = Quantiles.of([*range(100, 0, -1), np.nan])
    assert (q.n, q.p50, q.p95, q.p99, q.max, q.mean) == (100, 51.0, 96.0, 100.0, 100.0, 50.5)
    assert Quantiles.of([np.nan]) == Quantiles()
