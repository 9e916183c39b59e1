"""Records and reports that may tell the same as a report: by title, place, dates and numbers.

Who reports sees public records and what the own organisation reports; an editor sees all reports that were submitted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.contrib.postgres.search import TrigramSimilarity
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from kpis.models import Result
from kpis.standing import change_percent
from reporting import policies
from reporting.checking import check
from reporting.models import Kind, Report
from reporting.states import State
from reporting.titles import titles
from reporting.words import alike
from usecases.models import City, UseCase

#: Titles as alike as this are suspicious in one city, or anywhere.
IN_CITY, ANYWHERE = 0.3, 0.6
#: Years that two accounts of one project may lie apart.
YEARS = 1
MOST = 5
#: Open reports that are looked at: the newest.
MOST_REPORTS = 300


@dataclass(frozen=True)
class Suspect:
    """A record or a report that may tell the same, and why it is thought so.

    Attributes:
        likeness: 0 to 1.
        reasons: sentences.
    """

    record: UseCase | Result | Report
    title: str
    address: str
    likeness: float
    reasons: Sequence[str]


def suspects(report: Report, user: Any, values: dict[str, Any] | None = None) -> list[Suspect]:
    """What may tell the same as a report, the likeliest first.

    Args:
        values: of `Checked.values`, when they are at hand.
    """
    if values is None:
        values = check(report.kind, report.entries, organisation=report.organisation, report=report).values
    found = [*(_use_cases if report.kind == Kind.USE_CASE else _results)(report, values)]
    found += _reports(report, values, user)
    found.sort(key=lambda one: (-one.likeness, one.title))
    return found[:MOST]


# --- public records --------------------------------------------------------------------------------------------------
def _use_cases(report: Report, values: dict[str, Any]) -> Iterator[Suspect]:
    title, city = values.get("title", ""), values.get("city")
    if not title:
        return
    here = Q(city=city) if isinstance(city, City) else Q(pk=None)
    rows = (
        UseCase.objects.visible_to(None)
        .select_related("city")
        .exclude(pk__in=_own(report.corrects_use_case_id, report.use_case_id))
    )
    # `%` reads an index; its threshold is PostgreSQL's own, 0.3.
    rows = rows.filter(here | Q(title__trigram_similar=title)).annotate(likeness=TrigramSimilarity("title", title))
    rows = rows.filter(Q(likeness__gte=ANYWHERE) | (here & Q(likeness__gte=IN_CITY)))
    for row in rows.order_by("-likeness", "pk")[:MOST]:
        reasons = [_("The titles are alike.")]
        reasons += [_("It is in the same city.")] if row.city == city else []
        reasons += _years(values.get("started_year"), row.started_year)
        weight = row.likeness + 0.2 * (len(reasons) - 1)
        yield Suspect(row, f"{row.title}, {row.city}", row.get_absolute_url(), min(1, weight), reasons)


def _own(*keys: int | None) -> list[int]:
    """The record that a report corrects, and the one that came of it: neither is another one."""
    return [key for key in keys if key is not None]


def _years(one: int | None, other: int | None) -> list[str]:
    near = one is not None and other is not None and abs(one - other) <= YEARS
    return [_("They began at about the same time.")] if near else []


def _results(report: Report, values: dict[str, Any]) -> Iterator[Suspect]:
    kpi, use_case = values.get("kpi"), values.get("use_case")
    if kpi is None or use_case is None:
        return
    city = use_case.city_id if isinstance(use_case, UseCase) else None
    rows = Result.objects.visible_to(None).filter(kpi=kpi)
    rows = rows.exclude(pk__in=_own(report.corrects_result_id, report.result_id))
    rows = rows.filter(Q(use_case=use_case.pk) if city is None else Q(use_case__city=city)) if _is_public(
        use_case
    ) else rows.none()  # fmt: skip
    for row in rows.select_related("kpi", "use_case__city").order_by("pk")[:50]:
        reasons = _same_numbers(values, row)
        is_same_case = row.use_case_id == use_case.pk
        if not (reasons or is_same_case):
            continue
        if is_same_case:
            reasons = [_("It is of the same use case, by the same indicator."), *reasons]
        else:
            reasons = [_("It is of the same city, by the same indicator."), *reasons]
        likeness = 0.4 * is_same_case + 0.3 * len(reasons[1:])
        yield Suspect(row, f"{row.kpi}, {row.use_case}", row.get_absolute_url(), min(1, likeness), reasons)


def _is_public(use_case: UseCase | Report) -> bool:
    return isinstance(use_case, UseCase)


def _same_numbers(values: dict[str, Any], row: Result) -> list[str]:
    reasons = []
    change = change_percent(
        values.get("baseline_value"), values.get("result_value"), values.get("relative_change_percent")
    )
    same_values = values.get("result_value") is not None and values["result_value"] == row.result_value
    same_change = change is not None and row.change_percent is not None and abs(change - row.change_percent) < 1
    if same_values or same_change:
        reasons.append(_("The numbers are the same."))
    if "result_on" in values and row.measured_year == values["result_on"].year:
        reasons.append(_("They were measured in the same year."))
    return reasons


# --- other reports ---------------------------------------------------------------------------------------------------
def _reports(report: Report, values: dict[str, Any], user: Any) -> Iterator[Suspect]:
    """Open reports that the reader may see and that tell the same; those of others only to who may review this one."""
    rows: QuerySet[Report] = Report.objects.visible_to(user).filter(kind=report.kind)
    reviews = policies.may_review(user, report)
    if not reviews:
        rows = rows.filter(organisation=report.organisation_id)
    rows = rows.filter(state__in=[State.DRAFT, State.SUBMITTED, State.CHANGES_REQUESTED]).exclude(pk=report.pk)
    like = _like_use_case if report.kind == Kind.USE_CASE else _like_result
    looked_at = rows.select_related("organisation").order_by("-updated_at", "-pk")[:MOST_REPORTS]
    found = [(row, *told) for row in looked_at if (told := like(report, row))[1]]
    called = titles(row for row, _likeness, _reasons in found)
    for row, likeness, reasons in found:
        reasons = [_("It is a report by %(name)s.") % {"name": row.organisation}, *reasons]
        address = reverse("review:report", args=[row.key]) if reviews else row.get_absolute_url()
        yield Suspect(row, called[row.pk], address, likeness, reasons)


def _entry(report: Report, name: str) -> str:
    return alike(str(report.entries.get(name) or ""))


def _like_use_case(one: Report, other: Report) -> tuple[float, list[str]]:
    title, there = _entry(one, "title"), _entry(other, "title")
    if not title or not there:
        return 0, []
    likeness = SequenceMatcher(None, title, there).ratio()
    city = _entry(one, "city").partition(",")[0]
    same_city = bool(city) and city == _entry(other, "city").partition(",")[0]
    if likeness < (0.6 if same_city else 0.85):
        return 0, []
    return likeness, [_("The titles are alike."), *([_("It is in the same city.")] if same_city else [])]


def _like_result(one: Report, other: Report) -> tuple[float, list[str]]:
    same = [
        name
        for name in ("use_case", "kpi", "result_value", "relative_change_percent", "result_on")
        if _entry(one, name) and _entry(one, name) == _entry(other, name)
    ]
    if "kpi" not in same or len(same) < 3:
        return 0, []
    reasons = [_("It is by the same indicator.")]
    reasons += [_("It is of the same use case.")] if "use_case" in same else []
    reasons += [_("The numbers are the same.")] if {"result_value", "relative_change_percent"} & set(same) else []
    return 0.2 * len(same), reasons
