"""The pages of insight in a real browser: accessible, narrow, dark, right to left, without sideways scroll."""

import pytest

from tests.kpis.insight.recipes import measured

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("reference_data", "plain_names")]
axe = pytest.importorskip("axe_playwright_python.sync_playwright")


@pytest.fixture
def plain_names(settings):
    """The test server reads the sources; names with a hash are those of collected files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def test_every_page_passes_axe_and_fits_a_phone(browser, live_server):
    kpi = measured((-50, -40, -30, -20, -10, 0, 10))
    paths = (
        f"/kpis/explore/?kpi={kpi.slug}&group_by=design",
        "/kpis/explore/?kpi=all-trv-time&group_by=region",
        "/kpis/explore/?kpi=no-such",
        "/kpis/peers/?city=pittsburgh-us",
        f"/kpis/{kpi.slug}/benchmark/?city=pittsburgh-us",
        "/kpis/evidence/?dimension=Mobility",
        f"/ar/kpis/explore/?kpi={kpi.slug}",
    )
    found, complaints = [], []
    for width, scheme in ((1280, "light"), (360, "dark")):
        page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        for path in paths:
            page.goto(live_server.url + path)
            violations = axe.Axe().run(page).response["violations"]
            found += [(path, width, one["id"], [node["html"][:120] for node in one["nodes"][:2]]) for one in violations]
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert found == []
    # The browser itself notes the page that answers 400.
    assert [text for text in complaints if "400" not in text] == []


def test_a_change_is_placed_without_a_script(browser, live_server):
    kpi = measured((-50, -40, -30, -20, -10))
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{live_server.url}/kpis/{kpi.slug}/benchmark/")
    page.fill("#id_city", "pittsburgh-us")
    page.click("text=Find cities like it")
    page.fill("#id_change", "-25")
    page.click("text=Show where it stands")
    assert "Your change of −25% is +25% where better is positive: 2 of the results are worse" in page.inner_text(
        "#place"
    )
    assert "-25" not in page.url
