"""Evidence and ranking follow the change log: only what a change touches is made anew, and nothing is missed."""

import pytest

from practices import upkeep
from practices.candidates import rerun
from practices.editing import merge
from practices.models import Evidence, Practice, RankingRun, TouchedPractice
from tests.events.documents_cases import settle
from tests.kpis import recipes as kpi_recipes
from tests.practices import recipes

pytestmark = pytest.mark.django_db(transaction=True)


def follow():
    settle()
    upkeep.follow()


@pytest.fixture
def two():
    first, second = recipes.practice([-30, -40, -35]), recipes.practice([-5, -6, -7])
    follow()
    return first, second


def pooled(practice):
    return Evidence.objects.get(practice=practice).body["families"][0]["pooled"]


def test_a_new_result_touches_its_practice_alone_and_names_the_cause(two, monkeypatch):
    first, second = two
    made = []
    real = upkeep.make
    monkeypatch.setattr(upkeep, "make", lambda keys, *args, **more: made.extend(keys) or real(keys, *args, **more))
    recipes.measure(first, -38)
    before = RankingRun.objects.count()
    follow()
    assert made == [first.pk]
    assert pooled(first)["cities"] == 4
    assert RankingRun.objects.count() == before + 1
    assert set(RankingRun.objects.first().causes) == {first.slug}
    assert second.slug not in RankingRun.objects.first().causes


def test_whatever_happens_to_the_records_following_finds_what_a_full_run_finds(two):
    first, second = two
    result = recipes.measure(first, -38)
    link = first.implementations.exclude(use_case=result.use_case).first()
    for step in (
        lambda: type(result).objects.filter(pk=result.pk).update(relative_change_percent=80),
        lambda: type(result).objects.filter(pk=result.pk).update(state="withdrawn"),
        lambda: link.delete(),
        lambda: type(first.primary_kpi).objects.filter(pk=first.primary_kpi_id).update(direction="increase"),
        lambda: type(result.use_case).objects.filter(implementations__practice=second).update(status="withdrawn"),
        lambda: Practice.objects.filter(pk=second.pk).update(state="withdrawn"),
        lambda: Practice.objects.filter(pk=second.pk).update(state="accepted"),
        lambda: type(result).objects.filter(use_case=link.use_case).delete(),
    ):
        step()
        follow()
        report = upkeep.rebuild(check=True)
        assert report.differing == []
        assert not TouchedPractice.objects.exists()


def test_a_full_check_finds_and_mends_evidence_that_somebody_changed_by_hand(two):
    first, _second = two
    evidence = Evidence.objects.get(practice=first)
    evidence.body["certainty"]["grade"] = 4
    evidence.save()
    assert upkeep.rebuild(check=True).differing == [first.slug]
    assert Evidence.objects.get(practice=first).body["certainty"]["grade"] == 4, "a check changes nothing"
    assert upkeep.rebuild().differing == [first.slug]
    assert upkeep.rebuild(check=True).differing == []


def test_nothing_new_makes_no_new_run(two):
    before = RankingRun.objects.count()
    follow()
    upkeep.rebuild()
    assert RankingRun.objects.count() == before


def test_a_link_withdrawn_while_a_run_works_is_seen_by_the_next_one(two, monkeypatch):
    first, _second = two
    recipes.measure(first, -38)
    link = first.implementations.first()
    real = upkeep.evidence.collect

    def collect(practices):
        found = real(practices)
        monkeypatch.setattr(upkeep.evidence, "collect", real)
        link.delete()
        return found

    monkeypatch.setattr(upkeep.evidence, "collect", collect)
    follow()
    follow()
    assert link.use_case.slug not in Evidence.objects.get(practice=first).body["use_cases"]
    assert upkeep.rebuild(check=True).differing == []


def test_what_results_of_the_indicator_usually_show_moves_the_score_of_practices_that_are_not_touched(two):
    first, _second = two
    before = RankingRun.objects.first().scores.get(practice=first).total
    for _ in range(9):
        kpi_recipes.result(kpi=first.primary_kpi, relative_change_percent=-90)
    follow()
    assert RankingRun.objects.first().scores.get(practice=first).total != before


def test_any_past_run_comes_out_the_same_again(two):
    first, second = two
    recipes.measure(first, -38)
    follow()
    merge(practice=second, into=first, reason="The same.", actor=recipes.person(is_staff=True))
    follow()
    assert RankingRun.objects.count() >= 3
    for run in RankingRun.objects.all():
        kept = {slug: (place, band) for slug, place, band in run.scores.values_list("practice__slug", "place", "band")}
        assert {one.slug: (one.place, one.band) for one in rerun(run)} == kept
