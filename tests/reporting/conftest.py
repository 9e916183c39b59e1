"""A real browser for the pages of reports, with and without a script, on a desk and on a phone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as portal_settings
from django.test import Client

from alliance.members.models import User
from tests.browsers import close_contexts


@pytest.fixture
def open_page(live_server, browser, settings) -> Iterator[Callable[..., Any]]:
    """Gives a function that opens a page for a user; fails at the end when a browser's console has an error.

    Its arguments: the path, who is signed in (nobody when left out), and options of the browser's context.
    """
    # The test server reads the sources; names with a hash are those of collected files.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.PORTAL_ORIGIN = live_server.url
    complaints: list[str] = []
    expected = ("Failed to load resource",)  # answers of 401, 409, 412 and 422 are part of what is promised

    def note(message: Any) -> None:
        if message.type == "error" and not message.text.startswith(expected):
            complaints.append(message.text)

    def visit(path: str, user: User | None = None, **options: Any) -> Any:
        context = browser.new_context(
            base_url=live_server.url, **{"viewport": {"width": 1280, "height": 900}, **options}
        )
        if user is not None:
            sign_in(context, user, live_server.url)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield visit
    close_contexts(browser)
    assert complaints == []


def sign_in(context: Any, user: User, origin: str) -> None:
    """Give a browser the session of a user."""
    client = Client()
    client.force_login(user)
    name = portal_settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": origin}])
