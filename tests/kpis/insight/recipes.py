"""An indicator with as many results as a test needs, each in a city of its own."""

import re
from decimal import Decimal

from kpis.aggregating import rebuild
from kpis.models import Kpi
from tests.kpis import recipes as kpis
from tests.usecases import recipes as use_cases
from usecases.models import Country, Region

#: Changes in percent.
EIGHT = (-40, -30, -22, -20, -15, -10, 0, 12.5)


def region(slug: str = "europe") -> Region:
    return Region.objects.get(slug=slug)


def measured(changes, *, direction: str = "decrease", country: str = "DE", **fields) -> Kpi:
    """One result a change, in percent."""
    kpi = kpis.kpi(direction=direction)
    place = Country.objects.get(code=country)
    for change in changes:
        city = use_cases.city(country=place, population=100_000)
        kpis.result(
            kpi=kpi,
            use_case=use_cases.use_case(city=city),
            relative_change_percent=Decimal(str(change)),
            **fields,
        )
    count()
    return kpi


def count() -> None:
    """What the worker does after a change. Within the transaction of a test the log is never settled."""
    rebuild()


def page(client, kpi, group_by="all", path="/kpis/explore/"):
    response = client.get(f"{path}?kpi={kpi.slug}&group_by={group_by}")
    assert response.status_code == 200
    return response, response.content.decode()


def api_of(client, html: str) -> dict:
    address = re.search(r'<a href="([^"]+)" id="api-call">', html)[1].replace("&amp;", "&")
    response = client.get(address)
    assert response.status_code == 200
    return response.json()
