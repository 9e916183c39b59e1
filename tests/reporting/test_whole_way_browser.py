"""The whole way in a real browser: a record, its result, a question, sent, changes asked for, answered, accepted.

On a desk with a script, without one, by keyboard alone, and on a phone.
"""

import pytest
from django.urls import reverse

from reporting.models import Kind, Report
from tests.events.documents_cases import followed
from tests.reporting import recipes
from usecases.models import UseCase

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("reference_data")]

TITLE = "Bins that say when they are full"
#: What is typed; choices are named by their words.
TYPED = {
    "title": TITLE,
    "city": "Medellin, Colombia",
    "started_year": "2021",
    "problem": "Bins overflowed at weekends.",
    "solution": "Sensors tell how full a bin is, and the rounds follow.",
    "technologies": "level sensors; route planning",
    "source": "https://example.org/bins",
}
CHOSEN = {"stage": "pilot", "role": "lead"}


class Mouse:
    """Fills and presses like somebody with a pointer."""

    def __init__(self, page):
        self.page = page

    def fill(self, name: str, text: str) -> None:
        self.page.fill(f"[name='{name}']", text)

    def choose(self, name: str, value: str) -> None:
        self.page.check(f"[name='{name}'][value='{value}']")

    def select(self, name: str, value: str) -> None:
        self.page.select_option(f"[name='{name}']", value)

    def press(self, selector: str) -> None:
        self.page.click(selector)


class Keyboard(Mouse):
    """Never touches a pointer: Tab to the control, then type, arrows, space and Enter."""

    def go_to(self, selector: str) -> None:
        wanted = self.page.locator(selector).first.element_handle()
        for _step in range(250):
            if self.page.evaluate("wanted => document.activeElement === wanted", wanted):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} cannot be reached with the Tab key.")

    def fill(self, name: str, text: str) -> None:
        self.go_to(f"[name='{name}']")
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Escape")  # a list of suggestions closes

    def choose(self, name: str, value: str) -> None:
        self.go_to(f"[name='{name}']")
        self.page.keyboard.press("Space")
        for _step in range(10):
            if self.page.is_checked(f"[name='{name}'][value='{value}']"):
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{value} cannot be chosen with the arrow keys.")

    def select(self, name: str, value: str) -> None:
        self.go_to(f"[name='{name}']")
        for _step in range(30):
            if self.page.input_value(f"[name='{name}']") == value:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{value} cannot be chosen with the arrow keys.")

    def press(self, selector: str) -> None:
        self.go_to(selector)
        self.page.keyboard.press("Enter")


WAYS = {
    "pointer": (Mouse, {}),
    "no script": (Mouse, {"java_script_enabled": False}),
    "keyboard": (Keyboard, {}),
    "phone": (Mouse, {"viewport": {"width": 360, "height": 740}, "has_touch": True}),
}
SAVE_AND_GO_ON = ".save button[value=next]"


def new_use_case(hand: Mouse) -> Report:
    """Ten entries and two buttons on two pages."""
    page = hand.page
    for name, text in TYPED.items():
        if name == "started_year":
            hand.select("vertical", "waste")
            hand.choose("stage", CHOSEN["stage"])
        if name == "source":
            hand.choose("role", CHOSEN["role"])
        hand.fill(name, text)
    hand.press(SAVE_AND_GO_ON)
    page.wait_for_url("**/submit/")
    hand.press("button[value=submit]")
    page.wait_for_url("**/thanks/")
    report = Report.objects.get(kind=Kind.USE_CASE)
    assert report.state == "submitted"
    return report


def new_result(hand: Mouse, use_case: str) -> Report:
    """A result with a question that is answered on the last page."""
    page = hand.page
    page.goto(f"/workspace/new/result/?use_case={use_case}")
    for name, text in {
        "kpi": "ALL-WST-TRIPS",
        "baseline_value": "14",
        "baseline_on": "2021-05-31",
        "result_value": "9",
        "result_on": "2022-05-31",
        "unit": "count/week",
    }.items():
        hand.fill(name, text)
    hand.press(SAVE_AND_GO_ON)
    page.wait_for_url("**/comparison/")
    hand.choose("comparison", "before-after")
    hand.choose("data_quality", "measured")
    hand.fill("source", "https://example.org/bins/report")
    hand.press(SAVE_AND_GO_ON)
    page.wait_for_selector(".ask textarea")
    hand.press(SAVE_AND_GO_ON)
    page.wait_for_url("**/consequences/")
    hand.choose("side_effects", "none-found")
    hand.press(SAVE_AND_GO_ON)
    page.wait_for_url("**/submit/")
    assert "Where you stand" in page.inner_text("main")
    for number in range(page.locator(".ask textarea").count()):
        name = page.locator(".ask textarea").nth(number).get_attribute("name")
        hand.fill(name, "Every round was counted; there is no sample.")
    hand.press("button[value=submit]")
    page.wait_for_url("**/thanks/")
    return Report.objects.get(kind=Kind.RESULT)


def asked_for_changes(page, report: Report, text: str) -> None:
    """The editor asks about the title."""
    page.goto(reverse("review:report", args=[report.key]))
    page.locator("details.remark", has=page.locator("[name='remark.title']")).locator("summary").click()
    page.fill("[name='remark.title']", text)
    page.locator("details.remark", has=page.locator("[name='remark.title']")).locator("button").click()
    page.wait_for_selector(f".thread:has-text('{text}')")
    page.click("button[value='request-changes']")
    page.wait_for_function("() => document.querySelector('main').innerText.includes('Changes requested')")


def accepted(page, report: Report) -> None:
    page.goto(reverse("review:report", args=[report.key]))
    page.click("button[value=accept]")
    page.wait_for_selector("text=The public record")
    report.refresh_from_db()
    assert report.state == "accepted"


@pytest.mark.parametrize("way", WAYS)
def test_a_report_becomes_evidence(open_page, live_server, way):
    kind, options = WAYS[way]
    member, editor = recipes.member(), recipes.editor()
    page = open_page("/workspace/", member, **options)
    hand = kind(page)
    hand.press("main a[href$='/workspace/new/']")
    page.wait_for_url("**/workspace/new/")
    report = new_use_case(hand)
    result = new_result(hand, report.key)
    assert "Every round was counted; there is no sample." in result.answers.values()

    desk = open_page("/review/", editor)
    asked_for_changes(desk, report, "Which bins, those in parks?")
    page.goto("/workspace/")
    assert "Waits for you" in page.inner_text("main")
    page.goto(reverse("reporting:page", args=[report.key, "basics"]))
    assert "Which bins, those in parks?" in page.inner_text("main")
    hand.fill("title", "Park bins that say when they are full")
    hand.fill(page.locator(".thread textarea").get_attribute("name"), "Yes, in parks only.")
    hand.press(SAVE_AND_GO_ON)
    page.wait_for_url("**/submit/")
    hand.press("button[value=submit]")
    page.wait_for_url("**/thanks/")

    desk.goto(reverse("review:report", args=[report.key]))
    assert "Yes, in parks only." in desk.inner_text("main")
    accepted(desk, report)
    accepted(desk, result)
    use_case = UseCase.objects.get(title="Park bins that say when they are full")
    followed()
    page.goto("/use-cases/?q=park+bins")
    assert use_case.title in page.inner_text("#list")
    page.goto(use_case.get_absolute_url())
    assert "waste collection rounds" in page.inner_text("main")
    answer = page.request.get(f"/api/v1/use-cases/{use_case.slug}/").json()
    assert answer["title"] == use_case.title
    results = page.request.get(f"/api/v1/results/?use_case={use_case.slug}").json()["results"]
    assert [one["kpi"]["code"] if isinstance(one["kpi"], dict) else one["kpi"] for one in results]
    desk.goto(reverse("events:history", args=["usecase", use_case.pk]))
    assert editor.name in desk.inner_text("main")
    page.goto("/workspace/")
    assert use_case.title in page.inner_text("main")


def test_a_failed_pilot_goes_the_same_way(open_page, live_server):
    """It is thanked with the same page."""
    thanks = []
    for outcome, after in (("continues", "6.5"), ("failed", "12")):
        report = recipes.result_report(outcome=outcome, result_value=after)
        page = open_page(reverse("reporting:submit", args=[report.key]), report.author)
        for number in range(page.locator(".ask textarea").count()):
            page.locator(".ask textarea").nth(number).fill("It is so.")
        page.click("button[value=submit]")
        page.wait_for_url("**/thanks/")
        thanks.append(page.inner_text("main"))
    assert thanks[0] == thanks[1]
