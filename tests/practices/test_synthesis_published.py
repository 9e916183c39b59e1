"""The synthesis says what published meta-analyses say, and what another implementation computes."""

from math import fsum, log
from operator import attrgetter

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from alliance.core.quantiles import chi_squared_quantile, chi_squared_tail, t_quantile_975
from practices.synthesis import pool
from tests.practices import published

PRINTED = [
    pytest.param(data, method, attribute, value, digits, id=f"{data.name}-{method}-{attribute}")
    for data in published.ALL
    for method, attributes in data.printed.items()
    for attribute, (value, digits) in attributes.items()
]


@pytest.mark.parametrize(("data", "method", "attribute", "value", "digits"), PRINTED)
def test_as_printed(data, method, attribute, value, digits):
    computed = attrgetter(attribute)(pool(data.effects, method))
    assert computed == pytest.approx(value, abs=0.5 * 10**-digits + 1e-9)


@pytest.mark.parametrize(
    ("data", "method"),
    # Without heterogeneity statsmodels weights DerSimonian and Laird by a variance between studies below zero.
    [(data, method) for data in published.ALL for method in ("DL", "PM") if (data.name, method) != ("lidocaine", "DL")],
    ids=lambda value: getattr(value, "name", value),
)
def test_statsmodels_computes_the_same(data, method):
    y = np.array([effect.estimate for effect in data.effects])
    v = np.array([effect.variance for effect in data.effects])
    # Its Paule-Mandel iteration gives up where rounding takes it past the root, which it does from 0 in one data set.
    options = {"atol": 1e-10, "maxiter": 500, "tau2_start": v.min()} if method == "PM" else {}
    other = combine_effects(y, v, method_re=method.lower(), **options)
    ours = pool(data.effects, method)
    assert ours.tau_squared == pytest.approx(other.tau2, rel=1e-9, abs=1e-12)
    assert ours.estimate == pytest.approx(other.mean_effect_re, rel=1e-9)
    assert ours.standard_error == pytest.approx(other.sd_eff_w_re, rel=1e-9)
    assert ours.hksj_standard_error == pytest.approx(other.sd_eff_w_re_hksj, rel=1e-9)
    assert list(ours.weights) == pytest.approx(list(other.weights_rel_re), rel=1e-9)
    assert ours.q == pytest.approx(other.q, rel=1e-9)
    assert ours.i_squared == pytest.approx(max(0.0, other.i2), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("data", published.ALL, ids=lambda data: data.name)
def test_reml_is_where_the_restricted_likelihood_is_largest(data):
    best = pool(data.effects, "REML").tau_squared
    scale = best or min(effect.variance for effect in data.effects)
    around = [best + step * scale for step in (-0.01, -0.001, 0.001, 0.01) if best + step * scale >= 0]
    assert all(restricted_likelihood(data.effects, best) >= restricted_likelihood(data.effects, t) for t in around)


def restricted_likelihood(effects, tau_squared):
    """Logarithm without constants: Viechtbauer (2005), equation 8."""
    w = [1 / (effect.variance + tau_squared) for effect in effects]
    mean = fsum(weight * effect.estimate for weight, effect in zip(w, effects, strict=True)) / fsum(w)
    squares = fsum(weight * (effect.estimate - mean) ** 2 for weight, effect in zip(w, effects, strict=True))
    return (fsum(map(log, w)) - log(fsum(w)) - squares) / 2


@pytest.mark.parametrize("data", published.ALL, ids=lambda data: data.name)
def test_prediction_interval_of_higgins_2009(data):
    pooled = pool(data.effects, "DL")
    ahead = stats.t.ppf(0.975, pooled.cities - 2) * (pooled.tau_squared + pooled.standard_error**2) ** 0.5
    assert pooled.prediction.high - pooled.estimate == pytest.approx(ahead, rel=1e-9)
    assert pooled.estimate - pooled.prediction.low == pytest.approx(ahead, rel=1e-9)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 12, 37, 100, 999, 1000, 1001, 5000])
def test_quantiles_are_those_of_scipy(freedom):
    assert t_quantile_975(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-12)
    for share in (0.025, 0.5, 0.975):
        assert chi_squared_quantile(share, freedom) == pytest.approx(stats.chi2.ppf(share, freedom), rel=1e-10)
    for value in (0.0, 0.1, freedom, 2.0 * freedom):
        assert chi_squared_tail(value, freedom) == pytest.approx(stats.chi2.sf(value, freedom), rel=1e-9, abs=1e-300)
