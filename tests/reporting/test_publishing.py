"""An accepted report becomes a public record: what was typed is what programs and readers get."""

from decimal import Decimal

import pytest
from django.utils import timezone

from alliance.members.models import Organisation
from kpis.api import ResultSerializer
from kpis.models import Result
from reporting import reviewing, services
from reporting.models import Report
from reporting.publishing import NotPublishableError, Place
from reporting.states import State
from tests.events.documents_cases import assert_right
from tests.reporting import recipes
from usecases.api import UseCaseSerializer
from usecases.models import City, Region, UseCase

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


def accept(report: Report, **more) -> Report:
    return reviewing.accept_report(report=report, actor=recipes.editor(), version=report.version, **more)


def public(report: Report) -> dict:
    """The public JSON of what came of a report."""
    if report.result_id:
        return ResultSerializer(Result.objects.for_documents().get(pk=report.result_id)).data
    return UseCaseSerializer(UseCase.objects.for_documents().get(pk=report.use_case_id)).data


def test_a_minimal_use_case_is_public_searchable_and_not_ranked():
    report = accept(recipes.use_case_report(submit=True))
    told = public(report)
    assert told["title"] == "Bins that say when they are full"
    assert told["status"] == "published"
    assert told["city"]["name"] == "Medellin"
    assert [one["name"] for one in told["technologies"]] == ["level sensors", "route planning"]
    assert told["reported_by"]["slug"] == report.organisation.slug
    assert told["is_minimal"] is True
    assert 0 < told["completeness"] < 100
    assert [one["role"] for one in told["organisations"]] == ["lead"]
    assert report.state == State.ACCEPTED
    assert report.decided_at is not None
    assert_right()


def test_a_full_use_case_brings_its_standards_partners_costs_and_lessons():
    report = accept(
        recipes.use_case_report(
            submit=True,
            standards=[{"standard": "ISO 37120", "state": "planned", "problems_met": "None so far."}],
            organisations=[{"organisation": "A New Supplier Ltd", "role": "supplier"}],
            lessons=[{"advice": "Ask the crews first.", "confidence": "high"}, {"advice": "Count twice."}],
            cost_amount="1250000",
            cost_currency="COP",
            city_from_outset="yes",
        )
    )
    told = public(report)
    assert [(one["designation"], one["state"]) for one in told["standards"]] == [("ISO 37120", "planned")]
    assert [(one["name"], one["role"]) for one in told["organisations"]][1] == ("A New Supplier Ltd", "supplier")
    assert [one["advice"] for one in told["lessons"]] == ["Ask the crews first.", "Count twice."]
    assert told["cost"] == {"amount": "1250000", "currency": "COP"}
    assert told["city_from_outset"] is True
    assert told["is_minimal"] is False
    assert Organisation.objects.get(name="A New Supplier Ltd").member_since is None


def test_a_result_tells_how_it_was_measured():
    report = accept(recipes.result_report(submit=True))
    told = public(report)
    assert (told["baseline_value"], told["result_value"], told["unit"]) == ("11.5", "6.5", "minute")
    assert (told["baseline_on"], told["result_on"]) == ("2021-05", "2022-05-31")
    assert told["measured_year"] == 2022
    assert (told["comparison"], told["method"], told["grade"]) == ("matched-comparison", "comparison study", 3)
    assert (told["sample_n"], told["spread"], told["spread_kind"]) == (250, "2.1", "sd")
    assert told["side_effects"] == "none-found"
    assert told["verification"] == 1
    assert told["reported_by"]["name"] == report.organisation.name
    assert_right()


@pytest.mark.parametrize(
    ("design", "method", "grade"),
    [
        ("randomised", "control group", 4),
        ("matched-comparison", "comparison study", 3),
        ("interrupted-time-series", "interrupted time series", 3),
        ("before-after", "before-after", 2),
        ("model", "model", 1),
        ("none", "self-reported", 1),
    ],
)
def test_each_design_has_its_method_and_its_grade(design, method, grade):
    report = recipes.result_report(comparison=design)
    report = recipes.submitted(report, answer="Yes.")
    told = public(accept(report))
    assert (told["method"], told["grade"]) == (method, grade)


def test_answers_to_questions_travel_with_the_result_in_english():
    report = recipes.result_report(baseline_value="6.5", result_value="11.5")
    report = recipes.submitted(report, answer="Yes, really: the tram was built.")
    told = public(accept(report))
    assert [one["answer"] for one in told["answers"]] == ["Yes, really: the tram was built."]
    assert told["answers"][0]["question"].endswith("?")
    assert_right()


def test_a_source_or_a_file_lifts_a_result_above_declared():
    report = recipes.submitted(recipes.result_report(source=""))
    assert public(accept(report))["verification"] == 0


def test_a_result_waits_for_its_use_case():
    author = recipes.member()
    case = recipes.use_case_report(author=author, submit=True)
    result = recipes.result_report(author=author, submit=True, use_case=case.key)
    with pytest.raises(NotPublishableError):
        accept(result)
    case = accept(case)
    assert public(accept(result))["use_case"]["slug"] == case.use_case.slug


def test_a_city_that_is_new_is_placed_by_the_editor():
    report = recipes.submitted(recipes.use_case_report(city="Cuenca, Ecuador"), answer="It is.")
    assert not City.objects.filter(name="Cuenca").exists()
    with pytest.raises(NotPublishableError):
        accept(report)
    place = Place(
        Decimal("-2.9001"),
        Decimal("-79.0059"),
        population=330_000,
        region=Region.objects.get(slug="latin-america-and-the-caribbean"),
    )
    case = accept(report, place=place).use_case
    assert (case.city.name, case.city.country.code, case.city.population) == ("Cuenca", "EC", 330_000)
    assert (case.latitude, case.longitude) == (place.latitude, place.longitude)


def test_what_was_accepted_cannot_be_accepted_again():
    report = accept(recipes.use_case_report(submit=True))
    with pytest.raises(services.MoveRefusedError):
        accept(report)
    assert UseCase.objects.filter(title=report.entries["title"]).count() == 1


def test_slugs_of_records_with_one_title_differ():
    one, other = (accept(recipes.submitted(recipes.use_case_report(), answer="Another one.")) for _n in range(2))
    assert one.use_case.slug != other.use_case.slug
    assert other.use_case.published_at <= timezone.now()
