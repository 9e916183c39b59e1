"""Two public use cases that are one: what hangs on the second moves to the first, whose address both lead to."""

from collections.abc import Iterable

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from alliance.members.models import User
from kpis.models import Result, ResultState
from reporting import policies
from reporting.models import Merge, Registration, Report
from usecases.models import Status, UseCase

#: What makes two results of one use case the same.
_SAME = (
    *("kpi_id", "baseline_value", "result_value", "unit", "relative_change_percent"),
    *("measured_year", "method", "sample_size"),
)


@transaction.atomic
def merge_use_cases(*, kept: UseCase, merged: UseCase, actor: User, reason: str) -> UseCase:
    """Make one use case of two. The address of `merged` leads to `kept` from now on, and so do those of results that
    both had; the history of every row stays.

    Raises: PermissionDenied for who has a conflict in either; ValidationError.
    """
    if not policies.may_merge(actor, kept, merged):
        raise PermissionDenied
    if kept.pk == merged.pk:
        raise ValidationError(_("Name two different use cases."))
    if not reason.strip():
        raise ValidationError(_("Say why they are one."))
    rows = {
        row.pk: row for row in UseCase.objects.select_for_update().filter(pk__in=[kept.pk, merged.pk]).order_by("pk")
    }
    if len(rows) < 2 or any(row.status != Status.PUBLISHED for row in rows.values()):
        raise ValidationError(_("Both use cases have to be published."))
    kept, merged = rows[kept.pk], rows[merged.pk]
    _move_parts(kept, merged)
    _move_results(kept, merged)
    for report in Report.objects.filter(about=merged):
        Report.objects.filter(pk=report.pk).update(about=kept)
    Registration.objects.filter(use_case=merged).update(use_case=kept)
    merged.merged.update(merged_into=kept)
    merged.status, merged.merged_into = Status.WITHDRAWN, kept
    merged.save()
    kept.save()  # its parts changed: who edits it sees a new version
    Merge.objects.create(kept=kept, merged=merged, actor=actor, reason=reason.strip())
    return kept


def _move_parts(kept: UseCase, merged: UseCase) -> None:
    """Links and lessons that the kept one does not have yet. The others stay where they were, as history."""
    kept.technologies.add(*merged.technologies.all())
    there = set(kept.participations.values_list("organisation", flat=True))
    position = _after_last(kept.participations.aggregate(last=Max("position"))["last"])
    for number, one in enumerate(merged.participations.exclude(organisation__in=there)):
        one.use_case, one.position = kept, position + number
        one.save()
    named = set(kept.standard_uses.values_list("standard", "edition"))
    for use in merged.standard_uses.all():
        if (use.standard_id, use.edition_id) not in named:
            use.use_case = kept
            use.save()
    told = {one.strip().lower() for one in kept.lessons.values_list("advice", flat=True)}
    position = _after_last(kept.lessons.aggregate(last=Max("position"))["last"])
    new = [one for one in merged.lessons.all() if one.advice.strip().lower() not in told]
    for number, lesson in enumerate(new):
        lesson.use_case, lesson.position = kept, position + number
        lesson.save()


def _after_last(last: int | None) -> int:
    return 0 if last is None else last + 1


def _move_results(kept: UseCase, merged: UseCase) -> None:
    """Every result moves; of two that are the same the one that was checked more thoroughly stands."""
    standing = {_numbers(row): row for row in kept.results.filter(state=ResultState.ACCEPTED).order_by("-pk")}
    for row in _locked(merged):
        same = standing.get(_numbers(row)) if row.state == ResultState.ACCEPTED else None
        row.use_case = kept
        row.save(update_fields=["use_case"])
        if same is None:
            continue
        stays, goes = (row, same) if row.verification > same.verification else (same, row)
        goes.supersedes.update(superseded_by=stays)
        Result.objects.filter(pk=goes.pk).update(state=ResultState.SUPERSEDED, superseded_by=stays)
        Registration.objects.filter(result=goes).update(result=stays)
        standing[_numbers(stays)] = stays


def _locked(use_case: UseCase) -> Iterable[Result]:
    return list(use_case.results.select_for_update(of=("self",)).order_by("pk"))


def _numbers(row: Result) -> tuple:
    return tuple(getattr(row, name) for name in _SAME)
