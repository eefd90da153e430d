"""One scenario calibrated on one log, held against many; and each log against its own calibration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sim.calibration.calibrate import calibrate_evidence
from sim.calibration.evidence import Evidence, watch_logs
from sim.calibration.found import Calibration
from sim.logs.reading.reader import StrPath
from sim.validation.breaking import Breaking
from sim.validation.validate import Runner, Validation, validate

if TYPE_CHECKING:
    from sim.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Trial:
    """One log: predicted from another log's calibration, the same with its own stalls, from its own calibration."""

    log: str
    calls: int
    calibration: Calibration
    foreign: Validation
    borrowing: Validation
    own: Validation


@dataclass(frozen=True, slots=True)
class LogTrials:
    """All logs against the calibration on one of them."""

    calibrated_on: str
    calibration: Calibration
    trials: tuple[Trial, ...]
    breaking: "Breaking | None" = None


def validate_all(
    on: StrPath, logs: Sequence[StrPath], run: Runner, tell: Callable[[str], None] | None = None
) -> LogTrials:
    """Calibrate on one log and predict every other, and each from its own calibration too."""
    with TemporaryDirectory() as folder:
        first, scenario = _calibrated(watch_logs([on]), Path(folder))
        trials = []
        for log in sorted(logs, key=lambda path: Path(path).name):
            evidence = watch_logs([log])
            calibration, own = _calibrated(evidence, Path(folder))
            trials.append(
                Trial(
                    Path(log).name,
                    len(evidence.calls),
                    calibration,
                    validate(scenario, evidence, run, phase="log"),
                    validate(scenario, evidence, run, phase="log", interference="log"),
                    validate(own, evidence, run, phase="log"),
                )
            )
            if tell is not None:
                tell(f"{trials[-1].log}: {trials[-1].foreign.verdict}")
    return LogTrials(Path(on).name, first, tuple(trials))


def _calibrated(evidence: Evidence, folder: Path) -> tuple[Calibration, "Scenario"]:
    from sim.scenario import load_scenario

    calibration = calibrate_evidence(evidence)
    path = folder / f"{calibration.name}.yaml"
    calibration.save(path)
    return calibration, load_scenario(path)
