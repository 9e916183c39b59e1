"""Applying in a real browser, on a phone, with a script and without one."""

import time

import pytest

from alliance.members import joining, spam
from alliance.members.models import Application, ApplicationState
from tests.browsers import close_contexts

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("reference_data")]

PHONE = {"width": 360, "height": 740}


@pytest.fixture
def open_page(live_server, browser, monkeypatch, settings):
    """Gives a function that opens a page on a phone; fails at the end when the browser has complained."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.PORTAL_ORIGIN = live_server.url
    monkeypatch.setattr(spam, "QUICKEST", 0)  # no test waits
    complaints: list[str] = []

    def visit(path: str, **options):
        page = browser.new_context(viewport=PHONE, base_url=live_server.url, **options).new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield visit
    close_contexts(browser)
    assert complaints == []


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def fill(page) -> None:
    page.fill("#id_person_name", "Zoë Silva")
    page.fill("#id_email", "zoe@example.org")
    page.fill("#id_organisation_name", "Neighbours of Prova")
    page.select_option("#id_country", "PT")
    page.fill("#id_reason", "We count bicycles.")
    page.check('input[name="topics"][value="mobility"]')
    page.fill("#id_about_work", "We count bicycles at the bridge.")


def test_with_a_script_one_press_is_enough(open_page):
    page = open_page("/join/")
    assert fits(page)
    page.click('.member-kinds a:has-text("Join as a community group")')
    page.wait_for_url("**/join/community-group/")
    assert fits(page)
    fill(page)
    page.click('main button:has-text("Send the application")')
    page.wait_for_url("**/join/application/**")
    assert fits(page)
    assert "zoe@example.org" in page.inner_text("main")
    application = Application.objects.get()
    assert application.details == {"work": "We count bicycles at the bridge."}
    page.goto(joining.confirmation_path(application))
    assert fits(page)
    page.click('button:has-text("Yes, it was me")')
    page.wait_for_url("**/join/application/**")
    assert Application.objects.get().state == ApplicationState.WAITING
    page.click('button:has-text("Withdraw the application")')
    page.wait_for_selector('h1:has-text("Withdrawn")')


def test_without_a_script_it_is_sent_once_more(open_page, monkeypatch):
    page = open_page("/join/community-group/", java_script_enabled=False)
    fill(page)
    page.click('main button:has-text("Send the application")')
    page.wait_for_selector('h2:has-text("Send it once more")')
    assert not Application.objects.exists()
    assert fits(page)
    assert page.input_value("#id_reason") == "We count bicycles."
    later = time.time() + spam.WAIT
    monkeypatch.setattr(spam.time, "time", lambda: later)
    page.click('main button:has-text("Send it once more")')
    page.wait_for_url("**/join/application/**")
    assert Application.objects.get().topics == ["mobility"]
    page.goto(joining.confirmation_path(Application.objects.get()))
    page.click('button:has-text("Yes, it was me")')
    page.wait_for_url("**/join/application/**")
    assert Application.objects.get().state == ApplicationState.WAITING


def test_a_browser_without_workers_is_not_stuck(open_page):
    page = open_page("/join/community-group/")
    page.route("**/proof-worker.js", lambda route: route.abort())
    fill(page)
    page.click('main button:has-text("Send the application")')
    page.wait_for_selector('h2:has-text("Send it once more")')
    assert not Application.objects.exists()


def test_known_organisations_are_asked_about_and_errors_lead_to_their_field(open_page):
    page = open_page("/join/municipality/")
    page.fill("#id_organisation_name", "City of South Bend")
    page.click('main button:has-text("Send the application")')
    page.wait_for_selector(".summary")
    assert fits(page)
    assert page.evaluate("document.activeElement.className") == "summary"
    page.click('.summary a:has-text("Is it one of these")')
    assert page.evaluate("document.activeElement.name") == "organisation"
    assert page.locator('input[value="city-of-south-bend"]').count() == 1
