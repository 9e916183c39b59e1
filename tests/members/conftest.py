"""People with accounts, and a browser that can hold passkeys."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core import mail
from django.urls import reverse

from alliance.members.models import User

PASSWORD = "correct-horse-battery-staple"


@pytest.fixture
def ada(db) -> User:
    """A member with a password and a confirmed address."""
    from allauth.account.models import EmailAddress

    user = User.objects.create_user("ada@example.org", PASSWORD, name="Ada")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@pytest.fixture
def sign_in(client):
    """Signs a user in through the sign-in page; the answer is that of the page."""

    def sign_in(email: str = "ada@example.org", password: str = PASSWORD):
        return client.post(reverse("account_login"), {"login": email, "password": password})

    return sign_in


def link_in(message, path: str) -> str:
    """The path of the only link in a mail that starts with `path` on the portal's origin."""
    from django.conf import settings

    links = re.findall(r"https?://\S+", message.body)
    (found,) = [link for link in links if link.startswith(settings.PORTAL_ORIGIN + path)]
    return found.removeprefix(settings.PORTAL_ORIGIN)


@pytest.fixture
def mails():
    """The mails that were sent, newest last."""
    return mail.outbox


@pytest.fixture
def browser_page(live_server, transactional_db, settings, browser):
    """A page of a real Chromium with a virtual authenticator; it must not complain about anything."""
    settings.PORTAL_ORIGIN = live_server.url
    # The live server knows files by their own names only.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}

    @contextmanager
    def open_page(*, knows_its_owner: bool = True, allowed_complaints: str = "(?!)") -> Iterator:
        complaints: list[str] = []
        context = browser.new_context(base_url=live_server.url)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("response", lambda r: complaints.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        session = context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": knows_its_owner,
        }
        session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        yield page
        context.close()
        assert [text for text in complaints if not re.search(allowed_complaints, text)] == []

    return open_page
