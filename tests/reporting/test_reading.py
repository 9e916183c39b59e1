"""Entries are read as people write them, in any language of the portal; text is never evaluated."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from reporting.entries import EntryError, storable
from reporting.fields import RESULT, USE_CASE
from reporting.known import Known, NewCity
from reporting.reading import read
from tests.usecases import recipes
from usecases.models import Country

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]

THIN, NARROW, NO_BREAK = "\u2009", "\u202f", "\u00a0"


def value(name, entry, *, form=RESULT, **known):
    return read(form[name], entry, Known(None, **known)).value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", "12"),
        (" 12.5 ", "12.5"),
        ("12,5", "12.5"),
        (",5", "0.5"),
        ("1 234,5", "1234.5"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234.567", "1234567"),
        ("1'234'567.8", "1234567.8"),
        ("12,34,567", "1234567"),
        (f"1{THIN}234{NARROW}567", "1234567"),
        (f"1{NO_BREAK}234,5", "1234.5"),
        ("\u221243", "-43"),
        ("–43", "-43"),
        ("minus 43", "-43"),
        ("(43)", "-43"),
        ("35 %", "35"),
        ("١٬٢٣٤٫٥", "1234.5"),
        ("۱۲۳۴", "1234"),
        ("１２", "12"),
        ("1.2E+03", "1200"),
        (12, "12"),
        (0.1, "0.1"),
        (Decimal("2.50"), "2.5"),
        ("0.123", "0.123"),
    ],
)
def test_a_number_is_read(text, number):
    assert value("result_value", text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "-", "n/a", "N/A", "unknown", " — ", "s/d", "Keine Angabe", "غير معروف", "#N/A"])
def test_nothing_is_read_as_nothing(text):
    for name in ("result_value", "result_on", "unit", "sample_n", "kpi", "comparison", "note", "source"):
        assert value(name, text) is None, name


def test_a_number_that_may_be_two_is_asked_about_unless_the_sheet_shows_which():
    for text, taken in (("1,234", 1234), ("1.234", Decimal("1.234"))):
        found = read(RESULT["result_value"], text, Known(None))
        assert (found.value, [note.code for note in found.notes]) == (taken, ["ambiguous-number"])
    assert value("result_value", "1,234", decimal_mark=",") == Decimal("1.234")
    assert value("result_value", "1.234", decimal_mark=",") == 1234
    assert not read(RESULT["result_value"], "1.234", Known(None, decimal_mark=".")).notes


@pytest.mark.parametrize(
    ("text", "day", "precision"),
    [
        ("2024-03-05", date(2024, 3, 5), "day"),
        ("2024/3/5", date(2024, 3, 5), "day"),
        ("5.3.2024", date(2024, 3, 5), "day"),
        ("25/12/2024", date(2024, 12, 25), "day"),
        ("12/25/2024", date(2024, 12, 25), "day"),
        ("5 March 2024", date(2024, 3, 5), "day"),
        ("March 5th, 2024", date(2024, 3, 5), "day"),
        ("5 de marzo de 2024", date(2024, 3, 5), "day"),
        ("2024-03-05T10:30:00Z", date(2024, 3, 5), "day"),
        ("March 2024", date(2024, 3, 1), "month"),
        ("مارس 2024", date(2024, 3, 1), "month"),
        ("03/2024", date(2024, 3, 1), "month"),
        ("2024", date(2024, 1, 1), "year"),
        (2024, date(2024, 1, 1), "year"),
        ("٢٠٢٤", date(2024, 1, 1), "year"),
        (date(2024, 3, 5), date(2024, 3, 5), "day"),
    ],
)
def test_a_date_is_read_as_exactly_as_it_is_told(text, day, precision):
    found = value("result_on", text)
    assert (found, found.precision) == (day, precision)


@pytest.mark.parametrize("text", ["Medellín", "MEDELLIN", "medellin-co", "Medellin, Colombia", "Medellín (CO)"])
def test_a_city_is_read_by_name_and_country(text):
    assert value("city", text, form=USE_CASE).slug == "medellin-co"


def test_a_new_city_is_taken_with_its_country_in_any_language():
    for text in ("Jardín, Colombia", "Jardín, كولومبيا", "Jardín; CO"):
        found = read(USE_CASE["city"], text, Known(None))
        assert found.value == NewCity("Jardín", "CO")
        assert [note.code for note in found.notes] == ["new-city"]


@pytest.mark.parametrize(
    "text", ["before-after", "Before and after", "BEFORE AND AFTER", "before_after", "Antes y después", "قبل وبعد"]
)
def test_a_choice_is_read_by_its_code_and_its_words(text, monkeypatch):
    from django.utils import translation

    from reporting import reading
    from reporting.fields import ComparisonDesign

    words = {"es": "Antes y después", "ar": "قبل وبعد"}
    plain = ComparisonDesign.BEFORE_AFTER._label_

    class Label(str):
        def __str__(self):
            return words.get(translation.get_language(), str(plain))

    monkeypatch.setattr(ComparisonDesign.BEFORE_AFTER, "_label_", Label())
    reading._names_of.cache_clear()
    try:
        assert value("comparison", text) == "before-after"
    finally:
        reading._names_of.cache_clear()


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("min", "minute"),
        ("Minutes", "minute"),
        ("%", "percent"),
        ("per 100,000 people", "count/(100000*person)"),
        ("per 1000 people", "count/(1000*person)"),
        ("kWh per year", "kWh/year"),
        ("kwh/m²/year", "kWh/m**2/year"),
        ("µg/m³", "microgram/m**3"),
        ("accidents per year", "count/year"),
        ("°C", "delta_degC"),
        ("count/(100000*person)/year", "count/(100000*person)/year"),
    ],
)
def test_a_unit_is_read_as_people_write_it(text, expression):
    assert value("unit", text) == expression


@pytest.mark.parametrize(
    ("text", "code"), [("EUR", "EUR"), ("cop", "COP"), ("€", "EUR"), ("euros", "EUR"), ("Colombian pesos", "COP")]
)
def test_a_currency_is_read(text, code):
    assert value("cost_currency", text) == code


def test_a_standard_is_read_with_the_edition_that_it_names():
    part = USE_CASE["standards"].parts[0]
    found = read(part, "iso 37120:2018", Known(None)).value
    assert (str(found.standard), str(found.edition)) == ("ISO 37120", "ISO 37120:2018")
    assert read(part, "ISO37120", Known(None)).value.edition is None


@pytest.mark.parametrize("text", ["sfpark-san-francisco", "https://a.example/es/use-cases/sfpark-san-francisco/?x=1"])
def test_a_use_case_is_read_by_slug_and_address(text):
    assert value("use_case", text).slug == "sfpark-san-francisco"


def test_a_name_that_several_records_bear_is_not_guessed():
    for n, country in enumerate(("CO", "MX")):
        place = Country.objects.get(code=country)
        recipes.city(name="Springdale", slug=f"springdale-{n}", country=place)
        recipes.use_case(title="Trams on grass")
    for name, entry, form in (("city", "Springdale", USE_CASE), ("use_case", "trams on grass", RESULT)):
        with pytest.raises(EntryError) as error:
            value(name, entry, form=form)
        assert error.value.code in ("city-ambiguous", "use-case-ambiguous")
    assert value("city", "Springdale, Mexico", form=USE_CASE).slug == "springdale-1"


def test_technologies_are_named_once_each():
    assert value("technologies", "sensors; App;\n app ; - ", form=USE_CASE) == ["sensors", "App"]
    assert value("technologies", ["sensors", "app"], form=USE_CASE) == ["sensors", "app"]


def test_what_is_not_seen_is_taken_out_of_a_text():
    assert value("title", "\ufeffBins\u202e that\u200b say \u2066so\u2069", form=USE_CASE) == "Bins that say so"
    assert value("note", "one\r\n\r\n\r\n\r\ntwo") == "one\n\ntwo"


@pytest.mark.parametrize("text", ["__import__('os').system('x')", "9**9**9**9", "1e999999999", "{{7*7}}", "${7*7}"])
def test_no_text_is_evaluated(text):
    for name in ("unit", "result_value", "kpi", "result_on"):
        with pytest.raises(EntryError):
            value(name, text)


def test_entries_are_kept_as_typed_without_what_the_database_refuses():
    kept = storable("result", {"note": "a\x00b\ud800", "result_value": "1 234,5", "sample_n": 3, "result_on": None})
    assert kept == {"note": "ab?", "result_value": "1 234,5", "sample_n": 3, "result_on": None}


@pytest.mark.parametrize(
    "entries",
    [{"nothing": 1}, {"note": "x" * 20_001}, {"note": object()}, {"note": [[[["x"]]]]}, {"note": ["x"] * 200}],
)
def test_what_is_no_entry_is_not_kept(entries):
    with pytest.raises(ValidationError):
        storable("result", entries)
