"""What callers want and do: hold, requests, resources, connection, patience, and how often they fail."""

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.calibration.dialogue import Dialogue, dialogues, is_plain, talks, written_steps
from sim.calibration.fit import SIGNIFICANT, Fit, fit
from sim.calibration.rates import rate
from sim.calibration.sheet import Sheet, counted, noted
from sim.scenario.annotated import Noted
from sim.vocabulary.plugins import RESOURCES

if TYPE_CHECKING:
    from sim.calibration.evidence import CallSeen, Evidence

_ONE_EACH: Final = 0.98  # connections per answered call from which on every call has one
_NETWORK: Final = 0.1  # of a caller's patience, as the server sees it
MOST_T1_S: Final = 4.0  # T2, above which T1 can not be


def no_ack(evidence: "Evidence") -> list["CallSeen"]:
    """Answered calls whose ACK never came, as far as the log can tell: they ended without BYE or CANCEL."""
    if not evidence.ready:
        return []  # these lines are missing from the log altogether
    return [
        call
        for call in evidence.calls
        if call.status == 200 and call.number not in evidence.ready and math.isfinite(call.ended)
        and call.bye_kind not in ("bye", "cancel")
    ]  # fmt: skip


def vanished(evidence: "Evidence") -> list["CallSeen"]:
    """Calls whose connection ended without BYE, so that the server had to send BYE itself."""
    silent = {call.number for call in no_ack(evidence)}
    return [
        call
        for call in evidence.calls
        if math.isfinite(call.asked_bye) and call.bye_kind != "bye" and call.number not in silent
    ]


def calls(evidence: "Evidence", sheet: Sheet) -> dict[str, Any]:
    """The `calls` block."""
    block: dict[str, Any] = {}
    gone = {call.number for call in vanished(evidence)}
    silent = {call.number for call in no_ack(evidence)}
    answered = [call for call in evidence.calls if call.status == 200 and math.isfinite(call.answer)]
    held = [call.bye - call.answer for call in answered if call.bye_kind == "bye" and call.bye >= call.answer]
    held += [c.gone - c.answer for c in answered if c.number in gone and math.isfinite(c.gone) and c.gone > c.answer]
    open_ = [
        evidence.end - call.answer
        for call in answered
        if call.bye_kind not in ("bye", "cancel") and call.number not in gone | silent
        and not math.isfinite(call.released) and not math.isfinite(call.ended)
    ]  # fmt: skip
    hold = fit(held, open_)
    if hold is not None:
        block["hold"] = noted(hold, sheet, "hold", "from the answer to the BYE")
    found = dialogues(talks(evidence))
    if is_plain(found):
        block.update(_requests(evidence, answered, sheet))
    # what an offer with an unknown resource had in its place is not in the log
    known = [call for call in evidence.calls if call.status != 404] or evidence.calls
    mixes: Counter[tuple[str, ...]] = Counter(tuple(r for r in call.offered if r in RESOURCES) for call in known)
    mixes.pop((), None)
    if mixes:
        total = sum(mixes.values())
        said = "; ".join(f"{' + '.join(names)}: {count} of {total}" for names, count in mixes.most_common())
        value: Any = [{"weight": n, "resources": list(names)} for names, n in mixes.most_common()]
        block["resources"] = Noted(list(mixes.most_common()[0][0]) if len(mixes) == 1 else value, said)
        if not is_plain(found):
            block.update(_dialogues(found, sheet, block["resources"], mixes))
    block.update(_on_hold(evidence, answered, sheet))
    offer = {}
    for status, key in ((404, "unknown_resource"), (400, "missing_sdp")):
        hits = sum(call.status == status for call in evidence.calls)
        if hits:
            seen = rate(hits, len(evidence.calls))
            offer[key] = counted(seen, f"answered {status}")
    if offer:
        block["offer"] = offer
    missing = sum(call.status == 488 for call in evidence.calls)
    if missing:
        seen = rate(missing, len(evidence.calls))
        block["profile_missing"] = counted(seen, "answered 488")
    return block


def _on_hold(evidence: "Evidence", answered: list["CallSeen"], sheet: Sheet) -> dict[str, Any]:
    """Callers that put their calls on hold: how many, when, and for how long; nothing where none did."""
    if not any(math.isfinite(call.on_hold) for call in answered):
        return {}
    over = [call for call in answered if call.bye > call.answer]
    held = [call for call in over if math.isfinite(call.on_hold)]
    on_hold: dict[str, Any] = {}
    if held and _uniform([(call.on_hold - call.answer) / (call.bye - call.answer) for call in held]):
        on_hold["probability"] = counted(rate(len(held), len(over)), "a re-INVITE took the audio away")
    else:
        share, moments = _would_hold(answered, evidence.end)
        said = "took the audio away, or would have, had no BYE come before"
        on_hold["probability"] = Noted(round(share, 4), f"of {len(answered)} calls; a re-INVITE {said}")
        found = fit(moments)
        if found is not None:
            on_hold["after"] = noted(found, sheet, "on_hold.after", "from the answer to the re-INVITE")
    resumed = [call.resumed - call.on_hold for call in answered if math.isfinite(call.resumed)]
    kept = [call.bye - call.on_hold for call in held if not math.isfinite(call.resumed)]
    lasted = fit(resumed, kept)
    if lasted is not None:
        on_hold["for"] = noted(replace(lasted, cut_by="the BYE"), sheet, "on_hold.for", "to the resumption")
    return {"on_hold": on_hold}


def _would_hold(answered: list["CallSeen"], end: float) -> tuple[float, list[float]]:
    """The share of callers that would put their call on hold if it were long enough, and when, as a sample.

    A BYE cuts a call off before its hold: the product-limit estimate (Kaplan and Meier 1958) rises to that share.
    """
    from scipy.stats import CensoredData, ecdf

    moments = [call.on_hold - call.answer for call in answered if math.isfinite(call.on_hold)]
    never = [
        (call.bye if math.isfinite(call.bye) else end) - call.answer
        for call in answered
        if not math.isfinite(call.on_hold)
    ]
    found = ecdf(CensoredData(uncensored=moments, right=[max(0.0, length) for length in never])).cdf
    share = float(found.probabilities[-1])
    ranks = (np.arange(len(moments)) + 0.5) / len(moments) * share
    return share, [float(found.quantiles[np.searchsorted(found.probabilities, rank)]) for rank in ranks]


def _uniform(moments: list[float]) -> bool:
    """Whether the moments of calls, from 0 to 1, may be anywhere in them alike (Kolmogorov-Smirnov, 5 %)."""
    from scipy.stats import kstest

    return bool(kstest(moments, "uniform").pvalue >= SIGNIFICANT)


def _dialogues(
    found: list[Dialogue], sheet: Sheet, resources: Noted, mixes: Counter[tuple[str, ...]]
) -> dict[str, Any]:
    """The dialogue that all calls have in common, or one for each class of call.

    Only calls that were answered show a dialogue; those that were not weigh as the others with the same offer do.
    """
    if len(found) == 1 and len(mixes) == 1:
        said = f"{len(found[0].talks)} calls followed it to its end, {len(found[0].cut)} were cut short by their BYE"
        return {"dialogue": Noted(written_steps(found[0], sheet, "dialogue"), said)}
    talked: Counter[tuple[str, ...]] = Counter()
    for dialogue in found:
        talked[dialogue.resources] += dialogue.weight
    classes = [
        _class(dialogue, mixes[dialogue.resources] / talked[dialogue.resources], sheet, f"dialogue.{number}")
        for number, dialogue in enumerate(found)
    ]
    classes += [
        Noted({"weight": count, "resources": list(names)}, "none was answered: what they ask for is not known")
        for names, count in mixes.items()
        if not talked[names]
    ]
    said = f"{resources.comment}; dialogues found: {len(found)}, each with the number of its calls as its weight"
    return {"resources": Noted(classes, said)}


def _class(dialogue: Dialogue, calls_each: float, sheet: Sheet, column: str) -> Noted:
    """One class of call; for each call that followed its dialogue there were `calls_each`, with those not answered."""
    weight = dialogue.weight * calls_each
    said = f"{len(dialogue.talks)} calls to the dialogue's end, {len(dialogue.cut)} cut short by their BYE"
    if round(weight) > dialogue.weight:
        said += f", {weight - dialogue.weight:.3g} not answered, as others with this offer were"
    return Noted(
        {
            "weight": round(weight, 1) if weight % 1 else int(weight),
            "resources": list(dialogue.resources),
            "dialogue": written_steps(dialogue, sheet, column),
        },
        said,
    )


def _requests(evidence: "Evidence", answered: list["CallSeen"], sheet: Sheet) -> dict[str, Any]:
    block: dict[str, Any] = {}
    counts = [call.requests for call in answered]
    if not counts:
        return block
    spread = Counter(counts)
    said = ", ".join(f"{n} in {k} calls" for n, k in sorted(spread.items())[:8])
    if len(spread) == 1:
        block["requests"] = Noted(counts[0], f"MRCP requests: {said}")
    else:
        values = sorted(counts)
        points = [values[i * len(values) // 100] for i in range(100)] if len(values) > 100 else values
        block["requests"] = Noted({"dist": "empirical", "values": points}, f"MRCP requests: {said}")
    recognition, pauses = _request_times(evidence)
    lasted = fit(recognition)
    if lasted is not None:
        block["recognition"] = noted(lasted, sheet, "recognition", "from the response to the completion event")
    between = fit(pauses)
    if between is not None:
        block["pause"] = noted(between, sheet, "pause", "the caller's pause before a further request")
    return block


def _request_times(evidence: "Evidence") -> tuple[list[float], list[float]]:
    """Durations from a response to its completion event, and from then (or the response) to the next request."""
    recognition: list[float] = []
    pauses: list[float] = []
    last: dict[int, tuple[str, float]] = {}
    for session, method, what, time, _ in evidence.requests:
        before = last.get(session)
        if what == "Response" and method == "DEACTIVATE":
            continue
        if what == "Event" and not method.endswith("-COMPLETE"):
            continue
        if before is not None and what == "Event" and before[0] == "Response":
            recognition.append(time - before[1])
        elif before is not None and what == "Request" and before[0] in ("Response", "Event"):
            pauses.append(time - before[1])
        last[session] = (what, time)
    return recognition, pauses


def client(evidence: "Evidence", sheet: Sheet) -> dict[str, Any]:
    """The `client` block."""
    block: dict[str, Any] = {}
    tcp = len(evidence.accepts) > 0
    block["tcp"] = Noted(tcp, f"{len(evidence.accepts)} TCP connections accepted")
    if tcp:
        delays = connect_delays(evidence)
        if len(delays):
            middle = float(np.median(delays))
            usual = fit(delays[delays < max(10 * middle, 0.05)])
            if usual is not None:
                block["connect_delay"] = noted(
                    usual, sheet, "connect_delay", "from the answer to the accepted connection"
                )
    answered = sum(call.status == 200 for call in evidence.calls)
    silent = no_ack(evidence)
    if answered and evidence.ready:
        seen = rate(len(silent), answered)
        block["no_ack"] = counted(seen, "no ACK")
    vanish = _vanish(evidence, answered)
    if vanish:
        block["vanish"] = vanish
    patience = _patience(evidence)
    if patience is not None:
        block["patience"] = noted(patience, sheet, "patience", "time to the CANCEL")
    return block


def _patience(evidence: "Evidence") -> Fit | None:
    """How long callers wait for an answer; None when none gave up. A constant one varies by what the network does."""
    given_up = [call.bye - call.arrived for call in evidence.calls if call.bye_kind == "cancel"]
    waited = [call.answer - call.arrived for call in evidence.calls if call.bye_kind != "cancel"]
    # most answers come before patience ends: the exponential that the censored sample asks for
    found = fit(given_up, waited, families=("exponential", "gamma", "lognormal", "weibull"), jitter=_NETWORK)
    return None if found is None else replace(found, cut_by="the answer")


def _vanish(evidence: "Evidence", answered: int) -> dict[str, Any]:
    """Callers that were gone without BYE: the server had to send it, or they are up without any connection left."""
    gone = vanished(evidence)
    if gone and answered:
        seen = rate(len(gone), answered)
        closed = sum(math.isfinite(call.gone) for call in gone)
        how = "closed" if closed or not len(evidence.accepts) else "open"
        return {
            "probability": counted(seen, "the server had to send BYE itself"),
            "tcp": Noted(how, f"{closed} of {len(gone)} closed their connection"),
        }
    up = sum(call.status == 200 and not math.isfinite(call.ended) for call in evidence.calls)
    lost = up - (len(evidence.accepts) - evidence.disconnects)
    if len(evidence.accepts) < _ONE_EACH * answered or lost <= 0:
        return {}
    seen = rate(min(lost, up), answered)
    return {
        "probability": counted(seen, "calls up at the end of the log whose connection was closed without BYE"),
        "tcp": Noted(
            "closed", f"{len(evidence.accepts)} connections accepted, {evidence.disconnects} closed by callers"
        ),
    }


def connect_delays(evidence: "Evidence") -> "np.ndarray[Any, np.dtype[np.float64]]":
    """From each answer to its TCP connection: one to one in order if as many came, else to the latest answer."""
    answers = np.sort(np.array([c.answer for c in evidence.calls if c.status == 200 and math.isfinite(c.answer)]))
    accepts = np.sort(evidence.accepts[np.isfinite(evidence.accepts)])
    if len(answers) == 0 or len(accepts) == 0:
        return np.empty(0)
    if len(answers) == len(accepts):
        return np.asarray(np.maximum(accepts - answers, 0.0), dtype=np.float64)
    place = np.searchsorted(answers, accepts) - 1
    return np.asarray((accepts - answers[np.maximum(place, 0)])[place >= 0], dtype=np.float64)


def timers(evidence: "Evidence") -> dict[str, Any]:
    """SIP timers that the log shows: without ACK a call ends after 64·T1."""
    after = [call.ended - call.answer for call in no_ack(evidence) if math.isfinite(call.answer)]
    t1 = float(np.median(after)) / 64 if after else 0.0
    if not 0.001 <= t1 <= MOST_T1_S:
        return {}  # none seen, or the log's times are damaged
    said = f"{len(after)} calls without ACK ended {float(np.median(after)):.3f} s after the answer, which is 64·T1"
    return {"t1": Noted(f"{round(t1, 3) * 1e3:.4g}ms", said)}
