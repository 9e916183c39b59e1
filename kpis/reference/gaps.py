"""Needs for standards that are missing: checked with the rest. The portal has no table for them yet."""

from alliance.core.verticals import VerticalCode
from kpis.reference.checks import Cells
from kpis.reference.problems import Problems
from kpis.reference.standards import FILE as STANDARDS_FILE
from kpis.reference.standards import Catalogue
from kpis.reference.tables import Table

FILE = "standards_gaps.csv"
SCORES = ["covid_effect", "global_local", "local_sustainability", "resilience"]
COLUMNS = ["title", "need", "verticals", *SCORES, "related_standards", "source"]
HIGHEST_SCORE = 5


def check_gaps(table: Table, catalogue: Catalogue, problems: Problems) -> int:
    """Check every row; returns how many there are."""
    seen: dict[object, int] = {}
    for row in table.rows:
        cells = Cells(row, problems)
        title = cells.text("title")
        if title:
            cells.first_of("title", title, seen, title)
        cells.text("need")
        cells.choices("verticals", VerticalCode.values)
        for column in SCORES:
            cells.integer(column, 0, HIGHEST_SCORE, required=True)
        for designation in cells.items("related_standards"):
            cells.refers("related_standards", designation, catalogue.keys, catalogue.complete, STANDARDS_FILE)
        cells.text("source")
    return len(table.rows)
