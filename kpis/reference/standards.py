"""Standards bodies, standards and their editions."""

from collections.abc import Mapping
from dataclasses import dataclass

from alliance.core.verticals import VerticalCode
from kpis.reference.checks import Cells, Spellings
from kpis.reference.problems import Problems
from kpis.reference.slugs import slugify
from kpis.reference.store import Store, Tally, Wanted
from kpis.reference.tables import Table
from standards.designations import split_designation
from standards.models import Aspect, Body, Edition, EditionStatus, Layer, Standard, StandardKind

FILE = "standards.csv"
COLUMNS = [
    "designation",
    "title",
    "body",
    "year",
    "status",
    "kind",
    "interoperability_layer",
    "verticals",
    "nfr",
    "supersedes",
    "url",
    "summary",
    "rfp_use",
    "source",
]
FIRST_YEAR, LAST_YEAR = 1900, 2100


@dataclass(frozen=True, slots=True)
class EditionRow:
    line: int
    designation: str
    standard: str
    title: str
    body: str
    year: int
    status: str
    kind: str
    layer: str
    verticals: list[str]
    aspects: list[str]
    supersedes: str
    url: str
    summary: str
    rfp_use: str
    source: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What standards.csv says, by full designation; `keys` also names rows that have another fault."""

    editions: dict[str, EditionRow]
    keys: dict[str, int]
    complete: bool


def read_standards(table: Table, problems: Problems) -> Catalogue:
    catalogue = Catalogue({}, {}, table.complete)
    bodies = Spellings()
    for row in table.rows:
        cells = Cells(row, problems)
        designation = cells.text("designation", Edition._meta.get_field("designation"))
        standard = split_designation(designation).standard
        longest = Standard._meta.get_field("designation").max_length or 0
        if len(standard) > longest:
            cells.wrong(
                "designation", f"without its year it has {len(standard)} characters", f"shorten it to {longest}"
            )
        edition = EditionRow(
            line=row.line,
            designation=designation,
            standard=standard,
            title=cells.text("title", Edition._meta.get_field("title")),
            body=cells.text("body", Body._meta.get_field("name")),
            year=cells.integer("year", FIRST_YEAR, LAST_YEAR, required=True) or 0,
            status=cells.choice("status", EditionStatus.values),
            kind=cells.choice("kind", StandardKind.values),
            layer=cells.choice("interoperability_layer", Layer.values),
            verticals=cells.choices("verticals", VerticalCode.values),
            aspects=cells.choices("nfr", Aspect.values),
            supersedes=cells.text("supersedes", Edition._meta.get_field("supersedes_designation"), required=False),
            url=cells.url("url", Edition._meta.get_field("url")),
            summary=cells.text("summary", required=False),
            rfp_use=cells.text("rfp_use", required=False),
            source=cells.text("source", Edition._meta.get_field("source")),
        )
        if edition.body:
            bodies.check(cells, "body", edition.body)
        if designation and cells.first_of("designation", designation, catalogue.keys, designation) and cells.fine:
            catalogue.editions[designation] = edition
    predecessors = {name: row.supersedes for name, row in catalogue.editions.items() if row.supersedes}
    for designation in circular(predecessors):
        mend = "empty the field in one of the rows of the circle"
        what = f"{designation} supersedes itself, directly or through others"
        problems.error(FILE, catalogue.editions[designation].line, "supersedes", what, mend)
    return catalogue


def circular(predecessors: Mapping[str, str]) -> list[str]:
    """The entries that lead back to themselves, in order."""
    done: set[str] = set()
    found: set[str] = set()
    for start in predecessors:
        path: dict[str, None] = {}
        entry: str | None = start
        while entry is not None and entry not in done and entry not in path:
            path[entry] = None
            entry = predecessors.get(entry)
        if entry in path:
            members = list(path)
            found.update(members[members.index(entry) :])
        done.update(path)
    return [entry for entry in predecessors if entry in found]


def newest_editions(catalogue: Catalogue) -> dict[str, EditionRow]:
    """Standard -> its newest edition: the latest year, among equals the last row of the file."""
    newest: dict[str, EditionRow] = {}
    for edition in catalogue.editions.values():
        other = newest.get(edition.standard)
        if other is None or edition.year >= other.year:
            newest[edition.standard] = edition
    return newest


def store_standards(catalogue: Catalogue, problems: Problems) -> tuple[dict[str, Edition], list[Tally]]:
    """Bodies, standards, editions. Returns full designation -> edition.

    Adds an error where an edition that is in the database alone closes a circle of predecessors.
    """
    bodies = Store(Body, "bodies", "name")
    standards = Store(Standard, "standards", "designation")
    names = dict.fromkeys(edition.body for edition in catalogue.editions.values())
    body_rows = bodies.bring({(name,): Wanted({}, wished_slug=slugify(name, "body")) for name in names})
    standard_rows = standards.bring(
        {
            (designation,): Wanted(
                {
                    "body_id": body_rows[newest.body,].pk,
                    "title": newest.title,
                    "kind": newest.kind,
                    "layer": newest.layer,
                    "verticals": newest.verticals,
                    "aspects": newest.aspects,
                    "summary": newest.summary,
                    "rfp_use": newest.rfp_use,
                },
                wished_slug=slugify(designation, "standard"),
            )
            for designation, newest in newest_editions(catalogue).items()
        }
    )
    standard_ids = {designation: row.pk for (designation,), row in standard_rows.items()}
    editions, tally = _store_editions(catalogue, standard_ids)
    _check_circles(catalogue, editions, problems)
    return editions, [bodies.finish(), standards.finish(), tally]


def _store_editions(catalogue: Catalogue, standard_ids: Mapping[str, int]) -> tuple[dict[str, Edition], Tally]:
    store = Store(Edition, "editions", "designation")
    named = {edition.supersedes for edition in catalogue.editions.values()} - {""} - set(catalogue.editions)
    ids = dict(Edition.objects.filter(designation__in=named).values_list("designation", "pk")) if named else {}
    waiting = dict(catalogue.editions)
    # Predecessors first, so that a new row can name them at once.
    while waiting:
        ready = {key: edition for key, edition in waiting.items() if edition.supersedes not in waiting}
        rows = store.bring(
            {
                (designation,): Wanted(
                    {
                        "standard_id": standard_ids[edition.standard],
                        "title": edition.title,
                        "year": edition.year,
                        "status": edition.status,
                        "supersedes_id": ids.get(edition.supersedes),
                        "supersedes_designation": edition.supersedes,
                        "url": edition.url,
                        "source": edition.source,
                    }
                )
                for designation, edition in ready.items()
            }
        )
        ids |= {designation: rows[designation,].pk for designation in ready}
        waiting = {key: edition for key, edition in waiting.items() if key not in ready}
    return {designation: row for (designation,), row in store.rows.items()}, store.finish()


def _check_circles(catalogue: Catalogue, editions: Mapping[str, Edition], problems: Problems) -> None:
    links = Edition.objects.exclude(supersedes=None).values_list("designation", "supersedes__designation")
    for designation in circular(dict(links)):
        if designation in editions:
            what = f"{designation} supersedes itself through an edition that was entered in the portal"
            mend = "empty the field, or correct that edition in the portal"
            problems.error(FILE, catalogue.editions[designation].line, "supersedes", what, mend)
