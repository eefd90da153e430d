"""A result made up by hand: 600 calls, 3 of which leak, with one session's messages and ledger in full."""

import math

import numpy as np
import pytest

from sim.ledger.levels import levels_of
from sim.ledger.limits import Pressure
from sim.ledger.result import RunResult
from sim.ledger.sink import MemorySink
from sim.ledger.summary import (
    Expectation,
    Leak,
    Quantiles,
    ResourceUse,
    SessionCounts,
    Summary,
    TaskUse,
    Violation,
)
from sim.study.capacity import Capacity, CurvePoint, TargetAtCapacity
from sim.study.planner import Planned
from sim.study.search import Found
from sim.study.targets import target_of
from sim.theory.intervals import Estimate
from sim.validation.validate import Validation, compare

CALLS, LEAKED = 600, 3
CAUSE = "close-never-answered"


def _sessions() -> dict[str, np.ndarray | list[str | None]]:
    rng = np.random.default_rng(5)
    arrived = np.sort(rng.uniform(0, 60, CALLS))
    answer = arrived + rng.uniform(0, 0.01, CALLS) + rng.lognormal(-7.5, 0.6, CALLS)
    bye = answer + rng.exponential(3.0, CALLS)
    deactivate = bye + rng.lognormal(-8, 0.5, CALLS)
    terminate = deactivate + rng.uniform(0, 0.01, CALLS)
    released = terminate + rng.uniform(0, 0.01, CALLS)
    stuck = np.isin(np.arange(CALLS), np.arange(LEAKED) * 150 + 40)
    released[stuck] = np.nan
    return {
        "session": np.arange(1, CALLS + 1),
        "arrived_s": arrived,
        "created_s": arrived + 0.0001,
        "offer_s": arrived + 0.0002,
        "answer_s": answer,
        "answer_status": np.full(CALLS, 200),
        "bye_s": bye,
        "bye_ok_s": np.where(stuck, np.nan, released),
        "deactivate_s": deactivate,
        "terminate_s": terminate,
        "close_answered_s": np.where(stuck, np.nan, terminate + 0.0005),
        "released_s": released,
        "state": np.where(stuck, "TERMINATING", "DESTROYED"),
        "outcome": np.where(stuck, "leaked", "released"),
        "waiting_for": np.where(stuck, "CLOSE response", ""),
        "plugin": np.where(stuck, "speechrecog", ""),
        "pool_bytes": np.full(CALLS, 14_915),
        "requests": np.ones(CALLS),
    }


# one call, told in full: (task, message, sent, started, finished, state, subrequests)
STORY = [
    ("NUA", "INVITE", 1.0, 1.0, 1.00004, "NONE", 0),
    ("SIP-Agent-1", "nua_i_invite", 1.00004, 1.00007, 1.00008, "NONE", 0),
    ("SIP-Agent-1", "nua_i_state [received]", 1.00004, 1.00008, 1.00012, "NONE", 0),
    ("MRCP Server", "OFFER", 1.00012, 1.00015, 1.00025, "GENERATING_ANSWER", 2),
    ("MRCPv2-Agent-1", "ADD channel", 1.00025, 1.00028, 1.0003, "GENERATING_ANSWER", 2),
    ("MRCP Server", "ADD-channel response", 1.0003, 1.00033, 1.00034, "GENERATING_ANSWER", 1),
    ("Media-Engine-1", "MPF container (add)", 1.00025, 1.006, 1.00605, "GENERATING_ANSWER", 1),
    ("MRCP Server", "MPF response", 1.00605, 1.00608, 1.00613, "INITIALIZING", 1),
    ("Demo Recog Engine", "open", 1.00613, 1.00616, 1.00619, "INITIALIZING", 1),
    ("MRCP Server", "OPEN response", 1.00619, 1.00622, 1.00631, "ACTIVE", 0),
    ("NUA", "BYE", 4.0, 4.0, 4.00002, "ACTIVE", 0),
    ("SIP-Agent-1", "nua_i_state [terminated]", 4.00002, 4.00005, 4.00006, "ACTIVE", 0),
    ("MRCP Server", "TERMINATE", 4.00006, 4.0001, 4.0002, "TERMINATING", 3),
    ("MRCPv2-Agent-1", "REMOVE channel", 4.0002, 4.00023, 4.00025, "TERMINATING", 3),
    ("Demo Recog Engine", "close", 4.0002, 4.00023, 4.00026, "TERMINATING", 3),
    ("MRCP Server", "REMOVE-channel response", 4.00025, 4.00028, 4.00029, "TERMINATING", 2),
    ("MRCP Server", "CLOSE response", 4.00026, 4.00029, 4.0003, "TERMINATING", 1),
    ("Media-Engine-1", "MPF container (subtract)", 4.0002, 4.006, 4.00605, "TERMINATING", 1),
    ("MRCP Server", "MPF response", 4.00605, 4.00608, 4.00613, "DESTROYED", 0),
]
ROWS = [
    (1.0, "nua_handle", 1, 0, "NUA", "INVITE"),
    (1.00009, "session_pool", 1, 4096, "SIP-Agent-1", "apt_pool_create"),
    (1.0001, "sip_home", 1, 512, "SIP-Agent-1", "su_home_new"),
    (1.0002, "engine_channel:speechrecog", 1, 0, "MRCP Server", "OFFER"),
    (1.006, "rtp_port", 1, 0, "Media-Engine-1", "MPF container (add)"),
    (4.006, "rtp_port", -1, 0, "Media-Engine-1", "MPF container (subtract)"),
    (4.00613, "engine_channel:speechrecog", -1, 0, "MRCP Server", "mrcp_server_session_terminate_send"),
    (4.00613, "sip_home", -1, 512, "MRCP Server", "su_home_unref"),
    (4.00613, "nua_handle", -1, 0, "MRCP Server", "nua_handle_destroy"),
    (4.00613, "session_pool", -1, 4096, "MRCP Server", "apr_pool_destroy"),
]


def _story_tables(sink: MemorySink) -> None:
    columns = [list(column) for column in zip(*STORY, strict=True)]
    names = ("task", "message", "sent_s", "started_s", "finished_s", "state", "subrequests")
    sink.write("messages", {"session": np.ones(len(STORY)), **dict(zip(names, columns, strict=True))})
    columns = [list(column) for column in zip(*ROWS, strict=True)]
    names = ("time_s", "resource", "delta", "bytes", "task", "cause")
    sink.write("ledger", {"session": np.ones(len(ROWS)), **dict(zip(names, columns, strict=True))})


@pytest.fixture(scope="session")
def result() -> RunResult:
    import pandas as pd

    sink = MemorySink()
    s = _sessions()
    sink.write("sessions", s)
    _story_tables(sink)
    created, released = np.asarray(s["created_s"]), np.asarray(s["released_s"], dtype=float)
    back = released[~np.isnan(released)]
    changes = pd.DataFrame(
        {
            "time_s": np.concatenate([created, back]),
            "resource": "session_pool",
            "delta": np.concatenate([np.ones(CALLS), -np.ones(back.size)]).astype(int),
        }
    ).sort_values("time_s", kind="stable")
    sink_levels = levels_of(changes, horizon_s=100.0)
    arrived, answer = np.asarray(s["arrived_s"], dtype=float), np.asarray(s["answer_s"], dtype=float)
    waits, services = Quantiles.of([0.00003] * 90 + [0.0002] * 10), Quantiles.of([0.00009, 0.0001, 0.0004])
    leak = "the plugin took mrcp_engine_channel_close and never answered, so mrcp_session_destroy is never reached"
    holds = ("session_pool", "sip_home", "nua_handle", "session_table", "engine_channel:speechrecog")
    summary = Summary(
        scenario="close-never",
        seed=1,
        engine="simpy",
        horizon_s=100.0,
        sessions=SessionCounts(
            arrived=620,
            created=612,
            answered=600,
            rejected={"404": 8, "406": 12},
            released=597,
            leaked=LEAKED,
            blocking=12 / 620,
        ),
        resources={
            "session_pool": ResourceUse(600, 597, 3, 3, 0, 41, 29.7, None, 41 * 14_915),
            "rtp_port": ResourceUse(600, 600, 0, 0, 0, 41, 29.6, 500),
            "engine_channel:speechrecog": ResourceUse(600, 597, 3, 3, 12, 42, 30.0, 42),
        },
        latency={
            "invite_to_answer": Quantiles.of(answer - arrived),
            "terminate_to_release": Quantiles.of(released - np.asarray(s["deactivate_s"], dtype=float)),
            "pool_lifetime": Quantiles.of(released - created),
        },
        tasks={
            "SIP-Agent-1": TaskUse(4200, 0.0123, 3, waits, services),
            "MRCP Server": TaskUse(7800, 0.083, 12, waits, services),
            "Demo Recog Engine": TaskUse(1200, 0.93, 40, waits, services),
        },
        violations=[
            Violation(12.5, 77, "double-close", "CLOSE response came twice; the counter fell early (session_pool)")
        ],
        leaks=[
            Leak(
                41 + 150 * i,
                "TERMINATING",
                "CLOSE response",
                "speechrecog",
                10.0 + i,
                holds,
                leak,
                "close-never-answered",
            )
            for i in range(LEAKED)
        ],
        expect=[
            Expectation("leaked.session_pool > 0", 3, True),
            Expectation("latency.invite_to_answer.p99 < 10ms", 0.0123, False),
            Expectation("sessions.blocking <= 1%", 12 / 620, False),
        ],
    )
    yaml = "name: close-never\narrivals:\n  rate: 10/s\n"
    return RunResult(
        summary,
        sink.frame("sessions"),
        sink_levels,
        sink.frame("ledger"),
        sink.frame("messages"),
        yaml,
        {"engine": "simpy"},
    )


def _point(number: int, rate: str, variant: str, metric: str, mean: float, half: float) -> dict[str, object]:
    return {
        "scenario": "baseline", "variant": variant, "point": number, "metric": metric, "n": 10, "mean": mean,
        "low": mean - half, "high": mean + half, "settings": {"duration": "60s", "arrivals.rate": rate},
    }  # fmt: skip


@pytest.fixture(scope="session")
def study_found() -> dict[str, object]:
    """What study.json of two variants at three rates holds."""
    points, pairs, best = [], [], []
    for number, (rate, slow, fast) in enumerate([("5/s", 0.0, 0.0), ("10/s", 0.07, 0.001), ("20/s", 0.47, 0.33)]):
        for variant, value in (("slow", slow), ("fast", fast)):
            points.append(_point(number, rate, variant, "sessions.blocking", value, 0.02 * (value > 0)))
            points.append(_point(number, rate, variant, "latency.invite_to_answer.p99", 0.0105, 0.0003))
        ends = {"mean": fast - slow, "low": fast - slow - 0.03, "high": fast - slow + 0.03}
        pairs.append(
            {"scenario": "baseline", "point": number, "metric": "sessions.blocking", "first": "slow", "second": "fast",
             "n": 10, "difference": ends, "unpaired": ends, "variance_reduction": 2.0, "clear": slow - fast > 0.03}
        )  # fmt: skip
        best.append(
            {"scenario": "baseline", "point": number, "metric": "sessions.blocking", "best": "fast", "sure": number > 0,
             "confidence": 0.95, "dropped_at": {"slow": 12, "fast": None}}
        )  # fmt: skip
    return {
        "study": "<script>alert(1)</script>", "model": "0.1.0+abc", "runs": 60, "failed": 0, "points": points,
        "compared": pairs, "best": best,
    }  # fmt: skip


@pytest.fixture(scope="session")
def validation() -> Validation:
    """A validation whose latencies agree, but for one that is not judged."""
    rng = np.random.default_rng(4)
    measured = rng.uniform(0.001, 0.011, 600)
    runs = [rng.uniform(0.001, 0.011, 600) for _ in range(3)]
    found = {"invite_to_answer": compare(measured, runs, {"p50": 0.001, "p95": None})}
    found["close_delay"] = compare(measured / 10, [run / 5 for run in runs])
    latency = {name: compared for name, compared in found.items() if compared is not None}
    counts = {"arrived": (600.0, 600.0), "leaked": (0.0, 1 / 3)}
    read = {"phase": "scenario", "interference": "scenario", "tick_s": 0.01, "phase_s": None, "stalls": {}}
    return Validation(
        "<script>alert(1)</script>", "real.log", True, "AGREES: 3 of 3 judged quantiles", counts, latency,
        {"MRCP Server": latency["close_delay"]}, {"erlang": {}}, read, 3,
    )  # fmt: skip


@pytest.fixture(scope="session")
def capacity_found() -> Capacity:
    """A search with two targets that found an answer, of a scenario with a hostile name, beside a hopeless formula."""
    blocking, setup = (
        target_of(text, 0.9) for text in ("sessions.blocking < 1%", "latency.invite_to_answer.p99 < 100ms")
    )
    shares = [0.0, 0.0, 0.009, 0.16]
    curve = tuple(
        CurvePoint(
            rate, 4,
            {
                blocking.metric: Estimate(share, 0.5 * share, 1.5 * share),
                setup.metric: Estimate(0.012, 0.011, 0.013) if rate < 18.0 else Estimate(math.nan, math.nan, math.nan),
            },
            ("engine_channel:speechrecog",) if share else (),
        )
        for rate, share in zip((7.5, 12.0, 15.0, 19.0), shares, strict=True)
    )  # fmt: skip
    return Capacity(
        scenario="<script>alert(1)</script>", knob="arrivals.rate", unit="per_s",
        found=Found(15.0, 14.7, 15.2, "inside", True, 0, ()), confidence=0.9,
        targets=(
            TargetAtCapacity(blocking, Estimate(0.009, 0.001, 0.014), True),
            TargetAtCapacity(setup, Estimate(0.012, 0.011, 0.013), False),
        ),
        breaks=(
            Pressure("engine_channel:speechrecog", "resource", 200.0, 200.0, 29.2),
            Pressure("MRCP Server", "task", 0.8, 1.0), Pressure("memory", "memory", 2.0**30, 2.0**32),
        ),
        theory=(
            Planned("Erlang-B: 200 channels", blocking.text, 14.4, ("one limit",), ("callers retry",)),
            Planned("M/M/1: MRCP Server", setup.text, math.nan, ("Poisson arrivals",), ()),
        ),
        curve=curve, runs=89, calls=247_456, curve_calls=82_616, model="0.2.0+abc",
        command="mrcpsim capacity scenario.yaml --range 6/s:30/s --seed 1", scenario_yaml="name: planner\n",
    )  # fmt: skip
