"""The calls of a log become arrivals that a scenario replays, in the media phase that the log had."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.calibration.calls import calls as calls_block
from sim.calibration.calls import client, connect_delays, no_ack
from sim.calibration.fit import empirical
from sim.calibration.recorded import write_calls
from sim.calibration.sheet import Sheet
from sim.scenario.annotated import plain

if TYPE_CHECKING:
    from sim.calibration.evidence import Evidence
    from sim.calibration.media import Ticks
    from sim.calibration.stalls import Stalls
    from sim.scenario import Scenario

MOST_LISTED: Final = 16  # calls that a fault can name one by one
NOTHING: Final = {"dist": "constant", "value": 0.0}


def _callers(evidence: "Evidence") -> dict[str, Any]:
    """The callers' side of the log: connections, and who never sent an ACK."""
    sheet = Sheet("")
    block = plain(client(evidence, sheet))
    block.pop("patience", None)
    if "connect_delay" in block:
        delays = connect_delays(evidence)
        block["connect_delay"] = empirical(delays[delays < max(10 * float(np.median(delays)), 0.05)])
    silent = {call.number for call in no_ack(evidence)}
    order = sorted((c for c in evidence.calls if math.isfinite(c.arrived)), key=lambda c: c.arrived)
    numbers = [i + 1 for i, call in enumerate(order) if call.number in silent]
    if numbers and len(numbers) <= MOST_LISTED:
        block["no_ack"] = {"probability": 1.0, "calls": numbers}
    if "vanish" in block:  # who vanishes is recorded call by call
        block["vanish"]["probability"] = 0.0
    return dict(block)


def median_of(dist: Any) -> float:
    """The median of a scenario's distribution, in seconds (of a mixture: of its heaviest part)."""
    from scipy import special

    shift, kind = float(dist.shift), dist.dist
    if kind == "mixture":
        weights = dist.probabilities
        return shift + median_of(dist.parts[weights.index(max(weights))].of)
    if kind == "empirical":
        return shift + float(np.median(dist.values))
    if kind in ("gamma", "erlang"):
        return shift + float(special.gammaincinv(dist.shape, 0.5)) * float(dist.mean) / float(dist.shape)
    if kind == "weibull":
        return float(shift + float(dist.scale) * math.log(2) ** (1 / float(dist.shape)))
    if kind == "lognormal":
        return shift + float(dist.median)
    if kind in ("exponential", "hyperexponential"):
        return shift + float(dist.mean) * math.log(2)
    return shift + float(dist.mean)


def _takes_time(scenario: "Scenario") -> bool:
    """Whether the NUA stack works in a replay: only where it shares processors with those that are looked at."""
    return scenario.server.processors.count is not None


def _before_the_log(scenario: "Scenario") -> float:
    """How long after its replayed arrival, on average, an INVITE comes to the SIP agent, where the log shows it."""
    from sim.scenario import expected

    if not _takes_time(scenario):
        return 0.0
    server = scenario.server
    return float(
        expected(server.costs.nua.invite) + expected(server.wake_of("nua")) + expected(server.wake_of("sip-agent"))
    )


def replayed(
    scenario: "Scenario",
    evidence: "Evidence",
    ticks: "Ticks | None",
    file: Path,
    interference: "Stalls | None" = None,
) -> "Scenario":
    """`scenario` with the callers of the log, with `ticks` their phase, and with `interference` its stalls.

    The log shows a call when the SIP agent takes its event up, so the NUA stack and the agent's wake-up, of which it
    shows nothing, cost nothing here: the simulated event is at the recorded instant. Where tasks share processors the
    stack takes its time all the same, for that is time that others do not have.
    """
    from sim.scenario import expected, load_scenario, to_mapping

    first = write_calls(evidence, file)
    last = max(call.arrived for call in evidence.calls if math.isfinite(call.arrived))
    mapping = to_mapping(scenario)
    mapping["arrivals"] = {"kind": "replay", "file": str(file)}
    mapping["duration"] = f"{last - first + 0.001:.6f}s"
    mapping["drain"] = f"{max(evidence.end - last, 0.001):.6f}s"
    mapping["expect"] = []
    server: dict[str, Any] = mapping["server"]
    if not _takes_time(scenario):
        server["costs"]["nua"] = dict.fromkeys(server["costs"]["nua"], NOTHING)
        server["wakes"] = {**server.get("wakes", {}), "nua": NOTHING, "sip_agent": NOTHING}
    mapping["client"].update(plain(_callers(evidence)))
    mapping["client"]["clock"] = "0s"  # the recorded calls have it in them
    if interference is not None:
        seen = {"wake": interference.wake, "tick": interference.tick, "service": interference.service}
        given = server["interference"]
        given.update({name: found.value for name, found in seen.items() if found.trials})  # the others: as it was
        if interference.length is not None:
            given["length"] = interference.length.dist
    wanted = plain(calls_block(evidence, Sheet("")))
    mapping["calls"]["offer"] = wanted.get("offer", {})
    for key in ("resources", "profile_missing"):
        if key in wanted:
            mapping["calls"][key] = wanted[key]
    if ticks is not None and ticks.phase_s is not None:
        tick = float(scenario.server.media.tick)
        from sim.calibration.media import phase_for

        media = scenario.server.media
        log_phase = phase_for(ticks, expected(media.cost_per_context), median_of(media.oversleep))
        phase = (log_phase - first + _before_the_log(scenario)) % ticks.tick_s
        if abs(ticks.tick_s - tick) < 1e-6 * tick + 1e-9:
            server["media"]["phase"] = f"{min(phase, tick):.9f}s"
    return load_scenario(mapping)
