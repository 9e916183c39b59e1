"""What is computed of many practices at once is what the reference computes of one, and does not hang on company."""

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practices import effect_arrays, judging, pooling, synthesis
from practices.effects import Imputation, combine_dependent, effect_of, with_imputed_errors_times
from practices.measured import Inputs, Measured
from practices.rules import rule
from practices.synthesis import Effect, Pooled, pool
from tests.practices import published

METHODS = ["REML", "DL", "PM"]
IMPUTATION = Imputation({"good": 0.1, "poor": 0.5}, {"": 1.25, "measured": 1.0}, 0.7)
RULE = rule()
values = st.none() | st.sampled_from([0.0, -1.0, float("inf"), float("nan")]) | st.floats(0.001, 1e6)


def near(number):
    return pytest.approx(number, rel=1e-12, abs=1e-12)


@st.composite
def groups(draw):
    k, rows = draw(st.integers(3, 9)), draw(st.integers(1, 6))
    size = {"min_size": k * rows, "max_size": k * rows}
    y = draw(st.lists(st.floats(-3, 3).map(lambda one: round(one, 6)), **size))
    v = draw(st.lists(st.floats(1e-3, 5).map(lambda one: round(one, 6)), **size))
    return np.array(y).reshape(rows, k), np.array(v).reshape(rows, k)


def effects(y, v):
    return [Effect(a, b, city=at) for at, (a, b) in enumerate(zip(y.tolist(), v.tolist(), strict=True))]


@pytest.mark.parametrize("method", METHODS)
@given(drawn=groups())
@settings(max_examples=40, deadline=None)
def test_means_and_what_they_rest_on_are_those_of_the_reference(method, drawn):
    y, v = drawn
    means = pooling.means(y, v, method)
    spreads = pooling.spreads(y, v, means)
    shares = pooling.shares(v, means.tau_squared)
    for at in range(len(y)):
        one = pool(effects(y[at], v[at]), method)
        assert isinstance(one, Pooled)
        assert means.estimate[at] == near(one.estimate)
        assert means.standard_error[at] == near(one.standard_error)
        assert (means.low[at], means.high[at]) == (near(one.interval.low), near(one.interval.high))
        assert means.tau_squared[at] == near(one.tau_squared)
        assert spreads.hksj_standard_error[at] == near(one.hksj_standard_error)
        assert (spreads.prediction_low[at], spreads.prediction_high[at]) == (
            near(one.prediction.low),
            near(one.prediction.high),
        )
        assert (spreads.q[at], spreads.q_tail[at]) == (near(one.q), near(one.q_tail))
        assert spreads.i_squared[at] == near(one.i_squared)
        assert spreads.tau_squared_low[at] == near(one.tau_squared_interval.low)
        assert spreads.tau_squared_high[at] == near(one.tau_squared_interval.high)
        assert shares[at].tolist() == near(list(one.weights))


@given(drawn=groups())
@settings(max_examples=30, deadline=None)
def test_leaving_each_city_out_is_that_of_the_reference(drawn):
    y, v = drawn
    if y.shape[1] < 4:
        return
    found = pooling.without_each(y, v)
    expected = [left.result for row in range(len(y)) for left in synthesis.leave_one_out(effects(y[row], v[row]))]
    assert found.estimate.tolist() == near([one.estimate for one in expected])
    assert found.low.tolist() == near([one.interval.low for one in expected])


@pytest.mark.parametrize("method", METHODS)
def test_a_row_is_the_same_bytes_alone_and_in_company(method):
    draw = np.random.default_rng(7)
    y, v = draw.normal(0, 1, (500, 17)), draw.lognormal(-2, 1, (500, 17))
    together = pooling.means(y, v, method)
    for at in range(0, 500, 7):
        alone = pooling.means(y[at : at + 1].copy(), v[at : at + 1].copy(), method)
        for name in ("estimate", "standard_error", "low", "high", "tau_squared"):
            assert getattr(alone, name)[0] == getattr(together, name)[at]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("data", published.ALL, ids=lambda data: data.name)
def test_published_data_have_the_same_means(data, method):
    y = np.array([[one.estimate for one in data.effects]])
    v = np.array([[one.variance for one in data.effects]])
    found, one = pooling.means(y, v, method), pool(data.effects, method)
    assert (found.estimate[0], found.tau_squared[0]) == (near(one.estimate), near(one.tau_squared))
    assert (found.low[0], found.high[0]) == (near(one.interval.low), near(one.interval.high))


def effects_of(rows):
    """The effects of results, computed at once."""
    baseline, after, change, direction, spread, kind, n, design, quality = zip(*rows, strict=True)
    return effect_arrays.effects_of(
        effect_arrays.Columns(
            *effect_arrays.numbers(baseline),
            *effect_arrays.numbers(after),
            *effect_arrays.numbers(change),
            sign=effect_arrays.signs(direction),
            spread=effect_arrays.numbers(spread)[0],
            spread_kind=np.array([effect_arrays.SPREADS.get(one, 0) for one in kind]),
            n=effect_arrays.numbers(n)[0],
            imputed_variance=effect_arrays.imputed_variances(design, quality, IMPUTATION),
        )
    )


@given(
    rows=st.lists(
        st.tuples(
            values, values, values,
            st.sampled_from(["increase", "decrease", "none"]),
            st.none() | st.floats(0, 50),
            st.sampled_from(["", "sd", "se", "ci95"]),
            st.none() | st.integers(0, 500),
            st.sampled_from(["good", "poor", "other"]),
            st.sampled_from(["", "measured"]),
        ),
        min_size=1,
        max_size=12,
    )
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_effects_and_refusals_are_those_of_the_reference(rows):
    found = effects_of(rows)
    for at, row in enumerate(rows):
        one = effect_of(
            baseline=row[0], after=row[1], change_percent=row[2], direction=row[3], imputation=IMPUTATION,
            spread=row[4], spread_kind=row[5], n=row[6], design=row[7], quality=row[8],
        )  # fmt: skip
        assert found.is_there[at] == isinstance(one, Effect)
        if isinstance(one, Effect):
            alone = effects_of([row])
            assert (found.estimate[at], found.variance[at]) == (alone.estimate[0], alone.variance[0]), "the same bytes"
            assert (found.estimate[at], found.variance[at]) == (near(one.estimate), near(one.variance))
            assert found.is_imputed[at] == bool(one.imputed)


@given(
    drawn=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.floats(-2, 2), st.floats(0.01, 4), st.booleans()),
        min_size=1,
        max_size=20,
    ),
    factor=st.sampled_from(synthesis.SENSITIVITY_FACTORS),
)
@settings(max_examples=100, deadline=None)
def test_sums_lead_to_the_effects_of_cities_that_single_results_lead_to(drawn, factor):
    rows = sorted(drawn)
    single = [
        Effect(y, v, imputed=float(imputed), city=city, use_case=(city, case), result=at, results=(at,))
        for at, (city, case, y, v, imputed) in enumerate(rows)
    ]
    expected = combine_dependent(with_imputed_errors_times(single, factor), correlation=0.8)
    cases = sorted({row[:2] for row in rows})
    cities = sorted({row[0] for row in rows})
    group = np.array([cases.index(row[:2]) for row in rows])
    told = effect_arrays.Effects(
        np.ones(len(rows), bool),
        *(np.array([row[at] for row in rows]) for at in (2, 3)),
        np.array([r[4] for r in rows]),
    )
    found = effect_arrays.cities_of(
        effect_arrays.sums_of(told, group, len(cases)),
        np.arange(len(cases)),
        np.array([cities.index(city) for city, _case in cases]),
        len(cities),
        correlation=0.8,
        factor=factor,
    )
    assert found.estimate.tolist() == near([one.estimate for one in expected])
    assert found.variance.tolist() == near([one.variance for one in expected])
    assert found.imputed.tolist() == near([one.imputed for one in expected])


def practice(name: str, draw: random.Random) -> Inputs:
    kpis = ["K1", "K2", "K3"]
    measured = []
    for city in range(draw.randint(0, 9)):
        for case in range(draw.randint(1, 2)):
            for kpi in draw.sample(kpis, draw.randint(1, 2)):
                results = draw.randint(0, 4)
                sums = [0.0] * 6
                for _ in range(results):
                    y, w, at = draw.gauss(0.2, 0.5), draw.uniform(2, 40), draw.choice([0, 3])
                    sums[at], sums[at + 1], sums[at + 2] = sums[at] + w, sums[at + 1] + w * y, sums[at + 2] + w**0.5
                measured.append(
                    Measured(
                        use_case=f"{city}-{case}", city=f"city-{city}", region=draw.choice(["a", "b"]), size="unknown",
                        kpi=kpi, direction="decrease", suppliers=(), results=results, refused=draw.randint(0, 1),
                        sums=tuple(sums), least=-0.1 if results else None, grades=results * 2,
                        best_grade=2 * bool(results),
                        years=(2020,) * results, reporters={}, verified=0, digest="",
                    )
                )  # fmt: skip
    measured.sort(key=lambda row: (row.city, row.use_case, row.kpi))
    return Inputs(name, "K1", "decrease", harm=False, measured=measured, same={"K2": "K2", "K3": "K2"})


def test_the_evidence_of_a_practice_is_the_same_bytes_alone_and_in_company():
    draw = random.Random(11)
    practices = [practice(f"p{n}", draw) for n in range(40)]
    together = judging.judge(practices, RULE, 2026)
    alone = [judging.judge([one], RULE, 2026)[0] for one in practices]
    assert json.dumps(together) == json.dumps(alone)
    assert json.loads(json.dumps(together)) == together, "as it is read again"
    assert sum(bool(body["families"][0]["pooled"]) for body in together) > 10
    assert "NaN" not in json.dumps(together)
