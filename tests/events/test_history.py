"""The history of a record: its own changes and those of its parts, in words, for editors."""

import re

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from alliance.core import request_id
from alliance.events.history import Subject, parts_of, record_models
from alliance.events.models import Change
from alliance.events.views import PAGE_SIZE
from alliance.events.wording import ADDED, REMOVED, Names, actors, compare_texts
from alliance.members.models import Interest, Organisation, User
from kpis.models import Kpi, KpiLink, Result
from practices.models import Challenge, Implementation, Practice
from standards.models import Edition, Standard
from tests.kpis import recipes as kpi_recipes
from tests.members import join_recipes as member_recipes
from tests.reporting import recipes as report_recipes
from tests.standards import recipes as standard_recipes
from tests.usecases import recipes
from usecases.models import City, Lesson, Participation, StandardUse, Technology, UseCase

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def editor(db):
    return User.objects.create_user("edith@example.org", name="Edith", is_staff=True)


@pytest.fixture
def desk(client, editor):
    """A client that is signed in as an editor."""
    client.force_login(editor, backend=BACKEND)
    return client


def address(row):
    return reverse("events:history", args=[row._meta.model_name, row.pk])


def words(answer):
    """What a page says, without its markup."""
    text = re.sub(r"<[^>]+>", " ", answer.content.decode().split("<main", 1)[1].split("</main>")[0])
    return re.sub(r"\s+", " ", text)


def fields(change):
    """Label -> (removed, added) of a row's change."""
    return {
        str(one.label): tuple(
            " ".join(piece.text for piece in one.pieces if piece.kind == kind) for kind in (REMOVED, ADDED)
        )
        for one in change.fields
    }


@pytest.fixture
def in_steps(transactional_db):
    """Writes each step in a transaction of its own; history tells transactions apart."""

    def in_steps(*steps, actor="command tests"):
        for step in steps:
            with request_id.working_for("request-of-a-test", actor=actor), transaction.atomic():
                step()

    return in_steps


# --- what belongs together -------------------------------------------------------------------------------------------
def test_parts_are_what_goes_with_the_record():
    assert {part.model for part in parts_of(UseCase)} == {
        StandardUse, Participation, Lesson, Result, Implementation, UseCase.technologies.through,
    }  # fmt: skip
    assert [part.model for part in parts_of(Standard)] == [Edition]
    assert {part.model for part in parts_of(Kpi)} == {KpiLink}
    assert parts_of(Organisation) == parts_of(Technology) == []


def test_every_kind_of_record_has_a_history_under_a_name_of_its_own(desk, reference_data):
    member_recipes.waiting()
    works = member_recipes.member(ada="owner")
    Interest.objects.create(kind="vendor-of", organisation=works, about=Organisation.objects.exclude(pk=works.pk)[0])
    member_reports = report_recipes.member()
    report_recipes.promise(author=member_reports)
    report_recipes.check(Result.objects.first(), checker=member_reports)
    Challenge.objects.create(practice=Practice.objects.first(), subject="grade", reason="It is too high.")
    names = record_models()
    assert len(names) == len(set(names.values())) >= 15
    for name, model in names.items():
        row = model._base_manager.order_by("pk").first()
        assert desk.get(reverse("events:history", args=[name, row.pk])).status_code == 200, name


def test_one_timeline_tells_of_the_record_and_its_parts(desk, in_steps):
    case = recipes.use_case(technologies=["Sensor"], lessons=["Ask early."])
    city = recipes.city(name="Newtown")
    standard = standard_recipes.standard()
    result = kpi_recipes.result(use_case=case, kpi=kpi_recipes.kpi(name="Waiting time"))

    def second():
        UseCase.objects.filter(pk=case.pk).update(stage="scaled", city=city, started_year=2019, city_from_outset=True)
        case.technologies.remove(Technology.objects.get(slug="sensor"))
        case.technologies.add(Technology.objects.create(slug="camera", name="Camera"))
        StandardUse.objects.create(use_case=case, standard=standard, state="planned")

    def third():
        case.lessons.get().delete()
        Result.objects.filter(pk=result.pk).update(relative_change_percent="-12.5")

    in_steps(second, third)
    answer = desk.get(address(case))
    third_step, second_step = answer.context["steps"][:2]
    deleted, changed = third_step.changes
    assert (deleted.kind, deleted.what, deleted.name) == ("D", "Lesson", "Ask early.")
    assert (changed.kind, changed.what, changed.name) == ("U", "Result", "Waiting time")
    assert fields(changed) == {"Relative change as reported, percent": ("−10", "−12.5")}
    record, use = second_step.changes
    assert record.is_record
    assert fields(record) == {
        "City": (case.city.name, "Newtown"),
        "Stage": ("Pilot", "Scaled up"),
        "Start": ("", "2019"),
        "City in from the outset": ("", "yes"),
        "Technologies": ("Sensor", "Camera"),
    }
    assert (use.kind, use.what, use.name) == ("I", "Use of a standard", standard.designation)
    assert (third_step.who, third_step.request) == ("the command tests", "request-of-a-test")
    assert "<del><bdi" in answer.content.decode()


def test_a_part_that_was_deleted_or_moved_stays_in_the_timeline(desk, in_steps):
    case, other = recipes.use_case(lessons=["Ask early."]), recipes.use_case()
    lesson = case.lessons.get()
    in_steps(
        lambda: Lesson.objects.filter(pk=lesson.pk).update(use_case=other),
        lambda: Lesson.objects.filter(pk=lesson.pk).update(advice="Ask later."),
        lambda: Lesson.objects.filter(pk=lesson.pk).delete(),
    )
    for row in (case, other):
        told = words(desk.get(address(row)))
        assert "Ask early." in told
        assert "Ask later." in told


def test_several_changes_of_one_row_in_one_transaction_are_told_as_one(desk, in_steps):
    city = recipes.city()

    def back_and_forth():
        for population in (1, 2, 3):
            City.objects.filter(pk=city.pk).update(population=population)

    in_steps(back_and_forth)
    (change,) = desk.get(address(city)).context["steps"][0].changes
    assert fields(change) == {"Population": ("", "3")}


def test_a_deleted_record_keeps_its_history_and_its_name(desk, in_steps):
    row = Technology.objects.create(slug="sensor", name="Sensor")
    url = address(row)
    in_steps(row.delete)
    answer = desk.get(url)
    assert answer.status_code == 200
    assert answer.context["name"] == "Sensor"
    assert answer.context["steps"][0].restore_url == ""
    listed = desk.get(reverse("events:deleted"))
    (deletion,) = [one for one in listed.context["deletions"] if one.history_url == url]
    assert (deletion.name, deletion.is_back, deletion.who) == ("Sensor", False, "the command tests")


def test_what_is_deleted_is_still_named_where_it_was_used(desk, in_steps):
    old, new = recipes.city(name="Oldtown"), recipes.city(name="Newtown")
    case = recipes.use_case(city=old)
    in_steps(lambda: UseCase.objects.filter(pk=case.pk).update(city=new), old.delete)
    (record,) = desk.get(address(case)).context["steps"][0].changes
    assert fields(record) == {"City": ("Oldtown (deleted)", "Newtown")}


def test_an_emptied_table_is_told_of_each_row_that_was_in_it(desk, in_steps):
    row = Technology.objects.create(slug="sensor", name="Sensor")

    def empty():
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE usecases_technology CASCADE")

    in_steps(empty)
    answer = desk.get(address(row))
    assert answer.status_code == 200
    assert "what became of the row is not kept" in words(answer)
    assert [step.restore_url for step in answer.context["steps"]] == ["", ""]
    later = Technology.objects.create(slug="probe", name="Probe")
    assert len(desk.get(address(later)).context["steps"]) == 1


def test_that_the_table_of_its_parts_was_emptied_is_told_of_a_record_that_was_there(desk, in_steps):
    case = recipes.use_case(lessons=["Ask early."])

    def empty():
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE usecases_lesson")

    in_steps(empty)
    (change,) = desk.get(address(case)).context["steps"][0].changes
    assert (change.kind, change.what, change.is_record) == ("lost", "Lesson", False)
    later = recipes.use_case()
    assert "emptied" not in words(desk.get(address(later)))


# --- words -----------------------------------------------------------------------------------------------------------
def test_long_texts_are_compared_word_by_word_and_shortened():
    stayed = " ".join(f"word{n}" for n in range(200))
    pieces = compare_texts(f"The old aim. {stayed} End of it.", f"The new aim. {stayed} End of all.")
    assert [piece.text for piece in pieces if piece.kind == REMOVED] == ["old", "it"]
    assert [piece.text for piece in pieces if piece.kind == ADDED] == ["new", "all"]
    shown = "".join(piece.text for piece in pieces)
    assert "word0" in shown
    assert "word199" in shown
    assert "word100" not in shown


def test_texts_too_long_to_compare_stand_one_after_the_other():
    old, new = "a " * 1_500, "b " * 1_500
    assert [(piece.kind, piece.text) for piece in compare_texts(old, new)] == [(REMOVED, old), (ADDED, new)]


def test_markup_in_a_text_is_shown_and_not_used(desk, in_steps):
    row = Technology.objects.create(slug="sensor", name="Sensor")
    in_steps(lambda: Technology.objects.filter(pk=row.pk).update(name="<script>alert(1)</script>"))
    html = desk.get(address(row)).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_who_it_was_is_said_in_words(editor):
    nameless = User.objects.create_user("secret@example.org")
    told = actors(
        {f"user {editor.pk}", f"user {nameless.pk}", "user 999999999", "visitor", "command migrate", "task t", "sql me"}
    )
    assert told == {
        f"user {editor.pk}": "Edith",
        f"user {nameless.pk}": f"user no. {nameless.pk}",
        "user 999999999": "user no. 999999999, whose account is gone",
        "visitor": "somebody who was not signed in",
        "command migrate": "the command migrate",
        "task t": "the background task t",
        "sql me": "SQL as me",
    }


def test_a_value_that_the_model_no_longer_understands_is_shown_as_it_is():
    names = Names([])
    assert names.value(UseCase._meta.get_field("published_at"), "the day before") == "the day before"
    assert names.value(UseCase._meta.get_field("stage"), "abandoned") == "abandoned"


def test_labels_follow_the_language(desk, in_steps):
    case = recipes.use_case()
    in_steps(lambda: UseCase.objects.filter(pk=case.pk).update(stage="scaled"))
    with translation.override("ar"):
        answer = desk.get(address(case))
        stage = str(UseCase._meta.get_field("stage").verbose_name)
    (record,) = answer.context["steps"][0].changes
    assert [change.label for change in record.fields] == [stage]
    assert stage != "stage"


# --- pages and their cost --------------------------------------------------------------------------------------------
def test_a_page_holds_fifty_transactions(desk, in_steps):
    city = recipes.city()
    in_steps(*(lambda n=n: City.objects.filter(pk=city.pk).update(population=n) for n in range(1, PAGE_SIZE + 6)))
    first = desk.get(address(city))
    assert len(first.context["steps"]) == PAGE_SIZE
    assert first.context["page_obj"].paginator.count == PAGE_SIZE + 6
    second = desk.get(address(city) + "?page=2")
    assert len(second.context["steps"]) == 6
    assert fields(second.context["steps"][0].changes[0]) == {"Population": ("4", "5")}
    for wrong in ("3", "0", "-1", "x", "9" * 30):
        assert desk.get(address(city) + f"?page={wrong}").status_code == 404


def test_a_page_costs_the_same_for_any_number_of_changes(desk, editor, in_steps):
    def queries(row):
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(address(row)).status_code == 200
        return len(captured)

    def change(row, n):
        def write():
            UseCase.objects.filter(pk=row.pk).update(title=f"Title {n}", city=recipes.city())
            Lesson.objects.create(use_case=row, position=n, advice=f"Advice {n}")
            row.technologies.add(Technology.objects.create(slug=f"t-{row.pk}-{n}", name=f"T {row.pk} {n}"))
            edition = standard_recipes.standard().editions.get()
            StandardUse.objects.create(use_case=row, standard=edition.standard, edition=edition)
            ada = Organisation.objects.create(slug=f"o-{row.pk}-{n}", name=f"O {row.pk} {n}")
            Participation.objects.create(use_case=row, organisation=ada)
            kpi_recipes.result(use_case=row).delete()

        return write

    few, many = recipes.use_case(), recipes.use_case()
    in_steps(change(few, 1), actor=f"user {editor.pk}")
    in_steps(*(change(many, n) for n in range(20)), actor=f"user {editor.pk}")
    queries(few)
    assert queries(few) == queries(many) <= 20


def test_finding_parts_that_went_reads_no_whole_log(db):
    case = recipes.use_case()
    subject = Subject(UseCase, case.pk)
    with CaptureQueriesContext(connection) as captured:
        subject.count()
    statement = captured.captured_queries[0]["sql"]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan on events_change" not in plan
    for part in subject.parts:
        assert f"change_of_{part.model._meta.db_table}_"[:50] in plan


# --- for whom --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("fields", [None, {}, {"is_staff": True, "is_active": False}])
def test_others_are_kept_out(client, db, fields):
    case = recipes.use_case()
    if fields is not None:
        user = User.objects.create_user("ada@example.org", **fields)
        client.force_login(user, backend=BACKEND)
    last = Change.objects.latest("position").position
    pages = [
        address(case),
        reverse("events:deleted"),
        reverse("events:restore", args=["usecase", case.pk, last]),
        reverse("events:history", args=["usecase", 10**12]),
    ]
    for url in pages:
        answer = client.get(url)
        assert answer.status_code == 403
        assert case.title not in answer.content.decode()
    assert client.post(pages[2], {"seen": "1-1-1"}).status_code == 403


def test_what_is_not_there_is_not_found(desk):
    for name, pk in (("usecase", 10**12), ("usecase", 10**40), ("user", 1), ("change", 1), ("usecase_technologies", 1)):
        assert desk.get(reverse("events:history", args=[name, pk])).status_code == 404


def test_pages_of_histories_are_not_kept_by_caches(desk):
    answer = desk.get(address(recipes.use_case()))
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]


def test_the_admin_leads_to_the_history_of_every_kind_of_record(client, db):
    client.force_login(User.objects.create_superuser("chair@example.org"), backend=BACKEND)
    for name, model in record_models().items():
        answer = client.get(reverse(f"admin:{model._meta.app_label}_{name}_history", args=[7]))
        assert (answer.status_code, answer["Location"]) == (302, reverse("events:history", args=[name, 7]))
    assert client.get("/admin/usecases/usecase/none/history/").status_code == 302  # Django's own words for it


def test_detail_pages_lead_editors_and_nobody_else_to_the_history(desk, client, reference_data):
    rows = [model.objects.order_by("pk").first() for model in (Standard, Kpi, City, Organisation)]
    rows.append(UseCase.objects.filter(status="published").first())
    for row in rows:
        assert f'href="{address(row)}"' in desk.get(row.get_absolute_url()).content.decode()
    client.logout()
    for row in rows:
        assert address(row) not in client.get(row.get_absolute_url()).content.decode()
