"""Whether an effect depends on region, size of city or way of comparing: as a table, or in words."""

import pytest

from practices import pages, subgroups, upkeep
from tests.practices import recipes
from tests.usecases import recipes as use_case_recipes

pytestmark = pytest.mark.django_db


def shown(practice):
    upkeep.rebuild()
    practice.refresh_from_db()
    return {one.title: one for one in subgroups.subgroups_of(pages.page_of(practice, practice.evidence))}


def measured(groups):
    """A practice with cities of each size: population -> changes."""
    practice = recipes.practice()
    for population, changes in groups.items():
        for change in changes:
            recipes.measure(practice, change, city=use_case_recipes.city(population=population))
    return practice


def test_groups_with_three_cities_each_have_a_mean_and_are_compared(client):
    practice = measured({60_000: [-70, -71, -72, -70], 2_000_000: [-5, -6, -4, -5]})
    by_size = shown(practice)["By size of the city"]
    assert {(one.name, one.cities, round(one.change)) for one in by_size.groups} == {
        ("50,000 to 100,000", 4, -71),
        ("1 to 5 million", 4, -5),
    }
    assert by_size.words == "The groups differ by more than chance explains."
    page = client.get(practice.get_absolute_url()).content.decode()
    assert "Does it depend on the place?" in page
    assert "1 to 5 million" in page


def test_groups_alike_are_called_alike():
    practice = measured({60_000: [-40, -41, -39], 2_000_000: [-40, -39, -41]})
    assert shown(practice)["By size of the city"].words == "The groups do not differ by more than chance explains."


def test_too_few_cities_are_told_in_words_and_draw_nothing(client):
    practice = measured({60_000: [-40, -41, -39], 2_000_000: [-40]})
    by_size = shown(practice)["By size of the city"]
    assert by_size.words.startswith("Too few cities to compare groups; a mean needs three in each:")
    assert "1 to 5 million (1 city)" in by_size.words
    assert "2 more cities are missing" in client.get(practice.get_absolute_url()).content.decode()
    alone = shown(measured({60_000: [-40, -41]}))["By size of the city"]
    assert alone.words == "All cities are in one group: 50,000 to 100,000."
    assert not alone.any_mean


def test_without_a_measured_city_there_is_nothing_to_compare(client):
    practice = recipes.practice()
    assert shown(practice) == {}
    assert "Does it depend on the place?" not in client.get(practice.get_absolute_url()).content.decode()
