"""From a sheet to reports: uploaded, its columns named, checked, imported in one transaction, and undone."""

import hashlib
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from alliance.events import jobs
from alliance.events.models import Job
from alliance.members.models import Organisation, User
from reporting import policies
from reporting.entries import storable_answers
from reporting.models import Import, ImportState, Report
from reporting.services import submit_all
from reporting.sheets import checking, columns
from reporting.sheets.checking import Action, Plan
from reporting.sheets.opening import SheetError, open_sheet
from reporting.states import EDITABLE, State

WORK = "import-sheet"
_BATCH = 500


class ImportRefusedError(Exception):
    """The import cannot go this way now: 409. The message is a sentence."""


def _locked(one: Import) -> Import:
    return Import.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=one.pk)


def _require(actor: User, organisation: Organisation) -> None:
    if not policies.may_report(actor, organisation):
        raise PermissionDenied


def upload(*, content: bytes, name: str, kind: str, organisation: Organisation, actor: User) -> Import:
    """Keep a file whose rows can be read, with a guess at its columns.

    Raises: PermissionDenied; SheetError.
    """
    _require(actor, organisation)
    sheet = open_sheet(content, name, lambda header: bool(columns.recognise(kind, header)))
    one = Import(organisation=organisation, author=actor, kind=kind, name=name[-200:])
    one.headers = [header for header in sheet.headers if header]
    one.mapping = columns.guess(kind, sheet.headers, organisation)
    one.outcome = {"notes": sheet.notes, "sha256": hashlib.sha256(content).hexdigest()}
    one.file.save(f"{one.key}.{sheet.format}", ContentFile(content), save=False)
    with transaction.atomic():
        one.save()
    return one


@transaction.atomic
def name_columns(*, one: Import, mapping: Mapping[str, str], actor: User) -> Job:
    """Take over how the columns are read, remember it for the organisation, and check all rows in a job.

    Raises: PermissionDenied; ImportRefusedError.
    """
    one = _locked(one)
    _require(actor, one.organisation)
    if one.state not in (ImportState.UPLOADED, ImportState.CHECKED):
        raise ImportRefusedError(_("This sheet was imported already."))
    chosen = {header: mapping.get(header, "") for header in one.mapping}
    used = [column for column in chosen.values() if column]
    if twice := sorted({column for column in used if used.count(column) > 1}):
        labels = ", ".join(columns.label_of(one.kind, column) for column in twice)
        raise ImportRefusedError(_("Two columns are read as the same: %(labels)s.") % {"labels": labels})
    if not any(columns.is_column(one.kind, column) and column != columns.REPORT for column in used):
        raise ImportRefusedError(_("Say of at least one column what it holds."))
    one.mapping, one.state = chosen, ImportState.UPLOADED
    one.save()
    columns.remember(one.kind, chosen, one.organisation)
    return jobs.start(checking.WORK, owner=actor, **{"import": one.pk})


@transaction.atomic
def answer_warnings(*, one: Import, answers: Mapping[str, str], actor: User) -> Import:
    """One answer to all warnings of a code in a column, under `field:code`; it goes with each of the rows.

    Raises: PermissionDenied; ImportRefusedError.
    """
    one = _locked(one)
    _require(actor, one.organisation)
    if one.state != ImportState.CHECKED:
        raise ImportRefusedError(_("This sheet was not checked yet, or was imported already."))
    kept = one.outcome.get("answers", {})
    given = {key: text.strip() for key, text in storable_answers(answers).items()}
    one.outcome = {**one.outcome, "answers": {**kept, **given}}
    one.save()
    return one


@transaction.atomic
def confirm(*, one: Import, actor: User, as_drafts: bool) -> Job:
    """Import all rows in a job: submitted, or as drafts, which may hold errors.

    Raises: PermissionDenied; ImportRefusedError.
    """
    one = _locked(one)
    _require(actor, one.organisation)
    if one.state != ImportState.CHECKED:
        raise ImportRefusedError(_("This sheet was not checked yet, or was imported already."))
    if not as_drafts:
        if one.outcome["rows_with_errors"]:
            raise ImportRefusedError(_("Some rows have errors. Mend the sheet, or import its rows as drafts."))
        if unanswered(one):
            raise ImportRefusedError(_("Answer the questions first, or import the rows as drafts."))
    return jobs.start(WORK, owner=actor, as_drafts=as_drafts, **{"import": one.pk})


def unanswered(one: Import) -> dict[str, int]:
    """Warnings nobody has answered: `field:code` -> number of rows."""
    answers = one.outcome.get("answers", {})
    counted: dict[str, int] = {}
    for finding in one.outcome.get("findings", ()):
        key = f"{finding['field']}:{finding['code']}"
        if finding["level"] == "warning" and not answers.get(key):
            counted[key] = counted.get(key, 0) + 1
    return counted


# --- the import itself -----------------------------------------------------------------------------------------------
@jobs.work(WORK)
def import_sheet(job: Job, progress: jobs.Progress) -> None:
    """Make the reports of `arguments["import"]`: all of them, or none when anything is in the way."""
    one = Import.objects.get(pk=job.arguments["import"])
    try:
        sheet = checking.open_import(one)
    except (SheetError, OSError) as error:
        raise jobs.JobRefusedError(str(error)) from error
    total = len(sheet.rows)
    progress(0, total)
    with transaction.atomic():
        one = _locked(one)
        if one.state != ImportState.CHECKED:
            return  # a run before this one has done it
        _take(one, list(checking.plans(one, sheet)), job)
    progress(total, total)


def _take(one: Import, rows: list[Plan], job: Job) -> None:
    actor, as_drafts = job.owner, job.arguments["as_drafts"]
    warned = _answers_by_row(one)
    before: dict[str, dict[str, Any]] = {}
    made = [
        Report(
            kind=one.kind,
            organisation=one.organisation,
            author=actor,
            entries=plan.entries,
            answers=warned.get(plan.row, {}),
            imported_by=one,
            row=plan.row,
        )
        for plan in rows
        if plan.action == Action.CREATE
    ]
    Report.objects.bulk_create(made, batch_size=_BATCH)
    changed = {plan.report.pk: plan for plan in rows if plan.action == Action.UPDATE and plan.report}
    for report in Report.objects.select_for_update().filter(pk__in=changed):
        plan = changed[report.pk]
        if report.state not in EDITABLE:
            raise jobs.JobRefusedError(
                _("Row %(row)s: its report was changed meanwhile. Check the sheet again.") % {"row": plan.row}
            )
        before[str(report.pk)] = {"entries": report.entries, "answers": report.answers, "state": report.state}
        report.entries = plan.entries
        report.answers = {**report.answers, **warned.get(plan.row, {})}
        report.imported_by, report.row = one, plan.row
        report.save()
        made.append(report)
    made += _corrections(one, [plan for plan in rows if plan.action == Action.CORRECT], actor, warned)
    if not as_drafts:
        submit_all(reports=made, actor=actor)
    one.state, one.imported_at = ImportState.IMPORTED, timezone.now()
    one.outcome = {**one.outcome, "before": before, "reports": len(made), "as_drafts": as_drafts}
    one.save()


def _answers_by_row(one: Import) -> dict[int, dict[str, str]]:
    """Row -> answers to its warnings."""
    given = one.outcome.get("answers", {})
    found: dict[int, dict[str, str]] = {}
    for finding in one.outcome.get("findings", ()):
        key = f"{finding['field']}:{finding['code']}"
        if finding["level"] == "warning" and given.get(key):
            found.setdefault(finding["row"], {})[key] = given[key]
    return found


def _corrections(
    one: Import, rows: list[Plan], actor: User | None, warned: Mapping[int, dict[str, str]]
) -> list[Report]:
    """Drafts that are to correct what was accepted. Raises: JobRefusedError where the record stands no longer."""
    for plan in rows:
        record = (plan.report.result or plan.report.use_case) if plan.report else None
        if actor is None or record is None or not policies.may_correct(actor, one.organisation, record):
            sentence = _("Row %(row)s: what it is to correct is not public any more. Check the sheet again.")
            raise jobs.JobRefusedError(sentence % {"row": plan.row})
    made = [
        Report(
            kind=one.kind,
            organisation=one.organisation,
            author=actor,
            entries=plan.entries,
            answers={**plan.answers, **warned.get(plan.row, {})},
            about=accepted.about,
            corrects_use_case=accepted.use_case if one.kind == "use-case" else None,
            corrects_result=accepted.result,
            imported_by=one,
            row=plan.row,
        )
        for plan in rows
        if (accepted := plan.report) is not None
    ]
    return Report.objects.bulk_create(made, batch_size=_BATCH)


# --- undone ----------------------------------------------------------------------------------------------------------
def hindrances(one: Import) -> list[str]:
    """Why the import cannot be undone; nothing when it can."""
    if one.state != ImportState.IMPORTED:
        return [_("Only what was imported can be undone.")]
    reports = one.reports.all()
    found = []
    for rows, sentence in (
        (
            reports.exclude(state__in=[State.DRAFT, State.SUBMITTED]),
            _("Reports that were decided on or sent back: %(count)s."),
        ),
        (reports.filter(comments__isnull=False), _("Reports that were commented on: %(count)s.")),
        (reports.filter(attachments__isnull=False), _("Reports with files: %(count)s.")),
        (reports.exclude(result_reports__isnull=True), _("Use cases with results reported since: %(count)s.")),
        (_edited(one), _("Reports that were changed since: %(count)s.")),
    ):
        if count := rows.distinct().count():
            found.append(sentence % {"count": count})
    return found


def _edited(one: Import) -> Any:
    return one.reports.filter(updated_at__gt=one.imported_at)


@transaction.atomic
def undo(*, one: Import, actor: User) -> Import:
    """Take all of an import back: what it made is gone, what it changed is as before.

    Raises: PermissionDenied; ImportRefusedError when something depends on it.
    """
    one = _locked(one)
    _require(actor, one.organisation)
    list(one.reports.select_for_update())
    if found := hindrances(one):
        raise ImportRefusedError(" ".join(found))
    before = one.outcome.get("before", {})
    for report in one.reports.filter(pk__in=before):
        kept = before[str(report.pk)]
        if report.state != kept["state"]:
            raise ImportRefusedError(_("A report that was waiting for you was submitted again by this sheet."))
        report.entries, report.answers, report.imported_by, report.row = kept["entries"], kept["answers"], None, None
        report.save()
    one.reports.all().delete()
    one.state = ImportState.UNDONE
    one.outcome = {name: value for name, value in one.outcome.items() if name != "before"}
    one.save()
    return one
