"""The page of one use case: finding, evidence, story, results, standards, facts, citation, structured data."""

import gzip
import html as html_module
import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from standards.models import Edition, Standard
from tests.kpis import recipes as kpis
from tests.usecases import recipes
from usecases.models import StandardUse, UseCase

pytestmark = pytest.mark.usefixtures("reference_data")


def page(client, slug: str, status: int = 200, prefix: str = "") -> str:
    response = client.get(f"{prefix}/use-cases/{slug}/")
    assert response.status_code == status
    return response.content.decode()


def section(html: str, name: str) -> str:
    """The section that the heading with this id names."""
    return re.split(rf'<section[^>]* aria-labelledby="{name}"', html)[1].split("</section>")[0]


def test_the_finding_leads_and_its_method_follows(client):
    html = page(client, "sfpark-san-francisco")
    assert "<h1><bdi>SFpark demand-responsive parking</bdi></h1>" in html
    lead = html.split('<p class="lead">')[1].split("</p>")[0]
    assert lead.startswith("<strong>43% less</strong> time searching for parking.")
    assert "Compared with a control group." in lead
    chart = section(html, "changes")
    assert "All 4 reported changes are for the better" in chart
    assert chart.count('href="#g4"') == 4
    # One scale: every row has its zero at the same place.
    assert len(set(re.findall(r'<line class="zero" x1="([\d.]+%)"', chart))) == 1


def test_how_sure_one_can_be_is_said_in_plain_words(client):
    sure = section(page(client, "sfpark-san-francisco"), "sure")
    assert "As sure as one gets here: 4 of 4" in sure
    assert "The sample is not stated." in sure
    told = section(page(client, "smart-grid-chattanooga"), "sure")
    assert "Not very: 1 of 4" in told
    assert "Those who run or supply it also report it." in told


def test_the_story_and_what_others_can_learn(client):
    case = UseCase.objects.get(slug="sfpark-san-francisco")
    html = page(client, case.slug)
    for text in (case.problem, case.solution, case.lessons.first().advice):
        assert html_module.escape(text) in html
    bare = recipes.use_case()
    assert "No source states a lesson." in page(client, bare.slug)


def test_results_with_and_without_a_change_are_all_there(client):
    html = page(client, "led-buenos-aires")
    values = section(html, "values")
    assert "<strong>44,000</strong> t of emissions avoided a year by renewed lighting" in values
    reported = section(html, "reported")
    assert len(re.findall(r'<tr id="result-[^"]+">', reported)) == 3
    assert "44,000 tonnes a year" in reported
    case = UseCase.objects.get(slug="led-buenos-aires")
    for result in case.results.all():
        assert f'<tr id="{result.get_absolute_url().split("#")[1]}">' in reported
        assert html_module.escape(result.source) in reported


def test_a_case_without_results_says_so(client):
    case = recipes.use_case(title="Not measured")
    html = page(client, case.slug)
    assert "No measured result is published yet." in html
    assert 'id="sure"' not in html
    assert "None is published. That says nothing about whether it worked." in html


def test_standards_that_are_named_stand_apart_from_those_to_ask_for(client):
    case = recipes.use_case(vertical="mobility", title="Named one")
    named = Standard.objects.filter(layer="technical", verticals__contains=["mobility"]).first()
    edition = Edition.objects.filter(standard=named).first()
    StandardUse.objects.create(
        use_case=case,
        standard=named,
        edition=edition,
        state="required",
        problems_met="Two <versions>",
        source="https://example.org/spec",
    )
    part = section(page(client, case.slug), "standards")
    first, second = part.split("To ask for, if you buy something similar")
    assert str(edition) in html_module.unescape(first)
    assert "Required" in first
    assert "Two &lt;versions&gt;" in first
    assert first.count("None named.") == 3
    assert named.get_absolute_url() in first
    assert named.get_absolute_url() not in second
    assert "Nobody says that this case used them." in second


def test_without_a_named_standard_none_is_claimed(client):
    part = section(page(client, "sfpark-san-francisco"), "standards")
    first, second = part.split("To ask for, if you buy something similar")
    assert "No source names a standard" in first
    assert 'class="std"' not in first
    layers = second.split("<h4>")[1:]
    assert layers
    assert all(1 <= layer.count('class="std"') <= 2 for layer in layers)
    assert "ISO 37163" in second
    assert part == section(page(client, "sfpark-san-francisco"), "standards")


def test_facts_say_what_is_known_and_what_is_not(client):
    html = page(client, "sfpark-san-francisco")
    facts = html.split('<dl class="facts">')[1].split("</dl>")[0]
    assert "2011 to 2013" in facts
    assert "Scaled up" in facts
    assert "/use-cases/?technology=parking-sensors" in facts
    assert "/organisations/san-francisco-municipal-transportation-agency/" in facts
    assert "not stated in the source" in facts
    assert "<bdi>sfmta.com</bdi></a>" in facts
    assert 'rel="noopener external"' in facts
    assert 'role="img"' in html.split('<figure class="locator">')[1].split("</figure>")[0]
    dear = recipes.use_case(cost_amount="2300000.00", cost_currency="USD", city_from_outset=True)
    facts = page(client, dear.slug).split('<dl class="facts">')[1].split("</dl>")[0]
    assert "2,300,000 USD" in facts
    assert "City: yes" in " ".join(facts.split())


def test_a_source_that_is_no_web_address_is_text(client):
    case = recipes.use_case(source="City archive, box 12 <b>")
    assert "<bdi>City archive, box 12 &lt;b&gt;</bdi>" in page(client, case.slug)


def test_structured_data_is_schema_org_and_cannot_end_its_element(client):
    evil = '</script><script>alert("1")</script> & <!--'
    case = recipes.use_case(title=evil, technologies=["Lamps"], organisations=["City of X"], started_year=2019)
    html = page(client, case.slug)
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert len(blocks) == 1
    assert not set("<>&") & set(blocks[0])
    data = json.loads(blocks[0])
    assert data["@context"] == "https://schema.org"
    assert data["@type"] == "Article"
    assert data["headline"] == evil
    assert data["about"]["@type"] == "City"
    assert data["about"]["containedInPlace"]["identifier"] == "XA"
    assert data["about"]["geo"] == {"@type": "GeoCoordinates", "latitude": 12.5, "longitude": -71.25}
    assert data["citation"] == {"@type": "CreativeWork", "url": "https://example.org/case"}
    assert data["keywords"] == ["Lamps"]
    assert data["contributor"] == [{"@type": "Organization", "name": "City of X"}]
    assert data["temporalCoverage"] == "2019/.."
    assert "<script>alert" not in html


def test_the_page_names_its_address_its_record_and_its_citations(client, settings):
    html = page(client, "sfpark-san-francisco")
    address = f"{settings.PORTAL_ORIGIN}/use-cases/sfpark-san-francisco/"
    assert f'<link rel="canonical" href="{address}">' in html
    assert '<meta name="description" content="SFpark demand-responsive parking, San Francisco:' in html
    for extension in ("bib", "json", "txt"):
        assert f'href="/use-cases/sfpark-san-francisco/cite.{extension}"' in html
    assert 'href="/api/v1/use-cases/sfpark-san-francisco/"' in html


@pytest.mark.parametrize("status", ["draft", "withdrawn"])
def test_what_is_not_public_is_not_found_by_others(client, status):
    case = recipes.use_case(status=status)
    page(client, case.slug, status=404)
    assert client.get(f"/use-cases/{case.slug}/cite.bib").status_code == 404
    client.force_login(recipes.visitor_of_staff())
    assert '<span class="tag">' in page(client, case.slug)


def test_unknown_and_odd_addresses_are_not_found(client):
    page(client, "no-such-case", status=404)
    assert client.get("/use-cases/no such case/").status_code == 404
    assert client.get("/use-cases/" + "a" * 500 + "/").status_code == 404


def test_in_arabic_the_page_runs_from_right_to_left(client):
    html = page(client, "sfpark-san-francisco", prefix="/ar")
    assert '<html lang="ar" dir="rtl">' in html
    assert "<h1><bdi>SFpark demand-responsive parking</bdi></h1>" in html


def test_the_number_of_queries_does_not_grow_with_what_the_case_holds(client):
    small = recipes.use_case(technologies=["a"], organisations=["o"], lessons=["l"])
    kpis.result(use_case=small)
    recipes.use_case(technologies=["a"], organisations=["o"])
    big = recipes.use_case(
        technologies=[f"a{n}" for n in range(12)],
        organisations=[f"o{n}" for n in range(12)],
        lessons=[f"l{n}" for n in range(12)],
    )
    for _ in range(12):
        kpis.result(use_case=big)
        recipes.use_case(technologies=[f"a{n}" for n in range(12)], organisations=["o1"])
    page(client, small.slug)  # warms what is looked up once a process
    with CaptureQueriesContext(connection) as few:
        page(client, small.slug)
    with CaptureQueriesContext(connection) as many:
        page(client, big.slug)
    assert len(many) == len(few) < 25


def test_every_case_has_a_page_and_none_is_heavy(client):
    for slug in UseCase.objects.filter(status="published").values_list("slug", flat=True):
        assert len(gzip.compress(page(client, slug).encode(), 6)) < 30_000, slug
