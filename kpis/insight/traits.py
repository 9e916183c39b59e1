"""What is known of a city beside its place and population, with source and date: climate, income group, density.

`data/city_traits.csv` and `data/country_traits.csv` are read once a process, as `data/units.txt` is. What they do not
say is not known.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

CITY_FILE, COUNTRY_FILE = "city_traits.csv", "country_traits.csv"


class IncomeGroup(TextChoices):
    """The four income groups of the World Bank, from the lowest up."""

    LOW = "low", _("Low income")
    LOWER_MIDDLE = "lower-middle", _("Lower middle income")
    UPPER_MIDDLE = "upper-middle", _("Upper middle income")
    HIGH = "high", _("High income")


class ClimateZone(TextChoices):
    """The Köppen-Geiger zones (Kottek and others, 2006): group, precipitation, temperature."""

    AF = "Af", _("Af: equatorial, fully humid")
    AM = "Am", _("Am: equatorial, monsoonal")
    AS = "As", _("As: equatorial, dry summer")
    AW = "Aw", _("Aw: equatorial, dry winter")
    BSH = "BSh", _("BSh: steppe, hot")
    BSK = "BSk", _("BSk: steppe, cold")
    BWH = "BWh", _("BWh: desert, hot")
    BWK = "BWk", _("BWk: desert, cold")
    CFA = "Cfa", _("Cfa: warm temperate, fully humid, hot summer")
    CFB = "Cfb", _("Cfb: warm temperate, fully humid, warm summer")
    CFC = "Cfc", _("Cfc: warm temperate, fully humid, cool summer")
    CSA = "Csa", _("Csa: warm temperate, dry and hot summer")
    CSB = "Csb", _("Csb: warm temperate, dry and warm summer")
    CSC = "Csc", _("Csc: warm temperate, dry and cool summer")
    CWA = "Cwa", _("Cwa: warm temperate, dry winter, hot summer")
    CWB = "Cwb", _("Cwb: warm temperate, dry winter, warm summer")
    CWC = "Cwc", _("Cwc: warm temperate, dry winter, cool summer")
    DFA = "Dfa", _("Dfa: snow, fully humid, hot summer")
    DFB = "Dfb", _("Dfb: snow, fully humid, warm summer")
    DFC = "Dfc", _("Dfc: snow, fully humid, cool summer")
    DFD = "Dfd", _("Dfd: snow, fully humid, extremely continental")
    DSA = "Dsa", _("Dsa: snow, dry and hot summer")
    DSB = "Dsb", _("Dsb: snow, dry and warm summer")
    DSC = "Dsc", _("Dsc: snow, dry and cool summer")
    DSD = "Dsd", _("Dsd: snow, dry summer, extremely continental")
    DWA = "Dwa", _("Dwa: snow, dry winter, hot summer")
    DWB = "Dwb", _("Dwb: snow, dry winter, warm summer")
    DWC = "Dwc", _("Dwc: snow, dry winter, cool summer")
    DWD = "Dwd", _("Dwd: snow, dry winter, extremely continental")
    EF = "EF", _("EF: polar, frost")
    ET = "ET", _("ET: polar, tundra")


@dataclass(frozen=True)
class CityTraits:
    """What `city_traits.csv` says of one city; empty or None: not known.

    Attributes:
        density: inhabitants a square kilometre.
        as_of: a year, or a date of ISO 8601.
    """

    climate_zone: str = ""
    density: float | None = None
    source: str = ""
    as_of: str = ""


@dataclass(frozen=True)
class CountryTraits:
    """What `country_traits.csv` says of one country; empty: not known or not classified."""

    income_group: str = ""
    source: str = ""
    as_of: str = ""


def city_traits(name: str, country: str) -> CityTraits:
    """Of a city by its English name and the ISO 3166-1 code of its country."""
    return _cities(settings.DATA_DIR).get((name, country), CityTraits())


def country_traits(country: str) -> CountryTraits:
    """Of a country by its ISO 3166-1 code."""
    return _countries(settings.DATA_DIR).get(country, CountryTraits())


@lru_cache(maxsize=2)
def _cities(folder: Path) -> dict[tuple[str, str], CityTraits]:
    found = {}
    for row in _rows(folder / CITY_FILE):
        density = float(row["density_per_km2"]) if row["density_per_km2"] else None
        if density is not None and density <= 0:
            raise ValueError(f"{CITY_FILE}: the density of {row['name']} must be above zero.")
        zone = ClimateZone(row["climate_zone"]).value if row["climate_zone"] else ""
        _check_source(CITY_FILE, row, known=bool(zone or density))
        found[row["name"], row["country_iso2"]] = CityTraits(zone, density, row["source"], row["as_of"])
    return found


@lru_cache(maxsize=2)
def _countries(folder: Path) -> dict[str, CountryTraits]:
    found = {}
    for row in _rows(folder / COUNTRY_FILE):
        group = IncomeGroup(row["income_group"]).value if row["income_group"] else ""
        _check_source(COUNTRY_FILE, row, known=bool(group))
        found[row["country_iso2"]] = CountryTraits(group, row["source"], row["as_of"])
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _check_source(file: str, row: dict[str, str], *, known: bool) -> None:
    if known and not (row["source"] and row["as_of"]):
        raise ValueError(f"{file}: {row} states something without source and date.")
