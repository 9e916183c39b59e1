"""A change that many documents show is seen at once at every door, while the worker has yet to make them anew."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alliance.events import upkeep
from alliance.events.documents import kinds
from alliance.events.models import StaleDocument
from standards.models import Standard
from tests.alliance.api_cases import body_of
from tests.events.documents_cases import assert_right, assert_stored, followed, settle
from tests.standards import recipes as standard_recipes
from tests.usecases import recipes
from usecases.models import Region, StandardUse, Vertical

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "OLDNAME 1000", "NEWNAME 2000"
CASES = 24
DOORS = {
    "API list": "/api/v1/use-cases/?page_size=100&standard=shared",
    "API record": "/api/v1/use-cases/{slug}/",
    "NDJSON": "/api/v1/use-cases.ndjson?standard=shared",
    "CSV": "/api/v1/use-cases.csv?standard=shared",
    "page, with the standard as a facet": "/use-cases/?standard=shared",
    "search of standards": "/api/v1/standards/?q={name}",
    "page of the standard": "/standards/shared/",
    "page of a use case": "/use-cases/{slug}/",
}


@pytest.fixture
def standard(transactional_db, monkeypatch) -> Standard:
    """A standard that many use cases name; the worker makes few documents at a time."""
    standard = standard_recipes.standard(slug="shared", designation=OLD)
    for number in range(CASES):
        case = recipes.use_case(slug=f"shared-{number}")
        StandardUse.objects.create(use_case=case, standard=standard, edition=standard.editions.first())
    followed()
    monkeypatch.setattr(upkeep, "DOCUMENTS_AT_ONCE", 10)
    return standard


def read(client, door: str, name: str) -> str:
    response = client.get(DOORS[door].format(slug="shared-0", name=name.split()[0].lower()))
    assert response.status_code == 200, door
    return body_of(response).decode()


def assert_every_door_says(client, name: str, never: str) -> None:
    for door in DOORS:
        text = read(client, door, name)
        assert name in text, door
        # The full designation of an edition keeps its own name.
        assert never not in text.replace(f"{OLD}:2020", ""), door
    listed = json.loads(read(client, "API list", name))["results"]
    assert [one["standards"][0]["designation"] for one in listed] == [name] * CASES
    assert read(client, "CSV", name).count(name) == CASES


def test_a_renamed_standard_is_seen_at_every_door_at_every_moment(client, standard, monkeypatch):
    assert_every_door_says(client, OLD, NEW)
    Standard.objects.filter(pk=standard.pk).update(designation=NEW)
    assert_every_door_says(client, NEW, OLD)

    # The worker dies in its second batch of use cases.
    settle()
    make, batches = upkeep.make, []

    def dying(kind, ids):
        batches.append((kind.name, len(ids)))
        if batches.count(("use-cases", 10)) == 2:
            raise SystemExit("killed")
        make(kind, ids)

    monkeypatch.setattr(upkeep, "make", dying)
    with pytest.raises(SystemExit):
        upkeep.follow()
    monkeypatch.setattr(upkeep, "make", make)
    assert StaleDocument.objects.filter(kind="use-cases").count() == CASES - 10
    assert_every_door_says(client, NEW, OLD)

    # In the middle of that another name comes and goes.
    Standard.objects.filter(pk=standard.pk).update(designation="MIDNAME 1500")
    assert_every_door_says(client, "MIDNAME 1500", NEW)
    Standard.objects.filter(pk=standard.pk).update(designation=NEW)
    assert_every_door_says(client, NEW, "MIDNAME")

    followed()
    assert_every_door_says(client, NEW, OLD)
    assert_stored()
    assert_right()


def test_the_writer_waits_for_no_document(standard):
    """Renaming costs one statement and marks nothing itself: the log does."""
    with CaptureQueriesContext(connection) as queries:
        Standard.objects.filter(pk=standard.pk).update(designation=NEW)
    assert len(queries) == 1
    assert not StaleDocument.objects.exists()


def test_a_moved_region_changes_what_filters_find_at_once(client, standard):
    """A change far away from the record: city, country, region."""
    slug = Region.objects.get(countries__cities__use_cases__slug="shared-0").slug
    Region.objects.filter(slug=slug).update(slug="renamed-region")
    found = client.get("/api/v1/use-cases/?page_size=100&region=renamed-region").json()["results"]
    assert len(found) == CASES
    assert {one["city"]["region"]["slug"] for one in found} == {"renamed-region"}
    assert client.get("/api/v1/cities/?region=renamed-region&count=true").json()["count"] == CASES
    followed()
    assert len(client.get("/api/v1/use-cases/?page_size=100&region=renamed-region").json()["results"]) == CASES


def test_a_renamed_field_keeps_counts_and_filters_together(client, standard):
    Vertical.objects.filter(code="mobility").update(code="water")
    assert client.get("/api/v1/use-cases/?vertical=water&count=true").json()["count"] == CASES
    assert client.get("/api/v1/use-cases/?vertical=mobility&count=true").json()["count"] == 0


@pytest.mark.parametrize("door", ["API list", "NDJSON", "CSV", "page, with the standard as a facet"])
def test_a_door_asks_as_many_questions_for_stale_documents_whatever_their_number(client, standard, door):
    def queries() -> int:
        """Of the cheapest of three visits: what is asked once a state or a session is not counted."""
        counts = []
        for _ in range(3):
            with CaptureQueriesContext(connection) as captured:
                read(client, door, OLD)
            counts.append(len(captured))
        return min(counts)

    kind = kinds["use-cases"]
    kind.model.objects.filter(slug="shared-3").update(problem="Other")
    few = queries()
    kind.model.objects.update(problem="Another")
    assert queries() == few
