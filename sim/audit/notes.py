"""What the reader of an audit must know about the log itself, in sentences."""

from typing import TYPE_CHECKING, Final

from sim.vocabulary.lines import Kind

if TYPE_CHECKING:
    from sim.audit.auditor import Auditor

INFO_NOTES: Final = (
    "INFO level: queue waits, service times and utilisation of the tasks can not be known (their messages are logged "
    "at DEBUG), nor when media was ready, when an engine opened or closed a channel, or whether one closed it twice.",
)
DEBUG_NOTE: Final = (
    "DEBUG level: writing these lines costs the server time itself, so latencies and service times here are above "
    "those of the same server at INFO."
)


def notes(auditor: "Auditor") -> list[str]:
    """Everything that was odd about the log, and what its level does to the numbers."""
    said = list(auditor.remarks)
    if not auditor.counts.entries:
        return [*said, "Nothing was in the log: no line of a server."]
    begins = auditor.begins()
    if begins is not None:
        said.append(f"Times count from the log's first entry, {begins.replace('T', ' ')}.")
    said += [DEBUG_NOTE] if auditor.debug_level() else INFO_NOTES
    if auditor.restarts_unasked:
        said.append(
            f"The server began again {often(auditor.restarts_unasked)} without a line of its end: a crash, or it was "
            "killed. What it held then was gone with the process."
        )
    return said + _of_clock(auditor) + _of_lines(auditor)


def often(count: int) -> str:
    """1 → "once", 3 → "3 times"."""
    return "once" if count == 1 else f"{count} times"


def _of_clock(auditor: "Auditor") -> list[str]:
    clock = auditor.clock
    if not auditor.timed:
        return ["The log has no TIME header: nothing that needs a clock can be known."]
    said = []
    if clock is not None and clock.steps:
        said.append(
            f"The clock was set {often(clock.steps)} (or nothing was logged for a month); times were joined there."
        )
    if clock is not None and clock.strays:
        said.append(f"{clock.strays} lines have times far from their neighbours'; the time before them was taken.")
    return said


def _of_lines(auditor: "Auditor") -> list[str]:
    account, counts = auditor.account, auditor.counts
    said = []
    if account.partial:
        said.append(
            f"{_sessions(account.partial)} {_were(account.partial)} open before the log begins, or the beginning is "
            "missing."
        )
    if auditor.holes.found:
        said.append(
            f"Lines are missing in the middle ({often(auditor.holes.found)}): sessions come up there that nothing "
            "announced, or `--` stands there. Nothing that rests on an absence across such a hole is said."
        )
    if auditor.picked.certain:
        said.append(
            "Lines were taken out of this log: it has some that the server writes only after others, and none of "
            "those. What it shows of no session is not said to be missing of any."
        )
    if auditor.unanswered and account.destroyed and not auditor.picked.count(Kind.ANSWER):
        said.append(
            'No line of this log tells of an answer ("Send Answer", at INFO): calls that count as unanswered here may '
            "have been answered."
        )
    if account.unannounced:
        begin = "begins" if account.unannounced == 1 else "begin"
        said.append(
            f'{_sessions(account.unannounced)} {begin} with "Add Session": what the SIP agent logged before is not '
            "here, as at NOTICE, before 1.0, or where lines were picked by an id. The set-up is not timed from the "
            "INVITE."
        )
    if account.unseen_ends:
        said.append(
            f"{_sessions(account.unseen_ends)} {_were(account.unseen_ends)} terminated, and the line is missing that "
            "destroys the pool."
        )
    if account.reused_unseen:
        said.append(f"{_sessions(account.reused_unseen)} ended without a line: the address was used again.")
    if auditor.belongings.lost_messages:
        said.append(f"Task messages that full queues dropped: {auditor.belongings.lost_messages}.")
    if auditor.unread.kinds:
        said.append(
            f"Lines that are like the server's and could not be read: {auditor.unread}. Nothing that rests on their "
            "absence is said here."
        )
    if counts.not_understood:
        first = "; ".join(counts.shown)
        said.append(f"{counts.not_understood} of {counts.lines} lines were not understood, first: {first}")
    return said


def _sessions(count: int) -> str:
    return f"{count} session{'' if count == 1 else 's'}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
