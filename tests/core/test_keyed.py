"""Rows by their keys, with SQL that is written once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alliance.core.keyed import KeyedRows
from tests.usecases import recipes
from usecases.models import UseCase

pytestmark = pytest.mark.django_db


def test_any_number_of_keys_is_the_same_sql():
    cases = [recipes.use_case(title=f"Case {letter}") for letter in "CAB"]
    rows = KeyedRows(lambda keys: UseCase.objects.filter(pk__any_of=keys).order_by("title").values_list("title"))
    keys = [case.pk for case in cases]
    with CaptureQueriesContext(connection) as captured:
        assert rows.of(keys) == [("Case A",), ("Case B",), ("Case C",)]
        assert rows.of(keys[:1]) == [("Case C",)]
        assert rows.of([]) == []
    shapes = {query["sql"].partition("ANY")[0] for query in captured}
    assert (len(captured), len(shapes)) == (3, 1)


def test_other_parameters_stay_as_they_were_written():
    shown, hidden = recipes.use_case(title="Shown"), recipes.use_case(title="Hidden", status="draft")
    rows = KeyedRows(lambda keys: UseCase.objects.filter(status="published", pk__any_of=keys).values_list("title"))
    assert rows.of([shown.pk, hidden.pk]) == [("Shown",)]


def test_what_a_session_has_prepared_sees_what_comes_later():
    rows = KeyedRows(lambda keys: UseCase.objects.filter(status="published", pk__any_of=keys).values_list("title"))
    case = recipes.use_case(title="100% new")
    for title in ("100% new", "Older", "Oldest"):
        UseCase.objects.filter(pk=case.pk).update(title=title)
        assert rows.of([case.pk]) == [(title,)]
    assert rows.of([]) == []
    prepared = KeyedRows(lambda keys: UseCase.objects.filter(title="100% new", pk__any_of=keys).values_list("pk"))
    UseCase.objects.filter(pk=case.pk).update(title="100% new")
    assert prepared.of([case.pk]) == prepared.of([case.pk, 0]) == [(case.pk,)]
