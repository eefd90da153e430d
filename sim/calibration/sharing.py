"""The parts of a calibrated scenario in which the server's tasks share processors: all times are processor time.

What a task waited for its processor is left out of its service times, and so is what only that waiting explains: the
engines make it again, at any load.
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.calibration.fit import Fit, fit, short
from sim.calibration.machine import BUSY_OTHERS, NUA_PART, OTHERS_BURST_S, MachineFound, NuaFound, nua_part
from sim.calibration.media import Ticks
from sim.calibration.shared import AND_S, undisturbed
from sim.calibration.sheet import Sheet, noted, seconds
from sim.calibration.work import COOLING_S, TASK_COOLING_S, Work
from sim.scenario.annotated import Noted

if TYPE_CHECKING:
    from sim.calibration.evidence import Evidence

Array = NDArray[np.float64]

ENOUGH: Final = 20
_ON_TIME: Final = 0.1  # quantile of how late ticks are that is that of one which found its processor free
_TIMES: Final = 3.0
OWN_USE: Final = 0.1  # of the processors: up to this, what delays a thread is rarely the server itself


def processors(machine: MachineFound) -> dict[str, Any]:
    """The block `server.processors`."""
    return {
        "count": Noted(machine.count, machine.count_said),
        "other_load": Noted(machine.other_load.value, machine.other_load.said),
        **_bursts(machine),
        "scheduler": {"switch_cost": Noted(seconds(machine.switch.value), machine.switch.said)},
    }


def _bursts(machine: MachineFound) -> dict[str, Any]:
    if machine.other_load.value <= BUSY_OTHERS:
        return {}
    said = f"other programs use more than {BUSY_OTHERS}: one of them always wants to run, a scheduler's tick at a time"
    return {"other_burst": Noted(seconds(OTHERS_BURST_S), said)}


def costs(work: Work | None, machine: MachineFound, sheet: Sheet, fits: dict[str, Fit]) -> dict[str, Any]:
    """The block `server.costs`."""
    block: dict[str, Any] = {}
    if machine.nua is not None:
        block["nua"] = Noted(_nua(machine.nua), machine.nua.said)
    for (task, key), sample in sorted(work.samples.items()) if work is not None else ():
        found = fit(sample)
        if found is not None:
            fits[f"{task}.{key}"] = found
            block.setdefault(task, {})[key] = noted(found, sheet, f"{task}.{key}")
    if not block:
        return {}
    said = "processor time on a task that was idle for long: from Process Message to Wait for Messages, where no other "
    return {"costs": Noted(block, f"{said}thread had the processor in between; less soon after the last, see warm")}


def _nua(found: NuaFound) -> dict[str, Any]:
    return {
        key: {"dist": "lognormal", "median": seconds(median), "mean": seconds(max(mean, median))}
        for key, (median, mean) in found.costs.items()
    }


def log(evidence: "Evidence") -> dict[str, Any]:
    """The block `server.log`: the level, and what a line costs."""
    block: dict[str, Any] = {"level": "DEBUG" if evidence.debug else "INFO"}
    if not evidence.debug:
        block["measured_at"] = Noted("DEBUG", "the costs are those of the reference server, which logged at DEBUG")
        return block
    gaps = line_gaps(evidence)
    if len(gaps) >= ENOUGH:
        said = f"from a line to the next of the same message, where next to nothing lies between: mean of {len(gaps)}"
        block["cost_per_line"] = Noted(seconds(float(gaps.mean())), said)
    return block


def line_gaps(evidence: "Evidence") -> Array:
    """Times from one line to the next within messages of the server task, of the kind with least work between them."""
    samples = [gaps[undisturbed(gaps)] for gaps in evidence.line_gaps.values() if len(gaps) >= ENOUGH]
    return min(samples, key=lambda sample: float(sample.mean()), default=np.empty(0))


def warm(work: Work | None) -> dict[str, Any]:
    """The block `server.warm`."""
    if work is None or not (work.saved or any(work.told_by.values())):
        return {}
    said = ", ".join(f"{n} messages ({task})" for task, n in work.told_by.items() if n)
    block: dict[str, Any] = {"cooling": Noted(seconds(COOLING_S), f"what is left of a service time at once after the "
                             f"task's last work, half way back to all of it after this; from {said}")}  # fmt: skip
    block |= {task: part for task, part in work.warm.items() if work.told_by[task]}
    block["nua"] = Noted(
        round(nua_part(work), 4), f"ASSUMED, for the NUA stack logs nothing: {NUA_PART} of the server task's"
    )
    if work.saved:
        block["task_cooling"] = seconds(TASK_COOLING_S)
        costs: dict[str, Any] = {}
        for (task, key), (by_task, by_kind) in sorted(work.saved.items()):
            costs.setdefault(task, {})[key] = [round(by_task, 3), round(by_kind, 3)]
        block["costs"] = Noted(
            costs, "what is saved at once after the task's last work, half of it after task_cooling, and at once after "
            "the last message of the same cost, half of it after cooling: least squares over the times of each"
        )  # fmt: skip
    return {"warm": block}


def media(tick: Ticks | None, machine: MachineFound, sheet: Sheet, fits: dict[str, Fit]) -> dict[str, Any]:
    """The figures of `server.media` that differ when processors are shared."""
    block: dict[str, Any] = {}
    if machine.context is not None:
        block["cost_per_context"] = Noted(seconds(machine.context.value), machine.context.said)
    if machine.with_rtp is not None:
        block["cost_with_rtp"] = Noted(seconds(machine.with_rtp.value), machine.with_rtp.said)
    if machine.tick is not None:
        block["cost_per_tick"] = Noted(seconds(machine.tick.value), machine.tick.said)
    if tick is not None and len(tick.overslept) >= ENOUGH:
        limit = _TIMES * float(np.quantile(tick.overslept, _ON_TIME)) + AND_S
        found = fit(tick.overslept[tick.overslept <= limit])
        if found is not None:
            fits["oversleep"] = found
            said = f"of the ticks that found a processor free: not more than {short(limit)} late"
            block["oversleep"] = noted(found, sheet, "oversleep", said)
    return block


def wake_samples(samples: dict[str, Array], machine: MachineFound) -> dict[str, Array]:
    """Of the times to wake a thread those on a processor that was free: none can be told on a single one, where the
    thread that wakes another has it."""
    if machine.count == 1:
        return {}
    return {task: sample[undisturbed(sample)] for task, sample in samples.items()}


def own_stalls(machine: MachineFound) -> bool:
    """Whether the server itself keeps its processors so busy that its threads delay each other."""
    return machine.count == 1 or (machine.use is not None and machine.use > OWN_USE)
