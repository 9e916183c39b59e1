"""Who belongs to an organisation, in which role; and its own words. An organisation never loses its last owner."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alliance.members import notices, policies
from alliance.members.models import Membership, Organisation, Role

#: What owners may change of their organisation.
OWN_WORDS = ("about", "url", "country", "place")


class ChangedMeanwhile(Exception):  # noqa: N818  (what happened, not a fault)
    """Somebody else saved the organisation after the form was shown: 412, with both texts."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        super().__init__(organisation.slug)


class LastOwnerError(ValidationError):
    """An organisation keeps at least one owner."""

    def __init__(self) -> None:
        super().__init__(
            _("This is the last owner. Make somebody else an owner first, so that nothing is left without anybody.")
        )


def people_of(organisation: Organisation) -> QuerySet[Membership]:
    """Everybody who belongs to it now: owners first, then by name."""
    return (
        Membership.objects.current()
        .filter(organisation=organisation)
        .select_related("user")
        .order_by(_role_order(), "user__name", "pk")
    )


def _role_order() -> Case:
    return Case(
        *[When(role=role, then=Value(number)) for number, role in enumerate(Role.values)], output_field=IntegerField()
    )


def is_last_owner(membership: Membership) -> bool:
    """Whether nobody else owns the organisation."""
    owners = Membership.objects.current(None, Role.OWNER).filter(organisation=membership.organisation_id)
    return (
        membership.ended_at is None
        and membership.role == Role.OWNER
        and not owners.filter(user__is_active=True).exclude(pk=membership.pk).exists()
    )


def _locked(membership: Membership) -> Membership:
    """The membership as it is now. Its organisation is locked: who changes owners waits for who is at it.

    Raises: ValidationError when it has ended.
    """
    Organisation.objects.select_for_update().get(pk=membership.organisation_id)
    fresh = Membership.objects.select_related("organisation", "user").get(pk=membership.pk)
    if fresh.ended_at is not None:
        raise ValidationError(_("This person does not belong to the organisation any more."))
    return fresh


@transaction.atomic
def change_role(*, membership: Membership, actor: policies.Someone, role: str) -> Membership:
    """Give a person another role. Raises: PermissionDenied; LastOwnerError; ValidationError."""
    membership = _locked(membership)
    if not policies.may_manage(actor, membership.organisation):
        raise PermissionDenied
    if role not in Role.values:
        raise ValidationError(_("There is no such role."))
    if role == membership.role:
        return membership
    if is_last_owner(membership):
        raise LastOwnerError
    membership.role = role
    membership.save(update_fields=["role"])
    _tell(membership, actor, "role-changed")
    return membership


@transaction.atomic
def end(*, membership: Membership, actor: policies.Someone) -> Membership:
    """Take a person out, or leave. What the person wrote stays, with its author.

    Raises: PermissionDenied; LastOwnerError; ValidationError.
    """
    membership = _locked(membership)
    if membership.user_id != actor.pk and not policies.may_manage(actor, membership.organisation):
        raise PermissionDenied
    if is_last_owner(membership):
        raise LastOwnerError
    membership.ended_at = timezone.now()
    membership.save(update_fields=["ended_at"])
    _tell(membership, actor, "membership-ended")
    return membership


@transaction.atomic
def transfer(*, membership: Membership, actor: policies.Someone) -> Membership:
    """Make somebody else the owner in the actor's place, who goes on as a contributor.

    Args:
        membership: of who becomes the owner.
    Raises: PermissionDenied when the actor is no owner; ValidationError.
    """
    if not actor.is_authenticated:
        raise PermissionDenied
    membership = _locked(membership)
    own = Membership.objects.current(actor, Role.OWNER).filter(organisation=membership.organisation_id).first()
    if own is None:
        raise PermissionDenied
    if not membership.user.is_active:
        raise ValidationError(_("This account is closed."))
    if membership.pk == own.pk:
        return membership
    if membership.role != Role.OWNER:
        membership.role = Role.OWNER
        membership.save(update_fields=["role"])
        _tell(membership, actor, "role-changed")
    own.role = Role.CONTRIBUTOR
    own.save(update_fields=["role"])
    return membership


def _tell(membership: Membership, actor: policies.Someone, kind: str) -> None:
    if membership.user_id == actor.pk:
        return
    gone = membership.ended_at is not None
    slug = membership.organisation.slug
    notices.tell(
        [membership.user_id],
        kind=kind,
        reference=f"{membership.pk}.{membership.version}",
        path=f"/organisations/{slug}/" if gone else f"/workspace/organisations/{slug}/",
        values={"organisation": membership.organisation.name},
    )


@transaction.atomic
def edit(*, organisation: Organisation, actor: policies.Someone, version: int, words: dict[str, Any]) -> Organisation:
    """Save an organisation's own words.

    Args:
        version: of the organisation that the form was shown with.
        words: some of `OWN_WORDS`.
    Raises: PermissionDenied; ChangedMeanwhile; ValidationError.
    """
    organisation = Organisation.objects.select_for_update().get(pk=organisation.pk)
    if not policies.may_manage(actor, organisation):
        raise PermissionDenied
    if organisation.version != version:
        raise ChangedMeanwhile(organisation)
    for name in OWN_WORDS:
        if name in words:
            setattr(organisation, name, words[name])
    organisation.full_clean()
    organisation.save()
    return organisation


notices.register("role-changed", _("Your role at %(organisation)s is another one now."))
notices.register("membership-ended", _("You do not belong to %(organisation)s any more."))
