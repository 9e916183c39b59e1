"""The effects of many results at once, and what those of each use case add up to. In NumPy.

`practices.effects.effect_of` says what an effect is, and why a result may have none; the tests hold both together to
1e-12, and an effect to the same bytes in whatever company it is computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alliance.core.quantiles import NORMAL_975
from practices.effects import LARGEST_ERROR, SMALLEST_ERROR, Imputation
from practices.pooling import Numbers

_SIGNS = {"increase": 1, "decrease": -1}
SPREADS = {"se": 1, "ci95": 2, "sd": 3}
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(slots=True)
class Columns:
    """Results, one array a column. Numbers that are not told are NaN where the flag beside them says so.

    Attributes:
        sign: 1 where more is better, -1 where less is, 0 where neither is.
        spread, spread_kind, n: as `practices.effects.effect_of` has them; 0, or a kind of `SPREADS`.
        imputed_variance: by design and quality, of the rule.
    """

    baseline: Numbers
    has_baseline: Flags
    after: Numbers
    has_after: Flags
    change: Numbers
    has_change: Flags
    sign: NDArray[np.int_]
    spread: Numbers
    spread_kind: NDArray[np.int_]
    n: Numbers
    imputed_variance: Numbers


def numbers(values: Sequence[float | None]) -> tuple[Numbers, Flags]:
    """The values, NaN for None, and which are there."""
    there = np.fromiter((value is not None for value in values), np.bool_, len(values))
    return np.array(values, dtype=np.float64), there


def signs(directions: Sequence[str]) -> NDArray[np.int_]:
    return np.fromiter((_SIGNS.get(one, 0) for one in directions), np.int_, len(directions))


def imputed_variances(designs: Sequence[str], qualities: Sequence[str], imputation: Imputation) -> Numbers:
    known = {pair: imputation.variance(*pair) for pair in set(zip(designs, qualities, strict=True))}
    return np.fromiter((known[pair] for pair in zip(designs, qualities, strict=True)), np.float64, len(designs))


@dataclass(slots=True)
class Effects:
    """One entry a result; where there is no effect, `is_there` is False and the numbers mean nothing."""

    is_there: Flags
    estimate: Numbers
    variance: Numbers
    is_imputed: Flags


def effects_of(told: Columns) -> Effects:
    """The effect of every result."""
    bad = np.zeros(len(told.sign), np.bool_)
    for values, there in (
        (told.baseline, told.has_baseline), (told.after, told.has_after), (told.change, told.has_change)
    ):  # fmt: skip
        bad |= there & ~np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        both = told.has_baseline & told.has_after
        left = 100 + told.change
        by_values = both & (told.baseline > 0) & (told.after > 0) & ~bad & (told.sign != 0)
        by_change = ~both & told.has_change & (left > 0) & ~bad & (told.sign != 0)
        ratio = np.zeros(len(bad))
        ratio[by_values] = np.log(told.after[by_values]) - np.log(told.baseline[by_values])
        ratio[by_change] = np.log(left[by_change] / 100)
        estimate = np.where(told.sign > 0, ratio, 0.0 - ratio)
        error = np.where(np.isfinite(told.spread) & (told.spread > 0), told.spread, np.nan)
        error = np.select(
            [told.spread_kind == SPREADS["se"], told.spread_kind == SPREADS["ci95"], told.n > 1],
            [error, error / NORMAL_975, np.where(told.spread_kind == SPREADS["sd"], error / np.sqrt(told.n), np.nan)],
            np.nan,
        )
        relative = np.where(by_values, np.sqrt(2.0) * error / told.after, error / left)
        known = (relative >= SMALLEST_ERROR) & (relative <= LARGEST_ERROR)
        variance = np.where(known, relative * relative, told.imputed_variance)
    return Effects(by_values | by_change, estimate, variance, ~known)


def sums_of(effects: Effects, group: Places, groups: int) -> Numbers:
    """What the effects of each group add up to, by the order of the results.

    Args: group: of each result, 0 to `groups` - 1.
    Returns: a row a group: weight, product and root of those with a reported variance, then of those with an imputed
    one (`practices.part_models.Part`).
    """
    columns = []
    for wanted in (effects.is_there & ~effects.is_imputed, effects.is_there & effects.is_imputed):
        places, w = group[wanted], 1 / effects.variance[wanted]
        for values in (w, w * effects.estimate[wanted], np.sqrt(w)):
            columns.append(np.bincount(places, values, groups))
    return np.stack(columns, axis=1)


@dataclass(slots=True)
class Cities:
    """One effect a city, in the order of the cities' numbers: estimate, variance, share of imputed variances."""

    estimate: Numbers
    variance: Numbers
    imputed: Numbers


def cities_of(
    sums: Numbers, case: Places, city_of_case: Places, cities: int, *, correlation: float, factor: float = 1.0
) -> Cities:
    """One effect per use case out of the sums of its parts, then one per city (`practices.effects.combine_dependent`).

    Args: sums: a row a part (`sums_of`); case: of each part, from 0; city_of_case: from 0, every case and every city
    has an effect; factor: on imputed standard errors.
    """
    cases = len(city_of_case)
    weight_imputed = sums[:, 3] / (factor * factor)
    total = np.bincount(case, sums[:, 0] + weight_imputed, cases)
    product = np.bincount(case, sums[:, 1] + sums[:, 4] / (factor * factor), cases)
    together = np.bincount(case, sums[:, 2] + sums[:, 5] / factor, cases) / total
    variance = (1 - correlation) / total + correlation * together * together
    imputed = np.bincount(case, weight_imputed, cases) / total
    w, y = 1 / variance, product / total
    total = np.bincount(city_of_case, w, cities)
    together = np.bincount(city_of_case, np.sqrt(w), cities) / total
    return Cities(
        estimate=np.bincount(city_of_case, w * y, cities) / total,
        variance=(1 - correlation) / total + correlation * together * together,
        imputed=np.bincount(city_of_case, w * imputed, cities) / total,
    )
