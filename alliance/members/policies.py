"""Who may do what with organisations and memberships. What is not named here is refused."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet

from alliance.members.models import Interest, Membership, Organisation, Role, User

#: A person of the Alliance, a visitor, or nobody.
Someone = Any

CHAIR = "members.chair"


def is_editor(user: Someone) -> bool:
    """Reviews, answers, publishes."""
    return bool(user and user.is_active and user.is_staff)


def is_chair(user: Someone) -> bool:
    """Decides who becomes a member."""
    return bool(user and user.is_active and user.has_perm(CHAIR))


def chairs() -> QuerySet[User]:
    """Everybody for whom `is_chair` holds."""
    app, codename = CHAIR.split(".")
    permissions = Permission.objects.filter(content_type__app_label=app, codename=codename)
    granted = Q(groups__permissions__in=permissions) | Q(user_permissions__in=permissions)
    return User.objects.filter(Q(is_superuser=True) | granted, is_active=True).distinct()


def may_decide(user: Someone) -> bool:
    """Accept and reject applications."""
    return is_chair(user)


def may_manage(user: Someone, organisation: Organisation) -> bool:
    """Invite, change roles, edit the organisation's own words: its owners; the chair, when no owner is left to ask."""
    return _belongs(user, organisation, Role.OWNER) or is_chair(user)


def may_report(user: Someone, organisation: Organisation) -> bool:
    """Report use cases and results: owners and contributors, once the organisation is a member."""
    return organisation.member_since is not None and _belongs(user, organisation, Role.OWNER, Role.CONTRIBUTOR)


def may_read(user: Someone, organisation: Organisation) -> bool:
    """See who belongs to the organisation: everybody who does, and the chair."""
    return _belongs(user, organisation) or is_chair(user)


def _belongs(user: Someone, organisation: Organisation, *roles: str) -> bool:
    return Organisation.objects.of(user, *roles).filter(pk=organisation.pk).exists()


def conflicted(user: Someone, organisations: Iterable[Organisation | int]) -> bool:
    """Whether a person must keep out of what the organisations took part in: one of them is the person's own, or a
    current interest ties the person, or an organisation of the person, to one of them, in either direction.

    Args:
        organisations: or their ids.
    """
    return not {one if isinstance(one, int) else one.pk for one in organisations}.isdisjoint(bound_to(user))


def bound_to(user: Someone) -> frozenset[int]:
    """The organisations whose matters a person must keep out of: see `conflicted`. Two queries."""
    if user is None or not user.is_authenticated:
        return frozenset()
    own = set(Membership.objects.current(user).values_list("organisation", flat=True))
    tied = Interest.objects.current().filter(Q(user=user) | Q(organisation__in=own) | Q(about__in=own))
    bound = set(own)
    for holder, about in tied.values_list("organisation", "about"):
        bound |= {about} if holder is None or holder in own else {holder}
    return frozenset(bound)
