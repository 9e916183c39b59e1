"""Whole answers are kept for readers who are nobody in particular, and never outlive a committed write."""

import math
import threading

import pytest
from django.core.cache import cache
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alliance.core.cache import outage
from alliance.events import upkeep
from alliance.members.models import Scope
from alliance.members.tokens import make_token
from tests.usecases import recipes
from usecases.models import UseCase
from usecases.views import UseCaseListView

LISTS = ["/use-cases/", "/results/", "/standards/", "/kpis/", "/cities/", "/organisations/"]
PAGES = [*LISTS, "/use-cases/?q=water&vertical=water", "/use-cases/?view=map", "/ar/use-cases/?region=europe"]
PAGES += ["/", "/map/?vertical=water", "/search/?q=water"]
CALLS = ["/api/v1/facets/use-cases/?q=water", "/api/v1/facets/results/", "/api/v1/use-cases/?q=water&region=europe"]


def queries(client, path: str, **headers: str) -> tuple[int, bytes]:
    with CaptureQueriesContext(connection) as captured:
        body = client.get(path, headers=headers).content
    return len(captured), body


@pytest.mark.usefixtures("reference_data")
class TestKept:
    @pytest.mark.parametrize("path", [*PAGES, *CALLS])
    def test_the_second_answer_is_the_first_and_asks_for_the_state_of_the_data_alone(self, client, path):
        first = client.get(path)
        asked, body = queries(client, path)
        assert first.status_code == 200
        assert body == first.content
        assert asked == 1

    @pytest.mark.parametrize("path", [*PAGES, *CALLS])
    def test_both_say_the_same_about_caching_and_language(self, client, path):
        first, second = client.get(path), client.get(path)
        assert second.headers.keys() == first.headers.keys()
        for name in ("Content-Type", "Content-Language", "Link", "ETag", "Cache-Control"):
            assert second.headers.get(name) == first.headers.get(name)
        assert {*second["Vary"].split(", ")} == {*first["Vary"].split(", ")}
        assert "Cookie" in second["Vary"]

    @pytest.mark.parametrize("path", LISTS)
    def test_what_is_kept_holds_nothing_of_its_first_reader(self, client, path):
        response = client.get(path, headers={"x-request-id": "first-reader-0001"})
        assert b"first-reader-0001" not in response.content
        assert b"csrfmiddlewaretoken" not in response.content
        assert not response.cookies

    @pytest.mark.parametrize("path", CALLS)
    def test_what_a_token_may_see_is_kept_for_nobody_else(self, client, path):
        """An editor's program sees drafts; whoever asks the same without its token does not, with any tag."""
        editor = recipes.visitor_of_staff()
        recipes.use_case(title="Water works in secret", status="draft", published_at=None)
        _token, secret = make_token(actor=editor, name="sync", scopes=[Scope.READ], days=1)
        before = client.get(path).content
        cache.clear()
        told = client.get(path, headers={"authorization": f"Bearer {secret}"})
        assert told.status_code == 200
        assert client.get(path).content == before
        again = client.get(path, headers={"if-none-match": told["ETag"]})
        assert again.content == before or (again.status_code == 304 and told.content == before)

    def test_part_and_page_are_kept_apart(self, client):
        page = client.get("/use-cases/").content
        part = client.get("/use-cases/", headers={"hx-request": "true"})
        assert b"<html" in page
        assert b"<html" not in part.content
        again = client.get("/use-cases/", headers={"hx-request": "true"})
        assert again.content == part.content
        assert again["HX-Push-Url"] == "/use-cases/"
        assert client.get("/use-cases/").content == page

    def test_languages_are_kept_apart(self, client):
        english, arabic = client.get("/use-cases/").content, client.get("/ar/use-cases/").content
        assert english != arabic
        assert client.get("/ar/use-cases/").content == arabic

    def test_editors_see_their_own_page_and_leave_none_behind(self, client):
        recipes.use_case(title="A draft of mine", status="draft")
        editor = Client()
        editor.force_login(recipes.visitor_of_staff())
        path = "/use-cases/?sort=title&page_size=100"
        anonymous = client.get(path).content
        assert b"A draft of mine" not in anonymous
        assert b"A draft of mine" in editor.get(path).content
        assert client.get(path).content == anonymous
        call = "/api/v1/facets/use-cases/"
        assert editor.get(call).json()["count"] == client.get(call).json()["count"] + 1
        assert editor.get(call).json()["count"] == client.get(call).json()["count"] + 1

    @pytest.mark.parametrize("path", ["/use-cases/?page=999", "/use-cases/?vertical=watr"])
    def test_refusals_are_not_kept(self, client, path):
        first = client.get(path)
        assert first.status_code in (400, 404)
        assert client.get(path).status_code == first.status_code
        assert queries(client, path)[0] > 1

    def test_without_the_cache_pages_are_made(self, client, monkeypatch):
        monkeypatch.setattr(outage, "paused_until", math.inf)
        assert queries(client, "/use-cases/")[1] == queries(client, "/use-cases/")[1]
        assert queries(client, "/use-cases/")[0] > 1

    @pytest.mark.parametrize("path", ["/use-cases/?sort=title&page_size=100", "/api/v1/use-cases/?q=Zeppelin"])
    def test_a_write_shows_at_once(self, client, path):
        assert b"Zeppelin" not in client.get(path).content.replace(b"q=Zeppelin", b"")
        recipes.use_case(title="Aa Zeppelin")
        assert b"Aa Zeppelin" in client.get(path).content


# --- readers and writers at once ------------------------------------------------------------------------------------
def in_thread(work) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def titles(client: Client) -> bytes:
    return client.get("/use-cases/?sort=title&page_size=100").content


@pytest.mark.django_db(transaction=True)
def test_a_slow_reader_leaves_no_old_page_for_those_after_a_write(monkeypatch):
    """It asks for the state, a write is committed, it reads and keeps its page: nobody after the write gets that."""
    recipes.use_case(title="Old title")
    upkeep.follow()
    state_is_known, written = threading.Event(), threading.Event()
    usual = UseCaseListView.records

    def slow(self, keys):
        found = usual(self, keys)
        if threading.current_thread() is reader:  # it has read before the write
            state_is_known.set()
            assert written.wait(20)
        return found

    monkeypatch.setattr(UseCaseListView, "records", slow)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: (read.append(titles(Client())), connections.close_all()))
    reader.start()
    assert state_is_known.wait(20)
    UseCase.objects.update(title="New title")
    assert b"New title" in titles(Client())
    written.set()
    reader.join(20)
    assert read
    for _ in range(2):
        assert b"New title" in titles(Client())
        assert b"Old title" not in titles(Client())


@pytest.mark.django_db(transaction=True)
def test_commits_out_of_order_are_each_seen_at_once():
    """The first transaction commits last: its change has the lower place in the log, and makes a new stamp all the
    same."""
    first = recipes.use_case(title="First, as it was")
    second = recipes.use_case(title="Second, as it was")
    upkeep.follow()
    is_written, may_commit = threading.Event(), threading.Event()

    def late() -> None:
        with transaction.atomic():
            UseCase.objects.filter(pk=first.pk).update(title="First, changed")
            is_written.set()
            assert may_commit.wait(20)

    thread = in_thread(late)
    assert is_written.wait(20)
    before = titles(Client())
    assert b"First, as it was" in before
    UseCase.objects.filter(pk=second.pk).update(title="Second, changed")
    between = titles(Client())
    assert b"Second, changed" in between
    assert b"First, as it was" in between
    assert titles(Client()) == between
    may_commit.set()
    thread.join(20)
    after = titles(Client())
    assert b"First, changed" in after
    assert b"Second, changed" in after
    upkeep.follow()
    settled = titles(Client())
    assert b"First, changed" in settled
    assert b"First, as it was" not in settled
