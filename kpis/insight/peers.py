"""Cities like mine: how alike cities are, by five factors whose weights the reader sets.

A factor compares two cities from 0 (nothing alike) to 1 (the same):

- size and density: 1 - |log10(a / b)| / 2, at least 0: a city a hundred times as large is nothing alike;
- climate: the zones of Köppen and Geiger, letter by letter: same zone 1, same group and precipitation 3/4, same
  group 1/2;
- income: 1 - steps / 3 between the four income groups of the World Bank;
- region: 1 in the same region of the United Nations SDG grouping, else 0.

A factor that is not known of one of the two counts 1/2: neither for nor against. The likeness is the mean of the
factors by their weights. Ties are ordered by name, then by primary key, so that the same question has the same answer.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Count, TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from kpis.aggregate_models import AggregateInput
from kpis.insight.traits import CityTraits, CountryTraits, IncomeGroup, city_traits, country_traits
from kpis.models import Kpi
from usecases.models import City

#: Raised with every change of how the likeness comes about.
RULE = "peers-1"
NEUTRAL = 0.5
HEAVIEST = 10
#: A city a hundred times as large is nothing alike.
MOST_APART = 2.0


class Factor(TextChoices):
    """What makes cities alike."""

    SIZE = "size", _("Size")
    DENSITY = "density", _("Density")
    CLIMATE = "climate", _("Climate zone")
    INCOME = "income", _("Income group of the country")
    REGION = "region", _("Region")


#: As the page opens. Size counts most: what a pilot costs and changes depends on it first.
DEFAULT_WEIGHTS: dict[str, int] = {
    Factor.SIZE.value: 3,
    Factor.DENSITY.value: 1,
    Factor.CLIMATE.value: 2,
    Factor.INCOME.value: 2,
    Factor.REGION.value: 2,
}


@dataclass(frozen=True)
class Profile:
    """What of a city is compared; None or empty: not known.

    Attributes:
        density: inhabitants a square kilometre; region: slug.
    """

    population: int | None = None
    density: float | None = None
    climate: str = ""
    income: str = ""
    region: str = ""

    @property
    def known(self) -> int:
        """How many of the five factors are known."""
        return sum(bool(one) for one in (self.population, self.density, self.climate, self.income, self.region))

    @property
    def income_label(self) -> str | Promise:
        return IncomeGroup(self.income).label if self.income else ""


def profile_of(city: City) -> Profile:
    """What is on record of a city with its country and region loaded."""
    told, country = traits_of(city)
    return Profile(city.population, told.density, told.climate_zone, country.income_group, city.country.region.slug)


def traits_of(city: City) -> tuple[CityTraits, CountryTraits]:
    """With source and date."""
    return city_traits(city.name, city.country.code), country_traits(city.country.code)


@dataclass(frozen=True)
class Peer:
    """Another city.

    Attributes:
        factors: factor -> 0 to 1; None where it is not known of one of the two.
        likeness: 0 to 1.
        results: how many the reader may see, of the indicator asked for or of any.
    """

    city: City
    profile: Profile
    factors: Mapping[str, float | None]
    likeness: float
    results: int

    @property
    def known(self) -> int:
        return sum(one is not None for one in self.factors.values())

    @property
    def percent(self) -> int:
        return round(self.likeness * 100)

    @cached_property
    def lines(self) -> list[tuple[str | Promise, int | None]]:
        """Factor and likeness in whole percents, for a table."""
        return [(Factor(name).label, None if one is None else round(one * 100)) for name, one in self.factors.items()]


def peers(
    mine: Profile, weights: Mapping[str, int], *, besides: City | None = None, kpi: Kpi | None = None
) -> list[Peer]:
    """All other cities, the most alike first. Two queries.

    Args:
        weights: factor -> 0 to `HEAVIEST`, not all zero.
        besides: the reader's own city.
        kpi: only cities with a known change of this indicator.
    Raises: ValueError when all weights are zero.
    """
    counted = AggregateInput.objects.order_by()
    if kpi is not None:
        counted = counted.filter(kpi=kpi, change__isnull=False)
    results = dict(counted.values_list("city_id").annotate(n=Count("pk")))
    rows = City.objects.select_related("country__region")
    if besides is not None:
        rows = rows.exclude(pk=besides.pk)
    if kpi is not None:
        rows = rows.filter(pk__in=results)
    return ranked(mine, weights, ((city, profile_of(city), results.get(city.pk, 0)) for city in rows))


def ranked(mine: Profile, weights: Mapping[str, int], others: Iterable[tuple[City, Profile, int]]) -> list[Peer]:
    """Cities with their profiles and results in order of likeness. Raises: ValueError when all weights are zero."""
    total = sum(weights.values())
    if total <= 0:
        raise ValueError("Without any weight there is no likeness.")
    found = []
    for city, profile, results in others:
        factors = compare(mine, profile)
        shares = {name: NEUTRAL if one is None else one for name, one in factors.items()}
        likeness = sum((weight * shares[name] for name, weight in weights.items()), 0.0)
        found.append(Peer(city, profile, factors, likeness / total, results))
    return sorted(found, key=lambda peer: (-peer.likeness, peer.city.name, peer.city.pk))


def compare(one: Profile, other: Profile) -> dict[str, float | None]:
    """Each factor from 0 to 1; None where one of the two does not know it."""
    return {
        Factor.SIZE.value: _ratio(one.population, other.population),
        Factor.DENSITY.value: _ratio(one.density, other.density),
        Factor.CLIMATE.value: _climate(one.climate, other.climate),
        Factor.INCOME.value: _income(one.income, other.income),
        Factor.REGION.value: float(one.region == other.region) if one.region and other.region else None,
    }


def _ratio(one: float | None, other: float | None) -> float | None:
    if not one or not other:
        return None
    return max(0.0, 1 - abs(math.log10(one / other)) / MOST_APART)


def _climate(one: str, other: str) -> float | None:
    if not one or not other:
        return None
    if one == other:
        return 1.0
    if one[0] != other[0]:
        return 0.0
    return 0.75 if one[1] == other[1] else 0.5


def _income(one: str, other: str) -> float | None:
    if not one or not other:
        return None
    groups: Sequence[str] = IncomeGroup.values
    return 1 - abs(groups.index(one) - groups.index(other)) / (len(groups) - 1)
