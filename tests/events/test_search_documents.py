"""Search over ready documents: words are looked up in the index, and everyday words are ranked in part, and said so."""

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from alliance.core import search
from alliance.events import planning
from alliance.events.making import make
from alliance.events.models import Word
from alliance.events.reading import visible_documents
from kpis.use_case_filters import MeasuredUseCaseFilter
from tests.usecases import recipes
from usecases.kinds import USE_CASES
from usecases.models import UseCase

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


def chosen(query: str) -> MeasuredUseCaseFilter:
    return MeasuredUseCaseFilter(QueryDict(query), visible_documents(USE_CASES, None))


@pytest.fixture
def few_are_ranked(reference_data, monkeypatch):
    """Three matches are too many to rank all, and two are ranked."""
    planning.forget()  # pages whose SQL was written for other limits
    monkeypatch.setattr(search, "MOST_RANKED", 2)
    monkeypatch.setattr(search, "RANKED_AT_MOST", 2)
    yield
    planning.forget()


def test_a_query_without_errors_is_read_by_one_question():
    filterset = chosen("q=water+meters+leak+network")
    with CaptureQueriesContext(connection) as captured:
        assert filterset.search.corrections == ()
    assert len(captured) == 1


def test_errors_cost_three_more_however_many():
    filterset = chosen("q=watre+metres+netwrok+snsors")
    with CaptureQueriesContext(connection) as captured:
        assert dict(filterset.search.corrections)["snsors"] == "sensors"
    assert len(captured) == 4


def test_the_closest_word_that_still_has_a_hit_is_taken():
    case = recipes.use_case(title="Zyxophonic pumps")
    other = recipes.use_case(title="Zyxophonia pumps")
    make(USE_CASES, [case.pk, other.pk])
    assert chosen("q=zyxophoni").search.corrections == (("zyxophoni", "zyxophonia"),)
    UseCase.objects.filter(pk=other.pk).update(status="withdrawn")
    assert Word.objects.filter(kind="use-cases", word="zyxophonia").exists()
    assert chosen("q=zyxophoni").search.corrections == (("zyxophoni", "zyxophonic"),)


def test_similar_words_come_from_an_index():
    with connection.cursor() as cursor:
        # Small as the table is here, everything else is cheaper.
        for way in ("seqscan", "indexscan", "indexonlyscan"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute("EXPLAIN SELECT word FROM events_word WHERE word % 'snsors'")
        assert any("word_similar" in line for (line,) in cursor.fetchall())


@pytest.mark.parametrize("asked", ["water", "meters", "water meters -parking"])
def test_words_as_written_weigh_half_as_much_again_as_stems(asked):
    """Also where both are the same, and one look at the vector stands for both."""
    rows = visible_documents(USE_CASES, None)
    read = search.understand(rows, asked, USE_CASES.searchable)
    found = dict(search.matching(rows, read, USE_CASES.searchable).values_list("pk", "relevance"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, 1000000 * (ts_rank(search_vector, websearch_to_tsquery('portal_en', %s))"
            " + 0.5 * ts_rank(search_vector, websearch_to_tsquery('portal_simple', %s))) FROM usecases_usecasedocument",
            [read.wanted, read.wanted],
        )
        ranks = dict(cursor.fetchall())
    assert found
    assert all(abs(relevance - ranks[pk]) <= 1 for pk, relevance in found.items())


# --- everyday words
@pytest.mark.usefixtures("few_are_ranked")
class TestEverydayWords:
    def test_the_first_in_the_usual_order_are_ranked(self):
        filterset = chosen("q=water")
        assert filterset.ranked_at_most == 2
        usual = chosen("q=water&sort=evidence").qs
        ranked = dict(filterset.listed.values_list("pk", "relevance"))
        assert len(ranked) == 2
        assert {*ranked} == {*usual.values_list("pk", flat=True)[:2]}
        relevances = [*ranked.values()]
        assert relevances == sorted(relevances, reverse=True)

    def test_counts_and_exports_are_of_all_matches(self, client):
        everything = chosen("q=water&sort=evidence").qs.count()
        assert chosen("q=water").counts.total == everything > 2
        lines = b"".join(client.get("/api/v1/use-cases.ndjson?q=water").streaming_content).splitlines()
        assert len(lines) == everything

    def test_the_page_says_so(self, client):
        html = client.get("/use-cases/?q=water").content.decode()
        assert "only 2 of them, the first in the usual order, are ranked and listed here" in html
        assert html.count("<article") == 2
        assert client.get("/use-cases/?q=water&page=2").status_code == 404
        other = client.get("/use-cases/?q=water&sort=title").content.decode()
        assert "are ranked and listed" not in other
        assert other.count("<article") > 2

    def test_the_api_says_so_and_its_pages_end_there(self, client):
        first = client.get("/api/v1/use-cases/?q=water&page_size=1&count=true").json()
        assert first["ranked_at_most"] == 2
        second = client.get(first["next"]).json()
        assert second["ranked_at_most"] == 2
        assert second["next"] is None
        found = [row["slug"] for row in (*first["results"], *second["results"])]
        assert found == list(chosen("q=water").listed.values_list("slug", flat=True))

    def test_other_orders_and_other_lists_are_whole(self, client):
        for path in ("/api/v1/use-cases/?q=water&sort=title", "/api/v1/use-cases/", "/api/v1/technologies/?q=sensor"):
            assert "ranked_at_most" not in client.get(path).json()


def test_usual_searches_are_ranked_whole(client):
    assert chosen("q=water").ranked_at_most is None
    assert "ranked_at_most" not in client.get("/api/v1/use-cases/?q=water").json()
