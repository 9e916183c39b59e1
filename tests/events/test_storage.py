"""How documents lie on disk: what is counted with the rows, what is passed on beside them."""

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection

from alliance.events import upkeep
from alliance.events.documents import kinds
from alliance.events.storage import keep_lists_in_rows
from tests.usecases import recipes
from usecases.models import Technology, UseCaseDocument

pytestmark = pytest.mark.django_db


def ask(sql: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def storage(table: str) -> dict[str, str]:
    return dict(ask("SELECT attname, attstorage FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", table))


@pytest.mark.parametrize("name", kinds)
def test_lists_lie_in_the_rows_and_texts_beside(name):
    model = kinds[name].document
    found = storage(model._meta.db_table)
    lists = [field.column for field in model._meta.concrete_fields if isinstance(field, ArrayField)]
    assert {found[column] for column in lists} <= {"m"}
    assert (found["body"], found["csv"]) == ("e", "e")


def lists_beside() -> int:
    sql = "SELECT count(pg_column_toast_chunk_id(technologies)) FROM usecases_usecasedocument"
    return ask(sql)[0][0]


def test_rows_of_before_are_brought_in(transactional_db):
    case = recipes.use_case()
    case.technologies.set([Technology.objects.create(slug=f"made-of-{n}", name=f"Made of {n}") for n in range(90)])
    ask("ALTER TABLE usecases_usecasedocument ALTER technologies SET STORAGE EXTERNAL; SELECT 1")
    upkeep.rebuild()
    listed = list(UseCaseDocument.objects.order_by("pk").values_list("technologies", flat=True))
    assert lists_beside() == 1

    keep_lists_in_rows(apps.get_app_config("events"))
    assert lists_beside() == 0
    assert storage("usecases_usecasedocument")["technologies"] == "m"
    assert list(UseCaseDocument.objects.order_by("pk").values_list("technologies", flat=True)) == listed
