"""Writes: challenges and their answers, proposals and what editors decide about practices."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from alliance.members.models import Organisation, User
from alliance.members.policies import is_editor
from practices.models import (
    Challenge,
    ChallengeState,
    FormerAddress,
    Implementation,
    Practice,
    PracticeState,
)
from usecases.models import UseCase


class RefusedError(Exception):
    """It cannot be done now. The message is a sentence."""


def signature(user: User) -> str:
    """How a public word of this person is signed: by their organisation, else by their name."""
    organisation = Organisation.objects.of(user).order_by("name").first()
    return str(organisation) if organisation else user.get_full_name() or _("A registered reader")


@transaction.atomic
def open_challenge(*, practice: Practice, challenge: Challenge, actor: User) -> Challenge:
    """Publish an objection. Raises: PermissionDenied."""
    if not actor.is_authenticated:
        raise PermissionDenied
    challenge.practice, challenge.opened_by, challenge.signed = practice, actor, signature(actor)
    challenge.state = ChallengeState.OPEN
    challenge.full_clean(exclude=["opened_by"])
    challenge.save()
    return challenge


@transaction.atomic
def answer_challenge(*, challenge: Challenge, state: str, answer: str, actor: User) -> Challenge:
    """Close a challenge with an answer. Raises: PermissionDenied; RefusedError when it is closed already."""
    if not is_editor(actor):
        raise PermissionDenied
    challenge = Challenge.objects.select_for_update(of=("self",)).get(pk=challenge.pk)
    if challenge.state != ChallengeState.OPEN:
        raise RefusedError(_("This challenge is answered already."))
    challenge.state, challenge.answer = state, answer
    challenge.answered_at, challenge.answered_by = timezone.now(), actor
    challenge.full_clean(exclude=["opened_by"])
    challenge.save()
    return challenge


@transaction.atomic
def propose_practice(*, practice: Practice, use_case: UseCase, reason: str, actor: User) -> Practice:
    """Hand a practice to the editors. Raises: PermissionDenied for who is in no organisation."""
    organisation = Organisation.objects.of(actor).order_by("name").first() if actor.is_authenticated else None
    if organisation is None and not is_editor(actor):
        raise PermissionDenied
    practice.slug = free_slug(practice.name)
    practice.state, practice.proposed_by = PracticeState.PROPOSED, actor
    practice.full_clean()
    practice.save()
    Implementation.objects.create(practice=practice, use_case=use_case, reason=reason, linked_by=organisation)
    return practice


def free_slug(name: str) -> str:
    """An address that no practice has or had."""
    base = slugify(name)[:70] or "practice"
    for number in range(1, 1_000):
        slug = base if number == 1 else f"{base}-{number}"
        taken = Practice.objects.filter(slug=slug).exists() or FormerAddress.objects.filter(slug=slug).exists()
        if not taken:
            return slug
    raise RefusedError(_("Too many practices have this name."))


@transaction.atomic
def decide(*, practice: Practice, state: str, reason: str, actor: User) -> Practice:
    """Accept a proposal, as established or emerging, or withdraw a practice.

    Raises: PermissionDenied; RefusedError for a practice that was merged.
    """
    if not is_editor(actor):
        raise PermissionDenied
    practice = Practice.objects.select_for_update(of=("self",)).get(pk=practice.pk)
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
def merge(*, practice: Practice, into: Practice, reason: str, actor: User) -> Practice:
    """Let one practice stand for another as well: its use cases come along, its address leads there.

    Raises: PermissionDenied; RefusedError for a practice and itself, or one that is merged away.
    """
    if not is_editor(actor):
        raise PermissionDenied
    both = {
        one.pk: one
        for one in Practice.objects.select_for_update(of=("self",)).filter(pk__in=[practice.pk, into.pk]).order_by("pk")
    }
    practice, into = both[practice.pk], both[into.pk]
    if practice.pk == into.pk or PracticeState.MERGED in (practice.state, into.state):
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
def split(*, practice: Practice, name: str, use_cases: list[UseCase], reason: str, actor: User) -> Practice:
    """Make a new practice of some use cases of one. The old one keeps its address, its other cases and its history.

    Raises: PermissionDenied; RefusedError when nothing would be left on one side.
    """
    if not is_editor(actor):
        raise PermissionDenied
    moving = practice.implementations.filter(use_case__in=use_cases)
    if not moving or len(moving) == practice.implementations.count():
        raise RefusedError(_("Each of the two needs a use case."))
    fresh = Practice.objects.create(
        slug=free_slug(name),
        name=name,
        summary=practice.summary,
        vertical_id=practice.vertical_id,
        primary_kpi_id=practice.primary_kpi_id,
        state=practice.state,
        state_reason=reason,
    )
    moving.update(practice=fresh)
    return fresh
