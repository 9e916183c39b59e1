"""Whatever changes in whatever table is seen by the next reader, before the worker has looked."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import Error, connection, models, transaction
from django.db.models import F, GeneratedField, ProtectedError
from django.test.utils import CaptureQueriesContext

from alliance.events.dependencies import Dependency
from alliance.events.documents import Kind, kinds
from alliance.events.states import current_state
from tests.events.documents_cases import narrow_columns
from usecases.models import City, Lesson, StandardUse, Technology, UseCase, Vertical

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]

CASES = [
    pytest.param(kind, one, id=f"{kind.name}-{one.path or one.table}")
    for kind in kinds.values()
    for one in kind.dependencies
]
TABLES = sorted({one.table for kind in kinds.values() for one in kind.dependencies})

#: Rules of the database tie these to others; they are changed together in the tests of random changes.
TIED = {
    "published_at", "cost_amount", "cost_currency", "status", "baseline_value", "result_value", "unit", "ended_year",
    "supersedes", "superseded_by", "spread", "spread_unknown", "spread_kind", "baseline_on", "result_on",
    "numerator", "denominator", "scale", "valid_max",
}  # fmt: skip
#: All their rows are named by others.
HELD = {"members_organisation", "standards_body", "usecases_country", "usecases_region", "usecases_vertical"}


def read(kind: Kind) -> dict[int, tuple]:
    """All columns of all documents, as readers get them now."""
    state = current_state()
    rows = kind.rows(state).annotate(
        read_body=kind.bodies(state), read_csv=kind.bodies(state, "csv"), read_vector=F("search_vector")
    )
    return {row[0]: row for row in rows.values_list(*narrow_columns(kind), "read_body", "read_csv", "read_vector")}


def live(kind: Kind) -> dict[int, tuple]:
    """The same, computed from the records."""
    names = [*narrow_columns(kind), "body", "csv", "search_vector"]
    place = names.index("id")
    return {row[place]: row for row in kind.live(names)}


def assert_seen(*only: Kind) -> None:
    for kind in only or kinds.values():
        assert read(kind) == live(kind), kind.name


def row_of(kind: Kind, one: Dependency) -> models.Model:
    """A row of the table that shows in a document."""
    if not one.path:
        return one.model._base_manager.order_by("pk").first()
    shown = kind.model._base_manager.filter(**{f"{one.path}__isnull": False}).order_by("pk").values(one.path)
    if not shown.exists():  # such as what members reported, of which the reference data has nothing
        first = kind.model._base_manager.order_by("pk").first()
        kind.model._base_manager.filter(pk=first.pk).update(**{one.path: one.model._base_manager.first()})
    return one.model._base_manager.get(pk=shown[:1])


def other_values(field: models.Field, row: models.Model) -> Iterator[object]:
    """Values that the column could have instead."""
    value = getattr(row, field.attname)
    if field.is_relation:
        yield from field.related_model._base_manager.exclude(pk=value).values_list("pk", flat=True)[:30]
    elif isinstance(field, ArrayField):
        yield [] if value else ["mobility"]
    elif field.choices:
        yield from (code for code, _label in field.choices if code != value)
        if isinstance(value, str):
            yield "other"  # where each code is taken
    elif isinstance(field, models.CharField | models.TextField):
        for ending in ("x", "YZ", "q7"):
            yield f"{value[: (field.max_length or 1_000) - len(ending)]}{ending}"
    elif isinstance(field, models.BooleanField):
        yield not value
    elif isinstance(field, models.DateTimeField):
        yield value + timedelta(seconds=1) if value else None
    elif isinstance(field, models.DateField):
        yield (value or date(2020, 1, 1)) + timedelta(days=1)
    elif isinstance(field, models.JSONField):
        yield [{"question": "Is it so?", "answer": "Yes."}]
    elif isinstance(field, models.DecimalField):
        yield (value or Decimal(0)) + Decimal("0.5")
    else:
        yield (value or 2000) + 1
        yield 7


def changed(row: models.Model, field: models.Field) -> bool:
    """Give the column another value by a plain UPDATE. Returns: whether a rule of the database let it."""
    for value in other_values(field, row):
        try:
            with transaction.atomic():
                type(row)._base_manager.filter(pk=row.pk).update(**{field.attname: value})
        except Error:
            continue
        return True
    return False


@pytest.mark.parametrize(("kind", "one"), CASES)
def test_a_change_of_any_column_is_seen_at_once(kind, one):
    row = row_of(kind, one)
    before = read(kind)
    refused = set()
    for field in one.model._meta.concrete_fields:
        if field.primary_key or isinstance(field, GeneratedField):
            continue
        if not changed(row, field):
            refused.add(field.name)
            continue
        row.refresh_from_db()
        assert_seen(kind)
    assert refused <= TIED
    assert read(kind) != before, "the documents do not depend on this table"


@pytest.mark.parametrize("table", TABLES)
def test_an_emptied_table_is_seen_at_once(table):
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")
        assert_seen()
        transaction.set_rollback(True)
    assert_seen()


@pytest.mark.parametrize("table", sorted({*TABLES} - HELD))
def test_a_deleted_row_is_seen_at_once(table):
    model = next(one.model for kind in kinds.values() for one in kind.dependencies if one.table == table)
    for row in model._base_manager.order_by("-pk")[:400]:
        try:
            row.delete()
        except ProtectedError:
            continue
        break
    else:
        pytest.fail("every row is held by others")
    assert_seen()


def test_a_new_record_is_seen_at_once_and_a_deleted_one_is_gone():
    kind = kinds["cities"]
    country = City.objects.first().country
    city = City.objects.create(
        slug="new-town", name="New Town", country=country, latitude=1, longitude=2, source="https://example.org"
    )
    assert read(kind)[city.pk] == live(kind)[city.pk]
    key = city.pk
    city.delete()
    assert key not in read(kind)


def test_links_between_records_are_seen_at_once():
    case = UseCase.objects.filter(technologies__isnull=False).first()
    new = Technology.objects.create(slug="new-probe", name="New probe")
    for change in (
        lambda: case.technologies.add(new),
        lambda: case.technologies.set([new]),
        lambda: case.technologies.clear(),
        lambda: new.use_cases.add(case),
    ):
        change()
        assert_seen(kinds["use-cases"])
    rows = kinds["use-cases"].rows(current_state()).filter(pk=case.pk)
    assert "new-probe" in rows.values_list("technologies", flat=True).get()


def test_a_part_that_moves_to_another_record_changes_both():
    use = StandardUse.objects.first()
    other = UseCase.objects.exclude(standard_uses__standard=use.standard).first()
    lesson = Lesson.objects.first()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE usecases_standarduse SET use_case_id = %s WHERE id = %s", [other.pk, use.pk])
        cursor.execute(
            "UPDATE usecases_lesson SET use_case_id = %s, position = 99 WHERE id = %s", [other.pk, lesson.pk]
        )
    assert_seen()


def test_a_row_that_gets_another_key_is_seen():
    """A primary key that changes is one record gone and another one come."""
    with transaction.atomic():
        city = City.objects.filter(use_cases=None).first() or City.objects.first()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE usecases_city SET id = 987654321 WHERE id = %s", [city.pk])
        found = read(kinds["cities"])
        assert 987654321 in found
        assert city.pk not in found
        assert_seen(kinds["cities"])
        transaction.set_rollback(True)


def test_several_changes_of_one_record_are_seen_together():
    case = UseCase.objects.first()
    vertical = Vertical.objects.exclude(pk=case.vertical_id).first()
    UseCase.objects.filter(pk=case.pk).update(title="First")
    UseCase.objects.filter(pk=case.pk).update(vertical=vertical)
    UseCase.objects.filter(pk=case.pk).update(title="Last")
    rows = kinds["use-cases"].rows(current_state()).filter(pk=case.pk)
    assert rows.values_list("title", "vertical").get() == ("Last", vertical.code)
    assert_seen()


def test_a_change_that_is_rolled_back_was_never_there():
    kind = kinds["use-cases"]
    before = read(kind)
    with transaction.atomic():
        UseCase.objects.update(title="Never")
        assert read(kind) != before
        transaction.set_rollback(True)
    assert read(kind) == before


def test_reading_stale_documents_takes_the_same_few_queries_whatever_their_number():
    kind = kinds["use-cases"]

    def queries() -> int:
        state = current_state()
        with CaptureQueriesContext(connection) as captured:
            list(kind.rows(state).annotate(read_body=kind.bodies(state)).values_list("pk", "read_body")[:50])
        return len(captured)

    assert queries() == 1
    UseCase.objects.filter(pk=UseCase.objects.first().pk).update(title="Other")
    few = queries()
    UseCase.objects.update(title="Others")
    assert queries() == few <= 3
