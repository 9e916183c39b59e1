"""Going back: the record and its parts become what they were, as a whole, by today's rules, or nothing happens."""

import threading
from decimal import Decimal

import pytest
from django.db import OperationalError, connection, models, transaction
from django.db.models import F, Model
from django.urls import reverse

from alliance.events.history import Subject, record_models
from alliance.events.models import Change
from alliance.events.restoring import ChangedMeanwhileError, NotRestorableError, restore
from alliance.members.models import Organisation, User
from kpis.models import Result
from standards.models import Body, Edition, Standard
from tests.kpis import recipes as kpi_recipes
from tests.standards import recipes as standard_recipes
from tests.usecases import recipes
from usecases.models import City, Lesson, Participation, StandardUse, Technology, UseCase


@pytest.fixture
def desk(client, transactional_db):
    """A client that is signed in as an editor."""
    client.editor = User.objects.create_user("edith@example.org", name="Edith", is_staff=True)
    client.force_login(client.editor, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def now() -> int:
    """The end of the log: names the state that everything is in now."""
    return Change.objects.latest("position").position


def rows(*records: Model) -> list[tuple]:
    """All that is stored about the records, without versions and dates of change."""
    found = []
    for record in records:
        table = record._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT to_jsonb(t) - 'version' - 'updated_at' FROM {table} t WHERE id = %s", [record.pk])
            found.append(cursor.fetchone())
    return found


def go_back(row: Model, position: int) -> None:
    subject = Subject(type(row), row.pk)
    restore(subject, position, seen=subject.stamp())


def hindrances(row: Model, position: int) -> list[tuple[str, str, str]]:
    """Why it cannot be; and nothing may have been written."""
    last = now()
    with pytest.raises(NotRestorableError) as caught:
        go_back(row, position)
    assert now() == last
    return [(one.row, one.field, one.reason) for one in caught.value.hindrances]


def address(row: Model, position: int) -> str:
    return reverse("events:restore", args=[row._meta.model_name, row.pk, position])


# --- what comes back -------------------------------------------------------------------------------------------------
def test_the_record_and_its_parts_are_what_they_were(transactional_db):
    case = recipes.use_case(technologies=["Sensor", "Camera"], organisations=["Ada", "Bob"], lessons=["One", "Two"])
    result = kpi_recipes.result(use_case=case, baseline_value="12.345678", result_value="3", unit="minute")
    use = StandardUse.objects.create(use_case=case, standard=standard_recipes.standard())
    lessons, parts = list(case.lessons.all()), list(case.participations.all())
    everything = [case, result, use, *lessons, *parts]
    before, then, links = rows(*everything), now(), set(case.technologies.values_list("name", flat=True))

    UseCase.objects.filter(pk=case.pk).update(title="Other", stage="ended", started_year=2001, ended_year=2002)
    Lesson.objects.filter(pk=lessons[0].pk).delete()
    Lesson.objects.create(use_case=case, position=7, advice="Three")
    Result.objects.filter(pk=result.pk).delete()
    StandardUse.objects.filter(pk=use.pk).update(state="planned", source="elsewhere")
    case.technologies.set([Technology.objects.create(slug="probe", name="Probe")])
    Participation.objects.filter(pk=parts[1].pk).delete()

    go_back(case, then)
    assert rows(*everything) == before
    assert case.lessons.count() == 2
    assert set(case.technologies.values_list("name", flat=True)) == links
    assert Result.objects.get(pk=result.pk).baseline_value == Decimal("12.345678")


@pytest.mark.parametrize("name", sorted(name for name, model in record_models().items() if model.is_restorable))
def test_every_kind_of_record_comes_back_after_it_was_deleted(reference_data, transactional_db, name):
    model = record_models()[name]
    row = model._base_manager.order_by("-pk").first()
    set_free(row)
    before, then = rows(row), now()
    model._base_manager.filter(pk=row.pk).delete()
    assert rows(row) == [None]
    go_back(row, then)
    assert rows(row) == before


def set_free(row: Model) -> None:
    """Delete what forbids that the row is deleted."""
    for relation in row._meta.related_objects:
        if getattr(relation, "on_delete", None) is models.PROTECT:
            for user in relation.related_model._base_manager.filter(**{relation.field.name: row.pk}):
                set_free(user)
                user.delete()


def test_a_deleted_record_comes_back_with_its_key_its_parts_and_a_higher_version(transactional_db):
    case = recipes.use_case(lessons=["One"], technologies=["Sensor"])
    lesson, link = case.lessons.get(), UseCase.technologies.through.objects.get(usecase=case)
    for n in range(3):
        UseCase.objects.filter(pk=case.pk).update(title=f"Title {n}")
    before, then = rows(case, lesson, link), now()
    UseCase.objects.filter(pk=case.pk).update(title="Last")
    highest = UseCase.objects.get(pk=case.pk).version
    UseCase.objects.filter(pk=case.pk).delete()
    go_back(case, then)
    assert rows(case, lesson) == before[:2]
    assert UseCase.technologies.through.objects.get(usecase=case).pk == link.pk
    assert UseCase.objects.get(pk=case.pk).version == highest + 1


def test_the_version_goes_on_even_if_the_parts_alone_change(transactional_db):
    case = recipes.use_case(lessons=["One"])
    then, version = now(), case.version
    Lesson.objects.filter(use_case=case).update(advice="Two")
    lesson_version = case.lessons.get().version
    go_back(case, then)
    assert UseCase.objects.get(pk=case.pk).version == version + 1
    assert (case.lessons.get().advice, case.lessons.get().version) == ("One", lesson_version + 1)


def test_rows_that_took_each_others_places_change_back(transactional_db):
    case = recipes.use_case(lessons=["First", "Second", "Third"])
    lessons = list(case.lessons.all())
    before, then = rows(*lessons), now()
    with transaction.atomic():
        Lesson.objects.filter(use_case=case).update(position=F("position") + 10)
        for lesson, position in zip(lessons, (2, 0, 1), strict=True):
            Lesson.objects.filter(pk=lesson.pk).update(position=position)
    versions = {lesson.pk: lesson.version for lesson in case.lessons.all()}
    go_back(case, then)
    assert rows(*lessons) == before
    assert all(lesson.version > versions[lesson.pk] for lesson in case.lessons.all())


def test_a_part_that_moved_to_another_record_comes_back(transactional_db):
    case, other = recipes.use_case(lessons=["One"]), recipes.use_case(lessons=["Mine"])
    then = now()
    Lesson.objects.filter(use_case=case).update(use_case=other, position=5)
    go_back(case, then)
    assert [one.advice for one in case.lessons.all()] == ["One"]
    assert [one.advice for one in other.lessons.all()] == ["Mine"]


def test_editions_come_back_with_what_they_supersede(transactional_db):
    standard = standard_recipes.standard(editions=((2010, "superseded"), (2020, "published")))
    new, old = standard.editions.all()
    Edition.objects.filter(pk=new.pk).update(supersedes=old)
    before, then = rows(new, old), now()
    Edition.objects.filter(standard=standard).delete()
    go_back(standard, then)
    assert rows(new, old) == before


def test_going_back_can_be_undone(transactional_db):
    case = recipes.use_case(lessons=["One"])
    then = now()
    case.lessons.get().delete()
    UseCase.objects.filter(pk=case.pk).update(title="Other")
    before, later = rows(case), now()
    go_back(case, then)
    go_back(case, later)
    assert rows(case) == before
    assert not case.lessons.exists()


# --- what stands against it ------------------------------------------------------------------------------------------
def test_a_target_that_is_gone_is_named(transactional_db):
    old, new = recipes.city(name="Oldtown"), recipes.city(name="Newtown")
    case = recipes.use_case(city=old)
    then = now()
    UseCase.objects.filter(pk=case.pk).update(city=new)
    old.delete()
    assert hindrances(case, then) == [
        (f"Use case: {case.title}", "City", "Oldtown (deleted) is no longer there. Restore it first.")
    ]


def test_a_value_that_another_record_took_is_named(transactional_db):
    row = Technology.objects.create(slug="sensor", name="Sensor")
    then = now()
    Technology.objects.filter(pk=row.pk).update(slug="probe", name="Probe")
    Technology.objects.create(slug="sensor", name="Sensor")
    found = hindrances(row, then)
    assert [(one[0], one[1]) for one in found] == [("Technology: Sensor", "Slug"), ("Technology: Sensor", "Name")]
    assert all("already exists" in one[2] for one in found)


def test_a_state_that_breaks_a_rule_of_today_is_refused(transactional_db):
    case = recipes.use_case()
    with connection.cursor() as cursor:
        # As if an older release had allowed it.
        cursor.execute("ALTER TABLE usecases_usecase DROP CONSTRAINT usecases_usecase_years_in_order")
    try:
        UseCase.objects.filter(pk=case.pk).update(started_year=2010, ended_year=2000)
        then = now()
        UseCase.objects.filter(pk=case.pk).update(ended_year=2011)
        found = hindrances(case, then)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE usecases_usecase SET ended_year = NULL")
        with connection.schema_editor() as editor:
            rule = next(one for one in UseCase._meta.constraints if one.name == "usecases_usecase_years_in_order")
            editor.add_constraint(UseCase, rule)
    assert found == [(f"Use case: {case.title}", "", "A use case cannot end before it starts.")]


def test_a_part_that_came_later_and_is_in_use_stays(transactional_db):
    standard = standard_recipes.standard(editions=())
    then = now()
    edition = Edition.objects.create(standard=standard, designation="T:1", title="T", year=2020, status="published")
    use = StandardUse.objects.create(use_case=recipes.use_case(), standard=standard, edition=edition)
    assert hindrances(standard, then) == [("Edition: T:1", "", f"It came later, and is in use by now: {use}.")]


def test_one_hindrance_keeps_everything_as_it_is(transactional_db):
    case = recipes.use_case(lessons=["One"], organisations=["Ada"])
    then = now()
    case.participations.all().delete()
    Organisation.objects.get(slug="ada").delete()
    UseCase.objects.filter(pk=case.pk).update(title="Other")
    found = hindrances(case, then)
    assert [one[:2] for one in found] == [("Participation: Ada", "Organisation")]
    assert UseCase.objects.get(pk=case.pk).title == "Other"


def test_what_an_emptied_table_held_cannot_come_back(transactional_db):
    case = recipes.use_case(lessons=["One"])
    then = now()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE usecases_lesson")
    assert hindrances(case, then) == [("Lesson", "", "Its table was emptied since: what the row was is not kept.")]


def test_who_looked_at_an_older_state_is_refused(transactional_db):
    case = recipes.use_case(lessons=["One"])
    subject, then = Subject(UseCase, case.pk), now()
    UseCase.objects.filter(pk=case.pk).update(title="Other")
    for write in (
        lambda: UseCase.objects.filter(pk=case.pk).update(title="Third"),
        lambda: Lesson.objects.filter(use_case=case).update(advice="Two"),
        lambda: case.technologies.add(Technology.objects.create(slug="sensor", name="Sensor")),
        lambda: kpi_recipes.result(use_case=case),
    ):
        seen = subject.stamp()
        write()
        last = now()
        with pytest.raises(ChangedMeanwhileError):
            restore(subject, then, seen=seen)
        assert now() == last


# --- the page --------------------------------------------------------------------------------------------------------
def test_the_page_shows_what_would_change_and_changes_nothing(desk):
    row = Body.objects.create(slug="body", name="Old name")
    then = now()
    Body.objects.filter(pk=row.pk).update(name="New name")
    last = now()
    answer = desk.get(address(row, then))
    assert answer.status_code == 200
    (change,) = answer.context["changes"]
    assert [(piece.kind, piece.text) for piece in change.fields[0].pieces] == [
        ("removed", "New name"),
        ("added", "Old name"),
    ]
    assert now() == last


def form_of(answer) -> dict[str, str]:
    return {"seen": str(answer.context["stamp"])}


def test_an_editor_restores_and_the_log_says_who(desk):
    city = recipes.city(name="Oldtown")
    then = now()
    City.objects.filter(pk=city.pk).update(name="Newtown")
    version = City.objects.get(pk=city.pk).version
    url = address(city, then)
    answer = desk.post(url, form_of(desk.get(url)), headers={"X-Request-ID": "restored-by-a-test"}, follow=True)
    assert answer.redirect_chain == [(reverse("events:history", args=["city", city.pk]), 302)]
    assert "The record is back in its earlier state." in answer.content.decode()
    city.refresh_from_db()
    assert (city.name, city.version) == ("Oldtown", version + 1)
    entry = Change.objects.latest("position")
    assert (entry.actor, entry.request) == (f"user {desk.editor.pk}", "restored-by-a-test")
    assert answer.context["steps"][0].who == "Edith"


def test_a_change_meanwhile_is_shown_and_asks_again(desk):
    city = recipes.city(name="Oldtown")
    then = now()
    City.objects.filter(pk=city.pk).update(name="Newtown")
    url = address(city, then)
    form = form_of(desk.get(url))
    City.objects.filter(pk=city.pk).update(population=5_000)
    answer = desk.post(url, form)
    assert answer.status_code == 412
    (meanwhile,), (back,) = answer.context["meanwhile"], answer.context["changes"]
    assert [change.label for change in meanwhile.fields] == ["Population"]
    assert [change.label for change in back.fields] == ["Name", "Population"]
    assert City.objects.get(pk=city.pk).name == "Newtown"
    assert desk.post(url, form_of(answer)).status_code == 302
    assert City.objects.get(pk=city.pk).name == "Oldtown"


def test_a_hindrance_is_told_on_the_page(desk):
    row = Technology.objects.create(slug="sensor", name="Sensor")
    then = now()
    Technology.objects.filter(pk=row.pk).update(name="Probe")
    Technology.objects.create(slug="other", name="Sensor")
    url = address(row, then)
    answer = desk.post(url, form_of(desk.get(url)))
    assert answer.status_code == 409
    html = answer.content.decode()
    assert "This state cannot be restored. Nothing was changed." in html
    assert "Technology with this Name already exists." in html
    assert Technology.objects.get(pk=row.pk).name == "Probe"


def test_a_deleted_record_is_restored_from_its_page(desk):
    case = recipes.use_case(lessons=["One"])
    history = reverse("events:history", args=["usecase", case.pk])
    key, slug = case.pk, case.slug
    case.delete()
    steps = desk.get(history).context["steps"]
    url = next(step.restore_url for step in steps if step.restore_url)
    assert desk.post(url, form_of(desk.get(url))).status_code == 302
    assert UseCase.objects.get(pk=key).slug == slug
    assert [one.advice for one in Lesson.objects.filter(use_case=key)] == ["One"]
    listed = desk.get(reverse("events:deleted")).context["deletions"]
    assert [one.is_back for one in listed if one.history_url == history] == [True]


def test_the_state_after_a_deletion_of_a_part_can_be_gone_back_to(desk):
    case = recipes.use_case(lessons=["One"])
    case.lessons.get().delete()
    then = now()
    Lesson.objects.create(use_case=case, position=0, advice="Two")
    url = address(case, then)
    assert desk.post(url, form_of(desk.get(url))).status_code == 302
    assert not case.lessons.exists()


def test_the_state_before_the_log_began_can_be_gone_back_to(desk):
    body = Body.objects.create(slug="body", name="Old name")
    Change.objects.all().delete()  # as with a row that is older than the log
    Body.objects.filter(pk=body.pk).update(name="New name")
    oldest = desk.get(reverse("events:history", args=["body", body.pk])).context["oldest_url"]
    assert desk.post(oldest, form_of(desk.get(oldest))).status_code == 302
    assert Body.objects.get(pk=body.pk).name == "Old name"


def test_states_that_cannot_be_gone_back_to_are_not_found(desk):
    body, other = Body.objects.create(slug="body", name="Body"), Body.objects.create(slug="other", name="Other")
    of_other = now()
    Body.objects.filter(pk=body.pk).update(name="New name")
    for position in (0, of_other, now() + 1, 10**30):  # not there yet; another record's; none; no number of an entry
        assert desk.get(address(body, position)).status_code == 404
        assert desk.post(address(body, position), {"seen": "1-1-1"}).status_code == 404
    Body.objects.filter(pk=body.pk).delete()
    assert desk.get(address(body, now())).status_code == 404
    assert desk.get(reverse("events:restore", args=["body", other.pk, of_other])).status_code == 200


@pytest.mark.parametrize("seen", ["", "x", "1-2", "1-2-3-4", "1-2-" + "9" * 40])
def test_a_form_without_its_stamp_restores_nothing(desk, seen):
    body = Body.objects.create(slug="body", name="Old name")
    then = now()
    Body.objects.filter(pk=body.pk).update(name="New name")
    assert desk.post(address(body, then), {"seen": seen}).status_code == 400
    assert Body.objects.get(pk=body.pk).name == "New name"


def test_a_record_that_is_as_it_was_has_nothing_to_restore(desk):
    standard = standard_recipes.standard()
    answer = desk.get(address(Standard.objects.get(pk=standard.pk), now()))
    assert answer.status_code == 200
    assert "there is nothing to restore" in answer.content.decode()
    assert '<button type="submit">Restore' not in answer.content.decode()


def test_of_two_editors_who_looked_at_the_same_the_second_is_told(transactional_db):
    city = recipes.city(name="Oldtown")
    then = now()
    City.objects.filter(pk=city.pk).update(name="Newtown")
    subject = Subject(City, city.pk)
    seen = subject.stamp()
    restore(subject, then, seen=seen)
    with pytest.raises(ChangedMeanwhileError):
        restore(subject, then, seen=seen)


def in_another_session(action) -> str:
    """Do it over a connection of its own that waits for nobody; returns the code of PostgreSQL's refusal, if any."""
    codes = []

    def run():
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")
            action()
        except OperationalError as error:
            codes.append(error.__cause__.pgcode)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return "".join(codes)


@pytest.mark.parametrize("is_deleted", [False, True])
def test_while_a_record_is_restored_nobody_else_writes_to_it(transactional_db, is_deleted):
    case, other = recipes.use_case(lessons=["One"]), recipes.use_case(lessons=["Two"])
    subject, then = Subject(UseCase, case.pk), now()
    writes = [lambda: restore(subject, then, seen=subject.stamp())]
    if is_deleted:
        UseCase.objects.filter(pk=case.pk).delete()
    else:
        writes += [
            lambda: UseCase.objects.filter(pk=case.pk).update(title="Other"),
            lambda: Lesson.objects.filter(use_case=case).update(advice="Other"),
        ]
    with transaction.atomic():
        subject.lock()
        assert [in_another_session(write) for write in writes] == ["55P03"] * len(writes)  # lock not available
        assert in_another_session(lambda: Lesson.objects.filter(use_case=other).update(advice="Other")) == ""
    assert [in_another_session(write) for write in writes] == [""] * len(writes)
