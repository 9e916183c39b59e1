"""A workbook's archive, looked through before a reader gets it."""

import io
import re
import zipfile
import zlib

from django.utils.translation import gettext as _

MOST_ROWS = 20_000
MOST_COLUMNS = 300
#: The header stands in one of the first rows: above it may be a title.
HEADER_WITHIN = 20
#: A row, or a cell that holds something, with its attributes; and where it says that it stands.
_ELEMENT = re.compile(rb"<(?:\w{1,40}:)?(row|c)\b((?:[^<>\"']|\"[^\"<]*+\"|'[^'<]*+')*+)>")
_PLACE = re.compile(rb"""\br\s*=\s*["']\s*([A-Za-z]*)0*([0-9]{1,10})\s*["']""")


class SheetError(Exception):
    """The file cannot be used; the message says why and what to do. `code` is the same for the same mistake."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


def require_size(height: int, width: int) -> None:
    """Raises: SheetError for more rows or columns than are read."""
    if height > MOST_ROWS + HEADER_WITHIN:
        raise SheetError(
            "too-many-rows",
            _("The sheet has %(rows)s rows; at most %(most)s are read at once. Split it into several.")
            % {"rows": height, "most": MOST_ROWS},
        )
    if width > MOST_COLUMNS:
        raise SheetError(
            "too-many-columns",
            _("The sheet has %(columns)s columns; at most %(most)s are read.")
            % {"columns": width, "most": MOST_COLUMNS},
        )


def looked_through(archive: zipfile.ZipFile) -> bytes:
    """The archive, unpacked as its directory says and packed anew without pictures: what is looked at is what is read.

    A reader keeps a place for each cell between the first and the last: two cells far apart would fill all memory.
    Raises: SheetError.
    """
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as kept:
            for name in dict.fromkeys(archive.namelist()):
                if name.startswith("xl/media/"):
                    continue
                content = archive.read(name)
                if b"sheetData" in content:
                    require_size(*_extent(content))
                kept.writestr(name, content)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, RuntimeError) as error:
        raise SheetError(
            "damaged", _("The workbook is damaged. Open it in your program, save it anew, and send that.")
        ) from error
    return packed.getvalue()


def _extent(content: bytes) -> tuple[int, int]:
    """Over how many rows and columns the cells of a worksheet's XML lie that hold anything."""
    rows, columns = [], []
    row = column = 0
    for element in _ELEMENT.finditer(content):
        attributes = element[2]
        place = _PLACE.search(attributes)
        if element[1] == b"row":
            row, column = int(place[2]) if place else row + 1, 0
            continue
        column = _column(place[1]) if place else column + 1
        if not attributes.endswith(b"/"):
            rows.append(int(place[2]) if place else row)
            columns.append(column)
    if not rows:
        return 0, 0
    return max(rows) - min(rows) + 1, max(columns) - min(columns) + 1


def _column(letters: bytes) -> int:
    """The number of a column, counted from 1, from its letters."""
    number = 0
    for letter in letters[:8].upper():
        number = number * 26 + letter - 64
    return number
