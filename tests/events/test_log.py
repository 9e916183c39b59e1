"""The change log: every write to a public table is in it once per row, with who wrote and for which request."""

import os
import subprocess
import sys

import pytest
from celery.app.trace import build_tracer
from django.conf import settings
from django.db import connection, models, transaction
from django.test.utils import isolate_apps
from django.urls import reverse

from alliance.core import request_id
from alliance.core.models import Record
from alliance.core.tasks import portal_task
from alliance.events import log
from alliance.events.models import Change, Operation
from alliance.members.models import Organisation, User
from tests.events.documents_cases import settings_url
from tests.usecases import recipes
from usecases.models import Technology, UseCase

TECHNOLOGIES = Technology._meta.db_table
LINKS = UseCase.technologies.through._meta.db_table


def entries(table=TECHNOLOGIES, since=0):
    """Operation and row of each entry of a table after a position, in their order."""
    found = Change.objects.filter(table=table, position__gt=since).order_by("position")
    return list(found.values_list("operation", "record_id"))


def end_of_log():
    return Change.objects.aggregate(last=models.Max("position"))["last"] or 0


def technology(name="Sensor", **fields):
    return Technology.objects.create(slug=name.lower(), name=name, **fields)


# --- which tables ----------------------------------------------------------------------------------------------------
def test_every_public_table_has_all_its_triggers(db):
    tables = {model._meta.db_table for model in log.logged_models()}
    assert {TECHNOLOGIES, LINKS, "usecases_usecase", "kpis_result", "members_organisation"} <= tables
    assert log.missing() == []


@isolate_apps("usecases")
def test_a_new_model_without_triggers_is_found(db, monkeypatch):
    class Borough(Record):
        class Meta:
            app_label = "usecases"

    monkeypatch.setattr(log, "logged_models", lambda: [Borough])
    assert log.missing() == [
        f"usecases_borough: {operation}" for operation in ("insert", "update", "delete", "truncate")
    ]
    with connection.schema_editor() as editor:
        editor.create_model(Borough)
    log.install()
    assert log.missing() == []
    borough = Borough.objects.create()
    assert entries("usecases_borough") == [("I", borough.pk)]


def test_a_trigger_that_is_switched_off_is_found_and_mended(db):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TECHNOLOGIES} DISABLE TRIGGER events_log_update")
        cursor.execute(f"DROP TRIGGER events_log_insert ON {LINKS}")
    assert sorted(log.missing()) == [f"{TECHNOLOGIES}: update", f"{LINKS}: insert"]
    log.install()
    assert log.missing() == []
    row = technology()
    since = end_of_log()
    Technology.objects.filter(pk=row.pk).update(name="Probe")
    assert entries(since=since) == [("U", row.pk)]


# --- which writes ----------------------------------------------------------------------------------------------------
def test_an_insert_an_update_and_a_delete_are_one_entry_each(db):
    row = technology()
    key, version = row.pk, row.version
    row.name = "Probe"
    row.save()
    row.delete()
    inserted, updated, deleted = Change.objects.filter(table=TECHNOLOGIES, record_id=key).order_by("position")
    assert (inserted.operation, inserted.before) == (Operation.INSERT, None)
    assert updated.operation == Operation.UPDATE
    assert (updated.before["name"], updated.before["version"]) == ("Sensor", version)
    assert deleted.operation == Operation.DELETE
    assert (deleted.before["name"], deleted.before["version"]) == ("Probe", version + 1)


def test_bulk_writes_are_one_entry_a_row(db):
    since = end_of_log()
    rows = Technology.objects.bulk_create([Technology(slug=f"t-{n}", name=f"T {n}") for n in range(3)])
    keys = [row.pk for row in rows]
    Technology.objects.filter(pk__in=keys).update(name=models.functions.Concat("name", models.Value("!")))
    for row in rows:
        row.name = f"{row.slug}?"
    Technology.objects.bulk_update(rows, ["name"])
    Technology.objects.filter(pk__in=keys).delete()
    found = entries(since=since)
    assert sorted(found) == sorted((operation, key) for key in keys for operation in "IUUD")


def test_raw_sql_and_links_between_records_are_in_the_log(db):
    case = recipes.use_case()
    since = end_of_log()
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TECHNOLOGIES} (slug, name, version, created_at, updated_at) "
            f"VALUES ('raw', 'Raw', 1, now(), now()) RETURNING id"
        )
        (key,) = cursor.fetchone()
    case.technologies.add(key)
    case.technologies.clear()
    assert entries(since=since) == [("I", key)]
    assert [operation for operation, _row in entries(LINKS, since)] == ["I", "D"]


def test_an_update_that_changes_nothing_leaves_no_entry(db):
    row = technology()
    since = end_of_log()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {TECHNOLOGIES} SET name = name")
    assert entries(since=since) == []
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {TECHNOLOGIES} SET name = 'Probe' WHERE id IN (%s, -1)", [row.pk])
    assert entries(since=since) == [("U", row.pk)]


def test_a_changed_primary_key_is_a_row_gone_and_another_one_come(db):
    row = technology()
    since = end_of_log()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {TECHNOLOGIES} SET id = %s WHERE id = %s", [row.pk + 1_000_000, row.pk])
    assert sorted(entries(since=since)) == [("D", row.pk), ("I", row.pk + 1_000_000)]
    gone = Change.objects.get(table=TECHNOLOGIES, operation="D", position__gt=since)
    assert gone.before["name"] == "Sensor"


def test_an_emptied_table_is_one_entry(transactional_db):
    technology()
    since = end_of_log()
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TECHNOLOGIES} CASCADE")
    assert entries(since=since) == [("T", None)]
    assert entries(LINKS, since) == [("T", None)]


def test_what_is_rolled_back_leaves_nothing(transactional_db):
    since = end_of_log()
    with transaction.atomic():
        technology()
        assert len(entries(since=since)) == 1
        transaction.set_rollback(True)
    technology("Kept")
    kept = Technology.objects.get()
    assert entries(since=since) == [("I", kept.pk)]


# --- who, and for which request --------------------------------------------------------------------------------------
@pytest.fixture
def office(client, transactional_db):
    """A client that is signed in as a superuser."""
    client.chair = User.objects.create_superuser("chair@example.org", name="The Chair")
    client.force_login(client.chair, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def origin(table=TECHNOLOGIES):
    """Actor and request of the newest entry of a table."""
    return Change.objects.filter(table=table).order_by("position").values_list("actor", "request").last()


def test_a_web_request_is_written_by_who_is_signed_in(office):
    url = reverse("admin:members_organisation_add")
    data = {"name": "Testville", "slug": "testville", "kind": "", "url": ""}
    answer = office.post(url, data, headers={"X-Request-ID": "told-by-the-client"})
    assert answer.status_code == 302
    row = Organisation.objects.get()
    assert entries("members_organisation") == [("I", row.pk)]
    assert origin("members_organisation") == (f"user {office.chair.pk}", "told-by-the-client")


def test_the_next_request_does_not_inherit_the_actor(office, client):
    url = reverse("admin:members_organisation_add")
    office.post(url, {"name": "Testville", "slug": "testville", "kind": "", "url": ""})
    technology()  # by nobody in particular, over the same connection
    actor, request = origin()
    assert actor == f"sql {connection.settings_dict['USER']}"
    assert request == ""


def test_a_command_names_itself(transactional_db):
    environment = {
        **os.environ,
        "DATABASE_URL": settings_url(),
        "PYTHONPATH": str(settings.BASE_DIR),
    }
    command = [sys.executable, "manage.py", "load_reference_data", "--verbosity", "0"]
    subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True, timeout=120)
    actor, request = origin()
    assert actor == "command load_reference_data"
    assert len(request) == 32


def test_work_for_somebody_bears_the_name(transactional_db):
    with request_id.working_for("request-of-a-test", actor="task tests.measure"):
        technology("First")
    assert origin() == ("task tests.measure", "request-of-a-test")
    technology("Second")
    assert origin()[0].startswith("sql ")


def test_a_task_bears_its_name_or_that_of_who_asked_for_it(transactional_db, request):
    @portal_task(name="tests.add_technology")
    def add_technology(name):
        technology(name)

    def run(task, *arguments, **headers):
        """As a worker runs a task whose message has these headers."""
        tracer = build_tracer(task.name, task, app=task.app)
        tracer("0" * 32, arguments, {}, {"id": "0" * 32, "is_eager": False, "called_directly": False, **headers})

    request.addfinalizer(lambda: add_technology.app.tasks.unregister(add_technology.name))
    run(add_technology, "Alone")
    assert origin() == ("task tests.add_technology", "0" * 32)
    run(add_technology, "Asked", portal_request_id="request-of-a-test", portal_actor="user 7")
    assert origin() == ("user 7", "request-of-a-test")
