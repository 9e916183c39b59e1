"""An indicator from its parts: the quotient, exactly; and each reason why there is none."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kpis.formulas import KEPT, LARGEST, FormulaError, calculate, has_formula
from kpis.models import Kpi


def kpi(scale="100", low=None, high=None):
    return Kpi(
        code="X", numerator="Part", denominator="Whole", scale=scale and Decimal(scale), valid_min=low, valid_max=high
    )


@pytest.mark.parametrize(
    ("scale", "numerator", "denominator", "value"),
    [
        ("100", "41200", "52000", "79.230769"),
        ("100000", "3", "250000", "1.2"),
        ("1", "7", "2", "3.5"),
        ("100", "0", "5", "0"),
        ("100", "0.1", "0.3", "33.333333"),
        ("100", "1E3", "4000", "25"),
        ("100", " 1 ", "4", "25"),
    ],
)
def test_the_value(scale, numerator, denominator, value):
    assert calculate(kpi(scale), numerator, denominator).value == Decimal(value)


@pytest.mark.parametrize(
    ("numerator", "denominator", "part", "code"),
    [
        ("1", "0", "denominator", "division-by-zero"),
        ("0", "0", "denominator", "division-by-zero"),
        ("1", "-0", "denominator", "division-by-zero"),
        ("-1", "5", "numerator", "negative"),
        ("1", "-5", "denominator", "negative"),
        ("NaN", "5", "numerator", "not-finite"),
        ("sNaN", "5", "numerator", "not-finite"),
        ("1", "Infinity", "denominator", "not-finite"),
        ("1e18", "5", "numerator", "too-large"),
        ("1e999999999", "5", "numerator", "too-large"),
        ("1", "1e-999999", "denominator", "too-small"),
        ("1e17", "1e-17", "numerator", "result-too-large"),
        ("1e-17", "1e17", "numerator", "result-too-small"),
        ("", "5", "numerator", "required"),
        ("1", "", "denominator", "required"),
        ("forty", "5", "numerator", "not-a-number"),
        ("1,5", "5", "numerator", "not-a-number"),
        ("1_000", "5", "numerator", "not-a-number"),
        ("__import__('os')", "5", "numerator", "not-a-number"),
        ("2**9", "5", "numerator", "not-a-number"),
        ("1" * 41, "5", "numerator", "too-long"),
    ],
)
def test_what_gives_no_value_is_explained(numerator, denominator, part, code):
    with pytest.raises(FormulaError) as refused:
        calculate(kpi(), numerator, denominator)
    assert (refused.value.part, refused.value.code) == (part, code)
    assert str(refused.value).endswith(".")


def test_without_a_formula_there_is_nothing_to_calculate():
    assert not has_formula(kpi(scale=None))
    with pytest.raises(FormulaError) as refused:
        calculate(kpi(scale=None), "1", "2")
    assert refused.value.code == "no-formula"


def test_an_impossible_value_is_given_and_marked():
    share = kpi(low=Decimal(0), high=Decimal(100))
    assert calculate(share, "3", "2").is_outside
    assert not calculate(share, "2", "2").is_outside


parts = some.decimals(min_value=0, max_value=10**15, places=6, allow_nan=False, allow_infinity=False)


@given(parts, parts.filter(lambda part: part > 0), some.sampled_from(["1", "100", "1000", "100000"]))
def test_it_is_the_exact_quotient_rounded_once(numerator, denominator, scale):
    exact = Fraction(numerator) * Fraction(scale) / Fraction(denominator)
    value, code = outcome(kpi(scale), numerator, denominator)
    if value is None:
        limits = {"result-too-large": exact >= LARGEST, "result-too-small": exact <= Fraction(KEPT) / 2}
        assert limits[code]
    else:
        assert abs(Fraction(value) - exact) <= Fraction(KEPT) / 2


def outcome(one, numerator, denominator):
    """The value, or the code of the reason why there is none."""
    try:
        return calculate(one, numerator, denominator).value, ""
    except FormulaError as refused:
        return None, refused.code


@given(some.text(max_size=50), some.text(max_size=50))
def test_any_two_texts_give_a_value_or_a_reason(numerator, denominator):
    value, code = outcome(kpi(), numerator, denominator)
    assert code if value is None else value >= 0
