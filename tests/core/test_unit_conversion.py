"""Values in other units: nothing is lost on the way there and back, and what is not alike is never mixed."""

import csv
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as some

from alliance.core.units_registry import IncompatibleUnitsError, compatible, convert, units

#: Units in which cities report; those in a row convert into each other.
ALIKE = [
    ("minute", "hour", "day", "second", "year"),
    ("km/hour", "mile/hour", "meter/second"),
    ("kWh/m**2/year", "MJ/m**2/month", "J/m**2/day"),
    ("L/day/person", "m**3/person/year"),
    ("count/(100000*person)/year", "count/(1000*person)/month", "count/person/week"),
    ("tonne/year", "kilogram/day", "gram/second"),
    ("percent", "dimensionless"),
    ("hectare/(100000*person)", "m**2/person", "km**2/(1000*person)"),
    ("USD/km", "USD/mile"),
    ("microgram/m**3", "mg/L"),
    ("degC", "degF"),
]
PAIRS = [pair for row in ALIKE for pair in combinations(row, 2)]
values = some.decimals(min_value=-(10**18), max_value=10**18, places=6, allow_nan=False, allow_infinity=False)


@given(some.sampled_from(PAIRS), values)
def test_there_and_back_is_the_same_value(pair, value):
    one, other = pair
    there, back = units().line(one, other), units().line(other, one)
    assert (Fraction(value) * there.factor + there.shift) * back.factor + back.shift == Fraction(value)


@given(some.sampled_from(PAIRS), values)
def test_written_and_read_again_it_is_the_same_to_what_the_database_keeps(pair, value):
    one, other = pair
    back = convert(convert(value, one, other), other, one)
    assert abs(back - value) <= max(abs(value), 1000) * Decimal("1e-30")


@given(some.sampled_from([row for row in ALIKE if len(row) > 2]), values)
def test_a_detour_makes_no_difference(row, value):
    one, other, third = row[:3]
    direct, first, second = units().line(one, third), units().line(one, other), units().line(other, third)
    assert direct.factor == first.factor * second.factor
    assert direct.at(value) == units().convert(value, one, third)


@given(some.sampled_from(PAIRS), values, values)
def test_the_larger_value_stays_the_larger(pair, first, second):
    if first < second:
        assert convert(first, *pair) < convert(second, *pair)


@pytest.mark.parametrize(
    ("value", "unit", "into", "converted"),
    [
        ("90", "minute", "hour", "1.5"),
        ("6.5", "mile/hour", "km/hour", "10.460736"),
        ("0.12", "dimensionless", "percent", "12"),
        ("3.6", "MJ", "kWh", "1"),
        ("20", "degC", "degF", "68"),
        ("7", "minute", "minute", "7"),
    ],
)
def test_well_known_values(value, unit, into, converted):
    assert convert(Decimal(value), unit, into) == Decimal(converted)


@pytest.mark.parametrize(
    ("unit", "into"),
    [
        ("CLP/km", "USD/km"),
        ("USD/year", "CLP/year"),
        ("minute", "count"),
        ("count", "percent"),
        ("score", "score_1_7"),
        ("m**3", "m**3/year"),
        ("degC", "delta_degC"),
        ("count/vehicle", "count/person"),
    ],
)
def test_what_is_not_alike_is_refused_with_both_names(unit, into):
    for one, other in ((unit, into), (into, unit)):
        with pytest.raises(IncompatibleUnitsError) as refused:
            convert(Decimal(1), one, other)
        assert one in str(refused.value)
        assert other in str(refused.value)


def test_any_two_units_of_the_data_convert_both_ways_or_not_at_all():
    found = set()
    for file in ("kpis.csv", "results.csv"):
        with (settings.DATA_DIR / file).open(encoding="utf-8", newline="") as stream:
            found |= {row["unit"] for row in csv.DictReader(stream) if row["unit"]}
    for one, other in combinations(sorted(found), 2):
        money = {name for unit in (one, other) for name in ("USD", "CLP") if name in unit}
        if compatible(one, other):
            assert len(money) < 2
            assert units().line(one, other).factor * units().line(other, one).factor == 1
        else:
            with pytest.raises(IncompatibleUnitsError):
                units().line(other, one)
