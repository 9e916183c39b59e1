"""Cities like mine: the same question has the same answer, the weights decide, and the unknown counts neither way."""

import csv
import math

import pytest
from django.conf import settings as portal
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kpis.insight.peers import DEFAULT_WEIGHTS, NEUTRAL, Factor, Profile, compare, peers, profile_of, ranked
from kpis.insight.traits import ClimateZone, IncomeGroup, city_traits, country_traits
from tests.usecases import recipes as use_cases
from usecases.models import City

pytestmark = pytest.mark.usefixtures("reference_data")

profiles = st.builds(
    Profile,
    population=st.none() | st.integers(1, 40_000_000),
    density=st.none() | st.floats(1, 50_000),
    climate=st.sampled_from(["", *ClimateZone.values]),
    income=st.sampled_from(["", *IncomeGroup.values]),
    region=st.sampled_from(["", "europe", "oceania"]),
)


@hypothesis_settings(max_examples=200, deadline=None)
@given(profiles, profiles)
def test_likeness_is_mutual_between_nothing_and_everything_and_whole_with_oneself(one, other):
    there, back = compare(one, other), compare(other, one)
    for name, share in there.items():
        assert share is None or 0 <= share <= 1
        assert (share is None) == (back[name] is None)
        assert share is None or share == pytest.approx(back[name], abs=1e-12)
    assert all(share in (None, 1) for share in compare(one, one).values())


def test_size_counts_by_its_ratio():
    one = Profile(population=1_000_000)
    assert compare(one, Profile(population=100_000))["size"] == pytest.approx(0.5)
    assert compare(one, Profile(population=10_000))["size"] == 0
    assert compare(one, Profile(population=2_000_000))["size"] == pytest.approx(1 - math.log10(2) / 2)


@pytest.mark.parametrize(("other", "share"), [("Cfb", 1), ("Cfa", 0.75), ("Csb", 0.5), ("BSh", 0), ("", None)])
def test_climate_counts_letter_by_letter(other, share):
    assert compare(Profile(climate="Cfb"), Profile(climate=other))["climate"] == share


@pytest.mark.parametrize(("other", "share"), [("high", 1), ("upper-middle", 2 / 3), ("low", 0), ("", None)])
def test_income_counts_by_steps(other, share):
    found = compare(Profile(income="high"), Profile(income=other))["income"]
    assert found is share or found == pytest.approx(share)


def test_what_is_not_known_counts_neither_for_nor_against():
    mine = Profile(population=100_000, climate="Cfb")
    cities = [use_cases.city(name=name) for name in ("Alike", "Unknown", "Other")]
    known = [Profile(population=100_000, climate="Cfb"), Profile(), Profile(population=10_000_000, climate="Af")]
    found = ranked(mine, DEFAULT_WEIGHTS, zip(cities, known, (0, 0, 0), strict=True))
    assert [peer.city.name for peer in found] == ["Alike", "Unknown", "Other"]
    assert found[1].likeness == NEUTRAL
    assert found[1].known == 0


def test_ties_stand_in_the_order_of_their_names_however_they_come():
    cities = [use_cases.city(name=name) for name in ("Beta", "Alpha", "Gamma")]
    rows = [(city, Profile(), 0) for city in cities]
    for order in (rows, rows[::-1]):
        found = ranked(Profile(), DEFAULT_WEIGHTS, order)
        assert [peer.city.name for peer in found] == ["Alpha", "Beta", "Gamma"]


def test_the_weights_decide():
    city = City.objects.select_related("country__region").get(slug="pittsburgh-us")
    only = dict.fromkeys(DEFAULT_WEIGHTS, 0)
    by_region = peers(profile_of(city), {**only, "region": 1}, besides=city)
    assert by_region[0].city.country.region.slug == "northern-america"
    assert by_region[0].likeness == 1
    by_size = peers(profile_of(city), {**only, "size": 1}, besides=city)
    apart = [abs(math.log10(peer.city.population / city.population)) for peer in by_size if peer.city.population]
    assert apart[:50] == sorted(apart[:50])
    with pytest.raises(ValueError):
        peers(profile_of(city), only)


def test_every_city_and_country_on_record_has_its_facts_with_source_and_date():
    with (portal.DATA_DIR / "cities.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    zones = [city_traits(row["name"], row["country_iso2"]) for row in rows]
    assert all(told.climate_zone in ClimateZone.values and told.source and told.as_of for told in zones)
    assert city_traits("Helsinki", "FI").climate_zone == "Dfb"
    assert city_traits("Dubai", "AE").climate_zone == "BWh"
    groups = {row["country_iso2"]: country_traits(row["country_iso2"]) for row in rows}
    assert {code for code, told in groups.items() if not told.income_group} == {"VE"}  # not classified since 2021
    assert groups["IN"].income_group == "lower-middle"
    assert all(told.source and told.as_of for told in groups.values())
    assert city_traits("Atlantis", "XX").climate_zone == ""


def test_page_and_api_give_the_same_order_and_the_address_holds_the_weights(client):
    query = "city=pittsburgh-us&weight_size=5&weight_region=0"
    response = client.get(f"/kpis/peers/?{query}")
    html = response.content.decode()
    told = client.get(f"/api/v1/peers/?{query}&limit=20").json()
    assert [peer.city.slug for peer in response.context["peers"]] == [peer["city"]["slug"] for peer in told["peers"]]
    assert told["weights"] == {**DEFAULT_WEIGHTS, "size": 5, "region": 0}
    assert told == client.get(f"/api/v1/peers/?{query}&limit=20").json()
    assert told["n"] == City.objects.count() - 1
    assert 'name="weight_size" value="5"' in html
    assert f'href="/api/v1/peers/?{query.replace("&", "&amp;")}"' in html
    assert "not known: counts neither for nor against" in html  # the density
    assert "World Bank" in html


def test_a_city_that_is_not_on_record_can_be_described(client):
    told = client.get("/api/v1/peers/?population=90000&climate=Csa&income=high&region=europe&density=4000").json()
    assert told["city"] is None
    assert told["profile"] == {
        "population": 90000, "density": 4000.0, "climate": "Csa", "income": "high", "region": "europe",
    }  # fmt: skip
    assert told["peers"][0]["factors"]["region"] == 1
    assert "The city that you described" in client.get("/kpis/peers/?population=90000").content.decode()


def test_a_name_serves_where_only_one_city_has_it(client):
    assert client.get("/api/v1/peers/?city=pittsburgh").json()["city"]["slug"] == "pittsburgh-us"
    use_cases.city(name="Pittsburgh")
    answer = client.get("/api/v1/peers/?city=pittsburgh")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "ambiguous"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "city"),
        ("city=no-such", "city"),
        ("city=pittsburgh-us&weight_size=11", "weight_size"),
        ("city=pittsburgh-us&weight_size=-1", "weight_size"),
        ("city=pittsburgh-us&" + "&".join(f"weight_{name}=0" for name in Factor.values), "city"),
        ("city=pittsburgh-us&climate=Zz", "climate"),
        ("city=pittsburgh-us&region=nowhere", "region"),
        ("population=0", "population"),
        ("city=pittsburgh-us&density=inf", "density"),
        ("city=pittsburgh-us&limit=0", "limit"),
        ("city=pittsburgh-us&limit=201", "limit"),
        ("city=pittsburgh-us&wieght_size=1", "wieght_size"),
        ("city=pittsburgh-us&city=bogota-co", "city"),
    ],
)
def test_what_cannot_be_used_is_named(client, query, parameter):
    answer = client.get(f"/api/v1/peers/?{query}")
    assert answer.status_code == 400
    assert parameter in {error["parameter"] for error in answer.json()["errors"]}


def test_the_number_of_queries_does_not_grow_with_the_cities(client):
    def queries() -> int:
        client.get("/kpis/peers/?city=pittsburgh-us")
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            client.get("/kpis/peers/?city=pittsburgh-us")
        return len(captured)

    before = queries()
    for _n in range(30):
        use_cases.city()
    assert queries() == before <= 12
