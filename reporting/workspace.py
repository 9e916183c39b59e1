"""What is mine: for the first page of the workspace."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from alliance.members.models import Invitation, Membership
from alliance.members.policies import is_editor
from kpis.models import Kpi, Result
from reporting.models import Import, Registration, Report
from reporting.states import State
from reporting.titles import titles
from standards.models import Standard
from usecases.models import UseCase

MOST, MOST_LOOKED_AT = 20, 200
MOST_USES = 8


@dataclass(frozen=True)
class Use:
    """One page on which records of mine count: of an indicator or a standard."""

    subject: Kpi | Standard
    mine: int
    all: int


@dataclass(frozen=True)
class Workspace:
    """Everything on the first page.

    Attributes:
        waiting: reports of which an editor wants more; each with `title` and `open_comments`.
        drafts: reports that nobody has seen yet; sent: those that the editors have.
        decided: the last ones that were accepted or not.
        promises: that are due and have no result yet.
        to_review: how many reports wait with the user as an editor; None for who is none.
    """

    memberships: Sequence[Membership]
    invitations: Sequence[Invitation]
    waiting: Sequence[Report]
    drafts: Sequence[Report]
    sent: Sequence[Report]
    decided: Sequence[Report]
    promises: Sequence[Registration]
    imports: Sequence[Import]
    use_cases: Sequence[UseCase]
    indicators: Sequence[Use]
    standards: Sequence[Use]
    to_review: int | None = None

    @property
    def may_report(self) -> bool:
        return any(m.role in ("owner", "contributor") and m.organisation.member_since for m in self.memberships)

    @property
    def is_empty(self) -> bool:
        return not (self.waiting or self.drafts or self.sent or self.decided)


def workspace_of(user: Any) -> Workspace:
    """Look up what is a user's, a fixed number of queries."""
    memberships = list(
        Membership.objects.current(user).select_related("organisation").order_by("organisation__name", "pk")
    )
    own = [membership.organisation_id for membership in memberships]
    reports = Report.objects.filter(organisation__in=own).annotate(
        open_comments=Count("comments", filter=Q(comments__resolved_at=None, comments__thread=None), distinct=True)
    )
    by_state: dict[str, list[Report]] = {}
    rows = reports.exclude(state__in=[State.WITHDRAWN, State.SUPERSEDED]).order_by("-updated_at", "-pk")[
        :MOST_LOOKED_AT
    ]
    called = titles(rows)
    for report in rows:
        report.title = called[report.pk]  # type: ignore[attr-defined]
        by_state.setdefault(report.state, []).append(report)
    use_cases = UseCase.objects.visible_to(None).filter(participations__organisation__in=own).distinct()
    return Workspace(
        memberships=memberships,
        invitations=list(
            Invitation.objects.filter(
                email__iexact=user.email, accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
            ).select_related("organisation")
        ),
        waiting=by_state.get(State.CHANGES_REQUESTED, [])[:MOST],
        drafts=by_state.get(State.DRAFT, [])[:MOST],
        sent=by_state.get(State.SUBMITTED, [])[:MOST],
        decided=[*by_state.get(State.ACCEPTED, []), *by_state.get(State.REJECTED, [])][:MOST_USES],
        promises=list(
            Registration.objects.filter(organisation__in=own, result=None)
            .select_related("kpi", "city")
            .order_by("due_on", "pk")[:MOST_USES]
        ),
        imports=list(Import.objects.filter(organisation__in=own)[:3]),
        use_cases=list(use_cases.for_cards().order_by("title", "pk")[:MOST]),
        indicators=_indicators(own),
        standards=_standards(own),
        to_review=user.assigned_reports.filter(state=State.SUBMITTED).count() if is_editor(user) else None,
    )


def _uses(rows: Any) -> list[Use]:
    return [Use(row, row.mine, row.everybody) for row in rows.order_by("-everybody", "pk")[:MOST_USES]]


def _indicators(own: Sequence[int]) -> list[Use]:
    """Indicators by which use cases of the organisations have published results, with all results by them."""
    public = Result.objects.visible_to(None)
    mine = public.filter(use_case__participations__organisation__in=own)
    return _uses(
        Kpi.objects.filter(pk__in=mine.values("kpi")).annotate(
            mine=Count("results", filter=Q(results__in=mine.values("pk")), distinct=True),
            everybody=Count("results", filter=Q(results__in=public.values("pk")), distinct=True),
        )
    )


def _standards(own: Sequence[int]) -> list[Use]:
    """Standards that use cases of the organisations name, with all use cases that name them."""
    public = UseCase.objects.visible_to(None)
    mine = public.filter(participations__organisation__in=own)
    return _uses(
        Standard.objects.filter(uses__use_case__in=mine.values("pk")).annotate(
            mine=Count("uses__use_case", filter=Q(uses__use_case__in=mine.values("pk")), distinct=True),
            everybody=Count("uses__use_case", filter=Q(uses__use_case__in=public.values("pk")), distinct=True),
        )
    )
