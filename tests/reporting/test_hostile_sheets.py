"""Sheets that were made to do harm are refused or read in bounded time and memory, and never break a job."""

import json
import subprocess
import sys
import zipfile
from contextlib import suppress
from io import BytesIO

import pytest
from django.conf import settings

from reporting.models import Report
from reporting.sheets import importing
from reporting.sheets.opening import SheetError, open_sheet
from tests.reporting import recipes
from tests.reporting.test_importing_sheets import done
from tests.reporting.test_opening_sheets import read, repacked, table, workbook

_HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_FIRST = b'<row r="1"><c r="A1" t="inlineStr"><is><t>kpi</t></is></c></row>'


def book(sheet: bytes) -> bytes:
    plain = workbook(table(["kpi", "unit"], ["A", "B"]))
    return repacked(plain, **{"xl/worksheets/sheet1.xml": _HEAD + sheet + b"</sheetData></worksheet>"})


#: Two cells of which a reader makes a table of thousands of millions: it would end the whole process.
SPARSE = {
    "rows": (_FIRST + b'<row r="1048576"><c r="A1048576"><v>1</v></c></row>', "too-many-rows"),
    "columns": (_FIRST + b'<row r="20000"><c r="XFD20000"><v>1</v></c></row>', "too-many-columns"),
    "small letters": (_FIRST + b'<row r="2"><c r="xfd2"><v>1</v></c></row>', "too-many-columns"),
    "no place of its own": (_FIRST + b'<row r="1048576"><c><v>1</v></c></row>', "too-many-rows"),
    "another quote": (_FIRST + b"<row r='900000'><c s='>' r='B900000'><v>1</v></c></row>", "too-many-rows"),
    "a prefix": (_FIRST + b'<x:row r="900000"><x:c r="B900000"><v>1</v></x:c></x:row>', "too-many-rows"),
}


@pytest.mark.parametrize("name", SPARSE)
def test_cells_far_apart_are_refused_before_a_table_is_made_of_them(name):
    sheet, code = SPARSE[name]
    with pytest.raises(SheetError) as refused:
        read(book(sheet), "sheet.xlsx")
    assert refused.value.code == code


def test_a_column_that_is_only_formatted_to_its_end_is_read():
    empty = b"".join(b'<row r="%d"><c r="A%d" s="1"/></row>' % (row, row) for row in range(3, 30_000))
    sheet = read(book(_FIRST + b'<row r="2"><c r="A2"><v>7</v></c></row>' + empty), "sheet.xlsx")
    assert [list(row.cells) for row in sheet.rows] == [[7]]


def test_the_reader_gets_what_was_looked_at_also_when_the_directory_lies():
    """The directory says that the worksheet ends before its far cell; a reader that reads on would find it."""
    short = _HEAD + _FIRST + b'<row r="2"><c r="A2"><v>7</v></c></row></sheetData></worksheet>'
    long = short.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')
    name = "xl/worksheets/sheet1.xml"
    content = bytearray(repacked(workbook(table(["kpi"], ["A"])), **{name: long}))
    with zipfile.ZipFile(BytesIO(content)) as archive:
        entry = archive.getinfo(name)
    directory = content.rindex(name.encode()) - 46
    content[directory + 24 : directory + 28] = (entry.file_size - 60).to_bytes(4, "little")
    with pytest.raises(SheetError) as refused:
        read(bytes(content), "sheet.xlsx")
    assert refused.value.code == "damaged"


def test_a_worksheet_of_open_cells_is_looked_through_in_seconds():
    """In a process of its own, which is ended after its time: a search for formulas took hours."""
    path = "import sys; from tests.reporting import test_hostile_sheets as t; t.open_cells()"
    subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {path}"], cwd=settings.BASE_DIR, timeout=60, check=True
    )


def open_cells() -> None:
    for part in (b"<c " * 200_000, b'<c r="A1" ' * 100_000, b'<c r="A1"><f ' * 100_000):
        with suppress(SheetError):
            read(book(_FIRST + b'<row r="2"><c r="A2"><v>1</v></c></row><x y="' + part + b'"/>'), "sheet.xlsx")


@pytest.mark.parametrize("place", ["XFD2:XFD9", "A1:A1048576", "B2:B9"])
def test_merged_cells_beside_the_table_are_passed_over(place):
    sheet = _HEAD + _FIRST + b'<row r="2"><c r="A2"><v>7</v></c></row></sheetData><mergeCells>'
    sheet += b'<mergeCell ref="%s"/></mergeCells></worksheet>' % place.encode()
    content = repacked(workbook(table(["kpi"], ["A"])), **{"xl/worksheets/sheet1.xml": sheet})
    assert len(read(content, "sheet.xlsx").rows) == 1


# --- what a database cannot keep -------------------------------------------------------------------------------------
HOSTILE = [
    {"use_case": "surtrac-pittsburgh", "note": "a\x00b"},
    {"use_case": "surtrac-pittsburgh", "note": "half \ud800"},
    {"use_case": "surtrac-pittsburgh", "side\x00effects": "x", "kpi": [{"\x00": "\x00"}]},
    {"use_case": "surtrac-pittsburgh", "kpi": [[[["deep"]]]]},
    {"use_case": "surtrac-pittsburgh", "kpi": [{"a": {"b": {"c": {"d": 1}}}}]},
    {"use_case": "surtrac-pittsburgh", "result_value": "1e400 as a number"},
]


@pytest.mark.django_db
@pytest.mark.usefixtures("reference_data")
@pytest.mark.parametrize("entries", HOSTILE, ids=range(len(HOSTILE)))
def test_what_the_database_cannot_keep_breaks_no_import(entries, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    ada = recipes.member()
    content = json.dumps([entries]).replace('"1e400 as a number"', "1e400").encode()
    one = importing.upload(
        content=content, name="a.json", kind="result", organisation=recipes.organisation_of(ada), actor=ada
    )
    mapping = {header: "kpi" if header == "kpi" else one.mapping[header] for header in one.mapping}
    job = done(importing.name_columns(one=one, mapping=mapping, actor=ada))
    assert (job.state, job.error) == ("done", "")
    one.refresh_from_db()
    assert one.outcome["rows_with_errors"] == 1
    job = done(importing.confirm(one=one, actor=ada, as_drafts=True))
    assert (job.state, job.error) == ("done", "")
    assert Report.objects.filter(imported_by=one).count() <= 1
    assert open_sheet(content, "a.json", lambda header: False).rows
