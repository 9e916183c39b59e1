"""From a report that was accepted to the public record: the values that were read become rows of lower floors.

Runs inside the transaction of the acceptance (`reporting.reviewing`). Whatever is named and not known yet (a
technology, an organisation, a city that the editor has placed on the map) becomes a row as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Max
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _

from alliance.members.models import Organisation
from kpis.measurement import METHOD_OF_DESIGN
from kpis.models import Result, ResultState, Verification
from kpis.reference.slugs import allot, slugify
from reporting.completeness import completeness
from reporting.fields import USE_CASE
from reporting.known import NewCity
from reporting.models import Kind, Registration, Report
from usecases.models import (
    City,
    Country,
    CovidRelevance,
    Lesson,
    Participation,
    Region,
    StandardUse,
    Status,
    Technology,
    UseCase,
    UseState,
    Vertical,
)
from usecases.places import country_name


class NotPublishableError(Exception):
    """The report cannot become a public record yet: 409. The message is a sentence."""


@dataclass(frozen=True)
class Place:
    """Where an editor puts a city that is not on the map yet; `region` where its country is not on it either."""

    latitude: Decimal
    longitude: Decimal
    population: int | None = None
    region: Region | None = None


# --- use cases -------------------------------------------------------------------------------------------------------
def publish_use_case(report: Report, values: Mapping[str, Any], *, place: Place | None = None) -> UseCase:
    """The public use case of a report: a new one, or the one that it corrects, changed.

    Args:
        values: of `Checked.values`, without errors.
        place: of a city that is not on the map yet.
    Raises: NotPublishableError.
    """
    city = _city(values["city"], place, report)
    row = _use_case_to_correct(report)
    share = completeness(Kind.USE_CASE, values)
    told: dict[str, Any] = {
        "title": values["title"],
        "city": city,
        "vertical": Vertical.objects.get_or_create(code=values["vertical"])[0],
        "stage": values["stage"],
        "started_year": values["started_year"],
        "ended_year": values.get("ended_year"),
        "problem": values["problem"],
        "solution": values["solution"],
        "covid_relevance": values.get("covid_relevance") or CovidRelevance.NONE,
        "cost_amount": values.get("cost_amount"),
        "cost_currency": values.get("cost_currency", "") if values.get("cost_amount") is not None else "",
        "city_from_outset": values.get("city_from_outset"),
        "alliance_from_outset": values.get("alliance_from_outset"),
        "source": values["source"],
        "completeness": share.percent,
        "is_minimal": is_minimal(values),
    }
    if row is None:
        (slug,) = allot(
            [slugify(values["title"], "use-case")],
            80,
            lambda slugs: set(UseCase.objects.filter(slug__in=slugs).values_list("slug", flat=True)),
        )
        row = UseCase(
            slug=slug, status=Status.PUBLISHED, published_at=timezone.now(), reported_by=report.organisation, **told
        )
        row.latitude, row.longitude = city.latitude, city.longitude
    else:
        if row.city_id != city.pk:
            row.latitude, row.longitude = city.latitude, city.longitude
        row.reported_by, row.status = row.reported_by or report.organisation, Status.PUBLISHED
        for name, value in told.items():
            setattr(row, name, value)
    row.full_clean(exclude=["slug"])
    row.save()
    row.technologies.set(_technologies(values["technologies"]))
    _participations(row, report.organisation, values)
    _standard_uses(row, values.get("standards", ()))
    _lessons(row, values.get("lessons", ()))
    return row


def is_minimal(values: Mapping[str, Any]) -> bool:
    """Whether only the essentials of a use case are told."""
    return not any(one.weight and one.page != "basics" and one.name in values for one in USE_CASE.fields)


def _use_case_to_correct(report: Report) -> UseCase | None:
    """The record that changes: the one to correct, or the report's own from before it was withdrawn."""
    if report.use_case_id is not None:
        return UseCase.objects.select_for_update().get(pk=report.use_case_id)
    if report.corrects_use_case_id is None:
        return None
    row = UseCase.objects.select_for_update().get(pk=report.corrects_use_case_id)
    if row.status != Status.PUBLISHED:
        raise NotPublishableError(_("The use case that this corrects is no longer published."))
    return row


def _city(found: City | NewCity, place: Place | None, report: Report) -> City:
    if isinstance(found, City):
        return found
    country = Country.objects.filter(code=found.country_code).first()
    unplaced = NotPublishableError(
        _("%(city)s is not on the map yet: give its place.") % {"city": f"{found.name}, {found.country_code}"}
    )
    if place is None:
        raise unplaced
    if country is None:
        if place.region is None:
            raise unplaced
        name = country_name(found.country_code, language="en")
        country = Country.objects.create(code=found.country_code, name=name, region=place.region)
    there = City.objects.filter(country=country, name__iexact=found.name).first()
    if there is not None:
        return there
    (slug,) = allot(
        [slugify(f"{found.name} {country.code}", "city")],
        100,
        lambda slugs: set(City.objects.filter(slug__in=slugs).values_list("slug", flat=True)),
    )
    city = City(
        slug=slug,
        name=found.name,
        country=country,
        latitude=place.latitude,
        longitude=place.longitude,
        population=place.population,
        source=f"Reported to the Alliance by {report.organisation.name}",
    )
    city.full_clean()
    city.save()
    return city


def _technologies(names: Sequence[str]) -> list[Technology]:
    known = {
        row.lower: row for row in Technology.objects.annotate(lower=Lower("name")).filter(
            lower__in=[name.lower() for name in names]
        )
    }  # fmt: skip
    new = [name for name in names if name.lower() not in known]
    slugs = allot(
        [slugify(name, "technology") for name in new],
        100,
        lambda slugs: set(Technology.objects.filter(slug__in=slugs).values_list("slug", flat=True)),
    )
    made = Technology.objects.bulk_create(
        [Technology(name=name, slug=slug) for name, slug in zip(new, slugs, strict=True)]
    )
    return [*known.values(), *made]


def _organisation(named: Organisation | str) -> Organisation:
    if isinstance(named, Organisation):
        return named
    there = Organisation.objects.filter(name__iexact=named).first()
    if there is not None:
        return there
    (slug,) = allot(
        [slugify(named, "organisation")],
        120,
        lambda slugs: set(Organisation.objects.filter(slug__in=slugs).values_list("slug", flat=True)),
    )
    return Organisation.objects.create(name=named, slug=slug)


def _participations(row: UseCase, reporter: Organisation, values: Mapping[str, Any]) -> None:
    wanted: dict[int, str] = {reporter.pk: values["role"]}
    for one in values.get("organisations", ()):
        wanted.setdefault(_organisation(one["organisation"]).pk, one.get("role", ""))
    there = {one.organisation_id: one for one in row.participations.all()}
    row.participations.exclude(organisation__in=wanted).delete()
    for position, (organisation, role) in enumerate(wanted.items()):
        one = there.get(organisation) or Participation(use_case=row, organisation_id=organisation)
        if (one.role, one.position) != (role, position) or one.pk is None:
            one.role, one.position = role, position
            one.save()


def _standard_uses(row: UseCase, told: Sequence[Mapping[str, Any]]) -> None:
    wanted = {(one["standard"].standard.pk, getattr(one["standard"].edition, "pk", None)): one for one in told}
    there = {(one.standard_id, one.edition_id): one for one in row.standard_uses.all()}
    for key, use in there.items():
        if key not in wanted:
            use.delete()
    for key, one in wanted.items():
        use = there.get(key) or StandardUse(use_case=row, standard_id=key[0], edition_id=key[1])
        state, problems = one.get("state") or use.state or UseState.USED, one.get("problems_met", "")
        if use.pk is None or (use.state, use.problems_met) != (state, problems):
            use.state, use.problems_met = state, problems
            use.save()


def _lessons(row: UseCase, told: Sequence[Mapping[str, Any]]) -> None:
    """By position: the first lesson stays the first, with its source."""
    there = list(row.lessons.order_by("position", "pk"))
    for lesson in there[len(told) :]:
        lesson.delete()
    last = row.lessons.aggregate(last=Max("position"))["last"]
    next_position = 0 if last is None else last + 1
    for number, one in enumerate(told):
        texts = {name: one.get(name, "") for name in ("advice", "context", "cause", "effect", "confidence")}
        if number < len(there):
            lesson = there[number]
        else:
            lesson, next_position = Lesson(use_case=row, position=next_position), next_position + 1
        if lesson.pk is None or any(getattr(lesson, name) != text for name, text in texts.items()):
            for name, text in texts.items():
                setattr(lesson, name, text)
            lesson.save()


# --- results ---------------------------------------------------------------------------------------------------------
def publish_result(report: Report, values: Mapping[str, Any], *, answers: Sequence[Mapping[str, str]] = ()) -> Result:
    """The public result of a report. One that it corrects is superseded by it, and leads to it.

    Args:
        values: of `Checked.values`, without errors.
        answers: mappings of `question` and `answer`.
    Raises: NotPublishableError while the use case is not public.
    """
    use_case = _use_case_of(values["use_case"])
    superseded = _results_to_supersede(report)
    kpi, comparison = values["kpi"], values["comparison"]
    has_values = "baseline_value" in values or "result_value" in values
    (slug,) = allot(
        [f"{use_case.slug}-{kpi.slug}"],
        140,
        lambda slugs: set(Result.objects.filter(slug__in=slugs).values_list("slug", flat=True)),
    )
    row = Result(
        slug=slug,
        use_case=use_case,
        kpi=kpi,
        state=ResultState.ACCEPTED,
        baseline_value=values.get("baseline_value"),
        baseline_on=_date(values.get("baseline_on")),
        result_value=values.get("result_value"),
        result_on=_date(values.get("result_on")),
        unit=values.get("unit", "") if has_values else "",
        relative_change_percent=values.get("relative_change_percent"),
        comparison=comparison,
        method=METHOD_OF_DESIGN[comparison],
        sample_n=values.get("sample_n"),
        sample_size=str(values["sample_n"]) if "sample_n" in values else "",
        spread=values.get("spread"),
        spread_kind=values.get("spread_kind", "") if "spread" in values else "",
        spread_unknown="" if "spread" in values else values.get("spread_unknown", ""),
        measured_year=values["result_on"].year if "result_on" in values else None,
        data_quality=values["data_quality"],
        verification=_first_level(report, values),
        side_effects=values["side_effects"],
        side_effects_note=values.get("side_effects_note", ""),
        cost_amount=values.get("cost_amount"),
        cost_currency=values.get("cost_currency", "") if values.get("cost_amount") is not None else "",
        outcome=values.get("outcome", ""),
        answers=[dict(one) for one in answers],
        note=values.get("note", ""),
        source=values.get("source") or f"Reported to the Alliance by {report.organisation.name}",
        reported_by=report.organisation,
    )
    row.full_clean(exclude=["slug"])
    row.save()
    for old in superseded:
        _supersede(old, row)
    return row


def _date(value: date | None) -> str:
    """As exactly as it was told."""
    if value is None:
        return ""
    length = {"year": 4, "month": 7}.get(getattr(value, "precision", "day"), 10)
    return value.isoformat()[:length]


def _use_case_of(named: UseCase | Report) -> UseCase:
    use_case = named if isinstance(named, UseCase) else named.use_case
    if use_case is not None and use_case.merged_into_id is not None:
        use_case = use_case.merged_into
    if use_case is None:
        raise NotPublishableError(_("Accept the report of its use case first."))
    if use_case.status != Status.PUBLISHED:
        raise NotPublishableError(_("Its use case is not published."))
    return use_case


def _first_level(report: Report, values: Mapping[str, Any]) -> Verification:
    has_evidence = "source" in values or report.attachments.exists()
    return Verification.EVIDENCE_ATTACHED if has_evidence else Verification.DECLARED


def _results_to_supersede(report: Report) -> list[Result]:
    """The report's own from before it was withdrawn, and the one to correct."""
    rows = Result.objects.select_for_update().filter(pk__in=[report.result_id, report.corrects_result_id])
    found = {row.pk: row for row in rows.order_by("pk")}
    corrected = found.get(report.corrects_result_id or 0)
    if corrected is not None and corrected.state != ResultState.ACCEPTED:
        if corrected.superseded_by_id is None or corrected.superseded_by_id != report.result_id:
            raise NotPublishableError(_("The result that this corrects is no longer the current one."))
        del found[corrected.pk]  # it leads to the report's own, and will lead to the new one
    return list(found.values())


def _supersede(old: Result, new: Result) -> None:
    """The old one and those before it lead to the new one; what was promised is answered by it."""
    old.supersedes.update(superseded_by=new)
    Result.objects.filter(pk=old.pk).update(state=ResultState.SUPERSEDED, superseded_by=new)
    Registration.objects.filter(result=old).update(result=new)
