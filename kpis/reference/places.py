"""Cities, and through them the countries and regions; the fields of city life."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from babel import Locale
from babel.core import get_global

from alliance.core.verticals import VerticalCode
from kpis.reference.checks import Cells
from kpis.reference.problems import Problems
from kpis.reference.slugs import slugify
from kpis.reference.store import Store, Tally, Wanted
from kpis.reference.tables import Table
from usecases.models import City, Country, Region, Vertical

FILE = "cities.csv"
COLUMNS = ["name", "country_iso2", "latitude", "longitude", "population", "region", "source"]

#: The regions of the United Nations SDG grouping; Oceania is that without Australia and New Zealand.
REGIONS = [
    "Australia and New Zealand",
    "Central and Southern Asia",
    "Eastern and South-Eastern Asia",
    "Europe",
    "Latin America and the Caribbean",
    "Northern Africa and Western Asia",
    "Northern America",
    "Oceania",
    "Sub-Saharan Africa",
]
#: Codes of the CLDR that stand for no country.
NO_COUNTRIES = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
LARGEST_POPULATION = 100_000_000

CityKey = tuple[str, str]  # name, code of the country


@dataclass(frozen=True, slots=True)
class CityRow:
    latitude: Decimal
    longitude: Decimal
    population: int | None
    region: str
    source: str


@dataclass(frozen=True, slots=True)
class Places:
    """What cities.csv says; `keys` also names cities whose row has another fault."""

    cities: dict[CityKey, CityRow]
    keys: dict[CityKey, int]
    countries: dict[str, str]  # code -> region
    complete: bool


def country_names() -> dict[str, str]:
    """Code -> English name of every country and territory of ISO 3166-1, from the Unicode CLDR."""
    territories = Locale("en").territories
    return {code: name for code, name in territories.items() if len(code) == 2 and code not in NO_COUNTRIES}


def read_places(table: Table, problems: Problems) -> Places:
    places = Places({}, {}, {}, table.complete)
    names = country_names()
    region_lines: dict[str, tuple[str, int]] = {}
    for row in table.rows:
        cells = Cells(row, problems)
        name = cells.text("name", City._meta.get_field("name"))
        code = read_country(cells, names)
        region = cells.choice("region", REGIONS)
        city = CityRow(
            cells.coordinate("latitude", City._meta.get_field("latitude"), 90),
            cells.coordinate("longitude", City._meta.get_field("longitude"), 180),
            cells.integer("population", 0, LARGEST_POPULATION),
            region,
            cells.text("source", City._meta.get_field("source")),
        )
        if code and region:
            other, line = region_lines.setdefault(code, (region, row.line))
            if other != region:
                cells.wrong("region", f"row {line} puts {code} into {other}", "give a country one region")
        if name and code and cells.first_of("name", (name, code), places.keys, f"{name}, {code}") and cells.fine:
            places.cities[name, code] = city
            places.countries[code] = region
    return places


def read_country(cells: Cells, names: Mapping[str, str]) -> str:
    """The code of a country, or "" when it is wrong."""
    code = cells.text("country_iso2")
    if not code or code in names:
        return code
    mend = "use the two letters of ISO 3166-1"
    if code.upper() in names:
        mend = f"did you mean “{code.upper()}”?"
    elif replaced := get_global("territory_aliases").get(code.upper()):
        mend = f"did you mean “{replaced[0]}”?"
    else:
        by_name = {name.casefold(): known for known, name in names.items()}
        if known := by_name.get(code.casefold()):
            mend = f"did you mean “{known}”?"
    cells.wrong("country_iso2", f"“{code[:60]}” is no country's code", mend)
    return ""


def store_verticals() -> tuple[dict[str, int], Tally]:
    """The sixteen fields of city life. Returns code -> id."""
    store = Store(Vertical, "fields", "code")
    rows = store.bring({(code.value,): Wanted({}) for code in VerticalCode})
    return {row.code: row.pk for row in rows.values()}, store.finish()


def store_places(places: Places) -> tuple[dict[CityKey, int], list[Tally]]:
    """Regions, countries, cities. Returns the ids of the cities."""
    regions = Store(Region, "regions", "name")
    countries = Store(Country, "countries", "code")
    cities = Store(City, "cities", "name", "country_id")
    used = dict.fromkeys(city.region for city in places.cities.values())
    region_rows = regions.bring({(name,): Wanted({}, wished_slug=slugify(name, "region")) for name in used})
    names = country_names()
    country_rows = countries.bring(
        {
            (code,): Wanted({"name": names[code], "region_id": region_rows[region,].pk})
            for code, region in places.countries.items()
        }
    )
    city_rows = cities.bring(
        {
            (name, country_rows[code,].pk): Wanted(
                {
                    "latitude": city.latitude,
                    "longitude": city.longitude,
                    "population": city.population,
                    "source": city.source,
                },
                wished_slug=f"{slugify(name, 'city')}-{code.lower()}",
                named=f"{name}, {code}",
            )
            for (name, code), city in places.cities.items()
        }
    )
    ids = {(name, code): city_rows[name, country_rows[code,].pk].pk for name, code in places.cities}
    return ids, [regions.finish(), countries.finish(), cities.finish()]
