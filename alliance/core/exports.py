"""Whole filtered sets as files: CSV, NDJSON, GeoJSON and XLSX, in the order of the list, in constant memory.

Rows are read piece by piece as they are sent, so that neither the size of the set nor a usual line meets a limit.
A program gets the public JSON (NDJSON) or its columns (CSV, GeoJSON: UTF-8 without a byte order mark); a spreadsheet
gets XLSX with numbers as numbers.
"""

import csv
import json
import re
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import chain, islice
from typing import IO, Any

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from alliance.core.errors import BadParameters, ParameterError
from alliance.core.fields import Column

#: Rows of an XLSX sheet below its header.
MOST_SHEET_ROWS = 1_048_575
LONGEST_CELL = 32_767

#: A cell that begins so is run as a formula by spreadsheet programs.
_FORMULA = re.compile(r"^[=+\-@\t\r\n]")
_NUMBER = re.compile(r"^[+-]?[0-9]+(\.[0-9]+)?\Z")

Documents = Iterator[list[dict[str, Any]]]
#: What is sent, piece by piece: any number of lines each.
Lines = Generator[str | bytes, None, None]


@dataclass(frozen=True)
class Export:
    """What is exported: pieces of public JSON, and how they lie flat.

    Attributes:
        name: of the resource, such as `use-cases`.
        pieces: public JSON of the rows, piece by piece.
        columns: of the flat formats.
        is_filtered: not all that there is; the file's name says so.
        source: address of the list that gives the same rows.
        ready: the lines of a format as bytes that are written already, many lines each; None when there are none.
    """

    name: str
    pieces: Documents
    columns: Sequence[Column]
    is_filtered: bool
    source: str
    ready: Callable[[str], Iterator[bytes] | None] = lambda ending: None

    def file_name(self, ending: str) -> str:
        """Such as `alliance-use-cases-filtered-2026-11-24.csv`."""
        filtered = "-filtered" if self.is_filtered else ""
        return f"alliance-{self.name}{filtered}-{timezone.now():%Y-%m-%d}.{ending}"


def json_text(value: Any) -> str:
    """JSON without superfluous blanks, other scripts as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- formats ---------------------------------------------------------------------------------------------------------
def safe_cell(value: Any) -> Any:
    """A CSV cell that no spreadsheet program runs: a text that would begin a formula gets an apostrophe before it.

    Numbers stay numbers, negative ones too.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.match(value):
        return f"'{value}"
    return value


def csv_line(cells: Iterable[Any]) -> str:
    """Cells as one line that ends as RFC 4180 has it."""
    buffer = StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()


def csv_record(columns: Sequence[Column], document: Any) -> str:
    """A record as one CSV line."""
    return csv_line(safe_cell(column.read(document)) for column in columns)


def csv_lines(export: Export) -> Lines:
    """A header row, then one row a record."""
    yield csv_line(column.name for column in export.columns)
    if (ready := export.ready("csv")) is not None:
        yield from ready
        return
    for piece in export.pieces:
        yield "".join(csv_record(export.columns, document) for document in piece)


def ndjson_lines(export: Export) -> Lines:
    """One public JSON a line."""
    if (ready := export.ready("ndjson")) is not None:
        yield from ready
        return
    for piece in export.pieces:
        yield "".join(f"{json_text(document)}\n" for document in piece)


def feature_text(columns: Sequence[Column], document: Any) -> str:
    """A record as a GeoJSON feature: a point, the other columns as its properties."""
    feature = {
        "type": "Feature",
        "id": document["slug"],
        "geometry": {"type": "Point", "coordinates": [document["longitude"], document["latitude"]]},
        "properties": {
            column.name: column.read(document) for column in columns if column.name not in ("latitude", "longitude")
        },
    }
    return json_text(feature)


def geojson_text(export: Export) -> Lines:
    """A FeatureCollection (RFC 7946) of points, one a line, the columns as their properties."""
    yield f'{{"type":"FeatureCollection","name":{json_text(export.name)},"features":['
    between = "\n"
    for piece in export.pieces:
        yield between + ",\n".join(feature_text(export.columns, document) for document in piece)
        between = ",\n"
    yield "\n]}\n"


def write_workbook(export: Export, file: IO[bytes]) -> None:
    """One sheet with the rows and one that says what they are.

    Raises: BadParameters when there are more rows than a sheet holds.
    """
    import xlsxwriter  # some megabytes, which a web process that makes none does without

    workbook = xlsxwriter.Workbook(
        file,
        {
            "constant_memory": True,
            # Texts stay texts, whatever they look like.
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    head = workbook.add_format({"bold": True})
    about = workbook.add_worksheet("About")
    rows = workbook.add_worksheet(export.name[:31])
    rows.activate()
    rows.freeze_panes(1, 0)
    rows.set_column(0, len(export.columns) - 1, 24)
    for position, column in enumerate(export.columns):
        rows.write_string(0, position, column.name, head)
    line = 0
    try:
        for document in chain.from_iterable(export.pieces):
            line += 1
            if line > MOST_SHEET_ROWS:
                raise BadParameters(
                    [ParameterError("xlsx", "A sheet holds 1,048,575 rows. Filter, or take CSV or NDJSON.", "too_many")]
                )
            for position, column in enumerate(export.columns):
                _write_cell(rows, line, position, column, column.read(document))
        about.set_column(0, 0, 24)
        about.set_column(1, 1, 100)
        told = [
            ("Alliance for Best Practices and Standards in Smart Cities", ""),
            ("Sheet", export.name),
            ("Rows", line),
            ("Written", f"{timezone.now():%Y-%m-%d %H:%M} UTC"),
            ("The same rows in the API", export.source),
        ]
        for position, (name, value) in enumerate(told):
            about.write_string(position, 0, name, head)
            about.write(position, 1, value)
    finally:
        workbook.close()


def _write_cell(sheet: Any, line: int, position: int, column: Column, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(line, position, value)
    elif isinstance(value, int | float):
        sheet.write_number(line, position, value)
    elif column.is_number:
        sheet.write_number(line, position, float(value))
    else:
        text = str(value)
        sheet.write_string(line, position, text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…")


# --- answers ---------------------------------------------------------------------------------------------------------
def _streamed(
    media_type: str, write: Callable[[Export], Lines], *, heads: int = 0
) -> Callable[[Export], HttpResponseBase]:
    """Args: heads: pieces before the first with rows."""

    def answer(export: Export) -> HttpResponseBase:
        return StreamingHttpResponse(_Started(write(export), heads + 1), content_type=media_type)

    return answer


class _Started:
    """Pieces of a file, the first `count` read before anything is sent: a database that is gone is told in time.

    An error later on ends the connection before the end of the answer, so that nobody takes a part for the whole.
    """

    def __init__(self, pieces: Lines, count: int) -> None:
        self.pieces, self.first = pieces, list(islice(pieces, count))

    def __iter__(self) -> Iterator[bytes]:
        for piece in chain(self.first, self.pieces):
            yield piece if isinstance(piece, bytes) else piece.encode("utf-8", "replace")

    def close(self) -> None:
        """Read no more: who asked has all, or has gone."""
        self.pieces.close()


def _workbook(export: Export) -> HttpResponseBase:
    file = tempfile.TemporaryFile(prefix="alliance-export-")  # noqa: SIM115  (the answer closes it)
    try:
        write_workbook(export, file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return FileResponse(file, content_type=XLSX)


@dataclass(frozen=True)
class Format:
    """A file format of exports."""

    media_type: str
    answer: Callable[[Export], HttpResponseBase]
    #: Its rows are the public JSON itself instead of columns.
    nested: bool = False
    #: Only for records that have a place.
    places_only: bool = False


CSV, NDJSON, GEOJSON = "text/csv; charset=utf-8; header=present", "application/x-ndjson", "application/geo+json"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

FORMATS: dict[str, Format] = {
    "csv": Format(CSV, _streamed(CSV, csv_lines, heads=1)),
    "ndjson": Format(NDJSON, _streamed(NDJSON, ndjson_lines), nested=True),
    "geojson": Format(GEOJSON, _streamed(GEOJSON, geojson_text, heads=1), places_only=True),
    "xlsx": Format(XLSX, _workbook),
}


def export_response(request: HttpRequest, export: Export, ending: str) -> HttpResponseBase:
    """The file. A HEAD request learns its headers, and no row is read."""
    chosen = FORMATS[ending]
    if request.method == "HEAD":
        response: HttpResponseBase = HttpResponse(content_type=chosen.media_type)
    else:
        response = chosen.answer(export)
    response["Content-Disposition"] = f'attachment; filename="{export.file_name(ending)}"'
    # A proxy that collects the answer first would take the constant memory and the quick first byte away.
    response["X-Accel-Buffering"] = "no"
    return response
