"""Invitations: an owner asks a person to join an organisation. The link is in the mail only, and works once."""

import hashlib
import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from alliance.members import mailing, notices, policies
from alliance.members.models import Invitation, Membership, Organisation, Role, User

VALID_FOR = timedelta(days=14)
#: Invitations of one organisation that wait at the same time.
MOST_WAITING = 100


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def waiting(organisation: Organisation):
    """Invitations that can still be taken, newest first."""
    return organisation.invitations.filter(
        accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    ).select_related("invited_by")


def find(token: str) -> Invitation | None:
    """The invitation that a link names, whether it can still be taken or not; None when the link is forged."""
    return Invitation.objects.select_related("organisation").filter(token_digest=digest_of(token)).first()


def is_open(invitation: Invitation) -> bool:
    return invitation.accepted_at is None and invitation.revoked_at is None and invitation.expires_at > timezone.now()


def was_taken_by(invitation: Invitation, user: policies.Someone) -> bool:
    """Whether a person took it and still belongs to the organisation."""
    if not user.is_authenticated or invitation.accepted_by_id != user.pk:
        return False
    return Organisation.objects.of(user).filter(pk=invitation.organisation_id).exists()


def path_of(token: str, language: str) -> str:
    with translation.override(language):
        return reverse("join:invitation", args=[token])


def make(*, organisation: Organisation, email: str, role: str, invited_by: User | None) -> tuple[Invitation, str]:
    """Write an invitation; an earlier one to the same address that waits is taken back. Its mail is the caller's.

    Returns: the invitation, and the token of its link, which is stored nowhere.
    """
    token = secrets.token_urlsafe(32)
    now = timezone.now()
    for earlier in waiting(organisation).filter(email__iexact=email):
        earlier.revoked_at = now
        earlier.save(update_fields=["revoked_at"])
    invitation = Invitation(
        organisation=organisation,
        email=email,
        role=role,
        token_digest=digest_of(token),
        invited_by=invited_by,
        expires_at=now + VALID_FOR,
    )
    invitation.full_clean()
    invitation.save()
    return invitation, token


@transaction.atomic
def invite(*, organisation: Organisation, actor: policies.Someone, email: str, role: str, language: str) -> Invitation:
    """Ask a person by mail to join an organisation that is a member.

    Raises: PermissionDenied; ValidationError when the person belongs to it already, or too many invitations wait.
    """
    organisation = Organisation.objects.select_for_update().get(pk=organisation.pk)
    if not policies.may_manage(actor, organisation) or organisation.member_since is None:
        raise PermissionDenied
    if people_with(email).filter(memberships__in=Membership.objects.current().filter(organisation=organisation)):
        raise ValidationError(_("This person belongs to the organisation already."))
    if waiting(organisation).count() >= MOST_WAITING:
        raise ValidationError(_("Too many invitations wait. Take some back first."))
    invitation, token = make(organisation=organisation, email=email, role=role, invited_by=actor)
    mailing.queue(
        to=email,
        purpose="invitation",
        reference=str(invitation.pk),
        template="members/mail/invitation",
        context={
            "organisation": organisation.name,
            "role": role,
            "path": path_of(token, language),
            "days": VALID_FOR.days,
        },
        language=language,
    )
    return invitation


def people_with(email: str):
    """Whoever has an address, confirmed or as a login."""
    confirmed = EmailAddress.objects.filter(email__iexact=email, verified=True).values("user")
    return User.objects.filter(pk__in=confirmed) | User.objects.filter(email__iexact=email)


def is_address_of(user: User, email: str) -> bool:
    """Whether a person has confirmed an address."""
    return EmailAddress.objects.filter(user=user, email__iexact=email, verified=True).exists()


@transaction.atomic
def take_back(*, invitation: Invitation, actor: policies.Someone) -> Invitation:
    """End an invitation that waits; one that was taken or has ended stays as it is. Raises: PermissionDenied."""
    if not policies.may_manage(actor, invitation.organisation):
        raise PermissionDenied
    invitation = Invitation.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=invitation.pk)
    if is_open(invitation):
        invitation.revoked_at = timezone.now()
        invitation.save(update_fields=["revoked_at"])
    return invitation


class Gone(Exception):  # noqa: N818  (what happened, not a fault)
    """The invitation was taken, taken back, has expired, or never was."""


@transaction.atomic
def take(*, token: str, user: User) -> Membership:
    """Let a person join by the link of an invitation. Taken again by the same person, it changes nothing.

    A person who belongs to the organisation already gets the role of the invitation when it is the higher one.
    Raises: Gone.
    """
    invitation = find(token)
    if invitation is None:
        raise Gone
    # The organisation first, as everywhere: two that wait for each other would both be stopped by PostgreSQL.
    organisation = Organisation.objects.select_for_update().get(pk=invitation.organisation_id)
    invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    membership = Membership.objects.current(user).filter(organisation=organisation).first()
    if membership is not None and was_taken_by(invitation, user):
        return membership
    if not is_open(invitation):
        raise Gone
    if membership is None:
        membership = Membership.objects.create(user=user, organisation=organisation, role=invitation.role)
    elif Role.values.index(invitation.role) < Role.values.index(membership.role):
        membership.role = invitation.role
        membership.save(update_fields=["role"])
    invitation.accepted_at, invitation.accepted_by = timezone.now(), user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    others = Membership.objects.current(None, Role.OWNER).filter(organisation=organisation).exclude(user=user)
    notices.tell(
        others.values_list("user", flat=True),
        kind="invitation-taken" if is_address_of(user, invitation.email) else "invitation-taken-by-other-address",
        reference=str(invitation.pk),
        path=f"/workspace/organisations/{organisation.slug}/",
        values={"person": user.name or str(_("Somebody without a name")), "organisation": organisation.name},
    )
    return membership


notices.register("invitation-taken", _("%(person)s has joined %(organisation)s."))
notices.register(
    "invitation-taken-by-other-address",
    _("%(person)s has joined %(organisation)s, with another address than the one that you invited."),
)
