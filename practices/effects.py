"""The effect of one result, and one effect per city out of several that depend on each other. Pure functions.

An effect is the natural logarithm of a ratio (after / before), turned so that above zero is better.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, fsum, isfinite, log, sqrt

from alliance.core.quantiles import NORMAL_975

#: A reported relative error outside of these says nothing about a city.
SMALLEST_ERROR, LARGEST_ERROR = 1e-6, 1e6
#: Changes beyond are told as this: JSON has no infinity, and nobody reads the difference.
MOST_PERCENT = 1e6


class Why(StrEnum):
    """Why a result has no effect that can be combined. Each has one sentence on the pages."""

    NO_DIRECTION = "no-direction"  # neither more nor less of the indicator is better
    NO_BASELINE = "no-baseline"  # only a value after, and no change
    NOT_FINITE = "not-finite"  # an infinite value, or none
    ZERO_BASELINE = "zero-baseline"  # nothing to divide by
    ZERO_AFTER = "zero-after"  # fell to nothing: the logarithm has no end
    NEGATIVE = "negative"  # a value below zero has no ratio
    FELL_BY_ALL = "fell-by-all"  # a reported change of -100 percent or less


@dataclass(frozen=True, slots=True)
class Refusal:
    """A result without an effect, and why."""

    why: Why
    result: Hashable = ""
    use_case: Hashable = ""
    city: Hashable = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """Of one result, or of several of one use case or city that were combined.

    Attributes:
        estimate: logarithm of the ratio, above zero is better.
        variance: of the estimate; above zero.
        imputed: 0 to 1, the share of the weight whose variance is a convention, not reported.
        result, use_case, city: keys; what was combined has no `result`, across use cases no `use_case`.
        results: keys of all results in it.
    """

    estimate: float
    variance: float
    imputed: float = 0.0
    result: Hashable = ""
    use_case: Hashable = ""
    city: Hashable = ""
    results: tuple[Hashable, ...] = ()

    @property
    def standard_error(self) -> float:
        return sqrt(self.variance)


@dataclass(frozen=True, slots=True)
class Imputation:
    """What stands for a standard error that nobody reported: a convention of the rule, not a measurement.

    Attributes:
        standard_error: of the log ratio, by comparison design or method.
        quality: factor on it, by data quality code; "" is "not told".
        unknown_design: standard error for a design that is not named.
    """

    standard_error: Mapping[str, float]
    quality: Mapping[str, float]
    unknown_design: float

    def variance(self, design: str, quality: str) -> float:
        return (self.standard_error.get(design, self.unknown_design) * self.quality.get(quality, 1.0)) ** 2


def effect_of(
    *,
    baseline: float | None,
    after: float | None,
    change_percent: float | None,
    direction: str,
    imputation: Imputation,
    spread: float | None = None,
    spread_kind: str = "",
    n: int | None = None,
    design: str = "",
    quality: str = "",
    result: Hashable = "",
    use_case: Hashable = "",
    city: Hashable = "",
) -> Effect | Refusal:
    """The effect of a result, from both values where there are two, else from the reported relative change.

    Args:
        baseline, after: in one unit.
        change_percent: as reported, of `after` against `baseline`; -100 is a fall to nothing.
        direction: "increase" or "decrease" when that is better, else "none".
        spread: of `after`, or, where there is but a change, of the change in percentage points.
        spread_kind: "sd" (needs `n`), "se", or "ci95", half the width of the interval.
        n: how many were measured.
        design, quality: codes by which a missing spread is imputed.

    The log response ratio and its variance: Hedges, Gurevitch and Curtis, "The meta-analysis of response ratios in
    experimental ecology", Ecology 80 (1999), 1150-1156, with the reported spread taken for both values in proportion:
    v = 2 (se / after)². For a change, the delta method on the ratio: v = (se / (100 + change))².
    """

    def refused(why: Why) -> Refusal:
        return Refusal(why, result, use_case, city)

    if direction not in {"increase", "decrease"}:
        return refused(Why.NO_DIRECTION)
    given = [float(value) for value in (baseline, after, change_percent) if value is not None]
    if not all(map(isfinite, given)):
        return refused(Why.NOT_FINITE)
    if baseline is not None and after is not None:
        baseline, after = float(baseline), float(after)
        if baseline < 0 or after < 0:
            return refused(Why.NEGATIVE)
        if not baseline or not after:
            return refused(Why.ZERO_AFTER if baseline else Why.ZERO_BASELINE)
        log_ratio = log(after) - log(baseline)
        relative = None if not (error := _standard_error(spread, spread_kind, n)) else sqrt(2) * error / after
    elif change_percent is not None:
        left = 100 + float(change_percent)
        if left <= 0:
            return refused(Why.FELL_BY_ALL)
        log_ratio = log(left / 100)
        relative = None if not (error := _standard_error(spread, spread_kind, n)) else error / left
    else:
        return refused(Why.NO_BASELINE)
    known = relative is not None and SMALLEST_ERROR <= relative <= LARGEST_ERROR
    return Effect(
        estimate=log_ratio if direction == "increase" else 0.0 - log_ratio,
        variance=relative * relative if known and relative is not None else imputation.variance(design, quality),
        imputed=0.0 if known else 1.0,
        result=result,
        use_case=use_case,
        city=city,
        results=(result,),
    )


def _standard_error(spread: float | None, kind: str, n: int | None) -> float | None:
    """None where it is not told. A spread of zero is no spread: no value of a city is exact."""
    if spread is None or not isfinite(spread := float(spread)) or spread <= 0:
        return None
    if kind == "se":
        return spread
    if kind == "ci95":
        return spread / NORMAL_975
    return spread / sqrt(n) if kind == "sd" and n and n > 1 else None


def change_of(estimate: float, direction: str) -> float:
    """The relative change in percent that an effect stands for, with the sign that the indicator moves by.

    At most `MOST_PERCENT`.
    """
    log_ratio = estimate if direction == "increase" else -estimate
    return min((exp(min(log_ratio, 20.0)) - 1) * 100, MOST_PERCENT)


def combine_dependent(effects: Iterable[Effect], *, correlation: float) -> list[Effect]:
    """One effect per city: results of one use case first, then the use cases of one city. Sorted by city.

    Weights are inverse variances; the variance of the mean counts the covariance of each pair, `correlation` times the
    product of their standard errors, so that many results of one city cannot buy more certainty than
    sqrt(correlation) of the standard error of one.
    Source: Borenstein, Hedges, Higgins and Rothstein, Introduction to Meta-Analysis (2009), chapter 24.
    Args: correlation: 0 to 1, of results of one use case, and of use cases of one city.
    """
    cases = _merged(effects, lambda effect: (effect.city, effect.use_case), correlation)
    cities = _merged(cases, lambda effect: (effect.city,), correlation)
    return sorted(cities, key=lambda effect: str(effect.city))


def _merged(effects, key, correlation: float) -> list[Effect]:
    groups: dict[tuple, list[Effect]] = {}
    for effect in effects:
        groups.setdefault(key(effect), []).append(effect)
    return [_mean(group, correlation) for group in groups.values()]


def _mean(group: list[Effect], correlation: float) -> Effect:
    """By inverse variances 1/v, whose sum is S: the covariances of all pairs come to
    ((1 - r) S + r (sum of 1/sqrt(v))²) / S², so that sums over the group are all that is needed of it."""
    if len(group) == 1:
        return group[0]
    weights = [1 / effect.variance for effect in group]
    total = fsum(weights)
    together = fsum(map(sqrt, weights)) / total
    first = group[0]
    return Effect(
        estimate=fsum(weight * effect.estimate for weight, effect in zip(weights, group, strict=True)) / total,
        variance=(1 - correlation) / total + correlation * together * together,
        imputed=fsum(weight * effect.imputed for weight, effect in zip(weights, group, strict=True)) / total,
        use_case=first.use_case if all(effect.use_case == first.use_case for effect in group) else "",
        city=first.city,
        results=tuple(sorted((key for effect in group for key in effect.results), key=str)),
    )


def with_imputed_errors_times(effects: Iterable[Effect], factor: float) -> list[Effect]:
    """The effects of results, with every imputed standard error `factor` times as large."""
    return [
        replace(effect, variance=effect.variance * factor * factor) if effect.imputed else effect for effect in effects
    ]
