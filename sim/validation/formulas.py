"""What a planner without a simulator would have said: M/M/1 for latencies, Erlang for what is held and refused."""

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.theory.queues import erlang_b, mm1

if TYPE_CHECKING:
    from sim.calibration.evidence import Evidence

SETUP: Final = ("offer", "channel_added", "mpf_response", "opened")
RELEASE: Final = ("terminate", "deactivate", "channel_removed", "mpf_subtracted", "closed", "stopped")


def planner(evidence: "Evidence") -> dict[str, Any]:
    """M/M/1 with the log's own mean service times on the server task, and Erlang with its load, beside what was."""
    arrived = np.array([call.arrived for call in evidence.calls if math.isfinite(call.arrived)])
    span = float(np.ptp(arrived)) if len(arrived) > 1 else 0.0
    rate = (len(arrived) - 1) / span if span > 0 else 0.0
    found: dict[str, Any] = {"rate": rate, "latency": {}, "erlang": {}}
    if evidence.debug and rate > 0:
        work = _work_per_call(evidence)
        found["latency"] = {
            "invite_to_answer": mm1(rate, sum(work.get(key, 0.0) for key in SETUP)),
            "terminate_to_release": mm1(rate, sum(work.get(key, 0.0) for key in RELEASE)),
        }
    lifetime = evidence.latencies.get("pool_lifetime", np.empty(0))
    if rate > 0 and len(lifetime):
        offered = rate * float(lifetime.mean())
        found["erlang"] = {"offered": offered}
        if evidence.rtp_range is not None:
            ports = (evidence.rtp_range[1] - evidence.rtp_range[0] + 1) // 2
            found["erlang"]["rtp_ports"] = {
                "ports": ports,
                "erlang_b": erlang_b(offered, ports),
                "measured": evidence.rtp_refused / len(arrived),
            }
    return found


def _work_per_call(evidence: "Evidence") -> dict[str, float]:
    """Seconds of the server task per call, by kind of message."""
    from sim.calibration.costs import server_names

    rows = evidence.messages
    names = server_names(evidence, rows)
    time = (rows["finished"] - rows["started"]).to_numpy()
    here = (rows["role"] == "server").to_numpy() & np.isfinite(time)
    calls = max(len(evidence.calls), 1)
    return {str(name): float(time[here & (names == name)].sum()) / calls for name in set(names[here].tolist())}
