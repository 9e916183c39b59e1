"""What editors do with reports: talk about them, ask for changes, accept them as evidence, or say why not.

Every decision names the version of the report that the editor looked at: of two at once, the second one is told.
"""

from collections.abc import Sequence

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from alliance.members.models import User
from reporting import policies, publishing, retracting, telling
from reporting.assigning import topic_of
from reporting.checking import Checked, check
from reporting.fields import FORMS
from reporting.models import Comment, Kind, Report
from reporting.publishing import NotPublishableError, Place
from reporting.services import VersionConflictError, locked, move
from reporting.states import REVIEWED, Party, State

#: A comment or a reason is a few paragraphs, not a paper.
LONGEST_TEXT = 5_000


def _for_review(report: Report, actor: User, version: int) -> Report:
    """The locked report. Raises: PermissionDenied; VersionConflictError."""
    report = locked(report)
    if not policies.may_review(actor, report):
        raise PermissionDenied
    if report.version != version:
        raise VersionConflictError(report)
    return report


def _text(text: str, needed: str) -> str:
    """A text that is there and not too long. Raises: ValidationError."""
    text = text.replace("\x00", "").strip()
    if not text:
        raise ValidationError(needed)
    if len(text) > LONGEST_TEXT:
        raise ValidationError(_("Shorten it: at most %(most)s characters are kept.") % {"most": LONGEST_TEXT})
    return text


# --- who has it ------------------------------------------------------------------------------------------------------
@transaction.atomic
def assign_report(*, report: Report, actor: User, editor: User) -> Report:
    """Give a report to an editor, who may be the actor. Neither may have a conflict.

    Raises: PermissionDenied; ValidationError when that editor may not review it.
    """
    report = locked(report)
    if not policies.may_review(actor, report):
        raise PermissionDenied
    if not policies.may_review(editor, report):
        raise ValidationError(_("%(name)s cannot review this report.") % {"name": editor.shown_name})
    report.assigned_to, report.topic = editor, report.topic or topic_of(report)
    # No new version: the report itself is what it was.
    Report.objects.filter(pk=report.pk).update(assigned_to=editor, topic=report.topic)
    if editor != actor:
        telling.tell_editor(report, kind=telling.REPORTS_ASSIGNED, reference=f"{report.version}", values={"n": 1})
    return report


# --- the dialogue ----------------------------------------------------------------------------------------------------
@transaction.atomic
def comment(*, report: Report, actor: User, text: str, field: str = "", thread: Comment | None = None) -> Comment:
    """Say something about a field of a report, or about all of it; with `thread` as an answer there.

    Raises: PermissionDenied; ValidationError.
    """
    report = locked(report)
    if not policies.may_discuss(actor, report):
        raise PermissionDenied
    if thread is not None:
        thread = Comment.objects.select_for_update().get(pk=thread.pk)
    if thread is not None and (thread.report_id != report.pk or thread.thread_id is not None):
        raise ValidationError(_("This is no thread of the report."))
    if field and field not in FORMS[report.kind].by_name:
        raise ValidationError(_("There is no field “%(name)s”.") % {"name": field[:60]})
    said = Comment.objects.create(
        report=report,
        round_number=report.rounds.count() or None,
        field=thread.field if thread else field,
        thread=thread,
        author=actor,
        text=_text(text, _("Write what you want to say.")),
    )
    if thread is not None and thread.resolved_at is not None:  # it is not settled after all
        thread.resolved_at = thread.resolved_by = None
        thread.save()
    if policies.may_edit(actor, report):
        telling.tell_editor(report, kind=telling.ANSWERED, reference=str(said.pk), besides=actor)
    else:
        telling.tell_members(report, kind=telling.COMMENTED, reference=str(said.pk))
    return said


@transaction.atomic
def resolve(*, thread: Comment, actor: User, is_settled: bool = True) -> Comment:
    """Mark a thread as settled, or as open again: who may review the report, or who began the thread.

    Raises: PermissionDenied.
    """
    thread = Comment.objects.select_for_update().select_related("report__organisation").get(pk=thread.pk)
    report = thread.report
    own = thread.author_id == actor.pk and policies.may_discuss(actor, report)
    if thread.thread_id is not None or not (own or policies.may_review(actor, report)):
        raise PermissionDenied
    thread.resolved_at, thread.resolved_by = (timezone.now(), actor) if is_settled else (None, None)
    thread.save()
    return thread


# --- decisions -------------------------------------------------------------------------------------------------------
@transaction.atomic
def request_changes(*, report: Report, actor: User, version: int, text: str = "") -> Report:
    """Hand the report back with what is to be mended: `text`, or the threads that are open.

    Raises: PermissionDenied; VersionConflictError; MoveRefusedError; ValidationError when nothing is asked for.
    """
    report = _for_review(report, actor, version)
    if text.strip():
        comment(report=report, actor=actor, text=text)
    elif not report.comments.filter(thread=None, resolved_at=None).exists():
        raise ValidationError(_("Say what is to be changed, here or beside a field."))
    move(report, State.CHANGES_REQUESTED, actor=actor, party=Party.EDITOR, reason=text.strip()[:LONGEST_TEXT])
    telling.tell_members(report, kind=telling.CHANGES_REQUESTED, reference=str(report.rounds.count()))
    return report


@transaction.atomic
def reject_report(*, report: Report, actor: User, version: int, reason: str) -> Report:
    """Say no, and why. Raises: PermissionDenied; VersionConflictError; MoveRefusedError; ValidationError."""
    report = _for_review(report, actor, version)
    reason = _text(reason, _("Say why: the member reads it."))
    report.decided_at = timezone.now()
    move(report, State.REJECTED, actor=actor, party=Party.EDITOR, reason=reason)
    telling.tell_members(report, kind=telling.REJECTED, reference=str(report.version), values={"reason": reason[:300]})
    return report


@transaction.atomic
def accept_report(*, report: Report, actor: User, version: int, place: Place | None = None) -> Report:
    """Make evidence of a report: its public record is written, or the one that it corrects is corrected.

    Args:
        place: of a city that is not on the map yet.
    Raises: PermissionDenied; VersionConflictError; MoveRefusedError; NotPublishableError; ValidationError.
    """
    report = _for_review(report, actor, version)
    checked = examine(report)
    if checked.errors:
        first = checked.errors[0]
        raise NotPublishableError(
            _("Something in it cannot be right any more. Ask for changes: %(sentence)s") % {"sentence": first.message}
        )
    report.decided_at = timezone.now()
    log_before = retracting.log_of_corrected(report)
    earlier = Report.objects.filter(kind=report.kind, state=State.ACCEPTED)
    if report.kind == Kind.USE_CASE:
        report.use_case = publishing.publish_use_case(report, checked.values, place=place)
        earlier = earlier.filter(use_case=report.use_case)
    else:
        report.result = publishing.publish_result(report, checked.values, answers=public_answers(report))
        earlier = earlier.filter(result__superseded_by=report.result)
    for one in earlier.exclude(pk=report.pk).select_for_update(of=("self",)):
        move(one, State.SUPERSEDED, actor=actor, party=Party.PORTAL)
    move(report, State.ACCEPTED, actor=actor, party=Party.EDITOR, log_before=log_before)
    telling.tell_members(report, kind=telling.ACCEPTED, reference=str(report.version))
    return report


@transaction.atomic
def retract_report(*, report: Report, actor: User, version: int, reason: str) -> Report:
    """Take what was accepted out of the public records, which keep its history; what it corrected is public again.

    Raises: PermissionDenied; VersionConflictError; MoveRefusedError; ValidationError.
    """
    report = _for_review(report, actor, version)
    reason = _text(reason, _("Say why: the member reads it."))
    move(report, State.WITHDRAWN, actor=actor, party=Party.EDITOR, reason=reason)
    if (again := retracting.take_back(report)) is not None:
        move(locked(again), State.ACCEPTED, actor=actor, party=Party.PORTAL)
    telling.tell_members(report, kind=telling.RETRACTED, reference=str(report.version), values={"reason": reason[:300]})
    return report


# --- what is looked at -----------------------------------------------------------------------------------------------
def examine(report: Report) -> Checked:
    """What reading its entries gives today."""
    return check(report.kind, report.entries, organisation=report.organisation, report=report)


def public_answers(report: Report) -> list[dict[str, str]]:
    """What was asked about unusual values and answered, in the language of the records."""
    with translation.override("en"):
        asked = examine(report).warnings
        return [
            {"question": str(one.message), "answer": answer}
            for one in asked
            if (answer := str(report.answers.get(one.key, "")).strip())
        ]


def decisions_of(report: Report) -> Sequence[str]:
    """The decisions that the state allows an editor."""
    found = {
        State.SUBMITTED: ("accept", "request-changes", "reject"),
        State.CHANGES_REQUESTED: ("reject",),
        State.ACCEPTED: ("retract",),
    }
    return found.get(State(report.state), ()) if report.state in REVIEWED else ()
