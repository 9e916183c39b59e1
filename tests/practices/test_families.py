"""Results of indicators that are exactly the same are one family; no other link mixes meanings; groups of cities."""

import pytest

from kpis.models import KpiLink
from practices import upkeep
from practices.candidates import candidates
from practices.evidence import with_results
from practices.models import Evidence
from practices.rules import rule
from practices.synthesis import Effect, pool
from tests.events.documents_cases import settle
from tests.kpis import recipes as kpi_recipes
from tests.practices import recipes

pytestmark = pytest.mark.django_db(transaction=True)


def families(practice):
    settle()
    upkeep.follow()
    return {one["kpi"]: one for one in Evidence.objects.get(practice=practice).body["families"]}


def link(kpi, other, relation):
    return KpiLink.objects.create(
        kpi=kpi, other=other, relation=relation, reason="Same words.", said_by="Editors", source="https://example.org"
    )


def test_exactly_the_same_indicators_are_one_family_over_any_number_of_links_and_part_when_a_link_goes():
    practice = recipes.practice([-30, -40])
    primary = practice.primary_kpi
    between, far = (kpi_recipes.kpi(direction=primary.direction) for _ in range(2))
    recipes.measure(practice, -50, kpi=far)
    assert [families(practice)[code]["missing_cities"] for code in (primary.code, far.code)] == [1, 2]
    link(primary, between, "exact")
    last = link(far, between, "exact")
    (family,) = families(practice).values()
    assert family["kpi"] == primary.code
    assert family["kpis"] == [primary.code, far.code]
    assert family["pooled"]["cities"] == 3
    last.delete()
    assert set(families(practice)) == {primary.code, far.code}
    assert upkeep.rebuild(check=True).differing == []


@pytest.mark.parametrize("relation", ["close", "broader", "narrower", "conflicting"])
def test_indicators_that_are_not_the_same_are_never_mixed(relation):
    practice = recipes.practice([-30, -40])
    other = kpi_recipes.kpi(direction=practice.primary_kpi.direction)
    recipes.measure(practice, -50, kpi=other)
    link(practice.primary_kpi, other, relation)
    assert set(families(practice)) == {practice.primary_kpi.code, other.code}


def test_what_results_usually_show_is_that_of_the_family():
    practice = recipes.practice([-10, -11, -12])
    other = kpi_recipes.kpi(direction=practice.primary_kpi.direction)
    families(practice)
    (before,) = candidates()
    for _ in range(9):
        kpi_recipes.result(kpi=other, relative_change_percent=-90)
    link(practice.primary_kpi, other, "exact")
    families(practice)
    (after,) = candidates()
    assert after.usual > before.usual


def test_groups_of_cities_have_means_of_their_own_or_say_what_is_missing():
    practice = recipes.practice()
    for change, method in [(-30, "control group")] * 3 + [(-60, "before-after")] * 3 + [(-10, "self-reported")]:
        recipes.measure(practice, change, method=method)
    subgroups = families(practice)[practice.primary_kpi.code]["subgroups"]
    assert set(subgroups) == {"region", "size", "design"}
    told = {one["name"]: one for one in subgroups["design"]["groups"]}
    assert [(name, one["cities"], one["missing"]) for name, one in told.items()] == [
        ("before-after", 3, 0),
        ("control", 3, 0),
        ("stated", 1, 2),
    ]
    assert told["control"]["pooled"]["change_percent"] == pytest.approx(-30)
    assert told["stated"]["pooled"] is None
    assert 0 < subgroups["design"]["q_between_tail"] < 1
    assert sum(one["cities"] for one in subgroups["region"]["groups"]) == 7


def test_single_results_and_means_without_a_city_are_put_to_what_is_kept():
    practice = recipes.practice([-30, -40, -50, -60])
    recipes.measure(practice, -100)
    families(practice)
    evidence = Evidence.objects.get(practice=practice)
    body = with_results(evidence.body, practice, rule())
    family = body["families"][0]
    assert sorted(one["change_percent"] for one in family["results"]) == pytest.approx([-60, -50, -40, -30])
    assert [one["why"] for one in family["refused"]] == ["fell-by-all"]
    assert [city["results"] for city in family["cities"]] == [[one["result"]] for one in sorted_by_city(family)]
    left_out = {one["city"]: one for one in family["without"]}
    for city in family["cities"]:
        others = [
            Effect(one["estimate"], one["standard_error"] ** 2, city=one["city"])
            for one in family["cities"]
            if one is not city
        ]
        expected = pool(others)
        told = left_out[city["city"]]
        assert (told["estimate"], told["low"]) == (
            pytest.approx(expected.estimate),
            pytest.approx(expected.interval.low),
        )
        low, high = told["interval"]
        assert low < told["change_percent"] < high


def sorted_by_city(family):
    return sorted(family["results"], key=lambda one: one["city"])
