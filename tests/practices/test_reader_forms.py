"""Forms behind the sign-in: challenges and proposals hold against tampered, huge, repeated and forged input."""

import pytest
from django.test import Client

from practices.models import Challenge, Practice
from tests.practices import recipes
from tests.usecases import recipes as use_case_recipes

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice():
    return recipes.practice([-50, -51, -49])


def proposal(practice, **changes):
    case = use_case_recipes.use_case()
    return {
        "name": "Benches that count", "vertical": practice.vertical_id, "summary": "Benches count who sits.",
        "primary_kpi": practice.primary_kpi_id, "use_case": case.slug, "reason": "It has such benches.",
    } | changes  # fmt: skip


def test_both_forms_ask_for_the_token(practice):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(recipes.person("Testville"))
    challenge = {"subject": "grade", "reason": "x"}
    assert strict.post(f"{practice.get_absolute_url()}challenge/", challenge).status_code == 403
    assert strict.post("/practices/propose/", proposal(practice)).status_code == 403
    assert not Challenge.objects.exists()


@pytest.mark.parametrize(
    "sent",
    [
        {"subject": "grade", "reason": "N\x00L"},
        {"subject": "grade", "reason": "x" * 4_001},
        {"subject": "everything", "reason": "x"},
        {"subject": "grade", "reason": "x", "use_case": "999999999999999999999"},
        {"subject": "grade", "reason": "x", "use_case": "1\x00"},
    ],
)
def test_a_bad_challenge_is_told_and_not_kept(client, practice, sent):
    client.force_login(recipes.person())
    assert client.post(f"{practice.get_absolute_url()}challenge/", sent).status_code == 422
    assert not Challenge.objects.exists()


def test_a_challenge_names_a_use_case_of_this_practice_alone_and_cannot_set_its_own_state(client, practice):
    client.force_login(recipes.person("Testville"))
    address = f"{practice.get_absolute_url()}challenge/"
    elsewhere = use_case_recipes.use_case()
    assert client.post(address, {"subject": "link", "reason": "x", "use_case": elsewhere.pk}).status_code == 422
    sent = {"subject": "grade", "reason": "x", "state": "upheld", "answer": "Yes.", "signed": "The mayor"}
    assert client.post(address, sent).status_code == 302
    one = Challenge.objects.get()
    assert (one.state, one.answer, one.signed) == ("open", "", "Testville")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "N\x00L"},
        {"name": "x" * 161},
        {"summary": "x" * 4_001},
        {"risks": "x" * 4_001},
        {"vertical": "9" * 30},
        {"primary_kpi": "\x00"},
        {"use_case": "no-such"},
        {"use_case": "x\x00"},
        {"reason": "x" * 1_001},
    ],
)
def test_a_bad_proposal_is_told_and_not_kept(client, practice, changes):
    client.force_login(recipes.person("Testville"))
    before = Practice.objects.count()
    assert client.post("/practices/propose/", proposal(practice, **changes)).status_code == 422
    assert Practice.objects.count() == before


def test_a_proposal_cannot_accept_itself_nor_take_anothers_address(client, practice):
    client.force_login(recipes.person("Testville"))
    sent = proposal(practice, state="accepted", slug=practice.slug, harm_confirmed="x", merged_into=practice.pk)
    address = client.post("/practices/propose/", sent)["Location"]
    made = Practice.objects.get(name="Benches that count")
    assert address == made.get_absolute_url()
    assert (made.state, made.slug, made.harm_confirmed, made.merged_into) == (
        "proposed",
        "benches-that-count",
        "",
        None,
    )


def test_a_draft_of_somebody_else_is_no_use_case_to_propose(client, practice):
    hidden = use_case_recipes.use_case(status="draft")
    client.force_login(recipes.person("Testville"))
    assert client.post("/practices/propose/", proposal(practice, use_case=hidden.slug)).status_code == 422


def test_what_is_sent_twice_is_made_once(client, practice):
    client.force_login(recipes.person("Testville"))
    sent = proposal(practice)
    assert client.post("/practices/propose/", sent)["Location"] == client.post("/practices/propose/", sent)["Location"]
    challenge = {"subject": "grade", "reason": "All of one town."}
    for _n in range(2):
        assert client.post(f"{practice.get_absolute_url()}challenge/", challenge).status_code == 302
    assert Practice.objects.filter(name="Benches that count").count() == 1
    assert Challenge.objects.count() == 1


@pytest.mark.parametrize("state", ["proposed", "withdrawn"])
def test_what_visitors_do_not_see_cannot_be_challenged(client, state):
    hidden = recipes.practice(state=state)
    client.force_login(recipes.person())
    sent = client.post(f"{hidden.get_absolute_url()}challenge/", {"subject": "grade", "reason": "x"})
    assert sent.status_code == 404


def test_text_of_people_is_never_markup(client, practice):
    client.force_login(recipes.person("Testville"))
    evil = "<script>alert(1)</script>"
    client.post(f"{practice.get_absolute_url()}challenge/", {"subject": "grade", "reason": evil})
    page = client.get(practice.get_absolute_url()).content.decode()
    assert evil not in page
    assert "&lt;script&gt;alert(1)" in page
