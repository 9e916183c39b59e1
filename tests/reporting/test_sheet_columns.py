"""Which column is which field is guessed and remembered, and reports come back from our own sheets as they went."""

import io

import pytest
import python_calamine

from alliance.members.models import Organisation
from kpis.models import Kpi
from reporting.models import Report
from reporting.sheets import columns, writing
from reporting.sheets.opening import open_sheet

pytestmark = pytest.mark.django_db

USE_CASE = {
    "title": "Smart bins in La Paz",
    "city": "La Paz, Bolivia",
    "vertical": "waste",
    "stage": "pilot",
    "started_year": 2021,
    "problem": "Bins were full,\nor emptied when empty.",
    "solution": '=cmd|"/c calc"!A1',
    "technologies": "fill sensors; route planning",
    "role": "lead",
    "source": "https://example.org/a?b=1,2",
    "city_from_outset": True,
    "cost_amount": "1 234,5",
    "cost_currency": "BOB",
    "standards": [
        {"standard": "ISO 37120", "state": "used"},
        {"standard": "OMA NGSI-LD", "problems_met": "none; really"},
    ],
    "organisations": [{"organisation": f"Partner {number}"} for number in range(5)],
    "lessons": [{"advice": "Begin small; ask early.", "confidence": "high"}],
}
RESULT = {
    "use_case": "sfpark-san-francisco",
    "kpi": "ALL-PRK-SEARCH",
    "relative_change_percent": "-43",
    "comparison": "randomised",
    "sample_n": 120,
    "spread": 0.5,
    "note": "'quoted' and \"quoted\"",
}


@pytest.fixture
def organisation() -> Organisation:
    return Organisation.objects.create(name="City of Testing", slug="city-of-testing", member_since="2020-01-01")


@pytest.mark.parametrize("file_format", ["xlsx", "csv", "json"])
@pytest.mark.parametrize(("kind", "entries"), [("use-case", USE_CASE), ("result", RESULT)])
def test_reports_go_out_and_come_back_without_loss(organisation, kind, entries, file_format):
    report = Report.objects.create(kind=kind, organisation=organisation, entries=entries)
    content = writing.export(kind, [report], file_format)
    sheet = open_sheet(content, f"reports.{file_format}", lambda header: columns.is_column(kind, header))
    mapping = columns.guess(kind, sheet.headers, organisation)
    assert all(mapping.values())
    (row,) = sheet.rows
    cells = {mapping[header]: cell for header, cell in zip(sheet.headers, row.cells, strict=True)}
    assert cells[columns.REPORT] == report.key
    came_back = columns.entries_of(kind, cells)
    if file_format == "csv":  # which knows texts alone
        entries = {name: value if isinstance(value, list) else str(value) for name, value in entries.items()}
    assert came_back == entries


def test_no_cell_of_a_csv_is_computed_by_a_spreadsheet_program(organisation):
    report = Report.objects.create(kind="use-case", organisation=organisation, entries=USE_CASE)
    assert b",\"'=cmd|" in writing.export("use-case", [report], "csv")


def test_columns_are_guessed_by_name_synonym_label_and_likeness(organisation):
    headers = ["KPI", "Antes", "Después (min)", "Einheit", "Unit", "Comparision design", "Cost", "Weather"]
    assert columns.guess("result", headers, organisation) == {
        "KPI": "kpi",
        "Antes": "baseline_value",
        "Después (min)": "result_value",
        "Einheit": "",
        "Unit": "unit",
        "Comparision design": "comparison",
        "Cost": "cost_amount",
        "Weather": "",
    }


def test_what_an_organisation_chose_is_remembered_for_it_alone(organisation):
    other = Organisation.objects.create(name="Another", slug="another")
    columns.remember("result", {"Einheit": "unit", "Unit": ""}, organisation)
    assert columns.guess("result", ["Einheit", "Unit"], organisation) == {"Einheit": "unit", "Unit": ""}
    assert columns.guess("result", ["Einheit", "Unit"], other) == {"Einheit": "", "Unit": "unit"}
    columns.remember("result", {"Einheit": ""}, organisation)
    assert columns.guess("result", ["Einheit"], organisation) == {"Einheit": ""}


def test_one_column_of_names_parts_them_at_semicolons():
    assert columns.entries_of("use-case", {"standards": "ISO 37120; MQTT\nOAuth 2.0;"})["standards"] == [
        {"standard": "ISO 37120"},
        {"standard": "MQTT"},
        {"standard": "OAuth 2.0"},
    ]
    assert columns.entries_of("use-case", {"lessons": "Ask; then build."})["lessons"] == [
        {"advice": "Ask; then build."}
    ]


@pytest.mark.parametrize("kind", ["use-case", "result"])
def test_a_template_explains_every_column_and_lists_all_indicators(kind, reference_data):
    book = python_calamine.load_workbook(io.BytesIO(writing.template(kind, "xlsx")))
    explained = {row[0] for row in book.get_sheet_by_name("Columns").to_python()[1:]}
    assert explained == set(columns.layout(kind))
    if kind == "result":
        told = {row[0] for row in book.get_sheet_by_name("Indicators").to_python()[1:]}
        assert told == set(Kpi.objects.values_list("code", flat=True))
