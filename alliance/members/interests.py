"""Interests that people and organisations declare, and how they end. Who may not review because of them: `policies`."""

from datetime import date

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alliance.members import policies
from alliance.members.models import Interest, Organisation, User


@transaction.atomic
def declare(
    *,
    actor: User,
    kind: str,
    about: Organisation,
    organisation: Organisation | None = None,
    note: str = "",
    started_on: date | None = None,
) -> Interest:
    """Declare an interest of the actor, or of an organisation that the actor manages.

    Raises: PermissionDenied; ValidationError, when it is declared already or makes no sense.
    """
    if organisation is not None and not policies.may_manage(actor, organisation):
        raise PermissionDenied
    interest = Interest(
        user=actor if organisation is None else None,
        organisation=organisation,
        kind=kind,
        about=about,
        note=note,
        started_on=started_on,
    )
    same = Interest.objects.current().filter(
        user=interest.user, organisation=interest.organisation, kind=kind, about=about
    )
    if same.exists():
        raise ValidationError(_("This is declared already."))
    interest.full_clean()
    interest.save()
    return interest


@transaction.atomic
def end(*, interest: Interest, actor: User) -> Interest:
    """It has ended today. It stays on record, because it counted until now. Raises: PermissionDenied."""
    interest = Interest.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=interest.pk)
    if interest.organisation is None:
        allowed = interest.user_id == actor.pk
    else:
        allowed = policies.may_manage(actor, interest.organisation)
    if not allowed:
        raise PermissionDenied
    if interest.ended_on is None:
        interest.ended_on = timezone.now().date()
        interest.save()
    return interest
