"""What pages show of results: one query for all cards, the surest first, honest words about how sure one can be."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import QueryDict
from django.template import Context, Template
from django.test import RequestFactory

from alliance.core.evidence import GRADE_OF_METHOD, Method
from alliance.events.reading import visible_documents
from kpis import case_results
from kpis.models import Result, Verification
from kpis.sureness import ANSWERS, sureness
from kpis.use_case_filters import MeasuredUseCaseFilter
from tests.kpis import recipes
from tests.usecases import recipes as use_cases
from usecases.kinds import USE_CASES

pytestmark = pytest.mark.django_db


def rendered(template: str, user=None, **context) -> str:
    request = RequestFactory().get("/")
    request.user = user or AnonymousUser()
    return Template("{% load results %}" + template).render(Context({"request": request, **context}))


def test_the_surest_result_is_the_headline_not_the_largest():
    case = use_cases.use_case()
    recipes.result(use_case=case, method="self-reported", relative_change_percent=-95)
    sure = recipes.result(use_case=case, method="control group", relative_change_percent=-3)
    recipes.result(use_case=case, method="before-after", relative_change_percent=-60)
    headline = case_results.headlines([case], None)[case.pk]
    assert headline.result == sure
    assert headline.count == 3


def test_among_equally_sure_ones_the_source_decides_and_not_the_size():
    case = use_cases.use_case()
    told = recipes.result(use_case=case, relative_change_percent=None, result_value=7, unit="minute")
    first = recipes.result(use_case=case, relative_change_percent=-5)
    recipes.result(use_case=case, relative_change_percent=-80)
    assert case_results.headlines([case], None)[case.pk].result == first
    assert list(case_results.case_results(case, None))[-1] == told


def test_cards_of_a_page_take_one_query_for_any_number(django_assert_num_queries):
    cases = [use_cases.use_case() for _ in range(6)]
    for case in cases[:5]:
        for _ in range(3):
            recipes.result(use_case=case)
    with django_assert_num_queries(1):
        found = case_results.headlines(cases, None)
        words = [headline.finding.text for headline in found.values()]
    assert len(words) == 5
    assert cases[5].pk not in found
    with django_assert_num_queries(0):
        assert not case_results.headlines([], None)


def test_all_cards_share_one_scale_with_zero():
    low, high = use_cases.use_case(), use_cases.use_case()
    recipes.result(use_case=low, relative_change_percent=-43)
    recipes.result(use_case=high, relative_change_percent=11)
    scale = case_results.headlines([low, high], None).scale
    assert scale.minimum <= -43 < 0 < 11 <= scale.maximum


def test_drafts_are_for_editors_alone():
    case = use_cases.use_case()
    recipes.result(use_case=case, state="draft")
    assert not case_results.headlines([case], None)
    assert rendered("{% headline_results cases as found %}{{ found|length }}", cases=[case]) == "0"
    editor = use_cases.visitor_of_staff()
    assert rendered("{% headline_results cases as found %}{{ found|length }}", editor, cases=[case]) == "1"
    hidden = use_cases.use_case(status="draft")
    recipes.result(use_case=hidden)
    assert not case_results.case_results(hidden, None)


@pytest.mark.parametrize("method", Method.values)
def test_every_method_is_answered_with_its_grade(method):
    said = sureness([recipes.result(method=method)])
    assert said.grade == GRADE_OF_METHOD[method]
    assert said.answer == str(ANSWERS[said.grade])
    assert f"{said.grade} of 4" in said.answer
    assert said.explanation


def test_a_control_group_is_not_a_press_release():
    control = sureness([recipes.result(method="control group")])
    told = sureness([recipes.result(method="self-reported")])
    assert "most other causes" in control.explanation
    assert "Those who run or supply it also report it." in told.reservations
    assert "Those who run or supply it also report it." not in control.reservations


def test_what_holds_it_back_is_said_for_all_or_counted_for_some():
    full = {"sample_size": "40 homes", "measured_year": 2020, "verification": Verification.INDEPENDENT}
    assert sureness([recipes.result(**full)]).reservations == []
    bare = recipes.result(measured_year=None, relative_change_percent=None, result_value=3, unit="minute")
    assert sureness([bare]).reservations == [
        "The sample is not stated.",
        "The year of the figures is not stated.",
        "The source gives no value from before, so no change is known.",
        "The figures are as the source gives them; nobody has checked them again.",
    ]
    some = sureness([bare, recipes.result(**full), recipes.result(method="model", **full)])
    assert "The sample of 1 of 3 results is not stated." in some.reservations
    assert "1 of 3 results is modelled, not measured." in some.reservations
    assert some.is_mixed
    assert [(method.grade, method.count) for method in some.methods] == [(2, 2), (1, 1)]
    with pytest.raises(ValueError):
        sureness([])


def changes(*pairs) -> case_results.CaseResults:
    """Unsaved results: (direction of the indicator, change)."""
    rows = []
    for direction, change in pairs:
        row = Result(kpi=recipes.kpi(direction=direction))
        row.change_percent = Decimal(change)
        rows.append(row)
    return case_results.CaseResults(rows)


@pytest.mark.parametrize(
    ("pairs", "title"),
    [
        ([("decrease", -4)], "The reported change is for the better"),
        ([("decrease", -4), ("increase", 5)], "Both reported changes are for the better"),
        ([("decrease", -4)] * 3, "All 3 reported changes are for the better"),
        ([("decrease", 4)], "The reported change is for the worse"),
        ([("increase", -4)] * 2, "Both reported changes are for the worse"),
        ([("increase", -4)] * 4, "All 4 reported changes are for the worse"),
        ([("none", 4)], "One change is reported"),
        ([("none", 4), ("increase", 0)], "2 changes are reported"),
        (
            [("decrease", -4), ("decrease", 4), ("none", 1), ("decrease", -1)],
            "4 reported changes: 2 for the better, 1 for the worse, 1 neither",
        ),
    ],
)
def test_the_title_of_the_chart_counts_which_way_the_changes_went(pairs, title):
    assert changes(*pairs).title == title


def test_the_chart_table_says_what_it_draws_and_hides_the_drawing():
    case = use_cases.use_case()
    kpi = recipes.kpi(name="Waiting <b>time</b>")
    recipes.result(
        use_case=case,
        kpi=kpi,
        relative_change_percent=None,
        baseline_value=9,
        result_value=3,
        unit="minute",
        measured_year=2021,
        note="north & south",
    )
    html = rendered("{% use_case_results case as results %}{% change_table results %}", case=case)
    assert "Waiting &lt;b&gt;time&lt;/b&gt;" in html
    assert "from 9 minutes to 3 minutes" in html
    assert "−66.7%" in html
    assert "north &amp; south" in html
    assert "Change reported for 2021. Less is better." in html
    # The number stands beside it in text, so that a screen reader need not hear the drawing.
    assert 'role="img"' not in html
    assert '<use class="b" href="#g2"/>' in html


def test_the_table_shows_every_result_as_reported():
    case = use_cases.use_case()
    row = recipes.result(
        use_case=case,
        relative_change_percent=None,
        baseline_value="132.5",
        result_value=38,
        unit="kWh/m**2/year",
        sample_size="building 6F",
        measured_year=2018,
        method="before-after",
        note="purchased energy",
        source="http://www.grow-smarter.eu/blog",
    )
    told = recipes.result(use_case=case, relative_change_percent=-12, source="a printed report, p. 4")
    html = rendered("{% use_case_results case as results %}{% result_table results %}", case=case)
    for text in (
        f'<tr id="{row.get_absolute_url().split("#")[1]}">',
        f'<tr id="{told.get_absolute_url().split("#")[1]}">',
        "132.5 kWh per m² a year",
        "38 kWh per m² a year",
        "−71.3%",
        "computed",
        "before and after",
        "building 6F",
        "2018",
        "purchased energy",
        '<a href="http://www.grow-smarter.eu/blog" rel="noopener external"><bdi>grow-smarter.eu</bdi></a>',
        "<bdi>a printed report, p. 4</bdi>",
        row.kpi.code,
        "−12%",
        "not stated",
    ):
        assert text in html, text
    assert html.count("computed") == 1


def test_a_source_that_only_looks_like_a_link_is_text():
    case = use_cases.use_case()
    recipes.result(use_case=case, source="javascript:alert(1)//https://example.org")
    html = rendered("{% use_case_results case as results %}{% result_table results %}", case=case)
    assert "<bdi>javascript:alert(1)//https://example.org</bdi>" in html
    assert 'href="javascript' not in html


def test_several_cases_are_compared_by_indicator_in_one_query(django_assert_num_queries):
    a, b, c = (use_cases.use_case() for _ in range(3))
    shared, alone = recipes.kpi(name="Shared"), recipes.kpi(name="Alone")
    recipes.result(use_case=a, kpi=shared, relative_change_percent=-10)
    recipes.result(use_case=a, kpi=shared, relative_change_percent=-50, method="control group")
    recipes.result(use_case=c, kpi=shared, relative_change_percent=-20)
    recipes.result(use_case=b, kpi=alone, relative_change_percent=5)
    with django_assert_num_queries(1):
        found = case_results.compare_results([a, b, c], None)
    first, second = found.indicators
    assert first.kpi == shared
    assert [row and row.change_percent for row in first.results] == [-50, None, -20]
    assert list(first.more) == [1, 0, 0]
    assert first.is_shared
    assert not second.is_shared
    assert found.drawn == [first]
    with django_assert_num_queries(0):
        assert case_results.compare_results([], None).indicators == []


def test_found_words_count_cases_results_and_cities():
    place = use_cases.city()
    for _ in range(2):
        recipes.result(use_case=use_cases.use_case(city=place))

    def said(total, everything):
        chosen = MeasuredUseCaseFilter(QueryDict(f"city={place.slug}"), visible_documents(USE_CASES, None))
        return rendered("{% found_words chosen total everything %}", chosen=chosen, total=total, everything=everything)

    assert said(2, 90) == "2 of 90 use cases match, with 2 results from 1 city"
    assert said(2, 2) == "2 use cases, with 2 results from 1 city"
    assert said(0, 90) == "0 of 90 use cases match"
    Result.objects.all().delete()
    assert said(2, 1234) == "2 of 1,234 use cases match, from 1 city"
