"""The story of one session, message by message: who handled it, how long it waited, what it acquired or released.

Needs a result with its messages, and its ledger if resources are to be named (`--ledger full`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.errors import ScenarioError
from sim.ledger.result import RunResult
from sim.report.text import DASH, duration, number, size
from sim.vocabulary.messages import ANSWER_ROWS, C_PROCESS_ENDED, MESSAGE_NAMES, argument_text, function_of
from sim.vocabulary.resources import RESOURCE_NAMES, SESSION_POOL, resource_function
from sim.vocabulary.states import called_on_the_way
from sim.vocabulary.steps import CREATION, CREATION_BYTES, loop_around

if TYPE_CHECKING:
    import pandas as pd

EPSILON_S = 1e-12
PROCESS_ENDED = MESSAGE_NAMES[C_PROCESS_ENDED]
ANSWERED_BY = {name: ANSWER_ROWS[name].name for name in ("open", "close", "request")}
"""The message that answers each operation of a plugin whose handler names the function that answers."""
WIDE = 120  # columns of a terminal that has room for everything side by side


@dataclass(frozen=True, slots=True)
class Change:
    """One resource acquired (`delta` > 0) or released, and the function or message that did it."""

    time_s: float
    resource: str
    delta: int
    bytes: int
    cause: str


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One message handled by one task; times in seconds, None when it never came to that."""

    task: str
    message: str
    function: str
    sent_s: float | None
    started_s: float | None
    finished_s: float | None
    state: str | None
    subrequests: int | None
    argument: int | None = None
    changes: list[Change] = field(default_factory=list)

    @property
    def at_s(self) -> float:
        """When it was handled, or sent if it never was: what the story is sorted by."""
        return next((t for t in (self.started_s, self.sent_s) if t is not None), float("inf"))

    @property
    def wait_s(self) -> float | None:
        return None if self.started_s is None or self.sent_s is None else self.started_s - self.sent_s

    @property
    def inside(self) -> list[str]:
        """Steps of the server within this one that have no message of their own."""
        return [line for change in self.changes for line in _inside(change)]

    @property
    def service_s(self) -> float | None:
        return None if self.started_s is None or self.finished_s is None else self.finished_s - self.started_s


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that happened to session `session`, in order; `end` says how it ended."""

    session: int
    started_s: float
    steps: list[StoryStep]
    end: str
    session_id: str | None = None  # the server's own

    def to_dict(self) -> dict[str, Any]:
        steps = [
            {**asdict(step), "wait_s": step.wait_s, "service_s": step.service_s, "inside": step.inside}
            for step in self.steps
        ]
        who = {"session": self.session, "session_id": self.session_id}
        return {**who, "started_s": self.started_s, "end": self.end, "steps": steps}


def story(result: RunResult, session: int | str | None = None) -> Story:
    """The story of `session`, its number or the server's own id of it, by default of the first one that leaked, is live
    or violated a lifetime, else the first.

    ScenarioError when the result has no messages or no such session.
    """
    messages = result.messages
    place = result.directory or result.summary.scenario
    if result.summary.nobody_called:
        raise ScenarioError(f"{place}: expected a session to tell of (got none: nobody called)")
    if messages is None or messages.empty:
        raise ScenarioError(f"{place}: holds no messages; run the scenario again with --ledger full")
    known = messages["session"]
    if isinstance(session, str):
        session = _number(result, session, place)
    if session is None:
        wanted = [leak.session for leak in result.summary.leaks]
        wanted += [violation.session for violation in result.summary.violations]
        present = set(known.unique().tolist())
        session = next((s for s in wanted if s in present), int(known[known >= 0].min()))
    rows = messages[known == session]
    if rows.empty:
        valid = known[known >= 0]
        raise ScenarioError(f"{place}: has no session {session} (sessions {valid.min()} to {valid.max()} are recorded)")
    steps = _with_changes(_without_missing_answers(list(_steps(rows))), result.ledger, session)
    began = steps[0].sent_s if steps[0].sent_s is not None else steps[0].at_s
    ids = [str(name) for name in rows["session_id"].dropna()] if "session_id" in rows else []
    return Story(session, began, steps, _end(result, session), ids[0] if ids else None)


def _number(result: RunResult, text: str, place: object) -> int:
    """The number of the session that `text` names by the server's id, or is. ScenarioError when there is none."""
    sessions = result.sessions
    text = text.strip("<> ").partition("@")[0]  # as it stands in a line of a log
    for column in ("session_id", "name"):
        if sessions is not None and column in sessions:
            found = sessions["session"][(sessions[column].astype(object) == text).to_numpy()]
            if len(found):
                return int(found.iloc[0])
    if text.isdecimal() and len(text) < 16:
        return int(text)
    raise ScenarioError(f"{place}: has no session {text} (expected a number, or the server's own id of a session)")


def _without_missing_answers(steps: list[StoryStep]) -> list[StoryStep]:
    """The same with only what happened: a plugin that never answered has not called the function that answers.

    An answer belongs to the operation during which it was sent, else to the oldest one that is still without.
    """
    shown = list(steps)
    for operation, answer in ANSWERED_BY.items():
        asked = [at for at, step in enumerate(steps) if step.message == operation]
        sent = sorted(step.sent_s for step in steps if step.message == answer and step.sent_s is not None)
        open_ = []
        for at in asked:
            began, ended = steps[at].started_s, steps[at].finished_s
            within = next((s for s in sent if began is not None and began <= s <= (ended or began) + EPSILON_S), None)
            if within is None:
                open_.append(at)
            else:
                sent.remove(within)
        for at in open_[len(sent) :]:
            shown[at] = replace(steps[at], function=steps[at].function.partition(" → ")[0])
    return shown


def print_story(told: Story, console: Console) -> None:
    """Print `told`, one row per message; on a narrow terminal the times stand below the message."""
    wide = console.width >= WIDE
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("time, s", justify="right", no_wrap=True)
    table.add_column("since INVITE", justify="right", no_wrap=True)
    if wide:
        table.add_column("task", no_wrap=True)
        table.add_column("message and what handles it", overflow="fold")
        table.add_column("waited", justify="right", no_wrap=True)
        table.add_column("took", justify="right", no_wrap=True)
        table.add_column("state after", no_wrap=True)
    else:
        table.add_column("task: message, what handles it, state after", overflow="fold")
    before: str | None = None
    for told_step in told.steps:  # a log shows the state only where the server task works
        step = told_step if told_step.state else replace(told_step, state=before)
        times = (f"{step.at_s:.6f}", _since(step.at_s - told.started_s))
        what = _what(step, before)
        waited = "never handled" if step.started_s is None else duration(step.wait_s)
        state = (step.state or DASH) + (f" ({number(step.subrequests)})" if step.subrequests else "")
        if wide:
            never = "bold red" if step.started_s is None else ""
            table.add_row(*times, step.task, what, Text(waited, style=never), duration(step.service_s), state)
        else:
            head = Text(f"{step.task}: ") + what
            table.add_row(*times, head.append(f"\nwaited {waited}, took {duration(step.service_s)}, {state}", "dim"))
        before = step.state or before
    named = f"  <{told.session_id}>" if told.session_id else ""
    console.print(Text(f"Session {told.session}{named}", style="bold"))
    console.print(table)
    console.print(Text(told.end, style="bold"))


def _what(step: StoryStep, before: str | None) -> Text:
    """The message, below it the functions that it ran, below those what it acquired and released."""
    what = Text().append(step.message, "bold")
    if argument := argument_text(step.message, step.argument):
        what.append(f" [{argument}]")
    function = step.function if step.function != step.message else ""
    chain = " → ".join(name for name in (function, *called_on_the_way(before, step.state)) if name)
    if chain:
        first, last = loop_around(step.message)
        what.append("\n" + " → ".join(name for name in (first, chain, last) if name), "cyan")
    for change in step.changes:
        what.append(*_resource(change))
        what.append("".join(f"\n      {line}" for line in _inside(change)), "dim")
    return what


def _inside(change: Change) -> Iterator[str]:
    """What the creation of a session's pool consists of, and what each step requests from it."""
    if change.resource != RESOURCE_NAMES[SESSION_POOL] or change.delta <= 0:
        return
    for step in CREATION:
        yield f"{step.function}: {step.what}" + (f", {number(step.bytes)} bytes" if step.bytes else "")
    if change.bytes > CREATION_BYTES:
        yield f"{number(change.bytes - CREATION_BYTES)} bytes more by assumption, for the offer and its answer"


def _resource(change: Change) -> tuple[str, str]:
    """One line of what was acquired, released or grew, and the function that did it; with its style."""
    amount = f" × {abs(change.delta)}" if abs(change.delta) > 1 else ""
    bytes_ = size(abs(change.bytes)) if change.bytes else ""
    if change.delta == 0:
        return f"\n  {change.resource} grows by {bytes_}", "dim"
    ran = change.cause != PROCESS_ENDED  # then no function of the server did it, but the operating system
    function = resource_function(change.resource, acquired=change.delta > 0) if ran else ""
    detail = "".join(f"  {text}" for text in (bytes_, function) if text)
    sign, style = ("+", "green") if change.delta > 0 else ("−", "magenta")
    return f"\n  {sign} {change.resource}{amount}{detail}", style


def _since(seconds: float) -> str:
    return f"+{1000 * seconds:.3f} ms" if seconds < 10 else f"+{seconds:.3f} s"


def _steps(rows: "pd.DataFrame") -> Iterator[StoryStep]:
    found = [_step(row) for row in rows.to_dict("records")]
    return iter(sorted(found, key=lambda step: step.at_s))


def _step(row: Mapping[Any, Any]) -> StoryStep:
    task, message = str(row["task"]), str(row["message"])
    sent, started, finished = (_known(row[name]) for name in ("sent_s", "started_s", "finished_s"))
    state = row.get("state")
    subrequests, argument = row.get("subrequests"), row.get("argument")
    argument = None if argument is None or argument != argument else int(argument)
    return StoryStep(
        task,
        message,
        function_of(message, argument),
        sent,
        started,
        finished,
        state if isinstance(state, str) else None,
        int(subrequests) if subrequests is not None else None,
        argument,
    )


def _known(value: float) -> float | None:
    return None if value != value else float(value)


def _with_changes(steps: list[StoryStep], ledger: "pd.DataFrame | None", session: int) -> list[StoryStep]:
    """Give each change of the session's resources to the message during which it happened."""
    if ledger is None:
        return steps
    alone: list[StoryStep] = []
    for row in ledger[ledger["session"] == session].to_dict("records"):
        task, cause = (row[name] if isinstance(row[name], str) else "" for name in ("task", "cause"))
        change = Change(float(row["time_s"]), str(row["resource"]), int(row["delta"]), int(row["bytes"]), cause)
        message = cause or "ledger"
        owner = _owner(steps, task, change)
        if owner is None and alone and (alone[-1].at_s, alone[-1].message) == (change.time_s, message):
            owner = alone[-1]
        if owner is None:
            owner = StoryStep(
                task or DASH, message, function_of(message), None, change.time_s, change.time_s, None, None
            )
            alone.append(owner)
        owner.changes.append(change)
    return sorted(steps + alone, key=lambda step: step.at_s)


def _owner(steps: list[StoryStep], task: str, change: Change) -> StoryStep | None:
    """The message that `task` was handling then; of two that touch at that instant the one the cause names. A log does
    not always tell the task: then whichever was at work."""
    anyone = task not in {step.task for step in steps}
    during = [
        step
        for step in steps
        if (anyone or step.task == task)
        and step.started_s is not None
        and step.started_s - EPSILON_S <= change.time_s <= (step.finished_s or step.started_s) + EPSILON_S
    ]
    named = [step for step in during if step.message == change.cause]
    return named[-1] if named else during[-1] if during else None


def _end(result: RunResult, session: int) -> str:
    for leak in result.summary.leaks:
        if leak.session == session:
            return str(leak)
    sessions = result.sessions
    if sessions is not None:
        row = sessions[sessions["session"] == session]
        if len(row):
            outcome, released, created = (row[name].iloc[0] for name in ("outcome", "released_s", "created_s"))
            if released == released:
                return f"{outcome}: the pool lived {duration(float(released - created))}, destroyed at {released:.6f} s"
            return f"{outcome}: the pool is still there at the end of the run"
    return ""
