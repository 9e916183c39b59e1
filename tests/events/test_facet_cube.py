"""Counts kept beside the documents: always those of the documents, and read instead of them."""

from itertools import combinations

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from alliance.api import filterset_of
from alliance.events import cube, upkeep
from alliance.events.documents import kinds
from alliance.events.making import make
from alliance.events.models import Cell
from alliance.events.reading import visible_documents
from alliance.events.states import current_state
from kpis.models import Result
from tests.alliance.api_cases import BY_NAME
from tests.usecases import recipes
from usecases.kinds import USE_CASES
from usecases.models import UseCase

pytestmark = pytest.mark.usefixtures("reference_data")

COUNTED = [kind for kind in kinds.values() if kind.cube]


def differing(kind=USE_CASES) -> int:
    return cube.differing(kind.cube, kind.document._meta.db_table)


def a_query(name: str, facets: tuple[str, ...]) -> str:
    """A choice of these facets that leaves rows."""
    filterset = filterset_of(BY_NAME[name])
    if not facets:
        return ""
    columns = [filterset.base_filters[facet].value for facet in facets]
    row = kinds[name].document.objects.public().order_by("pk").values_list(*columns)[5]
    return "&".join(f"{facet}={value}" for facet, value in zip(facets, row, strict=True))


def counted(name: str, query: str, *, as_kept: bool):
    filterset = filterset_of(BY_NAME[name])(QueryDict(query), visible_documents(kinds[name], None))
    if not as_kept:
        filterset.queryset = filterset.queryset.all()
    return filterset.count([*filterset.facet_filters], limits={}, for_page=True)


@pytest.mark.parametrize("kind", COUNTED, ids=lambda kind: kind.name)
def test_what_is_kept_is_what_a_scan_counts(kind):
    upkeep.follow()
    assert not kind.is_stale(current_state())
    facets = filterset_of(BY_NAME[kind.name]).base_filters
    dimensions = [name for name, one in facets.items() if getattr(one, "value", "") in kind.cube.dimensions]
    several = "vertical=water&vertical=energy&stage=pilot&stage=scaled"
    queries = [a_query(kind.name, chosen) for size in range(5) for chosen in combinations(dimensions[:5], size)]
    for query in [*queries, several] if kind is USE_CASES else queries:
        assert counted(kind.name, query, as_kept=True) == counted(kind.name, query, as_kept=False), query


@pytest.mark.parametrize(
    "query", ["", "vertical=water", "stage=pilot&region=europe", "covid=none&size=over-5m&stage=pilot"]
)
def test_no_document_is_read_for_few_choices_among_short_facets(query):
    upkeep.follow()
    filterset = filterset_of(BY_NAME["use-cases"])(QueryDict(query), visible_documents(USE_CASES, None))
    assert filterset.values.keys() == QueryDict(query).keys()  # names are looked up
    with CaptureQueriesContext(connection) as captured:
        filterset.count(["vertical", "region", "stage", "covid"], limits={}, for_page=True)
    (one,) = captured
    assert USE_CASES.document._meta.db_table not in one["sql"]


def test_an_unfiltered_page_reads_no_document_for_its_counts():
    upkeep.follow()
    filterset = filterset_of(BY_NAME["use-cases"])(QueryDict(), visible_documents(USE_CASES, None))
    with CaptureQueriesContext(connection) as captured:
        assert filterset.counts.total == USE_CASES.document.objects.public().count()
    assert USE_CASES.document._meta.db_table not in captured[0]["sql"]


@pytest.mark.parametrize("query", ["q=water", "year_min=2015", "technology=gis&stage=pilot"])
def test_other_filters_are_counted_by_a_scan(query):
    upkeep.follow()
    filterset = filterset_of(BY_NAME["use-cases"])(QueryDict(query), visible_documents(USE_CASES, None))
    assert filterset.count(["stage"], limits={}).total == filterset.filtered().count()


def test_counts_follow_every_change_of_a_document():
    assert differing() == 0
    case = UseCase.objects.filter(status="published").order_by("pk").first()
    case.stage = "ended" if case.stage != "ended" else "pilot"
    case.save()
    make(USE_CASES, [case.pk])
    assert differing() == 0
    new = recipes.use_case(title="New", vertical="water", technologies=["thing one", "thing two"])
    make(USE_CASES, [new.pk])
    assert differing() == 0
    UseCase.objects.filter(pk=new.pk).update(status="withdrawn")
    make(USE_CASES, [new.pk])
    assert differing() == 0
    pk = new.pk
    new.delete()
    make(USE_CASES, [pk])
    assert differing() == 0


def test_a_change_of_bodies_alone_touches_no_count():
    case = UseCase.objects.filter(status="published").first()
    UseCase.objects.filter(pk=case.pk).update(problem="Told in other words")
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(xmin::text::bigint) FROM events_cell")
        before = cursor.fetchone()
        make(USE_CASES, [case.pk])
        cursor.execute("SELECT max(xmin::text::bigint) FROM events_cell")
        assert cursor.fetchone() == before


def test_a_reader_never_sees_old_counts_after_a_change():
    upkeep.follow()
    before = counted("use-cases", "", as_kept=True)
    recipes.use_case(vertical="water")
    Result.objects.filter(use_case__slug="sfpark-san-francisco").update(state="draft")
    after = counted("use-cases", "", as_kept=True)
    assert after.total == before.total + 1
    assert after.by_value["vertical"]["water"] == before.by_value["vertical"]["water"] + 1
    assert after.by_value["has_results"]["yes"] == before.by_value["has_results"]["yes"] - 1


def test_an_editor_gets_the_counts_of_drafts_too(django_user_model):
    upkeep.follow()
    recipes.use_case(status="draft")
    editor = django_user_model(is_staff=True)
    rows = visible_documents(USE_CASES, editor)
    filterset = filterset_of(BY_NAME["use-cases"])(QueryDict(), rows)
    assert filterset.counts.total == rows.count() == UseCase.objects.count()


def test_a_wrong_count_is_found_said_and_repaired():
    upkeep.follow()
    Cell.objects.filter(kind="use-cases", extent=0, facet="").update(n=7)
    report = upkeep.examine()
    assert report.miscounted == {"use-cases": 1}
    assert not report.is_clean
    assert "1 of the counts kept for use-cases differed from the documents." in report.sentences()
    assert upkeep.rebuild().miscounted == {"use-cases": 1}
    assert upkeep.examine().is_clean
    assert differing() == 0
