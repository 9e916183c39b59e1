"""ETag, Last-Modified, 304: never an old answer, and no answer twice."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.http import http_date

from alliance.core.conditional import answer_conditionally, newest_change, strong_etag
from usecases.models import Lesson, Technology, UseCase

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
CHANGED = NOW - timedelta(hours=1)
BODY = b'{"slug":"a"}'
TAG = strong_etag(BODY)
#: Of a list: it goes on with where and in which state of the data it was given.
LONG = f'{TAG[:-1]}.place.42"'


def answer(last_modified=CHANGED, one_row=False, method="get", etag=TAG, **headers):
    request = getattr(RequestFactory(), method)("/api/v1/x/", headers=headers)
    response = HttpResponse(BODY, headers={"Cache-Control": "public", "Vary": "Accept", "X-Other": "1"})
    with time_machine.travel(NOW, tick=False):
        return answer_conditionally(request, response, etag=etag, last_modified=last_modified, one_row=one_row)


def test_an_answer_tells_its_validators():
    response = answer()
    assert response.status_code == 200
    assert response["ETag"] == TAG
    assert response["Last-Modified"] == http_date(CHANGED.timestamp())


@pytest.mark.parametrize("held", [TAG, f"W/{TAG}", f'"other", {TAG}', f'W/"x",W/{TAG}', "*"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_a_held_tag_answers_304_without_a_body(held, method):
    response = answer(method=method, if_none_match=held)
    assert (response.status_code, response.content) == (304, b"")
    assert (response["ETag"], response["Cache-Control"], response["Vary"]) == (TAG, "public", "Accept")
    assert "X-Other" not in response


@pytest.mark.parametrize("held", [LONG, f'{TAG[:-1]}.elsewhere.43"', f"W/{LONG}", TAG])
def test_bytes_that_are_held_are_not_sent_again_wherever_and_whenever_they_were_got(held):
    response = answer(etag=LONG, if_none_match=held)
    assert (response.status_code, response["ETag"]) == (304, LONG)
    assert answer(etag=LONG, if_match=held.removeprefix("W/")).status_code == 200


@pytest.mark.parametrize("held", ['"other.place.42"', '".place.42"', '"place.42"'])
def test_other_bytes_of_the_same_place_and_state_answer_in_full(held):
    assert answer(etag=LONG, if_none_match=held).status_code == 200
    assert answer(etag=LONG, if_match=held).status_code == 412


@pytest.mark.parametrize("held", ['"other"', 'W/"other"', TAG.strip('"'), "", TAG.upper()])
def test_another_tag_answers_in_full(held):
    assert answer(if_none_match=held).status_code == 200


def test_a_tag_is_stronger_than_a_date():
    later = http_date(NOW.timestamp())
    assert answer(one_row=True, if_none_match='"other"', if_modified_since=later).status_code == 200


def test_a_date_decides_only_for_a_single_row():
    later = http_date(NOW.timestamp())
    assert answer(one_row=True, if_modified_since=later).status_code == 304
    assert answer(one_row=True, if_modified_since=http_date(CHANGED.timestamp())).status_code == 304
    assert answer(one_row=True, if_modified_since=http_date(CHANGED.timestamp() - 1)).status_code == 200
    assert answer(one_row=False, if_modified_since=later).status_code == 200
    assert answer(one_row=True, if_modified_since="yesterday").status_code == 200


def test_within_the_second_of_a_change_no_date_is_told():
    fresh = answer(last_modified=NOW - timedelta(milliseconds=300), one_row=True, if_modified_since=http_date(0))
    assert fresh.status_code == 200
    assert "Last-Modified" not in fresh
    just = http_date(NOW.timestamp())
    assert (
        answer(last_modified=NOW - timedelta(milliseconds=300), one_row=True, if_modified_since=just).status_code == 200
    )


def test_if_match_of_another_answer_is_a_problem():
    response = answer(if_match='"other"')
    assert (response.status_code, response["Content-Type"]) == (412, "application/problem+json")
    assert answer(if_match=TAG).status_code == 200
    assert answer(if_match="*").status_code == 200


def test_the_newest_change_looks_at_everything_loaded_and_nothing_else(reference_data):
    use_case = UseCase.objects.exclude(lessons=None).first()
    technology = use_case.technologies.first()
    future = datetime(2030, 1, 1, tzinfo=UTC)
    Technology.objects.filter(pk=technology.pk).update(updated_at=future, version=2)
    Lesson.objects.filter(use_case=use_case).update(updated_at=future + timedelta(days=1), version=2)

    plain = UseCase.objects.get(pk=use_case.pk)
    some = UseCase.objects.prefetch_related("technologies").get(pk=use_case.pk)
    all_of_it = UseCase.objects.for_documents().get(pk=use_case.pk)
    with CaptureQueriesContext(connection) as queries:
        assert newest_change([plain]) == plain.updated_at
        assert newest_change([some]) == future
        assert newest_change([all_of_it]) == future + timedelta(days=1)
        assert newest_change([]) is None
    assert len(queries) == 0
