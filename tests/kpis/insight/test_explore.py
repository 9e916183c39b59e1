"""Explore: picture, table, sentence, files and API call of an indicator tell the same."""

import csv
import io
import json
import re
from decimal import Decimal

import numpy
import pytest
from django.core.cache import cache
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from alliance.core.templatetags.numbers import signed_percent
from alliance.events.models import Cursor
from kpis.aggregating import READER
from kpis.insight.distribution import RULE, distribution_of
from kpis.insight.grouping import GroupBy
from tests.kpis import recipes as kpis
from tests.kpis.insight.recipes import EIGHT, api_of, count, measured, page
from tests.usecases import recipes as use_cases

pytestmark = pytest.mark.usefixtures("reference_data")


@pytest.mark.parametrize("group_by", GroupBy.values)
def test_the_api_call_of_every_picture_gives_the_numbers_of_the_page(client, group_by):
    kpi = measured(EIGHT, measured_year=2020)
    response, html = page(client, kpi, group_by)
    told = api_of(client, html)
    assert told["group_by"] == group_by
    assert told["n"] == len(EIGHT) == sum(group["n"] for group in told["groups"])
    shown = [numbers for _group, numbers in response.context["groups"]]
    assert [{name: group[name] for name in shown[0]} for group in told["groups"]] == shown
    drawn = re.search(r'<svg class="strip groups".*?</svg>\s*</div>', html, re.S)[0]
    assert drawn.count("<use ") == sum(len(group["points"]) for group in told["groups"])
    assert drawn.count('class="quartiles"') == sum(group["median"] is not None for group in told["groups"])
    table = html.split('id="numbers"')[1].split("</table>")[0]
    for group in told["groups"]:
        if group["median"] is not None:
            assert f">{signed_percent(group['median'])}<" in table
    saved = client.get(f"/kpis/explore/numbers.json?kpi={kpi.slug}&group_by={group_by}")
    assert saved.json() == told


def test_the_numbers_are_those_of_another_implementation(client):
    kpi = measured(EIGHT)
    group = api_of(client, page(client, kpi)[1])["groups"][0]
    better = [-change for change in EIGHT]  # less is better
    for name, value in (
        ("median", numpy.median(better)),
        ("mean", numpy.mean(better)),
        ("lower_quartile", numpy.percentile(better, 25)),
        ("upper_quartile", numpy.percentile(better, 75)),
    ):
        assert group[name] == pytest.approx(value, abs=1e-9)
    # Of 8 values the first and the last enclose the median with more than 95%, the second and the last but one do not.
    assert (group["median_interval_low"], group["median_interval_high"]) == (-12.5, 40)
    assert (group["improved"], group["unchanged"], group["worsened"]) == (6, 1, 1)


def test_below_three_results_only_the_points_are_shown(client):
    kpi = measured((-10, -30))
    response, html = page(client, kpi)
    group = api_of(client, html)["groups"][0]
    assert [point["value"] for point in group["points"]] == [10, 30]
    assert group["median"] is group["mean"] is group["minimum"] is None
    assert "too few to say what is usual" in response.context["sentence"]
    assert 'class="quartiles"' not in html
    assert 'class="median"' not in html


def test_below_six_results_no_interval_is_claimed(client):
    response, html = page(client, measured((-10, -20, -30)))
    assert "+20%" in response.context["sentence"]
    assert "no interval of 95%" in response.context["sentence"]
    assert "median-interval" not in html
    assert "median-interval" in page(client, measured(EIGHT))[1]


def test_without_a_direction_nothing_is_called_better(client):
    kpi = measured(EIGHT, direction="none")
    response, html = page(client, kpi)
    group = api_of(client, html)["groups"][0]
    assert group["improved"] is group["unchanged"] is group["worsened"] is None
    assert {point["effect"] for point in group["points"]} == {"neutral"}
    assert "Neither way is better" in response.context["sentence"]


@pytest.mark.parametrize("baseline", [0, -4])
def test_a_baseline_of_zero_or_below_is_said_in_words(client, baseline):
    kpi = measured(EIGHT)
    kpis.result(
        kpi=kpi, relative_change_percent=None, baseline_value=Decimal(baseline), result_value=Decimal(3), unit="minute"
    )
    count()
    _response, html = page(client, kpi)
    told = api_of(client, html)
    assert (told["n"], told["without_value"], told["undefined"]) == (8, 1, 1)
    assert "1 more result starts from zero or below" in html
    assert "no change in percent is defined" in html.split('id="without"')[1]


def test_drafts_and_withdrawn_results_count_nowhere(client):
    kpi = measured((-10, -20, -30))
    kpis.result(kpi=kpi, state="draft", relative_change_percent=-90)
    kpis.result(kpi=kpi, use_case=use_cases.use_case(status="draft"), relative_change_percent=-80)
    count()
    assert api_of(client, page(client, kpi)[1])["n"] == 3


def test_the_picture_has_title_and_description_and_the_table_the_same_numbers(client):
    html = page(client, measured(EIGHT), "region")[1]
    assert 'role="img" aria-labelledby="picture-title picture-description"' in html
    assert '<title id="picture-title">' in html
    description = re.search(r'<desc id="picture-description">(.*?)</desc>', html)[1]
    assert "median +17.5%" in description
    assert "Europe" in description
    assert "n = 8" in html
    assert 'href="#how"' in html
    assert "distribution-2/" in html


def test_a_crowded_group_is_drawn_as_columns(client):
    kpi = measured((-10, -20, -30))
    case = use_cases.use_case()
    for n in range(160):
        kpis.result(kpi=kpi, use_case=case, relative_change_percent=-n / 2)
    count()
    html = page(client, kpi)[1]
    assert html.split('class="strip groups"')[1].count('class="column"') == len(
        [1 for n in columns_of(client, html) if n]
    )
    assert sum(columns_of(client, html)) == 163
    assert "0 of 163 results are a dot each" in html


def columns_of(client, html):
    return api_of(client, html)["groups"][0]["columns"]


def test_the_files_hold_the_same_numbers(client):
    kpi = measured(EIGHT)
    query = f"kpi={kpi.slug}&group_by=region"
    told = client.get(f"/api/v1/kpis/{kpi.slug}/distribution/?group_by=region").json()
    response = client.get(f"/kpis/explore/numbers.csv?{query}")
    (row,) = csv.DictReader(io.StringIO(response.content.decode()))
    assert float(row["median"]) == told["groups"][0]["median"]
    assert row["name"] == "Europe"
    assert "attachment" in response["Content-Disposition"]
    svg = client.get(f"/kpis/explore/picture.svg?{query}")
    assert svg["Content-Type"] == "image/svg+xml"
    body = svg.content.decode()
    assert body.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "n = 8, as of" in body
    png = client.get(f"/kpis/explore/picture.png?{query}")
    assert png["Content-Type"] == "image/png"
    assert png.content.startswith(b"\x89PNG")


def test_the_picture_as_pixels_keeps_its_colours(client):
    """Of the light page: petrol for the better, and the ground of the paper."""
    image = pytest.importorskip("PIL.Image")
    kpi = measured(EIGHT)
    content = client.get(f"/kpis/explore/picture.png?kpi={kpi.slug}").content
    colours = {colour for _n, colour in image.open(io.BytesIO(content)).convert("RGB").getcolors(1_000_000)}
    assert {(0x0A, 0x6B, 0x6D), (0xFD, 0xFD, 0xFB), (0x14, 0x21, 0x1E)} <= colours


def test_the_colours_of_the_file_are_those_of_the_page():
    from django.conf import settings

    from kpis.insight.picture import COLOURS

    tokens = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text(encoding="utf-8")
    for name, colour in COLOURS.items():
        assert re.search(rf"--{name}: light-dark\({colour}[,)]", tokens), name


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 200), ("kpi=no-such", 400), ("kpi=all-trv-time&group_by=mayor", 400), ("kpi=" + "x" * 200, 400)],
)
def test_what_cannot_be_used_is_said_on_the_page(client, query, status):
    response = client.get(f"/kpis/explore/?{query}")
    assert response.status_code == status
    assert ('role="alert"' in response.content.decode()) == (status == 400)
    assert client.get(f"/kpis/explore/picture.png?{query}").status_code == 400


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("kpis/no-such/distribution/", 404, None),
        ("kpis/all-trv-time/distribution/?group_by=mayor", 400, "unknown_value"),
        ("kpis/all-trv-time/distribution/?groupby=region", 400, "unknown_parameter"),
        ("kpis/all-trv-time/distribution/?group_by=region&group_by=year", 400, "repeated"),
    ],
)
def test_what_the_api_cannot_use_is_a_problem(client, path, status, code):
    response = client.get(f"/api/v1/{path}")
    assert response.status_code == status
    assert code is None or response.json()["errors"][0]["code"] == code


def test_the_code_of_an_indicator_serves_as_well_as_its_slug(client):
    by_code = client.get("/api/v1/kpis/ISO37120:2014/5.1/distribution/")
    assert by_code.status_code == 200
    assert by_code.json() == client.get("/api/v1/kpis/iso37120-2014-5-1/distribution/").json()


def test_the_number_of_queries_does_not_grow_with_the_results(client):
    def queries(kpi) -> int:
        page(client, kpi, "region")
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            page(client, kpi, "region")
        return len(captured)

    few, many = measured((-1, -2, -3)), measured(range(-40, 0))
    assert queries(few) == queries(many) <= 12


def test_the_order_of_the_results_does_not_change_the_hash():
    from kpis.models import Result

    kpi = measured(EIGHT)
    before = distribution_of(kpi).inputs_hash
    assert distribution_of(kpi, GroupBy.YEAR).inputs_hash == before
    Result.objects.filter(kpi=kpi, relative_change_percent=0).update(relative_change_percent=1)
    count()
    assert distribution_of(kpi).inputs_hash != before


def without_moments(told):
    """Without what hangs on when they were loaded."""
    if isinstance(told, list):
        return [without_moments(one) for one in told]
    if isinstance(told, dict):
        left = {name: value for name, value in told.items() if name != "as_of"}
        return {name: without_moments(value) for name, value in left.items()}
    return told


def test_the_example_of_the_description_is_the_real_answer(client, settings):
    from kpis.insight.api import EXAMPLES

    count()
    settings.PORTAL_ORIGIN = "https://portal.example.org"
    told = {
        "distribution": client.get("/api/v1/kpis/all-trv-time/distribution/?group_by=region").json(),
        "peers": client.get("/api/v1/peers/?city=pittsburgh-us&limit=2").json(),
        "benchmark": client.get("/api/v1/benchmarks/?kpi=all-trv-time&city=pittsburgh-us").json(),
    }
    assert json.dumps(without_moments(told)) == json.dumps(without_moments(EXAMPLES))
    assert told["distribution"]["rule"] == RULE


def test_an_answer_is_kept_until_the_data_change(client):
    kpi = measured((-10, -20, -30))
    address = f"/api/v1/kpis/{kpi.slug}/distribution/"
    first = client.get(address)
    with CaptureQueriesContext(connection) as captured:
        again = client.get(address)
    assert again.json() == first.json()
    assert again["ETag"] == first["ETag"]
    assert "RateLimit" in again
    assert not [query for query in captured.captured_queries if "kpis_result" in query["sql"]]
    assert client.get(address, headers={"if-none-match": first["ETag"]}).status_code == 304
    kpis.result(kpi=kpi, relative_change_percent=-40)
    count()
    assert client.get(address).json()["n"] == 4


def test_an_editor_reads_the_numbers_that_everybody_reads(client, admin_user):
    kpi = measured((-10, -20, -30))
    kpis.result(kpi=kpi, state="draft", relative_change_percent=-90)
    count()
    client.force_login(admin_user)
    assert client.get(f"/api/v1/kpis/{kpi.slug}/distribution/").json()["n"] == 3
    assert client.get(f"/kpis/explore/?kpi={kpi.slug}").context["found"].whole.cities == 3


def test_a_page_that_was_kept_before_the_worker_counted_is_not_shown_afterwards(client):
    """The data change first, what is computed from them later: both make a new page."""
    kpi = measured((-10, -20, -30))
    kpis.result(kpi=kpi, relative_change_percent=-40)
    path = f"/api/v1/kpis/{kpi.slug}/distribution/"
    cells = f"/api/v1/aggregates/?kpi={kpi.slug}&vertical=all&region=all&design=all&measure=change"
    for address in (f"/kpis/explore/?kpi={kpi.slug}", cells, path):
        assert client.get(address).status_code == 200  # kept under the new state of the data, with the old numbers
    count()
    Cursor.objects.filter(reader=READER).update(position=F("position") + 1)  # as following the log does
    assert client.get(path).json()["n"] == 4
    assert client.get(f"/kpis/explore/?kpi={kpi.slug}").context["found"].whole.n == 4
    assert client.get(cells).json()["results"][0]["n"] == 4
