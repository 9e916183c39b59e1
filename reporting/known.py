"""What the portal knows, as far as reading reports needs it: each question asked once, for one report or for a sheet.

`Known.prepare` asks for many reports at once, so that a sheet of thousands of rows needs some dozen queries.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from typing import Any, NamedTuple

from babel import Locale
from django.conf import settings
from django.contrib.postgres.search import TrigramSimilarity, TrigramWordSimilarity
from django.db.models import BooleanField, Count, Max, Min, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Abs, Greatest, Least, Lower

from alliance.members.models import Organisation
from kpis.models import Kpi, Result
from reporting import kpi_search
from reporting.entries import EntryError
from reporting.models import Kind, Report
from reporting.plausible_units import conversion
from reporting.reading_dates import read_date
from reporting.states import State
from reporting.words import alike, clean, forbidden, tokens
from standards.models import Edition, Standard
from usecases.models import City, Country, UseCase

#: Reports that may still become evidence, or are.
_OPEN = (State.DRAFT, State.SUBMITTED, State.CHANGES_REQUESTED, State.ACCEPTED)
#: What a check of many results asks of a use case; the rest would be read for nothing.
_OF_MANY = ("slug", "title", "status", "started_year", "merged_into", "city__name", "city__slug", "city__country")
#: What the CLDR names under two letters beside countries.
_NO_COUNTRIES = frozenset(("EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"))
#: Looking for close names is slow over large tables: so many times for one sheet.
_MOST_SUGGESTIONS = 30


class NamedStandard(NamedTuple):
    """A standard, and the edition that was named; None: no edition was."""

    standard: Standard
    edition: Edition | None


class NewCity(NamedTuple):
    """A city that is not on record yet: an editor gives it its place on the map."""

    name: str
    country_code: str


class Earlier(NamedTuple):
    """A public result: of which year, and of which report (its primary key) it came; None: not known."""

    year: int | None
    report: int | None


@dataclass
class Statistics:
    """What others reported for an indicator, in its unit.

    Attributes:
        values: how many values, before or after; their least and largest amount are `low` and `high`.
        changes: how many relative changes; `largest_change` is the largest amount of one, in percent.
    """

    values: int = 0
    low: Decimal | None = None
    high: Decimal | None = None
    changes: int = 0
    largest_change: Decimal = Decimal(0)


class Known:
    """Answers to what readers and checks ask; lives as long as one check or one sheet of an organisation."""

    def __init__(self, organisation: Organisation | None, *, decimal_mark: str = ""):
        self.organisation = organisation
        self.decimal_mark = decimal_mark
        #: What was read already: (type and choices, text) -> what came of it.
        self.memory: dict[Any, Any] = {}
        #: Results that earlier rows of the same sheet told: (use case, indicator, date).
        self.told: set[tuple[Any, ...]] = set()
        self._use_cases: dict[str, list[UseCase | Report]] = {}
        self._organisations: dict[str, Organisation | None] = {}
        self._results: dict[tuple[int, int], list[Earlier]] = {}
        self._statistics: dict[int, Statistics] = {}
        self._use_cases_in: dict[int, list[UseCase]] = {}
        self._suggestions = 0

    # --- small catalogues: all of them at once -----------------------------------------------------------------------
    @cached_property
    def kpis(self) -> kpi_search.Index:
        return kpi_search.index()

    @cached_property
    def cities(self) -> Mapping[str, list[City]]:
        """Name or slug of a city, made alike -> the cities called so."""
        found: defaultdict[str, list[City]] = defaultdict(list)
        for city in City.objects.select_related("country"):
            for name in {alike(city.name), city.slug}:
                found[name].append(city)
        return found

    @cached_property
    def countries(self) -> Mapping[str, str]:
        """Code or name of a country in any language of the portal, made alike -> its code."""
        own: dict[str, str] = {}
        for country in Country.objects.all():
            own |= {alike(country.name): country.code, alike(country.code): country.code}
        return {**_countries(), **own}

    @cached_property
    def standards(self) -> Mapping[tuple[str, ...], NamedStandard]:
        """Designation in words and numbers -> the standard, with the edition where the designation names one."""
        found: dict[tuple[str, ...], NamedStandard] = {}
        for standard in Standard.objects.select_related("body"):
            found[tokens(standard.slug)] = found[tokens(standard.designation)] = NamedStandard(standard, None)
        by_pk = {one.standard.pk: one.standard for one in found.values()}
        for edition in Edition.objects.all():
            found.setdefault(tokens(edition.designation), NamedStandard(by_pk[edition.standard_id], edition))
        return found

    # --- large ones: what was asked for ------------------------------------------------------------------------------
    def use_cases(self, text: str) -> list[UseCase | Report]:
        """Use cases of this slug, address or title, and the organisation's own reports of one by title or key."""
        key = slug_of(text)
        if key not in self._use_cases:
            self._find_use_cases([key])
        return self._use_cases.get(key, [])

    def _find_use_cases(self, keys: Iterable[str]) -> None:
        wanted = {key for key in keys if key not in self._use_cases and not forbidden(key)}
        rows = UseCase.objects.visible_to(None).select_related("city")
        if len(wanted) > 1:
            rows = rows.only(*_OF_MANY)
        found: defaultdict[str, list[UseCase | Report]] = defaultdict(list)
        for row in rows.filter(slug__in=wanted):
            found[row.slug].append(row)
        if untold := wanted - set(found):
            for row in rows.filter(title__in=untold):
                found[row.title].append(row)
        for report in self.own_use_cases:
            for key in {report.key, clean(str(report.entries.get("title", "")))} & wanted:
                found[key].append(report)
        if elsewhere := wanted - set(found):
            self._find_moved(elsewhere, found)
        if rest := {key.lower(): key for key in wanted - set(found)}:
            for row in rows.annotate(lower=Lower("title")).filter(lower__in=rest):
                found[rest[row.lower]].append(row)
            for report in self.own_use_cases:
                if named := rest.get(clean(str(report.entries.get("title", ""))).lower()):
                    found[named].append(report)
        self._use_cases |= {key: found.get(key, []) for key in wanted}

    def _find_moved(self, wanted: set[str], found: defaultdict[str, list[UseCase | Report]]) -> None:
        """Public use cases by the key of the report that they came of, or by the slug of one merged into them."""
        rows = UseCase.objects.visible_to(None).select_related("city")
        names = rows.filter(merged__slug__in=wanted).values_list("merged__slug", "pk")
        moved = dict(names)
        if self.organisation is not None:
            reports = Report.objects.filter(organisation=self.organisation, key__in=wanted)
            for key, pk, kept in reports.values_list("key", "use_case", "use_case__merged_into"):
                if pk is not None:
                    moved[key] = kept or pk
        if moved:
            public = rows.in_bulk(set(moved.values()))
            for key, pk in moved.items():
                if pk in public:
                    found[key].append(public[pk])

    @cached_property
    def own_use_cases(self) -> list[Report]:
        """The organisation's reports of use cases that are not public by another name."""
        if self.organisation is None:
            return []
        rows = Report.objects.filter(organisation=self.organisation, kind=Kind.USE_CASE, state__in=_OPEN, use_case=None)
        return list(rows)

    def organisation_named(self, name: str) -> Organisation | None:
        key = name.lower()
        if key not in self._organisations:
            self._find_organisations([key])
        return self._organisations.get(key)

    def _find_organisations(self, names: Iterable[str]) -> None:
        wanted = {name for name in names if name not in self._organisations and not forbidden(name)}
        rows = Organisation.objects.annotate(lower=Lower("name")).filter(Q(lower__in=wanted) | Q(slug__in=wanted))
        found: dict[str, Organisation] = {}
        for row in rows:
            found |= {row.lower: row, row.slug: row}
        self._organisations |= {name: found.get(name) for name in wanted}

    def may_suggest(self) -> bool:
        """Whether there is time to look for another close name."""
        self._suggestions += 1
        return self._suggestions <= _MOST_SUGGESTIONS

    def similar_organisation(self, name: str) -> Organisation | None:
        """One that is written nearly so."""
        return self._closest(Organisation.objects.all(), "name", name, least=0.55)

    def similar_use_case(self, title: str) -> UseCase | None:
        """A public one with nearly this title."""
        return self._closest(UseCase.objects.visible_to(None), "title", title, least=0.6, by_words=True)

    def _closest(self, rows: Any, field: str, text: str, *, least: float, by_words: bool = False) -> Any:
        if not self.may_suggest():
            return None
        likeness = TrigramWordSimilarity(text[:200], field) if by_words else TrigramSimilarity(field, text[:200])
        rows = rows.annotate(likeness=likeness).filter(likeness__gte=least)
        return rows.order_by("-likeness", "pk").first()

    # --- what was reported before ------------------------------------------------------------------------------------
    def results_of(self, use_case: UseCase, kpi: Kpi) -> list[Earlier]:
        """The public results of a use case for an indicator."""
        key = (use_case.pk, kpi.pk)
        if key not in self._results:
            self._find_results([key])
        return self._results[key]

    def _find_results(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Those of so many pairs of use case and indicator (primary keys), by the pairs alone."""
        wanted = {pair for pair in pairs if pair not in self._results}
        found: defaultdict[tuple[int, int], list[Earlier]] = defaultdict(list)
        rows = Result.objects.visible_to(None).filter(
            RawSQL(
                "(kpis_result.use_case_id, kpis_result.kpi_id) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))",
                [[use_case for use_case, _kpi in wanted], [kpi for _use_case, kpi in wanted]],
                output_field=BooleanField(),
            )
        )
        for use_case, kpi, *earlier in rows.values_list("use_case", "kpi", "measured_year", "report__pk"):
            found[use_case, kpi].append(Earlier(*earlier))
        self._results |= {pair: found.get(pair, []) for pair in wanted}

    def own_results_of(self, use_case: UseCase | Report) -> list[tuple[int, int, Any]]:
        """The organisation's open reports of results of a use case: (primary key, indicator, date or None) of each."""
        return self._own_results.get((type(use_case), use_case.pk), [])

    @cached_property
    def _own_results(self) -> Mapping[tuple[type, int], list[tuple[int, int, Any]]]:
        found: defaultdict[tuple[type, int], list[tuple[int, int, Any]]] = defaultdict(list)
        if self.organisation is None:
            return found
        reports = Report.objects.filter(organisation=self.organisation, kind=Kind.RESULT, state__in=_OPEN, result=None)
        rows = list(reports.values_list("pk", "entries__use_case", "entries__kpi", "entries__result_on"))
        self._find_use_cases({slug_of(clean(str(row[1] or ""))) for row in rows})
        for pk, use_case, kpi, on in rows:
            named, kpis = self.use_cases(clean(str(use_case or ""))), self.kpis.named(str(kpi or ""))
            if len(named) == len(kpis) == 1:
                found[type(named[0]), named[0].pk].append((pk, kpis[0].pk, _date(on)))
        return found

    def use_cases_in(self, city: City) -> list[UseCase]:
        """The public use cases of a city."""
        if city.pk not in self._use_cases_in:
            rows = UseCase.objects.visible_to(None).filter(city=city).select_related("city").order_by("title", "pk")
            self._use_cases_in[city.pk] = list(rows[:500])
        return self._use_cases_in[city.pk]

    def statistics(self, kpi: Kpi) -> Statistics:
        """What others reported for an indicator."""
        if kpi.pk not in self._statistics:
            self._find_statistics([kpi])
        return self._statistics[kpi.pk]

    def _find_statistics(self, kpis: Iterable[Kpi]) -> None:
        wanted = {kpi.pk: kpi for kpi in kpis if kpi.pk not in self._statistics}
        self._statistics |= {pk: Statistics() for pk in wanted}
        before, after = Abs("baseline_value"), Abs("result_value")
        rows = Result.objects.visible_to(None).filter(kpi__in=wanted).order_by().values("kpi", "unit")
        for row in rows.annotate(
            values=Count("baseline_value") + Count("result_value"),
            low=Least(Min(before), Min(after)),
            high=Greatest(Max(before), Max(after)),
            changes=Count("change_percent"),
            largest=Max(Abs("change_percent")),
        ):
            told = self._statistics[row["kpi"]]
            told.changes += row["changes"]
            told.largest_change = max(told.largest_change, row["largest"] or Decimal(0))
            factor = conversion(row["unit"], wanted[row["kpi"]].unit) if row["values"] else None
            if factor is not None:
                low, high = row["low"] * factor, row["high"] * factor
                told.values += row["values"]
                told.low = low if told.low is None else min(told.low, low)
                told.high = high if told.high is None else max(told.high, high)

    # --- for many reports at once ------------------------------------------------------------------------------------
    def prepare_use_cases(self, reports: Iterable[Mapping[str, Any]]) -> None:
        """Ask at once for the use cases that the entries of many results name."""
        self._find_use_cases({slug_of(clean(str(entries.get("use_case") or ""))) for entries in reports})

    def prepare(self, kind: str, reports: Iterable[Mapping[str, Any]]) -> None:
        """Ask at once for all that the entries of many reports name."""
        reports = list(reports)
        if kind == Kind.RESULT:
            self.prepare_use_cases(reports)
            kpis: dict[int, Kpi] = {}
            pairs: set[tuple[int, int]] = set()
            for entries in reports:
                named = self.kpis.named(clean(str(entries.get("kpi") or "")))
                kpis |= {kpi.pk: kpi for kpi in named}
                for row in self.use_cases(clean(str(entries.get("use_case") or ""))):
                    if isinstance(row, UseCase):
                        pairs |= {(row.pk, kpi.pk) for kpi in named}
            self._find_results(pairs)
            self._find_statistics(kpis.values())
        else:
            names = {clean(str(name)).lower() for entries in reports for name in named_organisations(entries)}
            self._find_organisations(names)


def _date(entry: Any) -> Any:
    try:
        return read_date(entry).value if entry else None
    except EntryError:
        return None


@cache
def _countries() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for language, _name in settings.LANGUAGES:
        names = Locale.parse(language, sep="-").territories
        found |= {
            alike(name): code
            for code, name in names.items()
            if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES
        }
    found |= {alike(code): code for code in set(found.values())}
    return found | {"usa": "US", "united states of america": "US", "uk": "GB", "uae": "AE", "ee. uu.": "US"}


def named_organisations(entries: Mapping[str, Any]) -> list[Any]:
    given = entries.get("organisations")
    if isinstance(given, str):
        return given.replace("\n", ";").split(";")
    given = given if isinstance(given, list) else []
    return [one.get("organisation", "") if isinstance(one, Mapping) else one for one in given]


def slug_of(text: str) -> str:
    """The slug in the address of a use case; any other text as it is."""
    if "/use-cases/" in text:
        return text.partition("/use-cases/")[2].partition("?")[0].strip("/")
    return text
