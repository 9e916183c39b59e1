"""Reading a CSV file so that each cell knows its line and its column."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kpis.reference.problems import Problems

_LINE_END = re.compile(r"\r\n|\r|\n")
EMPTY = ("the file is empty", "put its header and its rows back")
#: How the data are written; part of many answers.
FORMAT = "save it as CSV in UTF-8, with commas between the fields"


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file. `line` is where it begins, counted as an editor counts."""

    file: str
    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file. Not `complete`: rows are missing, so nothing can be said about what refers to it."""

    rows: list[Row]
    complete: bool


UNUSABLE = Table([], complete=False)


def read_table(path: Path, columns: Sequence[str], problems: Problems) -> Table:
    """The rows of a CSV file whose header names exactly `columns`, in any order.

    Blank lines are skipped, a byte order mark is accepted. A row with too few or too many fields is reported and left
    out.
    """
    text = _read_text(path, problems)
    if text is None:
        return UNUSABLE
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    complete = True
    header: list[str] | None = None
    begin = 1
    try:
        for fields in reader:
            line, begin = begin, reader.line_num + 1
            if not fields:
                continue
            if header is None:
                if not _check_header(path.name, line, fields, columns, problems):
                    return UNUSABLE
                header = fields
            elif len(fields) != len(header):
                complete = False
                problems.error(path.name, line, "", *_wrong_length(len(fields), len(header)))
            elif not any(fields):
                problems.error(path.name, line, "", "the row is empty", "delete the line")
            else:
                rows.append(Row(path.name, line, dict(zip(header, fields, strict=True))))
    except csv.Error as error:
        problems.error(path.name, begin, "", *_broken_quotes(error))
        return UNUSABLE
    if header is None:
        problems.error(path.name, 0, "", *EMPTY)
        return UNUSABLE
    return Table(rows, complete)


def _read_text(path: Path, problems: Problems) -> str | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        problems.error(path.name, 0, "", "the file is missing", f"put it into {path.parent}, or give --dir")
        return None
    except OSError as error:
        problems.error(path.name, 0, "", f"the file cannot be read ({error.strerror})", "let this account read it")
        return None
    if not content.strip():
        problems.error(path.name, 0, "", *EMPTY)
        return None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.error(path.name, 1, "", "the file is in UTF-16", FORMAT)
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", errors="replace")
        found = f"the byte {error.object[error.start]:#04x} is not UTF-8"
        problems.error(path.name, _line_number(before), "", found, FORMAT)
        return None
    if "\x00" in text:
        for line, content_of_line in enumerate(_LINE_END.split(text), start=1):
            if "\x00" in content_of_line:
                problems.error(path.name, line, "", "there is a NUL byte", "delete it, or " + FORMAT)
        return None
    return text


def _line_number(before: str) -> int:
    """The line that the text after `before` is on."""
    return len(_LINE_END.findall(before)) + 1


def _check_header(file: str, line: int, header: list[str], columns: Sequence[str], problems: Problems) -> bool:
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        problems.error(file, line, "", "the fields are not separated by commas", FORMAT)
        return False
    missing = [column for column in columns if column not in header]
    seen: set[str] = set()
    fine = not missing
    for position, column in enumerate(header, start=1):
        if column in seen:
            problems.error(file, line, column, "the column stands twice in the header", "delete one of them")
        elif not column:
            problems.error(file, line, "", f"column {position} has no name", "name it, or delete it")
        elif column not in columns:
            mend = problems.did_you_mean(column, missing, "delete it; the columns are " + ", ".join(columns))
            problems.error(file, line, column, "no column is called so", mend)
        else:
            seen.add(column)
            continue
        fine = False
    for column in missing:
        problems.error(file, line, column, "the column is missing", "add it, also when all its fields are empty")
    return fine


def _wrong_length(found: int, expected: int) -> tuple[str, str]:
    mend = "put quotes around a field that contains a comma" if found > expected else "add the commas that are missing"
    return f"the row has {found} fields, the header {expected}", mend


def _broken_quotes(error: csv.Error) -> tuple[str, str]:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quoted field that begins here is never closed", 'close it, and write " inside a field as ""'
    if "expected after" in text:
        return "text follows the closing quote of a field", 'write " inside a field as ""'
    if "field limit" in text:
        return "a field is longer than 131,072 characters", "close its quotes, or shorten it"
    return f"the row cannot be read ({text})", FORMAT
