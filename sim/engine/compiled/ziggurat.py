"""NumPy's tables for normal deviates, which Numba has a copy of and NumPy itself shows nobody.

Numba promises them to nobody either. Where another version has them elsewhere there are none, and NumPy draws.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Tables(NamedTuple):
    """The layers of the ziggurat, and where its tail begins."""

    wi: np.ndarray[Any, Any]
    fi: np.ndarray[Any, Any]
    ki: np.ndarray[Any, Any]
    r: float
    inv_r: float


def tables() -> Tables | None:
    """The tables, if they are where they were."""
    try:
        from numba.np.random import _constants as c

        ki = np.asarray(c.ki_double).astype(np.int64)
        return Tables(
            np.asarray(c.wi_double), np.asarray(c.fi_double), ki, float(c.ziggurat_nor_r), float(c.ziggurat_nor_inv_r)
        )
    except (ImportError, AttributeError):
        return None


NO_TABLES = Tables(np.zeros(256), np.zeros(256), np.zeros(256, np.int64), 1.0, 1.0)
TABLES = tables()
