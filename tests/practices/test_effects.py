"""One result becomes an effect, or a refusal that a page can explain."""

from decimal import Decimal
from math import inf, log, nan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practices.effects import Effect, Refusal, Why, change_of, effect_of
from practices.rules import rule

IMPUTATION = rule("2026-1").imputation


def effect(**given):
    told = {"baseline": None, "after": None, "change_percent": None, "direction": "decrease", "imputation": IMPUTATION}
    return effect_of(**(told | given))


def test_less_of_what_is_bad_is_above_zero():
    assert effect(baseline=50, after=40).estimate == pytest.approx(log(50 / 40))
    assert effect(change_percent=-20).estimate == pytest.approx(log(50 / 40))
    assert effect(baseline=50, after=40, direction="increase").estimate == pytest.approx(-log(50 / 40))


def test_values_come_before_the_reported_change():
    assert effect(baseline=100, after=50, change_percent=-49).estimate == pytest.approx(log(2))


def test_decimals_of_the_database_are_numbers():
    assert effect(baseline=Decimal("17"), after=Decimal("5")).estimate == pytest.approx(log(17 / 5))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"baseline": 5, "after": 4, "direction": "none"}, Why.NO_DIRECTION),
        ({"after": 4}, Why.NO_BASELINE),
        ({}, Why.NO_BASELINE),
        ({"baseline": 0, "after": 4}, Why.ZERO_BASELINE),
        ({"baseline": 0, "after": 0}, Why.ZERO_BASELINE),
        ({"baseline": 4, "after": 0}, Why.ZERO_AFTER),
        ({"baseline": -4, "after": 2}, Why.NEGATIVE),
        ({"baseline": 4, "after": -2}, Why.NEGATIVE),
        ({"baseline": 4, "after": inf}, Why.NOT_FINITE),
        ({"change_percent": nan}, Why.NOT_FINITE),
        ({"change_percent": -100}, Why.FELL_BY_ALL),
        ({"change_percent": -140}, Why.FELL_BY_ALL),
    ],
)
def test_no_ratio_is_refused_with_its_reason(given, why):
    refused = effect(result=7, use_case="case", city="Pune", **given)
    assert refused == Refusal(why, 7, "case", "Pune")


def test_reported_spread_of_the_value():
    by_error = effect(baseline=10, after=5, spread=0.5, spread_kind="se")
    assert by_error.variance == pytest.approx(2 * (0.5 / 5) ** 2)
    assert by_error.imputed == 0
    assert effect(baseline=10, after=5, spread=2, spread_kind="sd", n=16).variance == pytest.approx(by_error.variance)
    interval = effect(baseline=10, after=5, spread=0.5 * 1.959964, spread_kind="ci95")
    assert interval.variance == pytest.approx(by_error.variance, rel=1e-6)


def test_reported_spread_of_the_change():
    assert effect(change_percent=-20, spread=4, spread_kind="se").variance == pytest.approx((4 / 80) ** 2)


@pytest.mark.parametrize(
    "spread",
    [
        {},
        {"spread": 0, "spread_kind": "se"},
        {"spread": 2, "spread_kind": "sd"},
        {"spread": 2, "spread_kind": "sd", "n": 1},
        {"spread": inf, "spread_kind": "se"},
        {"spread": 1e-300, "spread_kind": "se"},
    ],
)
def test_a_spread_that_says_nothing_is_imputed_by_design_and_quality(spread):
    imputed = effect(baseline=10, after=5, design="control group", quality="estimate", **spread)
    table = rule("2026-1").sections["imputation"]
    error = table["standard_error"]["control group"] * table["quality"]["estimate"]
    assert imputed.standard_error == pytest.approx(error)
    assert imputed.imputed == 1


def test_weaker_designs_have_larger_imputed_errors():
    order = ["randomised", "control group", "interrupted time series", "before-after", "self-reported", "unheard of"]
    errors = [effect(change_percent=-10, design=design).standard_error for design in order]
    assert errors == sorted(errors)
    assert len(set(errors)) == len(errors)


@given(change=st.floats(-99.9, 1e6), direction=st.sampled_from(["increase", "decrease"]))
def test_the_change_comes_back(change, direction):
    found = effect(change_percent=change, direction=direction)
    assert isinstance(found, Effect)
    assert change_of(found.estimate, direction) == pytest.approx(change, rel=1e-9, abs=1e-9)
    assert sqrt(found.variance) == pytest.approx(found.standard_error)
