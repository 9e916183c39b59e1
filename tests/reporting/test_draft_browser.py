"""Typing in a real browser: it is saved by itself, and nothing ends it: no closed browser, dead line or session."""

import json

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse

from reporting.models import Report
from reporting.services import save_entries, submit_report
from tests.reporting import recipes
from tests.reporting.conftest import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("reference_data")]


@pytest.fixture
def draft(live_server, reference_data) -> Report:
    return recipes.use_case_report()


def basics(report: Report) -> str:
    return reverse("reporting:page", args=[report.key, "basics"])


def entries(report: Report) -> dict:
    report.refresh_from_db()
    return report.entries


def saved(page) -> None:
    page.wait_for_function("() => document.querySelector('[data-saved]').textContent.startsWith('Saved ')")


def says(page, words: str) -> None:
    page.wait_for_function("words => document.querySelector('[data-saved]').textContent.includes(words)", arg=words)


def kept(page) -> dict | None:
    """What the browser keeps until the portal has it."""
    text = page.evaluate(
        "Object.entries(localStorage).filter(e => e[0].startsWith('draft:')).map(e => e[1])[0] || null"
    )
    return json.loads(text)["texts"] if text else None


def test_a_new_report_is_kept_after_a_few_seconds_without_any_button(open_page, live_server):
    member = recipes.member()
    page = open_page("/workspace/new/", member)
    page.fill("[name=title]", "Bins that talk")
    assert kept(page)["title"] == "Bins that talk"
    saved(page)
    report = Report.objects.get()
    assert report.entries["title"] == "Bins that talk"
    assert kept(page) is None
    assert page.url.endswith(basics(report))
    page.fill("[name=problem]", "They were silent.")
    with page.expect_response("**/basics/"):
        page.locator("[name=problem]").blur()
    page.reload()
    assert page.input_value("[name=problem]") == "They were silent."
    assert Report.objects.count() == 1


def test_what_was_found_is_shown_while_typing(open_page, draft):
    page = open_page(basics(draft), draft.author)
    page.fill("[name=started_year]", "soon")
    page.locator("[name=started_year]").blur()
    page.wait_for_selector("[data-findings=started_year] .error")
    assert page.get_attribute("[name=started_year]", "aria-invalid") == "true"
    page.fill("[name=started_year]", "2021")
    page.locator("[name=started_year]").blur()
    page.wait_for_selector("[data-findings=started_year] .error", state="detached")
    assert page.get_attribute("[name=started_year]", "aria-invalid") is None


def test_a_question_is_asked_and_answered_while_typing(open_page, live_server):
    report = recipes.result_report()
    page = open_page(reverse("reporting:page", args=[report.key, "measure"]), report.author)
    page.fill("[name=result_value]", "650000")
    page.locator("[name=result_value]").blur()
    question = page.locator(".ask textarea").first
    question.wait_for()
    question.fill("It was counted in seconds.")
    with page.expect_response("**/measure/"):
        question.blur()
    report.refresh_from_db()
    assert "It was counted in seconds." in report.answers.values()


def test_a_closed_browser_on_a_dead_line_loses_nothing(open_page, draft):
    page = open_page(basics(draft), draft.author)
    page.context.set_offline(True)
    page.fill("[name=problem]", "Typed in a tunnel.")
    says(page, "is kept in this browser")
    context = page.context
    page.close()
    assert entries(draft)["problem"] == recipes.USE_CASE["problem"]
    context.set_offline(False)
    again = context.new_page()
    again.goto(basics(draft))
    assert again.input_value("[name=problem]") == "Typed in a tunnel."
    saved(again)
    assert entries(draft)["problem"] == "Typed in a tunnel."
    assert kept(again) is None


def test_a_button_on_a_dead_line_stays_on_the_page(open_page, draft):
    page = open_page(basics(draft), draft.author)
    page.fill("[name=title]", "Bins that talk")
    page.context.route("**/basics/", lambda route: route.abort())
    page.click(".save button >> nth=0")
    says(page, "is kept in this browser")
    page.context.unroute("**/basics/")
    page.click(".save button >> nth=0")
    page.wait_for_url("**/submit/")
    assert entries(draft)["title"] == "Bins that talk"


def test_a_button_pressed_while_an_answer_arrives_works_once(open_page, draft):
    """The answer to a saving of before comes in slowly; each press is sent once, after its own saving."""
    page = open_page(basics(draft), draft.author)
    page.evaluate("""() => {
        const json = Response.prototype.json;
        Response.prototype.json = function () {
            document.documentElement.dataset.arriving = "yes";
            return new Promise(go => setTimeout(go, 400)).then(() => json.call(this));
        };
    }""")
    sent = []
    page.on("request", lambda asked: sent.append(asked) if asked.is_navigation_request() else None)
    page.locator("[name=stage]").last.check()
    page.wait_for_selector("[data-arriving]", state="attached")
    page.click(".save button[value=next]")
    page.wait_for_url("**/submit/")
    assert [one.method for one in sent] == ["POST", "GET"]


def test_a_session_that_ended_loses_nothing(open_page, draft, live_server):
    page = open_page(basics(draft), draft.author)
    Session.objects.all().delete()
    page.fill("[name=title]", "Bins that talk")
    says(page, "You are signed out")
    assert page.get_attribute("[data-saved] a", "href") == f"{reverse('account_login')}?next=" + basics(draft).replace(
        "/", "%2F"
    )
    sign_in(page.context, draft.author, live_server.url)
    page.goto(basics(draft))
    assert page.input_value("[name=title]") == "Bins that talk"
    saved(page)
    assert entries(draft)["title"] == "Bins that talk"


def test_without_a_script_a_session_that_ended_loses_nothing(open_page, draft, live_server):
    from allauth.account.models import EmailAddress

    draft.author.set_password("long enough for a test")
    draft.author.save()
    EmailAddress.objects.create(user=draft.author, email=draft.author.email, verified=True, primary=True)
    page = open_page(basics(draft), draft.author, java_script_enabled=False)
    Session.objects.all().delete()
    page.fill("[name=title]", "Bins that talk")
    page.click(".save button >> nth=0")
    page.fill("[name=login]", draft.author.email)
    page.fill("[name=password]", "long enough for a test")
    page.click("main form button[type=submit]")
    page.wait_for_url("**/basics/")
    assert page.input_value("[name=title]") == "Bins that talk"
    page.click(".save button >> nth=0")
    page.wait_for_url("**/submit/")
    assert entries(draft)["title"] == "Bins that talk"


@pytest.mark.parametrize("with_script", [True, False])
def test_two_people_decide_about_two_texts(open_page, draft, with_script):
    other = recipes.member(organisation=draft.organisation, name="Ben")
    page = open_page(basics(draft), draft.author, java_script_enabled=with_script)
    save_entries(report=draft, actor=other, version=draft.version, entries={"title": "Bins that dance"})
    page.fill("[name=title]", "Bins that talk")
    if with_script:
        says(page, "Somebody else changed the same")
    page.click(".save button >> nth=0")
    page.wait_for_selector(".conflict")
    assert entries(draft)["title"] == "Bins that dance"
    page.check("[name='choice.title'][value=mine]")
    page.click(".save button")
    page.wait_for_selector("[name=title]")
    assert page.input_value("[name=title]") == "Bins that talk"
    assert entries(draft)["title"] == "Bins that talk"
    if with_script:
        assert kept(page) is None


def test_they_see_each_other(open_page, draft):
    other = recipes.member(organisation=draft.organisation, name="Ben")
    page = open_page(basics(draft), draft.author)
    assert page.is_hidden("[data-others]")
    second = open_page(basics(draft), other)
    assert f"{draft.author.name} is on this page too." in second.inner_text("[data-others]")
    page.fill("[name=title]", "Bins that talk")
    saved(page)
    assert page.inner_text("[data-others]") == "Ben is on this page too."


def test_who_types_into_a_report_that_was_sent_keeps_the_text(open_page, draft):
    other = recipes.member(organisation=draft.organisation)
    page = open_page(basics(draft), draft.author)
    submit_report(report=draft, actor=other, version=draft.version)
    page.fill("[name=title]", "Bins that talk")
    says(page, "cannot be changed any more")
    assert kept(page)["title"] == "Bins that talk"
    page.click(".save button >> nth=0")
    page.wait_for_selector("h1:has-text('Your changes are not saved')")
    assert "Bins that talk" in page.inner_text("main")


@pytest.mark.parametrize("with_script", [True, False])
def test_rows_are_added_and_removed(open_page, draft, with_script):
    page = open_page(
        reverse("reporting:page", args=[draft.key, "technology"]), draft.author, java_script_enabled=with_script
    )
    page.fill("[name='standards.0.standard']", "ISO 37120")
    page.click("[value='add:standards']")
    page.fill("[name='standards.1.standard']", "NGSI-LD")
    page.click("[value='remove:standards:0']")
    page.click("[value=save]")
    page.wait_for_url(f"**{draft.get_absolute_url()}")
    assert entries(draft)["standards"] == [{"standard": "NGSI-LD"}]


def test_a_list_helps_while_typing(open_page, live_server):
    report = recipes.result_report(kpi="")
    page = open_page(reverse("reporting:page", args=[report.key, "measure"]), report.author)
    page.locator("[name=kpi]").press_sequentially("time in traffic")
    page.wait_for_selector("#id_kpi-list option", state="attached")
    codes = page.eval_on_selector_all("#id_kpi-list option", "options => options.map(o => o.value)")
    assert "ALL-TRV-TIME" in codes
    page.fill("[name=kpi]", "ALL-TRV-TIME")
    page.locator("[name=kpi]").blur()
    page.wait_for_function(
        "() => document.getElementById('id_kpi-understood').textContent.includes('Average travel time')"
    )
    units = page.eval_on_selector_all("#id_unit-list option", "options => options.map(o => o.value)")
    assert units[0] == "minute"


@pytest.mark.parametrize("language", ["", "/ar"])
@pytest.mark.parametrize("path", ["/workspace/", "/workspace/new/", "/workspace/new/result/", "/workspace/sheets/"])
def test_no_page_is_wider_than_a_phone(open_page, live_server, path, language):
    author = recipes.member()
    recipes.use_case_report(author=author)
    page = open_page(language + path, author, viewport={"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_pages_of_a_report_fit_a_phone(open_page, draft):
    report = recipes.result_report(author=draft.author, kpi="ALL-TRV-TIME", unit="tonne")
    page = open_page(basics(draft), draft.author, viewport={"width": 360, "height": 800})
    for path in (
        f"{basics(draft)}?check",
        reverse("reporting:page", args=[draft.key, "technology"]),
        draft.get_absolute_url(),
        reverse("reporting:submit", args=[report.key]),
        reverse("reporting:thanks", args=[report.key]),
    ):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_pages_are_accessible(open_page, draft, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    result = recipes.result_report(author=draft.author, kpi="ALL-TRV-TIME", spread="", spread_kind="", data_quality="")
    page = open_page(
        "/workspace/", draft.author, viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    for path in (
        "/workspace/",
        "/workspace/new/",
        f"{basics(draft)}?check",
        reverse("reporting:page", args=[result.key, "comparison"]) + "?check",
        reverse("reporting:page", args=[draft.key, "lessons"]),
        draft.get_absolute_url(),
        reverse("reporting:submit", args=[result.key]),
        reverse("reporting:thanks", args=[result.key]),
    ):
        page.goto(path)
        violations = axe.Axe().run(page).response["violations"]
        assert [(v["id"], [node["html"] for node in v["nodes"]][:3]) for v in violations] == [], path
