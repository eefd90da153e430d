"""What a calibration found: a scenario with its evidence, as text and as files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sim.calibration.arrivals import ArrivalsSeen
from sim.calibration.evidence import Evidence
from sim.calibration.fit import Fit
from sim.calibration.media import Ticks
from sim.calibration.recorded import write_calls
from sim.calibration.sheet import Sheet
from sim.errors import LogError, ScenarioError
from sim.files import put_beside
from sim.scenario.annotated import plain, to_text


@dataclass(slots=True)
class Calibration:
    """A scenario found in a log: `tree` with comments, `mapping` without, `fits` by name, and the evidence."""

    name: str
    tree: dict[str, Any]
    sheet: Sheet
    evidence: Evidence
    arrivals: ArrivalsSeen
    ticks: Ticks | None
    fits: dict[str, Fit] = field(default_factory=dict)
    head: list[str] = field(default_factory=list)

    @property
    def mapping(self) -> Mapping[str, Any]:
        """What `load_scenario` reads; names of files are relative to where the scenario is saved."""
        found: Mapping[str, Any] = plain(self.tree)
        return found

    @property
    def text(self) -> str:
        """The scenario file."""
        return to_text(self.tree, self.head)

    def save(self, path: Path, force: bool = True) -> list[Path]:
        """Write the scenario to `path`, and beside it the CSV files that it names; all files written.

        All or nothing: they come into place only when what they say is a scenario. ScenarioError when one of them is
        there already, unless `force`.
        """
        try:
            return self._save(path, force)
        except OSError as error:  # it names a file that is not there any more
            raise OSError(error.errno, error.strerror, str(path)) from error

    def _save(self, path: Path, force: bool) -> list[Path]:
        from sim.scenario import load_scenario

        with TemporaryDirectory(prefix=f".{path.name}.", suffix=".unfinished", dir=path.parent) as folder:
            made = Path(folder) / path.name
            made.write_text(self.text, encoding="utf-8")
            if self.sheet.columns:
                made.with_name(self.sheet.name).write_text(self.sheet.text(), encoding="utf-8")
            if self.arrivals.kind == "replay":
                write_calls(self.evidence, made.with_name(plain(self.tree)["arrivals"]["file"]))
            try:
                load_scenario(made)
            except ScenarioError as error:
                said = re.sub(r"\S*\.unfinished/", "", str(error))
                raise LogError(
                    f"{self.evidence.names[0]}: what was found in it makes no valid scenario; nothing was written. Are "
                    f"lines of the log damaged?\n{said}"
                ) from error
            return put_beside(path, sorted(Path(folder).iterdir(), key=lambda file: file != made), force)
