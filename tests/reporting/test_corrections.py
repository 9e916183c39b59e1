"""What was accepted stays as it is: a correction is a report of its own, whose result supersedes the old one."""

from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from alliance.events.history import Subject
from alliance.events.restoring import NotRestorableError, restore
from kpis.models import AS_REPORTED, Result, ResultState
from kpis.reference.load import load_reference_data
from reporting import correcting, reviewing, services
from reporting.models import Report
from reporting.publishing import NotPublishableError
from reporting.states import State
from tests.reporting import recipes
from usecases.models import UseCase

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


def accept(report: Report) -> Report:
    return reviewing.accept_report(report=report, actor=recipes.editor(), version=report.version)


def corrected(report: Report, **entries: str) -> Report:
    """The correction of an accepted result or use case, sent."""
    record = report.result or report.use_case
    draft = correcting.start_correction(record=record, organisation=report.organisation, actor=report.author)
    draft = services.save_entries(report=draft, actor=report.author, version=draft.version, entries=entries)
    return recipes.submitted(draft, answer="Yes, really.")


def test_a_correction_begins_with_what_is_told_now():
    report = accept(recipes.result_report(submit=True))
    draft = correcting.start_correction(record=report.result, organisation=report.organisation, actor=report.author)
    assert draft.entries == recipes.RESULT
    again = correcting.start_correction(record=report.result, organisation=report.organisation, actor=report.author)
    assert again == draft


def test_a_correction_of_a_use_case_begins_with_what_is_told_now():
    more = {
        "standards": [{"standard": "ISO 37120", "state": "planned", "problems_met": "None."}],
        "organisations": [{"organisation": "A New Supplier Ltd", "role": "supplier"}],
        "lessons": [{"advice": "Ask the crews first.", "confidence": "high"}],
        "city_from_outset": "no",
        "cost_amount": "12.5",
        "cost_currency": "EUR",
    }
    report = accept(recipes.use_case_report(submit=True, **more))
    draft = correcting.start_correction(record=report.use_case, organisation=report.organisation, actor=report.author)
    told = reviewing.examine(draft).values
    assert {name: told[name] for name in told if name != "city"} == {
        name: value
        for name, value in (reviewing.examine(report).values | {"covid_relevance": "none"}).items()
        if name != "city"
    } | {
        "organisations": [
            {"organisation": report.use_case.organisations.get(name="A New Supplier Ltd"), "role": "supplier"}
        ],
    }
    assert told["city"] == report.use_case.city


def test_the_new_result_supersedes_and_both_addresses_lead_to_it(client):
    report = accept(recipes.result_report(submit=True))
    new = accept(corrected(report, result_value="7.5"))
    old = Result.objects.get(pk=report.result_id)
    assert (old.state, old.superseded_by, old.result_value) == (ResultState.SUPERSEDED, new.result, Decimal("6.5"))
    assert new.result.result_value == Decimal("7.5")
    assert Report.objects.get(pk=report.pk).state == State.SUPERSEDED

    moved = client.get(reverse("api:result-detail", args=[old.slug]))
    assert moved.status_code == 301
    assert moved["Location"].endswith(reverse("api:result-detail", args=[new.result.slug]))
    assert client.get(moved["Location"]).json()["supersedes"] == [{"slug": old.slug}]
    page = client.get(old.get_absolute_url()).content.decode()
    assert f'id="result-{old.slug}"' in page
    assert f'id="result-{new.result.slug}"' in page
    listed = client.get(reverse("api:result-list"), {"use_case": old.use_case.slug}).json()["results"]
    assert [one["slug"] for one in listed if one["kpi"]["code"] == "ALL-PRK-SEARCH"] == [new.result.slug]


def test_after_two_corrections_the_first_address_leads_to_the_last(client):
    first = accept(recipes.result_report(submit=True))
    second = accept(corrected(first, result_value="7.5"))
    third = accept(corrected(second, result_value="8"))
    for gone in (first, second):
        moved = client.get(reverse("api:result-detail", args=[gone.result.slug]))
        assert moved["Location"].endswith(reverse("api:result-detail", args=[third.result.slug]))


def test_of_two_corrections_at_once_the_second_is_refused():
    report = accept(recipes.result_report(submit=True))
    other = corrected(report, result_value="7")
    accept(other)
    late = Report.objects.get(pk=other.pk)
    late.pk, late.key, late.state, late.result = None, "other-key", State.DRAFT, None
    late.save(force_insert=True)
    late = services.submit_report(report=late, actor=report.author, version=late.version)
    with pytest.raises(NotPublishableError):
        accept(late)


def test_the_history_keeps_both():
    report = accept(recipes.result_report(submit=True))
    new = accept(corrected(report, result_value="7.5"))
    assert Subject(Result, report.result_id).count() >= 1
    assert Subject(Result, new.result_id).count() >= 1


@pytest.mark.parametrize("name", AS_REPORTED)
def test_the_database_refuses_to_change_what_was_reported(name):
    result = accept(recipes.result_report(submit=True)).result
    other = {
        "kpi": Result.objects.exclude(kpi=result.kpi).first().kpi,
        "answers": [{"question": "a", "answer": "b"}],
        "baseline_on": "2001",
        "result_on": "2030",
        "cost_amount": Decimal(3),
        "sample_n": 3,
        "measured_year": 1999,
        "spread_unknown": "not-told",
        "unit": "hour",
        "spread_kind": "se",
        "cost_currency": "EUR",
    }.get(name)
    if other is None:
        field = Result._meta.get_field(name)
        other = Decimal("1.25") if field.get_internal_type() == "DecimalField" else "other"
    with pytest.raises(IntegrityError, match="reported by a member"), transaction.atomic():
        Result.objects.filter(pk=result.pk).update(**{name: other})


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM kpis_result WHERE id = %s",
        "UPDATE kpis_result SET state = 'draft' WHERE id = %s",
        "UPDATE kpis_result SET reported_by_id = NULL WHERE id = %s",
    ],
)
def test_there_is_no_way_around_it(sql):
    result = accept(recipes.result_report(submit=True)).result
    with (
        pytest.raises(IntegrityError, match="reported by a member"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, [result.pk])


def test_what_is_no_measurement_may_change():
    result = accept(recipes.result_report(submit=True)).result
    Result.objects.filter(pk=result.pk).update(verification=2, state=ResultState.WITHDRAWN)
    assert Result.objects.get(pk=result.pk).verification == 2


def test_history_refuses_to_go_back_behind_a_reported_result_with_a_sentence():
    report = accept(recipes.result_report(submit=True))
    subject = Subject(UseCase, report.result.use_case_id)
    entries = [entry for group in subject.entries(0, 100) for entry in group]
    before = min(entry.position for entry in entries if entry.model is UseCase)
    with pytest.raises(NotRestorableError) as refused:
        restore(subject, before, seen=subject.stamp())
    assert any("Withdraw it" in hindrance.reason for hindrance in refused.value.hindrances)
    assert Result.objects.filter(pk=report.result_id).exists()


def test_the_admin_shows_what_was_reported_and_does_not_edit_it(admin_client):
    result = accept(recipes.result_report(submit=True)).result
    page = admin_client.get(reverse("admin:kpis_result_change", args=[result.pk])).content.decode()
    assert 'name="result_value"' not in page
    assert 'name="verification"' in page
    assert admin_client.get(reverse("admin:kpis_result_delete", args=[result.pk])).status_code == 403


def test_who_did_not_report_a_result_corrects_nothing():
    report = accept(recipes.result_report(submit=True))
    other = recipes.member()
    reader = recipes.member(organisation=report.organisation, role="reader")
    for user, organisation in (
        (other, recipes.organisation_of(other)),
        (other, report.organisation),
        (reader, report.organisation),
        (recipes.editor(), report.organisation),
    ):
        with pytest.raises(PermissionDenied):
            correcting.start_correction(record=report.result, organisation=organisation, actor=user)


def test_a_city_corrects_what_was_taken_from_public_sources(settings):
    case = UseCase.objects.get(slug="surtrac-pittsburgh")
    organisation = case.organisations.first()
    organisation.member_since = "2024-01-01"
    organisation.save()
    user = recipes.member(organisation=organisation)
    draft = correcting.start_correction(record=case, organisation=organisation, actor=user)
    draft = services.save_entries(
        report=draft, actor=user, version=draft.version, entries={"title": "Surtrac, told by its city", "role": "lead"}
    )
    accept(recipes.submitted(draft, answer="Yes."))
    case.refresh_from_db()
    assert (case.title, case.reported_by, case.slug) == (
        "Surtrac, told by its city",
        organisation,
        "surtrac-pittsburgh",
    )

    # The files do not take it back.
    report = load_reference_data(settings.DATA_DIR)
    assert sum(one.added + one.changed for one in report.tallies) == 0
    case.refresh_from_db()
    assert case.title == "Surtrac, told by its city"


def test_the_files_leave_reported_and_corrected_results_alone(settings):
    accept(recipes.result_report(submit=True))
    of_file = Result.objects.filter(reported_by=None, use_case__slug="surtrac-pittsburgh").first()
    organisation = of_file.use_case.organisations.first()
    organisation.member_since = "2024-01-01"
    organisation.save()
    user = recipes.member(organisation=organisation)
    draft = correcting.start_correction(record=of_file, organisation=organisation, actor=user)
    entries = {"data_quality": "measured", "side_effects": "not-looked-for", "comparison": "before-after"}
    draft = services.save_entries(report=draft, actor=user, version=draft.version, entries=entries)
    accept(recipes.submitted(draft, answer="Yes."))
    of_file.refresh_from_db()
    assert of_file.state == ResultState.SUPERSEDED
    call_command("load_reference_data", verbosity=0)
    report = load_reference_data(settings.DATA_DIR, check_only=True)
    assert sum(one.added + one.changed for one in report.tallies) == 0
    of_file.refresh_from_db()
    assert of_file.state == ResultState.SUPERSEDED
