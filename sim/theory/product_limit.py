"""How long things live of which some were only watched for a while: the product-limit estimate of Kaplan and Meier.

The same numbers as `scipy.stats.ecdf` gives, without loading scipy.stats, which takes longer than to draw a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.theory.intervals import CONFIDENCE

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class ProductLimit:
    """Share that lives longer than each of `ages` (rising), with the ends of its interval; all of one length."""

    ages: Array
    shares: Array
    low: Array
    high: Array


def product_limit(ended: Array, watched: Array, confidence: float = CONFIDENCE) -> ProductLimit:
    """The estimate from lifetimes that `ended` and from how long others were `watched`, in one unit.

    Kaplan and Meier, JASA 53 (1958), 457; the interval is Greenwood's on the scale of log(-log), so that it stays
    within 0 and 1. Where none or all live on it is undefined: the whole range from 0 to 1.
    """
    from scipy.special import ndtri

    times = np.concatenate([ended, watched]).astype(np.float64)
    died = np.concatenate([np.ones(len(ended)), np.zeros(len(watched))])
    order = np.argsort(times, kind="stable")
    ages, first = np.unique(times[order], return_index=True)
    deaths = np.add.reduceat(died[order], first) if len(first) else np.zeros(0)
    at_risk = (len(times) - first).astype(np.float64)
    shares = np.cumprod((at_risk - deaths) / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.cumsum(deaths / (at_risk * (at_risk - deaths)))) / np.abs(np.log(shares))
        middle, half = np.log(-np.log(shares)), float(ndtri((1.0 + confidence) / 2.0)) * spread
        low, high = np.exp(-np.exp(middle + half)), np.exp(-np.exp(middle - half))
    return ProductLimit(ages, shares, np.nan_to_num(low, nan=0.0), np.nan_to_num(high, nan=1.0))
