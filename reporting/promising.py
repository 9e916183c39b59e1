"""Pre-registration: what a pilot promises before it starts, sealed, and what came of it.

Why: a result that was promised beforehand cannot have been picked out of many afterwards (Nosek et al., The
preregistration revolution, PNAS 115, 2018).
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from alliance.members.models import Organisation, Role, User
from kpis.models import Direction, Result, ResultState
from reporting import policies
from reporting.models import Registration

#: What the seal covers, in this order.
SEALED = (
    "key", "organisation", "title", "city", "vertical", "kpi", "unit", "baseline_value", "baseline_on",
    "expected_change_percent", "comparison", "stop_rule", "starts_on", "due_on",
)  # fmt: skip


class PromiseRefusedError(Exception):
    """The promise cannot go this way now: 409. The message is a sentence."""


def sealed_text(one: Registration) -> str:
    """What is hashed: the promise as JSON, names in the order of `SEALED`, UTF-8, no blanks between the parts.

    Records are named by their public identifiers, numbers as they were given, dates by ISO 8601.
    """

    def told(value: Any) -> Any:
        if isinstance(value, Decimal):
            return format(value.normalize(), "f")
        return value.isoformat() if isinstance(value, date) else value

    values = {name: told(getattr(one, name)) for name in SEALED}
    values |= {
        "organisation": one.organisation.slug,
        "city": one.city.slug,
        "vertical": one.vertical.code,
        "kpi": one.kpi.code,
    }
    sealed_on = one.sealed_at.isoformat(timespec="seconds") if one.sealed_at else None
    return json.dumps({**values, "sealed_at": sealed_on}, ensure_ascii=False, separators=(",", ":"))


def seal_of(one: Registration) -> str:
    """SHA-256 of `sealed_text`, in hexadecimal digits."""
    return hashlib.sha256(sealed_text(one).encode()).hexdigest()


def is_intact(one: Registration) -> bool:
    """Whether a sealed promise still says what was sealed."""
    return one.seal == seal_of(one)


@transaction.atomic
def seal(*, registration: Registration, actor: User, version: int) -> Registration:
    """Make a promise public and unchangeable. A promise is one only before the pilot has started.

    Raises: PermissionDenied; PromiseRefusedError.
    """
    one = Registration.objects.select_for_update(of=("self",)).get(pk=registration.pk)
    if not policies.may_report(actor, one.organisation):
        raise PermissionDenied
    if one.sealed_at is not None:
        raise PromiseRefusedError(_("This promise is sealed already."))
    if one.version != version:
        raise PromiseRefusedError(_("Somebody changed the promise meanwhile. Read it again before you seal it."))
    if one.starts_on < timezone.now().date():
        raise PromiseRefusedError(
            _("The pilot has started by the date given: it can be reported, but not promised any more.")
        )
    one.sealed_at = timezone.now().replace(microsecond=0)
    one.seal = seal_of(one)
    one.save()
    return one


@transaction.atomic
def answer(*, registration: Registration, result: Result, actor: User) -> Registration:
    """Name the accepted result that answers a promise. Raises: PermissionDenied; PromiseRefusedError."""
    one = Registration.objects.select_for_update(of=("self",)).get(pk=registration.pk)
    if not (policies.may_report(actor, one.organisation) or actor.is_staff):
        raise PermissionDenied
    if one.sealed_at is None:
        raise PromiseRefusedError(_("Seal the promise first."))
    if result not in answers(one):
        raise PromiseRefusedError(_("This result is of another indicator or city, or was not accepted."))
    one.result, one.use_case = result, result.use_case
    one.save()
    return one


def answers(one: Registration) -> Any:
    """Accepted results that may answer a promise: same indicator, same city."""
    found = Result.objects.visible_to(None).filter(kpi=one.kpi, use_case__city=one.city)
    return found.select_related("use_case", "kpi").order_by("-measured_year", "pk")


@dataclass(frozen=True)
class Kept:
    """A promise beside its result.

    Attributes:
        promised, measured: change in percent.
        share: of the promised change that was reached; None where nothing was promised to change.
        is_better: the indicator moved the way that is better; None without a direction or change.
    """

    promised: Decimal
    measured: Decimal | None
    share: Decimal | None
    is_better: bool | None


def kept(one: Registration) -> Kept | None:
    """How a promise was kept; None while no result answers it."""
    if one.result is None or one.result.state not in (ResultState.ACCEPTED,):
        return None
    promised, measured = one.expected_change_percent, one.result.change_percent
    share = measured / promised * 100 if measured is not None and promised else None
    better = None
    if measured and one.kpi.direction != Direction.NONE:
        better = (measured > 0) == (one.kpi.direction == Direction.INCREASE)
    return Kept(promised, measured, share, better)


def overdue() -> Any:
    """Sealed promises whose result is due and not there, those that wait longest first."""
    return Registration.objects.filter(sealed_at__isnull=False, result=None, due_on__lt=timezone.now().date())


def save_draft(*, registration: Registration, actor: User, version: int | None) -> Registration:
    """Write a promise that is not sealed yet. Raises: PermissionDenied; PromiseRefusedError; ValidationError."""
    if not policies.may_report(actor, registration.organisation):
        raise PermissionDenied
    with transaction.atomic():
        if registration.pk is not None:
            there = Registration.objects.select_for_update(of=("self",)).get(pk=registration.pk)
            if there.sealed_at is not None:
                raise PromiseRefusedError(_("This promise is sealed: nothing of it can be changed."))
            if there.version != version:
                raise PromiseRefusedError(
                    _("Somebody changed the promise meanwhile. Your entries are still in the form.")
                )
            registration.version = there.version
        else:
            registration.author = actor
        registration.full_clean(exclude=["seal"])
        registration.save()
    return registration


def organisations_of(user: User) -> Any:
    """For which the user may promise."""
    own = Organisation.objects.of(user, Role.OWNER, Role.CONTRIBUTOR)
    return own.filter(member_since__isnull=False)
