"""The one-time link by which the administrator of a fresh portal signs in."""

import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from time_machine import travel

from alliance.members import sign_in_links
from alliance.members.models import User


@pytest.fixture
def path(ada, settings) -> str:
    return sign_in_links.link_for(ada).removeprefix(settings.PORTAL_ORIGIN)


def is_signed_in(client) -> bool:
    return "_auth_user_id" in client.session


def test_looking_at_the_link_does_not_use_it_up(client, path):
    for _ in range(3):
        page = client.get(path)
        assert page.status_code == 200
        assert "ada@example.org" in page.content.decode()
        assert 'method="post"' in page.content.decode()
    assert client.head(path).status_code == 200
    assert not is_signed_in(client)
    client.post(path)
    assert is_signed_in(client)


def test_a_link_works_once(client, path):
    assert client.post(path).status_code == 302
    second = Client()
    for answer in (second.get(path), second.post(path)):
        assert answer.status_code == 410
        assert "no longer works" in answer.content.decode()
    assert not is_signed_in(second)


def test_another_sign_in_uses_it_up_too(client, path, ada):
    other = sign_in_links.link_for(ada)
    client.post(path)
    assert sign_in_links.user_of(re.search(r"link/([^/]+)/", other)[1]) is None


def test_a_link_lives_for_a_quarter_of_an_hour(client, path):
    with travel(timezone.now() + sign_in_links.VALID_FOR - timedelta(seconds=5)):
        assert client.get(path).status_code == 200
    with travel(timezone.now() + sign_in_links.VALID_FOR + timedelta(seconds=5)):
        assert client.get(path).status_code == 410
        assert client.post(path).status_code == 410
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "change",
    [
        lambda user: user.set_password("another-long-password"),
        lambda user: setattr(user, "email", "other@example.org"),
        lambda user: setattr(user, "is_active", False),
    ],
    ids=["password", "address", "blocked"],
)
def test_a_changed_account_makes_the_link_void(client, path, ada, change):
    change(ada)
    ada.save()
    assert client.post(path).status_code == 410


def test_a_forged_link_is_refused(client, path, ada, settings):
    token = re.search(r"link/([^/]+)/", path)[1]
    for forged in (token[:-1] + ("A" if token[-1] != "A" else "B"), "x", token.replace(":", "."), "WzFd:1xVi8x:abc"):
        assert client.get(f"/accounts/link/{forged}/").status_code == 410
    settings.SECRET_KEY = "another-secret-another-secret-another-secret-another"
    assert client.post(path).status_code == 410


def test_the_form_needs_its_csrf_token(path):
    assert Client(enforce_csrf_checks=True).post(path).status_code == 403


def test_the_page_keeps_its_address_to_itself(client, path):
    page = client.get(path)
    assert page["Referrer-Policy"] == "strict-origin"
    assert "no-store" in page["Cache-Control"]
    assert page["X-Robots-Tag"] == "noindex"


def test_signing_in_changes_the_session_key(client, path):
    client.get("/accounts/login/")
    session = client.session
    session["mark"] = 1
    session.save()
    before = session.session_key
    client.post(path)
    assert client.session.session_key != before


@pytest.mark.django_db(transaction=True)
def test_two_at_once_sign_in_one(path):
    """Both read the link before either has signed in; the row lock lets one of them win."""
    import threading

    from django.db import connections

    barrier, statuses = threading.Barrier(2), []

    def use() -> None:
        client = Client()
        barrier.wait()
        statuses.append(client.post(path).status_code)
        connections.close_all()

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [302, 410]


def test_a_staff_member_arrives_in_the_admin(client, db, settings):
    user = User.objects.create_superuser("chair@example.org")
    answer = client.post(sign_in_links.link_for(user).removeprefix(settings.PORTAL_ORIGIN))
    assert answer["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


# --- the command -----------------------------------------------------------------------------------------------------
def printed(capsys, *arguments: str) -> str:
    call_command("sign_in_link", *arguments)
    return capsys.readouterr().out.strip()


def test_the_command_makes_the_administrator_of_a_local_portal_once(client, db, settings, capsys):
    settings.LOCAL, settings.PORTAL_ORIGIN = True, "http://localhost:8123"
    first, _second = printed(capsys), printed(capsys)
    assert first.startswith("http://localhost:8123/accounts/link/")
    administrator = User.objects.get(is_superuser=True)
    assert (administrator.email, administrator.has_usable_password()) == ("admin@localhost", False)
    assert administrator.emailaddress_set.get().verified
    assert client.post(first.removeprefix("http://localhost:8123")).status_code == 302
    assert is_signed_in(client)


def test_the_command_makes_nobody_in_production(db, settings):
    settings.LOCAL = False
    with pytest.raises(CommandError, match="createsuperuser"):
        call_command("sign_in_link")
    assert not User.objects.exists()


def test_the_command_is_for_the_first_superuser_or_who_is_named(ada, capsys):
    chair = User.objects.create_superuser("chair@example.org")
    token = printed(capsys).split("/link/")[1].rstrip("/")
    assert sign_in_links.user_of(token) == chair
    token = printed(capsys, "ADA@example.org").split("/link/")[1].rstrip("/")
    assert sign_in_links.user_of(token) == ada
    with pytest.raises(CommandError, match="nobody@example"):
        call_command("sign_in_link", "nobody@example.org")
