"""Use cases side by side: what differs, what is not known, shared indicators in one picture, and bad choices."""

import html as html_module
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.kpis import recipes as kpis
from tests.usecases import recipes
from usecases.comparison import Agreement, Part, Row, compare
from usecases.models import UseCase

pytestmark = pytest.mark.usefixtures("reference_data")

TRAVEL = ["surtrac-pittsburgh", "transmilenio-bogota", "midtown-in-motion-new-york", "sfpark-san-francisco"]


def page(client, slugs=(), status: int = 200, prefix: str = "") -> str:
    query = "&".join(f"u={slug}" for slug in slugs)
    response = client.get(f"{prefix}/use-cases/compare/?{query}")
    assert response.status_code == status
    return response.content.decode()


def section(html: str, name: str) -> str:
    """The section that the heading with this id names."""
    return html.split(f'<section aria-labelledby="{name}"')[1].split("</section>")[0]


def row(html: str, label: str) -> str:
    return next(part for part in html.split("<tr")[1:] if re.search(rf'<th scope="row">{label}( <span|</th>)', part))


def test_up_to_four_stand_side_by_side_with_row_headers(client):
    html = page(client, TRAVEL)
    for slug in TRAVEL:
        assert html.count(f'<a href="/use-cases/{slug}/">') >= 1
    for letter in "ABCD":
        assert f'<span class="letter">{letter}</span>' in html
    assert row(html, "City").count("<td>") == 4
    assert "Pittsburgh" in row(html, "City")


def test_differences_are_marked_in_words_and_what_is_the_same_too(client):
    html = page(client, TRAVEL)
    assert ' class="differs"' in row(html, "City")
    assert "<b>differs</b>" in row(html, "City")
    assert ' class="differs"' not in row(html, "Field")
    assert ">same<" in row(html, "Field")
    assert row(html, "Cost").count("not stated") == 4
    assert "not known" in row(html, "Cost")
    assert ' class="differs"' not in row(html, "Cost")


def test_unknown_is_no_difference():
    known, other, nothing = [Part("2011")], [Part("2012")], []
    assert Row("x", [known, known]).agreement == Agreement.SAME
    assert Row("x", [known, other]).agreement == Agreement.DIFFERS
    assert Row("x", [known, nothing]).agreement == Agreement.PARTLY_KNOWN
    assert Row("x", [known, other, nothing]).agreement == Agreement.DIFFERS
    assert Row("x", [nothing, nothing]).agreement == Agreement.UNKNOWN
    # The order of technologies says nothing.
    assert Row("x", [known + other, other + known]).agreement == Agreement.SAME


def test_shared_indicators_are_in_one_picture_on_one_scale(client):
    html = page(client, TRAVEL)
    picture = section(html, "measured")
    assert "Average travel time" in picture
    for text in ("<b>A</b> −26%", "<b>B</b> −32%", "<b>C</b> −10%", "<b>D</b> not measured"):
        assert text in picture, text
    assert picture.count('href="#g2"') == 3
    every = section(html, "every-result")
    assert "Average parking search time" in every
    assert "43% less" in every


def test_without_a_shared_indicator_there_is_no_picture_and_the_page_says_so(client):
    html = page(client, ["sfpark-san-francisco", "smart-sewers-south-bend"])
    assert 'aria-labelledby="measured"' not in html
    assert "so there is no picture of them" in html


def test_a_worse_result_has_its_own_mark(client):
    kpi = kpis.kpi(direction="decrease")
    worse, better = recipes.use_case(), recipes.use_case()
    kpis.result(use_case=worse, kpi=kpi, relative_change_percent=20)
    kpis.result(use_case=better, kpi=kpi, relative_change_percent=-20)
    html = page(client, [worse.slug, better.slug])
    picture = section(html, "measured")
    assert '<use class="w"' in picture
    assert '<use class="b"' in picture


def test_unknown_slugs_are_named_and_the_others_are_shown(client):
    html = page(client, ["sfpark-san-francisco", "no-such-case", "%3Cscript%3E"])
    notice = html.split('class="notice warn"')[1].split("</div>")[0]
    assert "<code>no-such-case</code>" in notice
    assert "<code>&lt;script&gt;</code>" in notice
    assert "San Francisco" in row(html, "City")


def test_none_known_is_not_found(client):
    html = page(client, ["no-such-case"], status=404)
    assert "Nothing to compare yet" in html
    hidden = recipes.use_case(status="draft")
    assert hidden.title not in page(client, [hidden.slug], status=404)
    client.force_login(recipes.visitor_of_staff())
    assert hidden.title in page(client, [hidden.slug])


@pytest.mark.parametrize("number", [5, 100, 300])
def test_more_than_four_are_refused_with_a_way_to_mend_it(client, number):
    slugs = list(UseCase.objects.order_by("slug").values_list("slug", flat=True)[:5])
    html = page(client, slugs + [f"no-such-{n}" for n in range(number - 5)], status=400)
    assert f"You chose {min(number, 100)} use cases. Choose at most 4." in html
    form = html.split('<form id="choose"')[1].split("</form>")[0]
    assert re.findall(r'name="u" value="([^"]+)"', form) == slugs
    assert form.count(" checked") == 4
    assert "<table" not in html


def test_a_slug_named_twice_is_one(client):
    html = page(client, ["sfpark-san-francisco"] * 9)
    assert "One case alone" in html
    assert ">differs<" not in html


def test_nothing_chosen_says_how_to_choose(client):
    html = page(client)
    assert "Tick two to 4 cases in the list" in html
    assert 'href="/use-cases/"' in html


def test_a_case_can_be_taken_out_and_another_added(client):
    html = html_module.unescape(page(client, TRAVEL[:3]))
    assert f'href="?u={TRAVEL[1]}&u={TRAVEL[2]}&"' in html
    assert f'href="/use-cases/?u={TRAVEL[0]}&u={TRAVEL[1]}&u={TRAVEL[2]}"' in html
    assert "Add another" not in page(client, TRAVEL)


def test_texts_are_escaped(client):
    evil = recipes.use_case(title="<b>bold</b>", problem="<i>x</i>", lessons=["<u>y</u>"], technologies=["<s>z"])
    html = page(client, [evil.slug, "sfpark-san-francisco"])
    for tag in ("<b>bold", "<i>x", "<u>y", "<s>z"):
        assert tag not in html
    assert "&lt;b&gt;bold" in html


def test_in_arabic_the_page_runs_from_right_to_left(client):
    assert '<html lang="ar" dir="rtl">' in page(client, TRAVEL, prefix="/ar")


def test_the_number_of_queries_does_not_grow_with_the_cases(client):
    cases = [recipes.use_case(technologies=["a", "b"], organisations=["o"], lessons=["l"]) for _ in range(4)]
    for case in cases:
        kpis.result(use_case=case)
    page(client, [cases[0].slug])  # warms what is looked up once a process
    with CaptureQueriesContext(connection) as few:
        page(client, [cases[0].slug])
    with CaptureQueriesContext(connection) as many:
        page(client, [case.slug for case in cases])
    assert len(many) == len(few)


def test_five_are_never_put_side_by_side():
    with pytest.raises(ValueError):
        compare([UseCase() for _ in range(5)])
