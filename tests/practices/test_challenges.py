"""Challenges are public, dated and reasoned; editors answer; open ones lower the certainty."""

import pytest
from django.core.exceptions import PermissionDenied

from practices import editing, services, upkeep
from practices.models import Challenge, Evidence, Implementation, Practice
from tests.practices import recipes
from tests.usecases import recipes as use_case_recipes

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice():
    return recipes.practice([-50, -51, -49, -50, -52, -48])


def points(practice):
    upkeep.rebuild()
    return {line["rule"]: line["points"] for line in Evidence.objects.get(practice=practice).body["certainty"]["lines"]}


def test_a_challenge_is_public_at_once_lowers_the_grade_and_is_closed_by_an_answer(client, practice):
    assert "challenges" not in points(practice)
    client.force_login(recipes.person("Testville"))
    address = f"{practice.get_absolute_url()}challenge/"
    sent = client.post(address, {"subject": "grade", "reason": "All six are one supplier's customers."})
    assert sent.status_code == 302
    client.logout()
    page = client.get(practice.get_absolute_url()).content.decode()
    assert "one supplier&#x27;s customers" in page
    assert "Testville" in page
    assert points(practice)["challenges"] < 0
    editor = recipes.person(is_staff=True)
    client.force_login(editor)
    challenge = Challenge.objects.get(practice=practice)
    client.post(
        f"{practice.get_absolute_url()}decide/",
        {"challenge": challenge.pk, "state": "declined", "answer": "They are of four suppliers: see the cases."},
    )
    client.logout()
    assert "They are of four suppliers" in client.get(practice.get_absolute_url()).content.decode()
    assert "challenges" not in points(practice)


def test_a_challenge_needs_a_reader_who_signs_in_and_a_reason(client, practice):
    address = f"{practice.get_absolute_url()}challenge/"
    assert client.get(address)["Location"].startswith("/accounts/login/")
    assert client.post(address, {"subject": "grade", "reason": "No."})["Location"].startswith("/accounts/login/")
    client.force_login(recipes.person())
    assert client.post(address, {"subject": "grade", "reason": ""}).status_code == 422
    assert client.post(address, {"subject": "result", "reason": "Which?"}).status_code == 422
    assert not Challenge.objects.exists()


def test_one_person_opens_only_so_many_an_hour(client, practice):
    client.force_login(recipes.person())
    address = f"{practice.get_absolute_url()}challenge/"
    answers = [client.post(address, {"subject": "rule", "reason": f"{n}"}).status_code for n in range(11)]
    assert answers == [302] * 10 + [429]


def test_only_editors_answer_and_only_once(practice):
    member, editor = recipes.person("Testville"), recipes.person(is_staff=True)
    one = services.open_challenge(practice=practice, challenge=Challenge(subject="rule", reason="Why?"), actor=member)
    with pytest.raises(PermissionDenied):
        services.answer_challenge(challenge=one, state="upheld", answer="Yes.", actor=member)
    services.answer_challenge(challenge=one, state="upheld", answer="Yes.", actor=editor)
    with pytest.raises(services.RefusedError):
        services.answer_challenge(challenge=one, state="declined", answer="No.", actor=editor)


def test_a_member_proposes_and_editors_accept_with_a_reason(client, practice):
    case = use_case_recipes.use_case()
    entered = {
        "name": "Benches that count", "vertical": practice.vertical_id, "summary": "Benches count who sits.",
        "primary_kpi": practice.primary_kpi_id, "use_case": case.slug, "reason": "It has such benches.",
    }  # fmt: skip
    client.force_login(recipes.person())
    assert client.post("/practices/propose/", entered).status_code == 403, "of no organisation"
    client.force_login(recipes.person("Testville"))
    assert client.post("/practices/propose/", {**entered, "use_case": ""}).status_code == 422
    address = client.post("/practices/propose/", entered)["Location"]
    assert address == "/practices/benches-that-count/"
    assert client.post(f"{address}decide/", {"state": "accepted", "reason": "Me."}).status_code == 403
    client.force_login(recipes.person(is_staff=True))
    client.post(f"{address}decide/", {"state": "emerging", "reason": "One city so far."})
    client.logout()
    upkeep.rebuild()
    assert "One city so far." in client.get(address).content.decode()


def test_merging_brings_the_cases_along_and_keeps_the_address(client, practice):
    other = recipes.practice([-20, -21])
    editor = recipes.person(is_staff=True)
    with pytest.raises(PermissionDenied):
        editing.merge(practice=other, into=practice, reason="Same.", actor=recipes.person("Testville"))
    editing.merge(practice=other, into=practice, reason="Same.", actor=editor)
    assert practice.implementations.count() == 8
    assert client.get(other.get_absolute_url())["Location"] == practice.get_absolute_url()
    third = recipes.practice()
    editing.merge(practice=practice, into=third, reason="Same.", actor=editor)
    assert client.get(other.get_absolute_url())["Location"] == third.get_absolute_url(), "also over two steps"
    with pytest.raises(services.RefusedError):
        editing.merge(practice=third, into=practice, reason="Back.", actor=editor)


def test_splitting_makes_a_new_practice_of_some_cases(practice):
    editor = recipes.person(is_staff=True)
    cases = [link.use_case for link in practice.implementations.all()[:2]]
    fresh = editing.split(practice=practice, name="Half of it", use_cases=cases, reason="Different.", actor=editor)
    assert set(fresh.implementations.values_list("use_case", flat=True)) == {case.pk for case in cases}
    assert practice.implementations.count() == 4
    everything = [link.use_case for link in practice.implementations.all()]
    with pytest.raises(services.RefusedError):
        editing.split(practice=practice, name="All of it", use_cases=everything, reason="-", actor=editor)
    assert not Practice.objects.filter(name="All of it").exists()
    assert Implementation.objects.count() >= 6
