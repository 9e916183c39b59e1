"""Whole sets as files: complete, in order, safe in a spreadsheet, streamed, however large."""

import json
import re
import tracemalloc
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from alliance.core import exports, pagination
from alliance.core.errors import BadParameters
from alliance.core.exports import Export, csv_lines, export_response, geojson_text, ndjson_lines, safe_cell
from alliance.core.fields import Column
from alliance.events import exporting
from tests.alliance.api_cases import BY_NAME, NAMES, body_of, csv_rows, ndjson_rows, sheet_rows, walk
from usecases.models import UseCase

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data", "no_quota")]
FILES = [(name, ending) for name in NAMES for ending in BY_NAME[name].formats()]


@pytest.mark.parametrize("name", NAMES)
def test_csv_is_the_flat_form_of_the_list(client, name):
    body = body_of(client.get(f"/api/v1/{name}.csv"))
    assert not body.startswith(b"\xef\xbb\xbf")
    columns = BY_NAME[name].serializer_class.columns
    assert body.partition(b"\r\n")[0].decode() == ",".join(column.name for column in columns)
    records = list(walk(client, name, "", 200))
    rows = csv_rows(body)
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        for column in columns:
            value = column.read(record)
            expected = "" if value is None else str(safe_cell(value))
            assert row[column.name] == expected


@pytest.mark.parametrize("name", NAMES)
def test_ndjson_is_the_list_line_by_line(client, name):
    assert ndjson_rows(body_of(client.get(f"/api/v1/{name}.ndjson"))) == list(walk(client, name, "", 200))


@pytest.mark.parametrize("name", ["use-cases", "cities"])
def test_geojson_is_points_with_the_columns_of_the_csv(client, name):
    response = client.get(f"/api/v1/{name}.geojson")
    assert response["Content-Type"] == "application/geo+json"
    body = json.loads(body_of(response))
    assert set(body) == {"type", "name", "features"}
    assert body["type"] == "FeatureCollection"
    records = list(walk(client, name, "", 200))
    for feature, record in zip(body["features"], records, strict=True):
        assert set(feature) == {"type", "id", "geometry", "properties"}
        assert (feature["type"], feature["id"]) == ("Feature", record["slug"])
        assert feature["geometry"] == {"type": "Point", "coordinates": [record["longitude"], record["latitude"]]}
        assert -180 <= feature["geometry"]["coordinates"][0] <= 180
        columns = [column.name for column in BY_NAME[name].serializer_class.columns]
        assert list(feature["properties"]) == [one for one in columns if one not in ("latitude", "longitude")]


@pytest.mark.parametrize("name", NAMES)
def test_xlsx_has_numbers_as_numbers_and_says_what_it_is(client, name):
    response = client.get(f"/api/v1/{name}.xlsx")
    body = body_of(response)
    columns = BY_NAME[name].serializer_class.columns
    header, *rows = sheet_rows(body)
    assert header == [column.name for column in columns]
    records = list(walk(client, name, "", 200))
    for row, record in zip(rows, records, strict=True):
        for position, column in enumerate(columns):
            value, cell = column.read(record), row[position] if position < len(row) else None
            if value is not None and (column.is_number or (isinstance(value, int | float) and value is not True)):
                assert cell == pytest.approx(float(value))
            else:
                assert cell == value
    about = dict([*row, None][:2] for row in sheet_rows(body, sheet=1))
    assert about["Rows"] == len(records)
    assert about["The same rows in the API"] == f"http://testserver/api/v1/{name}/"


@pytest.mark.parametrize(("name", "ending"), FILES)
@time_machine.travel("2026-11-24T23:30:00Z", tick=False)
def test_the_file_name_tells_what_and_when(client, name, ending):
    plain = client.get(f"/api/v1/{name}.{ending}")
    assert plain["Content-Disposition"] == f'attachment; filename="alliance-{name}-2026-11-24.{ending}"'
    query = {"verticals": "sort=code", "bodies": "q=iso", "aggregates": "kpi=all-wat-cso"}.get(name, "q=water")
    filtered = client.get(f"/api/v1/{name}.{ending}?{query}")
    mark = "" if name == "verticals" else "-filtered"
    assert filtered["Content-Disposition"] == f'attachment; filename="alliance-{name}{mark}-2026-11-24.{ending}"'
    assert plain["Cache-Control"] == "public, max-age=0, must-revalidate"
    for response in (plain, filtered):
        body_of(response)  # closes its file


@pytest.mark.parametrize(("name", "ending"), FILES)
def test_an_empty_set_is_a_valid_file(client, name, ending):
    if name == "verticals":
        pytest.skip("The sixteen fields have no filter.")
    query = "set=ISO 37122" if name == "aggregates" else "q=zzqqxxzzqq"
    body = body_of(client.get(f"/api/v1/{name}.{ending}?{query}"))
    if ending == "csv":
        assert csv_rows(body) == []
        assert body.count(b"\r\n") == 1
    elif ending == "ndjson":
        assert body == b""
    elif ending == "geojson":
        assert json.loads(body)["features"] == []
    else:
        assert len(sheet_rows(body)) == 1


@pytest.mark.parametrize(("name", "ending"), FILES)
def test_head_reads_no_row(client, name, ending):
    client.head(f"/api/v1/{name}.{ending}")
    with CaptureQueriesContext(connection) as queries:
        response = client.head(f"/api/v1/{name}.{ending}")
    assert (response.status_code, body_of(response)) == (200, b"")
    assert response["Content-Disposition"].endswith(f'.{ending}"')
    assert all("events_state" in query["sql"] for query in queries)
    assert len(queries) <= 1


def test_columns_and_fields_can_be_chosen(client):
    body = body_of(client.get("/api/v1/use-cases.csv?fields=title,city_name&vertical=water"))
    assert body.partition(b"\r\n")[0] == b"title,city_name"
    feature = json.loads(body_of(client.get("/api/v1/use-cases.geojson?fields=title")))["features"][0]
    assert list(feature["properties"]) == ["title"]
    assert len(feature["geometry"]["coordinates"]) == 2
    assert list(ndjson_rows(body_of(client.get("/api/v1/use-cases.ndjson?fields=slug,city")))[0]) == ["slug", "city"]
    header, *_ = sheet_rows(body_of(client.get("/api/v1/results.xlsx?omit=note,source")))
    assert "note" not in header
    with CaptureQueriesContext(connection) as queries:
        body_of(client.get("/api/v1/use-cases.csv?fields=title"))
    assert len(queries) == 2  # the state of the documents, and the rows
    refused = client.get("/api/v1/use-cases.csv?fields=city.name")
    assert "Did you mean “city_name”?" in refused.json()["errors"][0]["detail"]


# --- large sets ------------------------------------------------------------------------------------------------------
@pytest.fixture
def small_pieces(monkeypatch):
    """Five rows first, then ten at a time."""
    monkeypatch.setattr(exporting, "FIRST", 5)
    monkeypatch.setattr(exporting, "SIZE", 10)
    monkeypatch.setattr(pagination.chunks, "__kwdefaults__", {"first": 5, "size": 10})


def test_rows_are_read_piece_by_piece_while_they_are_sent(client, small_pieces):
    with CaptureQueriesContext(connection) as queries:
        response = client.get("/api/v1/technologies.ndjson")
        at_once = len(queries)
        assert body_of(response).count(b"\n") == 168
    # The first piece before the answer starts, the others only as they are asked for.
    assert at_once == 1
    assert len(queries) == 1 + (168 - 5) // 10 + 1
    assert not any("OFFSET" in query["sql"] for query in queries)


def test_ready_documents_are_read_by_one_statement_piece_by_piece(client, small_pieces):
    with CaptureQueriesContext(connection) as queries:
        lines = [piece.count(b"\n") for piece in client.get("/api/v1/kpis.ndjson")]
    assert lines == [5, *[10] * 24, 8]
    assert len(queries) == 2  # the state of the documents, and all rows


COLUMNS = [Column("slug", "slug"), Column("note", "note"), Column("value", "value", is_number=True)]


def endless(rows: int, made: list[int] | None = None) -> Export:
    def pieces():
        for start in range(0, rows, 1_000):
            if made is not None:
                made.append(start)
            yield [
                {"slug": f"row-{n}", "note": "x" * 200, "value": "1.5", "latitude": 1.0, "longitude": 2.0}
                for n in range(start, min(start + 1_000, rows))
            ]

    return Export("rows", pieces(), COLUMNS, False, "http://testserver/")


@pytest.mark.parametrize("write", [csv_lines, ndjson_lines, geojson_text])
def test_memory_stays_flat_however_large_the_set(write):
    def peak(rows: int) -> int:
        tracemalloc.start()
        try:
            for _ in write(endless(rows)):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2_000)  # what is imported or cached on the way
    small, large = peak(3_000), peak(30_000)
    assert large < small + 1_000_000


@pytest.mark.parametrize("ending", ["csv", "ndjson", "geojson"])
def test_the_first_bytes_come_before_the_rest_is_read(ending):
    made: list[int] = []
    response = export_response(RequestFactory().get("/"), endless(100_000, made), ending)
    next(iter(response))
    assert len(made) <= 2


def test_more_rows_than_a_sheet_holds_are_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(exports, "MOST_SHEET_ROWS", 1_500)
    with pytest.raises(BadParameters) as refused:
        export_response(RequestFactory().get("/"), endless(3_000), "xlsx")
    assert "CSV or NDJSON" in refused.value.errors[0].detail


# --- safety ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0", "-x"]
)
def test_a_text_that_would_run_is_made_safe(client, text):
    UseCase.objects.filter(slug="smart-sewers-south-bend").update(title=text)
    rows = csv_rows(body_of(client.get("/api/v1/use-cases.csv?vertical=water")))
    assert f"'{text}" in [row["title"] for row in rows]
    # In a sheet a text is a text: there is no formula to run (the reader refuses one), and nothing is added.
    cells = [row[1] for row in sheet_rows(body_of(client.get("/api/v1/use-cases.xlsx?vertical=water")))]
    assert text in [cell.replace("_x000D_", "\r") for cell in cells]
    ndjson = ndjson_rows(body_of(client.get("/api/v1/use-cases.ndjson?vertical=water")))
    assert text in [record["title"] for record in ndjson]


@pytest.mark.parametrize("value", ["-43", "-2.5", "+3", "0", "12.50", -7, 1.5, None, "plain", "a=b", "1-2"])
def test_numbers_and_plain_texts_stay_as_they_are(value):
    assert safe_cell(value) == value


@given(st.text(max_size=50))
def test_no_cell_begins_a_formula_unless_it_is_a_number(text):
    cell = safe_cell(text)
    assert not re.match(r"[=+\-@\t\r\n]", cell) or Decimal(cell) is not None
    assert cell.removeprefix("'") == text or cell == text


def test_negative_changes_are_numbers_in_csv_and_xlsx(client):
    rows = csv_rows(body_of(client.get("/api/v1/results.csv")))
    assert any(row["relative_change_percent"].startswith("-") for row in rows)
    for row in rows:
        for name in ("baseline_value", "result_value", "relative_change_percent", "change_percent"):
            assert row[name] == "" or Decimal(row[name]) is not None


def test_other_scripts_and_line_breaks_survive(client):
    title = 'Données, "مدينة" 城市\nzweite Zeile; 😀'
    UseCase.objects.filter(slug="smart-sewers-south-bend").update(title=title)
    assert title in [row["title"] for row in csv_rows(body_of(client.get("/api/v1/use-cases.csv")))]
    assert title in [row[1] for row in sheet_rows(body_of(client.get("/api/v1/use-cases.xlsx")))]
    features = json.loads(body_of(client.get("/api/v1/use-cases.geojson")))["features"]
    assert title in [feature["properties"]["title"] for feature in features]


def test_a_very_long_text_is_cut_in_a_sheet_and_whole_elsewhere(client):
    UseCase.objects.filter(slug="smart-sewers-south-bend").update(problem="x" * 40_000)
    header, *rows = sheet_rows(body_of(client.get("/api/v1/use-cases.xlsx")))
    cells = [row[header.index("problem")] for row in rows]
    assert max(len(cell) for cell in cells) == 32_767
    assert "x" * 40_000 in [row["problem"] for row in csv_rows(body_of(client.get("/api/v1/use-cases.csv")))]
