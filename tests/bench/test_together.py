"""Readers beside writers: an answer that is too old is seen as such, and so is a document that was not made anew."""

import pytest
from django.db.models import F

from alliance.events import making
from alliance.events.documents import kinds
from alliance.events.states import current_state
from bench.together import Records, compare
from usecases.models import UseCase

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


@pytest.fixture
def records(reference_data) -> Records:
    return Records()


def answer(records: Records, **titles: str) -> list[dict[str, str]]:
    """The list of the first city, with other titles for some records."""
    return [
        {"slug": slug, "title": titles.get(slug, records.titles[pk])}
        for slug, pk in records.ids.items()
        if records.city_of[pk] == records.lists[0]
    ]


@pytest.mark.parametrize(
    ("committed", "title", "is_stale"),
    [
        (0, None, False),
        (0, "Change 1", False),
        (3, None, True),
        (3, "Change 2", True),
        (3, "Change 3", False),
        (3, "Change 10", False),
    ],
)
def test_an_answer_is_stale_when_it_tells_less_than_was_committed(records, committed, title, is_stale):
    slug = answer(records)[0]["slug"]
    numbers = {**records.committed, records.ids[slug]: committed}
    results = answer(records, **({slug: title} if title else {}))
    assert records.is_stale(results, records.lists[0], numbers) is is_stale


def test_a_record_that_is_missing_is_stale(records):
    results = answer(records)
    gone = records.ids[results.pop()["slug"]]
    assert records.is_stale(results, records.lists[0], {**records.committed, gone: 1})
    elsewhere = next(pk for pk, city in records.city_of.items() if city == records.lists[1])
    assert not records.is_stale(answer(records), records.lists[0], {**records.committed, elsewhere: 1})


def test_titles_are_put_back(records):
    UseCase.objects.filter(pk__in=records.titles).update(title="Change 1")
    records.put_back()
    assert dict(UseCase.objects.filter(pk__in=records.titles).values_list("pk", "title")) == records.titles


def test_documents_that_were_not_made_anew_are_counted(records):
    before, slug = current_state().tail, "smart-sewers-south-bend"
    assert compare(before) == (0, 0)
    UseCase.objects.filter(slug=slug).update(title="Another", version=F("version") + 1)
    compared, differing = compare(before)
    assert compared >= differing > 1, "the use case and its results"
    for kind in kinds.values():
        making.make(kind, list(kind.model.objects.values_list("pk", flat=True)))
    assert compare(before) == (compared, 0)
