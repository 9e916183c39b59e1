"""Sheets that the portal gives out: templates to fill in, and reports in the same layout, so that both come back."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from kpis.models import Kpi
from reporting.fields import FORMS, Field, Type
from reporting.models import Report
from reporting.sheets.columns import REPORT, cells_of, label_of, layout, part_of
from reporting.sheets.opening import JSON, SPREADSHEET, TEXT

#: Rows of a template for which the program offers choices.
OFFERED_ROWS = 5_000
CONTENT_TYPES = {
    SPREADSHEET: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    TEXT: "text/csv; charset=utf-8",
    JSON: "application/json",
}


def guarded(cell: Any) -> Any:
    """A text that no spreadsheet program computes; `opening` takes the apostrophe away again."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def template(kind: str, file_format: str) -> bytes:
    """An empty sheet with its headers; a workbook also explains each column and offers the choices and indicators."""
    return _written(kind, [], file_format)


def export(kind: str, reports: Iterable[Report], file_format: str) -> bytes:
    """Reports as rows of the same layout."""
    return _written(kind, list(reports), file_format)


def _written(kind: str, reports: Sequence[Report], file_format: str) -> bytes:
    columns = layout(kind, (report.entries for report in reports))
    rows = [cells_of(kind, report.entries, report.key, columns) for report in reports]
    if file_format == JSON:
        items = [{REPORT: report.key, **report.entries} for report in reports]
        return json.dumps(items, ensure_ascii=False, indent=1).encode()
    if file_format == TEXT:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows([_flat(cell) for cell in row] for row in rows)
        return b"\xef\xbb\xbf" + text.getvalue().encode()
    return _workbook(kind, columns, rows)


def _flat(cell: Any) -> Any:
    if isinstance(cell, list):
        return "; ".join(str(one) for one in cell)
    return guarded(cell)


def _field(kind: str, column: str) -> Field | None:
    if column == REPORT:
        return None
    if (place := part_of(kind, column)) is not None:
        return next(part for part in FORMS[kind][place[0]].parts if part.name == place[2])
    return FORMS[kind][column]


def _workbook(kind: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    import xlsxwriter.utility  # some megabytes, which a web process that makes none does without

    kept = io.BytesIO()
    # Texts stay texts: no text becomes a formula or a link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(kept, options) as book:
        head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet(pgettext("name of a sheet", "Reports"))
        sheet.freeze_panes(1, 1)
        sheet.set_row(0, 30, head)
        sheet.set_column(0, len(columns) - 1, 22)
        lists = _lists(kind, columns)
        for index, column in enumerate(columns):
            sheet.write_string(0, index, column, head)
        for number, row in enumerate(rows, 1):
            for index, cell in enumerate(row):
                if isinstance(cell, bool):
                    sheet.write_boolean(number, index, cell)
                elif isinstance(cell, int | float):
                    sheet.write_number(number, index, cell)
                elif cell != "":
                    sheet.write_string(number, index, str(_flat(cell)) if isinstance(cell, list) else cell)
        _explain(book, kind, columns, head, wrapped)
        offered = book.add_worksheet(pgettext("name of a sheet", "Choices"))
        for place, (column, values) in enumerate(lists.items()):
            offered.write_string(0, place, column, head)
            offered.write_column(1, place, values)
            first, last = (
                xlsxwriter.utility.xl_rowcol_to_cell(1, place, True, True),
                xlsxwriter.utility.xl_rowcol_to_cell(len(values), place, True, True),
            )
            index = columns.index(column)
            sheet.data_validation(
                1,
                index,
                OFFERED_ROWS,
                index,
                {
                    "validate": "list",
                    "source": f"='{offered.get_name()}'!{first}:{last}",
                    # Only an offer: what is typed otherwise is read as well, or explained.
                    "error_type": "information",
                    "show_error": False,
                },
            )
        if kind == "result":
            _indicators(book, head, wrapped)
    return kept.getvalue()


def _lists(kind: str, columns: Sequence[str]) -> dict[str, list[str]]:
    """Column -> what may stand in it, where that is a list."""
    found: dict[str, list[str]] = {}
    for column in columns:
        one = _field(kind, column)
        if one is None:
            continue
        if one.choices is not None:
            found[column] = [str(value) for value in one.choices.values]
        elif one.type == Type.KPI:
            found[column] = list(Kpi.objects.order_by("code").values_list("code", flat=True))
        elif one.type == Type.YES_NO:
            found[column] = ["yes", "no"]
    return found


def _explain(book: Any, kind: str, columns: Sequence[str], head: Any, wrapped: Any) -> None:
    sheet = book.add_worksheet(pgettext("name of a sheet", "Columns"))
    sheet.set_column(0, 1, 30, wrapped)
    sheet.set_column(2, 3, 60, wrapped)
    for index, title in enumerate((_("Column"), _("What it holds"), _("Help"), _("Choices"))):
        sheet.write_string(0, index, title, head)
    for number, column in enumerate(columns, 1):
        one = _field(kind, column)
        if one is None:
            told = [column, _("Leave it empty for what is new"), _("By it the portal knows a row again."), ""]
        else:
            needed = _("needed") if one.required else ""
            choices = "; ".join(f"{value}: {label}" for value, label in one.choices.choices) if one.choices else ""
            told = [column, f"{label_of(kind, column)}{f' ({needed})' if needed else ''}", str(one.help), choices]
        for index, text in enumerate(told):
            sheet.write_string(number, index, text, wrapped)


def _indicators(book: Any, head: Any, wrapped: Any) -> None:
    sheet = book.add_worksheet(pgettext("name of a sheet", "Indicators"))
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 50, wrapped)
    sheet.set_column(2, 4, 22)
    for index, title in enumerate((_("Code"), _("Indicator"), _("Set"), _("Unit"), _("Better"))):
        sheet.write_string(0, index, title, head)
    for number, kpi in enumerate(Kpi.objects.order_by("code"), 1):
        told = (kpi.code, kpi.name, kpi.get_kpi_set_display(), kpi.unit, kpi.get_direction_display())
        for index, text in enumerate(told):
            sheet.write_string(number, index, str(text))
