"""The home page: every number comes from the database, every way in leads somewhere, nothing hidden shows through."""

import gzip
import json
import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kpis import summaries
from kpis.goals import SETTINGS
from kpis.models import Kpi, Result
from standards.models import Standard
from tests.kpis import recipes as kpis
from tests.usecases import recipes as use_cases
from usecases.models import UseCase

pytestmark = pytest.mark.usefixtures("reference_data")


def home(client) -> str:
    response = client.get("/")
    assert response.status_code == 200
    return response.content.decode()


def stats(html: str) -> dict[str, str]:
    part = re.search(r'<dl class="stats">(.*?)</dl>', html, re.DOTALL)[1]
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", part))


def test_key_numbers_are_those_of_the_database(client):
    assert stats(home(client)) == {
        "use cases": str(UseCase.objects.count()),
        "cities in 41 countries": "81",
        "measured results": str(Result.objects.count()),
        "of them with a comparison": str(Result.objects.filter(grade__gte=3).count()),
        "standards explained": str(Standard.objects.count()),
        "indicators": str(Kpi.objects.count()),
    }


def test_numbers_follow_the_data(client):
    before = stats(home(client))
    case = use_cases.use_case()
    kpis.result(use_case=case, method="control group")
    after = stats(home(client))
    assert int(after["use cases"]) == int(before["use cases"]) + 1
    assert int(after["measured results"]) == int(before["measured results"]) + 1
    assert int(after["of them with a comparison"]) == int(before["of them with a comparison"]) + 1
    assert after["cities in 42 countries"] == "82"


def test_drafts_show_nowhere_to_visitors_and_to_editors_they_do(client):
    before = stats(home(client))
    draft = use_cases.use_case(status="draft", title="Secret plan", vertical="education", city=use_cases.city())
    kpi = Kpi.objects.get(code="ALL-ENV-NO2")
    kpis.result(use_case=draft, kpi=kpi, method="control group", measured_year=2099, relative_change_percent=-91)
    html = home(client)
    assert stats(html) == before
    assert "91%" not in html
    assert draft.city.name not in html
    assert "None on record yet in education" in html
    client.force_login(use_cases.visitor_of_staff())
    html = home(client)
    assert "91% less" in html
    assert draft.city.name in html


def test_how_to_read_a_result_shows_a_real_one_of_the_surest(client):
    html = home(client)
    specimen = html.split('class="specimen"')[1].split("</figure>")[0]
    result = summaries.strongest_result(None)
    assert result.grade == 4
    assert result.kpi.code not in SETTINGS
    assert result.get_absolute_url() in specimen
    assert f'href="#g{result.grade}"' in specimen
    assert "43% less time searching for parking" in specimen
    assert "with a dot at −43%: Compared with a control, 4 of 4." in specimen
    assert 'x1="57.0%"' in specimen


def test_a_rise_is_drawn_from_no_change_on(client):
    Result.objects.all().delete()
    kpis.result(kpi=kpis.kpi(direction="increase"), relative_change_percent=40, method="control group")
    specimen = home(client).split('class="specimen"')[1].split("</figure>")[0]
    assert "A line from no change to +40%" in specimen
    assert '<line class="zero" x1="0.0%"' in specimen


def test_every_city_stands_on_the_map_and_in_the_list(client):
    html = home(client)
    drawing = html.split('class="fig map"')[1].split("</svg>")[0]
    cities = set(UseCase.objects.values_list("city__slug", flat=True))
    assert set(re.findall(r'<a href="/cities/([^"]+)/" tabindex="-1">', drawing)) == cities
    listed = html.split('class="citylist"')[1].split("</dl>")[0]
    assert set(re.findall(r'href="/cities/([^"]+)/"', listed)) == cities
    assert "50 cities with a measured result" in html
    assert "31 cities with a use case and no published measurement yet" in html


def test_goals_count_what_was_measured_and_lead_to_those_cases(client):
    html = home(client)
    goals = re.findall(r'<li><a href="(/use-cases/\?kpi=[^"]+)">([^<]+)</a><p>(\d+) results? from (\d+) cit', html)
    assert len(goals) == 9
    by_title = {title: (url, int(results), int(cities)) for url, title, results, cities in goals}
    assert by_title["Shorter trips and waits"][1:] == (7, 5)
    assert by_title["Fewer deaths and crashes on the road"][1:] == (7, 6)
    assert by_title["Cleaner air"][1:] == (3, 1)
    for url, _results, cities in by_title.values():
        response = client.get(url.replace("&amp;", "&"), {})
        assert response.status_code == 200
        found = response.context["filter"].qs
        assert found.values("city").distinct().order_by().count() == cities


def test_a_goal_without_a_result_is_left_out(client):
    Result.objects.filter(kpi__code__startswith="ALL-ENV").delete()
    assert "Cleaner air" not in home(client)


def test_fields_are_counted_and_the_empty_ones_named(client):
    html = home(client)
    fields = re.findall(
        r'href="/use-cases/\?vertical=([a-z-]+)"><span class="name">[^<]+</span>.*?<span class="n">(\d+)', html
    )
    counts = [int(n) for _code, n in fields]
    assert sum(counts) == UseCase.objects.count()
    assert counts == sorted(counts, reverse=True)
    assert dict(fields)["mobility"] == "19"
    assert "None on record yet in education, economy, agriculture and food, and social inclusion." in html


def test_grades_are_counted_and_drawn_dot_by_dot(client):
    html = home(client)
    part = html.split('class="evidence')[1].split("</ol>")[0]
    assert [int(n) for n in re.findall(r'class="ev-n serif">(\d+)<', part)] == [5, 4, 51, 26]
    assert [part.count(f'href="#g{grade}"') for grade in (4, 3, 2, 1)] == [5, 4, 51, 26]
    assert "How sure can one be? Mostly, not very." in html
    assert "Of 86 results on record, 5 were compared with a control." in html


def test_the_heading_is_not_said_when_it_is_not_true(client):
    Result.objects.filter(grade__lt=3).delete()
    html = home(client)
    assert "Mostly, not very" not in html
    assert "How sure can one be?" in html


def test_very_many_results_share_dots(client, monkeypatch):
    monkeypatch.setattr("alliance.views.MOST_DOTS_A_ROW", 30)
    html = home(client)
    part = html.split('class="evidence')[1].split("</section>")[0]
    assert [part.count(f'href="#g{grade}"') for grade in (4, 3, 2, 1)] == [1, 1, 6, 3]
    assert "One dot stands for 10 results." in part


def test_newest_results_come_newest_first_one_a_case(client):
    kpis.result(
        kpi=Kpi.objects.get(code="ALL-TRV-TIME"), relative_change_percent=-12, measured_year=2024, method="survey"
    )
    cards = re.findall(r'<li class="result">(.*?)</li>', home(client), re.DOTALL)
    assert len(cards) == 4
    assert "12% less travel time" in cards[0]
    assert "Before = 100." in cards[0]
    years = [int(re.search(r"· (\d{4})</p>", card)[1]) for card in cards]
    assert years == sorted(years, reverse=True)
    assert len({re.search(r'href="(/use-cases/[^#]+)#', card)[1] for card in cards}) == 4
    assert all('class="bars"' in card for card in cards)


def test_figures_that_describe_a_setting_are_never_held_up(client):
    shown = [*summaries.newest_results(None, count=60), *summaries.strongest_by_region(None)]
    assert shown
    assert not {result.kpi.code for result in shown} & set(SETTINGS)


def test_searching_and_trying_lead_to_hits(client):
    html = home(client)
    assert '<form class="search" role="search" action="/search/">' in html
    hero = html.split('class="try')[1].split("</p>")[0]
    for url in re.findall(r'href="([^"]+)"', hero):
        response = client.get(url.replace("&amp;", "&"))
        assert response.status_code == 200
        assert response.context["total"] > 0


def test_joining_offers_what_works_today(client):
    html = home(client)
    assert 'href="/accounts/signup/"' in html
    assert client.get("/accounts/signup/").status_code == 200
    assert 'type="email"' not in html
    client.force_login(use_cases.visitor_of_staff())
    html = home(client)
    assert "Your account" in html
    assert "Create an account</a><a" not in html


def test_an_empty_portal_stands(client):
    Result.objects.all().delete()
    UseCase.objects.all().delete()
    html = home(client)
    assert stats(html)["use cases"] == "0"
    assert 'class="specimen"' not in html
    assert 'id="newest"' not in html
    assert 'id="sure"' not in html


def test_structured_data_names_the_search(client):
    data = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', home(client))[1])
    assert data["@type"] == "WebSite"
    assert data["potentialAction"]["target"]["urlTemplate"].endswith("/search/?q={search_term_string}")


def test_the_number_of_queries_is_small_and_does_not_grow(client):
    def queries() -> int:
        client.get("/")
        cache.clear()  # made anew, but for what is looked up once a process
        with CaptureQueriesContext(connection) as captured:
            client.get("/")
        return len(captured)

    kpis.result(kpi=Kpi.objects.get(code="ALL-TRV-TIME"), measured_year=2024)
    few = queries()
    assert few <= 17
    for _n in range(5):
        kpis.result(kpi=Kpi.objects.get(code="ALL-TRV-TIME"), measured_year=2024)
    assert queries() == few


def test_the_page_is_light(client):
    assert len(gzip.compress(client.get("/").content)) < 20_000
