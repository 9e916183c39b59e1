"""Where evidence is missing: every cell counts what its link shows, and leads on."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kpis.models import Kpi, Result
from tests.kpis.insight.recipes import measured

pytestmark = pytest.mark.usefixtures("reference_data")


def rows_of(client, query: str = ""):
    response = client.get(f"/kpis/evidence/{query}")
    assert response.status_code == 200
    return response.context["evidence"].rows, response.content.decode()


def test_all_results_are_counted_once(client):
    rows, _html = rows_of(client)
    assert sum(row.n for row in rows) == Result.objects.visible_to(None).count() == 86
    assert sum(row.indicators for row in rows) == Kpi.objects.count()


@pytest.mark.parametrize("query", ["", "?dimension=Mobility"])
def test_a_cell_leads_to_as_many_results_as_it_says(client, query):
    rows, html = rows_of(client, query)
    cells = [cell for row in rows for cell in row.cells if cell.n]
    assert cells
    for cell in cells[:12]:
        assert client.get(f"/results/?{cell.query}").context["total"] == cell.n
        assert f'href="/results/?{cell.query.replace("&", "&amp;")}"' in html


def test_an_empty_cell_leads_to_a_report(client):
    rows, html = rows_of(client)
    empty = sum(cell.n == 0 for row in rows for cell in row.cells)
    assert empty > 100
    assert html.count('href="/workspace/new/"') >= empty
    assert html.count("No result: report a pilot") == empty


def test_a_dimension_shows_its_indicators(client):
    rows, _html = rows_of(client, "?dimension=Mobility")
    names = list(Kpi.objects.filter(dimension="Mobility").order_by("name", "pk").values_list("name", flat=True))
    assert [row.name for row in rows] == names
    assert client.get("/kpis/evidence/?dimension=Magic").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_results(client):
    def queries() -> int:
        rows_of(client)
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            rows_of(client)
        return len(captured)

    before = queries()
    measured(range(-20, 0))
    assert queries() == before <= 8
