"""Applying: one form for each of nine kinds, confirmed by mail, followed on a page of one's own."""

import re
import time
from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.utils import timezone

from alliance.events.models import Change
from alliance.members import joining, sending, spam
from alliance.members.member_kinds import KINDS
from alliance.members.models import Application, ApplicationState, Mail, Organisation, OrganisationKind
from tests.members import join_recipes as recipes
from tests.members.conftest import link_in
from tests.members.guarded import hidden_fields, proof_of, send

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few_bits(monkeypatch):
    monkeypatch.setattr(spam, "PROOF_BITS", 8)


def only() -> Application:
    return Application.objects.get()


def apply(client, kind: str = "municipality", *, proven: bool = True, **more):
    return send(client, f"/join/{kind}/", recipes.entries(kind, **more), proven=proven)


def test_all_nine_kinds_say_what_membership_means(client):
    page = client.get("/join/").content.decode()
    assert set(KINDS) == set(OrganisationKind.values)
    for kind in KINDS.values():
        assert f'href="/join/{kind.code}/"' in page
        assert str(kind.brings) in page
        assert str(kind.gets) in page
        assert 1 <= len(kind.questions) <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_applies_and_answers_its_own_questions(client, kind):
    page = client.get(f"/join/{kind}/").content.decode()
    for question in KINDS[kind].questions:
        assert f'name="about_{question.name}"' in page
    answer = apply(client, kind)
    application = only()
    assert answer.status_code == 302
    assert answer["Location"] == f"/join/application/{application.key}/"
    assert application.kind == kind
    assert application.state == ApplicationState.UNVERIFIED
    assert set(application.details) == {question.name for question in KINDS[kind].questions}
    assert application.topics == ["lighting", "energy"]
    assert application.organisation_name == ("Zoë Silva" if kind == "individual" else "Vila Nova da Prova")


def test_there_is_no_tenth_kind(client):
    assert client.get("/join/guild/").status_code == 404
    assert client.post("/join/guild/").status_code == 404


def test_the_address_is_confirmed_by_a_link_that_asks_first(client, mails):
    apply(client)
    sending.send_waiting()
    (mail,) = mails
    assert mail.to == ["zoe@example.org"]
    # Whoever enters somebody else's address cannot put words into the mail.
    assert "Silva" not in mail.body + mail.subject
    assert "Prova" not in mail.body + mail.subject
    link = link_in(mail, "/join/confirm/")
    assert client.get(link).status_code == 200
    assert only().state == ApplicationState.UNVERIFIED
    answer = client.post(link)
    application = only()
    assert application.state == ApplicationState.WAITING
    assert application.verified_at is not None
    assert answer["Location"] == joining.path_of(application)
    sending.send_waiting()
    assert joining.path_of(application) in mails[-1].body


def test_a_link_that_is_used_again_changes_nothing(client):
    link = joining.confirmation_path(recipes.application())
    client.post(link)
    first = only()
    client.post(link)
    assert only().version == first.version
    joining.withdraw(application=first)
    assert client.get(link).status_code == 200
    client.post(link)
    assert only().state == ApplicationState.WITHDRAWN


@pytest.mark.parametrize("kind", ["forged", "other purpose", "other address", "too old", "long"])
def test_a_link_that_is_not_ours_confirms_nothing(client, kind):
    made = recipes.application()
    link = joining.confirmation_path(made)
    token = link.rstrip("/").rsplit("/", 1)[1]
    bad = {
        "forged": token[:-2] + ("aa" if token[-2:] != "aa" else "bb"),
        "other purpose": signing.dumps([made.pk, made.email], salt="alliance.members.sign_in_link"),
        "other address": signing.dumps([made.pk, "mallory@example.org"], salt=joining._SALT),
        "too old": token,
        "long": "x" * 4_000,
    }[kind]
    late = made.created_at.timestamp() + (joining.CONFIRMED_WITHIN_SECONDS + 60 if kind == "too old" else 0)
    with time_machine.travel(late, tick=False):
        assert client.get(f"/join/confirm/{bad}/").status_code == 410
        assert client.post(f"/join/confirm/{bad}/").status_code == 410
    assert only().state == ApplicationState.UNVERIFIED


def test_secret_pages_keep_their_address_to_themselves(client):
    application = recipes.application()
    for path in (joining.path_of(application), joining.confirmation_path(application), "/join/invitation/x/"):
        answer = client.get(path)
        assert answer["Referrer-Policy"] == "strict-origin"
        assert answer["X-Robots-Tag"] == "noindex"
        assert "no-store" in answer["Cache-Control"]
        assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize("key", ["x", "0" * 43, "../../etc", "é" * 43, "a" * 3_000])
def test_a_forged_key_opens_nothing(client, key):
    recipes.application(organisation_name="Somewhere")
    assert client.get(f"/join/application/{key}/").status_code == 404
    assert client.post(f"/join/application/{key}/", {"do": "withdraw"}).status_code == 404


def test_what_was_entered_is_still_there_after_an_error(client):
    answer = apply(client, country="", email="nobody")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert not Application.objects.exists()
    for value in ("Zoë Silva", "Vila Nova da Prova", "We changed our street lights", "52000", 'value="nobody"'):
        assert value in page
    assert re.search(r'value="lighting"[^>]*checked', page)
    assert 'href="#id_country"' in page
    assert 'href="#id_email"' in page


def test_without_a_script_the_form_is_sent_twice_with_a_wait(client, monkeypatch):
    answer = apply(client, proven=False)
    page = answer.content.decode()
    assert not Application.objects.exists()
    assert "Send it once more" in page
    assert 'role="alert"' in page
    fields = hidden_fields(page)
    again = {**recipes.entries(), **fields}
    monkeypatch.setattr(spam, "WAIT", 0)
    with time_machine.travel(time.time() + 10, tick=False):
        answer = client.post("/join/municipality/", again)
    assert answer.status_code == 302
    assert only().person_name == "Zoë Silva"


def test_a_form_sent_twice_is_one_application(client, mails):
    fields = hidden_fields(client.get("/join/municipality/").content.decode())
    data = {**recipes.entries(), **fields, "proof": proof_of(fields["stamp"])}
    with time_machine.travel(time.time() + 10, tick=False):
        first = client.post("/join/municipality/", data)
        second = client.post("/join/municipality/", data)
    assert first["Location"] == second["Location"]
    assert Application.objects.count() == 1
    sending.send_waiting()
    assert len(mails) == 1


def test_known_organisations_are_offered_and_one_is_taken(client):
    known = Organisation.objects.create(slug="prova", name="Vila Nova da Prova (Município)", kind="municipality")
    answer = apply(client)
    page = answer.content.decode()
    assert not Application.objects.exists()
    assert 'value="prova"' in page
    assert "None of these" in page
    apply(client, organisation="prova")
    application = only()
    assert application.organisation == known
    assert application.organisation_name == known.name


def test_a_similar_name_may_be_a_new_organisation(client):
    Organisation.objects.create(slug="prova", name="Vila Nova da Prova (Município)")
    apply(client, organisation="-")
    assert only().organisation is None
    assert only().organisation_name == "Vila Nova da Prova"


@pytest.mark.parametrize("choice", ["nobody", "1 OR 1=1", "prova-2"])
def test_only_what_was_offered_can_be_chosen(client, choice):
    Organisation.objects.create(slug="prova", name="Vila Nova da Prova (Município)")
    Organisation.objects.create(slug="prova-2", name="Quite different")
    assert apply(client, organisation=choice).status_code == 200
    assert not Application.objects.exists()


def test_a_member_is_not_applied_for_again(client):
    recipes.member("vila-nova-da-prova")
    Organisation.objects.filter(slug="vila-nova-da-prova").update(name="Vila Nova da Prova")
    answer = apply(client, organisation="vila-nova-da-prova")
    assert "Its owners can invite you" in answer.content.decode()
    assert not Application.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("person_name", "Zoë\r\nBcc: all@example.org"),
        ("person_name", "Buy at www.example.com"),
        ("organisation_name", "Prova\nBcc: all@example.org"),
        ("organisation_name", "https://example.com/"),
        ("organisation_name", "<script>alert(1)</script>"),
        ("organisation_name", "a" * 201),
        ("person_name", "a" * 151),
        ("email", "zoe@example.org\nBcc: all@example.org"),
        ("email", "a" * 250 + "@example.org"),
        ("place", "Prova\x00"),
        ("website", "javascript:alert(1)"),
        ("country", "XX"),
        ("country", "EU"),
        ("reason", ""),
        ("reason", "a" * 4_001),
        ("topics", ["lighting", "astrology"]),
        ("about_population", "-1"),
        ("about_population", "9" * 400),
        ("about_departments", "a" * 1_001),
    ],
)
def test_hostile_entries_are_refused_at_their_field(client, field, value):
    answer = apply(client, **{field: value})
    assert answer.status_code == 200
    assert not Application.objects.exists()
    assert field in answer.context["form"].errors
    assert "<script>alert" not in answer.content.decode()


def test_ten_megabytes_are_refused(client):
    answer = client.post("/join/municipality/", recipes.entries(reason="a" * 10_000_000))
    assert answer.status_code == 400
    assert not Application.objects.exists()


def test_too_many_applications_are_told_to_wait_and_lose_nothing(client, monkeypatch):
    monkeypatch.setattr(spam, "FOR_ADDRESS", spam.Limit("address", 1))
    apply(client)
    answer = apply(client, person_name="Zoë Again")
    assert answer.status_code == 429
    assert "Zoë Again" in answer.content.decode()
    assert Application.objects.count() == 1


def test_who_is_signed_in_with_the_address_needs_no_link(client, mails):
    ada = recipes.person()
    recipes.signed_in(client, ada)
    page = client.get("/join/municipality/").content.decode()
    assert 'value="ada@example.org"' in page
    apply(client, email="Ada@example.org", proven=False)
    assert only().state == ApplicationState.WAITING
    assert only().user == ada
    sending.send_waiting()
    assert mails == []


def test_another_address_than_the_account_s_is_confirmed_first(client):
    recipes.signed_in(client, recipes.person())
    apply(client, email="boss@example.org", proven=False)
    assert only().state == ApplicationState.UNVERIFIED


@pytest.mark.parametrize("language", ["es", "ar"])
def test_mails_and_links_are_in_the_applicant_s_language(client, mails, language):
    send(client, f"/{language}/join/municipality/", recipes.entries())
    assert only().language == language
    sending.send_waiting()
    assert link_in(mails[0], f"/{language}/join/confirm/")


# --- the page of one's own -------------------------------------------------------------------------------------------
def test_the_page_tells_the_state_and_what_was_sent(client):
    application = recipes.waiting(reason="<b>Because</b>\nof light")
    page = client.get(joining.path_of(application)).content.decode()
    assert "Waits for the chair" in page
    assert "&lt;b&gt;Because&lt;/b&gt;" in page
    assert "52000" in page


@pytest.mark.parametrize("made", [recipes.application, recipes.waiting])
def test_an_application_that_is_open_can_be_withdrawn(client, made):
    application = made()
    path = joining.path_of(application)
    assert client.post(path, {"do": "withdraw"}).status_code == 302
    assert only().state == ApplicationState.WITHDRAWN
    version = only().version
    client.post(path, {"do": "withdraw"})
    assert only().version == version


def test_a_decided_application_is_not_withdrawn(client):
    application = recipes.waiting()
    joining.reject(application=application, actor=recipes.chair(), reason="Not now.")
    answer = client.post(joining.path_of(application), {"do": "withdraw"})
    assert answer.status_code == 409
    assert only().state == ApplicationState.REJECTED


def test_the_mail_is_sent_again_so_often(client):
    path = joining.path_of(recipes.application())
    for _ in range(joining.MOST_CONFIRMATION_MAILS + 2):
        client.post(path, {"do": "send-again"})
    assert Mail.objects.count() == joining.MOST_CONFIRMATION_MAILS


def test_the_applicant_answers_and_the_chair_is_told(client):
    chair = recipes.chair()
    application = recipes.waiting()
    path = joining.path_of(application)
    client.post(path, {"do": "answer", "text": "Here are the numbers."})
    assert application.messages.get().from_applicant
    assert "Here are the numbers." in client.get(path).content.decode()
    kinds = list(chair.notifications.values_list("kind", flat=True))
    assert sorted(kinds) == ["application-answered", "application-waits"]


def test_an_empty_answer_and_too_many_are_told(client):
    application = recipes.waiting()
    path = joining.path_of(application)
    assert client.post(path, {"do": "answer", "text": " "}).status_code == 200
    for number in range(joining.MOST_UNANSWERED):
        client.post(path, {"do": "answer", "text": f"Answer {number}"})
    answer = client.post(path, {"do": "answer", "text": "One too many"})
    assert "One too many" in answer.content.decode()
    assert application.messages.count() == joining.MOST_UNANSWERED


def test_an_answer_that_comes_too_late_is_not_lost(client):
    application = recipes.waiting()
    joining.reject(application=application, actor=recipes.chair(), reason="Not now.")
    answer = client.post(joining.path_of(application), {"do": "answer", "text": "But we did measure."})
    assert answer.status_code == 409
    assert "But we did measure." in answer.content.decode()


def test_what_nobody_can_do_is_a_bad_request(client):
    assert client.post(joining.path_of(recipes.waiting()), {"do": "accept"}).status_code == 400
    assert only().state == ApplicationState.WAITING


def test_what_nobody_confirmed_is_forgotten(client):
    kept = [recipes.waiting(), recipes.application(person_name="Newer")]
    old = recipes.application(person_name="Mallory", reason="Advertisement")
    recipes.Application.objects.filter(pk=old.pk).update(reason="Advertisement, changed")
    past = timezone.now() - joining.UNCONFIRMED_FOR - timedelta(minutes=1)
    recipes.Application.objects.filter(pk__in=[kept[0].pk, old.pk]).update(created_at=past)
    assert joining.forget_unconfirmed() == 1
    assert {one.pk for one in Application.objects.all()} == {one.pk for one in kept}
    log = list(Change.objects.filter(table="members_application", record_id=old.pk).values_list("before", flat=True))
    assert len(log) == 4
    assert "Mallory" not in str(log)
    assert "Advertisement" not in str(log)
    assert "zoe@example.org" not in str(log)


def test_applications_are_in_the_log(client):
    application = recipes.waiting()
    joining.reject(application=application, actor=recipes.chair(), reason="Not now.")
    log = Change.objects.filter(table="members_application", record_id=application.pk).order_by("position")
    assert [change.operation for change in log] == ["I", "U", "U"]
