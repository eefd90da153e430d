"""What both engines deliver, in chunks: rows to the sink, and streaming statistics for the summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sim.engine.start.setup import Setup, resource_names
from sim.ledger.durations import DurationSet
from sim.ledger.levels import LevelRecorder
from sim.ledger.resident import AtATime
from sim.ledger.sink import Sink
from sim.ledger.spans import SPANS
from sim.ledger.tables import Coded
from sim.ledger.zero import LevelsFromZero
from sim.vocabulary.messages import MESSAGE_NAMES, MESSAGES
from sim.vocabulary.states import STATE_NAMES

Array = np.ndarray[Any, Any]

PROCESSORS = "processors"
"""Busy processors, as a level."""

OUTCOMES = ("released", "rejected", "cancelled", "crashed", "live", "leaked")

SESSION_TIMES = (
    "arrived_s", "created_s", "offer_s", "answer_s", "bye_s", "bye_ok_s", "deactivate_s", "terminate_s",
    "close_answered_s", "released_s", "media_s", "open_s",
)  # fmt: skip
SESSION_COUNTS = (
    "call", "answer_status", "state", "pool_bytes", "requests", "cancelled", "crashed", "number", "attempt",
)  # fmt: skip


_HAS_ARGUMENT = np.array([bool(row.argument) for row in MESSAGES])


class Collector:
    """Takes chunks of finished sessions, messages, ledger rows and level windows from an engine."""

    def __init__(self, setup: Setup, ledger: str, sink: Sink, watch: Iterable[tuple[str, str]] = ()) -> None:
        """`watch`: latencies, each with an outcome, whose durations are kept apart."""
        self.setup = setup
        self.ledger = ledger
        self.sink = LevelsFromZero(sink, resource_names(setup.scenario))
        self.latency = {name: DurationSet() for name in SPANS}
        tasks = len(setup.tasks)
        self.wait = [DurationSet() for _ in range(tasks)]
        self.service = [DurationSet() for _ in range(tasks)]
        self.processor_wait = [DurationSet() for _ in range(tasks)]
        self.apart = {pair: DurationSet() for pair in watch}
        sip = setup.scenario.server.sip
        self.there = AtATime(setup.duration_s + setup.scenario.drain, sip.t1, sip.t4)
        self.levels = LevelRecorder(setup.resources, self.sink) if ledger == "full" else None
        self._busy: list[dict[str, Array]] = []  # of processors, beside the changes of resources: written at the end

    def sessions(
        self, columns: Mapping[str, Array], verdicts: tuple[list[str], list[str], list[str], list[str]] | None = None
    ) -> None:
        """Finished sessions, or with `verdicts` (outcome, waiting for, plugin, cause) those that are still there."""
        for name, (start, end, _) in SPANS.items():
            self.latency[name].add(columns[end] - columns[start])
        for (name, outcome), durations in self.apart.items():
            start, end, _ = SPANS[name.partition(".")[2]]
            mine = _with_outcome(columns, verdicts, outcome)
            durations.add((columns[end] - columns[start])[mine])
        self.there.add(columns, None if verdicts is None else [outcome == "leaked" for outcome in verdicts[0]])
        if self.ledger == "summary":
            return
        rows: dict[str, Any] = {name: columns[name] for name in SESSION_TIMES}
        rows["session"] = columns["call"]
        rows["answer_status"] = columns["answer_status"]
        rows["state"] = Coded(columns["state"], STATE_NAMES)
        rows["pool_bytes"] = columns["pool_bytes"]
        rows["requests"] = columns["requests"]
        rows["crashed"] = columns["crashed"] != 0
        if not self.setup.scenario.client.retry.off:
            rows["call"] = columns["number"]
            rows["attempt"] = columns["attempt"] + 1
        count_ = len(columns["call"])
        if verdicts is None:
            rows["outcome"] = Coded(outcome_codes(columns), OUTCOMES)
            nothing = np.full(count_, -1)
            rows["waiting_for"] = rows["plugin"] = rows["cause"] = Coded(nothing, ())
        else:
            rows["outcome"], rows["waiting_for"], rows["plugin"], rows["cause"] = verdicts
            rows["crashed"] |= np.array([outcome == "crashed" for outcome in verdicts[0]], dtype=np.bool_)
        self.sink.write("sessions", rows)

    def durations(self, path: str, outcome: str | None) -> DurationSet | None:
        """The durations of `latency.<name>` or `tasks.<task>.<what>`; None where they were not kept."""
        if outcome is not None:
            return self.apart.get((path, outcome))
        head, _, name = path.partition(".")
        if head == "latency":
            return self.latency.get(name)
        task, _, what = name.rpartition(".")
        kept = {"wait": self.wait, "service": self.service, "processor_wait": self.processor_wait}.get(what)
        return kept[self.setup.tasks.index(task)] if kept is not None and task in self.setup.tasks else None

    def messages(self, columns: Mapping[str, Array]) -> None:
        """Messages that were done with, in that order: their waits and, at full detail, their rows."""
        waits = columns["started_s"] - columns["sent_s"]
        services = columns["finished_s"] - columns["started_s"]
        for task in np.unique(columns["task"]):
            mine = columns["task"] == task
            self.wait[task].add(waits[mine])
            self.service[task].add(services[mine])
        if self.ledger == "full":
            self.sink.write(
                "messages",
                {
                    "session": columns["session"],
                    "task": Coded(columns["task"], self.setup.tasks),
                    "message": Coded(columns["message"], MESSAGE_NAMES),
                    "sent_s": columns["sent_s"],
                    "started_s": columns["started_s"],
                    "finished_s": columns["finished_s"],
                    "state": Coded(columns["state"], STATE_NAMES),
                    "subrequests": columns["subrequests"],
                    "argument": np.where(_HAS_ARGUMENT[columns["message"]], columns["argument"], -1),
                },
            )

    def processor_waits(self, columns: Mapping[str, Array]) -> None:
        """Waits of tasks for a processor, in that order."""
        for task in np.unique(columns["task"]):
            self.processor_wait[task].add(columns["waited_s"][columns["task"] == task])

    def ledger_rows(self, columns: Mapping[str, Array]) -> None:
        """Rows of the ledger, in order of time."""
        if self.levels is None:
            return
        moved = columns["delta"] != 0
        self.levels.add(columns["time_s"][moved], columns["resource"][moved], columns["delta"][moved])
        task = np.where(columns["task"] < 0, -1, columns["task"])
        self.sink.write(
            "ledger",
            {
                "time_s": columns["time_s"],
                "session": columns["session"],
                "resource": Coded(columns["resource"], self.setup.resources),
                "delta": columns["delta"],
                "bytes": columns["bytes"],
                "task": Coded(task, self.setup.tasks),
                "cause": Coded(columns["cause"], MESSAGE_NAMES),
            },
        )

    def windows(self, columns: Mapping[str, Array]) -> None:
        """Levels on a regular grid: start of the interval, held at its end, least, mean and greatest within.

        Busy processors stand last. Where every change of a resource is recorded, only they stand on the grid: which
        processors are busy changes with every message.
        """
        if self.levels is not None:
            busy = columns["resource"] == len(self.setup.resources)
            self._busy.append({name: values[busy] for name, values in columns.items()})
        else:
            self._write_windows(columns)

    def _write_windows(self, columns: Mapping[str, Array]) -> None:
        names = (*self.setup.resources, PROCESSORS)
        self.sink.write("levels", {**columns, "resource": Coded(columns["resource"], names)})

    def close(self, horizon_s: float) -> None:
        """No more rows come."""
        if self.levels is not None:
            self.levels.finish(horizon_s)
            for columns in self._busy:
                self._write_windows(columns)
        self.sink.finish()


def _with_outcome(columns: Mapping[str, Array], verdicts: tuple[list[str], ...] | None, outcome: str) -> Array:
    if verdicts is not None:
        return np.array([one == outcome for one in verdicts[0]], dtype=np.bool_)
    return np.asarray(outcome_codes(columns) == OUTCOMES.index(outcome))


def outcome_codes(columns: Mapping[str, Array]) -> Array:
    """What became of finished sessions, as positions in OUTCOMES."""
    status = columns["answer_status"]
    codes = np.where(status >= 300, 1, 0)
    codes = np.where(columns["cancelled"] != 0, 2, codes)
    return np.where(columns["crashed"] != 0, 3, codes)
