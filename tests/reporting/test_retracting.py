"""A correction that is taken out of the public again: what it corrected is public again, at its old address."""

from decimal import Decimal

import pytest
from django.urls import reverse

from alliance.members.models import Role
from kpis.models import Result, ResultState
from reporting import correcting, reviewing, services
from reporting.models import Report
from reporting.states import State
from tests.reporting import recipes
from tests.reporting.test_corrections import accept, corrected
from usecases.models import Status, UseCase

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


def retract(report: Report) -> Report:
    report = Report.objects.get(pk=report.pk)
    return reviewing.retract_report(report=report, actor=recipes.editor(), version=report.version, reason="It erred.")


def current(result: Result) -> list[str]:
    rows = Result.objects.visible_to(None).filter(use_case=result.use_case, kpi=result.kpi)
    return list(rows.exclude(state=ResultState.SUPERSEDED).values_list("slug", flat=True))


def test_the_result_before_it_is_public_again_at_its_address(client):
    first = accept(recipes.result_report(submit=True))
    second = accept(corrected(first, result_value="7.5"))
    third = accept(corrected(second, result_value="8"))
    retract(third)
    second.refresh_from_db()
    assert (second.state, second.result.state, second.result.superseded_by) == (
        State.ACCEPTED,
        ResultState.ACCEPTED,
        None,
    )
    answer = client.get(reverse("api:result-detail", args=[second.result.slug]))
    assert (answer.status_code, answer.json()["result_value"]) == (200, "7.5")
    moved = client.get(reverse("api:result-detail", args=[first.result.slug]))
    assert moved["Location"].endswith(reverse("api:result-detail", args=[second.result.slug]))
    assert client.get(reverse("api:result-detail", args=[third.result.slug])).status_code == 404
    assert current(second.result) == [second.result.slug]

    retract(second)
    assert client.get(reverse("api:result-detail", args=[first.result.slug])).status_code == 200
    assert current(first.result) == [first.result.slug]


def test_a_correction_that_is_mended_and_sent_again_supersedes_again(client):
    first = accept(recipes.result_report(submit=True))
    second = retract(accept(corrected(first, result_value="7.5")))
    draft = services.take_up_again(report=second, actor=first.author)
    draft = services.save_entries(
        report=draft, actor=first.author, version=draft.version, entries={"result_value": "9"}
    )
    again = accept(recipes.submitted(draft, answer="Yes, really."))
    assert current(again.result) == [again.result.slug]
    for slug in Result.objects.filter(state=ResultState.SUPERSEDED, superseded_by=again.result).values_list(
        "slug", flat=True
    ):
        moved = client.get(reverse("api:result-detail", args=[slug]))
        assert moved["Location"].endswith(reverse("api:result-detail", args=[again.result.slug]))
    first.refresh_from_db()
    assert (first.state, first.result.superseded_by) == (State.SUPERSEDED, again.result)


def test_a_promise_is_answered_by_the_result_that_is_current_again():
    first = accept(recipes.result_report(submit=True))
    registration = recipes.promise(author=first.author, result=first.result)
    second = accept(corrected(first, result_value="7.5"))
    registration.refresh_from_db()
    assert registration.result == second.result
    retract(second)
    registration.refresh_from_db()
    assert registration.result == first.result


def test_a_use_case_is_told_again_as_it_was_with_its_parts(client):
    told = {"technologies": "level sensors; route planning", "lessons": [{"advice": "Ask the crews first."}]}
    first = accept(recipes.use_case_report(submit=True, **told))
    result = accept(recipes.result_report(submit=True, use_case=first.use_case.slug))
    other = {"title": "Bins that call", "technologies": "radio", "lessons": [{"advice": "Ask nobody."}]}
    second = accept(corrected(first, **other))
    late = accept(recipes.result_report(submit=True, use_case=first.use_case.slug, kpi="ALL-TRV-TIME"))
    assert UseCase.objects.get(pk=first.use_case_id).title == "Bins that call"
    retract(second)
    row = UseCase.objects.get(pk=first.use_case_id)
    assert (row.title, row.status) == ("Bins that say when they are full", Status.PUBLISHED)
    assert sorted(row.technologies.values_list("name", flat=True)) == ["level sensors", "route planning"]
    assert list(row.lessons.values_list("advice", flat=True)) == ["Ask the crews first."]
    assert client.get(row.get_absolute_url()).status_code == 200
    first.refresh_from_db()
    assert first.state == State.ACCEPTED
    for kept in (result, late):
        assert Result.objects.get(pk=kept.result_id).state == ResultState.ACCEPTED


def test_what_was_taken_from_a_public_source_is_not_lost_with_its_correction():
    case = UseCase.objects.get(slug="surtrac-pittsburgh")
    before = (case.title, case.reported_by, case.completeness)
    organisation = case.organisations.first()
    organisation.member_since = "2024-01-01"
    organisation.save()
    user = recipes.member(organisation=organisation, role=Role.OWNER)
    draft = correcting.start_correction(record=case, organisation=organisation, actor=user)
    draft = services.save_entries(
        report=draft, actor=user, version=draft.version, entries={"title": "Surtrac, told anew", "role": "lead"}
    )
    report = accept(recipes.submitted(draft, answer="Yes."))
    assert UseCase.objects.get(pk=case.pk).title == "Surtrac, told anew"
    retract(report)
    case.refresh_from_db()
    assert (case.title, case.reported_by, case.completeness) == before
    assert case.status == Status.PUBLISHED


def test_a_first_report_that_is_taken_back_is_public_no_more(client):
    report = accept(recipes.result_report(submit=True))
    retract(report)
    assert current(report.result) == []
    assert Result.objects.get(pk=report.result_id).result_value == Decimal("6.5")
    assert client.get(reverse("api:result-detail", args=[report.result.slug])).status_code == 404
