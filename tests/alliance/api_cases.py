"""The resources of the API with one real record each, random queries over real data, and readers of the answers."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from urllib.parse import urlsplit
from xml.etree import ElementTree

from django.http import QueryDict
from hypothesis import strategies as st

from alliance.api import RESOURCES, filterset_of
from alliance.core.facets import Facet
from alliance.core.filters import SearchFilter

#: resource -> key of one record that `data/` holds.
REAL_KEYS = {
    "use-cases": "smart-sewers-south-bend",
    "results": "smart-sewers-south-bend-all-wat-cso",
    "standards": "iso-37120",
    "bodies": "iso",
    "kpis": "all-wat-cso",
    "aggregates": "all-wat-cso.all.all.all.change",
    "cities": "bogota-co",
    "countries": "CO",
    "verticals": "water",
    "technologies": "level-sensors",
    "organisations": "city-of-south-bend",
}
NAMES = [resource.resource for resource in RESOURCES]
BY_NAME = {resource.resource: resource for resource in RESOURCES}
WORDS = [
    "water",
    "sensors",
    "traffic",
    "sewer snsors",
    '"smart meters"',
    "energy -solar",
    "Bogota",
    "ISO",
    "the",
    "air",
]


def list_address(name: str, query: str = "") -> str:
    return f"/api/v1/{name}/?{query}" if query else f"/api/v1/{name}/"


def detail_address(name: str) -> str:
    return f"/api/v1/{name}/{REAL_KEYS[name]}/"


def key_of(name: str, record: dict) -> str:
    return record[BY_NAME[name].lookup_field]


@cache
def _choices(name: str) -> dict[str, list[str]]:
    """Facet values of a resource, from the loaded data."""
    filters = filterset_of(BY_NAME[name]).base_filters
    return {one_name: sorted(one.labels(None)) for one_name, one in filters.items() if isinstance(one, Facet)}


@st.composite
def queries(draw: st.DrawFn, name: str) -> str:
    """A query string with some filters, a search and an order of a resource, all valid."""
    filterset_class = filterset_of(BY_NAME[name])
    query = QueryDict(mutable=True)
    choices = _choices(name)
    wanted = draw(st.lists(st.sampled_from(sorted(choices)), max_size=2, unique=True)) if choices else []
    for facet in wanted:
        query.setlist(facet, draw(st.lists(st.sampled_from(choices[facet]), min_size=1, max_size=6, unique=True)))
    filters = filterset_class.base_filters
    if any(isinstance(one, SearchFilter) for one in filters.values()) and draw(st.integers(0, 3)) == 0:
        query["q"] = draw(st.sampled_from(WORDS))
    for year in ("year_min", "year_max"):
        if year in filters and draw(st.integers(0, 4)) == 0:
            query[year] = str(draw(st.integers(2008, 2022)))
    if draw(st.booleans()):
        query["sort"] = draw(st.sampled_from(sorted(filterset_class.sorts)))
    return query.urlencode()


def body_of(response) -> bytes:
    return b"".join(response) if response.streaming else response.content


def path_of(address: str) -> str:
    """An absolute address as the test client takes it."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def walk(client, name: str, query: str, page_size: int) -> Iterator[dict]:
    """Every record of a list, page by page."""
    address = list_address(name, f"{query}&page_size={page_size}" if query else f"page_size={page_size}")
    while address:
        response = client.get(address)
        assert response.status_code == 200, response.content
        answer = response.json()
        yield from answer["results"]
        address = path_of(answer["next"]) if answer["next"] else None


def csv_rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8"), newline="")))


def ndjson_rows(body: bytes) -> list[dict]:
    return [json.loads(line) for line in body.decode("utf-8").splitlines()]


def sheet_rows(body: bytes, sheet: int = 2) -> list[list[str | float | None]]:
    """The cells of a sheet of an XLSX file, read with nothing but zip and XML."""
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        assert book.testzip() is None
        root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))
        shared: list[str] = []
        if "xl/sharedStrings.xml" in book.namelist():
            texts = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
            shared = ["".join(text.itertext()) for text in texts.findall("m:si", space)]
    rows = []
    for row in root.iterfind(".//m:row", space):
        cells: list[str | float | None] = []
        for cell in row.findall("m:c", space):
            column = 0
            for letter in (character for character in cell.get("r", "") if character.isalpha()):
                column = column * 26 + ord(letter) - 64
            cells.extend([None] * (column - 1 - len(cells)))
            value = cell.find("m:v", space)
            if cell.get("t") == "inlineStr":
                cells.append("".join(cell.find("m:is", space).itertext()))
            elif cell.get("t") == "s":
                cells.append(shared[int(value.text)])
            elif cell.get("t") == "b":
                cells.append(value.text == "1")
            else:
                assert cell.find("m:f", space) is None, "a formula"
                cells.append(float(value.text) if value is not None else None)
        rows.append(cells)
    return rows
