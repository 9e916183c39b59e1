"""Writes of readers and members: challenges, their answers, and proposals. What editors decide: `editing.py`."""

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
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

#: Lock under which new practices get their addresses.
_NAMING = 7_301_013


class RefusedError(Exception):
    """It cannot be done now. The message is a sentence."""


def signature(user: User) -> str:
    """How a public word of this person is signed: by their organisation, else by their name."""
    organisation = Organisation.objects.of(user).order_by("name").first()
    return str(organisation) if organisation else user.get_full_name() or _("A registered reader")


@transaction.atomic
def open_challenge(*, practice: Practice, challenge: Challenge, actor: User) -> Challenge:
    """Publish an objection. Sent twice, it is one. Raises: PermissionDenied."""
    if not actor.is_authenticated:
        raise PermissionDenied
    one_at_a_time(actor)
    same = Challenge.objects.filter(
        practice=practice,
        opened_by=actor,
        state=ChallengeState.OPEN,
        subject=challenge.subject,
        use_case=challenge.use_case,
        reason=challenge.reason,
    )
    if (there := same.first()) is not None:
        return there
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
    """Hand a practice to the editors. Sent twice, it is one proposal.

    Raises: PermissionDenied for who is in no organisation.
    """
    organisation = Organisation.objects.of(actor).order_by("name").first() if actor.is_authenticated else None
    if organisation is None and not is_editor(actor):
        raise PermissionDenied
    one_at_a_time(actor)
    waiting = Practice.objects.filter(proposed_by=actor, state=PracticeState.PROPOSED, name=practice.name)
    if (there := waiting.filter(implementations__use_case=use_case).first()) is not None:
        return there
    practice.state, practice.proposed_by = PracticeState.PROPOSED, actor
    save_at_free_slug(practice)
    Implementation.objects.create(practice=practice, use_case=use_case, reason=reason, linked_by=organisation)
    return practice


def one_at_a_time(actor: User) -> None:
    """Let what one person sends twice at once happen one after the other. For use in a transaction."""
    User.objects.select_for_update(of=("self",), no_key=True).get(pk=actor.pk)


#: Words that stand in addresses below `/practices/` for something else.
RESERVED = frozenset({"propose", "rankings", "desk", "suggestions"})


def free_slug(name: str) -> str:
    """An address that no practice has or had."""
    base = slugify(name)[:70].strip("-") or "practice"
    for number in range(1, 1_000):
        slug = base if number == 1 else f"{base}-{number}"
        taken = Practice.objects.filter(slug=slug).exists() or FormerAddress.objects.filter(slug=slug).exists()
        if not taken and slug not in RESERVED:
            return slug
    raise RefusedError(_("Too many practices have this name."))


def save_at_free_slug(practice: Practice) -> None:
    """Save a new practice at an address made from its name, also while others do the same. For use in a transaction.

    Raises: RefusedError when too many have this name; ValidationError.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_NAMING])
    practice.slug = free_slug(practice.name)
    practice.full_clean()
    practice.save()
