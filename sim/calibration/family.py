"""A family of distributions, as calibration tries it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Parameters = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One parametric family: how to fit, draw, and write it."""

    name: str
    fit: Callable[[Array, Array], Parameters]  # (observed, censored) → parameters
    cdf: Callable[[Array, Parameters], Array]
    log_pdf: Callable[[Array, Parameters], Array]
    draw: Callable[[np.random.Generator, int, Parameters], Array]
    mean: Callable[[Parameters], float]
    written: Callable[[Parameters], dict[str, Any]]
    last_resort: bool = False  # tried only when no other fits

    def fitted(self, parameters: Parameters) -> Callable[[Array], Array]:
        """The distribution function of one member of the family."""
        return lambda x: self.cdf(x, parameters)
