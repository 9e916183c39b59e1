"""How a result was checked, by whom, and the level that it reached by it."""

from datetime import date

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from alliance.members import notices
from alliance.members.models import Membership, Organisation, Role, User
from kpis.models import Result, Verification
from reporting import policies
from reporting.models import Mandate, VerificationCheck
from reporting.telling import MANDATE, RESULT_CHECKED, address

#: What was checked is told in a few sentences.
LONGEST_TEXT = 2_000
LEVELS = (Verification.EVIDENCE_ATTACHED, Verification.PEER_CHECKED, Verification.INDEPENDENT)


def _locked(result: Result) -> Result:
    return Result.objects.select_for_update(of=("self",)).select_related("kpi", "use_case").get(pk=result.pk)


def _writers(organisation_id: int) -> list[int]:
    rows = Membership.objects.current(None, Role.OWNER, Role.CONTRIBUTOR).filter(organisation=organisation_id)
    return list(rows.values_list("user", flat=True))


def _title(result: Result) -> str:
    return f"{result.kpi}, {result.use_case}"


@transaction.atomic
def check_result(
    *,
    result: Result,
    actor: User,
    level: int,
    what: str,
    organisation: Organisation | None = None,
    checked_on: date | None = None,
) -> VerificationCheck:
    """Note that a result was checked. Its level rises to that of the check, and never falls by another one.

    Args:
        organisation: for which the actor checked it; none for an editor who looked at its evidence.
        what: what was compared with what.
        checked_on: today when left out.
    Raises: PermissionDenied; ValidationError.
    """
    result = _locked(result)
    if level not in LEVELS or not policies.may_check(actor, result, level, organisation):
        raise PermissionDenied
    what, today = what.replace("\x00", "").strip(), timezone.localdate()
    if not what:
        raise ValidationError({"what": _("Say what was checked.")})
    if len(what) > LONGEST_TEXT:
        raise ValidationError({"what": _("Shorten it: at most %(most)s characters are kept.") % {"most": LONGEST_TEXT}})
    if checked_on is not None and checked_on > today:
        raise ValidationError({"checked_on": _("This day has not come yet.")})
    check = VerificationCheck.objects.create(
        result=result, level=level, checker=actor, organisation=organisation, what=what, checked_on=checked_on or today
    )
    if result.verification < level:
        Result.objects.filter(pk=result.pk).update(verification=level)
    if result.reported_by_id is not None:
        notices.tell(
            _writers(result.reported_by_id),
            kind=RESULT_CHECKED,
            reference=f"check-{check.pk}",
            path=address("usecases:detail", result.use_case.slug),
            values={"title": _title(result), "organisation": str(organisation or _("an editor"))},
        )
    return check


@transaction.atomic
def name_checker(*, result: Result, actor: User, organisation: Organisation) -> Mandate:
    """Ask an independent organisation to verify a result; asked twice, it is one mandate.

    Raises: PermissionDenied; ValidationError when the organisation is not independent of it.
    """
    result = _locked(result)
    if not policies.may_name_checker(actor, result, organisation):
        if policies.may_review_result(actor, result):
            raise ValidationError(
                _(
                    "%(name)s cannot verify this independently: it has to be a member from academia, a standards body "
                    "or a government agency, without any part or declared interest in it."
                )
                % {"name": organisation}
            )
        raise PermissionDenied
    mandate, _made = Mandate.objects.get_or_create(
        result=result, organisation=organisation, defaults={"named_by": actor}
    )
    notices.tell(
        _writers(organisation.pk),
        kind=MANDATE,
        reference=f"mandate-{mandate.pk}",
        path=address("review:check", result.slug),
        values={"title": _title(result), "organisation": organisation.name},
    )
    return mandate
