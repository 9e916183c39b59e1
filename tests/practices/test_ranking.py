"""The order of practices: scores add up, the grade comes first, the data decide about bands, anybody can recompute."""

import csv
import io
import subprocess
import sys
import zipfile
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practices import upkeep
from practices.models import RankingRun
from practices.movers import default_movers, movers
from practices.ranking import CRITERIA, Candidate, bounded, rank, rank_weighted
from practices.rules import FOLDER, rule
from tests.practices import recipes

RULE = rule().sections["ranking"]
effects = st.floats(-3, 3).map(lambda value: round(value, 6))


@st.composite
def candidates(draw):
    found = []
    for n in range(draw(st.integers(1, 8))):
        estimate, half = draw(effects), draw(st.floats(0.01, 2))
        known = draw(st.booleans())
        numbers = {"estimate": estimate, "low": estimate - half, "high": estimate + half} if known else {}
        found.append(
            Candidate(
                slug=f"p{n}",
                grade=draw(st.integers(1, 4)),
                cities=draw(st.integers(0, 30)),
                usual=draw(st.floats(0.05, 2)),
                newest_year=draw(st.none() | st.integers(1990, 2026)),
                fit=draw(st.floats(0, 1)),
                **numbers,
            )
        )
    return found


@given(candidates(), st.fixed_dictionaries(dict.fromkeys(CRITERIA, st.integers(0, 10))))
@settings(max_examples=25, deadline=None)
def test_the_lines_of_every_score_add_up_to_it(rows, weights):
    for one in (*rank(rows, RULE), *rank_weighted(rows, weights, 2026)):
        if one.place is None:
            assert one.total is None
            assert not one.lines
        else:
            assert one.total == sum(line.points for line in one.lines)


@given(candidates())
@settings(max_examples=25, deadline=None)
def test_the_grade_comes_before_the_effect_and_the_effect_decides_within_it(rows):
    by_slug = {one.slug: one for one in rows}
    placed = [by_slug[one.slug] for one in rank(rows, RULE) if one.place is not None]
    keys = [(-one.grade, -bounded(one.scaled_low)) for one in placed]
    # The points of two nearly equal effects may be one and the same number.
    assert [grade for grade, _low in keys] == sorted(grade for grade, _low in keys)
    assert all(a[0] < b[0] or a[1] <= b[1] + 1e-12 for a, b in pairwise(keys))


def test_what_the_data_cannot_tell_apart_shares_a_band():
    alike = [
        Candidate(slug, 3, 5, estimate, estimate - 0.5, estimate + 0.5) for slug, estimate in (("a", 0.6), ("b", 0.55))
    ]
    apart = Candidate("c", 3, 5, -0.9, -1.0, -0.8)
    other_grade = Candidate("d", 2, 5, 0.6, 0.1, 1.1)
    bands = {one.slug: one.band for one in rank([*alike, apart, other_grade], RULE)}
    assert bands == {"a": 1, "b": 1, "c": 2, "d": 3}


def test_a_run_shows_who_changes_places_when_something_is_a_fifth_otherwise():
    close = [Candidate("a", 3, 5, 0.6, 0.5, 0.7), Candidate("b", 3, 5, 0.6, 0.45, 0.75)]
    far = Candidate("c", 1, 5, 0.6, 0.1, 1.1)
    assert default_movers([*close, far], RULE) == {"a", "b"}
    assert movers([Candidate("few", 4, 3, 0.1, 0.1, 0.1), Candidate("many", 1, 30, 0.1, 0.1, 0.1)],
                  {"certainty": 5, "cities": 9}, 2026) == {"few", "many"}  # fmt: skip


@pytest.mark.django_db
def test_the_download_reproduces_the_order_exactly_without_django(client, tmp_path):
    for changes in ([-50, -45, -55, -52], [-10, -12, -9], [-5]):
        recipes.practice(changes)
    upkeep.rebuild()
    run = RankingRun.objects.first()
    response = client.get(f"/practices/rankings/{run.pk}/download/")
    zipfile.ZipFile(io.BytesIO(response.content)).extractall(tmp_path)
    assert len((tmp_path / "ranking.py").read_text().splitlines()) <= 200
    printed = subprocess.run(
        [sys.executable, "-I", "-S", "ranking.py", "inputs.csv", "rule.toml"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    again = [(row["place"], row["band"], row["slug"], row["total"]) for row in csv.DictReader(io.StringIO(printed))]
    scores = run.scores.select_related("practice").order_by("place", "practice__slug")
    shown = [
        (str(one.place or ""), str(one.band or ""), one.practice.slug, "" if one.total is None else repr(one.total))
        for one in scores
    ]
    assert again == shown
    assert len([place for place, *_rest in shown if place]) >= 2


def test_every_version_of_the_rule_has_what_the_ranking_needs():
    for path in FOLDER.glob("*.toml"):
        section = rule(path.stem).sections["ranking"]
        assert 0 < section["effect_share"] < 0.5, "an effect must not outweigh a grade"
