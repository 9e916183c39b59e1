"""A session ends while somebody types: nothing is lost, with and without a script."""

import json

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from reporting import merging, parking
from reporting.models import Report
from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]

PASSWORD = "long enough for a test"


@pytest.fixture
def draft():
    from allauth.account.models import EmailAddress

    report = recipes.use_case_report(author=recipes.member(password=PASSWORD))
    EmailAddress.objects.create(user=report.author, email=report.author.email, verified=True, primary=True)
    return report


@pytest.fixture
def address(draft):
    return reverse("reporting:page", args=[draft.key, "basics"])


def seen(report: Report) -> str:
    return json.dumps(merging.seen(merging.texts_of(report)))


def sign_in(client: Client, report: Report, to: str):
    return client.post(f"{reverse('account_login')}?next={to}", {"login": report.author.email, "password": PASSWORD})


def test_what_was_sent_is_back_after_signing_in(client, draft, address):
    typed = {"title": "Bins that talk", "seen": seen(draft), "action": "next"}
    answer = client.post(address, typed)
    assert answer.url == f"{reverse('account_login')}?next={address}"
    assert sign_in(client, draft, address).url == address
    page = client.get(address)
    text = page.content.decode()
    assert 'value="Bins that talk"' in text
    assert "not saved yet" in text
    draft.refresh_from_db()
    assert draft.entries["title"] == recipes.USE_CASE["title"]  # looking at a page changes nothing
    client.post(address, {**typed, "seen": page.context["seen"], "action": "save"})
    draft.refresh_from_db()
    assert draft.entries["title"] == "Bins that talk"
    assert "not saved yet" not in client.get(address).content.decode()


def test_what_others_saved_meanwhile_is_not_written_over(client, draft, address):
    client.post(address, {"title": "Bins that talk", "seen": seen(draft), "action": "next"})
    merging.save_merged(
        report=draft, actor=draft.author, mine={"title": "Bins that dance"}, seen=json.loads(seen(draft))
    )
    sign_in(client, draft, address)
    page = client.get(address)
    answer = client.post(address, {"title": "Bins that talk", "seen": page.context["seen"], "action": "save"})
    assert answer.status_code == 412


def test_a_first_page_is_back_as_well(client, draft):
    address = reverse("reporting:new")
    client.post(address, {"title": "A new one", "seen": "{}"})
    sign_in(client, draft, address)
    assert 'value="A new one"' in client.get(address).content.decode()


def test_who_may_not_edit_the_report_is_shown_nothing(client, draft, address):
    client.post(address, {"title": "Bins that talk", "seen": seen(draft)})
    client.force_login(recipes.member())
    answer = client.get(address)
    assert answer.status_code == 404
    assert "Bins that talk" not in answer.content.decode()


def test_what_is_too_much_to_keep_comes_back_in_the_page(client, draft, address, monkeypatch):
    monkeypatch.setattr(parking, "LONGEST_CHARACTERS", 100)
    answer = client.post(address, {"title": "Bins <that> talk " * 20, "seen": "{}"})
    assert answer.status_code == 401
    assert "Bins &lt;that&gt; talk" in answer.content.decode()
    assert settings.SESSION_COOKIE_NAME not in answer.cookies


def test_one_address_cannot_leave_things_without_end(client, draft, address, monkeypatch):
    monkeypatch.setattr(parking, "MOST_AN_HOUR", 2)
    assert [client.post(address, {"title": "x"}).status_code for _time in range(3)] == [302, 302, 401]


def test_a_script_is_told_that_the_session_has_ended(client, address):
    answer = client.post(address, {"title": "x"}, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()) == (401, {"signed_out": True})


def test_a_page_older_than_the_session_shows_what_was_typed_and_saves_nothing(draft, address):
    client = Client(enforce_csrf_checks=True)
    client.force_login(draft.author)
    answer = client.post(address, {"title": "Bins that talk", "seen": seen(draft), "action": "next"})
    assert answer.status_code == 403
    assert 'value="Bins that talk"' in answer.content.decode()
    draft.refresh_from_db()
    assert draft.entries == recipes.USE_CASE
    script = client.post(address, {"title": "x"}, headers={"accept": "application/json"})
    assert (script.status_code, script.json()) == (403, {"stale": True})


def test_a_request_from_elsewhere_leaves_nothing_and_ends_no_session(address):
    client = Client(enforce_csrf_checks=True)
    answer = client.post(address, {"title": "From elsewhere"})
    assert answer.status_code == 401
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
