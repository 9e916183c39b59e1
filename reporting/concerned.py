"""Which organisations took part in what is reported: those tied to one of them keep out of its review."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q
from django.db.models.functions import Lower

from alliance.members.models import Interest, Organisation
from kpis.models import Result
from reporting.known import named_organisations, slug_of
from reporting.models import Kind, Report
from usecases.models import Participation, UseCase


def organisations_in(reports: Iterable[Report]) -> Mapping[int, frozenset[int]]:
    """Primary key of a report -> the organisations that took part in what it tells: who reports, whom the entries name,
    and whoever took part in the use case whose record or result it is. Six queries for any number of reports."""
    reports = list(reports)
    found: dict[int, set[int]] = {report.pk: {report.organisation_id} for report in reports}
    behind = _reports_behind(reports)
    names: defaultdict[str, set[int]] = defaultdict(set)
    for report in reports:
        for one in (report, *behind.get(report.pk, ())):
            for name in named_organisations(one.entries):
                names[str(name).strip().lower()].add(report.pk)
    rows = Organisation.objects.annotate(lower=Lower("name")).filter(Q(lower__in=names) | Q(slug__in=names))
    for pk, lower, slug in rows.values_list("pk", "lower", "slug"):
        for report_id in names.get(lower, set()) | names.get(slug, set()):
            found[report_id].add(pk)
    cases = _use_cases(reports, behind)
    taking_part = in_use_cases({pk for pks in cases.values() for pk in pks})
    for report_id, pks in cases.items():
        for pk in pks:
            found[report_id] |= taking_part[pk]
    return {pk: frozenset(organisations) for pk, organisations in found.items()}


def in_report(report: Report) -> frozenset[int]:
    """Those of one report."""
    return organisations_in([report])[report.pk]


def in_use_cases(use_cases: Iterable[int]) -> Mapping[int, frozenset[int]]:
    """Primary key of a use case -> the organisations that took part in it or reported it. Two queries."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    keys = list(use_cases)
    rows = Participation.objects.filter(use_case__in=keys).order_by()
    for use_case, organisation in rows.values_list("use_case", "organisation"):
        found[use_case].add(organisation)
    reporters = UseCase.objects.filter(pk__in=keys, reported_by__isnull=False).order_by()
    for use_case, organisation in reporters.values_list("pk", "reported_by"):
        found[use_case].add(organisation)
    return defaultdict(frozenset, {pk: frozenset(organisations) for pk, organisations in found.items()})


def in_result(result: Result) -> frozenset[int]:
    """The organisations that took part in the use case of a result, or reported either."""
    own = frozenset() if result.reported_by_id is None else frozenset({result.reported_by_id})
    return in_use_cases([result.use_case_id])[result.use_case_id] | own


def _named_use_case(report: Report) -> str:
    return slug_of(str(report.entries.get("use_case") or "").strip()) if report.kind == Kind.RESULT else ""


def _reports_behind(reports: Iterable[Report]) -> Mapping[int, list[Report]]:
    """Primary key of a report of a result -> reports of the use case that it may mean, of the same organisation."""
    names: Any = {report.pk: _named_use_case(report) for report in reports}
    wanted = {name for name in names.values() if name}
    about = [report.about_report_id for report in reports if report.about_report_id is not None]
    if not wanted and not about:
        return {}
    rows = list(
        Report.objects.filter(kind=Kind.USE_CASE)
        .filter(Q(pk__in=about) | Q(key__in=wanted) | Q(entries__title__in=wanted))
        .order_by("pk")
    )
    return {
        report.pk: [
            row
            for row in rows
            if row.organisation_id == report.organisation_id
            and (
                row.pk == report.about_report_id
                or (names[report.pk] and names[report.pk] in (row.key, str(row.entries.get("title") or "").strip()))
            )
        ]
        for report in reports
    }


def _use_cases(reports: Iterable[Report], behind: Mapping[int, list[Report]]) -> Mapping[int, set[int]]:
    """Primary key of a report -> the public use cases that it is about, or may mean."""
    names = {report.pk: _named_use_case(report) for report in reports}
    wanted = {name.lower() for name in names.values() if name}
    by_name: defaultdict[str, set[int]] = defaultdict(set)
    if wanted:
        rows = UseCase.objects.annotate(lower=Lower("title")).filter(Q(slug__in=wanted) | Q(lower__in=wanted))
        for pk, slug, lower in rows.values_list("pk", "slug", "lower"):
            by_name[slug].add(pk)
            by_name[lower].add(pk)
    corrected = [report.corrects_result_id for report in reports if report.corrects_result_id is not None]
    of_result = dict(Result.objects.filter(pk__in=corrected).values_list("pk", "use_case")) if corrected else {}
    found: dict[int, set[int]] = {}
    for report in reports:
        keys = [report.about_id, report.use_case_id, report.corrects_use_case_id]
        keys += [one.use_case_id for one in behind.get(report.pk, ())]
        if report.corrects_result_id is not None:
            keys.append(of_result.get(report.corrects_result_id))
        found[report.pk] = by_name.get(names[report.pk].lower(), set()) | {key for key in keys if key is not None}
    return found


def tied_to(organisation: Organisation) -> frozenset[int]:
    """Organisations that a current interest ties to this one, in either direction. One query."""
    rows = Interest.objects.current().filter(Q(organisation=organisation) | Q(about=organisation, user=None))
    pairs = rows.values_list("organisation", "about")
    return frozenset(one for pair in pairs for one in pair if one is not None) - {organisation.pk}
