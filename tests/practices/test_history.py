"""Each change of place names what led to it: which result, link or challenge, and leads to it."""

import pytest

from practices import editing, services, upkeep
from practices.history import history_of
from practices.models import Challenge
from tests.events.documents_cases import settle
from tests.practices import recipes

pytestmark = pytest.mark.django_db(transaction=True)


def follow():
    settle()
    upkeep.follow()


@pytest.fixture
def two():
    """The first stands above the second; what happens next turns them round."""
    first = recipes.practice([-50, -51, -49, -50, -52], name="First")
    second = recipes.practice([-40, -41, -39, -40, -42], name="Second", primary_kpi=first.primary_kpi)
    follow()
    return first, second


def newest(practice):
    """Cause and events of the newest change of place."""
    place = history_of(practice)[0]
    return place.score.cause, [(event.words, event.title) for event in place.events]


def test_a_new_result_is_named_with_its_city_and_leads_there(client, two):
    first, second = two
    result = recipes.measure(first, 300)
    follow()
    cause, events = newest(first)
    now, before = first.scores.order_by("-run_id").values_list("place", flat=True)
    assert now > before, "or nothing would be told"
    assert cause in ("new or changed link", "correction or new result")
    assert ("New result", f"{result.use_case.city.name}: {result.kpi.name}") in events
    assert ("Use case linked", result.use_case.title) in events
    page = client.get(first.get_absolute_url()).content.decode()
    assert f'href="{result.get_absolute_url()}"' in page
    assert "/history/" not in page
    assert history_of(second)[0].score.cause == "other practices moved"
    assert history_of(second)[0].events == []
    client.force_login(recipes.person(is_staff=True))
    assert f"/result/{result.pk}/" in client.get(first.get_absolute_url()).content.decode()


def test_a_correction_and_a_result_that_was_taken_back_are_told_apart(two):
    first, _second = two
    result = recipes.measure(first, -50)
    follow()
    type(result).objects.filter(pk=result.pk).update(relative_change_percent=60)
    follow()
    assert newest(first)[1] == [("Result corrected", f"{result.use_case.city.name}: {result.kpi.name}")]
    type(result).objects.filter(pk=result.pk).update(state="withdrawn")
    follow()
    place = history_of(first)[0]
    assert [event.words for event in place.events] == ["Result taken back"]
    assert place.events[0].url == "", "what visitors do not see has no link"


def test_a_link_taken_away_is_named(two):
    first, _second = two
    for link in list(first.implementations.all())[:3]:
        title = link.use_case.title
        link.delete()
    follow()
    assert ("Use case taken away", title) in newest(first)[1]


def test_challenges_that_lower_the_grade_are_named_and_lead_to_them():
    first = recipes.practice(name="First")
    second = recipes.practice(name="Second", primary_kpi=first.primary_kpi)
    for practice, change in ((first, -50), (second, -40)):
        for step in range(6):
            recipes.measure(practice, change + step / 10, method="control group")
    follow()
    for n in range(3):
        one = Challenge(subject="rule", reason=f"Why {n}?")
        services.open_challenge(practice=first, challenge=one, actor=recipes.person("Testville"))
    follow()
    place = history_of(first)[0]
    assert place.score.cause == "challenge"
    assert [event.words for event in place.events] == ["Challenge opened"] * 3
    assert place.events[0].url == f"{first.get_absolute_url()}#challenges"


def test_a_decision_about_the_practice_is_named(two):
    first, _second = two
    editing.decide(practice=first, state="withdrawn", reason="x", actor=recipes.person(is_staff=True))
    follow()
    editing.decide(practice=first, state="accepted", reason="x", actor=recipes.person(is_staff=True))
    follow()
    cause, events = newest(first)
    assert cause == "changed practice"
    assert events[0] == ("The practice was edited", "")


def test_what_was_never_public_is_not_told(two):
    first, _second = two
    recipes.measure(first, 300)
    hidden = recipes.measure(first, -90, state="draft")
    follow()
    assert all(
        hidden.use_case.city.name not in title for words, title in newest(first)[1] if words != "Use case linked"
    )


def test_the_history_asks_a_fixed_number_of_queries(two, django_assert_max_num_queries):
    first, _second = two
    for change in (40, -50, 45):
        for _n in range(4):
            recipes.measure(first, change)
        follow()
    with django_assert_max_num_queries(11):
        places = history_of(first)
    assert sum(len(place.events) + place.more for place in places) >= 8
