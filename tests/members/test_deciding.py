"""The chair decides, with a reason; the applicant hears of it, and the organisation becomes a member."""

import threading
from datetime import UTC, datetime

import pytest
import time_machine
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

from alliance.events.models import Change
from alliance.members import joining, sending
from alliance.members.models import Application, ApplicationState, Invitation, Organisation, Role
from tests.members import join_recipes as recipes
from tests.members.conftest import link_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def chair():
    return recipes.chair()


@pytest.fixture
def room(client, chair):
    """The chair's browser."""
    return recipes.signed_in(client, chair)


def decide(room, application, do="accept", **fields):
    data = {"do": do, "reason": "Welcome.", "name": application.organisation_name, **fields}
    return room.post(f"/membership/{application.pk}/", data)


def reread(application):
    return Application.objects.get(pk=application.pk)


def test_what_waits_is_listed_oldest_first_and_what_is_not_confirmed_is_not(room):
    for number, name in enumerate(["Second", "Third", "First"]):
        with time_machine.travel(datetime(2026, 1, 1 + (number + 1) % 3, tzinfo=UTC), tick=False):
            recipes.waiting(organisation_name=name)
    hidden = recipes.application(organisation_name="Unconfirmed")
    page = room.get("/membership/").content.decode()
    assert page.index("First") < page.index("Second") < page.index("Third")
    assert "Unconfirmed" not in page
    assert "1 more whose address is not confirmed" in page
    assert room.get(f"/membership/{hidden.pk}/").status_code == 404


def test_the_list_costs_as_many_queries_for_many(room, django_assert_max_num_queries):
    recipes.waiting()
    room.get("/membership/")
    with django_assert_max_num_queries(12) as few:
        room.get("/membership/")
    for number in range(10):
        recipes.waiting(organisation_name=f"Prova {number}")
    with django_assert_max_num_queries(len(few)):
        room.get("/membership/")


@pytest.mark.parametrize("number", [0, 10**18, 10**30])
def test_there_is_no_application_of_another_number(room, number):
    assert room.get(f"/membership/{number}/").status_code == 404


@pytest.mark.parametrize("who", ["visitor", "member", "editor", "applicant"])
@pytest.mark.parametrize("do", ["accept", "reject", "ask"])
def test_nobody_else_sees_or_decides(client, who, do):
    application = recipes.waiting()
    if who == "member":
        recipes.member(ada="owner")
        user = recipes.User.objects.get(email="ada@example.org")
    else:
        user = None if who == "visitor" else recipes.person("zoe" if who == "applicant" else who)
    if user:
        user.is_staff = who == "editor"
        user.save()
        recipes.signed_in(client, user)
    assert client.get("/membership/").status_code == 403
    assert client.get(f"/membership/{application.pk}/").status_code == 403
    assert decide(client, application, do, text="Why?").status_code == 403
    words = {"text": "Why?"} if do == "ask" else {"reason": "Because."}
    with pytest.raises(PermissionDenied):
        getattr(joining, do)(application=application, actor=user, **words)
    assert reread(application).state == ApplicationState.WAITING


def test_nobody_decides_on_an_application_of_their_own(room, chair):
    application = recipes.waiting(email="Chair@example.org")
    assert decide(room, application).status_code == 403
    assert reread(application).state == ApplicationState.WAITING


def test_accepting_makes_a_member_and_invites_its_owner(room, chair, mails):
    application = recipes.waiting(website="https://prova.example/", place="Prova")
    sending.send_waiting()
    assert decide(room, application).status_code == 302
    application = reread(application)
    organisation = Organisation.objects.get(name="Vila Nova da Prova")
    assert application.state == ApplicationState.ACCEPTED
    assert application.organisation == organisation
    assert application.decided_by == chair
    assert application.decision == "Welcome."
    assert organisation.member_since == timezone.localdate()
    assert (organisation.kind, organisation.country, organisation.place) == ("municipality", "PT", "Prova")
    assert organisation.url == "https://prova.example/"
    assert organisation.slug == "vila-nova-da-prova"
    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.role) == ("zoe@example.org", Role.OWNER)
    sending.send_waiting()
    assert mails[-1].to == ["zoe@example.org"]
    assert "Welcome." in mails[-1].body
    assert link_in(mails[-1], "/join/invitation/")
    page = room.get(f"/join/application/{application.key}/").content.decode()
    assert "Welcome." in page
    assert "/organisations/vila-nova-da-prova/" in page


def test_a_known_organisation_becomes_the_member_and_keeps_what_is_known_of_it(room):
    known = Organisation.objects.create(slug="prova", name="Município da Prova", kind="government-agency")
    application = recipes.waiting(organisation=known, organisation_name=known.name, website="https://prova.example/")
    decide(room, application)
    known.refresh_from_db()
    assert known.member_since is not None
    assert known.kind == "government-agency"
    assert known.url == "https://prova.example/"
    assert Organisation.objects.filter(member_since__isnull=False).count() == 1


def test_the_chair_mends_the_name_or_names_the_known_one(room):
    Organisation.objects.create(slug="prova", name="Município da Prova")
    first, second = recipes.waiting(organisation_name="prova!!"), recipes.waiting(organisation_name="Other")
    decide(room, first, name="município da prova")
    assert Organisation.objects.get(slug="prova").member_since
    decide(room, second, name="The Other Place")
    assert Organisation.objects.get(slug="the-other-place").member_since


@pytest.mark.parametrize("name", ["بلدية التجربة", "試験市", "???"])
def test_names_in_any_script_get_an_address(room, name):
    Organisation.objects.create(slug="organisation", name="The first of them")
    application = recipes.waiting(organisation_name=name)
    decide(room, application)
    organisation = reread(application).organisation
    assert organisation.name == name
    assert organisation.slug == "organisation-2"


def test_rejecting_tells_why_in_the_applicant_s_language(room, mails):
    application = recipes.waiting(language="es")
    decide(room, application, "reject", reason="Sin resultados todavía.")
    assert reread(application).state == ApplicationState.REJECTED
    sending.send_waiting()
    assert "Sin resultados todavía." in mails[-1].body
    assert link_in(mails[-1], "/es/join/application/")
    assert not Organisation.objects.filter(member_since__isnull=False).exists()
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("do", ["accept", "reject"])
@pytest.mark.parametrize("reason", ["", "  \n "])
def test_no_decision_without_a_reason(room, chair, do, reason):
    application = recipes.waiting()
    assert decide(room, application, do, reason=reason).status_code == 200
    with pytest.raises(ValidationError):
        getattr(joining, do)(application=application, actor=chair, reason=reason)
    assert reread(application).state == ApplicationState.WAITING


def test_the_chair_asks_and_the_applicant_is_written_to(room, mails):
    application = recipes.waiting()
    assert decide(room, application, "ask", text="What did you measure?").status_code == 302
    sending.send_waiting()
    assert "What did you measure?" in mails[-1].body
    assert joining.path_of(application) in mails[-1].body
    assert "What did you measure?" in room.get(joining.path_of(application)).content.decode()


@pytest.mark.parametrize("second", ["accept", "reject", "ask"])
def test_the_second_chair_sees_that_it_is_decided(client, room, second, mails):
    application = recipes.waiting()
    decide(room, application)
    sending.send_waiting()
    recipes.signed_in(client, recipes.chair("second"))
    answer = decide(client, application, second, reason="I think otherwise.", text="I think otherwise.")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "This was decided meanwhile" in page
    assert "I think otherwise." in page
    assert reread(application).decision == "Welcome."
    sent = len(mails)
    sending.send_waiting()
    assert len(mails) == sent


def test_a_withdrawn_application_is_not_decided(room):
    application = recipes.waiting()
    joining.withdraw(application=application)
    assert decide(room, application).status_code == 409
    assert reread(application).state == ApplicationState.WITHDRAWN


def test_of_two_applications_for_one_organisation_one_makes_an_owner(room):
    first, second = recipes.waiting(), recipes.waiting(email="mallory@example.org", person_name="Mallory")
    assert "Mallory" in room.get(f"/membership/{first.pk}/").content.decode()
    decide(room, first)
    answer = decide(room, second)
    assert answer.status_code == 200
    assert "is a member already" in answer.content.decode()
    assert reread(second).state == ApplicationState.WAITING
    assert list(Invitation.objects.values_list("email", flat=True)) == ["zoe@example.org"]
    assert decide(room, second, "reject", reason="Ask your colleague.").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_decisions_and_members_are_in_the_log(room, chair):
    application = recipes.waiting()
    decide(room, application)
    organisation = reread(application).organisation
    tables = {
        (change.table, change.operation)
        for change in Change.objects.filter(actor=f"user {chair.pk}")
        if change.record_id in (application.pk, organisation.pk)
    }
    assert ("members_application", "U") in tables
    assert ("members_organisation", "I") in tables


@pytest.mark.django_db(transaction=True)
def test_two_chairs_at_the_same_moment_decide_once(mails):
    application = recipes.waiting()
    chairs = [recipes.chair("one"), recipes.chair("two")]
    start, outcomes = threading.Barrier(2), []

    def decide_as(actor, do):
        try:
            start.wait(10)
            getattr(joining, do)(application=application, actor=actor, reason=f"By {do}.")
            outcomes.append(do)
        except joining.DecidedMeanwhile as meanwhile:
            outcomes.append(meanwhile.application.state)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide_as, args=pair) for pair in zip(chairs, ("accept", "reject"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = reread(application).state
    winner = {"accepted": "accept", "rejected": "reject"}[state]
    assert sorted(outcomes) == sorted([winner, state])
    assert Organisation.objects.filter(member_since__isnull=False).count() == (state == "accepted")


@pytest.mark.parametrize("kind", ["individual", "community-group"])
def test_individuals_and_groups_join_the_same_way(room, kind):
    name = "Zoë Silva" if kind == "individual" else "Neighbours of the river"
    application = recipes.waiting(kind=kind, organisation_name=name, details={"work": "We count bicycles."})
    decide(room, application)
    organisation = reread(application).organisation
    assert (organisation.kind, organisation.name) == (kind, name)
    assert Invitation.objects.get().organisation == organisation
