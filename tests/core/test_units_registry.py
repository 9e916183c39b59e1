"""Units: what the data use is understood, what people mistype is explained, what could hang pint is refused."""

import csv
from decimal import Decimal

import pytest
from django.conf import settings

from alliance.core.units_registry import (
    MalformedUnitError,
    UnitError,
    Units,
    UnitsFileError,
    UnknownUnitError,
    compatible,
    parse_unit,
    units,
)


def test_every_unit_of_the_data_is_understood():
    for file in ("kpis.csv", "results.csv"):
        with (settings.DATA_DIR / file).open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if row["unit"]:
                    parse_unit(row["unit"])


def test_a_unit_is_a_quantity_without_binary_rounding():
    rate = parse_unit("count/(100000*person)/year")
    assert rate.magnitude == Decimal("0.00001")
    assert (Decimal("6.5") * parse_unit("mile/hour")).to("km/hour").magnitude == Decimal("10.460736")


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("mile/hour", "km/hour", True),
        ("count/week", "count/month", True),
        ("percent", "dimensionless", True),
        ("count/(1000*person)", "count/person", True),
        ("CLP/km", "USD/km", False),
        ("m**3", "m**3/year", False),
        ("count", "percent", False),
        ("score", "score_1_7", False),
        ("boolean", "dimensionless", False),
        ("count/birth", "count/person", False),
    ],
)
def test_compatible(one, other, answer):
    assert compatible(one, other) is answer
    assert compatible(other, one) is answer


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("percnt", UnknownUnitError, "did you mean “percent”?"),
        ("qqqqqqqq", UnknownUnitError, ""),
        ("", MalformedUnitError, "write “dimensionless” for a bare number"),
        ("  ", MalformedUnitError, "write “dimensionless” for a bare number"),
        ("7", MalformedUnitError, "join unit names"),
        ("m s", MalformedUnitError, "join unit names"),
        ("m//s", MalformedUnitError, "join unit names"),
        ("m + s", MalformedUnitError, "join unit names"),
        ("m/0", MalformedUnitError, "join unit names"),
        ("degC*m", MalformedUnitError, "join unit names"),
        ("m)", MalformedUnitError, "join unit names"),
        ("(m", MalformedUnitError, "close each parenthesis"),
        ("m/", MalformedUnitError, "close each parenthesis"),
        ("m\x00", MalformedUnitError, "join unit names"),
        ("m\udcff", MalformedUnitError, "join unit names"),
        ("__import__('os')", MalformedUnitError, "join unit names"),
        ("9**9**9**9*m", MalformedUnitError, "join unit names"),
        ("((((m**9)**9)**9)**9)", MalformedUnitError, "join unit names"),
        ("m**99999999", MalformedUnitError, "join unit names"),
        ("m*" * 60, MalformedUnitError, ""),
    ],
)
def test_wrong_units(text, error, hint):
    with pytest.raises(error) as raised:
        parse_unit(text)
    assert raised.value.hint.startswith(hint)
    assert (raised.value.hint == "") == (hint == "")
    assert str(raised.value)


def test_the_registry_is_built_once():
    assert units() is units()


def test_units_file(tmp_path):
    with pytest.raises(UnitsFileError):
        Units(tmp_path / "nothing.txt")
    for content in ("kWh = 3 J", "x = 3 nosuch", "x = [", "person person"):
        (tmp_path / "units.txt").write_text(content)
        with pytest.raises(UnitError):
            Units(tmp_path / "units.txt")
    (tmp_path / "units.txt").write_text("tram = [tram]\n# a comment\nfleet = 40 tram\n")
    assert Units(tmp_path / "units.txt").compatible("fleet/year", "tram/day")
