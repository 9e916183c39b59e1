"""What holds of every synthesis, whatever the effects."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practices.synthesis import (
    Effect,
    NotEnough,
    Pooled,
    combine_dependent,
    leave_one_out,
    pool,
    sensitivity,
    subgroups,
    synthesise,
)

METHODS = ["REML", "DL", "PM"]
estimates = st.floats(-5, 5).map(lambda value: round(value, 6))
variances = st.floats(1e-4, 10).map(lambda value: round(value, 6))


@st.composite
def cities(draw, smallest=3, largest=12):
    pairs = draw(st.lists(st.tuples(estimates, variances), min_size=smallest, max_size=largest))
    return [Effect(y, v, city=f"city {n}", result=n, results=(n,)) for n, (y, v) in enumerate(pairs)]


@pytest.mark.parametrize("method", METHODS)
@given(estimate=estimates, spreads=st.lists(variances, min_size=3, max_size=10))
def test_identical_effects_have_no_heterogeneity(method, estimate, spreads):
    pooled = pool([Effect(estimate, v, city=n) for n, v in enumerate(spreads)], method)
    assert pooled.tau_squared == 0
    assert pooled.i_squared == 0
    assert pooled.q == pytest.approx(0, abs=1e-12)
    assert pooled.estimate == pytest.approx(estimate, abs=1e-12)
    # Agreement by chance does not make the interval narrower than the variances allow.
    assert pooled.interval.high - pooled.interval.low > 2 * 1.96 * pooled.standard_error


@pytest.mark.parametrize("method", METHODS)
@given(effects=cities(), random=st.randoms(use_true_random=False))
def test_order_does_not_matter(method, effects, random):
    shuffled = random.sample(effects, len(effects))
    one, other = pool(effects, method), pool(shuffled, method)
    assert (one.estimate, one.tau_squared, one.interval, one.q) == (
        other.estimate,
        other.tau_squared,
        other.interval,
        other.q,
    )


@pytest.mark.parametrize("method", METHODS)
@given(effects=cities())
def test_the_other_sign_gives_the_mirror_image(method, effects):
    one = pool(effects, method)
    other = pool([replace(effect, estimate=-effect.estimate) for effect in effects], method)
    assert other.estimate == pytest.approx(-one.estimate, abs=1e-9)
    assert other.interval.low == pytest.approx(-one.interval.high, abs=1e-9)
    assert other.tau_squared == pytest.approx(one.tau_squared, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
@given(effects=cities())
def test_mean_lies_among_the_effects_and_weights_add_up(method, effects):
    pooled = pool(effects, method)
    assert sum(pooled.weights) == pytest.approx(1)
    values = [effect.estimate for effect in effects]
    assert min(values) - 1e-9 <= pooled.estimate <= max(values) + 1e-9
    assert pooled.tau_squared >= 0
    assert pooled.tau_squared_interval.low <= pooled.tau_squared_interval.high
    assert pooled.prediction.low <= pooled.estimate <= pooled.prediction.high


@settings(max_examples=200)
@given(effects=cities())
def test_reml_ends_where_the_slope_is_zero_or_at_the_bound(effects):
    tau_squared = pool(effects, "REML").tau_squared
    w = [1 / (effect.variance + tau_squared) for effect in effects]
    mean = sum(x * effect.estimate for x, effect in zip(w, effects, strict=True)) / sum(w)
    residual = sum((x * (effect.estimate - mean)) ** 2 for x, effect in zip(w, effects, strict=True))
    slope = residual - sum(w) + sum(x * x for x in w) / sum(w)
    if tau_squared == 0:
        assert slope <= 1e-9 * sum(w)
    else:
        assert slope == pytest.approx(0, abs=1e-6 * sum(w))


def test_contradicting_signs_leave_the_interval_open_to_both():
    pooled = pool([Effect((-1) ** n * 0.8, 0.01, city=n) for n in range(6)])
    assert pooled.estimate == pytest.approx(0, abs=1e-9)
    assert not pooled.is_better
    assert not pooled.is_worse
    assert pooled.i_squared > 0.9
    assert pooled.prediction.low < -0.8
    assert pooled.prediction.high > 0.8


@given(effects=cities(smallest=0, largest=2))
def test_fewer_than_three_cities_have_no_mean(effects):
    outcome = pool(effects)
    assert isinstance(outcome, NotEnough)
    assert outcome.missing == 3 - len(effects)


def test_one_city_with_ten_results_is_one_city():
    effects = [Effect(0.5, 0.04, city="Pune", use_case=n, result=n, results=(n,)) for n in range(10)]
    outcome = synthesise(effects, correlation=0.8)
    assert isinstance(outcome, NotEnough)
    assert (outcome.cities, outcome.missing) == (1, 2)
    assert outcome.effects[0].results == tuple(range(10))


@given(correlation=st.floats(0, 1), count=st.integers(1, 60), variance=variances)
def test_many_results_of_one_city_cannot_buy_certainty(correlation, count, variance):
    effects = [Effect(0.5, variance, city="Pune", use_case="one", result=n, results=(n,)) for n in range(count)]
    (city,) = combine_dependent(effects, correlation=correlation)
    assert city.estimate == pytest.approx(0.5)
    # (1 + (m - 1) r) / m of the variance: Borenstein et al. (2009), equation 24.3 with equal variances.
    assert city.variance == pytest.approx(variance * (1 + (count - 1) * correlation) / count)


def test_a_city_that_comes_twice_is_refused():
    with pytest.raises(ValueError, match="first"):
        pool([Effect(0.1, 0.1, city="Pune"), Effect(0.2, 0.1, city="Pune"), Effect(0.2, 0.1, city="Oslo")])


@pytest.mark.parametrize("broken", [Effect(float("nan"), 0.1), Effect(float("inf"), 0.1), Effect(0.1, 0.0)])
def test_numbers_that_are_none_are_refused(broken):
    with pytest.raises(ValueError, match="finite"):
        pool([Effect(0.1, 0.1, city="Pune"), Effect(0.2, 0.1, city="Oslo"), broken])


@given(effects=cities(smallest=4))
def test_leaving_one_out_is_the_synthesis_of_the_others(effects):
    for at, left_out in enumerate(leave_one_out(effects)):
        assert left_out.city == effects[at].city
        assert isinstance(left_out.result, Pooled)
        assert left_out.result.estimate == pool(effects[:at] + effects[at + 1 :]).estimate


def test_subgroups_are_tested_against_each_other():
    effects = [Effect(0.2 if n < 3 else 1.2, 0.01, city=n) for n in range(7)]
    found = subgroups(effects, lambda effect: "north" if effect.city < 3 else "south")
    assert [group.estimate for group in found.groups.values()] == pytest.approx([0.2, 1.2])
    # 1 / (0.01 / 3 + 0.01 / 4) times the squared difference
    assert found.q_between == pytest.approx(1 / (0.01 / 3 + 0.01 / 4))
    assert found.q_between_tail < 1e-9


def test_a_single_group_is_tested_against_nothing():
    found = subgroups([Effect(0.2, 0.01, city=n) for n in range(4)], lambda effect: "north" if effect.city < 3 else "x")
    assert found.q_between is None
    assert isinstance(found.groups["x"], NotEnough)


def test_sensitivity_varies_only_what_is_imputed():
    reported = [Effect(0.1 * n, 0.04, city=n) for n in range(4)]
    assert len({varied.result.standard_error for varied in sensitivity(reported, correlation=0.8)}) == 1
    imputed = [replace(effect, estimate=0.3, imputed=1.0) for effect in reported]
    half, same, double = (varied.result.standard_error for varied in sensitivity(imputed, correlation=0.8))
    assert (half, double) == (pytest.approx(same / 2), pytest.approx(same * 2))
