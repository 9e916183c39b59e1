"""Headings of the indicators beyond their definition, and the links between the sets."""

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, cast

from django.db import models

from alliance.core.units_registry import Units
from kpis.crosswalk_models import KpiLink, Relation
from kpis.crosswalk_rules import Link, contradiction
from kpis.models import Kpi, KpiLevel
from kpis.reference.checks import Cells
from kpis.reference.problems import Problems
from kpis.reference.results import KPIS_FILE, Kpis
from kpis.reference.store import Key, Store, Tally, Wanted
from kpis.reference.tables import Table

HEADINGS_FILE = "kpi_headings.csv"
HEADINGS_COLUMNS = [
    "code",
    "numerator",
    "denominator",
    "scale",
    "formula",
    "rationale",
    "sdg",
    "valid_min",
    "valid_max",
    "hkpi_level",
    "source",
]
LINKS_FILE = "kpi_crosswalk.csv"
LINKS_COLUMNS = ["code", "other_code", "relation", "reason", "said_by", "source"]
#: A goal, a target or an indicator: 6, 6.2, 11.b, 6.2.1.
_SDG = re.compile(r"(?:[1-9]|1[0-7])(?:\.[1-9a-d][0-9]?(?:\.[1-9])?)?")


@dataclass(frozen=True, slots=True)
class Headings:
    """As the fields of the indicator are called; empty and None: no source tells."""

    numerator: str
    denominator: str
    scale: Decimal | None
    formula: str
    rationale: str
    sdg: str
    valid_min: Decimal | None
    valid_max: Decimal | None
    level: str
    headings_source: str

    def owned(self) -> dict[str, Any]:
        """Field -> value, of an indicator."""
        return asdict(self)


#: Of an indicator that the file does not name.
UNKNOWN = Headings("", "", None, "", "", "", None, None, "", "")


@dataclass(frozen=True, slots=True)
class LinkRow:
    kpi: str
    other: str
    relation: str
    reason: str
    said_by: str
    source: str


def read_headings(table: Table, kpis: Kpis, problems: Problems) -> dict[str, Headings]:
    """Code of an indicator -> what the file says of it."""
    found: dict[str, Headings] = {}
    seen: dict[object, int] = {}
    for row in table.rows:
        cells = Cells(row, problems)
        code = cells.text("code")
        headings = Headings(
            numerator=cells.text("numerator", _field("numerator"), required=False),
            denominator=cells.text("denominator", _field("denominator"), required=False),
            scale=_number(cells, "scale"),
            formula=cells.text("formula", _field("formula"), required=False),
            rationale=cells.text("rationale", required=False),
            sdg=";".join(_goals(cells)),
            valid_min=_number(cells, "valid_min"),
            valid_max=_number(cells, "valid_max"),
            level=cells.choice("hkpi_level", KpiLevel.values, required=False),
            headings_source=cells.text("source", _field("headings_source"), required=False),
        )
        cells.refers("code", code, kpis.keys, kpis.complete, KPIS_FILE)
        if cells.fine:
            _check(cells, headings)
        if code and cells.first_of("code", code, seen, code) and cells.fine:
            found[code] = headings
    return found


def _field(name: str) -> models.Field:
    return Kpi._meta.get_field(name)  # type: ignore[return-value]


def _number(cells: Cells, name: str) -> Decimal | None:
    return cells.decimal(name, cast(models.DecimalField, _field(name)))


def _goals(cells: Cells) -> list[str]:
    goals = cells.items("sdg")
    for goal in goals:
        if not _SDG.fullmatch(goal):
            cells.wrong("sdg", f"“{goal}” is no goal, target or indicator", "write 6, 6.2 or 6.2.1")
    return goals


def _check(cells: Cells, headings: Headings) -> None:
    parts = (headings.numerator, headings.denominator, headings.scale)
    if any(parts) and not all(parts):
        mend = "give all three, or leave all three empty"
        cells.wrong("scale", "a formula needs numerator, denominator and a scale that is not 0", mend)
    elif headings.scale is not None and headings.scale <= 0:
        cells.wrong("scale", f"{headings.scale} is not above 0", "write what the quotient is multiplied by")
    low, high = headings.valid_min, headings.valid_max
    if low is not None and high is not None and low >= high:
        cells.wrong("valid_max", f"{high} is not above {low}", "put the larger number here")
    if headings != UNKNOWN and not headings.headings_source:
        cells.wrong("source", "the headings name no source", "say where they come from")


def read_links(table: Table, kpis: Kpis, units: Units | None, problems: Problems) -> list[LinkRow]:
    """The links of the file; one that contradicts rows above it is an error.

    Args:
        units: None when their file is broken, so that nothing can be said about contradictions.
    """
    links: list[LinkRow] = []
    standing: list[Link] = []
    for row in table.rows:
        cells = Cells(row, problems)
        link = LinkRow(
            kpi=cells.text("code"),
            other=cells.text("other_code"),
            relation=cells.choice("relation", Relation.values),
            reason=cells.text("reason"),
            said_by=cells.text("said_by", KpiLink._meta.get_field("said_by")),
            source=cells.text("source", KpiLink._meta.get_field("source")),
        )
        cells.refers("code", link.kpi, kpis.keys, kpis.complete, KPIS_FILE)
        cells.refers("other_code", link.other, kpis.keys, kpis.complete, KPIS_FILE)
        ends = [kpis.rows.get(link.kpi), kpis.rows.get(link.other)]
        if cells.fine and units is not None and all(ends):
            new = Link(link.kpi, link.other, link.relation)
            rows = {code: kpis.rows[code] for code in (link.kpi, link.other)}
            message = contradiction(
                standing,
                new,
                {code: one.direction for code, one in rows.items()},
                {code: one.unit for code, one in rows.items()},
            )
            if message:
                cells.wrong("relation", message.rstrip("."), "correct this row, or the one that it contradicts")
            else:
                standing.append(new)
        if cells.fine:
            links.append(link)
    return links


def store_links(links: Iterable[LinkRow], kpis: Mapping[str, Kpi], problems: Problems) -> Tally:
    """Bring the links, unless they contradict one that stands in the database alone."""
    wanted = {
        (kpis[row.kpi].pk, kpis[row.other].pk): Wanted(
            {"relation": row.relation, "reason": row.reason, "said_by": row.said_by, "source": row.source},
            named=f"{row.kpi}, {row.other}",
        )
        for row in links
    }
    store = Store(KpiLink, "links between indicators", "kpi_id", "other_id")
    if _agree(wanted, list(kpis.values()), problems):
        store.bring(wanted)
    return store.finish()


def _agree(wanted: Mapping[Key, Wanted], kpis: Iterable[Kpi], problems: Problems) -> bool:
    rows = KpiLink.objects.values_list("kpi_id", "other_id", "relation", "kpi__direction", "other__direction",
                                       "kpi__unit", "other__unit")  # fmt: skip
    alone = [row for row in rows if row[:2] not in wanted]
    by_key = {kpi.pk: kpi for kpi in kpis}
    directions: dict[Hashable, str] = {key: kpi.direction for key, kpi in by_key.items()}
    units: dict[Hashable, str] = {key: kpi.unit for key, kpi in by_key.items()}
    for row in alone:
        directions |= {row[0]: row[3], row[1]: row[4]}
        units |= {row[0]: row[5], row[1]: row[6]}
    standing = [Link(key[0], key[1], wish.owned["relation"]) for key, wish in wanted.items()]
    for row in alone:
        link = Link(*row[:3])
        if message := contradiction(standing, link, directions, units):
            what = f"a link of the database alone contradicts it: {message.rstrip('.')}"
            problems.error(LINKS_FILE, 0, "", what, "delete that link under /admin/, or correct the file")
            return False
        standing.append(link)
    return True
