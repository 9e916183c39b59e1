"""Every statistic of an aggregate equals that of NumPy and SciPy, to 1e-9, for any values."""

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alliance.core.quantiles import t_quantile_975
from kpis.statistics import median_ranks, summarise

VALUES = st.lists(st.integers(-(10**9), 10**9).map(lambda number: number / 1_000), min_size=1, max_size=60)


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-9)


@given(VALUES)
def test_location_and_spread_are_those_of_numpy(values):
    summary = summarise(values)
    lower, median, upper = numpy.percentile(values, [25, 50, 75])
    assert summary.n == len(values)
    assert summary.mean == near(float(numpy.mean(values)))
    assert (summary.lower_quartile, summary.median, summary.upper_quartile) == (near(lower), near(median), near(upper))
    assert (summary.minimum, summary.maximum) == (min(values), max(values))
    assert summary.improved == int(numpy.sum(numpy.array(values) > 0))
    assert summary.worsened == int(numpy.sum(numpy.array(values) < 0))
    assert summary.improved_share + summary.unchanged_share + summary.worsened_share == near(1.0)


@given(VALUES)
def test_interval_of_the_mean_is_that_of_scipy(values):
    interval = summarise(values).mean_interval
    if len(values) < 2:
        assert interval is None
        return
    mean, error = numpy.mean(values), stats.sem(values)
    half = float(stats.t.ppf(0.975, len(values) - 1)) * error
    scale = max(1.0, float(numpy.max(numpy.abs(values))))
    assert abs(interval.low - (mean - half)) <= 1e-9 * scale
    assert abs(interval.high - (mean + half)) <= 1e-9 * scale


@given(VALUES)
def test_interval_of_the_median_is_that_of_scipy(values):
    summary = summarise(values)
    theirs = stats.quantile_test(values, q=0, p=0.5).confidence_interval(confidence_level=0.95)
    if len(values) < 6:
        assert summary.median_interval is None
        assert math.isnan(theirs.low) or math.isnan(theirs.high)
    else:
        assert (summary.median_interval.low, summary.median_interval.high) == (theirs.low, theirs.high)
        assert summary.median_interval.coverage >= 0.95


@pytest.mark.parametrize("n", [*range(1, 300), 1_000, 4_001, 20_000])
def test_ranks_are_the_innermost_that_the_binomial_allows(n):
    ranks = median_ranks(n)
    assert 1 - 2 * stats.binom.cdf(ranks.low, n, 0.5) < 0.95, "one further inside is too narrow"
    if ranks.low:
        assert ranks.low + ranks.high == n + 1
        assert ranks.coverage == pytest.approx(1 - 2 * stats.binom.cdf(ranks.low - 1, n, 0.5), abs=1e-12)
        assert ranks.coverage >= 0.95
    else:
        assert n < 6


@pytest.mark.parametrize("freedom", [*range(1, 300), 999, 1_000, 1_001, 5_000, 1_000_000])
def test_t_quantile_is_that_of_scipy(freedom):
    assert t_quantile_975(freedom) == pytest.approx(float(stats.t.ppf(0.975, freedom)), rel=1e-11)


def test_without_values_nothing_is_said():
    summary = summarise([])
    assert summary.n == 0
    assert summary.mean is summary.median is summary.median_interval is summary.mean_interval is None
    assert summary.improved_share is None


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        summarise([1.0, value])


def test_no_degree_of_freedom_is_refused():
    with pytest.raises(ValueError, match="degree"):
        t_quantile_975(0)
