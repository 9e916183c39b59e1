"""Means and their intervals as relative changes in percent, of many at once. In NumPy."""

from dataclasses import dataclass
from math import exp
from typing import Any

import numpy as np

from practices.effects import MOST_PERCENT
from practices.pooling import Means, Numbers


@dataclass(slots=True)
class Changes:
    """Relative changes in percent, with the sign that the indicator moves by; `low` below `high`."""

    change: list[float]
    low: list[float]
    high: list[float]


@dataclass(slots=True)
class Told:
    """Means as lists of Python's numbers, and as changes."""

    estimate: list[float]
    standard_error: list[float]
    low: list[float]
    high: list[float]
    tau_squared: list[float]
    changes: Changes

    @classmethod
    def of(cls, means: Means, signs: Numbers) -> "Told":
        return cls(
            estimate=means.estimate.tolist(),
            standard_error=means.standard_error.tolist(),
            low=means.low.tolist(),
            high=means.high.tolist(),
            tau_squared=means.tau_squared.tolist(),
            changes=changes(means.estimate, means.low, means.high, signs),
        )

    def at(self, number: int) -> dict[str, Any]:
        low, high = self.low[number], self.high[number]
        return {
            "estimate": self.estimate[number],
            "low": low,
            "high": high,
            "change_percent": self.changes.change[number],
            "interval": [self.changes.low[number], self.changes.high[number]],
            "tau_squared": self.tau_squared[number],
            "is_better": low > 0,
            "is_worse": high < 0,
        }


def intervals(estimate: Numbers, half: Numbers, signs: Numbers) -> Changes:
    return changes(estimate, estimate - half, estimate + half, signs)


def changes(estimate: Numbers, low: Numbers, high: Numbers, signs: Numbers) -> Changes:
    one, other = _percents(low * signs), _percents(high * signs)
    return Changes(
        change=_percents(estimate * signs).tolist(),
        low=np.minimum(one, other).tolist(),
        high=np.maximum(one, other).tolist(),
    )


def _percents(log_ratios: Numbers) -> Numbers:
    """By the standard library's exponential function, one by one: the same bytes in whatever company."""
    bounded = np.minimum(log_ratios, 20.0).tolist()
    return np.minimum((np.fromiter(map(exp, bounded), np.float64, len(bounded)) - 1) * 100, MOST_PERCENT)
