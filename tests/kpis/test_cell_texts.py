"""PostgreSQL writes the JSON of a page of aggregates: the same bytes as the serializer's."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from rest_framework.renderers import JSONRenderer

from kpis.aggregate_api import AggregateSerializer
from kpis.aggregate_models import Aggregate
from kpis.aggregating import rebuild
from kpis.cell_texts import texts_statement
from kpis.models import Kpi

API = "/api/v1/aggregates/"


def _texts() -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(texts_statement(AggregateSerializer), [])
        return dict(cursor.fetchall())


def _rendered() -> dict[int, str]:
    with translation.override("en"):
        return {
            row.pk: JSONRenderer().render(AggregateSerializer(row).data).decode()
            for row in Aggregate.objects.for_display()
        }


@pytest.mark.usefixtures("reference_data")
def test_every_cell_is_written_as_by_the_serializer():
    rebuild()
    rendered = _rendered()
    assert len(rendered) > 100
    assert {row["measure"] for row in Aggregate.objects.values("measure")} == {"change", "value"}
    assert _texts() == rendered


@pytest.mark.usefixtures("reference_data")
@pytest.mark.parametrize(
    "number", [0.0, -0.0, 5.0, -12.5, 1e-5, 0.0001, 1 / 3, 1e15, 1234567890123456.0, 1234567890123.4567, 1e16, 1.5e300]
)
def test_numbers_are_written_as_python_does(number):
    rebuild()
    Aggregate.objects.update(mean=number, points=[number, -number], n=3, improved=1)
    assert _texts() == _rendered()


@pytest.mark.usefixtures("reference_data")
def test_names_that_json_and_scripts_escape():
    rebuild()
    Kpi.objects.update(name='Über "50 %"\u2028 <next>\\ \t', unit="µg / m³ % {}")
    texts = _texts()
    assert texts == _rendered()
    assert any("\\u2028" in text for text in texts.values())


@pytest.mark.usefixtures("reference_data")
@pytest.mark.parametrize("sort", ["cell", "results", "newest"])
def test_pages_follow_each_other_and_hold_what_single_cells_say(client, sort):
    rebuild()
    kpi = Aggregate.objects.order_by("-results").values_list("kpi__slug", flat=True)[0]
    found, address = [], f"{API}?kpi={kpi}&sort={sort}&page_size=7&count=true"
    answer = client.get(address).json()
    backwards = None
    while True:
        found += answer["results"]
        assert answer["count"] == Aggregate.objects.filter(kpi__slug=kpi).count()
        if not answer["next"]:
            break
        before, answer = answer, client.get(answer["next"]).json()
        backwards = client.get(answer["previous"]).json()
        assert backwards["results"] == before["results"]
    assert backwards is not None
    assert len({one["key"] for one in found}) == len(found) == answer["count"]
    whole = client.get(f"{API}{found[0]['key']}/").json()
    assert whole == found[0]


@pytest.mark.usefixtures("reference_data")
def test_a_choice_of_fields_says_the_same(client):
    rebuild()
    whole = client.get(f"{API}?page_size=20").json()["results"]
    some = client.get(f"{API}?page_size=20&fields=key,median,url").json()["results"]
    assert some == [{name: one[name] for name in ("key", "url", "median")} for one in whole]


@pytest.mark.usefixtures("reference_data")
def test_a_page_is_one_statement_however_long(client):
    rebuild()
    queries = []
    for size in (2, 200):
        with CaptureQueriesContext(connection) as asked:
            body = client.get(f"{API}?page_size={size}").content
        assert len(json.loads(body)["results"]) == size
        queries.append(len(asked))
    assert queries[0] >= queries[1] > 0
    assert queries[1] <= 4
