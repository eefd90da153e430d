"""The calls of a log, written as the CSV file that a scenario replays."""

import csv
import math
from pathlib import Path
from typing import Final

from sim.calibration.evidence import CallSeen, Evidence
from sim.vocabulary.plugins import RESOURCES

CALL_COLUMNS: Final = ("arrived_s", "hold_s", "requests", "cancelled", "outcome", "hangup_s", "on_hold_s", "resources")


def write_calls(evidence: Evidence, path: Path) -> float:
    """Write the recorded calls as a CSV that `arrivals.kind: replay` reads; the time of the first, in seconds."""
    calls = [call for call in evidence.calls if math.isfinite(call.arrived)]
    counted: dict[int, int] = {}
    for request in evidence.requests:
        if request.what == "Request":
            counted[request.session] = counted.get(request.session, 0) + 1
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(CALL_COLUMNS)
        for call in calls:
            rows.writerow(_row(call, counted.get(call.number, 0), evidence.end))
    return min(call.arrived for call in calls)


def _row(call: CallSeen, requests: int, end: float) -> tuple[str, ...]:
    cancelled = call.bye_kind == "cancel" and math.isfinite(call.bye)
    hold, outcome, hangup = "", "", ""
    if not cancelled:
        if call.bye_kind == "bye" and math.isfinite(call.bye) and math.isfinite(call.answer):
            hold = f"{max(0.0, call.bye - call.answer):.6f}"
            hangup = f"{max(call.bye, call.arrived + 1e-6):.6f}"
        elif math.isfinite(call.answer) and call.status == 200:
            gone = call.gone if math.isfinite(call.gone) else call.asked_bye
            if math.isfinite(gone) and gone > call.answer:  # its connection ended without BYE
                hold, outcome = f"{gone - call.answer:.6f}", "vanished"
            else:  # still talking when the log ended
                hold = f"{end + 60.0 - call.answer:.6f}"
        else:
            outcome = "refused"
    on_hold = f"{max(0.0, call.on_hold - call.answer):.6f}" if math.isfinite(call.on_hold) else ""
    asked = "" if outcome == "refused" else str(requests)  # what a refused call would have asked for is not known
    resources = "+".join(name for name in call.offered if name in RESOURCES)
    cancel = f"{call.bye:.6f}" if cancelled else ""
    return f"{call.arrived:.6f}", hold, asked, cancel, outcome, hangup, on_hold, resources
