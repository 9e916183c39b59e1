"""Who else is at a report just now. Kept in the cache: without it nobody is seen, and nothing else changes."""

from dataclasses import dataclass

from django.core.cache import cache
from django.utils.translation import gettext as _

from alliance.members.models import Membership, User
from reporting.models import Report

#: Somebody who was not heard of for so long has left. Pages call every 15 seconds.
SECONDS = 45


@dataclass(frozen=True)
class Other:
    """Somebody else at the report."""

    name: str
    page: str


def _key(report: Report, user_id: int) -> str:
    return f"presence:{report.pk}:{user_id}"


def enter(report: Report, user: User, page: str) -> None:
    """Note that somebody looks at a page of a report."""
    cache.set(_key(report, user.pk), {"name": user.name, "page": page}, SECONDS)


def leave(report: Report, user: User) -> None:
    """Note that somebody has gone."""
    cache.delete(_key(report, user.pk))


def others(report: Report, user: User) -> list[Other]:
    """Who else of the organisation is at the report, by name. One query."""
    people = Membership.objects.current().filter(organisation=report.organisation_id).exclude(user=user)
    found = cache.get_many([_key(report, pk) for pk in people.values_list("user", flat=True)])
    # An address is nobody's name.
    return sorted(
        (Other(one["name"] or _("Somebody of your organisation"), one["page"]) for one in found.values()),
        key=lambda other: other.name,
    )


def words(report: Report, user: User, page: str) -> str:
    """ "Ana is on this page too." for each; empty when nobody is there."""
    return " ".join(
        (_("%(name)s is on this page too.") if other.page == page else _("%(name)s is at this report too."))
        % {"name": other.name}
        for other in others(report, user)
    )
