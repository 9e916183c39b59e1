"""Random-effects synthesis of the effects of independent cities. Pure functions of the standard library.

Sources:
    DerSimonian and Laird, "Meta-analysis in clinical trials", Controlled Clinical Trials 7 (1986), 177-188.
    Paule and Mandel, "Consensus values and weighting factors", J. Res. Natl. Bur. Stand. 87 (1982), 377-385.
    Viechtbauer, "Bias and efficiency of meta-analytic variance estimators", J. Educ. Behav. Stat. 30 (2005), 261-293.
    Hartung and Knapp, "A refined method for the meta-analysis ...", Statistics in Medicine 20 (2001), 3875-3889.
    IntHout, Ioannidis and Borm, "The Hartung-Knapp-Sidik-Jonkman method ...", BMC Med. Res. Methodol. 14 (2014), 25.
    Röver, Knapp and Friede, "Hartung-Knapp-Sidik-Jonkman approach and its modification ...", ibid. 15 (2015), 99.
    Higgins, Thompson and Spiegelhalter, "A re-evaluation of random-effects meta-analysis", JRSS A 172 (2009), 137-159.
    Higgins and Thompson, "Quantifying heterogeneity in a meta-analysis", Statistics in Medicine 21 (2002), 1539-1558.
    Viechtbauer, "Confidence intervals for the amount of heterogeneity ...", Statistics in Medicine 26 (2007), 37-52.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from operator import mul
from typing import Literal

from alliance.core.quantiles import NORMAL_975, chi_squared_quantile, chi_squared_tail, t_quantile_975
from practices.effects import Effect as Effect
from practices.effects import Imputation as Imputation
from practices.effects import Refusal as Refusal
from practices.effects import Why as Why
from practices.effects import change_of as change_of
from practices.effects import combine_dependent as combine_dependent
from practices.effects import effect_of as effect_of
from practices.effects import with_imputed_errors_times

Method = Literal["REML", "DL", "PM"]
#: Below it no mean of cities is given.
FEWEST_CITIES = 3
#: Halves and doubles the standard errors that are conventions.
SENSITIVITY_FACTORS = (0.5, 1.0, 2.0)
MOST_STEPS = 200
#: Of effects and variances, as their cubes must stay numbers.
MOST = 1e24


@dataclass(frozen=True, slots=True)
class Interval:
    """Of 95 percent."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class NotEnough:
    """No mean is given, as too few independent cities have an effect.

    Attributes:
        effects: of the cities there are, as they were handed in.
    """

    cities: int
    needed: int
    effects: tuple[Effect, ...]

    @property
    def missing(self) -> int:
        return self.needed - self.cities


@dataclass(frozen=True, slots=True)
class Pooled:
    """The mean effect of cities, and how they differ.

    Attributes:
        estimate: log ratio, above zero is better.
        standard_error: by inverse variances (DerSimonian and Laird 1986).
        interval: Hartung-Knapp-Sidik-Jonkman with k - 1 degrees of freedom. Its factor is kept at 1 or
            above (Röver 2015), for effects that happen to agree would else make it arbitrarily narrow.
        prediction: where the effect of one more city is expected (Higgins 2009), k - 2 degrees of freedom.
        q, q_tail: Cochran's Q, and the chance of so large a value without heterogeneity.
        i_squared: 0 to 1, of Q: the share of the variation that chance within cities does not explain.
        tau_squared, tau_squared_interval: variance between cities; its interval by Q-profile (Viechtbauer 2007).
        weights: shares of the mean, in the order of `effects`.
    """

    method: Method
    estimate: float
    standard_error: float
    hksj_standard_error: float
    interval: Interval
    prediction: Interval
    q: float
    q_tail: float
    i_squared: float
    tau_squared: float
    tau_squared_interval: Interval
    weights: tuple[float, ...]
    effects: tuple[Effect, ...]

    @property
    def cities(self) -> int:
        return len(self.effects)

    @property
    def is_better(self) -> bool:
        """The whole interval lies above zero."""
        return self.interval.low > 0

    @property
    def is_worse(self) -> bool:
        return self.interval.high < 0

    @property
    def normal_interval(self) -> Interval:
        """Without the small-sample correction, for comparison with older publications."""
        half = NORMAL_975 * self.standard_error
        return Interval(self.estimate - half, self.estimate + half)

    @property
    def imputed(self) -> float:
        """0 to 1: the share of the weight that rests on imputed variances."""
        return fsum(w * effect.imputed for w, effect in zip(self.weights, self.effects, strict=True))


def pool(effects: Iterable[Effect], method: Method = "REML", *, fewest: int = FEWEST_CITIES) -> Pooled | NotEnough:
    """The random-effects mean of one effect per city (`combine_dependent` makes them).

    Raises: ValueError for a city that comes twice, a variance that is not above zero, or numbers beyond 1e24.
    """
    effects = tuple(effects)
    if len({effect.city for effect in effects}) < len(effects):
        raise ValueError("Combine the effects of one city first.")
    if not all(abs(e.estimate) < MOST and 1 / MOST <= e.variance <= MOST for e in effects):
        raise ValueError("An effect needs a finite estimate and a variance above zero.")
    k = len(effects)
    if k < max(fewest, 3):
        return NotEnough(k, max(fewest, 3), effects)
    y = [effect.estimate for effect in effects]
    v = [effect.variance for effect in effects]
    tau_squared = {"REML": _reml, "DL": _dersimonian_laird, "PM": _paule_mandel}[method](y, v)
    w, total, mean, spread = _weighted(y, v, tau_squared)
    standard_error = sqrt(1 / total)
    hksj = sqrt(spread / ((k - 1) * total))
    half = t_quantile_975(k - 1) * max(hksj, standard_error)
    ahead = t_quantile_975(k - 2) * sqrt(tau_squared + 1 / total)
    q = _weighted(y, v, 0.0)[3]
    return Pooled(
        method=method,
        estimate=mean,
        standard_error=standard_error,
        hksj_standard_error=hksj,
        interval=Interval(mean - half, mean + half),
        prediction=Interval(mean - ahead, mean + ahead),
        q=q,
        q_tail=chi_squared_tail(q, k - 1),
        i_squared=max(0.0, 1 - (k - 1) / q) if q > 0 else 0.0,
        tau_squared=tau_squared,
        tau_squared_interval=Interval(
            _tau_squared_where(y, v, chi_squared_quantile(0.975, k - 1)),
            _tau_squared_where(y, v, chi_squared_quantile(0.025, k - 1)),
        ),
        weights=tuple(weight / total for weight in w),
        effects=effects,
    )


def _weighted(y: Sequence[float], v: Sequence[float], tau_squared: float) -> tuple[list[float], float, float, float]:
    """Weights, their sum, the weighted mean, and the weighted sum of squares around it (generalised Q)."""
    w = [1 / (variance + tau_squared) for variance in v]
    total = fsum(w)
    # Around one of the values, so that equal effects have a mean that equals them, and no spread.
    origin = min(y)
    mean = origin + fsum(map(mul, w, [value - origin for value in y])) / total
    away = [value - mean for value in y]
    return w, total, mean, fsum(map(mul, w, map(mul, away, away)))


# --- the variance between cities -------------------------------------------------------------------------------------
def _dersimonian_laird(y: Sequence[float], v: Sequence[float]) -> float:
    w, total, _, q = _weighted(y, v, 0.0)
    return max(0.0, (q - (len(y) - 1)) / (total - fsum(weight * weight for weight in w) / total))


def _paule_mandel(y: Sequence[float], v: Sequence[float]) -> float:
    """Where the generalised Q equals its expectation, k - 1."""
    return _tau_squared_where(y, v, len(y) - 1)


def _tau_squared_where(y: Sequence[float], v: Sequence[float], target: float) -> float:
    """The variance between cities at which the generalised Q equals `target`, or 0 when it is below it everywhere.

    Q falls and is convex in it, so that Newton's steps from 0 go up to the solution and never past it.
    """
    tau_squared = 0.0
    for _ in range(MOST_STEPS):
        w, _total, mean, q = _weighted(y, v, tau_squared)
        if q <= target:
            break
        slope = fsum((weight * (value - mean)) ** 2 for weight, value in zip(w, y, strict=True))
        step = (q - target) / slope
        if tau_squared + step == tau_squared:
            break
        tau_squared += step
    return tau_squared


def _reml(y: Sequence[float], v: Sequence[float]) -> float:
    """Fisher's scoring on the restricted likelihood (Viechtbauer 2005), never below 0.

    Where a step would lower the likelihood's slope past its root and back without end, halving it settles it.
    """
    tau_squared, slowed, before = _dersimonian_laird(y, v), 1.0, 0.0
    for _ in range(MOST_STEPS):
        w, total, mean, _q = _weighted(y, v, tau_squared)
        w_squared = list(map(mul, w, w))
        squares, cubes = fsum(w_squared), fsum(map(mul, w_squared, w))
        away = [value - mean for value in y]
        residual = fsum(map(mul, w_squared, map(mul, away, away)))
        score = residual - total + squares / total
        information = squares - 2 * cubes / total + (squares / total) ** 2
        step = score / information
        if step * before < 0:
            slowed /= 2
        before = step
        moved = max(0.0, tau_squared + slowed * step)
        if abs(moved - tau_squared) <= 1e-15 * (tau_squared + 1 / total):
            return moved
        tau_squared = moved
    return tau_squared


# --- what the mean rests on ------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class LeftOut:
    """The mean without one city."""

    city: Hashable
    result: Pooled | NotEnough


def leave_one_out(effects: Sequence[Effect], method: Method = "REML") -> list[LeftOut]:
    """The mean without each of the cities in turn, in their order."""
    return [
        LeftOut(effect.city, pool([*effects[:at], *effects[at + 1 :]], method)) for at, effect in enumerate(effects)
    ]


@dataclass(frozen=True, slots=True)
class Subgroups:
    """Means by a property of cities, sorted by it; Q between the groups that have one, with the chance of so much."""

    groups: dict[str, Pooled | NotEnough]
    q_between: float | None
    q_between_tail: float | None


def subgroups(effects: Iterable[Effect], key: Callable[[Effect], str], method: Method = "REML") -> Subgroups:
    """Means by region, size, design or another property of a city's effect, each with a tau-squared of its own.

    Source: Borenstein et al. (2009), chapter 19: Q between is the spread of the group means around their weighted mean.
    """
    parts: dict[str, list[Effect]] = {}
    for effect in effects:
        parts.setdefault(key(effect), []).append(effect)
    groups = {name: pool(parts[name], method) for name in sorted(parts)}
    means = [group for group in groups.values() if isinstance(group, Pooled)]
    if len(means) < 2:
        return Subgroups(groups, None, None)
    q = spread_between([group.estimate for group in means], [group.standard_error**2 for group in means])
    return Subgroups(groups, q, chi_squared_tail(q, len(means) - 1))


def spread_between(estimates: Sequence[float], variances: Sequence[float]) -> float:
    """Q between groups: the spread of their means around their weighted mean."""
    return _weighted(estimates, variances, 0.0)[3]


@dataclass(frozen=True, slots=True)
class Varied:
    """The mean with imputed standard errors `factor` times as large."""

    factor: float
    result: Pooled | NotEnough


def sensitivity(effects: Iterable[Effect], *, correlation: float, method: Method = "REML") -> list[Varied]:
    """The mean of results' effects (not yet combined) under smaller and larger imputed standard errors."""
    effects = list(effects)
    return [
        Varied(factor, synthesise(with_imputed_errors_times(effects, factor), correlation=correlation, method=method))
        for factor in SENSITIVITY_FACTORS
    ]


def synthesise(effects: Iterable[Effect], *, correlation: float, method: Method = "REML") -> Pooled | NotEnough:
    """From the effects of results to the mean of cities."""
    return pool(combine_dependent(effects, correlation=correlation), method)
