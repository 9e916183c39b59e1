"""Random-effects means of many groups of cities at once, in NumPy: what `practices.synthesis.pool` is for one.

Groups of the same size stand in one array, a row each. A row's numbers come from additions, multiplications,
divisions and square roots along it alone, so that they are the same bytes in whatever company it is computed. Sources
of the estimators: `practices/synthesis.py`, which is the reference; the tests hold both together to 1e-12.

Only the worker computes evidence: NumPy is imported with this module, never by a web server.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from alliance.core.quantiles import chi_squared_quantile, chi_squared_tail, t_quantile_975
from practices.synthesis import FEWEST_CITIES, MOST_STEPS, Method

Numbers = NDArray[np.float64]
#: So many numbers of groups without one city are computed at once: they stay in the processor's cache.
AT_ONCE = 1 << 14


@dataclass(slots=True)
class Means:
    """One number a group; NaN where there are too few cities. Terms as in `practices.synthesis.Pooled`."""

    estimate: Numbers
    standard_error: Numbers
    low: Numbers
    high: Numbers
    tau_squared: Numbers

    @classmethod
    def unknown(cls, count: int):
        return cls(*(np.full(count, np.nan) for _ in fields(cls)))

    def put(self, at: NDArray[np.intp] | slice, other: "Means") -> None:
        for one in fields(self):
            getattr(self, one.name)[at] = getattr(other, one.name)


@dataclass(slots=True)
class Spreads:
    """How the cities of a group differ, one number a group."""

    hksj_standard_error: Numbers
    prediction_low: Numbers
    prediction_high: Numbers
    q: Numbers
    q_tail: Numbers
    i_squared: Numbers
    tau_squared_low: Numbers
    tau_squared_high: Numbers

    @classmethod
    def unknown(cls, count: int):
        return cls(*(np.full(count, np.nan) for _ in fields(cls)))

    def put(self, at: NDArray[np.intp], other: "Spreads") -> None:
        for one in fields(self):
            getattr(self, one.name)[at] = getattr(other, one.name)


def means(y: Numbers, v: Numbers, method: Method = "REML") -> Means:
    """Args: y, v: estimates and variances, a row a group, at least three columns."""
    k = y.shape[1]
    if not k >= FEWEST_CITIES:
        raise ValueError("A mean needs three cities.")
    tau_squared = _METHODS[method](y, v)
    _w, total, mean, spread = _weighted(y, v, tau_squared)
    error = np.sqrt(1 / total)
    half = t_quantile_975(k - 1) * np.maximum(np.sqrt(spread / ((k - 1) * total)), error)
    return Means(mean, error, mean - half, mean + half, tau_squared)


def spreads(y: Numbers, v: Numbers, found: Means) -> Spreads:
    """Args: found: the means of the same groups."""
    k = y.shape[1]
    _w, total, _mean, spread = _weighted(y, v, found.tau_squared)
    ahead = t_quantile_975(k - 2) * np.sqrt(found.tau_squared + 1 / total)
    q = _weighted(y, v, np.zeros(len(y)))[3]
    with np.errstate(divide="ignore"):
        i_squared = np.where(q > 0, np.maximum(0.0, 1 - (k - 1) / q), 0.0)
    return Spreads(
        hksj_standard_error=np.sqrt(spread / ((k - 1) * total)),
        prediction_low=found.estimate - ahead,
        prediction_high=found.estimate + ahead,
        q=q,
        q_tail=np.array([chi_squared_tail(one, k - 1) for one in q.tolist()]),
        i_squared=i_squared,
        tau_squared_low=_tau_squared_where(y, v, chi_squared_quantile(0.975, k - 1)),
        tau_squared_high=_tau_squared_where(y, v, chi_squared_quantile(0.025, k - 1)),
    )


def shares(v: Numbers, tau_squared: Numbers) -> Numbers:
    """Of each city in its group's mean."""
    w = 1 / (v + tau_squared[:, None])
    return w / _sums(w)[:, None]


def means_of(y: Numbers, v: Numbers, groups: Sequence[NDArray[np.intp]], method: Method = "REML") -> Means:
    """Means of groups of any size, each given by the places of its cities in `y` and `v`."""
    found = Means.unknown(len(groups))
    for at, places in by_size(groups):
        found.put(at, means(y[places], v[places], method))
    return found


def by_size(groups: Sequence[NDArray[np.intp]]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Groups that have a mean, those of one size together: which they are, and their cities' places, a row each."""
    sizes = np.fromiter(map(len, groups), np.intp, len(groups))
    found = []
    for size in np.unique(sizes[sizes >= FEWEST_CITIES]).tolist():
        at = np.flatnonzero(sizes == size)
        found.append((at, np.stack([groups[one] for one in at.tolist()])))
    return found


def without_each(y: Numbers, v: Numbers, method: Method = "REML") -> Means:
    """Means without each city in turn: of the first group without its first city, its second, ...; then of the next.

    Args: y, v: a row a group, at least four columns.
    """
    rows, k = y.shape
    others = np.array([[column for column in range(k) if column != out] for out in range(k)])
    found = Means.unknown(rows * k)
    step = max(1, AT_ONCE // (k * (k - 1)))
    for begin in range(0, rows, step):
        end = min(rows, begin + step)
        shape = ((end - begin) * k, k - 1)
        part = means(y[begin:end][:, others].reshape(shape), v[begin:end][:, others].reshape(shape), method)
        found.put(slice(begin * k, end * k), part)
    return found


def _sums(values: Numbers) -> Numbers:
    return np.add.reduce(values, axis=1)


def _products(one: Numbers, other: Numbers) -> Numbers:
    """Sums of the products along each row."""
    return np.einsum("ij,ij->i", one, other)


def _weighted(y: Numbers, v: Numbers, tau_squared: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Weights, their sum, the weighted mean, and the weighted sum of squares around it (generalised Q)."""
    w = 1 / (v + tau_squared[:, None])
    total = _sums(w)
    # Around one of the values, so that equal effects have a mean that equals them, and no spread.
    origin = y.min(axis=1)
    mean = origin + _sums(w * (y - origin[:, None])) / total
    away = y - mean[:, None]
    return w, total, mean, _sums(w * (away * away))


# --- the variance between cities -------------------------------------------------------------------------------------
def _dersimonian_laird(y: Numbers, v: Numbers) -> Numbers:
    w, total, _mean, q = _weighted(y, v, np.zeros(len(y)))
    return np.maximum(0.0, (q - (y.shape[1] - 1)) / (total - _sums(w * w) / total))


def _paule_mandel(y: Numbers, v: Numbers) -> Numbers:
    return _tau_squared_where(y, v, y.shape[1] - 1)


def _tau_squared_where(y: Numbers, v: Numbers, target: float) -> Numbers:
    """Newton's steps from 0 up to where the generalised Q equals `target`; 0 where it is below it everywhere."""
    found = np.zeros(len(y))
    open_ones = np.arange(len(y))
    for _ in range(MOST_STEPS):
        w, _total, mean, q = _weighted(y, v, found[open_ones])
        away = w * (y - mean[:, None])
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = found[open_ones] + (q - target) / _sums(away * away)
        goes_on = (q > target) & (moved != found[open_ones])
        open_ones, y, v = open_ones[goes_on], y[goes_on], v[goes_on]
        if not len(open_ones):
            break
        found[open_ones] = moved[goes_on]
    return found


def _reml(y: Numbers, v: Numbers) -> Numbers:
    """Where Fisher's steps on the restricted likelihood come to rest, from the estimate of DerSimonian and Laird.

    Fisher's step shrinks by about the same share each time; the secant through the last two goes to its root at once.
    """
    found = _dersimonian_laird(y, v)
    y = y - y.min(axis=1)[:, None]  # where equal effects are noughts
    open_ones, tau_squared = np.arange(len(y)), found
    length, before, most = np.zeros(len(y)), np.zeros(len(y)), np.full(len(y), 8.0)
    for _ in range(MOST_STEPS):
        w = 1 / (v + tau_squared[:, None])
        total = _sums(w)
        away = y - (_products(w, y) / total)[:, None]
        away *= w
        w_squared = w * w
        squares, cubes = _sums(w_squared), _products(w_squared, w)
        score = _products(away, away) - total + squares / total
        step = score / (squares - 2 * cubes / total + (squares / total) ** 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = length / (before - step)
        # Where rounding, or a likelihood with two tops, sends steps to and fro, they become smaller.
        most = np.where(step * before < 0, most * 0.7, most)
        factor = np.minimum(np.where((factor > 0.25) & (factor < 8), factor, 1.0), most)
        moved = np.maximum(0.0, tau_squared + factor * step)
        length, before = moved - tau_squared, step
        goes_on = np.abs(length) > 1e-15 * (tau_squared + 1 / total)
        found[open_ones] = tau_squared = moved
        if not goes_on.all():
            open_ones, y, v = open_ones[goes_on], y[goes_on], v[goes_on]
            tau_squared, length = tau_squared[goes_on], length[goes_on]
            before, most = before[goes_on], most[goes_on]
            if not len(open_ones):
                break
    return found


_METHODS: dict[Method, Callable[[Numbers, Numbers], Numbers]] = {
    "REML": _reml,
    "DL": _dersimonian_laird,
    "PM": _paule_mandel,
}
