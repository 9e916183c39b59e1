"""Fifty glowing results of one organisation, one supplier's customers or one city move a practice at most one band."""

import pytest

from practices import upkeep
from practices.models import RankingRun
from tests.members.join_recipes import Organisation
from tests.practices import recipes
from usecases.models import Participation

pytestmark = pytest.mark.django_db


def band(practice):
    upkeep.rebuild()
    return RankingRun.objects.first().scores.get(practice=practice).band


@pytest.mark.parametrize("how", ["one city", "one organisation", "one supplier"])
def test_fifty_glowing_results_move_a_practice_at_most_one_band(how):
    # Others of each grade, so that there are bands to jump over.
    for changes, method in (
        ([-50, -51, -49, -50, -52, -48], "control group"),
        ([-30, -31, -29, -30, -32, -28], "control group"),
        ([-30, -31, -29, -30, -32, -28], "before-after"),
        ([-20, -35, -5, -60, 10, 30], "before-after"),
    ):
        other = recipes.practice()
        for change in changes:
            recipes.measure(other, change, method=method)
    practice = recipes.practice()
    for change in (-10, 2, -4, 5, -1, -6):
        recipes.measure(practice, change, method="before-after")
    before = band(practice)
    firm = Organisation.objects.create(slug="glow-ltd", name="Glow Ltd", kind="large-corporation")
    city = None
    for n in range(50):
        place = {"city": city} if how == "one city" and city else {}
        glowing = {"reported_by": firm} if how == "one organisation" else {}
        result = recipes.measure(practice, -90 + n % 3, method="before-after", **place, **glowing)
        city = result.use_case.city
        if how == "one supplier":
            Participation.objects.create(use_case=result.use_case, organisation=firm, position=0)
    assert before - band(practice) <= 1
