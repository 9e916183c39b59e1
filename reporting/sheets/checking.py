"""The dry run: every row read and checked as a form would be, and what an import would do, without doing it."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from alliance.events import jobs
from alliance.events.models import Job
from alliance.members.models import Organisation
from reporting.checking import check
from reporting.entries import storable
from reporting.fields import FORMS, Type
from reporting.findings import Checked, Finding, Level
from reporting.known import Known
from reporting.models import Import, ImportState, Report
from reporting.sheets import columns
from reporting.sheets.opening import Row, Sheet, SheetError, open_sheet
from reporting.states import EDITABLE, State

WORK = "check-sheet"
#: A number whose mark can only be the one before decimals: three digits behind it might be thousands.
_DECIMALS = re.compile(r"\s*[-+−]?\d+([.,])(?:\d{1,2}|\d{4,})\s*%?\s*")


class Action(StrEnum):
    """What an import does with a row."""

    CREATE = "create"
    UPDATE = "update"
    CORRECT = "correct"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Told:
    """A finding in its place: the row as the member's program counts it, and the header of the column (where the sheet
    has none: what the column would hold)."""

    row: int
    column: str
    field: str
    level: str
    code: str
    message: str


@dataclass
class Plan:
    """A row, and what an import does with it.

    Attributes:
        report: the report that it is about; None: a new one.
        entries: all entries that the report has afterwards.
        answers: answers to warnings that it has already.
    """

    row: int
    action: Action
    entries: dict[str, Any]
    report: Report | None = None
    answers: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def open_import(one: Import) -> Sheet:
    """The sheet of an import. Raises: SheetError."""
    with one.file.open("rb") as file:
        return open_sheet(file.read(), one.name, lambda header: bool(columns.recognise(one.kind, header)))


def by_column(one: Import, sheet: Sheet) -> Callable[[Row], dict[str, Any]]:
    """Reads the cells of a row by column, as the import's mapping says."""
    places = [
        (index, column)
        for index, header in enumerate(sheet.headers)
        if (column := one.mapping.get(header, "")) and columns.is_column(one.kind, column)
    ]
    return lambda row: {column: row.cells[index] for index, column in places}


def plans(one: Import, sheet: Sheet) -> Iterator[Plan]:
    """What the import does with each row, before it is checked."""
    read = by_column(one, sheet)
    own = {report.key: report for report in Report.objects.filter(organisation=one.organisation, kind=one.kind)}
    # A row that is there already, such as of a sheet that is sent twice, is not made again.
    there = {_text(report.entries): report for report in own.values() if report.state != State.WITHDRAWN}
    seen: dict[str, int] = {}
    for row in sheet.rows:
        cells = read(row)
        try:
            entries = storable(one.kind, columns.entries_of(one.kind, cells))
        except ValidationError as refused:
            error = Finding(Level.ERROR, "", refused.code or "not-an-entry", " ".join(refused.messages))
            yield Plan(row.number, Action.REFUSED, {}, findings=[error])
            continue
        key = str(cells.get(columns.REPORT, "")).strip()
        if key:
            plan = _of_report(row.number, key, own.get(key), entries)
        elif (report := there.get(_text(entries))) is not None:
            plan = Plan(row.number, Action.UNCHANGED, entries, report)
        else:
            plan = Plan(row.number, Action.CREATE, entries)
        text = key or _text(entries)
        if text in seen:
            plan.action = Action.REFUSED
            message = _("This row says the same as row %(row)s. Take one of them out.") % {"row": seen[text]}
            plan.findings.append(Finding(Level.ERROR, "", "row-twice", message))
        seen.setdefault(text, row.number)
        yield plan


def _text(entries: Mapping[str, Any]) -> str:
    return json.dumps(entries, sort_keys=True, ensure_ascii=False)


def _of_report(row: int, key: str, report: Report | None, entries: dict[str, Any]) -> Plan:
    """What becomes of a row that names a report: a cell that was emptied empties its entry."""
    if report is None:
        message = _("Your organisation has no report “%(key)s”. Empty the cell to report this row as a new one.")
        error = Finding(Level.ERROR, columns.REPORT, "unknown-report", message % {"key": key[:40]})
        return Plan(row, Action.REFUSED, entries, findings=[error])
    if _text(entries) == _text({name: value for name, value in report.entries.items() if value not in ("", [])}):
        return Plan(row, Action.UNCHANGED, report.entries, report)
    if report.state in EDITABLE:
        return Plan(row, Action.UPDATE, entries, report, dict(report.answers))
    if report.state == State.ACCEPTED:
        return Plan(row, Action.CORRECT, entries, report, dict(report.answers))
    message = _("This report is “%(state)s” and cannot be changed now.") % {"state": report.get_state_display()}
    error = Finding(Level.ERROR, columns.REPORT, "not-editable", message)
    return Plan(row, Action.REFUSED, entries, report, findings=[error])


def decimal_mark(kind: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """The mark before the decimals that the texts of a sheet show, so that `1,234` need not be asked about; empty when
    none or both are used."""
    numbers = [one.name for one in FORMS[kind].fields if one.type in (Type.NUMBER, Type.PERCENT)]
    marks = {
        match[1]
        for entries in rows
        for name in numbers
        if isinstance(entries.get(name), str) and (match := _DECIMALS.fullmatch(entries[name]))
    }
    return marks.pop() if len(marks) == 1 else ""


def checked(plan: Plan, *, kind: str, organisation: Organisation, known: Known) -> Checked:
    """The row checked as a form is; findings of the row itself come first. `known` serves all rows of a sheet."""
    if plan.action in (Action.UNCHANGED, Action.REFUSED):
        return Checked(findings=list(plan.findings))
    found = check(kind, plan.entries, organisation=organisation, known=known, report=plan.report)
    found.findings[:0] = plan.findings
    return found


@jobs.work(WORK)
def check_import(job: Job, progress: jobs.Progress) -> None:
    """Check all rows of `arguments["import"]`. A second run overwrites what the first one found."""
    one = Import.objects.select_related("organisation").get(pk=job.arguments["import"])
    if one.state not in (ImportState.UPLOADED, ImportState.CHECKED):
        return
    try:
        sheet = open_import(one)
    except SheetError as error:
        raise jobs.JobRefusedError(str(error)) from error
    headers = {column: header for header, column in one.mapping.items() if column}
    told: list[Told] = []
    actions: Counter[str] = Counter()
    rows_with: dict[str, set[int]] = {level.value: set() for level in Level}
    total = len(sheet.rows)
    progress(0, total)
    planned = list(plans(one, sheet))
    known = Known(one.organisation, decimal_mark=decimal_mark(one.kind, [plan.entries for plan in planned]))
    known.prepare(one.kind, [plan.entries for plan in planned])
    for done, plan in enumerate(planned, 1):
        found = checked(plan, kind=one.kind, organisation=one.organisation, known=known)
        actions[plan.action] += 1
        for finding in found.findings:
            rows_with[finding.level].add(plan.row)
            told.append(_told(one.kind, plan.row, finding, headers))
        progress(done, total)
    outcome = {
        "rows": total,
        "actions": dict(actions),
        "rows_with_errors": len(rows_with[Level.ERROR]),
        "rows_with_warnings": len(rows_with[Level.WARNING]),
        "findings": [asdict(finding) for finding in told],
        "notes": sheet.notes,
        "answers": one.outcome.get("answers", {}),
    }
    with transaction.atomic():
        Import.objects.filter(pk=one.pk, state__in=[ImportState.UPLOADED, ImportState.CHECKED]).update(
            state=ImportState.CHECKED, outcome=outcome, checked_at=timezone.now()
        )


def _told(kind: str, row: int, finding: Finding, headers: Mapping[str, str]) -> Told:
    parts = finding.field.split(".")
    # The API counts the times from 0, columns from 1.
    column = f"{parts[0]}.{int(parts[1]) + 1}.{parts[2]}" if len(parts) == 3 and parts[1].isdigit() else finding.field
    header = headers.get(column) or headers.get(parts[0], "")
    if not header and columns.is_column(kind, column):
        header = columns.label_of(kind, column)
    return Told(row, header, finding.field, finding.level.value, finding.code, str(finding.message))
