"""A file that a member uploads, opened with care: as rows of cells, or refused with a sentence that helps.

What a cell holds stays what it is: a text, a number, a date as ISO 8601 text. Sizes are looked at before anything is
unpacked, so that a small file cannot become a large one.
"""

import csv
import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import PurePath
from typing import Any

import python_calamine
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reporting.sheets.unpacking import HEADER_WITHIN as HEADER_WITHIN
from reporting.sheets.unpacking import MOST_COLUMNS as MOST_COLUMNS
from reporting.sheets.unpacking import MOST_ROWS as MOST_ROWS
from reporting.sheets.unpacking import SheetError as SheetError
from reporting.sheets.unpacking import looked_through, require_size

MOST_BYTES = 20 * 2**20
MOST_UNPACKED = 150 * 2**20
#: A sheet of numbers shrinks to a tenth; what shrinks to a three hundredth was made to.
MOST_SHRUNK = 300
MOST_CELL = 20_000
SPREADSHEET, TEXT, JSON = "xlsx", "csv", "json"
#: Before what a spreadsheet program would compute, our sheets have an apostrophe (see `writing.guarded`).
_GUARDED = frozenset("=+-@\t\r")
_OLE2 = b"\xd0\xcf\x11\xe0"
_FORMULA = re.compile(
    rb'<c [^<>]{0,200}?r="([A-Z]{1,3}[0-9]{1,7})"[^<>]{0,200}?>\s*+<f\b[^<>]*+(?:(?<=/)>|>[^<]*+</f>)\s*+(<v>)?'
)

Cell = str | int | float | bool | list[Any]


@dataclass(frozen=True)
class Row:
    """One row. `number` is the one that the member's program shows beside it."""

    number: int
    cells: Sequence[Cell]


@dataclass
class Sheet:
    """What was read.

    Attributes:
        headers: as written, one a column; empty where a column has none.
        rows: those below the header that hold anything.
        notes: what the reader should know of how it was read, a sentence each.
    """

    format: str
    headers: list[str]
    rows: list[Row]
    notes: list[str] = field(default_factory=list)


def open_sheet(content: bytes, name: str, recognise: Callable[[str], bool]) -> Sheet:
    """Read a file by what it holds, whatever it is called.

    Args:
        recognise: tells a header from other texts: the row with the most of them is the header.
    Raises: SheetError.
    """
    if not content.strip():
        raise SheetError("empty", _("The file is empty. Perhaps the upload was cut off: send it again."))
    if len(content) > MOST_BYTES:
        raise SheetError(
            "too-large",
            _("The file has %(size)s MB; at most %(most)s MB are read. Leave out pictures, or split it into several.")
            % {"size": len(content) // 2**20, "most": MOST_BYTES // 2**20},
        )
    if content.startswith(_OLE2):
        raise SheetError(
            "old-format",
            _("This is an old or encrypted Excel file. Save it without a password as “Excel workbook (.xlsx)”."),
        )
    if content.startswith(b"PK"):
        return _workbook(content, recognise)
    if content.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"{\\rtf")):
        raise SheetError("no-sheet", _("This is no table. Send the sheet itself, as .xlsx, .csv or .json."))
    text, notes = _decoded(content)
    if text.lstrip()[:1] in "[{" and PurePath(name).suffix.lower() != ".csv":
        return _objects(text, notes)
    return _separated(text, notes, recognise)


# --- workbooks -------------------------------------------------------------------------------------------------------
def _workbook(content: bytes, recognise: Callable[[str], bool]) -> Sheet:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError):
        raise SheetError(
            "damaged", _("The workbook is damaged. Open it in your program, save it anew, and send that.")
        ) from None
    names = {entry.filename for entry in entries}
    if any(entry.filename.lower().endswith("vbaproject.bin") for entry in entries):
        raise SheetError(
            "macros",
            _("The workbook holds macros, which are not taken. Save it as “Excel workbook (.xlsx)”, without macros."),
        )
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MOST_UNPACKED or unpacked > MOST_SHRUNK * len(content):
        raise SheetError(
            "unpacks-too-large",
            _("Unpacked the workbook fills %(size)s MB, far more than its rows need. Copy the rows into a new one.")
            % {"size": unpacked // 2**20},
        )
    if "xl/workbook.xml" not in names:
        raise SheetError("no-workbook", _("This archive is no Excel workbook. Save the sheet as .xlsx or .csv."))
    content = looked_through(archive)
    try:
        book = python_calamine.load_workbook(io.BytesIO(content))
        visible = [
            meta.name for meta in book.sheets_metadata if meta.visible == python_calamine.SheetVisibleEnum.Visible
        ]
        sheets = [book.get_sheet_by_name(one) for one in visible]
    except (python_calamine.CalamineError, ValueError, OSError):
        raise SheetError(
            "damaged", _("The workbook is damaged. Open it in your program, save it anew, and send that.")
        ) from None
    sheet = next((one for one in sheets if one.height and one.width), None)
    if sheet is None:
        raise SheetError("empty", _("No sheet of the workbook has rows."))
    require_size(sheet.height, sheet.width)
    notes = []
    if sum(1 for one in sheets if one.height > 1) > 1:
        notes.append(_("Of the sheets of the workbook, “%(name)s” was read.") % {"name": sheet.name})
    top, left = sheet.start or (0, 0)
    table = [[_cell(value) for value in row] for row in sheet.to_python(skip_empty_area=True)]
    notes += _filled(table, sheet.merged_cell_ranges or [], top, left)
    notes += _formulas(archive, sheet.name, book)
    return _table(SPREADSHEET, table, notes, recognise, first_number=top + 1)


def _cell(value: Any) -> Cell:
    """A cell's value: dates as ISO 8601, whole numbers without a fraction, texts trimmed."""
    match value:
        case bool():
            return value
        case int():
            return value
        case float() if not math.isfinite(value):
            return str(value)
        case float():
            return int(value) if value.is_integer() and abs(value) < 1e15 else value
        case datetime():
            return (value.date() if value.time() == time() else value).isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case None:
            return ""
    return _storable(str(value).strip()[:MOST_CELL])


def _storable(text: str) -> str:
    """The text as the database can keep it: without NUL and half characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _filled(table: list[list[Cell]], ranges: Sequence[Any], top: int, left: int) -> list[str]:
    """Give each cell that was merged downwards the value of the first; say so. Raises: SheetError for others."""
    notes = []
    for (first_row, first_column), (last_row, last_column) in ranges:
        if first_row == last_row and first_row - top < HEADER_WITHIN:
            continue  # a title above the table
        where = f"{_letters(first_column)}{first_row + 1}:{_letters(last_column)}{last_row + 1}"
        if first_column != last_column:
            raise SheetError(
                "merged-cells",
                _("The cells %(where)s are merged. Undo that (in Excel: “Merge & Centre”) and fill each of them.")
                % {"where": where},
            )
        first, column = first_row - top, first_column - left
        if not (0 <= first < len(table) and 0 <= column < len(table[first])):
            continue  # beside the table
        for row in range(first + 1, min(last_row - top + 1, len(table))):
            table[row][column] = table[first][column]
        notes.append(_("The cells %(where)s are merged: each was read as the first.") % {"where": where})
    return notes


def _letters(column: int) -> str:
    """The letters of a column, counted from 0: A, B, ... Z, AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _formulas(archive: zipfile.ZipFile, name: str, book: Any) -> list[str]:
    """What to say of formulas: their last computed values are read. Raises: SheetError where there is none."""
    number = book.sheet_names.index(name) + 1
    try:
        found = _FORMULA.findall(archive.read(f"xl/worksheets/sheet{number}.xml"))
    except KeyError:
        return []
    without = [cell.decode() for cell, value in found if not value]
    if without:
        raise SheetError(
            "formula-without-value",
            _("The cell %(cell)s holds a formula that was never computed. Copy the column and paste it as values.")
            % {"cell": without[0]},
        )
    if not found:
        return []
    return [
        ngettext(
            "%(count)s cell holds a formula: its last computed value was read.",
            "%(count)s cells hold formulas: their last computed values were read.",
            len(found),
        )
        % {"count": len(found)}
    ]


# --- texts -----------------------------------------------------------------------------------------------------------
def _decoded(content: bytes) -> tuple[str, list[str]]:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if content.startswith(mark):
            try:
                return content.decode(encoding), []
            except UnicodeDecodeError:
                break
    if b"\x00" in content[:10_000]:
        raise SheetError("no-sheet", _("This is no table. Send the sheet itself, as .xlsx, .csv or .json."))
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError:
        note = _("The file is not in UTF-8: it was read as Windows-1252. Look whether accented letters are right.")
        return content.decode("cp1252", "replace"), [note]


def _separated(text: str, notes: list[str], recognise: Callable[[str], bool]) -> Sheet:
    lines = text.splitlines()
    beginning = [line for line in lines[: HEADER_WITHIN + 30] if line.strip()]
    separator = max(",;\t|", key=lambda one: (_regularity(beginning, one), -",;\t|".index(one)))
    if not any(separator in line for line in beginning):
        separator = ","
    require_size(len(lines) if '"' not in text else 0, 0)
    csv.field_size_limit(MOST_CELL * 10)
    table: list[list[Cell]] = []
    numbers: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        before = 0
        for cells in reader:
            require_size(len(table), len(cells))
            table.append([_unguarded(_cell(cell)) for cell in cells])
            numbers.append(before + 1)
            before = reader.line_num
    except csv.Error as error:
        raise SheetError(
            "malformed",
            _("Line %(line)s cannot be read as a row: a quotation mark is not closed, or a cell is far too long.")
            % {"line": reader.line_num},
        ) from error
    return _table(TEXT, table, notes, recognise, numbers=numbers)


def _regularity(lines: Sequence[str], separator: str) -> tuple[int, int]:
    """How many lines have as many of them as the most frequent number, and that number."""
    counts = [count for line in lines if (count := line.count(separator))]
    usual = max(set(counts), key=counts.count, default=0)
    return counts.count(usual), usual


def _unguarded(cell: Cell) -> Cell:
    """A cell without the apostrophe that keeps spreadsheet programs from computing it (see `writing.guarded`)."""
    return cell[1:] if isinstance(cell, str) and cell[:1] == "'" and cell[1:2] in _GUARDED else cell


def _objects(text: str, notes: list[str]) -> Sheet:
    try:
        found = json.loads(text, parse_constant=lambda name: name)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise SheetError("malformed", _("Line %(line)s is not valid JSON.") % {"line": line}) from error
    if isinstance(found, dict):
        found = next((found[name] for name in ("items", "results") if isinstance(found.get(name), list)), [found])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise SheetError("malformed", _("Give a list of objects, one for each row: [{…}, {…}]."))
    require_size(len(found), 0)
    found = [{_storable(str(name)[:200]): value for name, value in one.items()} for one in found]
    headers = list(dict.fromkeys(name for one in found for name in one))
    require_size(0, len(headers))
    rows = [Row(number, [_member(one.get(name)) for name in headers]) for number, one in enumerate(found, 1)]
    return _with_rows(Sheet(JSON, headers, rows, notes))


def _member(value: Any) -> Cell:
    return value if isinstance(value, list) else _cell(value)


# --- tables ----------------------------------------------------------------------------------------------------------
def _table(
    file_format: str,
    table: list[list[Cell]],
    notes: list[str],
    recognise: Callable[[str], bool],
    *,
    first_number: int = 1,
    numbers: Sequence[int] | None = None,
) -> Sheet:
    """Header and rows of a table. Of rows with as many known headers the first is the header."""
    beginning = table[:HEADER_WITHIN]
    if not any(any(cell != "" for cell in row) for row in beginning):
        raise SheetError("empty", _("The sheet has no rows."))
    known = [sum(isinstance(cell, str) and cell != "" and recognise(cell) for cell in row) for row in beginning]
    filled = [sum(cell != "" for cell in row) >= min(2, len(row)) for row in beginning]
    at = known.index(max(known)) if max(known) else filled.index(True) if True in filled else 0
    headers = _told_apart([str(cell)[:200] for cell in table[at]])
    rows = [
        Row(numbers[i] if numbers else first_number + i, _padded(table[i], len(headers)))
        for i in range(at + 1, len(table))
        if table[i].count("") < len(table[i])
    ]
    return _with_rows(Sheet(file_format, headers, rows, notes))


def _told_apart(headers: list[str]) -> list[str]:
    """Headers that stand several times get a number from the second on."""
    seen: dict[str, int] = {}
    told = []
    for header in headers:
        seen[header] = seen.get(header, 0) + 1
        told.append(f"{header} ({seen[header]})" if header and seen[header] > 1 else header)
    return told


def _padded(cells: list[Cell], width: int) -> list[Cell]:
    return cells[:width] + [""] * (width - len(cells))


def _with_rows(sheet: Sheet) -> Sheet:
    if not sheet.rows:
        raise SheetError("no-rows", _("There is a header but no row below it."))
    if len(sheet.rows) > MOST_ROWS:
        require_size(len(sheet.rows) + HEADER_WITHIN, 0)
    return sheet
