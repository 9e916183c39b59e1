"""Beside public records: who checked them, and the ways to check, correct and merge them for who may."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django import template

from alliance.members.models import Organisation, Role
from kpis.case_results import CaseResults
from kpis.models import Result
from reporting import policies
from reporting.models import VerificationCheck
from usecases.models import UseCase

register = template.Library()


@dataclass(frozen=True)
class Checked:
    """A result with its checks, the newest first."""

    result: Result
    checks: list[VerificationCheck]
    may_correct: bool


@register.inclusion_tag("reporting/review/_of_use_case.html", takes_context=True)
def checks_of(context: Any, use_case: UseCase, results: CaseResults) -> dict[str, Any]:
    """How the results of a use case were checked; and for members, what they may do about them. One query for visitors
    of a use case with results, none without any."""
    user = context.get("user")
    signed_in = bool(user and user.is_authenticated)
    found: defaultdict[int, list[VerificationCheck]] = defaultdict(list)
    keys = [result.pk for result in results]
    if keys:
        for check in VerificationCheck.objects.filter(result__in=keys).select_related("organisation"):
            found[check.result_id].append(check)
    mine = list(Organisation.objects.of(user, Role.OWNER, Role.CONTRIBUTOR)) if signed_in else []

    def may_correct(record: UseCase | Result) -> bool:
        return any(policies.may_correct(user, one, record) for one in mine)

    return {
        "use_case": use_case,
        "rows": [Checked(result, found[result.pk], may_correct(result)) for result in results],
        "signed_in": signed_in,
        "may_correct": may_correct(use_case),
        "may_merge": signed_in and policies.may_merge(user, use_case),
        "csrf_token": context.get("csrf_token"),
    }
