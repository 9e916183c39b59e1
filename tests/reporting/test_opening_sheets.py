"""A member's file is read whatever wrote it, or refused with a sentence that says what to do."""

import io
import json
import zipfile
from datetime import date

import pytest
import xlsxwriter

from reporting.sheets import columns, opening
from reporting.sheets.opening import SheetError, open_sheet


def read(content: bytes, name: str = "sheet.csv"):
    return open_sheet(content, name, lambda header: bool(columns.recognise("result", header)))


def workbook(write, **options) -> bytes:
    """The bytes of a workbook; `write(book, sheet)` fills it."""
    kept = io.BytesIO()
    with xlsxwriter.Workbook(kept, {"in_memory": True, **options}) as book:
        write(book, book.add_worksheet("Data"))
    return kept.getvalue()


def table(*rows):
    def write(book, sheet):
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)

    return write


def repacked(content: bytes, **changed: bytes) -> bytes:
    """A workbook with further or other files in it."""
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename not in changed:
                new.writestr(entry.filename, old.read(entry))
        for name, data in changed.items():
            new.writestr(name, data)
    return kept.getvalue()


PLAIN = [["kpi", "unit", "before", "after"], ["ALL-PRK-SEARCH", "minute", "12,5", "1 234,5"]]


@pytest.mark.parametrize(
    "content",
    [
        b'kpi,unit,before,after\r\nALL-PRK-SEARCH,minute,"12,5","1 234,5"\r\n',
        b"kpi;unit;before;after\nALL-PRK-SEARCH;minute;12,5;1 234,5\n",
        b"kpi\tunit\tbefore\tafter\nALL-PRK-SEARCH\tminute\t12,5\t1 234,5\n",
        "\ufeffkpi;unit;before;after\nALL-PRK-SEARCH;minute;12,5;1 234,5\n".encode(),
        "kpi;unit;before;after\nALL-PRK-SEARCH;minute;12,5;1 234,5\n".encode("utf-16"),
        b"Our pilot;;;\n;;;\nkpi;unit;before;after\nALL-PRK-SEARCH;minute;12,5;1 234,5\n",
        workbook(table(*PLAIN)),
        workbook(table([], ["Results of our pilot"], *PLAIN)),
        json.dumps([dict(zip(PLAIN[0], PLAIN[1], strict=True))]).encode(),
        json.dumps({"items": [dict(zip(PLAIN[0], PLAIN[1], strict=True))]}).encode(),
    ],
    ids=["csv", "semicolons", "tabs", "mark", "utf-16", "title above", "xlsx", "xlsx title", "json", "json items"],
)
def test_the_same_table_however_it_is_written(content):
    sheet = read(content, "sheet")
    assert sheet.headers[:4] == PLAIN[0]
    assert [list(row.cells[:4]) for row in sheet.rows] == [PLAIN[1]]


def test_rows_are_counted_as_the_members_program_counts_them():
    assert [row.number for row in read(b"kpi,unit\n\n\nA,m\n\nB,m\n").rows] == [4, 6]
    assert [row.number for row in read(b'kpi,note\nA,"two\nlines"\nB,m\n').rows] == [2, 4]
    book = workbook(lambda book, sheet: (sheet.write_row(3, 2, ["kpi", "unit"]), sheet.write_row(6, 2, ["A", "m"])))
    assert [row.number for row in read(book).rows] == [7]


def test_columns_of_the_same_name_are_told_apart():
    assert read(b"kpi,value,value\nA,1,2\n").headers == ["kpi", "value", "value (2)"]


def test_dates_numbers_and_yes_stay_what_they_are():
    def write(book, sheet):
        sheet.write_row(0, 0, ["kpi", "before", "date", "n", "yes"])
        sheet.write_string(1, 0, "A")
        sheet.write_number(1, 1, 1234.5)
        sheet.write_datetime(1, 2, date(2024, 3, 5), book.add_format({"num_format": "d.m.yy"}))
        sheet.write_number(1, 3, 40)
        sheet.write_boolean(1, 4, True)

    (row,) = read(workbook(write)).rows
    assert list(row.cells) == ["A", 1234.5, "2024-03-05", 40, True]


def test_windows_texts_are_read_and_the_reader_is_told():
    sheet = read("kpi;note\nA;Año de prueba\n".encode("cp1252"))
    assert sheet.rows[0].cells[1] == "Año de prueba"
    assert "Windows-1252" in sheet.notes[0]


def test_cells_that_are_merged_downwards_count_for_each_row():
    def write(book, sheet):
        sheet.write_row(0, 0, ["use case", "kpi"])
        sheet.merge_range(1, 0, 2, 0, "sfpark")
        sheet.write_column(1, 1, ["A", "B"])

    sheet = read(workbook(write))
    assert [list(row.cells) for row in sheet.rows] == [["sfpark", "A"], ["sfpark", "B"]]
    assert "A2:A3" in sheet.notes[0]


def test_computed_values_of_formulas_are_read_and_told():
    def write(book, sheet):
        sheet.write_row(0, 0, ["kpi", "after"])
        sheet.write_string(1, 0, "A")
        sheet.write_formula(1, 1, "=6*7", value=42)

    sheet = read(workbook(write))
    assert sheet.rows[0].cells[1] == 42
    assert "formula" in sheet.notes[0]


def _bomb() -> bytes:
    return repacked(workbook(table(*PLAIN)), **{"xl/media/nothing.bin": bytes(opening.MOST_UNPACKED + 1)})


def _never_computed() -> bytes:
    content = workbook(table(["kpi", "after"], ["A", 1]))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        page = archive.read("xl/worksheets/sheet1.xml")
    page = page.replace(b'<c r="B2"><v>1</v></c>', b'<c r="B2"><f>1+1</f></c>')
    assert b"<f>1+1</f>" in page
    return repacked(content, **{"xl/worksheets/sheet1.xml": page})


def _merged_across() -> bytes:
    def write(book, sheet):
        sheet.write_row(0, 0, ["kpi", "before", "after"])
        sheet.write_row(1, 0, ["A", 1, 2])
        sheet.merge_range(2, 0, 3, 1, "B")

    return workbook(write)


REFUSED = {
    "empty": lambda: b" \n",
    "too-large": lambda: b"a,b\n" * (opening.MOST_BYTES // 4 + 1),
    "old-format": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "macros": lambda: repacked(workbook(table(*PLAIN)), **{"xl/vbaProject.bin": b"macro"}),
    "unpacks-too-large": _bomb,
    "no-workbook": lambda: repacked_document(),
    "damaged": lambda: workbook(table(*PLAIN))[:900],
    "too-many-rows": lambda: b"kpi,unit\n" + b"A,m\n" * (opening.MOST_ROWS + 100),
    "too-many-columns": lambda: (",".join(f"c{i}" for i in range(opening.MOST_COLUMNS + 1)) + "\n").encode() * 2,
    "no-rows": lambda: b"kpi,unit,before\n",
    "no-sheet": lambda: b"%PDF-1.7 nothing",
    "malformed": lambda: b'[{"kpi": "A",]',
    "merged-cells": _merged_across,
    "formula-without-value": _never_computed,
}


def repacked_document() -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")
    return kept.getvalue()


@pytest.mark.parametrize("code", REFUSED)
def test_what_cannot_be_read_is_refused_with_what_to_do(code):
    with pytest.raises(SheetError) as refused:
        read(REFUSED[code](), "sheet")
    assert refused.value.code == code
    assert str(refused.value).endswith((".", "]"))
    assert len(str(refused.value)) > 20
