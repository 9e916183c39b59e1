"""`practices.csv` and `implementations.csv`: the editors' own practices, and the use cases that carry them out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from alliance.core.verticals import VerticalCode
from kpis.models import Kpi
from kpis.reference.checks import Cells
from kpis.reference.load import Data
from kpis.reference.problems import Problems
from kpis.reference.results import KPIS_FILE
from kpis.reference.store import Store, Tally, Wanted
from kpis.reference.tables import read_table
from kpis.reference.use_cases import FILE as USE_CASES_FILE
from practices.models import Implementation, Practice, PracticeState

FILE = "practices.csv"
COLUMNS = ["slug", "name", "summary", "vertical", "primary_kpi", "mechanism", "conditions", "risks", "cost_note"]
LINKS_FILE = "implementations.csv"
LINK_COLUMNS = ["practice_slug", "usecase_slug", "reason"]
#: Taken as they stand; may be empty.
_TEXTS = ("mechanism", "conditions", "risks", "cost_note")


@dataclass(frozen=True, slots=True)
class Rows:
    """What the two files say: slug -> fields, and (practice, use case) -> reason."""

    practices: Mapping[str, Mapping[str, str]]
    links: Mapping[tuple[str, str], str]


def read(directory: Path, data: Data, problems: Problems) -> Rows:
    """Read and check both files. A folder that has neither brings no practices."""
    if not (directory / FILE).exists() and not (directory / LINKS_FILE).exists():
        return Rows({}, {})
    table = read_table(directory / FILE, COLUMNS, problems)
    keys: dict[str, int] = {}
    practices: dict[str, Mapping[str, str]] = {}
    for row in table.rows:
        cells = Cells(row, problems)
        slug = cells.slug("slug", Practice._meta.get_field("slug"))
        told = {
            "name": cells.text("name", Practice._meta.get_field("name")),
            "summary": cells.text("summary"),
            "vertical": cells.choice("vertical", VerticalCode.values),
            "primary_kpi": cells.text("primary_kpi"),
            **{name: cells.text(name, required=False) for name in _TEXTS},
        }
        cells.refers("primary_kpi", told["primary_kpi"], data.kpis.keys, data.kpis.complete, KPIS_FILE)
        if slug and cells.first_of("slug", slug, keys, slug) and cells.fine:
            practices[slug] = told
    link_table = read_table(directory / LINKS_FILE, LINK_COLUMNS, problems)
    seen: dict[object, int] = {}
    links: dict[tuple[str, str], str] = {}
    for row in link_table.rows:
        cells = Cells(row, problems)
        key = (cells.text("practice_slug"), cells.text("usecase_slug"))
        reason = cells.text("reason")
        cells.refers("practice_slug", key[0], keys, table.complete, FILE)
        cells.refers("usecase_slug", key[1], data.use_cases.keys, data.use_cases.complete, USE_CASES_FILE)
        if cells.fine and cells.first_of("usecase_slug", key, seen, f"{key[0]}, {key[1]}"):
            links[key] = reason
    return Rows(practices, links)


def store(
    rows: Rows, verticals: Mapping[str, int], use_cases: Mapping[str, int], kpis: Mapping[str, Kpi]
) -> list[Tally]:
    """Write what differs. The state of a practice belongs to the editors once it is there."""
    practices = Store(Practice, "practices", "slug")
    found = practices.bring(
        {
            (slug,): Wanted(
                {
                    "name": told["name"],
                    "summary": told["summary"],
                    "vertical_id": verticals[told["vertical"]],
                    "primary_kpi_id": kpis[told["primary_kpi"]].pk,
                    **{name: told[name] for name in _TEXTS},
                },
                first={"state": PracticeState.ACCEPTED},
            )
            for slug, told in rows.practices.items()
        }
    )
    links = Store(Implementation, "links to practices", "practice_id", "use_case_id")
    links.bring(
        {
            (found[(practice,)].pk, use_cases[use_case]): Wanted({"reason": reason}, named=f"{practice}, {use_case}")
            for (practice, use_case), reason in rows.links.items()
        }
    )
    return [practices.finish(), links.finish()]
