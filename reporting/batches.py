"""Many reports at once: each is taken or told what is wrong with it, whatever becomes of the others."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from alliance.members.models import Organisation, User
from reporting import policies
from reporting.checking import Checked, check
from reporting.entries import storable, storable_answers
from reporting.fields import FORMS
from reporting.findings import error
from reporting.known import Known
from reporting.models import Report
from reporting.services import submit_all


class Outcome(StrEnum):
    """What became of one of them."""

    CREATED = "created"
    VALID = "valid"  # of a dry run: it would have been created
    ERRORS = "errors"
    WARNINGS = "warnings"


@dataclass
class Item:
    """One report that is asked for, and what became of it.

    Attributes:
        organisation: None where it may not be reported for; `checked` says why.
        outcome: None until it was looked at.
    """

    entries: Mapping[str, Any]
    answers: Mapping[str, str] = field(default_factory=dict)
    organisation: Organisation | None = None
    checked: Checked = field(default_factory=Checked)
    outcome: Outcome | None = None
    report: Report | None = None

    @property
    def is_refused(self) -> bool:
        return self.outcome in (Outcome.ERRORS, Outcome.WARNINGS)


class BatchRefusedError(Exception):
    """One of them cannot be taken, so none was."""


def look_at(kind: str, items: Sequence[Item], *, as_drafts: bool) -> None:
    """Check all of them; those that can be taken have no outcome yet.

    Args:
        as_drafts: what is wrong or unusual about a draft is told, but stands in no way.
    """
    names = FORMS[kind].by_name
    known: dict[int, Known] = {}
    for organisation in {item.organisation.pk: item.organisation for item in items if item.organisation}.values():
        known[organisation.pk] = Known(organisation)
        known[organisation.pk].prepare(kind, [one.entries for one in items if one.organisation == organisation])
    for item in items:
        if item.organisation is None:
            item.outcome = Outcome.ERRORS
            continue
        try:
            storable(kind, {name: value for name, value in item.entries.items() if name in names})
        except ValidationError as fault:
            item.checked.findings.append(error("", "not-an-entry", " ".join(fault.messages)))
            item.outcome = Outcome.ERRORS
            continue
        item.checked = check(kind, item.entries, organisation=item.organisation, known=known[item.organisation.pk])
        blocking = [one for one in item.checked.errors if not as_drafts or one.code == "unknown-field"]
        if blocking:
            item.outcome = Outcome.ERRORS
        elif not as_drafts and item.checked.unanswered(item.answers):
            item.outcome = Outcome.WARNINGS


@transaction.atomic
def take(kind: str, items: Sequence[Item], *, actor: User, as_drafts: bool, all_or_none: bool) -> None:
    """Make reports of all that can be taken, and hand them to the editors unless they are to stay drafts.

    Raises: BatchRefusedError where one is refused and all or none were asked for; PermissionDenied.
    """
    look_at(kind, items, as_drafts=as_drafts)
    if all_or_none and any(item.is_refused for item in items):
        raise BatchRefusedError
    taken: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        if item.organisation is not None and not item.is_refused:
            taken[item.organisation.pk].append(item)
    for group in taken.values():
        _make(kind, group, actor=actor, as_drafts=as_drafts)


def _make(kind: str, items: Sequence[Item], *, actor: User, as_drafts: bool) -> None:
    """Make the reports of one organisation. Raises: PermissionDenied."""
    organisation = cast(Organisation, items[0].organisation)
    if not policies.may_report(actor, organisation):
        raise PermissionDenied
    made = [
        Report(
            kind=kind,
            organisation=organisation,
            author=actor,
            entries=storable(kind, item.entries),
            answers=storable_answers(item.answers),
        )
        for item in items
    ]
    Report.objects.bulk_create(made)
    if not as_drafts:
        submit_all(reports=made, actor=actor)
    for item, report in zip(items, made, strict=True):
        item.report, item.outcome = report, Outcome.CREATED
