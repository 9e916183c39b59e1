"""What is built in place of stale documents is kept between requests, and never outlives the next change."""

import json
import random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alliance.events import patches, upkeep
from alliance.events.documents import kinds
from alliance.events.models import StaleDocument
from alliance.events.patches import patch_for
from alliance.events.states import current_state
from tests.events.documents_cases import followed, settle
from tests.usecases import recipes
from usecases.models import Lesson, Status, UseCase

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/api/v1/use-cases/?page_size=100&technology=patched&sort=title"


@pytest.fixture
def cases(transactional_db) -> list[UseCase]:
    made = [
        recipes.use_case(slug=f"patched-{number}", title=f"Title {number}", technologies=["Patched"])
        for number in range(6)
    ]
    followed()
    return made


def listed(client, address: str = LIST) -> dict[str, dict]:
    return {one["slug"]: one for one in json.loads(client.get(address).content)["results"]}


def change(case: UseCase, **values) -> None:
    UseCase.objects.filter(pk=case.pk).update(**values)


def built(client, address: str = LIST) -> list[str]:
    """Statements of a request that build documents from records."""
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    return [one["sql"] for one in captured if '"usecases_usecase"' in one["sql"] and "to_json" in one["sql"]]


def test_a_second_reader_gets_what_was_built_for_the_first(client, cases):
    change(cases[0], title="Other title")
    first = listed(client)
    assert built(client) == []
    assert listed(client) == first
    assert first["patched-0"]["title"] == "Other title"


def test_of_several_changed_records_the_one_that_changes_again_is_built_alone(client, cases):
    for case in cases:
        change(case, title=f"{case.title} again")
    listed(client)
    change(cases[2], title="Once more")
    asked = built(client)
    assert len(asked) == 1
    ids = asked[0].rpartition("ANY")[2]
    assert str(cases[2].pk) in ids
    assert str(cases[3].pk) not in ids
    assert listed(client)["patched-2"]["title"] == "Once more"


def test_every_change_of_the_same_record_is_seen(client, cases):
    for number in range(5):
        change(cases[1], title=f"Change {number}")
        assert listed(client)["patched-1"]["title"] == f"Change {number}"


def test_a_change_is_seen_while_an_earlier_one_waits_to_be_made(client, cases):
    """The record stands in the queue before and after; only how far the log was read tells both apart."""
    change(cases[0], title="First")
    settle()
    upkeep._take_entries()
    assert StaleDocument.objects.filter(record_id=cases[0].pk).count() == 1
    assert listed(client)["patched-0"]["title"] == "First"
    change(cases[0], title="Second")
    settle()
    upkeep._take_entries()
    assert StaleDocument.objects.filter(record_id=cases[0].pk).count() == 1
    assert listed(client)["patched-0"]["title"] == "Second"


def test_a_name_behind_a_relation_is_seen_each_time_it_changes(client, cases):
    city = cases[0].city
    for name in ("Anytown", "Bytown", "Cytown"):
        type(city).objects.filter(pk=city.pk).update(name=name)
        assert listed(client)["patched-0"]["city"]["name"] == name


def test_a_part_that_moves_there_and_back_is_where_it_is(client, cases):
    lesson = Lesson.objects.create(use_case=cases[0], advice="Begin early.", position=9)
    for owner in (cases[1], cases[0], cases[2], cases[1]):
        Lesson.objects.filter(pk=lesson.pk).update(use_case=owner)
        found = {
            slug for slug, one in listed(client).items() if any(x["advice"] == "Begin early." for x in one["lessons"])
        }
        assert found == {owner.slug}


def test_a_record_that_goes_or_is_withdrawn_is_not_listed(client, cases):
    change(cases[0], title="Other")
    assert "patched-0" in listed(client)
    cases[0].delete()
    change(cases[1], status=Status.WITHDRAWN)
    assert listed(client).keys() == {f"patched-{number}" for number in range(2, 6)}


def test_a_body_of_a_record_withdrawn_after_its_row_was_read_is_given_to_nobody(cases):
    kind = kinds["use-cases"]
    change(cases[0], title="Other")
    state = current_state()
    visitor, editor = (patch_for(kind, state, sees_all=sees_all) for sees_all in (False, True))
    change(cases[0], status=Status.WITHDRAWN)
    assert visitor.texts([cases[0].pk]) == {}
    assert [*editor.texts([cases[0].pk])] == [cases[0].pk]


def test_an_emptied_table_is_seen(client, cases):
    Lesson.objects.create(use_case=cases[0], advice="Begin early.", position=9)
    change(cases[0], title="Other")
    assert listed(client)["patched-0"]["lessons"]
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE usecases_lesson")
    assert not any(one["lessons"] for one in listed(client).values())


@pytest.mark.parametrize(
    "address",
    [LIST, f"{LIST}&count=true", "/api/v1/use-cases/?page_size=2", "/api/v1/use-cases/?fields=slug,title&page_size=3"],
)
def test_pages_of_stale_documents_are_those_that_the_worker_makes(client, cases, address):
    for case in cases[::2]:
        change(case, title=f"Z{case.title}", started_year=1990 + case.pk % 20)

    def pages() -> list[dict]:
        found, following = [], address
        while following:
            found.append(json.loads(client.get(following).content))
            following = found[-1].pop("next")
            found[-1].pop("previous")
        return found

    stale = pages()
    followed()
    assert pages() == stale


def test_what_is_kept_stays_few(client, cases, monkeypatch):
    monkeypatch.setattr(patches, "MOST_KEPT", 3)
    for case in cases:
        change(case, title=f"{case.title} again")
    for _ in range(3):
        assert {one["title"] for one in listed(client).values()} == {f"{case.title} again" for case in cases}
    made = patches._bodies.get("use-cases", patches.Made)
    assert len(made._made) <= 3


def test_random_changes_are_each_seen_by_the_next_reader(client, cases):
    chance, numbers = random.Random(7), {case.slug: case.title for case in cases}
    for number in range(60):
        case = chance.choice(cases)
        change(case, title=f"Change {number}")
        numbers[case.slug] = f"Change {number}"
        if chance.random() < 0.15:
            settle()
            upkeep._take_entries()
        if chance.random() < 0.1:
            followed()
        assert {slug: one["title"] for slug, one in listed(client).items()} == numbers


def test_under_writers_who_do_not_stop_the_worker_rests_between_rounds(cases, monkeypatch):
    rests: list[float] = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) < 3:
            change(cases[1], title=f"During rest {len(rests)}")
            settle()

    def work(*arguments) -> int:
        if not rests:
            change(cases[2], title="While documents are made")
            settle()
        return made(*arguments)

    made = upkeep._work_off
    monkeypatch.setattr(upkeep, "sleep", rest)
    monkeypatch.setattr(upkeep, "_work_off", work)
    change(cases[0], title="Other")
    settle()
    upkeep.follow()
    assert rests
    assert all(0 < seconds <= upkeep.LONGEST_REST_SECONDS for seconds in rests)
    assert not StaleDocument.objects.exists()
    assert not current_state().has_settled


def test_a_single_change_is_made_without_a_rest(cases, monkeypatch):
    monkeypatch.setattr(upkeep, "sleep", lambda seconds: pytest.fail("rested"))
    change(cases[0], title="Other")
    followed()
