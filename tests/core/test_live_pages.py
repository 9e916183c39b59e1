"""What scripts add, in a real browser under the real content security policy: the live map, and filters at once."""

from contextlib import contextmanager

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


#: What the browser and htmx tell of a request that got no answer.
GIVEN_UP = ("failed: ", "htmx:", "Failed to load resource: net::ERR_INTERNET_DISCONNECTED")


def complaint(message):
    """What the console says is wrong. A selector of htmx that matches nothing now (no case is ticked) is not."""
    if message.type in ("error", "warning") and "returned no matches" not in message.text:
        yield message.text


@pytest.fixture
def page_at(live_server, reference_data, browser, settings):
    """Opens a path; at the end no complaint of the browser may be left but those that start with what is forgiven."""
    # The test server reads the sources; names with a hash are those of collected files.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}

    @contextmanager
    def open_page(path, forgiven=(), **options):
        complaints = []
        page = browser.new_page(**options)
        page.on("console", lambda message: complaints.extend(complaint(message)))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.on(
            "request",
            lambda r: (
                None if r.url.startswith((live_server.url, "data:")) else complaints.append(f"elsewhere: {r.url}")
            ),
        )
        page.goto(f"{live_server.url}{path}")
        yield page
        page.context.close()
        assert [one for one in complaints if not one.startswith(tuple(forgiven))] == []

    return open_page


def places_on(page):
    """How many places the marks stand for: a gathered mark bears its number."""
    numbers = page.locator(".live-map .many span").all_inner_texts()
    return sum(int(number.strip()) for number in numbers) + page.locator(".live-map .spot").count()


def test_the_map_comes_alive_with_every_place_and_opens_by_keyboard(page_at):
    with page_at("/map/") as page:
        drawn = page.locator("[data-map] > svg circle").count()
        page.wait_for_selector(".live-map .many")
        assert drawn > 50
        assert places_on(page) >= drawn  # a city may have several use cases
        assert not page.locator("[data-map] > svg").is_visible()
        page.locator(".live-map .spot").first.focus()
        page.keyboard.press("Enter")
        link = page.locator(".leaflet-popup-content a")
        link.wait_for()
        assert page.evaluate("document.activeElement.closest('.leaflet-popup-content') !== null")
        page.keyboard.press("Escape")
        page.wait_for_selector(".leaflet-popup", state="detached")
        assert page.evaluate("document.activeElement.classList.contains('spot')")


def test_a_gathered_mark_opens_into_its_parts(page_at):
    with page_at("/map/") as page:
        page.wait_for_selector(".live-map .many")
        before = page.locator(".live-map .many span").first.inner_text()
        page.locator(".live-map .many").first.click()
        page.wait_for_function(
            "text => !document.querySelector('.live-map .many span') "
            "|| document.querySelector('.live-map .many span').textContent !== text",
            arg=before,
        )
        assert page.locator(".live-map .leaflet-marker-icon").count() >= 2


def test_without_scripts_the_drawn_map_stays(page_at):
    with page_at("/map/", java_script_enabled=False) as page:
        assert page.locator("[data-map] > svg").is_visible()
        assert page.locator(".live-map").count() == 0


def test_a_filter_applies_at_once_and_keeps_the_readers_place(page_at):
    with page_at("/use-cases/") as page:
        assert not page.locator(".sr-go").first.is_visible()
        box = page.locator('input[name="vertical"][value="water"]')
        box.focus()
        page.keyboard.press("Space")
        page.wait_for_url("**vertical=water**")
        page.wait_for_function("document.getElementById('announcement').textContent.length > 0")
        assert page.evaluate("document.activeElement.value") == "water"
        assert page.locator('input[name="vertical"][value="water"]').is_checked()
        assert page.locator("#filter-vertical").evaluate("details => details.open")
        heading = page.locator("[data-announce]").first.inner_text()
        assert page.locator("#announcement").inner_text() == heading


def test_a_filter_ticked_while_the_answer_is_under_way_is_not_lost(page_at):
    with page_at("/use-cases/", forgiven=GIVEN_UP) as page:
        held = []
        page.route(
            "**/use-cases/?*", lambda route: held.append(route)
        )  # as on a slow line: no answer comes before both are ticked
        for value in ("water", "waste"):
            page.locator(f'input[name="vertical"][value="{value}"]').check()
            page.wait_for_timeout(100)
        held[-1].continue_()
        page.wait_for_url("**vertical=water&vertical=waste**")
        page.wait_for_function("document.querySelectorAll('.chips .chip').length === 2")
        assert page.locator('input[name="vertical"]:checked').count() == 2


def test_when_the_portal_cannot_be_reached_the_browser_says_so(page_at):
    with page_at("/use-cases/", forgiven=GIVEN_UP) as page:
        page.route("**/use-cases/?*", answer_only_a_visit)
        page.locator('input[name="vertical"][value="water"]').evaluate("box => box.click()")
        page.wait_for_url("**vertical=water**")
        assert page.locator("body").inner_text() == "an ordinary visit"


def answer_only_a_visit(route):
    if route.request.resource_type == "document":
        route.fulfill(body="an ordinary visit")
    else:
        route.abort("internetdisconnected")


def test_without_scripts_the_filters_have_their_button(page_at):
    with page_at("/use-cases/", java_script_enabled=False) as page:
        page.locator('input[name="vertical"][value="water"]').check()
        page.locator("form#filters button.sr-go").click()
        page.wait_for_url("**vertical=water**")
        assert page.locator(".chip").count() == 1


def test_escape_closes_the_menu_and_returns_to_it(page_at):
    with page_at("/styleguide/", viewport={"width": 360, "height": 700}) as page:
        page.locator(".menu summary").click()
        assert page.locator(".menu-links a").first.is_visible()
        page.keyboard.press("Escape")
        assert not page.locator(".menu-links a").first.is_visible()
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


@pytest.mark.parametrize(
    ("path", "width", "scheme"),
    [
        ("/styleguide/", 1280, "light"),
        ("/styleguide/", 1280, "dark"),
        ("/styleguide/", 320, "light"),
        ("/ar/styleguide/", 360, "dark"),
    ],
)
def test_the_style_guide_is_accessible_and_never_scrolls_sideways(page_at, path, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with page_at(path, viewport={"width": width, "height": 800}, color_scheme=scheme) as page:
        violations = axe.Axe().run(page).response["violations"]
        assert [(v["id"], [node["html"] for node in v["nodes"]][:3]) for v in violations] == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
