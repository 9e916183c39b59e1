"""What is chosen, what is told, and that a group which is a cell of the aggregates has its numbers."""

import csv
import io
import re

import pytest

from kpis.aggregate_models import AggregateInput, Measure, SampleSize
from kpis.aggregates import cells_for
from kpis.insight.distribution import distribution_of
from kpis.insight.grouping import Chosen, GroupBy
from tests.kpis import recipes as kpis
from tests.kpis.insight.recipes import EIGHT, api_of, count, measured, page
from tests.usecases import recipes as use_cases
from usecases.models import Country

pytestmark = pytest.mark.usefixtures("reference_data")

#: What a group has of a cell.
SAME = (
    "n",
    "results",
    "use_cases",
    "cities",
    "mean",
    "median",
    "lower_quartile",
    "upper_quartile",
    "minimum",
    "maximum",
    "improved",
    "unchanged",
    "worsened",
    "oldest_year",
    "newest_year",
    "inputs_hash",
)


@pytest.mark.parametrize("measure", Measure.values)
@pytest.mark.parametrize("direction", ["increase", "decrease", "none"])
def test_a_group_that_is_a_cell_has_the_numbers_of_the_cell(client, direction, measure):
    kpi = measured(EIGHT, direction=direction, measured_year=2020, unit="minute", result_value=7)
    kpis.result(kpi=kpi, relative_change_percent=None, baseline_value=0, result_value=120, unit="second")
    count()
    for dimension in ("vertical", "region", "design"):
        address = f"/api/v1/kpis/{kpi.slug}/distribution/?group_by={dimension}&measure={measure}"
        groups = {group["value"]: group for group in client.get(address).json()["groups"]}
        assert groups
        for cell in cells_for(kpi, measure=Measure(measure)):
            own = cell.filters
            if set(own) == {"kpi", dimension}:
                group = groups.pop(own[dimension])
                assert {name: group[name] for name in SAME} == {name: getattr(cell, name) for name in SAME}
                assert (group["median_interval_low"], group["mean_interval_high"]) == (cell.median_low, cell.mean_high)
        assert groups == {}


def test_better_is_positive_whichever_way_that_is(client):
    for direction, values in (("decrease", [10, 20, 30]), ("increase", [-30, -20, -10]), ("none", [-30, -20, -10])):
        kpi = measured((-10, -20, -30), direction=direction)
        html = page(client, kpi)[1]
        assert [point["value"] for point in api_of(client, html)["groups"][0]["points"]] == values
        assert ("Better is to the right" in html) == (direction != "none")


def test_values_are_told_apart_in_the_unit_of_the_indicator(client):
    kpi = measured((-10,), unit="minute", baseline_value=10, result_value=9)
    kpis.result(kpi=kpi, relative_change_percent=None, baseline_value=0, result_value=120, unit="second")
    kpis.result(kpi=kpi, relative_change_percent=None, baseline_value=0, result_value=240, unit="second")
    count()
    html = client.get(f"/kpis/explore/?kpi={kpi.slug}&measure=value").content.decode()
    told = api_of(client, html)
    assert (told["measure"], told["unit"], told["n"]) == ("value", "minute", 3)
    assert [point["value"] for point in told["groups"][0]["points"]] == [2, 4, 9]
    assert "the middle value afterwards is 4 minutes" in html
    assert {point["effect"] for point in told["groups"][0]["points"]} == {"neutral"}


def _mixed():
    kpi = measured(EIGHT, measured_year=2020)
    for stage, year, method, country in (
        ("pilot", 2010, "control group", "BR"),
        ("ended", 2015, "survey", "BR"),
        ("pilot", None, "before-after", "JP"),
    ):
        city = use_cases.city(country=Country.objects.get(code=country), population=9_000_000)
        case = use_cases.use_case(city=city, stage=stage, vertical="energy")
        kpis.result(kpi=kpi, use_case=case, measured_year=year, method=method, relative_change_percent=-50)
    count()
    return kpi


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ("vertical=energy", 3),
        ("region=latin-america-and-the-caribbean", 2),
        ("stage=pilot&size=over-5m", 2),
        ("size=over-5m", 3),
        ("design=control", 1),
        ("year_min=2011", 9),
        ("year_min=2011&year_max=2019", 1),
        ("year_max=2010&vertical=energy&stage=ended", 0),
    ],
)
def test_what_is_chosen_holds_for_picture_table_sentence_files_and_api_alike(client, query, n):
    kpi = _mixed()
    response = client.get(f"/kpis/explore/?kpi={kpi.slug}&group_by=stage&{query}")
    html = response.content.decode()
    told = api_of(client, html)
    assert told["n"] == sum(group["n"] for group in told["groups"]) == n
    assert told["chosen"] == dict(one.split("=") for one in query.split("&"))
    drawn = re.search(r'<svg class="strip groups".*?</svg>\s*</div>', html, re.S)
    assert (drawn[0].count("<use ") if drawn else 0) == n
    assert (f"{n} result" in response.context["sentence"]) == (n > 0)
    assert ("No published result matches" in response.context["sentence"]) == (n == 0)
    files = re.findall(r'href="(/kpis/explore/(?:numbers|picture)[^"]+)" download', html)
    assert len(files) == (4 if n else 2)
    assert client.get(files[1].replace("&amp;", "&")).json() == told
    rows = list(csv.DictReader(io.StringIO(client.get(files[0].replace("&amp;", "&")).content.decode())))
    assert [int(row["n"]) for row in rows] == [group["n"] for group in told["groups"]]
    inputs = client.get(told["inputs"])
    assert inputs.status_code == 200
    if "stage" not in query:
        assert {row["slug"] for row in inputs.json()["results"]} == {
            point["result"] for group in told["groups"] for point in group["points"]
        }


@pytest.mark.parametrize(
    "query",
    [
        "vertical=magic",
        "region=atlantis",
        "stage=soon",
        "size=huge",
        "design=guess",
        "year_min=soon",
        "year_min=2020&year_max=2010",
        "measure=mood",
    ],
)
def test_a_choice_that_is_none_is_said(client, query):
    assert client.get(f"/kpis/explore/?kpi=all-trv-time&{query}").status_code == 400
    answer = client.get(f"/api/v1/kpis/all-trv-time/distribution/?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] in query


def test_intervals_are_told_before_the_table_of_sample_sizes_reaches_so_far():
    kpi = measured(EIGHT)
    known = distribution_of(kpi, GroupBy.REGION).groups[0].numbers
    SampleSize.objects.all().delete()
    assert distribution_of(kpi, GroupBy.REGION).groups[0].numbers == pytest.approx(known)


def test_the_peers_of_a_benchmark_are_some_of_the_cities():
    kpi = measured(EIGHT)
    cities = list(AggregateInput.objects.filter(kpi=kpi, change__gte=20).values_list("city_id", flat=True))
    assert [one.value for one in distribution_of(kpi, chosen=Chosen(cities=cities)).whole.points] == [20, 22, 30, 40]


def test_results_without_a_value_are_counted_where_values_are_told(client):
    kpi = measured((-10, -20, -30))
    response = client.get(f"/kpis/explore/?kpi={kpi.slug}&measure=value&group_by=region")
    html = response.content.decode()
    told = api_of(client, html)
    assert (told["n"], told["without_value"]) == (0, 3)
    assert [(group["value"], group["results"], group["n"]) for group in told["groups"]] == [("europe", 3, 0)]
    assert response.context["sentence"] == "No value is known."
    assert "no value afterwards is stated" in html
