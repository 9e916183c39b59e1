"""Fields of the public JSON, and the choice of some of them."""

from decimal import Decimal

import pytest
from django.http import QueryDict
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from alliance.core.fields import CodeField, Column, Document, EnglishName, TextOrNull, decimal_text, read_selection
from usecases.models import SizeBand, Vertical

KNOWN = ["slug", "title", "city", "lessons"]


def select(query: str):
    errors = []
    return read_selection(QueryDict(query), KNOWN, errors), [(error.parameter, error.code) for error in errors]


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", None),
        ("fields=", None),
        ("fields=title,slug", ["slug", "title"]),
        ("fields=title&fields=city", ["title", "city"]),
        ("fields= title , ,slug", ["slug", "title"]),
        ("omit=lessons", ["slug", "title", "city"]),
        ("fields=slug,title,city&omit=city", ["slug", "title"]),
    ],
)
def test_the_names_that_are_left_keep_their_order(query, kept):
    assert select(query) == (kept, [])


def test_an_unknown_name_is_refused_with_the_closest_known_one():
    errors = []
    assert read_selection(QueryDict("fields=titel,slug&omit=xyz"), KNOWN, errors) is None
    assert [(error.parameter, error.code) for error in errors] == [
        ("fields", "unknown_field"),
        ("omit", "unknown_field"),
    ]
    assert "Did you mean “title”?" in errors[0].detail
    assert "slug, title, city, lessons" in errors[1].detail


def test_leaving_nothing_is_refused():
    assert select("fields=slug&omit=slug")[1] == [("omit", "nothing_left")]
    assert select("fields=,")[1] == [("fields", "nothing_left")]


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        ("27.000000", None, "27"),
        ("-2.500000", None, "-2.5"),
        ("0.000000", None, "0"),
        ("-0.000000", None, "0"),
        ("1E+6", None, "1000000"),
        ("1000000", None, "1000000"),
        ("123456789012345678.123456", None, "123456789012345678.123456"),
        ("33.33335", 4, "33.3334"),
        ("-33.33335", 4, "-33.3334"),
        ("-0.00001", 4, "0"),
        ("12", 4, "12"),
    ],
)
def test_decimal_texts(value, places, text):
    assert decimal_text(Decimal(value), places) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**17), max_value=10**17))
def test_a_decimal_text_loses_nothing(value):
    text = decimal_text(value)
    assert Decimal(text) == value
    assert "E" not in text
    assert text == "0" or not text.endswith(".")


def test_what_is_not_known_is_null():
    assert TextOrNull().to_representation("") is None
    band = CodeField(SizeBand, unknown=[SizeBand.UNKNOWN])
    assert band.to_representation("unknown") is None
    assert band.to_representation("1m-5m") == "1m-5m"
    assert "unknown" not in band.choices


def test_names_are_english_in_every_language():
    with translation.override("ar"):
        assert EnglishName().to_representation(Vertical(code="water")) == "Water"


class Record(Document):
    slug = serializers.CharField()
    note = TextOrNull()


def test_a_document_can_leave_fields_out():
    row = {"slug": "a", "note": ""}
    assert Record(row).data == {"slug": "a", "note": None}
    assert Record(row, only=["note"]).data == {"note": None}
    assert Record([row, row], many=True, only=["slug"]).data == [{"slug": "a"}, {"slug": "a"}]
    assert Record.names() == ["slug", "note"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("city.country.code", "CO"),
        ("cost.amount", None),
        ("lessons.advice", "one | two"),
        ("empty.name", None),
        ("population", 7),
    ],
)
def test_columns_read_nested_values(path, value):
    document = {
        "city": {"country": {"code": "CO"}},
        "cost": None,
        "lessons": [{"advice": "one"}, {"advice": None}, {"advice": "two"}],
        "empty": [],
        "population": 7,
    }
    assert Column("x", path, between=" | ").read(document) == value
