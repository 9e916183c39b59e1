"""An indicator is found by what a member calls it: code, name, the names of other sets, plain words, typing errors."""

import csv

import pytest
from django.conf import settings

from kpis.models import Kpi
from reporting import kpi_search
from reporting.known import Known
from reporting.reading_records import kpi

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


def first(text: str) -> str:
    return kpi_search.search(text)[0].kpi.code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ALL-PRK-SEARCH", "ALL-PRK-SEARCH"),
        ("all prk search", "ALL-PRK-SEARCH"),
        ("PRK-SEARCH", "ALL-PRK-SEARCH"),
        ("EC: I: T: 1C", "EC: I: T: 1C"),
        ("ec.i.t.1c", "EC: I: T: 1C"),
        ("ISO 37120:2014 5.1", "ISO37120:2014/5.1"),
        ("iso37120 5.1", "ISO37120:2014/5.1"),
        ("Average parking search time", "ALL-PRK-SEARCH"),
        ("all-prk-search", "ALL-PRK-SEARCH"),
        ("time to find parking", "ALL-PRK-SEARCH"),
        ("tiempo de búsqueda de estacionamiento", "ALL-PRK-SEARCH"),
        ("وقت البحث عن موقف", "ALL-PRK-SEARCH"),
        ("SAIDI", "ALL-ENR-OUTAGE"),
        ("NRW", "ALL-WAT-NRW"),
    ],
)
def test_a_name_is_read_without_a_question(text, code):
    found = kpi(text, Known(None))
    assert (found.value.code, found.notes) == (code, ())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("parking time", "ALL-PRK-SEARCH"),
        ("travel tme", "ALL-TRV-TIME"),
        ("how long people wait at red lights", "ALL-TRV-WAIT"),
        ("energy of street lamps", "ALL-LGT-ELEC"),
        ("ambulance arrives", "ALL-EMG-RESP"),
        ("sewage overflows", "ALL-WAT-CSO"),
        ("accidents on roads", "ALL-SAF-CRASH"),
        ("metro ridrs", "ALL-PT-RIDERS"),
        ("gini", "SC: SH: SI: 2C"),
        ("bicycle lanes", "EC: I: T: 3C"),
        ("fugas de agua", "ALL-WAT-NRW"),
    ],
)
def test_plain_words_find_it_first(text, code):
    assert first(text) == code


def test_every_pilot_indicator_has_plain_words_and_each_finds_it():
    with (settings.DATA_DIR / kpi_search.SYNONYMS_FILE).open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    codes = set(Kpi.objects.values_list("code", flat=True))
    assert {row["code"] for row in rows} <= codes
    assert {code for code in codes if code.startswith("ALL-")} <= {row["code"] for row in rows}
    for row in rows:
        for words in row["words"].split(";"):
            assert row["code"] in [hit.kpi.code for hit in kpi_search.search(words)], words


def test_no_words_are_those_of_two_indicators():
    owners: dict[tuple[str, ...], str] = {}
    for code, names in kpi_search.synonyms().items():
        for name in names:
            key = kpi_search.tokens(name)
            assert owners.setdefault(key, code) == code, name


def test_what_nobody_measures_finds_nothing():
    assert kpi_search.search("happiness of squirrels") == []
    assert kpi_search.search("") == kpi_search.search("of the") == []


def test_a_new_indicator_is_found_at_once(django_assert_num_queries):
    kpi_search.search("parking")
    with django_assert_num_queries(1):
        kpi_search.search("parking")
    one = Kpi.objects.get(code="ALL-PRK-SEARCH")
    one.pk, one.code, one.slug, one.name = None, "ALL-NEW-1", "all-new-1", "Squirrels seen"
    one._state.adding = True
    one.save()
    assert first("squirrels") == "ALL-NEW-1"
