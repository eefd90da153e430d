"""How plugins answer: at once, delayed by another thread, or after blocking their own task; and how often never.

An answer that is signalled by the plugin's own thread while its task works on the request is the task's: however long
that took, the task was busy (blocking). One that another thread signals came while the task was free (delay).
"""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.calibration.costs import server_names, work_ends
from sim.calibration.fit import fit, short
from sim.calibration.rates import rate
from sim.calibration.sheet import Sheet, counted, noted
from sim.calibration.stalls import without_stalls
from sim.scenario.annotated import Noted
from sim.vocabulary.messages import ANSWER_ROWS
from sim.vocabulary.plugins import OPERATIONS, RESOURCES, USUAL_ENGINES

if TYPE_CHECKING:
    from sim.calibration.evidence import Evidence

Array = NDArray[np.float64]

LEAK_CAUSES: Final = {
    "open": "open-never-answered", "close": "close-never-answered", "request": "request-never-answered",
    "stop": "stop-never-answered",
}  # fmt: skip
_STRAY: Final = 0.02  # answers that only seem to come from elsewhere, because lines of two threads were swapped
BLOCKING_S: Final = 1e-3  # work of a plugin's task beyond this is called blocking
NOTICED_S: Final = 50e-6  # a delay below this is none


@dataclass(slots=True)
class OperationSeen:
    """What the log shows of one operation of one plugin."""

    asked: int
    answers: int  # that came, all together
    work: Array  # the task's time on each
    own: int  # answered by the plugin's own task
    media: int  # answered from the media engine's thread
    other: int  # answered by any other thread
    delays: Array  # from the end of the task's work to the answer, for those
    waiting: Array  # not answered when the log ended, and no fault: for how long


def engine_tasks(evidence: "Evidence") -> dict[str, str]:
    """The MRCP resource of each plugin's task: what the sessions had that it worked for."""
    resources = {call.number: call.resources for call in evidence.calls}
    rows = evidence.messages
    votes: dict[str, dict[str, int]] = {}
    plugin = rows[rows["role"] == "plugin"]
    for task, number in zip(plugin["task"].tolist(), plugin["session"].tolist(), strict=True):
        names = [name for name in resources.get(number, ()) if name in RESOURCES]
        count = votes.setdefault(task, {})
        for name in names:
            count[name] = count.get(name, 0) + (10 if len(names) == 1 else 1)
    found: dict[str, str] = {}
    for task in sorted(votes, key=lambda t: t not in USUAL_ENGINES):
        usual = USUAL_ENGINES.get(task)
        free = {name: n for name, n in votes[task].items() if name not in found.values()}
        if usual in votes[task]:
            found[task] = usual
        elif free:
            found[task] = max(free, key=lambda name: free[name])
    return found


def operations(evidence: "Evidence", task: str, resource: str) -> dict[str, OperationSeen]:
    """What each operation of the plugin of `resource` did, whose task is `task`."""
    rows = evidence.messages
    names = server_names(evidence, rows)
    role = rows["role"].to_numpy()
    media = evidence.media_threads
    ends = work_ends(evidence)
    found = {}
    for name in OPERATIONS:
        mine = rows[(rows["task"] == task).to_numpy() & (names == name)]
        if not len(mine):
            continue
        leaked = {call.number for call in evidence.calls if call.leaked_by(resource, LEAK_CAUSES[name])}
        came = (role == "server") & (names == ANSWER_ROWS[name].cost) & answers_of(evidence, task, resource)
        answers = rows[came].sort_values("sent", kind="stable")
        queues: dict[int, list[tuple[float, str, int]]] = {}
        for session, sent, by, sender in zip(
            answers["session"].tolist(), answers["sent"].tolist(), answers["by"].tolist(), answers["sender"].tolist(),
            strict=True,
        ):  # fmt: skip
            queues.setdefault(session, []).append((sent, by, sender))
        operation = OperationSeen(len(mine), len(answers), np.empty(0), 0, 0, 0, np.empty(0), np.empty(0))
        delays, waiting = [], []
        done = mine[mine["finished"].notna()].sort_values("sent", kind="stable")
        operation.work = ends[done.index.to_numpy()] - done["started"].to_numpy()
        for session, started, finished in zip(
            done["session"].tolist(), done["started"].tolist(), done["finished"].tolist(), strict=True
        ):
            later = [answer for answer in queues.get(session, []) if answer[0] >= started]
            if not later:
                if session not in leaked:
                    waiting.append(evidence.end - finished)
                continue
            sent, by, sender = later[0]
            if by == task or (not evidence.threaded and sent <= finished):
                operation.own += 1
            elif sender in media or (not evidence.threaded and name == "stop"):  # the demo plugins' way
                operation.media += 1
            else:
                operation.other += 1
                delays.append(max(0.0, sent - finished))
        operation.delays, operation.waiting = np.array(delays), np.array(waiting)
        found[name] = operation
    return found


def answers_of(evidence: "Evidence", task: str, resource: str) -> NDArray[np.bool_]:
    """Which messages can be answers of one plugin: where the server has not taken one, its sender or session tells."""
    rows = evidence.messages
    only = {call.number for call in evidence.calls if call.resources == (resource,)}
    by = rows["by"].to_numpy()
    unknown = (by == task) | ((by == "") & rows["session"].isin(only).to_numpy())
    named = rows["resource"].to_numpy()
    return np.asarray((named == resource) | ((named == "") & unknown), dtype=np.bool_)


def plugins(evidence: "Evidence", sheet: Sheet) -> dict[str, Any]:
    """The `plugins` block of the scenario, by resource, and nothing for a log without plugin messages."""
    found: dict[str, Any] = {}
    tasks = engine_tasks(evidence)
    ids = _engine_ids(evidence)
    twice: dict[str, int] = {}
    for task, resource in sorted(tasks.items()):
        block: dict[str, Any] = {"engine": Noted(task, "the task's name in the log")}
        if resource in ids:
            block["id"] = ids[resource]
        for name, operation in operations(evidence, task, resource).items():
            block[name] = _operation(evidence, resource, name, operation, sheet)
            if name == "stop":
                block["stop_answered_at"] = _stop_at(operation)
            if name == "close":
                once = operation.own + operation.media + operation.other
                twice[resource] = max(operation.answers - once, 0)
        found[resource] = block
    for resource in sorted({name for call in evidence.calls for name in call.offered if name in RESOURCES}):
        block = found.setdefault(resource, {"id": ids[resource]} if resource in ids else {})
        _faults(evidence, resource, block, twice.get(resource))
        limit = _limit(evidence.channel_refusals.get(resource, []))
        if limit is not None:
            block["max_channel_count"] = limit
    return found


def _limit(levels: list[int]) -> Noted | None:
    """The limit on channels from how many others were held whenever one was refused; None where none ever was."""
    times = Counter(level for level in levels if level > 0)  # 0: they were taken before the log began
    if not times:
        return None
    limit, same = max(times.items(), key=lambda item: (item[1], item[0]))
    return Noted(limit, f"channels were refused {len(levels)} times, {same} of them while {limit} others were held")


def _engine_ids(evidence: "Evidence") -> dict[str, str]:
    ids: dict[str, str] = {}
    for call in evidence.calls:
        ids.update(zip(call.resources, call.engines, strict=True))
    return ids


def _stop_at(operation: OperationSeen) -> Noted:
    at_tick = operation.media >= operation.own + operation.other
    answered = operation.media + operation.own + operation.other
    return Noted("tick" if at_tick else "task", f"{operation.media} of {answered} came from the media engine's thread")


def _operation(
    evidence: "Evidence", resource: str, name: str, operation: OperationSeen, sheet: Sheet
) -> dict[str, Any]:
    block: dict[str, Any] = {}
    answered = operation.own + operation.media + operation.other
    column = f"{resource}.{name}"
    work = without_stalls(operation.work, work=True)[0]
    if work is not None:
        busy = float(np.mean(operation.work))
        if operation.own > operation.other + operation.media and busy > BLOCKING_S:
            how = f"BLOCKING: the plugin's own task answers ({operation.own} of {answered}) and is busy until it does"
        else:
            how = "the task's own work"
        block["block"] = noted(work, sheet, f"{column}.block", how)
    if operation.other > _STRAY * max(answered, 1):
        samples = np.concatenate((operation.delays, np.zeros(operation.own)))
        waits = fit(
            samples if operation.own > _STRAY * answered else operation.delays, operation.waiting, resolution=2e-6
        )
        if waits is not None:
            how = f"signalled by another thread, as soon as the task was done ({operation.other} of {answered})"
            if float(np.median(operation.delays)) > NOTICED_S:
                how = (
                    f"DELAYED by another thread: {operation.other} of {answered} answers were signalled by a thread "
                    "other than the task's, which was free meanwhile (its own work took "
                    f"{short(float(np.median(operation.work)))})"
                )
            block["delay"] = noted(waits, sheet, f"{column}.delay", how)
    elif operation.own:
        block["delay"] = Noted("0s", f"{operation.own} of {answered} were answered by the plugin's own task")
    return block


def _faults(evidence: "Evidence", resource: str, block: dict[str, Any], twice: int | None) -> None:
    """How often it never answered, or twice (None: not in the log), with exact binomial intervals."""
    asked = Counter(seen.session for seen in evidence.requests if seen.what == "Request" and seen.resource == resource)
    calls = [call for call in evidence.calls if resource in call.resources]
    trials = {
        "open": sum(call.status == 200 or call.leaked_by(resource, LEAK_CAUSES["open"]) for call in calls),
        "close": sum(np.isfinite(call.terminate) for call in calls),
        "request": asked.total(),
        "stop": sum(np.isfinite(call.deactivate) and asked[call.number] > 0 for call in calls),
    }
    for name, tried in trials.items():
        hits = sum(call.leaked_by(resource, LEAK_CAUSES[name]) for call in calls)
        if tried:
            never = rate(hits, tried)
            block.setdefault(name, {})["never"] = counted(never, "never answered")
    if trials["close"] and twice is not None:
        block.setdefault("close", {})["twice"] = counted(rate(twice, trials["close"]), "answered twice")
