"""Where people are signed in, and how they end it."""

import pytest
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from alliance.members.tasks import clear_expired_sessions
from tests.members.conftest import PASSWORD


def signed_in(user_agent: str) -> Client:
    client = Client(headers={"User-Agent": user_agent})
    client.post(reverse("account_login"), {"login": "ada@example.org", "password": PASSWORD})
    assert client.get(reverse("account_email")).status_code == 200
    return client


def test_all_other_sessions_can_be_ended(ada):
    here, there = signed_in("Browser at home"), signed_in("Phone lost on the tram")
    page = here.get(reverse("usersessions_list"))
    html = page.content.decode()
    assert "Browser at home" in html
    assert "Phone lost on the tram" in html
    answer = here.post(reverse("usersessions_list"))
    assert answer.status_code == 302
    assert there.get(reverse("account_email")).status_code == 302, "signed out at its next request"
    assert here.get(reverse("account_email")).status_code == 200


def test_a_changed_password_ends_the_other_sessions(ada):
    here, there = signed_in("here"), signed_in("there")
    new = "a-new-password-for-ada"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert here.post(reverse("account_change_password"), form).status_code == 302
    assert there.get(reverse("account_email")).status_code == 302
    assert here.get(reverse("account_email")).status_code == 200


def test_steady_use_is_noted_now_and_then_only(ada, django_assert_max_num_queries):
    client = signed_in("Browser at home")
    client.get(reverse("account_logout"))
    UserSession.objects.update(last_seen_at="2020-01-01T00:00:00Z")
    with django_assert_max_num_queries(2):  # the session and the user
        client.get(reverse("account_logout"))
    assert UserSession.objects.get().last_seen_at.year == 2020
    cache.clear()  # as if five minutes had passed
    client.get(reverse("account_logout"))
    assert UserSession.objects.get().last_seen_at.year > 2020


def test_another_browser_in_the_same_session_is_noted_at_once(ada):
    client = signed_in("Browser at home")
    client.get(reverse("account_logout"), headers={"User-Agent": "A thief's browser"})
    assert UserSession.objects.get().user_agent == "A thief's browser"


def test_ended_sessions_leave_the_list(ada):
    from django.contrib.sessions.models import Session

    kept, gone = signed_in("kept"), signed_in("gone")
    Session.objects.filter(session_key=gone.session.session_key).update(expire_date="2020-01-01T00:00:00Z")
    clear_expired_sessions()
    clear_expired_sessions()  # twice does no harm
    assert [row.user_agent for row in UserSession.objects.all()] == ["kept"]
    assert Session.objects.count() == 1
    assert kept.get(reverse("account_email")).status_code == 200


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_sign_out_page_does_not_sign_out(ada, method):
    client = signed_in("here")
    getattr(client, method)(reverse("account_logout"))
    assert client.get(reverse("account_email")).status_code == 200
