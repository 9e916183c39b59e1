"""The page of an indicator has a small picture of every region, over one scale, with the numbers that the API gives."""

import re

import pytest
from django.utils.html import escape

from kpis import aggregating
from tests.kpis import recipes
from tests.usecases import recipes as use_case_recipes
from usecases.models import Country, Region

pytestmark = pytest.mark.django_db


def panels(page: str) -> list[str]:
    return page.split('<ul class="panels"')[1].split("</ul>")[0].split("<li>")[1:]


def test_every_region_has_its_panel_and_its_numbers_are_those_of_the_api(client):
    kpi = recipes.kpi()
    there = recipes.result(kpi=kpi, relative_change_percent=-10).use_case.city.country.region
    for change in (-20, -30):
        recipes.result(kpi=kpi, relative_change_percent=change)
    aggregating.rebuild()
    page = client.get(kpi.get_absolute_url()).content.decode()
    found = {re.search(r"<bdi>(.*?)</bdi>", one)[1]: one for one in panels(page)}
    assert list(found) == [escape(str(region)) for region in Region.objects.all()]
    call = re.search(r'href="(/api/v1/kpis/[^"]*group_by=region)"', page)[1]
    [group] = client.get(call).json()["groups"]
    panel = found[escape(str(there))]
    assert (group["n"], len(group["points"]), panel.count("<use ")) == (3, 3, 3)
    assert f"{group['n']} results" in panel
    assert f"median +{group['median']:g}%" in panel, "in the description of the picture"
    assert all("no results yet" in one and "<svg" not in one for name, one in found.items() if one is not panel)


def test_all_panels_have_one_scale(client):
    kpi = recipes.kpi()
    for code, change in (("KE", -5), ("BR", -80)):
        city = use_case_recipes.city(country=Country.objects.get(code=code))
        recipes.result(kpi=kpi, use_case=use_case_recipes.use_case(city=city), relative_change_percent=change)
    aggregating.rebuild()
    drawn = [one for one in panels(client.get(kpi.get_absolute_url()).content.decode()) if "<svg" in one]
    axes = [re.findall(r'<text[^>]* x="([^"]+)" y="\d+">([^<]*)</text>', one) for one in drawn]
    assert len(axes) == 2
    assert axes[0] == axes[1]
    assert re.findall(r'<svg x="([^"]+)"', drawn[0]) != re.findall(r'<svg x="([^"]+)"', drawn[1])


def test_an_indicator_without_a_known_change_has_no_panels(client):
    kpi = recipes.kpi()
    assert 'class="panels"' not in client.get(kpi.get_absolute_url()).content.decode()
