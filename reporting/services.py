"""What members do with reports. The editors' side is in `reporting.reviewing`."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from alliance.members.models import Organisation, User
from reporting import policies, tasks, telling
from reporting.checking import Checked, check
from reporting.entries import EntryError, storable, storable_answers
from reporting.fields import FORMS
from reporting.known import Known
from reporting.models import Kind, Move, Report, Round
from reporting.models.reports import new_key
from reporting.reading import read
from reporting.states import EDITABLE, Party, State, is_allowed
from usecases.models import UseCase

#: Many reports handed over: the reports themselves, the move of each (a trigger keeps the state before), and its round.
_SUBMIT = """
UPDATE reporting_report AS r SET state = 'submitted', submitted_at = coalesce(r.submitted_at, %s), updated_at = %s,
  version = r.version + 1, about_id = t.about, about_report_id = t.about_report
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS t (id, about, about_report) WHERE r.id = t.id
"""
_NOTE_MOVES = """
INSERT INTO reporting_move (report_id, before, after, reason, at, actor_id)
SELECT id, previous_state, state, '', %s, %s FROM reporting_report WHERE id = ANY(%s) ORDER BY id
"""
_KEEP_ROUNDS = """
INSERT INTO reporting_round (report_id, number, entries, answers, submitted_at, submitted_by_id)
SELECT id, 1 + (SELECT count(*) FROM reporting_round AS o WHERE o.report_id = r.id), entries, answers, %s, %s
FROM reporting_report AS r WHERE id = ANY(%s) ORDER BY id
"""


class VersionConflictError(Exception):
    """Somebody saved the report meanwhile: 412. `current` is the report as it is now."""

    def __init__(self, current: Report):
        super().__init__("The report was changed meanwhile.")
        self.current = current


class NotSubmittableError(Exception):
    """Errors stand in the way, or warnings that nobody answered: 422. `checked` has them."""

    def __init__(self, checked: Checked):
        super().__init__("The report cannot be submitted yet.")
        self.checked = checked


class MoveRefusedError(Exception):
    """The report is in a state from which this move does not go: 409. The message is a sentence for who asked."""


def locked(report: Report) -> Report:
    """The row as it is now, kept from others until the running transaction ends."""
    return Report.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=report.pk)


def move(
    report: Report,
    after: State,
    *,
    actor: User | None,
    party: Party,
    reason: str = "",
    log_before: int | None = None,
) -> None:
    """Move a locked report and note who, when and why. Raises: MoveRefusedError.

    Args:
        log_before: see `Move`.
    """
    if not is_allowed(report.state, after, party):
        raise MoveRefusedError(
            _("A report that is “%(state)s” cannot become “%(other)s”.")
            % {"state": report.get_state_display(), "other": after.label}
        )
    before, report.state = report.state, after
    report.save()
    Move.objects.create(report=report, before=before, after=after, actor=actor, reason=reason, log_before=log_before)


@transaction.atomic
def start_report(
    *,
    kind: str,
    organisation: Organisation,
    actor: User,
    entries: Mapping[str, Any] | None = None,
    answers: Mapping[str, str] | None = None,
    about: UseCase | None = None,
    about_report: Report | None = None,
    key: str = "",
) -> Report:
    """A new draft; with a `key` that was given out before (`new_key`) the same one, however often it is asked for.

    Raises: PermissionDenied; ValidationError for what is no entry (see `storable`).
    """
    if not policies.may_report(actor, organisation):
        raise PermissionDenied
    if about_report is not None and about_report.organisation_id != organisation.pk:
        raise PermissionDenied
    report, _made = Report.objects.get_or_create(
        key=key or new_key(),
        author=actor,
        defaults={
            "kind": kind,
            "organisation": organisation,
            "entries": storable(kind, entries or {}),
            "answers": storable_answers(answers or {}),
            "about": about,
            "about_report": about_report,
        },
    )
    return report


@transaction.atomic
def save_entries(
    *, report: Report, actor: User, version: int, entries: Mapping[str, Any], answers: Mapping[str, str] | None = None
) -> Report:
    """Keep what was typed, whatever it is; `entries` holds the changed fields only.

    Raises: PermissionDenied; VersionConflictError; MoveRefusedError when the report cannot be edited now;
        ValidationError for what is no entry (see `storable`).
    """
    report = locked(report)
    if not policies.may_edit(actor, report):
        raise PermissionDenied
    if report.state not in EDITABLE:
        raise MoveRefusedError(
            _("A report that is “%(state)s” cannot be changed.") % {"state": report.get_state_display()}
        )
    if report.version != version:
        raise VersionConflictError(report)
    report.entries = {**report.entries, **storable(report.kind, entries)}
    report.answers = {**report.answers, **storable_answers(answers or {})}
    report.save()
    return report


@transaction.atomic
def submit_report(*, report: Report, actor: User, version: int, checked: Checked | None = None) -> Report:
    """Hand the report to the editors; what they will see is kept as a round.

    Args:
        checked: what a check of these entries has just found, where many are handed over at once.
    Raises: PermissionDenied; VersionConflictError; NotSubmittableError; MoveRefusedError.
    """
    report = locked(report)
    if not policies.may_edit(actor, report):
        raise PermissionDenied
    if report.version != version:
        raise VersionConflictError(report)
    checked = checked or check(report.kind, report.entries, organisation=report.organisation, report=report)
    if checked.errors or checked.unanswered(report.answers):
        raise NotSubmittableError(checked)
    _point_at_use_case(report, checked.values.get("use_case"))
    report.submitted_at = report.submitted_at or timezone.now()
    move(report, State.SUBMITTED, actor=actor, party=Party.MEMBER)
    Round.objects.create(
        report=report,
        number=report.rounds.count() + 1,
        entries=report.entries,
        answers=report.answers,
        submitted_by=actor,
    )
    number = report.rounds.count()
    if number > 1:
        telling.tell_editor(report, kind=telling.REPORT_RESUBMITTED, reference=str(number))
    transaction.on_commit(tasks.assign_reports.delay)
    return report


@transaction.atomic
def submit_all(*, reports: Sequence[Report], actor: User | None) -> None:
    """Hand many reports to the editors at once: what `submit_report` does, in a number of queries that does not grow.

    Args:
        reports: of one kind and organisation; new, or locked in a state that may be edited. The caller has checked
            them, and that the actor may do this.
    """
    if not reports:
        return
    known = Known(reports[0].organisation)
    if reports[0].kind == Kind.RESULT:
        known.prepare_use_cases([report.entries for report in reports])
    now = timezone.now()
    counted = Round.objects.filter(report__in=[report.pk for report in reports if report.submitted_at is not None])
    numbers = dict(counted.order_by().values_list("report").annotate(n=Count("pk")))
    for report in reports:
        _point_at_use_case(report, _use_case_of(report, known))
        report.state, report.submitted_at = State.SUBMITTED, report.submitted_at or now
        report.version += 1
        report.updated_at = now
    columns = [[getattr(one, name) for one in reports] for name in ("pk", "about_id", "about_report_id")]
    keys, by = columns[0], actor.pk if actor else None
    with connection.cursor() as cursor:
        cursor.execute(_SUBMIT, [now, now, *columns])
        cursor.execute(_NOTE_MOVES, [now, by, keys])
        cursor.execute(_KEEP_ROUNDS, [now, by, keys])
    for report in reports:
        if number := numbers.get(report.pk, 0):
            telling.tell_editor(report, kind=telling.REPORT_RESUBMITTED, reference=str(number + 1))
    transaction.on_commit(tasks.assign_reports.delay)


def _use_case_of(report: Report, known: Known) -> UseCase | Report | None:
    """The use case that a result names; None where it names none that can be read."""
    if report.kind != Kind.RESULT:
        return None
    try:
        return read(FORMS[report.kind]["use_case"], report.entries.get("use_case"), known).value
    except EntryError:
        return None


def _point_at_use_case(report: Report, named: UseCase | Report | None) -> None:
    """Note the use case that a result is of, be it public or reported as well."""
    if report.kind == Kind.RESULT:
        report.about = named if isinstance(named, UseCase) else None
        report.about_report = named if isinstance(named, Report) else None


@transaction.atomic
def withdraw_report(*, report: Report, actor: User, reason: str = "") -> Report:
    """Take a report back before it is decided. Raises: PermissionDenied; MoveRefusedError."""
    report = locked(report)
    if not policies.may_edit(actor, report):
        raise PermissionDenied
    move(report, State.WITHDRAWN, actor=actor, party=Party.MEMBER, reason=reason)
    return report


@transaction.atomic
def take_up_again(*, report: Report, actor: User) -> Report:
    """Make a draft of a withdrawn report. Raises: PermissionDenied; MoveRefusedError."""
    report = locked(report)
    if not policies.may_edit(actor, report):
        raise PermissionDenied
    move(report, State.DRAFT, actor=actor, party=Party.MEMBER)
    return report
