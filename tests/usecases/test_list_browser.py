"""The list in a real browser: filters apply at once, the reader keeps the place, and the choice to compare is kept."""

import pytest

from tests.browsers import close_contexts

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("reference_data")]


@pytest.fixture
def open_page(live_server, browser, settings):
    """Gives a function that opens a page; fails at the end when the browser's console has an error."""
    # The test server reads the sources; names with a hash are those of collected files.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    complaints: list[str] = []

    def visit(path: str, **options):
        page = browser.new_context(viewport={"width": 1280, "height": 900}, **options).new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(live_server.url + path)
        page.wait_for_load_state("networkidle")
        return page

    yield visit
    close_contexts(browser)
    assert complaints == []


def test_a_filter_applies_at_once_and_the_reader_keeps_the_place(open_page):
    page = open_page("/use-cases/")
    page.evaluate(
        """() => {
          for (const name of ["technology", "stage"]) document.getElementById("filter-" + name).open = true;
          document.getElementById("stage-scaled").scrollIntoView({block: "center", behavior: "instant"});
        }"""
    )
    before = page.evaluate("scrollY")
    assert before > 0
    page.evaluate("() => { const box = document.getElementById('stage-scaled'); box.focus(); box.click(); }")
    page.wait_for_url("**/use-cases/?stage=scaled")
    page.wait_for_selector('.chips:has-text("Scaled up")')
    page.wait_for_function("document.getElementById('announcement').textContent.includes('use cases match')")
    assert page.evaluate("scrollY") == before
    assert page.evaluate("document.activeElement.id") == "stage-scaled"
    # Opened by hand, with nothing chosen in it.
    assert page.evaluate("document.getElementById('filter-technology').open")
    assert page.inner_text("#count").startswith(page.inner_text("#announcement"))


def test_what_is_ticked_to_compare_survives_a_filter_and_a_page(open_page):
    page = open_page("/use-cases/")
    page.check(".case .pick input >> nth=0")
    page.check(".case .pick input >> nth=2")
    page.click(".pagination .next")
    page.wait_for_url("**page=2**")
    page.wait_for_selector(".picked .chip >> nth=1")
    assert page.evaluate("new URL(location).searchParams.getAll('u').length") == 2
    page.click("#filter-vertical label:has([value=water])")
    page.wait_for_url("**vertical=water**")
    page.click("text=Compare these")
    page.wait_for_url("**/use-cases/compare/**")
    assert page.locator("thead .letter").all_inner_texts()[:2] == ["A", "B"]


def test_going_back_shows_the_list_as_it_was(open_page):
    page = open_page("/use-cases/")
    first = page.inner_text("#count")
    page.click("#filter-vertical label:has([value=water])")
    page.wait_for_selector('.chips:has-text("Water")')
    page.go_back()
    page.wait_for_function("words => document.getElementById('count').innerText === words", arg=first)
    assert page.locator("h1").count() == 1
    assert page.locator("#filter-vertical :checked").count() == 0


def test_without_script_the_same_form_works(open_page):
    page = open_page("/use-cases/", java_script_enabled=False)
    page.fill("#q", "sewer snsors")
    page.click(".search button")
    page.wait_for_url("**q=sewer+snsors**")
    assert "Searched for sewer sensors" in page.inner_text("#list")
    assert page.locator(".case h3").first.inner_text() == "Sensor-controlled combined sewers"
    page.check("#filter-vertical [value=water]")
    page.click("text=Show the matches")
    page.wait_for_url("**vertical=water**")
    page.check(".case .pick input >> nth=0")
    page.click("text=Compare the ticked ones")
    page.wait_for_url("**/use-cases/compare/?u=**")
    assert "One case alone" in page.inner_text("main")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize(
    "path",
    [
        "/use-cases/?u=sfpark-san-francisco",
        "/use-cases/?view=table",
        "/use-cases/?view=map",
        "/use-cases/led-buenos-aires/",
        "/use-cases/compare/?u=surtrac-pittsburgh&u=transmilenio-bogota&u=midtown-in-motion-new-york",
        "/results/",
    ],
)
def test_no_page_is_wider_than_the_screen(open_page, path, width):
    page = open_page(path)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
