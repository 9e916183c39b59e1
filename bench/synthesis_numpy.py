"""The estimators of `bench/synthesis.py` in plain NumPy, written apart from the portal: one row a practice, one column
a city, weight nought where a city has no result. Sources as in `practices/synthesis.py`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from practices.rules import rule

COLUMNS = ("case", "baseline", "after", "design")
DESIGNS = ("control group", "interrupted time series", "before-after", "self-reported")
STEPS, TOLERANCE, DRAWS, APART = 200, 1e-14, 2_000, 0.9


@dataclass
class Means:
    mean: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    tau_squared: np.ndarray


@dataclass
class Found:
    """One entry a practice; `without_low` one a practice and city."""

    reml: Means
    dl: Means
    pm: Means
    half: Means
    double: Means
    q: np.ndarray
    i_squared: np.ndarray
    prediction_low: np.ndarray
    prediction_high: np.ndarray
    q_tail: np.ndarray
    without_low: np.ndarray
    usual: np.ndarray
    order: np.ndarray
    bands: np.ndarray


def full(results: Any, cities: int, cases_of_a_city: int, kpis: int, seed: int) -> Found:
    """From results to the order of practices."""
    practices, cases = results.practices, cities * cases_of_a_city
    imputed = np.array([rule().imputation.variance(design, "") for design in DESIGNS])
    y, v = np.log(results.baseline) - np.log(results.after), imputed[results.design]
    correlation = rule().correlation

    def merged(y, w, group, groups):
        total = np.bincount(group, w, groups)
        with np.errstate(divide="ignore", invalid="ignore"):
            together = np.bincount(group, np.sqrt(w), groups) / total
            variance = (1 - correlation) / total + correlation * together**2
            return np.bincount(group, w * y, groups) / total, np.where(total > 0, 1 / variance, 0.0)

    def by_city(factor: float) -> tuple[np.ndarray, np.ndarray]:
        y1, w1 = merged(y, 1 / (v * factor**2), results.case, practices * cases)
        y2, w2 = merged(np.nan_to_num(y1), w1, np.arange(practices * cases) // cases_of_a_city, practices * cities)
        return np.nan_to_num(y2).reshape(practices, cities), w2.reshape(practices, cities)

    y1, w1 = by_city(1.0)
    reml = means(y1, w1, "REML")
    k = (w1 > 0).sum(1)
    q = generalised_q(y1, w1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = stats.t.ppf(0.975, k - 2) * np.sqrt(reml.tau_squared + reml.error**2)
        i_squared = np.maximum(0, 1 - (k - 1) / q)
    without = np.full((practices, cities), np.nan)
    for city in range(cities):
        others = w1.copy()
        others[:, city] = 0
        without[:, city] = means(y1, others, "REML").low
    practice = results.case // cases
    order_of_kpi = np.lexsort((np.abs(y), practice % kpis))
    size = np.abs(y)[order_of_kpi]
    ends = np.searchsorted((practice % kpis)[order_of_kpi], np.arange(kpis + 1))
    middle, count = (ends[:-1] + ends[1:]) // 2, np.diff(ends)
    lower = np.where(count % 2 == 0, middle - 1, middle)
    usual = (size[np.clip(lower, 0, None)] + size[np.clip(middle, 0, len(size) - 1)]) / 2
    usual = np.maximum(0.05, usual)[np.arange(practices) % kpis]
    order = np.argsort(-np.nan_to_num(reml.low, nan=-np.inf) / usual, kind="stable")
    draws = np.random.default_rng(seed).standard_normal((practices, DRAWS))
    draws = (reml.mean[:, None] + draws * ((reml.high - reml.low) / 3.92)[:, None]) / usual[:, None]
    bands, band, first = np.zeros(practices, int), 0, None
    for one in order.tolist():
        if first is None or (draws[first] > draws[one]).mean() >= APART:
            band, first = band + 1, one
        bands[one] = band
    return Found(
        reml=reml,
        dl=means(y1, w1, "DL"),
        pm=means(y1, w1, "PM"),
        half=means(*by_city(0.5), "REML"),
        double=means(*by_city(2.0), "REML"),
        q=q,
        i_squared=i_squared,
        prediction_low=reml.mean - ahead,
        prediction_high=reml.mean + ahead,
        q_tail=stats.chi2.sf(q, k - 1),
        without_low=without,
        usual=usual,
        order=order,
        bands=bands,
    )


def weighted(y, w):
    total = w.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (w * y).sum(1) / total
    return total, mean, y - mean[:, None]


def generalised_q(y, w):
    _total, _mean, away = weighted(y, w)
    return (w * away**2).sum(1)


def means(y: np.ndarray, w: np.ndarray, method: str) -> Means:
    """Args: w: inverse variances, nought where there is none."""
    k = (w > 0).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        tau_squared = {"DL": dersimonian_laird, "PM": paule_mandel, "REML": reml}[method](y, w, k)
        w = with_tau(w, tau_squared)
        total, mean, away = weighted(y, w)
        error = np.sqrt(1 / total)
        spread = np.sqrt((w * away**2).sum(1) / ((k - 1) * total))
        half = stats.t.ppf(0.975, k - 1) * np.maximum(error, spread)
        few = k < 3
        return Means(*(np.where(few, np.nan, one) for one in (mean, error, mean - half, mean + half, tau_squared)))


def with_tau(w, tau_squared):
    """1 / (v + tau²), nought where w is."""
    return w / (1 + w * tau_squared[:, None])


def dersimonian_laird(y, w, k):
    total = w.sum(1)
    return np.maximum(0, (generalised_q(y, w) - (k - 1)) / (total - (w**2).sum(1) / total))


def paule_mandel(y, w, k):
    tau_squared = np.zeros(len(y))
    for _ in range(STEPS):
        some = with_tau(w, tau_squared)
        _total, _mean, away = weighted(y, some)
        q = (some * away**2).sum(1)
        step = np.where(q > k - 1, (q - (k - 1)) / ((some * away) ** 2).sum(1), 0)
        tau_squared = tau_squared + step
        if np.nanmax(step / (tau_squared + 1e-12)) < TOLERANCE:
            break
    return tau_squared


def reml(y, w, k):
    found = dersimonian_laird(y, w, k)
    open_ones = np.flatnonzero(k >= 3)
    y, w, tau_squared = y[open_ones], w[open_ones], found[open_ones]
    for _ in range(STEPS):
        some = with_tau(w, tau_squared)
        total, _mean, away = weighted(y, some)
        squares, cubes = (some**2).sum(1), (some**3).sum(1)
        score = ((some * away) ** 2).sum(1) - total + squares / total
        moved = np.maximum(0, tau_squared + score / (squares - 2 * cubes / total + (squares / total) ** 2))
        goes_on = np.abs(moved - tau_squared) > TOLERANCE * (moved + 1 / total)
        found[open_ones] = moved
        open_ones, y, w, tau_squared = open_ones[goes_on], y[goes_on], w[goes_on], moved[goes_on]
        if not len(open_ones):
            break
    return found
