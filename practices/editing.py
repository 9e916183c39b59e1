"""What editors decide about practices: suggestions of the search, splits, merges, states and confirmed harm.

Every decision locks what it decides about, so that of two editors at once the second is told, and none is lost.
"""

from collections.abc import Mapping

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from alliance.members.models import User
from alliance.members.policies import is_editor
from practices.models import (
    PUBLIC_STATES,
    Evidence,
    Implementation,
    Practice,
    PracticeState,
    Suggestion,
    SuggestionState,
)
from practices.services import RefusedError, save_at_free_slug
from practices.synthesis import FEWEST_CITIES
from usecases.models import UseCase


def _only_editors(actor: User) -> None:
    if not is_editor(actor):
        raise PermissionDenied


def _locked(practice: Practice, seen: int | None = None) -> Practice:
    """The practice, kept from others until the transaction ends. Raises: RefusedError when it changed since `seen`."""
    found = Practice.objects.select_for_update(of=("self",)).get(pk=practice.pk)
    if seen is not None and found.version != seen:
        raise RefusedError(_("Somebody changed this practice meanwhile. Look at it once more, then decide."))
    return found


@transaction.atomic
def decide(*, practice: Practice, state: str, reason: str, actor: User, seen: int | None = None) -> Practice:
    """Accept a proposal, as established or emerging, or withdraw a practice.

    Raises: PermissionDenied; RefusedError for a practice that was merged, or that changed since `seen`.
    """
    _only_editors(actor)
    practice = _locked(practice, seen)
    if practice.state == PracticeState.MERGED or state not in (
        PracticeState.ACCEPTED,
        PracticeState.EMERGING,
        PracticeState.WITHDRAWN,
    ):
        raise RefusedError(_("This practice cannot take this state."))
    practice.state, practice.state_reason = state, reason
    practice.full_clean()
    practice.save()
    return practice


@transaction.atomic
def confirm_harm(*, practice: Practice, harm: str, actor: User, seen: int | None = None) -> Practice:
    """Say what harm a practice did, which caps its certainty; empty takes it back.

    Raises: PermissionDenied; RefusedError for a practice that was merged, or that changed since `seen`.
    """
    _only_editors(actor)
    practice = _locked(practice, seen)
    if practice.state == PracticeState.MERGED:
        raise RefusedError(_("This practice was merged into another."))
    practice.harm_confirmed = harm
    practice.full_clean()
    practice.save()
    return practice


@transaction.atomic
def merge(*, practice: Practice, into: Practice, reason: str, actor: User, seen: int | None = None) -> Practice:
    """Let one practice stand for another as well: its use cases come along, its address leads there.

    Raises: PermissionDenied; RefusedError for a practice and itself, one that is merged away, one that visitors do not
    see, or when it changed since `seen`.
    """
    _only_editors(actor)
    both = {
        one.pk: one
        for one in Practice.objects.select_for_update(of=("self",)).filter(pk__in=[practice.pk, into.pk]).order_by("pk")
    }
    into = both[into.pk]
    practice = _locked(practice, seen)
    if practice.pk == into.pk or practice.state == PracticeState.MERGED or into.state not in PUBLIC_STATES:
        raise RefusedError(_("These two cannot be merged."))
    there = set(into.implementations.values_list("use_case_id", flat=True))
    for link in practice.implementations.exclude(use_case__in=there):
        Implementation.objects.create(
            practice=into, use_case_id=link.use_case_id, reason=link.reason, linked_by_id=link.linked_by_id
        )
    Practice.objects.filter(merged_into=practice).update(merged_into=into)
    practice.state, practice.merged_into, practice.state_reason = PracticeState.MERGED, into, reason
    practice.save()
    return into


@transaction.atomic
def split(
    *,
    practice: Practice,
    name: str,
    use_cases: list[UseCase],
    reason: str,
    actor: User,
    summary: str = "",
    seen: int | None = None,
) -> Practice:
    """Make a new practice of some use cases of one. The old one keeps its address, its other cases and its history.

    Raises: PermissionDenied; RefusedError when nothing would be left on one side, for a practice that was merged, or
    that changed since `seen`.
    """
    _only_editors(actor)
    practice = _locked(practice, seen)
    if practice.state == PracticeState.MERGED:
        raise RefusedError(_("This practice was merged into another."))
    links = dict(practice.implementations.values_list("use_case_id", "pk"))
    moving = [links[case.pk] for case in use_cases if case.pk in links]
    if not moving or len(moving) == len(links):
        raise RefusedError(_("Each of the two needs a use case."))
    fresh = Practice(
        name=name,
        summary=summary or practice.summary,
        vertical_id=practice.vertical_id,
        primary_kpi_id=practice.primary_kpi_id,
        state=practice.state,
        state_reason=reason,
    )
    save_at_free_slug(fresh)
    Implementation.objects.filter(pk__in=moving).update(practice=fresh)
    # The version tells other editors that this practice is another one now.
    practice.save()
    return fresh


# --- suggestions -----------------------------------------------------------------------------------------------------
def _open_suggestion(suggestion: Suggestion) -> Suggestion:
    found = Suggestion.objects.select_for_update(of=("self",)).filter(pk=suggestion.pk).first()
    if found is None:
        raise RefusedError(_("The search has taken this suggestion back: its use cases changed."))
    if found.state != SuggestionState.OPEN:
        raise RefusedError(_("Somebody has decided about this suggestion already."))
    return found


def _close(suggestion: Suggestion, state: str, reason: str, actor: User) -> None:
    suggestion.state, suggestion.reason = state, reason
    suggestion.decided_at, suggestion.decided_by = timezone.now(), actor
    suggestion.save()


@transaction.atomic
def accept_suggestion(
    *, suggestion: Suggestion, practice: Practice, reasons: Mapping[str, str], reason: str, actor: User
) -> Practice:
    """Make a practice of a suggestion as the editor has worded it. It is called emerging until enough cities measured
    what it is judged by.

    Args: reasons: slug of a use case of the suggestion -> why it carries the practice out.
    Raises: PermissionDenied; RefusedError when it is decided already, or when no use case is left.
    """
    _only_editors(actor)
    suggestion = _open_suggestion(suggestion)
    slugs = set(suggestion.slugs)
    cases = UseCase.objects.visible_to(None).filter(slug__in=[slug for slug in reasons if slug in slugs])
    if not cases:
        raise RefusedError(_("A practice needs a use case."))
    measured = (
        cases.filter(results__kpi=practice.primary_kpi, results__state="accepted").values("city").distinct().count()
    )
    practice.state = PracticeState.ACCEPTED if measured >= FEWEST_CITIES else PracticeState.EMERGING
    practice.state_reason = reason
    save_at_free_slug(practice)
    Implementation.objects.bulk_create(
        [Implementation(practice=practice, use_case=case, reason=reasons[case.slug]) for case in cases.order_by("slug")]
    )
    suggestion.practice = practice
    _close(suggestion, SuggestionState.ACCEPTED, reason, actor)
    return practice


@transaction.atomic
def reject_suggestion(*, suggestion: Suggestion, reason: str, actor: User) -> None:
    """The same use cases are not suggested again. Raises: PermissionDenied; RefusedError when it is decided already."""
    _only_editors(actor)
    _close(_open_suggestion(suggestion), SuggestionState.REJECTED, reason, actor)


def grown_up() -> list[Practice]:
    """Practices that are still called emerging though their evidence gives a finding by now. One query."""
    rows = Evidence.objects.filter(practice__state=PracticeState.EMERGING).select_related("practice")
    return [one.practice for one in rows.order_by("practice__name") if one.body["families"][0]["pooled"]]
