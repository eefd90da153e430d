"""Levels begin at time 0: a row that says 0 for every resource of which nothing was held at the start."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.ledger.sink import Sink
from sim.ledger.tables import Coded


class LevelsFromZero:
    """Hands all rows on to `sink`; before the first levels of a resource that do not begin at 0 stands a row at 0.

    `known` are resources that have such a row even when nothing of them is ever held; others have it when they come.
    """

    def __init__(self, sink: Sink, known: Sequence[str] = ()) -> None:
        self._sink = sink
        self._known = tuple(known)
        self._begun: set[str] = set()

    def write(self, table: str, columns: Mapping[str, Any]) -> None:
        """Append rows to `table`."""
        if table == "levels":
            self._begin(columns["resource"], np.asarray(columns["time_s"]), columns)
        self._sink.write(table, columns)

    def close(self, ok: bool) -> None:
        """No more rows come."""
        self._sink.close(ok)

    def finish(self) -> None:
        """No more levels come: those of known resources that never had any are 0 throughout."""
        self._write([name for name in self._known if name not in self._begun], ())

    def _begin(self, resource: Coded, times: Any, columns: Mapping[str, Any]) -> None:
        codes, first = np.unique(np.asarray(resource.codes), return_index=True)
        came = {resource.names[code]: float(times[at]) for code, at in zip(codes.tolist(), first.tolist(), strict=True)}
        new = [name for name in dict.fromkeys((*self._known, *came)) if name not in self._begun]
        self._begun.update(new)
        self._write(
            [name for name in new if came.get(name) != 0.0], [c for c in ("min", "mean", "max") if c in columns]
        )

    def _write(self, names: Sequence[str], more: Sequence[str]) -> None:
        if names:
            nothing = {column: np.zeros(len(names)) for column in ("time_s", *more)}
            held = np.zeros(len(names), dtype=np.int64)
            self._sink.write("levels", {**nothing, "resource": Coded(np.arange(len(names)), names), "held": held})
