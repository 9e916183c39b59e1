"""Pages by position: complete, without repeats, both ways, at every size, while rows come and go."""

from base64 import urlsafe_b64decode

import pytest
from django.db import connection
from django.db.models import F
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from alliance.core.errors import BadParameters
from alliance.core.pagination import (
    Keyset,
    KeysetPagination,
    PageRequest,
    Position,
    chunks,
    fingerprint,
    full_order,
    read_cursor,
    read_page_parameters,
    write_cursor,
)
from alliance.events import exporting
from alliance.events.documents import Kind
from alliance.events.reading import visible_documents
from kpis.filters import KpiFilter, ResultFilter
from kpis.kinds import KPIS, RESULTS
from kpis.use_case_filters import MeasuredUseCaseFilter
from standards.kinds import STANDARDS
from standards.models import Body
from usecases.filters import CityFilter, TechnologyFilter
from usecases.kinds import CITIES, USE_CASES
from usecases.models import Technology, UseCaseDocument
from usecases.standard_filters import UsedStandardFilter

LISTS = {
    "use cases": (MeasuredUseCaseFilter, lambda: documents(USE_CASES)),
    "results": (ResultFilter, lambda: documents(RESULTS)),
    "standards": (UsedStandardFilter, lambda: documents(STANDARDS)),
    "cities": (CityFilter, lambda: documents(CITIES)),
    "indicators": (KpiFilter, lambda: documents(KPIS)),
    "technologies": (TechnologyFilter, Technology.objects.all),
}
ORDERS = [(name, sort) for name, (filterset, _) in LISTS.items() for sort in filterset.sorts]
pytestmark = pytest.mark.django_db


def documents(kind: Kind):
    """What everybody may see, without the texts."""
    return visible_documents(kind, None).defer("body", "csv", "search_vector")


def ordered(name: str, sort: str):
    filterset_class, rows = LISTS[name]
    data = QueryDict(mutable=True)
    data["sort"] = sort
    if filterset_class.sorts[sort].needs_search:
        data["q"] = "water or energy or city or air or bogota or china or india"
    filters = filterset_class(data, rows())
    assert filters.sort_name == sort
    return filters.qs, filters.sort.keys


@pytest.mark.parametrize(("name", "sort"), ORDERS)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(2, 120))
def test_walking_the_pages_gives_the_whole_list_both_ways(reference_data, name, sort, size):
    rows, keys = ordered(name, sort)
    whole = [row.pk for row in rows]
    assert len(whole) > 5
    keyset = Keyset(rows, keys)

    def walk(backwards: bool) -> list[int]:
        found, start = [], Position(True, None) if backwards else None
        while piece := list(keyset.window(start, size)):
            found += [row.pk for row in piece]
            start = Position(backwards, keyset.position(piece[-1]))
        return found

    assert walk(backwards=False) == whole
    assert walk(backwards=True) == whole[::-1]


@pytest.mark.parametrize(("name", "sort"), ORDERS)
def test_an_export_reads_every_row_once_in_order(reference_data, name, sort, monkeypatch):
    monkeypatch.setattr(exporting, "FIRST", 3)
    monkeypatch.setattr(exporting, "SIZE", 17)
    rows, keys = ordered(name, sort)
    if name == "technologies":
        pieces = [[row.slug for row in piece] for piece in chunks(rows, keys, first=3, size=17)]
    else:
        pieces = [[text.decode() for text in piece] for piece in exporting.pieces(rows, keys, F("slug"))]
    assert [slug for piece in pieces for slug in piece] == [row.slug for row in rows]
    assert [len(piece) for piece in pieces[:-1]] == [3] + [17] * (len(pieces) - 2)


def page(rows, keys, cursor=None, size=5, bound_to="here"):
    pages = KeysetPagination()
    found = pages.paginate(
        rows, keys, PageRequest(size, cursor, False), Request(APIRequestFactory().get("/list/")), bound_to=bound_to
    )
    return found, pages


def cursor_in(link: str | None) -> str | None:
    return QueryDict(link.partition("?")[2]).get("cursor") if link else None


def bodies(*names: str) -> None:
    for name in names:
        Body.objects.create(name=name, slug=name.lower())


@pytest.fixture
def few_bodies(db):
    """Room for bodies of the test's own among the real ones."""
    return Body.objects.filter(name__startswith="T-")


def test_rows_that_come_and_go_neither_repeat_nor_hide_others(few_bodies):
    bodies(*(f"T-{letter}" for letter in "BDFHJLNP"))
    rows = few_bodies.order_by("name", "pk")
    first, pages = page(rows, ("name",), size=3)
    assert [body.name for body in first] == ["T-B", "T-D", "T-F"]

    bodies("T-A", "T-E", "T-G")  # before, within and after the page that was read
    Body.objects.filter(name="T-F").delete()  # the very row that the cursor names
    second, pages = page(rows, ("name",), cursor_in(pages.next_link()), size=3)
    assert [body.name for body in second] == ["T-G", "T-H", "T-J"]

    back, pages = page(rows, ("name",), cursor_in(pages.previous_link()), size=3)
    assert [body.name for body in back] == ["T-B", "T-D", "T-E"]
    assert pages.previous_link() is not None  # T-A came later and is reachable


def test_a_page_whose_rows_are_gone_leads_back(few_bodies):
    bodies(*(f"T-{letter}" for letter in "ABCDEF"))
    rows = few_bodies.order_by("name", "pk")
    _, pages = page(rows, ("name",), size=3)
    cursor = cursor_in(pages.next_link())
    few_bodies.filter(name__gt="T-C").delete()
    empty, pages = page(rows, ("name",), cursor, size=3)
    assert empty == []
    assert pages.next_link() is None
    last, pages = page(rows, ("name",), cursor_in(pages.previous_link()), size=2)
    assert [body.name for body in last] == ["T-B", "T-C"]
    assert pages.next_link() is None
    assert pages.previous_link() is not None


def test_when_everything_before_is_gone_the_first_page_follows(few_bodies):
    bodies(*(f"T-{letter}" for letter in "ABCDEF"))
    rows = few_bodies.order_by("name", "pk")
    _, pages = page(rows, ("name",), size=3)
    _, pages = page(rows, ("name",), cursor_in(pages.next_link()), size=3)
    cursor = cursor_in(pages.previous_link())
    few_bodies.filter(name__lt="T-D").delete()
    empty, pages = page(rows, ("name",), cursor, size=3)
    assert empty == []
    assert pages.previous_link() is None
    assert pages.next_link() == "http://testserver/list/"


def test_a_list_without_rows_ends_at_once(few_bodies):
    found, pages = page(few_bodies.order_by("name", "pk"), ("name",))
    assert (found, pages.next_link(), pages.previous_link()) == ([], None, None)


def test_one_direction_is_one_row_comparison_that_an_index_serves(reference_data):
    rows, keys = ordered("use cases", "title")
    keyset = Keyset(rows, keys)
    start = Position(False, keyset.position(rows[10]))
    sql = str(keyset.window(start, 5).query)
    assert '("usecases_usecasedocument"."title", "usecases_usecasedocument"."id") > (' in sql
    assert "OFFSET" not in sql
    assert "<" in str(keyset.window(Position(True, start.values), 5).query)


def test_mixed_directions_start_with_a_bound_that_an_index_serves(reference_data):
    keys = ("-start", "title")  # no order of the portal is mixed; one may come
    keyset = Keyset(UseCaseDocument.objects.public(), keys)
    rows = list(keyset.window(None, 20))
    with CaptureQueriesContext(connection) as queries:
        found = list(keyset.window(Position(False, keyset.position(rows[3])), 5))
    assert found == rows[4:9]
    assert any('"usecases_usecasedocument"."start" <= ' in query["sql"] for query in queries)
    assert not any("OFFSET" in query["sql"] for query in queries)


@pytest.mark.parametrize(("name", "sort"), ORDERS)
def test_every_order_runs_in_one_direction(reference_data, name, sort):
    _rows, keys = ordered(name, sort)
    assert len({key.startswith("-") for key in full_order(keys)}) == 1


def test_an_index_does_serve_the_row_comparison(reference_data):
    rows, keys = ordered("use cases", "title")
    keyset = Keyset(UseCaseDocument.objects.public().order_by(*keys, "pk"), keys)
    window = keyset.window(Position(False, keyset.position(rows[10])), 5)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    plan = window.explain()
    assert "usecase_doc_title" in plan
    assert "Index Cond: (ROW(" in plan


# --- cursors ---------------------------------------------------------------------------------------------------------
def test_a_cursor_carries_every_type_of_sort_key(reference_data):
    for name, sort in ORDERS:
        rows, keys = ordered(name, sort)
        keyset = Keyset(rows, keys)
        position = keyset.position(list(keyset.window(None, 4))[3])
        bound_to, backwards, values = read_cursor(write_cursor("x", Position(True, position)))
        assert (bound_to, backwards, keyset.read(values)) == ("x", True, position)


def forged(cursor: str) -> list[str]:
    body, _, signature = cursor.rpartition(".")
    return [
        "",
        "x",
        "....",
        "\ud800",
        body,
        f".{signature}",
        f"{body}.",
        f"{body}A.{signature}",
        f"{body}.{signature[:-1]}",
        cursor.swapcase(),
        cursor * 100,
        "é" * 40,
    ]


def test_a_forged_cursor_is_refused(db):
    good = write_cursor("list", Position(False, ("a", 1)))
    read_cursor(good)
    for cursor in forged(good):
        with pytest.raises(ValueError):
            read_cursor(cursor)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_as_a_cursor_is_refused_and_never_breaks(text):
    with pytest.raises(ValueError):
        read_cursor(text)


def test_a_cursor_of_another_list_is_refused_by_name(few_bodies):
    bodies("T-A", "T-B")
    cursor = write_cursor("elsewhere", Position(False, ("T-A", 1)))
    with pytest.raises(BadParameters) as refused:
        page(few_bodies.order_by("name", "pk"), ("name",), cursor)
    assert [(error.parameter, error.code) for error in refused.value.errors] == [("cursor", "foreign")]


@pytest.mark.parametrize("values", [(), ("a",), ("a", "b"), ("a", None), ("a", 1, 2), ("a", {"x": 1})])
def test_a_signed_cursor_with_other_sort_keys_is_refused(few_bodies, values):
    bodies("T-A")
    cursor = write_cursor("here", Position(False, values))
    with pytest.raises(BadParameters):
        page(few_bodies.order_by("name", "pk"), ("name",), cursor)


def test_a_cursor_is_opaque_but_not_secret():
    text = write_cursor("list", Position(False, ("a", 1))).partition(".")[0]
    assert urlsafe_b64decode(text + "=" * (-len(text) % 4)) == b'["list","a",["a",1]]'


def test_the_fingerprint_knows_filters_and_order_but_not_their_spelling():
    one = fingerprint("use-cases", "title", {"vertical": ["water", "energy"], "q": "", "size": []})
    assert one == fingerprint("use-cases", "title", {"vertical": ["energy", "water"], "sort": "title"})
    assert one != fingerprint("use-cases", "newest", {"vertical": ["water", "energy"]})
    assert one != fingerprint("use-cases", "title", {"vertical": ["water"]})
    assert one != fingerprint("results", "title", {"vertical": ["water", "energy"]})
    assert one != fingerprint("use-cases", "title", {"region": ["water", "energy"]})


# --- parameters ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("text", "size"), [("", 50), ("1", 1), ("200", 200), ("007", 7)])
def test_page_sizes_that_are_served(text, size):
    errors = []
    assert read_page_parameters(QueryDict(f"page_size={text}"), errors).size == size
    assert errors == []


@pytest.mark.parametrize("text", ["0", "-1", "201", "1000000000", "abc", "1.5", "1e2", "5 ", "+5", "٥", "²"])
def test_page_sizes_that_are_refused(text):
    errors = []
    query = QueryDict(mutable=True)
    query["page_size"] = text
    read_page_parameters(query, errors)
    assert [(error.parameter, error.code) for error in errors] == [("page_size", "out_of_range")]
    assert "from 1 to 200" in errors[0].detail


def test_every_fault_of_a_page_is_named_at_once():
    errors = []
    read_page_parameters(QueryDict("page_size=0&count=maybe&cursor=x"), errors)
    assert {error.parameter for error in errors} == {"page_size", "count", "cursor"}
