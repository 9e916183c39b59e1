"""Rows of numbers are written faster than by DRF's fields, and say the same."""

from itertools import pairwise

import pytest

from kpis.aggregate_api import AggregateSerializer
from kpis.aggregate_models import Aggregate
from kpis.aggregating import rebuild
from kpis.quick import NumbersDocument

pytestmark = pytest.mark.usefixtures("reference_data")


@pytest.mark.parametrize("only", [None, ["key", "kpi", "median_interval", "points", "as_of"]])
def test_they_say_what_the_fields_say(only):
    rebuild()
    rows = list(Aggregate.objects.for_display())
    assert len(rows) > 100
    quick = AggregateSerializer(rows, many=True, only=only).data
    one = AggregateSerializer(only=only)
    assert quick == [super(NumbersDocument, one).to_representation(row) for row in rows]


def test_the_list_of_an_indicator_begins_at_its_cells(client):
    """However many there are of others: the order is that of an index."""
    rebuild()
    told = client.get("/api/v1/aggregates/?page_size=200").json()["results"]
    kpis = [row["kpi"]["slug"] for row in told]
    assert len(kpis) == 200
    assert sum(one != other for one, other in pairwise(kpis)) == len(set(kpis)) - 1
