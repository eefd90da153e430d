"""The folder of a validation: what was found, as data from which its page and its plot can be drawn again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from sim.errors import ScenarioError
from sim.ledger.whole_folder import WholeFolder
from sim.theory.queues import PROBABILITIES
from sim.validation.validate import Array, Comparison, Quantile, Validation

VALIDATION: Final = "validation.json"
KEPT: Final = 1001
"""Quantiles of each sample that are kept: what is drawn of it needs fewer."""


class ValidationFolder(WholeFolder):
    """The folder of a validation in the making."""

    what = "validation"
    mark = VALIDATION
    ours = frozenset((VALIDATION, "report.html", "qq.png"))


def write_validation(found: Validation, folder: Path) -> None:
    """Write what `validate --json` prints, with the samples of the latencies thinned to their quantiles."""
    samples = {
        name: {"measured": _thinned(compared.measured), "predicted": _thinned(compared.predicted)}
        for name, compared in found.latency.items()
    }
    text = json.dumps({**found.to_dict(), "samples": samples}, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / VALIDATION).write_text(text + "\n", encoding="utf-8")


def load_validation(folder: Path) -> Validation:
    """The validation in a folder. ScenarioError when its file is not one's."""
    path = folder / VALIDATION
    try:
        return _validation(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ScenarioError(
            f"{path}: must be what `mrcpsim validate --out` writes (got something else); validate again"
        ) from None


def _thinned(sample: Array) -> list[float]:
    """The sample itself where it is short; it is sorted."""
    if len(sample) <= KEPT:
        return [float(value) for value in sample]
    return [float(value) for value in np.quantile(sample, np.linspace(0.0, 1.0, KEPT))]


def _validation(plain: Mapping[str, Any]) -> Validation:
    samples = plain["samples"]
    return Validation(
        scenario=str(plain["scenario"]), log=str(plain["log"]), ok=bool(plain["ok"]), verdict=str(plain["verdict"]),
        counts={str(name): (float(of["measured"]), float(of["predicted"])) for name, of in plain["counts"].items()},
        latency={str(name): _comparison(of, samples[name]) for name, of in plain["latency"].items()},
        tasks={str(name): _comparison(of["wait"], {}) for name, of in plain["tasks"].items()},
        theory=dict(plain["theory"]), read_from_log=dict(plain["read_from_log"]), runs=int(plain["runs"]),
    )  # fmt: skip


def _comparison(plain: Mapping[str, Any], samples: Mapping[str, Any]) -> Comparison:
    quantiles = {
        name: Quantile(
            *(
                _number(plain[name][key])
                for key in ("measured", "predicted", "low", "high", "least_of_runs", "most_of_runs")
            )
        )
        for name in PROBABILITIES
    }
    measured, predicted = (np.array(samples.get(key, ()), dtype=float) for key in ("measured", "predicted"))
    theory = {str(q): None if value is None else _number(value) for q, value in plain.get("mm1", {}).items()}
    return Comparison(quantiles, _number(plain["ks"]), measured, predicted, theory)


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"expected a number, got {value!r}")
    return float(value)
