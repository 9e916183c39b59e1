"""The catalogue of indicators in the browser, and what was measured by each."""

import json
import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kpis.goals import GOALS, SETTINGS
from kpis.models import Kpi, Result
from tests.kpis import recipes
from tests.usecases import recipes as use_cases

pytestmark = pytest.mark.usefixtures("reference_data")


def html_of(client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def queries(client, path: str) -> int:
    client.get(path)
    cache.clear()  # made anew, but for what is looked up once a process
    with CaptureQueriesContext(connection) as captured:
        client.get(path)
    return len(captured)


def test_the_list_is_grouped_by_set_and_says_what_was_measured(client):
    html = html_of(client, "/kpis/?page_size=200")
    assert "253 indicators" in html
    sets = re.findall(r"<h3>([^<]+)</h3>", html)
    assert sets[0] == "Alliance pilot indicators"
    assert len(sets) == len(set(sets))
    row = html.split("Average travel time</bdi>")[1].split("</li>")[0]
    assert "<b>4 results</b>" in row
    assert "minutes" in row
    assert "Less is better" in row
    assert "ALL-TRV-TIME" in row
    assert "not measured yet" in html


def test_filters_by_set_dimension_field_and_measured(client):
    def total(query: str) -> int:
        return client.get(f"/kpis/?{query}").context["total"]

    assert total("set=U4SSC") == 91
    assert total("set=U4SSC&set=CITYkeys") == 105
    assert total("set=U4SSC&dimension=Economy") == 45
    assert total("measured=yes") == Result.objects.values("kpi").distinct().count()
    assert (
        total("measured=yes&vertical=water")
        == Kpi.objects.filter(results__isnull=False, vertical__code="water").distinct().count()
    )


def test_an_order_by_results_puts_the_most_measured_first(client):
    html = html_of(client, "/kpis/?sort=results")
    counts = [int(n) for n in re.findall(r"<b>(\d+) results?</b>", html)]
    assert counts[0] == 4
    assert counts == sorted(counts, reverse=True)


def test_a_search_forgives_and_marks(client):
    html = html_of(client, "/kpis/?q=averge+travl")
    assert "<mark>Average</mark> <mark>travel</mark> time" in html


def test_the_page_of_an_indicator_shows_every_result_on_one_scale(client):
    html = html_of(client, "/kpis/all-trv-time/")
    assert "4 results from 4 cities." in html
    for change in ("−10%", "−22%", "−26%", "−32%"):
        assert f">{change}<" in html
    assert "not enough for a finding" not in html
    measured = html.split('id="measured"')[1].split('id="years"')[0]
    zeros = set(re.findall(r'<line class="zero" x1="([\d.]+%)"', measured))
    assert zeros == {"100%"}
    assert "Every known change on one scale." in html
    assert "minutes" in html


def test_fewer_than_three_cities_are_not_enough_for_a_finding(client):
    html = html_of(client, "/kpis/all-wst-trips/")
    assert "2 results from 2 cities." in html
    assert "Fewer than three cities: not enough for a finding." in html


def test_a_result_without_a_known_change_is_told_and_not_drawn(client):
    html = html_of(client, "/kpis/all-hlt-deathsavoid/")
    assert "1,190" in html
    assert 'class="plot"' not in html
    html = html_of(client, "/kpis/all-saf-trafdeathpop/")
    assert '<span class="quiet">not known</span>' in html
    assert 'class="plot"' in html


def test_an_unmeasured_indicator_says_so_and_leads_on(client):
    measured, unmeasured = recipes.kpi(), recipes.kpi()
    recipes.result(kpi=measured)
    html = html_of(client, unmeasured.get_absolute_url())
    assert "No recorded use case has published a result by this indicator yet." in html
    assert 'href="/kpis/?vertical=mobility&amp;measured=yes"' in html
    Result.objects.all().delete()
    assert "measured=yes" not in html_of(client, unmeasured.get_absolute_url())


def test_an_indicator_of_a_standard_leads_to_it(client):
    assert '<a href="/standards/iso-37120/"><bdi>ISO 37120</bdi></a>' in html_of(client, "/kpis/iso37120-2014-5-1/")
    assert "Defined by" not in html_of(client, "/kpis/all-trv-time/")


def test_equally_sure_results_are_not_ranked_by_size(client):
    kpi = recipes.kpi()
    recipes.result(kpi=kpi, relative_change_percent=-80, method="before-after", measured_year=2010)
    recipes.result(kpi=kpi, relative_change_percent=-5, method="before-after", measured_year=2020)
    recipes.result(kpi=kpi, relative_change_percent=-1, method="control group", measured_year=2001)
    html = html_of(client, kpi.get_absolute_url())
    changes = re.findall(r'<td class="n">(−[\d.]+%)</td>', html)
    assert changes == ["−1%", "−5%", "−80%"]


def test_results_that_are_not_public_stay_hidden(client):
    kpi = recipes.kpi()
    recipes.result(kpi=kpi, state="draft", relative_change_percent=-11)
    recipes.result(
        kpi=kpi, use_case=use_cases.use_case(status="draft", title="Secret plan"), relative_change_percent=-12
    )
    html = html_of(client, kpi.get_absolute_url())
    assert "Secret plan" not in html
    assert "has published a result by this indicator yet" in html
    assert "not measured yet" in html_of(client, f"/kpis/?q=%22{kpi.name.replace(' ', '+')}%22")
    client.force_login(use_cases.visitor_of_staff())
    assert "2 results from 2 cities." in html_of(client, kpi.get_absolute_url())


def test_worse_is_drawn_and_said_as_worse(client):
    kpi = recipes.kpi(direction="decrease")
    recipes.result(kpi=kpi, relative_change_percent=20)
    html = html_of(client, kpi.get_absolute_url())
    assert 'class="stem w"' in html
    assert "+20%" in html


def test_long_lists_of_results_lead_to_the_rest(client):
    kpi = recipes.kpi()
    case = use_cases.use_case()
    for n in range(45):
        recipes.result(kpi=kpi, use_case=case, slug=f"many-{n}")
    html = html_of(client, kpi.get_absolute_url())
    assert f'<a href="/results/?kpi={kpi.slug}">All 45 results</a>' in html
    assert len(re.findall(r'<th scope="row">', html)) == 40


def test_structured_data_of_an_indicator(client):
    html = html_of(client, "/kpis/all-trv-time/")
    data = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', html)[1])
    assert data["@type"] == "DefinedTerm"
    assert data["termCode"] == "ALL-TRV-TIME"
    assert data["inDefinedTermSet"]["name"] == "Alliance pilot indicators"


def test_an_unknown_indicator_is_not_found(client):
    html_of(client, "/kpis/no-such-indicator/", 404)


def test_queries_do_not_grow_with_the_rows(client):
    assert queries(client, "/kpis/?page_size=2") == queries(client, "/kpis/?page_size=200")
    kpi = recipes.kpi()
    for _n in range(2):
        recipes.result(kpi=kpi)
    few = queries(client, kpi.get_absolute_url())
    for _n in range(8):
        recipes.result(kpi=kpi)
    assert queries(client, kpi.get_absolute_url()) == few


def test_goals_and_settings_name_indicators_of_the_catalogue():
    codes = [code for goal in GOALS for code in goal.codes]
    assert Kpi.objects.filter(code__in=[*codes, *SETTINGS]).count() == len(codes) + len(SETTINGS)
    assert not set(codes) & set(SETTINGS)
