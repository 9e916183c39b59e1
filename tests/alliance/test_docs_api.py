"""The guide: its examples run, its page stands without network, scripts of others or inline code."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django_settings

from alliance.core.errors import BAD_PARAMETERS
from alliance.members.tokens import make_token
from tests.alliance.api_cases import NAMES
from tests.browsers import close_contexts
from tests.reporting import recipes

GUIDE = Path(django_settings.BASE_DIR) / "docs" / "api.md"
ADDRESS = "http://127.0.0.1:8000"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), flags=re.M | re.S)


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


def run(command: list[str], folder: Path, **more: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "no_proxy": "*", **more}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr or done.stdout
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def server(live_server, reference_data, no_quota, settings):
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # the test's server finds files itself
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    return live_server.url


def test_the_guide_has_examples_in_three_languages():
    assert {kind for kind, _ in BLOCKS} == {"sh", "python", "r"}
    assert (len(blocks("sh")), len(blocks("python")), len(blocks("r"))) == (9, 5, 2)
    for name in NAMES:
        assert f"| `{name}` |" in GUIDE.read_text(encoding="utf-8")


@pytest.fixture
def token(server) -> str:
    """Of a member who reports."""
    return make_token(actor=recipes.member(), name="guide", scopes=["read", "report"], days=1)[1]


def test_the_shell_examples_run(server, token, tmp_path):
    said = [run(["sh", "-ec", text.replace(ADDRESS, server)], tmp_path, TOKEN=token) for text in blocks("sh")]
    newest, one, results, search, counts, whole, unchanged, dry_run, reported = said
    assert "number-with-words" in [error["code"] for error in json.loads(dry_run)["errors"]]
    assert json.loads(reported)["state"] == "submitted"
    assert len(json.loads(newest)["results"]) == 2
    assert set(json.loads(one)) == {"title", "city", "technologies"}
    assert json.loads(results)["results"][0]["kpi"]["code"] == "ALL-WAT-CSO"
    assert json.loads(search)["results"][0]["slug"] == "smart-sewers-south-bend"
    assert json.loads(search)["count"] >= 1
    assert list(json.loads(counts)["facets"]) == ["region", "stage"]
    assert len(whole.splitlines()) == 3
    assert (tmp_path / "use-cases.csv").read_text(encoding="utf-8").startswith("slug,title,")
    assert (tmp_path / "results.xlsx").read_bytes().startswith(b"PK")
    assert json.loads((tmp_path / "use-cases.geojson").read_text(encoding="utf-8"))["type"] == "FeatureCollection"
    assert unchanged.strip() == "304"


def test_the_python_examples_run(server, token, tmp_path):
    said = []
    for number, text in enumerate(blocks("python")):
        file = tmp_path / f"example{number}.py"
        file.write_text(text.replace(ADDRESS, server), encoding="utf-8")
        said.append(run([sys.executable, "-W", "error", "-I", str(file)], tmp_path, TOKEN=token))
    region, changes, refused, unchanged, reported = said
    assert reported.splitlines()[0] == "0 created []"
    assert reported.splitlines()[1].startswith("1 errors ['city', 'vertical',")
    assert "Bogot" in region
    assert len(region.splitlines()) > 5
    assert re.search(r" -?\d+(\.\d+)? (better|worse|neutral)$", changes, re.M)
    assert "vertical unknown_value" in refused
    assert "Did you mean “water”?" in refused
    assert "sortt unknown_parameter" in refused
    assert unchanged.strip() == "304"


def test_the_r_examples_run_or_read_what_is_there(server, tmp_path):
    """Where R is not installed, the compromise: their addresses answer, and the columns that they use are there."""
    rscript = shutil.which("Rscript")
    for text in blocks("r"):
        if rscript:
            file = tmp_path / "example.R"
            file.write_text(text.replace(ADDRESS, server), encoding="utf-8")
            assert run([rscript, "--vanilla", str(file)], tmp_path)
        for address in re.findall(r'"(http://[^"]+)"', text):
            with urlopen(address.replace(ADDRESS, server)) as answer:
                header, *rows = answer.read().decode("utf-8").splitlines()
            used = set(re.findall(r"\$(\w+)", text)) | set(re.findall(r"(\w+) ~ (\w+)", text)[0] if "~" in text else ())
            assert used
            assert used <= set(header.split(","))
            assert rows


def test_the_links_of_the_guide_lead_somewhere(client, reference_data):
    links = re.findall(rf"<{ADDRESS}(/[^>]+)>", GUIDE.read_text(encoding="utf-8"))
    assert len(links) == 4
    for link in links:
        assert client.get(link, follow=True).status_code == 200


# --- the page --------------------------------------------------------------------------------------------------------
@pytest.fixture
def page(client, reference_data) -> str:
    response = client.get("/api/v1/docs/")
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_has_every_resource_parameter_and_status(page):
    for name in NAMES:
        assert f'id="{name}"' in page
        assert f"GET /api/v1/{name}/" in page
        assert f'<form method="get" action="/api/v1/{name}/"' in page
    for text in ("page_size", "has_results", "city.country.code", "application/problem+json", "429"):
        assert text in page
    assert f'id="problem-{BAD_PARAMETERS}"' in page


def test_the_page_holds_no_inline_code_and_asks_nobody_else(page):
    assert not re.search(r"<script(?![^>]* src=\"/)", page)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert not re.search(
        r"(?:src|href)=\"https?://(?!localhost|127\.0\.0\.1|testserver)[^\"]*\.(?:js|css|woff2?)", page
    )


@pytest.mark.browser
def test_the_page_works_in_a_browser_under_the_strict_policy(server, browser):
    complaints, asked = [], []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server}/api/v1/docs/")
    form = page.locator('form[action="/api/v1/use-cases/"]')
    page.locator("#use-cases ~ .api-operation details.api-try > summary").first.click()
    form.locator('[name="q"]').fill("sewers")
    form.locator('[name="vertical"]').select_option(["water"])
    form.get_by_role("button").click()
    form.locator("[data-body]").filter(has_text="smart-sewers-south-bend").wait_for()
    assert form.locator("[data-status]").inner_text().startswith("200")
    assert form.locator("[data-request]").inner_text() == "GET /api/v1/use-cases/?q=sewers&vertical=water&page_size=2"
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = Axe().run(page).response["violations"]
    close_contexts(browser)
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert complaints == []
    assert all(url.startswith((server, "data:")) for url in asked)


@pytest.mark.browser
def test_the_forms_work_without_javascript(server, browser):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{server}/api/v1/docs/")
    page.locator("#bodies ~ .api-operation details.api-try > summary").first.click()
    page.locator('form[action="/api/v1/bodies/"]').get_by_role("button").click()
    page.wait_for_url("**/api/v1/bodies/?**")
    assert '"results":[' in page.content()
